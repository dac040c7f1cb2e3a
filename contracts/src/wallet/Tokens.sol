// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";

import {IDebitWallet} from "../interfaces/IDebitWallet.sol";

/// @title Moving tokens that are not trusted
/// @notice What came in and what went out is measured, not believed: a token may take a fee, say nothing,
/// lie, revert, use up all gas or answer with a megabyte. Each harms only who deals in it.
library Tokens {
    /// @notice Gas that one payout may use. USDC's costliest transfer, to a payee without any, takes about a
    /// third of it.
    uint256 internal constant PAYOUT_GAS = 200_000;

    /// @notice What must be left for a payout to get its full allowance: a call gets at most 63/64 of the
    /// gas there is, and something is needed to go on with.
    uint256 internal constant PAYOUT_GAS_NEEDED = PAYOUT_GAS + PAYOUT_GAS / 63 + 40_000;

    /// @notice Pulls tokens that their owner has approved.
    /// @return arrived What the wallet has more of.
    function pull(address token, address from, uint256 amount) internal returns (uint256 arrived) {
        uint256 before = held(token);
        SafeERC20.safeTransferFrom(IERC20(token), from, address(this), amount);
        return arrivedSince(token, before);
    }

    /// @notice What the wallet has more of than before.
    function arrivedSince(address token, uint256 before) internal view returns (uint256) {
        uint256 now_ = held(token);
        if (now_ <= before) revert IDebitWallet.NothingArrived(token);
        return now_ - before;
    }

    /// @notice Whether tokens may be sent there. To the wallet itself they would move and stay, and nobody's books
    /// would have them; at address 0 nobody has them.
    function mayReceive(address to) internal view returns (bool) {
        return to != address(0) && to != address(this);
    }

    /// @notice Sends tokens, or reverts.
    function push(address token, address to, uint256 amount) internal {
        if (!mayReceive(to)) revert IDebitWallet.RecipientRefused(to);
        uint256 before = held(token);
        if (!_transfer(token, to, amount, gasleft())) {
            revert IDebitWallet.TransferFailed(token, to, amount);
        }
        requireGone(token, before, amount);
    }

    /// @notice Demands that a payout can have its full allowance of gas.
    /// @dev The caller chooses the gas of a transaction. Without this demand it could choose so little that a
    /// transfer fails and everything else succeeds.
    function requirePayoutGas() internal view {
        uint256 left = gasleft();
        if (left < PAYOUT_GAS_NEEDED) {
            revert IDebitWallet.InsufficientGas(PAYOUT_GAS_NEEDED, left);
        }
    }

    /// @notice Sends tokens if the token will, within a bounded amount of gas. See {requirePayoutGas}.
    /// @return Whether they were sent.
    function tryPush(address token, address to, uint256 amount) internal returns (bool) {
        return _transfer(token, to, amount, PAYOUT_GAS);
    }

    /// @notice Demands that no more has left than was sent.
    /// @param before What the wallet held when nothing was sent yet.
    /// @param sent What is booked as sent since.
    function requireGone(address token, uint256 before, uint256 sent) internal view {
        uint256 after_ = held(token);
        if (after_ < before && before - after_ > sent) {
            revert IDebitWallet.TokenTookMore(token, sent, before - after_);
        }
    }

    /// @notice What the wallet holds of a token. Reverts where there is no token, or it does not say.
    function held(address token) internal view returns (uint256 amount) {
        bytes4 selector = IERC20.balanceOf.selector;
        assembly ("memory-safe") {
            mstore(0x00, selector)
            mstore(0x04, address())
            let ok := staticcall(gas(), token, 0x00, 0x24, 0x00, 0x20)
            if iszero(and(ok, gt(returndatasize(), 0x1f))) { revert(0, 0) }
            amount := mload(0x00)
        }
    }

    /// @dev By hand, so that no more than one word of the answer is copied. A transfer succeeded if the call
    /// did and either nothing was returned by something that has code, or the word 1.
    function _transfer(address token, address to, uint256 amount, uint256 gas_) private returns (bool ok) {
        bytes4 selector = IERC20.transfer.selector;
        assembly ("memory-safe") {
            // Written to free memory, which stays free.
            let data := mload(0x40)
            mstore(data, selector)
            mstore(add(data, 0x10), shl(96, to))
            mstore(add(data, 0x24), amount)
            ok := call(gas_, token, 0, data, 0x44, 0x00, 0x20)
            switch returndatasize()
            case 0 { ok := and(ok, gt(extcodesize(token), 0)) }
            default { ok := and(and(ok, gt(returndatasize(), 0x1f)), eq(mload(0x00), 1)) }
        }
    }
}
