// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IDebitWallet} from "../../../src/interfaces/IDebitWallet.sol";
import {TestUSD} from "../../../src/tokens/TestUSD.sol";
import {Typed} from "./Typed.sol";
import {Person, WalletTest} from "./WalletTest.sol";
import {Deployed} from "../../base/Deployed.sol";

/// @title A test with a dollar that takes signatures (EIP-3009, EIP-2612), and people who hold some
abstract contract UsdTest is WalletTest {
    uint256 internal constant DEADLINE = START + 1 hours;
    bytes32 internal constant SALT = keccak256("salt");

    TestUSD internal usd;

    function setUp() public virtual override {
        super.setUp();
        usd = Deployed.testUsd(address(this));
        usd.mint(alice.addr, 1000);
        usd.mint(bob.addr, 1000);
        usd.mint(mallory.addr, 1000);
    }

    function usdOf(uint32 account) internal view returns (uint256) {
        return wallet.balanceOf(account, address(usd)).balance;
    }

    /// @dev From now on for an hour, unsigned.
    function authorization(Person memory from, uint256 amount)
        internal
        pure
        returns (IDebitWallet.Authorization memory)
    {
        return IDebitWallet.Authorization(from.addr, amount, START - 1, DEADLINE, SALT, "");
    }

    /// @dev Signed for `nonce`.
    function authorize(Person memory from, uint256 amount, bytes32 nonce)
        internal
        view
        returns (IDebitWallet.Authorization memory made)
    {
        made = authorization(from, amount);
        made.signature = signature(from.key, authorizationDigest(made, nonce));
    }

    function authorizationDigest(IDebitWallet.Authorization memory a, bytes32 nonce) internal view returns (bytes32) {
        return Typed.digest(
            usd.DOMAIN_SEPARATOR(),
            keccak256(
                abi.encode(
                    usd.RECEIVE_WITH_AUTHORIZATION_TYPEHASH(),
                    a.from,
                    address(wallet),
                    a.amount,
                    a.validAfter,
                    a.validBefore,
                    nonce
                )
            )
        );
    }

    /// @dev EIP-2612's signature, good until `DEADLINE`.
    function permit(Person memory from, uint256 amount) internal view returns (bytes memory) {
        bytes32 message = keccak256(
            abi.encode(usd.PERMIT_TYPEHASH(), from.addr, address(wallet), amount, usd.nonces(from.addr), DEADLINE)
        );
        return signature(from.key, Typed.digest(usd.DOMAIN_SEPARATOR(), message));
    }
}
