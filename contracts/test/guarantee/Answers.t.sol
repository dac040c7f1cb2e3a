// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IDebitWallet} from "../../src/interfaces/IDebitWallet.sol";
import {IGuarantee} from "../../src/interfaces/IGuarantee.sol";
import {Typed} from "../wallet/support/Typed.sol";
import {Person} from "../wallet/support/WalletTest.sol";
import {GuaranteeTest} from "./support/GuaranteeTest.sol";
import {Captured, Trees} from "./support/Trees.sol";

/// @notice Fear: somebody shows what was not paid, or shows one payment twice; and somebody who was paid is paid
/// again though it was shown.
contract AnswersTest is GuaranteeTest {
    uint256 private constant BASE_FEE = 2 gwei;

    function setUp() public override {
        super.setUp();
        bond(processor, 1000);
    }

    // --- Shown --------------------------------------------------------------------------------------

    function test_whatWasSettledIsNotOwed() external {
        IGuarantee.Receipt memory receipt = receiptFor(7, 70);
        IGuarantee.Remembered memory batch = settleReceipt(receipt, 70, 0);
        bytes32 digest = demandInTime(receipt);
        vm.expectEmit(address(guarantee));
        emit IGuarantee.Shown(digest, 70);
        answer(batch, receipt);
        (uint128 shown, uint128 claimed) = guarantee.paidOf(receipt);
        assertEq(shown, 70);
        assertEq(claimed, 0);
        vm.warp(CLAIMABLE);
        claim(receipt);
        assertEq(bondOf(processor), 1000);
        assertEq(token.balanceOf(payee.addr), 70);
    }

    /// @dev It settled for less than the payee took: the rest is owed.
    function test_whatWasSettledForTooLittleIsOwedInPart() external {
        IGuarantee.Receipt memory receipt = receiptFor(7, 70);
        IGuarantee.Remembered memory batch = settleReceipt(receipt, 20, 0);
        vm.warp(DEMANDED);
        demand(receipt, captureOf(receipt, 50));
        answer(batch, receipt);
        assertEq(guarantee.claimable(receipt), 30);
        vm.warp(CLAIMABLE);
        claim(receipt);
        assertEq(token.balanceOf(payee.addr), 50);
    }

    /// @dev The wallet says spent, and nobody was paid.
    function test_aNonceSpentAtNothingIsNoAnswer() external {
        IGuarantee.Receipt memory receipt = receiptFor(7, 70);
        settleOne(processor, account, 7, mallory.addr, 0);
        assertTrue(wallet.isSpent(account, address(token), 7));
        demandAndClaim(receipt);
        assertEq(token.balanceOf(payee.addr), 70);
    }

    /// @dev In front of the claim, when the window is over.
    function test_settlingAtNothingInFrontOfAClaimIsNoAnswer() external {
        IGuarantee.Receipt memory receipt = receiptFor(7, 70);
        demandInTime(receipt);
        vm.warp(CLAIMABLE);
        settleOne(processor, account, 7, mallory.addr, 0);
        claim(receipt);
        assertEq(token.balanceOf(payee.addr), 70);
    }

    function test_aBatchThatIsNotRememberedShowsNothing() external {
        IGuarantee.Receipt memory receipt = receiptFor(7, 70);
        settleOne(processor, account, 7, payee.addr, 70);
        IGuarantee.Remembered memory batch = _batchOf(receipt, 70, 0);
        demandInTime(receipt);
        _notRemembered(batch, receipt);
    }

    function test_whatComesLateCountsUntilTheClaim() external {
        IGuarantee.Receipt memory receipt = receiptFor(7, 70);
        demandInTime(receipt);
        vm.warp(CLAIMABLE);
        IGuarantee.Remembered memory batch = settleReceipt(receipt, 70, 0);
        answer(batch, receipt);
        claim(receipt);
        assertEq(bondOf(processor), 1000);
    }

    /// @dev The payee is paid for something else, by a processor that is in league with this one and gives no
    /// receipts. Nothing proves that it was not for this.
    function test_whatAnotherProcessorSaysItPaidShowsNothing() external {
        IGuarantee.Receipt memory receipt = receiptFor(7, 70);
        uint32 rivals = open(bob, rival.addr, verifierSet, KEY);
        fund(rivals, 100);
        IGuarantee.Remembered memory batch = settleWith(rival, rivals, 7, payee.addr, only(receipt.mandateId, 70), 3);
        demandInTime(receipt);
        IGuarantee.Leaf memory leaf = leafOf(batch, only(receipt.mandateId, 70), 0);
        leaf.receipt = receipt;
        _notShown(batch, leaf);
    }

    /// @dev The account moved, and its next processor settled what the first one had promised.
    function test_whatTheAccountsNextProcessorPaidShowsAsWell() external {
        IGuarantee.Receipt memory receipt = receiptFor(7, 70);
        receipt.deadline = uint40(START) + 5 days;
        demandInTime(receipt);
        vm.prank(alice.addr);
        wallet.setProcessor(account, rival.addr, verifierSet, KEY);
        vm.warp(DEMANDED + DELAY);
        wallet.applyChange(account);
        IGuarantee.Remembered memory batch = settleWith(rival, account, 7, payee.addr, only(receipt.mandateId, 70), 3);
        answer(batch, receipt);
        assertEq(guarantee.claimable(receipt), 0);
    }

    function test_theLargestPaymentCountsNotTheirSum() external {
        IGuarantee.Receipt memory receipt = receiptFor(7, 70);
        IGuarantee.Remembered memory small = settleReceipt(receipt, 20, 0);
        receipt.nonce = 8;
        IGuarantee.Remembered memory large = settleReceipt(receipt, 30, 1);
        receipt.nonce = 7;
        demandInTime(receipt);
        answer(large, receipt);
        answer(small, receipt);
        answer(small, receipt);
        assertEq(guarantee.claimable(receipt), 40);
    }

    function test_nothingIsAnsweredThatNobodyDemanded() external {
        IGuarantee.Receipt memory receipt = receiptFor(7, 70);
        IGuarantee.Remembered memory batch = settleReceipt(receipt, 70, 0);
        bytes memory unknown = abi.encodeWithSelector(IGuarantee.DemandUnknown.selector, digestOf(receipt));
        vm.expectRevert(unknown);
        answer(batch, receipt);
        vm.expectRevert(unknown);
        _capture(receipt, 1, payee);
        vm.expectRevert(unknown);
        _rule(receipt, 1, payee);
    }

    // --- Trees --------------------------------------------------------------------------------------

    /// @dev Any number of payouts, of any number of mandates each: every one is shown, at what it was, and no other.
    function testFuzz_everyMandateOfABatchIsShown(uint256 seed) external {
        (IGuarantee.Remembered memory batch, Captured[][] memory parts) = _window(seed, 1 + seed % 9);
        settle(processor, account, 7, batch);
        vm.warp(DEMANDED);
        uint64 nonce = 100;
        for (uint256 i = 0; i < parts.length; i++) {
            for (uint256 j = 0; j < parts[i].length; j++) {
                IGuarantee.Receipt memory receipt = receiptFor(nonce++, 1000);
                (receipt.mandateId, receipt.payee) = (parts[i][j].mandateId, batch.payouts[i].payee);
                demand(receipt);
                IGuarantee.Leaf memory leaf = Trees.open(batch.payouts, parts, i, j);
                leaf.receipt = receipt;
                answer(batch, leaf);
                assertEq(guarantee.claimable(receipt), 1000 - parts[i][j].amount);
                leaf.captured += 1;
                _notShown(batch, leaf);
            }
        }
    }

    /// @dev Every field of an answer, altered.
    function testFuzz_anAlteredAnswerShowsNothing(uint256 seed, uint256 field) external {
        (IGuarantee.Remembered memory batch, Captured[][] memory parts) = _window(seed, 5);
        settle(processor, account, 7, batch);
        IGuarantee.Receipt memory receipt = receiptFor(100, 1000);
        (receipt.mandateId, receipt.payee) = (parts[2][1].mandateId, batch.payouts[2].payee);
        IGuarantee.Receipt memory other = receiptFor(101, 1000);
        (other.mandateId, other.payee) = (mandateId(101), receipt.payee);
        vm.warp(DEMANDED);
        demand(receipt);
        demand(other);
        IGuarantee.Leaf memory leaf = Trees.open(batch.payouts, parts, 2, 1);
        leaf.receipt = receipt;
        uint256 kept = vm.snapshotState();
        answer(batch, leaf);
        vm.revertToState(kept);

        field = bound(field, 0, 9);
        if (field == 0) leaf.payout = bound(seed, 0, 7) ^ (bound(seed, 0, 7) == 2 ? 1 : 0);
        if (field == 1) leaf.captured ^= uint128(bound(seed, 1, type(uint128).max));
        if (field == 2) leaf.within[0].hash ^= bytes32(bound(seed, 1, type(uint256).max));
        if (field == 3) leaf.within[0].sum ^= uint128(bound(seed, 1, type(uint128).max));
        if (field == 4) leaf.within[0].left = !leaf.within[0].left;
        if (field == 5) leaf.above[seed % 3] ^= bytes32(bound(seed, 1, type(uint256).max));
        if (field == 6) leaf.above = new bytes32[](bound(seed, 4, 70));
        if (field == 7) leaf.above = new bytes32[](bound(seed, 0, 2));
        if (field == 8) leaf.receipt = other;
        if (field == 9) leaf.within = new IGuarantee.SumNode[](0);
        _notShown(batch, leaf);
    }

    /// @dev Every part of the batch, altered: the wallet remembers another one, or none.
    function testFuzz_anAlteredBatchIsNotRemembered(uint256 seed, uint256 field) external {
        (IGuarantee.Remembered memory batch, Captured[][] memory parts) = _window(seed, 5);
        settle(processor, account, 7, batch);
        IGuarantee.Receipt memory receipt = receiptFor(100, 1000);
        (receipt.mandateId, receipt.payee) = (parts[2][1].mandateId, batch.payouts[2].payee);
        vm.warp(DEMANDED);
        demand(receipt);
        IGuarantee.Leaf memory leaf = Trees.open(batch.payouts, parts, 2, 1);
        leaf.receipt = receipt;

        field = bound(field, 0, 5);
        uint64 by = uint64(bound(seed, 1, type(uint64).max));
        if (field == 0) batch.processor = rival.addr;
        if (field == 1) batch.place ^= by;
        if (field == 2) batch.token = address(otherToken);
        if (field == 3) batch.captures ^= bytes32(uint256(by));
        if (field == 4) batch.payouts[seed % 5].amount ^= by;
        if (field == 5) batch.payouts[seed % 5].payee = address(uint160(batch.payouts[seed % 5].payee) ^ by);
        IGuarantee.Leaf[] memory leaves = new IGuarantee.Leaf[](1);
        leaves[0] = leaf;
        vm.expectRevert(abi.encodeWithSelector(IGuarantee.NotRemembered.selector, batch.processor, batch.place));
        guarantee.answer(batch, leaves);
    }

    /// @dev One payment of 70, said to be two mandates of 70: the sums do not fit it.
    function test_onePaymentDoesNotShowTwoMandates() external {
        IGuarantee.Receipt memory one = receiptFor(7, 70);
        IGuarantee.Receipt memory two = receiptFor(8, 70);
        Captured[] memory parts = new Captured[](2);
        parts[0] = Captured(one.mandateId, 70);
        parts[1] = Captured(two.mandateId, 70);
        IGuarantee.Remembered memory batch =
            IGuarantee.Remembered(processor.addr, 0, address(token), 0, new IDebitWallet.Payout[](1));
        batch.payouts[0] = IDebitWallet.Payout(payee.addr, 70);
        Captured[][] memory all = new Captured[][](1);
        all[0] = parts;
        batch.captures = Trees.root(batch.payouts, all);
        settle(processor, account, 7, batch);
        vm.warp(DEMANDED);
        demand(one);
        demand(two);
        for (uint256 i = 0; i < 2; i++) {
            IGuarantee.Leaf memory leaf = leafOf(batch, parts, i);
            leaf.receipt = i == 0 ? one : two;
            _notShown(batch, leaf);
            // Nor with a sum beside it that makes up for it: 2^128 less 70 is none.
            leaf.within[0].sum = 0;
            _notShown(batch, leaf);
        }
    }

    /// @dev A tree that has the same payout twice, each time made of another mandate: a payout's place says which it
    /// is.
    function test_onePayoutHasOneTree() external {
        IGuarantee.Receipt memory one = receiptFor(7, 70);
        IGuarantee.Receipt memory two = receiptFor(8, 70);
        IGuarantee.Remembered memory batch =
            IGuarantee.Remembered(processor.addr, 0, address(token), 0, new IDebitWallet.Payout[](1));
        batch.payouts[0] = IDebitWallet.Payout(payee.addr, 70);
        bytes32[2] memory leaves;
        for (uint256 i = 0; i < 2; i++) {
            bytes32 root = Trees.sumRoot(only(i == 0 ? one.mandateId : two.mandateId, 70));
            leaves[i] = keccak256(abi.encode(0, payee.addr, 70, root));
        }
        batch.captures = keccak256(abi.encode(leaves[0], leaves[1]));
        settle(processor, account, 7, batch);
        vm.warp(DEMANDED);
        demand(one);
        demand(two);
        for (uint256 i = 0; i < 2; i++) {
            IGuarantee.Leaf memory leaf;
            (leaf.receipt, leaf.captured) = (i == 0 ? one : two, 70);
            leaf.above = new bytes32[](1);
            leaf.above[0] = leaves[1 - i];
            _notShown(batch, leaf);
        }
    }

    /// @dev What was paid to somebody else in the same batch, for the same mandate.
    function test_whatAnotherPayeeGotShowsNothing() external {
        IGuarantee.Receipt memory receipt = receiptFor(7, 70);
        IGuarantee.Remembered memory batch =
            settleWith(processor, account, 7, processor.addr, only(receipt.mandateId, 70), 0);
        demandInTime(receipt);
        IGuarantee.Leaf memory leaf = leafOf(batch, only(receipt.mandateId, 70), 0);
        leaf.receipt = receipt;
        _notShown(batch, leaf);
    }

    function test_whatWasPaidInAnotherTokenShowsNothing() external {
        IGuarantee.Receipt memory receipt = receiptFor(7, 70);
        fund(otherToken, account, 100);
        IGuarantee.Remembered memory batch = _batchOf(receipt, 70, 0);
        batch.token = address(otherToken);
        settle(processor, account, 7, batch);
        demandInTime(receipt);
        IGuarantee.Leaf memory leaf = leafOf(batch, only(receipt.mandateId, 70), 0);
        leaf.receipt = receipt;
        _notShown(batch, leaf);
    }

    // --- Captures and rulings -----------------------------------------------------------------------

    function test_aPayeeIsOwedWhatItTook() external {
        IGuarantee.Receipt memory receipt = receiptFor(7, 70);
        bytes32 digest = demandInTime(receipt);
        vm.expectEmit(address(guarantee));
        emit IGuarantee.DueLowered(digest, 30);
        _capture(receipt, 30, payee);
        assertEq(guarantee.claimable(receipt), 30);
        // Lower still, and not up again.
        _capture(receipt, 20, payee);
        _capture(receipt, 60, payee);
        assertEq(guarantee.claimable(receipt), 20);
    }

    function test_nobodyElseTakesLessForAPayee() external {
        IGuarantee.Receipt memory receipt = receiptFor(7, 70);
        receipt.arbiter = rival.addr;
        bytes32 digest = demandInTime(receipt);
        Person[4] memory others = [processor, alice, mallory, rival];
        for (uint256 i = 0; i < others.length; i++) {
            vm.expectRevert(abi.encodeWithSelector(IGuarantee.CaptureSignature.selector, digest));
            _capture(receipt, 0, others[i]);
        }
        // Nor does what the payee took of another mandate count.
        IGuarantee.CaptureAnswer[] memory list = new IGuarantee.CaptureAnswer[](1);
        list[0] = IGuarantee.CaptureAnswer(receipt, 0, sign(payee, Typed.hash(IGuarantee.Capture(mandateId(8), 0))));
        vm.expectRevert(abi.encodeWithSelector(IGuarantee.CaptureSignature.selector, digest));
        guarantee.answerByCapture(list);
    }

    /// @dev The processor took note of 50. What the payee signed before, it answers no more.
    function test_whatTheProcessorSignedIsNotLoweredByThePayeesOwnWord() external {
        IGuarantee.Receipt memory receipt = receiptFor(7, 70);
        receipt.arbiter = rival.addr;
        vm.warp(DEMANDED);
        bytes32 digest = demand(receipt, captureOf(receipt, 50));
        vm.expectRevert(abi.encodeWithSelector(IGuarantee.CaptureFixed.selector, digest));
        _capture(receipt, 10, payee);
        _rule(receipt, 40, rival);
        assertEq(guarantee.claimable(receipt), 40);
    }

    function test_anArbiterLowersWhatIsDue() external {
        IGuarantee.Receipt memory receipt = receiptFor(7, 70);
        receipt.arbiter = rival.addr;
        demandInTime(receipt);
        _rule(receipt, 71, rival);
        assertEq(guarantee.claimable(receipt), 70);
        _rule(receipt, 0, rival);
        assertEq(guarantee.claimable(receipt), 0);
        vm.warp(CLAIMABLE);
        claim(receipt);
        assertEq(bondOf(processor), 1000);
    }

    function test_onlyTheArbiterThatTheReceiptNamesRules() external {
        IGuarantee.Receipt memory receipt = receiptFor(7, 70);
        bytes32 digest = demandInTime(receipt);
        // It names none.
        _notRuled(receipt, digest, processor);
        receipt.nonce = 8;
        receipt.arbiter = rival.addr;
        digest = demand(receipt);
        Person[4] memory others = [processor, payee, alice, mallory];
        for (uint256 i = 0; i < others.length; i++) {
            _notRuled(receipt, digest, others[i]);
        }
        // A ruling about another mandate, and one that is garbage where no arbiter is named.
        IGuarantee.RulingAnswer[] memory list = new IGuarantee.RulingAnswer[](1);
        list[0].receipt = receipt;
        list[0].ruling = IGuarantee.Ruling(mandateId(9), 0, 0, 0);
        list[0].signature = sign(rival, Typed.hash(list[0].ruling));
        vm.expectRevert(abi.encodeWithSelector(IGuarantee.RulingSignature.selector, digest));
        guarantee.answerByRuling(list);
        list[0].receipt = receiptFor(7, 70);
        list[0].ruling.mandateId = mandateId(7);
        list[0].signature = new bytes(65);
        digest = digestOf(list[0].receipt);
        vm.expectRevert(abi.encodeWithSelector(IGuarantee.RulingSignature.selector, digest));
        guarantee.answerByRuling(list);
    }

    // --- The deposit --------------------------------------------------------------------------------

    function test_whoDemandsWhatWasSettledPaysTheAnswer() external {
        IGuarantee.Receipt memory receipt = receiptFor(7, 70);
        IGuarantee.Remembered memory batch = settleReceipt(receipt, 70, 0);
        uint256 deposit = _demandWithDeposit(receipt);
        vm.expectEmit(address(guarantee));
        emit IGuarantee.DepositForfeited(digestOf(receipt), processor.addr, deposit);
        answer(batch, receipt);
        assertEq(guarantee.etherOf(processor.addr), deposit);
        // Once.
        answer(batch, receipt);
        assertEq(guarantee.etherOf(processor.addr), deposit);
        vm.warp(CLAIMABLE);
        claim(receipt);
        assertEq(guarantee.etherOf(mallory.addr), 0);
        assertEq(address(guarantee).balance, deposit);
    }

    function test_whoDemandsWhatWasSettledTooLateOrForTooLittleHasItsDepositBack() external {
        IGuarantee.Receipt memory little = receiptFor(7, 70);
        IGuarantee.Remembered memory batch = settleReceipt(little, 69, 0);
        uint256 deposit = _demandWithDeposit(little);
        answer(batch, little);

        IGuarantee.Receipt memory late = receiptFor(8, 70);
        deposit += _demandWithDeposit(late);
        // In the demand's own second nobody knows which came first.
        batch = settleReceipt(late, 70, 1);
        answer(batch, late);
        assertEq(guarantee.etherOf(processor.addr), 0);
        vm.warp(CLAIMABLE);
        claim(little);
        claim(late);
        assertEq(guarantee.etherOf(mallory.addr), deposit);
    }

    /// @dev The processor first shows that the payee took 50, and then that it had paid that.
    function test_aDemandForMoreThanThePayeeTookIsForNothing() external {
        IGuarantee.Receipt memory receipt = receiptFor(7, 70);
        IGuarantee.Remembered memory batch = settleReceipt(receipt, 50, 0);
        uint256 deposit = _demandWithDeposit(receipt);
        _capture(receipt, 50, payee);
        answer(batch, receipt);
        assertEq(guarantee.etherOf(processor.addr), deposit);
    }

    // --- Lists --------------------------------------------------------------------------------------

    function test_oneBatchAnswersManyDemands() external {
        Captured[] memory parts = new Captured[](5);
        for (uint64 i = 0; i < 5; i++) {
            parts[i] = Captured(mandateId(i), 10 + i);
        }
        IGuarantee.Remembered memory batch = settleWith(processor, account, 7, payee.addr, parts, 0);
        vm.warp(DEMANDED);
        IGuarantee.Leaf[] memory leaves = new IGuarantee.Leaf[](5);
        for (uint64 i = 0; i < 5; i++) {
            demand(receiptFor(i, 10 + i));
            leaves[i] = leafOf(batch, parts, i);
            leaves[i].receipt = receiptFor(i, 10 + i);
        }
        guarantee.answer(batch, leaves);
        for (uint64 i = 0; i < 5; i++) {
            assertEq(guarantee.claimable(receiptFor(i, 10 + i)), 0);
        }
    }

    // --- Helpers ------------------------------------------------------------------------------------

    /// @dev A batch of so many payouts, of one to four mandates each, none of which is remembered yet.
    function _window(uint256 seed, uint256 payouts)
        private
        view
        returns (IGuarantee.Remembered memory batch, Captured[][] memory parts)
    {
        batch = IGuarantee.Remembered(processor.addr, 5, address(token), 0, new IDebitWallet.Payout[](payouts));
        parts = new Captured[][](payouts);
        for (uint256 i = 0; i < payouts; i++) {
            batch.payouts[i].payee = address(uint160(uint256(keccak256(abi.encode(seed, i)))));
            parts[i] = new Captured[](i == 2 ? 3 : 1 + uint256(keccak256(abi.encode(seed, "parts", i))) % 4);
            for (uint256 j = 0; j < parts[i].length; j++) {
                bytes32 id = keccak256(abi.encode(seed, i, j));
                parts[i][j] = Captured(id, 1 + uint128(uint256(id) % 20));
                batch.payouts[i].amount += parts[i][j].amount;
            }
        }
        batch.captures = Trees.root(batch.payouts, parts);
    }

    function _batchOf(IGuarantee.Receipt memory receipt, uint128 amount, uint64 place)
        private
        view
        returns (IGuarantee.Remembered memory batch)
    {
        batch = IGuarantee.Remembered(processor.addr, place, address(token), 0, new IDebitWallet.Payout[](1));
        batch.payouts[0] = IDebitWallet.Payout(receipt.payee, amount);
        Captured[][] memory parts = new Captured[][](1);
        parts[0] = only(receipt.mandateId, amount);
        batch.captures = Trees.root(batch.payouts, parts);
    }

    function _demandWithDeposit(IGuarantee.Receipt memory receipt) private returns (uint256 deposit) {
        vm.fee(BASE_FEE);
        vm.warp(DEMANDED);
        deposit = guarantee.depositFor(1);
        vm.deal(mallory.addr, deposit);
        IGuarantee.Promise[] memory list = promised(receipt, processor);
        vm.prank(mallory.addr);
        guarantee.demand{value: deposit}(list);
    }

    function _capture(IGuarantee.Receipt memory receipt, uint96 amount, Person memory by) private {
        IGuarantee.CaptureAnswer[] memory list = new IGuarantee.CaptureAnswer[](1);
        bytes32 hash = Typed.hash(IGuarantee.Capture(receipt.mandateId, amount));
        list[0] = IGuarantee.CaptureAnswer(receipt, amount, sign(by, hash));
        guarantee.answerByCapture(list);
    }

    function _rule(IGuarantee.Receipt memory receipt, uint96 captured, Person memory by) private {
        IGuarantee.RulingAnswer[] memory list = new IGuarantee.RulingAnswer[](1);
        IGuarantee.Ruling memory ruling = IGuarantee.Ruling(receipt.mandateId, captured, "evidence", uint40(START));
        list[0] = IGuarantee.RulingAnswer(receipt, ruling, sign(by, Typed.hash(ruling)));
        guarantee.answerByRuling(list);
    }

    function _notRuled(IGuarantee.Receipt memory receipt, bytes32 digest, Person memory by) private {
        vm.expectRevert(abi.encodeWithSelector(IGuarantee.RulingSignature.selector, digest));
        _rule(receipt, 0, by);
    }

    function _notShown(IGuarantee.Remembered memory batch, IGuarantee.Leaf memory leaf) private {
        bytes32 digest = digestOf(leaf.receipt);
        vm.expectRevert(abi.encodeWithSelector(IGuarantee.NotShown.selector, digest));
        answer(batch, leaf);
    }

    function _notRemembered(IGuarantee.Remembered memory batch, IGuarantee.Receipt memory receipt) private {
        vm.expectRevert(abi.encodeWithSelector(IGuarantee.NotRemembered.selector, batch.processor, batch.place));
        answer(batch, receipt);
    }
}
