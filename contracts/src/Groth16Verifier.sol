// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IGroth16Verifier} from "./interfaces/IGroth16Verifier.sol";

/// @title Groth16 over BN254, for circuits of four public inputs
/// @notice One source for every shape: the verifying key is handed to the constructor and becomes part of
/// the code. Nothing is generated, stored, owned or upgradeable.
/// @dev Groth, "On the Size of Pairing-based Non-interactive Arguments" (2016), section 3.2. A proof
/// (A, B, C) holds for inputs aᵢ when e(A, B) = e(α, β) · e(L, γ) · e(C, δ), where L = IC₀ + Σ aᵢ·ICᵢ.
/// All goes to one side for the pairing precompile, by −A.
///
/// About 208,300 gas: 181,000 for four pairings, 24,600 for four multiplications and additions
/// (EIP-1108), 900 for calling them.
contract Groth16Verifier is IGroth16Verifier {
    /// @dev Modulus of the coordinates' field.
    uint256 private constant Q = 21888242871839275222246405745257275088696311157297823662689037894645226208583;
    /// @dev Modulus of the scalar field, in which public inputs live.
    uint256 private constant R = 21888242871839275222246405745257275088548364400416034343698204186575808495617;

    uint256 private constant KEY_WORDS = 24;
    uint256 private constant CALLDATA_LENGTH = 4 + 12 * 32;

    /// @dev EIP-196 and EIP-197.
    uint160 private constant ADD = 6;
    uint160 private constant MULTIPLY = 7;
    uint160 private constant PAIR = 8;

    /// @dev The pairing's arguments in bytes from their first, each pair a point of G1 and one of G2:
    /// (−A, B), (α, β), (L, γ), (C, δ).
    uint256 private constant MINUS_A_AT = 0x000;
    uint256 private constant ALPHA_AT = 0x0c0;
    uint256 private constant BETA_AT = 0x100;
    uint256 private constant SUM_AT = 0x180;
    uint256 private constant GAMMA_AT = 0x1c0;
    uint256 private constant C_AT = 0x240;
    uint256 private constant DELTA_AT = 0x280;
    uint256 private constant PAIRS_LENGTH = 0x300;

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
    function verify(uint256[8] calldata proof, uint256[4] calldata inputs) external view returns (bool) {
        if (msg.data.length != CALLDATA_LENGTH) revert CalldataLength(CALLDATA_LENGTH, msg.data.length);
        _requireWellFormed(proof, inputs);

        uint256 pairs = _roomForPairs();
        // L first, in its place: adding up needs the room behind it, before γ comes to lie there.
        _putG1(pairs, SUM_AT, IC0_X, IC0_Y);
        _addMultiple(pairs, IC1_X, IC1_Y, inputs[0]);
        _addMultiple(pairs, IC2_X, IC2_Y, inputs[1]);
        _addMultiple(pairs, IC3_X, IC3_Y, inputs[2]);
        _addMultiple(pairs, IC4_X, IC4_Y, inputs[3]);

        _putProof(pairs, proof);
        _putG1(pairs, ALPHA_AT, ALPHA_X, ALPHA_Y);
        _putG2(pairs, BETA_AT, BETA_X1, BETA_X0, BETA_Y1, BETA_Y0);
        _putG2(pairs, GAMMA_AT, GAMMA_X1, GAMMA_X0, GAMMA_Y1, GAMMA_Y0);
        _putG2(pairs, DELTA_AT, DELTA_X1, DELTA_X0, DELTA_Y1, DELTA_Y0);

        uint256 result;
        bool success;
        assembly ("memory-safe") {
            success := staticcall(gas(), PAIR, pairs, PAIRS_LENGTH, 0, 0x20)
            success := and(success, eq(returndatasize(), 0x20))
            result := mload(0)
        }
        if (!success || result > 1) revert PrecompileFailed(PAIR);
        return result == 1;
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

    /// @dev The precompiles would refuse coordinates, though −A must not wrap; they reduce scalars. They write
    /// infinity as zeros, and take it.
    function _requireWellFormed(uint256[8] calldata proof, uint256[4] calldata inputs) private pure {
        // All at once: one by one they cost a jump each. What is wrong is looked for when something is.
        if (_isWellFormed(proof, inputs)) return;
        for (uint256 i = 0; i < 8; i++) {
            if (proof[i] >= Q) revert CoordinateNotReduced(i, proof[i]);
        }
        for (uint256 i = 0; i < 4; i++) {
            if (inputs[i] >= R) revert InputNotReduced(i, inputs[i]);
        }
        if ((proof[0] | proof[1]) == 0) revert PointAtInfinity(0);
        if ((proof[2] | proof[3] | proof[4] | proof[5]) == 0) revert PointAtInfinity(2);
        if ((proof[6] | proof[7]) == 0) revert PointAtInfinity(6);
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

    // --- Laying out the pairs -------------------------------------------------------------------------

    /// @dev Not set to zero first: all of it is written before it is read.
    function _roomForPairs() private pure returns (uint256 pairs) {
        assembly ("memory-safe") {
            pairs := mload(0x40)
            mstore(0x40, add(pairs, PAIRS_LENGTH))
        }
    }

    function _putG1(uint256 pairs, uint256 offset, uint256 x, uint256 y) private pure {
        assembly ("memory-safe") {
            mstore(add(pairs, offset), x)
            mstore(add(pairs, add(offset, 0x20)), y)
        }
    }

    function _putG2(uint256 pairs, uint256 offset, uint256 x1, uint256 x0, uint256 y1, uint256 y0) private pure {
        assembly ("memory-safe") {
            mstore(add(pairs, offset), x1)
            mstore(add(pairs, add(offset, 0x20)), x0)
            mstore(add(pairs, add(offset, 0x40)), y1)
            mstore(add(pairs, add(offset, 0x60)), y0)
        }
    }

    /// @dev −A, B and C. No point of this curve has y = 0, so the difference is reduced.
    function _putProof(uint256 pairs, uint256[8] calldata proof) private pure {
        assembly ("memory-safe") {
            calldatacopy(add(pairs, MINUS_A_AT), proof, 0xc0)
            mstore(add(pairs, 0x20), sub(Q, calldataload(add(proof, 0x20))))
            calldatacopy(add(pairs, C_AT), add(proof, 0xc0), 0x40)
        }
    }

    /// @dev L += scalar · (x, y). The precompiles' arguments lie side by side, and their results where the next
    /// one reads them.
    function _addMultiple(uint256 pairs, uint256 x, uint256 y, uint256 scalar) private view {
        bool multiplied;
        bool added;
        assembly ("memory-safe") {
            let sum := add(pairs, SUM_AT)
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
