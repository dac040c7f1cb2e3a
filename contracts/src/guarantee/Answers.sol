// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IDebitWallet} from "../interfaces/IDebitWallet.sol";
import {IGuarantee} from "../interfaces/IGuarantee.sol";
import {CaptureTree} from "./CaptureTree.sol";
import {Demands} from "./Demands.sol";

/// @title Answers: what was settled, what the payee took, what was ruled
/// @notice A spent nonce is no answer. Who settles a mandate at 0 in front of a claim, or signs two receipts for one
/// nonce, has shown nothing.
abstract contract Answers is Demands {
    /// @dev What a payee has had of a mandate.
    struct Paid {
        /// @dev The most that one batch paid of it.
        uint128 shown;
        /// @dev From bonds.
        uint128 claimed;
    }

    /// @dev By everything that says which payment is meant, and by nothing else: receipts that differ in their times
    /// or amounts are about one payment; such as differ in the payee are not.
    mapping(bytes32 payment => Paid) private _paid;

    // --- Answering ----------------------------------------------------------------------------------

    /// @inheritdoc IGuarantee
    function answer(Remembered calldata batch, Leaf[] calldata leaves) external nonReentrant {
        uint40 settledAt = _requireRemembered(batch);
        for (uint256 i = 0; i < leaves.length; i++) {
            Leaf calldata leaf = leaves[i];
            bytes32 digest = receiptDigest(leaf.receipt);
            Demand storage kept = requireDemand(digest);
            if (!_counts(batch.processor, leaf.receipt) || !CaptureTree.shows(batch, leaf)) revert NotShown(digest);
            Paid storage paid = paidFor(leaf.receipt);
            if (leaf.captured > paid.shown) paid.shown = leaf.captured;
            emit Shown(digest, leaf.captured);
            if (leaf.captured >= kept.due && settledAt < kept.madeAt && kept.deposit != 0) {
                uint256 deposit = giveDeposit(kept, leaf.receipt.processor);
                emit DepositForfeited(digest, leaf.receipt.processor, deposit);
            }
        }
    }

    /// @inheritdoc IGuarantee
    function answerByCapture(CaptureAnswer[] calldata answers) external nonReentrant {
        for (uint256 i = 0; i < answers.length; i++) {
            CaptureAnswer calldata given = answers[i];
            bytes32 digest = receiptDigest(given.receipt);
            Demand storage kept = requireDemand(digest);
            if (kept.captureSigner != address(0)) revert CaptureFixed(digest);
            bytes32 signed = captureDigest(given.receipt.mandateId, given.amount);
            // Of payee 0 there is no demand, so no signature recovers to it.
            if (keyThatSigned(signed, given.signature) != given.receipt.payee) revert CaptureSignature(digest);
            _lower(digest, kept, given.amount);
        }
    }

    /// @inheritdoc IGuarantee
    function answerByRuling(RulingAnswer[] calldata answers) external nonReentrant {
        for (uint256 i = 0; i < answers.length; i++) {
            RulingAnswer calldata given = answers[i];
            bytes32 digest = receiptDigest(given.receipt);
            Demand storage kept = requireDemand(digest);
            address arbiter = given.receipt.arbiter;
            bool ruled = arbiter != address(0) && given.ruling.mandateId == given.receipt.mandateId
                && keyThatSigned(rulingDigest(given.ruling), given.signature) == arbiter;
            if (!ruled) revert RulingSignature(digest);
            _lower(digest, kept, given.ruling.captured);
        }
    }

    /// @dev Nobody proves what a batch says it captured, and a payee is paid by many processors for many things. What
    /// another one paid for something else, with which nobody here has to do, would pass for this: by a word in that
    /// one's batch. So a batch speaks for the receipt's processor; and for the one that is the account's by now, which
    /// may have settled the mandate in its stead.
    function _counts(address settledBy, Receipt calldata receipt) private view returns (bool) {
        return settledBy == receipt.processor || settledBy == WALLET.accountOf(receipt.account).processor;
    }

    function _lower(bytes32 digest, Demand storage kept, uint96 due) private {
        if (due >= kept.due) return;
        kept.due = due;
        emit DueLowered(digest, due);
    }

    /// @return settledAt Unix seconds.
    function _requireRemembered(Remembered calldata batch) private view returns (uint40 settledAt) {
        bytes32 payoutsHash = _hash(batch.payouts);
        bytes32 evidence = keccak256(abi.encode(batch.token, payoutsHash, batch.captures));
        uint216 remembered;
        (remembered, settledAt) = WALLET.evidenceAt(batch.processor, batch.place);
        if (settledAt == 0 || remembered != uint216(uint256(evidence) >> 40)) {
            revert NotRemembered(batch.processor, batch.place);
        }
    }

    /// @dev As the wallet hashes them, payee and amount in a word each.
    function _hash(IDebitWallet.Payout[] calldata payouts) private pure returns (bytes32 hash) {
        assembly ("memory-safe") {
            // Written to free memory, which stays free.
            let data := mload(0x40)
            let length := shl(6, payouts.length)
            calldatacopy(data, payouts.offset, length)
            hash := keccak256(data, length)
        }
    }

    // --- Kept ---------------------------------------------------------------------------------------

    function paidFor(Receipt calldata receipt) internal view returns (Paid storage) {
        return _paid[
            keccak256(
                abi.encode(
                    receipt.processor, receipt.mandateId, receipt.token, receipt.account, receipt.nonce, receipt.payee
                )
            )
        ];
    }

    /// @inheritdoc IGuarantee
    function paidOf(Receipt calldata receipt) external view returns (uint128 shown, uint128 claimed) {
        Paid memory paid = paidFor(receipt);
        return (paid.shown, paid.claimed);
    }

    /// @inheritdoc IGuarantee
    function claimable(Receipt calldata receipt) external view returns (uint256) {
        return owed(requireDemand(receiptDigest(receipt)), paidFor(receipt));
    }

    function owed(Demand storage kept, Paid storage paid) internal view returns (uint256) {
        uint256 had = uint256(paid.shown) + paid.claimed;
        return kept.due > had ? kept.due - had : 0;
    }
}
