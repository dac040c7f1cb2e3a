// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IDebitWallet} from "../../../src/interfaces/IDebitWallet.sol";
import {IGuarantee} from "../../../src/interfaces/IGuarantee.sol";
import {Periods} from "../../base/Periods.sol";
import {Settlement} from "../../wallet/support/Settlement.sol";
import {Typed} from "../../wallet/support/Typed.sol";
import {Person, WalletTest} from "../../wallet/support/WalletTest.sol";
import {Captured, Trees} from "./Trees.sol";

/// @title A test of the guarantee: a processor with a bond, receipts, and batches that are remembered
abstract contract GuaranteeTest is WalletTest {
    uint40 internal constant SETTLE_BY = uint40(START) + 1 hours;
    /// @dev When tests demand, and when what they demanded can be claimed.
    uint40 internal constant DEMANDED = SETTLE_BY + 1;
    uint40 internal constant CLAIMABLE = DEMANDED + Periods.RESPONSE + 1;

    IGuarantee internal guarantee;
    uint32 internal account;
    /// @dev A key that signs for the processor.
    Person internal signer;

    function setUp() public virtual override {
        super.setUp();
        guarantee = wallet.GUARANTEE();
        account = openFunded(alice, 1000);
        signer = person("signer");
    }

    // --- Bonds --------------------------------------------------------------------------------------

    /// @dev Puts freshly minted tokens behind a processor's receipts, for all payees.
    function bond(Person memory processor_, uint256 amount) internal {
        bond(processor_, address(0), amount);
    }

    function bond(Person memory processor_, address payee_, uint256 amount) internal {
        token.mint(address(this), amount);
        token.approve(address(guarantee), amount);
        guarantee.bond(processor_.addr, payee_, address(token), amount);
    }

    function bondOf(Person memory processor_) internal view returns (uint256) {
        return bondOf(processor_, address(0));
    }

    function bondOf(Person memory processor_, address payee_) internal view returns (uint256) {
        return guarantee.bondOf(processor_.addr, payee_, address(token)).balance;
    }

    // --- Receipts -----------------------------------------------------------------------------------

    function mandateId(uint64 nonce) internal pure returns (bytes32) {
        return keccak256(abi.encode("mandate", nonce));
    }

    /// @dev The processor's.
    function receiptFor(uint64 nonce, uint96 amount) internal view returns (IGuarantee.Receipt memory) {
        return IGuarantee.Receipt({
            mandateId: mandateId(nonce),
            processor: processor.addr,
            account: account,
            nonce: nonce,
            token: address(token),
            payee: payee.addr,
            arbiter: address(0),
            amount: amount,
            issuedAt: uint40(START),
            deadline: SETTLE_BY + 1 hours,
            settleBy: SETTLE_BY
        });
    }

    function digestOf(IGuarantee.Receipt memory receipt) internal view returns (bytes32) {
        return digestOf(Typed.hash(receipt));
    }

    function sign(Person memory by, IGuarantee.Receipt memory receipt) internal view returns (bytes memory) {
        return sign(by, Typed.hash(receipt));
    }

    /// @dev With what the processor signed about a capture.
    function captureOf(IGuarantee.Receipt memory receipt, uint96 amount)
        internal
        view
        returns (IGuarantee.CaptureReceipt memory)
    {
        return IGuarantee.CaptureReceipt(
            receipt.mandateId, receipt.processor, receipt.arbiter, amount, uint40(vm.getBlockTimestamp())
        );
    }

    // --- Demands and claims -------------------------------------------------------------------------

    function promised(IGuarantee.Receipt memory receipt, Person memory by)
        internal
        view
        returns (IGuarantee.Promise[] memory list)
    {
        list = new IGuarantee.Promise[](1);
        (list[0].receipt, list[0].signature) = (receipt, sign(by, receipt));
    }

    /// @dev By anybody, with the processor's signature, now.
    function demand(IGuarantee.Receipt memory receipt) internal returns (bytes32 digest) {
        return demand(receipt, processor);
    }

    function demand(IGuarantee.Receipt memory receipt, Person memory by) internal returns (bytes32 digest) {
        IGuarantee.Promise[] memory list = promised(receipt, by);
        vm.prank(mallory.addr);
        guarantee.demand(list);
        return digestOf(receipt);
    }

    /// @dev By the payee, with a capture receipt of the processor's own key.
    function demand(IGuarantee.Receipt memory receipt, IGuarantee.CaptureReceipt memory capture)
        internal
        returns (bytes32 digest)
    {
        IGuarantee.Promise[] memory list = promised(receipt, processor);
        (list[0].capture, list[0].captureSignature) = (capture, sign(processor, Typed.hash(capture)));
        vm.prank(receipt.payee);
        guarantee.demand(list);
        return digestOf(receipt);
    }

    /// @dev The moment at which tests demand, and then.
    function demandInTime(IGuarantee.Receipt memory receipt) internal returns (bytes32) {
        vm.warp(DEMANDED);
        return demand(receipt);
    }

    function claim(Person memory by, IGuarantee.Receipt memory receipt) internal {
        IGuarantee.Receipt[] memory list = new IGuarantee.Receipt[](1);
        list[0] = receipt;
        vm.prank(by.addr);
        guarantee.claim(list);
    }

    /// @dev By anybody.
    function claim(IGuarantee.Receipt memory receipt) internal {
        claim(mallory, receipt);
    }

    /// @dev Demanded and claimed, with time passing.
    function demandAndClaim(IGuarantee.Receipt memory receipt) internal {
        demandInTime(receipt);
        vm.warp(CLAIMABLE);
        claim(receipt);
    }

    // --- Answers ------------------------------------------------------------------------------------

    /// @dev Settles one nonce of an account in one payout to a payee, and remembers what that was made of.
    function settleWith(
        Person memory by,
        uint32 account_,
        uint64 nonce,
        address payee_,
        Captured[] memory parts,
        uint64 place
    ) internal returns (IGuarantee.Remembered memory batch) {
        uint128 amount = 0;
        for (uint256 i = 0; i < parts.length; i++) {
            amount += parts[i].amount;
        }
        batch = IGuarantee.Remembered(by.addr, place, address(token), 0, new IDebitWallet.Payout[](1));
        batch.payouts[0] = IDebitWallet.Payout(payee_, amount);
        batch.captures = Trees.root(batch.payouts, _single(parts));
        settle(by, account_, nonce, batch);
    }

    /// @dev Settles one nonce with these payouts, and remembers them.
    function settle(Person memory by, uint32 account_, uint64 nonce, IGuarantee.Remembered memory batch) internal {
        IDebitWallet.Header memory header =
            IDebitWallet.Header(by.addr, verifierSet, batch.token, type(uint40).max, 1, batch.captures, batch.place);
        IDebitWallet.Debit[] memory debits = new IDebitWallet.Debit[](1);
        debits[0] = IDebitWallet.Debit(account_, nonce >> 7, uint128(1) << (nonce & 127), 0);
        for (uint256 i = 0; i < batch.payouts.length; i++) {
            debits[0].amount += batch.payouts[i].amount;
        }
        uint256[] memory keyHashes = new uint256[](1);
        keyHashes[0] = KEY;
        IDebitWallet.Segment[] memory segments = new IDebitWallet.Segment[](1);
        (segments[0].shape, segments[0].commitment) = (SHAPE, 1);
        uint256 hint = Settlement.complete(wallet, header, debits, keyHashes, batch.payouts, segments[0]);
        submit(by, abi.encodeCall(wallet.settleBatch, (header, debits, batch.payouts, segments, hint)));
    }

    /// @dev A receipt's mandate alone, captured at so much.
    function settleReceipt(IGuarantee.Receipt memory receipt, uint128 captured, uint64 place)
        internal
        returns (IGuarantee.Remembered memory)
    {
        return settleWith(
            processor, receipt.account, receipt.nonce, receipt.payee, only(receipt.mandateId, captured), place
        );
    }

    function only(bytes32 id, uint128 amount) internal pure returns (Captured[] memory parts) {
        parts = new Captured[](1);
        parts[0] = Captured(id, amount);
    }

    /// @dev The leaf of a part of a batch's only payout.
    function leafOf(IGuarantee.Remembered memory batch, Captured[] memory parts, uint256 part)
        internal
        pure
        returns (IGuarantee.Leaf memory)
    {
        return Trees.open(batch.payouts, _single(parts), 0, part);
    }

    function answer(IGuarantee.Remembered memory batch, IGuarantee.Leaf memory leaf) internal {
        IGuarantee.Leaf[] memory leaves = new IGuarantee.Leaf[](1);
        leaves[0] = leaf;
        vm.prank(bob.addr);
        guarantee.answer(batch, leaves);
    }

    /// @dev With a batch that paid this mandate and nothing else.
    function answer(IGuarantee.Remembered memory batch, IGuarantee.Receipt memory receipt) internal {
        IGuarantee.Leaf memory leaf = leafOf(batch, only(receipt.mandateId, batch.payouts[0].amount), 0);
        leaf.receipt = receipt;
        answer(batch, leaf);
    }

    function _single(Captured[] memory parts) private pure returns (Captured[][] memory all) {
        all = new Captured[][](1);
        all[0] = parts;
    }
}
