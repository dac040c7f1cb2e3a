// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Assertions, VM} from "./Assertions.sol";
import {Vm} from "./Vm.sol";

/// @title What every test contract is
/// @notice forge deploys it anew for each `test...`, `testFuzz...` and `invariant...` function and
/// calls `setUp` first where there is one.
abstract contract Test is Assertions {
    /// @notice forge takes contracts with this for tests.
    bool public constant IS_TEST = true;

    Vm internal constant vm = VM;

    /// @dev An address that nothing else uses, and its name in traces.
    function makeAddr(string memory name) internal returns (address made) {
        (made,) = makeAddrAndKey(name);
    }

    /// @dev The same, with the key that signs for it.
    function makeAddrAndKey(string memory name) internal returns (address made, uint256 key) {
        key = uint256(keccak256(bytes(name))) >> 1;
        made = vm.addr(key);
        vm.label(made, name);
    }

    /// @dev Brings a fuzzed number between two others, both included; one that is there already
    /// stays. Unlike `vm.assume` it draws nothing anew.
    function bound(uint256 value, uint256 min, uint256 max) internal pure returns (uint256) {
        require(min <= max, "bound: min exceeds max");
        if (value >= min && value <= max) return value;
        uint256 range = max - min;
        if (range == type(uint256).max) return value;
        // The ends are where faults live: values near 0 and near 2^256 go to them.
        if (value <= 3 && value <= range) return min + value;
        if (value >= type(uint256).max - 3 && type(uint256).max - value <= range) {
            return max - (type(uint256).max - value);
        }
        return min + value % (range + 1);
    }

    /// @dev A signature as `bytes`: r, s, v.
    function signature(uint256 key, bytes32 digest) internal pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        return abi.encodePacked(r, s, v);
    }
}
