// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IDebitWallet} from "../../src/interfaces/IDebitWallet.sol";
import {BatchSum} from "../../src/wallet/BatchSum.sol";
import {Transcript} from "../../src/wallet/Transcript.sol";
import {Test} from "../base/Test.sol";
import {Batch, Model} from "./support/Model.sol";
import {Vectors} from "./support/Vectors.sol";

/// @dev The library's functions, callable.
contract BatchSumHarness {
    function challenges(bytes32 seed) external pure returns (uint256 x, uint256 beta) {
        return BatchSum.challenges(seed);
    }

    function headerWeight(uint256 domain, uint256 validUntil, uint256 beta) external pure returns (uint256) {
        return BatchSum.headerWeight(domain, validUntil, beta);
    }

    function total(
        IDebitWallet.Debit[] calldata debits,
        uint256[] memory keyHashes,
        IDebitWallet.Payout[] calldata payouts,
        IDebitWallet.Segment[] calldata segments,
        uint256[2] memory challenge,
        uint256 header,
        uint256 count,
        uint256 hint
    ) external pure returns (uint256) {
        Transcript.Layout memory batch = Transcript.lay(debits, payouts, segments);
        for (uint256 i = 0; i < keyHashes.length; i++) {
            Transcript.setKeyHash(batch, i, keyHashes[i]);
        }
        return BatchSum.total(batch, challenge[0], challenge[1], header, count, hint);
    }

    function bitCount(uint128 mask) external pure returns (uint256) {
        return BatchSum.bitCount(mask);
    }
}

