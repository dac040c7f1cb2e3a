// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {DebitWallet} from "../../src/DebitWallet.sol";
import {IDebitWallet} from "../../src/interfaces/IDebitWallet.sol";
import {Deployed} from "../base/Deployed.sol";
import {Periods} from "../base/Periods.sol";
import {DirectTest} from "./support/DirectTest.sol";
import {Approver, Disowner, KeyedWallet} from "./support/SmartWallets.sol";
import {Typed} from "./support/Typed.sol";

/// @notice Which signatures a direct mandate takes: the owner's key's, in one spelling, for this
/// chain and this wallet; also when the owner's account runs code by now.
contract DirectSignaturesTest is DirectTest {
    IDebitWallet.Mandate private signed;

    function setUp() public override {
        super.setUp();
        openFunded(alice, 1000);
        signed = mandate(alice, payee.addr, 300, 1);
    }

    // --- Others' signatures -------------------------------------------------------------------------

    function test_anotherKeysSignatureMovesNothing() external {
        _refuse(sign(mallory, signed));
    }

    function testFuzz_whatWasSignedIsWhatSettles(uint256 field, uint256 change) external {
        bytes memory proof = sign(alice, signed);
        openFunded(bob, 1000);
        field = bound(field, 0, 6);
        change = bound(change, 1, type(uint64).max);
        if (field == 0) signed.owner = bob.addr;
        if (field == 1) signed.token = address(otherToken);
        if (field == 2) signed.payee = address(uint160(change));
        if (field == 3) signed.amount += change;
        if (field == 4) signed.nonce += change;
        if (field == 5) signed.deadline += change;
        if (field == 6) signed.ref = bytes32(change);
        _refuse(proof);
    }

    function test_aSignatureForAnotherChainMovesNothing() external {
        bytes memory proof = sign(alice, signed);
        vm.chainId(31338);
        _refuse(proof);
        vm.chainId(31337);
        _accept(proof);
    }

    function test_aSignatureForAnotherWalletMovesNothing() external {
        DebitWallet elsewhere = Deployed.wallet(Periods.fitting(DELAY, UNBONDING));
        bytes32 digest = Typed.digest(Typed.domainSeparator(vm.getChainId(), address(elsewhere)), Typed.hash(signed));
        _refuse(signature(alice.key, digest));
    }

    /// @dev Recovery gives 0 where there is no signature. Whoever could act for 0 would debit an account that
    /// nobody can open, were there one.
    function test_garbageIsNotTheSignatureOfTheZeroAddress() external {
        signed.owner = address(0);
        bytes memory garbage = new bytes(65);
        _refuse(garbage);
        garbage[64] = 0x1b;
        _refuse(garbage);
        _refuse("garbage");
        _refuse("");
    }

    // --- Other spellings ----------------------------------------------------------------------------

    function test_aHighSIsRefused() external {
        bytes memory proof = sign(alice, signed);
        (bytes32 r, uint256 s, uint8 v) = split(highS(proof));
        // The chain's own recovery takes it.
        assertEq(ecrecover(digestOf(signed), v, r, bytes32(s)), alice.addr);
        _refuse(highS(proof));
        _accept(proof);
    }

    function testFuzz_vIsTheOneOf27And28ThatWasSigned(uint8 v) external {
        bytes memory proof = sign(alice, signed);
        if (proof[64] == bytes1(v)) return _accept(proof);
        proof[64] = bytes1(v);
        _refuse(proof);
    }

    function test_theBareRecoveryBitIsRefused() external {
        bytes memory proof = sign(alice, signed);
        proof[64] = bytes1(uint8(proof[64]) - 27);
        _refuse(proof);
    }

    function test_onlySixtyFiveBytesAreASignature() external {
        bytes memory proof = sign(alice, signed);
        (bytes32 r, bytes32 vs) = vm.signCompact(alice.key, digestOf(signed));
        _refuse(abi.encodePacked(r, vs));
        _refuse(abi.encodePacked(proof, hex"00"));
        (bytes32 r_, uint256 s,) = split(proof);
        _refuse(abi.encodePacked(r_, s));
        _accept(proof);
    }

    // --- Owners with code ---------------------------------------------------------------------------

    /// @dev Asked by EIP-1271, the code would disown what its owner signed and was served for.
    function test_anOwnerThatDelegatesItsAccountAfterSigningDoesNotEscape() external {
        bytes memory proof = sign(alice, signed);
        vm.signAndAttachDelegation(address(new Disowner()), alice.key);
        _accept(proof);
        assertEq(alice.addr.code.length, 23);
    }

    /// @dev And the code cannot vouch for what the key did not sign: processors check the key alone.
    function test_codeDoesNotSignForItsOwnersKey() external {
        vm.signAndAttachDelegation(address(new Approver(digestOf(signed))), alice.key);
        _refuse(sign(mallory, signed));
    }

    function test_aSmartWalletHasNoMandatesOfThisLane() external {
        KeyedWallet smart = new KeyedWallet(alice.addr);
        vm.prank(address(smart));
        fund(wallet.openAccount(processor.addr, verifierSet, KEY), 1000);
        signed.owner = address(smart);
        _refuse(sign(alice, signed));
    }

    // --- Calldata -----------------------------------------------------------------------------------

    function test_asManySignaturesAndCapturesAsMandates() external {
        IDebitWallet.Mandate[] memory mandates = new IDebitWallet.Mandate[](1);
        mandates[0] = signed;
        bytes[] memory proofs = new bytes[](1);
        proofs[0] = sign(alice, signed);
        uint256[] memory captured = new uint256[](1);
        vm.startPrank(processor.addr);
        for (uint256 length = 0; length < 3; length++) {
            if (length == 1) continue;
            vm.expectRevert(abi.encodeWithSelector(IDebitWallet.LengthsDiffer.selector, 1, length, 1));
            wallet.settleDirect(processor.addr, mandates, new bytes[](length), captured);
            vm.expectRevert(abi.encodeWithSelector(IDebitWallet.LengthsDiffer.selector, 1, 1, length));
            wallet.settleDirect(processor.addr, mandates, proofs, new uint256[](length));
            vm.expectRevert(abi.encodeWithSelector(IDebitWallet.LengthsDiffer.selector, length, 1, 1));
            wallet.settleDirect(processor.addr, new IDebitWallet.Mandate[](length), proofs, captured);
        }
        vm.stopPrank();
    }

    // --- Helpers ------------------------------------------------------------------------------------

    function _refuse(bytes memory proof) private {
        vm.expectRevert(abi.encodeWithSelector(IDebitWallet.MandateSignature.selector, 0, signed.owner));
        settle(processor, signed, proof, 300);
    }

    function _accept(bytes memory proof) private {
        settle(processor, signed, proof, 300);
        assertEq(token.balanceOf(payee.addr), 300);
    }
}
