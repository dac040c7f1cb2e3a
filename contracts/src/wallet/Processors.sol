// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IDebitWallet} from "../interfaces/IDebitWallet.sol";
import {Accounts} from "./Accounts.sol";
import {Purses} from "./Purses.sol";

/// @title Processors: who settles for them, what they settled, and what their bonds paid instead
/// @notice A processor is an address that accounts name. Its key can stay cold: it names addresses that send its
/// settlements. They are kept by the processor; kept by the sender, anybody could name a processor's sender his own.
abstract contract Processors is Accounts, Purses {
    /// @dev What is left of an evidence's hash, beside the time.
    uint256 private constant TIME_BITS = 40;

    mapping(address processor => address[2]) private _senders;

    /// @dev Hash and time in one slot, which is used again when nobody needs it any more.
    mapping(address processor => mapping(uint64 place => uint256)) private _evidence;

    // --- Senders ------------------------------------------------------------------------------------

    /// @inheritdoc IDebitWallet
    function setSender(uint256 index, address sender) external nonReentrant {
        _senders[msg.sender][index] = sender;
        emit SenderSet(msg.sender, index, sender);
    }

    /// @inheritdoc IDebitWallet
    function sendersOf(address processor) external view returns (address[2] memory) {
        return _senders[processor];
    }

    /// @dev Reads nothing for a processor that sends by itself, and the second only if it is not the first.
    function requireSender(address processor) internal view {
        if (msg.sender == processor) return;
        address[2] storage senders = _senders[processor];
        if (msg.sender != senders[0] && msg.sender != senders[1]) revert NotSender(processor, msg.sender);
    }

    // --- Evidence -----------------------------------------------------------------------------------

    /// @dev Remembers what a batch captured. An answer brings the payouts and opens `captures`.
    function remember(Header calldata header, bytes32 payoutsHash) internal {
        mapping(uint64 => uint256) storage places = _evidence[header.processor];
        uint40 settledAt = uint40(places[header.place]);
        if (settledAt != 0 && block.timestamp <= uint256(settledAt) + KEEP) {
            revert PlaceTaken(header.processor, header.place, settledAt);
        }
        uint256 hash = uint256(keccak256(abi.encode(header.token, payoutsHash, header.captures)));
        places[header.place] = (hash >> TIME_BITS << TIME_BITS) | uint40(block.timestamp);
    }

    /// @inheritdoc IDebitWallet
    function evidenceAt(address processor, uint64 place) external view returns (uint216 hash, uint40 settledAt) {
        uint256 kept = _evidence[processor][place];
        return (uint216(kept >> TIME_BITS), uint40(kept));
    }

    // --- Bonds --------------------------------------------------------------------------------------

    /// @inheritdoc IDebitWallet
    /// @dev Anybody can sign a receipt about any account. Only its processor speaks for its nonces.
    function burnNonce(address processor, uint32 account, address token, uint64 nonce)
        external
        nonReentrant
        returns (bool own)
    {
        if (msg.sender != address(GUARANTEE)) revert NotGuarantee(msg.sender);
        own = processorOf(account) == processor;
        if (own && !isSpent(account, token, nonce)) {
            burn(account, token, nonce);
            emit NonceBurnt(account, token, nonce);
        }
    }
}
