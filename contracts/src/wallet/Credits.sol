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

    mapping(address token => mapping(address payee => Credit)) private _credits;

    /// @dev Pays `amount` and whatever was credited before, or credits it.
    /// @param credits The token's, see {creditsOf}.
    /// @return sent What left the wallet.
    function payOut(mapping(address => Credit) storage credits, address token, address payee, uint256 amount)
        internal
        returns (uint256 sent)
    {
        Credit storage credit = credits[payee];
        (uint256 owed, uint256 threshold) = _read(credit);
        uint256 due;
        unchecked {
            // Of 128 bits both.
            due = owed + amount;
        }
        // The credit is cleared before the token is called, and restored if it would not send.
        if (owed != 0) credit.owed = 0;
        if (due >= threshold && Tokens.tryPush(token, payee, due)) {
            if (owed != 0) emit Collected(token, payee, owed);
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
    function collect(address token, address payee) external nonReentrant returns (uint256 amount) {
        Credit storage credit = _credits[token][payee];
        amount = credit.owed;
        if (amount == 0) revert AmountZero();
        credit.owed = 0;
        emit Collected(token, payee, amount);
        Tokens.push(token, payee, amount);
    }

    /// @inheritdoc IDebitWallet
    function setPayoutThreshold(address token, uint128 threshold) external nonReentrant {
        _credits[token][msg.sender].threshold = threshold;
        emit PayoutThresholdSet(token, msg.sender, threshold);
    }

    /// @inheritdoc IDebitWallet
    function creditOf(address token, address payee) external view returns (uint128 credit, uint128 threshold) {
        Credit memory kept = _credits[token][payee];
        return (kept.owed, kept.threshold);
    }
}
