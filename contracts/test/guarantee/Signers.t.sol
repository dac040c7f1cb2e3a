// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IGuarantee} from "../../src/interfaces/IGuarantee.sol";
import {Typed} from "../wallet/support/Typed.sol";
import {Person} from "../wallet/support/WalletTest.sol";
import {GuaranteeTest} from "./support/GuaranteeTest.sol";

/// @notice Fear: a key signs for a processor that did not name it; a processor takes back what its key promised; a
/// thief with a processor's key takes what is meant for payees.
contract SignersTest is GuaranteeTest {
    function setUp() public override {
        super.setUp();
        bond(processor, 100);
    }

    function test_aNamedKeySignsForItsProcessor() external {
        vm.expectEmit(address(guarantee));
        emit IGuarantee.SignerNamed(processor.addr, signer.addr);
        _name(processor, signer);
        assertEq(guarantee.signerOf(processor.addr, signer.addr).until, type(uint40).max);
        vm.warp(DEMANDED);
        demand(receiptFor(7, 70), signer);
        vm.warp(CLAIMABLE);
        claim(receiptFor(7, 70));
        assertEq(token.balanceOf(payee.addr), 70);
        assertEq(bondOf(processor), 30);
    }

    /// @dev An operator with one key names none.
    function test_aProcessorSignsForItself() external {
        demandAndClaim(receiptFor(7, 70));
        assertEq(token.balanceOf(payee.addr), 70);
    }

    function test_aKeyThatNobodyNamedSignsForNobody() external {
        vm.warp(DEMANDED);
        _refused(signer);
        // Whoever has a key named by himself has it sign for himself.
        _name(rival, signer);
        _refused(signer);
        _refused(alice);
        _refused(payee);
    }

    /// @dev Recovery gives 0: named by mistake, it would let garbage speak for a processor.
    function test_theZeroAddressSignsForNobody() external {
        vm.prank(processor.addr);
        guarantee.nameSigner(address(0));
        vm.warp(DEMANDED);
        IGuarantee.Promise[] memory list = promised(receiptFor(7, 70), processor);
        bytes[4] memory garbage = [new bytes(65), bytes("garbage"), bytes(""), highS(list[0].signature)];
        for (uint256 i = 0; i < garbage.length; i++) {
            list[0].signature = garbage[i];
            vm.expectRevert(abi.encodeWithSelector(IGuarantee.ReceiptSignature.selector, digestOf(receiptFor(7, 70))));
            guarantee.demand(list);
        }
    }

    // --- Cut off ------------------------------------------------------------------------------------

    /// @dev A payee relied on it when the key still spoke.
    function test_whatAKeyIssuedBeforeItWasCutOffIsOwed() external {
        _name(processor, signer);
        IGuarantee.Receipt memory before = receiptFor(7, 70);
        before.issuedAt = uint40(START);
        vm.expectEmit(address(guarantee));
        emit IGuarantee.SignerCut(processor.addr, signer.addr, uint40(START), false);
        _cut(signer, false);
        vm.warp(DEMANDED);
        demand(before, signer);
        vm.warp(CLAIMABLE);
        claim(before);
        assertEq(token.balanceOf(payee.addr), 70);
    }

    function test_whatAKeyIssuesAfterwardsIsNothing() external {
        _name(processor, signer);
        _cut(signer, false);
        IGuarantee.Receipt memory later = receiptFor(7, 70);
        later.issuedAt = uint40(START) + 1;
        vm.warp(DEMANDED);
        bytes32 digest = digestOf(later);
        IGuarantee.Promise[] memory list = promised(later, signer);
        vm.expectRevert(abi.encodeWithSelector(IGuarantee.ReceiptSignature.selector, digest));
        guarantee.demand(list);
    }

    /// @dev Nobody can move the moment: not back, so that what was issued is nothing, nor forth.
    function test_aKeyIsCutOffOnce() external {
        _name(processor, signer);
        _cut(signer, false);
        vm.warp(START + 100);
        _cut(signer, true);
        assertEq(guarantee.signerOf(processor.addr, signer.addr).until, uint40(START));
        // Nor is it honest again, nor named again.
        _cut(signer, false);
        assertTrue(guarantee.signerOf(processor.addr, signer.addr).stolen);
        vm.expectRevert(abi.encodeWithSelector(IGuarantee.SignerKnown.selector, processor.addr, signer.addr));
        _name(processor, signer);
    }

    function test_onlyWhoNamedAKeyCutsItOff() external {
        _name(processor, signer);
        Person[3] memory others = [signer, rival, mallory];
        for (uint256 i = 0; i < others.length; i++) {
            vm.expectRevert(abi.encodeWithSelector(IGuarantee.SignerUnknown.selector, others[i].addr, signer.addr));
            vm.prank(others[i].addr);
            guarantee.cutSigner(signer.addr, true);
        }
        assertFalse(guarantee.signerOf(processor.addr, signer.addr).stolen);
    }

    function test_aKeyIsNamedOnce() external {
        _name(processor, signer);
        vm.expectRevert(abi.encodeWithSelector(IGuarantee.SignerKnown.selector, processor.addr, signer.addr));
        _name(processor, signer);
    }

    // --- Stolen -------------------------------------------------------------------------------------

    /// @dev A thief says that it was issued before. The processor has the response window to find out.
    function test_aThiefWhoBackdatesGetsNothingOfTheSharedBond() external {
        _name(processor, signer);
        vm.warp(DEMANDED);
        IGuarantee.Receipt memory stolen = receiptFor(7, 100);
        stolen.payee = mallory.addr;
        demand(stolen, signer);
        vm.warp(CLAIMABLE - 1);
        _cut(signer, true);
        vm.warp(CLAIMABLE);
        claim(stolen);
        assertEq(token.balanceOf(mallory.addr), 0);
        assertEq(bondOf(processor), 100);
    }

    /// @dev Whoever put its trust into a bond of its own is paid from it, thief or not.
    function test_aPayeesOwnBondPaysWhatAStolenKeySigned() external {
        _name(processor, signer);
        bond(processor, payee.addr, 50);
        vm.warp(DEMANDED);
        demand(receiptFor(7, 70), signer);
        _cut(signer, true);
        vm.warp(CLAIMABLE);
        claim(payee, receiptFor(7, 70));
        assertEq(token.balanceOf(payee.addr), 50);
        assertEq(bondOf(processor), 100);
    }

    /// @dev The receipt is honest and the payee took 30; with a thief's word it took all.
    function test_aCaptureReceiptByAStolenKeyIsAsLittleWorth() external {
        _name(processor, signer);
        IGuarantee.Receipt memory receipt = receiptFor(7, 70);
        IGuarantee.CaptureReceipt memory capture = captureOf(receipt, 70);
        IGuarantee.Promise[] memory list = promised(receipt, processor);
        (list[0].capture, list[0].captureSignature) = (capture, sign(signer, Typed.hash(capture)));
        vm.warp(DEMANDED);
        vm.prank(payee.addr);
        guarantee.demand(list);
        _cut(signer, true);
        vm.warp(CLAIMABLE);
        claim(payee, receipt);
        assertEq(bondOf(processor), 100);
    }

    /// @dev What other keys signed is paid as before.
    function test_aStolenKeyTaintsNoOther() external {
        _name(processor, signer);
        _cut(signer, true);
        demandAndClaim(receiptFor(7, 70));
        assertEq(token.balanceOf(payee.addr), 70);
    }

    // --- Helpers ------------------------------------------------------------------------------------

    function _name(Person memory by, Person memory named) private {
        vm.prank(by.addr);
        guarantee.nameSigner(named.addr);
    }

    function _cut(Person memory named, bool stolen) private {
        vm.prank(processor.addr);
        guarantee.cutSigner(named.addr, stolen);
    }

    function _refused(Person memory by) private {
        IGuarantee.Promise[] memory list = promised(receiptFor(7, 70), by);
        vm.expectRevert(abi.encodeWithSelector(IGuarantee.ReceiptSignature.selector, digestOf(receiptFor(7, 70))));
        guarantee.demand(list);
    }
}
