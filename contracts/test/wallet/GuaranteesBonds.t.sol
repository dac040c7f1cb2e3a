// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IDebitWallet} from "../../src/interfaces/IDebitWallet.sol";
import {AnsweringToken} from "../tokens/AnsweringToken.sol";
import {FeeToken} from "../tokens/FeeToken.sol";
import {OpenToken} from "../tokens/OpenToken.sol";
import {GuaranteeTest} from "./support/GuaranteeTest.sol";

/// @notice Bonds: anyone adds to one, its signer alone takes it back, after the delay, and it answers for
/// receipts until then.
contract GuaranteesBondsTest is GuaranteeTest {
    uint40 private constant DUE = uint40(START) + UNBONDING;

    address private home;

    function setUp() public override {
        super.setUp();
        home = makeAddr("home");
    }

    function testFuzz_anyoneAddsToABond(uint256 amount) external {
        amount = bound(amount, 1, type(uint104).max);
        mint(bob.addr, amount);
        vm.expectEmit(address(wallet));
        emit IDebitWallet.Bonded(processor.addr, address(token), bob.addr, amount);
        vm.prank(bob.addr);
        assertEq(wallet.bond(processor.addr, address(token), amount), amount);
        assertEq(bondOf(processor), amount);
        assertEq(bondOf(rival), 0);
        // A bond is nobody's balance.
        assertEq(balance(account), 1000);
    }

    function test_bondsAddUpAndTokensAreKeptApart() external {
        bond(processor, 10);
        bond(processor, 5);
        assertEq(bondOf(processor), 15);
        assertEq(wallet.bondOf(processor.addr, address(otherToken)).balance, 0);
    }

    function test_whatArrivesIsBonded() external {
        FeeToken taking = new FeeToken();
        taking.setFees(1000, 0);
        token = OpenToken(address(taking));
        bond(processor, 100);
        assertEq(bondOf(processor), 90);

        AnsweringToken lying = new AnsweringToken();
        lying.behave(false, abi.encode(true));
        vm.expectRevert(abi.encodeWithSelector(IDebitWallet.NothingArrived.selector, address(lying)));
        wallet.bond(processor.addr, address(lying), 100);
    }

    function test_anothersAllowanceIsNotBonded() external {
        mint(bob.addr, 100);
        vm.expectRevert();
        vm.prank(mallory.addr);
        wallet.bond(mallory.addr, address(token), 100);
    }

    function test_aBondComesBackAfterTheDelay() external {
        bond(processor, 100);
        vm.expectEmit(address(wallet));
        emit IDebitWallet.UnbondRequested(processor.addr, address(token), 60, DUE);
        _request(60);
        IDebitWallet.Purse memory purse = wallet.bondOf(processor.addr, address(token));
        assertEq(purse.balance, 100);
        assertEq(purse.leaving, 60);
        assertEq(purse.leavesFrom, DUE);

        vm.warp(DUE);
        vm.expectEmit(address(wallet));
        emit IDebitWallet.Unbonded(processor.addr, address(token), home, 60);
        assertEq(_execute(), 60);
        assertEq(token.balanceOf(home), 60);
        purse = wallet.bondOf(processor.addr, address(token));
        assertEq(purse.balance, 40);
        assertEq(purse.leaving, 0);
        assertEq(purse.leavesFrom, 0);
        vm.expectRevert(IDebitWallet.NothingPending.selector);
        _execute();
    }

    function testFuzz_notBeforeItsTime(uint256 time) external {
        bond(processor, 100);
        _request(60);
        vm.warp(bound(time, START, DUE - 1));
        vm.expectRevert(abi.encodeWithSelector(IDebitWallet.TooEarly.selector, DUE));
        _execute();
    }

    function test_aLaterRequestWaitsAnew() external {
        bond(processor, 100);
        _request(1);
        vm.warp(DUE - 1);
        _request(100);
        vm.warp(DUE);
        vm.expectRevert(abi.encodeWithSelector(IDebitWallet.TooEarly.selector, DUE - 1 + UNBONDING));
        _execute();
    }

    function test_aCancelledRequestLeavesTheBond() external {
        bond(processor, 100);
        _request(60);
        vm.expectEmit(address(wallet));
        emit IDebitWallet.UnbondCancelled(processor.addr, address(token));
        vm.prank(processor.addr);
        wallet.cancelUnbond(address(token));
        vm.warp(DUE);
        vm.expectRevert(IDebitWallet.NothingPending.selector);
        _execute();
        vm.expectRevert(IDebitWallet.NothingPending.selector);
        vm.prank(processor.addr);
        wallet.cancelUnbond(address(token));
        assertEq(bondOf(processor), 100);
    }

    function test_nothingIsNoRequest() external {
        vm.expectRevert(IDebitWallet.AmountZero.selector);
        _request(0);
    }

    /// @dev More than there is asks for what is there now, not for what is paid in later.
    function test_atMostTheBondIsAskedFor() external {
        bond(processor, 100);
        vm.expectEmit(address(wallet));
        emit IDebitWallet.UnbondRequested(processor.addr, address(token), 100, DUE);
        _request(type(uint256).max);
        bond(processor, 50);
        vm.warp(DUE);
        assertEq(_execute(), 100);
        assertEq(bondOf(processor), 50);
    }

    function test_aBondDoesNotComeBackToTheWalletOrToNobody() external {
        bond(processor, 100);
        _request(60);
        vm.warp(DUE);
        address[2] memory nobodys = [address(0), address(wallet)];
        for (uint256 i = 0; i < 2; i++) {
            vm.expectRevert(abi.encodeWithSelector(IDebitWallet.RecipientRefused.selector, nobodys[i]));
            vm.prank(processor.addr);
            wallet.executeUnbond(address(token), nobodys[i]);
        }
        assertEq(bondOf(processor), 100);
    }

    /// @dev Whoever paid it in has no say, nor has anybody else: each has a bond of its own, of nothing.
    function test_aBondIsItsSignersAlone() external {
        bond(processor, 100);
        _request(100);
        vm.warp(DUE);
        vm.expectRevert(IDebitWallet.NothingPending.selector);
        wallet.executeUnbond(address(token), mallory.addr);
        vm.expectRevert(IDebitWallet.AmountZero.selector);
        vm.prank(mallory.addr);
        wallet.requestUnbond(address(token), 100);
        assertEq(bondOf(processor), 100);
        assertEq(_execute(), 100);
    }

    /// @dev The processor sees that it failed and wants its bond out before anyone claims.
    function test_aBondAnswersForReceiptsUntilItIsOut() external {
        bond(processor, 100);
        _request(100);
        vm.warp(DUE);
        claim(receiptFor(1, 70), processor);
        assertEq(token.balanceOf(payee.addr), 70);
        assertEq(_execute(), 30);
        assertEq(token.balanceOf(home), 30);
    }

    function test_aTokenThatRefusesLeavesTheBond() external {
        AnsweringToken refusing = new AnsweringToken();
        token = OpenToken(address(refusing));
        bond(processor, 100);
        _request(100);
        vm.warp(DUE);
        refusing.refuse("blocked");
        vm.expectRevert(abi.encodeWithSelector(IDebitWallet.TransferFailed.selector, address(token), home, 100));
        _execute();
        assertEq(bondOf(processor), 100);
    }

    function _request(uint256 amount) private {
        vm.prank(processor.addr);
        wallet.requestUnbond(address(token), amount);
    }

    function _execute() private returns (uint256) {
        vm.prank(processor.addr);
        return wallet.executeUnbond(address(token), home);
    }
}
