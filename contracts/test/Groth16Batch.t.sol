// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Groth16Verifier} from "../src/Groth16Verifier.sol";
import {IGroth16Verifier} from "../src/interfaces/IGroth16Verifier.sol";
import {OpenKey} from "./batch/support/OpenKey.sol";
import {Deployed} from "./base/Deployed.sol";
import {Test} from "./base/Test.sol";

/// @notice What each further proof of a call costs. Not in the coverage run, which compiles without optimising.
contract Groth16BatchGasTest is Test {
    function test_aFurtherProofCostsAPairingAndTwoMultiplications() external {
        Groth16Verifier verifier = Deployed.verifier(OpenKey.verifyingKey());
        uint256 two = _measure(verifier, 2);
        uint256 eight = _measure(verifier, 8);
        vm.snapshotValue("Groth16Verifier", "verify: 2 proofs", two);
        vm.snapshotValue("Groth16Verifier", "verify: per further proof", (eight - two) / 6);
        assertLe((eight - two) / 6, 49_000);
    }

    function _measure(Groth16Verifier verifier, uint256 count) private returns (uint256) {
        uint256[8][] memory proofs = new uint256[8][](count);
        uint256[4][] memory inputs = new uint256[4][](count);
        for (uint256 i = 0; i < count; i++) {
            inputs[i] = [i, i + 1, i + 2, i + 3];
            proofs[i] = OpenKey.prove(inputs[i]);
        }
        assertTrue(verifier.verify(proofs, inputs));
        return vm.lastCallGas().gasTotalUsed;
    }
}

