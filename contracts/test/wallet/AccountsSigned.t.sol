// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IDebitWallet} from "../../src/interfaces/IDebitWallet.sol";
import {Deployed} from "../base/Deployed.sol";
import {Periods} from "../base/Periods.sol";
import {LyingAuthorizationToken} from "../tokens/LyingAuthorizationToken.sol";
import {Approver, Disowner, KeyedWallet} from "./support/SmartWallets.sol";
import {Typed} from "./support/Typed.sol";
import {Person, WalletTest} from "./support/WalletTest.sol";

/// @notice Accounts that others open for an owner who signed. Nobody opens one in another's name.
contract AccountsSignedTest is WalletTest {
    uint256 private constant DEADLINE = START + 1 hours;

    IDebitWallet.Opening private opening;

    function setUp() public override {
        super.setUp();
        opening = IDebitWallet.Opening(alice.addr, processor.addr, verifierSet, KEY);
    }

    // --- Who signs ----------------------------------------------------------------------------------

    function test_anOwnerThatSignedNeedsNoGas() external {
        bytes memory signed = _sign(alice, 0);
        vm.expectEmit(address(wallet));
        emit IDebitWallet.AccountOpened(1, alice.addr, processor.addr, verifierSet, KEY);
        vm.expectEmit(address(wallet));
        emit IDebitWallet.DirectAccountSet(alice.addr, 1);
        uint32 account = _open(signed);

        assertEq(account, 1);
        assertEq(wallet.accountOf(account).owner, alice.addr);
        assertEq(wallet.accountOf(account).keyHash, KEY);
        assertEq(wallet.nonces(alice.addr), 1);
        (uint32 direct,,) = wallet.directAccountOf(alice.addr);
        assertEq(direct, account);
    }

    function test_aSmartWalletSigns() external {
        opening.owner = address(new KeyedWallet(alice.addr));
        assertEq(wallet.accountOf(_open(_sign(alice, 0))).owner, opening.owner);
        // Formats of its own, too: longer than an ordinary key's.
        assertEq(wallet.accountOf(_open(abi.encodePacked(_sign(alice, 1), "and more"))).owner, opening.owner);
    }

    function test_anOwnerThatDelegatedItsAccountStillSignsWithItsKey() external {
        vm.signAndAttachDelegation(address(new Disowner()), alice.key);
        assertEq(wallet.accountOf(_open(_sign(alice, 0))).owner, alice.addr);
        assertEq(alice.addr.code.length, 23);
    }

    function test_theCodeThatAnOwnerDelegatedToSpeaksForItToo() external {
        bytes32 digest = digestOf(Typed.hash(opening, 0, DEADLINE));
        vm.signAndAttachDelegation(address(new Approver(digest)), alice.key);
        assertEq(wallet.accountOf(_open("by other means")).owner, alice.addr);
        _refuse("by other means");
    }

    // --- Attacks ------------------------------------------------------------------------------------

    function test_anotherKeyOpensNothingInTheOwnersName() external {
        _refuse(_sign(mallory, 0));
    }

    function test_aSmartWalletRefusesAnothersKey() external {
        opening.owner = address(new KeyedWallet(alice.addr));
        _refuse(_sign(mallory, 0));
    }

    function test_aContractThatKnowsNoSignaturesOwnsNothingByThem() external {
        opening.owner = address(token);
        _refuse(_sign(mallory, 0));
    }

    function test_aSignatureOpensOneAccount() external {
        bytes memory signed = _sign(alice, 0);
        _open(signed);
        _refuse(signed);
        _open(_sign(alice, 1));
        assertEq(wallet.accountCount(), 2);
    }

    function test_noncesAreTakenInOrder() external {
        _refuse(_sign(alice, 1));
        assertEq(wallet.nonces(alice.addr), 0);
    }

    function test_aSignatureIsVoidAfterItsDeadline() external {
        bytes memory signed = _sign(alice, 0);
        vm.warp(DEADLINE + 1);
        vm.expectRevert(abi.encodeWithSelector(IDebitWallet.SignatureExpired.selector, DEADLINE));
        _open(signed);
        vm.warp(DEADLINE);
        _open(signed);
    }

    function test_aSignatureForAnotherChainOpensNothing() external {
        vm.chainId(31338);
        bytes memory signed = _sign(alice, 0);
        vm.chainId(31337);
        _refuse(signed);
    }

    /// @dev The domain is not what it was at construction: after a fork, a signature counts on one side.
    function test_aSignatureFromBeforeAForkOpensNothingOnTheOtherSide() external {
        bytes memory signed = _sign(alice, 0);
        vm.chainId(31338);
        _refuse(signed);
    }

    function test_aSignatureForAnotherWalletOpensNothing() external {
        bytes memory signed = _sign(alice, 0);
        wallet = Deployed.wallet(Periods.fitting(DELAY, UNBONDING));
        verifierSet = 0;
        opening = IDebitWallet.Opening(alice.addr, processor.addr, 0, 0);
        bytes memory elsewhere = _sign(alice, 0);
        _refuse(signed);
        _open(elsewhere);
    }

    /// @dev Recovery gives 0 where there is no signature: 0 must own nothing.
    function test_nobodyOpensAnAccountOfNobodys() external {
        opening.owner = address(0);
        bytes[3] memory garbage = [new bytes(65), bytes("garbage"), new bytes(0)];
        garbage[0][64] = 0x1b;
        for (uint256 i = 0; i < garbage.length; i++) {
            _refuse(garbage[i]);
        }
    }

    function testFuzz_whatIsSignedIsWhatIsOpened(uint256 field, uint256 change) external {
        bytes memory signed = _sign(alice, 0);
        uint256 deadline = DEADLINE;
        field = bound(field, 0, 4);
        if (field == 0) opening.owner = bob.addr;
        if (field == 1) opening.processor = address(uint160(bound(change, 1, 1000)));
        if (field == 2) opening.verifierSet = otherVerifierSet;
        if (field == 3) opening.keyHash = bound(change, 0, KEY - 1);
        if (field == 4) deadline = bound(change, DEADLINE + 1, type(uint256).max);
        vm.expectRevert(abi.encodeWithSelector(IDebitWallet.BadSignature.selector, opening.owner));
        vm.prank(mallory.addr);
        wallet.openAccountWithSignature(opening, deadline, signed);
    }

    /// @dev The other of ECDSA's two solutions, which plain recovery takes, and other lengths.
    function test_onlyOneSpellingOfASignatureIsTaken() external {
        bytes memory signed = _sign(alice, 0);
        _refuse(highS(signed));
        _refuse(abi.encodePacked(signed, hex"00"));
        (bytes32 r, bytes32 vs) = vm.signCompact(alice.key, digestOf(Typed.hash(opening, 0, DEADLINE)));
        _refuse(abi.encodePacked(r, vs));
        _open(signed);
    }

    function test_termsThatAnOwnerCouldNotHaveAreRefusedThoughSigned() external {
        opening.processor = address(0);
        bytes memory signed = _sign(alice, 0);
        vm.expectRevert(IDebitWallet.ProcessorZero.selector);
        _open(signed);
    }

    /// @dev A token says what it likes; an account needs its owner's word.
    function test_aLyingTokenVouchesForNobody() external {
        LyingAuthorizationToken liar = new LyingAuthorizationToken();
        liar.mint(alice.addr, 1000);
        liar.setMoved(1000);
        IDebitWallet.Authorization memory authorization =
            IDebitWallet.Authorization(alice.addr, 1000, 0, type(uint256).max, 0, new bytes(65));
        bytes memory signed = _sign(mallory, 0);
        vm.expectRevert(abi.encodeWithSelector(IDebitWallet.BadSignature.selector, alice.addr));
        vm.prank(mallory.addr);
        wallet.openAccountAndDeposit(opening, DEADLINE, signed, address(liar), authorization);
        assertEq(wallet.accountCount(), 0);
    }

    // --- Helpers ------------------------------------------------------------------------------------

    function _sign(Person memory signer, uint256 nonce) private view returns (bytes memory) {
        return sign(signer, Typed.hash(opening, nonce, DEADLINE));
    }

    function _open(bytes memory signed) private returns (uint32) {
        vm.prank(mallory.addr);
        return wallet.openAccountWithSignature(opening, DEADLINE, signed);
    }

    function _refuse(bytes memory signed) private {
        vm.expectRevert(abi.encodeWithSelector(IDebitWallet.BadSignature.selector, opening.owner));
        _open(signed);
    }
}
