// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IDebitWallet} from "../interfaces/IDebitWallet.sol";

/// @title A batch's lists, laid out once in memory, to be hashed and read
/// @notice Three lists, each hashed by itself; the batch's seed is a hash of their hashes:
///
///     segments  (shape, C) of each
///     debits    (account, word, mask, amount) of each, then the key hash of each
///     payouts   (payee, amount) of each
///
/// Each hash is over whole words, a fixed number to an entry, so that its length says how many entries there are.
/// The lists are copied as they lie in calldata, and read from the copy: the compiler would take every entry apart,
/// check it and put it together again for each use, which batches of many entries pay for dearly. The bytes are
/// the same, as no value may be wider than its type: {lay}, {debit} and {totalPaid} see to it.
library Transcript {
    /// @dev Where in memory each list begins. They lie one behind the other in this order, without gaps.
    struct Layout {
        /// @dev Four words each.
        uint256 debits;
        /// @dev Of the debits' accounts, a word for each debit. Zeros until the wallet fills them in.
        uint256 keyHashes;
        /// @dev Two words each.
        uint256 payouts;
        /// @dev Two words each.
        uint256 segments;
        uint256 end;
        uint256 debitCount;
        uint256 payoutCount;
    }

    /// @dev Of a segment in calldata: shape, C, R and the proof's eight.
    uint256 private constant SEGMENT_LENGTH = 0x160;

    /// @dev Looks at the widths of shapes. Commitments fill a word.
    function lay(
        IDebitWallet.Debit[] calldata debits,
        IDebitWallet.Payout[] calldata payouts,
        IDebitWallet.Segment[] calldata segments
    ) internal pure returns (Layout memory transcript) {
        uint256 start;
        uint256 keyHashes;
        uint256 firstPayout;
        uint256 firstSegment;
        uint256 end;
        assembly ("memory-safe") {
            start := mload(0x40)
            calldatacopy(start, debits.offset, shl(7, debits.length))
            keyHashes := add(start, shl(7, debits.length))
            // Beyond the calldata there are zeros.
            calldatacopy(keyHashes, calldatasize(), shl(5, debits.length))
            firstPayout := add(keyHashes, shl(5, debits.length))
            calldatacopy(firstPayout, payouts.offset, shl(6, payouts.length))
            firstSegment := add(firstPayout, shl(6, payouts.length))
            end := add(firstSegment, shl(6, segments.length))
            let segment := segments.offset
            let wide := 0
            for { let to := firstSegment } lt(to, end) { to := add(to, 0x40) } {
                calldatacopy(to, segment, 0x40)
                wide := or(wide, shr(32, mload(to)))
                segment := add(segment, SEGMENT_LENGTH)
            }
            if wide { revert(0, 0) }
            mstore(0x40, end)
        }
        return Layout(start, keyHashes, firstPayout, firstSegment, end, debits.length, payouts.length);
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
        uint256 keyHashes = transcript.keyHashes;
        assembly ("memory-safe") {
            mstore(add(keyHashes, shl(5, index)), keyHash)
        }
    }

    /// @notice What the payouts come to. Fewer than 2^64 fit into a block, of 128 bits each.
    /// @dev Looks at the widths of all.
    function totalPaid(Layout memory transcript) internal pure returns (uint256 total) {
        (uint256 entry, uint256 end) = (transcript.payouts, transcript.segments);
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
    /// @dev It holds all that the proofs are about, and so neither who sends the batch nor whose accounts these are:
    /// both are looked up when it settles. So another sender sends the same batch again.
    function seed(Layout memory transcript, uint256 domain, uint256 validUntil, uint256 count)
        internal
        pure
        returns (bytes32)
    {
        bytes32 segmentsHash = _hash(transcript.segments, transcript.end);
        bytes32 debitsHash = _hash(transcript.debits, transcript.payouts);
        return keccak256(abi.encode(segmentsHash, domain, validUntil, count, debitsHash, payoutsHash(transcript)));
    }

    /// @notice The hash of the list of payouts.
    function payoutsHash(Layout memory transcript) internal pure returns (bytes32) {
        return _hash(transcript.payouts, transcript.segments);
    }

    function _hash(uint256 start, uint256 end) private pure returns (bytes32 hash) {
        assembly ("memory-safe") {
            hash := keccak256(start, sub(end, start))
        }
    }
}
