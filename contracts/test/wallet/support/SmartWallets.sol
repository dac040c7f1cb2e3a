// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";

/// @notice A contract that owns things, and whose signatures are its key's, followed by what the test says.
contract KeyedWallet {
    bytes4 private constant MAGIC = 0x1626ba7e;

    address private immutable KEY;

    constructor(address key) {
        KEY = key;
    }

    /// @dev EIP-1271. The key's 65 bytes; anything after them is ignored, as multi-signature wallets' formats
    /// are longer, too.
    function isValidSignature(bytes32 digest, bytes calldata signature) external view returns (bytes4) {
        if (signature.length < 65) return 0xffffffff;
        (address signer,,) = ECDSA.tryRecoverCalldata(digest, signature[:65]);
        return signer == KEY ? MAGIC : bytes4(0xffffffff);
    }
}

/// @notice What an owner delegates its account to (EIP-7702): it disowns every signature.
contract Disowner {
    function isValidSignature(bytes32, bytes calldata) external pure returns (bytes4) {
        return 0xffffffff;
    }
}

/// @notice What an owner delegates its account to: it vouches for one digest, whatever the signature.
contract Approver {
    bytes32 private immutable DIGEST;

    constructor(bytes32 digest) {
        DIGEST = digest;
    }

    function isValidSignature(bytes32 digest, bytes calldata) external view returns (bytes4) {
        return digest == DIGEST ? bytes4(0x1626ba7e) : bytes4(0xffffffff);
    }
}
