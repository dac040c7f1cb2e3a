// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IDebitWallet} from "../../src/interfaces/IDebitWallet.sol";
import {IGuarantee} from "../../src/interfaces/IGuarantee.sol";
import {AnsweringToken} from "../tokens/AnsweringToken.sol";
import {FeeToken} from "../tokens/FeeToken.sol";
import {OpenToken} from "../tokens/OpenToken.sol";
import {GuaranteeTest} from "./support/GuaranteeTest.sol";

/// @notice Bonds: anyone adds to one, its processor alone takes it back, after the delay, and it answers for
/// receipts until then. One payee's own is no other's.
contract BondsTest is GuaranteeTest {
    uint40 private constant DUE = uint40(START) + UNBONDING;
    address private constant ALL = address(0);

    address private home;

    function setUp() public override {
        super.setUp();
        home = makeAddr("home");
    }

    function testFuzz_anyoneAddsToABond(uint256 amount, address of_) external {
        amount = bound(amount, 1, type(uint104).max);
        token.mint(bob.addr, amount);
        vm.startPrank(bob.addr);
        token.approve(address(guarantee), amount);
        vm.expectEmit(address(guarantee));
        emit IGuarantee.Bonded(processor.addr, address(token), of_, bob.addr, amount);
        assertEq(guarantee.bond(processor.addr, of_, address(token), amount), amount);
        vm.stopPrank();
        assertEq(bondOf(processor, of_), amount);
        assertEq(bondOf(rival, of_), 0);
        assertEq(token.balanceOf(address(guarantee)), amount);
    }

    function test_bondsAddUpAndAreKeptApart() external {
        bond(processor, 10);
        bond(processor, 5);
        bond(processor, payee.addr, 3);
        assertEq(bondOf(processor), 15);
        assertEq(bondOf(processor, payee.addr), 3);
        assertEq(bondOf(processor, otherPayee.addr), 0);
        assertEq(guarantee.bondOf(processor.addr, ALL, address(otherToken)).balance, 0);
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
        guarantee.bond(processor.addr, ALL, address(lying), 100);
    }

    function test_anothersAllowanceIsNotBonded() external {
        token.mint(bob.addr, 100);
        vm.prank(bob.addr);
        token.approve(address(guarantee), 100);
        vm.expectRevert();
        vm.prank(mallory.addr);
        guarantee.bond(mallory.addr, ALL, address(token), 100);
    }

    function test_aBondComesBackAfterTheDelay() external {
        bond(processor, 100);
        vm.expectEmit(address(guarantee));
        emit IGuarantee.UnbondRequested(processor.addr, address(token), ALL, 60, DUE);
        _request(ALL, 60);
        IDebitWallet.Purse memory purse = guarantee.bondOf(processor.addr, ALL, address(token));
        assertEq(purse.balance, 100);
        assertEq(purse.leaving, 60);
        assertEq(purse.leavesFrom, DUE);

        vm.warp(DUE);
        vm.expectEmit(address(guarantee));
        emit IGuarantee.Unbonded(processor.addr, address(token), ALL, home, 60);
        assertEq(_execute(ALL), 60);
        assertEq(token.balanceOf(home), 60);
        purse = guarantee.bondOf(processor.addr, ALL, address(token));
        assertEq(purse.balance, 40);
        assertEq(purse.leaving, 0);
        assertEq(purse.leavesFrom, 0);
        vm.expectRevert(IDebitWallet.NothingPending.selector);
        _execute(ALL);
    }

    /// @dev What is asked back of the shared one takes nothing of a payee's own, and the other way round.
    function test_eachBondHasARequestOfItsOwn() external {
        bond(processor, 100);
        bond(processor, payee.addr, 50);
        _request(payee.addr, 20);
        vm.warp(DUE);
        vm.expectRevert(IDebitWallet.NothingPending.selector);
        _execute(ALL);
        assertEq(_execute(payee.addr), 20);
        assertEq(bondOf(processor), 100);
        assertEq(bondOf(processor, payee.addr), 30);
    }

    function testFuzz_notBeforeItsTime(uint256 time) external {
        bond(processor, 100);
        _request(ALL, 60);
        vm.warp(bound(time, START, DUE - 1));
        vm.expectRevert(abi.encodeWithSelector(IDebitWallet.TooEarly.selector, DUE));
        _execute(ALL);
    }

    function test_aLaterRequestWaitsAnew() external {
        bond(processor, 100);
        _request(ALL, 1);
        vm.warp(DUE - 1);
        _request(ALL, 100);
        vm.warp(DUE);
        vm.expectRevert(abi.encodeWithSelector(IDebitWallet.TooEarly.selector, DUE - 1 + UNBONDING));
        _execute(ALL);
    }

    function test_aCancelledRequestLeavesTheBond() external {
        bond(processor, 100);
        _request(ALL, 60);
        vm.expectEmit(address(guarantee));
        emit IGuarantee.UnbondCancelled(processor.addr, address(token), ALL);
        vm.prank(processor.addr);
        guarantee.cancelUnbond(ALL, address(token));
        vm.warp(DUE);
        vm.expectRevert(IDebitWallet.NothingPending.selector);
        _execute(ALL);
        vm.expectRevert(IDebitWallet.NothingPending.selector);
        vm.prank(processor.addr);
        guarantee.cancelUnbond(ALL, address(token));
        assertEq(bondOf(processor), 100);
    }

    function test_nothingIsNoRequest() external {
        vm.expectRevert(IDebitWallet.AmountZero.selector);
        _request(ALL, 0);
    }

    /// @dev More than there is asks for what is there now, not for what is paid in later.
    function test_atMostTheBondIsAskedFor() external {
        bond(processor, 100);
        _request(ALL, type(uint256).max);
        bond(processor, 50);
        vm.warp(DUE);
        assertEq(_execute(ALL), 100);
        assertEq(bondOf(processor), 50);
    }

    function test_aBondDoesNotComeBackToTheContractOrToNobody() external {
        bond(processor, 100);
        _request(ALL, 60);
        vm.warp(DUE);
        address[2] memory nobodys = [address(0), address(guarantee)];
        for (uint256 i = 0; i < 2; i++) {
            vm.expectRevert(abi.encodeWithSelector(IDebitWallet.RecipientRefused.selector, nobodys[i]));
            vm.prank(processor.addr);
            guarantee.executeUnbond(ALL, address(token), nobodys[i]);
        }
        assertEq(bondOf(processor), 100);
    }

    /// @dev Whoever paid it in has no say, nor has the payee, a signer or anybody else: each has a bond of its own,
    /// of nothing.
    function test_aBondIsItsProcessorsAlone() external {
        bond(processor, 100);
        bond(processor, payee.addr, 100);
        vm.prank(processor.addr);
        guarantee.nameSigner(signer.addr);
        _request(ALL, 100);
        _request(payee.addr, 100);
        vm.warp(DUE);
        address[4] memory others = [address(this), payee.addr, signer.addr, mallory.addr];
        for (uint256 i = 0; i < others.length; i++) {
            vm.startPrank(others[i]);
            vm.expectRevert(IDebitWallet.NothingPending.selector);
            guarantee.executeUnbond(ALL, address(token), mallory.addr);
            vm.expectRevert(IDebitWallet.NothingPending.selector);
            guarantee.executeUnbond(payee.addr, address(token), mallory.addr);
            vm.expectRevert(IDebitWallet.AmountZero.selector);
            guarantee.requestUnbond(ALL, address(token), 100);
            vm.stopPrank();
        }
        assertEq(_execute(ALL), 100);
        assertEq(_execute(payee.addr), 100);
    }

    /// @dev The processor sees that it failed and wants its bond out before anyone claims.
    function test_aBondAnswersForReceiptsUntilItIsOut() external {
        bond(processor, 100);
        _request(ALL, 100);
        demandInTime(receiptFor(1, 70));
        vm.warp(CLAIMABLE);
        vm.expectRevert(abi.encodeWithSelector(IDebitWallet.TooEarly.selector, DUE));
        _execute(ALL);
        vm.warp(DUE);
        claim(receiptFor(1, 70));
        assertEq(token.balanceOf(payee.addr), 70);
        assertEq(_execute(ALL), 30);
    }

    function test_aTokenThatRefusesLeavesTheBond() external {
        AnsweringToken refusing = new AnsweringToken();
        token = OpenToken(address(refusing));
        bond(processor, 100);
        _request(ALL, 100);
        vm.warp(DUE);
        refusing.refuse("blocked");
        vm.expectRevert(abi.encodeWithSelector(IDebitWallet.TransferFailed.selector, address(token), home, 100));
        _execute(ALL);
        assertEq(bondOf(processor), 100);
    }

    /// @dev A payee's money in the wallet and bonds are different contracts' tokens.
    function test_bondsAndBalancesAreHeldApart() external {
        bond(processor, 100);
        assertEq(token.balanceOf(address(wallet)), 1000);
        assertEq(token.balanceOf(address(guarantee)), 100);
    }

    function _request(address of_, uint256 amount) private {
        vm.prank(processor.addr);
        guarantee.requestUnbond(of_, address(token), amount);
    }

    function _execute(address of_) private returns (uint256) {
        vm.prank(processor.addr);
        return guarantee.executeUnbond(of_, address(token), home);
    }
}
