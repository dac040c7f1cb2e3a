// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @title Verifies proofs of one shape of settlement circuit, any number at once
interface IGroth16Verifier {
    /// @notice There is nothing to verify, and nothing is no proof.
    error NoProofs();

    /// @notice Each proof has its inputs, and all inputs have a proof.
    error LengthsDiffer(uint256 proofs, uint256 inputs);

    /// @notice The arrays do not lie where ABI encoders put them, in calldata's bytes.
    error CalldataOrder(uint256 proofsAt, uint256 inputsAt);

    /// @notice Calldata of `verify` is longer than its arguments.
    /// @dev Shorter calldata reverts in ABI decoding, without data.
    error CalldataLength(uint256 expected, uint256 found);

    /// @notice A public input is not below the scalar field's modulus. Taken modulo it, it would stand for
    /// another number that the proof then holds for, too.
    /// @param index Which of all inputs, four to a proof.
    error InputNotReduced(uint256 index, uint256 value);

    /// @notice A coordinate of a proof is not below the base field's modulus.
    /// @param index Which of all proofs' words, eight to a proof.
    error CoordinateNotReduced(uint256 index, uint256 value);

    /// @notice A point of a proof is infinity, which no prover makes.
    /// @param index The point's first word among all proofs' words.
    error PointAtInfinity(uint256 index);

    /// @notice A precompile failed: a point of the proof is off the curve or outside the group, or the gas
    /// ran out, or this chain lacks the precompile.
    /// @param precompile Its address: 6 adds, 7 multiplies, 8 pairs.
    error PrecompileFailed(uint256 precompile);

    /// @notice The verifying key, in the constructor: a point is off the curve, outside the group, not
    /// reduced, or infinity.
    /// @param index The point's first word among the key's 24.
    error InvalidKeyPoint(uint256 index);

    /// @notice The verifying key, in the constructor: γ and δ are equal or opposite. Nobody took part in
    /// its ceremony, and anyone forges proofs.
    error ForgeableKey();

    /// @notice Whether all proofs hold, each for its public inputs.
    /// @dev Groth16 proofs can be altered by anyone into other proofs of the same inputs; nothing may be
    /// named by its proof's bytes.
    /// @param proofs At least one. A.x, A.y, B.x, B.y, C.x, C.y; B's coordinates are two words each, the imaginary
    /// part first, as EIP-197 has them.
    /// @param inputs C, X, β, R of each proof, in the proofs' order.
    /// @return True: all hold. False: all is well-formed, and at least one does not hold. Everything that is
    /// malformed reverts, as does running out of gas.
    function verify(uint256[8][] calldata proofs, uint256[4][] calldata inputs) external view returns (bool);

    /// @notice The verifying key that the verifier was made with.
    /// @return α in G1; β, γ, δ in G2; then the constant's and the four inputs' points in G1.
    function verifyingKey() external view returns (uint256[24] memory);
}
