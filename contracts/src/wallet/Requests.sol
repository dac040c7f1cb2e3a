// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

import {IDebitWallet} from "../interfaces/IDebitWallet.sol";

/// @title Money that was asked back, and leaves after a delay
/// @notice It stays where it is, and can be spent or claimed, until the request is executed; then at most what is
/// left goes. So a request never outruns what was promised before it.
library Requests {
    using SafeCast for uint256;

    struct Request {
        /// @dev At most so much leaves.
        uint104 amount;
        /// @dev Unix seconds from which it can; 0 when nothing is asked back.
        uint40 from;
    }

    /// @dev More than there is may be asked for: it asks for all that is there now, and not for what comes later.
    /// @param balance Below 2^104.
    /// @return asked What was asked for.
    /// @return from When the request may be executed.
    function make(Request storage request, uint256 amount, uint256 balance, uint40 delay)
        internal
        returns (uint256 asked, uint40 from)
    {
        asked = amount < balance ? amount : balance;
        if (asked == 0) revert IDebitWallet.AmountZero();
        from = (block.timestamp + delay).toUint40();
        (request.amount, request.from) = (uint104(asked), from);
    }

    function cancel(Request storage request) internal {
        if (request.from == 0) revert IDebitWallet.NothingPending();
        request.amount = 0;
        request.from = 0;
    }

    /// @return amount What is to be taken out of the balance: what was asked for, or what is left.
    function execute(Request storage request, uint256 balance) internal returns (uint256 amount) {
        Request memory asked = request;
        if (asked.from == 0) revert IDebitWallet.NothingPending();
        if (block.timestamp < asked.from) revert IDebitWallet.TooEarly(asked.from);
        cancel(request);
        return asked.amount < balance ? asked.amount : balance;
    }
}
