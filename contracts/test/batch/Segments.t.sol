// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IDebitWallet} from "../../src/interfaces/IDebitWallet.sol";
import {IdealCircuit, Opening, Settled} from "./support/IdealCircuit.sol";
import {Batch, Model} from "./support/Model.sol";
import {SegmentsTest} from "./support/SegmentsTest.sol";

/// @notice Fear: segments that are each proved come to a batch that nobody signed: one is left out or counted
/// twice, one's header or sum makes up for another's, or one is never verified.
contract BatchSegmentsTest is SegmentsTest {
    function test_aWindowSettlesAtOnce() external {
        Batch memory batch = window();
        assertSettles(batch);
        assertEq(balance(first), FUNDS - 60e6);
        assertEq(balance(second), FUNDS - 90e6);
        assertEq(token.balanceOf(payee), 80e6);
        assertEq(token.balanceOf(otherPayee), 70e6);
        assertEq(spentWord(first, 0), 0xe0);
        assertEq(spentWord(first, 7), uint128(1) << 104);
        assertEq(spentWord(second, 1), 3);
    }

    /// @dev One for all segments, and it names none: the id is a hash over them.
    function test_whatHappenedIsSaid() external {
        Batch memory batch = window();
        bytes memory data = prove(batch);
        vm.expectEmit(address(wallet));
        emit IDebitWallet.BatchSettled(seed(batch), address(token), processor, verifierSet, 6, 150e6);
        vm.prank(processor);
        (bool success,) = address(wallet).call(data);
        assertTrue(success);
    }

    function test_itSettlesOnce() external {
        assertSettles(window());
        assertRefused(
            processor,
            prove(window()),
            abi.encodeWithSelector(IDebitWallet.NonceSpent.selector, first, uint64(0), uint256(0xe0))
        );
    }

    /// @dev Any mandates in any segments of any shapes: the wallet sees the same entries.
    function testFuzz_anyCutOfTheWindowSettles(uint256 draw) external {
        Opening[4] memory cut;
        uint256[4] memory lengths;
        for (uint256 i = 0; i < 4; i++) {
            cut[i] = Opening(openings[0].domain, openings[0].validUntil, 0, new Settled[](6));
        }
        (cut[0].blind, cut[3].blind) = (draw >> 1, Model.minus(0, draw >> 1));
        for (uint256 i = 0; i < 6; i++) {
            uint256 where = (draw >> (2 * i)) % 4;
            cut[where].mandates[lengths[where]++] = openings[i / 2].mandates[i % 2];
        }
        Batch memory batch = window();
        batch.segments = new IDebitWallet.Segment[](4);
        for (uint256 i = 0; i < 4; i++) {
            (Settled[] memory mandates, uint256 length) = (cut[i].mandates, lengths[i]);
            assembly ("memory-safe") {
                mstore(mandates, length)
            }
            batch.segments[i] = segment((draw >> (16 + i)) % 2 == 0 ? circuit : otherCircuit, cut[i]);
        }
        assertSettles(batch);
        assertEq(balance(first), FUNDS - 60e6);
        assertEq(token.balanceOf(payee), 80e6);
        assertEq(spentWord(second, 1), 3);
    }

    // --- Which segments -------------------------------------------------------------------------------

    function test_aSegmentLeftOutIsMissed() external {
        for (uint256 out = 0; out < 3; out++) {
            Batch memory batch = window();
            IDebitWallet.Segment[] memory left = new IDebitWallet.Segment[](2);
            (left[0], left[1]) = (batch.segments[out == 0 ? 1 : 0], batch.segments[out == 2 ? 1 : 2]);
            batch.segments = left;
            assertSumsDiffer(batch);
        }
    }

    function test_aSegmentTooManyIsSeen() external {
        for (uint256 twice = 0; twice < 3; twice++) {
            assertSumsDiffer(_withAgain(window(), twice));
        }
    }

    /// @dev Entries and count as if each of its mandates were two. Two equal bits are one higher bit.
    function test_aSegmentTwiceIsNotTwiceThePayment() external {
        (openings[0].blind, openings[2].blind) = (Model.minus(0, openings[1].blind), 0);
        Batch memory batch = _withAgain(window(), 2);
        batch.debits[1].mask <<= 1;
        batch.debits[2].mask = 1 + 4;
        batch.debits[2].amount += 50e6;
        batch.payouts[1].amount += 50e6;
        assertSumsDiffer(batch);
        batch.header.count = 8;
        assertRefused(processor, prove(batch), abi.encodeWithSelector(IDebitWallet.CountMismatch.selector, 6, 8));
    }

    /// @dev The second time under another blind, and so another commitment.
    function test_aMandateInTwoSegmentsIsNotPaidTwice() external {
        openings[0].mandates.push(openings[2].mandates[1]);
        Batch memory batch = window();
        batch.debits[2].amount += 50e6;
        batch.payouts[1].amount += 50e6;
        batch.debits[2].mask = 1 + 4;
        assertSumsDiffer(batch);
        batch.header.count = 7;
        assertRefused(processor, prove(batch), abi.encodeWithSelector(IDebitWallet.CountMismatch.selector, 6, 7));
        batch.debits[2].mask = 1 + 2 + 4;
        assertSumsDiffer(batch);
    }

    /// @dev Proofs of one order are none of another: the challenges are others.
    function test_segmentsInAnotherOrderAreAnotherBatch() external {
        Batch memory batch = window();
        bytes32 id = seed(batch);
        prove(batch);
        uint256 hint = hintOf(batch);
        (batch.segments[0], batch.segments[1]) = (batch.segments[1], batch.segments[0]);
        assertNotEq(seed(batch), id);
        assertRefused(processor, callOf(batch, hint), abi.encodeWithSelector(IDebitWallet.HintWrong.selector, hint));
        assertRefused(
            processor,
            callOf(batch, hintOf(batch)),
            abi.encodeWithSelector(IDebitWallet.SumsDiffer.selector, seed(batch))
        );
        Model.complete(batch, domain(batch), keyHashes(batch));
        assertNotProven(batch, hintOf(batch));
        assertSettles(batch);
    }

    function test_aCommitmentChangedAfterTheChallengeIsAnotherBatch() external {
        for (uint256 i = 0; i < 3; i++) {
            Batch memory batch = window();
            prove(batch);
            openings[i].blind += 1;
            openings[(i + 1) % 3].blind -= 1;
            batch.segments[i].commitment = window().segments[i].commitment;
            assertRefused(
                processor,
                callOf(batch, hintOf(batch)),
                abi.encodeWithSelector(IDebitWallet.SumsDiffer.selector, seed(batch))
            );
            Model.complete(batch, domain(batch), keyHashes(batch));
            assertNotProven(batch, hintOf(batch));
        }
    }

    /// @dev The shape is in the seed, and says who verifies.
    function test_aSegmentUnderAnotherShapeIsNotProven() external {
        Batch memory batch = window();
        batch.segments[1].shape = OTHER_SHAPE;
        _show(batch);
        (, uint256 hint) = Model.complete(batch, domain(batch), keyHashes(batch));
        assertNotProven(batch, hint);
    }

    /// @dev No circuit opens another's commitment. If one did, both would be verified, and counted.
    function test_oneCommitmentInTwoShapesIsTwoSegments() external {
        Batch memory batch = window();
        batch.segments[2].commitment = batch.segments[0].commitment;
        _show(batch);
        (, uint256 hint) = Model.complete(batch, domain(batch), keyHashes(batch));
        assertNotProven(batch, hint);

        otherCircuit.commitAs(batch.segments[0].commitment, openings[2]);
        assertSettles(batch);
    }

    // --- Their sums -----------------------------------------------------------------------------------

    /// @dev All of it adds up. One run, then two.
    function testFuzz_aPartOfASumMovedToAnotherSegmentIsNotProven(uint256 moved, uint256 from, uint256 to) external {
        (from, to, moved) = (from % 3, to % 3, bound(moved, 1, Model.R - 1));
        vm.assume(from != to);
        Batch memory batch = window();
        prove(batch);
        batch.segments[from].sum = Model.minus(batch.segments[from].sum, moved);
        batch.segments[to].sum = addmod(batch.segments[to].sum, moved, Model.R);
        assertNotProven(batch, hintOf(batch));
    }

    function test_sumsOfTwoSegmentsExchangedAreNotProven() external {
        for (uint256 i = 0; i < 3; i++) {
            Batch memory batch = window();
            prove(batch);
            uint256 j = (i + 1) % 3;
            (batch.segments[i].sum, batch.segments[j].sum) = (batch.segments[j].sum, batch.segments[i].sum);
            assertNotProven(batch, hintOf(batch));
        }
    }

    function test_aSumThatIsOffByOneIsSeen() external {
        for (uint256 i = 0; i < 3; i++) {
            Batch memory batch = window();
            prove(batch);
            batch.segments[i].sum = addmod(batch.segments[i].sum, 1, Model.R);
            assertRefused(
                processor,
                callOf(batch, hintOf(batch)),
                abi.encodeWithSelector(IDebitWallet.SumsDiffer.selector, seed(batch))
            );
        }
    }

    function test_blindsThatDoNotCancelAreSeen() external {
        for (uint256 i = 0; i < 3; i++) {
            openings[i].blind += 1;
            assertSumsDiffer(window());
            openings[i].blind -= 1;
        }
        assertSettles(window());
    }

    function test_everySegmentsNumbersAreReduced() external {
        for (uint256 i = 0; i < 3; i++) {
            Batch memory batch = window();
            prove(batch);
            uint256 hint = hintOf(batch);
            (uint256 commitment, uint256 sum) = (batch.segments[i].commitment, batch.segments[i].sum);
            batch.segments[i].commitment += Model.R;
            assertRefused(
                processor,
                callOf(batch, hint),
                abi.encodeWithSelector(IDebitWallet.CommitmentOutOfRange.selector, commitment + Model.R)
            );
            batch.segments[i].commitment = commitment;
            batch.segments[i].sum += Model.R;
            assertRefused(
                processor,
                callOf(batch, hint),
                abi.encodeWithSelector(IDebitWallet.SumOutOfRange.selector, sum + Model.R)
            );
        }
    }

    // --- Their headers --------------------------------------------------------------------------------

    /// @dev One segment of another domain, a second one that makes up for it: the headers' sum is that of two
    /// honest ones. In the first, mandates of another wallet or token would settle here.
    function testFuzz_domainsThatCancelInTheSumAreSeen(uint256 by, uint256 one, uint256 other) external {
        (one, other, by) = (one % 3, other % 3, bound(by, 1, 2 ** 248));
        vm.assume(one != other);
        openings[one].domain = addmod(openings[one].domain, by, Model.R);
        openings[other].domain = Model.minus(openings[other].domain, by);
        assertSumsDiffer(window());
    }

    function testFuzz_deadlinesThatCancelInTheSumAreSeen(uint32 by, uint256 one, uint256 other) external {
        (one, other, by) = (one % 3, other % 3, uint32(bound(by, 1, START)));
        vm.assume(one != other);
        openings[one].validUntil += by;
        openings[other].validUntil -= by;
        assertSumsDiffer(window());
    }

    function test_domainAndDeadlineThatCancelInTheSumAreSeen() external {
        openings[0].domain += 5;
        openings[1].domain -= 5;
        openings[1].validUntil += 7;
        openings[2].validUntil -= 7;
        assertSumsDiffer(window());
    }

    function test_everySegmentIsForThisWalletTokenAndTime() external {
        for (uint256 i = 0; i < 3; i++) {
            openings[i].domain += 1;
            assertSumsDiffer(window());
            openings[i].domain -= 1;
            openings[i].validUntil -= 1;
            assertSumsDiffer(window());
            openings[i].validUntil += 1;
        }
        assertSettles(window());
    }

    /// @dev Their poles coincide, their powers of β do not.
    function test_aPayeeThatIsACommitmentIsAPayeeLikeAnyOther() external {
        address strange = address(uint160(uint256(keccak256("a payee and a commitment"))));
        openings[0].mandates[1].payee = strange;
        Batch memory batch = window();
        batch.payouts[1].amount -= 20e6;
        IDebitWallet.Payout[] memory payouts = new IDebitWallet.Payout[](3);
        (payouts[0], payouts[1]) = (batch.payouts[0], batch.payouts[1]);
        payouts[2] = IDebitWallet.Payout(strange, 20e6);
        batch.payouts = payouts;
        batch.segments[0].commitment = uint160(strange);
        circuit.commitAs(uint160(strange), openings[0]);
        uint256 kept = vm.snapshotState();
        assertSettles(batch);
        assertEq(token.balanceOf(strange), 20e6);
        vm.revertToState(kept);

        // A header that is off by what the payout is off by, at the same pole.
        openings[0].domain -= 1;
        circuit.commitAs(uint160(strange), openings[0]);
        batch.payouts[2].amount += 1;
        batch.payouts[0].amount -= 1;
        assertSumsDiffer(batch);
    }

    // --- Who verifies ---------------------------------------------------------------------------------

    /// @dev Each segment in exactly one call; neighbours of one shape in the same one, in their order.
    function test_runsOfOneShapeAreVerifiedTogether() external {
        Batch memory batch = window();
        Opening memory nothing = Opening(openings[0].domain, START + 1 hours, 0, new Settled[](0));
        IDebitWallet.Segment[] memory segments = new IDebitWallet.Segment[](4);
        (segments[0], segments[1], segments[2], segments[3]) =
        (batch.segments[0], batch.segments[2], batch.segments[1], segment(circuit, nothing));
        batch.segments = segments;
        for (uint256 i = 0; i < 4; i++) {
            batch.segments[i].proof[i] = i;
        }
        bytes memory data = prove(batch);
        vm.expectCall(address(circuit), _verifying(batch, 0, 1), 1);
        vm.expectCall(address(otherCircuit), _verifying(batch, 1, 2), 1);
        vm.expectCall(address(circuit), _verifying(batch, 2, 4), 1);
        vm.prank(processor);
        (bool success,) = address(wallet).call(data);
        assertTrue(success);
    }

    function test_aShapeThatTheSetLacksIsRefusedWhereverItStands() external {
        for (uint256 i = 0; i < 3; i++) {
            Batch memory batch = window();
            batch.segments[i].shape = SHAPE + 1;
            // All of it adds up, and what comes before it is proved.
            _show(batch);
            assertRefused(
                processor,
                callOf(batch, hintOf(batch)),
                abi.encodeWithSelector(IDebitWallet.UnknownShape.selector, verifierSet, SHAPE + 1)
            );
        }
    }

    /// @dev Sums by the circuits that know the commitments, whatever the shapes.
    function _show(Batch memory batch) private view {
        (uint256 x, uint256 beta) = Model.challenges(seed(batch));
        for (uint256 i = 0; i < 3; i++) {
            batch.segments[i].sum = (i == 2 ? otherCircuit : circuit).sumOf(batch.segments[i].commitment, x, beta);
        }
    }

    function _verifying(Batch memory batch, uint256 from, uint256 to) private view returns (bytes memory) {
        (uint256 x, uint256 beta) = Model.challenges(seed(batch));
        uint256[8][] memory proofs = new uint256[8][](to - from);
        uint256[4][] memory inputs = new uint256[4][](to - from);
        for (uint256 i = from; i < to; i++) {
            proofs[i - from] = batch.segments[i].proof;
            inputs[i - from] = [batch.segments[i].commitment, x, beta, batch.segments[i].sum];
        }
        return abi.encodeCall(IdealCircuit.verify, (proofs, inputs));
    }

    /// @dev With one segment a second time.
    function _withAgain(Batch memory batch, uint256 index) private pure returns (Batch memory) {
        IDebitWallet.Segment[] memory more = new IDebitWallet.Segment[](4);
        for (uint256 i = 0; i < 3; i++) {
            more[i] = batch.segments[i];
        }
        IDebitWallet.Segment memory last = batch.segments[index];
        more[3] = IDebitWallet.Segment(last.shape, last.commitment, last.sum, last.proof);
        batch.segments = more;
        return batch;
    }
}
