// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IDebitWallet} from "../../../src/interfaces/IDebitWallet.sol";
import {Batch, Model} from "../../batch/support/Model.sol";

/// @title What a batch of one segment needs, made here as a processor makes it
library Settlement {
    /// @param keyHashes Of the debits' accounts, one for each debit.
    /// @param segment Gets its R.
    /// @return hint The inverse of the product of all denominators.
    function complete(
        IDebitWallet wallet,
        IDebitWallet.Header memory header,
        IDebitWallet.Debit[] memory debits,
        uint256[] memory keyHashes,
        IDebitWallet.Payout[] memory payouts,
        IDebitWallet.Segment memory segment
    ) internal view returns (uint256 hint) {
        IDebitWallet.Segment[] memory segments = new IDebitWallet.Segment[](1);
        segments[0] = segment;
        Batch memory batch = Batch(header, debits, payouts, segments);
        (, hint) = Model.complete(batch, wallet.mandateDomain(header.token), keyHashes);
    }
}
