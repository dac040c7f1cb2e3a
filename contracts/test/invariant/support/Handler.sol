// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IDebitWallet} from "../../../src/interfaces/IDebitWallet.sol";
import {GuaranteeActions} from "./GuaranteeActions.sol";
import {PayerActions} from "./PayerActions.sol";
import {ProcessorActions} from "./ProcessorActions.sol";

/// @title Everything that may happen, one function each
/// @notice forge calls these in any order. None reverts: what cannot be done now is not tried, and what must not
/// be possible is tried and asserted to fail.
contract Handler is PayerActions, ProcessorActions, GuaranteeActions {
    constructor() {
        for (uint256 i = 0; i < 5; i++) {
            _open(i, i + 1);
            _deposit(uint32(i + 1), 500e6);
        }
    }

    function actions() external pure returns (bytes4[] memory selectors) {
        selectors = new bytes4[](24);
        selectors[0] = this.open.selector;
        selectors[1] = this.deposit.selector;
        selectors[2] = this.sign.selector;
        selectors[3] = this.withdraw.selector;
        selectors[4] = this.change.selector;
        selectors[5] = this.moveDirectAccount.selector;
        selectors[6] = this.settleAccepted.selector;
        selectors[7] = this.settleAsHostile.selector;
        selectors[8] = this.settleTwiceInOneBatch.selector;
        selectors[9] = this.settleUnsigned.selector;
        selectors[10] = this.settleDirect.selector;
        selectors[11] = this.bond.selector;
        selectors[12] = this.unbond.selector;
        selectors[13] = this.demandOfHostile.selector;
        selectors[14] = this.demandOfHonest.selector;
        selectors[15] = this.passTime.selector;
        selectors[16] = this.block_.selector;
        selectors[17] = this.collect.selector;
        selectors[18] = this.steal.selector;
        selectors[19] = this.setThreshold.selector;
        selectors[20] = this.settleForeign.selector;
        selectors[21] = this.answerHostile.selector;
        selectors[22] = this.claimAny.selector;
        selectors[23] = this.takeLess.selector;
    }

    /// @dev Time passes. The honest processor does not let a promise pass with it, nor a demand unanswered.
    function passTime(uint256 seconds_) external {
        uint256 time = vm.getBlockTimestamp() + bound(seconds_, 0, 2 days);
        _settleAccepted(time);
        _answerDemands(time);
        vm.warp(time);
        done["time passed"]++;
    }

    /// @dev The token refuses one payee from here on, or nobody.
    function block_(uint256 which) external {
        if (which % 4 == 3) {
            token.behave(true, abi.encode(true));
        } else {
            token.refuse("blocked");
            token.only(payees[which % 4]);
            done["payee blocked"]++;
        }
    }

    function collect(uint256 who) external {
        address payee = _payee(who);
        (uint128 credit,) = wallet.creditOf(address(token), payee);
        (bool success,) = _send(thief, abi.encodeCall(IDebitWallet.collect, (address(token), payee)));
        if (success) {
            assertGt(credit, 0);
            done["collected"]++;
        }
    }

    function setThreshold(uint256 who, uint256 threshold) external {
        vm.prank(_payee(who));
        wallet.setPayoutThreshold(address(token), uint128(threshold % 50e6));
    }

    /// @dev Somebody who owns nothing tries all that owners may; and gives the wallet money, which is nobody's.
    function steal(uint256 which, uint256 amount) external {
        uint32 account = _account(which);
        _mustFail(thief, abi.encodeCall(IDebitWallet.requestWithdrawal, (account, address(token), 1)), "theft");
        _mustFail(thief, abi.encodeCall(IDebitWallet.cancelWithdrawal, (account, address(token))), "theft");
        _mustFail(thief, abi.encodeCall(IDebitWallet.executeWithdrawal, (account, address(token), thief)), "theft");
        _mustFail(thief, abi.encodeCall(IDebitWallet.rotateKey, (account, 1)), "theft");
        _mustFail(thief, abi.encodeCall(IDebitWallet.revokeKey, (account)), "theft");
        _mustFail(thief, abi.encodeCall(IDebitWallet.setProcessor, (account, thief, verifierSet, 1)), "theft");
        _mustFail(thief, abi.encodeCall(IDebitWallet.cancelChange, (account)), "theft");
        _mustFail(thief, abi.encodeCall(IDebitWallet.setDirectAccount, (account)), "theft");
        _mustFail(thief, abi.encodeCall(IDebitWallet.burnNonce, (honest, account, address(token), 1)), "theft");
        _stealBonds();
        amount = bound(amount, 0, 1e6);
        token.mint(address(wallet), amount);
        donated += amount;
    }

    /// @dev At the end: whatever was accepted and is not settled yet, settles.
    function settleAllAccepted() external {
        _settleAccepted(type(uint256).max);
    }
}
