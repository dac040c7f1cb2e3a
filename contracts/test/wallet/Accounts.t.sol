// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IDebitWallet} from "../../src/interfaces/IDebitWallet.sol";
import {Periods} from "../base/Periods.sol";
import {WalletTest} from "./support/WalletTest.sol";

/// @notice Accounts that their owners open themselves: what is kept, and what is refused.
contract AccountsTest is WalletTest {
    function test_anAccountIsTheCallersWithTheTermsAskedFor() external {
        vm.expectEmit(address(wallet));
        emit IDebitWallet.AccountOpened(1, alice.addr, processor.addr, verifierSet, KEY);
        uint32 account = open(alice);

        assertEq(account, 1);
        IDebitWallet.Account memory kept = wallet.accountOf(account);
        assertEq(kept.owner, alice.addr);
        assertEq(kept.processor, processor.addr);
        assertEq(kept.verifierSet, verifierSet);
        assertEq(kept.keyHash, KEY);
        assertEq(kept.pending.processor, address(0));
        assertEq(kept.pending.inForceFrom, 0);
        assertEq(kept.pending.verifierSet, bytes32(0));
        assertEq(kept.pending.keyHash, 0);
    }

    function test_accountsAreNumberedFromOneWhoeverOpensThem() external {
        assertEq(wallet.accountCount(), 0);
        assertEq(open(alice), 1);
        assertEq(open(bob), 2);
        assertEq(open(alice), 3);
        assertEq(wallet.accountCount(), 3);
        assertEq(wallet.accountOf(2).owner, bob.addr);
        assertEq(wallet.accountOf(3).owner, alice.addr);
    }

    function test_theFirstAccountIsTheDirectAccountsAndLaterOnesAreNot() external {
        vm.expectEmit(address(wallet));
        emit IDebitWallet.DirectAccountSet(alice.addr, 1);
        open(alice);
        vm.expectEmit(address(wallet), 0);
        emit IDebitWallet.DirectAccountSet(alice.addr, 2);
        open(alice);

        (uint32 account, uint32 next, uint40 inForceFrom) = wallet.directAccountOf(alice.addr);
        assertEq(account, 1);
        assertEq(next, 0);
        assertEq(inForceFrom, 0);
        (account,,) = wallet.directAccountOf(bob.addr);
        assertEq(account, 0);
    }

    function test_anAccountForDirectMandatesAloneNeedsNoKey() external {
        uint32 account = open(alice, processor.addr, 0, 0);
        assertEq(wallet.accountOf(account).keyHash, 0);
        fund(account, 5);
        bytes memory batch = batchOf(0, account, 0, 1, payee.addr, 5);
        vm.expectRevert(
            abi.encodeWithSelector(IDebitWallet.NotAuthorized.selector, account, processor.addr, bytes32(0))
        );
        submit(processor, batch);
        batch = batchOf(account, 1, payee.addr, 5);
        vm.expectRevert(
            abi.encodeWithSelector(IDebitWallet.NotAuthorized.selector, account, processor.addr, verifierSet)
        );
        submit(processor, batch);
    }

    function test_processorZeroIsRefused() external {
        vm.expectRevert(IDebitWallet.ProcessorZero.selector);
        open(alice, address(0), verifierSet, KEY);
    }

    /// @dev A key given as `v + r` would be the same key to the circuit, under a second name.
    function testFuzz_aKeyHashIsAFieldElement(uint256 keyHash) external {
        open(alice, processor.addr, verifierSet, FIELD_ORDER - 1);
        keyHash = bound(keyHash, FIELD_ORDER, type(uint256).max);
        vm.expectRevert(abi.encodeWithSelector(IDebitWallet.KeyHashOutOfRange.selector, keyHash));
        open(alice, processor.addr, verifierSet, keyHash);
    }

    function test_verifiersThatNobodyRegisteredAreRefusedWithAKeyOrWithout() external {
        bytes memory refused = abi.encodeWithSelector(IDebitWallet.UnknownVerifierSet.selector, bytes32("nobody's"));
        vm.expectRevert(refused);
        open(alice, processor.addr, "nobody's", KEY);
        vm.expectRevert(refused);
        open(alice, processor.addr, "nobody's", 0);
    }

    function test_aKeyWithoutVerifiersIsRefused() external {
        vm.expectRevert(abi.encodeWithSelector(IDebitWallet.UnknownVerifierSet.selector, bytes32(0)));
        open(alice, processor.addr, 0, KEY);
    }

    function test_onlyTheChosenProcessorWithTheChosenVerifiersDebits() external {
        uint32 account = openFunded(alice, 100);

        bytes memory batch = batchOf(rival, verifierSet, account, KEY, 1, mallory.addr, 100);
        vm.expectRevert(abi.encodeWithSelector(IDebitWallet.NotAuthorized.selector, account, rival.addr, verifierSet));
        submit(rival, batch);

        batch = batchOf(otherVerifierSet, account, KEY, 1, mallory.addr, 100);
        vm.expectRevert(
            abi.encodeWithSelector(IDebitWallet.NotAuthorized.selector, account, processor.addr, otherVerifierSet)
        );
        submit(processor, batch);

        settleOne(processor, account, 1, payee.addr, 100);
        assertEq(token.balanceOf(payee.addr), 100);
    }

    function test_thereIsNoAccountZeroAndNoneBeyondTheLast() external {
        open(alice);
        vm.expectRevert(abi.encodeWithSelector(IDebitWallet.UnknownAccount.selector, 0));
        wallet.accountOf(0);
        vm.expectRevert(abi.encodeWithSelector(IDebitWallet.UnknownAccount.selector, 2));
        wallet.accountOf(2);
    }

    function test_aWalletTellsItsDelays() external view {
        assertEq(wallet.WITHDRAWAL_DELAY(), DELAY);
        assertEq(wallet.KEEP(), Periods.KEEP);
    }
}
