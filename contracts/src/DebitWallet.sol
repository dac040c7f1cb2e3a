// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Base} from "./wallet/Base.sol";
import {Batches} from "./wallet/Batches.sol";
import {Guarantees} from "./wallet/Guarantees.sol";
import {DirectMandates} from "./wallet/DirectMandates.sol";

/// @title The debit wallet
/// @notice Payers fund it once; their agents pay anyone by signing; the processor that a payer chose settles
/// what was signed, a whole batch with a proof for each of its segments. {IDebitWallet} says what every function does; `wallet/`
/// has a file for each part.
///
/// What always holds:
/// - balances, credits and bonds of a token together never exceed what the wallet holds of it;
/// - a payer's balance falls only by what that payer's key signed, or by the payer's own withdrawal;
/// - a spent nonce stays spent;
/// - what a payer asks for, money back, another key, another processor, takes the delay; until then what
///   was signed settles.
contract DebitWallet is Batches, DirectMandates, Guarantees {
    /// @param withdrawalDelay Seconds; longer than processors take to settle, with the time to claim a
    /// guarantee on top.
    /// @param unbondingDelay Seconds; longer than receipts run, with the time to claim on top.
    constructor(uint40 withdrawalDelay, uint40 unbondingDelay) Base(withdrawalDelay) Guarantees(unbondingDelay) {}
}
