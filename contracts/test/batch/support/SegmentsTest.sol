// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IDebitWallet} from "../../../src/interfaces/IDebitWallet.sol";
import {BatchTest} from "./BatchTest.sol";
import {IdealCircuit, Opening, Settled} from "./IdealCircuit.sol";
import {Batch, Model} from "./Model.sol";

/// @title A window of signed mandates, in segments of two shapes, under verifiers that are sound
/// @notice Three segments: two of one shape, one of another. alice spends in one word in all of them.
abstract contract SegmentsTest is BatchTest {
    uint32 internal constant OTHER_SHAPE = SHAPE + 2;

    IdealCircuit internal circuit;
    IdealCircuit internal otherCircuit;

    /// @dev Of the honest window's segments.
    Opening[3] internal openings;

    function setUp() public virtual override {
        super.setUp();
        circuit = new IdealCircuit(SHAPE);
        otherCircuit = new IdealCircuit(OTHER_SHAPE);
        IDebitWallet.ShapeVerifier[] memory verifiers = new IDebitWallet.ShapeVerifier[](2);
        verifiers[0] = IDebitWallet.ShapeVerifier(SHAPE, address(circuit));
        verifiers[1] = IDebitWallet.ShapeVerifier(OTHER_SHAPE, address(otherCircuit));
        verifierSet = wallet.registerVerifiers(verifiers);
        first = open(alice, verifierSet, 11);
        second = open(bob, verifierSet, 12);
        fund(first, address(token), FUNDS);
        fund(second, address(token), FUNDS);

        uint256 domain_ = Model.domain(vm.getChainId(), address(wallet), address(token));
        for (uint256 i = 0; i < 3; i++) {
            (openings[i].domain, openings[i].validUntil) = (domain_, START + 1 hours);
        }
        // They add up to 0.
        (openings[0].blind, openings[1].blind) = (uint256(keccak256("blind")) >> 8, 77);
        openings[2].blind = Model.minus(0, openings[0].blind + 77);
        openings[0].mandates.push(Settled(first, 11, 5, 10e6, payee));
        openings[0].mandates.push(Settled(first, 11, 6, 20e6, otherPayee));
        openings[1].mandates.push(Settled(first, 11, 7, 30e6, payee));
        openings[1].mandates.push(Settled(second, 12, 128, 40e6, payee));
        openings[2].mandates.push(Settled(first, 11, 1000, 0, payee));
        openings[2].mandates.push(Settled(second, 12, 129, 50e6, otherPayee));
    }

    /// @dev The window that these three segments are.
    function window() internal returns (Batch memory batch) {
        batch.header = IDebitWallet.Header(processor, verifierSet, address(token), uint40(START + 1 hours), 6, 0, 0);
        batch.debits = new IDebitWallet.Debit[](3);
        batch.debits[0] = IDebitWallet.Debit(first, 0, 0xe0, 60e6);
        batch.debits[1] = IDebitWallet.Debit(first, 7, uint128(1) << 104, 0);
        batch.debits[2] = IDebitWallet.Debit(second, 1, 3, 90e6);
        batch.payouts = new IDebitWallet.Payout[](2);
        batch.payouts[0] = IDebitWallet.Payout(payee, 80e6);
        batch.payouts[1] = IDebitWallet.Payout(otherPayee, 70e6);
        batch.segments = new IDebitWallet.Segment[](3);
        batch.segments[0] = segment(circuit, openings[0]);
        batch.segments[1] = segment(circuit, openings[1]);
        batch.segments[2] = segment(otherCircuit, openings[2]);
    }

    function segment(IdealCircuit by, Opening memory opening) internal returns (IDebitWallet.Segment memory made) {
        made.shape = by.SHAPE();
        made.commitment = by.commit(opening);
        made.proof = proof();
    }

    /// @dev Each segment's R is what its circuit shows. Whether they add up is the wallet's to see.
    function prove(Batch memory batch) internal view returns (bytes memory) {
        (uint256 x, uint256 beta) = Model.challenges(seed(batch));
        for (uint256 i = 0; i < batch.segments.length; i++) {
            IdealCircuit by = batch.segments[i].shape == SHAPE ? circuit : otherCircuit;
            batch.segments[i].sum = by.sumOf(batch.segments[i].commitment, x, beta);
        }
        return callOf(batch, hintOf(batch));
    }

    function hintOf(Batch memory batch) internal view returns (uint256) {
        (uint256 x, uint256 beta) = Model.challenges(seed(batch));
        return Model.hint(batch, keyHashes(batch), x, beta);
    }

    function assertSettles(Batch memory batch) internal {
        bytes memory data = prove(batch);
        vm.prank(processor);
        (bool success, bytes memory answer) = address(wallet).call(data);
        assertTrue(success, vm.toString(answer));
        assertEq(abi.decode(answer, (bytes32)), seed(batch));
    }

    /// @dev True proofs of what does not add up; and with sums that do, no proofs.
    function assertSumsDiffer(Batch memory batch) internal {
        bytes memory proven = prove(batch);
        assertRefused(processor, proven, abi.encodeWithSelector(IDebitWallet.SumsDiffer.selector, seed(batch)));
        (, uint256 hint) = Model.complete(batch, domain(batch), keyHashes(batch));
        assertNotProven(batch, hint);
    }

    /// @dev The sums that stand in the segments add up, and at least one is not proved.
    function assertNotProven(Batch memory batch, uint256 hint) internal {
        assertRefused(
            processor, callOf(batch, hint), abi.encodeWithSelector(IDebitWallet.ProofRefused.selector, seed(batch))
        );
    }
}
