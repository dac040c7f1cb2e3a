// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

import {IDebitWallet} from "../interfaces/IDebitWallet.sol";
import {Accounts} from "./Accounts.sol";
import {Credits} from "./Credits.sol";
import {Purses} from "./Purses.sol";
import {Requests} from "./Requests.sol";
import {Tokens} from "./Tokens.sol";

/// @title Bonds, and receipts that are paid from them
/// @notice A receipt promises that a mandate is settled by a certain time. If it was not, its nonce shows
/// it: still unspent. No arbiter is needed. The bond answers for inaction alone.
abstract contract Guarantees is Accounts, Purses, Credits {
    using Requests for Requests.Request;
    using SafeCast for uint256;

    bytes32 internal constant RECEIPT_TYPEHASH = keccak256(
        "Receipt(bytes32 mandateId,address processor,uint32 account,uint64 nonce,address token,address payee,address arbiter,uint96 amount,uint40 issuedAt,uint40 deadline,uint40 settleBy)"
    );

    /// @inheritdoc IDebitWallet
    uint40 public immutable UNBONDING_DELAY;

    struct Bond {
        uint104 balance;
        Requests.Request unbonding;
    }

    mapping(address signer => mapping(address token => Bond)) private _bonds;
    mapping(bytes32 digest => bool) private _claimed;

    /// @dev Nonces that a claim has burnt: spent, but not because anything was settled.
    mapping(address token => mapping(uint32 account => mapping(uint64 nonce => bool))) private _burnt;

    constructor(uint40 unbondingDelay) {
        UNBONDING_DELAY = checkedDelay(unbondingDelay);
    }

    // --- Bonds --------------------------------------------------------------------------------------

    /// @inheritdoc IDebitWallet
    function bond(address signer, address token, uint256 amount) external nonReentrant returns (uint256 arrived) {
        arrived = Tokens.pull(token, msg.sender, amount);
        Bond storage kept = _bonds[signer][token];
        kept.balance = (kept.balance + arrived).toUint104();
        emit Bonded(signer, token, msg.sender, arrived);
    }

    /// @inheritdoc IDebitWallet
    function requestUnbond(address token, uint256 amount) external nonReentrant {
        Bond storage kept = _bonds[msg.sender][token];
        (uint256 asked, uint40 from) = kept.unbonding.make(amount, kept.balance, UNBONDING_DELAY);
        emit UnbondRequested(msg.sender, token, asked, from);
    }

    /// @inheritdoc IDebitWallet
    function cancelUnbond(address token) external nonReentrant {
        _bonds[msg.sender][token].unbonding.cancel();
        emit UnbondCancelled(msg.sender, token);
    }

    /// @inheritdoc IDebitWallet
    function executeUnbond(address token, address to) external nonReentrant returns (uint256 amount) {
        Bond storage kept = _bonds[msg.sender][token];
        amount = kept.unbonding.execute(kept.balance);
        kept.balance -= uint104(amount);
        emit Unbonded(msg.sender, token, to, amount);
        Tokens.push(token, to, amount);
    }

    // --- Receipts -----------------------------------------------------------------------------------

    /// @inheritdoc IDebitWallet
    function claimGuarantee(Receipt calldata receipt, bytes calldata signature) external nonReentrant {
        if (block.timestamp <= receipt.settleBy) {
            revert ReceiptNotDue(receipt.settleBy, block.timestamp);
        }
        if (receipt.issuedAt > receipt.settleBy || receipt.settleBy > receipt.deadline) {
            revert ReceiptTimes(receipt.issuedAt, receipt.settleBy, receipt.deadline);
        }
        if (receipt.amount == 0) revert AmountZero();
        // Spent means settled, unless a claim has burnt it: whoever signs two receipts for one nonce owes both.
        if (
            isSpent(receipt.account, receipt.token, receipt.nonce)
                && !_burnt[receipt.token][receipt.account][receipt.nonce]
        ) {
            revert ReceiptSettled(receipt.account, receipt.token, receipt.nonce);
        }
        bytes32 digest = _hashTypedDataV4(keccak256(abi.encode(RECEIPT_TYPEHASH, receipt)));
        address signer = keyThatSigned(digest, signature);
        if (signer == address(0) || signer != receipt.processor) revert ReceiptSignature();
        if (_claimed[digest]) revert ReceiptClaimed(digest);
        _claimed[digest] = true;

        // Anybody can sign a receipt about any account. Only the account's processor speaks for its nonces;
        // a stranger's word costs the stranger alone.
        bool burnt = processorOf(receipt.account) == signer;
        if (burnt) {
            burn(receipt.account, receipt.token, receipt.nonce);
            _burnt[receipt.token][receipt.account][receipt.nonce] = true;
        }

        Bond storage kept = _bonds[signer][receipt.token];
        if (receipt.amount > kept.balance) {
            revert InsufficientBond(signer, receipt.token, kept.balance, receipt.amount);
        }
        kept.balance -= receipt.amount;
        emit GuaranteeClaimed(
            receipt.mandateId,
            signer,
            receipt.payee,
            receipt.account,
            receipt.nonce,
            receipt.token,
            receipt.amount,
            burnt
        );

        uint256 before = Tokens.held(receipt.token);
        uint256 sent = payOut(creditsOf(receipt.token), receipt.token, receipt.payee, receipt.amount);
        Tokens.requireGone(receipt.token, before, sent);
    }

    /// @inheritdoc IDebitWallet
    function bondOf(address signer, address token) external view returns (Purse memory) {
        Bond memory kept = _bonds[signer][token];
        return Purse(kept.balance, kept.unbonding.amount, kept.unbonding.from);
    }

    /// @inheritdoc IDebitWallet
    function isBurnt(uint32 account, address token, uint64 nonce) external view returns (bool) {
        return _burnt[token][account][nonce];
    }

    /// @inheritdoc IDebitWallet
    function isClaimed(bytes32 digest) external view returns (bool) {
        return _claimed[digest];
    }
}
