// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IDebitWallet} from "../../../src/interfaces/IDebitWallet.sol";
import {Batch} from "../../batch/support/Model.sol";
import {Typed} from "../../wallet/support/Typed.sol";
import {World} from "./World.sol";

/// @title What processors do: settle, promise, and cheat
abstract contract ProcessorActions is World {
    uint256 private _directNonce;

    /// @dev The honest one settles what it accepted, before it must.
    function settleAccepted(uint256 upTo) external {
        _settleAccepted(vm.getBlockTimestamp() + upTo % (WINDOW + 1));
    }

    /// @dev The hostile one settles what it can of the accounts that chose it. It promised nothing.
    function settleAsHostile(uint256 seed, uint256 count) external {
        uint256[] memory ids = _pick(seed, 1 + count % 3, hostile);
        if (ids.length == 0) return;
        (bool success,) = _settle(hostile, ids);
        if (success) done["batch settled by the hostile"]++;
    }

    /// @dev Really signed, provable, and of accounts that chose the honest one.
    function settleForeign(uint256 seed) external {
        uint256[] memory ids = _pick(seed, 1 + seed % 3, honest);
        if (ids.length == 0) return;
        (Batch memory batch, uint256[] memory keyHashes) = _batch(ids);
        // In its own name, and in the other's.
        batch.header.processor = hostile;
        _mustFail(hostile, _call(batch, keyHashes, true), "another processor's");
        batch.header.processor = honest;
        _mustFail(hostile, _call(batch, keyHashes, true), "another processor's");
    }

    /// @dev The same mandate twice in one batch: its bit carries.
    function settleTwiceInOneBatch(uint256 seed, uint256 who) external {
        address processor = who % 4 == 0 ? hostile : honest;
        uint256[] memory ids = _pick(seed, 1, processor);
        if (ids.length == 0) return;
        uint256[] memory twice = new uint256[](2);
        (twice[0], twice[1]) = (ids[0], ids[0]);
        (Batch memory batch, uint256[] memory keyHashes) = _batch(twice);
        batch.header.processor = processor;
        _mustFail(processor, _call(batch, keyHashes, true), "one mandate as two");
    }

    /// @dev Entries that nobody signed.
    function settleUnsigned(uint256 which, uint256 seed) external {
        uint32 account = uint32(1 + which % wallet.accountCount());
        Batch memory batch;
        batch.segments = _segment(1);
        batch.header = IDebitWallet.Header(honest, verifierSet, address(token), type(uint40).max, 1, 0, 0);
        batch.debits = new IDebitWallet.Debit[](1);
        batch.debits[0] =
            IDebitWallet.Debit(account, uint64(seed % 8), uint128(1 << (seed >> 8) % 128), uint128(balanceOf[account]));
        batch.payouts = new IDebitWallet.Payout[](1);
        batch.payouts[0] = IDebitWallet.Payout(hostile, uint128(balanceOf[account]));
        uint256[] memory keyHashes = new uint256[](1);
        keyHashes[0] = wallet.accountOf(account).keyHash;
        address from = seed % 2 == 0 ? hostile : honest;
        batch.header.processor = from;
        _mustFail(from, _call(batch, keyHashes, false), "unsigned");
    }

    /// @dev One on the direct path, by its account's processor, from what is free.
    function settleDirect(uint256 who, uint256 amount, uint256 to) external {
        (uint32 account,,) = wallet.directAccountOf(payers[who % 3]);
        if (account == 0) return;
        uint256 free = _free(account);
        amount = bound(amount, 0, free < 50e6 ? free : 50e6);
        IDebitWallet.Mandate[] memory mandates = new IDebitWallet.Mandate[](1);
        mandates[0] = IDebitWallet.Mandate(
            payers[who % 3], address(token), _payee(to), amount, ++_directNonce, type(uint256).max, 0
        );
        bytes[] memory signatures = new bytes[](1);
        signatures[0] = signature(payerKeys[who % 3], _digest(Typed.hash(mandates[0])));
        uint256[] memory captured = new uint256[](1);
        captured[0] = amount;
        address processor = wallet.accountOf(account).processor;
        address other = processor == honest ? hostile : honest;
        bytes memory data = abi.encodeCall(IDebitWallet.settleDirect, (other, mandates, signatures, captured));
        _mustFail(other, data, "direct mandate by another processor");
        data = abi.encodeCall(IDebitWallet.settleDirect, (processor, mandates, signatures, captured));
        _mustFail(other, data, "direct mandate by another processor");
        (bool success,) = _send(processor, data);
        assertTrue(success, "the direct path settles");
        balanceOf[account] -= amount;
        paidTo[_payee(to)] += amount;
        done["direct mandate settled"]++;
        _mustFail(processor, data, "replay");
    }

    // --- How ----------------------------------------------------------------------------------------

    /// @dev Different mandates of a processor's accounts, neither settled nor expired, from a random one on.
    function _pick(uint256 seed, uint256 wanted, address processor) private view returns (uint256[] memory ids) {
        ids = new uint256[](wanted);
        uint256 found = 0;
        for (uint256 i = 0; i < signed.length && found < wanted; i++) {
            uint256 id = (seed % signed.length + i) % signed.length;
            Signed memory mandate = signed[id];
            if (mandate.settled || mandate.deadline < vm.getBlockTimestamp()) continue;
            if (wallet.accountOf(mandate.account).processor == processor) ids[found++] = id;
        }
        assembly ("memory-safe") {
            mstore(ids, found)
        }
    }
}
