// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IDebitWallet} from "../../src/interfaces/IDebitWallet.sol";
import {DirectTest} from "./support/DirectTest.sol";

/// @notice The account that an owner's direct mandates debit, and how it is changed: as
/// everything, in two steps, so that what was accepted on the old one settles.
contract ChangesOfDirectAccountTest is DirectTest {
    uint40 private constant DUE = uint40(START) + DELAY;

    uint32 private first;
    uint32 private second;

    function setUp() public override {
        super.setUp();
        first = openFunded(alice, 100);
        second = openFunded(alice, 100);
    }

    function test_theOldAccountIsDebitedUntilTheNewOneIsPutInForce() external {
        vm.expectEmit(address(wallet));
        emit IDebitWallet.DirectAccountRequested(alice.addr, second, DUE);
        vm.prank(alice.addr);
        wallet.setDirectAccount(second);
        _laneIs(first, second, DUE);

        vm.warp(DUE);
        settle(processor, mandate(alice, payee.addr, 10, 1), alice, 10);
        assertEq(balance(first), 90);

        vm.expectEmit(address(wallet));
        emit IDebitWallet.DirectAccountSet(alice.addr, second);
        vm.prank(mallory.addr);
        wallet.applyDirectAccount(alice.addr);
        _laneIs(second, 0, 0);

        settle(processor, mandate(alice, payee.addr, 10, 2), alice, 10);
        assertEq(balance(first), 90);
        assertEq(balance(second), 90);
    }

    function testFuzz_notBeforeItsTime(uint256 time) external {
        vm.prank(alice.addr);
        wallet.setDirectAccount(second);
        vm.warp(bound(time, START, DUE - 1));
        vm.expectRevert(abi.encodeWithSelector(IDebitWallet.TooEarly.selector, DUE));
        wallet.applyDirectAccount(alice.addr);
    }

    function test_aLaterRequestWaitsAnewAndOneForTheSameAccountTakesTheEarlierBack() external {
        vm.prank(alice.addr);
        wallet.setDirectAccount(0);
        vm.warp(DUE - 1);
        vm.prank(alice.addr);
        wallet.setDirectAccount(first);
        vm.warp(DUE);
        vm.expectRevert(abi.encodeWithSelector(IDebitWallet.TooEarly.selector, DUE - 1 + DELAY));
        wallet.applyDirectAccount(alice.addr);
        vm.warp(DUE - 1 + DELAY);
        wallet.applyDirectAccount(alice.addr);
        _laneIs(first, 0, 0);
    }

    function test_noAccountAtAllTakesTheDelayTooAndThenTheNextIsInForceAtOnce() external {
        vm.prank(alice.addr);
        wallet.setDirectAccount(0);
        vm.warp(DUE);
        wallet.applyDirectAccount(alice.addr);
        _laneIs(0, 0, 0);

        vm.expectEmit(address(wallet));
        emit IDebitWallet.DirectAccountSet(alice.addr, second);
        vm.prank(alice.addr);
        wallet.setDirectAccount(second);
        _laneIs(second, 0, 0);
    }

    function test_aRequestIsAppliedOnce() external {
        vm.prank(alice.addr);
        wallet.setDirectAccount(second);
        vm.warp(DUE);
        wallet.applyDirectAccount(alice.addr);
        vm.expectRevert(IDebitWallet.NothingPending.selector);
        wallet.applyDirectAccount(alice.addr);
    }

    function test_nothingIsAppliedWhereNothingWasAskedFor() external {
        vm.expectRevert(IDebitWallet.NothingPending.selector);
        wallet.applyDirectAccount(alice.addr);
        vm.expectRevert(IDebitWallet.NothingPending.selector);
        wallet.applyDirectAccount(mallory.addr);
    }

    /// @dev Or anybody's mandates would debit anybody's account.
    function test_nobodyMarksAnothersAccount() external {
        vm.expectRevert(abi.encodeWithSelector(IDebitWallet.NotOwner.selector, first, mallory.addr));
        vm.prank(mallory.addr);
        wallet.setDirectAccount(first);
        vm.expectRevert(abi.encodeWithSelector(IDebitWallet.UnknownAccount.selector, second + 1));
        vm.prank(mallory.addr);
        wallet.setDirectAccount(second + 1);
    }

    /// @dev Whoever said so beforehand has no account on this path by opening one.
    function test_anOwnerMayKeepOffTheLaneFromTheStart() external {
        vm.prank(bob.addr);
        wallet.setDirectAccount(0);
        uint32 account = open(bob);
        (uint32 direct,,) = wallet.directAccountOf(bob.addr);
        assertEq(direct, 0);
        vm.prank(bob.addr);
        wallet.setDirectAccount(account);
        (direct,,) = wallet.directAccountOf(bob.addr);
        assertEq(direct, account);
    }

    /// @dev A new account must not slip under promises made on the old one.
    function test_openingAnotherAccountLeavesTheLaneAndWhatIsAskedForAlone() external {
        vm.prank(alice.addr);
        wallet.setDirectAccount(second);
        open(alice);
        _laneIs(first, second, DUE);
    }

    function _laneIs(uint32 account, uint32 next, uint40 inForceFrom) private view {
        (uint32 account_, uint32 next_, uint40 inForceFrom_) = wallet.directAccountOf(alice.addr);
        assertEq(account_, account);
        assertEq(next_, next);
        assertEq(inForceFrom_, inForceFrom);
    }
}
