// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";

import {IDebitWallet} from "../interfaces/IDebitWallet.sol";
import {IERC3009} from "../interfaces/IERC3009.sol";
import {Processors} from "./Processors.sol";
import {Requests} from "./Requests.sol";
import {Tokens} from "./Tokens.sol";

/// @title Accounts' tokens: in by three ways, out after the delay
abstract contract Funds is Processors {
    using Requests for Requests.Request;

    bytes32 internal constant DEPOSIT_INTENT_TYPEHASH = keccak256(
        "DepositIntent(address owner,uint32 account,address token,uint256 amount,uint256 nonce,uint256 deadline)"
    );

    uint256 private constant ECDSA_SIGNATURE_LENGTH = 65;

    /// @dev Apart from the purse, which is full: what settles never reads it.
    mapping(address token => mapping(uint32 account => Requests.Request)) private _withdrawals;

    // --- In -----------------------------------------------------------------------------------------

    /// @inheritdoc IDebitWallet
    function deposit(uint32 account, address token, uint256 amount) external nonReentrant returns (uint256) {
        return _depositFrom(msg.sender, account, token, amount);
    }

    /// @inheritdoc IDebitWallet
    function depositWithAuthorization(uint32 account, address token, Authorization calldata authorization)
        external
        nonReentrant
        returns (uint256)
    {
        return _depositAuthorized(account, token, authorization, depositNonce(account, authorization.salt));
    }

    /// @inheritdoc IDebitWallet
    function openAccountAndDeposit(
        Opening calldata opening,
        uint256 deadline,
        bytes calldata signature,
        address token,
        Authorization calldata authorization
    ) external nonReentrant returns (uint32 account) {
        account = tryOpenSigned(opening, deadline, signature);
        // Whoever saw the signature may have opened the account before. While it is as signed, the money is for it:
        // the authorization names the opening's terms, owner included.
        if (account == 0) account = lastOpened(opening);
        if (account == 0) revert BadSignature(opening.owner);
        _depositAuthorized(account, token, authorization, openingNonce(opening, authorization.salt));
    }

    /// @inheritdoc IDebitWallet
    function depositWithPermit(
        uint32 account,
        address token,
        address from,
        uint256 amount,
        uint256 deadline,
        bytes calldata permit,
        bytes calldata intent
    ) external nonReentrant returns (uint256) {
        if (msg.sender != from) {
            checkOwnerSignature(
                from,
                deadline,
                keccak256(abi.encode(DEPOSIT_INTENT_TYPEHASH, from, account, token, amount, _useNonce(from), deadline)),
                intent
            );
        }
        (bytes32 r, bytes32 s, uint8 v) = _split(permit, from);
        // Whoever saw the permit may have brought it to the token before. Then the allowance is there.
        try IERC20Permit(token).permit(from, address(this), amount, deadline, v, r, s) {} catch {}
        return _depositFrom(from, account, token, amount);
    }

    function _depositFrom(address from, uint32 account, address token, uint256 amount)
        private
        returns (uint256 arrived)
    {
        requireAccount(account);
        arrived = Tokens.pull(token, from, amount);
        _credit(account, token, from, arrived);
    }

    function _depositAuthorized(uint32 account, address token, Authorization calldata authorization, bytes32 nonce)
        private
        returns (uint256 arrived)
    {
        requireAccount(account);
        uint256 before = Tokens.held(token);
        _receive(IERC3009(token), authorization, nonce);
        arrived = Tokens.arrivedSince(token, before);
        _credit(account, token, authorization.from, arrived);
    }

    /// @dev The signature of an ordinary key by the function that every EIP-3009 token has; one of another
    /// length, a smart wallet's, by the one that newer tokens have.
    function _receive(IERC3009 token, Authorization calldata authorization, bytes32 nonce) private {
        if (authorization.signature.length == ECDSA_SIGNATURE_LENGTH) {
            (bytes32 r, bytes32 s, uint8 v) = _split(authorization.signature, authorization.from);
            token.receiveWithAuthorization(
                authorization.from,
                address(this),
                authorization.amount,
                authorization.validAfter,
                authorization.validBefore,
                nonce,
                v,
                r,
                s
            );
        } else {
            token.receiveWithAuthorization(
                authorization.from,
                address(this),
                authorization.amount,
                authorization.validAfter,
                authorization.validBefore,
                nonce,
                authorization.signature
            );
        }
    }

    function _credit(uint32 account, address token, address from, uint256 arrived) private {
        putIn(booksOf(token), account, arrived);
        emit Deposited(account, token, from, arrived);
    }

    function _split(bytes calldata signature, address signer) private pure returns (bytes32 r, bytes32 s, uint8 v) {
        if (signature.length != ECDSA_SIGNATURE_LENGTH) revert BadSignature(signer);
        return (bytes32(signature[:32]), bytes32(signature[32:64]), uint8(signature[64]));
    }

    // --- Out ----------------------------------------------------------------------------------------

    /// @inheritdoc IDebitWallet
    function requestWithdrawal(uint32 account, address token, uint256 amount)
        external
        nonReentrant
        onlyOwnerOf(account)
    {
        (uint256 asked, uint40 from) = _withdrawals[token][account].make(
            amount, balanceIn(booksOf(token), account), WITHDRAWAL_DELAY
        );
        emit WithdrawalRequested(account, token, asked, from);
    }

    /// @inheritdoc IDebitWallet
    function cancelWithdrawal(uint32 account, address token) external nonReentrant onlyOwnerOf(account) {
        _withdrawals[token][account].cancel();
        emit WithdrawalCancelled(account, token);
    }

    /// @inheritdoc IDebitWallet
    function executeWithdrawal(uint32 account, address token, address to)
        external
        nonReentrant
        onlyOwnerOf(account)
        returns (uint256 amount)
    {
        Books storage books = booksOf(token);
        amount = _withdrawals[token][account].execute(balanceIn(books, account));
        takeOut(books, account, token, amount);
        emit WithdrawalExecuted(account, token, to, amount);
        Tokens.push(token, to, amount);
    }

    // --- Reading ------------------------------------------------------------------------------------

    /// @inheritdoc IDebitWallet
    function balanceOf(uint32 account, address token) external view returns (Purse memory) {
        Requests.Request memory asked = _withdrawals[token][account];
        return Purse(uint104(balanceIn(booksOf(token), account)), asked.amount, asked.from);
    }

    /// @inheritdoc IDebitWallet
    function depositNonce(uint32 account, bytes32 salt) public pure returns (bytes32) {
        return keccak256(abi.encode(account, salt));
    }

    /// @inheritdoc IDebitWallet
    function openingNonce(Opening calldata opening, bytes32 salt) public pure returns (bytes32) {
        return keccak256(abi.encode(opening, salt));
    }
}
