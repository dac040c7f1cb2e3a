// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IDebitWallet} from "../../src/interfaces/IDebitWallet.sol";
import {TestUSD} from "../../src/tokens/TestUSD.sol";
import {LyingAuthorizationToken} from "../tokens/LyingAuthorizationToken.sol";
import {KeyedWallet} from "./support/SmartWallets.sol";
import {Typed} from "./support/Typed.sol";
import {UsdTest} from "./support/UsdTest.sol";

/// @notice Deposits by EIP-3009: anyone brings the signature, and it is good for one account alone.
contract DepositsAuthorizedTest is UsdTest {
    uint32 private account;
    uint32 private theirs;

    function setUp() public override {
        super.setUp();
        account = open(alice);
        theirs = open(mallory);
    }

    // --- Both of EIP-3009's functions ---------------------------------------------------------------

    function test_anyoneBringsTheSignatureAndTheNamedAccountHasTheMoney() external {
        IDebitWallet.Authorization memory signed = authorize(alice, 300, wallet.depositNonce(account, SALT));
        vm.expectEmit(address(wallet));
        emit IDebitWallet.Deposited(account, address(usd), alice.addr, 300);
        assertEq(_bring(account, signed), 300);
        assertEq(usdOf(account), 300);
        assertEq(usd.balanceOf(alice.addr), 700);
        assertTrue(usd.authorizationState(alice.addr, wallet.depositNonce(account, SALT)));
    }

    /// @dev USDC's older deployments have the function with v, r, s alone.
    function test_aKeysSignatureGoesThroughTheFunctionThatEveryTokenHas() external {
        IDebitWallet.Authorization memory signed = authorize(alice, 300, wallet.depositNonce(account, SALT));
        (bytes32 r, uint256 s, uint8 v) = split(signed.signature);
        bytes memory call = abi.encodeWithSignature(
            "receiveWithAuthorization(address,address,uint256,uint256,uint256,bytes32,uint8,bytes32,bytes32)",
            alice.addr,
            address(wallet),
            300,
            signed.validAfter,
            signed.validBefore,
            wallet.depositNonce(account, SALT),
            v,
            r,
            s
        );
        vm.expectCall(address(usd), call, 1);
        _bring(account, signed);
    }

    function test_aSmartWalletDepositsByItsOwnFormat() external {
        address smart = address(new KeyedWallet(bob.addr));
        usd.mint(smart, 500);
        IDebitWallet.Authorization memory signed = authorization(bob, 500);
        signed.from = smart;
        bytes32 digest = authorizationDigest(signed, wallet.depositNonce(account, SALT));
        signed.signature = abi.encodePacked(signature(bob.key, digest), "and more");
        vm.expectEmit(address(wallet));
        emit IDebitWallet.Deposited(account, address(usd), smart, 500);
        _bring(account, signed);
        assertEq(usdOf(account), 500);
    }

    function test_aSmartWalletDepositsByItsKeysSignatureToo() external {
        address smart = address(new KeyedWallet(bob.addr));
        usd.mint(smart, 500);
        IDebitWallet.Authorization memory signed = authorization(bob, 500);
        signed.from = smart;
        signed.signature = signature(bob.key, authorizationDigest(signed, wallet.depositNonce(account, SALT)));
        _bring(account, signed);
        assertEq(usdOf(account), 500);
    }

    // --- A signature taken from the mempool ---------------------------------------------------------

    function test_aSignatureFromTheMempoolDoesNotFillAnotherAccount() external {
        IDebitWallet.Authorization memory signed = authorize(alice, 300, wallet.depositNonce(account, SALT));
        _refused(theirs, signed, alice.addr);
        _bring(account, signed);
        assertEq(usdOf(account), 300);
    }

    /// @dev Another salt gives another nonce: none leads to the thief's account.
    function testFuzz_noSaltTurnsASignatureToAnotherAccount(bytes32 salt) external {
        IDebitWallet.Authorization memory signed = authorize(alice, 300, wallet.depositNonce(account, SALT));
        signed.salt = salt;
        _refused(theirs, signed, alice.addr);
    }

    /// @dev Around the wallet: EIP-3009's receiving function answers to the payee alone.
    function test_aSignatureFromTheMempoolIsNotUsedUpOnTheTokenItself() external {
        bytes32 nonce = wallet.depositNonce(account, SALT);
        IDebitWallet.Authorization memory signed = authorize(alice, 300, nonce);
        vm.expectRevert(abi.encodeWithSelector(TestUSD.CallerIsNotPayee.selector, mallory.addr, address(wallet)));
        vm.prank(mallory.addr);
        usd.receiveWithAuthorization(
            signed.from, address(wallet), 300, signed.validAfter, signed.validBefore, nonce, signed.signature
        );
        _bring(account, signed);
    }

    function test_aSignatureFillsOnce() external {
        bytes32 nonce = wallet.depositNonce(account, SALT);
        IDebitWallet.Authorization memory signed = authorize(alice, 300, nonce);
        _bring(account, signed);
        vm.expectRevert(abi.encodeWithSelector(TestUSD.AuthorizationAlreadyUsed.selector, alice.addr, nonce));
        _bring(account, signed);
        assertEq(usdOf(account), 300);
    }

    /// @dev A nonce of one's choice, as for a plain EIP-3009 payment, is for no account.
    function test_aSignatureThatNamesNoAccountFillsNone() external {
        _refused(theirs, authorize(alice, 300, keccak256("plain")), alice.addr);
        _refused(account, authorize(alice, 300, SALT), alice.addr);
    }

    function test_anAuthorizationsTermsAreTheSigners() external {
        IDebitWallet.Authorization memory signed = authorize(alice, 300, wallet.depositNonce(account, SALT));
        signed.amount = 301;
        _refused(account, signed, alice.addr);
        signed.amount = 300;
        signed.validBefore++;
        _refused(account, signed, alice.addr);
        signed.validBefore--;
        signed.validAfter--;
        _refused(account, signed, alice.addr);
        signed.validAfter++;
        signed.from = bob.addr;
        _refused(account, signed, bob.addr);
    }

    // --- What arrives -------------------------------------------------------------------------------

    function test_anUnknownAccountTakesNothing() external {
        uint32[2] memory unknown = [uint32(0), theirs + 1];
        for (uint256 i = 0; i < unknown.length; i++) {
            IDebitWallet.Authorization memory signed = authorize(alice, 300, wallet.depositNonce(unknown[i], SALT));
            vm.expectRevert(abi.encodeWithSelector(IDebitWallet.UnknownAccount.selector, unknown[i]));
            _bring(unknown[i], signed);
        }
        assertEq(usd.balanceOf(alice.addr), 1000);
    }

    function test_aTokenThatTakesAnySignatureCreditsWhatItMoved() external {
        LyingAuthorizationToken liar = new LyingAuthorizationToken();
        liar.mint(bob.addr, 1000);
        IDebitWallet.Authorization memory unsigned = authorization(bob, 300);
        for (uint256 length = 64; length < 66; length++) {
            unsigned.signature = new bytes(length);
            liar.setMoved(0);
            vm.expectRevert(abi.encodeWithSelector(IDebitWallet.NothingArrived.selector, address(liar)));
            wallet.depositWithAuthorization(account, address(liar), unsigned);
            liar.setMoved(7);
            assertEq(wallet.depositWithAuthorization(account, address(liar), unsigned), 7);
        }
        assertEq(wallet.balanceOf(account, address(liar)).balance, 14);
    }

    // --- An account opened with its first deposit ---------------------------------------------------

    function test_anAccountIsOpenedAndFilledByTwoSignaturesAndNoGas() external {
        IDebitWallet.Opening memory opening = _opening(bob.addr);
        bytes memory signed = sign(bob, Typed.hash(opening, 0, DEADLINE));
        IDebitWallet.Authorization memory money = authorize(bob, 300, wallet.openingNonce(opening, SALT));
        vm.expectEmit(address(wallet));
        emit IDebitWallet.AccountOpened(3, bob.addr, processor.addr, verifierSet, KEY);
        vm.expectEmit(address(wallet));
        emit IDebitWallet.Deposited(3, address(usd), bob.addr, 300);
        vm.prank(mallory.addr);
        uint32 opened = wallet.openAccountAndDeposit(opening, DEADLINE, signed, address(usd), money);
        assertEq(opened, 3);
        assertEq(wallet.accountOf(opened).owner, bob.addr);
        assertEq(usdOf(opened), 300);
    }

    /// @dev The thief opens an account of his own with the victim's money.
    function test_moneyForOneOpeningDoesNotFillAnother() external {
        IDebitWallet.Authorization memory money = authorize(bob, 300, wallet.openingNonce(_opening(bob.addr), SALT));
        IDebitWallet.Opening memory thiefs = _opening(mallory.addr);
        bytes memory signed = sign(mallory, Typed.hash(thiefs, 0, DEADLINE));
        vm.expectRevert(abi.encodeWithSelector(TestUSD.InvalidSignature.selector, bob.addr));
        wallet.openAccountAndDeposit(thiefs, DEADLINE, signed, address(usd), money);
        _refused(theirs, money, bob.addr);
        assertEq(wallet.accountCount(), 2);
    }

    /// @dev Nor does the victim's own opening under another processor or key: the money names all its terms.
    function test_moneyForAnOpeningIsForAllItsTerms() external {
        IDebitWallet.Authorization memory money = authorize(bob, 300, wallet.openingNonce(_opening(bob.addr), SALT));
        for (uint256 i = 0; i < 3; i++) {
            IDebitWallet.Opening memory other = _opening(bob.addr);
            if (i == 0) other.processor = mallory.addr;
            if (i == 1) other.verifierSet = otherVerifierSet;
            if (i == 2) other.keyHash = OTHER_KEY;
            bytes memory signed = sign(bob, Typed.hash(other, 0, DEADLINE));
            vm.expectRevert(abi.encodeWithSelector(TestUSD.InvalidSignature.selector, bob.addr));
            wallet.openAccountAndDeposit(other, DEADLINE, signed, address(usd), money);
        }
    }

    /// @dev Somebody takes the opening out of the mempool and brings it alone.
    function test_anAccountThatSomebodyOpenedFirstIsFilledAllTheSame() external {
        IDebitWallet.Opening memory opening = _opening(bob.addr);
        bytes memory signed = sign(bob, Typed.hash(opening, 0, DEADLINE));
        IDebitWallet.Authorization memory money = authorize(bob, 300, wallet.openingNonce(opening, SALT));
        vm.prank(mallory.addr);
        uint32 opened = wallet.openAccountWithSignature(opening, DEADLINE, signed);
        assertEq(wallet.openAccountAndDeposit(opening, DEADLINE, signed, address(usd), money), opened);
        assertEq(usdOf(opened), 300);
        assertEq(wallet.accountCount(), opened);
        assertEq(wallet.nonces(bob.addr), 1);
        // Once: the token has seen the authorization.
        vm.expectRevert();
        wallet.openAccountAndDeposit(opening, DEADLINE, signed, address(usd), money);
        assertEq(usdOf(opened), 300);
    }

    /// @dev A second account of the same terms is opened where it is signed, and filled.
    function test_aSecondOpeningOfTheSameTermsOpensASecondAccount() external {
        IDebitWallet.Opening memory opening = _opening(bob.addr);
        bytes memory signed = sign(bob, Typed.hash(opening, 0, DEADLINE));
        uint32 one = wallet.openAccountWithSignature(opening, DEADLINE, signed);
        signed = sign(bob, Typed.hash(opening, 1, DEADLINE));
        IDebitWallet.Authorization memory money = authorize(bob, 300, wallet.openingNonce(opening, SALT));
        uint32 two = wallet.openAccountAndDeposit(opening, DEADLINE, signed, address(usd), money);
        assertEq(two, one + 1);
        assertEq(usdOf(one), 0);
        assertEq(usdOf(two), 300);
    }

    /// @dev Opened by its owner's own transaction, or with other terms, it was not opened by this signature.
    function test_anotherAccountIsNotFilledInPlaceOfTheSignedOne() external {
        IDebitWallet.Opening memory opening = _opening(bob.addr);
        vm.prank(bob.addr);
        wallet.openAccount(processor.addr, verifierSet, KEY);
        IDebitWallet.Authorization memory money = authorize(bob, 300, wallet.openingNonce(opening, SALT));
        bytes memory forged = sign(mallory, Typed.hash(opening, 0, DEADLINE));
        vm.expectRevert(abi.encodeWithSelector(IDebitWallet.BadSignature.selector, bob.addr));
        wallet.openAccountAndDeposit(opening, DEADLINE, forged, address(usd), money);
    }

    /// @dev Once its terms are others, or are about to be, money that is signed for the old terms is not for it.
    function test_anAccountIsNotFilledOnceItsTermsAreOthers() external {
        IDebitWallet.Opening memory opening = _opening(bob.addr);
        wallet.openAccountWithSignature(opening, DEADLINE, sign(bob, Typed.hash(opening, 0, DEADLINE)));
        uint32 opened = wallet.accountCount();
        IDebitWallet.Authorization memory money = authorize(bob, 300, wallet.openingNonce(opening, SALT));
        bytes memory refused = abi.encodeWithSelector(IDebitWallet.BadSignature.selector, bob.addr);

        vm.prank(bob.addr);
        wallet.rotateKey(opened, KEY + 1);
        vm.expectRevert(refused);
        wallet.openAccountAndDeposit(opening, type(uint256).max, "", address(usd), money);
        vm.warp(block.timestamp + wallet.WITHDRAWAL_DELAY());
        wallet.applyChange(opened);
        vm.expectRevert(refused);
        wallet.openAccountAndDeposit(opening, type(uint256).max, "", address(usd), money);

        vm.prank(bob.addr);
        wallet.setProcessor(opened, mallory.addr, verifierSet, KEY);
        vm.warp(block.timestamp + wallet.WITHDRAWAL_DELAY());
        wallet.applyChange(opened);
        vm.expectRevert(refused);
        wallet.openAccountAndDeposit(opening, type(uint256).max, "", address(usd), money);
        assertEq(wallet.balanceOf(opened, address(usd)).balance, 0);
    }

    function test_moneyAloneOpensNothing() external {
        IDebitWallet.Opening memory opening = _opening(bob.addr);
        IDebitWallet.Authorization memory money = authorize(bob, 300, wallet.openingNonce(opening, SALT));
        bytes memory forged = sign(mallory, Typed.hash(opening, 0, DEADLINE));
        vm.expectRevert(abi.encodeWithSelector(IDebitWallet.BadSignature.selector, bob.addr));
        wallet.openAccountAndDeposit(opening, DEADLINE, forged, address(usd), money);
        bytes memory signed = sign(bob, Typed.hash(opening, 0, DEADLINE));
        vm.warp(DEADLINE + 1);
        vm.expectRevert(abi.encodeWithSelector(IDebitWallet.SignatureExpired.selector, DEADLINE));
        wallet.openAccountAndDeposit(opening, DEADLINE, signed, address(usd), money);
    }

    // --- Helpers ------------------------------------------------------------------------------------

    function _opening(address owner) private view returns (IDebitWallet.Opening memory) {
        return IDebitWallet.Opening(owner, processor.addr, verifierSet, KEY);
    }

    function _bring(uint32 into, IDebitWallet.Authorization memory signed) private returns (uint256) {
        vm.prank(mallory.addr);
        return wallet.depositWithAuthorization(into, address(usd), signed);
    }

    function _refused(uint32 into, IDebitWallet.Authorization memory signed, address signer) private {
        vm.expectRevert(abi.encodeWithSelector(TestUSD.InvalidSignature.selector, signer));
        _bring(into, signed);
    }
}
