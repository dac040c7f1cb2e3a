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
/// About 209,000 gas: 181,000 for four pairings, 24,600 for four multiplications and additions
/// (EIP-1108).
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
        _requireReduced(proof, inputs);
        _requireFinite(proof);

        uint256[5] memory sum;
        (sum[0], sum[1]) = (IC0_X, IC0_Y);
        _addMultiple(sum, IC1_X, IC1_Y, inputs[0]);
        _addMultiple(sum, IC2_X, IC2_Y, inputs[1]);
        _addMultiple(sum, IC3_X, IC3_Y, inputs[2]);
        _addMultiple(sum, IC4_X, IC4_Y, inputs[3]);

        uint256[24] memory pairs;
        // −A. No point of this curve has y = 0, so the difference is reduced.
        (pairs[0], pairs[1]) = (proof[0], Q - proof[1]);
        (pairs[2], pairs[3], pairs[4], pairs[5]) = (proof[2], proof[3], proof[4], proof[5]);
        (pairs[6], pairs[7]) = (ALPHA_X, ALPHA_Y);
        (pairs[8], pairs[9], pairs[10], pairs[11]) = (BETA_X1, BETA_X0, BETA_Y1, BETA_Y0);
        (pairs[12], pairs[13]) = (sum[0], sum[1]);
        (pairs[14], pairs[15], pairs[16], pairs[17]) = (GAMMA_X1, GAMMA_X0, GAMMA_Y1, GAMMA_Y0);
        (pairs[18], pairs[19]) = (proof[6], proof[7]);
        (pairs[20], pairs[21], pairs[22], pairs[23]) = (DELTA_X1, DELTA_X0, DELTA_Y1, DELTA_Y0);

        uint256 result;
        bool success;
        assembly ("memory-safe") {
            success := staticcall(gas(), PAIR, pairs, 0x300, 0, 0x20)
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

    /// @dev The precompiles would refuse coordinates, though −A must not wrap; they reduce scalars.
    function _requireReduced(uint256[8] calldata proof, uint256[4] calldata inputs) private pure {
        // One by one: a loop would cost 1,300 gas more.
        _requireCoordinate(0, proof[0]);
        _requireCoordinate(1, proof[1]);
        _requireCoordinate(2, proof[2]);
        _requireCoordinate(3, proof[3]);
        _requireCoordinate(4, proof[4]);
        _requireCoordinate(5, proof[5]);
        _requireCoordinate(6, proof[6]);
        _requireCoordinate(7, proof[7]);
        _requireInput(0, inputs[0]);
        _requireInput(1, inputs[1]);
        _requireInput(2, inputs[2]);
        _requireInput(3, inputs[3]);
    }

    function _requireCoordinate(uint256 index, uint256 value) private pure {
        if (value >= Q) revert CoordinateNotReduced(index, value);
    }

    function _requireInput(uint256 index, uint256 value) private pure {
        if (value >= R) revert InputNotReduced(index, value);
    }

    /// @dev The precompiles write infinity as zeros, and take it.
    function _requireFinite(uint256[8] calldata proof) private pure {
        if ((proof[0] | proof[1]) == 0) revert PointAtInfinity(0);
        if ((proof[2] | proof[3] | proof[4] | proof[5]) == 0) revert PointAtInfinity(2);
        if ((proof[6] | proof[7]) == 0) revert PointAtInfinity(6);
    }

    /// @dev sum += scalar · (x, y).
    /// @param sum A point, then room for another and a scalar: the precompiles' arguments lie side by side,
    /// and their results where the next one reads them.
    function _addMultiple(uint256[5] memory sum, uint256 x, uint256 y, uint256 scalar) private view {
        (sum[2], sum[3], sum[4]) = (x, y, scalar);
        bool success;
        assembly ("memory-safe") {
            let product := add(sum, 0x40)
            success := staticcall(gas(), MULTIPLY, product, 0x60, product, 0x40)
            success := and(success, eq(returndatasize(), 0x40))
        }
        if (!success) revert PrecompileFailed(MULTIPLY);
        assembly ("memory-safe") {
            success := staticcall(gas(), ADD, sum, 0x80, sum, 0x40)
            success := and(success, eq(returndatasize(), 0x40))
        }
        if (!success) revert PrecompileFailed(ADD);
    }

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
