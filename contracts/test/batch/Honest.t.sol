// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IDebitWallet} from "../../src/interfaces/IDebitWallet.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {BatchTest} from "./support/BatchTest.sol";
import {Batch} from "./support/Model.sol";

/// @notice What an honest batch does. The other files change one thing in it and see it refused.
contract HonestBatchTest is BatchTest {
    function test_everyoneIsDebitedAndPaidAsTheEntriesSay() external {
        settle(honest());
        assertEq(balance(first), FUNDS - 70e6);
        assertEq(balance(second), FUNDS - 30e6);
        assertEq(token.balanceOf(payee), 60e6);
        assertEq(token.balanceOf(otherPayee), 40e6);
        assertEq(token.balanceOf(address(wallet)), 2 * FUNDS - 100e6);
    }

    function test_exactlyTheNoncesOfTheMasksAreSpent() external {
        settle(honest());
        // Words 6 and 7 are the halves of slot 3.
        assertEq(wallet.spentNonces(first, address(token), 3), (1 << 128) | 0x80000000000000000000000000000003);
        assertEq(wallet.spentNonces(second, address(token), 0), 0x11);
        assertEq(wallet.spentNonces(first, address(token), 0), 0);
        assertEq(wallet.spentNonces(second, address(token), 3), 0);
        assertTrue(wallet.isSpent(first, address(token), 6 * 128 + 127));
        assertTrue(wallet.isSpent(first, address(token), 7 * 128));
        assertFalse(wallet.isSpent(first, address(token), 6 * 128 + 2));
    }

    function test_whatHappenedIsSaid() external {
        Batch memory batch = honest();
        bytes32 batchId = seed(batch);
        vm.expectEmit(address(wallet));
        emit IDebitWallet.BatchSettled(batchId, address(token), processor, verifierSet, 6, 100e6);
        vm.expectEmit(address(token));
        emit IERC20.Transfer(address(wallet), payee, 60e6);
        vm.expectEmit(address(token));
        emit IERC20.Transfer(address(wallet), otherPayee, 40e6);
        assertEq(settle(batch), batchId);
    }

    /// @dev A void: its nonce is burnt and nothing is paid.
    function test_aBatchOfVoidsMovesNothing() external {
        Batch memory batch = single(first, 1, 1 << 9, 0);
        batch.payouts = new IDebitWallet.Payout[](0);
        settle(batch);
        assertEq(balance(first), FUNDS);
        assertTrue(wallet.isSpent(first, address(token), 128 + 9));
    }

    /// @dev Nothing orders entries; the seed keeps whatever order they came in.
    function test_entriesComeInAnyOrder() external {
        Batch memory batch = honest();
        (batch.debits[0], batch.debits[2]) = (batch.debits[2], batch.debits[0]);
        (batch.payouts[0], batch.payouts[1]) = (batch.payouts[1], batch.payouts[0]);
        assertEq(settle(batch), seed(batch));
        assertEq(balance(first), FUNDS - 70e6);
        assertEq(token.balanceOf(payee), 60e6);
    }

    function test_onePayeeInTwoEntriesIsPaidBoth() external {
        Batch memory batch = honest();
        batch.payouts[1].payee = payee;
        settle(batch);
        assertEq(token.balanceOf(payee), 100e6);
    }
}
