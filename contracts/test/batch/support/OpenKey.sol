// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Model} from "./Model.sol";

/// @title A verifying key whose secret everyone knows
/// @notice Under it a proof of any statement is made with two multiplications, and `Groth16Verifier` takes it
/// as it takes any other, at the same cost: what verifying costs depends neither on the circuit nor on who
/// knows the secret. So batches of any size can be measured with a proof that really holds.
/// @dev With β = γ = B = G and δ = 2·G in G2, and all of G1 multiples of its generator, the equation
/// e(A, B) = e(α, β)·e(L, γ)·e(C, δ) reads A = α + L + 2·C in the multiples.
library OpenKey {
    uint256 private constant ALPHA = 3;
    uint256 private constant C = 7;

    /// @return key What `Groth16Verifier` is constructed with.
    function verifyingKey() internal view returns (uint256[24] memory key) {
        (key[0], key[1]) = _point(ALPHA);
        _write(key, 2, _generator());
        _write(key, 6, _generator());
        _write(key, 10, _generatorTwice());
        for (uint256 i = 0; i < 5; i++) {
            (key[14 + 2 * i], key[15 + 2 * i]) = _point(_weight(i));
        }
    }

    function prove(uint256[4] memory inputs) internal view returns (uint256[8] memory proof) {
        uint256 sum = _weight(0);
        for (uint256 i = 0; i < 4; i++) {
            sum = addmod(sum, mulmod(inputs[i], _weight(i + 1), Model.R), Model.R);
        }
        (proof[0], proof[1]) = _point(addmod(ALPHA + 2 * C, sum, Model.R));
        uint256[4] memory b = _generator();
        (proof[2], proof[3], proof[4], proof[5]) = (b[0], b[1], b[2], b[3]);
        (proof[6], proof[7]) = _point(C);
    }

    /// @dev The first input with which, the others being 0, the sum of the key's points is infinity.
    function inputAtInfinity() internal view returns (uint256) {
        return mulmod(Model.R - _weight(0), Model.inverse(_weight(1)), Model.R);
    }

    /// @dev What the constant's point and the inputs' points are multiples by.
    function _weight(uint256 index) private pure returns (uint256) {
        return uint256(keccak256(abi.encode("open key", index))) % Model.R;
    }

    /// @dev A multiple of G1's generator, by the precompile of EIP-196.
    function _point(uint256 scalar) private view returns (uint256, uint256) {
        (bool success, bytes memory result) = address(7).staticcall(abi.encode(1, 2, scalar));
        require(success, "no such point");
        return abi.decode(result, (uint256, uint256));
    }

    /// @dev Of G2, imaginary parts first, from EIP-197.
    function _generator() private pure returns (uint256[4] memory) {
        return [
            0x198e9393920d483a7260bfb731fb5d25f1aa493335a9e71297e485b7aef312c2,
            0x1800deef121f1e76426a00665e5c4479674322d4f75edadd46debd5cd992f6ed,
            0x090689d0585ff075ec9e99ad690c3395bc4b313370b38ef355acdadcd122975b,
            0x12c85ea5db8c6deb4aab71808dcb408fe3d1e7690c43d37b4ce6cc0166fa7daa
        ];
    }

    function _generatorTwice() private pure returns (uint256[4] memory) {
        return [
            0x203e205db4f19b37b60121b83a7333706db86431c6d835849957ed8c3928ad79,
            0x27dc7234fd11d3e8c36c59277c3e6f149d5cd3cfa9a62aee49f8130962b4b3b9,
            0x195e8aa5b7827463722b8c153931579d3505566b4edf48d498e185f0509de152,
            0x04bb53b8977e5f92a0bc372742c4830944a59b4fe6b1c0466e2a6dad122b5d2e
        ];
    }

    function _write(uint256[24] memory key, uint256 index, uint256[4] memory point) private pure {
        for (uint256 i = 0; i < 4; i++) {
            key[index + i] = point[i];
        }
    }
}
