// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";

import {IDebitWallet} from "../../src/interfaces/IDebitWallet.sol";
import {AnsweringToken} from "../tokens/AnsweringToken.sol";
import {FeeToken} from "../tokens/FeeToken.sol";
import {OpenToken} from "../tokens/OpenToken.sol";
import {ReentrantToken} from "../tokens/ReentrantToken.sol";
import {WalletTest} from "./support/WalletTest.sol";

/// @notice Tokens that their owner brings: from the caller alone, and credited as they arrive, whatever the
/// token says.
contract DepositsTest is WalletTest {
    uint32 private account;

    function setUp() public override {
        super.setUp();
        account = open(alice);
    }

    function testFuzz_whatIsBroughtIsCredited(uint256 amount) external {
        amount = bound(amount, 1, type(uint104).max);
        mint(bob.addr, amount);
        vm.expectEmit(address(wallet));
        emit IDebitWallet.Deposited(account, address(token), bob.addr, amount);
        vm.prank(bob.addr);
        assertEq(wallet.deposit(account, address(token), amount), amount);
        assertEq(balance(account), amount);
        assertEq(token.balanceOf(address(wallet)), amount);
        assertEq(token.balanceOf(bob.addr), 0);
    }

    function test_depositsAddUpByAccountAndToken() external {
        uint32 second = open(bob);
        fund(account, 1);
        fund(account, 2);
        fund(second, 4);
        fund(otherToken, account, 8);
        assertEq(balance(account), 3);
        assertEq(balance(second), 4);
        assertEq(wallet.balanceOf(account, address(otherToken)).balance, 8);
    }

    /// @dev Allowances given to the wallet are everybody's to see.
    function test_anothersAllowanceIsNotTheCallersMoney() external {
        mint(bob.addr, 100);
        vm.expectRevert();
        vm.prank(mallory.addr);
        wallet.deposit(account, address(token), 100);
        assertEq(token.balanceOf(bob.addr), 100);
    }

    function test_anUnknownAccountTakesNothing() external {
        mint(bob.addr, 100);
        uint32[2] memory unknown = [uint32(0), account + 1];
        for (uint256 i = 0; i < unknown.length; i++) {
            vm.expectRevert(abi.encodeWithSelector(IDebitWallet.UnknownAccount.selector, unknown[i]));
            vm.prank(bob.addr);
            wallet.deposit(unknown[i], address(token), 100);
        }
    }

    /// @dev A balance that wraps around would be a small one.
    function test_aBalanceDoesNotOverflow() external {
        fund(account, type(uint104).max);
        mint(bob.addr, 1);
        vm.expectRevert(
            abi.encodeWithSelector(SafeCast.SafeCastOverflowedUintDowncast.selector, 104, uint256(2 ** 104))
        );
        vm.prank(bob.addr);
        wallet.deposit(account, address(token), 1);
    }

    // --- What the token does ------------------------------------------------------------------------

    function testFuzz_whatAFeeLeavesIsCredited(uint256 amount, uint256 fee) external {
        amount = bound(amount, 1, type(uint96).max);
        fee = bound(fee, 0, 9999);
        FeeToken taking = new FeeToken();
        taking.setFees(fee, 0);
        token = OpenToken(address(taking));
        uint256 arrives = amount - amount * fee / 10_000;
        mint(bob.addr, amount);
        vm.prank(bob.addr);
        assertEq(wallet.deposit(account, address(token), amount), arrives);
        assertEq(balance(account), arrives);
        assertEq(token.balanceOf(address(wallet)), arrives);
    }

    function test_aTokenThatSaysNothingIsGoodEnough() external {
        AnsweringToken silent = new AnsweringToken();
        silent.behave(true, "");
        token = OpenToken(address(silent));
        fund(account, 100);
        assertEq(balance(account), 100);
    }

    function test_aTokenThatSaysItMovedAndDidNotCreditsNothing() external {
        AnsweringToken lying = new AnsweringToken();
        lying.behave(false, abi.encode(true));
        token = OpenToken(address(lying));
        mint(bob.addr, 100);
        _refused(abi.encodeWithSelector(IDebitWallet.NothingArrived.selector, address(token)));
    }

    function test_aTokenThatSaysItDidNotMoveIsBelieved() external {
        AnsweringToken saying = new AnsweringToken();
        saying.behave(true, abi.encode(false));
        token = OpenToken(address(saying));
        mint(bob.addr, 100);
        _refused(abi.encodeWithSelector(SafeERC20.SafeERC20FailedOperation.selector, address(token)));
    }

    /// @dev The wallet's holding falls during a deposit: a difference below 0 must not be a large number.
    function test_aTokenThatTakesDuringADepositCreditsNothing() external {
        ReentrantToken taking = new ReentrantToken();
        token = OpenToken(address(taking));
        fund(account, 500);
        mint(bob.addr, 100);
        // While it moves Bob's 100 in, it moves 200 out.
        vm.prank(address(wallet));
        taking.approve(address(this), 200);
        taking.arm(address(this), abi.encodeCall(this.take, (taking, 200)), false);
        _refused(abi.encodeWithSelector(IDebitWallet.NothingArrived.selector, address(token)));
        assertEq(balance(account), 500);
    }

    function test_anAddressWithoutCodeIsNoToken() external {
        vm.expectRevert();
        vm.prank(bob.addr);
        wallet.deposit(account, makeAddr("no token"), 100);
    }

    function test_noAmountIsNoDeposit() external {
        vm.expectRevert(abi.encodeWithSelector(IDebitWallet.NothingArrived.selector, address(token)));
        vm.prank(bob.addr);
        wallet.deposit(account, address(token), 0);
    }

    /// @dev A deposit inside a deposit would be counted by both.
    function test_aDepositInsideADepositIsNotCountedTwice() external {
        ReentrantToken entering = new ReentrantToken();
        token = OpenToken(address(entering));
        mint(bob.addr, 100);
        entering.mint(address(entering), 50);
        entering.act(address(entering), abi.encodeCall(token.approve, (address(wallet), 50)));
        entering.arm(address(wallet), abi.encodeCall(wallet.deposit, (account, address(token), 50)), true);
        vm.prank(bob.addr);
        assertEq(wallet.deposit(account, address(token), 100), 100);
        assertTrue(entering.called());
        assertFalse(entering.succeeded());
        assertEq(balance(account), 100);
        assertEq(token.balanceOf(address(wallet)), 100);
    }

    // --- Helpers ------------------------------------------------------------------------------------

    function take(OpenToken from, uint256 amount) external {
        from.transferFrom(address(wallet), mallory.addr, amount);
    }

    function _refused(bytes memory because) private {
        vm.expectRevert(because);
        vm.prank(bob.addr);
        wallet.deposit(account, address(token), 100);
    }
}
