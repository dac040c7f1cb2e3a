// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Model} from "./Model.sol";

/// @dev A signed mandate that a segment settles.
struct Settled {
    uint32 account;
    uint256 keyHash;
    uint64 nonce;
    uint128 captured;
    address payee;
}

/// @dev What a commitment commits to.
struct Opening {
    uint256 domain;
    uint256 validUntil;
    uint256 blind;
    Settled[] mandates;
}

/// @title A verifier that takes what sound proofs of one shape would show, and nothing else
/// @notice It has the openings of commitments, computes each segment's R from its mandates as docs/circuit.md
/// says, and compares. So a batch that it takes and the wallet refuses was refused by the wallet's sum.
contract IdealCircuit {
    uint32 public immutable SHAPE;

    mapping(uint256 commitment => Opening) private _openings;
    mapping(uint256 commitment => bool) private _known;

    constructor(uint32 shape) {
        SHAPE = shape;
    }

    function commit(Opening calldata opening) external returns (uint256 commitment) {
        commitment = uint256(keccak256(abi.encode(SHAPE, opening))) % Model.R;
        commitAs(commitment, opening);
    }

    /// @dev With a commitment of choice, as nobody finds one.
    function commitAs(uint256 commitment, Opening calldata opening) public {
        _openings[commitment] = opening;
        _known[commitment] = true;
    }

    function verify(uint256[8][] calldata proofs, uint256[4][] calldata inputs) external view returns (bool) {
        require(proofs.length == inputs.length && inputs.length != 0, "malformed");
        for (uint256 i = 0; i < inputs.length; i++) {
            uint256 commitment = inputs[i][0];
            if (!_known[commitment]) return false;
            if (inputs[i][3] != sumOf(commitment, inputs[i][1], inputs[i][2])) return false;
        }
        return true;
    }

    /// @dev Σ (2^bit + β·captured)/(X − w − β·keyHash) + β²·captured/(X − payee) + β²
    ///    + β³·(domain + β·validUntil)/(X − C) + β³·blind
    function sumOf(uint256 commitment, uint256 x, uint256 beta) public view returns (uint256 total) {
        Opening memory opening = _openings[commitment];
        uint256 square = mulmod(beta, beta, Model.R);
        for (uint256 i = 0; i < opening.mandates.length; i++) {
            Settled memory mandate = opening.mandates[i];
            uint256 key = uint256(mandate.account) * 2 ** 57 + (mandate.nonce >> 7);
            uint256 pole = Model.minus(Model.minus(x, key), mulmod(beta, mandate.keyHash, Model.R));
            uint256 weight = addmod(1 << (mandate.nonce & 127), mulmod(beta, mandate.captured, Model.R), Model.R);
            total = addmod(total, mulmod(weight, Model.inverse(pole), Model.R), Model.R);
            pole = Model.minus(x, uint160(mandate.payee));
            weight = mulmod(square, mandate.captured, Model.R);
            total = addmod(total, mulmod(weight, Model.inverse(pole), Model.R), Model.R);
            total = addmod(total, square, Model.R);
        }
        uint256 cube = mulmod(square, beta, Model.R);
        uint256 header = addmod(opening.domain, mulmod(beta, opening.validUntil, Model.R), Model.R);
        header = mulmod(header, Model.inverse(Model.minus(x, commitment)), Model.R);
        return addmod(total, mulmod(cube, addmod(header, opening.blind, Model.R), Model.R), Model.R);
    }
}
