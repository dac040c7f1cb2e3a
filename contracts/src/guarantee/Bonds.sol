// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

import {IDebitWallet} from "../interfaces/IDebitWallet.sol";
import {IGuarantee} from "../interfaces/IGuarantee.sol";
import {Requests} from "../wallet/Requests.sol";
import {Tokens} from "../wallet/Tokens.sol";
import {GuaranteeBase} from "./GuaranteeBase.sol";

/// @title Bonds: one that all payees of a processor share, and such as are one payee's alone
/// @notice The shared one goes to who claims first, the processor itself included. Of a payee's own nobody takes
/// anything but that payee, and, after the delay, the processor.
abstract contract Bonds is GuaranteeBase {
    using Requests for Requests.Request;
    using SafeCast for uint256;

    struct Bond {
        uint104 balance;
        Requests.Request unbonding;
    }

    /// @dev Payee 0 is nobody's, so its bond is the shared one: no receipt to payee 0 is taken.
    mapping(address processor => mapping(address payee => mapping(address token => Bond))) private _bonds;
    mapping(address token => mapping(address payee => uint256)) private _credits;

    // --- In and out ---------------------------------------------------------------------------------

    /// @inheritdoc IGuarantee
    function bond(address processor, address payee, address token, uint256 amount)
        external
        nonReentrant
        returns (uint256 arrived)
    {
        arrived = Tokens.pull(token, msg.sender, amount);
        Bond storage kept = _bonds[processor][payee][token];
        kept.balance = (kept.balance + arrived).toUint104();
        emit Bonded(processor, token, payee, msg.sender, arrived);
    }

    /// @inheritdoc IGuarantee
    function requestUnbond(address payee, address token, uint256 amount) external nonReentrant {
        Bond storage kept = _bonds[msg.sender][payee][token];
        (uint256 asked, uint40 from) = kept.unbonding.make(amount, kept.balance, UNBONDING_DELAY);
        emit UnbondRequested(msg.sender, token, payee, asked, from);
    }

    /// @inheritdoc IGuarantee
    function cancelUnbond(address payee, address token) external nonReentrant {
        _bonds[msg.sender][payee][token].unbonding.cancel();
        emit UnbondCancelled(msg.sender, token, payee);
    }

    /// @inheritdoc IGuarantee
    function executeUnbond(address payee, address token, address to) external nonReentrant returns (uint256 amount) {
        Bond storage kept = _bonds[msg.sender][payee][token];
        amount = kept.unbonding.execute(kept.balance);
        kept.balance -= uint104(amount);
        emit Unbonded(msg.sender, token, payee, to, amount);
        Tokens.push(token, to, amount);
    }

    /// @inheritdoc IGuarantee
    function bondOf(address processor, address payee, address token) external view returns (IDebitWallet.Purse memory) {
        Bond memory kept = _bonds[processor][payee][token];
        return IDebitWallet.Purse(kept.balance, kept.unbonding.amount, kept.unbonding.from);
    }

    // --- Paying payees ------------------------------------------------------------------------------

    /// @dev Takes up to an amount out of the payee's own bond, then of the shared one.
    /// @param own Whether the shared one is not to be touched.
    /// @return taken Base units.
    function takeFromBonds(address processor, address payee, address token, uint256 amount, bool own)
        internal
        returns (uint256 taken)
    {
        taken = _take(_bonds[processor][payee][token], amount);
        if (!own) taken += _take(_bonds[processor][address(0)][token], amount - taken);
    }

    function _take(Bond storage kept, uint256 amount) private returns (uint256 taken) {
        taken = amount < kept.balance ? amount : kept.balance;
        kept.balance -= uint104(taken);
    }

    /// @dev Everything is booked when a token is called. One payee that cannot be paid does not stop the others.
    function pay(address token, address payee, uint256 amount) internal {
        Tokens.requirePayoutGas();
        uint256 before = Tokens.held(token);
        uint256 sent = 0;
        if (Tokens.mayReceive(payee) && Tokens.tryPush(token, payee, amount)) {
            sent = amount;
        } else {
            _credits[token][payee] += amount;
            emit PaymentCredited(token, payee, amount);
        }
        Tokens.requireGone(token, before, sent);
    }

    /// @inheritdoc IGuarantee
    function collect(address token, address payee) external nonReentrant returns (uint256) {
        return _collect(token, payee, payee);
    }

    /// @inheritdoc IGuarantee
    function collectTo(address token, address to) external nonReentrant returns (uint256) {
        return _collect(token, msg.sender, to);
    }

    function _collect(address token, address payee, address to) private returns (uint256 amount) {
        amount = _credits[token][payee];
        if (amount == 0) revert IDebitWallet.AmountZero();
        _credits[token][payee] = 0;
        emit Collected(token, payee, to, amount);
        Tokens.push(token, to, amount);
    }

    /// @inheritdoc IGuarantee
    function creditOf(address token, address payee) external view returns (uint256) {
        return _credits[token][payee];
    }
}
