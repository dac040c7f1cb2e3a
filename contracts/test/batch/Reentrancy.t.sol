// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

import {IDebitWallet} from "../../src/interfaces/IDebitWallet.sol";
import {LyingAuthorizationToken} from "../tokens/LyingAuthorizationToken.sol";
import {ReentrantToken} from "../tokens/ReentrantToken.sol";
import {Typed} from "../wallet/support/Typed.sol";
import {BatchTest} from "./support/BatchTest.sol";
import {Batch} from "./support/Model.sol";

/// @notice Fear: a token that is being paid out calls the wallet, and finds it half-way.
/// @dev The token has an account and a bond of its own, is a processor, and holds signatures, so that each of
/// these calls would succeed: each is made once outside of a batch, where it does, and once from within.
contract BatchReentrancyTest is BatchTest {
    ReentrantToken private evil;
    LyingAuthorizationToken private other;
    uint32 private own;
    uint32 private unkeyed;
    address private owner;
    uint256 private ownerKey;

    string[] private names;
    bytes[] private calls;

    function setUp() public override {
        super.setUp();
        evil = new ReentrantToken();
        other = new LyingAuthorizationToken();
        other.setMoved(type(uint256).max);
        token = evil;
        fund(first, address(evil), FUNDS);
        fund(second, address(evil), FUNDS);
        (owner, ownerKey) = makeAddrAndKey("owner of direct mandates");

        // An account of the token's, with money, a request to withdraw and a change that are both due.
        own = abi.decode(_act(abi.encodeCall(IDebitWallet.openAccount, (address(evil), verifierSet, 99))), (uint32));
        keyHash[own] = 99;
        fund(own, address(other), FUNDS);
        _act(abi.encodeCall(IDebitWallet.requestWithdrawal, (own, address(other), 1e6)));
        _act(abi.encodeCall(IDebitWallet.rotateKey, (own, 99)));
        unkeyed = abi.decode(_act(abi.encodeCall(IDebitWallet.openAccount, (address(evil), 0, 0))), (uint32));
        _act(abi.encodeCall(IDebitWallet.setDirectAccount, (unkeyed)));
        other.mint(address(evil), FUNDS);
        evil.act(address(other), abi.encodeCall(IERC20.approve, (address(wallet), FUNDS)));
        // An owner whose direct mandates the token may debit.
        vm.prank(owner);
        fund(wallet.openAccount(address(evil), 0, 0), address(other), FUNDS);
        vm.warp(START + DELAY);
        // Something to collect.
        other.mint(address(this), 5e6);
        _credit();
        _list();
    }

    function test_nothingInTheWalletIsReachedFromWithinAPayout() external {
        bytes memory refusal = abi.encodeWithSelector(ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector);
        Batch memory batch = honest();
        batch.header.validUntil = type(uint40).max;
        bytes memory settling = callOf(batch);
        for (uint256 i = 0; i < calls.length; i++) {
            uint256 kept = vm.snapshotState();
            _act(calls[i]);
            vm.revertToState(kept);

            for (uint256 when = 0; when < 2; when++) {
                evil.arm(address(wallet), calls[i], when == 0);
                vm.prank(processor);
                (bool success,) = address(wallet).call(settling);
                assertTrue(success, names[i]);
                assertTrue(evil.called(), names[i]);
                assertFalse(evil.succeeded(), names[i]);
                assertEq(evil.answer(), refusal, names[i]);
                vm.revertToState(kept);
            }
        }
    }

    /// @dev The wallet's interface, less what only reads: a function that is added comes here, too.
    function test_allFunctionsThatChangeAnythingAreListed() external view {
        string memory artifact = vm.readFile("out/IDebitWallet.sol/IDebitWallet.json");
        uint256 changing = 0;
        for (uint256 i = 0;; i++) {
            string memory at_ = string.concat(".abi[", vm.toString(i), "]");
            if (!vm.keyExistsJson(artifact, at_)) break;
            if (!_is(artifact, at_, ".type", "function")) continue;
            if (_is(artifact, at_, ".stateMutability", "nonpayable")) changing++;
        }
        // Nobody but the guarantee burns nonces; `guarantee/Claims.t.sol` has it tried from within a payout.
        assertEq(calls.length + 1, changing);
    }

    // --- The calls ----------------------------------------------------------------------------------

    function _list() private {
        IDebitWallet.ShapeVerifier[] memory verifiers = new IDebitWallet.ShapeVerifier[](1);
        verifiers[0] = IDebitWallet.ShapeVerifier(SHAPE + 2, verifier);
        _add("registerVerifiers", abi.encodeCall(IDebitWallet.registerVerifiers, (verifiers)));

        _listAccounts();
        _listFunds();

        Batch memory batch = single(own, 0, 1, 1e6);
        batch.header.processor = address(evil);
        batch.header.token = address(other);
        batch.header.validUntil = type(uint40).max;
        _add("settleBatch", callOf(batch));
        _add("settleDirect", _settleDirect());
        _add("collect", abi.encodeCall(IDebitWallet.collect, (address(other), payee)));
        _add("collectTo", abi.encodeCall(IDebitWallet.collectTo, (address(other), processor)));
        _add("applyPayoutThreshold", abi.encodeCall(IDebitWallet.applyPayoutThreshold, (address(other), address(evil))));
        _add("setPayoutThreshold", abi.encodeCall(IDebitWallet.setPayoutThreshold, (address(other), 1)));

        _add("setSender", abi.encodeCall(IDebitWallet.setSender, (0, processor)));
    }

    function _listAccounts() private {
        _add("openAccount", abi.encodeCall(IDebitWallet.openAccount, (processor, verifierSet, 1)));
        (IDebitWallet.Opening memory opening, bytes memory signed) = _opening();
        _add(
            "openAccountWithSignature",
            abi.encodeCall(IDebitWallet.openAccountWithSignature, (opening, type(uint256).max, signed))
        );
        _add(
            "openAccountAndDeposit",
            abi.encodeCall(
                IDebitWallet.openAccountAndDeposit,
                (opening, type(uint256).max, signed, address(other), _authorization())
            )
        );
        _add("rotateKey", abi.encodeCall(IDebitWallet.rotateKey, (own, 1)));
        _add("revokeKey", abi.encodeCall(IDebitWallet.revokeKey, (own)));
        _add("setProcessor", abi.encodeCall(IDebitWallet.setProcessor, (own, processor, verifierSet, 1)));
        _add("cancelChange", abi.encodeCall(IDebitWallet.cancelChange, (own)));
        _add("applyChange", abi.encodeCall(IDebitWallet.applyChange, (own)));
        _add("setDirectAccount", abi.encodeCall(IDebitWallet.setDirectAccount, (own)));
        _add("applyDirectAccount", abi.encodeCall(IDebitWallet.applyDirectAccount, (address(evil))));
    }

    function _listFunds() private {
        _add("deposit", abi.encodeCall(IDebitWallet.deposit, (own, address(other), 1e6)));
        _add(
            "depositWithAuthorization",
            abi.encodeCall(IDebitWallet.depositWithAuthorization, (own, address(other), _authorization()))
        );
        _add(
            "depositWithPermit",
            abi.encodeCall(
                IDebitWallet.depositWithPermit,
                (own, address(other), address(evil), 1e6, type(uint256).max, new bytes(65), "")
            )
        );
        _add("requestWithdrawal", abi.encodeCall(IDebitWallet.requestWithdrawal, (own, address(other), 1e6)));
        _add("cancelWithdrawal", abi.encodeCall(IDebitWallet.cancelWithdrawal, (own, address(other))));
        _add("executeWithdrawal", abi.encodeCall(IDebitWallet.executeWithdrawal, (own, address(other), address(evil))));
    }

    function _opening() private view returns (IDebitWallet.Opening memory opening, bytes memory signed) {
        opening = IDebitWallet.Opening(owner, processor, verifierSet, 1);
        signed = signature(ownerKey, _digest(Typed.hash(opening, 0, type(uint256).max)));
    }

    function _authorization() private view returns (IDebitWallet.Authorization memory authorization) {
        authorization.from = address(evil);
        authorization.amount = 1e6;
        authorization.signature = new bytes(65);
    }

    function _settleDirect() private view returns (bytes memory) {
        IDebitWallet.Mandate[] memory mandates = new IDebitWallet.Mandate[](1);
        mandates[0] = IDebitWallet.Mandate(owner, address(other), payee, 1e6, 0, type(uint256).max, 0);
        bytes[] memory signatures = new bytes[](1);
        signatures[0] = signature(ownerKey, _digest(Typed.hash(mandates[0])));
        uint256[] memory captured = new uint256[](1);
        captured[0] = 1e6;
        return abi.encodeCall(IDebitWallet.settleDirect, (address(evil), mandates, signatures, captured));
    }

    /// @dev Payouts below a threshold, so that a payee has something to collect, and the token itself has. Then both
    /// ask for a lower one; the payee's is in force, the token's is only due.
    function _credit() private {
        vm.prank(payee);
        wallet.setPayoutThreshold(address(other), type(uint128).max);
        _act(abi.encodeCall(IDebitWallet.setPayoutThreshold, (address(other), type(uint128).max)));
        Batch memory batch = single(own, 9, 1, 2e6);
        batch.header.processor = address(evil);
        batch.header.token = address(other);
        batch.header.validUntil = type(uint40).max;
        batch.payouts = new IDebitWallet.Payout[](2);
        batch.payouts[0] = IDebitWallet.Payout(payee, 1e6);
        batch.payouts[1] = IDebitWallet.Payout(address(evil), 1e6);
        _act(callOf(batch));
        vm.prank(payee);
        wallet.setPayoutThreshold(address(other), 0);
        _act(abi.encodeCall(IDebitWallet.setPayoutThreshold, (address(other), 0)));
        vm.warp(START + 2 * DELAY);
        wallet.applyPayoutThreshold(address(other), payee);
    }

    function _add(string memory name, bytes memory data) private {
        names.push(name);
        calls.push(data);
    }

    function _act(bytes memory data) private returns (bytes memory) {
        return evil.act(address(wallet), data);
    }

    function _digest(bytes32 structHash) private view returns (bytes32) {
        return Typed.digest(Typed.domainSeparator(vm.getChainId(), address(wallet)), structHash);
    }

    function _is(string memory json, string memory item, string memory key, string memory value)
        private
        view
        returns (bool)
    {
        string memory path = string.concat(item, key);
        return
            vm.keyExistsJson(json, path) && keccak256(bytes(vm.parseJsonString(json, path))) == keccak256(bytes(value));
    }
}
