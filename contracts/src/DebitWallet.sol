// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Guarantee} from "./Guarantee.sol";
import {IGuarantee} from "./interfaces/IGuarantee.sol";
import {Base} from "./wallet/Base.sol";
import {Batches} from "./wallet/Batches.sol";
import {DirectMandates} from "./wallet/DirectMandates.sol";

/// @title The debit wallet
/// @notice Payers fund it once; their agents pay anyone by signing; the processor that a payer chose settles
/// what was signed, a whole batch with a proof for each of its segments. {IDebitWallet} says what every function does;
/// `wallet/` has a file for each part. What stands behind processors' receipts is a contract of its own, which the
/// wallet makes: {Guarantee}.
///
/// What always holds:
/// - balances and credits of a token together never exceed what the wallet holds of it;
/// - a payer's balance falls only by what that payer's key signed, or by the payer's own withdrawal;
/// - a spent nonce stays spent;
/// - what a payer asks for, money back, another key, another processor, takes the delay; until then what
///   was signed settles.
contract DebitWallet is Batches, DirectMandates {
    /// @param periods How they must fit, the guarantee's constructor checks.
    constructor(IGuarantee.Periods memory periods) Base(periods.withdrawal, periods.keep, new Guarantee(periods)) {}
}
