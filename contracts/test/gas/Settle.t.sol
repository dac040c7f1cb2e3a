// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IDebitWallet} from "../../src/interfaces/IDebitWallet.sol";
import {TestUSD} from "../../src/tokens/TestUSD.sol";
import {Batch, Model} from "../batch/support/Model.sol";
import {OpenKey} from "../batch/support/OpenKey.sol";
import {Test} from "../base/Test.sol";

/// @notice Fear: settling gets dearer. What transactions cost, the 21,000 and the calldata included, with
/// storage as in steady state: accounts and payees hold tokens, nonce slots are in use, nothing is warm.
/// @dev Isolated, each call from here is a transaction of its own and costs what it would on chain.
/// forge-config: default.isolate = true
contract SettleGasTest is Test {
    uint256 private constant START = 1_800_000_000;
    uint32 private constant SHAPE = (64 << 16) + (16 << 1);

    address private processor = makeAddr("processor");
    IDebitWallet private wallet;
    TestUSD private token;
    bytes32 private verifierSet;
    /// @dev Batches made so far: each takes words of its own half of the slots.
    uint256 private made;

    function setUp() external {
        vm.warp(START);
        wallet = IDebitWallet(vm.deployCode("DebitWallet.sol:DebitWallet", abi.encode(uint40(2 days), uint40(7 days))));
        token = TestUSD(vm.deployCode("TestUSD.sol:TestUSD", abi.encode(address(this))));
        IDebitWallet.ShapeVerifier[] memory verifiers = new IDebitWallet.ShapeVerifier[](1);
        verifiers[0] = IDebitWallet.ShapeVerifier(
            SHAPE, vm.deployCode("Groth16Verifier.sol:Groth16Verifier", abi.encode(OpenKey.verifyingKey()))
        );
        verifierSet = wallet.registerVerifiers(verifiers);
    }

    function test_aFullWindow() external {
        uint256 total = _settle(64, 16, 32);
        vm.snapshotValue("DebitWallet", "settleBatch: 1024 mandates, 64 accounts, 32 payees", total);
        assertLe(total, 1_600_000);
    }

    function test_whatEachPartAdds() external {
        uint256 base = _settle(64, 16, 32);
        uint256 debits = _settle(128, 16, 32) - base;
        uint256 payouts = _settle(64, 16, 64) - base;
        (uint256 fixed_, uint256 debit, uint256 payout) = (base - debits - payouts, debits / 64, payouts / 32);
        vm.snapshotValue("DebitWallet", "settleBatch: fixed", fixed_);
        vm.snapshotValue("DebitWallet", "settleBatch: per debit", debit);
        vm.snapshotValue("DebitWallet", "settleBatch: per payout", payout);
        assertLe(fixed_, 260_000);
        assertLe(debit, 14_000);
        assertLe(payout, 16_000);
    }

    /// @dev Every mandate another account, few payees.
    function test_theWorstWindow() external {
        uint256 each = _settle(1024, 1, 4) / 1024;
        vm.snapshotValue("DebitWallet", "settleBatch: per mandate, 1024 mandates of 1024 accounts", each);
        assertLe(each, 16_000);
    }

    function test_aSingleMandate() external {
        vm.snapshotValue("DebitWallet", "settleBatch: 1 mandate", _settle(1, 1, 1));
    }

    // --- How ----------------------------------------------------------------------------------------

    /// @dev Settles one batch to bring storage to its steady state, then measures another.
    function _settle(uint256 accounts, uint256 mandatesEach, uint256 payees) private returns (uint256 gas) {
        for (uint256 i = wallet.accountCount(); i < accounts; i++) {
            uint32 account = wallet.openAccount(processor, verifierSet, _keyHash(i + 1));
            token.mint(address(this), 1000e6);
            token.approve(address(wallet), 1000e6);
            wallet.deposit(account, address(token), 1000e6);
        }
        for (uint256 i = 0; i < payees; i++) {
            token.mint(_payee(i), 12e6);
        }
        _send(_batch(accounts, mandatesEach, payees));
        return _send(_batch(accounts, mandatesEach, payees));
    }

    function _send(Batch memory batch) private returns (uint256) {
        uint256[] memory keyHashes = new uint256[](batch.debits.length);
        for (uint256 i = 0; i < keyHashes.length; i++) {
            keyHashes[i] = _keyHash(batch.debits[i].account);
        }
        uint256 domain = Model.domain(vm.getChainId(), address(wallet), address(token));
        (uint256[4] memory inputs, uint256 hint) = Model.publicInputs(batch, domain, keyHashes);
        uint256[8] memory proof = OpenKey.prove(inputs);
        vm.prank(processor);
        wallet.settleBatch(batch.shape, batch.header, batch.debits, batch.payouts, batch.commitment, hint, proof);
        return vm.lastCallGas().gasTotalUsed;
    }

    /// @dev One debit an account, of neighbouring nonces in a word whose slot the batch before has used.
    function _batch(uint256 accounts, uint256 mandatesEach, uint256 payees) private returns (Batch memory batch) {
        made++;
        batch.shape = SHAPE;
        batch.header =
            IDebitWallet.Header(verifierSet, address(token), uint40(START + 900), uint32(accounts * mandatesEach));
        batch.commitment = uint256(keccak256(abi.encode("commitment", made))) % Model.R;
        batch.debits = new IDebitWallet.Debit[](accounts);
        uint256 each = 12_345_600 / accounts;
        for (uint256 i = 0; i < accounts; i++) {
            uint256 mask = ((1 << mandatesEach) - 1) << (i * 7 % 96);
            batch.debits[i] = IDebitWallet.Debit(uint32(i + 1), uint64(made - 1), uint128(mask), uint128(each));
        }
        batch.payouts = new IDebitWallet.Payout[](payees);
        uint256 left = each * accounts;
        for (uint256 i = 0; i < payees; i++) {
            uint256 amount = i + 1 == payees ? left : 12_345_600 / payees - i;
            left -= amount;
            batch.payouts[i] = IDebitWallet.Payout(_payee(i), uint128(amount));
        }
    }

    function _keyHash(uint256 account) private pure returns (uint256) {
        return uint256(keccak256(abi.encode("key", account))) % Model.R;
    }

    function _payee(uint256 index) private pure returns (address) {
        return address(uint160(uint256(keccak256(abi.encode("payee", index)))));
    }
}
