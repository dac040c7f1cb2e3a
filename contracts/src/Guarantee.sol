// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Claims} from "./guarantee/Claims.sol";
import {GuaranteeBase} from "./guarantee/GuaranteeBase.sol";
import {IGuarantee} from "./interfaces/IGuarantee.sol";

/// @title What stands behind processors' receipts
/// @notice {IGuarantee} says what every function does; `guarantee/` has a file for each part. The wallet makes it,
/// and each names the other for good.
///
/// What always holds:
/// - bonds and credits of a token together never exceed what this contract holds of it, nor deposits its ether;
/// - a processor's bond falls only by what its keys signed and no answer covered, or by its own withdrawal;
/// - of one mandate, by all its receipts of a processor together, no more is claimed than the largest of them.
contract Guarantee is Claims {
    constructor(IGuarantee.Periods memory periods) GuaranteeBase(periods) {}
}
