// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IDebitWallet} from "../../src/interfaces/IDebitWallet.sol";
import {BatchTest} from "./support/BatchTest.sol";
import {Batch} from "./support/Model.sol";

/// @notice Fear: a batch pays out more than it takes, or takes what an account does not have. The verifier
/// takes every proof, as a faulty circuit might.
contract BatchMoneyTest is BatchTest {
    function test_payingMoreThanIsDebitedIsRefused() external {
        Batch memory batch = honest();
        batch.payouts[0].amount += 1;
        assertRefused(batch, _totalsDiffer(100e6, 100e6 + 1));
    }

    function test_debitingMoreThanIsPaidIsRefused() external {
        Batch memory batch = honest();
        batch.payouts[0].amount -= 1;
        assertRefused(batch, _totalsDiffer(100e6, 100e6 - 1));
        batch.payouts = new IDebitWallet.Payout[](0);
        assertRefused(batch, _totalsDiffer(100e6, 0));
    }

    /// @dev Modulo 2^128 the payouts come to what is debited.
    function test_payoutsDoNotWrapAround() external {
        Batch memory batch = honest();
        batch.payouts[0].amount = type(uint128).max;
        batch.payouts[1].amount = 100e6 + 1;
        assertRefused(batch, _totalsDiffer(100e6, 2 ** 128 + 100e6));
    }

    function testFuzz_onlyEqualTotalsSettle(uint64 debited, uint64 paid) external {
        Batch memory batch = single(first, 0, 1, debited % uint64(FUNDS));
        batch.payouts[0].amount = paid % 2 == 0 ? batch.debits[0].amount : paid % uint64(FUNDS);
        if (batch.payouts[0].amount == batch.debits[0].amount) {
            settle(batch);
            assertEq(token.balanceOf(payee), batch.debits[0].amount);
        } else {
            assertRefused(batch, _totalsDiffer(batch.debits[0].amount, batch.payouts[0].amount));
        }
    }

    function test_aWholeBalanceSettlesAndNoMore() external {
        Batch memory batch = single(first, 0, 1, uint128(FUNDS + 1));
        assertRefused(batch, _insufficient(first, FUNDS, FUNDS + 1));
        settle(single(first, 0, 1, uint128(FUNDS)));
        assertEq(balance(first), 0);
        assertRefused(single(first, 0, 2, 1), _insufficient(first, 0, 1));
    }

    /// @dev Each entry alone is covered; the wallet holds bob's money, too.
    function test_twoEntriesOfAnAccountDoNotSpendItsBalanceTwice() external {
        Batch memory batch = honest();
        batch.debits[0].amount = uint128(FUNDS);
        batch.debits[1].amount = 1;
        batch.payouts[0].amount = uint128(FUNDS + 1 + 30e6 - 40e6);
        assertRefused(batch, _insufficient(first, 0, 1));
        assertEq(balance(first), FUNDS);
        assertEq(balance(second), FUNDS);
    }

    /// @dev Balances have 104 bits, amounts 128.
    function test_anAmountIsNotCutToTheBalancesWidth() external {
        uint128 amount = 2 ** 104 + 1;
        assertRefused(single(first, 0, 1, amount), _insufficient(first, FUNDS, amount));
        assertRefused(single(first, 0, 1, type(uint128).max), _insufficient(first, FUNDS, type(uint128).max));
    }

    function test_anAccountsOtherTokenDoesNotCount() external {
        Batch memory batch = single(first, 0, 1, 10e6);
        batch.header.token = address(deployedToken());
        assertRefused(
            batch, abi.encodeWithSelector(IDebitWallet.InsufficientBalance.selector, first, batch.header.token, 0, 10e6)
        );
    }

    // --- Withdrawals --------------------------------------------------------------------------------

    function test_whatIsAskedBackStaysDebitable() external {
        vm.prank(alice);
        wallet.requestWithdrawal(first, address(token), FUNDS);
        vm.warp(START + DELAY);
        Batch memory batch = single(first, 0, 1, 400e6);
        batch.header.validUntil = uint40(START + DELAY);
        settle(batch);

        IDebitWallet.Purse memory purse = wallet.balanceOf(first, address(token));
        assertEq(purse.balance, FUNDS - 400e6);
        assertEq(purse.leaving, FUNDS);
        assertEq(purse.leavesFrom, START + DELAY);
        vm.prank(alice);
        assertEq(wallet.executeWithdrawal(first, address(token), alice), FUNDS - 400e6);
    }

    /// @dev What was reserved above the request settles after it was executed.
    function test_aWithdrawalInFrontOfABatchLeavesWhatWasNotAskedBack() external {
        vm.prank(alice);
        wallet.requestWithdrawal(first, address(token), 600e6);
        vm.warp(START + DELAY);
        vm.prank(alice);
        wallet.executeWithdrawal(first, address(token), alice);

        Batch memory batch = single(first, 0, 1, 400e6);
        batch.header.validUntil = uint40(START + DELAY);
        settle(batch);
        batch = single(first, 0, 2, 1);
        batch.header.validUntil = uint40(START + DELAY);
        assertRefused(batch, _insufficient(first, 0, 1));
    }

    /// @dev Neither path touches the other fields of a slot.
    function testFuzz_aDebitChangesNothingButTheBalance(uint64 asked, uint64 amount) external {
        asked = uint64(bound(asked, 1, FUNDS));
        amount = uint64(bound(amount, 0, FUNDS));
        vm.prank(alice);
        wallet.requestWithdrawal(first, address(token), asked);
        settle(single(first, 0, 1, amount));
        IDebitWallet.Purse memory purse = wallet.balanceOf(first, address(token));
        assertEq(purse.balance, FUNDS - amount);
        assertEq(purse.leaving, asked);
        assertEq(purse.leavesFrom, START + DELAY);
        assertEq(balance(second), FUNDS);
    }

    function deployedToken() private returns (address other) {
        other = vm.deployCode("OpenToken.sol:OpenToken");
        fund(second, other, FUNDS);
    }

    function _insufficient(uint32 account, uint256 has, uint256 amount) private view returns (bytes memory) {
        return abi.encodeWithSelector(IDebitWallet.InsufficientBalance.selector, account, address(token), has, amount);
    }

    function _totalsDiffer(uint256 debits, uint256 payouts) private pure returns (bytes memory) {
        return abi.encodeWithSelector(IDebitWallet.TotalsDiffer.selector, debits, payouts);
    }
}
