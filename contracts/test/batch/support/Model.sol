// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IDebitWallet} from "../../../src/interfaces/IDebitWallet.sol";

/// @dev A batch as a processor holds it before it is sent. The hint is not part of it.
struct Batch {
    IDebitWallet.Header header;
    IDebitWallet.Debit[] debits;
    IDebitWallet.Payout[] payouts;
    IDebitWallet.Segment[] segments;
}

/// @title What the wallet should hash and sum, written a second time
/// @notice From docs/circuit.md alone, and by other means than the wallet: the seed's bytes are laid out by
/// hand, every fraction is inverted by itself, and nothing is shared with `src`.
library Model {
    uint256 internal constant R = 0x30644e72e131a029b85045b68181585d2833e84879b9709143e1f593f0000001;

    function domain(uint256 chain, address wallet, address token) internal pure returns (uint256) {
        bytes32 name = keccak256("AEP2 mandate v1");
        return
            uint256(keccak256(bytes.concat(name, bytes32(chain), _word(uint160(wallet)), _word(uint160(token))))) / 256;
    }

    /// @dev Three lists, each hashed by itself; then the hashes with what holds for all.
    function seed(Batch memory batch, uint256 domain_, uint256[] memory keyHashes) internal pure returns (bytes32) {
        (uint256 segments, uint256 debits, uint256 payouts) =
            (batch.segments.length, batch.debits.length, batch.payouts.length);
        bytes32[] memory words = new bytes32[](2 * segments);
        for (uint256 i = 0; i < segments; i++) {
            words[2 * i] = _word(batch.segments[i].shape);
            words[2 * i + 1] = _word(batch.segments[i].commitment);
        }
        bytes32 segmentsHash = keccak256(abi.encodePacked(words));

        words = new bytes32[](5 * debits);
        for (uint256 i = 0; i < debits; i++) {
            IDebitWallet.Debit memory entry = batch.debits[i];
            words[4 * i] = _word(entry.account);
            words[4 * i + 1] = _word(entry.word);
            words[4 * i + 2] = _word(entry.mask);
            words[4 * i + 3] = _word(entry.amount);
            words[4 * debits + i] = _word(keyHashes[i]);
        }
        bytes32 debitsHash = keccak256(abi.encodePacked(words));

        words = new bytes32[](2 * payouts);
        for (uint256 i = 0; i < payouts; i++) {
            words[2 * i] = _word(uint160(batch.payouts[i].payee));
            words[2 * i + 1] = _word(batch.payouts[i].amount);
        }
        bytes32 payoutsHash = keccak256(abi.encodePacked(words));
        return keccak256(
            bytes.concat(
                segmentsHash,
                _word(domain_),
                _word(batch.header.validUntil),
                _word(batch.header.count),
                debitsHash,
                payoutsHash
            )
        );
    }

    function challenges(bytes32 seed_) internal pure returns (uint256 x, uint256 beta) {
        x = uint256(keccak256(bytes.concat(seed_, _word(0)))) % R;
        beta = uint256(keccak256(bytes.concat(seed_, _word(1)))) % R;
    }

    /// @dev What the segments' R must come to, term by term.
    function sum(Batch memory batch, uint256 domain_, uint256[] memory keyHashes, uint256 x, uint256 beta)
        internal
        view
        returns (uint256 total)
    {
        uint256 square = mulmod(beta, beta, R);
        total = mulmod(square, batch.header.count, R);
        for (uint256 i = 0; i < batch.debits.length; i++) {
            IDebitWallet.Debit memory entry = batch.debits[i];
            uint256 weight = addmod(entry.mask, mulmod(beta, entry.amount, R), R);
            total = addmod(total, mulmod(weight, inverse(debitPole(entry, keyHashes[i], x, beta)), R), R);
        }
        for (uint256 i = 0; i < batch.payouts.length; i++) {
            uint256 weight = mulmod(square, batch.payouts[i].amount, R);
            total = addmod(total, mulmod(weight, inverse(payoutPole(batch.payouts[i], x)), R), R);
        }
        for (uint256 i = 0; i < batch.segments.length; i++) {
            uint256 weight = addmod(domain_, mulmod(beta, batch.header.validUntil, R), R);
            weight = mulmod(mulmod(square, beta, R), weight, R);
            total = addmod(total, mulmod(weight, inverse(minus(x, batch.segments[i].commitment)), R), R);
        }
    }

    /// @dev The inverse of all denominators' product: the product of their inverses.
    function hint(Batch memory batch, uint256[] memory keyHashes, uint256 x, uint256 beta)
        internal
        view
        returns (uint256 product)
    {
        product = 1;
        for (uint256 i = 0; i < batch.debits.length; i++) {
            product = mulmod(product, debitPole(batch.debits[i], keyHashes[i], x, beta), R);
        }
        for (uint256 i = 0; i < batch.payouts.length; i++) {
            product = mulmod(product, payoutPole(batch.payouts[i], x), R);
        }
        for (uint256 i = 0; i < batch.segments.length; i++) {
            product = mulmod(product, minus(x, batch.segments[i].commitment), R);
        }
        product = inverse(product);
    }

    /// @dev The last segment's R becomes what the others leave of the sum. So any batch adds up, and what is left to
    /// ask is whether its proofs hold.
    /// @return inputs C, X, β, R of each segment.
    /// @return hint_ That goes with them.
    function complete(Batch memory batch, uint256 domain_, uint256[] memory keyHashes)
        internal
        view
        returns (uint256[4][] memory inputs, uint256 hint_)
    {
        (uint256 x, uint256 beta) = challenges(seed(batch, domain_, keyHashes));
        hint_ = hint(batch, keyHashes, x, beta);
        uint256 left = sum(batch, domain_, keyHashes, x, beta);
        uint256 last = batch.segments.length - 1;
        for (uint256 i = 0; i < last; i++) {
            left = minus(left, batch.segments[i].sum);
        }
        batch.segments[last].sum = left;
        inputs = new uint256[4][](last + 1);
        for (uint256 i = 0; i <= last; i++) {
            inputs[i] = [batch.segments[i].commitment, x, beta, batch.segments[i].sum];
        }
    }

    /// @dev Of a batch of one segment: C, X, β, R, and the hint that goes with them.
    function publicInputs(Batch memory batch, uint256 domain_, uint256[] memory keyHashes)
        internal
        view
        returns (uint256[4] memory, uint256)
    {
        (uint256[4][] memory inputs, uint256 hint_) = complete(batch, domain_, keyHashes);
        return (inputs[0], hint_);
    }

    /// @dev X − account·2^57 − word − β·keyHash.
    function debitPole(IDebitWallet.Debit memory entry, uint256 keyHash, uint256 x, uint256 beta)
        internal
        pure
        returns (uint256)
    {
        uint256 key = uint256(entry.account) * 2 ** 57 + entry.word;
        return minus(minus(x, key), mulmod(beta, keyHash, R));
    }

    /// @dev X − payee.
    function payoutPole(IDebitWallet.Payout memory entry, uint256 x) internal pure returns (uint256) {
        return minus(x, uint160(entry.payee));
    }

    function minus(uint256 a, uint256 b) internal pure returns (uint256) {
        return addmod(a, R - b % R, R);
    }

    /// @dev a^(r − 2), by the precompile of EIP-198. 0 has none.
    function inverse(uint256 a) internal view returns (uint256) {
        require(a % R != 0, "no inverse");
        (bool success, bytes memory result) =
            address(5).staticcall(bytes.concat(_word(32), _word(32), _word(32), _word(a), _word(R - 2), _word(R)));
        require(success && result.length == 32, "no modexp");
        return abi.decode(result, (uint256));
    }

    function _word(uint256 value) private pure returns (bytes32) {
        return bytes32(value);
    }
}
