// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Vm} from "./Vm.sol";

/// @dev Where forge answers: the last 20 bytes of keccak256("hevm cheat code").
Vm constant VM = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));

/// @title Assertions by their short names
/// @notice forge's own, which tell both values where they fail. Each reverts, so a test ends there.
abstract contract Assertions {
    function assertTrue(bool condition) internal pure {
        VM.assertTrue(condition);
    }

    function assertTrue(bool condition, string memory reason) internal pure {
        VM.assertTrue(condition, reason);
    }

    function assertFalse(bool condition) internal pure {
        VM.assertFalse(condition);
    }

    function assertFalse(bool condition, string memory reason) internal pure {
        VM.assertFalse(condition, reason);
    }

    function assertEq(bool left, bool right) internal pure {
        VM.assertEq(left, right);
    }

    function assertEq(bool left, bool right, string memory reason) internal pure {
        VM.assertEq(left, right, reason);
    }

    function assertEq(uint256 left, uint256 right) internal pure {
        VM.assertEq(left, right);
    }

    function assertEq(uint256 left, uint256 right, string memory reason) internal pure {
        VM.assertEq(left, right, reason);
    }

    function assertEq(address left, address right) internal pure {
        VM.assertEq(left, right);
    }

    function assertEq(address left, address right, string memory reason) internal pure {
        VM.assertEq(left, right, reason);
    }

    function assertEq(bytes32 left, bytes32 right) internal pure {
        VM.assertEq(left, right);
    }

    function assertEq(bytes32 left, bytes32 right, string memory reason) internal pure {
        VM.assertEq(left, right, reason);
    }

    function assertEq(string memory left, string memory right) internal pure {
        VM.assertEq(left, right);
    }

    function assertEq(string memory left, string memory right, string memory reason) internal pure {
        VM.assertEq(left, right, reason);
    }

    function assertEq(bytes memory left, bytes memory right) internal pure {
        VM.assertEq(left, right);
    }

    function assertEq(bytes memory left, bytes memory right, string memory reason) internal pure {
        VM.assertEq(left, right, reason);
    }

    function assertNotEq(uint256 left, uint256 right) internal pure {
        VM.assertNotEq(left, right);
    }

    function assertNotEq(address left, address right) internal pure {
        VM.assertNotEq(left, right);
    }

    function assertNotEq(bytes32 left, bytes32 right) internal pure {
        VM.assertNotEq(left, right);
    }

    function assertNotEq(bytes32 left, bytes32 right, string memory reason) internal pure {
        VM.assertNotEq(left, right, reason);
    }

    function assertLt(uint256 left, uint256 right) internal pure {
        VM.assertLt(left, right);
    }

    function assertLt(uint256 left, uint256 right, string memory reason) internal pure {
        VM.assertLt(left, right, reason);
    }

    function assertLe(uint256 left, uint256 right) internal pure {
        VM.assertLe(left, right);
    }

    function assertLe(uint256 left, uint256 right, string memory reason) internal pure {
        VM.assertLe(left, right, reason);
    }

    function assertGt(uint256 left, uint256 right) internal pure {
        VM.assertGt(left, right);
    }

    function assertGt(uint256 left, uint256 right, string memory reason) internal pure {
        VM.assertGt(left, right, reason);
    }

    function assertGe(uint256 left, uint256 right) internal pure {
        VM.assertGe(left, right);
    }

    function assertGe(uint256 left, uint256 right, string memory reason) internal pure {
        VM.assertGe(left, right, reason);
    }

    function assertApproxEqAbs(uint256 left, uint256 right, uint256 maxDelta) internal pure {
        VM.assertApproxEqAbs(left, right, maxDelta);
    }
}
