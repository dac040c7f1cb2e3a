// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IGuarantee} from "../../src/interfaces/IGuarantee.sol";

/// @title Times that fit together
library Periods {
    uint40 internal constant PROMISE = 6 hours;
    uint40 internal constant DEMAND = 5 hours;
    uint40 internal constant RESPONSE = 24 hours;
    uint40 internal constant VIEW_AGE = 10 minutes;
    uint40 internal constant KEEP = 36 hours;

    /// @param withdrawal More than 35 h 10 min.
    /// @param unbonding More than 59 h.
    function fitting(uint40 withdrawal, uint40 unbonding) internal pure returns (IGuarantee.Periods memory) {
        return IGuarantee.Periods({
            withdrawal: withdrawal,
            unbonding: unbonding,
            promise_: PROMISE,
            demand: DEMAND,
            response: RESPONSE,
            viewAge: VIEW_AGE,
            keep: KEEP
        });
    }
}
