// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Groth16Verifier} from "../src/Groth16Verifier.sol";
import {IGroth16Verifier} from "../src/interfaces/IGroth16Verifier.sol";
import {Deployed} from "./base/Deployed.sol";
import {Groth16Vectors} from "./base/Groth16Vectors.sol";
import {Test} from "./base/Test.sol";

/// @dev Moduli of the coordinates' and the scalars' fields.
uint256 constant Q = 21888242871839275222246405745257275088696311157297823662689037894645226208583;
uint256 constant R = 21888242871839275222246405745257275088548364400416034343698204186575808495617;

/// @notice What verifying costs. Not in the coverage run, which compiles without optimising.
contract Groth16VerifierGasTest is Test {
    function test_verifyCostsLittleMoreThanThePrecompiles() external {
        Groth16Verifier verifier = Deployed.verifier(Groth16Vectors.verifyingKey());
        uint256[8][] memory proofs = new uint256[8][](1);
        uint256[4][] memory inputs = new uint256[4][](1);
        (proofs[0], inputs[0]) = (Groth16Vectors.proof(), Groth16Vectors.inputs());
        assertTrue(verifier.verify(proofs, inputs));
        uint256 gas = vm.snapshotGasLastCall("Groth16Verifier", "verify");
        assertLt(gas, 210_000);
    }
}

