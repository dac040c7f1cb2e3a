// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IDebitWallet} from "../interfaces/IDebitWallet.sol";

/// @title What a batch's seed hashes, laid out once in memory
/// @notice The ABI encoding of `(shape, commitment, domain, validUntil, count, debits, keyHashes, payouts)`. The
/// lists are copied as they lie in calldata, and read from the copy: the compiler would take every entry apart,
/// check it and put it together again for each use, which batches of many entries pay for dearly. The bytes are
/// the same, as no value may be wider than its type: {debit} and {totalPaid} see to it.
library Transcript {
    /// @dev Eight words: five values, and where each of the three lists begins.
    uint256 private constant HEAD = 0x100;

    struct Layout {
        uint256 start;
        uint256 end;
        /// @dev The first debit, four words each.
        uint256 debits;
        uint256 debitCount;
        /// @dev Of the debits' accounts, one for each debit. Zeros until the wallet fills them in.
        uint256[] keyHashes;
        /// @dev The first payout, two words each.
        uint256 payouts;
        uint256 payoutCount;
    }

    function lay(IDebitWallet.Debit[] calldata debits, IDebitWallet.Payout[] calldata payouts)
        internal
        pure
        returns (Layout memory transcript)
    {
        uint256 start;
        uint256 next;
        uint256[] memory keyHashes;
        assembly ("memory-safe") {
            start := mload(0x40)

            next := add(start, HEAD)
            mstore(add(start, 0xa0), sub(next, start))
            mstore(next, debits.length)
            next := add(next, 0x20)
            calldatacopy(next, debits.offset, shl(7, debits.length))
            next := add(next, shl(7, debits.length))

            keyHashes := next
            mstore(add(start, 0xc0), sub(next, start))
            mstore(next, debits.length)
            next := add(next, 0x20)
            // Beyond the calldata there are zeros.
            calldatacopy(next, calldatasize(), shl(5, debits.length))
            next := add(next, shl(5, debits.length))

            mstore(add(start, 0xe0), sub(next, start))
            mstore(next, payouts.length)
            next := add(next, 0x20)
            calldatacopy(next, payouts.offset, shl(6, payouts.length))
            next := add(next, shl(6, payouts.length))

            mstore(0x40, next)
        }
        (transcript.start, transcript.end, transcript.keyHashes) = (start, next, keyHashes);
        (transcript.debitCount, transcript.payoutCount) = (debits.length, payouts.length);
        unchecked {
            (transcript.debits, transcript.payouts) = (start + HEAD + 0x20, next - (payouts.length << 6));
        }
    }

    /// @notice A debit.
    /// @dev Reverts without data, as ABI decoding does, if a value is wider than its type.
    /// @param index Below the list's length: that is the caller's to know.
    function debit(Layout memory transcript, uint256 index)
        internal
        pure
        returns (uint256 account, uint256 word, uint256 mask, uint256 amount)
    {
        uint256 debits = transcript.debits;
        assembly ("memory-safe") {
            let entry := add(debits, shl(7, index))
            account := mload(entry)
            word := mload(add(entry, 0x20))
            mask := mload(add(entry, 0x40))
            amount := mload(add(entry, 0x60))
            if or(or(shr(32, account), shr(64, word)), shr(128, or(mask, amount))) { revert(0, 0) }
        }
    }

    /// @notice A payout. {totalPaid} has seen that no value is wider than its type.
    function payout(Layout memory transcript, uint256 index) internal pure returns (address payee, uint256 amount) {
        uint256 payouts = transcript.payouts;
        assembly ("memory-safe") {
            let entry := add(payouts, shl(6, index))
            payee := mload(entry)
            amount := mload(add(entry, 0x20))
        }
    }

    /// @notice A debit's account has this mandate key.
    /// @param index Below the list's length.
    function setKeyHash(Layout memory transcript, uint256 index, uint256 keyHash) internal pure {
        uint256[] memory keyHashes = transcript.keyHashes;
        assembly ("memory-safe") {
            mstore(add(add(keyHashes, 0x20), shl(5, index)), keyHash)
        }
    }

    /// @notice What the payouts come to. Fewer than 2^64 fit into a block, of 128 bits each.
    /// @dev Looks at the widths of all.
    function totalPaid(Layout memory transcript) internal pure returns (uint256 total) {
        (uint256 entry, uint256 end) = (transcript.payouts, transcript.end);
        assembly ("memory-safe") {
            let wide := 0
            for {} lt(entry, end) { entry := add(entry, 0x40) } {
                let amount := mload(add(entry, 0x20))
                wide := or(wide, or(shr(160, mload(entry)), shr(128, amount)))
                total := add(total, amount)
            }
            if wide { revert(0, 0) }
        }
    }

    /// @notice The seed of both challenges, and the batch's name. All entries have been read, and the key hashes
    /// filled in.
    function seed(
        Layout memory transcript,
        uint256 shape,
        uint256 commitment,
        uint256 domain,
        uint256 validUntil,
        uint256 count
    ) internal pure returns (bytes32 hash) {
        (uint256 start, uint256 end) = (transcript.start, transcript.end);
        assembly ("memory-safe") {
            mstore(start, shape)
            mstore(add(start, 0x20), commitment)
            mstore(add(start, 0x40), domain)
            mstore(add(start, 0x60), validUntil)
            mstore(add(start, 0x80), count)
            hash := keccak256(start, sub(end, start))
        }
    }
}
