// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

import {IDebitWallet} from "../../src/interfaces/IDebitWallet.sol";
import {AnsweringToken} from "../tokens/AnsweringToken.sol";
import {FeeToken} from "../tokens/FeeToken.sol";
import {GasEaterToken} from "../tokens/GasEaterToken.sol";
import {OpenToken} from "../tokens/OpenToken.sol";
import {ReentrantToken} from "../tokens/ReentrantToken.sol";
import {DemandingToken} from "./support/DemandingToken.sol";
import {DirectTest} from "./support/DirectTest.sol";

/// @notice Paying out in tokens that take more than they were given, call back, or waste gas; and callers
/// that starve a payout of it.
contract CreditsHostileTest is DirectTest {
    /// @dev What one payout may cost its caller beyond the token's own allowance.
    uint256 private constant OVERHEAD = 100_000;
    uint256 private constant PAYOUT_GAS = 200_000;

    uint32 private account;

    // --- More gone than was sent --------------------------------------------------------------------

    /// @dev Credited, although it moved: the payee would have it twice, the second time from others' money.
    function test_aTokenThatMovesAndSaysItDidNotStopsThePayout() external {
        AnsweringToken saying = new AnsweringToken();
        _use(saying);
        saying.behave(true, abi.encode(false));
        bytes memory tookMore = abi.encodeWithSelector(IDebitWallet.TokenTookMore.selector, address(token), 0, 10);
        add(alice, address(token), payee.addr, 10, 1);
        vm.expectRevert(tookMore);
        settleAll(processor);
        bytes memory batch = batchOf(account, 1, payee.addr, 10);
        vm.expectRevert(tookMore);
        submit(processor, batch);
        assertEq(balance(account), 1000);
        assertEq(token.balanceOf(address(wallet)), 1000);
    }

    function test_aFeeOnTopOfWhatIsSentIsNotPaidFromOthersMoney() external {
        FeeToken taking = new FeeToken();
        _use(taking);
        taking.setFees(0, 1000);
        bytes memory tookMore = abi.encodeWithSelector(IDebitWallet.TokenTookMore.selector, address(token), 100, 110);

        add(alice, address(token), payee.addr, 100, 1);
        vm.expectRevert(tookMore);
        settleAll(processor);
        bytes memory batch = batchOf(account, 1, payee.addr, 100);
        vm.expectRevert(tookMore);
        submit(processor, batch);

        vm.prank(alice.addr);
        wallet.requestWithdrawal(account, address(token), 100);
        vm.warp(START + DELAY);
        vm.expectRevert(tookMore);
        vm.prank(alice.addr);
        wallet.executeWithdrawal(account, address(token), alice.addr);
    }

    function test_aFeeOnTopIsNotPaidFromOthersMoneyOnCollecting() external {
        FeeToken taking = new FeeToken();
        _use(taking);
        vm.prank(payee.addr);
        wallet.setPayoutThreshold(address(token), 1000);
        add(alice, address(token), payee.addr, 100, 1);
        settleAll(processor);
        taking.setFees(0, 1000);
        vm.startPrank(payee.addr);
        vm.expectRevert(abi.encodeWithSelector(IDebitWallet.TokenTookMore.selector, address(token), 100, 110));
        wallet.collectTo(address(token), payee.addr);
        taking.setFees(1000, 0);
        assertEq(wallet.collectTo(address(token), payee.addr), 100);
        vm.stopPrank();
        assertEq(token.balanceOf(payee.addr), 90);
    }

    /// @dev From what the payee gets, on the other hand, a token may take what it likes.
    function test_aFeeOnWhatThePayeeGetsIsThePayees() external {
        FeeToken taking = new FeeToken();
        _use(taking);
        taking.setFees(1000, 0);
        add(alice, address(token), payee.addr, 100, 1);
        settleAll(processor);
        assertEq(token.balanceOf(payee.addr), 90);
        assertEq(token.balanceOf(address(wallet)), balance(account));
    }

    /// @dev What is gone is then less than nothing, which must not be a large number.
    function test_aTokenThatGivesTheWalletMoreWhilePayingHarmsNobody() external {
        ReentrantToken giving = new ReentrantToken();
        _use(giving);
        giving.arm(address(giving), abi.encodeCall(giving.mint, (address(wallet), 500)), false);
        add(alice, address(token), payee.addr, 100, 1);
        settleAll(processor);
        assertTrue(giving.succeeded());
        assertEq(token.balanceOf(payee.addr), 100);
        assertEq(token.balanceOf(address(wallet)), 1400);
        assertEq(balance(account), 900);
    }

    // --- Calling back -------------------------------------------------------------------------------

    /// @dev The token is the payee of a credit, an owner, and a processor; while it moves a payout it tries
    /// to have its credit paid too.
    function test_aTokenThatCallsBackFindsTheWalletLocked() external {
        ReentrantToken entering = new ReentrantToken();
        _use(entering);
        entering.act(address(wallet), abi.encodeCall(wallet.setPayoutThreshold, (address(token), 1000)));
        add(alice, address(token), address(entering), 100, 1);
        settleAll(processor);
        entering.act(address(wallet), abi.encodeCall(wallet.setPayoutThreshold, (address(token), 0)));
        vm.warp(START + DELAY);
        wallet.applyPayoutThreshold(address(token), address(entering));
        assertEq(creditOf(address(entering)), 100);

        bytes memory collects = abi.encodeCall(wallet.collect, (address(token), address(entering)));
        for (uint256 i = 0; i < 2; i++) {
            entering.arm(address(wallet), collects, i == 0);
            add(alice, address(token), payee.addr, 10, 2 + i);
            settleAll(processor);
            _wasLocked(entering);

            entering.arm(address(wallet), collects, i == 0);
            settleOne(processor, account, uint64(i), payee.addr, 10);
            _wasLocked(entering);
        }
        // Nor from within the collecting itself.
        entering.arm(address(wallet), collects, true);
        wallet.collect(address(token), address(entering));
        _wasLocked(entering);
        assertEq(token.balanceOf(address(entering)), 100);
        assertEq(token.balanceOf(payee.addr), 40);
        assertEq(token.balanceOf(address(wallet)), balance(account));
    }

    // --- Gas ----------------------------------------------------------------------------------------

    /// @dev Whoever submits chooses the gas. With any amount of it, a settlement pays out or does not happen.
    function test_noAmountOfGasTurnsAPayoutIntoACredit() external {
        DemandingToken demanding = new DemandingToken();
        _use(demanding);
        demanding.demand(150_000);
        bytes memory batch = batchOf(account, 1, payee.addr, 10);
        uint256 before = vm.snapshotState();
        uint256 settled = 0;
        uint256 starved = 0;
        for (uint256 gas_ = 20_000; gas_ < 500_000; gas_ += 1000) {
            vm.prank(processor.addr);
            (bool done, bytes memory result) = address(wallet).call{gas: gas_}(batch);
            if (done) {
                settled++;
                assertEq(token.balanceOf(payee.addr), 10);
                assertEq(creditOf(payee.addr), 0);
            } else if (bytes4(result) == IDebitWallet.InsufficientGas.selector) {
                starved++;
            }
            vm.revertToState(before);
        }
        assertGt(settled, 0);
        assertGt(starved, 0);
    }

    /// @dev A payout that will only be credited asks for as much: a payee who has it sent after the transaction was
    /// made does not make its gas too little.
    function test_whatAPayoutNeedsDoesNotDependOnItsThreshold() external {
        _use(new OpenToken());
        bytes memory batch = batchOf(account, 1, payee.addr, 10);
        uint256 before = vm.snapshotState();
        uint256 sending = _leastGas(batch);
        vm.revertToState(before);
        vm.prank(payee.addr);
        wallet.setPayoutThreshold(address(token), 1000);
        assertLt(sending, _leastGas(batch) + 5000);
    }

    function _leastGas(bytes memory batch) private returns (uint256 gas_) {
        uint256 before = vm.snapshotState();
        bool done = false;
        for (gas_ = 250_000; !done; gas_ += 1000) {
            vm.prank(processor.addr);
            (done,) = address(wallet).call{gas: gas_}(batch);
            vm.revertToState(before);
        }
    }

    /// @dev What a token gets is not what happens to be left, either: others want their share of the block.
    function test_aTokenThatEatsAllGasCostsItsAllowanceAndIsCredited() external {
        GasEaterToken eater = new GasEaterToken();
        _use(eater);
        eater.eat(payee.addr, true);
        add(alice, address(token), payee.addr, 10, 1);
        add(alice, address(token), otherPayee.addr, 20, 2);
        uint256 before = gasleft();
        settleAll(processor);
        uint256 used = before - gasleft();
        // The rest is two mandates, signed and stored, and the transfer.
        assertLt(used, PAYOUT_GAS + 4 * OVERHEAD);
        assertGt(used, PAYOUT_GAS);
        assertEq(creditOf(payee.addr), 10);
        assertEq(token.balanceOf(otherPayee.addr), 20);
    }

    /// @dev Measured against the token's own cost: the wallet adds nothing for reading a megabyte.
    function test_aMegabyteInAnswerIsNotCopied() external {
        AnsweringToken bomb = new AnsweringToken();
        _use(bomb);
        vm.prank(payee.addr);
        wallet.setPayoutThreshold(address(token), 1000);
        settleOne(processor, account, 1, payee.addr, 100);
        vm.prank(payee.addr);
        wallet.setPayoutThreshold(address(token), 0);
        vm.warp(START + DELAY);
        wallet.applyPayoutThreshold(address(token), payee.addr);

        for (uint256 i = 0; i < 2; i++) {
            if (i == 0) bomb.behave(false, "");
            else bomb.refuse("");
            bomb.pad(1_000_000);
            bytes memory transfer = abi.encodeCall(token.transfer, (payee.addr, 100));
            uint256 bare = _gasOf(address(token), transfer);
            assertGt(bare, 2_000_000);
            uint256 used = _gasOf(address(wallet), abi.encodeCall(wallet.collect, (address(token), payee.addr)));
            assertLt(used, bare + OVERHEAD);
            assertEq(creditOf(payee.addr), 100);
        }
    }

    /// @dev In a payout the token's allowance bounds it.
    function test_aMegabyteInAnswerToAPayoutIsACredit() external {
        AnsweringToken bomb = new AnsweringToken();
        _use(bomb);
        bomb.refuse("");
        bomb.pad(1_000_000);
        bytes memory batch = batchOf(account, 1, payee.addr, 10);
        vm.prank(processor.addr);
        uint256 used = _gasOf(address(wallet), batch);
        assertLt(used, PAYOUT_GAS + 2 * OVERHEAD);
        assertEq(creditOf(payee.addr), 10);
    }

    // --- Helpers ------------------------------------------------------------------------------------

    function _use(OpenToken hostile) private {
        token = hostile;
        account = openFunded(alice, 1000);
    }

    function _wasLocked(ReentrantToken entering) private view {
        assertTrue(entering.called());
        assertFalse(entering.succeeded());
        assertEq(entering.answer(), abi.encodePacked(ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector));
    }

    /// @dev Without copying the answer.
    function _gasOf(address target, bytes memory data) private returns (uint256 used) {
        assembly ("memory-safe") {
            used := gas()
            pop(call(gas(), target, 0, add(data, 0x20), mload(data), 0, 0))
            used := sub(used, gas())
        }
    }
}
