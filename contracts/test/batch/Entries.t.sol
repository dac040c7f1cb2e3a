// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IDebitWallet} from "../../src/interfaces/IDebitWallet.sol";
import {BatchTest} from "./support/BatchTest.sol";
import {Batch, Model} from "./support/Model.sol";

/// @notice Fear: an entry spells another account than it debits, or a value that its type cannot hold.
contract BatchEntriesTest is BatchTest {
    /// @dev Words of settleBatch's calldata, after the selector: the header's four, where debits, payouts and
    /// segments begin, the hint; then the lists, each after its length.
    uint256 private constant DEBITS = 11;

    function test_aWordThatSpellsAnotherAccountIsRefused() external {
        // One key on two accounts. A mandate over the second's word 0 has the pole of word 2^57 of the first.
        vm.prank(bob);
        second = wallet.openAccount(processor, verifierSet, keyHash[first]);
        assertEq(second, first + 2);
        IDebitWallet.Debit memory signed = IDebitWallet.Debit(second, 0, 1, 10e6);
        IDebitWallet.Debit memory alias_ = IDebitWallet.Debit(first, 2 << 57, 1, 10e6);
        assertEq(Model.debitPole(signed, keyHash[first], 5, 7), Model.debitPole(alias_, keyHash[first], 5, 7));

        assertRefused(
            single(first, 2 << 57, 1, 10e6), abi.encodeWithSelector(IDebitWallet.WordOutOfRange.selector, 0, 2 << 57)
        );
    }

    function testFuzz_wordsHave57Bits(uint64 word) external {
        Batch memory batch = single(first, word, 1, 10e6);
        if (word < 2 ** 57) {
            settle(batch);
            assertEq(spentWord(first, word), 1);
        } else {
            assertRefused(batch, abi.encodeWithSelector(IDebitWallet.WordOutOfRange.selector, 0, word));
        }
    }

    function test_theLastWordSettlesAndTheNextDoesNot() external {
        settle(single(first, 2 ** 57 - 1, 1, 10e6));
        assertTrue(wallet.isSpent(first, address(token), (2 ** 57 - 1) * 128));
        assertRefused(
            single(first, 2 ** 57, 1, 10e6), abi.encodeWithSelector(IDebitWallet.WordOutOfRange.selector, 0, 2 ** 57)
        );
    }

    function test_anEntryThatSpendsNoNonceIsRefused() external {
        Batch memory batch = honest();
        batch.debits[1].mask = 0;
        batch.header.count = 5;
        assertRefused(batch, abi.encodeWithSelector(IDebitWallet.MaskEmpty.selector, 1));
    }

    function test_accountZeroIsNobody() external {
        assertRefused(
            single(0, 0, 1, 0), abi.encodeWithSelector(IDebitWallet.NotAuthorized.selector, 0, processor, verifierSet)
        );
    }

    function testFuzz_anAccountThatNobodyOpenedIsRefused(uint32 account) external {
        account = uint32(bound(account, wallet.accountCount() + 1, type(uint32).max));
        assertRefused(
            single(account, 0, 1, 0),
            abi.encodeWithSelector(IDebitWallet.NotAuthorized.selector, account, processor, verifierSet)
        );
    }

    // --- Widths -------------------------------------------------------------------------------------

    /// @dev Each bit above a value's width, one by one. The same calldata without it settles.
    function test_noValueIsWiderThanItsType() external {
        Batch memory batch = honest();
        batch.header.captures = keccak256("captures");
        uint256 payouts = DEBITS + 1 + 4 * batch.debits.length;
        uint256 segments = payouts + 1 + 2 * batch.payouts.length;
        _assertWidth(batch, 0, 160); // processor
        _assertWidth(batch, 2, 160); // token
        _assertWidth(batch, 3, 40); // validUntil
        _assertWidth(batch, 4, 32); // count
        _assertWidth(batch, 6, 64); // place
        _assertWidth(batch, segments + 1, 32); // shape
        for (uint256 i = 0; i < batch.debits.length; i++) {
            uint256 entry = DEBITS + 1 + 4 * i;
            _assertWidth(batch, entry, 32); // account
            _assertWidth(batch, entry + 1, 64); // word
            _assertWidth(batch, entry + 2, 128); // mask
            _assertWidth(batch, entry + 3, 128); // amount
        }
        for (uint256 i = 0; i < batch.payouts.length; i++) {
            uint256 entry = payouts + 1 + 2 * i;
            _assertWidth(batch, entry, 160); // payee
            _assertWidth(batch, entry + 1, 128); // amount
        }
        settle(batch);
    }

    /// @dev r added to each value that the circuit reads modulo r. For C and R, which fill a word, see Header.t.sol.
    function test_noValueIsGivenAsItselfAndTheFieldsOrder() external {
        Batch memory batch = honest();
        bytes memory data = callOf(batch);
        uint256 payouts = DEBITS + 1 + 4 * batch.debits.length;
        uint256 segments = payouts + 1 + 2 * batch.payouts.length;
        uint256 tried = 0;
        for (uint256 word = 2; word <= segments + 1; word++) {
            if ((word > 4 && word <= DEBITS) || word == payouts || word == segments) continue;
            bytes memory altered = _with(data, word, _read(data, word) + Model.R);
            assertRefused(processor, altered, "");
            tried++;
        }
        assertEq(tried, 3 + 12 + 4 + 1);
        settle(batch);
    }

    /// @dev The hint is no part of the statement: a second spelling of it settles the same batch, once.
    function test_aHintGivenAsItselfAndTheFieldsOrderIsTheSameHint() external {
        Batch memory batch = honest();
        (, uint256 hint) = Model.publicInputs(batch, domain(batch), keyHashes(batch));
        vm.prank(processor);
        (bool success, bytes memory answer) = address(wallet).call(callOf(batch, hint + Model.R));
        assertTrue(success);
        assertEq(abi.decode(answer, (bytes32)), seed(batch));
    }

    function test_calldataThatEndsInAnEntryIsRefused() external {
        bytes memory data = callOf(honest());
        assembly ("memory-safe") {
            mstore(data, sub(mload(data), 1))
        }
        assertRefused(processor, data, "");
    }

    function _assertWidth(Batch memory batch, uint256 word, uint256 bits) private {
        bytes memory data = callOf(batch);
        uint256 value = _read(data, word);
        assertEq(value >> bits, 0);
        for (uint256 bit = bits; bit < 256; bit++) {
            assertRefused(processor, _with(data, word, value | (1 << bit)), "");
        }
    }

    function _read(bytes memory data, uint256 word) private pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := mload(add(add(data, 0x24), mul(word, 0x20)))
        }
    }

    function _with(bytes memory data, uint256 word, uint256 value) private pure returns (bytes memory altered) {
        altered = bytes.concat(data);
        assembly ("memory-safe") {
            mstore(add(add(altered, 0x24), mul(word, 0x20)), value)
        }
    }
}
