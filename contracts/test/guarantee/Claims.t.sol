// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

import {IDebitWallet} from "../../src/interfaces/IDebitWallet.sol";
import {IGuarantee} from "../../src/interfaces/IGuarantee.sol";
import {Periods} from "../base/Periods.sol";
import {AnsweringToken} from "../tokens/AnsweringToken.sol";
import {FeeToken} from "../tokens/FeeToken.sol";
import {OpenToken} from "../tokens/OpenToken.sol";
import {ReentrantToken} from "../tokens/ReentrantToken.sol";
import {Person} from "../wallet/support/WalletTest.sol";
import {GuaranteeTest} from "./support/GuaranteeTest.sol";

/// @notice Claims: when there was time to answer, once, from the payee's own bond first; and a stranger's receipt
/// costs the stranger alone.
contract ClaimsTest is GuaranteeTest {
    function test_whatNobodyAnsweredIsPaidAndItsNonceBurnt() external {
        bond(processor, 100);
        IGuarantee.Receipt memory receipt = receiptFor(7, 70);
        demandInTime(receipt);
        vm.warp(CLAIMABLE);
        vm.expectEmit(address(wallet));
        emit IDebitWallet.NonceBurnt(account, address(token), 7);
        vm.expectEmit(address(guarantee));
        emit IGuarantee.GuaranteeClaimed(
            receipt.mandateId, processor.addr, payee.addr, digestOf(receipt), account, 7, address(token), 70, true
        );
        claim(receipt);
        assertEq(token.balanceOf(payee.addr), 70);
        assertEq(bondOf(processor), 30);
        assertEq(wallet.spentNonces(account, address(token), 0), 1 << 7);
        assertEq(guarantee.claimable(receipt), 0);
        // The payer keeps its money: the processor failed, not the payer.
        assertEq(balance(account), 1000);
    }

    function testFuzz_notWhileItCanBeAnswered(uint256 time) external {
        bond(processor, 100);
        IGuarantee.Receipt memory receipt = receiptFor(7, 70);
        demandInTime(receipt);
        vm.warp(bound(time, DEMANDED, CLAIMABLE - 1));
        vm.expectRevert(abi.encodeWithSelector(IDebitWallet.TooEarly.selector, CLAIMABLE));
        claim(receipt);
        vm.warp(CLAIMABLE);
        claim(receipt);
    }

    function test_nothingIsClaimedThatNobodyDemanded() external {
        bond(processor, 100);
        vm.warp(CLAIMABLE);
        bytes32 digest = digestOf(receiptFor(7, 70));
        vm.expectRevert(abi.encodeWithSelector(IGuarantee.DemandUnknown.selector, digest));
        claim(receiptFor(7, 70));
    }

    // --- Once ---------------------------------------------------------------------------------------

    function test_aReceiptIsPaidOnce() external {
        bond(processor, 200);
        demandAndClaim(receiptFor(7, 70));
        claim(receiptFor(7, 70));
        claim(payee, receiptFor(7, 70));
        assertEq(token.balanceOf(payee.addr), 70);
        assertEq(bondOf(processor), 130);
    }

    /// @dev One promise, given twice with other times or amounts, is one payment: the larger.
    function test_twoReceiptsForOnePaymentAreOwedOnce() external {
        bond(processor, 500);
        IGuarantee.Receipt memory one = receiptFor(7, 70);
        IGuarantee.Receipt memory two = receiptFor(7, 90);
        two.settleBy -= 5;
        IGuarantee.Receipt memory three = receiptFor(7, 90);
        three.issuedAt += 5;
        demandInTime(one);
        demand(two);
        demand(three);
        vm.warp(CLAIMABLE);
        claim(one);
        claim(two);
        claim(three);
        assertEq(token.balanceOf(payee.addr), 90);
        assertEq(bondOf(processor), 410);
    }

    /// @dev What is recorded by a mandate's id alone, a processor fills with a receipt to itself.
    function test_aReceiptToAnotherPayeeUsesUpNobodysClaim() external {
        bond(processor, 200);
        IGuarantee.Receipt memory toItself = receiptFor(7, 70);
        toItself.payee = processor.addr;
        demandInTime(toItself);
        demand(receiptFor(7, 70));
        vm.warp(CLAIMABLE);
        claim(toItself);
        claim(receiptFor(7, 70));
        assertEq(token.balanceOf(payee.addr), 70);
    }

    /// @dev The second would otherwise be a way out: a processor claims a receipt to itself, and with it burns the
    /// nonce that a payee's receipt stands on.
    function test_aProcessorThatSignsTwoReceiptsForOneNonceOwesBoth() external {
        bond(processor, 200);
        IGuarantee.Receipt memory other = receiptFor(7, 1);
        (other.mandateId, other.payee) = (mandateId(99), processor.addr);
        demandInTime(other);
        demand(receiptFor(7, 70));
        vm.warp(CLAIMABLE);
        claim(other);
        assertTrue(wallet.isSpent(account, address(token), 7));
        claim(receiptFor(7, 70));
        assertEq(token.balanceOf(payee.addr), 70);
        assertEq(bondOf(processor), 129);
    }

    function testFuzz_whatABondPaidIsNotSettled(uint64 nonce) external {
        bond(processor, 100);
        demandAndClaim(receiptFor(nonce, 70));
        bytes memory batch = batchOf(account, nonce, payee.addr, 70);
        vm.expectRevert(
            abi.encodeWithSelector(IDebitWallet.NonceSpent.selector, account, nonce >> 7, uint256(1) << (nonce & 127))
        );
        submit(processor, batch);
        // Its neighbours are other mandates.
        settleOne(processor, account, nonce ^ 1, payee.addr, 1);
    }

    /// @dev Settled and never shown: the processor's own fault, and the payer pays once.
    function test_whatWasSettledAndNotShownIsPaidTwiceByTheProcessorAlone() external {
        bond(processor, 100);
        settleOne(processor, account, 7, payee.addr, 70);
        demandAndClaim(receiptFor(7, 70));
        assertEq(token.balanceOf(payee.addr), 140);
        assertEq(balance(account), 930);
    }

    // --- Whose bond ---------------------------------------------------------------------------------

    function test_aPayeesOwnBondPaysFirst() external {
        bond(processor, 100);
        bond(processor, payee.addr, 50);
        bond(processor, otherPayee.addr, 50);
        demandAndClaim(receiptFor(7, 70));
        assertEq(bondOf(processor, payee.addr), 0);
        assertEq(bondOf(processor), 80);
        assertEq(bondOf(processor, otherPayee.addr), 50);
    }

    function test_aBondInAnotherTokenOrOfAnotherProcessorDoesNotPay() external {
        otherToken.mint(address(this), 100);
        otherToken.approve(address(guarantee), 100);
        guarantee.bond(processor.addr, address(0), address(otherToken), 100);
        bond(rival, 100);
        demandAndClaim(receiptFor(7, 70));
        assertEq(token.balanceOf(payee.addr), 0);
        assertFalse(wallet.isSpent(account, address(token), 7));
    }

    /// @dev Somebody else claims when the bond is nearly empty: for 1 the nonce would be burnt, and the processor
    /// could not settle it any more.
    function test_onlyThePayeeTakesLessThanItIsOwed() external {
        bond(processor, 69);
        IGuarantee.Receipt memory receipt = receiptFor(7, 70);
        demandInTime(receipt);
        vm.warp(CLAIMABLE);
        address[2] memory others = [processor.addr, mallory.addr];
        IGuarantee.Receipt[] memory list = new IGuarantee.Receipt[](1);
        list[0] = receipt;
        for (uint256 i = 0; i < others.length; i++) {
            vm.expectRevert(
                abi.encodeWithSelector(IGuarantee.InsufficientBond.selector, processor.addr, address(token), 69, 70)
            );
            vm.prank(others[i]);
            guarantee.claim(list);
        }
        assertFalse(wallet.isSpent(account, address(token), 7));

        claim(payee, receipt);
        assertEq(token.balanceOf(payee.addr), 69);
        assertTrue(wallet.isSpent(account, address(token), 7));
        // The rest, when there is some. Then anybody may: it is all that is owed.
        bond(processor, 10);
        claim(receipt);
        assertEq(token.balanceOf(payee.addr), 70);
        assertEq(bondOf(processor), 9);
    }

    /// @dev An empty bond burns nothing, and the deposit comes back.
    function test_whereThereIsNoBondTheDepositComesBackAndTheNonceStays() external {
        IGuarantee.Receipt memory receipt = receiptFor(7, 70);
        vm.fee(1 gwei);
        vm.warp(DEMANDED);
        uint256 deposit = guarantee.depositFor(1);
        vm.deal(mallory.addr, deposit);
        IGuarantee.Promise[] memory list = promised(receipt, processor);
        vm.prank(mallory.addr);
        guarantee.demand{value: deposit}(list);
        vm.warp(CLAIMABLE);
        claim(receipt);
        assertEq(guarantee.etherOf(mallory.addr), deposit);
        assertFalse(wallet.isSpent(account, address(token), 7));
        settleOne(processor, account, 7, payee.addr, 70);
    }

    // --- Whose nonces -------------------------------------------------------------------------------

    /// @dev Anybody can sign a receipt about anybody's account.
    function test_aStrangersReceiptCostsTheStrangerAlone() external {
        bond(rival, 100);
        IGuarantee.Receipt memory receipt = receiptFor(7, 70);
        receipt.processor = rival.addr;
        vm.warp(DEMANDED);
        demand(receipt, rival);
        vm.warp(receipt.deadline + Periods.RESPONSE + 1);
        claim(receipt);
        assertEq(bondOf(rival), 30);
        assertFalse(wallet.isSpent(account, address(token), 7));
        settleOne(processor, account, 7, otherPayee.addr, 70);
    }

    /// @dev Nor does one about an account that is not there burn anything.
    function test_aReceiptAboutNoAccountBurnsNothing() external {
        bond(processor, 100);
        IGuarantee.Receipt memory receipt = receiptFor(7, 10);
        vm.warp(DEMANDED);
        uint32[2] memory nowhere = [0, account + 1];
        for (uint256 i = 0; i < 2; i++) {
            receipt.account = nowhere[i];
            demand(receipt);
        }
        vm.warp(receipt.deadline + Periods.RESPONSE + 1);
        for (uint256 i = 0; i < 2; i++) {
            receipt.account = nowhere[i];
            claim(receipt);
            assertFalse(wallet.isSpent(receipt.account, address(token), 7));
        }
        assertEq(bondOf(processor), 80);
    }

    /// @dev The account has another processor now, which may settle the mandate until it expires: a claim waits for
    /// that, and for the time to show it.
    function test_againstAFormerProcessorAClaimWaitsForTheDeadline() external {
        bond(processor, 100);
        IGuarantee.Receipt memory receipt = receiptFor(7, 70);
        receipt.deadline = uint40(START) + 5 days;
        demandInTime(receipt);
        vm.prank(alice.addr);
        wallet.setProcessor(account, rival.addr, verifierSet, KEY);
        vm.warp(DEMANDED + DELAY);
        wallet.applyChange(account);

        uint40 from = receipt.deadline + Periods.RESPONSE + 1;
        vm.expectRevert(abi.encodeWithSelector(IDebitWallet.TooEarly.selector, from));
        claim(receipt);
        vm.warp(from - 1);
        vm.expectRevert(abi.encodeWithSelector(IDebitWallet.TooEarly.selector, from));
        claim(receipt);
        vm.warp(from);
        claim(receipt);
        assertEq(token.balanceOf(payee.addr), 70);
        assertFalse(wallet.isSpent(account, address(token), 7));
    }

    /// @dev It waits for more than all the time there is.
    function test_aDeadlineWithoutEndIsNoOverflow() external {
        bond(rival, 100);
        IGuarantee.Receipt memory receipt = receiptFor(7, 70);
        (receipt.processor, receipt.deadline) = (rival.addr, type(uint40).max);
        vm.warp(DEMANDED);
        demand(receipt, rival);
        vm.warp(CLAIMABLE);
        vm.expectRevert(abi.encodeWithSelector(IDebitWallet.TooEarly.selector, type(uint40).max));
        claim(receipt);
    }

    /// @dev Time after time: accepted, withdrawn, not settled. The payee is paid before the money is gone.
    function test_aPayeeClaimsBeforeAChangeOfProcessorIsInForce() external {
        bond(processor, 100);
        vm.prank(alice.addr);
        wallet.setProcessor(account, rival.addr, verifierSet, KEY);
        // Accepted in the last moment at which the processor did not know.
        IGuarantee.Receipt memory receipt = receiptFor(7, 70);
        receipt.issuedAt = uint40(START) + Periods.VIEW_AGE;
        receipt.settleBy = receipt.issuedAt + Periods.PROMISE;
        receipt.deadline = receipt.settleBy;
        vm.warp(receipt.settleBy + Periods.DEMAND);
        demand(receipt);
        vm.warp(receipt.settleBy + Periods.DEMAND + Periods.RESPONSE + 1);
        vm.expectRevert(abi.encodeWithSelector(IDebitWallet.TooEarly.selector, START + DELAY));
        wallet.applyChange(account);
        claim(receipt);
        assertEq(token.balanceOf(payee.addr), 70);
    }

    function test_onlyTheGuaranteeBurnsNonces() external {
        address[5] memory others = [processor.addr, alice.addr, payee.addr, mallory.addr, address(this)];
        for (uint256 i = 0; i < others.length; i++) {
            vm.expectRevert(abi.encodeWithSelector(IDebitWallet.NotGuarantee.selector, others[i]));
            vm.prank(others[i]);
            wallet.burnNonce(processor.addr, account, address(token), 7);
        }
    }

    // --- Lists, tokens ------------------------------------------------------------------------------

    function test_manyAreClaimedAtOnce() external {
        bond(processor, 100);
        IGuarantee.Receipt[] memory list = new IGuarantee.Receipt[](5);
        vm.warp(DEMANDED);
        for (uint64 i = 0; i < 5; i++) {
            list[i] = receiptFor(i, 10);
            if (i == 3) list[i].payee = otherPayee.addr;
            demand(list[i]);
        }
        vm.warp(CLAIMABLE);
        guarantee.claim(list);
        assertEq(token.balanceOf(payee.addr), 40);
        assertEq(token.balanceOf(otherPayee.addr), 10);
        assertEq(bondOf(processor), 50);
        assertEq(wallet.spentNonces(account, address(token), 0), 0x1f);
    }

    function test_aBlockedPayeeIsCreditedAndTheOthersArePaid() external {
        AnsweringToken picky = new AnsweringToken();
        token = OpenToken(address(picky));
        bond(processor, 100);
        picky.refuse("blocked");
        picky.only(payee.addr);
        IGuarantee.Receipt[] memory list = new IGuarantee.Receipt[](2);
        (list[0], list[1]) = (receiptFor(7, 70), receiptFor(8, 20));
        list[1].payee = otherPayee.addr;
        vm.warp(DEMANDED);
        demand(list[0]);
        demand(list[1]);
        vm.warp(CLAIMABLE);
        guarantee.claim(list);
        assertEq(guarantee.creditOf(address(token), payee.addr), 70);
        assertEq(token.balanceOf(otherPayee.addr), 20);
        assertEq(bondOf(processor), 10);

        // It is sent on to where the payee says, or when the token takes it; to nobody else.
        vm.expectRevert(IDebitWallet.AmountZero.selector);
        vm.prank(mallory.addr);
        guarantee.collectTo(address(token), mallory.addr);
        vm.expectRevert(abi.encodeWithSelector(IDebitWallet.TransferFailed.selector, address(token), payee.addr, 70));
        guarantee.collect(address(token), payee.addr);
        vm.prank(payee.addr);
        assertEq(guarantee.collectTo(address(token), bob.addr), 70);
        assertEq(token.balanceOf(bob.addr), 70);
        vm.expectRevert(IDebitWallet.AmountZero.selector);
        guarantee.collect(address(token), payee.addr);
    }

    function test_aCreditIsCollectedByAnybodyForThePayee() external {
        AnsweringToken picky = new AnsweringToken();
        token = OpenToken(address(picky));
        bond(processor, 100);
        picky.refuse("blocked");
        picky.only(payee.addr);
        demandAndClaim(receiptFor(7, 70));
        picky.behave(true, abi.encode(true));
        vm.prank(mallory.addr);
        assertEq(guarantee.collect(address(token), payee.addr), 70);
        assertEq(token.balanceOf(payee.addr), 70);
    }

    /// @dev A payee that is this contract would be paid what stays here, in nobody's books.
    function test_theContractItselfIsCredited() external {
        bond(processor, 100);
        IGuarantee.Receipt memory receipt = receiptFor(7, 70);
        receipt.payee = address(guarantee);
        demandAndClaim(receipt);
        assertEq(guarantee.creditOf(address(token), address(guarantee)), 70);
        vm.expectRevert(abi.encodeWithSelector(IDebitWallet.RecipientRefused.selector, address(guarantee)));
        guarantee.collect(address(token), address(guarantee));
    }

    function test_aTokenThatTakesMoreStopsTheClaim() external {
        FeeToken taking = new FeeToken();
        token = OpenToken(address(taking));
        bond(processor, 200);
        taking.setFees(0, 1000);
        demandInTime(receiptFor(7, 100));
        vm.warp(CLAIMABLE);
        vm.expectRevert(abi.encodeWithSelector(IDebitWallet.TokenTookMore.selector, address(token), 100, 110));
        claim(receiptFor(7, 100));
    }

    /// @dev The caller chooses the gas; with too little a transfer would fail and the rest succeed.
    function test_aClaimHasTheGasToPay() external {
        bond(processor, 100);
        demandInTime(receiptFor(7, 70));
        vm.warp(CLAIMABLE);
        IGuarantee.Receipt[] memory list = new IGuarantee.Receipt[](1);
        list[0] = receiptFor(7, 70);
        for (uint256 gas_ = 60_000; gas_ < 400_000; gas_ += 10_000) {
            uint256 kept = vm.snapshotState();
            (bool success,) = address(guarantee).call{gas: gas_}(abi.encodeCall(IGuarantee.claim, (list)));
            assertEq(token.balanceOf(payee.addr), success ? 70 : 0);
            vm.revertToState(kept);
        }
    }

    /// @dev While one claim is being paid the token makes others, and settles.
    function test_aTokenThatCallsBackClaimsNothingTwice() external {
        ReentrantToken entering = new ReentrantToken();
        token = OpenToken(address(entering));
        bond(processor, 200);
        IGuarantee.Receipt[] memory list = new IGuarantee.Receipt[](1);
        list[0] = receiptFor(8, 70);
        vm.warp(DEMANDED);
        demand(receiptFor(7, 70));
        demand(list[0]);
        vm.warp(CLAIMABLE);
        bytes[5] memory calls = [
            abi.encodeCall(IGuarantee.claim, (list)),
            abi.encodeCall(IGuarantee.collect, (address(token), payee.addr)),
            abi.encodeCall(IGuarantee.executeUnbond, (address(0), address(token), mallory.addr)),
            abi.encodeCall(IGuarantee.collectEther, (payable(mallory.addr))),
            abi.encodeCall(IGuarantee.demand, (promised(receiptFor(9, 1), processor)))
        ];
        for (uint256 i = 0; i < calls.length; i++) {
            uint256 kept = vm.snapshotState();
            entering.arm(address(guarantee), calls[i], i % 2 == 0);
            claim(receiptFor(7, 70));
            assertTrue(entering.called());
            assertEq(
                entering.answer(), abi.encodePacked(ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector)
            );
            assertEq(bondOf(processor), 130);
            vm.revertToState(kept);
        }
    }

    /// @dev The wallet is paying: a claim that would burn a nonce finds it locked.
    function test_noNonceIsBurntFromWithinAPayout() external {
        ReentrantToken entering = new ReentrantToken();
        IGuarantee.Receipt[] memory list = new IGuarantee.Receipt[](1);
        list[0] = receiptFor(8, 70);
        bond(processor, 200);
        demandInTime(list[0]);
        vm.warp(CLAIMABLE);
        token = OpenToken(address(entering));
        fund(account, 100);
        entering.arm(address(guarantee), abi.encodeCall(IGuarantee.claim, (list)), true);
        settleOne(processor, account, 7, payee.addr, 50);
        assertTrue(entering.called());
        assertFalse(entering.succeeded());
        assertEq(entering.answer(), abi.encodePacked(ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector));
    }

    /// @dev Whoever has a payee's or a processor's rights has them over its own.
    function test_aClaimByAnybodyPaysThePayee() external {
        bond(processor, 300);
        Person[3] memory callers = [mallory, processor, alice];
        vm.warp(DEMANDED);
        for (uint64 i = 0; i < 3; i++) {
            demand(receiptFor(i, 70));
        }
        vm.warp(CLAIMABLE);
        for (uint64 i = 0; i < 3; i++) {
            claim(callers[i], receiptFor(i, 70));
            assertEq(token.balanceOf(payee.addr), 70 * (i + 1));
        }
    }
}
