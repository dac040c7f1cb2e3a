// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IGroth16Verifier} from "./interfaces/IGroth16Verifier.sol";

/// @title Groth16 over BN254, for circuits of four public inputs, any number of proofs at once
/// @notice One source for every shape: the verifying key is handed to the constructor and becomes part of
/// the code. Nothing is generated, stored, owned or upgradeable.
/// @dev Groth, "On the Size of Pairing-based Non-interactive Arguments" (2016), section 3.2. A proof
/// (A, B, C) holds for inputs x when e(A, B) = e(α, β) · e(L, γ) · e(C, δ), where L = IC₀ + Σ xⱼ·ICⱼ.
///
/// Proofs i = 0, 1, … share α, β, γ, δ. Raised to random ρᵢ and multiplied, their equations are one:
///
///     Π e(ρᵢ·Aᵢ, Bᵢ) = e((Σ ρᵢ)·α, β) · e(Σ ρᵢ·Lᵢ, γ) · e(Σ ρᵢ·Cᵢ, δ)
///
/// If one of them does not hold, this one does with a probability of 2^-253: a wrong equation's power is the
/// inverse of all others' product for one ρᵢ only. For that the ρᵢ must not be known before all proofs and
/// inputs are fixed, so they are hashes of the whole calldata; ρ₀ = 1 is as good as random, as only quotients
/// count, but a second coefficient that is known would let inputs be moved from one proof to another.
///
/// All goes to one side for the pairing precompile, by the negatives of the three sums.
///
/// About 208,300 gas for one proof: 181,000 for four pairings, 24,600 for four multiplications and additions
/// (EIP-1108), the rest for calling them. A second proof costs 60,000, each further one 47,000.
contract Groth16Verifier is IGroth16Verifier {
    /// @dev Modulus of the coordinates' field.
    uint256 private constant Q = 21888242871839275222246405745257275088696311157297823662689037894645226208583;
    /// @dev Modulus of the scalar field, in which public inputs live.
    uint256 private constant R = 21888242871839275222246405745257275088548364400416034343698204186575808495617;

    uint256 private constant KEY_WORDS = 24;

    /// @dev In calldata's bytes: where the proofs and, behind them, the inputs begin is said by their offsets and
    /// lengths, a word each.
    uint256 private constant PROOFS_AT = 4 + 0x60;
    uint256 private constant PROOF_LENGTH = 0x100;
    uint256 private constant INPUTS_LENGTH = 0x80;

    /// @dev EIP-196 and EIP-197.
    uint160 private constant ADD = 6;
    uint160 private constant MULTIPLY = 7;
    uint160 private constant PAIR = 8;

    /// @dev The pairing's arguments, each a point of G1 and one of G2: (ρᵢ·Aᵢ, Bᵢ) for each proof, then the tail:
    /// −(α, β), −(L, γ), −(C, δ), in bytes from its first.
    uint256 private constant PAIR_LENGTH = 0xc0;
    uint256 private constant ALPHA_AT = 0x000;
    uint256 private constant BETA_AT = 0x040;
    uint256 private constant L_AT = 0x0c0;
    uint256 private constant GAMMA_AT = 0x100;
    uint256 private constant C_AT = 0x180;
    uint256 private constant DELTA_AT = 0x1c0;
    uint256 private constant TAIL_LENGTH = 0x240;

    uint256 private immutable ALPHA_X;
    uint256 private immutable ALPHA_Y;
    uint256 private immutable BETA_X1;
    uint256 private immutable BETA_X0;
    uint256 private immutable BETA_Y1;
    uint256 private immutable BETA_Y0;
    uint256 private immutable GAMMA_X1;
    uint256 private immutable GAMMA_X0;
    uint256 private immutable GAMMA_Y1;
    uint256 private immutable GAMMA_Y0;
    uint256 private immutable DELTA_X1;
    uint256 private immutable DELTA_X0;
    uint256 private immutable DELTA_Y1;
    uint256 private immutable DELTA_Y0;
    uint256 private immutable IC0_X;
    uint256 private immutable IC0_Y;
    uint256 private immutable IC1_X;
    uint256 private immutable IC1_Y;
    uint256 private immutable IC2_X;
    uint256 private immutable IC2_Y;
    uint256 private immutable IC3_X;
    uint256 private immutable IC3_Y;
    uint256 private immutable IC4_X;
    uint256 private immutable IC4_Y;

    /// @notice Takes a verifying key that could be one: each point is in its group and none is infinity.
    /// @dev An input whose point were infinity would not count, and with α, β, γ or δ at infinity the
    /// equation would say little. Whether the key belongs to the circuit is its ceremony's business.
    /// @param key In the order of `verifyingKey`.
    constructor(uint256[24] memory key) {
        _requireInG1(key, 0);
        _requireInG2(key, 2);
        _requireInG2(key, 6);
        _requireInG2(key, 10);
        for (uint256 index = 14; index < KEY_WORDS; index += 2) {
            _requireInG1(key, index);
        }
        // Equal x: equal or opposite points. C = ∓L then cancels the inputs, whatever they are.
        if (key[6] == key[10] && key[7] == key[11]) revert ForgeableKey();

        (ALPHA_X, ALPHA_Y) = (key[0], key[1]);
        (BETA_X1, BETA_X0, BETA_Y1, BETA_Y0) = (key[2], key[3], key[4], key[5]);
        (GAMMA_X1, GAMMA_X0, GAMMA_Y1, GAMMA_Y0) = (key[6], key[7], key[8], key[9]);
        (DELTA_X1, DELTA_X0, DELTA_Y1, DELTA_Y0) = (key[10], key[11], key[12], key[13]);
        (IC0_X, IC0_Y) = (key[14], key[15]);
        (IC1_X, IC1_Y) = (key[16], key[17]);
        (IC2_X, IC2_Y) = (key[18], key[19]);
        (IC3_X, IC3_Y) = (key[20], key[21]);
        (IC4_X, IC4_Y) = (key[22], key[23]);
    }

    /// @inheritdoc IGroth16Verifier
    function verify(uint256[8][] calldata proofs, uint256[4][] calldata inputs) external view returns (bool) {
        _requireCanonical(proofs, inputs);
        (uint256 pairs, uint256 tail) = _roomForPairs(proofs.length);
        unchecked {
            // Sums first, in their places: adding up needs the room behind them, before γ and δ come to lie there.
            uint256[5] memory scalars = _firstProof(proofs.length, pairs, tail + C_AT);
            _putG1(tail + ALPHA_AT, ALPHA_X, ALPHA_Y);
            _putG1(tail + L_AT, IC0_X, IC0_Y);
            if (proofs.length > 1) {
                _furtherProofs(proofs.length, pairs, tail + C_AT, scalars);
                _multiply(tail + ALPHA_AT, scalars[0]);
                _multiply(tail + L_AT, scalars[0]);
            }
            _addMultiple(tail + L_AT, IC1_X, IC1_Y, scalars[1]);
            _addMultiple(tail + L_AT, IC2_X, IC2_Y, scalars[2]);
            _addMultiple(tail + L_AT, IC3_X, IC3_Y, scalars[3]);
            _addMultiple(tail + L_AT, IC4_X, IC4_Y, scalars[4]);
            _negateSums(tail);
            _putG2(tail + BETA_AT, BETA_X1, BETA_X0, BETA_Y1, BETA_Y0);
            _putG2(tail + GAMMA_AT, GAMMA_X1, GAMMA_X0, GAMMA_Y1, GAMMA_Y0);
            _putG2(tail + DELTA_AT, DELTA_X1, DELTA_X0, DELTA_Y1, DELTA_Y0);
            return _pairToOne(pairs, tail + TAIL_LENGTH - pairs);
        }
    }

    /// @inheritdoc IGroth16Verifier
    function verifyingKey() external view returns (uint256[KEY_WORDS] memory key) {
        (key[0], key[1]) = (ALPHA_X, ALPHA_Y);
        (key[2], key[3], key[4], key[5]) = (BETA_X1, BETA_X0, BETA_Y1, BETA_Y0);
        (key[6], key[7], key[8], key[9]) = (GAMMA_X1, GAMMA_X0, GAMMA_Y1, GAMMA_Y0);
        (key[10], key[11], key[12], key[13]) = (DELTA_X1, DELTA_X0, DELTA_Y1, DELTA_Y0);
        (key[14], key[15]) = (IC0_X, IC0_Y);
        (key[16], key[17]) = (IC1_X, IC1_Y);
        (key[18], key[19]) = (IC2_X, IC2_Y);
        (key[20], key[21]) = (IC3_X, IC3_Y);
        (key[22], key[23]) = (IC4_X, IC4_Y);
    }

    // --- What is well-formed --------------------------------------------------------------------------

    /// @dev The calldata that ABI encoders write, and no other: as long as its proofs make it, nothing between or
    /// behind them. The decoder has seen that both arrays lie within it.
    function _requireCanonical(uint256[8][] calldata proofs, uint256[4][] calldata inputs) private pure {
        (uint256 count, uint256 proofsAt, uint256 inputsAt) = (proofs.length, 0, 0);
        assembly ("memory-safe") {
            proofsAt := proofs.offset
            inputsAt := inputs.offset
        }
        unchecked {
            // No sum wraps: all of it fits into calldata, or the decoder would have refused it.
            (uint256 expectedAt, uint256 end) = (_inputsAt(count), _inputsAt(count) + count * INPUTS_LENGTH);
            uint256 differing = (proofsAt ^ PROOFS_AT) | (inputsAt ^ expectedAt) | (inputs.length ^ count);
            if (count != 0 && differing | (msg.data.length ^ end) == 0) return;

            if (count == 0) revert NoProofs();
            if (inputs.length != count) revert LengthsDiffer(count, inputs.length);
            if (differing != 0) revert CalldataOrder(proofsAt, inputsAt);
            revert CalldataLength(end, msg.data.length);
        }
    }

    function _inputsAt(uint256 count) private pure returns (uint256) {
        unchecked {
            return PROOFS_AT + count * PROOF_LENGTH + 0x20;
        }
    }

    /// @dev The precompiles would refuse coordinates, though negatives must not wrap; they reduce scalars. They
    /// write infinity as zeros, and take it.
    /// @param index Which of the proofs.
    function _requireWellFormed(uint256 index, uint256[8] calldata proof, uint256[4] calldata inputs) private pure {
        // All at once: one by one they cost a jump each. What is wrong is looked for when something is.
        if (_isWellFormed(proof, inputs)) return;
        for (uint256 i = 0; i < 8; i++) {
            if (proof[i] >= Q) revert CoordinateNotReduced(8 * index + i, proof[i]);
        }
        for (uint256 i = 0; i < 4; i++) {
            if (inputs[i] >= R) revert InputNotReduced(4 * index + i, inputs[i]);
        }
        if ((proof[0] | proof[1]) == 0) revert PointAtInfinity(8 * index);
        if ((proof[2] | proof[3] | proof[4] | proof[5]) == 0) revert PointAtInfinity(8 * index + 2);
        if ((proof[6] | proof[7]) == 0) revert PointAtInfinity(8 * index + 6);
    }

    function _isWellFormed(uint256[8] calldata proof, uint256[4] calldata inputs) private pure returns (bool formed) {
        assembly ("memory-safe") {
            // Whether one of two words is above a limit; whether both are 0.
            function above(one, other, max) -> is { is := or(gt(one, max), gt(other, max)) }
            function zero(one, other) -> is { is := iszero(or(one, other)) }

            let max := sub(Q, 1)
            let x := calldataload(proof)
            let y := calldataload(add(proof, 0x20))
            let wrong := or(above(x, y, max), zero(x, y))

            let x1 := calldataload(add(proof, 0x40))
            let x0 := calldataload(add(proof, 0x60))
            let y1 := calldataload(add(proof, 0x80))
            let y0 := calldataload(add(proof, 0xa0))
            wrong := or(wrong, or(above(x1, x0, max), above(y1, y0, max)))
            wrong := or(wrong, zero(or(x1, x0), or(y1, y0)))

            x := calldataload(add(proof, 0xc0))
            y := calldataload(add(proof, 0xe0))
            wrong := or(wrong, or(above(x, y, max), zero(x, y)))

            max := sub(R, 1)
            wrong := or(wrong, above(calldataload(inputs), calldataload(add(inputs, 0x20)), max))
            wrong := or(wrong, above(calldataload(add(inputs, 0x40)), calldataload(add(inputs, 0x60)), max))
            formed := iszero(wrong)
        }
    }

    // --- Proofs ---------------------------------------------------------------------------------------

    /// @dev A proof and its inputs. Where they lie is known, as calldata is canonical.
    function _proofAt(uint256 index, uint256 count)
        private
        pure
        returns (uint256[8] calldata proof, uint256[4] calldata inputs)
    {
        uint256 inputsAt = _inputsAt(count);
        assembly ("memory-safe") {
            proof := add(PROOFS_AT, mul(index, PROOF_LENGTH))
            inputs := add(inputsAt, mul(index, INPUTS_LENGTH))
        }
    }

    /// @dev The proof whose coefficient is 1: nothing to multiply. Its C begins the sum of all.
    /// @return scalars Σ ρᵢ, then for each input Σ ρᵢ·xᵢⱼ.
    function _firstProof(uint256 count, uint256 pair, uint256 sumOfC) private pure returns (uint256[5] memory scalars) {
        (uint256[8] calldata proof, uint256[4] calldata inputs) = _proofAt(0, count);
        _requireWellFormed(0, proof, inputs);
        assembly ("memory-safe") {
            mstore(scalars, 1)
            calldatacopy(add(scalars, 0x20), inputs, INPUTS_LENGTH)
            calldatacopy(pair, proof, PAIR_LENGTH)
            calldatacopy(sumOfC, add(proof, PAIR_LENGTH), 0x40)
        }
    }

    /// @dev Each gets a coefficient of its own, which depends on every byte of all proofs and inputs.
    function _furtherProofs(uint256 count, uint256 pair, uint256 sumOfC, uint256[5] memory scalars) private view {
        bytes32 sigma = keccak256(msg.data);
        for (uint256 i = 1; i < count; i++) {
            (uint256[8] calldata proof, uint256[4] calldata inputs) = _proofAt(i, count);
            _requireWellFormed(i, proof, inputs);
            uint256 rho;
            assembly ("memory-safe") {
                mstore(0x00, sigma)
                mstore(0x20, i)
                rho := mod(keccak256(0x00, 0x40), R)

                mstore(scalars, addmod(mload(scalars), rho, R))
                for { let j := 0 } lt(j, INPUTS_LENGTH) { j := add(j, 0x20) } {
                    let scalar := add(scalars, add(j, 0x20))
                    mstore(scalar, addmod(mload(scalar), mulmod(rho, calldataload(add(inputs, j)), R), R))
                }
                pair := add(pair, PAIR_LENGTH)
                calldatacopy(pair, proof, 0x40)
            }
            _multiply(pair, rho);
            assembly ("memory-safe") {
                calldatacopy(add(pair, 0x40), add(proof, 0x40), 0x80)
            }
            _addMultiple(sumOfC, proof[6], proof[7], rho);
        }
    }

    // --- Laying out the pairs -------------------------------------------------------------------------

    /// @dev Not set to zero first: all of it is written before it is read.
    function _roomForPairs(uint256 count) private pure returns (uint256 pairs, uint256 tail) {
        assembly ("memory-safe") {
            pairs := mload(0x40)
            tail := add(pairs, mul(count, PAIR_LENGTH))
            mstore(0x40, add(tail, TAIL_LENGTH))
        }
    }

    function _putG1(uint256 place, uint256 x, uint256 y) private pure {
        assembly ("memory-safe") {
            mstore(place, x)
            mstore(add(place, 0x20), y)
        }
    }

    function _putG2(uint256 place, uint256 x1, uint256 x0, uint256 y1, uint256 y0) private pure {
        assembly ("memory-safe") {
            mstore(place, x1)
            mstore(add(place, 0x20), x0)
            mstore(add(place, 0x40), y1)
            mstore(add(place, 0x60), y0)
        }
    }

    /// @dev No point of this curve has y = 0, so only infinity has: it is (0, 0), and its own negative.
    function _negateSums(uint256 tail) private pure {
        assembly ("memory-safe") {
            function negate(y) { mstore(y, mod(sub(Q, mload(y)), Q)) }
            negate(add(tail, add(ALPHA_AT, 0x20)))
            negate(add(tail, add(L_AT, 0x20)))
            negate(add(tail, add(C_AT, 0x20)))
        }
    }

    /// @dev The point becomes scalar · point. Uses the word behind it.
    function _multiply(uint256 point, uint256 scalar) private view {
        bool multiplied;
        assembly ("memory-safe") {
            mstore(add(point, 0x40), scalar)
            multiplied := staticcall(gas(), MULTIPLY, point, 0x60, point, 0x40)
            multiplied := and(multiplied, eq(returndatasize(), 0x40))
        }
        if (!multiplied) revert PrecompileFailed(MULTIPLY);
    }

    /// @dev sum += scalar · (x, y). The precompiles' arguments lie side by side, and their results where the next
    /// one reads them. Uses the three words behind the sum.
    function _addMultiple(uint256 sum, uint256 x, uint256 y, uint256 scalar) private view {
        bool multiplied;
        bool added;
        assembly ("memory-safe") {
            let product := add(sum, 0x40)
            mstore(product, x)
            mstore(add(product, 0x20), y)
            mstore(add(product, 0x40), scalar)
            multiplied := staticcall(gas(), MULTIPLY, product, 0x60, product, 0x40)
            multiplied := and(multiplied, eq(returndatasize(), 0x40))
            added := staticcall(gas(), ADD, sum, 0x80, sum, 0x40)
            added := and(added, eq(returndatasize(), 0x40))
        }
        if (!multiplied) revert PrecompileFailed(MULTIPLY);
        if (!added) revert PrecompileFailed(ADD);
    }

    function _pairToOne(uint256 pairs, uint256 length) private view returns (bool) {
        uint256 result;
        bool success;
        assembly ("memory-safe") {
            success := staticcall(gas(), PAIR, pairs, length, 0, 0x20)
            success := and(success, eq(returndatasize(), 0x20))
            result := mload(0)
        }
        if (!success || result > 1) revert PrecompileFailed(PAIR);
        return result == 1;
    }

    // --- The key ---------------------------------------------------------------------------------------

    /// @dev On the curve is in the group: G1 has no cofactor. Asked by adding infinity.
    function _requireInG1(uint256[KEY_WORDS] memory key, uint256 index) private view {
        if ((key[index] | key[index + 1]) == 0) revert InvalidKeyPoint(index);
        (bool success, bytes memory result) = address(ADD).staticcall(abi.encode(key[index], key[index + 1], 0, 0));
        if (!success || result.length != 64) revert InvalidKeyPoint(index);
    }

    /// @dev Asked by pairing with infinity: the precompile demands the subgroup of its second points.
    function _requireInG2(uint256[KEY_WORDS] memory key, uint256 index) private view {
        if ((key[index] | key[index + 1] | key[index + 2] | key[index + 3]) == 0) revert InvalidKeyPoint(index);
        (bool success, bytes memory result) =
            address(PAIR).staticcall(abi.encode(0, 0, key[index], key[index + 1], key[index + 2], key[index + 3]));
        if (!success || result.length != 32 || abi.decode(result, (uint256)) != 1) revert InvalidKeyPoint(index);
    }
}
