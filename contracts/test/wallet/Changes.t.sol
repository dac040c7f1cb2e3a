// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IDebitWallet} from "../../src/interfaces/IDebitWallet.sol";
import {Person, WalletTest} from "./support/WalletTest.sol";

/// @notice Another key, processor or verifiers: asked for, waited for, put in force. What was accepted under
/// the old terms settles until then, and never two keys are in force at once.
contract ChangesTest is WalletTest {
    uint40 private constant DUE = uint40(START) + DELAY;

    uint32 private account;
    uint64 private nonce;

    function setUp() public override {
        super.setUp();
        account = openFunded(alice, 1000);
    }

    // --- The old terms alone, then the new ones alone -----------------------------------------------

    function test_aRotatedKeySettlesOnlyOnceInForceAndTheOldOneOnlyUntilThen() external {
        vm.prank(alice.addr);
        wallet.rotateKey(account, OTHER_KEY);
        _settles(processor, verifierSet, KEY);
        _refused(processor, verifierSet, OTHER_KEY);

        // Matured, but nobody has applied it.
        vm.warp(DUE);
        _settles(processor, verifierSet, KEY);
        _refused(processor, verifierSet, OTHER_KEY);

        wallet.applyChange(account);
        _refused(processor, verifierSet, KEY);
        _settles(processor, verifierSet, OTHER_KEY);
        assertEq(wallet.accountOf(account).keyHash, OTHER_KEY);
    }

    function test_aRevokedKeySettlesUntilTheRevocationIsInForce() external {
        vm.prank(alice.addr);
        wallet.revokeKey(account);
        vm.warp(DUE);
        _settles(processor, verifierSet, KEY);

        wallet.applyChange(account);
        _unauthorized(processor, verifierSet);
        assertEq(wallet.accountOf(account).keyHash, 0);
        assertEq(wallet.accountOf(account).processor, processor.addr);
        assertEq(wallet.accountOf(account).verifierSet, verifierSet);
    }

    function test_anotherProcessorSettlesOnlyOnceInForceAndTheOldOneOnlyUntilThen() external {
        vm.prank(alice.addr);
        wallet.setProcessor(account, rival.addr, verifierSet, KEY);
        vm.warp(DUE);
        _settles(processor, verifierSet, KEY);
        _unauthorized(rival, verifierSet);

        wallet.applyChange(account);
        _unauthorized(processor, verifierSet);
        _settles(rival, verifierSet, KEY);
        assertEq(wallet.accountOf(account).processor, rival.addr);
    }

    function test_otherVerifiersSettleOnlyOnceInForceAndTheOldOnesOnlyUntilThen() external {
        vm.prank(alice.addr);
        wallet.setProcessor(account, processor.addr, otherVerifierSet, OTHER_KEY);
        vm.warp(DUE);
        _settles(processor, verifierSet, KEY);
        _unauthorized(processor, otherVerifierSet);

        wallet.applyChange(account);
        _unauthorized(processor, verifierSet);
        _settles(processor, otherVerifierSet, OTHER_KEY);
        assertEq(wallet.accountOf(account).verifierSet, otherVerifierSet);
    }

    function test_aRevokedKeyComesBackByRotation() external {
        vm.startPrank(alice.addr);
        wallet.revokeKey(account);
        vm.warp(DUE);
        wallet.applyChange(account);
        wallet.rotateKey(account, OTHER_KEY);
        vm.warp(DUE + DELAY);
        wallet.applyChange(account);
        vm.stopPrank();
        _settles(processor, verifierSet, OTHER_KEY);
    }

    // --- Keys beside processors ---------------------------------------------------------------------

    /// @dev A key that is rotated in between must not keep the account with a processor that its owner leaves.
    function test_aRequestForAKeyDoesNotDropOneForAProcessorOrVerifiers() external {
        vm.startPrank(alice.addr);
        for (uint256 i = 0; i < 2; i++) {
            address next = i == 0 ? rival.addr : processor.addr;
            wallet.setProcessor(account, next, otherVerifierSet, KEY);
            vm.expectRevert(abi.encodeWithSelector(IDebitWallet.ChangePending.selector, account));
            wallet.rotateKey(account, OTHER_KEY);
            vm.expectRevert(abi.encodeWithSelector(IDebitWallet.ChangePending.selector, account));
            wallet.revokeKey(account);
            assertEq(wallet.accountOf(account).pending.processor, next);
        }
        // Both at once, or one after the other.
        wallet.setProcessor(account, rival.addr, verifierSet, 0);
        wallet.cancelChange(account);
        wallet.revokeKey(account);
        vm.stopPrank();
        vm.warp(DUE);
        wallet.applyChange(account);
        assertEq(wallet.accountOf(account).keyHash, 0);
        assertEq(wallet.accountOf(account).processor, processor.addr);
    }

    function test_aRequestForAKeyTakesThePlaceOfOneForAKey() external {
        vm.startPrank(alice.addr);
        wallet.rotateKey(account, OTHER_KEY);
        wallet.revokeKey(account);
        assertEq(wallet.accountOf(account).pending.keyHash, 0);
        wallet.setProcessor(account, processor.addr, verifierSet, OTHER_KEY);
        wallet.rotateKey(account, KEY);
        assertEq(wallet.accountOf(account).pending.keyHash, KEY);
        vm.stopPrank();
    }

    // --- The delay ----------------------------------------------------------------------------------

    function testFuzz_aChangeIsNotInForceBeforeItsTime(uint256 time) external {
        vm.prank(alice.addr);
        wallet.rotateKey(account, OTHER_KEY);
        vm.warp(bound(time, START, DUE - 1));
        vm.expectRevert(abi.encodeWithSelector(IDebitWallet.TooEarly.selector, DUE));
        wallet.applyChange(account);
        vm.warp(DUE);
        wallet.applyChange(account);
    }

    /// @dev Otherwise a harmless change could be let mature and then be swapped for another.
    function test_aLaterRequestTakesTheEarliersPlaceAndWaitsAnew() external {
        vm.prank(alice.addr);
        wallet.rotateKey(account, OTHER_KEY);
        vm.warp(DUE - 1);
        vm.prank(alice.addr);
        wallet.setProcessor(account, rival.addr, verifierSet, KEY);

        vm.warp(DUE);
        vm.expectRevert(abi.encodeWithSelector(IDebitWallet.TooEarly.selector, DUE - 1 + DELAY));
        wallet.applyChange(account);
        vm.warp(DUE - 1 + DELAY);
        wallet.applyChange(account);
        assertEq(wallet.accountOf(account).processor, rival.addr);
        assertEq(wallet.accountOf(account).keyHash, KEY);
    }

    /// @dev A payer that keeps a matured change in hand could put it in force in front of a batch.
    function test_anyonePutsAMaturedChangeInForce() external {
        vm.prank(alice.addr);
        wallet.rotateKey(account, OTHER_KEY);
        vm.warp(DUE);
        vm.expectEmit(address(wallet));
        emit IDebitWallet.ChangeApplied(account, processor.addr, verifierSet, OTHER_KEY);
        vm.prank(mallory.addr);
        wallet.applyChange(account);
    }

    function test_aChangeIsAppliedOnce() external {
        vm.prank(alice.addr);
        wallet.rotateKey(account, OTHER_KEY);
        vm.warp(DUE);
        wallet.applyChange(account);
        assertEq(wallet.accountOf(account).pending.inForceFrom, 0);
        vm.expectRevert(IDebitWallet.NothingPending.selector);
        wallet.applyChange(account);
    }

    // --- Taking it back -----------------------------------------------------------------------------

    function test_aCancelledChangeNeverComesIntoForce() external {
        vm.startPrank(alice.addr);
        wallet.rotateKey(account, OTHER_KEY);
        vm.expectEmit(address(wallet));
        emit IDebitWallet.ChangeCancelled(account);
        wallet.cancelChange(account);
        vm.stopPrank();

        vm.warp(DUE);
        vm.expectRevert(IDebitWallet.NothingPending.selector);
        wallet.applyChange(account);
        _settles(processor, verifierSet, KEY);
    }

    function test_whereNothingWasAskedForNothingIsCancelledOrApplied() external {
        vm.expectRevert(IDebitWallet.NothingPending.selector);
        wallet.applyChange(account);
        vm.expectRevert(IDebitWallet.NothingPending.selector);
        vm.prank(alice.addr);
        wallet.cancelChange(account);
    }

    // --- Whose it is --------------------------------------------------------------------------------

    function test_onlyTheOwnerAsksOrCancels() external {
        vm.prank(alice.addr);
        wallet.rotateKey(account, OTHER_KEY);

        bytes[4] memory calls = _requests(account);
        Person[3] memory others = [mallory, bob, processor];
        for (uint256 i = 0; i < calls.length; i++) {
            for (uint256 j = 0; j < others.length; j++) {
                vm.expectRevert(abi.encodeWithSelector(IDebitWallet.NotOwner.selector, account, others[j].addr));
                submit(others[j], calls[i]);
            }
        }
        assertEq(wallet.accountOf(account).pending.keyHash, OTHER_KEY);
    }

    function test_anAccountThatDoesNotExistIsNobodys() external {
        uint32[2] memory unknown = [uint32(0), account + 1];
        for (uint256 k = 0; k < unknown.length; k++) {
            bytes[4] memory calls = _requests(unknown[k]);
            for (uint256 i = 0; i < calls.length; i++) {
                vm.expectRevert(abi.encodeWithSelector(IDebitWallet.UnknownAccount.selector, unknown[k]));
                submit(Person(address(0), 0), calls[i]);
            }
        }
    }

    function test_oneAccountsChangeLeavesAnotherAlone() external {
        uint32 second = open(alice);
        vm.startPrank(alice.addr);
        wallet.rotateKey(account, OTHER_KEY);
        wallet.setProcessor(second, rival.addr, otherVerifierSet, OTHER_KEY);
        vm.stopPrank();
        vm.warp(DUE);
        wallet.applyChange(account);

        assertEq(wallet.accountOf(second).processor, processor.addr);
        assertEq(wallet.accountOf(second).keyHash, KEY);
        assertEq(wallet.accountOf(second).pending.processor, rival.addr);
        assertEq(wallet.accountOf(account).processor, processor.addr);
        vm.prank(alice.addr);
        wallet.cancelChange(second);
        _settles(processor, verifierSet, OTHER_KEY);
    }

    // --- What may be asked for ----------------------------------------------------------------------

    function test_termsThatNoAccountMayHaveCannotBeAskedFor() external {
        vm.startPrank(alice.addr);
        vm.expectRevert(IDebitWallet.ProcessorZero.selector);
        wallet.setProcessor(account, address(0), verifierSet, KEY);
        vm.expectRevert(abi.encodeWithSelector(IDebitWallet.UnknownVerifierSet.selector, bytes32("none")));
        wallet.setProcessor(account, processor.addr, "none", KEY);
        vm.expectRevert(abi.encodeWithSelector(IDebitWallet.UnknownVerifierSet.selector, bytes32(0)));
        wallet.setProcessor(account, processor.addr, 0, KEY);
        vm.expectRevert(abi.encodeWithSelector(IDebitWallet.KeyHashOutOfRange.selector, FIELD_ORDER));
        wallet.setProcessor(account, processor.addr, verifierSet, FIELD_ORDER);
        vm.expectRevert(abi.encodeWithSelector(IDebitWallet.KeyHashOutOfRange.selector, FIELD_ORDER));
        wallet.rotateKey(account, FIELD_ORDER);
        vm.stopPrank();
    }

    function test_requestsAreShownAndTold() external {
        vm.startPrank(alice.addr);
        vm.expectEmit(address(wallet));
        emit IDebitWallet.ChangeRequested(account, processor.addr, verifierSet, OTHER_KEY, DUE);
        wallet.rotateKey(account, OTHER_KEY);
        vm.expectEmit(address(wallet));
        emit IDebitWallet.ChangeRequested(account, processor.addr, verifierSet, 0, DUE);
        wallet.revokeKey(account);
        vm.expectEmit(address(wallet));
        emit IDebitWallet.ChangeRequested(account, rival.addr, otherVerifierSet, OTHER_KEY, DUE);
        wallet.setProcessor(account, rival.addr, otherVerifierSet, OTHER_KEY);
        vm.stopPrank();

        IDebitWallet.Account memory kept = wallet.accountOf(account);
        assertEq(kept.processor, processor.addr);
        assertEq(kept.keyHash, KEY);
        assertEq(kept.pending.processor, rival.addr);
        assertEq(kept.pending.verifierSet, otherVerifierSet);
        assertEq(kept.pending.keyHash, OTHER_KEY);
        assertEq(kept.pending.inForceFrom, DUE);
    }

    // --- Helpers ------------------------------------------------------------------------------------

    function _requests(uint32 of_) private view returns (bytes[4] memory) {
        return [
            abi.encodeCall(wallet.rotateKey, (of_, KEY)),
            abi.encodeCall(wallet.revokeKey, (of_)),
            abi.encodeCall(wallet.setProcessor, (of_, mallory.addr, verifierSet, KEY)),
            abi.encodeCall(wallet.cancelChange, (of_))
        ];
    }

    function _settles(Person memory by, bytes32 set, uint256 key) private {
        uint256 before = token.balanceOf(payee.addr);
        submit(by, batchOf(by, set, account, key, ++nonce, payee.addr, 10));
        assertEq(token.balanceOf(payee.addr), before + 10);
    }

    /// @dev Processor and verifiers are right, the key is not: the wallet's sum comes out otherwise.
    function _refused(Person memory by, bytes32 set, uint256 key) private {
        bytes memory batch = batchOf(by, set, account, key, ++nonce, payee.addr, 10);
        vm.expectPartialRevert(IDebitWallet.HintWrong.selector);
        submit(by, batch);
    }

    function _unauthorized(Person memory by, bytes32 set) private {
        bytes memory batch = batchOf(by, set, account, KEY, ++nonce, payee.addr, 10);
        vm.expectRevert(abi.encodeWithSelector(IDebitWallet.NotAuthorized.selector, account, by.addr, set));
        submit(by, batch);
    }
}
