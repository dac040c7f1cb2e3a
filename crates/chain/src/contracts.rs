//! The contracts as their committed artifacts have them: calls, errors and events as raw ABI types,
//! and the bytecode that is deployed.
//!
//! Everything else in this crate speaks in the project's own types; these bindings are for what that
//! does not cover. Digests of EIP-712 messages come from `aep2_mandate`, never from here: `sol!` writes
//! a field named `ref` otherwise than Solidity does, and would hash another type.

#![allow(missing_docs, clippy::too_many_arguments, clippy::large_enum_variant)]

use alloy::sol;

sol!(
    /// The wallet: custody, accounts, settlement.
    #[sol(rpc, all_derives)]
    DebitWallet,
    "../../contracts/artifacts/DebitWallet.json"
);

/// What stands behind receipts. Its structs are in a namespace of their own: the wallet's ABI names some
/// of them, too.
pub mod guarantee {
    use alloy::sol;

    sol!(
        /// Bonds, demands, answers, claims.
        #[sol(rpc, all_derives)]
        Guarantee,
        "../../contracts/artifacts/Guarantee.json"
    );
}

sol!(
    /// Verifies the proofs of one shape.
    #[sol(rpc, all_derives)]
    Groth16Verifier,
    "../../contracts/artifacts/Groth16Verifier.json"
);

sol!(
    /// A dollar for demonstrations and tests: anyone mints it.
    #[sol(rpc, all_derives)]
    TestUSD,
    "../../contracts/artifacts/TestUSD.json"
);

sol! {
    /// What is asked of any token, ERC-20 with the extensions that USDC has: EIP-2612, EIP-3009, and
    /// EIP-5267 where it is there.
    #[sol(rpc, all_derives)]
    interface Erc20 {
        function name() external view returns (string memory);
        function symbol() external view returns (string memory);
        function decimals() external view returns (uint8);
        function version() external view returns (string memory);
        function totalSupply() external view returns (uint256);
        function balanceOf(address owner) external view returns (uint256);
        function allowance(address owner, address spender) external view returns (uint256);
        function approve(address spender, uint256 amount) external returns (bool);
        function transfer(address to, uint256 amount) external returns (bool);

        function nonces(address owner) external view returns (uint256);
        function DOMAIN_SEPARATOR() external view returns (bytes32);
        function eip712Domain()
            external
            view
            returns (
                bytes1 fields,
                string memory name,
                string memory version,
                uint256 chainId,
                address verifyingContract,
                bytes32 salt,
                uint256[] memory extensions
            );
        function authorizationState(address authorizer, bytes32 nonce) external view returns (bool);

        event Transfer(address indexed from, address indexed to, uint256 amount);
        event Approval(address indexed owner, address indexed spender, uint256 amount);
        // EIP-3009.
        event AuthorizationUsed(address indexed authorizer, bytes32 indexed nonce);

        // ERC-6093, and what OpenZeppelin's ERC-2612 says.
        error ERC20InsufficientBalance(address sender, uint256 balance, uint256 needed);
        error ERC20InsufficientAllowance(address spender, uint256 allowance, uint256 needed);
        error ERC20InvalidSender(address sender);
        error ERC20InvalidReceiver(address receiver);
        error ERC20InvalidApprover(address approver);
        error ERC20InvalidSpender(address spender);
        error ERC2612ExpiredSignature(uint256 deadline);
        error ERC2612InvalidSigner(address signer, address owner);

        // `TestUSD`'s own.
        error AuthorizationNotYetValid(uint256 validAfter);
        error AuthorizationExpired(uint256 validBefore);
        error AuthorizationAlreadyUsed(address authorizer, bytes32 nonce);
        error BlockedAddress(address account);
        error CallerIsNotBlocklister(address caller);
        error CallerIsNotPayee(address caller, address payee);
        error InvalidSignature(address signer);
        error PermitExpired(uint256 deadline);
    }
}
