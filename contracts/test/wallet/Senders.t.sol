// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IDebitWallet} from "../../src/interfaces/IDebitWallet.sol";
import {Person} from "./support/WalletTest.sol";
import {DirectTest} from "./support/DirectTest.sol";

/// @notice Fear: a sender settles for a processor that did not name it, or no longer does; and a key that is
/// replaced takes a batch in flight with it.
contract SendersTest is DirectTest {
    uint32 private account;
    Person private sender;
    Person private next;

    function setUp() public override {
        super.setUp();
        account = openFunded(alice, 1000);
        (sender, next) = (person("sender"), person("next sender"));
    }

    function test_aSenderSettlesForItsProcessor() external {
        for (uint256 index = 0; index < 2; index++) {
            vm.expectEmit(address(wallet));
            emit IDebitWallet.SenderSet(processor.addr, index, sender.addr);
            _name(processor, index, sender.addr);
            settleOne(sender, account, uint64(index), payee.addr, 10);
            settleDirectly(sender, index);
            _name(processor, index, address(0));
            assertEq(wallet.sendersOf(processor.addr)[index], address(0));
        }
        assertEq(token.balanceOf(payee.addr), 22);
    }

    function test_theEventNamesTheProcessor() external {
        _name(processor, 0, sender.addr);
        bytes memory batch = batchOf(account, 1, payee.addr, 10);
        vm.recordLogs();
        submit(sender, batch);
        bytes32 named = vm.getRecordedLogs()[0].topics[3];
        assertEq(named, bytes32(uint256(uint160(processor.addr))));
    }

    /// @dev The seed does not hold the sender: the same calldata, proofs included, is sent by another key.
    function test_aBatchInFlightIsSentAgainByTheNextSender() external {
        _name(processor, 0, sender.addr);
        bytes memory batch = batchOf(account, 1, payee.addr, 10);
        _name(processor, 1, next.addr);
        _name(processor, 0, address(0));
        _notASender(sender, batch);
        submit(next, batch);
        assertEq(token.balanceOf(payee.addr), 10);
    }

    function test_theProcessorItselfAlwaysSettles() external {
        _name(processor, 0, sender.addr);
        _name(processor, 1, next.addr);
        settleOne(processor, account, 1, payee.addr, 10);
    }

    function test_nobodyElseSettles() external {
        _name(processor, 0, sender.addr);
        bytes memory batch = batchOf(account, 1, mallory.addr, 10);
        Person[4] memory others = [mallory, rival, alice, next];
        for (uint256 i = 0; i < others.length; i++) {
            _notASender(others[i], batch);
            vm.expectRevert(abi.encodeWithSelector(IDebitWallet.NotSender.selector, processor.addr, others[i].addr));
            vm.prank(others[i].addr);
            wallet.settleDirect(processor.addr, new IDebitWallet.Mandate[](0), new bytes[](0), new uint256[](0));
        }
    }

    /// @dev Kept by the sender, naming would be a way to have somebody's sender settle for others, or for nobody.
    function test_whoeverNamesAnothersSenderTakesNothingFromIt() external {
        _name(processor, 0, sender.addr);
        _name(mallory, 0, sender.addr);
        settleOne(sender, account, 1, payee.addr, 10);
        // In mallory's name it debits what mallory may debit: nothing.
        bytes memory batch = batchOf(mallory, verifierSet, account, KEY, 2, mallory.addr, 10);
        vm.expectRevert(abi.encodeWithSelector(IDebitWallet.NotAuthorized.selector, account, mallory.addr, verifierSet));
        submit(sender, batch);
        IDebitWallet.Mandate memory signed = mandate(alice, mallory.addr, 1, 5);
        bytes memory proof = sign(alice, signed);
        add(signed, proof, 1);
        vm.expectRevert(abi.encodeWithSelector(IDebitWallet.NotProcessor.selector, account, mallory.addr));
        settleAs(sender, mallory);
    }

    function test_thereAreTwoAndNoMore() external {
        vm.expectRevert();
        _name(processor, 2, sender.addr);
        vm.expectRevert();
        _name(processor, type(uint256).max, sender.addr);
    }

    // --- Helpers ------------------------------------------------------------------------------------

    function settleDirectly(Person memory by, uint256 nonce) private {
        IDebitWallet.Mandate memory signed = mandate(alice, payee.addr, 1, nonce);
        add(signed, sign(alice, signed), 1);
        settleAs(by, processor);
    }

    function _name(Person memory by, uint256 index, address named) private {
        vm.prank(by.addr);
        wallet.setSender(index, named);
    }

    function _notASender(Person memory by, bytes memory batch) private {
        vm.expectRevert(abi.encodeWithSelector(IDebitWallet.NotSender.selector, processor.addr, by.addr));
        submit(by, batch);
    }
}
