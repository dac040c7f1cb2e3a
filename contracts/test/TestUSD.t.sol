// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";

import {IERC3009} from "../src/interfaces/IERC3009.sol";
import {TestUSD} from "../src/tokens/TestUSD.sol";
import {Deployed} from "./base/Deployed.sol";
import {SmartWallet} from "./base/SmartWallet.sol";
import {Test} from "./base/Test.sol";

/// @notice The token takes what viem and ethers sign, and nothing else.
contract TestUSDTest is Test {
    uint256 private constant NOW = 1_800_000_000;

    TestUSD private token;
    address private blocklister = makeAddr("blocklister");
    address private alice;
    uint256 private aliceKey;
    address private bob = makeAddr("bob");

    /// @dev An authorization as alice signs it.
    struct Authorization {
        address from;
        address to;
        uint256 value;
        uint256 validAfter;
        uint256 validBefore;
        bytes32 nonce;
    }

    function setUp() external {
        token = Deployed.testUsd(blocklister);
        (alice, aliceKey) = makeAddrAndKey("alice");
        token.mint(alice, 1_000_000);
        vm.warp(NOW);
    }

    function test_isTheTokenItSaysItIs() external view {
        assertEq(token.name(), "Test USD");
        assertEq(token.symbol(), "TUSD");
        assertEq(token.version(), "2");
        assertEq(token.decimals(), 6);
        assertEq(token.totalSupply(), 1_000_000);
        assertEq(token.blocklister(), blocklister);
    }

    function test_anyoneMints() external {
        vm.prank(makeAddr("anyone"));
        token.mint(bob, 7);
        assertEq(token.balanceOf(bob), 7);
    }

    // --- Vectors of viem and ethers -------------------------------------------------------------

    function test_typeHashesAreTheLibraries() external view {
        string memory json = _vectors();
        assertEq(
            token.TRANSFER_WITH_AUTHORIZATION_TYPEHASH(),
            vm.parseJsonBytes32(json, ".typeHashes.transferWithAuthorization")
        );
        assertEq(
            token.RECEIVE_WITH_AUTHORIZATION_TYPEHASH(),
            vm.parseJsonBytes32(json, ".typeHashes.receiveWithAuthorization")
        );
        assertEq(token.CANCEL_AUTHORIZATION_TYPEHASH(), vm.parseJsonBytes32(json, ".typeHashes.cancelAuthorization"));
        assertEq(token.PERMIT_TYPEHASH(), vm.parseJsonBytes32(json, ".typeHashes.permit"));
    }

    function test_transferAuthorizationsOfTheLibrariesAreTaken() external {
        (string memory json, uint256 count) = _table("transferWithAuthorization");
        for (uint256 i = 0; i < count; i++) {
            string memory row = _row("transferWithAuthorization", i);
            TestUSD there = _tokenOf(json, row);
            (Authorization memory a, bytes memory signature) = _authorizationOf(json, row);
            there.mint(a.from, a.value);
            if (i % 2 == 0) {
                there.transferWithAuthorization(a.from, a.to, a.value, a.validAfter, a.validBefore, a.nonce, signature);
            } else {
                (uint8 v, bytes32 r, bytes32 s) = _split(signature);
                there.transferWithAuthorization(a.from, a.to, a.value, a.validAfter, a.validBefore, a.nonce, v, r, s);
            }
            assertEq(there.balanceOf(a.to), a.value);
            assertTrue(there.authorizationState(a.from, a.nonce));
        }
    }

    function test_receiveAuthorizationsOfTheLibrariesAreTaken() external {
        (string memory json, uint256 count) = _table("receiveWithAuthorization");
        for (uint256 i = 0; i < count; i++) {
            string memory row = _row("receiveWithAuthorization", i);
            TestUSD there = _tokenOf(json, row);
            (Authorization memory a, bytes memory signature) = _authorizationOf(json, row);
            there.mint(a.from, a.value);
            vm.prank(a.to);
            if (i % 2 == 0) {
                there.receiveWithAuthorization(a.from, a.to, a.value, a.validAfter, a.validBefore, a.nonce, signature);
            } else {
                (uint8 v, bytes32 r, bytes32 s) = _split(signature);
                there.receiveWithAuthorization(a.from, a.to, a.value, a.validAfter, a.validBefore, a.nonce, v, r, s);
            }
            assertEq(there.balanceOf(a.to), a.value);
        }
    }

    function test_cancellationsOfTheLibrariesAreTaken() external {
        (string memory json, uint256 count) = _table("cancelAuthorization");
        for (uint256 i = 0; i < count; i++) {
            string memory row = _row("cancelAuthorization", i);
            TestUSD there = _tokenOf(json, row);
            address authorizer = vm.parseJsonAddress(json, string.concat(row, ".message.authorizer"));
            bytes32 nonce = vm.parseJsonBytes32(json, string.concat(row, ".message.nonce"));
            bytes memory signature = vm.parseJsonBytes(json, string.concat(row, ".signature"));
            vm.expectEmit(address(there));
            emit IERC3009.AuthorizationCanceled(authorizer, nonce);
            if (i % 2 == 0) {
                there.cancelAuthorization(authorizer, nonce, signature);
            } else {
                (uint8 v, bytes32 r, bytes32 s) = _split(signature);
                there.cancelAuthorization(authorizer, nonce, v, r, s);
            }
            assertTrue(there.authorizationState(authorizer, nonce));
        }
    }

    function test_permitsOfTheLibrariesAreTaken() external {
        (string memory json, uint256 count) = _table("permit");
        for (uint256 i = 0; i < count; i++) {
            string memory row = _row("permit", i);
            TestUSD there = _tokenOf(json, row);
            address owner = vm.parseJsonAddress(json, string.concat(row, ".message.owner"));
            address spender = vm.parseJsonAddress(json, string.concat(row, ".message.spender"));
            uint256 value = vm.parseJsonUint(json, string.concat(row, ".message.value"));
            uint256 deadline = vm.parseJsonUint(json, string.concat(row, ".message.deadline"));
            bytes memory signature = vm.parseJsonBytes(json, string.concat(row, ".signature"));
            if (i % 2 == 0) {
                there.permit(owner, spender, value, deadline, signature);
            } else {
                (uint8 v, bytes32 r, bytes32 s) = _split(signature);
                there.permit(owner, spender, value, deadline, v, r, s);
            }
            assertEq(there.allowance(owner, spender), value);
            assertEq(there.nonces(owner), 1);
        }
    }

    // --- Authorizations -------------------------------------------------------------------------

    function test_usedAuthorizationIsNotTakenAgain() external {
        Authorization memory a = _authorization();
        bytes memory signature = _sign(token.TRANSFER_WITH_AUTHORIZATION_TYPEHASH(), a);
        vm.expectEmit(address(token));
        emit IERC3009.AuthorizationUsed(alice, a.nonce);
        vm.expectEmit(address(token));
        emit IERC20.Transfer(alice, bob, a.value);
        _transfer(a, signature);
        vm.expectRevert(abi.encodeWithSelector(TestUSD.AuthorizationAlreadyUsed.selector, alice, a.nonce));
        _transfer(a, signature);
        // Nor is one of another kind with the same nonce.
        signature = _sign(token.RECEIVE_WITH_AUTHORIZATION_TYPEHASH(), a);
        vm.expectRevert(abi.encodeWithSelector(TestUSD.AuthorizationAlreadyUsed.selector, alice, a.nonce));
        _receive(a, signature);
    }

    function test_cancelledAuthorizationIsNotTaken() external {
        Authorization memory a = _authorization();
        bytes32 cancellation = keccak256(abi.encode(token.CANCEL_AUTHORIZATION_TYPEHASH(), alice, a.nonce));
        token.cancelAuthorization(alice, a.nonce, signature(aliceKey, _digest(cancellation)));
        bytes memory signed = _sign(token.TRANSFER_WITH_AUTHORIZATION_TYPEHASH(), a);
        vm.expectRevert(abi.encodeWithSelector(TestUSD.AuthorizationAlreadyUsed.selector, alice, a.nonce));
        _transfer(a, signed);
    }

    function test_strangerDoesNotCancel() external {
        (, uint256 key) = makeAddrAndKey("mallory");
        bytes32 nonce = keccak256("nonce");
        bytes32 cancellation = keccak256(abi.encode(token.CANCEL_AUTHORIZATION_TYPEHASH(), alice, nonce));
        bytes memory signed = signature(key, _digest(cancellation));
        vm.expectRevert(abi.encodeWithSelector(TestUSD.InvalidSignature.selector, alice));
        token.cancelAuthorization(alice, nonce, signed);
        assertFalse(token.authorizationState(alice, nonce));
    }

    function test_authorizationHoldsStrictlyWithinItsTime() external {
        bytes32 typeHash = token.TRANSFER_WITH_AUTHORIZATION_TYPEHASH();
        Authorization memory a = _authorization();
        a.validAfter = NOW;
        bytes memory signed = _sign(typeHash, a);
        vm.expectRevert(abi.encodeWithSelector(TestUSD.AuthorizationNotYetValid.selector, NOW));
        _transfer(a, signed);
        vm.warp(NOW + 1);
        _transfer(a, signed);

        a.nonce = keccak256("another");
        a.validBefore = NOW + 10;
        signed = _sign(typeHash, a);
        vm.warp(NOW + 10);
        vm.expectRevert(abi.encodeWithSelector(TestUSD.AuthorizationExpired.selector, NOW + 10));
        _transfer(a, signed);
        vm.warp(NOW + 9);
        _transfer(a, signed);
    }

    function test_onlyThePayeeReceives() external {
        Authorization memory a = _authorization();
        bytes memory signed = _sign(token.RECEIVE_WITH_AUTHORIZATION_TYPEHASH(), a);
        vm.expectRevert(abi.encodeWithSelector(TestUSD.CallerIsNotPayee.selector, address(this), bob));
        token.receiveWithAuthorization(a.from, a.to, a.value, a.validAfter, a.validBefore, a.nonce, signed);
        (uint8 v, bytes32 r, bytes32 s) = _split(signed);
        vm.expectRevert(abi.encodeWithSelector(TestUSD.CallerIsNotPayee.selector, address(this), bob));
        token.receiveWithAuthorization(a.from, a.to, a.value, a.validAfter, a.validBefore, a.nonce, v, r, s);
        // Nor does it serve as the other kind, which anyone may call.
        vm.expectRevert(abi.encodeWithSelector(TestUSD.InvalidSignature.selector, alice));
        _transfer(a, signed);
        _receive(a, signed);
        assertEq(token.balanceOf(bob), a.value);
    }

    function test_eachFieldIsSigned() external {
        Authorization memory a = _authorization();
        bytes memory signed = _sign(token.TRANSFER_WITH_AUTHORIZATION_TYPEHASH(), a);
        for (uint256 field = 0; field < 5; field++) {
            Authorization memory other = Authorization(a.from, a.to, a.value, a.validAfter, a.validBefore, a.nonce);
            if (field == 0) other.to = address(this);
            if (field == 1) other.value++;
            if (field == 2) other.validAfter++;
            if (field == 3) other.validBefore++;
            if (field == 4) other.nonce = keccak256("another");
            vm.expectRevert(abi.encodeWithSelector(TestUSD.InvalidSignature.selector, alice));
            _transfer(other, signed);
        }
        token.mint(bob, a.value);
        Authorization memory bobs = _authorization();
        bobs.from = bob;
        vm.expectRevert(abi.encodeWithSelector(TestUSD.InvalidSignature.selector, bob));
        _transfer(bobs, signed);
    }

    function test_anotherChainsOrTokensSignatureIsRefused() external {
        Authorization memory a = _authorization();
        bytes memory signed = _sign(token.TRANSFER_WITH_AUTHORIZATION_TYPEHASH(), a);
        TestUSD twin = Deployed.testUsd(blocklister);
        twin.mint(alice, a.value);
        vm.expectRevert(abi.encodeWithSelector(TestUSD.InvalidSignature.selector, alice));
        twin.transferWithAuthorization(a.from, a.to, a.value, a.validAfter, a.validBefore, a.nonce, signed);
        uint256 here = vm.getChainId();
        vm.chainId(here + 1);
        vm.expectRevert(abi.encodeWithSelector(TestUSD.InvalidSignature.selector, alice));
        _transfer(a, signed);
        vm.chainId(here);
        _transfer(a, signed);
    }

    /// @dev The other of ECDSA's two solutions.
    function test_highSIsRefused() external {
        Authorization memory a = _authorization();
        (uint8 v, bytes32 r, bytes32 s) = _split(_sign(token.TRANSFER_WITH_AUTHORIZATION_TYPEHASH(), a));
        uint256 order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141;
        bytes memory other = abi.encodePacked(r, order - uint256(s), v == 27 ? uint8(28) : uint8(27));
        vm.expectRevert(abi.encodeWithSelector(TestUSD.InvalidSignature.selector, alice));
        _transfer(a, other);
    }

    /// @dev Recovery's answer to nonsense is address zero.
    function test_addressZeroSignsNothing() external {
        Authorization memory a = _authorization();
        a.from = address(0);
        vm.expectRevert(abi.encodeWithSelector(TestUSD.InvalidSignature.selector, address(0)));
        _transfer(a, new bytes(65));
    }

    function test_smartWalletSigns() external {
        address wallet = address(new SmartWallet(alice));
        token.mint(wallet, 500);
        Authorization memory a = _authorization();
        a.from = wallet;
        a.value = 100;
        bytes memory signed = _sign(token.RECEIVE_WITH_AUTHORIZATION_TYPEHASH(), a);
        _receive(a, signed);
        assertEq(token.balanceOf(bob), 100);

        (uint8 v, bytes32 r, bytes32 s) = _split(_sign(token.TRANSFER_WITH_AUTHORIZATION_TYPEHASH(), _next(a)));
        token.transferWithAuthorization(a.from, a.to, a.value, a.validAfter, a.validBefore, _next(a).nonce, v, r, s);
        assertEq(token.balanceOf(bob), 200);

        bytes32 permission = keccak256(abi.encode(token.PERMIT_TYPEHASH(), wallet, bob, 50, 0, NOW));
        token.permit(wallet, bob, 50, NOW, signature(aliceKey, _digest(permission)));
        assertEq(token.allowance(wallet, bob), 50);

        (, uint256 mallorysKey) = makeAddrAndKey("mallory");
        a.nonce = keccak256("mallory's");
        bytes32 message = _structHash(token.RECEIVE_WITH_AUTHORIZATION_TYPEHASH(), a);
        signed = signature(mallorysKey, _digest(message));
        vm.expectRevert(abi.encodeWithSelector(TestUSD.InvalidSignature.selector, wallet));
        _receive(a, signed);
    }

    function test_authorizationNeedsTheFunds() external {
        Authorization memory a = _authorization();
        a.value = 1_000_001;
        bytes memory signed = _sign(token.TRANSFER_WITH_AUTHORIZATION_TYPEHASH(), a);
        vm.expectRevert(
            abi.encodeWithSelector(IERC20Errors.ERC20InsufficientBalance.selector, alice, 1_000_000, 1_000_001)
        );
        _transfer(a, signed);
        assertFalse(token.authorizationState(alice, a.nonce));
    }

    // --- Permits --------------------------------------------------------------------------------

    function test_permitIsTakenOnceAndUntilItsDeadline() external {
        bytes memory signed = _signPermit(5, 0, NOW);
        vm.warp(NOW + 1);
        vm.expectRevert(abi.encodeWithSelector(TestUSD.PermitExpired.selector, NOW));
        token.permit(alice, bob, 5, NOW, signed);
        vm.warp(NOW);
        token.permit(alice, bob, 5, NOW, signed);
        assertEq(token.allowance(alice, bob), 5);
        vm.expectRevert(abi.encodeWithSelector(TestUSD.InvalidSignature.selector, alice));
        token.permit(alice, bob, 5, NOW, signed);
    }

    function test_permitOfALaterNonceWaits() external {
        bytes memory second = _signPermit(5, 1, NOW);
        vm.expectRevert(abi.encodeWithSelector(TestUSD.InvalidSignature.selector, alice));
        token.permit(alice, bob, 5, NOW, second);
        token.permit(alice, bob, 4, NOW, _signPermit(4, 0, NOW));
        token.permit(alice, bob, 5, NOW, second);
        assertEq(token.allowance(alice, bob), 5);
        assertEq(token.nonces(alice), 2);
    }

    // --- The blocklist --------------------------------------------------------------------------

    function test_onlyTheBlocklisterBlocks() external {
        vm.expectRevert(abi.encodeWithSelector(TestUSD.CallerIsNotBlocklister.selector, address(this)));
        token.setBlocked(bob, true);
        vm.expectEmit(address(token));
        emit TestUSD.BlockingChanged(bob, true);
        vm.prank(blocklister);
        token.setBlocked(bob, true);
        assertTrue(token.isBlocked(bob));
    }

    function test_blockedNeitherSendsNorReceives() external {
        token.mint(bob, 10);
        vm.prank(bob);
        token.approve(alice, type(uint256).max);
        vm.prank(alice);
        token.approve(bob, type(uint256).max);
        _block(bob, true);
        bytes memory refusal = abi.encodeWithSelector(TestUSD.BlockedAddress.selector, bob);

        vm.startPrank(alice);
        vm.expectRevert(refusal);
        token.transfer(bob, 1);
        vm.expectRevert(refusal);
        token.transferFrom(bob, alice, 1);
        vm.expectRevert(refusal);
        token.approve(bob, 1);
        vm.stopPrank();

        vm.startPrank(bob);
        vm.expectRevert(refusal);
        token.transfer(alice, 1);
        vm.expectRevert(refusal);
        token.transferFrom(alice, makeAddr("carol"), 1);
        vm.expectRevert(refusal);
        token.approve(alice, 1);
        vm.stopPrank();

        vm.expectRevert(refusal);
        token.mint(bob, 1);
        Authorization memory a = _authorization();
        bytes memory signed = _sign(token.TRANSFER_WITH_AUTHORIZATION_TYPEHASH(), a);
        vm.expectRevert(refusal);
        _transfer(a, signed);

        _block(bob, false);
        _transfer(a, signed);
        assertEq(token.balanceOf(bob), 10 + a.value);
    }

    // --- Fuzz -----------------------------------------------------------------------------------

    function testFuzz_anyAuthorizationThatIsSignedMovesJustThat(uint256 value, bytes32 nonce, uint256 key) external {
        key = bound(key, 1, type(uint128).max);
        Authorization memory a = _authorization();
        a.from = vm.addr(key);
        vm.assume(a.from != bob && a.from.code.length == 0);
        (a.value, a.nonce) = (bound(value, 0, type(uint128).max), nonce);
        token.mint(a.from, type(uint128).max);
        bytes32 message = _structHash(token.TRANSFER_WITH_AUTHORIZATION_TYPEHASH(), a);
        _transfer(a, signature(key, _digest(message)));
        assertEq(token.balanceOf(bob), a.value);
        assertEq(token.balanceOf(a.from), type(uint128).max - a.value);
    }

    function testFuzz_randomSignatureMovesNothing(bytes calldata signed) external {
        Authorization memory a = _authorization();
        vm.expectRevert(abi.encodeWithSelector(TestUSD.InvalidSignature.selector, alice));
        _transfer(a, signed);
    }

    // --- Helpers --------------------------------------------------------------------------------

    function _authorization() private view returns (Authorization memory) {
        return Authorization(alice, bob, 300, NOW - 100, NOW + 100, keccak256("nonce"));
    }

    function _next(Authorization memory a) private pure returns (Authorization memory) {
        bytes32 nonce = keccak256(abi.encode(a.nonce));
        return Authorization(a.from, a.to, a.value, a.validAfter, a.validBefore, nonce);
    }

    function _structHash(bytes32 typeHash, Authorization memory a) private pure returns (bytes32) {
        return keccak256(abi.encode(typeHash, a.from, a.to, a.value, a.validAfter, a.validBefore, a.nonce));
    }

    function _digest(bytes32 structHash) private view returns (bytes32) {
        return keccak256(abi.encodePacked(hex"1901", token.DOMAIN_SEPARATOR(), structHash));
    }

    function _sign(bytes32 typeHash, Authorization memory a) private view returns (bytes memory) {
        return signature(aliceKey, _digest(_structHash(typeHash, a)));
    }

    function _signPermit(uint256 value, uint256 nonce, uint256 deadline) private view returns (bytes memory) {
        bytes32 message = keccak256(abi.encode(token.PERMIT_TYPEHASH(), alice, bob, value, nonce, deadline));
        return signature(aliceKey, _digest(message));
    }

    function _transfer(Authorization memory a, bytes memory signed) private {
        token.transferWithAuthorization(a.from, a.to, a.value, a.validAfter, a.validBefore, a.nonce, signed);
    }

    /// @dev Received by the payee.
    function _receive(Authorization memory a, bytes memory signed) private {
        vm.prank(a.to);
        token.receiveWithAuthorization(a.from, a.to, a.value, a.validAfter, a.validBefore, a.nonce, signed);
    }

    function _block(address account, bool blocked) private {
        vm.prank(blocklister);
        token.setBlocked(account, blocked);
    }

    function _split(bytes memory signed) private pure returns (uint8 v, bytes32 r, bytes32 s) {
        assertEq(signed.length, 65);
        assembly ("memory-safe") {
            r := mload(add(signed, 0x20))
            s := mload(add(signed, 0x40))
            v := byte(0, mload(add(signed, 0x60)))
        }
    }

    function _vectors() private view returns (string memory) {
        return vm.readFile("../fixtures/vectors/tokens.json");
    }

    function _row(string memory table, uint256 i) private pure returns (string memory) {
        return string.concat(".", table, "[", vm.toString(i), "]");
    }

    /// @dev The vectors and how many there are of one kind, at the time they are meant for.
    function _table(string memory table) private returns (string memory json, uint256 count) {
        json = _vectors();
        vm.warp(vm.parseJsonUint(json, ".now"));
        while (vm.keyExistsJson(json, _row(table, count))) count++;
        assertEq(count, 16);
    }

    /// @dev A token at a vector's address, on its chain.
    function _tokenOf(string memory json, string memory row) private returns (TestUSD there) {
        there = TestUSD(vm.parseJsonAddress(json, string.concat(row, ".token")));
        vm.chainId(vm.parseJsonUint(json, string.concat(row, ".chainId")));
        vm.etch(address(there), address(token).code);
        assertEq(there.DOMAIN_SEPARATOR(), vm.parseJsonBytes32(json, string.concat(row, ".domainSeparator")));
    }

    function _authorizationOf(string memory json, string memory row)
        private
        pure
        returns (Authorization memory a, bytes memory signed)
    {
        a.from = vm.parseJsonAddress(json, string.concat(row, ".message.from"));
        a.to = vm.parseJsonAddress(json, string.concat(row, ".message.to"));
        a.value = vm.parseJsonUint(json, string.concat(row, ".message.value"));
        a.validAfter = vm.parseJsonUint(json, string.concat(row, ".message.validAfter"));
        a.validBefore = vm.parseJsonUint(json, string.concat(row, ".message.validBefore"));
        a.nonce = vm.parseJsonBytes32(json, string.concat(row, ".message.nonce"));
        signed = vm.parseJsonBytes(json, string.concat(row, ".signature"));
    }
}
