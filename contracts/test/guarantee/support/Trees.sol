// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IDebitWallet} from "../../../src/interfaces/IDebitWallet.sol";
import {IGuarantee} from "../../../src/interfaces/IGuarantee.sol";

/// @dev What a payout is made of.
struct Captured {
    bytes32 mandateId;
    uint128 amount;
}

/// @title The trees of what a batch captured, as a processor makes them
/// @notice Written from docs/contracts.md; nothing is shared with `src`.
library Trees {
    /// @return captures The header's word.
    function root(IDebitWallet.Payout[] memory payouts, Captured[][] memory parts) internal pure returns (bytes32) {
        bytes32[] memory level = _leaves(payouts, parts);
        while (level.length > 1) {
            level = _up(level);
        }
        return level[0];
    }

    /// @dev The leaf of a payout's part, with its paths. The receipt is left to the caller.
    function open(IDebitWallet.Payout[] memory payouts, Captured[][] memory parts, uint256 payout, uint256 part)
        internal
        pure
        returns (IGuarantee.Leaf memory leaf)
    {
        (leaf.payout, leaf.captured) = (payout, parts[payout][part].amount);
        leaf.within = _within(parts[payout], part);
        bytes32[] memory level = _leaves(payouts, parts);
        leaf.above = new bytes32[](_depth(payouts.length));
        for (uint256 i = 0; i < leaf.above.length; i++) {
            leaf.above[i] = level[payout >> i ^ 1];
            level = _up(level);
        }
    }

    function sumRoot(Captured[] memory parts) internal pure returns (bytes32 hash) {
        (hash,) = _sum(parts, 0, parts.length);
    }

    // --- The tree over payouts ----------------------------------------------------------------------

    /// @dev As many as a power of two, zeros behind.
    function _leaves(IDebitWallet.Payout[] memory payouts, Captured[][] memory parts)
        private
        pure
        returns (bytes32[] memory leaves)
    {
        leaves = new bytes32[](1 << _depth(payouts.length));
        for (uint256 i = 0; i < payouts.length; i++) {
            bytes32 hash = sumRoot(parts[i]);
            leaves[i] = keccak256(
                bytes.concat(
                    bytes32(i), bytes32(uint256(uint160(payouts[i].payee))), bytes32(uint256(payouts[i].amount)), hash
                )
            );
        }
    }

    function _up(bytes32[] memory level) private pure returns (bytes32[] memory above) {
        above = new bytes32[](level.length / 2);
        for (uint256 i = 0; i < above.length; i++) {
            above[i] = keccak256(bytes.concat(level[2 * i], level[2 * i + 1]));
        }
    }

    function _depth(uint256 count) private pure returns (uint256 depth) {
        while (1 << depth < count) depth++;
    }

    // --- A payout's tree ----------------------------------------------------------------------------

    /// @dev Any shape will do; this one halves.
    function _sum(Captured[] memory parts, uint256 from, uint256 to) private pure returns (bytes32 hash, uint128 sum) {
        if (to - from == 1) {
            sum = parts[from].amount;
            return (keccak256(bytes.concat(parts[from].mandateId, bytes32(uint256(sum)))), sum);
        }
        uint256 middle = (from + to) / 2;
        (bytes32 left, uint128 leftSum) = _sum(parts, from, middle);
        (bytes32 right, uint128 rightSum) = _sum(parts, middle, to);
        hash = keccak256(bytes.concat(left, bytes32(uint256(leftSum)), right, bytes32(uint256(rightSum))));
        return (hash, leftSum + rightSum);
    }

    function _within(Captured[] memory parts, uint256 part) private pure returns (IGuarantee.SumNode[] memory path) {
        (uint256 from, uint256 to, uint256 depth) = (0, parts.length, 0);
        IGuarantee.SumNode[] memory down = new IGuarantee.SumNode[](parts.length);
        while (to - from > 1) {
            uint256 middle = (from + to) / 2;
            bool left = part >= middle;
            (bytes32 hash, uint128 sum) = left ? _sum(parts, from, middle) : _sum(parts, middle, to);
            down[depth++] = IGuarantee.SumNode(hash, sum, left);
            (from, to) = left ? (middle, to) : (from, middle);
        }
        path = new IGuarantee.SumNode[](depth);
        for (uint256 i = 0; i < depth; i++) {
            path[i] = down[depth - 1 - i];
        }
    }
}
