// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IDebitWallet} from "../interfaces/IDebitWallet.sol";
import {IGuarantee} from "../interfaces/IGuarantee.sol";

/// @title What a batch captured of each mandate
/// @notice Two trees, one within the other, of keccak256 over whole words:
///
///     a mandate   keccak256(mandateId ‖ captured)
///     a node      keccak256(left ‖ sum on the left ‖ right ‖ sum on the right)
///     a payout    keccak256(index ‖ payee ‖ amount ‖ root of its mandates' tree)
///     a node      keccak256(left ‖ right), up to `captures`, the header's word; zeros beyond the last payout
///
/// Nobody proves it, and nobody need. A payout's place is fixed by its index and the number of payouts, so it has one
/// tree. A node holds the sums below it and the root's sum is the payout, so what is shown of one payout, by all who
/// show any of it, never exceeds what was paid. Whoever writes a false tree shows less than it paid.
library CaptureTree {
    /// @notice Whether the batch paid so much of the mandate to its payee.
    function shows(IGuarantee.Remembered calldata batch, IGuarantee.Leaf calldata leaf) internal pure returns (bool) {
        if (leaf.payout >= batch.payouts.length) return false;
        IDebitWallet.Payout calldata payout = batch.payouts[leaf.payout];
        if (payout.payee != leaf.receipt.payee || batch.token != leaf.receipt.token) return false;
        (bytes32 root, uint256 sum) = _sum(leaf);
        if (sum != payout.amount) return false;
        return _climb(leaf, keccak256(abi.encode(leaf.payout, payout.payee, payout.amount, root)), batch.payouts.length)
            == batch.captures;
    }

    /// @dev Sums are of 128 bits each, and no path has 2^128 nodes: nothing wraps.
    function _sum(IGuarantee.Leaf calldata leaf) private pure returns (bytes32 hash, uint256 sum) {
        (hash, sum) = (keccak256(abi.encode(leaf.receipt.mandateId, leaf.captured)), leaf.captured);
        for (uint256 i = 0; i < leaf.within.length; i++) {
            IGuarantee.SumNode calldata beside = leaf.within[i];
            hash = beside.left
                ? keccak256(abi.encode(beside.hash, beside.sum, hash, sum))
                : keccak256(abi.encode(hash, sum, beside.hash, beside.sum));
            sum += beside.sum;
        }
    }

    /// @dev The path must be as long as the tree is deep: else an inner node could pass for a payout's leaf.
    /// @return root 0, which no tree has, if it is not.
    function _climb(IGuarantee.Leaf calldata leaf, bytes32 hash, uint256 payouts) private pure returns (bytes32 root) {
        if (leaf.above.length > 64 || payouts > 1 << leaf.above.length) return 0;
        if (leaf.above.length != 0 && payouts <= 1 << (leaf.above.length - 1)) return 0;
        root = hash;
        for (uint256 i = 0; i < leaf.above.length; i++) {
            root = (leaf.payout >> i) & 1 == 1
                ? keccak256(abi.encode(leaf.above[i], root))
                : keccak256(abi.encode(root, leaf.above[i]));
        }
    }
}
