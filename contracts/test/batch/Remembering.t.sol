// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IDebitWallet} from "../../src/interfaces/IDebitWallet.sol";
import {Periods} from "../base/Periods.sol";
import {BatchTest} from "./support/BatchTest.sol";
import {Batch} from "./support/Model.sol";

/// @notice Fear: what a batch captured is forgotten while somebody may ask for it, overwritten, or remembered as
/// something else.
contract BatchRememberingTest is BatchTest {
    bytes32 private constant CAPTURES = keccak256("captures");

    function test_aBatchIsRememberedWhereItSays() external {
        Batch memory batch = _remembered(honest(), 5);
        settle(batch);
        _assertAt(5, _hash(batch), uint40(START));
        _assertAt(0, 0, 0);
        _assertAt(6, 0, 0);
        // Another processor's place of this number is another one.
        (uint216 hash,) = wallet.evidenceAt(makeAddr("rival"), 5);
        assertEq(hash, 0);
    }

    /// @dev Tokens, payees, amounts, order and what was captured: each is in the hash.
    function testFuzz_whatIsRememberedIsTheBatchs(uint256 field, uint64 place) external {
        Batch memory batch = _remembered(honest(), place);
        uint216 before = _hash(batch);
        field = bound(field, 0, 3);
        if (field == 0) batch.header.captures = keccak256("others");
        if (field == 1) batch.payouts[0].payee = makeAddr("somebody");
        if (field == 2) (batch.payouts[0].amount, batch.payouts[1].amount) = (59e6, 41e6);
        if (field == 3) (batch.payouts[0], batch.payouts[1]) = (batch.payouts[1], batch.payouts[0]);
        settle(batch);
        assertNotEq(_hash(batch), before);
        _assertAt(place, _hash(batch), uint40(START));
    }

    function test_aBatchWithoutCapturesTakesNoPlace() external {
        Batch memory batch = honest();
        batch.header.place = 5;
        settle(batch);
        _assertAt(5, 0, 0);
    }

    /// @dev It is another's evidence as long as anybody may ask for it.
    function test_aPlaceThatIsTakenIsNotOverwritten() external {
        Batch memory batch = _remembered(single(first, 0, 1, 10e6), 5);
        settle(batch);
        Batch memory other = _remembered(single(first, 0, 2, 10e6), 5);
        other.header.validUntil = type(uint40).max;
        vm.warp(START + Periods.KEEP);
        assertRefused(other, abi.encodeWithSelector(IDebitWallet.PlaceTaken.selector, processor, 5, uint40(START)));
        _assertAt(5, _hash(batch), uint40(START));
        // Whatever the batch's captures: a refused one spends nothing.
        assertEq(spentWord(first, 0), 1);
        vm.warp(START + Periods.KEEP + 1);
        settle(other);
        _assertAt(5, _hash(other), uint40(START + Periods.KEEP + 1));
    }

    /// @dev Both are not proved: the same proofs settle with others.
    function test_theSeedHoldsNeitherCapturesNorPlace() external {
        Batch memory batch = honest();
        bytes32 seed_ = seed(batch);
        assertEq(settle(_remembered(batch, 7)), seed_);
    }

    function _remembered(Batch memory batch, uint64 place) private pure returns (Batch memory) {
        (batch.header.captures, batch.header.place) = (CAPTURES, place);
        return batch;
    }

    /// @dev The upper 216 bits of keccak256(token ‖ hash of the payouts ‖ captures).
    function _hash(Batch memory batch) private pure returns (uint216) {
        bytes memory entries = "";
        for (uint256 i = 0; i < batch.payouts.length; i++) {
            entries = bytes.concat(entries, abi.encode(batch.payouts[i].payee, batch.payouts[i].amount));
        }
        return
            uint216(uint256(keccak256(abi.encode(batch.header.token, keccak256(entries), batch.header.captures))) >> 40);
    }

    function _assertAt(uint64 place, uint216 hash, uint40 settledAt) private view {
        (uint216 keptHash, uint40 keptAt) = wallet.evidenceAt(processor, place);
        assertEq(keptHash, hash);
        assertEq(keptAt, settledAt);
    }
}
