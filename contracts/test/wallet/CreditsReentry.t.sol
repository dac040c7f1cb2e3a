// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

import {IDebitWallet} from "../../src/interfaces/IDebitWallet.sol";
import {OpenToken} from "../tokens/OpenToken.sol";
import {ReentrantToken} from "../tokens/ReentrantToken.sol";
import {DirectTest} from "./support/DirectTest.sol";

/// @notice While a token is being called, nothing in the wallet can be changed: whatever moves tokens, and
/// whatever the token calls back, with the rights of an owner, a processor and a payee.
contract CreditsReentryTest is DirectTest {
    ReentrantToken private entering;
    uint32 private account;
    uint256 private nonce;

    function setUp() public override {
        super.setUp();
        entering = new ReentrantToken();
        token = OpenToken(address(entering));
        account = openFunded(alice, 1000);
    }

    function test_nothingIsChangedDuringAPayout() external {
        bytes[] memory calls = _everyCall();
        for (uint256 i = 0; i < calls.length; i++) {
            entering.arm(address(wallet), calls[i], true);
            add(alice, address(token), payee.addr, 1, nonce++);
            settleAll(processor);
            _wasLocked(calls[i]);
        }
    }

    function test_nothingIsChangedDuringADeposit() external {
        bytes[] memory calls = _everyCall();
        for (uint256 i = 0; i < calls.length; i++) {
            mint(bob.addr, 1);
            entering.arm(address(wallet), calls[i], true);
            vm.prank(bob.addr);
            wallet.deposit(account, address(token), 1);
            _wasLocked(calls[i]);
        }
    }

    function test_nothingIsChangedDuringAWithdrawal() external {
        bytes[] memory calls = _everyCall();
        for (uint256 i = 0; i < calls.length; i++) {
            vm.prank(alice.addr);
            wallet.requestWithdrawal(account, address(token), 1);
            vm.warp(vm.getBlockTimestamp() + DELAY);
            entering.arm(address(wallet), calls[i], true);
            vm.prank(alice.addr);
            wallet.executeWithdrawal(account, address(token), alice.addr);
            _wasLocked(calls[i]);
        }
    }

    /// @dev Every function that changes something, as its interface has them.
    function _everyCall() private view returns (bytes[] memory calls) {
        address own = address(entering);
        IDebitWallet.Opening memory opening = IDebitWallet.Opening(own, own, 0, 0);
        IDebitWallet.Authorization memory money = IDebitWallet.Authorization(own, 1, 0, 0, 0, "");
        IDebitWallet.Header memory header = IDebitWallet.Header(own, verifierSet, own, type(uint40).max, 1, 0, 0);

        calls = new bytes[](30);
        uint256 n = 0;
        calls[n++] = abi.encodeCall(wallet.registerVerifiers, (new IDebitWallet.ShapeVerifier[](1)));
        calls[n++] = abi.encodeCall(wallet.openAccount, (own, 0, 0));
        calls[n++] = abi.encodeCall(wallet.openAccountWithSignature, (opening, 0, ""));
        calls[n++] = abi.encodeCall(wallet.openAccountAndDeposit, (opening, 0, "", own, money));
        calls[n++] = abi.encodeCall(wallet.rotateKey, (account, 0));
        calls[n++] = abi.encodeCall(wallet.revokeKey, (account));
        calls[n++] = abi.encodeCall(wallet.setProcessor, (account, own, 0, 0));
        calls[n++] = abi.encodeCall(wallet.cancelChange, (account));
        calls[n++] = abi.encodeCall(wallet.applyChange, (account));
        calls[n++] = abi.encodeCall(wallet.setDirectAccount, (0));
        calls[n++] = abi.encodeCall(wallet.applyDirectAccount, (own));
        calls[n++] = abi.encodeCall(wallet.deposit, (account, own, 1));
        calls[n++] = abi.encodeCall(wallet.depositWithAuthorization, (account, own, money));
        calls[n++] = abi.encodeCall(wallet.depositWithPermit, (account, own, own, 1, 0, "", ""));
        calls[n++] = abi.encodeCall(wallet.requestWithdrawal, (account, own, 1));
        calls[n++] = abi.encodeCall(wallet.cancelWithdrawal, (account, own));
        calls[n++] = abi.encodeCall(wallet.executeWithdrawal, (account, own, own));
        calls[n++] = abi.encodeCall(
            wallet.settleBatch,
            (header, new IDebitWallet.Debit[](0), new IDebitWallet.Payout[](0), new IDebitWallet.Segment[](1), 1)
        );
        calls[n++] =
            abi.encodeCall(wallet.settleDirect, (own, new IDebitWallet.Mandate[](0), new bytes[](0), new uint256[](0)));
        calls[n++] = abi.encodeCall(wallet.collect, (own, own));
        calls[n++] = abi.encodeCall(wallet.collectTo, (own, own));
        calls[n++] = abi.encodeCall(wallet.setPayoutThreshold, (own, 1));
        calls[n++] = abi.encodeCall(wallet.applyPayoutThreshold, (own, own));
        calls[n++] = abi.encodeCall(wallet.setSender, (0, own));
        calls[n++] = abi.encodeCall(wallet.burnNonce, (own, account, own, 1));
        assembly ("memory-safe") {
            mstore(calls, n)
        }
    }

    function _wasLocked(bytes memory call) private view {
        assertTrue(entering.called());
        assertFalse(entering.succeeded());
        assertEq(
            entering.answer(),
            abi.encodePacked(ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector),
            string.concat("calling back ", vm.toString(call))
        );
    }
}
