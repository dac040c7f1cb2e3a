// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IDebitWallet} from "../interfaces/IDebitWallet.sol";
import {Base} from "./Base.sol";

/// @title Lists of verifiers
/// @notice A list is made once and named by its hash. A new circuit is a new list, and touches no account
/// whose owner has not chosen it.
abstract contract Verifiers is Base {
    /// @dev The code of an account that delegates by EIP-7702: its owner can change what it does.
    uint256 private constant DELEGATION_LENGTH = 23;

    mapping(bytes32 verifierSet => mapping(uint32 shape => address)) private _verifiers;
    mapping(bytes32 verifierSet => bool) private _registered;

    /// @inheritdoc IDebitWallet
    function registerVerifiers(ShapeVerifier[] calldata verifiers) external nonReentrant returns (bytes32 verifierSet) {
        if (verifiers.length == 0) revert NoVerifiers();
        verifierSet = keccak256(abi.encode(verifiers));
        if (_registered[verifierSet]) return verifierSet;
        _registered[verifierSet] = true;

        for (uint256 i = 0; i < verifiers.length; i++) {
            (uint32 shape, address verifier) = (verifiers[i].shape, verifiers[i].verifier);
            if (i > 0 && shape <= verifiers[i - 1].shape) revert VerifiersNotAscending(shape);
            if (verifier.code.length <= DELEGATION_LENGTH) revert VerifierHasNoCode(verifier);
            _verifiers[verifierSet][shape] = verifier;
        }
        emit VerifiersRegistered(verifierSet, verifiers);
    }

    /// @inheritdoc IDebitWallet
    function verifierOf(bytes32 verifierSet, uint32 shape) public view returns (address) {
        return _verifiers[verifierSet][shape];
    }

    function isRegistered(bytes32 verifierSet) internal view returns (bool) {
        return _registered[verifierSet];
    }
}
