// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IDebitWallet} from "../../../src/interfaces/IDebitWallet.sol";
import {Typed} from "./Typed.sol";
import {Person, WalletTest} from "./WalletTest.sol";

/// @title A test of the direct path: mandates by owners' keys, one after the other or many together
abstract contract DirectTest is WalletTest {
    IDebitWallet.Mandate[] private _mandates;
    bytes[] private _signatures;
    uint256[] private _captured;

    /// @dev In `token`, good for a day.
    function mandate(Person memory owner, address payee_, uint256 amount, uint256 nonce)
        internal
        view
        returns (IDebitWallet.Mandate memory)
    {
        return IDebitWallet.Mandate(
            owner.addr, address(token), payee_, amount, nonce, vm.getBlockTimestamp() + 1 days, keccak256("order")
        );
    }

    function digestOf(IDebitWallet.Mandate memory signed) internal view returns (bytes32) {
        return digestOf(Typed.hash(signed));
    }

    function sign(Person memory signer, IDebitWallet.Mandate memory signed) internal view returns (bytes memory) {
        return sign(signer, Typed.hash(signed));
    }

    function settle(Person memory caller, IDebitWallet.Mandate memory signed, Person memory signer, uint256 captured)
        internal
    {
        settle(caller, signed, sign(signer, signed), captured);
    }

    function settle(Person memory caller, IDebitWallet.Mandate memory signed, bytes memory proof, uint256 captured)
        internal
    {
        add(signed, proof, captured);
        settleAll(caller);
    }

    /// @dev Puts a mandate into what {settleAll} settles.
    function add(IDebitWallet.Mandate memory signed, bytes memory proof, uint256 captured) internal {
        _mandates.push(signed);
        _signatures.push(proof);
        _captured.push(captured);
    }

    function add(Person memory owner, address token_, address payee_, uint256 amount, uint256 nonce) internal {
        IDebitWallet.Mandate memory signed = mandate(owner, payee_, amount, nonce);
        signed.token = token_;
        add(signed, sign(owner, signed), amount);
    }

    function settleAll(Person memory caller) internal {
        settleAs(caller, caller);
    }

    /// @dev For a processor.
    function settleAs(Person memory caller, Person memory for_) internal {
        (IDebitWallet.Mandate[] memory mandates, bytes[] memory signatures, uint256[] memory captured) =
            (_mandates, _signatures, _captured);
        delete _mandates;
        delete _signatures;
        delete _captured;
        vm.prank(caller.addr);
        wallet.settleDirect(for_.addr, mandates, signatures, captured);
    }
}
