// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

import {DebitWallet} from "../../src/DebitWallet.sol";
import {IDebitWallet} from "../../src/interfaces/IDebitWallet.sol";
import {AnsweringToken} from "../tokens/AnsweringToken.sol";
import {FeeToken} from "../tokens/FeeToken.sol";
import {OpenToken} from "../tokens/OpenToken.sol";
import {ReentrantToken} from "../tokens/ReentrantToken.sol";
import {GuaranteeTest} from "./support/GuaranteeTest.sol";
import {Typed} from "./support/Typed.sol";

/// @notice Receipts that are paid from a bond: when it is time, once, while the nonce is unspent, and a
/// stranger's receipt costs the stranger alone.
contract GuaranteesClaimsTest is GuaranteeTest {
    function test_aReceiptThatIsDueIsPaidAndItsNonceBurnt() external {
        bond(processor, 100);
        IDebitWallet.Receipt memory receipt = receiptFor(7, 70);
        vm.warp(SETTLE_BY + 1);
        vm.expectEmit(address(wallet));
        emit IDebitWallet.GuaranteeClaimed(
            receipt.mandateId, processor.addr, payee.addr, account, 7, address(token), 70, true
        );
        claim(receipt, processor);

        assertEq(token.balanceOf(payee.addr), 70);
        assertEq(bondOf(processor), 30);
        assertTrue(isSpent(7));
        assertEq(wallet.spentNonces(account, address(token), 0), 1 << 7);
        assertTrue(wallet.isBurnt(account, address(token), 7));
        assertFalse(wallet.isBurnt(account, address(token), 6));
        assertTrue(wallet.isClaimed(digestOf(Typed.hash(receipt))));
        // The payer keeps its money: the processor failed, not the payer.
        assertEq(balance(account), 1000);
    }

    function test_aProcessorHasTheLastSecondToo() external {
        bond(processor, 100);
        IDebitWallet.Receipt memory receipt = receiptFor(7, 70);
        vm.warp(SETTLE_BY);
        _refused(receipt, abi.encodeWithSelector(IDebitWallet.ReceiptNotDue.selector, SETTLE_BY, SETTLE_BY));
        vm.warp(SETTLE_BY + 1);
        claim(receipt, processor);
    }

    function testFuzz_notBeforeItIsDue(uint256 time) external {
        bond(processor, 100);
        time = bound(time, START, SETTLE_BY);
        vm.warp(time);
        IDebitWallet.Receipt memory receipt = receiptFor(7, 70);
        _refused(receipt, abi.encodeWithSelector(IDebitWallet.ReceiptNotDue.selector, SETTLE_BY, time));
    }

    // --- Once ---------------------------------------------------------------------------------------

    function test_aReceiptIsPaidOnce() external {
        bond(processor, 200);
        IDebitWallet.Receipt memory receipt = receiptFor(7, 70);
        vm.warp(SETTLE_BY + 1);
        claim(receipt, processor);
        bytes32 digest = digestOf(Typed.hash(receipt));
        _refused(receipt, abi.encodeWithSelector(IDebitWallet.ReceiptClaimed.selector, digest));
    }

    /// @dev A stranger's receipt leaves the nonce alone, so that only the record of the claim stops a second.
    function test_aStrangersReceiptIsPaidOnceToo() external {
        bond(rival, 200);
        IDebitWallet.Receipt memory receipt = receiptFor(7, 70);
        vm.warp(SETTLE_BY + 1);
        claim(receipt, rival);
        bytes memory signed = sign(rival, receipt);
        bytes memory claimed =
            abi.encodeWithSelector(IDebitWallet.ReceiptClaimed.selector, digestOf(Typed.hash(receipt)));
        vm.expectRevert(claimed);
        claim(receipt, signed);
        // The other of ECDSA's two solutions, and other lengths, are no second receipt.
        vm.expectRevert(IDebitWallet.ReceiptSignature.selector);
        claim(receipt, highS(signed));
        (bytes32 r, bytes32 vs) = vm.signCompact(rival.key, digestOf(Typed.hash(receipt)));
        vm.expectRevert(IDebitWallet.ReceiptSignature.selector);
        claim(receipt, abi.encodePacked(r, vs));
        assertEq(bondOf(rival), 130);
    }

    /// @dev The second one would otherwise be a way out: a processor claims a receipt to itself, and with it burns
    /// the nonce that a payee's receipt stands on.
    function test_aProcessorThatSignsTwoReceiptsForOneNonceOwesBoth() external {
        bond(processor, 200);
        vm.warp(SETTLE_BY + 1);
        IDebitWallet.Receipt memory toItself = receiptFor(7, 1);
        toItself.payee = processor.addr;
        claim(toItself, processor);
        claim(receiptFor(7, 70), processor);
        assertEq(token.balanceOf(payee.addr), 70);
        assertEq(wallet.bondOf(processor.addr, address(token)).balance, 129);
        // Each of them once.
        bytes32 digest = digestOf(Typed.hash(receiptFor(7, 70)));
        _refused(receiptFor(7, 70), abi.encodeWithSelector(IDebitWallet.ReceiptClaimed.selector, digest));
    }

    // --- Settled or claimed, never both -------------------------------------------------------------

    function test_aMandateThatWasSettledIsNotClaimed() external {
        bond(processor, 100);
        settleOne(processor, account, 7, payee.addr, 70);
        vm.warp(SETTLE_BY + 1);
        _refused(
            receiptFor(7, 70), abi.encodeWithSelector(IDebitWallet.ReceiptSettled.selector, account, address(token), 7)
        );
        // Its neighbours are other mandates.
        claim(receiptFor(6, 1), processor);
        claim(receiptFor(8, 1), processor);
    }

    function test_aMandateThatWasSettledLateButBeforeTheClaimIsNotClaimed() external {
        bond(processor, 100);
        vm.warp(SETTLE_BY + 100);
        settleOne(processor, account, 7, payee.addr, 70);
        _refused(
            receiptFor(7, 70), abi.encodeWithSelector(IDebitWallet.ReceiptSettled.selector, account, address(token), 7)
        );
    }

    function testFuzz_aMandateThatWasClaimedIsNotSettled(uint64 nonce) external {
        bond(processor, 100);
        vm.warp(SETTLE_BY + 1);
        claim(receiptFor(nonce, 70), processor);
        assertTrue(isSpent(nonce));
        bytes memory batch = batchOf(account, nonce, payee.addr, 70);
        uint256 bits = 1 << (nonce & 127);
        vm.expectRevert(abi.encodeWithSelector(IDebitWallet.NonceSpent.selector, account, nonce >> 7, bits));
        submit(processor, batch);
        settleOne(processor, account, nonce ^ 1, payee.addr, 1);
    }

    function test_aClaimBurnsTheNonceForItsTokenAndAccountAlone() external {
        bond(processor, 100);
        uint32 second = open(alice);
        vm.warp(SETTLE_BY + 1);
        claim(receiptFor(7, 70), processor);
        assertFalse(wallet.isSpent(second, address(token), 7));
        assertFalse(wallet.isSpent(account, address(otherToken), 7));
        assertFalse(wallet.isDirectNonceSpent(alice.addr, 7));
    }

    // --- Strangers ----------------------------------------------------------------------------------

    /// @dev A rival, or anyone with a unit to spare, would make mandates worthless.
    function test_aStrangersReceiptPaysFromItsBondAndBurnsNothing() external {
        bond(rival, 100);
        bond(processor, 100);
        IDebitWallet.Receipt memory receipt = receiptFor(7, 70);
        vm.warp(SETTLE_BY + 1);
        vm.expectEmit(address(wallet));
        emit IDebitWallet.GuaranteeClaimed(
            receipt.mandateId, rival.addr, payee.addr, account, 7, address(token), 70, false
        );
        claim(receipt, rival);
        assertEq(bondOf(rival), 30);
        assertEq(bondOf(processor), 100);
        assertEq(token.balanceOf(payee.addr), 70);
        assertFalse(isSpent(7));
        settleOne(processor, account, 7, payee.addr, 70);
    }

    /// @dev Its promises still cost it, but it speaks no longer for the account.
    function test_aFormerProcessorPaysAndBurnsNothing() external {
        bond(processor, 100);
        vm.prank(alice.addr);
        wallet.setProcessor(account, rival.addr, verifierSet, KEY);
        vm.warp(START + DELAY);
        wallet.applyChange(account);
        claim(receiptFor(7, 70), processor);
        assertEq(token.balanceOf(payee.addr), 70);
        assertFalse(isSpent(7));
    }

    /// @dev Until the change is in force it does.
    function test_aProcessorThatIsBeingLeftStillBurns() external {
        bond(processor, 100);
        vm.prank(alice.addr);
        wallet.setProcessor(account, rival.addr, verifierSet, KEY);
        vm.warp(START + DELAY);
        claim(receiptFor(7, 70), processor);
        assertTrue(isSpent(7));
    }

    function test_theOwnerDoesNotSpeakForItsAccountsNonces() external {
        bond(alice, 100);
        vm.warp(SETTLE_BY + 1);
        claim(receiptFor(7, 70), alice);
        assertFalse(isSpent(7));
    }

    function test_aReceiptAboutNoAccountBurnsNothing() external {
        bond(processor, 100);
        IDebitWallet.Receipt memory receipt = receiptFor(7, 10);
        vm.warp(SETTLE_BY + 1);
        receipt.account = 0;
        claim(receipt, processor);
        assertFalse(wallet.isSpent(0, address(token), 7));
        receipt.account = account + 1;
        claim(receipt, processor);
        assertFalse(wallet.isSpent(account + 1, address(token), 7));
    }

    // --- Signatures ---------------------------------------------------------------------------------

    /// @dev Recovery gives 0: a bond that someone gave the zero address would be anybody's.
    function test_garbageIsNobodysReceipt() external {
        token.mint(address(this), 100);
        token.approve(address(wallet), 100);
        wallet.bond(address(0), address(token), 100);
        vm.warp(SETTLE_BY + 1);
        bytes[3] memory garbage = [new bytes(65), bytes("garbage"), bytes("")];
        for (uint256 i = 0; i < garbage.length; i++) {
            vm.expectRevert(IDebitWallet.ReceiptSignature.selector);
            claim(receiptFor(7, 10), garbage[i]);
        }
    }

    /// @dev Another field, chain or wallet recovers another signer, who is not the processor.
    function testFuzz_aReceiptIsPaidAsItWasSigned(uint256 field, uint256 change) external {
        bond(processor, 100);
        IDebitWallet.Receipt memory receipt = receiptFor(7, 70);
        bytes memory signed = sign(processor, receipt);
        vm.warp(SETTLE_BY + 1);
        field = bound(field, 0, 12);
        uint32 by = uint32(bound(change, 1, type(uint32).max));
        if (field == 0) receipt.mandateId = bytes32(change);
        if (field == 1) receipt.account ^= by;
        if (field == 2) receipt.nonce ^= by;
        if (field == 3) receipt.token = address(otherToken);
        if (field == 4) receipt.payee = mallory.addr;
        if (field == 5) receipt.amount += by;
        if (field == 6) receipt.settleBy -= uint40(bound(by, 1, 1 hours));
        if (field == 7) receipt.processor = rival.addr;
        if (field == 8) receipt.arbiter = mallory.addr;
        if (field == 9) receipt.issuedAt -= uint40(bound(by, 1, START));
        if (field == 10) receipt.deadline += by;
        if (field == 11) vm.chainId(31338);
        if (field == 12) {
            wallet = new DebitWallet(DELAY, UNBONDING);
            bond(processor, 100);
        }
        vm.expectRevert(IDebitWallet.ReceiptSignature.selector);
        claim(receipt, signed);
    }

    /// @dev Whoever signs, only the processor that a receipt names answers for it.
    function test_aReceiptInAnothersNameIsNobodys() external {
        bond(processor, 100);
        bond(rival, 100);
        IDebitWallet.Receipt memory receipt = receiptFor(7, 70);
        bytes memory signed = sign(rival, receipt);
        vm.warp(SETTLE_BY + 1);
        vm.expectRevert(IDebitWallet.ReceiptSignature.selector);
        claim(receipt, signed);
    }

    // --- Times --------------------------------------------------------------------------------------

    function test_aReceiptIssuedAfterItsPromiseIsRefused() external {
        bond(processor, 100);
        vm.warp(SETTLE_BY + 10);
        IDebitWallet.Receipt memory receipt = receiptFor(7, 70);
        receipt.issuedAt = SETTLE_BY + 1;
        _refusedForItsTimes(receipt);
        receipt.issuedAt = SETTLE_BY;
        claim(receipt, processor);
    }

    function test_aReceiptThatPromisesMoreThanTheMandateIsRefused() external {
        bond(processor, 100);
        vm.warp(SETTLE_BY + 10);
        IDebitWallet.Receipt memory receipt = receiptFor(7, 70);
        receipt.deadline = SETTLE_BY - 1;
        _refusedForItsTimes(receipt);
        receipt.deadline = SETTLE_BY;
        claim(receipt, processor);
    }

    // --- Amounts ------------------------------------------------------------------------------------

    function test_aReceiptForNothingIsRefused() external {
        vm.warp(SETTLE_BY + 1);
        _refused(receiptFor(7, 0), abi.encodePacked(IDebitWallet.AmountZero.selector));
    }

    /// @dev All or nothing: a part would use the receipt up.
    function test_aBondThatIsTooSmallPaysNothingYet() external {
        bond(processor, 69);
        IDebitWallet.Receipt memory receipt = receiptFor(7, 70);
        vm.warp(SETTLE_BY + 1);
        _refused(
            receipt,
            abi.encodeWithSelector(IDebitWallet.InsufficientBond.selector, processor.addr, address(token), 69, 70)
        );
        assertFalse(isSpent(7));
        bond(processor, 1);
        claim(receipt, processor);
        assertEq(bondOf(processor), 0);
    }

    function test_aBondInAnotherTokenDoesNotPay() external {
        otherToken.mint(address(this), 100);
        otherToken.approve(address(wallet), 100);
        wallet.bond(processor.addr, address(otherToken), 100);
        vm.warp(SETTLE_BY + 1);
        _refused(
            receiptFor(7, 70),
            abi.encodeWithSelector(IDebitWallet.InsufficientBond.selector, processor.addr, address(token), 0, 70)
        );
    }

    // --- Payees and tokens --------------------------------------------------------------------------

    function test_aBlockedPayeeIsCredited() external {
        AnsweringToken picky = new AnsweringToken();
        token = OpenToken(address(picky));
        bond(processor, 100);
        picky.refuse("blocked");
        picky.only(payee.addr);
        vm.warp(SETTLE_BY + 1);
        claim(receiptFor(7, 70), processor);
        assertEq(creditOf(payee.addr), 70);
        assertEq(bondOf(processor), 30);
        assertTrue(isSpent(7));
    }

    function test_aTokenThatTakesMoreStopsTheClaim() external {
        FeeToken taking = new FeeToken();
        token = OpenToken(address(taking));
        bond(processor, 200);
        taking.setFees(0, 1000);
        vm.warp(SETTLE_BY + 1);
        _refused(
            receiptFor(7, 100), abi.encodeWithSelector(IDebitWallet.TokenTookMore.selector, address(token), 100, 110)
        );
    }

    /// @dev While the first claim is being paid the second presents the same receipt.
    function test_aTokenThatCallsBackClaimsNothingTwice() external {
        ReentrantToken entering = new ReentrantToken();
        token = OpenToken(address(entering));
        bond(rival, 200);
        IDebitWallet.Receipt memory receipt = receiptFor(7, 70);
        IDebitWallet.Receipt memory another = receiptFor(8, 70);
        another.processor = rival.addr;
        entering.arm(address(wallet), abi.encodeCall(wallet.claimGuarantee, (another, sign(rival, another))), true);
        vm.warp(SETTLE_BY + 1);
        claim(receipt, rival);
        assertTrue(entering.called());
        assertEq(entering.answer(), abi.encodePacked(ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector));
        assertEq(bondOf(rival), 130);
    }

    // --- Helpers ------------------------------------------------------------------------------------

    function _refusedForItsTimes(IDebitWallet.Receipt memory r) private {
        _refused(r, abi.encodeWithSelector(IDebitWallet.ReceiptTimes.selector, r.issuedAt, r.settleBy, r.deadline));
    }

    function _refused(IDebitWallet.Receipt memory receipt, bytes memory because) private {
        bytes memory signed = sign(processor, receipt);
        vm.expectRevert(because);
        claim(receipt, signed);
    }
}
