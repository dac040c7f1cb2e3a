// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {OpenToken} from "./OpenToken.sol";

/// @title Accepts any authorization and any permit
/// @notice Whoever is named is taken to have signed; nonces are not kept. It moves what it was told to move
/// last, at most what was asked for, and lets EIP-2612's permit pass without effect.
contract LyingAuthorizationToken is OpenToken {
    uint256 private _moved;

    /// @notice How much an authorization moves, whatever it says.
    function setMoved(uint256 moved) external {
        _moved = moved;
    }

    function receiveWithAuthorization(
        address from,
        address to,
        uint256 value,
        uint256,
        uint256,
        bytes32,
        uint8,
        bytes32,
        bytes32
    ) external {
        _lie(from, to, value);
    }

    function receiveWithAuthorization(
        address from,
        address to,
        uint256 value,
        uint256,
        uint256,
        bytes32,
        bytes calldata
    ) external {
        _lie(from, to, value);
    }

    function permit(address, address, uint256, uint256, uint8, bytes32, bytes32) external {}

    function _lie(address from, address to, uint256 value) private {
        _transfer(from, to, _moved < value ? _moved : value);
    }
}
