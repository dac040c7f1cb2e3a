// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IDebitWallet} from "../../src/interfaces/IDebitWallet.sol";
import {AnsweringToken} from "../tokens/AnsweringToken.sol";
import {OpenToken} from "../tokens/OpenToken.sol";
import {DirectTest} from "./support/DirectTest.sol";

/// @notice What a token will not move, or a payee will not have moved yet, is kept for the payee, and the
/// others are paid.
contract CreditsTest is DirectTest {
    AnsweringToken private picky;
    uint32 private account;
    uint256 private nonce;

    function setUp() public override {
        super.setUp();
        picky = new AnsweringToken();
        token = OpenToken(address(picky));
        account = openFunded(alice, 1000);
    }

    // --- Kept, and collected ------------------------------------------------------------------------

    function test_aBlockedPayeeIsCreditedAndTheOthersArePaid() external {
        _block(payee.addr);
        _add(payee.addr, 30);
        _add(otherPayee.addr, 40);
        vm.expectEmit(address(wallet));
        emit IDebitWallet.PayoutCredited(address(token), payee.addr, 30);
        settleAll(processor);
        assertEq(token.balanceOf(payee.addr), 0);
        assertEq(creditOf(payee.addr), 30);
        assertEq(token.balanceOf(otherPayee.addr), 40);
        assertEq(creditOf(otherPayee.addr), 0);
        assertEq(balance(account), 930);
        _conserved();
    }

    function test_theProvedLaneCreditsABlockedPayeeToo() external {
        _block(payee.addr);
        settleOne(processor, account, 1, payee.addr, 30);
        assertEq(creditOf(payee.addr), 30);
        _conserved();
    }

    function test_anyoneCollectsForThePayeeOnceTheTokenWillMoveIt() external {
        _block(payee.addr);
        _settle(payee.addr, 30);
        _unblock();
        vm.expectEmit(address(wallet));
        emit IDebitWallet.Collected(address(token), payee.addr, payee.addr, 30);
        vm.prank(mallory.addr);
        assertEq(wallet.collect(address(token), payee.addr), 30);
        assertEq(token.balanceOf(payee.addr), 30);
        assertEq(creditOf(payee.addr), 0);
        _conserved();

        vm.expectRevert(IDebitWallet.AmountZero.selector);
        wallet.collect(address(token), payee.addr);
    }

    function test_whileTheTokenWillNotMoveItTheCreditStays() external {
        _block(payee.addr);
        _settle(payee.addr, 30);
        vm.expectRevert(abi.encodeWithSelector(IDebitWallet.TransferFailed.selector, address(token), payee.addr, 30));
        wallet.collect(address(token), payee.addr);
        assertEq(creditOf(payee.addr), 30);
    }

    function test_nothingIsCollectedWhereNothingIsCredited() external {
        _block(payee.addr);
        _settle(payee.addr, 30);
        _unblock();
        vm.expectRevert(IDebitWallet.AmountZero.selector);
        wallet.collect(address(token), mallory.addr);
        vm.expectRevert(IDebitWallet.AmountZero.selector);
        wallet.collect(address(otherToken), payee.addr);
    }

    function test_creditsAddUp() external {
        _block(payee.addr);
        _settle(payee.addr, 30);
        _settle(payee.addr, 12);
        assertEq(creditOf(payee.addr), 42);
        _conserved();
    }

    function test_theNextPayoutPaysWhatWasCreditedToo() external {
        _block(payee.addr);
        _settle(payee.addr, 30);
        _unblock();
        vm.expectEmit(address(wallet));
        emit IDebitWallet.Collected(address(token), payee.addr, payee.addr, 30);
        vm.expectEmit(address(wallet), 0);
        emit IDebitWallet.PayoutCredited(address(token), payee.addr, 12);
        _settle(payee.addr, 12);
        assertEq(token.balanceOf(payee.addr), 42);
        assertEq(creditOf(payee.addr), 0);
        _conserved();
    }

    // --- Thresholds ---------------------------------------------------------------------------------

    function test_belowItsThresholdAPayeeIsCreditedAndAtItPaidAll() external {
        vm.expectEmit(address(wallet));
        emit IDebitWallet.PayoutThresholdSet(address(token), payee.addr, 100);
        vm.prank(payee.addr);
        wallet.setPayoutThreshold(address(token), 100);

        vm.expectEmit(address(wallet));
        emit IDebitWallet.PayoutCredited(address(token), payee.addr, 99);
        _settle(payee.addr, 99);
        (uint128 credit, uint128 threshold) = wallet.creditOf(address(token), payee.addr);
        assertEq(credit, 99);
        assertEq(threshold, 100);
        assertEq(token.balanceOf(payee.addr), 0);

        _settle(payee.addr, 1);
        assertEq(token.balanceOf(payee.addr), 100);
        (credit, threshold) = wallet.creditOf(address(token), payee.addr);
        assertEq(credit, 0);
        assertEq(threshold, 100);
        _conserved();
    }

    function testFuzz_aThresholdDelaysMoneyAndLosesNone(uint128 threshold, uint8[8] calldata amounts) external {
        threshold = uint128(bound(threshold, 0, 500));
        vm.prank(payee.addr);
        wallet.setPayoutThreshold(address(token), threshold);
        uint256 paid = 0;
        uint256 kept = 0;
        for (uint256 i = 0; i < amounts.length; i++) {
            uint256 amount = uint256(amounts[i]) % 120 + 1;
            _settle(payee.addr, amount);
            kept += amount;
            if (kept >= threshold) (paid, kept) = (paid + kept, 0);
            assertEq(token.balanceOf(payee.addr), paid);
            assertEq(creditOf(payee.addr), kept);
        }
        _conserved();
    }

    function test_aThresholdIsForOneTokenAndOnePayee() external {
        fund(otherToken, account, 100);
        vm.prank(payee.addr);
        wallet.setPayoutThreshold(address(token), type(uint128).max);
        add(alice, address(token), payee.addr, 10, 100);
        add(alice, address(token), otherPayee.addr, 11, 101);
        add(alice, address(otherToken), payee.addr, 12, 102);
        settleAll(processor);
        assertEq(creditOf(payee.addr), 10);
        assertEq(token.balanceOf(otherPayee.addr), 11);
        assertEq(otherToken.balanceOf(payee.addr), 12);
    }

    /// @dev Others do not send it a transfer that it does not want yet.
    function test_belowItsThresholdOnlyThePayeeCollects() external {
        _setThreshold(12);
        _settle(payee.addr, 10);
        bytes memory refusal = abi.encodeWithSelector(IDebitWallet.BelowThreshold.selector, 10, 12);
        vm.expectRevert(refusal);
        wallet.collect(address(token), payee.addr);
        vm.expectRevert(refusal);
        vm.prank(payee.addr);
        wallet.collect(address(token), payee.addr);

        address home = makeAddr("home");
        vm.expectEmit(address(wallet));
        emit IDebitWallet.Collected(address(token), payee.addr, home, 10);
        vm.prank(payee.addr);
        assertEq(wallet.collectTo(address(token), home), 10);
        assertEq(token.balanceOf(home), 10);
        assertEq(creditOf(payee.addr), 0);
        (, uint128 threshold) = wallet.creditOf(address(token), payee.addr);
        assertEq(threshold, 12);
        _conserved();
    }

    /// @dev A payee that its token blocks has its money sent elsewhere.
    function test_aBlockedPayeeCollectsToAnotherAddress() external {
        _block(payee.addr);
        _settle(payee.addr, 30);
        vm.prank(payee.addr);
        assertEq(wallet.collectTo(address(token), otherPayee.addr), 30);
        assertEq(token.balanceOf(otherPayee.addr), 30);
        vm.expectRevert(IDebitWallet.AmountZero.selector);
        vm.prank(payee.addr);
        wallet.collectTo(address(token), otherPayee.addr);
        vm.expectRevert(IDebitWallet.AmountZero.selector);
        vm.prank(mallory.addr);
        wallet.collectTo(address(token), mallory.addr);
    }

    // --- Lower thresholds ---------------------------------------------------------------------------

    /// @dev Otherwise a payee would lower it when a batch is on its way, and the batch's gas would not suffice.
    function test_aLowerThresholdTakesTheDelay() external {
        _setThreshold(100);
        vm.expectEmit(address(wallet));
        emit IDebitWallet.PayoutThresholdRequested(address(token), payee.addr, 5, uint40(START) + DELAY);
        _setThreshold(5);
        _settle(payee.addr, 10);
        assertEq(creditOf(payee.addr), 10);

        vm.warp(START + DELAY - 1);
        vm.expectRevert(abi.encodeWithSelector(IDebitWallet.TooEarly.selector, uint40(START) + DELAY));
        wallet.applyPayoutThreshold(address(token), payee.addr);
        vm.warp(START + DELAY);
        _settle(payee.addr, 10);
        assertEq(creditOf(payee.addr), 20, "not before it is applied");
        vm.expectEmit(address(wallet));
        emit IDebitWallet.PayoutThresholdSet(address(token), payee.addr, 5);
        vm.prank(mallory.addr);
        wallet.applyPayoutThreshold(address(token), payee.addr);
        assertEq(wallet.collect(address(token), payee.addr), 20);
        _settle(payee.addr, 5);
        assertEq(token.balanceOf(payee.addr), 25);

        vm.expectRevert(IDebitWallet.NothingPending.selector);
        wallet.applyPayoutThreshold(address(token), payee.addr);
    }

    function test_aHigherThresholdDropsWhatWasAskedFor() external {
        _setThreshold(100);
        _setThreshold(5);
        _setThreshold(101);
        vm.warp(START + DELAY);
        vm.expectRevert(IDebitWallet.NothingPending.selector);
        wallet.applyPayoutThreshold(address(token), payee.addr);
        (, uint128 threshold) = wallet.creditOf(address(token), payee.addr);
        assertEq(threshold, 101);
    }

    // --- Nobody's addresses -------------------------------------------------------------------------

    /// @dev What the wallet sent to itself would be in nobody's books.
    function test_payoutsToTheWalletOrToNobodyAreCredited() external {
        _settle(address(wallet), 30);
        _settle(address(0), 12);
        assertEq(creditOf(address(wallet)), 30);
        assertEq(creditOf(address(0)), 12);
        assertEq(token.balanceOf(address(wallet)), 1000);
        vm.expectRevert(abi.encodeWithSelector(IDebitWallet.RecipientRefused.selector, address(wallet)));
        wallet.collect(address(token), address(wallet));
        vm.expectRevert(abi.encodeWithSelector(IDebitWallet.RecipientRefused.selector, address(0)));
        wallet.collect(address(token), address(0));
    }

    function test_nothingIsCollectedToTheWalletOrToNobody() external {
        _block(payee.addr);
        _settle(payee.addr, 30);
        vm.startPrank(payee.addr);
        vm.expectRevert(abi.encodeWithSelector(IDebitWallet.RecipientRefused.selector, address(wallet)));
        wallet.collectTo(address(token), address(wallet));
        vm.expectRevert(abi.encodeWithSelector(IDebitWallet.RecipientRefused.selector, address(0)));
        wallet.collectTo(address(token), address(0));
        vm.stopPrank();
        assertEq(creditOf(payee.addr), 30);
    }

    function test_settingAThresholdLeavesTheCreditAlone() external {
        _block(payee.addr);
        _settle(payee.addr, 30);
        vm.prank(payee.addr);
        wallet.setPayoutThreshold(address(token), 7);
        assertEq(creditOf(payee.addr), 30);
    }

    // --- What counts as an answer -------------------------------------------------------------------

    function test_aTokenThatSaysNothingHasPaid() external {
        picky.behave(true, "");
        _pays();
    }

    function test_aTokenThatSaysTrueAndMoreHasPaid() external {
        picky.behave(true, abi.encode(true, "and more"));
        _pays();
    }

    function test_everyOtherAnswerIsARefusal() external {
        bytes[4] memory refusals =
            [abi.encode(false), abi.encode(uint256(2)), abi.encode(type(uint256).max), abi.encodePacked(bytes31(0))];
        uint256 credit = 0;
        for (uint256 i = 0; i < refusals.length; i++) {
            picky.behave(false, refusals[i]);
            _settle(payee.addr, 10);
            credit += 10;
            assertEq(creditOf(payee.addr), credit);
        }
        _conserved();
    }

    /// @dev Fewer than 32 bytes are no word: what was in memory behind them, a payee's address or a holding
    /// that end in 01, would make them one.
    function test_thirtyOneBytesAreNoAnswer() external {
        address ending = address(0xa0000000000000000000000000000000000001);
        picky.behave(false, new bytes(31));
        _settle(ending, 10);
        assertEq(creditOf(ending), 10);

        picky.behave(true, "");
        fund(account, 0x401 - 1000);
        picky.behave(false, new bytes(31));
        assertEq(token.balanceOf(address(wallet)), 0x401);
        vm.expectRevert(abi.encodeWithSelector(IDebitWallet.TransferFailed.selector, address(token), ending, 10));
        wallet.collect(address(token), ending);
    }

    function test_aRevertIsARefusalWhateverItSays() external {
        picky.refuse(abi.encode(true));
        _settle(payee.addr, 10);
        picky.refuse("");
        _settle(payee.addr, 10);
        assertEq(creditOf(payee.addr), 20);
        _conserved();
    }

    // --- Helpers ------------------------------------------------------------------------------------

    function _setThreshold(uint128 threshold) private {
        vm.prank(payee.addr);
        wallet.setPayoutThreshold(address(token), threshold);
    }

    function _block(address blocked) private {
        picky.refuse("blocked");
        picky.only(blocked);
    }

    function _unblock() private {
        picky.behave(true, abi.encode(true));
        picky.only(address(0));
    }

    function _add(address to, uint256 amount) private {
        add(alice, address(token), to, amount, nonce++);
    }

    function _settle(address to, uint256 amount) private {
        _add(to, amount);
        settleAll(processor);
    }

    function _pays() private {
        _settle(payee.addr, 10);
        assertEq(token.balanceOf(payee.addr), 10);
        assertEq(creditOf(payee.addr), 0);
        _conserved();
    }

    /// @dev What is booked is what the wallet holds.
    function _conserved() private view {
        assertEq(balance(account) + creditOf(payee.addr) + creditOf(otherPayee.addr), token.balanceOf(address(wallet)));
    }
}
