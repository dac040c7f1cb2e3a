// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IDebitWallet} from "../../src/interfaces/IDebitWallet.sol";
import {InvariantTest} from "../base/InvariantTest.sol";
import {Handler} from "./support/Handler.sol";

/// @notice Fear: some order of calls, by several people, some of them hostile, makes money, loses it, moves it
/// without a signature, unspends a nonce, or outruns a mandate that was accepted.
/// forge-config: default.invariant.runs = 24
/// forge-config: default.invariant.depth = 256
/// forge-config: default.invariant.fail-on-revert = true
contract WalletInvariantTest is InvariantTest {
    string[] private happenings = [
        string("deposit"),
        "mandate signed",
        "mandate accepted",
        "batch settled",
        "mandate settled",
        "batch settled by the hostile",
        "another processor's",
        "withdrawal requested",
        "withdrawal executed",
        "withdrawal cancelled",
        "change requested",
        "change applied",
        "change cancelled",
        "too early",
        "time passed",
        "unsigned",
        "replay",
        "theft",
        "one mandate as two",
        "direct mandate settled",
        "direct account moved",
        "direct mandate by another processor",
        "claimed",
        "nonce burnt",
        "claimed twice",
        "a kept promise claimed",
        "unbond",
        "bond",
        "collected",
        "payee blocked",
        "account opened"
    ];
    Handler private handler;
    IDebitWallet private wallet;
    address private token;

    function setUp() external {
        handler = new Handler();
        wallet = handler.wallet();
        token = address(handler.token());
        targetContract(address(handler));
        targetSelectors(address(handler), handler.actions());
    }

    /// @dev One function: forge runs a campaign for each.
    function invariant_theWalletIsWhatPeopleSignedAndAskedFor() external view {
        _noTokenIsMadeOrLost();
        _noBalanceMovesUnasked();
        _payeesHaveWhatWasSignedToThem();
        _spentNoncesStaySpent();
    }

    /// @dev What was accepted settles, whatever came between.
    function afterInvariant() external {
        handler.settleAllAccepted();
        this.invariant_theWalletIsWhatPeopleSignedAndAskedFor();
    }

    /// @dev Otherwise all of this might hold because nothing happens. In a fixed walk each thing happens, and
    /// the invariants hold all along.
    function test_everythingHappens() external {
        bytes4[] memory selectors = handler.actions();
        for (uint256 i = 0; i < 1500; i++) {
            uint256 draw = uint256(keccak256(abi.encode("walk", i)));
            bytes memory call = abi.encodePacked(
                selectors[draw % selectors.length], keccak256(abi.encode(draw)), draw >> 8, draw >> 16
            );
            (bool success, bytes memory reason) = address(handler).call(call);
            assertTrue(success, vm.toString(reason));
            if (i % 50 == 0) this.invariant_theWalletIsWhatPeopleSignedAndAskedFor();
        }
        this.afterInvariant();
        for (uint256 i = 0; i < happenings.length; i++) {
            assertGt(handler.done(happenings[i]), 0, happenings[i]);
        }
    }

    /// @dev Balances, credits and bonds together are what the wallet holds, less what nobody deposited.
    function _noTokenIsMadeOrLost() private view {
        uint256 owed = handler.donated();
        for (uint32 account = 1; account <= wallet.accountCount(); account++) {
            owed += wallet.balanceOf(account, token).balance;
        }
        for (uint256 i = 0; i < 3; i++) {
            (uint128 credit,) = wallet.creditOf(token, handler.payees(i));
            owed += credit;
        }
        for (uint256 i = 0; i < 2; i++) {
            owed += wallet.bondOf(handler.processors(i), token).balance;
        }
        assertEq(handler.token().balanceOf(address(wallet)), owed, "what the wallet holds");
    }

    /// @dev Each account has what was put in, less what its owner took out and what its keys signed away.
    function _noBalanceMovesUnasked() private view {
        for (uint32 account = 1; account <= wallet.accountCount(); account++) {
            assertEq(wallet.balanceOf(account, token).balance, handler.balanceOf(account), "a balance");
        }
        for (uint256 i = 0; i < 2; i++) {
            address signer = handler.processors(i);
            assertEq(wallet.bondOf(signer, token).balance, handler.bondOf(signer), "a bond");
        }
    }

    /// @dev Each payee has, in hand or to its credit, what was signed to it.
    function _payeesHaveWhatWasSignedToThem() private view {
        for (uint256 i = 0; i < 3; i++) {
            address payee = handler.payees(i);
            (uint128 credit,) = wallet.creditOf(token, payee);
            assertEq(handler.token().balanceOf(payee) + credit, handler.paidTo(payee), "a payee");
        }
    }

    /// @dev Exactly the nonces are spent that were settled or burnt, and they stay so.
    function _spentNoncesStaySpent() private view {
        for (uint32 account = 1; account <= wallet.accountCount(); account++) {
            for (uint256 index = 0; index < handler.SPENT_INDEXES(); index++) {
                assertEq(wallet.spentNonces(account, token, index), handler.spentOf(account, index), "spent nonces");
            }
        }
    }
}
