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
        emit IDebitWallet.Collected(address(token), payee.addr, 30);
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
        emit IDebitWallet.Collected(address(token), payee.addr, 30);
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

    function test_aThresholdStopsNobodyFromCollecting() external {
        vm.prank(payee.addr);
        wallet.setPayoutThreshold(address(token), type(uint128).max);
        _settle(payee.addr, 10);
        assertEq(wallet.collect(address(token), payee.addr), 10);
        assertEq(token.balanceOf(payee.addr), 10);
        (, uint128 threshold) = wallet.creditOf(address(token), payee.addr);
        assertEq(threshold, type(uint128).max);
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
