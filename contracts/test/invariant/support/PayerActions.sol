// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IDebitWallet} from "../../../src/interfaces/IDebitWallet.sol";
import {World} from "./World.sol";

/// @title What payers do: open, fund, sign, withdraw, change their minds
abstract contract PayerActions is World {
    function open(uint256 who, uint256 terms) external {
        if (wallet.accountCount() == ACCOUNTS_MAX) return;
        _open(who, terms);
    }

    function _open(uint256 who, uint256 terms) internal {
        (address processor, bytes32 set, uint256 keyHash) = _terms(terms);
        vm.prank(payers[who % 3]);
        wallet.openAccount(processor, set, keyHash);
        done["account opened"]++;
    }

    function deposit(uint256 which, uint256 amount) external {
        _deposit(_account(which), bound(amount, 1, 1000e6));
    }

    function _deposit(uint32 account, uint256 amount) internal {
        token.mint(address(this), amount);
        token.approve(address(wallet), amount);
        wallet.deposit(account, address(token), amount);
        balanceOf[account] += amount;
        done["deposit"]++;
    }

    /// @dev Up to three mandates of an account and one of another. The honest processor accepts by its rule; the
    /// hostile one promises nothing.
    function sign(uint256 which, uint256 seed) external {
        for (uint256 i = 0; i < 1 + seed % 3; i++) {
            _sign(_account(which), uint256(keccak256(abi.encode(seed, i))));
        }
        _sign(_account(uint256(keccak256(abi.encode(which)))), seed);
    }

    function _sign(uint32 account, uint256 seed) internal {
        IDebitWallet.Account memory terms = wallet.accountOf(account);
        if (terms.keyHash == 0) return;
        Signed memory mandate;
        mandate.account = account;
        mandate.keyHash = terms.keyHash;
        // Few words, so that slots are shared; now and then a nonce that was signed before.
        mandate.nonce = uint64(seed % (SPENT_INDEXES * 256));
        mandate.amount = uint128(seed >> 16) % 200e6;
        mandate.payee = _payee(seed >> 160);
        uint256 now_ = vm.getBlockTimestamp();
        mandate.deadline = uint40(now_ + (seed >> 168) % 6 days);

        bool fresh = !nonceSigned[account][mandate.nonce] && !wallet.isSpent(account, address(token), mandate.nonce);
        bool inTime = mandate.deadline >= now_ + WINDOW;
        bool unchanged = terms.pending.inForceFrom == 0 || now_ + WINDOW + MARGIN <= terms.pending.inForceFrom;
        bool proves = terms.processor == honest && terms.verifierSet == verifierSet;
        if (fresh && inTime && unchanged && proves && mandate.amount <= _free(account)) {
            mandate.settleBy = uint40(now_ + WINDOW);
            reserved[account] += mandate.amount;
            done["mandate accepted"]++;
        }
        nonceSigned[account][mandate.nonce] = true;
        signed.push(mandate);
        done["mandate signed"]++;
    }

    /// @dev The next step of a withdrawal.
    function withdraw(uint256 which, uint256 amount, uint256 how) external {
        uint32 account = _account(which);
        address owner = _owner(account);
        IDebitWallet.Purse memory purse = wallet.balanceOf(account, address(token));
        vm.startPrank(owner);
        if (purse.leavesFrom == 0 && purse.balance != 0) {
            // Now and then all of it.
            uint256 asked = amount % 8 == 0 ? type(uint256).max : 1 + amount % 100e6;
            wallet.requestWithdrawal(account, address(token), asked);
            done["withdrawal requested"]++;
        } else if (purse.leavesFrom == 0) {
            _tryEarly(abi.encodeCall(IDebitWallet.requestWithdrawal, (account, address(token), 1)));
        } else if (vm.getBlockTimestamp() >= purse.leavesFrom) {
            uint256 taken = wallet.executeWithdrawal(account, address(token), owner);
            assertLe(taken, purse.leaving);
            balanceOf[account] -= taken;
            done["withdrawal executed"]++;
        } else if (how % 2 == 0) {
            wallet.cancelWithdrawal(account, address(token));
            done["withdrawal cancelled"]++;
        } else {
            _tryEarly(abi.encodeCall(IDebitWallet.executeWithdrawal, (account, address(token), owner)));
        }
        vm.stopPrank();
    }

    /// @dev The next step of a change; anyone takes the second.
    function change(uint256 which, uint256 terms, uint256 how) external {
        uint32 account = _account(which);
        uint40 from = wallet.accountOf(account).pending.inForceFrom;
        if (from != 0 && vm.getBlockTimestamp() >= from) {
            wallet.applyChange(account);
            done["change applied"]++;
            return;
        }
        // More often nobody asks: an account that is always about to change has nothing accepted.
        if (from == 0 && how % 5 > 1) return;
        vm.startPrank(_owner(account));
        if (from == 0 || how % 4 == 0) {
            (address processor, bytes32 set, uint256 keyHash) = _terms(terms);
            // Where a key is asked for alone, nothing else may be pending.
            if (how >> 8 & 3 < 2 || from != 0) wallet.setProcessor(account, processor, set, keyHash);
            else if (how >> 8 & 3 == 2) wallet.revokeKey(account);
            else if (wallet.accountOf(account).verifierSet != 0) wallet.rotateKey(account, keyHash);
            done["change requested"]++;
        } else if (how % 4 == 1) {
            wallet.cancelChange(account);
            done["change cancelled"]++;
        } else {
            _tryEarly(abi.encodeCall(IDebitWallet.applyChange, (account)));
        }
        vm.stopPrank();
    }

    function moveDirectAccount(uint256 who, uint256 which) external {
        address owner = payers[who % 3];
        (,, uint40 from) = wallet.directAccountOf(owner);
        if (from != 0 && vm.getBlockTimestamp() >= from) {
            wallet.applyDirectAccount(owner);
            done["direct account moved"]++;
            return;
        }
        uint32 account = _account(which);
        if (_owner(account) != owner) return;
        vm.prank(owner);
        wallet.setDirectAccount(account);
    }

    /// @dev Mostly the honest processor; a new key each time.
    function _terms(uint256 seed) internal view returns (address processor, bytes32 set, uint256 keyHash) {
        processor = seed % 4 == 0 ? hostile : honest;
        set = (seed >> 8) % 8 == 7 ? otherVerifierSet : verifierSet;
        keyHash = 1 + (uint256(keccak256(abi.encode(seed))) >> 8);
    }

    function _tryEarly(bytes memory data) private {
        (bool success,) = address(wallet).call(data);
        assertFalse(success, "before its time");
        done["too early"]++;
    }
}
