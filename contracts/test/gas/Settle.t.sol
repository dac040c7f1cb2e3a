// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IDebitWallet} from "../../src/interfaces/IDebitWallet.sol";
import {TestUSD} from "../../src/tokens/TestUSD.sol";
import {Batch, Model} from "../batch/support/Model.sol";
import {OpenKey} from "../batch/support/OpenKey.sol";
import {Deployed} from "../base/Deployed.sol";
import {Periods} from "../base/Periods.sol";
import {Test} from "../base/Test.sol";

/// @notice Fear: settling gets dearer. What transactions cost, the 21,000 and the calldata included, with
/// storage as in steady state: accounts and payees hold tokens, nonce slots are in use, nothing is warm.
/// @dev Isolated, each call from here is a transaction of its own and costs what it would on chain.
/// forge-config: default.isolate = true
contract SettleGasTest is Test {
    uint256 private constant START = 1_800_000_000;
    uint32 private constant SHAPE = (64 << 16) + (16 << 1);
    uint256 private constant CURRENT_WORDS = 1 << 23;

    /// @dev A batch: each account spends so many nonces from `nonce` on.
    struct Size {
        uint256 accounts;
        uint256 mandatesEach;
        uint256 payees;
        uint256 segments;
    }

    address private processor = makeAddr("processor");
    /// @dev Who sends for it; 0 for itself.
    address private sender;
    IDebitWallet private wallet;
    TestUSD private token;
    bytes32 private verifierSet;
    /// @dev Batches made so far.
    uint256 private made;
    /// @dev What batches remember, and where; 0 for nothing.
    bytes32 private captures;
    uint64 private place;
    /// @dev Whether segments are of two shapes, one after the other.
    bool private mixed;

    function setUp() external {
        vm.warp(START);
        wallet = Deployed.wallet(Periods.fitting(2 days, 7 days));
        token = Deployed.testUsd(address(this));
        IDebitWallet.ShapeVerifier[] memory verifiers = new IDebitWallet.ShapeVerifier[](2);
        for (uint32 i = 0; i < 2; i++) {
            address verifier = address(Deployed.verifier(OpenKey.verifyingKey()));
            verifiers[i] = IDebitWallet.ShapeVerifier(SHAPE + 2 * i, verifier);
        }
        verifierSet = wallet.registerVerifiers(verifiers);
    }

    // --- Windows ------------------------------------------------------------------------------------

    function test_aFullWindow() external {
        uint256 total = _settleNext(Size(64, 16, 32, 1));
        vm.snapshotValue("DebitWallet", "settleBatch: 1024 mandates, 64 accounts, 32 payees", total);
        assertLe(total, 1_300_000);
    }

    /// @dev Each account signs 256 in a row: two words, all of their bits.
    function test_aLargeWindowOfDenseNonces() external {
        Size memory size = Size(64, 256, 32, 16);
        _send(_batch(size, 0));
        _send(_batch(size, 256));
        uint256 each = _send(_batch(size, 512)) / (64 * 256);
        vm.snapshotValue("DebitWallet", "settleBatch: per mandate, 16384 mandates, 64 accounts, 16 segments", each);
        assertLe(each, 200);
    }

    /// @dev Every mandate another account, few payees.
    function test_theWorstWindow() external {
        uint256 each = _settleNext(Size(1024, 1, 4, 1)) / 1024;
        vm.snapshotValue("DebitWallet", "settleBatch: per mandate, 1024 mandates of 1024 accounts", each);
        assertLe(each, 11_000);
    }

    function test_aSingleMandate() external {
        vm.snapshotValue("DebitWallet", "settleBatch: 1 mandate", _settleNext(Size(1, 1, 1, 1)));
    }

    // --- Parts --------------------------------------------------------------------------------------

    function test_whatEachPartAdds() external {
        uint256 base = _settleNext(Size(64, 16, 32, 1));
        uint256 debits = _settleNext(Size(128, 16, 32, 1)) - base;
        uint256 payouts = _settleNext(Size(64, 16, 64, 1)) - base;
        (uint256 fixed_, uint256 debit, uint256 payout) = (base - debits - payouts, debits / 64, payouts / 32);
        vm.snapshotValue("DebitWallet", "settleBatch: fixed", fixed_);
        vm.snapshotValue("DebitWallet", "settleBatch: per debit", debit);
        vm.snapshotValue("DebitWallet", "settleBatch: per payout", payout);
        assertLe(fixed_, 265_000);
        assertLe(debit, 9_200);
        assertLe(payout, 14_250);
    }

    /// @dev As windows are that give receipts: a place that was used before, and is free again.
    function test_aFullWindowThatIsRemembered() external {
        Size memory size = Size(64, 16, 32, 1);
        uint256 plain = _settleNext(size);
        captures = keccak256("captures");
        vm.warp(START + 1);
        uint256 fresh = _remembering(size);
        vm.warp(START + 1 + Periods.KEEP + 1);
        uint256 used = _remembering(size);
        vm.snapshotValue("DebitWallet", "settleBatch: 1024 mandates, 64 accounts, 32 payees, remembered", used);
        vm.snapshotValue("DebitWallet", "settleBatch: remembering, in a place used before", used - plain);
        vm.snapshotValue("DebitWallet", "settleBatch: remembering, in a fresh place", fresh - plain);
        assertLe(used, 1_300_000);
        assertLe(fresh - plain, 25_000);
    }

    /// @dev A key of its own for sending.
    function test_whatASenderCosts() external {
        Size memory size = Size(1, 1, 1, 1);
        uint256 itself = _settleNext(size);
        sender = makeAddr("sender");
        vm.prank(processor);
        wallet.setSender(0, sender);
        vm.snapshotValue("DebitWallet", "settleBatch: by a sender", _settleNext(size) - itself);
        vm.startPrank(processor);
        wallet.setSender(1, sender);
        wallet.setSender(0, makeAddr("next sender"));
        vm.stopPrank();
        vm.snapshotValue("DebitWallet", "settleBatch: by the second sender", _settleNext(size) - itself);
    }

    /// @dev The second proof of a call makes two sums of the key's points a multiplication dearer.
    function test_whatSegmentsAdd() external {
        uint256 one = _settleNext(Size(1, 16, 1, 1));
        uint256 two = _settleNext(Size(1, 16, 1, 2));
        uint256 eight = _settleNext(Size(1, 16, 1, 8));
        vm.snapshotValue("DebitWallet", "settleBatch: a second segment", two - one);
        vm.snapshotValue("DebitWallet", "settleBatch: per further segment", (eight - two) / 6);
        assertLe(two - one, 70_000);
        assertLe((eight - two) / 6, 55_000);
        mixed = true;
        uint256 apart = _settleNext(Size(1, 16, 1, 2));
        vm.snapshotValue("DebitWallet", "settleBatch: a second shape", apart - one);
    }

    /// @dev Where the nonces of a debit lie decides what it costs.
    function test_whatNoncesCost() external {
        Size memory one = Size(1, 1, 1, 1);
        Size memory many = Size(65, 1, 1, 1);
        // Words 0 to 2 have one spent bit, word 2 is current.
        _send(_batch(many, 0));
        _send(_batch(many, 128));
        _send(_batch(many, 256));
        _snapshotDebit("the current word", one, many, 256 + 1);
        _snapshotDebit("an earlier word, its slot in use", one, many, 1);
        _snapshotDebit("the next word, both slots fresh", one, many, 4 * 128);
        _snapshotDebit("the next word, in the slot of the current one", one, many, 3 * 128);
        _send(_batch(many, 128 * CURRENT_WORDS));
        _snapshotDebit("a word that is never current, its slot in use", one, many, 128 * CURRENT_WORDS + 1);
        _snapshotDebit("a word that is never current, its slot fresh", one, many, 128 * (CURRENT_WORDS + 2));

        Size memory whole = Size(65, 128, 1, 1);
        _send(_batch(whole, 128 * 10));
        _send(_batch(whole, 128 * 11));
        _snapshotDebit("the next word after a full one", one, many, 128 * 12);
    }

    /// @dev What a debit costs at a nonce, from a batch of one and one of 65; nothing stays of either.
    function _snapshotDebit(string memory name, Size memory one, Size memory many, uint256 nonce) private {
        uint256 kept = vm.snapshotState();
        uint256 single = _send(_batch(one, nonce));
        vm.revertToState(kept);
        kept = vm.snapshotState();
        uint256 all = _send(_batch(many, nonce));
        vm.revertToState(kept);
        vm.snapshotValue("DebitWallet", string.concat("settleBatch: per debit, ", name), (all - single) / 64);
    }

    // --- How ----------------------------------------------------------------------------------------

    /// @dev Settles one batch to bring storage to its steady state, then measures one of the nonces that follow.
    function _settleNext(Size memory size) private returns (uint256 gas) {
        made++;
        // Words of its own, of which no slot is shared with what was measured before.
        uint256 nonce = 256 * made;
        _send(_batch(size, nonce));
        return _send(_batch(size, nonce + size.mandatesEach));
    }

    /// @dev Nothing is remembered of the batch that brings storage to its steady state.
    function _remembering(Size memory size) private returns (uint256 gas) {
        uint256 nonce = 256 * ++made;
        bytes32 kept = captures;
        captures = 0;
        _send(_batch(size, nonce));
        captures = kept;
        return _send(_batch(size, nonce + size.mandatesEach));
    }

    function _send(Batch memory batch) private returns (uint256) {
        uint256[] memory keyHashes = new uint256[](batch.debits.length);
        for (uint256 i = 0; i < keyHashes.length; i++) {
            keyHashes[i] = _keyHash(batch.debits[i].account);
        }
        uint256 domain = Model.domain(vm.getChainId(), address(wallet), address(token));
        (uint256[4][] memory inputs, uint256 hint) = Model.complete(batch, domain, keyHashes);
        for (uint256 i = 0; i < inputs.length; i++) {
            batch.segments[i].proof = OpenKey.prove(inputs[i]);
        }
        vm.prank(sender == address(0) ? processor : sender);
        wallet.settleBatch(batch.header, batch.debits, batch.payouts, batch.segments, hint);
        return vm.lastCallGas().gasTotalUsed;
    }

    /// @dev Neighbouring nonces of each account, the first of all words or some of one.
    function _batch(Size memory size, uint256 nonce) private returns (Batch memory batch) {
        _provide(size);
        uint256 words = size.mandatesEach < 128 ? 1 : size.mandatesEach / 128;
        uint128 mask =
            size.mandatesEach < 128 ? uint128(((1 << size.mandatesEach) - 1) << (nonce & 127)) : type(uint128).max;
        uint256 count = size.accounts * size.mandatesEach;
        batch.header = IDebitWallet.Header(
            processor, verifierSet, address(token), uint40(vm.getBlockTimestamp() + 900), uint32(count), captures, place
        );
        batch.debits = new IDebitWallet.Debit[](size.accounts * words);
        uint256 each = 12_345_600 / batch.debits.length;
        for (uint256 i = 0; i < batch.debits.length; i++) {
            uint256 word = nonce / 128 + i % words;
            batch.debits[i] = IDebitWallet.Debit(uint32(i / words + 1), uint64(word), mask, uint128(each));
        }
        batch.payouts = new IDebitWallet.Payout[](size.payees);
        uint256 left = each * batch.debits.length;
        for (uint256 i = 0; i < size.payees; i++) {
            uint256 amount = i + 1 == size.payees ? left : 12_345_600 / size.payees - i;
            left -= amount;
            batch.payouts[i] = IDebitWallet.Payout(_payee(i), uint128(amount));
        }
        batch.segments = new IDebitWallet.Segment[](size.segments);
        for (uint256 i = 0; i < size.segments; i++) {
            batch.segments[i].shape = mixed ? SHAPE + 2 * uint32(i % 2) : SHAPE;
            batch.segments[i].commitment = uint256(keccak256(abi.encode("commitment", nonce, i))) % Model.R;
            batch.segments[i].sum = uint256(keccak256(abi.encode("sum", nonce, i))) % Model.R;
        }
    }

    /// @dev Accounts with money, and payees that hold the token.
    function _provide(Size memory size) private {
        for (uint256 i = wallet.accountCount(); i < size.accounts; i++) {
            uint32 account = wallet.openAccount(processor, verifierSet, _keyHash(i + 1));
            token.mint(address(this), 1000e6);
            token.approve(address(wallet), 1000e6);
            wallet.deposit(account, address(token), 1000e6);
        }
        for (uint256 i = 0; i < size.payees; i++) {
            token.mint(_payee(i), 12e6);
        }
    }

    function _keyHash(uint256 account) private pure returns (uint256) {
        return uint256(keccak256(abi.encode("key", account))) % Model.R;
    }

    function _payee(uint256 index) private pure returns (address) {
        return address(uint160(uint256(keccak256(abi.encode("payee", index)))));
    }
}
