// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IDebitWallet} from "../../../src/interfaces/IDebitWallet.sol";
import {VM} from "../../base/Assertions.sol";
import {Batch} from "./Model.sol";

/// @title Batches from files
library Vectors {
    /// @dev The entries that stand at a path, as `{debits: [{account, word, mask, amount, keyHash}],
    /// payouts: [{payee, amount}]}`.
    function readEntries(string memory json, string memory path, Batch memory batch)
        internal
        view
        returns (uint256[] memory keyHashes)
    {
        string memory debits = string.concat(path, ".debits");
        uint256 count = _length(json, debits);
        batch.debits = new IDebitWallet.Debit[](count);
        keyHashes = new uint256[](count);
        for (uint256 i = 0; i < count; i++) {
            string memory item = string.concat(debits, "[", VM.toString(i), "]");
            batch.debits[i] = IDebitWallet.Debit({
                account: uint32(_uint(json, item, ".account")),
                word: uint64(_uint(json, item, ".word")),
                mask: uint128(_uint(json, item, ".mask")),
                amount: uint128(_uint(json, item, ".amount"))
            });
            keyHashes[i] = _uint(json, item, ".keyHash");
        }
        string memory payouts = string.concat(path, ".payouts");
        count = _length(json, payouts);
        batch.payouts = new IDebitWallet.Payout[](count);
        for (uint256 i = 0; i < count; i++) {
            string memory item = string.concat(payouts, "[", VM.toString(i), "]");
            batch.payouts[i] = IDebitWallet.Payout({
                payee: VM.parseJsonAddress(json, string.concat(item, ".payee")),
                amount: uint128(_uint(json, item, ".amount"))
            });
        }
    }

    /// @dev The segments that stand at a path, as `{segments: [{shape, commitment, sum, proof}]}`; without proofs
    /// where there are none.
    function readSegments(string memory json, string memory path)
        internal
        view
        returns (IDebitWallet.Segment[] memory segments)
    {
        string memory list = string.concat(path, ".segments");
        segments = new IDebitWallet.Segment[](_length(json, list));
        for (uint256 i = 0; i < segments.length; i++) {
            string memory item = string.concat(list, "[", VM.toString(i), "]");
            segments[i].shape = uint32(_uint(json, item, ".shape"));
            segments[i].commitment = _uint(json, item, ".commitment");
            segments[i].sum = _uint(json, item, ".sum");
            string memory proof = string.concat(item, ".proof");
            if (!VM.keyExistsJson(json, proof)) continue;
            uint256[] memory words = VM.parseJsonUintArray(json, proof);
            for (uint256 word = 0; word < 8; word++) {
                segments[i].proof[word] = words[word];
            }
        }
    }

    function _length(string memory json, string memory list) private view returns (uint256 length) {
        while (VM.keyExistsJson(json, string.concat(list, "[", VM.toString(length), "]"))) {
            length++;
        }
    }

    function _uint(string memory json, string memory item, string memory key) private pure returns (uint256) {
        return VM.parseJsonUint(json, string.concat(item, key));
    }
}
