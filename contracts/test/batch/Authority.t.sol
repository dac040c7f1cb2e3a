// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IDebitWallet} from "../../src/interfaces/IDebitWallet.sol";
import {AcceptingVerifier} from "../wallet/support/AcceptingVerifier.sol";
import {BatchTest} from "./support/BatchTest.sol";
import {Batch, Model} from "./support/Model.sol";
import {ParticularVerifier} from "./support/Verifiers.sol";

/// @notice Fear: somebody debits an account whose owner did not choose them, or did not choose the verifier by
/// which they prove, or by a key that is no longer the account's.
contract BatchAuthorityTest is BatchTest {
    address private mallory = makeAddr("mallory");

    function test_nobodyButTheProcessorDebits() external {
        Batch memory batch = single(first, 0, 1, 10e6);
        address[3] memory others = [mallory, alice, address(this)];
        for (uint256 i = 0; i < others.length; i++) {
            batch.header.processor = others[i];
            assertRefused(others[i], callOf(batch), _notAuthorized(first, others[i], verifierSet));
            // Nor in its name.
            batch.header.processor = processor;
            assertRefused(
                others[i], callOf(batch), abi.encodeWithSelector(IDebitWallet.NotSender.selector, processor, others[i])
            );
        }
        settle(batch);
    }

    /// @dev A processor, of others: with accounts under it, and the same verifiers.
    function test_anotherPayersProcessorDoesNotDebit() external {
        vm.prank(bob);
        wallet.openAccount(mallory, verifierSet, 5);
        Batch memory batch = single(first, 0, 1, 10e6);
        batch.header.processor = mallory;
        assertRefused(mallory, callOf(batch), _notAuthorized(first, mallory, verifierSet));
    }

    /// @dev A verifier that takes everything, registered by the account's own processor.
    function test_aVerifierThatTheOwnerDidNotChooseDoesNotCount() external {
        bytes32 own = register(wallet, address(new AcceptingVerifier()));
        Batch memory batch = single(first, 0, 1, 10e6);
        batch.header.verifierSet = own;
        assertRefused(batch, _notAuthorized(first, processor, own));
    }

    function test_anAccountWithoutAMandateKeyIsNotDebited() external {
        uint32 keyless = open(alice, 0, 0);
        uint32 unused = open(alice, verifierSet, 0);
        fund(keyless, address(token), FUNDS);
        fund(unused, address(token), FUNDS);
        assertRefused(single(keyless, 0, 1, 10e6), _notAuthorized(keyless, processor, verifierSet));
        assertRefused(single(unused, 0, 1, 10e6), _notAuthorized(unused, processor, verifierSet));

        // Nor under the set of no verifiers, which the first is open to.
        Batch memory batch = single(keyless, 0, 1, 10e6);
        batch.header.verifierSet = 0;
        assertRefused(batch, _notAuthorized(keyless, processor, 0));
    }

    /// @dev One entry is not authorized: none moves.
    function test_oneForeignEntryStopsTheWholeBatch() external {
        vm.prank(bob);
        uint32 foreign = wallet.openAccount(mallory, verifierSet, 5);
        fund(foreign, address(token), FUNDS);
        keyHash[foreign] = 5;
        Batch memory batch = honest();
        batch.debits[2].account = foreign;
        assertRefused(batch, _notAuthorized(foreign, processor, verifierSet));
        assertEq(balance(first), FUNDS);
        assertEq(spentWord(first, 6), 0);
    }

    // --- Changes ------------------------------------------------------------------------------------

    function test_aRevokedKeySettlesUntilItIsRevokedAndNotAfter() external {
        vm.prank(alice);
        wallet.revokeKey(first);
        _matured();
        settle(_lasting(0, 1));
        wallet.applyChange(first);
        assertRefused(_lasting(0, 2), _notAuthorized(first, processor, verifierSet));
    }

    function test_aFormerProcessorDoesNotDebit() external {
        vm.prank(alice);
        wallet.setProcessor(first, mallory, verifierSet, keyHash[first]);
        _matured();
        settle(_lasting(0, 1));
        Batch memory early = _lasting(0, 2);
        early.header.processor = mallory;
        assertRefused(mallory, callOf(early), _notAuthorized(first, mallory, verifierSet));
        wallet.applyChange(first);
        assertRefused(_lasting(0, 2), _notAuthorized(first, processor, verifierSet));
        processor = mallory;
        settle(_lasting(0, 2));
    }

    function test_aFormerVerifierSetDoesNotCount() external {
        bytes32 other = register(wallet, address(new AcceptingVerifier()));
        vm.prank(alice);
        wallet.setProcessor(first, processor, other, keyHash[first]);
        _matured();
        wallet.applyChange(first);
        assertRefused(_lasting(0, 1), _notAuthorized(first, processor, verifierSet));
        Batch memory batch = _lasting(0, 1);
        batch.header.verifierSet = other;
        settle(batch);
    }

    /// @dev The wallet's own key goes into the statement: a proof by another key is a proof of something else.
    function test_aProofByAFormerKeyIsRefused() external {
        ParticularVerifier particular = new ParticularVerifier();
        bytes32 set = register(wallet, address(particular));
        first = open(alice, set, 5);
        fund(first, address(token), FUNDS);

        Batch memory batch = _lasting(0, 1);
        batch.header.verifierSet = set;
        particular.setStatement(publicInputs(batch));
        uint256 kept = vm.snapshotState();
        settle(batch);
        vm.revertToState(kept);

        vm.prank(alice);
        wallet.rotateKey(first, 6);
        _matured();
        wallet.applyChange(first);
        keyHash[first] = 6;
        assertRefused(batch, abi.encodeWithSelector(IDebitWallet.ProofRefused.selector, seed(batch)));
        particular.setStatement(publicInputs(batch));
        settle(batch);
    }

    /// @dev Two accounts, each with its own key: the statement has them in the entries' order.
    function testFuzz_everyEntryCarriesItsAccountsKey(uint256 one, uint256 two) external {
        one = bound(one, 1, Model.R - 1);
        two = bound(two, 1, Model.R - 1);
        first = open(alice, verifierSet, one);
        second = open(bob, verifierSet, two);
        fund(first, address(token), FUNDS);
        fund(second, address(token), FUNDS);
        assertEq(settle(honest()), seed(honest()));
    }

    function _lasting(uint64 word, uint128 mask) private view returns (Batch memory batch) {
        batch = single(first, word, mask, 10e6);
        batch.header.validUntil = uint40(START + 2 * DELAY);
    }

    function _matured() private {
        vm.warp(START + DELAY);
    }

    function _notAuthorized(uint32 account, address caller, bytes32 set) private pure returns (bytes memory) {
        return abi.encodeWithSelector(IDebitWallet.NotAuthorized.selector, account, caller, set);
    }
}
