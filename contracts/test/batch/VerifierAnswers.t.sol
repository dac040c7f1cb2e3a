// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IDebitWallet} from "../../src/interfaces/IDebitWallet.sol";
import {BatchTest} from "./support/BatchTest.sol";
import {Batch} from "./support/Model.sol";
import {ScriptedVerifier} from "./support/Verifiers.sol";

/// @notice Fear: something that is not a verifier's yes is taken for one.
contract BatchVerifierAnswersTest is BatchTest {
    ScriptedVerifier private scripted;

    error Refused(uint256 why);

    function setUp() public override {
        super.setUp();
        scripted = new ScriptedVerifier();
        verifierSet = register(wallet, address(scripted));
        first = open(alice, verifierSet, 11);
        second = open(bob, verifierSet, 12);
        fund(first, address(token), FUNDS);
        fund(second, address(token), FUNDS);
    }

    function test_yesSettles() external {
        scripted.set(abi.encode(true), false);
        settle(honest());
    }

    function test_noIsRefused() external {
        scripted.set(abi.encode(false), false);
        assertRefused(honest(), abi.encodeWithSelector(IDebitWallet.ProofRefused.selector, seed(honest())));
        _assertNothingHappened();
    }

    function test_aRevertIsPassedOn() external {
        scripted.set(abi.encodeWithSelector(Refused.selector, 7), true);
        assertRefused(honest(), abi.encodeWithSelector(Refused.selector, 7));
        _assertNothingHappened();
    }

    /// @dev It looks like a yes.
    function test_aRevertWithAYesIsNoYes() external {
        scripted.set(abi.encode(true), true);
        assertRefused(honest(), abi.encode(true));
        _assertNothingHappened();
    }

    function test_silenceIsRefused() external {
        scripted.set("", false);
        assertRefused(honest(), "");
        scripted.set("", true);
        assertRefused(honest(), "");
        _assertNothingHappened();
    }

    function test_aShortAnswerIsRefused() external {
        bytes memory short = new bytes(31);
        short[30] = 0x01;
        scripted.set(short, false);
        assertRefused(honest(), "");
        _assertNothingHappened();
    }

    function testFuzz_nothingButOneIsYes(uint256 answer) external {
        scripted.set(abi.encode(answer), false);
        if (answer == 1) {
            settle(honest());
        } else if (answer == 0) {
            assertRefused(honest(), abi.encodeWithSelector(IDebitWallet.ProofRefused.selector, seed(honest())));
        } else {
            assertRefused(honest(), "");
            _assertNothingHappened();
        }
    }

    /// @dev Any single bit but the lowest.
    function test_noOtherBitIsYes() external {
        for (uint256 bit = 1; bit < 256; bit++) {
            scripted.set(abi.encode(1 << bit), false);
            assertRefused(honest(), "");
        }
    }

    function test_aVerifierThatIsGoneIsRefused() external {
        vm.etch(address(scripted), "");
        assertRefused(honest(), "");
        _assertNothingHappened();
    }

    /// @dev What was debited and spent before the verifier was asked is as if it had not been.
    function _assertNothingHappened() private view {
        Batch memory batch = honest();
        for (uint256 i = 0; i < batch.debits.length; i++) {
            assertEq(balance(batch.debits[i].account), FUNDS);
            assertEq(spentWord(batch.debits[i].account, batch.debits[i].word), 0);
        }
        assertEq(token.balanceOf(payee) + token.balanceOf(otherPayee), 0);
    }
}
