// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IDebitWallet} from "../../src/interfaces/IDebitWallet.sol";
import {SignedLaneTest} from "./support/SignedLaneTest.sol";

/// @notice The account that an owner's mandates of the signed lane debit, and how it is changed: as
/// everything, in two steps, so that what was accepted on the old one settles.
contract ChangesOfSignedLaneTest is SignedLaneTest {
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
        emit IDebitWallet.SignedLaneRequested(alice.addr, second, DUE);
        vm.prank(alice.addr);
        wallet.setSignedLane(second);
        _laneIs(first, second, DUE);

        vm.warp(DUE);
        settle(processor, mandate(alice, payee.addr, 10, 1), alice, 10);
        assertEq(balance(first), 90);

        vm.expectEmit(address(wallet));
        emit IDebitWallet.SignedLaneSet(alice.addr, second);
        vm.prank(mallory.addr);
        wallet.applySignedLane(alice.addr);
        _laneIs(second, 0, 0);

        settle(processor, mandate(alice, payee.addr, 10, 2), alice, 10);
        assertEq(balance(first), 90);
        assertEq(balance(second), 90);
    }

    function testFuzz_notBeforeItsTime(uint256 time) external {
        vm.prank(alice.addr);
        wallet.setSignedLane(second);
        vm.warp(bound(time, START, DUE - 1));
        vm.expectRevert(abi.encodeWithSelector(IDebitWallet.TooEarly.selector, DUE));
        wallet.applySignedLane(alice.addr);
    }

    function test_aLaterRequestWaitsAnewAndOneForTheSameAccountTakesTheEarlierBack() external {
        vm.prank(alice.addr);
        wallet.setSignedLane(0);
        vm.warp(DUE - 1);
        vm.prank(alice.addr);
        wallet.setSignedLane(first);
        vm.warp(DUE);
        vm.expectRevert(abi.encodeWithSelector(IDebitWallet.TooEarly.selector, DUE - 1 + DELAY));
        wallet.applySignedLane(alice.addr);
        vm.warp(DUE - 1 + DELAY);
        wallet.applySignedLane(alice.addr);
        _laneIs(first, 0, 0);
    }

    function test_noAccountAtAllTakesTheDelayTooAndThenTheNextIsInForceAtOnce() external {
        vm.prank(alice.addr);
        wallet.setSignedLane(0);
        vm.warp(DUE);
        wallet.applySignedLane(alice.addr);
        _laneIs(0, 0, 0);

        vm.expectEmit(address(wallet));
        emit IDebitWallet.SignedLaneSet(alice.addr, second);
        vm.prank(alice.addr);
        wallet.setSignedLane(second);
        _laneIs(second, 0, 0);
    }

    function test_aRequestIsAppliedOnce() external {
        vm.prank(alice.addr);
        wallet.setSignedLane(second);
        vm.warp(DUE);
        wallet.applySignedLane(alice.addr);
        vm.expectRevert(IDebitWallet.NothingPending.selector);
        wallet.applySignedLane(alice.addr);
    }

    function test_nothingIsAppliedWhereNothingWasAskedFor() external {
        vm.expectRevert(IDebitWallet.NothingPending.selector);
        wallet.applySignedLane(alice.addr);
        vm.expectRevert(IDebitWallet.NothingPending.selector);
        wallet.applySignedLane(mallory.addr);
    }

    /// @dev Or anybody's mandates would debit anybody's account.
    function test_nobodyMarksAnothersAccount() external {
        vm.expectRevert(abi.encodeWithSelector(IDebitWallet.NotOwner.selector, first, mallory.addr));
        vm.prank(mallory.addr);
        wallet.setSignedLane(first);
        vm.expectRevert(abi.encodeWithSelector(IDebitWallet.UnknownAccount.selector, second + 1));
        vm.prank(mallory.addr);
        wallet.setSignedLane(second + 1);
    }

    /// @dev Whoever said so beforehand has no account on this lane by opening one.
    function test_anOwnerMayKeepOffTheLaneFromTheStart() external {
        vm.prank(bob.addr);
        wallet.setSignedLane(0);
        uint32 account = open(bob);
        (uint32 lane,,) = wallet.signedLaneOf(bob.addr);
        assertEq(lane, 0);
        vm.prank(bob.addr);
        wallet.setSignedLane(account);
        (lane,,) = wallet.signedLaneOf(bob.addr);
        assertEq(lane, account);
    }

    /// @dev A new account must not slip under promises made on the old one.
    function test_openingAnotherAccountLeavesTheLaneAndWhatIsAskedForAlone() external {
        vm.prank(alice.addr);
        wallet.setSignedLane(second);
        open(alice);
        _laneIs(first, second, DUE);
    }

    function _laneIs(uint32 account, uint32 next, uint40 inForceFrom) private view {
        (uint32 account_, uint32 next_, uint40 inForceFrom_) = wallet.signedLaneOf(alice.addr);
        assertEq(account_, account);
        assertEq(next_, next);
        assertEq(inForceFrom_, inForceFrom);
    }
}
