// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IDebitWallet} from "../../src/interfaces/IDebitWallet.sol";
import {IGuarantee} from "../../src/interfaces/IGuarantee.sol";
import {Deployed} from "../base/Deployed.sol";
import {GuaranteeTest} from "../guarantee/support/GuaranteeTest.sol";
import {Captured, Trees} from "../guarantee/support/Trees.sol";
import {OpenToken} from "../tokens/OpenToken.sol";

/// @notice What a promise that was not kept costs those who deal with it, calldata and the transaction included; and
/// whether a deposit pays for an answer.
/// @dev Isolated, each call from here is a transaction of its own and costs what it would on chain.
/// forge-config: default.isolate = true
contract GuaranteeGasTest is GuaranteeTest {
    uint256 private constant PAYOUTS = 32;
    uint256 private constant PARTS = 32;

    /// @dev A token that is optimised, as those on chain are; the tests' own are not.
    function setUp() public override {
        super.setUp();
        token = OpenToken(address(Deployed.testUsd(address(this))));
    }

    function test_demandAnswerClaim() external {
        bond(processor, 1000);
        (IGuarantee.Remembered memory batch, Captured[][] memory parts) = _window();
        fund(account, PAYOUTS * PARTS);
        settle(processor, account, 7, batch);
        vm.warp(DEMANDED);

        IGuarantee.Promise[] memory one = promised(receiptFor(500, 70), processor);
        guarantee.demand(one);
        _snapshot("demand: 1 receipt");
        IGuarantee.Promise[] memory ten = new IGuarantee.Promise[](10);
        IGuarantee.Leaf[] memory leaves = new IGuarantee.Leaf[](10);
        for (uint64 i = 0; i < 10; i++) {
            IGuarantee.Receipt memory receipt = receiptFor(i, 1);
            (receipt.mandateId, receipt.payee) = (parts[i][i].mandateId, batch.payouts[i].payee);
            ten[i] = promised(receipt, processor)[0];
            leaves[i] = Trees.open(batch.payouts, parts, i, i);
            leaves[i].receipt = receipt;
        }
        guarantee.demand(ten);
        _snapshot("demand: 10 receipts");

        IGuarantee.Leaf[] memory first = new IGuarantee.Leaf[](1);
        first[0] = leaves[0];
        uint256 kept = vm.snapshotState();
        guarantee.answer(batch, first);
        // What a deposit is made for, at the base fee at which it is asked for.
        assertLe(_snapshot("answer: 1 demand, a batch of 32 payouts"), 160_000);
        vm.revertToState(kept);
        guarantee.answer(batch, leaves);
        assertLe(_snapshot("answer: 10 demands, a batch of 32 payouts"), 700_000);

        vm.warp(CLAIMABLE);
        IGuarantee.Receipt[] memory list = new IGuarantee.Receipt[](1);
        list[0] = receiptFor(500, 70);
        guarantee.claim(list);
        _snapshot("claim: 1 receipt");
        assertEq(token.balanceOf(payee.addr), 70);
    }

    function _snapshot(string memory name) private returns (uint256 gas) {
        gas = vm.lastCallGas().gasTotalUsed;
        vm.snapshotValue("Guarantee", name, gas);
    }

    /// @dev Each payout of as many mandates.
    function _window() private view returns (IGuarantee.Remembered memory batch, Captured[][] memory parts) {
        batch = IGuarantee.Remembered(processor.addr, 5, address(token), 0, new IDebitWallet.Payout[](PAYOUTS));
        parts = new Captured[][](PAYOUTS);
        for (uint256 i = 0; i < PAYOUTS; i++) {
            batch.payouts[i] =
                IDebitWallet.Payout(address(uint160(uint256(keccak256(abi.encode("payee", i))))), uint128(PARTS));
            parts[i] = new Captured[](PARTS);
            for (uint256 j = 0; j < PARTS; j++) {
                parts[i][j] = Captured(keccak256(abi.encode(i, j)), 1);
            }
        }
        batch.captures = Trees.root(batch.payouts, parts);
    }
}
