// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {OpenToken} from "./OpenToken.sol";

/// @title Takes a fee on each transfer
/// @notice From what the payee gets, or on top of it from the sender, who then has less than it sent.
contract FeeToken is OpenToken {
    uint256 private constant WHOLE = 10_000;

    uint256 private _payeePays;
    uint256 private _senderPays;

    /// @notice Sets both fees, in hundredths of a per cent.
    function setFees(uint256 payeePays, uint256 senderPays) external {
        (_payeePays, _senderPays) = (payeePays, senderPays);
    }

    function _update(address from, address to, uint256 value) internal override {
        if (from == address(0)) return super._update(from, to, value);
        uint256 withheld = value * _payeePays / WHOLE;
        super._update(from, to, value - withheld);
        super._update(from, address(0xFEE), withheld + value * _senderPays / WHOLE);
    }
}
