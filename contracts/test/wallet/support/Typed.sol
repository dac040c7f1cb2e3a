// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IDebitWallet} from "../../../src/interfaces/IDebitWallet.sol";
import {IGuarantee} from "../../../src/interfaces/IGuarantee.sol";

/// @title The messages that the wallet takes, hashed as EIP-712 says
/// @notice Written from the types, apart from the wallet's own code; TypedData.t.sol holds it against viem
/// and ethers.
library Typed {
    bytes32 internal constant DOMAIN =
        keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
    bytes32 internal constant OPEN_ACCOUNT = keccak256(
        "OpenAccount(address owner,address processor,bytes32 verifierSet,uint256 keyHash,uint256 nonce,uint256 deadline)"
    );
    bytes32 internal constant DEPOSIT_INTENT = keccak256(
        "DepositIntent(address owner,uint32 account,address token,uint256 amount,uint256 nonce,uint256 deadline)"
    );
    bytes32 internal constant MANDATE = keccak256(
        "Mandate(address owner,address token,address payee,uint256 amount,uint256 nonce,uint256 deadline,bytes32 ref)"
    );
    bytes32 internal constant RECEIPT = keccak256(
        "Receipt(bytes32 mandateId,address processor,uint32 account,uint64 nonce,address token,address payee,address arbiter,uint96 amount,uint40 issuedAt,uint40 deadline,uint40 settleBy)"
    );

    bytes32 internal constant CAPTURE_RECEIPT =
        keccak256("CaptureReceipt(bytes32 mandateId,address processor,address arbiter,uint96 amount,uint40 issuedAt)");
    bytes32 internal constant CAPTURE = keccak256("Capture(bytes32 mandateId,uint96 amount)");
    bytes32 internal constant RULING =
        keccak256("Ruling(bytes32 mandateId,uint96 captured,bytes32 evidence,uint40 at)");

    function domainSeparator(uint256 chainId, address wallet) internal pure returns (bytes32) {
        return keccak256(abi.encode(DOMAIN, keccak256("AEP2DebitWallet"), keccak256("1"), chainId, wallet));
    }

    function digest(bytes32 separator, bytes32 structHash) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked(hex"1901", separator, structHash));
    }

    function hash(IDebitWallet.Opening memory o, uint256 nonce, uint256 deadline) internal pure returns (bytes32) {
        return keccak256(abi.encode(OPEN_ACCOUNT, o.owner, o.processor, o.verifierSet, o.keyHash, nonce, deadline));
    }

    function hashIntent(address owner, uint32 account, address token, uint256 amount, uint256 nonce, uint256 deadline)
        internal
        pure
        returns (bytes32)
    {
        return keccak256(abi.encode(DEPOSIT_INTENT, owner, account, token, amount, nonce, deadline));
    }

    function hash(IDebitWallet.Mandate memory m) internal pure returns (bytes32) {
        return keccak256(abi.encode(MANDATE, m.owner, m.token, m.payee, m.amount, m.nonce, m.deadline, m.ref));
    }

    function hash(IGuarantee.Receipt memory r) internal pure returns (bytes32) {
        bytes memory who = abi.encode(r.mandateId, r.processor, r.account, r.nonce, r.token, r.payee, r.arbiter);
        return keccak256(bytes.concat(RECEIPT, who, abi.encode(r.amount, r.issuedAt, r.deadline, r.settleBy)));
    }

    function hash(IGuarantee.CaptureReceipt memory c) internal pure returns (bytes32) {
        return keccak256(abi.encode(CAPTURE_RECEIPT, c.mandateId, c.processor, c.arbiter, c.amount, c.issuedAt));
    }

    function hash(IGuarantee.Capture memory c) internal pure returns (bytes32) {
        return keccak256(abi.encode(CAPTURE, c.mandateId, c.amount));
    }

    function hash(IGuarantee.Ruling memory r) internal pure returns (bytes32) {
        return keccak256(abi.encode(RULING, r.mandateId, r.captured, r.evidence, r.ruledAt));
    }
}
