// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IDebitWallet} from "../../../src/interfaces/IDebitWallet.sol";

/// @title The hint that a batch needs, made here as a processor makes it
/// @notice From docs/circuit.md, apart from the wallet's own code.
library Settlement {
    uint256 private constant R = 21888242871839275222246405745257275088548364400416034343698204186575808495617;

    /// @param keyHashes Of the debits' accounts, one for each debit.
    /// @return The inverse of the product of all denominators.
    function hint(
        IDebitWallet wallet,
        uint32 shape,
        IDebitWallet.Header memory header,
        IDebitWallet.Debit[] memory debits,
        uint256[] memory keyHashes,
        IDebitWallet.Payout[] memory payouts,
        uint256 commitment
    ) internal view returns (uint256) {
        bytes32 seed = keccak256(
            abi.encode(
                shape,
                commitment,
                wallet.mandateDomain(header.token),
                header.validUntil,
                header.count,
                debits,
                keyHashes,
                payouts
            )
        );
        uint256 x = uint256(keccak256(abi.encode(seed, uint256(0)))) % R;
        uint256 beta = uint256(keccak256(abi.encode(seed, uint256(1)))) % R;

        uint256 product = 1;
        for (uint256 i = 0; i < debits.length; i++) {
            uint256 key = uint256(debits[i].account) * 2 ** 57 + debits[i].word;
            product = mulmod(product, _minus(x, addmod(key, mulmod(beta, keyHashes[i], R), R)), R);
        }
        for (uint256 i = 0; i < payouts.length; i++) {
            product = mulmod(product, _minus(x, uint256(uint160(payouts[i].payee))), R);
        }
        return inverse(product);
    }

    /// @dev By Fermat: value^(R-2).
    function inverse(uint256 value) internal view returns (uint256) {
        (bool done, bytes memory result) =
            address(5).staticcall(abi.encode(uint256(32), uint256(32), uint256(32), value, R - 2, R));
        require(done, "the precompile for modular exponentiation");
        return abi.decode(result, (uint256));
    }

    function _minus(uint256 a, uint256 b) private pure returns (uint256) {
        return addmod(a, R - b % R, R);
    }
}
