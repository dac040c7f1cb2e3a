// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Test} from "../base/Test.sol";
import {AnsweringToken} from "./AnsweringToken.sol";
import {FeeToken} from "./FeeToken.sol";
import {GasEaterToken} from "./GasEaterToken.sol";
import {LyingAuthorizationToken} from "./LyingAuthorizationToken.sol";
import {OpenToken} from "./OpenToken.sol";
import {RebasingToken} from "./RebasingToken.sol";
import {ReentrantToken} from "./ReentrantToken.sol";

/// @notice The hostile tokens are as hostile as they say: tests of what they do to others would otherwise
/// show nothing.
contract HostileTokensTest is Test {
    address private alice = makeAddr("alice");
    address private bob = makeAddr("bob");
    address private carol = makeAddr("carol");

    /// @dev A transfer from alice, made so that nothing that it answers is interpreted.
    function _transfer(OpenToken token, address to, uint256 value) private returns (bool success, bytes memory answer) {
        vm.prank(alice);
        return address(token).call{gas: 2_000_000}(abi.encodeCall(token.transfer, (to, value)));
    }

    /// @dev The same by bob, whom alice has approved.
    function _transferFrom(OpenToken token, address to, uint256 value)
        private
        returns (bool success, bytes memory answer)
    {
        vm.prank(alice);
        token.approve(bob, value);
        vm.prank(bob);
        return address(token).call{gas: 2_000_000}(abi.encodeCall(token.transferFrom, (alice, to, value)));
    }

    function _answering() private returns (AnsweringToken token) {
        token = new AnsweringToken();
        token.mint(alice, 100);
    }

    function _assertAnswers(AnsweringToken token, uint256 moved, bool succeeds, bytes memory expected) private {
        uint256 before = token.balanceOf(carol);
        (bool success, bytes memory answer) = _transfer(token, carol, 10);
        assertEq(success, succeeds);
        assertEq(answer, expected);
        assertEq(token.balanceOf(carol), before + moved);
        (success, answer) = _transferFrom(token, carol, 10);
        assertEq(success, succeeds);
        assertEq(answer, expected);
        assertEq(token.balanceOf(carol), before + 2 * moved);
    }

    function test_honestUntilToldOtherwise() external {
        _assertAnswers(_answering(), 10, true, abi.encode(true));
    }

    function test_saysNothing() external {
        AnsweringToken token = _answering();
        token.behave(true, "");
        _assertAnswers(token, 10, true, "");
    }

    function test_saysFalseAndMovesNothing() external {
        AnsweringToken token = _answering();
        token.behave(false, abi.encode(false));
        _assertAnswers(token, 0, true, abi.encode(false));
    }

    function test_saysFalseThoughItMoved() external {
        AnsweringToken token = _answering();
        token.behave(true, abi.encode(false));
        _assertAnswers(token, 10, true, abi.encode(false));
    }

    function test_saysTrueThoughItMovedNothing() external {
        AnsweringToken token = _answering();
        token.behave(false, abi.encode(true));
        _assertAnswers(token, 0, true, abi.encode(true));
    }

    function test_revertsWithWords() external {
        AnsweringToken token = _answering();
        token.refuse("no");
        _assertAnswers(token, 0, false, "no");
    }

    function test_oneMegabyteReturnedOrReverted() external {
        AnsweringToken token = _answering();
        token.behave(true, abi.encode(true));
        token.pad(1_000_000);
        vm.prank(alice);
        (bool success, bytes memory answer) =
            address(token).call{gas: 20_000_000}(abi.encodeCall(token.transfer, (carol, 10)));
        assertTrue(success);
        assertEq(answer.length, 1_000_032);
        token.refuse("");
        token.pad(1_000_000);
        (success, answer) = address(token).call{gas: 20_000_000}(abi.encodeCall(token.transfer, (carol, 10)));
        assertFalse(success);
        assertEq(answer.length, 1_000_000);
    }

    function test_onePayeeIsSingledOut() external {
        AnsweringToken token = _answering();
        token.refuse("blocked");
        token.only(bob);
        _assertAnswers(token, 10, true, abi.encode(true));
        (bool success, bytes memory answer) = _transfer(token, bob, 1);
        assertFalse(success);
        assertEq(answer, "blocked");
    }

    function test_payeeGetsLess() external {
        FeeToken token = new FeeToken();
        token.mint(alice, 1000);
        token.setFees(100, 0);
        _transfer(token, carol, 500);
        assertEq(token.balanceOf(carol), 495);
        assertEq(token.balanceOf(alice), 500);
    }

    function test_senderIsLeftWithLess() external {
        FeeToken token = new FeeToken();
        token.mint(alice, 1000);
        token.setFees(0, 100);
        _transfer(token, carol, 500);
        assertEq(token.balanceOf(carol), 500);
        assertEq(token.balanceOf(alice), 495);
    }

    function test_callsBackOnceBeforeOrAfter() external {
        ReentrantToken token = new ReentrantToken();
        token.mint(alice, 100);
        for (uint256 i = 0; i < 2; i++) {
            bool before = i == 0;
            token.arm(address(token), abi.encodeCall(token.balanceOf, (carol)), before);
            uint256 had = token.balanceOf(carol);
            _transfer(token, carol, 10);
            assertTrue(token.called());
            assertTrue(token.succeeded());
            assertEq(token.answer(), abi.encode(before ? had : had + 10));
            // Once.
            token.arm(address(0), "", before);
            _transfer(token, carol, 10);
            assertFalse(token.called());
        }
    }

    function test_callsBackAsItself() external {
        ReentrantToken token = new ReentrantToken();
        bytes memory answer = token.act(address(this), abi.encodeCall(this.whoCalls, ()));
        assertEq(answer, abi.encode(address(token)));
        vm.expectRevert(abi.encodeWithSignature("Error(string)", "refused"));
        token.act(address(this), abi.encodeCall(this.refuses, ()));
    }

    function whoCalls() external view returns (address) {
        return msg.sender;
    }

    function refuses() external pure {
        revert("refused");
    }

    function test_eatsAllGas() external {
        GasEaterToken token = new GasEaterToken();
        token.mint(alice, 100);
        token.eat(carol, true);
        uint256 before = gasleft();
        (bool success,) = _transfer(token, carol, 10);
        assertFalse(success);
        assertGt(before - gasleft(), 1_990_000);
        (success,) = _transfer(token, bob, 10);
        assertTrue(success);

        token.eatOnReading(true);
        before = gasleft();
        (success,) = address(token).staticcall{gas: 100_000}(abi.encodeCall(token.balanceOf, (bob)));
        assertFalse(success);
        assertGt(before - gasleft(), 100_000);
    }

    function test_authorizationsThatNobodySigned() external {
        LyingAuthorizationToken token = new LyingAuthorizationToken();
        token.mint(alice, 100);
        token.receiveWithAuthorization(alice, bob, 10, 0, 0, 0, "");
        assertEq(token.balanceOf(bob), 0);
        token.setMoved(7);
        token.receiveWithAuthorization(alice, bob, 10, 0, 0, 0, 0, 0, 0);
        assertEq(token.balanceOf(bob), 7);
        token.receiveWithAuthorization(alice, bob, 5, 0, 0, 0, "");
        assertEq(token.balanceOf(bob), 12);
        token.permit(alice, bob, 10, 0, 0, 0, 0);
        assertEq(token.allowance(alice, bob), 0);
    }

    function test_balancesShrinkAndGrow() external {
        RebasingToken token = new RebasingToken();
        token.mint(alice, 1000);
        token.rebase(0.5e18);
        assertEq(token.balanceOf(alice), 500);
        assertEq(token.totalSupply(), 500);
        (bool success,) = _transfer(token, carol, 501);
        assertFalse(success);
        (success,) = _transfer(token, carol, 100);
        assertTrue(success);
        token.rebase(2e18);
        assertEq(token.balanceOf(carol), 400);
        assertEq(token.balanceOf(alice), 1600);
    }
}
