// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {MessageHashUtils} from "@openzeppelin/contracts/utils/cryptography/MessageHashUtils.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

import {IDebitWallet} from "../interfaces/IDebitWallet.sol";
import {IGuarantee} from "../interfaces/IGuarantee.sol";

/// @title What every part of the guarantee stands on
/// @notice The times and how they fit, the messages that people sign, and one lock for everything.
abstract contract GuaranteeBase is IGuarantee, ReentrancyGuardTransient {
    bytes32 private constant DOMAIN_TYPEHASH =
        keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
    bytes32 private constant NAME_HASH = keccak256("AEP2DebitWallet");
    bytes32 private constant VERSION_HASH = keccak256("1");
    bytes32 private constant RECEIPT_TYPEHASH = keccak256(
        "Receipt(bytes32 mandateId,address processor,uint32 account,uint64 nonce,address token,address payee,address arbiter,uint96 amount,uint40 issuedAt,uint40 deadline,uint40 settleBy)"
    );
    bytes32 private constant CAPTURE_RECEIPT_TYPEHASH =
        keccak256("CaptureReceipt(bytes32 mandateId,address processor,address arbiter,uint96 amount,uint40 issuedAt)");
    bytes32 private constant CAPTURE_TYPEHASH = keccak256("Capture(bytes32 mandateId,uint96 amount)");
    bytes32 private constant RULING_TYPEHASH =
        keccak256("Ruling(bytes32 mandateId,uint96 captured,bytes32 evidence,uint40 at)");

    /// @dev A longer period would be a mistake, and sums of times must not overflow 40 bits.
    uint40 private constant PERIOD_MAX = 365 days;

    /// @inheritdoc IGuarantee
    IDebitWallet public immutable WALLET;
    /// @inheritdoc IGuarantee
    uint40 public immutable UNBONDING_DELAY;
    /// @inheritdoc IGuarantee
    uint40 public immutable MAX_PROMISE;
    /// @inheritdoc IGuarantee
    uint40 public immutable DEMAND_PERIOD;
    /// @inheritdoc IGuarantee
    uint40 public immutable RESPONSE_WINDOW;
    /// @inheritdoc IGuarantee
    uint40 public immutable VIEW_AGE;

    /// @param periods The wallet, which calls, goes by the same ones.
    constructor(Periods memory periods) {
        uint40[7] memory all = [
            periods.withdrawal,
            periods.unbonding,
            periods.promise_,
            periods.demand,
            periods.response,
            periods.viewAge,
            periods.keep
        ];
        for (uint256 i = 0; i < all.length; i++) {
            if (all[i] == 0 || all[i] > PERIOD_MAX) revert PeriodOutOfRange(all[i]);
        }
        // From the issue of a receipt until it can be claimed, if it and its demand come as late as they may.
        uint256 open = uint256(periods.promise_) + periods.demand + periods.response;
        _requireLonger(periods.withdrawal, open + periods.viewAge);
        _requireLonger(periods.unbonding, open + periods.response);
        _requireLonger(periods.keep, open);

        WALLET = IDebitWallet(msg.sender);
        UNBONDING_DELAY = periods.unbonding;
        MAX_PROMISE = periods.promise_;
        DEMAND_PERIOD = periods.demand;
        RESPONSE_WINDOW = periods.response;
        VIEW_AGE = periods.viewAge;
    }

    function _requireLonger(uint40 period, uint256 than) private pure {
        if (period <= than) revert PeriodTooShort(period, than);
    }

    // --- Messages -----------------------------------------------------------------------------------

    /// @inheritdoc IGuarantee
    function receiptDigest(Receipt calldata receipt) public view returns (bytes32) {
        return _digest(keccak256(abi.encode(RECEIPT_TYPEHASH, receipt)));
    }

    function captureReceiptDigest(CaptureReceipt calldata receipt) internal view returns (bytes32) {
        return _digest(keccak256(abi.encode(CAPTURE_RECEIPT_TYPEHASH, receipt)));
    }

    function captureDigest(bytes32 mandateId, uint96 amount) internal view returns (bytes32) {
        return _digest(keccak256(abi.encode(CAPTURE_TYPEHASH, mandateId, amount)));
    }

    function rulingDigest(Ruling calldata ruling) internal view returns (bytes32) {
        return _digest(keccak256(abi.encode(RULING_TYPEHASH, ruling)));
    }

    /// @dev In the wallet's domain: people sign for one contract. On a fork it follows the chain's number.
    function _digest(bytes32 structHash) private view returns (bytes32) {
        bytes32 domain = keccak256(abi.encode(DOMAIN_TYPEHASH, NAME_HASH, VERSION_HASH, block.chainid, WALLET));
        return MessageHashUtils.toTypedDataHash(domain, structHash);
    }

    /// @return signer By plain ECDSA, whatever code the signer has; 0 when it is no signature, or one with a high s.
    function keyThatSigned(bytes32 digest, bytes calldata signature) internal pure returns (address signer) {
        (signer,,) = ECDSA.tryRecoverCalldata(digest, signature);
    }
}
