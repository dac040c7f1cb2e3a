// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Hashes} from "@openzeppelin/contracts/utils/cryptography/Hashes.sol";

import {IDebitWallet} from "../interfaces/IDebitWallet.sol";
import {Field} from "./Field.sol";
import {Transcript} from "./Transcript.sol";

/// @title The wallet's side of a batch, as one number
/// @notice The circuit sums over mandates, the wallet over entries. Both write what they know as one
/// rational function's value at a random point (X, β); equal values mean equal books. Each segment's proof shows
/// its own part Rᵢ, and the parts must come to
///
///     Σ Rᵢ = Σ_debits   (mask + β·amount)          / (X − w − β·keyHash)      w = account·2^57 + word
///          + Σ_payouts  β²·amount                  / (X − payee)
///          + Σ_segments β³·(domain + β·validUntil) / (X − C)
///          + β²·count
///
/// Every segment's header has a pole of its own: if headers simply added up, one segment could have another
/// domain, and a second one make up for it. The powers of β keep poles apart that coincide. docs/circuit.md has
/// the argument.
library BatchSum {
    /// @notice The two challenges: independent hashes of a seed that fixes everything both sides sum over,
    /// keccak256(abi.encode(seed, 0)) and keccak256(abi.encode(seed, 1)).
    function challenges(bytes32 seed) internal pure returns (uint256 x, uint256 beta) {
        x = uint256(Hashes.efficientKeccak256(seed, 0)) % Field.R;
        beta = uint256(Hashes.efficientKeccak256(seed, bytes32(uint256(1)))) % Field.R;
    }

    /// @notice What the segments' parts must come to.
    /// @dev Kept as a fraction n/d, so that there is one division, and that one is given as a hint.
    /// @param batch With key hashes and commitments, below R.
    /// @param header Of each segment, see {headerWeight}.
    /// @param hint 1/d. Where a denominator is 0 there is none.
    function total(Transcript.Layout memory batch, uint256 x, uint256 beta, uint256 header, uint256 count, uint256 hint)
        internal
        pure
        returns (uint256)
    {
        uint256 r = Field.R;
        uint256 n = 0;
        uint256 d = 1;
        uint256 beta2 = mulmod(beta, beta, r);
        (uint256 entry, uint256 hash, uint256 last) = (batch.debits, batch.keyHashes, batch.payouts);
        // In assembly for its price: it runs for every entry. What is added and subtracted is reduced or narrow,
        // so that `add` and `sub` do not wrap.
        assembly ("memory-safe") {
            for {} lt(hash, last) { hash := add(hash, 0x20) } {
                let weight := add(mload(add(entry, 0x40)), mulmod(beta, mload(add(entry, 0x60)), r))
                let key := add(shl(57, mload(entry)), mload(add(entry, 0x20)))
                let factor := add(x, sub(r, addmod(key, mulmod(beta, mload(hash), r), r)))
                n := addmod(mulmod(n, factor, r), mulmod(weight, d, r), r)
                d := mulmod(d, factor, r)
                entry := add(entry, 0x80)
            }
        }
        (entry, last) = (batch.payouts, batch.segments);
        assembly ("memory-safe") {
            for {} lt(entry, last) { entry := add(entry, 0x40) } {
                let weight := mulmod(beta2, mload(add(entry, 0x20)), r)
                let factor := add(x, sub(r, mload(entry)))
                n := addmod(mulmod(n, factor, r), mulmod(weight, d, r), r)
                d := mulmod(d, factor, r)
            }
        }
        (entry, last) = (batch.segments, batch.end);
        assembly ("memory-safe") {
            for {} lt(entry, last) { entry := add(entry, 0x40) } {
                let factor := add(x, sub(r, mload(add(entry, 0x20))))
                n := addmod(mulmod(n, factor, r), mulmod(header, d, r), r)
                d := mulmod(d, factor, r)
            }
        }
        if (mulmod(d, hint, r) != 1) revert IDebitWallet.HintWrong(hint);
        return addmod(mulmod(n, hint, r), mulmod(beta2, count, r), r);
    }

    /// @notice β³·(domain + β·validUntil).
    function headerWeight(uint256 domain, uint256 validUntil, uint256 beta) internal pure returns (uint256) {
        uint256 beta3 = mulmod(beta, mulmod(beta, beta, Field.R), Field.R);
        return mulmod(beta3, addmod(domain, mulmod(beta, validUntil, Field.R), Field.R), Field.R);
    }

    /// @notice Bits set in 128.
    /// @dev Sums of pairs, of fours, of eights; then all bytes at once, of which the product's 16th byte is
    /// the sum. (Warren, Hacker's Delight, 5-1.)
    function bitCount(uint128 mask) internal pure returns (uint256) {
        unchecked {
            uint256 v = mask;
            v = v - ((v >> 1) & 0x55555555555555555555555555555555);
            v = (v & 0x33333333333333333333333333333333) + ((v >> 2) & 0x33333333333333333333333333333333);
            v = (v + (v >> 4)) & 0x0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f;
            return ((v * 0x01010101010101010101010101010101) >> 120) & 0xff;
        }
    }
}
