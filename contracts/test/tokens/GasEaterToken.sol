// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {OpenToken} from "./OpenToken.sol";

/// @title Uses up all gas that it is given
/// @notice In transfers to those it is told to, and in all calls of `balanceOf` when told to.
contract GasEaterToken is OpenToken {
    mapping(address payee => bool) private _eats;
    bool private _eatsOnReading;

    function eat(address payee, bool eats) external {
        _eats[payee] = eats;
    }

    function eatOnReading(bool eats) external {
        _eatsOnReading = eats;
    }

    function balanceOf(address account) public view override returns (uint256) {
        if (_eatsOnReading) _eatGas();
        return super.balanceOf(account);
    }

    function _update(address from, address to, uint256 value) internal override {
        if (_eats[to]) _eatGas();
        super._update(from, to, value);
    }

    function _eatGas() private pure {
        assembly ("memory-safe") {
            invalid()
        }
    }
}
