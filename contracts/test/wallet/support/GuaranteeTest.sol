// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IDebitWallet} from "../../../src/interfaces/IDebitWallet.sol";
import {Typed} from "./Typed.sol";
import {Person, WalletTest} from "./WalletTest.sol";

/// @title A test of guarantees: a processor with a bond, and receipts
abstract contract GuaranteeTest is WalletTest {
    uint40 internal constant SETTLE_BY = uint40(START) + 1 hours;

    uint32 internal account;

    function setUp() public virtual override {
        super.setUp();
        account = openFunded(alice, 1000);
    }

    /// @dev Puts freshly minted tokens behind a signer's receipts.
    function bond(Person memory signer, uint256 amount) internal {
        token.mint(address(this), amount);
        token.approve(address(wallet), amount);
        wallet.bond(signer.addr, address(token), amount);
    }

    function bondOf(Person memory signer) internal view returns (uint256) {
        return wallet.bondOf(signer.addr, address(token)).balance;
    }

    /// @dev The processor's.
    function receiptFor(uint64 nonce, uint96 amount) internal view returns (IDebitWallet.Receipt memory) {
        return IDebitWallet.Receipt({
            mandateId: keccak256(abi.encode("mandate", nonce)),
            processor: processor.addr,
            account: account,
            nonce: nonce,
            token: address(token),
            payee: payee.addr,
            arbiter: address(0),
            amount: amount,
            issuedAt: uint40(START),
            deadline: SETTLE_BY + 1 hours,
            settleBy: SETTLE_BY
        });
    }

    function sign(Person memory signer, IDebitWallet.Receipt memory receipt) internal view returns (bytes memory) {
        return sign(signer, Typed.hash(receipt));
    }

    /// @dev By anybody.
    function claim(IDebitWallet.Receipt memory receipt, bytes memory signed) internal {
        vm.prank(mallory.addr);
        wallet.claimGuarantee(receipt, signed);
    }

    /// @dev The signer's own.
    function claim(IDebitWallet.Receipt memory receipt, Person memory signer) internal {
        receipt.processor = signer.addr;
        claim(receipt, sign(signer, receipt));
    }

    function isSpent(uint64 nonce) internal view returns (bool) {
        return wallet.isSpent(account, address(token), nonce);
    }
}
