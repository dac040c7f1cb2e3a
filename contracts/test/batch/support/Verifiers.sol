// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @title Verifiers that stand for proofs in tests
/// @dev They answer calls of `verify(uint256[8][],uint256[4][])` as `Groth16Verifier` does, by their ABI.

/// @dev Takes one statement's proof, as a real one does, whatever the proof's bytes.
contract ParticularVerifier {
    bytes32 public holdsFor;

    function setStatement(uint256[4] calldata inputs) external {
        holdsFor = keccak256(abi.encode(inputs));
    }

    function verify(uint256[8][] calldata, uint256[4][] calldata inputs) external view returns (bool) {
        return inputs.length == 1 && keccak256(abi.encode(inputs[0])) == holdsFor;
    }
}

/// @dev Answers whatever it is told to, or reverts with it.
contract ScriptedVerifier {
    bytes public answer;
    bool public reverts;

    function set(bytes calldata answer_, bool reverts_) external {
        (answer, reverts) = (answer_, reverts_);
    }

    fallback() external {
        bytes memory data = answer;
        bool failing = reverts;
        assembly ("memory-safe") {
            if failing { revert(add(data, 0x20), mload(data)) }
            return(add(data, 0x20), mload(data))
        }
    }
}
