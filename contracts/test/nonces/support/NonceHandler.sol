// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {DebitWallet} from "../../../src/DebitWallet.sol";
import {IDebitWallet} from "../../../src/interfaces/IDebitWallet.sol";
import {Periods} from "../../base/Periods.sol";
import {Test} from "../../base/Test.sol";

/// @dev The wallet, with the functions that spend callable without batches and receipts around them.
contract OpenWallet is DebitWallet {
    constructor() DebitWallet(Periods.fitting(2 days, 7 days)) {}

    function put(uint32 account, address token, uint256 amount) external {
        putIn(booksOf(token), account, amount);
    }

    function take(uint32 account, address token, uint256 amount) external {
        takeOut(booksOf(token), account, token, amount);
    }

    function spendWord(uint32 account, address token, uint256 word, uint256 mask, uint256 amount) external {
        spend(booksOf(token), account, token, word, mask, amount);
    }

    function burnNonce(uint32 account, address token, uint64 nonce) external {
        burn(account, token, nonce);
    }
}

/// @title What may happen to an account's nonces, beside the plainest model of them
/// @notice A set of spent nonces and a balance for each account: nothing of words that are current or full. After
/// every step the wallet must say the same.
contract NonceHandler is Test {
    uint256 public constant CURRENT_WORDS = 1 << 23;
    uint256 public constant WORDS = 1 << 57;

    OpenWallet public wallet = new OpenWallet();
    address public token = makeAddr("token");

    /// @dev The model.
    mapping(uint32 account => mapping(uint256 word => uint128)) public spentOf;
    mapping(uint32 account => uint256) public balanceOf;

    /// @dev Words that were touched, and the one that a signer who counts up would use next.
    mapping(uint32 account => uint256[]) private _touched;
    mapping(uint32 account => mapping(uint256 word => bool)) private _isTouched;
    mapping(uint32 account => uint256) private _next;
    mapping(string what => uint256) public done;

    // --- What may happen ----------------------------------------------------------------------------

    /// @dev A signer who counts up: some bits more of the word it is at, or the rest of it and on to the next.
    function count(uint256 seed, uint256 amount) external {
        uint32 account = _account(seed);
        uint256 word = _next[account] % CURRENT_WORDS;
        uint128 free = ~spentOf[account][word];
        uint128 mask = seed >> 8 & 3 == 0 ? free : free & uint128(seed >> 16);
        if (seed >> 8 & 3 < 2) _next[account] = word + 1;
        if (mask != 0) _spend(account, word, mask, amount);
    }

    /// @dev Anywhere: a few words on, back among the touched ones, the ends of ranges, or where nothing is current.
    function jump(uint256 seed, uint256 amount) external {
        uint32 account = _account(seed);
        uint256 word = _word(account, seed >> 8);
        uint128 mask = uint128(seed >> 128) & uint128(seed >> 64);
        // Mostly what is not spent yet, so that it succeeds.
        if (seed >> 16 & 3 != 0) mask &= ~spentOf[account][word];
        if (mask == 0) return;
        if (seed >> 18 & 7 == 0) _next[account] = word;
        _spend(account, word, mask, amount);
    }

    /// @dev All of a word at once, wherever.
    function fill(uint256 seed, uint256 amount) external {
        uint32 account = _account(seed);
        uint256 word = _word(account, seed >> 8);
        uint128 mask = ~spentOf[account][word];
        if (mask != 0) _spend(account, word, mask, amount);
    }

    function burn(uint256 seed) external {
        uint32 account = _account(seed);
        uint256 word = _word(account, seed >> 8);
        uint256 bit = uint8(seed >> 200) & 127;
        wallet.burnNonce(account, token, uint64((word << 7) | bit));
        _note(account, word, uint128(1) << uint128(bit));
        done["burn"]++;
    }

    function put(uint256 seed, uint256 amount) external {
        uint32 account = _account(seed);
        amount = bound(amount, 0, type(uint104).max - balanceOf[account]);
        wallet.put(account, token, amount);
        balanceOf[account] += amount;
    }

    function take(uint256 seed, uint256 amount) external {
        uint32 account = _account(seed);
        amount = bound(amount, 0, balanceOf[account]);
        wallet.take(account, token, amount);
        balanceOf[account] -= amount;
    }

    // --- What must hold -----------------------------------------------------------------------------

    /// @dev Of every word that was touched, its neighbour in the slot, and the words around it.
    function check() external view {
        for (uint32 account = 1; account <= 2; account++) {
            uint256 length = _touched[account].length;
            for (uint256 i = 0; i < length; i++) {
                checkAround(account, _touched[account][i]);
            }
            assertEq(wallet.balanceOf(account, token).balance, balanceOf[account], "balance");
        }
    }

    function checkAround(uint32 account, uint256 word) public view {
        uint256 index = word >> 1;
        for (uint256 i = index == 0 ? 0 : index - 1; i <= index + 1 && i < WORDS / 2; i++) {
            uint256 expected = spentOf[account][2 * i] | (uint256(spentOf[account][2 * i + 1]) << 128);
            assertEq(wallet.spentNonces(account, token, i), expected, "spent nonces");
        }
    }

    // --- How ----------------------------------------------------------------------------------------

    function _spend(uint32 account, uint256 word, uint128 mask, uint256 amount) private {
        amount = balanceOf[account] == 0 ? 0 : amount % (balanceOf[account] + 1);
        uint128 met = spentOf[account][word] & mask;
        if (met != 0) {
            vm.expectRevert(
                abi.encodeWithSelector(IDebitWallet.NonceSpent.selector, account, uint64(word), uint256(met))
            );
            wallet.spendWord(account, token, word, mask, amount);
            done["refused"]++;
        } else {
            wallet.spendWord(account, token, word, mask, amount);
            balanceOf[account] -= amount;
            _note(account, word, mask);
            done["spent"]++;
        }
        checkAround(account, word);
    }

    function _note(uint32 account, uint256 word, uint128 mask) private {
        spentOf[account][word] |= mask;
        if (_isTouched[account][word]) return;
        _isTouched[account][word] = true;
        _touched[account].push(word);
    }

    function _account(uint256 seed) private pure returns (uint32) {
        return uint32(1 + seed % 2);
    }

    function _word(uint32 account, uint256 seed) private view returns (uint256) {
        uint256 kind = seed % 8;
        seed = uint256(keccak256(abi.encode(seed)));
        uint256 length = _touched[account].length;
        if (kind < 3 && length != 0) return _touched[account][seed % length];
        if (kind == 3) return (_next[account] + seed % 4) % CURRENT_WORDS;
        if (kind == 4) return (_next[account] + seed % 600) % CURRENT_WORDS;
        // Among the last that can be current, and the first that cannot.
        if (kind == 5) return seed % 8 == 0 ? CURRENT_WORDS - 2 + (seed >> 8) % 4 : seed % 16;
        if (kind == 6) return seed % 4 == 0 ? WORDS - 1 - (seed >> 8) % 2 : CURRENT_WORDS + seed % 3;
        return seed % 16 == 0 ? seed >> 199 : seed % 32;
    }
}
