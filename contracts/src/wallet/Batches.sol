// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IDebitWallet} from "../interfaces/IDebitWallet.sol";
import {IGroth16Verifier} from "../interfaces/IGroth16Verifier.sol";
import {BatchSum} from "./BatchSum.sol";
import {Credits} from "./Credits.sol";
import {Field} from "./Field.sol";
import {Funds} from "./Funds.sol";
import {SpentNonces} from "./SpentNonces.sol";
import {Tokens} from "./Tokens.sol";
import {Transcript} from "./Transcript.sol";

/// @title The proved path: one proof, one transaction, a whole batch
/// @notice The proof shows that there are signed, unexpired mandates, each used once, which come to exactly
/// these debits and payouts. The rest is checked here: that this chain, wallet and token are meant, that
/// the payers gave the caller leave, that no nonce was spent before, that the funds are there.
abstract contract Batches is Funds, Credits, SpentNonces {
    bytes32 private constant MANDATE_DOMAIN = keccak256("AEP2 mandate v1");

    /// @inheritdoc IDebitWallet
    function settleBatch(
        uint32 shape,
        Header calldata header,
        Debit[] calldata debits,
        Payout[] calldata payouts,
        uint256 commitment,
        uint256 hint,
        uint256[8] calldata proof
    ) external nonReentrant returns (bytes32 batchId) {
        (address token, uint40 validUntil, uint32 count) = (header.token, header.validUntil, header.count);
        if (block.timestamp > validUntil) revert BatchExpired(validUntil, block.timestamp);
        if (count == 0) revert BatchEmpty();
        if (commitment >= Field.R) revert CommitmentOutOfRange(commitment);
        address verifier = verifierOf(header.verifierSet, shape);
        if (verifier == address(0)) revert UnknownShape(header.verifierSet, shape);
        Transcript.Layout memory batch = Transcript.lay(debits, payouts);
        uint256 total = _debitAll(header, batch);
        // A fault in the circuit could misdirect money; this keeps it from making any.
        uint256 paid = Transcript.totalPaid(batch);
        if (paid != total) revert TotalsDiffer(total, paid);

        uint256 domain = mandateDomain(token);
        batchId = Transcript.seed(batch, shape, commitment, domain, validUntil, count);
        (uint256 x, uint256 beta) = BatchSum.challenges(batchId);
        uint256 sum =
            addmod(BatchSum.entries(batch, x, beta, hint), BatchSum.header(domain, validUntil, count, beta), Field.R);
        if (!_holds(verifier, proof, commitment, x, beta, sum)) revert ProofRefused(batchId);

        emit BatchSettled(batchId, token, msg.sender, commitment, count, total);
        _payOutAll(token, batch);
    }

    /// @inheritdoc IDebitWallet
    /// @dev Shortened to 248 bits, so that it is a field element.
    function mandateDomain(address token) public view returns (uint256) {
        return uint256(keccak256(abi.encode(MANDATE_DOMAIN, block.chainid, address(this), token))) >> 8;
    }

    /// @dev `IGroth16Verifier(verifier).verify(proof, [commitment, x, beta, sum])`, laid out by hand: the proof is
    /// copied whole.
    function _holds(
        address verifier,
        uint256[8] calldata proof,
        uint256 commitment,
        uint256 x,
        uint256 beta,
        uint256 sum
    ) private view returns (bool holds) {
        bytes4 selector = IGroth16Verifier.verify.selector;
        assembly ("memory-safe") {
            let data := mload(0x40)
            mstore(data, selector)
            calldatacopy(add(data, 0x04), proof, 0x100)
            mstore(add(data, 0x104), commitment)
            mstore(add(data, 0x124), x)
            mstore(add(data, 0x144), beta)
            mstore(add(data, 0x164), sum)
            if iszero(staticcall(gas(), verifier, data, 0x184, 0x00, 0x20)) {
                returndatacopy(data, 0, returndatasize())
                revert(data, returndatasize())
            }
            // Silence is no answer, nor is anything but 0 and 1.
            holds := mload(0x00)
            if or(lt(returndatasize(), 0x20), gt(holds, 1)) { revert(0, 0) }
        }
    }

    /// @dev Spends the nonces and takes the money, entry by entry, so that each sees what those before it
    /// did. The number of bits is what makes nonces unique inside a batch: a sum of `count` powers of two
    /// has so many bits only if no two are equal.
    /// @param batch Gets the debited accounts' mandate keys.
    /// @return total Base units.
    function _debitAll(Header calldata header, Transcript.Layout memory batch) private returns (uint256 total) {
        address token = header.token;
        mapping(uint32 => uint256) storage keyHashOf = keyHashesOf(tenant(msg.sender, header.verifierSet));
        mapping(uint32 => Purse) storage purses = pursesOf(token);
        mapping(uint256 => Slot) storage spent = spentOf(token);

        uint256 bits = 0;
        for (uint256 i = 0; i < batch.debitCount; i++) {
            (uint256 account, uint256 word, uint256 mask, uint256 amount) = Transcript.debit(batch, i);
            if (word >> 57 != 0) revert WordOutOfRange(i, uint64(word));
            if (mask == 0) revert MaskEmpty(i);

            uint256 keyHash = keyHashOf[uint32(account)];
            if (keyHash == 0) revert NotAuthorized(uint32(account), msg.sender, header.verifierSet);
            Transcript.setKeyHash(batch, i, keyHash);

            spendWord(spent, uint32(account), word, uint128(mask));
            debit(purses, uint32(account), token, amount);
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
