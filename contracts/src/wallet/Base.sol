// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";
import {Nonces} from "@openzeppelin/contracts/utils/Nonces.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

import {IDebitWallet} from "../interfaces/IDebitWallet.sol";
import {IGuarantee} from "../interfaces/IGuarantee.sol";

/// @title What every part of the wallet stands on
/// @notice The EIP-712 domain, owners' signatures, the delay, and one lock for everything: while a token is
/// being called, nothing in the wallet can be changed.
abstract contract Base is IDebitWallet, EIP712, Nonces, ReentrancyGuardTransient {
    /// @inheritdoc IDebitWallet
    uint40 public immutable WITHDRAWAL_DELAY;
    /// @inheritdoc IDebitWallet
    uint40 public immutable KEEP;
    /// @inheritdoc IDebitWallet
    IGuarantee public immutable GUARANTEE;

    constructor(uint40 withdrawalDelay, uint40 keep, IGuarantee guarantee) EIP712("AEP2DebitWallet", "1") {
        (WITHDRAWAL_DELAY, KEEP, GUARANTEE) = (withdrawalDelay, keep, guarantee);
    }

    /// @dev What was asked for takes effect from then on.
    /// @param from 0 when nothing was asked for.
    function checkMature(uint40 from) internal view {
        if (from == 0) revert NothingPending();
        if (block.timestamp < from) revert TooEarly(from);
    }

    /// @notice What EIP-712 messages to this wallet are signed under.
    function DOMAIN_SEPARATOR() external view returns (bytes32) {
        return _domainSeparatorV4();
    }

    /// @dev An owner's signature, by its key or, for a smart wallet, by EIP-1271. The key is tried first: an
    /// owner that delegates its account to code (EIP-7702) keeps its key.
    function checkOwnerSignature(address owner, uint256 deadline, bytes32 structHash, bytes calldata signature)
        internal
        view
    {
        if (!isSignedByOwner(owner, deadline, structHash, signature)) revert BadSignature(owner);
    }

    function isSignedByOwner(address owner, uint256 deadline, bytes32 structHash, bytes calldata signature)
        internal
        view
        returns (bool)
    {
        if (block.timestamp > deadline) revert SignatureExpired(deadline);
        bytes32 digest = _hashTypedDataV4(structHash);
        return isSignedByKey(owner, digest, signature)
            || SignatureChecker.isValidERC1271SignatureNowCalldata(owner, digest, signature);
    }

    /// @dev Whether an ordinary key signed, whatever code its account may have.
    function isSignedByKey(address key, bytes32 digest, bytes calldata signature) internal pure returns (bool) {
        address signer = keyThatSigned(digest, signature);
        return signer == key && signer != address(0);
    }

    /// @return signer 0 when it is no signature, or one with a high s.
    function keyThatSigned(bytes32 digest, bytes calldata signature) internal pure returns (address signer) {
        (signer,,) = ECDSA.tryRecoverCalldata(digest, signature);
    }
}
