// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IDebitWallet} from "../../src/interfaces/IDebitWallet.sol";
import {AnsweringToken} from "../tokens/AnsweringToken.sol";
import {Person, WalletTest} from "./support/WalletTest.sol";

/// @notice Money back to the payer: asked for, debitable while it waits, and never in front of what was
/// promised before.
contract WithdrawalsTest is WalletTest {
    uint40 private constant DUE = uint40(START) + DELAY;

    uint32 private account;
    address private home;

    function setUp() public override {
        super.setUp();
        account = openFunded(alice, 1000);
        home = makeAddr("home");
    }

    // --- The way it goes ----------------------------------------------------------------------------

    function test_whatIsAskedForLeavesAfterTheDelayToWhereTheOwnerSays() external {
        vm.expectEmit(address(wallet));
        emit IDebitWallet.WithdrawalRequested(account, address(token), 400, DUE);
        _request(400);
        _purseIs(1000, 400, DUE);

        vm.warp(DUE);
        vm.expectEmit(address(wallet));
        emit IDebitWallet.WithdrawalExecuted(account, address(token), home, 400);
        assertEq(_execute(), 400);
        assertEq(token.balanceOf(home), 400);
        assertEq(token.balanceOf(address(wallet)), 600);
        _purseIs(600, 0, 0);
    }

    function testFuzz_nothingLeavesBeforeItsTime(uint256 time) external {
        _request(400);
        vm.warp(bound(time, START, DUE - 1));
        vm.expectRevert(abi.encodeWithSelector(IDebitWallet.TooEarly.selector, DUE));
        _execute();
        _purseIs(1000, 400, DUE);
    }

    /// @dev More than there is, even more than a balance can be: all that there is when it is asked for.
    function testFuzz_atMostTheBalanceIsAskedForAndLeaves(uint256 amount) external {
        amount = bound(amount, 1, type(uint256).max);
        uint256 expected = amount < 1000 ? amount : 1000;
        vm.expectEmit(address(wallet));
        emit IDebitWallet.WithdrawalRequested(account, address(token), expected, DUE);
        _request(amount);
        _purseIs(1000, expected, DUE);
        vm.warp(DUE);
        assertEq(_execute(), expected);
        assertEq(token.balanceOf(home), expected);
        assertEq(balance(account), 1000 - expected);
    }

    /// @dev 2^104 and more must not be cut off to a small number.
    function test_aRequestBeyondWhatABalanceCanHoldAsksForAll() external {
        _request(2 ** 104 + 1);
        _purseIs(1000, 1000, DUE);
        vm.warp(DUE);
        assertEq(_execute(), 1000);
    }

    // --- Spent while it waits -----------------------------------------------------------------------

    function test_whatIsAskedForCanBeDebitedUntilItHasLeft() external {
        _request(1000);
        settleOne(processor, account, 1, payee.addr, 300);
        vm.warp(DUE);
        settleOne(processor, account, 2, payee.addr, 300);
        assertEq(token.balanceOf(payee.addr), 600);
        _purseIs(400, 1000, DUE);

        assertEq(_execute(), 400);
        assertEq(token.balanceOf(home), 400);
    }

    /// @dev Not a balance of 0 taken for success, nor a transfer of 0 that a token may refuse.
    function test_whereAllWasSpentNothingLeaves() external {
        _request(1000);
        settleOne(processor, account, 1, payee.addr, 1000);
        vm.warp(DUE);
        assertEq(_execute(), 0);
        assertEq(token.balanceOf(home), 0);
        _purseIs(0, 0, 0);
    }

    function test_whatIsDepositedMeanwhileIsNotAskedBackByThat() external {
        _request(1000);
        fund(account, 500);
        _purseIs(1500, 1000, DUE);
        vm.warp(DUE);
        assertEq(_execute(), 1000);
        _purseIs(500, 0, 0);
    }

    /// @dev The processor's rule: what it has accepted never comes to more than the balance less what is
    /// asked back. Then the payer's worst timing takes nothing from it.
    function testFuzz_aMaturedWithdrawalNeverOutrunsWhatWasReservedUnderIt(
        uint256 asked,
        uint256 reserved,
        bool withdrawalFirst
    ) external {
        asked = bound(asked, 1, 1000);
        _request(asked);
        // A mandate is accepted against what is left.
        reserved = bound(reserved, 0, 1000 - asked);

        vm.warp(DUE);
        if (withdrawalFirst) assertEq(_execute(), asked);
        settleOne(processor, account, 1, payee.addr, uint128(reserved));
        assertEq(token.balanceOf(payee.addr), reserved);
        if (!withdrawalFirst) assertEq(_execute(), asked);
        assertEq(balance(account), 1000 - asked - reserved);
    }

    /// @dev No request is kept in hand for money that is not there yet.
    function test_fromAnEmptyAccountNothingIsAskedBack() external {
        uint32 empty = open(bob);
        vm.expectRevert(IDebitWallet.AmountZero.selector);
        vm.prank(bob.addr);
        wallet.requestWithdrawal(empty, address(token), type(uint256).max);
    }

    function test_nothingIsWithdrawnToTheWalletOrToNobody() external {
        _request(400);
        vm.warp(DUE);
        address[2] memory nobodys = [address(0), address(wallet)];
        for (uint256 i = 0; i < 2; i++) {
            vm.expectRevert(abi.encodeWithSelector(IDebitWallet.RecipientRefused.selector, nobodys[i]));
            vm.prank(alice.addr);
            wallet.executeWithdrawal(account, address(token), nobodys[i]);
        }
        _purseIs(1000, 400, DUE);
    }

    // --- Once, later, not at all --------------------------------------------------------------------

    function test_aRequestIsExecutedOnce() external {
        _request(400);
        vm.warp(DUE);
        _execute();
        vm.expectRevert(IDebitWallet.NothingPending.selector);
        _execute();
        assertEq(token.balanceOf(home), 400);
    }

    function test_aLaterRequestTakesTheEarliersPlaceAndWaitsAnew() external {
        _request(1);
        vm.warp(DUE - 1);
        _request(1000);
        vm.warp(DUE);
        vm.expectRevert(abi.encodeWithSelector(IDebitWallet.TooEarly.selector, DUE - 1 + DELAY));
        _execute();
        vm.warp(DUE - 1 + DELAY);
        assertEq(_execute(), 1000);
    }

    function test_aCancelledRequestLeavesTheMoneyWhereItIs() external {
        _request(400);
        vm.expectEmit(address(wallet));
        emit IDebitWallet.WithdrawalCancelled(account, address(token));
        vm.prank(alice.addr);
        wallet.cancelWithdrawal(account, address(token));
        _purseIs(1000, 0, 0);
        vm.warp(DUE);
        vm.expectRevert(IDebitWallet.NothingPending.selector);
        _execute();
    }

    function test_whereNothingWasAskedForNothingIsCancelled() external {
        vm.expectRevert(IDebitWallet.NothingPending.selector);
        vm.prank(alice.addr);
        wallet.cancelWithdrawal(account, address(token));
    }

    function test_nothingIsNoRequest() external {
        vm.expectRevert(IDebitWallet.AmountZero.selector);
        _request(0);
    }

    // --- Whose it is --------------------------------------------------------------------------------

    function test_onlyTheOwnerAsksCancelsOrExecutes() external {
        _request(400);
        vm.warp(DUE);
        bytes[3] memory calls = [
            abi.encodeCall(wallet.requestWithdrawal, (account, address(token), 1000)),
            abi.encodeCall(wallet.cancelWithdrawal, (account, address(token))),
            abi.encodeCall(wallet.executeWithdrawal, (account, address(token), mallory.addr))
        ];
        Person[3] memory others = [mallory, bob, processor];
        for (uint256 i = 0; i < calls.length; i++) {
            for (uint256 j = 0; j < others.length; j++) {
                vm.expectRevert(abi.encodeWithSelector(IDebitWallet.NotOwner.selector, account, others[j].addr));
                submit(others[j], calls[i]);
            }
        }
        _purseIs(1000, 400, DUE);
    }

    function test_accountsAndTokensAreKeptApart() external {
        uint32 second = openFunded(alice, 50);
        fund(otherToken, account, 70);
        _request(1000);
        vm.warp(DUE);
        vm.startPrank(alice.addr);
        vm.expectRevert(IDebitWallet.NothingPending.selector);
        wallet.executeWithdrawal(second, address(token), home);
        vm.expectRevert(IDebitWallet.NothingPending.selector);
        wallet.executeWithdrawal(account, address(otherToken), home);
        vm.stopPrank();
        _execute();
        assertEq(balance(second), 50);
        assertEq(wallet.balanceOf(account, address(otherToken)).balance, 70);
    }

    /// @dev Nothing is written off for a transfer that did not happen.
    function test_aTokenThatRefusesLeavesTheMoneyInTheAccount() external {
        AnsweringToken refusing = new AnsweringToken();
        fund(refusing, account, 100);
        vm.prank(alice.addr);
        wallet.requestWithdrawal(account, address(refusing), 100);
        vm.warp(DUE);
        refusing.behave(false, abi.encode(false));

        bytes memory refused =
            abi.encodeWithSelector(IDebitWallet.TransferFailed.selector, address(refusing), home, 100);
        vm.expectRevert(refused);
        vm.prank(alice.addr);
        wallet.executeWithdrawal(account, address(refusing), home);
        refusing.refuse("blocked");
        vm.expectRevert(refused);
        vm.prank(alice.addr);
        wallet.executeWithdrawal(account, address(refusing), home);
        assertEq(wallet.balanceOf(account, address(refusing)).balance, 100);
    }

    // --- Helpers ------------------------------------------------------------------------------------

    function _request(uint256 amount) private {
        vm.prank(alice.addr);
        wallet.requestWithdrawal(account, address(token), amount);
    }

    function _execute() private returns (uint256) {
        vm.prank(alice.addr);
        return wallet.executeWithdrawal(account, address(token), home);
    }

    function _purseIs(uint256 held, uint256 leaving, uint256 leavesFrom) private view {
        IDebitWallet.Purse memory purse = wallet.balanceOf(account, address(token));
        assertEq(purse.balance, held);
        assertEq(purse.leaving, leaving);
        assertEq(purse.leavesFrom, leavesFrom);
    }
}
