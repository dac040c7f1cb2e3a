// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IDebitWallet} from "../../src/interfaces/IDebitWallet.sol";
import {Vm} from "../base/Vm.sol";
import {AcceptingVerifier} from "./support/AcceptingVerifier.sol";
import {WalletTest} from "./support/WalletTest.sol";

/// @notice Lists of verifiers: named by their content, made once, changed never.
contract VerifiersTest is WalletTest {
    IDebitWallet.ShapeVerifier[] private list;
    address private first;
    address private second;

    function setUp() public override {
        super.setUp();
        first = address(new AcceptingVerifier());
        second = address(new AcceptingVerifier());
        list.push(IDebitWallet.ShapeVerifier(0x10008, first));
        list.push(IDebitWallet.ShapeVerifier(0x10009, second));
    }

    function test_aListIsNamedByTheHashOfItsAbiEncoding() external {
        // An array of two static pairs, by hand: offset, length, then the pairs' words.
        bytes32 name = keccak256(
            abi.encode(
                uint256(0x20),
                uint256(2),
                uint256(0x10008),
                uint256(uint160(first)),
                uint256(0x10009),
                uint256(uint160(second))
            )
        );
        vm.expectEmit(address(wallet));
        emit IDebitWallet.VerifiersRegistered(name, list);
        vm.prank(mallory.addr);
        assertEq(wallet.registerVerifiers(list), name);

        assertEq(wallet.verifierOf(name, 0x10008), first);
        assertEq(wallet.verifierOf(name, 0x10009), second);
        assertEq(wallet.verifierOf(name, 0x1000a), address(0));
        assertEq(wallet.verifierOf(verifierSet, 0x10008), address(0));
    }

    function test_theSameListAgainIsTheSameAndSaysNothing() external {
        bytes32 name = wallet.registerVerifiers(list);
        vm.recordLogs();
        assertEq(wallet.registerVerifiers(list), name);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        assertEq(logs.length, 0);
    }

    function test_anotherListIsAnotherName() external {
        bytes32 name = wallet.registerVerifiers(list);
        list[1].verifier = first;
        bytes32 other = wallet.registerVerifiers(list);
        assertNotEq(name, other);
        assertEq(wallet.verifierOf(name, 0x10009), second);
        assertEq(wallet.verifierOf(other, 0x10009), first);
    }

    /// @dev A second verifier for a shape would replace the first one behind the list's name.
    function test_aShapeTwiceIsRefused() external {
        list[1].shape = 0x10008;
        vm.expectRevert(abi.encodeWithSelector(IDebitWallet.VerifiersNotAscending.selector, 0x10008));
        wallet.registerVerifiers(list);
    }

    function test_shapesThatDescendAreRefused() external {
        list[1].shape = 0x10007;
        vm.expectRevert(abi.encodeWithSelector(IDebitWallet.VerifiersNotAscending.selector, 0x10007));
        wallet.registerVerifiers(list);
    }

    function test_anAddressWithoutCodeVerifiesNothing() external {
        list[1].verifier = mallory.addr;
        vm.expectRevert(abi.encodeWithSelector(IDebitWallet.VerifierHasNoCode.selector, mallory.addr));
        wallet.registerVerifiers(list);
    }

    /// @dev Its owner could delegate to other code afterwards, and accept every proof.
    function test_anAccountThatDelegatesVerifiesNothing() external {
        vm.signAndAttachDelegation(first, mallory.key);
        // Something must carry the delegation.
        token.mint(mallory.addr, 1);
        assertTrue(AcceptingVerifier(mallory.addr).verify(new uint256[8][](1), new uint256[4][](1)));

        list[1].verifier = mallory.addr;
        vm.expectRevert(abi.encodeWithSelector(IDebitWallet.VerifierHasNoCode.selector, mallory.addr));
        wallet.registerVerifiers(list);
    }

    function test_anEmptyListIsRefused() external {
        vm.expectRevert(IDebitWallet.NoVerifiers.selector);
        wallet.registerVerifiers(new IDebitWallet.ShapeVerifier[](0));
    }

    function test_aRefusedListIsNotRegistered() external {
        list[1].shape = 0x10008;
        vm.expectRevert(abi.encodeWithSelector(IDebitWallet.VerifiersNotAscending.selector, 0x10008));
        wallet.registerVerifiers(list);
        bytes32 name = keccak256(abi.encode(list));
        vm.expectRevert(abi.encodeWithSelector(IDebitWallet.UnknownVerifierSet.selector, name));
        open(alice, processor.addr, name, KEY);
    }
}
