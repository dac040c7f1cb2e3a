// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IDebitWallet} from "../../src/interfaces/IDebitWallet.sol";
import {IGuarantee} from "../../src/interfaces/IGuarantee.sol";
import {Periods} from "../base/Periods.sol";
import {Typed} from "../wallet/support/Typed.sol";
import {Person} from "../wallet/support/WalletTest.sol";
import {GuaranteeTest} from "./support/GuaranteeTest.sol";

/// @notice Fear: a demand too early or too late, of what nobody promised, for more than was captured, or for nothing
/// and at no cost.
contract DemandsTest is GuaranteeTest {
    uint256 private constant BASE_FEE = 3 gwei;

    // --- Times --------------------------------------------------------------------------------------

    function test_aDemandIsKept() external {
        IGuarantee.Receipt memory receipt = receiptFor(7, 70);
        bytes32 digest = digestOf(receipt);
        vm.warp(DEMANDED);
        vm.expectEmit(address(guarantee));
        emit IGuarantee.Demanded(
            processor.addr, receipt.mandateId, payee.addr, digest, address(token), 70, DEMANDED + Periods.RESPONSE
        );
        demand(receipt);
        IGuarantee.Demand memory kept = guarantee.demandOf(digest);
        assertEq(kept.due, 70);
        assertEq(kept.signer, processor.addr);
        assertEq(kept.demander, mallory.addr);
        assertEq(kept.madeAt, DEMANDED);
        assertEq(kept.captureSigner, address(0));
        assertEq(guarantee.claimable(receipt), 70);
    }

    function test_aProcessorHasTheLastSecondToo() external {
        vm.warp(SETTLE_BY);
        _refused(receiptFor(7, 70), abi.encodeWithSelector(IGuarantee.ReceiptNotDue.selector, SETTLE_BY, SETTLE_BY));
        vm.warp(SETTLE_BY + 1);
        demand(receiptFor(7, 70));
    }

    /// @dev A processor keeps what shows a settlement for so long, and no longer.
    function test_aDemandComesInTimeOrNotAtAll() external {
        uint256 until = SETTLE_BY + Periods.DEMAND;
        vm.warp(until + 1);
        _refused(receiptFor(7, 70), abi.encodeWithSelector(IGuarantee.DemandTooLate.selector, until, until + 1));
        vm.warp(until);
        demand(receiptFor(7, 70));
    }

    /// @dev The payer's withdrawal would be faster.
    function test_aPromiseForTooLongIsNone() external {
        IGuarantee.Receipt memory receipt = receiptFor(7, 70);
        receipt.settleBy = uint40(START) + Periods.PROMISE;
        receipt.deadline = receipt.settleBy;
        vm.warp(receipt.settleBy + 1);
        receipt.issuedAt -= 1;
        _refusedForItsTimes(receipt);
        receipt.issuedAt += 1;
        demand(receipt);
    }

    function test_aReceiptIssuedAfterItsPromiseIsRefused() external {
        IGuarantee.Receipt memory receipt = receiptFor(7, 70);
        vm.warp(DEMANDED + 10);
        receipt.issuedAt = SETTLE_BY + 1;
        _refusedForItsTimes(receipt);
        receipt.issuedAt = SETTLE_BY;
        demand(receipt);
    }

    function test_aReceiptThatPromisesMoreThanTheMandateIsRefused() external {
        IGuarantee.Receipt memory receipt = receiptFor(7, 70);
        vm.warp(DEMANDED);
        receipt.deadline = SETTLE_BY - 1;
        _refusedForItsTimes(receipt);
        receipt.deadline = SETTLE_BY;
        demand(receipt);
    }

    // --- What is demanded ---------------------------------------------------------------------------

    function test_oneReceiptIsDemandedOnce() external {
        bytes32 digest = demandInTime(receiptFor(7, 70));
        _refused(receiptFor(7, 70), abi.encodeWithSelector(IGuarantee.DemandKnown.selector, digest));
        // Nor twice in one list.
        IGuarantee.Promise[] memory list = new IGuarantee.Promise[](2);
        list[0] = promised(receiptFor(8, 70), processor)[0];
        list[1] = list[0];
        vm.expectRevert(abi.encodeWithSelector(IGuarantee.DemandKnown.selector, digestOf(receiptFor(8, 70))));
        guarantee.demand(list);
    }

    function test_aReceiptForNothingIsRefused() external {
        vm.warp(DEMANDED);
        _refused(receiptFor(7, 0), abi.encodePacked(IDebitWallet.AmountZero.selector));
    }

    /// @dev Its own bond would be the one that all payees share, which a stolen key must not reach.
    function test_aReceiptToNobodyIsRefused() external {
        IGuarantee.Receipt memory receipt = receiptFor(7, 70);
        receipt.payee = address(0);
        vm.warp(DEMANDED);
        _refused(receipt, abi.encodeWithSelector(IDebitWallet.RecipientRefused.selector, address(0)));
    }

    /// @dev Another field, chain or wallet recovers another signer, who does not speak for the processor.
    function testFuzz_aReceiptIsDemandedAsItWasSigned(uint256 field, uint256 change) external {
        IGuarantee.Receipt memory receipt = receiptFor(7, 70);
        IGuarantee.Promise[] memory list = promised(receipt, processor);
        vm.warp(DEMANDED);
        field = bound(field, 0, 11);
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
        if (field == 9) receipt.issuedAt -= uint40(bound(by, 1, 1 hours));
        if (field == 10) receipt.deadline += by;
        if (field == 11) vm.chainId(31338);
        list[0].receipt = receipt;
        vm.expectRevert(abi.encodeWithSelector(IGuarantee.ReceiptSignature.selector, guarantee.receiptDigest(receipt)));
        guarantee.demand(list);
    }

    // --- Captures -----------------------------------------------------------------------------------

    function test_whatTheProcessorSignedAboutACaptureIsDue() external {
        IGuarantee.Receipt memory receipt = receiptFor(7, 70);
        vm.warp(DEMANDED);
        bytes32 digest = demand(receipt, captureOf(receipt, 30));
        assertEq(guarantee.demandOf(digest).due, 30);
        assertEq(guarantee.demandOf(digest).captureSigner, processor.addr);
    }

    function test_aCaptureRaisesNothing() external {
        IGuarantee.Receipt memory receipt = receiptFor(7, 70);
        vm.warp(DEMANDED);
        bytes32 digest = demand(receipt, captureOf(receipt, 71));
        assertEq(guarantee.demandOf(digest).due, 70);
    }

    function test_aCaptureOfNothingIsNothingToDemand() external {
        IGuarantee.Receipt memory receipt = receiptFor(7, 70);
        vm.warp(DEMANDED);
        IGuarantee.Promise[] memory list = _with(receipt, captureOf(receipt, 0), processor);
        vm.prank(payee.addr);
        vm.expectRevert(IDebitWallet.AmountZero.selector);
        guarantee.demand(list);
    }

    /// @dev It signs that a little was captured, and demands that before its payee does.
    function test_aProcessorDoesNotDemandLittleInItsPayeesStead() external {
        IGuarantee.Receipt memory receipt = receiptFor(7, 70);
        vm.warp(DEMANDED);
        IGuarantee.Promise[] memory list = _with(receipt, captureOf(receipt, 1), processor);
        address[3] memory others = [processor.addr, mallory.addr, address(this)];
        for (uint256 i = 0; i < others.length; i++) {
            vm.prank(others[i]);
            vm.expectRevert(abi.encodeWithSelector(IGuarantee.NotPayee.selector, payee.addr, others[i]));
            guarantee.demand(list);
        }
        demand(receipt, captureOf(receipt, 60));
        assertEq(guarantee.claimable(receipt), 60);
    }

    function test_aCaptureOfAnotherMandateProcessorOrArbiterIsRefused() external {
        IGuarantee.Receipt memory receipt = receiptFor(7, 70);
        vm.warp(DEMANDED);
        for (uint256 i = 0; i < 3; i++) {
            IGuarantee.CaptureReceipt memory capture = captureOf(receipt, 70);
            if (i == 0) capture.mandateId = mandateId(8);
            if (i == 1) capture.processor = rival.addr;
            if (i == 2) capture.arbiter = mallory.addr;
            IGuarantee.Promise[] memory list = _with(receipt, capture, processor);
            vm.prank(payee.addr);
            vm.expectRevert(abi.encodeWithSelector(IGuarantee.CaptureDiffers.selector, digestOf(receipt)));
            guarantee.demand(list);
        }
    }

    function test_aCaptureThatTheProcessorDidNotSignIsRefused() external {
        IGuarantee.Receipt memory receipt = receiptFor(7, 70);
        vm.warp(DEMANDED);
        IGuarantee.CaptureReceipt memory capture = captureOf(receipt, 70);
        Person[3] memory others = [payee, rival, mallory];
        for (uint256 i = 0; i < others.length; i++) {
            IGuarantee.Promise[] memory list = _with(receipt, capture, others[i]);
            vm.prank(payee.addr);
            vm.expectRevert(abi.encodeWithSelector(IGuarantee.ReceiptSignature.selector, digestOf(Typed.hash(capture))));
            guarantee.demand(list);
        }
        // Nor one that says to have signed at second 0, when nobody's time was over.
        uint40 issuedAt = capture.issuedAt;
        capture.issuedAt = 0;
        for (uint256 i = 0; i < others.length; i++) {
            IGuarantee.Promise[] memory list = _with(receipt, capture, others[i]);
            vm.prank(payee.addr);
            vm.expectRevert(abi.encodeWithSelector(IGuarantee.ReceiptSignature.selector, digestOf(Typed.hash(capture))));
            guarantee.demand(list);
        }
        capture.issuedAt = issuedAt;
        // Nor a key that had been cut off.
        vm.startPrank(processor.addr);
        guarantee.nameSigner(signer.addr);
        guarantee.cutSigner(signer.addr, false);
        vm.stopPrank();
        capture.issuedAt += 1;
        IGuarantee.Promise[] memory late = _with(receipt, capture, signer);
        vm.prank(payee.addr);
        vm.expectRevert(abi.encodeWithSelector(IGuarantee.ReceiptSignature.selector, digestOf(Typed.hash(capture))));
        guarantee.demand(late);
    }

    // --- The deposit --------------------------------------------------------------------------------

    function test_aDemandCostsADeposit() external {
        vm.fee(BASE_FEE);
        vm.warp(DEMANDED);
        uint256 needed = (100_000 + 60_000) * 2 * BASE_FEE;
        assertEq(guarantee.depositFor(1), needed);
        IGuarantee.Promise[] memory list = promised(receiptFor(7, 70), processor);
        vm.deal(mallory.addr, 1 ether);
        vm.prank(mallory.addr);
        vm.expectRevert(abi.encodeWithSelector(IGuarantee.DepositTooSmall.selector, needed, needed - 1));
        guarantee.demand{value: needed - 1}(list);
        vm.prank(mallory.addr);
        guarantee.demand{value: needed}(list);
        assertEq(guarantee.demandOf(digestOf(receiptFor(7, 70))).deposit, needed);
        assertEq(guarantee.etherOf(mallory.addr), 0);
    }

    /// @dev The base fee of the block is known to nobody who signs a transaction.
    function test_whatIsTooMuchIsTheDemandersStill() external {
        vm.fee(BASE_FEE);
        vm.warp(DEMANDED);
        vm.deal(mallory.addr, 1 ether);
        IGuarantee.Promise[] memory list = promised(receiptFor(7, 70), processor);
        uint256 needed = guarantee.depositFor(1);
        vm.prank(mallory.addr);
        guarantee.demand{value: needed + 5}(list);
        assertEq(guarantee.etherOf(mallory.addr), 5);
        vm.prank(mallory.addr);
        assertEq(guarantee.collectEther(payable(bob.addr)), 5);
        assertEq(bob.addr.balance, 5);
        vm.prank(mallory.addr);
        vm.expectRevert(IDebitWallet.AmountZero.selector);
        guarantee.collectEther(payable(bob.addr));
    }

    function testFuzz_demandsShareOneDeposit(uint256 count, uint256 fee) external {
        count = bound(count, 1, 12);
        fee = bound(fee, 0, 1000 gwei);
        vm.fee(fee);
        vm.warp(DEMANDED);
        IGuarantee.Promise[] memory list = new IGuarantee.Promise[](count);
        for (uint64 i = 0; i < count; i++) {
            list[i] = promised(receiptFor(i, 70), processor)[0];
        }
        uint256 needed = guarantee.depositFor(count);
        assertLe(needed, (100_000 + 60_000 * count) * 2 * fee);
        assertGe(needed + count, (100_000 + 60_000 * count) * 2 * fee);
        vm.deal(payee.addr, needed);
        vm.prank(payee.addr);
        guarantee.demand{value: needed}(list);
        uint256 kept = 0;
        for (uint64 i = 0; i < count; i++) {
            kept += guarantee.demandOf(digestOf(receiptFor(i, 70))).deposit;
        }
        assertEq(kept, needed);
        assertEq(address(guarantee).balance, needed);
    }

    function test_noDemandsAreNoCall() external {
        vm.expectRevert(IGuarantee.ListEmpty.selector);
        guarantee.demand(new IGuarantee.Promise[](0));
    }

    /// @dev A contract that does not take it keeps it here, and nobody else is stopped.
    function test_etherThatIsRefusedStays() external {
        vm.fee(BASE_FEE);
        vm.warp(DEMANDED);
        vm.deal(mallory.addr, 1 ether);
        IGuarantee.Promise[] memory list = promised(receiptFor(7, 70), processor);
        vm.prank(mallory.addr);
        guarantee.demand{value: 1 ether}(list);
        uint256 kept = guarantee.etherOf(mallory.addr);
        vm.prank(mallory.addr);
        vm.expectRevert(abi.encodeWithSelector(IGuarantee.EtherRefused.selector, address(token)));
        guarantee.collectEther(payable(address(token)));
        assertEq(guarantee.etherOf(mallory.addr), kept);
    }

    // --- Helpers ------------------------------------------------------------------------------------

    function _with(IGuarantee.Receipt memory receipt, IGuarantee.CaptureReceipt memory capture, Person memory by)
        private
        view
        returns (IGuarantee.Promise[] memory list)
    {
        list = promised(receipt, processor);
        (list[0].capture, list[0].captureSignature) = (capture, sign(by, Typed.hash(capture)));
    }

    function _refusedForItsTimes(IGuarantee.Receipt memory r) private {
        _refused(r, abi.encodeWithSelector(IGuarantee.ReceiptTimes.selector, r.issuedAt, r.settleBy, r.deadline));
    }

    function _refused(IGuarantee.Receipt memory receipt, bytes memory because) private {
        IGuarantee.Promise[] memory list = promised(receipt, processor);
        vm.expectRevert(because);
        guarantee.demand(list);
    }
}
