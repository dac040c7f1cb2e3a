// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

import {IDebitWallet} from "../interfaces/IDebitWallet.sol";
import {Base} from "./Base.sol";
import {Tokens} from "./Tokens.sol";

/// @title Paying out, and keeping what cannot be paid out
/// @notice One payee that cannot be paid never stops the others. What its token refuses to move, and what
/// the payee wants kept until it is worth moving, is credited to it here.
abstract contract Credits is Base {
    using SafeCast for uint256;

    struct Credit {
        uint128 owed;
        /// @dev Payouts are kept until they come to so much.
        uint128 threshold;
    }

    /// @dev A lower threshold that a payee asked for.
    struct Lowering {
        uint128 threshold;
        uint40 from;
    }

    mapping(address token => mapping(address payee => Credit)) private _credits;
    mapping(address token => mapping(address payee => Lowering)) private _lowerings;

    /// @dev Pays `amount` and whatever was credited before, or credits it.
    /// @param credits The token's, see {creditsOf}.
    /// @return sent What left the wallet.
    function payOut(mapping(address => Credit) storage credits, address token, address payee, uint256 amount)
        internal
        returns (uint256 sent)
    {
        // Demanded of every payout, also of one that will be credited: what a transaction needs must not depend on
        // what its payees do before it is in a block.
        Tokens.requirePayoutGas();
        Credit storage credit = credits[payee];
        (uint256 owed, uint256 threshold) = _read(credit);
        uint256 due;
        unchecked {
            // Of 128 bits both.
            due = owed + amount;
        }
        // The token finds the wallet locked, so the credit is written once, when it is known what comes of it.
        if (due >= threshold && Tokens.mayReceive(payee) && Tokens.tryPush(token, payee, due)) {
            if (owed != 0) {
                credit.owed = 0;
                emit Collected(token, payee, payee, owed);
            }
            return due;
        }
        credit.owed = due.toUint128();
        emit PayoutCredited(token, payee, amount);
    }

    function creditsOf(address token) internal view returns (mapping(address => Credit) storage) {
        return _credits[token];
    }

    /// @dev Both at once: the slot is read a single time.
    function _read(Credit storage credit) private view returns (uint256 owed, uint256 threshold) {
        uint256 packed;
        assembly ("memory-safe") {
            packed := sload(credit.slot)
        }
        return (uint128(packed), packed >> 128);
    }

    /// @inheritdoc IDebitWallet
    function collect(address token, address payee) external nonReentrant returns (uint256) {
        (uint256 owed, uint256 threshold) = _read(_credits[token][payee]);
        if (owed < threshold) revert BelowThreshold(owed, threshold);
        return _collect(token, payee, payee);
    }

    /// @inheritdoc IDebitWallet
    function collectTo(address token, address to) external nonReentrant returns (uint256) {
        return _collect(token, msg.sender, to);
    }

    function _collect(address token, address payee, address to) private returns (uint256 amount) {
        Credit storage credit = _credits[token][payee];
        amount = credit.owed;
        if (amount == 0) revert AmountZero();
        credit.owed = 0;
        emit Collected(token, payee, to, amount);
        Tokens.push(token, to, amount);
    }

    /// @inheritdoc IDebitWallet
    function setPayoutThreshold(address token, uint128 threshold) external nonReentrant {
        if (threshold >= _credits[token][msg.sender].threshold) {
            _setThreshold(token, msg.sender, threshold);
        } else {
            uint40 from = uint40(block.timestamp) + WITHDRAWAL_DELAY;
            _lowerings[token][msg.sender] = Lowering(threshold, from);
            emit PayoutThresholdRequested(token, msg.sender, threshold, from);
        }
    }

    /// @inheritdoc IDebitWallet
    function applyPayoutThreshold(address token, address payee) external nonReentrant {
        Lowering memory asked = _lowerings[token][payee];
        checkMature(asked.from);
        _setThreshold(token, payee, asked.threshold);
    }

    function _setThreshold(address token, address payee, uint128 threshold) private {
        delete _lowerings[token][payee];
        _credits[token][payee].threshold = threshold;
        emit PayoutThresholdSet(token, payee, threshold);
    }

    /// @inheritdoc IDebitWallet
    function creditOf(address token, address payee) external view returns (uint128 credit, uint128 threshold) {
        Credit memory kept = _credits[token][payee];
        return (kept.owed, kept.threshold);
    }
}
