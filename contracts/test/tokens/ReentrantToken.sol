// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {OpenToken} from "./OpenToken.sol";

/// @title Calls back while it transfers
/// @notice Once, with any payload, before or after the tokens move. What comes of it is kept, not passed on:
/// a test asks afterwards.
contract ReentrantToken is OpenToken {
    address private _target;
    bytes private _payload;
    bool private _before;

    /// @notice Whether the call back was made, whether it succeeded, and what it answered.
    bool public called;
    bool public succeeded;
    bytes public answer;

    /// @notice The next transfer calls back.
    function arm(address target, bytes calldata payload, bool before) external {
        (_target, _payload, _before) = (target, payload, before);
        called = false;
    }

    /// @notice Does something as this token: the token itself can own an account or be a processor.
    function act(address target, bytes calldata payload) external returns (bytes memory) {
        (bool success, bytes memory returned) = target.call(payload);
        if (!success) {
            assembly ("memory-safe") {
                revert(add(returned, 0x20), mload(returned))
            }
        }
        return returned;
    }

    function _update(address from, address to, uint256 value) internal override {
        bool armed = _target != address(0) && from != address(0);
        if (armed && _before) _callBack();
        super._update(from, to, value);
        if (armed && !_before) _callBack();
    }

    function _callBack() private {
        address target = _target;
        _target = address(0);
        called = true;
        (succeeded, answer) = target.call(_payload);
    }
}
