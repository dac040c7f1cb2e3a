// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IDebitWallet} from "../../src/interfaces/IDebitWallet.sol";
import {BatchTest} from "./support/BatchTest.sol";
import {Batch, Model} from "./support/Model.sol";

/// @notice Fear: the caller picks the hint, and with it the sum that the proof is for.
contract BatchHintTest is BatchTest {
    function test_noHintIsRefused() external {
        _assertWrong(0);
        _assertWrong(Model.R);
    }

    function test_aHintThatIsOffByOneIsRefused() external {
        uint256 hint = _right();
        _assertWrong(addmod(hint, 1, Model.R));
        _assertWrong(addmod(hint, Model.R - 1, Model.R));
        _assertWrong(Model.R - hint);
    }

    function testFuzz_noOtherHintIsTaken(uint256 hint) external {
        vm.assume(hint % Model.R != _right());
        _assertWrong(hint);
    }

    /// @dev One hint for each batch: that of an altered one does not fit.
    function test_anotherBatchsHintIsRefused() external {
        Batch memory other = honest();
        other.segments[0].commitment += 1;
        (, uint256 hint) = Model.publicInputs(other, domain(other), keyHashes(other));
        _assertWrong(hint);
    }

    function _right() private view returns (uint256 hint) {
        (, hint) = Model.publicInputs(honest(), domain(honest()), keyHashes(honest()));
    }

    function _assertWrong(uint256 hint) private {
        assertRefused(processor, callOf(honest(), hint), abi.encodeWithSelector(IDebitWallet.HintWrong.selector, hint));
    }
}
