// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IDebitWallet} from "../interfaces/IDebitWallet.sol";
import {IGroth16Verifier} from "../interfaces/IGroth16Verifier.sol";
import {BatchSum} from "./BatchSum.sol";
import {Credits} from "./Credits.sol";
import {Field} from "./Field.sol";
import {Funds} from "./Funds.sol";
import {Tokens} from "./Tokens.sol";
import {Transcript} from "./Transcript.sol";

/// @title The proved path: one transaction, a whole batch, a proof for each of its segments
/// @notice The proofs show that there are signed, unexpired mandates, each used once, which come to exactly
/// these debits and payouts. The rest is checked here: that this chain, wallet and token are meant, that
/// the payers gave the processor leave, and the processor the caller, that no nonce was spent before, that the funds are there.
abstract contract Batches is Funds, Credits {
    bytes32 private constant MANDATE_DOMAIN = keccak256("AEP2 mandate v1");

    /// @dev A segment in calldata: shape, C, R, then the proof.
    uint256 private constant SEGMENT_LENGTH = 0x160;
    uint256 private constant PROOF_AT = 0x60;
    uint256 private constant PROOF_LENGTH = 0x100;

    /// @inheritdoc IDebitWallet
    function settleBatch(
        Header calldata header,
        Debit[] calldata debits,
        Payout[] calldata payouts,
        Segment[] calldata segments,
        uint256 hint
    ) external nonReentrant returns (bytes32 batchId) {
        requireSender(header.processor);
        (address token, uint40 validUntil, uint32 count) = (header.token, header.validUntil, header.count);
        if (block.timestamp > validUntil) revert BatchExpired(validUntil, block.timestamp);
        if (count == 0) revert BatchEmpty();
        if (segments.length == 0) revert SegmentsEmpty();
        uint256 given = _sumOf(segments);
        Transcript.Layout memory batch = Transcript.lay(debits, payouts, segments);
        uint256 total = _debitAll(header, batch);
        // A fault in the circuit could misdirect money; this keeps it from making any.
        uint256 paid = Transcript.totalPaid(batch);
        if (paid != total) revert TotalsDiffer(total, paid);

        uint256 domain = mandateDomain(token);
        batchId = Transcript.seed(batch, domain, validUntil, count);
        (uint256 x, uint256 beta) = BatchSum.challenges(batchId);
        uint256 due = BatchSum.total(batch, x, beta, BatchSum.headerWeight(domain, validUntil, beta), count, hint);
        if (given != due) revert SumsDiffer(batchId);
        _verifyAll(header.verifierSet, batchId, segments, x, beta);

        if (header.captures != 0) remember(header, Transcript.payoutsHash(batch));
        emit BatchSettled(batchId, token, header.processor, header.verifierSet, count, total);
        _payOutAll(token, batch);
    }

    /// @inheritdoc IDebitWallet
    /// @dev Shortened to 248 bits, so that it is a field element.
    function mandateDomain(address token) public view returns (uint256) {
        return uint256(keccak256(abi.encode(MANDATE_DOMAIN, block.chainid, address(this), token))) >> 8;
    }

    /// @dev What the segments say their parts are. Each number has one spelling: a second one of C would be a
    /// second try at the challenges, and verifiers take none of R.
    function _sumOf(Segment[] calldata segments) private pure returns (uint256 sum) {
        for (uint256 i = 0; i < segments.length; i++) {
            (uint256 commitment, uint256 part) = (segments[i].commitment, segments[i].sum);
            if (commitment >= Field.R) revert CommitmentOutOfRange(commitment);
            if (part >= Field.R) revert SumOutOfRange(part);
            sum = addmod(sum, part, Field.R);
        }
    }

    /// @dev Every segment is in exactly one run: neighbours of one shape, which its verifier takes together.
    function _verifyAll(bytes32 verifierSet, bytes32 batchId, Segment[] calldata segments, uint256 x, uint256 beta)
        private
        view
    {
        uint256 from = 0;
        while (from < segments.length) {
            uint32 shape = segments[from].shape;
            uint256 to = from + 1;
            while (to < segments.length && segments[to].shape == shape) {
                to++;
            }
            address verifier = verifierOf(verifierSet, shape);
            if (verifier == address(0)) revert UnknownShape(verifierSet, shape);
            if (!_hold(verifier, segments[from:to], x, beta)) revert ProofRefused(batchId);
            from = to;
        }
    }

    /// @dev `IGroth16Verifier(verifier).verify(proofs, inputs)` with the inputs [C, X, β, R] of each segment, laid
    /// out by hand: proofs are copied whole.
    function _hold(address verifier, Segment[] calldata segments, uint256 x, uint256 beta)
        private
        view
        returns (bool hold)
    {
        bytes4 selector = IGroth16Verifier.verify.selector;
        assembly ("memory-safe") {
            // Written to free memory, which stays free.
            let data := mload(0x40)
            mstore(data, selector)
            let proofs := add(data, 0x64)
            let inputs := add(proofs, add(mul(segments.length, PROOF_LENGTH), 0x20))
            // Where both arrays begin, from behind the selector; then each after its length.
            mstore(add(data, 0x04), 0x40)
            mstore(add(data, 0x24), sub(sub(inputs, 0x24), data))
            mstore(sub(proofs, 0x20), segments.length)
            mstore(sub(inputs, 0x20), segments.length)

            let segment := segments.offset
            let end := add(segment, mul(segments.length, SEGMENT_LENGTH))
            for {} lt(segment, end) { segment := add(segment, SEGMENT_LENGTH) } {
                calldatacopy(proofs, add(segment, PROOF_AT), PROOF_LENGTH)
                proofs := add(proofs, PROOF_LENGTH)
                mstore(inputs, calldataload(add(segment, 0x20)))
                mstore(add(inputs, 0x20), x)
                mstore(add(inputs, 0x40), beta)
                mstore(add(inputs, 0x60), calldataload(add(segment, 0x40)))
                inputs := add(inputs, 0x80)
            }
            if iszero(staticcall(gas(), verifier, data, sub(inputs, data), 0x00, 0x20)) {
                returndatacopy(data, 0, returndatasize())
                revert(data, returndatasize())
            }
            // Silence is no answer, nor is anything but 0 and 1.
            hold := mload(0x00)
            if or(lt(returndatasize(), 0x20), gt(hold, 1)) { revert(0, 0) }
        }
    }

    /// @dev Spends the nonces and takes the money, entry by entry, so that each sees what those before it
    /// did. The number of bits is what makes nonces unique inside a batch: a sum of `count` powers of two
    /// has so many bits only if no two are equal.
    /// @param batch Gets the debited accounts' mandate keys.
    /// @return total Base units.
    function _debitAll(Header calldata header, Transcript.Layout memory batch) private returns (uint256 total) {
        address token = header.token;
        mapping(uint32 => uint256) storage keyHashOf = keyHashesOf(tenant(header.processor, header.verifierSet));
        Books storage books = booksOf(token);

        uint256 bits = 0;
        for (uint256 i = 0; i < batch.debitCount; i++) {
            (uint256 account, uint256 word, uint256 mask, uint256 amount) = Transcript.debit(batch, i);
            if (word >> 57 != 0) revert WordOutOfRange(i, uint64(word));
            if (mask == 0) revert MaskEmpty(i);

            uint256 keyHash = keyHashOf[uint32(account)];
            if (keyHash == 0) revert NotAuthorized(uint32(account), header.processor, header.verifierSet);
            Transcript.setKeyHash(batch, i, keyHash);

            spend(books, uint32(account), token, word, mask, amount);
            unchecked {
                // Fewer than 2^64 entries fit into a block, of 128 bits each.
                bits += BatchSum.bitCount(uint128(mask));
                total += amount;
            }
        }
        if (bits != header.count) revert CountMismatch(bits, header.count);
    }

    function _payOutAll(address token, Transcript.Layout memory batch) private {
        mapping(address => Credit) storage credits = creditsOf(token);
        uint256 before = Tokens.held(token);
        uint256 sent = 0;
        for (uint256 i = 0; i < batch.payoutCount; i++) {
            (address payee, uint256 amount) = Transcript.payout(batch, i);
            unchecked {
                // Of what the wallet holds.
                sent += payOut(credits, token, payee, amount);
            }
        }
        Tokens.requireGone(token, before, sent);
    }
}
