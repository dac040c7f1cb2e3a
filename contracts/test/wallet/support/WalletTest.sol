// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {DebitWallet} from "../../../src/DebitWallet.sol";
import {IDebitWallet} from "../../../src/interfaces/IDebitWallet.sol";
import {Deployed} from "../../base/Deployed.sol";
import {Periods} from "../../base/Periods.sol";
import {Test} from "../../base/Test.sol";
import {OpenToken} from "../../tokens/OpenToken.sol";
import {AcceptingVerifier} from "./AcceptingVerifier.sol";
import {Settlement} from "./Settlement.sol";
import {Typed} from "./Typed.sol";

/// @dev Somebody with a key.
struct Person {
    address addr;
    uint256 key;
}

/// @title A wallet, two tokens, a verifier that takes everything, and people
/// @notice What tests of the wallet begin with. Whoever overrides `setUp` calls this one first.
abstract contract WalletTest is Test {
    uint40 internal constant DELAY = 2 days;
    uint40 internal constant UNBONDING = 7 days;
    uint256 internal constant START = 1_800_000_000;
    uint32 internal constant SHAPE = 0x40008;
    /// @dev Mandate keys' hashes. The wallet sees no more of a key.
    uint256 internal constant KEY = uint256(keccak256("key")) >> 8;
    uint256 internal constant OTHER_KEY = uint256(keccak256("other key")) >> 8;
    uint256 internal constant FIELD_ORDER =
        21888242871839275222246405745257275088548364400416034343698204186575808495617;

    DebitWallet internal wallet;
    OpenToken internal token;
    OpenToken internal otherToken;
    bytes32 internal verifierSet;
    bytes32 internal otherVerifierSet;

    /// @dev Owners of accounts.
    Person internal alice;
    Person internal bob;
    Person internal processor;
    Person internal rival;
    Person internal payee;
    Person internal otherPayee;
    /// @dev Takes whatever is not nailed down.
    Person internal mallory;

    function setUp() public virtual {
        vm.warp(START);
        wallet = Deployed.wallet(Periods.fitting(DELAY, UNBONDING));
        token = new OpenToken();
        otherToken = new OpenToken();
        verifierSet = _register(address(new AcceptingVerifier()));
        otherVerifierSet = _register(address(new AcceptingVerifier()));
        alice = person("alice");
        bob = person("bob");
        processor = person("processor");
        rival = person("rival processor");
        payee = person("payee");
        otherPayee = person("other payee");
        mallory = person("mallory");
    }

    // --- People and signatures ----------------------------------------------------------------------

    function person(string memory name) internal returns (Person memory made) {
        (made.addr, made.key) = makeAddrAndKey(name);
    }

    /// @dev What is signed for a message to this wallet on this chain.
    function digestOf(bytes32 structHash) internal view returns (bytes32) {
        return Typed.digest(Typed.domainSeparator(vm.getChainId(), address(wallet)), structHash);
    }

    /// @dev 65 bytes: r, s, v.
    function sign(Person memory signer, bytes32 structHash) internal view returns (bytes memory) {
        return signature(signer.key, digestOf(structHash));
    }

    /// @dev The other of ECDSA's two solutions: plain recovery gives the same signer.
    function highS(bytes memory signed) internal pure returns (bytes memory) {
        uint256 order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141;
        (bytes32 r, uint256 s, uint8 v) = split(signed);
        return abi.encodePacked(r, order - s, 55 - v);
    }

    function split(bytes memory signed) internal pure returns (bytes32 r, uint256 s, uint8 v) {
        assembly ("memory-safe") {
            r := mload(add(signed, 0x20))
            s := mload(add(signed, 0x40))
            v := byte(0, mload(add(signed, 0x60)))
        }
    }

    // --- Accounts and money -------------------------------------------------------------------------

    /// @dev An account with `KEY` under `processor` and `verifierSet`.
    function open(Person memory owner) internal returns (uint32 account) {
        return open(owner, processor.addr, verifierSet, KEY);
    }

    function open(Person memory owner, address processor_, bytes32 set, uint256 keyHash)
        internal
        returns (uint32 account)
    {
        vm.prank(owner.addr);
        return wallet.openAccount(processor_, set, keyHash);
    }

    /// @dev Mints to a person and lets the wallet take it.
    function mint(address to, uint256 amount) internal {
        token.mint(to, amount);
        vm.prank(to);
        token.approve(address(wallet), amount);
    }

    /// @dev Puts freshly minted tokens into an account.
    function fund(uint32 account, uint256 amount) internal {
        fund(token, account, amount);
    }

    function fund(OpenToken token_, uint32 account, uint256 amount) internal {
        token_.mint(address(this), amount);
        token_.approve(address(wallet), amount);
        wallet.deposit(account, address(token_), amount);
    }

    function openFunded(Person memory owner, uint256 amount) internal returns (uint32 account) {
        account = open(owner);
        fund(account, amount);
    }

    function balance(uint32 account) internal view returns (uint256) {
        return wallet.balanceOf(account, address(token)).balance;
    }

    function creditOf(address payee_) internal view returns (uint256 credit) {
        (credit,) = wallet.creditOf(address(token), payee_);
    }

    // --- The proved path ----------------------------------------------------------------------------

    /// @dev Settles one mandate with the proof that this verifier takes: any.
    function settleOne(Person memory caller, uint32 account, uint64 nonce, address payee_, uint128 amount) internal {
        submit(caller, batchOf(account, nonce, payee_, amount));
    }

    /// @dev Calldata that settles one mandate of an account with `KEY` under `verifierSet`, made beforehand so
    /// that an `expectRevert` meets the call it is meant for.
    function batchOf(uint32 account, uint64 nonce, address payee_, uint128 amount)
        internal
        view
        returns (bytes memory)
    {
        return batchOf(verifierSet, account, KEY, nonce, payee_, amount);
    }

    function batchOf(bytes32 set, uint32 account, uint256 keyHash, uint64 nonce, address payee_, uint128 amount)
        internal
        view
        returns (bytes memory)
    {
        return batchOf(processor, set, account, keyHash, nonce, payee_, amount);
    }

    /// @param by Whose accounts it is to debit.
    /// @param keyHash Which the batch is made for; unless it is the account's, the hint is wrong.
    function batchOf(
        Person memory by,
        bytes32 set,
        uint32 account,
        uint256 keyHash,
        uint64 nonce,
        address payee_,
        uint128 amount
    ) internal view returns (bytes memory) {
        IDebitWallet.Header memory header = IDebitWallet.Header(by.addr, set, address(token), type(uint40).max, 1, 0, 0);
        IDebitWallet.Debit[] memory debits = new IDebitWallet.Debit[](1);
        debits[0] = IDebitWallet.Debit(account, nonce >> 7, uint128(1) << (nonce & 127), amount);
        IDebitWallet.Payout[] memory payouts = new IDebitWallet.Payout[](1);
        payouts[0] = IDebitWallet.Payout(payee_, amount);
        uint256[] memory keyHashes = new uint256[](1);
        keyHashes[0] = keyHash;
        IDebitWallet.Segment[] memory segments = new IDebitWallet.Segment[](1);
        (segments[0].shape, segments[0].commitment) = (SHAPE, 1);
        uint256 hint = Settlement.complete(wallet, header, debits, keyHashes, payouts, segments[0]);
        return abi.encodeCall(wallet.settleBatch, (header, debits, payouts, segments, hint));
    }

    /// @dev Calls the wallet and passes on what it reverts with.
    function submit(Person memory caller, bytes memory data) internal returns (bytes memory result) {
        bool done;
        vm.prank(caller.addr);
        (done, result) = address(wallet).call(data);
        if (!done) {
            assembly ("memory-safe") {
                revert(add(result, 0x20), mload(result))
            }
        }
    }

    function _register(address verifier) private returns (bytes32) {
        IDebitWallet.ShapeVerifier[] memory list = new IDebitWallet.ShapeVerifier[](1);
        list[0] = IDebitWallet.ShapeVerifier(SHAPE, verifier);
        return wallet.registerVerifiers(list);
    }
}
