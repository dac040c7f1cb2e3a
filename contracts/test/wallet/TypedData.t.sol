// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IDebitWallet} from "../../src/interfaces/IDebitWallet.sol";
import {IGuarantee} from "../../src/interfaces/IGuarantee.sol";
import {Typed} from "./support/Typed.sol";
import {VectorTest} from "./support/VectorTest.sol";

/// @notice What the wallet hashes is what viem and ethers hash, and what they sign it takes: nobody needs
/// this project's software to deal with it.
contract TypedDataTest is VectorTest {
    function test_typeHashes() external view {
        bytes32[4] memory ours = [Typed.OPEN_ACCOUNT, Typed.DEPOSIT_INTENT, Typed.MANDATE, Typed.RECEIPT];
        for (uint256 i = 0; i < ours.length; i++) {
            assertEq(ours[i], word("typeHashes", i, "typeHash"));
        }
    }

    /// @dev On every chain: the domain follows the chain, also after a fork.
    function test_domains() external {
        uint256 count = rows("domains");
        assertGt(count, 4);
        for (uint256 i = 0; i < count; i++) {
            uint256 chain = number("domains", i, "chainId");
            vm.chainId(chain);
            bytes32 separator = word("domains", i, "domainSeparator");
            assertEq(wallet.DOMAIN_SEPARATOR(), separator);
            assertEq(Typed.domainSeparator(chain, address(wallet)), separator);
            assertEq(bytes32(wallet.mandateDomain(addr("domains", i, "token"))), word("domains", i, "mandateDomain"));
        }
    }

    /// @dev EIP-5267, by which wallets find the domain out themselves.
    function test_theDomainIsDescribed() external view {
        (
            bytes1 fields,
            string memory name,
            string memory version,
            uint256 chainId,
            address verifyingContract,
            bytes32 salt,
            uint256[] memory extensions
        ) = wallet.eip712Domain();
        assertEq(bytes32(fields), bytes32(hex"0f"));
        assertEq(name, "AEP2DebitWallet");
        assertEq(version, "1");
        assertEq(chainId, vm.getChainId());
        assertEq(verifyingContract, address(wallet));
        assertEq(salt, 0);
        assertEq(extensions.length, 0);
    }

    function test_verifierSets() external {
        uint256 count = rows("verifierSets");
        assertEq(count, 3);
        for (uint256 i = 0; i < count; i++) {
            assertEq(wallet.registerVerifiers(verifiersOf(i)), word("verifierSets", i, "verifierSet"));
        }
    }

    function test_depositNonces() external view {
        uint256 count = rows("depositNonces");
        assertGt(count, 4);
        for (uint256 i = 0; i < count; i++) {
            assertEq(
                wallet.depositNonce(uint32(number("depositNonces", i, "account")), word("depositNonces", i, "salt")),
                word("depositNonces", i, "nonce")
            );
        }
    }

    function test_openingNonces() external view {
        uint256 count = rows("openingNonces");
        assertGt(count, 4);
        for (uint256 i = 0; i < count; i++) {
            assertEq(
                wallet.openingNonce(openingAt("openingNonces", i), word("openingNonces", i, "salt")),
                word("openingNonces", i, "nonce")
            );
        }
    }

    // --- Signed messages ----------------------------------------------------------------------------

    function test_openings() external {
        registerVerifierSets();
        uint256 count = rows("openings");
        assertGt(count, 9);
        for (uint256 i = 0; i < count; i++) {
            vm.chainId(number("openings", i, "chainId"));
            IDebitWallet.Opening memory opening = openingAt("openings", i);
            uint256 deadline = number("openings", i, "deadline");
            bytes32 structHash = Typed.hash(opening, number("openings", i, "nonce"), deadline);
            _hashesAre("openings", i, structHash);
            uint32 account = wallet.openAccountWithSignature(opening, deadline, blob("openings", i, "signature"));
            assertEq(wallet.accountOf(account).owner, opening.owner);
            assertEq(wallet.accountOf(account).keyHash, opening.keyHash);
        }
    }

    function test_depositIntents() external {
        openAccounts();
        uint256 count = rows("depositIntents");
        assertGt(count, 9);
        for (uint256 i = 0; i < count; i++) {
            vm.chainId(number("depositIntents", i, "chainId"));
            address owner = addr("depositIntents", i, "owner");
            uint32 account = uint32(number("depositIntents", i, "account"));
            uint256 amount = number("depositIntents", i, "amount");
            uint256 deadline = number("depositIntents", i, "deadline");
            _hashesAre(
                "depositIntents",
                i,
                Typed.hashIntent(owner, account, address(token), amount, number("depositIntents", i, "nonce"), deadline)
            );
            token.mint(owner, amount);
            vm.prank(owner);
            token.approve(address(wallet), amount);
            uint256 arrived = wallet.depositWithPermit(
                account, address(token), owner, amount, deadline, new bytes(65), blob("depositIntents", i, "signature")
            );
            assertEq(arrived, amount);
            // So that amounts up to the largest find room.
            vm.startPrank(accountOwner);
            wallet.requestWithdrawal(account, address(token), amount);
            vm.warp(vm.getBlockTimestamp() + wallet.WITHDRAWAL_DELAY());
            wallet.executeWithdrawal(account, address(token), accountOwner);
            vm.stopPrank();
            vm.warp(now_);
        }
    }

    function test_mandates() external {
        uint256 count = rows("mandates");
        assertGt(count, 9);
        for (uint256 i = 0; i < count; i++) {
            vm.chainId(number("mandates", i, "chainId"));
            IDebitWallet.Mandate memory mandate = IDebitWallet.Mandate(
                addr("mandates", i, "owner"),
                addr("mandates", i, "token"),
                addr("mandates", i, "payee"),
                number("mandates", i, "amount"),
                number("mandates", i, "nonce"),
                number("mandates", i, "deadline"),
                word("mandates", i, "ref")
            );
            _hashesAre("mandates", i, Typed.hash(mandate));

            vm.prank(mandate.owner);
            uint32 account = wallet.openAccount(address(this), 0, 0);
            fundAccount(account, 1);
            (IDebitWallet.Mandate[] memory mandates, bytes[] memory signatures, uint256[] memory captured) =
                (new IDebitWallet.Mandate[](1), new bytes[](1), new uint256[](1));
            (mandates[0], signatures[0], captured[0]) = (mandate, blob("mandates", i, "signature"), 1);
            vm.expectEmit(address(wallet));
            emit IDebitWallet.MandateSettled(word("mandates", i, "digest"), account, mandate.payee, address(token), 1);
            wallet.settleDirect(address(this), mandates, signatures, captured);
            assertEq(token.balanceOf(mandate.payee), 1);
        }
    }

    function test_receipts() external {
        IGuarantee guarantee = wallet.GUARANTEE();
        uint256 count = rows("receipts");
        assertGt(count, 9);
        for (uint256 i = 0; i < count; i++) {
            vm.chainId(number("receipts", i, "chainId"));
            IGuarantee.Receipt memory receipt = IGuarantee.Receipt(
                word("receipts", i, "mandateId"),
                addr("receipts", i, "processor"),
                uint32(number("receipts", i, "account")),
                uint64(number("receipts", i, "nonce")),
                addr("receipts", i, "token"),
                addr("receipts", i, "payee"),
                addr("receipts", i, "arbiter"),
                uint96(number("receipts", i, "amount")),
                uint40(number("receipts", i, "issuedAt")),
                uint40(number("receipts", i, "deadline")),
                uint40(number("receipts", i, "settleBy"))
            );
            _hashesAre("receipts", i, Typed.hash(receipt));
            assertEq(guarantee.receiptDigest(receipt), word("receipts", i, "digest"));
            assertEq(receipt.processor, addr("receipts", i, "signer"));
        }
    }

    /// @dev Of a wallet that the vectors name. The guarantee's tests have it take such signatures.
    function test_capturesAndRulings() external view {
        string memory json = vm.readFile("../fixtures/vectors/eip712.json");
        for (uint256 i = 0; i < 50; i++) {
            string memory at = string.concat(".captures[", vm.toString(i), "]");
            string memory message = string.concat(at, ".message");
            bytes32 mandateId = vm.parseJsonBytes32(json, string.concat(message, ".mandateId"));
            uint96 amount = uint96(vm.parseJsonUint(json, string.concat(message, ".amount")));
            assertEq(
                Typed.hash(IGuarantee.Capture(mandateId, amount)),
                vm.parseJsonBytes32(json, string.concat(at, ".structHash"))
            );

            at = string.concat(".captureReceipts[", vm.toString(i), "]");
            message = string.concat(at, ".message");
            IGuarantee.CaptureReceipt memory receipt;
            receipt.mandateId = vm.parseJsonBytes32(json, string.concat(message, ".mandateId"));
            receipt.processor = vm.parseJsonAddress(json, string.concat(message, ".processor"));
            receipt.arbiter = vm.parseJsonAddress(json, string.concat(message, ".arbiter"));
            receipt.amount = uint96(vm.parseJsonUint(json, string.concat(message, ".amount")));
            receipt.issuedAt = uint40(vm.parseJsonUint(json, string.concat(message, ".issuedAt")));
            assertEq(Typed.hash(receipt), vm.parseJsonBytes32(json, string.concat(at, ".structHash")));

            at = string.concat(".rulings[", vm.toString(i), "]");
            message = string.concat(at, ".message");
            IGuarantee.Ruling memory ruling;
            ruling.mandateId = vm.parseJsonBytes32(json, string.concat(message, ".mandateId"));
            ruling.captured = uint96(vm.parseJsonUint(json, string.concat(message, ".captured")));
            ruling.evidence = vm.parseJsonBytes32(json, string.concat(message, ".evidence"));
            ruling.ruledAt = uint40(vm.parseJsonUint(json, string.concat(message, ".at")));
            assertEq(Typed.hash(ruling), vm.parseJsonBytes32(json, string.concat(at, ".structHash")));
        }
    }

    // --- Helpers ------------------------------------------------------------------------------------

    function _hashesAre(string memory table, uint256 i, bytes32 structHash) private view {
        assertEq(structHash, word(table, i, "structHash"));
        assertEq(
            Typed.digest(Typed.domainSeparator(vm.getChainId(), address(wallet)), structHash), word(table, i, "digest")
        );
    }
}
