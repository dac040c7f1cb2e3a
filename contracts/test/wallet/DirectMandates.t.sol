// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IDebitWallet} from "../../src/interfaces/IDebitWallet.sol";
import {DirectTest} from "./support/DirectTest.sol";
import {Person} from "./support/WalletTest.sol";

/// @notice What a direct mandate needs so that it moves money: its owner's signature, its time, a
/// fresh nonce, an account and that account's processor.
contract DirectMandatesTest is DirectTest {
    uint32 private account;

    function setUp() public override {
        super.setUp();
        account = openFunded(alice, 1000);
    }

    function test_aMandatePaysItsPayeeFromTheOwnersAccount() external {
        IDebitWallet.Mandate memory signed = mandate(alice, payee.addr, 300, 7);
        vm.expectEmit(address(wallet));
        emit IDebitWallet.MandateSettled(digestOf(signed), account, payee.addr, address(token), 300);
        settle(processor, signed, alice, 300);

        assertEq(token.balanceOf(payee.addr), 300);
        assertEq(balance(account), 700);
        assertTrue(wallet.isDirectNonceSpent(alice.addr, 7));
        assertFalse(wallet.isDirectNonceSpent(alice.addr, 6));
        assertFalse(wallet.isDirectNonceSpent(alice.addr, 8));
        assertFalse(wallet.isDirectNonceSpent(bob.addr, 7));
        // The proved path's nonces are others.
        assertFalse(wallet.isSpent(account, address(token), 7));
    }

    // --- Amounts ------------------------------------------------------------------------------------

    function testFuzz_atMostWhatWasSignedIsCaptured(uint256 amount, uint256 captured) external {
        amount = bound(amount, 0, 1000);
        captured = bound(captured, 0, type(uint256).max);
        IDebitWallet.Mandate memory signed = mandate(alice, payee.addr, amount, 1);
        if (captured > amount) {
            bytes memory proof = sign(alice, signed);
            vm.expectRevert(abi.encodeWithSelector(IDebitWallet.CaptureExceedsAmount.selector, 0, captured, amount));
            settle(processor, signed, proof, captured);
        } else {
            settle(processor, signed, alice, captured);
            assertEq(token.balanceOf(payee.addr), captured);
            assertEq(balance(account), 1000 - captured);
        }
    }

    function test_aCaptureOfZeroBurnsTheNonceAndMovesNothing() external {
        IDebitWallet.Mandate memory signed = mandate(alice, payee.addr, 300, 1);
        vm.expectCall(address(token), abi.encodePacked(token.transfer.selector), 0);
        settle(processor, signed, alice, 0);
        assertTrue(wallet.isDirectNonceSpent(alice.addr, 1));
        assertEq(balance(account), 1000);

        _refuse(signed, alice, 300, _spent(alice, 1));
    }

    function test_moreThanTheBalanceIsNotCaptured() external {
        _refuse(
            mandate(alice, payee.addr, 1001, 1),
            alice,
            1001,
            abi.encodeWithSelector(IDebitWallet.InsufficientBalance.selector, account, address(token), 1000, 1001)
        );
    }

    /// @dev A sum of captures that wraps around would pay one payee from the others' money.
    function test_noAmountHoweverLargeIsCapturedWithoutABalance() external {
        uint256[2] memory large = [uint256(2 ** 104 + 1000), type(uint256).max];
        for (uint256 i = 0; i < large.length; i++) {
            _refuse(
                mandate(alice, payee.addr, large[i], 1),
                alice,
                large[i],
                abi.encodeWithSelector(
                    IDebitWallet.InsufficientBalance.selector, account, address(token), 1000, large[i]
                )
            );
        }
    }

    // --- Time ---------------------------------------------------------------------------------------

    function test_aMandateSettlesAtItsDeadlineAndNotAfterIt() external {
        IDebitWallet.Mandate memory signed = mandate(alice, payee.addr, 300, 1);
        vm.warp(signed.deadline + 1);
        _refuse(signed, alice, 300, abi.encodeWithSelector(IDebitWallet.MandateExpired.selector, 0, signed.deadline));
        vm.warp(signed.deadline);
        settle(processor, signed, alice, 300);
    }

    // --- Nonces -------------------------------------------------------------------------------------

    function test_aMandateSettlesOnce() external {
        IDebitWallet.Mandate memory signed = mandate(alice, payee.addr, 300, 1);
        settle(processor, signed, alice, 300);
        _refuse(signed, alice, 300, _spent(alice, 1));
    }

    /// @dev A payee that forwards its mandate twice in the same batch.
    function test_aMandateSettlesOnceInOneTransactionToo() external {
        IDebitWallet.Mandate memory signed = mandate(alice, payee.addr, 300, 1);
        add(signed, sign(alice, signed), 300);
        add(signed, sign(alice, signed), 300);
        vm.expectRevert(abi.encodeWithSelector(IDebitWallet.MandateNonceSpent.selector, 1, alice.addr, 1));
        settleAll(processor);
    }

    function test_aNonceCountsForAllTokensAndAllTerms() external {
        fund(otherToken, account, 1000);
        settle(processor, mandate(alice, payee.addr, 300, 1), alice, 300);

        IDebitWallet.Mandate memory other = mandate(alice, otherPayee.addr, 5, 1);
        other.token = address(otherToken);
        _refuse(other, alice, 5, _spent(alice, 1));
    }

    /// @dev Nonces kept by account would let the same mandate debit a second account of its owner.
    function test_anOwnerOfTwoAccountsIsNotChargedTwice() external {
        uint32 second = openFunded(alice, 1000);
        IDebitWallet.Mandate memory signed = mandate(alice, payee.addr, 300, 1);
        signed.deadline = type(uint256).max;
        settle(processor, signed, alice, 300);

        vm.prank(alice.addr);
        wallet.setDirectAccount(second);
        vm.warp(START + DELAY);
        wallet.applyDirectAccount(alice.addr);
        _refuse(signed, alice, 300, _spent(alice, 1));
    }

    function testFuzz_anyNonceIsGoodOnceAndTouchesNoOther(uint256 nonce, uint256 other) external {
        vm.assume(nonce != other);
        settle(processor, mandate(alice, payee.addr, 1, nonce), alice, 1);
        assertTrue(wallet.isDirectNonceSpent(alice.addr, nonce));
        assertFalse(wallet.isDirectNonceSpent(alice.addr, other));
        settle(processor, mandate(alice, payee.addr, 1, other), alice, 1);
        _refuse(mandate(alice, payee.addr, 2, nonce), alice, 2, _spent(alice, nonce));
    }

    function test_noncesOfOneWordAreApart() external {
        uint256[6] memory nonces = [uint256(0), 1, 255, 256, 511, type(uint256).max];
        for (uint256 i = 0; i < nonces.length; i++) {
            assertFalse(wallet.isDirectNonceSpent(alice.addr, nonces[i]));
            settle(processor, mandate(alice, payee.addr, 1, nonces[i]), alice, 1);
        }
        for (uint256 i = 0; i < nonces.length; i++) {
            assertTrue(wallet.isDirectNonceSpent(alice.addr, nonces[i]));
        }
        assertFalse(wallet.isDirectNonceSpent(alice.addr, 2));
        assertFalse(wallet.isDirectNonceSpent(alice.addr, 257));
    }

    // --- Whose account, whose processor -------------------------------------------------------------

    function test_onlyTheAccountsProcessorSettles() external {
        IDebitWallet.Mandate memory signed = mandate(alice, payee.addr, 300, 1);
        bytes memory proof = sign(alice, signed);
        Person[4] memory others = [rival, mallory, payee, alice];
        for (uint256 i = 0; i < others.length; i++) {
            vm.expectRevert(abi.encodeWithSelector(IDebitWallet.NotProcessor.selector, account, others[i].addr));
            settle(others[i], signed, proof, 300);
        }
    }

    function test_anOwnerWithoutAnAccountIsNotDebited() external {
        _refuse(
            mandate(bob, payee.addr, 1, 1),
            bob,
            1,
            abi.encodeWithSelector(IDebitWallet.NoDirectAccount.selector, 0, bob.addr)
        );
    }

    function test_anOwnerThatMarkedNoAccountIsNotDebited() external {
        vm.prank(alice.addr);
        wallet.setDirectAccount(0);
        vm.warp(START + DELAY);
        wallet.applyDirectAccount(alice.addr);
        _refuse(
            mandate(alice, payee.addr, 1, 1),
            alice,
            1,
            abi.encodeWithSelector(IDebitWallet.NoDirectAccount.selector, 0, alice.addr)
        );
    }

    function test_onlyTheMarkedAccountIsDebited() external {
        uint32 second = openFunded(alice, 1000);
        settle(processor, mandate(alice, payee.addr, 300, 1), alice, 300);
        assertEq(balance(account), 700);
        assertEq(balance(second), 1000);
    }

    function test_aChangeOfProcessorThatWaitsLeavesTheOldOneItsMandates() external {
        vm.prank(alice.addr);
        wallet.setProcessor(account, rival.addr, verifierSet, KEY);
        settle(processor, mandate(alice, payee.addr, 1, 1), alice, 1);
        vm.warp(START + DELAY);
        wallet.applyChange(account);
        settle(rival, mandate(alice, payee.addr, 1, 2), alice, 1);
        _refuse(
            mandate(alice, payee.addr, 1, 3),
            alice,
            1,
            abi.encodeWithSelector(IDebitWallet.NotProcessor.selector, account, processor.addr)
        );
    }

    // --- Helpers ------------------------------------------------------------------------------------

    function _refuse(IDebitWallet.Mandate memory signed, Person memory signer, uint256 captured, bytes memory because)
        private
    {
        bytes memory proof = sign(signer, signed);
        vm.expectRevert(because);
        settle(processor, signed, proof, captured);
    }

    function _spent(Person memory owner, uint256 nonce) private pure returns (bytes memory) {
        return abi.encodeWithSelector(IDebitWallet.MandateNonceSpent.selector, 0, owner.addr, nonce);
    }
}
