// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

import {IDebitWallet} from "../interfaces/IDebitWallet.sol";

/// @title A balance, and a request to take some of it back after a delay
/// @notice What is asked back stays in the balance, where it can be spent or claimed, until the request is
/// executed; then at most what is left goes. So a request never outruns what was promised before it.
/// One storage slot.
library Purses {
    using SafeCast for uint256;

    function add(IDebitWallet.Purse storage purse, uint256 amount) internal {
        purse.balance = (uint256(purse.balance) + amount).toUint104();
    }

    /// @dev More than any balance may be asked for: it asks for all.
    /// @return from When the request may be executed.
    function request(IDebitWallet.Purse storage purse, uint256 amount, uint40 delay) internal returns (uint40 from) {
        if (amount == 0) revert IDebitWallet.AmountZero();
        from = (block.timestamp + delay).toUint40();
        purse.leaving = amount > type(uint104).max ? type(uint104).max : uint104(amount);
        purse.leavesFrom = from;
    }

    function cancel(IDebitWallet.Purse storage purse) internal {
        if (purse.leavesFrom == 0) revert IDebitWallet.NothingPending();
        purse.leaving = 0;
        purse.leavesFrom = 0;
    }

    /// @return amount What left the balance.
    function execute(IDebitWallet.Purse storage purse) internal returns (uint256 amount) {
        IDebitWallet.Purse memory kept = purse;
        if (kept.leavesFrom == 0) revert IDebitWallet.NothingPending();
        if (block.timestamp < kept.leavesFrom) revert IDebitWallet.TooEarly(kept.leavesFrom);
        amount = kept.leaving < kept.balance ? kept.leaving : kept.balance;
        // One write: no stretch of time in which only half of it has happened.
        purse.balance = kept.balance - uint104(amount);
        purse.leaving = 0;
        purse.leavesFrom = 0;
    }
}
