// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IDebitWallet} from "../../src/interfaces/IDebitWallet.sol";
import {TestUSD} from "../../src/tokens/TestUSD.sol";
import {Deployed} from "../base/Deployed.sol";
import {Periods} from "../base/Periods.sol";
import {Test} from "../base/Test.sol";
import {Batch, Model} from "./support/Model.sol";
import {Vectors} from "./support/Vectors.sol";

/// @notice A batch of really signed mandates and the real proofs of its segments, as `crates/prover` made them
/// (test/vectors/batch.json), settled through the verifier that goes on chain; and whatever is not exactly that
/// batch, refused.
contract RealProofTest is Test {
    uint256 private constant FUNDS = 2_000_000;
    uint256 private constant BASE_FIELD = 0x30644e72e131a029b85045b68181585d97816a916871ca8d3c208c16d87cfd47;
    /// @dev Where debits begin in calldata's words: see Entries.t.sol.
    uint256 private constant DEBITS = 11;
    uint256 private constant CAPTURES = 5;

    address private processor = makeAddr("processor");
    IDebitWallet private wallet;
    TestUSD private token;
    bytes32 private verifierSet;

    uint256[] private keyHashes;
    uint256[24] private verifyingKey;
    Batch private batch;
    address private deployer;

    function setUp() external {
        _readVector();
        vm.warp(batch.header.validUntil);
        // The mandates name the token and the wallet by the addresses at which this deployer creates them.
        token = TestUSD(_create(abi.encodePacked(vm.getCode(Deployed.artifact("TestUSD")), abi.encode(deployer))));
        wallet = _deployWallet();
        (batch.header.processor, batch.header.token) = (processor, address(token));

        address verifier = address(Deployed.verifier(verifyingKey));
        verifierSet = _populate(wallet, address(token), verifier);
        batch.header.verifierSet = verifierSet;
    }

    function test_theMandatesAreForThisChainWalletAndToken() external view {
        string memory json = _json();
        assertEq(vm.getChainId(), vm.parseJsonUint(json, ".chainId"));
        assertEq(address(wallet), vm.parseJsonAddress(json, ".wallet"));
        assertEq(address(token), vm.parseJsonAddress(json, ".token"));
        assertEq(wallet.mandateDomain(address(token)), vm.parseJsonUint(json, ".domain"));
    }

    function test_theProverAndTheModelAgreeOnTheChallengesAndTheSum() external view {
        string memory json = _json();
        (uint256 x, uint256 beta) = Model.challenges(_seed(batch));
        assertEq(_seed(batch), vm.parseJsonBytes32(json, ".seed"));
        assertEq(x, vm.parseJsonUint(json, ".x"));
        assertEq(beta, vm.parseJsonUint(json, ".beta"));
        uint256 given = 0;
        for (uint256 i = 0; i < batch.segments.length; i++) {
            given = addmod(given, batch.segments[i].sum, Model.R);
        }
        assertEq(Model.sum(batch, _domain(), keyHashes, x, beta), given);
    }

    function test_itSettles() external {
        bytes32 batchId = Model.seed(batch, _domain(), keyHashes);
        bytes memory data = _call(batch);
        vm.expectEmit(address(wallet));
        emit IDebitWallet.BatchSettled(batchId, address(token), processor, verifierSet, batch.header.count, 1_290_006);
        (bool success, bytes memory answer) = _send(data);
        assertTrue(success);
        assertEq(abi.decode(answer, (bytes32)), batchId);

        assertEq(_balance(1), FUNDS - 1_040_007);
        assertEq(_balance(2), FUNDS - 249_999);
        for (uint256 i = 0; i < batch.payouts.length; i++) {
            assertEq(token.balanceOf(batch.payouts[i].payee), batch.payouts[i].amount);
        }
        // Nonces 5, 6 and 128; 0 and the void 127.
        assertEq(wallet.spentNonces(1, address(token), 0), (1 << 5) | (1 << 6) | (1 << 128));
        assertEq(wallet.spentNonces(2, address(token), 0), 1 | (1 << 127));
    }

    function test_itSettlesOnce() external {
        bytes memory data = _call(batch);
        (bool success,) = _send(data);
        assertTrue(success);
        _assertRefused(data, abi.encodeWithSelector(IDebitWallet.NonceSpent.selector, 1, 0, 0x60));
    }

    function test_aBlockedPayeeIsCreditedAndTheOthersArePaid() external {
        vm.prank(deployer);
        token.setBlocked(batch.payouts[1].payee, true);
        (bool success,) = _send(_call(batch));
        assertTrue(success);
        (uint128 credit,) = wallet.creditOf(address(token), batch.payouts[1].payee);
        assertEq(credit, batch.payouts[1].amount);
        assertEq(token.balanceOf(batch.payouts[0].payee), batch.payouts[0].amount);
        assertEq(token.balanceOf(batch.payouts[2].payee), batch.payouts[2].amount);
    }

    // --- Altered ------------------------------------------------------------------------------------

    /// @dev Any word of the calldata, with its lowest and its highest bit turned.
    function test_noWordOfTheCalldataMayDiffer() external {
        bytes memory data = _call(batch);
        uint256 words = (data.length - 4) / 32;
        assertEq(words, DEBITS + 1 + 4 * 3 + 1 + 2 * 3 + 1 + 11 * batch.segments.length);
        for (uint256 word = 0; word < words; word++) {
            // What is remembered, and where, is not proved: see Remembering.t.sol.
            if (word == CAPTURES || word == CAPTURES + 1) continue;
            for (uint256 which = 0; which < 2; which++) {
                bytes memory altered = bytes.concat(data);
                altered[4 + 32 * word + 31 * which] ^= which == 0 ? bytes1(0x80) : bytes1(0x01);
                (bool success,) = _send(altered);
                assertFalse(success, vm.toString(word));
            }
        }
        (bool settled,) = _send(data);
        assertTrue(settled);
    }

    function test_anotherHeaderIsNotProven() external {
        Batch memory altered = batch;
        altered.header.validUntil += 1;
        _assertNotProven(altered);
        altered = batch;
        altered.debits[1].mask = 3;
        altered.header.count += 1;
        _assertNotProven(altered);
    }

    function test_otherDebitsAreNotProven() external {
        Batch memory altered = batch;
        altered.debits[0].amount -= 1;
        altered.debits[2].amount += 1;
        _assertNotProven(altered);
        altered = batch;
        altered.debits[0].mask = 0x21;
        _assertNotProven(altered);
        altered = batch;
        altered.debits[1].word = 3;
        _assertNotProven(altered);
        altered = batch;
        (altered.debits[0].account, altered.debits[2].account) = (2, 1);
        _assertNotProven(altered);
    }

    function test_otherPayoutsAreNotProven() external {
        Batch memory altered = batch;
        altered.payouts[2].payee = processor;
        _assertNotProven(altered);
        altered = batch;
        altered.payouts[0].amount += 1;
        altered.payouts[1].amount -= 1;
        _assertNotProven(altered);
    }

    function test_anotherCommitmentIsNotProven() external {
        Batch memory altered = batch;
        altered.segments[0].commitment = addmod(altered.segments[0].commitment, 1, Model.R);
        _assertNotProven(altered);
    }

    function test_anotherHintIsRefused() external {
        (, uint256 hint) = Model.complete(batch, _domain(), keyHashes);
        _assertRefused(_call(batch, hint ^ 1), abi.encodeWithSelector(IDebitWallet.HintWrong.selector, hint ^ 1));
    }

    /// @dev A and C are points, and stay points: only the pairing can tell.
    function test_anotherProofIsNotOne() external {
        bytes memory refusal = abi.encodeWithSelector(IDebitWallet.ProofRefused.selector, _seed(batch));
        for (uint256 i = 0; i < batch.segments.length; i++) {
            uint256[8] memory proof = batch.segments[i].proof;
            Batch memory altered = batch;
            altered.segments[i].proof[1] = BASE_FIELD - proof[1];
            _assertRefused(_call(altered), refusal);
            altered = batch;
            altered.segments[i].proof[7] = BASE_FIELD - proof[7];
            _assertRefused(_call(altered), refusal);
            altered = batch;
            (altered.segments[i].proof[0], altered.segments[i].proof[1]) = (proof[6], proof[7]);
            (altered.segments[i].proof[6], altered.segments[i].proof[7]) = (proof[0], proof[1]);
            _assertRefused(_call(altered), refusal);
            altered = batch;
            altered.segments[i].proof[0] ^= 1;
            (bool success,) = _send(_call(altered));
            assertFalse(success, "a point off the curve");
        }
    }

    // --- Elsewhere ----------------------------------------------------------------------------------

    function test_onAnotherChainItIsNotProven() external {
        vm.chainId(1);
        _assertNotProven(batch);
    }

    function test_inAnotherWalletItIsNotProven() external {
        address verifier = wallet.verifierOf(verifierSet, batch.segments[0].shape);
        wallet = _deployWallet();
        _populate(wallet, address(token), verifier);
        _assertNotProven(batch);
    }

    function test_inAnotherTokenItIsNotProven() external {
        address other = address(Deployed.testUsd(deployer));
        _fund(wallet, other);
        Batch memory altered = batch;
        altered.header.token = other;
        _assertNotProven(altered);
    }

    function test_afterItsTimeItIsRefused() external {
        vm.warp(uint256(batch.header.validUntil) + 1);
        _assertRefused(
            _call(batch),
            abi.encodeWithSelector(
                IDebitWallet.BatchExpired.selector, batch.header.validUntil, uint256(batch.header.validUntil) + 1
            )
        );
    }

    // --- How ----------------------------------------------------------------------------------------

    function _json() private view returns (string memory) {
        return vm.readFile("test/vectors/batch.json");
    }

    function _readVector() private {
        string memory json = _json();
        Batch memory read;
        keyHashes = Vectors.readEntries(json, "", read);
        read.header.validUntil = uint40(vm.parseJsonUint(json, ".validUntil"));
        read.header.count = uint32(vm.parseJsonUint(json, ".count"));
        read.segments = Vectors.readSegments(json, "");
        batch = read;
        uint256[] memory words = vm.parseJsonUintArray(json, ".verifyingKey");
        for (uint256 i = 0; i < 24; i++) {
            verifyingKey[i] = words[i];
        }
        deployer = vm.parseJsonAddress(json, ".deployer");
    }

    function _deployWallet() private returns (IDebitWallet) {
        bytes memory arguments = abi.encode(Periods.fitting(2 days, 7 days));
        return IDebitWallet(_create(abi.encodePacked(vm.getCode(Deployed.artifact("DebitWallet")), arguments)));
    }

    function _create(bytes memory code) private returns (address made) {
        vm.prank(deployer);
        assembly ("memory-safe") {
            made := create(0, add(code, 0x20), mload(code))
        }
        assertTrue(made != address(0));
    }

    /// @dev The mandates' two accounts, with their keys, and money.
    function _populate(IDebitWallet in_, address token_, address verifier) private returns (bytes32 set) {
        IDebitWallet.ShapeVerifier[] memory verifiers = new IDebitWallet.ShapeVerifier[](1);
        verifiers[0] = IDebitWallet.ShapeVerifier(batch.segments[0].shape, verifier);
        set = in_.registerVerifiers(verifiers);
        assertEq(in_.openAccount(processor, set, keyHashes[0]), 1);
        assertEq(in_.openAccount(processor, set, keyHashes[2]), 2);
        _fund(in_, token_);
    }

    function _fund(IDebitWallet in_, address token_) private {
        TestUSD(token_).mint(address(this), 2 * FUNDS);
        TestUSD(token_).approve(address(in_), 2 * FUNDS);
        in_.deposit(1, token_, FUNDS);
        in_.deposit(2, token_, FUNDS);
    }

    function _domain() private view returns (uint256) {
        return Model.domain(vm.getChainId(), address(wallet), batch.header.token);
    }

    function _seed(Batch memory sent) private view returns (bytes32) {
        return Model.seed(sent, Model.domain(vm.getChainId(), address(wallet), sent.header.token), _hashes(sent));
    }

    /// @dev The wallet's own keys for a batch's entries.
    function _hashes(Batch memory sent) private view returns (uint256[] memory hashes) {
        hashes = new uint256[](sent.debits.length);
        for (uint256 i = 0; i < hashes.length; i++) {
            hashes[i] = sent.debits[i].account == 1 ? keyHashes[0] : keyHashes[2];
        }
    }

    function _balance(uint32 account) private view returns (uint256) {
        return wallet.balanceOf(account, address(token)).balance;
    }

    /// @dev With the hint that fits, and sums that add up: nothing but the proofs is wrong.
    function _call(Batch memory sent) private view returns (bytes memory) {
        uint256 domain = Model.domain(vm.getChainId(), address(wallet), sent.header.token);
        (, uint256 hint) = Model.complete(sent, domain, _hashes(sent));
        return _call(sent, hint);
    }

    function _call(Batch memory sent, uint256 hint) private pure returns (bytes memory) {
        return abi.encodeCall(IDebitWallet.settleBatch, (sent.header, sent.debits, sent.payouts, sent.segments, hint));
    }

    function _send(bytes memory data) private returns (bool success, bytes memory answer) {
        vm.prank(processor);
        // A precompile that refuses its input burns all gas that it was given.
        return address(wallet).call{gas: 3_000_000}(data);
    }

    function _assertRefused(bytes memory data, bytes memory reason) private {
        (bool success, bytes memory answer) = _send(data);
        assertFalse(success, "settled");
        assertEq(answer, reason, "refused for another reason");
    }

    function _assertNotProven(Batch memory sent) private {
        _assertRefused(_call(sent), abi.encodeWithSelector(IDebitWallet.ProofRefused.selector, _seed(sent)));
    }
}
