// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IDebitWallet} from "../../src/interfaces/IDebitWallet.sol";
import {OpenToken} from "../tokens/OpenToken.sol";
import {BatchTest} from "./support/BatchTest.sol";
import {Batch} from "./support/Model.sol";

/// @notice Fear: one mandate is settled twice, in two batches, in two entries of one batch, or as one bit that
/// stands for two mandates.
contract BatchNoncesTest is BatchTest {
    /// @dev What the wallet should have marked.
    mapping(uint64 word => uint128) private spent;

    function test_theSameBatchSettlesOnce() external {
        settle(honest());
        assertRefused(honest(), _nonceSpent(first, 6, 0x80000000000000000000000000000003));
    }

    /// @dev Another commitment, other payees, another deadline: it is the nonces that count.
    function test_theSameNoncesInAnotherBatchAreRefused() external {
        settle(honest());
        Batch memory batch = honest();
        batch.segments[0].commitment += 1;
        batch.header.validUntil += 1;
        batch.payouts[0].payee = makeAddr("yet another payee");
        assertRefused(batch, _nonceSpent(first, 6, 0x80000000000000000000000000000003));
    }

    function test_oneSpentBitAmongFreshOnesIsEnough() external {
        settle(single(first, 6, 1 << 64, 10e6));
        Batch memory batch = single(first, 6, type(uint128).max, 10e6);
        batch.header.count = 128;
        assertRefused(batch, _nonceSpent(first, 6, 1 << 64));
    }

    function test_anotherAccountsOverlapStopsTheBatchToo() external {
        settle(single(second, 0, 1, 10e6));
        assertRefused(honest(), _nonceSpent(second, 0, 1));
    }

    function test_twoEntriesOfABatchDoNotSpendTheSameNonce() external {
        Batch memory batch = honest();
        batch.debits[1] = IDebitWallet.Debit(first, 6, 2, 20e6);
        assertRefused(batch, _nonceSpent(first, 6, 2));
    }

    function test_theSameEntryTwiceIsRefused() external {
        Batch memory batch = honest();
        batch.debits[1] = batch.debits[0];
        batch.header.count = 8;
        batch.payouts[0].amount += 30e6;
        assertRefused(batch, _nonceSpent(first, 6, 0x80000000000000000000000000000003));
    }

    /// @dev Between the two stands another account's entry.
    function test_aDistantEntryOfTheSameWordIsSeen() external {
        Batch memory batch = honest();
        (batch.debits[1], batch.debits[2]) = (batch.debits[2], IDebitWallet.Debit(first, 6, 1, 20e6));
        assertRefused(batch, _nonceSpent(first, 6, 1));
    }

    function test_twoEntriesOfOneWordWithOtherBitsSettle() external {
        Batch memory batch = honest();
        batch.debits[1] = IDebitWallet.Debit(first, 6, 4, 20e6);
        settle(batch);
        assertEq(spentWord(first, 6), 0x80000000000000000000000000000007);
    }

    /// @dev Words 6 and 7 are one storage slot.
    function test_theHalvesOfASlotDoNotMeet() external {
        Batch memory batch = single(first, 6, type(uint128).max, 10e6);
        batch.header.count = 128;
        settle(batch);
        assertEq(spentWord(first, 7), 0);
        batch.debits[0].word = 7;
        settle(batch);
        assertEq(wallet.spentNonces(first, address(token), 3), type(uint256).max);
        assertEq(wallet.spentNonces(first, address(token), 2), 0);
        assertEq(wallet.spentNonces(first, address(token), 4), 0);
        assertRefused(batch, _nonceSpent(first, 7, type(uint128).max));
    }

    function test_noncesAreEachAccountsAndEachTokensOwn() external {
        settle(single(first, 6, 1, 10e6));
        settle(single(second, 6, 1, 10e6));

        OpenToken other = new OpenToken();
        fund(first, address(other), FUNDS);
        Batch memory batch = single(first, 6, 1, 10e6);
        batch.header.token = address(other);
        settle(batch);
        assertTrue(wallet.isSpent(first, address(other), 6 * 128));
    }

    /// @dev Storage has accounts and slots in one number. What is above all nonces is not the next account's.
    function test_noIndexReachesAnotherAccountsNonces() external {
        settle(single(second, 0, 1, 10e6));
        assertEq(wallet.spentNonces(second, address(token), 0), 1);
        assertEq(second, first + 1);
        for (uint256 bit = 56; bit < 256; bit++) {
            assertEq(wallet.spentNonces(first, address(token), 1 << bit), 0);
            assertEq(wallet.spentNonces(0, address(token), 1 << bit), 0);
        }
        assertEq(wallet.spentNonces(0, address(token), uint256(second) << 56), 0);
    }

    // --- Counting -----------------------------------------------------------------------------------

    /// @dev Bit 3 twice is bit 4 once: 2^3 + 2^3 = 2^4. The sums agree, the number of bits does not.
    function test_twoEqualNoncesShownAsOneHigherBitAreRefused() external {
        Batch memory batch = single(first, 0, 1 << 4, 20e6);
        batch.header.count = 2;
        assertRefused(batch, abi.encodeWithSelector(IDebitWallet.CountMismatch.selector, 1, 2));
    }

    /// @dev Bits 0 to 126, and bit 0 again: 2^127.
    function test_aCarryThroughAWholeWordIsRefused() external {
        Batch memory batch = single(first, 0, 1 << 127, 20e6);
        batch.header.count = 128;
        assertRefused(batch, abi.encodeWithSelector(IDebitWallet.CountMismatch.selector, 1, 128));
    }

    function testFuzz_asManyBitsAsMandates(uint128[4] calldata masks, uint32 count) external {
        Batch memory batch = honest();
        batch.debits = new IDebitWallet.Debit[](4);
        uint256 bits = 0;
        for (uint256 i = 0; i < 4; i++) {
            uint128 mask = masks[i] | 1;
            batch.debits[i] = IDebitWallet.Debit(first, uint64(i), mask, 25e6);
            for (uint256 bit = 0; bit < 128; bit++) {
                if (mask & (1 << bit) != 0) bits++;
            }
        }
        batch.header.count = uint32(bound(count, 1, 1000));
        if (batch.header.count != bits) {
            assertRefused(batch, abi.encodeWithSelector(IDebitWallet.CountMismatch.selector, bits, batch.header.count));
        }
        batch.header.count = uint32(bits);
        settle(batch);
    }

    // --- Any order of batches -----------------------------------------------------------------------

    /// @dev Batches of two entries over four words, checked bit by bit against a model of the bitmap.
    function testFuzz_aNonceSettlesOnceWhateverComes(uint256[24] calldata draws) external {
        for (uint256 i = 0; i < draws.length; i += 2) {
            Batch memory batch = honest();
            batch.debits = new IDebitWallet.Debit[](2);
            batch.debits[0] = _draw(draws[i]);
            batch.debits[1] = _draw(draws[i + 1]);
            batch.payouts = new IDebitWallet.Payout[](0);
            batch.header.count = uint32(_bits(batch.debits[0].mask) + _bits(batch.debits[1].mask));

            (uint64 one, uint64 two) = (batch.debits[0].word, batch.debits[1].word);
            uint128 metOne = spent[one] & batch.debits[0].mask;
            uint128 before = spent[two] | (one == two ? batch.debits[0].mask : 0);
            uint128 metTwo = before & batch.debits[1].mask;
            if (metOne != 0) {
                assertRefused(batch, _nonceSpent(first, one, metOne));
            } else if (metTwo != 0) {
                assertRefused(batch, _nonceSpent(first, two, metTwo));
            } else {
                settle(batch);
                spent[one] |= batch.debits[0].mask;
                spent[two] |= batch.debits[1].mask;
            }
            for (uint64 word = 0; word < 4; word++) {
                assertEq(spentWord(first, word), spent[word]);
            }
        }
    }

    function _draw(uint256 seed_) private view returns (IDebitWallet.Debit memory) {
        // Few bits, so that batches overlap about as often as not.
        uint128 mask = uint128(1 << (seed_ >> 8) % 128) | uint128(1 << (seed_ >> 16) % 128);
        return IDebitWallet.Debit(first, uint64(seed_ % 4), mask, 0);
    }

    function _bits(uint128 mask) private pure returns (uint256 bits) {
        for (; mask != 0; mask >>= 1) {
            bits += mask & 1;
        }
    }

    function _nonceSpent(uint32 account, uint64 word, uint256 bits) private pure returns (bytes memory) {
        return abi.encodeWithSelector(IDebitWallet.NonceSpent.selector, account, word, bits);
    }
}
