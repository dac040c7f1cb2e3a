// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Hashes} from "@openzeppelin/contracts/utils/cryptography/Hashes.sol";

import {IDebitWallet} from "../interfaces/IDebitWallet.sol";
import {Field} from "./Field.sol";
import {Verifiers} from "./Verifiers.sol";

/// @title Accounts: whose they are, who debits them, with which key
/// @notice Whatever an account promises others is changed in two steps, asked for and then, after the delay,
/// applied. Until it is applied the old terms hold alone; there are never two keys in force at once.
abstract contract Accounts is Verifiers {
    bytes32 internal constant OPEN_ACCOUNT_TYPEHASH = keccak256(
        "OpenAccount(address owner,address processor,bytes32 verifierSet,uint256 keyHash,uint256 nonce,uint256 deadline)"
    );

    struct Terms {
        address owner;
        address processor;
        bytes32 verifierSet;
    }

    struct DirectAccount {
        uint32 account;
        uint32 next;
        uint40 inForceFrom;
        /// @dev Whether the owner has opened or named an account before.
        bool known;
    }

    uint32 private _count;
    mapping(uint32 account => Terms) private _terms;
    mapping(uint32 account => Change) private _changes;
    mapping(address owner => DirectAccount) private _directAccounts;

    /// @dev By the hash of an opening that was signed.
    mapping(bytes32 opening => uint32 account) private _lastOpened;

    /// @dev Non-zero only under the processor and the verifiers that the owner chose. So one read answers
    /// whether they may debit the account, and with which key.
    mapping(bytes32 tenant => mapping(uint32 account => uint256)) private _keyHashes;

    modifier onlyOwnerOf(uint32 account) {
        checkOwner(account);
        _;
    }

    // --- Opening ------------------------------------------------------------------------------------

    /// @inheritdoc IDebitWallet
    function openAccount(address processor, bytes32 verifierSet, uint256 keyHash)
        external
        nonReentrant
        returns (uint32)
    {
        return open(Opening(msg.sender, processor, verifierSet, keyHash));
    }

    /// @inheritdoc IDebitWallet
    function openAccountWithSignature(Opening calldata opening, uint256 deadline, bytes calldata signature)
        external
        nonReentrant
        returns (uint32)
    {
        return openSigned(opening, deadline, signature);
    }

    function openSigned(Opening calldata opening, uint256 deadline, bytes calldata signature)
        internal
        returns (uint32 account)
    {
        account = tryOpenSigned(opening, deadline, signature);
        if (account == 0) revert BadSignature(opening.owner);
    }

    /// @return account 0 when its owner's next signature is not this one.
    function tryOpenSigned(Opening calldata opening, uint256 deadline, bytes calldata signature)
        internal
        returns (uint32 account)
    {
        bytes32 structHash = keccak256(abi.encode(OPEN_ACCOUNT_TYPEHASH, opening, nonces(opening.owner), deadline));
        if (!isSignedByOwner(opening.owner, deadline, structHash, signature)) return 0;
        _useNonce(opening.owner);
        account = open(opening);
        _lastOpened[keccak256(abi.encode(opening))] = account;
    }

    /// @return account The last account that was opened by a signature of exactly these terms, while they are in
    /// force and no others are asked for; 0 for none. Once they have changed, who signed them means another account.
    function lastOpened(Opening calldata opening) internal view returns (uint32 account) {
        account = _lastOpened[keccak256(abi.encode(opening))];
        (address processor, bytes32 verifierSet) = (opening.processor, opening.verifierSet);
        bool asSigned = _terms[account].processor == processor && _terms[account].verifierSet == verifierSet
            && _keyHashes[tenant(processor, verifierSet)][account] == opening.keyHash
            && _changes[account].inForceFrom == 0;
        if (!asSigned) return 0;
    }

    function open(Opening memory opening) private returns (uint32 account) {
        _checkTerms(opening.processor, opening.verifierSet, opening.keyHash);
        account = ++_count;
        _terms[account] = Terms(opening.owner, opening.processor, opening.verifierSet);
        _keyHashes[tenant(opening.processor, opening.verifierSet)][account] = opening.keyHash;
        emit AccountOpened(account, opening.owner, opening.processor, opening.verifierSet, opening.keyHash);

        if (!_directAccounts[opening.owner].known) _setDirectAccount(opening.owner, account);
    }

    // --- Changing -----------------------------------------------------------------------------------

    /// @inheritdoc IDebitWallet
    function rotateKey(uint32 account, uint256 keyHash) external nonReentrant onlyOwnerOf(account) {
        _requestKey(account, keyHash);
    }

    /// @inheritdoc IDebitWallet
    function revokeKey(uint32 account) external nonReentrant onlyOwnerOf(account) {
        _requestKey(account, 0);
    }

    /// @dev A request takes the place of the one before it. One for a key alone must not silently drop one for
    /// another processor: whoever wants both says so by {setProcessor}, or cancels first.
    function _requestKey(uint32 account, uint256 keyHash) private {
        (Terms storage terms, Change storage change) = (_terms[account], _changes[account]);
        bool moves = change.processor != terms.processor || change.verifierSet != terms.verifierSet;
        if (change.inForceFrom != 0 && moves) revert ChangePending(account);
        _requestChange(account, terms.processor, terms.verifierSet, keyHash);
    }

    /// @inheritdoc IDebitWallet
    function setProcessor(uint32 account, address processor, bytes32 verifierSet, uint256 keyHash)
        external
        nonReentrant
        onlyOwnerOf(account)
    {
        _requestChange(account, processor, verifierSet, keyHash);
    }

    function _requestChange(uint32 account, address processor, bytes32 verifierSet, uint256 keyHash) private {
        _checkTerms(processor, verifierSet, keyHash);
        uint40 from = uint40(block.timestamp) + WITHDRAWAL_DELAY;
        _changes[account] = Change(processor, from, verifierSet, keyHash);
        emit ChangeRequested(account, processor, verifierSet, keyHash, from);
    }

    /// @inheritdoc IDebitWallet
    function cancelChange(uint32 account) external nonReentrant onlyOwnerOf(account) {
        if (_changes[account].inForceFrom == 0) revert NothingPending();
        delete _changes[account];
        emit ChangeCancelled(account);
    }

    /// @inheritdoc IDebitWallet
    function applyChange(uint32 account) external nonReentrant {
        Change memory change = _changes[account];
        checkMature(change.inForceFrom);
        delete _changes[account];

        Terms storage terms = _terms[account];
        delete _keyHashes[tenant(terms.processor, terms.verifierSet)][account];
        terms.processor = change.processor;
        terms.verifierSet = change.verifierSet;
        _keyHashes[tenant(change.processor, change.verifierSet)][account] = change.keyHash;
        emit ChangeApplied(account, change.processor, change.verifierSet, change.keyHash);
    }

    // --- The direct account ------------------------------------------------------------------

    /// @inheritdoc IDebitWallet
    function setDirectAccount(uint32 account) external nonReentrant {
        if (account != 0) checkOwner(account);
        DirectAccount storage direct = _directAccounts[msg.sender];
        if (direct.account == 0) {
            // Nothing was promised on this direct: it debits no account so far.
            _setDirectAccount(msg.sender, account);
        } else {
            direct.next = account;
            direct.inForceFrom = uint40(block.timestamp) + WITHDRAWAL_DELAY;
            emit DirectAccountRequested(msg.sender, account, direct.inForceFrom);
        }
    }

    /// @inheritdoc IDebitWallet
    function applyDirectAccount(address owner) external nonReentrant {
        DirectAccount storage direct = _directAccounts[owner];
        checkMature(direct.inForceFrom);
        _setDirectAccount(owner, direct.next);
    }

    function _setDirectAccount(address owner, uint32 account) private {
        _directAccounts[owner] = DirectAccount({account: account, next: 0, inForceFrom: 0, known: true});
        emit DirectAccountSet(owner, account);
    }

    // --- Reading ------------------------------------------------------------------------------------

    /// @inheritdoc IDebitWallet
    function accountOf(uint32 account) external view returns (Account memory) {
        requireAccount(account);
        Terms memory terms = _terms[account];
        return Account(
            terms.owner,
            terms.processor,
            terms.verifierSet,
            _keyHashes[tenant(terms.processor, terms.verifierSet)][account],
            _changes[account]
        );
    }

    /// @inheritdoc IDebitWallet
    function accountCount() external view returns (uint32) {
        return _count;
    }

    /// @inheritdoc IDebitWallet
    function directAccountOf(address owner) external view returns (uint32 account, uint32 next, uint40 inForceFrom) {
        DirectAccount memory direct = _directAccounts[owner];
        return (direct.account, direct.next, direct.inForceFrom);
    }

    /// @dev A processor with a set of verifiers: what an account is open to.
    function tenant(address processor, bytes32 verifierSet) internal pure returns (bytes32) {
        return Hashes.efficientKeccak256(bytes32(uint256(uint160(processor))), verifierSet);
    }

    function keyHashesOf(bytes32 tenant_) internal view returns (mapping(uint32 => uint256) storage) {
        return _keyHashes[tenant_];
    }

    function processorOf(uint32 account) internal view returns (address) {
        return _terms[account].processor;
    }

    function currentDirectAccountOf(address owner) internal view returns (uint32) {
        return _directAccounts[owner].account;
    }

    function requireAccount(uint32 account) internal view {
        if (account == 0 || account > _count) revert UnknownAccount(account);
    }

    function checkOwner(uint32 account) internal view {
        requireAccount(account);
        if (_terms[account].owner != msg.sender) revert NotOwner(account, msg.sender);
    }

    /// @dev A key hash is a field element: given as `v + r` it would be the same key under two names.
    function _checkTerms(address processor, bytes32 verifierSet, uint256 keyHash) private view {
        if (processor == address(0)) revert ProcessorZero();
        if (keyHash >= Field.R) revert KeyHashOutOfRange(keyHash);
        if ((verifierSet != 0 || keyHash != 0) && !isRegistered(verifierSet)) {
            revert UnknownVerifierSet(verifierSet);
        }
    }
}
