// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IGuarantee} from "../interfaces/IGuarantee.sol";
import {GuaranteeBase} from "./GuaranteeBase.sol";

/// @title Keys that sign for a processor
/// @notice A processor is an address that accounts name and that holds the bond; its key can stay cold. It names
/// keys that sign receipts, and cuts them off. A payee that relied on a receipt must not lose it by what the
/// processor does afterwards: so names are only added, and a key that is cut off still speaks for what it issued
/// before.
/// @dev A key that is cut off can say that it issued something before. Who has stolen it does: such a key is cut off
/// as stolen, and the thief gets at no money that is meant for all payees.
abstract contract Signers is GuaranteeBase {
    mapping(address processor => mapping(address signer => Signer)) private _signers;

    /// @inheritdoc IGuarantee
    function nameSigner(address signer) external nonReentrant {
        Signer storage kept = _signers[msg.sender][signer];
        if (kept.until != 0) revert SignerKnown(msg.sender, signer);
        kept.until = type(uint40).max;
        emit SignerNamed(msg.sender, signer);
    }

    /// @inheritdoc IGuarantee
    function cutSigner(address signer, bool stolen) external nonReentrant {
        Signer storage kept = _signers[msg.sender][signer];
        if (kept.until == 0) revert SignerUnknown(msg.sender, signer);
        if (kept.until == type(uint40).max) kept.until = uint40(block.timestamp);
        kept.stolen = kept.stolen || stolen;
        emit SignerCut(msg.sender, signer, kept.until, kept.stolen);
    }

    /// @inheritdoc IGuarantee
    function signerOf(address processor, address signer) external view returns (Signer memory) {
        return _signers[processor][signer];
    }

    /// @dev Whether what a key says that it issued then, it says for the processor.
    /// A key that was never named speaks at no time, the second 0 included.
    /// @param signer As recovered; 0 speaks for nobody.
    function speaksFor(address processor, address signer, uint40 issuedAt) internal view returns (bool) {
        if (signer == address(0)) return false;
        if (signer == processor) return true;
        uint40 until = _signers[processor][signer].until;
        return until != 0 && issuedAt <= until;
    }

    function isStolen(address processor, address signer) internal view returns (bool) {
        return _signers[processor][signer].stolen;
    }
}
