// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IDebitWallet} from "../interfaces/IDebitWallet.sol";
import {Base} from "./Base.sol";

/// @title Spent nonces of the proved path
/// @notice A bit for each nonce of an account and token, 256 to a slot: two of the circuit's 128-bit words
/// side by side. A bit that is set is never unset.
abstract contract SpentNonces is Base {
    struct Slot {
        uint256 bits;
    }

    /// @dev One mapping for accounts and their slots: one hash less for every entry of a batch.
    mapping(address token => mapping(uint256 place => Slot)) private _spent;

    /// @inheritdoc IDebitWallet
    function isSpent(uint32 account, address token, uint64 nonce) public view returns (bool) {
        return (_spent[token][_place(account, nonce >> 8)].bits >> (nonce & 255)) & 1 == 1;
    }

    /// @inheritdoc IDebitWallet
    function spentNonces(uint32 account, address token, uint256 index) external view returns (uint256) {
        // No nonce is so high, and the place would be another account's.
        if (index >> 56 != 0) return 0;
        return _spent[token][_place(account, index)].bits;
    }

    /// @dev All nonces of a word whose bits are set. None may be spent before.
    /// @param word Below 2^57.
    function spendWord(mapping(uint256 => Slot) storage spentOfToken, uint32 account, uint256 word, uint128 mask)
        internal
    {
        Slot storage slot = spentOfToken[_place(account, word >> 1)];
        uint256 bits = uint256(mask) << ((word & 1) << 7);
        uint256 before = slot.bits;
        if (before & bits != 0) revert NonceSpent(account, uint64(word), before & bits);
        slot.bits = before | bits;
    }

    function burn(uint32 account, address token, uint64 nonce) internal {
        _spent[token][_place(account, nonce >> 8)].bits |= 1 << (nonce & 255);
    }

    function spentOf(address token) internal view returns (mapping(uint256 => Slot) storage) {
        return _spent[token];
    }

    /// @param index Below 2^56: a nonce's upper 56 bits.
    function _place(uint32 account, uint256 index) private pure returns (uint256) {
        return (uint256(account) << 56) | index;
    }
}
