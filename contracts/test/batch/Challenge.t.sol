// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IDebitWallet} from "../../src/interfaces/IDebitWallet.sol";
import {OpenToken} from "../tokens/OpenToken.sol";
import {BatchTest} from "./support/BatchTest.sol";
import {Batch, Model} from "./support/Model.sol";
import {ParticularVerifier} from "./support/Verifiers.sol";

/// @notice Fear: a proof of one statement settles another one, because something that the wallet acts on is in
/// no public input.
/// @dev The verifier takes exactly one statement, the honest batch's, as a real proof would.
contract BatchChallengeTest is BatchTest {
    ParticularVerifier private particular;

    /// @dev Ids that batches got, to see that no two are equal.
    mapping(bytes32 batchId => string) private seen;

    function setUp() public override {
        super.setUp();
        particular = new ParticularVerifier();
        verifierSet = register(wallet, address(particular));
        first = open(alice, verifierSet, 11);
        second = open(bob, verifierSet, 12);
        fund(first, address(token), FUNDS);
        fund(second, address(token), FUNDS);
        particular.setStatement(publicInputs(honest()));
    }

    function test_theProvenBatchSettles() external {
        settle(honest());
    }

    // --- Where ----------------------------------------------------------------------------------

    function test_aProofForAnotherChainIsRefused() external {
        vm.chainId(8453);
        _assertNotProven(honest());
        particular.setStatement(publicInputs(honest()));
        settle(honest());
    }

    /// @dev The same accounts, keys and funds, in a second wallet on the same chain.
    function test_aProofForAnotherWalletIsRefused() external {
        wallet = newWallet();
        register(wallet, address(particular));
        for (uint32 account = 1; account <= second; account++) {
            open(alice, verifierSet, keyHash[account]);
            fund(account, address(token), FUNDS);
        }
        _assertNotProven(honest());
        particular.setStatement(publicInputs(honest()));
        settle(honest());
    }

    function test_aProofForAnotherTokenIsRefused() external {
        OpenToken other = new OpenToken();
        fund(first, address(other), FUNDS);
        fund(second, address(other), FUNDS);
        Batch memory batch = honest();
        batch.header.token = address(other);
        _assertNotProven(batch);
        particular.setStatement(publicInputs(batch));
        settle(batch);
    }

    // --- What -----------------------------------------------------------------------------------

    function test_aProofForAnotherHeaderIsRefused() external {
        Batch memory batch = honest();
        batch.header.validUntil += 1;
        _assertNotProven(batch);

        batch = honest();
        batch.segments[0].commitment += 1;
        _assertNotProven(batch);

        batch = honest();
        batch.debits[1].mask = 3;
        batch.header.count += 1;
        _assertNotProven(batch);
    }

    function test_aProofForOtherDebitsIsRefused() external {
        Batch memory batch = honest();
        batch.debits[1].account = second;
        _assertNotProven(batch);

        batch = honest();
        batch.debits[1].word += 1;
        _assertNotProven(batch);

        batch = honest();
        batch.debits[1].mask <<= 1;
        _assertNotProven(batch);

        // Money moved from one payer to the other.
        batch = honest();
        batch.debits[1].amount -= 1;
        batch.debits[2].amount += 1;
        _assertNotProven(batch);

        // One entry more, of nothing but a nonce.
        batch = honest();
        batch.debits = new IDebitWallet.Debit[](4);
        (batch.debits[0], batch.debits[1], batch.debits[2]) =
        (honest().debits[0], honest().debits[1], honest().debits[2]);
        batch.debits[3] = IDebitWallet.Debit(second, 1, 1, 0);
        batch.header.count += 1;
        _assertNotProven(batch);
    }

    function test_aProofForOtherPayoutsIsRefused() external {
        Batch memory batch = honest();
        batch.payouts[0].payee = processor;
        _assertNotProven(batch);

        batch = honest();
        batch.payouts[0].amount -= 1;
        batch.payouts[1].amount += 1;
        _assertNotProven(batch);

        batch = honest();
        (batch.payouts[0].payee, batch.payouts[1].payee) = (batch.payouts[1].payee, batch.payouts[0].payee);
        _assertNotProven(batch);

        // A payee of nothing: it would be handed what is credited to it.
        batch = honest();
        batch.payouts = new IDebitWallet.Payout[](3);
        (batch.payouts[0], batch.payouts[1]) = (honest().payouts[0], honest().payouts[1]);
        batch.payouts[2] = IDebitWallet.Payout(processor, 0);
        _assertNotProven(batch);
    }

    function test_aProofForAnotherShapeIsRefused() external {
        IDebitWallet.ShapeVerifier[] memory verifiers = new IDebitWallet.ShapeVerifier[](2);
        verifiers[0] = IDebitWallet.ShapeVerifier(SHAPE, address(particular));
        verifiers[1] = IDebitWallet.ShapeVerifier(SHAPE + 1, address(particular));
        verifierSet = wallet.registerVerifiers(verifiers);
        first = open(alice, verifierSet, 11);
        second = open(bob, verifierSet, 12);
        fund(first, address(token), FUNDS);
        fund(second, address(token), FUNDS);
        particular.setStatement(publicInputs(honest()));

        Batch memory batch = honest();
        batch.segments[0].shape = SHAPE + 1;
        _assertNotProven(batch);
        settle(honest());
    }

    // --- Exactly these inputs -------------------------------------------------------------------

    /// @dev Whatever the entries: the wallet asks the verifier for C, X, β, R of the model, with the caller's
    /// proof, and hands out the model's seed.
    function testFuzz_theVerifierIsAskedForTheModelsStatement(
        uint128[3] calldata masks,
        uint64[3] calldata words,
        uint32[3] calldata amounts,
        address[2] calldata payees,
        uint256 commitment,
        uint40 validUntil
    ) external {
        Batch memory batch = honest();
        uint256 count = 0;
        uint256 total = 0;
        for (uint256 i = 0; i < 3; i++) {
            // Words apart, so that no nonce is met twice.
            uint64 word = (words[i] % 2 ** 55) * 4 + uint64(i);
            batch.debits[i] = IDebitWallet.Debit(i == 1 ? second : first, word, masks[i] | 1, amounts[i] / 16);
            total += amounts[i] / 16;
            for (uint128 mask = masks[i] | 1; mask != 0; mask &= mask - 1) {
                count++;
            }
        }
        for (uint256 i = 0; i < 2; i++) {
            vm.assume(uint160(payees[i]) > 0xffff && payees[i] != address(wallet) && payees[i] != address(this));
        }
        batch.payouts[0] = IDebitWallet.Payout(payees[0], uint128(total / 3));
        batch.payouts[1] = IDebitWallet.Payout(payees[1], uint128(total - total / 3));
        batch.header.count = uint32(count);
        batch.header.validUntil = uint40(bound(validUntil, START, type(uint40).max));
        batch.segments[0].commitment = commitment % Model.R;

        uint256[4] memory inputs = publicInputs(batch);
        particular.setStatement(inputs);
        vm.expectCall(address(particular), _verifying(inputs), 1);
        assertEq(settle(batch), seed(batch));
    }

    /// @dev No two of these batches share an id, and each id is the model's.
    function test_everythingThatIsSettledMovesTheId() external {
        _note(honest(), "honest");
        Batch memory batch = honest();
        batch.segments[0].commitment += 1;
        _note(batch, "commitment");
        batch = honest();
        batch.header.validUntil += 1;
        _note(batch, "validUntil");
        batch = honest();
        batch.debits[1].mask = 3;
        batch.header.count += 1;
        _note(batch, "count and mask");
        batch = honest();
        batch.debits[1].mask = 2;
        _note(batch, "mask");
        batch = honest();
        batch.debits[1].word = 5;
        _note(batch, "word");
        batch = honest();
        batch.debits[1].account = second;
        _note(batch, "account");
        batch = honest();
        batch.debits[0].amount -= 1;
        batch.payouts[0].amount -= 1;
        _note(batch, "amounts");
        batch = honest();
        (batch.debits[0], batch.debits[1]) = (batch.debits[1], batch.debits[0]);
        _note(batch, "order of debits");
        batch = honest();
        (batch.payouts[0], batch.payouts[1]) = (batch.payouts[1], batch.payouts[0]);
        _note(batch, "order of payouts");
        batch = honest();
        batch.payouts[0].payee = processor;
        _note(batch, "payee");
        vm.chainId(1);
        _note(honest(), "chain");
        vm.chainId(31_337);

        uint256 kept = vm.snapshotState();
        vm.prank(alice);
        wallet.rotateKey(first, 13);
        vm.warp(START + DELAY);
        wallet.applyChange(first);
        vm.warp(START);
        keyHash[first] = 13;
        bytes32 rotated = seed(honest());
        vm.revertToState(kept);
        assertEq(seen[rotated], "");
    }

    function _verifying(uint256[4] memory inputs) private view returns (bytes memory) {
        uint256[8][] memory proofs = new uint256[8][](1);
        uint256[4][] memory all = new uint256[4][](1);
        (proofs[0], all[0]) = (proof(), inputs);
        return abi.encodeCall(particular.verify, (proofs, all));
    }

    function _note(Batch memory batch, string memory name) private {
        uint256[4] memory inputs = publicInputs(batch);
        uint256 kept = vm.snapshotState();
        particular.setStatement(inputs);
        bytes32 batchId = settle(batch);
        vm.revertToState(kept);
        assertEq(seen[batchId], "", name);
        assertEq(batchId, seed(batch), name);
        seen[batchId] = name;
    }

    function _assertNotProven(Batch memory batch) private {
        assertRefused(batch, abi.encodeWithSelector(IDebitWallet.ProofRefused.selector, seed(batch)));
    }
}
