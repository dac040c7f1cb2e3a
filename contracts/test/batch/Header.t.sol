// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IDebitWallet} from "../../src/interfaces/IDebitWallet.sol";
import {BatchTest} from "./support/BatchTest.sol";
import {Batch, Model} from "./support/Model.sol";

/// @notice Fear: a batch settles after its time, in the name of nothing, or under a value that has a second
/// spelling.
contract BatchHeaderTest is BatchTest {
    function test_aBatchSettlesInItsLastSecond() external {
        Batch memory batch = honest();
        vm.warp(batch.header.validUntil);
        settle(batch);
    }

    function test_aBatchDoesNotSettleASecondLater() external {
        Batch memory batch = honest();
        uint256 late = uint256(batch.header.validUntil) + 1;
        vm.warp(late);
        assertRefused(batch, abi.encodeWithSelector(IDebitWallet.BatchExpired.selector, batch.header.validUntil, late));
    }

    function testFuzz_expiryIsTheHeaders(uint40 validUntil, uint40 time) external {
        Batch memory batch = honest();
        batch.header.validUntil = validUntil;
        vm.warp(time);
        if (time <= validUntil) {
            settle(batch);
        } else {
            assertRefused(batch, abi.encodeWithSelector(IDebitWallet.BatchExpired.selector, validUntil, time));
        }
    }

    function test_theLastTimeThereIsSettles() external {
        Batch memory batch = honest();
        batch.header.validUntil = type(uint40).max;
        settle(batch);
    }

    /// @dev Without entries all sums agree at 0, and whatever the circuit says of nothing is true.
    function test_anEmptyBatchIsRefused() external {
        Batch memory batch = honest();
        batch.debits = new IDebitWallet.Debit[](0);
        batch.payouts = new IDebitWallet.Payout[](0);
        batch.header.count = 0;
        assertRefused(batch, abi.encodeWithSelector(IDebitWallet.BatchEmpty.selector));
    }

    function test_aCountOfNothingIsRefusedWithEntriesToo() external {
        Batch memory batch = honest();
        batch.header.count = 0;
        assertRefused(batch, abi.encodeWithSelector(IDebitWallet.BatchEmpty.selector));
    }

    function test_theLargestCommitmentSettles() external {
        Batch memory batch = honest();
        batch.segments[0].commitment = Model.R - 1;
        settle(batch);
    }

    /// @dev C and C + r are one field element and two seeds: a second try at the challenge.
    function test_aCommitmentHasOneSpelling() external {
        Batch memory batch = honest();
        batch.segments[0].commitment += Model.R;
        assertRefused(
            batch, abi.encodeWithSelector(IDebitWallet.CommitmentOutOfRange.selector, batch.segments[0].commitment)
        );
        batch.segments[0].commitment = Model.R;
        assertRefused(
            batch, abi.encodeWithSelector(IDebitWallet.CommitmentOutOfRange.selector, batch.segments[0].commitment)
        );
    }

    function testFuzz_aCommitmentIsAFieldElement(uint256 commitment) external {
        Batch memory batch = honest();
        batch.segments[0].commitment = commitment;
        if (commitment < Model.R) {
            settle(batch);
        } else {
            assertRefused(batch, abi.encodeWithSelector(IDebitWallet.CommitmentOutOfRange.selector, commitment));
        }
    }

    /// @dev Verifiers refuse it, too; here it would be the same sum.
    function testFuzz_aSumIsAFieldElement(uint256 sum) external {
        Batch memory batch = honest();
        (, uint256 hint) = Model.publicInputs(batch, domain(batch), keyHashes(batch));
        uint256 fits = batch.segments[0].sum;
        for (uint256 given = fits + Model.R; given > Model.R; given = _plus(given, Model.R)) {
            batch.segments[0].sum = given;
            assertRefused(
                processor, callOf(batch, hint), abi.encodeWithSelector(IDebitWallet.SumOutOfRange.selector, given)
            );
        }
        batch.segments[0].sum = sum;
        if (sum >= Model.R) {
            assertRefused(
                processor, callOf(batch, hint), abi.encodeWithSelector(IDebitWallet.SumOutOfRange.selector, sum)
            );
        } else if (sum != fits) {
            assertRefused(
                processor, callOf(batch, hint), abi.encodeWithSelector(IDebitWallet.SumsDiffer.selector, seed(batch))
            );
        }
    }

    function test_aBatchWithoutSegmentsIsRefused() external {
        Batch memory batch = honest();
        batch.segments = new IDebitWallet.Segment[](0);
        assertRefused(processor, callOf(batch, 1), abi.encodeWithSelector(IDebitWallet.SegmentsEmpty.selector));
    }

    function _plus(uint256 left, uint256 right) private pure returns (uint256) {
        unchecked {
            return left + right;
        }
    }

    function test_aShapeThatTheSetLacksIsRefused() external {
        Batch memory batch = honest();
        batch.segments[0].shape = SHAPE + 1;
        assertRefused(batch, abi.encodeWithSelector(IDebitWallet.UnknownShape.selector, verifierSet, SHAPE + 1));
    }

    function test_aSetThatNobodyRegisteredIsRefused() external {
        Batch memory batch = honest();
        batch.header.verifierSet = keccak256("no such set");
        assertRefused(
            batch,
            abi.encodeWithSelector(IDebitWallet.NotAuthorized.selector, first, processor, keccak256("no such set"))
        );
    }
}