/// @notice What a verifier of real proofs must refuse, and that it accepts them.
contract Groth16VerifierTest is Test {
    /// @dev Ample for one call. A precompile that fails uses up what it was given, so calls that end in one
    /// are given no more.
    uint256 private constant GAS = 500_000;
    /// @dev Of a call with one proof: selector, two offsets, and behind a length each the proof and its inputs.
    uint256 private constant LENGTH = 4 + 32 * (2 + 1 + 8 + 1 + 4);

    Groth16Verifier private verifier;
    uint256[24] private key;
    uint256[8] private proof;
    uint256[4] private inputs;

    function setUp() external {
        key = Groth16Vectors.verifyingKey();
        proof = Groth16Vectors.proof();
        inputs = Groth16Vectors.inputs();
        verifier = Deployed.verifier(key);
    }

    // --- What it accepts ------------------------------------------------------------------------

    function test_realProofVerifies() external view {
        assertTrue(_verify(verifier, proof, inputs));
    }

    function test_keyIsTheOneItWasMadeWith() external view {
        assertEq(abi.encode(verifier.verifyingKey()), abi.encode(key));
    }

    /// @dev (−A, −B, C) is as good a proof: proofs do not name anything.
    function test_proofsAreMalleable() external view {
        uint256[8] memory other = proof;
        other[1] = Q - proof[1];
        other[4] = Q - proof[4];
        other[5] = Q - proof[5];
        assertTrue(_verify(verifier, other, inputs));
    }

    // --- Well-formed, but it does not hold ------------------------------------------------------

    function test_otherInputIsFalse() external view {
        for (uint256 i = 0; i < 4; i++) {
            uint256[4] memory other = inputs;
            other[i] = addmod(inputs[i], 1, R);
            assertFalse(_verify(verifier, proof, other), vm.toString(i));
            other[i] = 0;
            assertFalse(_verify(verifier, proof, other), vm.toString(i));
            other[i] = R - 1;
            assertFalse(_verify(verifier, proof, other), vm.toString(i));
        }
    }

    function test_swappedInputsAreFalse() external view {
        for (uint256 i = 1; i < 4; i++) {
            uint256[4] memory other = inputs;
            (other[0], other[i]) = (other[i], other[0]);
            assertFalse(_verify(verifier, proof, other), vm.toString(i));
        }
    }

    function test_otherPointsOfTheGroupsAreFalse() external view {
        uint256[8] memory other = proof;
        (other[0], other[1]) = (key[0], key[1]);
        assertFalse(_verify(verifier, other, inputs), "A");
        other = proof;
        (other[2], other[3], other[4], other[5]) = (key[2], key[3], key[4], key[5]);
        assertFalse(_verify(verifier, other, inputs), "B");
        other = proof;
        (other[6], other[7]) = (key[0], key[1]);
        assertFalse(_verify(verifier, other, inputs), "C");
        other = proof;
        (other[0], other[1], other[6], other[7]) = (proof[6], proof[7], proof[0], proof[1]);
        assertFalse(_verify(verifier, other, inputs), "A and C swapped");
    }

    function test_negatedPointIsFalse() external view {
        uint256[8] memory other = proof;
        other[1] = Q - proof[1];
        assertFalse(_verify(verifier, other, inputs), "A");
        other = proof;
        (other[4], other[5]) = (Q - proof[4], Q - proof[5]);
        assertFalse(_verify(verifier, other, inputs), "B");
        other = proof;
        other[7] = Q - proof[7];
        assertFalse(_verify(verifier, other, inputs), "C");
    }

    /// @dev The equation's own trivial solution, where the inputs do not count: A = α, B = β and L, C away.
    function test_theKeysOwnPointsAreNoProof() external view {
        uint256[8] memory other;
        (other[0], other[1]) = (key[0], key[1]);
        (other[2], other[3], other[4], other[5]) = (key[2], key[3], key[4], key[5]);
        for (uint256 point = 14; point < 24; point += 2) {
            (other[6], other[7]) = (key[point], key[point + 1]);
            assertFalse(_verify(verifier, other, inputs));
            other[7] = Q - other[7];
            assertFalse(_verify(verifier, other, inputs));
        }
    }

    function test_proofForAnotherKeyIsFalse() external {
        // Any two points of one group swapped make another key that could be one.
        uint256[24] memory other = key;
        (other[16], other[17], other[18], other[19]) = (key[18], key[19], key[16], key[17]);
        assertFalse(_verify(Deployed.verifier(other), proof, inputs));
        other = key;
        for (uint256 i = 6; i < 10; i++) {
            (other[i], other[i + 4]) = (key[i + 4], key[i]);
        }
        assertFalse(_verify(Deployed.verifier(other), proof, inputs));
    }

    // --- Malformed ------------------------------------------------------------------------------

    function test_inputThatIsNotReducedReverts() external {
        for (uint256 i = 0; i < 4; i++) {
            // The same number modulo R: the precompile would take it for the same.
            for (uint256 value = inputs[i] + R; value > R; value = _plus(value, R)) {
                uint256[4] memory other = inputs;
                other[i] = value;
                vm.expectRevert(abi.encodeWithSelector(IGroth16Verifier.InputNotReduced.selector, i, value));
                _verify(verifier, proof, other);
            }
        }
        inputs[3] = R;
        vm.expectRevert(abi.encodeWithSelector(IGroth16Verifier.InputNotReduced.selector, 3, R));
        _verify(verifier, proof, inputs);
    }

    function test_coordinateThatIsNotReducedReverts() external {
        for (uint256 i = 0; i < 8; i++) {
            for (uint256 value = proof[i] + Q; value > Q; value = _plus(value, Q)) {
                uint256[8] memory other = proof;
                other[i] = value;
                vm.expectRevert(abi.encodeWithSelector(IGroth16Verifier.CoordinateNotReduced.selector, i, value));
                _verify(verifier, other, inputs);
            }
        }
    }

    function test_coordinateThatIsTheModulusReverts() external {
        for (uint256 i = 0; i < 8; i++) {
            uint256[8] memory other = proof;
            other[i] = Q;
            vm.expectRevert(abi.encodeWithSelector(IGroth16Verifier.CoordinateNotReduced.selector, i, Q));
            _verify(verifier, other, inputs);
        }
    }

    function test_pointOffItsCurveReverts() external {
        for (uint256 i = 0; i < 8; i++) {
            uint256[8] memory other = proof;
            other[i] = addmod(proof[i], 1, Q);
            vm.expectRevert(abi.encodeWithSelector(IGroth16Verifier.PrecompileFailed.selector, 8));
            _verify(verifier, other, inputs);
        }
    }

    /// @dev y = 0 is on no point of this curve; −A would be written with y = Q.
    function test_aWithYZeroReverts() external {
        proof[1] = 0;
        vm.expectRevert(abi.encodeWithSelector(IGroth16Verifier.PrecompileFailed.selector, 8));
        _verify(verifier, proof, inputs);
    }

    function test_pointOutsideItsSubgroupReverts() external {
        (proof[2], proof[3], proof[4], proof[5]) = _outsideSubgroup();
        vm.expectRevert(abi.encodeWithSelector(IGroth16Verifier.PrecompileFailed.selector, 8));
        _verify(verifier, proof, inputs);
    }

    /// @dev EIP-197 has the imaginary part first, some libraries the real one.
    function test_realPartFirstReverts() external {
        (proof[2], proof[3], proof[4], proof[5]) = (proof[3], proof[2], proof[5], proof[4]);
        vm.expectRevert(abi.encodeWithSelector(IGroth16Verifier.PrecompileFailed.selector, 8));
        _verify(verifier, proof, inputs);
    }

    function test_pointAtInfinityReverts() external {
        uint256[8] memory other = proof;
        (other[0], other[1]) = (0, 0);
        vm.expectRevert(abi.encodeWithSelector(IGroth16Verifier.PointAtInfinity.selector, 0));
        _verify(verifier, other, inputs);
        other = proof;
        (other[2], other[3], other[4], other[5]) = (0, 0, 0, 0);
        vm.expectRevert(abi.encodeWithSelector(IGroth16Verifier.PointAtInfinity.selector, 2));
        _verify(verifier, other, inputs);
        other = proof;
        (other[6], other[7]) = (0, 0);
        vm.expectRevert(abi.encodeWithSelector(IGroth16Verifier.PointAtInfinity.selector, 6));
        _verify(verifier, other, inputs);
    }

    function test_calldataOfAnotherLengthReverts() external view {
        bytes memory exact = _call(proof, inputs);
        assertEq(exact.length, LENGTH);
        bytes memory longer = abi.encodePacked(exact, uint8(0));
        _revertsWith(longer, abi.encodeWithSelector(IGroth16Verifier.CalldataLength.selector, LENGTH, LENGTH + 1));
        longer = abi.encodePacked(exact, uint256(0));
        _revertsWith(longer, abi.encodeWithSelector(IGroth16Verifier.CalldataLength.selector, LENGTH, LENGTH + 32));
        // What is missing is never taken for zeros, whatever the proof.
        for (uint256 length = 4; length < LENGTH; length += 32) {
            _revertsWith(_cut(exact, length), "");
            _revertsWith(_cut(exact, length + 31), "");
        }
        _revertsWith("", "");
    }

    // --- A key that cannot be one ---------------------------------------------------------------

    function test_keyWithAPointOffItsCurveIsRefused() external {
        for (uint256 i = 0; i < 24; i++) {
            uint256[24] memory other = key;
            other[i] = addmod(key[i], 1, Q);
            _refusesKey(other, _pointOf(i));
        }
    }

    function test_keyThatIsNotReducedIsRefused() external {
        for (uint256 i = 0; i < 24; i++) {
            uint256[24] memory other = key;
            other[i] = key[i] + Q;
            _refusesKey(other, _pointOf(i));
        }
    }

    function test_keyWithAPointAtInfinityIsRefused() external {
        for (uint256 i = 0; i < 24; i++) {
            uint256 point = _pointOf(i);
            if (point != i) continue;
            uint256[24] memory other = key;
            bool inG2 = point >= 2 && point < 14;
            for (uint256 word = point; word < point + (inG2 ? 4 : 2); word++) {
                other[word] = 0;
            }
            _refusesKey(other, point);
        }
    }

    function test_keyWithAPointOutsideItsSubgroupIsRefused() external {
        for (uint256 point = 2; point < 14; point += 4) {
            uint256[24] memory other = key;
            (other[point], other[point + 1], other[point + 2], other[point + 3]) = _outsideSubgroup();
            _refusesKey(other, point);
        }
    }

    /// @dev With δ = γ anyone proves anything: A = α, B = β, C = −L.
    function test_keyThatNobodyContributedToIsRefused() external {
        for (uint256 i = 10; i < 14; i++) {
            key[i] = key[i - 4];
        }
        vm.expectRevert(IGroth16Verifier.ForgeableKey.selector);
        Deployed.verifier(key);
        (key[12], key[13]) = (Q - key[12], Q - key[13]);
        vm.expectRevert(IGroth16Verifier.ForgeableKey.selector);
        Deployed.verifier(key);
    }

    // --- Precompiles that fail ------------------------------------------------------------------

    /// @dev Each of the four multiplications and additions and the pairing: reverts, or returns nothing, too
    /// little or too much, as where a chain has no such precompile.
    function test_failedPrecompileIsNeverSuccess() external {
        for (uint256 precompile = 6; precompile <= 8; precompile++) {
            uint256 size = precompile == 8 ? 32 : 64;
            _precompileAnswers(precompile, "");
            _precompileAnswers(precompile, new bytes(size - 1));
            _precompileAnswers(precompile, new bytes(size + 1));
            _precompileAnswers(precompile, _ones(size - 1));
            _precompileAnswers(precompile, _ones(size + 32));

            vm.mockCallRevert(address(uint160(precompile)), "", abi.encode(1));
            vm.expectRevert(abi.encodeWithSelector(IGroth16Verifier.PrecompileFailed.selector, precompile));
            _verify(verifier, proof, inputs);
            vm.clearMockedCalls();
        }
        assertTrue(_verify(verifier, proof, inputs), "the precompiles work again");
    }

    function test_pairingThatAnswersMoreThanOneReverts() external {
        _precompileAnswers(8, abi.encode(2));
        _precompileAnswers(8, abi.encode(type(uint256).max));
        vm.mockCall(address(8), "", abi.encode(0));
        assertFalse(_verify(verifier, proof, inputs));
    }

    /// @dev Whoever calls chooses the gas: whichever call it ends in, nothing false becomes true, and
    /// nothing true false.
    function test_tooLittleGasNeverAnswersWrongly() external view {
        bytes memory good = _call(proof, inputs);
        uint256[4] memory other = inputs;
        other[0] = addmod(inputs[0], 1, R);
        bytes memory bad = _call(proof, other);
        uint256 answered;
        for (uint256 gas = 500; gas < 260_000; gas += 1009) {
            (bool success, bytes memory answer) = address(verifier).staticcall{gas: gas}(good);
            if (success) {
                assertEq(answer, abi.encode(true));
                answered++;
            }
            (success, answer) = address(verifier).staticcall{gas: gas}(bad);
            if (success) assertEq(answer, abi.encode(false));
        }
        assertGt(answered, 0);
        assertLt(answered, 60);
    }

    // --- Fuzz -----------------------------------------------------------------------------------

    function testFuzz_otherInputsNeverVerify(uint256[4] calldata random, uint256 replaced) external view {
        uint256[4] memory other = inputs;
        for (uint256 i = 0; i < 4; i++) {
            if (replaced >> i & 1 == 1) other[i] = random[i] % R;
        }
        bool same = keccak256(abi.encode(other)) == keccak256(abi.encode(inputs));
        assertEq(_verify(verifier, proof, other), same);
    }

    /// @dev Multiples of the proof's points in G1, points of G2 that there are: all well-formed.
    function testFuzz_otherPointsNeverVerify(uint256 a, uint256 c, uint256 b, uint256 pole) external view {
        uint256[8] memory other = proof;
        (other[0], other[1]) = _multiply(proof[0], proof[1], bound(a, 1, R - 1));
        (other[6], other[7]) = _multiply(proof[6], proof[7], bound(c, 1, R - 1));
        b = bound(b, 0, 3);
        if (b > 0) {
            for (uint256 i = 0; i < 4; i++) {
                other[2 + i] = key[4 * b - 2 + i];
            }
        }
        uint256[4] memory others = inputs;
        others[bound(pole, 0, 3)] = uint256(keccak256(abi.encode(a, b, c))) % R;
        assertFalse(_verify(verifier, other, others));
    }

    function testFuzz_randomWordsNeverVerify(uint256[8] calldata words, uint256[4] calldata numbers) external view {
        (bool success, bytes memory answer) = address(verifier).staticcall(_call(words, numbers));
        if (success) assertEq(answer, abi.encode(false));
    }

    function testFuzz_randomBytesNeverVerify(bytes calldata payload) external view {
        (bool success, bytes memory answer) =
            address(verifier).staticcall(abi.encodePacked(IGroth16Verifier.verify.selector, payload));
        if (success) assertEq(answer, abi.encode(false));
    }

    function testFuzz_oneFlippedBitNeverVerifies(uint256 bit) external view {
        bit = bound(bit, 0, (LENGTH - 4) * 8 - 1);
        bytes memory payload = _call(proof, inputs);
        payload[4 + bit / 8] ^= bytes1(uint8(1 << (bit % 8)));
        (bool success, bytes memory answer) = address(verifier).staticcall(payload);
        if (success) assertEq(answer, abi.encode(false));
    }

    // --- Helpers --------------------------------------------------------------------------------

    function _verify(Groth16Verifier by, uint256[8] memory proof_, uint256[4] memory inputs_)
        private
        view
        returns (bool)
    {
        (uint256[8][] memory proofs, uint256[4][] memory all) = _single(proof_, inputs_);
        return by.verify{gas: GAS}(proofs, all);
    }

    function _call(uint256[8] memory proof_, uint256[4] memory inputs_) private pure returns (bytes memory) {
        (uint256[8][] memory proofs, uint256[4][] memory all) = _single(proof_, inputs_);
        return abi.encodeCall(Groth16Verifier.verify, (proofs, all));
    }

    function _single(uint256[8] memory proof_, uint256[4] memory inputs_)
        private
        pure
        returns (uint256[8][] memory proofs, uint256[4][] memory all)
    {
        (proofs, all) = (new uint256[8][](1), new uint256[4][](1));
        (proofs[0], all[0]) = (proof_, inputs_);
    }

    function deploy(uint256[24] calldata other) external returns (Groth16Verifier) {
        return Deployed.verifier(other);
    }

    function _precompileAnswers(uint256 precompile, bytes memory answer) private {
        vm.mockCall(address(uint160(precompile)), "", answer);
        vm.expectRevert(abi.encodeWithSelector(IGroth16Verifier.PrecompileFailed.selector, precompile));
        _verify(verifier, proof, inputs);
        vm.clearMockedCalls();
    }

    function _refusesKey(uint256[24] memory other, uint256 point) private {
        vm.expectRevert(abi.encodeWithSelector(IGroth16Verifier.InvalidKeyPoint.selector, point));
        this.deploy{gas: 2_000_000}(other);
    }

    function _revertsWith(bytes memory payload, bytes memory expected) private view {
        (bool success, bytes memory answer) = address(verifier).staticcall(payload);
        assertFalse(success);
        assertEq(answer, expected);
    }

    /// @dev The first word of the point that this word of a key belongs to.
    function _pointOf(uint256 word) private pure returns (uint256) {
        return word >= 2 && word < 14 ? word - (word - 2) % 4 : word - word % 2;
    }

    /// @dev The twist's point with x = 1; multiplied by the group's order it is not infinity.
    function _outsideSubgroup() private pure returns (uint256, uint256, uint256, uint256) {
        return (
            0,
            1,
            0x0d1271953ed9ea0836846e70a1934187998c7f790cb4d7511b7f8da82de048a4,
            0x2869111d5381f072f8e2728fdb825a51aadd70e52c9830e9ab4b871c0531f1bb
        );
    }

    function _multiply(uint256 x, uint256 y, uint256 scalar) private view returns (uint256, uint256) {
        (bool success, bytes memory product) = address(7).staticcall(abi.encode(x, y, scalar));
        assertTrue(success);
        return abi.decode(product, (uint256, uint256));
    }

    function _plus(uint256 left, uint256 right) private pure returns (uint256) {
        unchecked {
            return left + right;
        }
    }

    function _cut(bytes memory payload, uint256 length) private pure returns (bytes memory shorter) {
        shorter = new bytes(length);
        for (uint256 i = 0; i < length && i < payload.length; i++) {
            shorter[i] = payload[i];
        }
    }

    function _ones(uint256 size) private pure returns (bytes memory ones) {
        ones = new bytes(size);
        for (uint256 i = 0; i < size; i++) {
            ones[i] = 0x01;
        }
    }
}
