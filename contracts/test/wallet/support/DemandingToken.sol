// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {OpenToken} from "../../tokens/OpenToken.sol";

/// @notice A token that wants much gas for a transfer and says at once when it is not there, so that whoever
/// has too little of it loses next to nothing by trying.
contract DemandingToken is OpenToken {
    uint256 private _demand;

    function demand(uint256 gas_) external {
        _demand = gas_;
    }

    function _update(address from, address to, uint256 value) internal override {
        require(gasleft() > _demand, "too little gas");
        super._update(from, to, value);
    }
}
