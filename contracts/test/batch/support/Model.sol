// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IDebitWallet} from "../../../src/interfaces/IDebitWallet.sol";

/// @dev A batch as a processor holds it before it is sent. Hint and proof are not part of it.
struct Batch {
    uint32 shape;
    IDebitWallet.Header header;
    IDebitWallet.Debit[] debits;
    IDebitWallet.Payout[] payouts;
    uint256 commitment;
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

    /// @dev keccak256(abi.encode(shape, C, domain, validUntil, count, debits, keyHashes, payouts)): eight
    /// words, of which the last three say where the lists begin, then the lists, each after its length.
    function seed(Batch memory batch, uint256 domain_, uint256[] memory keyHashes) internal pure returns (bytes32) {
        (uint256 debits, uint256 payouts) = (batch.debits.length, batch.payouts.length);
        bytes32[] memory words = new bytes32[](8 + 1 + 4 * debits + 1 + debits + 1 + 2 * payouts);
        words[0] = _word(batch.shape);
        words[1] = _word(batch.commitment);
        words[2] = _word(domain_);
        words[3] = _word(batch.header.validUntil);
        words[4] = _word(batch.header.count);
        words[5] = _word(32 * 8);
        words[6] = _word(32 * (8 + 1 + 4 * debits));
        words[7] = _word(32 * (8 + 1 + 4 * debits + 1 + debits));

        uint256 next = 8;
        words[next++] = _word(debits);
        for (uint256 i = 0; i < debits; i++) {
            IDebitWallet.Debit memory entry = batch.debits[i];
            words[next++] = _word(entry.account);
            words[next++] = _word(entry.word);
            words[next++] = _word(entry.mask);
            words[next++] = _word(entry.amount);
        }
        words[next++] = _word(debits);
        for (uint256 i = 0; i < debits; i++) {
            words[next++] = _word(keyHashes[i]);
        }
        words[next++] = _word(payouts);
        for (uint256 i = 0; i < payouts; i++) {
            words[next++] = _word(uint160(batch.payouts[i].payee));
            words[next++] = _word(batch.payouts[i].amount);
        }
        return keccak256(abi.encodePacked(words));
    }

    function challenges(bytes32 seed_) internal pure returns (uint256 x, uint256 beta) {
        x = uint256(keccak256(bytes.concat(seed_, _word(0)))) % R;
        beta = uint256(keccak256(bytes.concat(seed_, _word(1)))) % R;
    }

    /// @dev R, term by term.
    function sum(Batch memory batch, uint256 domain_, uint256[] memory keyHashes, uint256 x, uint256 beta)
        internal
        view
        returns (uint256 total)
    {
        uint256 square = mulmod(beta, beta, R);
        total = addmod(domain_, mulmod(beta, batch.header.validUntil, R), R);
        total = addmod(total, mulmod(square, batch.header.count, R), R);
        for (uint256 i = 0; i < batch.debits.length; i++) {
            IDebitWallet.Debit memory entry = batch.debits[i];
            uint256 weight = addmod(entry.mask, mulmod(beta, entry.amount, R), R);
            total = addmod(total, mulmod(weight, inverse(debitPole(entry, keyHashes[i], x, beta)), R), R);
        }
        for (uint256 i = 0; i < batch.payouts.length; i++) {
            uint256 weight = mulmod(square, batch.payouts[i].amount, R);
            total = addmod(total, mulmod(weight, inverse(payoutPole(batch.payouts[i], x)), R), R);
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
        product = inverse(product);
    }

    /// @dev C, X, β, R, and the hint that goes with them.
    function publicInputs(Batch memory batch, uint256 domain_, uint256[] memory keyHashes)
        internal
        view
        returns (uint256[4] memory inputs, uint256 hint_)
    {
        inputs[0] = batch.commitment;
        (inputs[1], inputs[2]) = challenges(seed(batch, domain_, keyHashes));
        inputs[3] = sum(batch, domain_, keyHashes, inputs[1], inputs[2]);
        hint_ = hint(batch, keyHashes, inputs[1], inputs[2]);
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
