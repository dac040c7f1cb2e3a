// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IDebitWallet} from "../../../src/interfaces/IDebitWallet.sol";
import {Deployed} from "../../base/Deployed.sol";
import {Periods} from "../../base/Periods.sol";
import {Test} from "../../base/Test.sol";
import {OpenToken} from "../../tokens/OpenToken.sol";
import {AcceptingVerifier} from "../../wallet/support/AcceptingVerifier.sol";
import {Batch, Model} from "./Model.sol";

/// @title A wallet with two funded accounts, and an honest batch over them
/// @notice The verifier takes every proof. So what a test sees refused, the wallet refused by itself, and
/// without the check that refused it the money would have moved.
abstract contract BatchTest is Test {
    uint256 internal constant START = 1_800_000_000;
    uint40 internal constant DELAY = 3 days;
    /// @dev One lane of four slots. The verifier does not care, the seed does.
    uint32 internal constant SHAPE = (1 << 16) + (4 << 1);
    uint256 internal constant FUNDS = 1000e6;

    IDebitWallet internal wallet;
    OpenToken internal token;
    bytes32 internal verifierSet;
    address internal verifier;

    address internal alice = makeAddr("alice");
    address internal bob = makeAddr("bob");
    address internal processor = makeAddr("processor");
    address internal payee = makeAddr("payee");
    address internal otherPayee = makeAddr("other payee");

    /// @dev Of alice and of bob.
    uint32 internal first;
    uint32 internal second;
    /// @dev What the wallet should know as the accounts' key hashes.
    mapping(uint32 account => uint256) internal keyHash;

    function setUp() public virtual {
        vm.warp(START);
        wallet = newWallet();
        token = new OpenToken();
        verifier = address(new AcceptingVerifier());
        verifierSet = register(wallet, verifier);
        first = open(alice, verifierSet, uint256(keccak256("alice's key")) % Model.R);
        second = open(bob, verifierSet, uint256(keccak256("bob's key")) % Model.R);
        fund(first, address(token), FUNDS);
        fund(second, address(token), FUNDS);
    }

    // --- Setting up ---------------------------------------------------------------------------------

    function newWallet() internal returns (IDebitWallet) {
        return Deployed.wallet(Periods.fitting(DELAY, DELAY));
    }

    /// @dev A set with one verifier, for SHAPE.
    function register(IDebitWallet in_, address verifier_) internal returns (bytes32) {
        IDebitWallet.ShapeVerifier[] memory verifiers = new IDebitWallet.ShapeVerifier[](1);
        verifiers[0] = IDebitWallet.ShapeVerifier(SHAPE, verifier_);
        return in_.registerVerifiers(verifiers);
    }

    function open(address owner, bytes32 set, uint256 hash) internal returns (uint32 account) {
        vm.prank(owner);
        account = wallet.openAccount(processor, set, hash);
        keyHash[account] = hash;
    }

    function fund(uint32 account, address token_, uint256 amount) internal {
        OpenToken(token_).mint(address(this), amount);
        OpenToken(token_).approve(address(wallet), amount);
        wallet.deposit(account, token_, amount);
    }

    // --- Batches ------------------------------------------------------------------------------------

    /// @dev Six mandates: three and one of alice's in two words that share a slot, two of bob's. 100 in all.
    function honest() internal view returns (Batch memory batch) {
        batch.header = IDebitWallet.Header(processor, verifierSet, address(token), uint40(START + 1 hours), 6, 0, 0);
        batch.debits = new IDebitWallet.Debit[](3);
        batch.debits[0] = IDebitWallet.Debit(first, 6, 0x80000000000000000000000000000003, 50e6);
        batch.debits[1] = IDebitWallet.Debit(first, 7, 1, 20e6);
        batch.debits[2] = IDebitWallet.Debit(second, 0, 0x11, 30e6);
        batch.payouts = new IDebitWallet.Payout[](2);
        batch.payouts[0] = IDebitWallet.Payout(payee, 60e6);
        batch.payouts[1] = IDebitWallet.Payout(otherPayee, 40e6);
        batch.segments = new IDebitWallet.Segment[](1);
        batch.segments[0] = IDebitWallet.Segment(SHAPE, uint256(keccak256("commitment")) % Model.R, 0, proof());
    }

    /// @dev One mandate, to one payee.
    function single(uint32 account, uint64 word, uint128 mask, uint128 amount)
        internal
        view
        returns (Batch memory batch)
    {
        batch = honest();
        batch.debits = new IDebitWallet.Debit[](1);
        batch.debits[0] = IDebitWallet.Debit(account, word, mask, amount);
        batch.payouts = new IDebitWallet.Payout[](1);
        batch.payouts[0] = IDebitWallet.Payout(payee, amount);
        batch.header.count = 1;
    }

    function keyHashes(Batch memory batch) internal view returns (uint256[] memory hashes) {
        hashes = new uint256[](batch.debits.length);
        for (uint256 i = 0; i < hashes.length; i++) {
            hashes[i] = keyHash[batch.debits[i].account];
        }
    }

    function domain(Batch memory batch) internal view returns (uint256) {
        return Model.domain(vm.getChainId(), address(wallet), batch.header.token);
    }

    function seed(Batch memory batch) internal view returns (bytes32) {
        return Model.seed(batch, domain(batch), keyHashes(batch));
    }

    function publicInputs(Batch memory batch) internal view returns (uint256[4] memory inputs) {
        (inputs,) = Model.publicInputs(batch, domain(batch), keyHashes(batch));
    }

    /// @dev Any words: it is the verifier that reads them.
    function proof() internal pure returns (uint256[8] memory words) {
        for (uint256 i = 0; i < 8; i++) {
            words[i] = uint256(keccak256(abi.encode("proof", i)));
        }
    }

    function callOf(Batch memory batch) internal view returns (bytes memory) {
        (, uint256 hint) = Model.publicInputs(batch, domain(batch), keyHashes(batch));
        return callOf(batch, hint);
    }

    /// @dev With the sums that stand in the batch's segments.
    function callOf(Batch memory batch, uint256 hint) internal pure returns (bytes memory) {
        return
            abi.encodeCall(IDebitWallet.settleBatch, (batch.header, batch.debits, batch.payouts, batch.segments, hint));
    }

    // --- Sending them -------------------------------------------------------------------------------

    function settle(Batch memory batch) internal returns (bytes32 batchId) {
        bytes memory data = callOf(batch);
        vm.prank(processor);
        (bool success, bytes memory answer) = address(wallet).call(data);
        if (!success) {
            assembly ("memory-safe") {
                revert(add(answer, 0x20), mload(answer))
            }
        }
        return abi.decode(answer, (bytes32));
    }

    /// @dev The processor sends it, and the wallet refuses with exactly this.
    function assertRefused(Batch memory batch, bytes memory reason) internal {
        assertRefused(processor, callOf(batch), reason);
    }

    function assertRefused(address from, bytes memory data, bytes memory reason) internal {
        vm.prank(from);
        (bool success, bytes memory answer) = address(wallet).call(data);
        assertFalse(success, "settled");
        assertEq(answer, reason, "refused for another reason");
    }

    // --- Looking ------------------------------------------------------------------------------------

    function balance(uint32 account) internal view returns (uint256) {
        return wallet.balanceOf(account, address(token)).balance;
    }

    /// @dev The bits of a nonce word that are spent.
    function spentWord(uint32 account, uint64 word) internal view returns (uint128) {
        return uint128(wallet.spentNonces(account, address(token), word / 2) >> (word % 2 == 0 ? 0 : 128));
    }
}
