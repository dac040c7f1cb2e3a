// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

import {IDebitWallet} from "../interfaces/IDebitWallet.sol";
import {IGuarantee} from "../interfaces/IGuarantee.sol";
import {Signers} from "./Signers.sol";

/// @title Demands: a promise was not kept
/// @notice That something was *not* settled cannot be shown. So whoever says so puts down ether, and everybody has
/// a while to show that it was. The ether pays for an answer to a demand that was made for nothing.
abstract contract Demands is Signers {
    using SafeCast for uint256;

    /// @dev Gas that an answer takes at most: one to many demands, and what each adds.
    uint256 private constant DEPOSIT_GAS = 100_000;
    uint256 private constant DEPOSIT_GAS_EACH = 60_000;

    mapping(bytes32 digest => Demand) private _demands;
    mapping(address owner => uint256) private _ether;

    /// @inheritdoc IGuarantee
    function demand(Promise[] calldata promises) external payable nonReentrant {
        uint256 needed = depositFor(promises.length);
        if (msg.value < needed) revert DepositTooSmall(needed, msg.value);
        for (uint256 i = 0; i < promises.length; i++) {
            _demand(promises[i], needed / promises.length);
        }
        giveEther(msg.sender, msg.value - needed);
    }

    /// @inheritdoc IGuarantee
    function depositFor(uint256 demands) public view returns (uint256) {
        if (demands == 0) revert ListEmpty();
        // The base fee may double until the answer. Whole shares, so that none of it is lost.
        return (DEPOSIT_GAS + DEPOSIT_GAS_EACH * demands) * 2 * block.basefee / demands * demands;
    }

    function _demand(Promise calldata made, uint256 deposit) private {
        Receipt calldata receipt = made.receipt;
        bytes32 digest = receiptDigest(receipt);
        if (_demands[digest].madeAt != 0) revert DemandKnown(digest);
        _checkTimes(receipt);
        // Payee 0 would be paid from its own bond, which is the one that all share.
        if (receipt.payee == address(0)) revert IDebitWallet.RecipientRefused(address(0));
        address signer = keyThatSigned(digest, made.signature);
        if (!speaksFor(receipt.processor, signer, receipt.issuedAt)) revert ReceiptSignature(digest);

        uint96 due = receipt.amount;
        address captureSigner = address(0);
        if (made.captureSignature.length != 0) {
            captureSigner = _checkCapture(made, digest);
            if (made.capture.amount < due) due = made.capture.amount;
        }
        if (due == 0) revert IDebitWallet.AmountZero();
        uint40 madeAt = uint40(block.timestamp);
        _demands[digest] = Demand(due, signer, deposit.toUint96(), msg.sender, madeAt, captureSigner);
        emit Demanded(
            receipt.processor, receipt.mandateId, receipt.payee, digest, receipt.token, due, madeAt + RESPONSE_WINDOW
        );
    }

    function _checkTimes(Receipt calldata receipt) private view {
        (uint40 issuedAt, uint40 settleBy, uint40 deadline) = (receipt.issuedAt, receipt.settleBy, receipt.deadline);
        if (issuedAt > settleBy || settleBy > deadline || settleBy - issuedAt > MAX_PROMISE) {
            revert ReceiptTimes(issuedAt, settleBy, deadline);
        }
        if (block.timestamp <= settleBy) revert ReceiptNotDue(settleBy, block.timestamp);
        uint256 until = uint256(settleBy) + DEMAND_PERIOD;
        if (block.timestamp > until) revert DemandTooLate(until, block.timestamp);
    }

    /// @dev What the processor signed about a capture binds both. Only the payee brings it: a processor that demands
    /// in its payee's stead would bring one that it makes up.
    function _checkCapture(Promise calldata made, bytes32 digest) private view returns (address signer) {
        (Receipt calldata receipt, CaptureReceipt calldata capture) = (made.receipt, made.capture);
        if (msg.sender != receipt.payee) revert NotPayee(receipt.payee, msg.sender);
        bool same = capture.mandateId == receipt.mandateId && capture.processor == receipt.processor
            && capture.arbiter == receipt.arbiter;
        if (!same) revert CaptureDiffers(digest);
        bytes32 captureDigest_ = captureReceiptDigest(capture);
        signer = keyThatSigned(captureDigest_, made.captureSignature);
        if (!speaksFor(receipt.processor, signer, capture.issuedAt)) revert ReceiptSignature(captureDigest_);
    }

    // --- Kept ---------------------------------------------------------------------------------------

    /// @inheritdoc IGuarantee
    function demandOf(bytes32 digest) external view returns (Demand memory) {
        return _demands[digest];
    }

    function requireDemand(bytes32 digest) internal view returns (Demand storage kept) {
        kept = _demands[digest];
        if (kept.madeAt == 0) revert DemandUnknown(digest);
    }

    /// @dev Gives a demand's deposit to somebody, if it is still there.
    function giveDeposit(Demand storage kept, address to) internal returns (uint256 deposit) {
        deposit = kept.deposit;
        kept.deposit = 0;
        giveEther(to, deposit);
    }

    // --- Ether --------------------------------------------------------------------------------------

    /// @dev It is fetched, not sent: whoever cannot take it stops nobody.
    function giveEther(address to, uint256 amount) internal {
        if (amount != 0) _ether[to] += amount;
    }

    /// @inheritdoc IGuarantee
    function collectEther(address payable to) external nonReentrant returns (uint256 amount) {
        amount = _ether[msg.sender];
        if (amount == 0) revert IDebitWallet.AmountZero();
        _ether[msg.sender] = 0;
        (bool sent,) = to.call{value: amount}("");
        if (!sent) revert EtherRefused(to);
    }

    /// @inheritdoc IGuarantee
    function etherOf(address owner) external view returns (uint256) {
        return _ether[owner];
    }
}
