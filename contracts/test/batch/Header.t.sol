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
        batch.commitment = Model.R - 1;
        settle(batch);
    }

    /// @dev C and C + r are one field element and two seeds: a second try at the challenge.
    function test_aCommitmentHasOneSpelling() external {
        Batch memory batch = honest();
        batch.commitment += Model.R;
        assertRefused(batch, abi.encodeWithSelector(IDebitWallet.CommitmentOutOfRange.selector, batch.commitment));
        batch.commitment = Model.R;
        assertRefused(batch, abi.encodeWithSelector(IDebitWallet.CommitmentOutOfRange.selector, batch.commitment));
    }

    function testFuzz_aCommitmentIsAFieldElement(uint256 commitment) external {
        Batch memory batch = honest();
        batch.commitment = commitment;
        if (commitment < Model.R) {
            settle(batch);
        } else {
            assertRefused(batch, abi.encodeWithSelector(IDebitWallet.CommitmentOutOfRange.selector, commitment));
        }
    }

    function test_aShapeThatTheSetLacksIsRefused() external {
        Batch memory batch = honest();
        batch.shape = SHAPE + 1;
        assertRefused(batch, abi.encodeWithSelector(IDebitWallet.UnknownShape.selector, verifierSet, SHAPE + 1));
    }

    function test_aSetThatNobodyRegisteredIsRefused() external {
        Batch memory batch = honest();
        batch.header.verifierSet = keccak256("no such set");
        assertRefused(
            batch, abi.encodeWithSelector(IDebitWallet.UnknownShape.selector, keccak256("no such set"), SHAPE)
        );
    }
}
