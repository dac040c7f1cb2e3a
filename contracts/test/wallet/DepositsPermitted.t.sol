// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IDebitWallet} from "../../src/interfaces/IDebitWallet.sol";
import {KeyedWallet} from "./support/SmartWallets.sol";
import {Typed} from "./support/Typed.sol";
import {UsdTest} from "./support/UsdTest.sol";
import {Person} from "./support/WalletTest.sol";

/// @notice Deposits by EIP-2612: a permit says nothing of the account, so its owner brings it, or says so in
/// a signature of its own.
contract DepositsPermittedTest is UsdTest {
    uint32 private account;
    uint32 private theirs;

    function setUp() public override {
        super.setUp();
        account = open(alice);
        theirs = open(mallory);
    }

    // --- By the owner -------------------------------------------------------------------------------

    function test_theOwnerBringsItsPermit() external {
        bytes memory permitted = permit(alice, 300);
        vm.expectEmit(address(wallet));
        emit IDebitWallet.Deposited(account, address(usd), alice.addr, 300);
        vm.prank(alice.addr);
        assertEq(wallet.depositWithPermit(account, address(usd), alice.addr, 300, DEADLINE, permitted, ""), 300);
        assertEq(usdOf(account), 300);
        assertEq(usd.balanceOf(alice.addr), 700);
        assertEq(usd.allowance(alice.addr, address(wallet)), 0);
        assertEq(wallet.nonces(alice.addr), 0);
    }

    /// @dev The attacker brings the permit to the token first; the deposit must not fail for it.
    function test_aPermitThatWasBroughtToTheTokenBeforeStillDeposits() external {
        bytes memory permitted = permit(alice, 300);
        _frontRun(permitted);
        vm.prank(alice.addr);
        wallet.depositWithPermit(account, address(usd), alice.addr, 300, DEADLINE, permitted, "");
        assertEq(usdOf(account), 300);
    }

    function test_withoutAPermitAndWithoutAnAllowanceNothingIsTaken() external {
        bytes memory anothers = permit(bob, 300);
        vm.expectRevert();
        vm.prank(alice.addr);
        wallet.depositWithPermit(account, address(usd), alice.addr, 300, DEADLINE, anothers, "");
        assertEq(usd.balanceOf(alice.addr), 1000);
    }

    // --- By others, with the owner's intent ---------------------------------------------------------

    function test_anyoneBringsPermitAndIntent() external {
        (bytes memory permitted, bytes memory intended) = (permit(alice, 300), _intend(alice, account, 300, 0));
        vm.expectEmit(address(wallet));
        emit IDebitWallet.Deposited(account, address(usd), alice.addr, 300);
        _bring(account, alice.addr, 300, permitted, intended);
        assertEq(usdOf(account), 300);
        assertEq(wallet.nonces(alice.addr), 1);
    }

    function test_aSmartWalletIntends() external {
        address smart = address(new KeyedWallet(bob.addr));
        usd.mint(smart, 300);
        vm.prank(smart);
        usd.approve(address(wallet), 300);
        bytes memory intended = sign(bob, Typed.hashIntent(smart, account, address(usd), 300, 0, DEADLINE));
        _bring(account, smart, 300, new bytes(65), intended);
        assertEq(usdOf(account), 300);
    }

    function test_aPermitThatWasBroughtToTheTokenBeforeStillDepositsByIntent() external {
        (bytes memory permitted, bytes memory intended) = (permit(alice, 300), _intend(alice, account, 300, 0));
        _frontRun(permitted);
        _bring(account, alice.addr, 300, permitted, intended);
        assertEq(usdOf(account), 300);
    }

    /// @dev Intents are spent with the money: one that could not be followed is not lost.
    function test_anIntentThatFailedIsStillGood() external {
        (bytes memory permitted, bytes memory intended) = (permit(alice, 300), _intend(alice, account, 300, 0));
        vm.expectRevert();
        _bring(account, alice.addr, 300, new bytes(65), intended);
        _bring(account, alice.addr, 300, permitted, intended);
        assertEq(usdOf(account), 300);
    }

    // --- A permit taken from the mempool ------------------------------------------------------------

    function test_aPermitFromTheMempoolDoesNotFillAnotherAccount() external {
        bytes memory permitted = permit(alice, 300);
        _refused(theirs, 300, permitted, "");
        _refused(theirs, 300, permitted, _intend(mallory, theirs, 300, 0));
    }

    /// @dev Nor does an allowance that was given for other deposits.
    function test_anAllowanceDoesNotFillAnotherAccount() external {
        vm.prank(alice.addr);
        usd.approve(address(wallet), type(uint256).max);
        _refused(theirs, 300, new bytes(65), "");
    }

    function test_anIntentIsForWhatItNames() external {
        bytes memory permitted = permit(alice, 300);
        bytes memory intended = _intend(alice, account, 300, 0);
        _refused(theirs, 300, permitted, intended);
        _refused(account, 299, permitted, intended);

        vm.expectRevert(abi.encodeWithSelector(IDebitWallet.BadSignature.selector, alice.addr));
        wallet.depositWithPermit(account, address(token), alice.addr, 300, DEADLINE, permitted, intended);
        vm.expectRevert(abi.encodeWithSelector(IDebitWallet.BadSignature.selector, alice.addr));
        wallet.depositWithPermit(account, address(usd), alice.addr, 300, DEADLINE + 1, permitted, intended);
        vm.expectRevert(abi.encodeWithSelector(IDebitWallet.BadSignature.selector, bob.addr));
        wallet.depositWithPermit(account, address(usd), bob.addr, 300, DEADLINE, permitted, intended);
    }

    /// @dev With an allowance that is larger than one deposit the intent alone decides.
    function test_anIntentIsFollowedOnce() external {
        vm.prank(alice.addr);
        usd.approve(address(wallet), 1000);
        bytes memory intended = _intend(alice, account, 300, 0);
        _bring(account, alice.addr, 300, new bytes(65), intended);
        _refused(account, 300, new bytes(65), intended);
        assertEq(usdOf(account), 300);
    }

    function test_anIntentIsVoidAfterItsDeadline() external {
        vm.prank(alice.addr);
        usd.approve(address(wallet), 1000);
        bytes memory intended = _intend(alice, account, 300, 0);
        vm.warp(DEADLINE + 1);
        vm.expectRevert(abi.encodeWithSelector(IDebitWallet.SignatureExpired.selector, DEADLINE));
        _bring(account, alice.addr, 300, new bytes(65), intended);
        vm.warp(DEADLINE);
        _bring(account, alice.addr, 300, new bytes(65), intended);
    }

    /// @dev The two messages share their nonces; neither passes for the other.
    function test_anOpeningIsNoIntent() external {
        vm.prank(alice.addr);
        usd.approve(address(wallet), 1000);
        IDebitWallet.Opening memory opening = IDebitWallet.Opening(alice.addr, processor.addr, verifierSet, KEY);
        _refused(account, 300, new bytes(65), sign(alice, Typed.hash(opening, 0, DEADLINE)));
        bytes memory intended = _intend(alice, account, 300, 0);
        vm.expectRevert(abi.encodeWithSelector(IDebitWallet.BadSignature.selector, alice.addr));
        wallet.openAccountWithSignature(opening, DEADLINE, intended);
    }

    // --- Calldata -----------------------------------------------------------------------------------

    function test_aPermitIsSixtyFiveBytes() external {
        bytes memory permitted = permit(alice, 300);
        bytes[3] memory others = [abi.encodePacked(permitted, hex"00"), new bytes(64), new bytes(0)];
        for (uint256 i = 0; i < others.length; i++) {
            vm.expectRevert(abi.encodeWithSelector(IDebitWallet.BadSignature.selector, alice.addr));
            vm.prank(alice.addr);
            wallet.depositWithPermit(account, address(usd), alice.addr, 300, DEADLINE, others[i], "");
        }
    }

    function test_anUnknownAccountTakesNothing() external {
        bytes memory permitted = permit(alice, 300);
        uint32[2] memory unknown = [uint32(0), theirs + 1];
        for (uint256 i = 0; i < unknown.length; i++) {
            vm.expectRevert(abi.encodeWithSelector(IDebitWallet.UnknownAccount.selector, unknown[i]));
            vm.prank(alice.addr);
            wallet.depositWithPermit(unknown[i], address(usd), alice.addr, 300, DEADLINE, permitted, "");
        }
    }

    // --- Helpers ------------------------------------------------------------------------------------

    function _intend(Person memory from, uint32 into, uint256 amount, uint256 nonce)
        private
        view
        returns (bytes memory)
    {
        return sign(from, Typed.hashIntent(from.addr, into, address(usd), amount, nonce, DEADLINE));
    }

    function _frontRun(bytes memory permitted) private {
        (bytes32 r, uint256 s, uint8 v) = split(permitted);
        vm.prank(mallory.addr);
        usd.permit(alice.addr, address(wallet), 300, DEADLINE, v, r, bytes32(s));
    }

    function _bring(uint32 into, address from, uint256 amount, bytes memory permitted, bytes memory intended)
        private
        returns (uint256)
    {
        vm.prank(mallory.addr);
        return wallet.depositWithPermit(into, address(usd), from, amount, DEADLINE, permitted, intended);
    }

    function _refused(uint32 into, uint256 amount, bytes memory permitted, bytes memory intended) private {
        vm.expectRevert(abi.encodeWithSelector(IDebitWallet.BadSignature.selector, alice.addr));
        _bring(into, alice.addr, amount, permitted, intended);
    }
}
