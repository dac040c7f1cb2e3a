// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IDebitWallet} from "../../src/interfaces/IDebitWallet.sol";
import {IGuarantee} from "../../src/interfaces/IGuarantee.sol";
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
        "a kept promise demanded",
        "a kept promise claimed",
        "demanded of the hostile",
        "answered",
        "left unanswered and paid twice",
        "less was captured",
        "unbond",
        "bond",
        "collected",
        "payee blocked",
        "account opened"
    ];
    Handler private handler;
    IDebitWallet private wallet;
    IGuarantee private guarantee;
    address private token;

    function setUp() external {
        handler = new Handler();
        wallet = handler.wallet();
        guarantee = handler.guarantee();
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
        _nobodyIsPaidMoreThanItIsDue();
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

    /// @dev Balances and credits together are what the wallet holds, less what nobody deposited; bonds and credits
    /// what the guarantee holds.
    function _noTokenIsMadeOrLost() private view {
        uint256 owed = handler.donated();
        for (uint32 account = 1; account <= wallet.accountCount(); account++) {
            owed += wallet.balanceOf(account, token).balance;
        }
        for (uint256 i = 0; i < 3; i++) {
            (uint128 credit,) = wallet.creditOf(token, handler.payees(i));
            owed += credit;
        }
        assertEq(handler.token().balanceOf(address(wallet)), owed, "what the wallet holds");
        owed = 0;
        for (uint256 i = 0; i < 2; i++) {
            owed += guarantee.bondOf(handler.processors(i), address(0), token).balance;
            for (uint256 j = 0; j < 3; j++) {
                owed += guarantee.bondOf(handler.processors(i), handler.payees(j), token).balance;
            }
        }
        for (uint256 i = 0; i < 3; i++) {
            owed += guarantee.creditOf(token, handler.payees(i));
        }
        assertEq(handler.token().balanceOf(address(guarantee)), owed, "what the guarantee holds");
    }

    /// @dev Each account has what was put in, less what its owner took out and what its keys signed away.
    function _noBalanceMovesUnasked() private view {
        for (uint32 account = 1; account <= wallet.accountCount(); account++) {
            assertEq(wallet.balanceOf(account, token).balance, handler.balanceOf(account), "a balance");
        }
        for (uint256 i = 0; i < 2; i++) {
            address processor = handler.processors(i);
            assertEq(guarantee.bondOf(processor, address(0), token).balance, handler.bondOf(processor, address(0)));
            for (uint256 j = 0; j < 3; j++) {
                address payee = handler.payees(j);
                assertEq(guarantee.bondOf(processor, payee, token).balance, handler.bondOf(processor, payee), "a bond");
            }
        }
    }

    /// @dev Each payee has, in hand or to its credit, what was signed to it.
    function _payeesHaveWhatWasSignedToThem() private view {
        for (uint256 i = 0; i < 3; i++) {
            address payee = handler.payees(i);
            (uint128 credit,) = wallet.creditOf(token, payee);
            uint256 has = handler.token().balanceOf(payee) + credit + guarantee.creditOf(token, payee);
            assertEq(has, handler.paidTo(payee), "a payee");
        }
    }

    /// @dev By settlement and bonds together. That a payer pays once is in the balances.
    function _nobodyIsPaidMoreThanItIsDue() private view {
        for (uint256 i = 0; i < handler.mandateCount(); i++) {
            (uint256 due, uint256 had, bool excused) = handler.standing(i);
            if (!excused) assertLe(had, due, "a payee got more than its due, and its demands were answered");
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
