// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @title Printing from a test
/// @notice forge prints calls to the console's address under `-vv`, as Hardhat does.
library Console {
    address private constant CONSOLE = 0x000000000000000000636F6e736F6c652e6c6f67;

    function log(string memory words) internal view {
        _send(abi.encodeWithSignature("log(string)", words));
    }

    function log(string memory words, uint256 value) internal view {
        _send(abi.encodeWithSignature("log(string,uint256)", words, value));
    }

    function log(string memory words, string memory value) internal view {
        _send(abi.encodeWithSignature("log(string,string)", words, value));
    }

    function log(string memory words, address value) internal view {
        _send(abi.encodeWithSignature("log(string,address)", words, value));
    }

    function log(string memory words, bool value) internal view {
        _send(abi.encodeWithSignature("log(string,bool)", words, value));
    }

    function logBytes32(bytes32 value) internal view {
        _send(abi.encodeWithSignature("log(bytes32)", value));
    }

    function logBytes(bytes memory value) internal view {
        _send(abi.encodeWithSignature("log(bytes)", value));
    }

    /// @dev Nobody answers outside of forge: the call's fate does not matter.
    function _send(bytes memory payload) private view {
        (bool ignored,) = CONSOLE.staticcall(payload);
        ignored;
    }
}
