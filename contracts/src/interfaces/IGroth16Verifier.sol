// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @title Verifies the proofs of one shape of settlement circuit
interface IGroth16Verifier {
    /// @notice Calldata of `verify` is longer than its arguments.
    /// @dev Shorter calldata reverts in ABI decoding, without data.
    error CalldataLength(uint256 expected, uint256 found);

    /// @notice A public input is not below the scalar field's modulus. Taken modulo it, it would stand for
    /// another number that the proof then holds for, too.
    error InputNotReduced(uint256 index, uint256 value);

    /// @notice A coordinate of the proof is not below the base field's modulus.
    /// @param index Which of the proof's eight words.
    error CoordinateNotReduced(uint256 index, uint256 value);

    /// @notice A point of the proof is infinity, which no prover makes.
    /// @param index The point's first word among the proof's eight.
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

    /// @notice Whether the proof holds for the public inputs.
    /// @dev Groth16 proofs can be altered by anyone into other proofs of the same inputs; nothing may be
    /// named by its proof's bytes.
    /// @param proof A.x, A.y, B.x, B.y, C.x, C.y; B's coordinates are two words each, the imaginary part
    /// first, as EIP-197 has them.
    /// @param inputs C, X, β, R.
    /// @return True: it holds. False: proof and inputs are well-formed, and it does not. Everything that is
    /// malformed reverts, as does running out of gas.
    function verify(uint256[8] calldata proof, uint256[4] calldata inputs) external view returns (bool);

    /// @notice The verifying key that the verifier was made with.
    /// @return α in G1; β, γ, δ in G2; then the constant's and the four inputs' points in G1.
    function verifyingKey() external view returns (uint256[24] memory);
}
