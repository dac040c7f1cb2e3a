// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IDebitWallet} from "../../src/interfaces/IDebitWallet.sol";
import {Test} from "../base/Test.sol";
import {Captured, Trees} from "./support/Trees.sol";

/// @notice Fear: processors make another tree than the one that is tested here.
contract TreesTest is Test {
    /// @dev `captures.rs` of crates/chain has the same root.
    function test_theTreeIsTheRustSidesToo() external pure {
        uint256[3] memory counts = [uint256(1), 3, 2];
        IDebitWallet.Payout[] memory payouts = new IDebitWallet.Payout[](3);
        Captured[][] memory parts = new Captured[][](3);
        for (uint256 i = 0; i < 3; i++) {
            payouts[i].payee = address(uint160(i * (type(uint160).max / 255)));
            parts[i] = new Captured[](counts[i]);
            for (uint128 j = 0; j < counts[i]; j++) {
                parts[i][j] = Captured(keccak256(abi.encode(i, j)), 1 + j);
                payouts[i].amount += 1 + j;
            }
        }
        assertEq(Trees.root(payouts, parts), 0x28f4b1747fb148e8a9ef30032e5189c1a1bd5f7ff22ef83aacfc1479724fd256);
    }
}
