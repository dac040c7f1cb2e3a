// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IDebitWallet} from "../../src/interfaces/IDebitWallet.sol";
import {AnsweringToken} from "../tokens/AnsweringToken.sol";
import {FeeToken} from "../tokens/FeeToken.sol";
import {GasEaterToken} from "../tokens/GasEaterToken.sol";
import {OpenToken} from "../tokens/OpenToken.sol";
import {BatchTest} from "./support/BatchTest.sol";
import {Batch} from "./support/Model.sol";

/// @notice Fear: a token that lies, fails or burns gas harms those who do not deal in it, or one payee's refusal
/// keeps the others from being paid.
contract BatchHostileTokensTest is BatchTest {
    /// @dev What the wallet gives one payout.
    uint256 private constant PAYOUT_GAS = 200_000;

    // --- Fees ---------------------------------------------------------------------------------------

    function test_whatArrivesIsCreditedAndNoMore() external {
        FeeToken fees = new FeeToken();
        _use(fees, 0);
        fees.setFees(100, 0);
        fees.mint(address(this), 1000e6);
        fees.approve(address(wallet), 1000e6);
        assertEq(wallet.deposit(first, address(fees), 1000e6), 990e6);
        assertEq(balance(first), 990e6);
        assertEq(fees.balanceOf(address(wallet)), 990e6);
    }

    function test_aFeeThatThePayeePaysIsThePayees() external {
        FeeToken fees = new FeeToken();
        _use(fees, FUNDS);
        fees.setFees(100, 0);
        settle(honest());
        assertEq(fees.balanceOf(payee), 60e6 - 60e4);
        _assertBacked();
    }

    /// @dev It would be paid with other accounts' money.
    function test_aFeeOnTopIsRefused() external {
        FeeToken fees = new FeeToken();
        _use(fees, FUNDS);
        fees.setFees(0, 100);
        assertRefused(
            honest(), abi.encodeWithSelector(IDebitWallet.TokenTookMore.selector, address(fees), 100e6, 101e6)
        );
        _assertBacked();
    }

    // --- Answers ------------------------------------------------------------------------------------

    function test_silenceAfterATransferIsFine() external {
        AnsweringToken answering = _answering();
        answering.behave(true, "");
        settle(honest());
        assertEq(answering.balanceOf(payee), 60e6);
        _assertBacked();
    }

    function test_aRefusalInWordsIsCredited() external {
        AnsweringToken answering = _answering();
        answering.behave(false, abi.encode(false));
        settle(honest());
        assertEq(_credit(payee), 60e6);
        assertEq(_credit(otherPayee), 40e6);
        _assertBacked();

        answering.behave(true, abi.encode(true));
        wallet.collect(address(answering), payee);
        assertEq(answering.balanceOf(payee), 60e6);
        _assertBacked();
    }

    /// @dev The payee would have it twice: once from the token, once by its credit.
    function test_aTokenThatDeniesWhatItMovedIsRefused() external {
        AnsweringToken answering = _answering();
        answering.behave(true, abi.encode(false));
        assertRefused(
            honest(), abi.encodeWithSelector(IDebitWallet.TokenTookMore.selector, address(answering), 0, 100e6)
        );
        _assertBacked();
    }

    /// @dev It lies to its own payees; nobody else is missing anything.
    function test_aTokenThatClaimsWhatItDidNotMoveTakesNothing() external {
        AnsweringToken answering = _answering();
        answering.behave(false, abi.encode(true));
        settle(honest());
        assertEq(answering.balanceOf(payee), 0);
        assertEq(answering.balanceOf(address(wallet)), 2 * FUNDS);
        _assertBacked();
    }

    function testFuzz_nothingButOneOrSilenceIsSuccess(bytes calldata answer) external {
        AnsweringToken answering = _answering();
        answering.behave(false, answer);
        settle(honest());
        bool taken = answer.length == 0 || (answer.length >= 32 && bytes32(answer[:32]) == bytes32(uint256(1)));
        assertEq(_credit(payee), taken ? 0 : 60e6);
        _assertBacked();
    }

    // --- One payee ----------------------------------------------------------------------------------

    function test_theOthersArePaidWhenOneIsBlocked() external {
        AnsweringToken answering = _answering();
        answering.refuse("blocked");
        answering.only(payee);
        Batch memory batch = honest();
        bytes memory data = callOf(batch);
        vm.expectEmit(address(wallet));
        emit IDebitWallet.PayoutCredited(address(answering), payee, 60e6);
        vm.prank(processor);
        (bool success,) = address(wallet).call(data);
        assertTrue(success);
        assertEq(_credit(payee), 60e6);
        assertEq(answering.balanceOf(otherPayee), 40e6);
        assertEq(balance(first), FUNDS - 70e6);
        _assertBacked();
    }

    function test_aPayeeThatUsesUpAllGasIsCreditedAtABoundedPrice() external {
        GasEaterToken eater = new GasEaterToken();
        _use(eater, FUNDS);
        uint256 honestGas = _gasOf(honest());
        eater.eat(payee, true);
        uint256 kept = vm.snapshotState();
        settle(honest());
        assertEq(_credit(payee), 60e6);
        assertEq(eater.balanceOf(otherPayee), 40e6);
        _assertBacked();
        vm.revertToState(kept);
        assertLe(_gasOf(honest()), honestGas + PAYOUT_GAS + 30_000);
    }

    function test_aTokenThatFailsToSayWhatItHoldsHarmsNobodyElse() external {
        GasEaterToken eater = new GasEaterToken();
        _use(eater, FUNDS);
        eater.eatOnReading(true);
        bytes memory data = callOf(honest());
        vm.prank(processor);
        (bool success,) = address(wallet).call{gas: 2_000_000}(data);
        assertFalse(success);
        eater.eatOnReading(false);
        settle(honest());
    }

    /// @dev The token's own memory for a megabyte costs more than a payout has; the wallet copies a word.
    function test_aMegabyteOfAnswerIsNotPaidFor() external {
        AnsweringToken answering = _answering();
        uint256 honestGas = _gasOf(honest());
        answering.behave(true, abi.encode(true));
        answering.pad(1_000_000);
        assertLe(_gasOf(honest()), honestGas + 2 * (PAYOUT_GAS + 30_000));
        settle(honest());
        assertEq(_credit(payee) + _credit(otherPayee), 100e6);
        _assertBacked();
    }

    /// @dev What the token can just afford to answer costs the wallet nothing.
    function test_aLongAnswerIsNotCopied() external {
        AnsweringToken answering = _answering();
        uint256 honestGas = _gasOf(honest());
        answering.pad(20_000);
        assertLe(_gasOf(honest()), honestGas + 2 * PAYOUT_GAS);
        answering.refuse(new bytes(1000));
        answering.pad(20_000);
        settle(honest());
        assertEq(_credit(payee) + _credit(otherPayee), 100e6);
        _assertBacked();
    }

    // --- No token -----------------------------------------------------------------------------------

    function test_whatIsNoTokenIsRefused() external {
        Batch memory batch = single(first, 0, 1, 0);
        batch.header.token = makeAddr("nobody");
        assertRefused(batch, "");
    }

    function test_aTokenThatIsGoneIsRefused() external {
        AnsweringToken answering = _answering();
        vm.etch(address(answering), "");
        assertRefused(honest(), "");
        assertEq(balance(first), FUNDS);
    }

    /// @dev Half a number, none, or one with a revert around it: whatever was in memory is not a balance.
    function test_aTokenThatMumblesWhatItHoldsIsRefused() external {
        AnsweringToken answering = _answering();
        bytes memory asked = abi.encodeCall(answering.balanceOf, (address(wallet)));
        bytes memory said = abi.encode(2 * FUNDS);
        for (uint256 length = 0; length < 32; length++) {
            vm.mockCall(address(answering), asked, _first(said, length));
            assertRefused(honest(), "");
        }
        vm.mockCallRevert(address(answering), asked, said);
        assertRefused(honest(), "");
        vm.clearMockedCalls();
        // More than a number is a number with something behind it.
        vm.mockCall(address(answering), asked, bytes.concat(said, "and so on"));
        settle(honest());
    }

    // --- Payees that are not people -------------------------------------------------------------------

    function test_whatIsPaidToNobodyIsCreditedToNobody() external {
        Batch memory batch = honest();
        batch.payouts[0].payee = address(0);
        settle(batch);
        assertEq(_credit(address(0)), 60e6);
        _assertBacked();
    }

    function test_whatIsPaidToTheWalletItselfIsTheSpendersLossAlone() external {
        Batch memory batch = honest();
        batch.payouts[0].payee = address(wallet);
        settle(batch);
        assertEq(balance(first) + balance(second), 2 * FUNDS - 100e6);
        assertEq(token.balanceOf(address(wallet)), 2 * FUNDS - 40e6);
        assertEq(_credit(address(wallet)), 60e6);
        _assertBacked();
    }

    // --- Credits within a batch -----------------------------------------------------------------------

    function test_aPayoutBelowTheThresholdWaitsForTheNext() external {
        vm.prank(payee);
        wallet.setPayoutThreshold(address(token), 61e6);
        Batch memory batch = honest();
        batch.payouts = new IDebitWallet.Payout[](3);
        batch.payouts[0] = IDebitWallet.Payout(payee, 60e6);
        batch.payouts[1] = IDebitWallet.Payout(otherPayee, 39e6);
        batch.payouts[2] = IDebitWallet.Payout(payee, 1e6);
        settle(batch);
        assertEq(token.balanceOf(payee), 61e6);
        assertEq(_credit(payee), 0);
        _assertBacked();
    }

    // --- Gas that the caller withholds ----------------------------------------------------------------

    /// @dev With any amount of gas a batch is refused whole or pays everyone: no amount makes a payout fail and
    /// the rest succeed, although this token's transfers need most of what a payout has.
    function testFuzz_noAmountOfGasTurnsAPayoutIntoACredit(uint256 gas_) external {
        CostlyToken costly = new CostlyToken();
        _use(costly, FUNDS);
        bytes memory data = callOf(honest());
        gas_ = bound(gas_, 100_000, 1_000_000);
        vm.prank(processor);
        (bool success,) = address(wallet).call{gas: gas_}(data);
        if (success) {
            assertEq(costly.balanceOf(payee), 60e6);
            assertEq(costly.balanceOf(otherPayee), 40e6);
        } else {
            assertEq(costly.balanceOf(payee) + costly.balanceOf(otherPayee), 0);
        }
        assertEq(_credit(payee) + _credit(otherPayee), 0);
    }

    function test_enoughGasIsEnough() external {
        CostlyToken costly = new CostlyToken();
        _use(costly, FUNDS);
        bytes memory data = callOf(honest());
        vm.prank(processor);
        (bool success,) = address(wallet).call{gas: 1_000_000}(data);
        assertTrue(success);
        assertEq(costly.balanceOf(payee), 60e6);
    }

    // --- How ------------------------------------------------------------------------------------------

    function _first(bytes memory data, uint256 length) private pure returns (bytes memory cut) {
        cut = bytes.concat(data);
        assembly ("memory-safe") {
            mstore(cut, length)
        }
    }

    /// @dev From here on the accounts hold this token.
    function _use(OpenToken other, uint256 amount) private {
        token = other;
        if (amount == 0) return;
        fund(first, address(other), amount);
        fund(second, address(other), amount);
    }

    function _answering() private returns (AnsweringToken made) {
        made = new AnsweringToken();
        _use(made, FUNDS);
    }

    function _credit(address payee_) private view returns (uint256 credit) {
        (credit,) = wallet.creditOf(address(token), payee_);
    }

    /// @dev The wallet holds what it owes.
    function _assertBacked() private view {
        uint256 owed = balance(first) + balance(second) + _credit(payee) + _credit(otherPayee) + _credit(address(0));
        assertGe(token.balanceOf(address(wallet)), owed);
    }

    /// @dev What settling would cost, in state as it is.
    function _gasOf(Batch memory batch) private returns (uint256 gas) {
        bytes memory data = callOf(batch);
        uint256 kept = vm.snapshotState();
        vm.prank(processor);
        (bool success,) = address(wallet).call(data);
        assertTrue(success);
        gas = vm.lastCallGas().gasTotalUsed;
        vm.revertToState(kept);
    }
}

/// @dev An honest token whose transfers need nearly all the gas that a payout has.
contract CostlyToken is OpenToken {
    function _update(address from, address to, uint256 value) internal override {
        uint256 before = gasleft();
        super._update(from, to, value);
        if (from == address(0)) return;
        while (before - gasleft() < 190_000) {}
    }
}
