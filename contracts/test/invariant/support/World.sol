// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IDebitWallet} from "../../../src/interfaces/IDebitWallet.sol";
import {IGuarantee} from "../../../src/interfaces/IGuarantee.sol";
import {Deployed} from "../../base/Deployed.sol";
import {Periods} from "../../base/Periods.sol";
import {Test} from "../../base/Test.sol";
import {Batch, Model} from "../../batch/support/Model.sol";
import {Captured, Trees} from "../../guarantee/support/Trees.sol";
import {AnsweringToken} from "../../tokens/AnsweringToken.sol";
import {Typed} from "../../wallet/support/Typed.sol";
import {ProofOracle} from "./ProofOracle.sol";

/// @title What happens around a wallet, and what should have come of it
/// @notice Payers with several accounts, an honest processor and a hostile one, payees, a thief, a token that
/// blocks. Beside the wallet stands its shadow, kept from what people signed and asked for alone: the
/// invariants compare the two. Whatever the wallet lets happen that nobody signed parts them.
abstract contract World is Test {
    uint40 internal constant DELAY = 3 days;
    uint40 internal constant UNBONDING = 7 days;
    /// @dev The honest processor promises to settle within this, and keeps a margin before changes mature.
    uint40 internal constant WINDOW = 1 days;
    uint40 internal constant MARGIN = 1 hours;
    uint40 internal constant KEEP = WINDOW + Periods.DEMAND + Periods.RESPONSE + 1;
    uint32 internal constant SHAPE = (1 << 16) + (16 << 1);
    uint256 internal constant ACCOUNTS_MAX = 10;
    uint256 internal constant BATCH_MAX = 6;

    /// @dev A mandate on the proved path, really signed.
    struct Signed {
        uint32 account;
        /// @dev The key that signed it.
        uint256 keyHash;
        uint64 nonce;
        uint128 amount;
        address payee;
        uint40 deadline;
        /// @dev Unix seconds by which the honest processor promised to settle it; 0 when it did not.
        uint40 settleBy;
        bool settled;
    }

    /// @dev What shows that a mandate was settled.
    struct Evidence {
        IGuarantee.Remembered batch;
        IGuarantee.Leaf leaf;
    }

    IDebitWallet public wallet;
    IGuarantee public guarantee;
    AnsweringToken public token;
    ProofOracle internal oracle;
    bytes32 internal verifierSet;
    bytes32 internal otherVerifierSet;

    address[3] internal payers;
    uint256[3] internal payerKeys;
    address internal honest;
    uint256 internal honestKey;
    address internal hostile;
    uint256 internal hostileKey;
    address internal thief;
    address[3] public payees;
    uint256[3] internal payeeKeys;

    Signed[] internal signed;

    /// @dev By a mandate's place in `signed`, encoded; nothing for one that was not settled.
    mapping(uint256 id => bytes) internal evidenceOf;

    // --- The shadow ---------------------------------------------------------------------------------

    mapping(uint32 account => uint256) public balanceOf;
    mapping(uint32 account => uint256) internal reserved;
    mapping(uint32 account => mapping(uint256 index => uint256)) public spentOf;
    mapping(uint32 account => mapping(uint64 nonce => bool)) internal nonceSigned;
    mapping(address payee => uint256) public paidTo;
    /// @dev Payee 0 for the bond that all share.
    mapping(address processor => mapping(address payee => uint256)) public bondOf;
    /// @dev Sent to the wallet by nobody's account.
    uint256 public donated;
    /// @dev The highest index of `spentOf`, of all accounts.
    uint256 public constant SPENT_INDEXES = 4;

    /// @dev How often each thing was done, to see that a run did something.
    mapping(string what => uint256) public done;

    constructor() {
        vm.warp(1_800_000_000);
        IGuarantee.Periods memory periods = Periods.fitting(DELAY, UNBONDING);
        (periods.promise_, periods.keep) = (WINDOW, KEEP);
        wallet = Deployed.wallet(periods);
        guarantee = wallet.GUARANTEE();
        token = new AnsweringToken();
        oracle = new ProofOracle();
        verifierSet = _register(SHAPE);
        otherVerifierSet = _register(SHAPE + 2);
        (payers[0], payerKeys[0]) = makeAddrAndKey("alice");
        (payers[1], payerKeys[1]) = makeAddrAndKey("bob");
        (payers[2], payerKeys[2]) = makeAddrAndKey("carol");
        (honest, honestKey) = makeAddrAndKey("honest processor");
        (hostile, hostileKey) = makeAddrAndKey("hostile processor");
        thief = makeAddr("thief");
        (payees[0], payeeKeys[0]) = makeAddrAndKey("payee one");
        (payees[1], payeeKeys[1]) = makeAddrAndKey("payee two");
        (payees[2], payeeKeys[2]) = makeAddrAndKey("payee three");
    }

    function processors(uint256 index) external view returns (address) {
        return index == 0 ? honest : hostile;
    }

    // --- The people ---------------------------------------------------------------------------------

    /// @dev Any account there is.
    function _account(uint256 seed) internal view returns (uint32) {
        return uint32(1 + seed % wallet.accountCount());
    }

    function _owner(uint32 account) internal view returns (address) {
        return wallet.accountOf(account).owner;
    }

    function _payee(uint256 seed) internal view returns (address) {
        return payees[seed % 3];
    }

    /// @dev What the honest processor may still promise of an account: what is neither reserved nor asked back.
    function _free(uint32 account) internal view returns (uint256) {
        IDebitWallet.Purse memory purse = wallet.balanceOf(account, address(token));
        uint256 taken = reserved[account] + (purse.leavesFrom == 0 ? 0 : purse.leaving);
        return purse.balance > taken ? purse.balance - taken : 0;
    }

    // --- Batches ------------------------------------------------------------------------------------

    /// @dev The batch of some signed mandates, one debit for each account and word, one payout for each payee.
    function _batch(uint256[] memory ids) internal view returns (Batch memory batch, uint256[] memory keyHashes) {
        uint256 debits;
        uint256 payouts;
        batch.segments = _segment(uint256(keccak256(abi.encode(ids))) % Model.R);
        batch.header.verifierSet = verifierSet;
        (batch.header.token, batch.header.validUntil) = (address(token), type(uint40).max);
        batch.header.count = uint32(ids.length);
        batch.debits = new IDebitWallet.Debit[](ids.length);
        batch.payouts = new IDebitWallet.Payout[](ids.length);
        keyHashes = new uint256[](ids.length);
        for (uint256 i = 0; i < ids.length; i++) {
            Signed memory mandate = signed[ids[i]];
            if (mandate.deadline < batch.header.validUntil) batch.header.validUntil = mandate.deadline;

            uint64 word = mandate.nonce >> 7;
            uint256 j = 0;
            while (j < debits && (batch.debits[j].account != mandate.account || batch.debits[j].word != word)) {
                j++;
            }
            if (j == debits) debits++;
            (batch.debits[j].account, batch.debits[j].word) = (mandate.account, word);
            // A sum, as the circuit has it: a nonce that is there twice carries into the next bit.
            unchecked {
                batch.debits[j].mask += uint128(1) << (mandate.nonce & 127);
            }
            batch.debits[j].amount += mandate.amount;
            keyHashes[j] = mandate.keyHash;

            j = 0;
            while (j < payouts && batch.payouts[j].payee != mandate.payee) {
                j++;
            }
            if (j == payouts) payouts++;
            batch.payouts[j].payee = mandate.payee;
            batch.payouts[j].amount += mandate.amount;
        }
        _shorten(batch.debits, batch.payouts, keyHashes, debits, payouts);
    }

    /// @dev Calldata of a batch. Where `provable`, the circuit would prove it: these mandates are signed by these
    /// keys.
    function _call(Batch memory batch, uint256[] memory keyHashes, bool provable) internal returns (bytes memory) {
        uint256 domain = Model.domain(vm.getChainId(), address(wallet), address(token));
        (uint256[4] memory inputs, uint256 hint) = Model.publicInputs(batch, domain, keyHashes);
        if (provable) oracle.admit(inputs);
        return
            abi.encodeCall(IDebitWallet.settleBatch, (batch.header, batch.debits, batch.payouts, batch.segments, hint));
    }

    function _segment(uint256 commitment) internal pure returns (IDebitWallet.Segment[] memory segments) {
        segments = new IDebitWallet.Segment[](1);
        (segments[0].shape, segments[0].commitment) = (SHAPE, commitment);
    }

    function _send(address from, bytes memory data) internal returns (bool success, bytes memory answer) {
        vm.prank(from);
        return address(wallet).call(data);
    }

    /// @dev These must not be possible.
    function _mustFail(address from, bytes memory data, string memory what) internal {
        (bool success,) = _send(from, data);
        assertFalse(success, what);
        done[what]++;
    }

    /// @dev A processor settles; the shadow with it.
    function _settle(address processor, uint256[] memory ids) internal returns (bool success, bytes memory answer) {
        (Batch memory batch, uint256[] memory keyHashes) = _batch(ids);
        Captured[][] memory parts = _parts(batch.payouts, ids);
        batch.header.processor = processor;
        (batch.header.captures, batch.header.place) = (Trees.root(batch.payouts, parts), _freePlace(processor));
        bytes memory data = _call(batch, keyHashes, true);
        (success, answer) = _send(processor, data);
        if (!success) return (success, answer);
        _keepEvidence(batch, parts, ids);
        done["batch settled"]++;
        for (uint256 i = 0; i < ids.length; i++) {
            Signed storage mandate = signed[ids[i]];
            mandate.settled = true;
            if (mandate.settleBy != 0) reserved[mandate.account] -= mandate.amount;
            balanceOf[mandate.account] -= mandate.amount;
            spentOf[mandate.account][mandate.nonce >> 8] |= 1 << (mandate.nonce & 255);
            paidTo[mandate.payee] += mandate.amount;
            done["mandate settled"]++;
        }
        // Once settled, never again.
        _mustFail(processor, data, "replay");
    }

    /// @dev The mandates of each payout. Such as come to nothing are no part of one.
    function _parts(IDebitWallet.Payout[] memory payouts, uint256[] memory ids)
        private
        view
        returns (Captured[][] memory parts)
    {
        parts = new Captured[][](payouts.length);
        for (uint256 i = 0; i < payouts.length; i++) {
            parts[i] = new Captured[](ids.length);
            uint256 count = 0;
            for (uint256 j = 0; j < ids.length; j++) {
                Signed memory mandate = signed[ids[j]];
                bool other = mandate.payee != payouts[i].payee || mandate.amount == 0;
                if (!other) parts[i][count++] = Captured(_mandateId(ids[j]), mandate.amount);
            }
            if (count == 0) parts[i][count++] = Captured(0, 0);
            Captured[] memory list = parts[i];
            assembly ("memory-safe") {
                mstore(list, count)
            }
        }
    }

    function _keepEvidence(Batch memory batch, Captured[][] memory parts, uint256[] memory ids) private {
        Evidence memory evidence;
        evidence.batch = IGuarantee.Remembered(
            batch.header.processor, batch.header.place, address(token), batch.header.captures, batch.payouts
        );
        for (uint256 i = 0; i < parts.length; i++) {
            for (uint256 j = 0; j < parts[i].length; j++) {
                for (uint256 k = 0; k < ids.length; k++) {
                    if (parts[i][j].mandateId != _mandateId(ids[k])) continue;
                    evidence.leaf = Trees.open(batch.payouts, parts, i, j);
                    evidenceOf[ids[k]] = abi.encode(evidence);
                }
            }
        }
    }

    /// @dev The first that is empty or old enough.
    function _freePlace(address processor) private view returns (uint64 place) {
        while (true) {
            (, uint40 settledAt) = wallet.evidenceAt(processor, place);
            if (settledAt == 0 || vm.getBlockTimestamp() > settledAt + KEEP) return place;
            place++;
        }
    }

    function _mandateId(uint256 id) internal pure returns (bytes32) {
        return keccak256(abi.encode("mandate", id));
    }

    /// @dev The honest processor keeps its word: all that it accepted and that is due before `time` settles now.
    function _settleAccepted(uint256 time) internal {
        uint256[] memory due = new uint256[](BATCH_MAX);
        uint256 count = 0;
        for (uint256 id = 0; id < signed.length; id++) {
            Signed memory mandate = signed[id];
            if (mandate.settleBy == 0 || mandate.settled || mandate.settleBy > time) continue;
            due[count++] = id;
            if (count == BATCH_MAX) {
                _mustSettle(due, count);
                count = 0;
            }
        }
        if (count != 0) _mustSettle(due, count);
    }

    function _mustSettle(uint256[] memory due, uint256 count) private {
        uint256[] memory ids = new uint256[](count);
        for (uint256 i = 0; i < count; i++) {
            ids[i] = due[i];
        }
        (bool success, bytes memory answer) = _settle(honest, ids);
        assertTrue(success, string.concat("an accepted mandate was outrun: ", vm.toString(answer)));
    }

    function _digest(bytes32 structHash) internal view returns (bytes32) {
        return Typed.digest(Typed.domainSeparator(vm.getChainId(), address(wallet)), structHash);
    }

    function _shorten(
        IDebitWallet.Debit[] memory debits,
        IDebitWallet.Payout[] memory payouts,
        uint256[] memory keyHashes,
        uint256 debitCount,
        uint256 payoutCount
    ) private pure {
        assembly ("memory-safe") {
            mstore(debits, debitCount)
            mstore(keyHashes, debitCount)
            mstore(payouts, payoutCount)
        }
    }

    function _register(uint32 shape) private returns (bytes32) {
        IDebitWallet.ShapeVerifier[] memory verifiers = new IDebitWallet.ShapeVerifier[](1);
        verifiers[0] = IDebitWallet.ShapeVerifier(shape, address(oracle));
        return wallet.registerVerifiers(verifiers);
    }
}
