// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Test} from "./Test.sol";

/// @title What a test of invariants tells forge
/// @notice forge calls random functions of the target contracts in random order, and the contract's
/// `invariant_...` functions after each call. It reads the targets from the functions below by their
/// ABI; `setUp` fills them. An empty list is no restriction, so `setUp` targets its handlers:
/// otherwise everything deployed is called, the contract under test included.
abstract contract InvariantTest is Test {
    /// @dev Functions of one contract.
    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    address[] private _targetContracts;
    address[] private _excludedContracts;
    address[] private _targetSenders;
    address[] private _excludedSenders;
    FuzzSelector[] private _targetSelectors;
    FuzzSelector[] private _excludedSelectors;

    function targetContract(address target) internal {
        _targetContracts.push(target);
    }

    function excludeContract(address target) internal {
        _excludedContracts.push(target);
    }

    function targetSender(address sender) internal {
        _targetSenders.push(sender);
    }

    function excludeSender(address sender) internal {
        _excludedSenders.push(sender);
    }

    /// @dev Of this contract, these functions alone.
    function targetSelectors(address target, bytes4[] memory selectors) internal {
        _targetSelectors.push(FuzzSelector(target, selectors));
    }

    function excludeSelectors(address target, bytes4[] memory selectors) internal {
        _excludedSelectors.push(FuzzSelector(target, selectors));
    }

    // --- What forge calls -----------------------------------------------------------------------

    function targetContracts() external view returns (address[] memory) {
        return _targetContracts;
    }

    function excludeContracts() external view returns (address[] memory) {
        return _excludedContracts;
    }

    function targetSenders() external view returns (address[] memory) {
        return _targetSenders;
    }

    function excludeSenders() external view returns (address[] memory) {
        return _excludedSenders;
    }

    function targetSelectors() external view returns (FuzzSelector[] memory) {
        return _targetSelectors;
    }

    function excludeSelectors() external view returns (FuzzSelector[] memory) {
        return _excludedSelectors;
    }
}
