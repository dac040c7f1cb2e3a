// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {IDebitWallet} from "../../src/interfaces/IDebitWallet.sol";
import {Vm} from "../base/Vm.sol";
import {DirectTest} from "./support/DirectTest.sol";
import {Person} from "./support/WalletTest.sol";

/// @notice Many direct mandates in one transaction: neighbours of one token and payee are paid
/// together, any order pays the same, and what cannot be booked stops all of it.
contract DirectNettingTest is DirectTest {
    uint32 private accountOfAlice;
    uint32 private accountOfBob;

    function setUp() public override {
        super.setUp();
        accountOfAlice = openFunded(alice, 1000);
        accountOfBob = openFunded(bob, 1000);
        fund(otherToken, accountOfAlice, 1000);
    }

    function test_sortedMandatesMakeOneTransferAPayee() external {
        _add(alice, payee, 1, 0);
        _add(bob, payee, 2, 0);
        _add(alice, payee, 4, 1);
        _add(bob, otherPayee, 8, 1);
        _add(alice, otherPayee, 16, 2);
        assertEq(_transfersOf(processor), 2);
        _havePayees(7, 24);
        assertEq(balance(accountOfAlice), 1000 - 21);
        assertEq(balance(accountOfBob), 1000 - 10);
    }

    function test_unsortedMandatesPayTheSameInMoreTransfers() external {
        _add(alice, payee, 1, 0);
        _add(bob, otherPayee, 8, 1);
        _add(bob, payee, 2, 0);
        _add(alice, otherPayee, 16, 2);
        _add(alice, payee, 4, 1);
        assertEq(_transfersOf(processor), 5);
        _havePayees(7, 24);
    }

    function test_tokensAreNotNettedWithEachOther() external {
        add(alice, address(token), payee.addr, 1, 0);
        add(alice, address(otherToken), payee.addr, 2, 1);
        add(alice, address(otherToken), payee.addr, 4, 2);
        assertEq(_transfersOf(processor), 2);
        assertEq(token.balanceOf(payee.addr), 1);
        assertEq(otherToken.balanceOf(payee.addr), 6);
        assertEq(wallet.balanceOf(accountOfAlice, address(otherToken)).balance, 994);
    }

    /// @dev Voids at the beginning, in the middle and at the end take and leave no payout.
    function test_voidsBetweenOthersChangeNoPayout() external {
        _addCaptured(alice, otherPayee, 0, 0);
        _addCaptured(alice, payee, 1, 1);
        _addCaptured(alice, payee, 0, 2);
        _addCaptured(alice, otherPayee, 0, 3);
        _addCaptured(alice, payee, 4, 4);
        _addCaptured(alice, otherPayee, 0, 5);
        _addCaptured(alice, otherPayee, 8, 6);
        _addCaptured(alice, payee, 0, 7);
        _transfersOf(processor);
        _havePayees(5, 8);
        for (uint256 nonce = 0; nonce < 8; nonce++) {
            assertTrue(wallet.isDirectNonceSpent(alice.addr, nonce));
        }
    }

    function test_onlyVoidsMakeNoTransfer() external {
        _addCaptured(alice, payee, 0, 0);
        _addCaptured(alice, otherPayee, 0, 1);
        assertEq(_transfersOf(processor), 0);
        _havePayees(0, 0);
    }

    /// @dev The first run's token and payee before anything is in it: those of nobody.
    function test_aVoidToNobodyInNoTokenHarmsNothing() external {
        IDebitWallet.Mandate memory none = mandate(alice, address(0), 1, 0);
        none.token = address(0);
        add(none, sign(alice, none), 0);
        _add(alice, payee, 1, 1);
        assertEq(_transfersOf(processor), 1);
        _havePayees(1, 0);
    }

    function test_noMandatesMoveNothing() external {
        assertEq(_transfersOf(processor), 0);
    }

    function test_oneThatCannotBePaidStopsAll() external {
        _add(bob, payee, 900, 0);
        _add(alice, payee, 900, 0);
        _add(alice, otherPayee, 101, 1);
        vm.expectRevert(
            abi.encodeWithSelector(IDebitWallet.InsufficientBalance.selector, accountOfAlice, address(token), 100, 101)
        );
        settleAll(processor);
        assertEq(balance(accountOfAlice), 1000);
        assertEq(balance(accountOfBob), 1000);
        _havePayees(0, 0);
        assertFalse(wallet.isDirectNonceSpent(bob.addr, 0));
    }

    function test_anErrorNamesTheMandateThatItIsAbout() external {
        _add(alice, payee, 1, 0);
        _add(alice, payee, 2, 1);
        IDebitWallet.Mandate memory third = mandate(alice, payee.addr, 4, 2);
        add(third, sign(mallory, third), 4);
        vm.expectRevert(abi.encodeWithSelector(IDebitWallet.MandateSignature.selector, 2, alice.addr));
        settleAll(processor);
    }

    function test_anotherProcessorsAccountInTheMiddleStopsAll() external {
        Person memory carol = person("carol");
        uint32 rivals = open(carol, rival.addr, verifierSet, KEY);
        fund(rivals, 100);
        _add(alice, payee, 1, 0);
        _add(carol, payee, 2, 0);
        vm.expectRevert(abi.encodeWithSelector(IDebitWallet.NotProcessor.selector, rivals, processor.addr));
        settleAll(processor);
    }

    /// @dev Against a ledger kept by the test: whoever pays whom how much, in any order.
    function testFuzz_everybodyHasWhatTheMandatesSay(uint256 seed) external {
        uint256 count = bound(seed, 1, 12);
        uint256[2] memory spent;
        uint256[2] memory received;
        uint256 transfers = 0;
        uint256 last = 2;
        for (uint256 i = 0; i < count; i++) {
            uint256 drawn = uint256(keccak256(abi.encode(seed, i)));
            (uint256 owner, uint256 to, uint256 amount) = (drawn & 1, (drawn >> 1) & 1, 1 + ((drawn >> 2) % 50));
            _addCaptured(owner == 0 ? alice : bob, to == 0 ? payee : otherPayee, amount, i);
            spent[owner] += amount;
            received[to] += amount;
            if (to != last) transfers++;
            last = to;
        }
        assertEq(_transfersOf(processor), transfers);
        _havePayees(received[0], received[1]);
        assertEq(balance(accountOfAlice), 1000 - spent[0]);
        assertEq(balance(accountOfBob), 1000 - spent[1]);
    }

    // --- Helpers ------------------------------------------------------------------------------------

    function _add(Person memory owner, Person memory to, uint256 amount, uint256 nonce) private {
        add(owner, address(token), to.addr, amount, nonce);
    }

    /// @dev Signed for 60, of which so much is captured.
    function _addCaptured(Person memory owner, Person memory to, uint256 captured, uint256 nonce) private {
        IDebitWallet.Mandate memory signed = mandate(owner, to.addr, 60, nonce);
        add(signed, sign(owner, signed), captured);
    }

    /// @dev Settles and counts the tokens' transfers.
    function _transfersOf(Person memory caller) private returns (uint256 count) {
        vm.recordLogs();
        settleAll(caller);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        for (uint256 i = 0; i < logs.length; i++) {
            if (logs[i].topics[0] == IERC20.Transfer.selector) count++;
        }
    }

    function _havePayees(uint256 one, uint256 other) private view {
        assertEq(token.balanceOf(payee.addr), one);
        assertEq(token.balanceOf(otherPayee.addr), other);
    }
}
