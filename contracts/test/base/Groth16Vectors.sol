// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {VM} from "./Assertions.sol";

/// @title A real key, proof and public inputs
/// @notice Made by this project's prover for the shape of one lane of four slots;
/// scripts/make-vectors.mjs says how.
library Groth16Vectors {
    string private constant FILE = "test/vectors/groth16-1x4.json";

    function verifyingKey() internal view returns (uint256[24] memory words) {
        uint256[] memory read = _read(".verifyingKey", 24);
        for (uint256 i = 0; i < 24; i++) {
            words[i] = read[i];
        }
    }

    function proof() internal view returns (uint256[8] memory words) {
        uint256[] memory read = _read(".proofWords", 8);
        for (uint256 i = 0; i < 8; i++) {
            words[i] = read[i];
        }
    }

    function inputs() internal view returns (uint256[4] memory words) {
        uint256[] memory read = _read(".publicInputs", 4);
        for (uint256 i = 0; i < 4; i++) {
            words[i] = read[i];
        }
    }

    function _read(string memory key, uint256 length) private view returns (uint256[] memory words) {
        words = VM.parseJsonUintArray(VM.readFile(FILE), key);
        VM.assertEq(words.length, length);
    }
}