/// @notice Fear: of several proofs that are verified at once, one does not hold, and the others make up for it.
/// @dev Under a key whose secrets are known, proofs of anything are made, and forgeries that would pass if the
/// coefficients were known, equal, or there were none.
/// forge-config: default.fuzz.runs = 64
contract Groth16BatchTest is Test {
    uint256 private constant Q = 21888242871839275222246405745257275088696311157297823662689037894645226208583;
    uint256 private constant R = 21888242871839275222246405745257275088548364400416034343698204186575808495617;
    /// @dev A precompile that fails uses up what it was given.
    uint256 private constant GAS = 1_500_000;

    Groth16Verifier private verifier;

    function setUp() external {
        verifier = Deployed.verifier(OpenKey.verifyingKey());
    }

    // --- All hold -----------------------------------------------------------------------------------

    function testFuzz_proofsThatHoldVerifyTogether(uint256[4][6] memory random, uint256 count) external view {
        count = bound(count, 1, 6);
        uint256[4][] memory inputs = new uint256[4][](count);
        for (uint256 i = 0; i < count; i++) {
            for (uint256 j = 0; j < 4; j++) {
                inputs[i][j] = random[i][j] % R;
            }
        }
        assertTrue(_verify(_prove(inputs), inputs));
    }

    function test_inputsAtTheEndsOfTheirRangeVerify() external view {
        uint256[4][] memory inputs = new uint256[4][](3);
        inputs[1] = [R - 1, R - 1, R - 1, R - 1];
        inputs[2] = [R - 1, 0, 1, R - 1];
        assertTrue(_verify(_prove(inputs), inputs));
    }

    /// @dev It is the caller's to know what it asks twice.
    function test_oneProofTwiceVerifies() external view {
        (uint256[8][] memory proofs, uint256[4][] memory inputs) = _honest(2);
        (proofs[1], inputs[1]) = (proofs[0], inputs[0]);
        assertTrue(_verify(proofs, inputs));
    }

    /// @dev L at infinity, which is written (0, 0): its negative is not (0, q).
    function test_aSumAtInfinityVerifies() external view {
        uint256[4][] memory inputs = new uint256[4][](1);
        inputs[0] = [OpenKey.inputAtInfinity(), 0, 0, 0];
        assertTrue(_verify(_prove(inputs), inputs), "one");
        uint256[4][] memory two = new uint256[4][](2);
        (two[0], two[1]) = (inputs[0], inputs[0]);
        assertTrue(_verify(_prove(two), two), "two");
    }

    // --- One does not -------------------------------------------------------------------------------

    function test_oneFalseProofAnywhereMakesAllFalse() external view {
        for (uint256 count = 1; count <= 4; count++) {
            for (uint256 i = 0; i < count; i++) {
                for (uint256 j = 0; j < 4; j++) {
                    (uint256[8][] memory proofs, uint256[4][] memory inputs) = _honest(count);
                    inputs[i][j] = addmod(inputs[i][j], 1, R);
                    assertFalse(_verify(proofs, inputs));
                }
                (uint256[8][] memory others, uint256[4][] memory same) = _honest(count);
                (others[i][6], others[i][7]) = _multiply(others[i][6], others[i][7], 2);
                assertFalse(_verify(others, same));
            }
        }
    }

    /// @dev Both are proofs, of the other's inputs.
    function test_proofsInAnotherOrderThanTheirInputsAreFalse() external view {
        for (uint256 i = 0; i < 3; i++) {
            (uint256[8][] memory proofs, uint256[4][] memory inputs) = _honest(3);
            (proofs[i], proofs[(i + 1) % 3]) = (proofs[(i + 1) % 3], proofs[i]);
            assertFalse(_verify(proofs, inputs));
        }
    }

    function test_oneProofGivenForTwoStatementsIsFalse() external view {
        (uint256[8][] memory proofs, uint256[4][] memory inputs) = _honest(2);
        proofs[1] = proofs[0];
        assertFalse(_verify(proofs, inputs));
        (proofs, inputs) = _honest(2);
        proofs[0] = proofs[1];
        assertFalse(_verify(proofs, inputs));
    }

    // --- They make up for each other ----------------------------------------------------------------

    /// @dev Equal coefficients would take it: the sum of all inputs is what it was.
    function testFuzz_inputsMovedFromOneProofToAnotherAreFalse(uint256 moved, uint256 from, uint256 to, uint256 which)
        external
        view
    {
        (from, to, which) = (from % 4, to % 4, which % 4);
        vm.assume(from != to);
        moved = bound(moved, 1, R - 1);
        (uint256[8][] memory proofs, uint256[4][] memory inputs) = _honest(4);
        inputs[from][which] = addmod(inputs[from][which], R - moved, R);
        inputs[to][which] = addmod(inputs[to][which], moved, R);
        assertFalse(_verify(proofs, inputs));
    }

    /// @dev The same by A, as all proofs under this key have one B, and by C.
    function testFuzz_pointsMovedFromOneProofToAnotherAreFalse(uint256 moved, uint256 from, uint256 to, bool byC)
        external
        view
    {
        (from, to) = (from % 4, to % 4);
        vm.assume(from != to);
        moved = bound(moved, 1, R - 1);
        // C is 7·G: moved to infinity, it would be refused for that.
        vm.assume(moved != 7 && moved != R - 7);
        (uint256[8][] memory proofs, uint256[4][] memory inputs) = _honest(4);
        _shift(proofs[from], byC, R - moved);
        _shift(proofs[to], byC, moved);
        assertFalse(_verify(proofs, inputs));
    }

    /// @dev Whoever knew the coefficient of proof i beforehand would shift it by one and proof 0 by −ρᵢ. If the
    /// hash left out what is shifted, the coefficient would be that of the honest calldata.
    function test_noPartOfTheCalldataIsLeftOutOfTheCoefficients() external view {
        for (uint256 i = 1; i < 4; i++) {
            (uint256[8][] memory proofs, uint256[4][] memory inputs) = _honest(4);
            uint256 rho = _coefficient(proofs, inputs, i);
            for (uint256 j = 0; j < 4; j++) {
                (proofs, inputs) = _honest(4);
                inputs[i][j] = addmod(inputs[i][j], 1, R);
                inputs[0][j] = addmod(inputs[0][j], R - rho, R);
                assertFalse(_verify(proofs, inputs), "inputs");
            }
            for (uint256 byC = 0; byC < 2; byC++) {
                (proofs, inputs) = _honest(4);
                _shift(proofs[i], byC == 1, 1);
                _shift(proofs[0], byC == 1, R - rho);
                assertFalse(_verify(proofs, inputs), "points");
            }
        }
    }

    // --- Malformed ----------------------------------------------------------------------------------

    function test_nothingIsNoProof() external {
        vm.expectRevert(IGroth16Verifier.NoProofs.selector);
        verifier.verify(new uint256[8][](0), new uint256[4][](0));
        vm.expectRevert(IGroth16Verifier.NoProofs.selector);
        verifier.verify(new uint256[8][](0), new uint256[4][](1));
    }

    function test_proofsWithoutInputsAndInputsWithoutProofsAreRefused() external {
        (uint256[8][] memory proofs, uint256[4][] memory inputs) = _honest(2);
        (uint256[8][] memory fewer, uint256[4][] memory less) = _honest(1);
        vm.expectRevert(abi.encodeWithSelector(IGroth16Verifier.LengthsDiffer.selector, 2, 1));
        verifier.verify(proofs, less);
        vm.expectRevert(abi.encodeWithSelector(IGroth16Verifier.LengthsDiffer.selector, 1, 2));
        verifier.verify(fewer, inputs);
    }

    /// @dev Each says the same as the canonical calldata, to a decoder that follows offsets.
    function test_calldataInAnotherOrderIsRefused() external view {
        (uint256[8][] memory proofs, uint256[4][] memory inputs) = _honest(2);
        bytes memory proofWords = abi.encodePacked(uint256(2), _words(abi.encode(proofs)));
        bytes memory inputWords = abi.encodePacked(uint256(2), _words(abi.encode(inputs)));
        bytes4 selector = verifier.verify.selector;
        (uint256 first, uint256 length, uint256 inputLength) = (0x40, proofWords.length, inputWords.length);

        bytes memory canonical = bytes.concat(selector, abi.encode(first, first + length), proofWords, inputWords);
        assertEq(canonical, abi.encodeCall(verifier.verify, (proofs, inputs)));
        _refuses(
            bytes.concat(selector, abi.encode(first + inputLength, first), inputWords, proofWords),
            _order(0x64 + inputLength, 0x64)
        );
        _refuses(
            bytes.concat(selector, abi.encode(first + 32, first + 32 + length), bytes32(0), proofWords, inputWords),
            _order(0x64 + 32, 0x64 + 32 + length)
        );
        _refuses(
            bytes.concat(selector, abi.encode(first, first + 32 + length), proofWords, bytes32(0), inputWords),
            _order(0x64, 0x64 + 32 + length)
        );
        _refuses(
            bytes.concat(canonical, bytes32(0)),
            abi.encodeWithSelector(IGroth16Verifier.CalldataLength.selector, canonical.length, canonical.length + 32)
        );
    }

    /// @dev Inputs that are read out of the proofs.
    function test_arraysThatOverlapAreRefused() external view {
        (uint256[8][] memory proofs, uint256[4][] memory inputs) = _honest(1);
        bytes memory data = abi.encodeCall(verifier.verify, (proofs, inputs));
        assembly ("memory-safe") {
            // Both arrays begin where the proofs do.
            mstore(add(data, 0x44), 0x40)
        }
        _refuses(data, _order(0x64, 0x64));
    }

    function testFuzz_lengthsThatDoNotFitAreRefused(uint256 count) external view {
        (uint256[8][] memory proofs, uint256[4][] memory inputs) = _honest(2);
        count = bound(count, 3, type(uint256).max);
        bytes memory data = abi.encodeCall(verifier.verify, (proofs, inputs));
        assembly ("memory-safe") {
            mstore(add(data, 0x64), count)
            mstore(add(data, 0x284), count)
        }
        (bool success,) = address(verifier).staticcall(data);
        assertFalse(success);
    }

    function test_aWordOfAnyProofThatIsNotReducedReverts() external {
        for (uint256 i = 0; i < 3; i++) {
            for (uint256 j = 0; j < 8; j++) {
                (uint256[8][] memory proofs, uint256[4][] memory inputs) = _honest(3);
                proofs[i][j] += Q;
                vm.expectRevert(
                    abi.encodeWithSelector(IGroth16Verifier.CoordinateNotReduced.selector, 8 * i + j, proofs[i][j])
                );
                verifier.verify(proofs, inputs);
            }
            for (uint256 j = 0; j < 4; j++) {
                (uint256[8][] memory proofs, uint256[4][] memory inputs) = _honest(3);
                inputs[i][j] += R;
                vm.expectRevert(
                    abi.encodeWithSelector(IGroth16Verifier.InputNotReduced.selector, 4 * i + j, inputs[i][j])
                );
                verifier.verify(proofs, inputs);
            }
        }
    }

    function test_aPointOfAnyProofAtInfinityReverts() external {
        uint256[4] memory ends = [uint256(0), 2, 6, 8];
        for (uint256 i = 0; i < 3; i++) {
            for (uint256 point = 0; point < 3; point++) {
                (uint256[8][] memory proofs, uint256[4][] memory inputs) = _honest(3);
                for (uint256 word = ends[point]; word < ends[point + 1]; word++) {
                    proofs[i][word] = 0;
                }
                vm.expectRevert(abi.encodeWithSelector(IGroth16Verifier.PointAtInfinity.selector, 8 * i + ends[point]));
                verifier.verify(proofs, inputs);
            }
        }
    }

    function test_aPointOfAnyProofOffItsCurveReverts() external view {
        for (uint256 i = 0; i < 3; i++) {
            for (uint256 word = 0; word < 8; word++) {
                (uint256[8][] memory proofs, uint256[4][] memory inputs) = _honest(3);
                proofs[i][word] = addmod(proofs[i][word], 1, Q);
                (bool success, bytes memory answer) =
                    address(verifier).staticcall{gas: GAS}(abi.encodeCall(verifier.verify, (proofs, inputs)));
                assertFalse(success);
                assertEq(bytes4(answer), IGroth16Verifier.PrecompileFailed.selector);
            }
        }
    }

    // --- Precompiles that fail ----------------------------------------------------------------------

    function test_failedPrecompileIsNeverSuccess() external {
        (uint256[8][] memory proofs, uint256[4][] memory inputs) = _honest(3);
        for (uint256 precompile = 6; precompile <= 8; precompile++) {
            uint256 size = precompile == 8 ? 32 : 64;
            uint256[3] memory lengths = [0, size - 1, size + 32];
            for (uint256 i = 0; i < 3; i++) {
                vm.mockCall(address(uint160(precompile)), "", new bytes(lengths[i]));
                vm.expectRevert(abi.encodeWithSelector(IGroth16Verifier.PrecompileFailed.selector, precompile));
                verifier.verify{gas: GAS}(proofs, inputs);
                vm.clearMockedCalls();
            }
        }
        assertTrue(_verify(proofs, inputs));
    }

    function test_tooLittleGasNeverAnswersWrongly() external view {
        (uint256[8][] memory proofs, uint256[4][] memory inputs) = _honest(3);
        bytes memory good = abi.encodeCall(verifier.verify, (proofs, inputs));
        inputs[2][0] += 1;
        bytes memory bad = abi.encodeCall(verifier.verify, (proofs, inputs));
        for (uint256 gas = 500; gas < 360_000; gas += 2003) {
            (bool success, bytes memory answer) = address(verifier).staticcall{gas: gas}(good);
            if (success) assertEq(answer, abi.encode(true));
            (success, answer) = address(verifier).staticcall{gas: gas}(bad);
            if (success) assertEq(answer, abi.encode(false));
        }
    }

    function testFuzz_oneFlippedBitNeverVerifies(uint256 bit) external view {
        (uint256[8][] memory proofs, uint256[4][] memory inputs) = _honest(3);
        bytes memory data = abi.encodeCall(verifier.verify, (proofs, inputs));
        bit = bound(bit, 32, data.length * 8 - 1);
        data[bit / 8] ^= bytes1(uint8(1 << (bit % 8)));
        (bool success, bytes memory answer) = address(verifier).staticcall{gas: GAS}(data);
        if (success) assertEq(answer, abi.encode(false));
    }

    // --- How ----------------------------------------------------------------------------------------

    function _honest(uint256 count) private view returns (uint256[8][] memory proofs, uint256[4][] memory inputs) {
        inputs = new uint256[4][](count);
        for (uint256 i = 0; i < count; i++) {
            for (uint256 j = 0; j < 4; j++) {
                inputs[i][j] = uint256(keccak256(abi.encode("input", i, j))) % R;
            }
        }
        proofs = _prove(inputs);
    }

    function _prove(uint256[4][] memory inputs) private view returns (uint256[8][] memory proofs) {
        proofs = new uint256[8][](inputs.length);
        for (uint256 i = 0; i < inputs.length; i++) {
            proofs[i] = OpenKey.prove(inputs[i]);
        }
    }

    function _verify(uint256[8][] memory proofs, uint256[4][] memory inputs) private view returns (bool) {
        return verifier.verify{gas: GAS}(proofs, inputs);
    }

    /// @dev As docs/contracts.md has it, apart from the verifier's code.
    function _coefficient(uint256[8][] memory proofs, uint256[4][] memory inputs, uint256 index)
        private
        view
        returns (uint256)
    {
        bytes32 sigma = keccak256(abi.encodeCall(verifier.verify, (proofs, inputs)));
        return uint256(keccak256(bytes.concat(sigma, bytes32(index)))) % R;
    }

    /// @dev Adds a multiple of the generator to A or C.
    function _shift(uint256[8] memory proof, bool byC, uint256 scalar) private view {
        uint256 word = byC ? 6 : 0;
        (uint256 x, uint256 y) = _multiply(1, 2, scalar);
        (bool success, bytes memory sum) = address(6).staticcall(abi.encode(proof[word], proof[word + 1], x, y));
        assertTrue(success);
        (proof[word], proof[word + 1]) = abi.decode(sum, (uint256, uint256));
    }

    function _multiply(uint256 x, uint256 y, uint256 scalar) private view returns (uint256, uint256) {
        (bool success, bytes memory product) = address(7).staticcall(abi.encode(x, y, scalar));
        assertTrue(success);
        return abi.decode(product, (uint256, uint256));
    }

    /// @dev What is behind offset and length of an encoded list.
    function _words(bytes memory encoded) private pure returns (bytes memory words) {
        words = new bytes(encoded.length - 64);
        for (uint256 i = 0; i < words.length; i++) {
            words[i] = encoded[64 + i];
        }
    }

    function _order(uint256 proofsAt, uint256 inputsAt) private pure returns (bytes memory) {
        return abi.encodeWithSelector(IGroth16Verifier.CalldataOrder.selector, proofsAt, inputsAt);
    }

    function _refuses(bytes memory data, bytes memory expected) private view {
        (bool success, bytes memory answer) = address(verifier).staticcall(data);
        assertFalse(success);
        assertEq(answer, expected);
    }
}