/// @notice Fear: the wallet's sum differs from the one that the circuit proves, in a corner where nobody looks.
contract BatchSumTest is Test {
    BatchSumHarness private harness = new BatchSumHarness();

    // --- Against the model --------------------------------------------------------------------------

    function testFuzz_theSumIsTheModels(
        IDebitWallet.Debit[6] memory debits,
        IDebitWallet.Payout[6] memory payouts,
        uint256[6] memory hashes,
        uint256[3] memory commitments,
        uint256 lengths,
        uint256 domain,
        uint256 x,
        uint256 beta
    ) external view {
        Batch memory batch;
        (batch.header.validUntil, batch.header.count) = (uint40(domain), uint32(domain >> 40));
        batch.debits = new IDebitWallet.Debit[](lengths % 7);
        batch.payouts = new IDebitWallet.Payout[](lengths / 7 % 7);
        uint256[] memory keyHashes = new uint256[](batch.debits.length);
        for (uint256 i = 0; i < batch.debits.length; i++) {
            (batch.debits[i], keyHashes[i]) = (debits[i], hashes[i] % Model.R);
        }
        for (uint256 i = 0; i < batch.payouts.length; i++) {
            batch.payouts[i] = payouts[i];
        }
        batch.segments = new IDebitWallet.Segment[](1 + lengths / 49 % 3);
        for (uint256 i = 0; i < batch.segments.length; i++) {
            batch.segments[i].commitment = commitments[i] % Model.R;
        }
        // Hashed: the fuzzer is fond of numbers that occur elsewhere, and X would be a pole.
        (x, beta) = (uint256(keccak256(abi.encode(x))), uint256(keccak256(abi.encode(beta))));
        _assertSame(batch, keyHashes, domain % Model.R, x % Model.R, beta % Model.R);
    }

    function test_theSumIsTheModelsAtTheEndsOfAllRanges() external view {
        Batch memory batch;
        batch.header.validUntil = type(uint40).max;
        batch.header.count = type(uint32).max;
        batch.debits = new IDebitWallet.Debit[](3);
        batch.debits[0] = IDebitWallet.Debit(type(uint32).max, 2 ** 57 - 1, type(uint128).max, type(uint128).max);
        batch.debits[1] = IDebitWallet.Debit(1, 0, 1, 0);
        batch.debits[2] = IDebitWallet.Debit(1, 0, 1, 0);
        batch.payouts = new IDebitWallet.Payout[](2);
        batch.payouts[0] = IDebitWallet.Payout(address(type(uint160).max), type(uint128).max);
        batch.payouts[1] = IDebitWallet.Payout(address(1), 0);
        uint256[] memory keyHashes = new uint256[](3);
        (keyHashes[0], keyHashes[1], keyHashes[2]) = (Model.R - 1, 1, Model.R - 1);

        batch.segments = new IDebitWallet.Segment[](3);
        (batch.segments[0].commitment, batch.segments[1].commitment) = (3, Model.R - 3);
        // The second payout's pole, too.
        batch.segments[2].commitment = 1;

        uint256[5] memory ends = [uint256(0), 2, Model.R - 2, Model.R - 1, Model.R / 2];
        for (uint256 i = 0; i < 5; i++) {
            for (uint256 j = 0; j < 5; j++) {
                _assertSame(batch, keyHashes, Model.R - 1, ends[i], ends[j]);
            }
        }
    }

    /// @dev The denominators' part above 2^256, if sums were not reduced as they go.
    function test_aSumOfManyEntriesStaysInTheField() external view {
        Batch memory batch;
        batch.debits = new IDebitWallet.Debit[](64);
        uint256[] memory keyHashes = new uint256[](64);
        for (uint256 i = 0; i < 64; i++) {
            batch.debits[i] = IDebitWallet.Debit(uint32(i), uint64(i), type(uint128).max, type(uint128).max);
            keyHashes[i] = Model.R - 1 - i;
        }
        batch.payouts = new IDebitWallet.Payout[](64);
        for (uint256 i = 0; i < 64; i++) {
            batch.payouts[i] = IDebitWallet.Payout(address(type(uint160).max - uint160(i)), type(uint128).max);
        }
        batch.segments = new IDebitWallet.Segment[](64);
        for (uint256 i = 0; i < 64; i++) {
            batch.segments[i].commitment = Model.R - 6 - i;
        }
        _assertSame(batch, keyHashes, Model.R - 1, Model.R - 5, Model.R - 7);
    }

    function testFuzz_challengesAreTheModels(bytes32 seed) external view {
        (uint256 x, uint256 beta) = harness.challenges(seed);
        (uint256 modelX, uint256 modelBeta) = Model.challenges(seed);
        assertEq(x, modelX);
        assertEq(beta, modelBeta);
        assertNotEq(x, beta);
    }

    // --- Poles --------------------------------------------------------------------------------------

    /// @dev A challenge that falls on a pole is beyond anybody's search. If one did, no hint would help.
    function testFuzz_aZeroDenominatorHasNoHint(uint256 hint, uint256 beta, uint256 pole) external {
        Batch memory batch;
        batch.debits = new IDebitWallet.Debit[](2);
        batch.debits[0] = IDebitWallet.Debit(1, 2, 3, 4);
        batch.debits[1] = IDebitWallet.Debit(5, 6, 7, 8);
        batch.payouts = new IDebitWallet.Payout[](1);
        batch.payouts[0] = IDebitWallet.Payout(address(9), 12);
        batch.segments = new IDebitWallet.Segment[](1);
        batch.segments[0].commitment = 13;
        uint256[] memory keyHashes = new uint256[](2);
        (keyHashes[0], keyHashes[1]) = (10, 11);
        beta = beta % Model.R;
        uint256 x = addmod(5 * 2 ** 57 + 6, mulmod(beta, 11, Model.R), Model.R);
        if (pole % 3 != 0) x = pole % 3 == 1 ? 9 : 13;

        vm.expectRevert(abi.encodeWithSelector(IDebitWallet.HintWrong.selector, hint));
        harness.total(batch.debits, keyHashes, batch.payouts, batch.segments, [x, beta], 1, 1, hint);
    }

    // --- Against other implementations --------------------------------------------------------------

    /// @dev A window that viem and poseidon-lite worked through: domain, seed, X, β and each segment's R are theirs.
    function test_theWalletFindsWhatOtherLibrariesFound() external view {
        string memory json = vm.readFile("../fixtures/vectors/window.json");
        Batch memory batch;
        uint256[] memory keyHashes = Vectors.readEntries(json, ".expected", batch);
        assertEq(keyHashes.length, 6);
        batch.segments = Vectors.readSegments(json, ".expected");
        batch.header.validUntil = uint40(vm.parseJsonUint(json, ".validUntil"));
        batch.header.count = uint32(vm.parseJsonUint(json, ".expected.count"));
        uint256 domain = Model.domain(
            vm.parseJsonUint(json, ".chainId"),
            vm.parseJsonAddress(json, ".wallet"),
            vm.parseJsonAddress(json, ".token")
        );
        assertEq(domain, vm.parseJsonUint(json, ".domain"));

        bytes32 seed = Model.seed(batch, domain, keyHashes);
        assertEq(seed, vm.parseJsonBytes32(json, ".expected.seed"));
        (uint256 x, uint256 beta) = harness.challenges(seed);
        assertEq(x, vm.parseJsonUint(json, ".expected.x"));
        assertEq(beta, vm.parseJsonUint(json, ".expected.beta"));
        uint256 given = 0;
        for (uint256 i = 0; i < batch.segments.length; i++) {
            given = addmod(given, batch.segments[i].sum, Model.R);
        }
        assertEq(_total(batch, keyHashes, domain, x, beta), given);
    }

    // --- Counting bits ------------------------------------------------------------------------------

    function testFuzz_bitsAreCountedAsByHand(uint128 mask) external view {
        assertEq(harness.bitCount(mask), _bits(mask));
    }

    function test_bitsAreCountedAtEveryPlaceAndInEveryRun() external view {
        assertEq(harness.bitCount(0), 0);
        for (uint256 low = 0; low < 128; low++) {
            for (uint256 length = 1; low + length <= 128; length++) {
                uint128 run = uint128(((1 << length) - 1) << low);
                assertEq(harness.bitCount(run), length);
            }
        }
    }

    function _bits(uint128 mask) private pure returns (uint256 bits) {
        for (uint256 i = 0; i < 128; i++) {
            if (mask & (1 << i) != 0) bits++;
        }
    }

    function _assertSame(Batch memory batch, uint256[] memory keyHashes, uint256 domain, uint256 x, uint256 beta)
        private
        view
    {
        assertEq(_total(batch, keyHashes, domain, x, beta), Model.sum(batch, domain, keyHashes, x, beta));
    }

    /// @dev What the wallet finds.
    function _total(Batch memory batch, uint256[] memory keyHashes, uint256 domain, uint256 x, uint256 beta)
        private
        view
        returns (uint256)
    {
        return harness.total(
            batch.debits,
            keyHashes,
            batch.payouts,
            batch.segments,
            [x, beta],
            harness.headerWeight(domain, batch.header.validUntil, beta),
            batch.header.count,
            Model.hint(batch, keyHashes, x, beta)
        );
    }
}
