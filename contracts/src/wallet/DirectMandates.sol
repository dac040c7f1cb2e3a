// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IDebitWallet} from "../interfaces/IDebitWallet.sol";
import {Credits} from "./Credits.sol";
import {Funds} from "./Funds.sol";
import {Tokens} from "./Tokens.sol";

/// @title The direct path: mandates by an owner's ordinary key
/// @notice They name an owner, not an account: they debit the one account that the owner marked, and their
/// nonces are the owner's, so that an owner of two accounts is not charged twice.
abstract contract DirectMandates is Funds, Credits {
    bytes32 internal constant MANDATE_TYPEHASH = keccak256(
        "Mandate(address owner,address token,address payee,uint256 amount,uint256 nonce,uint256 deadline,bytes32 ref)"
    );

    mapping(address owner => mapping(uint256 index => uint256)) private _spentOfOwner;

    /// @dev Neighbouring mandates of one token and payee, to be paid together.
    struct Run {
        address token;
        address payee;
        uint256 amount;
    }

    /// @inheritdoc IDebitWallet
    function settleDirect(
        address processor,
        Mandate[] calldata mandates,
        bytes[] calldata signatures,
        uint256[] calldata captured
    ) external nonReentrant {
        requireSender(processor);
        if (mandates.length != signatures.length || mandates.length != captured.length) {
            revert LengthsDiffer(mandates.length, signatures.length, captured.length);
        }
        Run[] memory runs = new Run[](mandates.length);
        uint256 last = 0;
        for (uint256 i = 0; i < mandates.length; i++) {
            Mandate calldata mandate = mandates[i];
            _settle(processor, i, mandate, signatures[i], captured[i]);

            if (runs[last].token != mandate.token || runs[last].payee != mandate.payee) {
                if (runs[last].amount != 0) last++;
                runs[last].token = mandate.token;
                runs[last].payee = mandate.payee;
            }
            runs[last].amount += captured[i];
        }
        // All is booked; only now are tokens called.
        for (uint256 i = 0; i < runs.length && i <= last; i++) {
            if (runs[i].amount == 0) continue;
            uint256 before = Tokens.held(runs[i].token);
            uint256 sent = payOut(creditsOf(runs[i].token), runs[i].token, runs[i].payee, runs[i].amount);
            Tokens.requireGone(runs[i].token, before, sent);
        }
    }

    /// @inheritdoc IDebitWallet
    function isDirectNonceSpent(address owner, uint256 nonce) external view returns (bool) {
        return (_spentOfOwner[owner][nonce >> 8] >> (nonce & 255)) & 1 == 1;
    }

    function _settle(
        address processor,
        uint256 index,
        Mandate calldata mandate,
        bytes calldata signature,
        uint256 captured
    ) private {
        if (block.timestamp > mandate.deadline) {
            revert MandateExpired(index, mandate.deadline);
        }
        if (captured > mandate.amount) {
            revert CaptureExceedsAmount(index, captured, mandate.amount);
        }
        _spend(index, mandate.owner, mandate.nonce);

        // By the key alone, also when the owner has code: an owner that delegates its account afterwards
        // does not escape what it signed.
        bytes32 digest = _hashTypedDataV4(keccak256(abi.encode(MANDATE_TYPEHASH, mandate)));
        if (!isSignedByKey(mandate.owner, digest, signature)) {
            revert MandateSignature(index, mandate.owner);
        }

        uint32 account = currentDirectAccountOf(mandate.owner);
        if (account == 0) revert NoDirectAccount(index, mandate.owner);
        if (processorOf(account) != processor) revert NotProcessor(account, processor);
        takeOut(booksOf(mandate.token), account, mandate.token, captured);
        emit MandateSettled(digest, account, mandate.payee, mandate.token, captured);
    }

    function _spend(uint256 index, address owner, uint256 nonce) private {
        mapping(uint256 => uint256) storage spent = _spentOfOwner[owner];
        uint256 bit = 1 << (nonce & 255);
        uint256 before = spent[nonce >> 8];
        if (before & bit != 0) revert MandateNonceSpent(index, owner, nonce);
        spent[nonce >> 8] = before | bit;
    }
}
