// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @notice Takes every proof, so that only the wallet's own checks stand between a caller and the money.
contract AcceptingVerifier {
    function verify(uint256[8][] calldata, uint256[4][] calldata) external pure returns (bool) {
        return true;
    }
}
