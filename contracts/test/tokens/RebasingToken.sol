// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {OpenToken} from "./OpenToken.sol";

/// @title All its balances shrink or grow at once
/// @notice What is kept are shares; a balance is shares times an index. Transfers round down to whole
/// shares, so a base unit may be missing.
contract RebasingToken is OpenToken {
    uint256 private constant ONE = 1e18;

    uint256 private _index = ONE;

    /// @notice From here on a share is `index` / 10^18 tokens.
    function rebase(uint256 index) external {
        _index = index;
    }

    function balanceOf(address account) public view override returns (uint256) {
        return super.balanceOf(account) * _index / ONE;
    }

    function totalSupply() public view override returns (uint256) {
        return super.totalSupply() * _index / ONE;
    }

    function _update(address from, address to, uint256 value) internal override {
        uint256 shares = value * ONE / _index;
        super._update(from, to, shares);
    }
}
