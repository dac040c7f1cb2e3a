// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

import {IDebitWallet} from "../interfaces/IDebitWallet.sol";
import {Base} from "./Base.sol";

/// @title What accounts have of a token, and which of their nonces are spent
/// @notice Nonces are spent by words of 128. A signer counts up, so most entries of a batch spend in the word that
/// the account's last one did: that word's bits lie beside the balance, in one slot that is read and written once.
///
///     purse     balance (104 bits), has (1), W (23), M (128): M are word W's spent bits, if has
///     S[word]   spent bits, two words to a slot
///     F         one bit for each word that was full when the purse left it
///
///     word(w):  M, if has and w = W; all ones, if F[w]; else S[w]
///
/// What must hold:
/// - bits are only ever set, and W only rises;
/// - M has every bit that S[W] has: it begins as S[W], and only M is written while W is current;
/// - F[w] is set only when W rises from w. So no word above W is in F, and none from 2^23 on, which are never W.
abstract contract Purses is Base {
    using SafeCast for uint256;

    uint256 private constant BALANCE_BITS = 104;
    uint256 private constant BALANCE_MASK = (1 << BALANCE_BITS) - 1;
    /// @dev Of `has` and W together, which are read as one number: see {_tag}.
    uint256 private constant TAG_MASK = (1 << 24) - 1;
    uint256 private constant SPENT_SHIFT = 128;

    /// @dev Words from here on are never the current one.
    uint256 private constant CURRENT_WORDS = 1 << 23;
    uint256 private constant FULL = type(uint128).max;

    /// @dev Of one token. Nonces of all accounts are in one mapping: one hash less for every entry of a batch.
    struct Books {
        mapping(uint32 account => uint256) purses;
        /// @dev S.
        mapping(uint256 place => uint256) spent;
        /// @dev F, 256 words to a slot.
        mapping(uint256 place => uint256) full;
    }

    mapping(address token => Books) private _books;

    // --- Reading ------------------------------------------------------------------------------------

    /// @inheritdoc IDebitWallet
    function isSpent(uint32 account, address token, uint64 nonce) public view returns (bool) {
        return (_wordOf(_books[token], account, nonce >> 7) >> (nonce & 127)) & 1 == 1;
    }

    /// @inheritdoc IDebitWallet
    function spentNonces(uint32 account, address token, uint256 index) external view returns (uint256) {
        // No nonce is so high, and the place would be another account's.
        if (index >> 56 != 0) return 0;
        Books storage books = _books[token];
        return _wordOf(books, account, 2 * index) | (_wordOf(books, account, 2 * index + 1) << 128);
    }

    function booksOf(address token) internal view returns (Books storage) {
        return _books[token];
    }

    function balanceIn(Books storage books, uint32 account) internal view returns (uint256) {
        return books.purses[account] & BALANCE_MASK;
    }

    // --- Money --------------------------------------------------------------------------------------

    /// @dev Must not carry out of the balance's bits.
    function putIn(Books storage books, uint32 account, uint256 amount) internal {
        uint256 purse = books.purses[account];
        uint256 balance = ((purse & BALANCE_MASK) + amount).toUint104();
        books.purses[account] = (purse & ~BALANCE_MASK) | balance;
    }

    /// @dev What is asked back can be taken until it is out: a pending withdrawal does not hold it back.
    function takeOut(Books storage books, uint32 account, address token, uint256 amount) internal {
        books.purses[account] = _less(books.purses[account], account, token, amount);
    }

    /// @dev The balance is the lowest field and holds the amount: no bit of the others is borrowed.
    function _less(uint256 purse, uint32 account, address token, uint256 amount) private pure returns (uint256) {
        uint256 balance = purse & BALANCE_MASK;
        if (amount > balance) revert InsufficientBalance(account, token, balance, amount);
        unchecked {
            return purse - amount;
        }
    }

    // --- Nonces -------------------------------------------------------------------------------------

    /// @dev Spends all nonces of a word whose bits are set, none of which may be spent before, and takes an
    /// amount out.
    /// @param word Below 2^57.
    /// @param mask Below 2^128.
    function spend(Books storage books, uint32 account, address token, uint256 word, uint256 mask, uint256 amount)
        internal
    {
        uint256 purse = books.purses[account];
        uint256 tag = _tagIn(purse);
        uint256 before;
        if (_tag(word) == tag) {
            before = purse >> SPENT_SHIFT;
            purse |= mask << SPENT_SHIFT;
        } else if (word < CURRENT_WORDS && _tag(word) > tag) {
            // Above W, or the first: F, which has only words below W, need not be asked.
            before = _stored(books, account, word);
            if (tag != 0) _leave(books, account, purse);
            purse = (purse & BALANCE_MASK) | (_tag(word) << BALANCE_BITS) | ((before | mask) << SPENT_SHIFT);
        } else {
            before = _isFull(books, account, word) ? FULL : _stored(books, account, word);
            _store(books, account, word, mask);
        }
        if (before & mask != 0) revert NonceSpent(account, uint64(word), before & mask);
        books.purses[account] = _less(purse, account, token, amount);
    }

    /// @dev Spends a nonce, whether or not it is spent.
    function burn(uint32 account, address token, uint64 nonce) internal {
        Books storage books = _books[token];
        (uint256 word, uint256 mask) = (nonce >> 7, 1 << (nonce & 127));
        uint256 purse = books.purses[account];
        if (_tag(word) == _tagIn(purse)) {
            books.purses[account] = purse | (mask << SPENT_SHIFT);
        } else if (!_isFull(books, account, word)) {
            _store(books, account, word, mask);
        }
    }

    function _wordOf(Books storage books, uint32 account, uint256 word) private view returns (uint256) {
        uint256 purse = books.purses[account];
        if (_tag(word) == _tagIn(purse)) return purse >> SPENT_SHIFT;
        return _isFull(books, account, word) ? FULL : _stored(books, account, word);
    }

    /// @dev W rises: what M says is written where word W is looked for from now on. A full word costs a bit.
    function _leave(Books storage books, uint32 account, uint256 purse) private {
        (uint256 word, uint256 spent) = (_tagIn(purse) >> 1, purse >> SPENT_SHIFT);
        if (spent == FULL) {
            books.full[_place(account, word >> 8)] |= 1 << (word & 255);
        } else {
            _store(books, account, word, spent);
        }
    }

    function _isFull(Books storage books, uint32 account, uint256 word) private view returns (bool) {
        if (word >= CURRENT_WORDS) return false;
        return (books.full[_place(account, word >> 8)] >> (word & 255)) & 1 == 1;
    }

    /// @dev S[word].
    function _stored(Books storage books, uint32 account, uint256 word) private view returns (uint256) {
        return (books.spent[_place(account, word >> 1)] >> _half(word)) & FULL;
    }

    /// @dev S[word] |= bits.
    function _store(Books storage books, uint32 account, uint256 word, uint256 bits) private {
        books.spent[_place(account, word >> 1)] |= bits << _half(word);
    }

    /// @dev Where a word lies in its slot.
    function _half(uint256 word) private pure returns (uint256) {
        return (word & 1) << 7;
    }

    /// @param index Below 2^56: a nonce's upper 56 bits, or fewer.
    function _place(uint32 account, uint256 index) private pure returns (uint256) {
        return (uint256(account) << 56) | index;
    }

    /// @dev `has` and W of a purse whose current word this is, as they lie there: 2·W + 1. In a purse without a
    /// current word they are 0, below all.
    function _tag(uint256 word) private pure returns (uint256) {
        return (word << 1) | 1;
    }

    function _tagIn(uint256 purse) private pure returns (uint256) {
        return (purse >> BALANCE_BITS) & TAG_MASK;
    }
}
