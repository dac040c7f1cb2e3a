// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IDebitWallet} from "../interfaces/IDebitWallet.sol";
import {IGuarantee} from "../interfaces/IGuarantee.sol";
import {Answers} from "./Answers.sol";
import {Bonds} from "./Bonds.sol";

/// @title Claims: what no answer covered is paid from bonds
abstract contract Claims is Answers, Bonds {
    /// @inheritdoc IGuarantee
    function claim(Receipt[] calldata receipts) external nonReentrant {
        for (uint256 i = 0; i < receipts.length; i++) {
            _claim(receipts[i]);
        }
    }

    function _claim(Receipt calldata receipt) private {
        bytes32 digest = receiptDigest(receipt);
        Demand storage kept = requireDemand(digest);
        _requireUnanswered(kept.madeAt);
        giveDeposit(kept, kept.demander);

        Paid storage paid = paidFor(receipt);
        uint256 due = owed(kept, paid);
        uint256 amount =
            takeFromBonds(receipt.processor, receipt.payee, receipt.token, due, _hasThief(receipt.processor, kept));
        if (amount == 0) return;
        // The nonce is burnt with the first part, and what else there is may come later or never: the payee decides.
        if (amount < due && msg.sender != receipt.payee) {
            revert InsufficientBond(receipt.processor, receipt.token, amount, due);
        }
        paid.claimed += uint128(amount);

        // What the bond paid, the processor can settle no more. Where another one is the account's, or none is,
        // its nonces are not this one's to burn: there it must be too late to settle.
        bool burnt = WALLET.burnNonce(receipt.processor, receipt.account, receipt.token, receipt.nonce);
        if (!burnt) _requireUnanswered(receipt.deadline);
        emit GuaranteeClaimed(
            receipt.mandateId,
            receipt.processor,
            receipt.payee,
            digest,
            receipt.account,
            receipt.nonce,
            receipt.token,
            amount,
            burnt
        );
        pay(receipt.token, receipt.payee, amount);
    }

    /// @dev There was time to answer since then.
    function _requireUnanswered(uint40 since) private view {
        uint256 from = uint256(since) + RESPONSE_WINDOW + 1;
        // A mandate's deadline may be any number of 40 bits.
        if (block.timestamp < from) {
            revert IDebitWallet.TooEarly(from > type(uint40).max ? type(uint40).max : uint40(from));
        }
    }

    /// @dev Looked at when it is paid: the processor has the response window to find out.
    function _hasThief(address processor, Demand storage kept) private view returns (bool) {
        return isStolen(processor, kept.signer) || isStolen(processor, kept.captureSigner);
    }
}
