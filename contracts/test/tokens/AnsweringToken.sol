// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {OpenToken} from "./OpenToken.sol";

/// @title Answers transfers as it is told to, whatever it did
/// @notice Honest until told otherwise, so that it can be deposited first. Says nothing (as USDT), false
/// though it moved the tokens, true though it did not, one payee's transfers reverted (a blocked one), a
/// megabyte returned or reverted with.
contract AnsweringToken is OpenToken {
    bool private _moves = true;
    bool private _reverts;
    bytes private _answer = abi.encode(true);
    uint256 private _padding;
    address private _only;

    /// @notice What it does from here on.
    /// @param moves Whether it moves the tokens.
    /// @param answer What it returns.
    function behave(bool moves, bytes memory answer) public {
        (_moves, _reverts, _answer, _padding) = (moves, false, answer, 0);
    }

    /// @notice It reverts, with this data.
    function refuse(bytes memory data) external {
        (_moves, _reverts, _answer, _padding) = (false, true, data, 0);
    }

    /// @notice Behind what it answers come so many zero bytes.
    function pad(uint256 length) external {
        _padding = length;
    }

    /// @notice It misbehaves towards this payee alone; address zero: towards all.
    function only(address payee) external {
        _only = payee;
    }

    function transfer(address to, uint256 value) public override returns (bool) {
        if (_moves || _spares(to)) _transfer(msg.sender, to, value);
        return _answerAbout(to);
    }

    function transferFrom(address from, address to, uint256 value) public override returns (bool) {
        if (_moves || _spares(to)) {
            _spendAllowance(from, msg.sender, value);
            _transfer(from, to, value);
        }
        return _answerAbout(to);
    }

    function _spares(address payee) private view returns (bool) {
        return _only != address(0) && payee != _only;
    }

    /// @dev Ends the call here unless the answer is the honest one.
    function _answerAbout(address payee) private view returns (bool) {
        if (_spares(payee)) return true;
        bytes memory answer = abi.encodePacked(_answer, new bytes(_padding));
        bool reverts = _reverts;
        assembly ("memory-safe") {
            if reverts { revert(add(answer, 0x20), mload(answer)) }
            return(add(answer, 0x20), mload(answer))
        }
    }
}
