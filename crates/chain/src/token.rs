//! ERC-20 tokens: reading them, approving, and what their owners sign for the wallet to take them.
//!
//! Two kinds of signature bring tokens into the wallet without an approval: EIP-3009's
//! `ReceiveWithAuthorization`, as USDC has it, whose nonce names what the money is for; and EIP-2612's
//! `Permit`. Both are in the *token's* EIP-712 domain, which [`Token::eip712_domain`] finds out.

use aep2_mandate::{
    typed_data::EcdsaSignature,
    units::{AccountId, UnixTime},
};
use alloy::{
    eips::BlockId,
    primitives::{Address, B256, Bytes, U256},
    providers::Provider,
    signers::{self, SignerSync},
    sol_types::{Eip712Domain, SolStruct},
};

use crate::{
    call::Call,
    contracts::{Erc20, IDebitWallet, TestUSD},
    error::{ChainError, answered},
    wallet::{
        signing::{deposit_nonce, seconds},
        terms::Opening,
        units::BaseUnits,
    },
};

mod eip712 {
    alloy::sol! {
        // EIP-3009.
        struct ReceiveWithAuthorization {
            address from;
            address to;
            uint256 value;
            uint256 validAfter;
            uint256 validBefore;
            bytes32 nonce;
        }

        // EIP-2612.
        struct Permit {
            address owner;
            address spender;
            uint256 value;
            uint256 nonce;
            uint256 deadline;
        }
    }
}

/// Lets `spender` take so much of the caller's tokens.
pub fn approve(token: Address, spender: Address, amount: BaseUnits) -> Call {
    Call::new(token, &Erc20::approveCall { spender, amount: amount.to_word() })
}

/// Sends the caller's tokens.
pub fn transfer(token: Address, to: Address, amount: BaseUnits) -> Call {
    Call::new(token, &Erc20::transferCall { to, amount: amount.to_word() })
}

/// Makes test tokens from nothing. Only `TestUSD` has this; anyone may.
pub fn mint_test_tokens(token: Address, to: Address, amount: BaseUnits) -> Call {
    Call::new(token, &TestUSD::mintCall { to, amount: amount.to_word() })
}

// --- EIP-3009 ---------------------------------------------------------------------------------------

/// What an authorized deposit is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DepositTarget {
    /// An account that exists.
    Account(AccountId),
    /// The account that is opened with it.
    Opening(Opening),
}

impl DepositTarget {
    /// The authorization's nonce. It commits to the target, so that whoever sees the signature cannot
    /// deposit it elsewhere.
    pub fn nonce(&self, salt: B256) -> B256 {
        match self {
            Self::Account(account) => deposit_nonce(*account, salt),
            Self::Opening(opening) => opening.deposit_nonce(salt),
        }
    }
}

/// A payer's authorization of a deposit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DepositAuthorization {
    /// The tokens' owner.
    pub from: Address,
    /// How much.
    pub amount: BaseUnits,
    /// It counts after this second.
    pub valid_after: UnixTime,
    /// And before this one.
    pub valid_before: UnixTime,
    /// Tells two authorizations for one target apart. Anything that was not used before.
    pub salt: B256,
}

/// [`DepositAuthorization`] with its payer's signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedAuthorization {
    /// What is signed, beside the target.
    pub authorization: DepositAuthorization,
    /// 65 bytes of an ordinary key, or what a smart wallet takes (EIP-1271) where the token does.
    pub signature: Bytes,
}

impl DepositAuthorization {
    /// What is signed: the EIP-712 digest, in the token's domain, for `wallet` to receive it.
    pub fn digest(&self, token: &Eip712Domain, wallet: Address, target: &DepositTarget) -> B256 {
        let typed_data = eip712::ReceiveWithAuthorization {
            from: self.from,
            to: wallet,
            value: self.amount.to_word(),
            validAfter: seconds(self.valid_after),
            validBefore: seconds(self.valid_before),
            nonce: target.nonce(self.salt),
        };
        typed_data.eip712_signing_hash(token)
    }

    /// Signs with an ordinary key.
    ///
    /// # Errors
    /// The signer's own.
    pub fn sign(
        self,
        signer: &impl SignerSync,
        token: &Eip712Domain,
        wallet: Address,
        target: &DepositTarget,
    ) -> signers::Result<SignedAuthorization> {
        let signature = EcdsaSignature::sign(signer, &self.digest(token, wallet, target))?;
        let signature = Bytes::copy_from_slice(signature.as_bytes());
        Ok(SignedAuthorization { authorization: self, signature })
    }
}

impl SignedAuthorization {
    pub(crate) fn to_abi(&self) -> IDebitWallet::Authorization {
        let own = &self.authorization;
        IDebitWallet::Authorization {
            from: own.from,
            amount: own.amount.to_word(),
            validAfter: seconds(own.valid_after),
            validBefore: seconds(own.valid_before),
            salt: own.salt,
            signature: self.signature.clone(),
        }
    }
}

// --- EIP-2612 ---------------------------------------------------------------------------------------

/// An owner's permission to take tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Permit {
    /// The tokens' owner.
    pub owner: Address,
    /// Who may take them: the wallet.
    pub spender: Address,
    /// How much.
    pub amount: BaseUnits,
    /// The owner's next nonce in the token: [`Token::permit_nonce`].
    pub nonce: U256,
    /// The last second at which it counts.
    pub deadline: UnixTime,
}

/// [`Permit`] with its owner's signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignedPermit {
    /// What is signed.
    pub permit: Permit,
    /// The owner's signature.
    pub signature: EcdsaSignature,
}

impl Permit {
    /// What is signed: the EIP-712 digest, in the token's domain.
    pub fn digest(&self, token: &Eip712Domain) -> B256 {
        let typed_data = eip712::Permit {
            owner: self.owner,
            spender: self.spender,
            value: self.amount.to_word(),
            nonce: self.nonce,
            deadline: seconds(self.deadline),
        };
        typed_data.eip712_signing_hash(token)
    }

    /// Signs it.
    ///
    /// # Errors
    /// The signer's own.
    pub fn sign(
        self,
        signer: &impl SignerSync,
        token: &Eip712Domain,
    ) -> signers::Result<SignedPermit> {
        let signature = EcdsaSignature::sign(signer, &self.digest(token))?;
        Ok(SignedPermit { permit: self, signature })
    }
}

// --- Reading ----------------------------------------------------------------------------------------

/// A token, read through a node.
#[derive(Clone, Debug)]
pub struct Token<P> {
    contract: Erc20::Erc20Instance<P>,
    block: BlockId,
}

impl<P: Provider> Token<P> {
    /// The token at an address.
    pub fn new(provider: P, address: Address) -> Self {
        Self { contract: Erc20::new(address, provider), block: BlockId::latest() }
    }

    /// Its address.
    pub fn address(&self) -> Address {
        *self.contract.address()
    }

    /// The same token, read as it was after a block.
    #[must_use]
    pub fn at(&self, block: impl Into<BlockId>) -> Self
    where
        P: Clone,
    {
        Self { block: block.into(), ..self.clone() }
    }

    /// Whether it is a token, as far as can be told: it says what somebody has of it.
    ///
    /// # Errors
    /// [`ChainError::NotAToken`] when it does not, and the node's.
    pub async fn require(&self) -> Result<(), ChainError> {
        let balance = self.contract.balanceOf(self.address()).block(self.block).call().await;
        match answered(balance)? {
            Some(_) => Ok(()),
            None => Err(ChainError::NotAToken { address: self.address() }),
        }
    }

    /// What somebody has of it, base units.
    ///
    /// # Errors
    /// The node's.
    pub async fn balance_of(&self, owner: Address) -> Result<U256, ChainError> {
        Ok(self.contract.balanceOf(owner).block(self.block).call().await?)
    }

    /// What `spender` may take of `owner`'s, base units.
    ///
    /// # Errors
    /// The node's.
    pub async fn allowance(&self, owner: Address, spender: Address) -> Result<U256, ChainError> {
        Ok(self.contract.allowance(owner, spender).block(self.block).call().await?)
    }

    /// Its symbol, for people. Tokens may say anything.
    ///
    /// # Errors
    /// The node's, and when the token has none.
    pub async fn symbol(&self) -> Result<String, ChainError> {
        Ok(self.contract.symbol().block(self.block).call().await?)
    }

    /// How many decimal places people write it with.
    ///
    /// # Errors
    /// The node's, and when the token does not say.
    pub async fn decimals(&self) -> Result<u8, ChainError> {
        Ok(self.contract.decimals().block(self.block).call().await?)
    }

    /// The nonce that an owner's next permit must have.
    ///
    /// # Errors
    /// The node's, and when the token has no permits.
    pub async fn permit_nonce(&self, owner: Address) -> Result<U256, ChainError> {
        Ok(self.contract.nonces(owner).block(self.block).call().await?)
    }

    /// Whether an EIP-3009 authorization was used or cancelled.
    ///
    /// # Errors
    /// The node's, and when the token has no authorizations.
    pub async fn is_authorization_used(
        &self,
        from: Address,
        nonce: B256,
    ) -> Result<bool, ChainError> {
        Ok(self.contract.authorizationState(from, nonce).block(self.block).call().await?)
    }

    /// What the token takes signatures under: as EIP-5267 tells it, or from `name` and `version`, which
    /// is "1" where there is none. It must come to the token's own `DOMAIN_SEPARATOR`: a signature
    /// under a guessed domain is refused after all has been paid for, or means something elsewhere.
    ///
    /// # Errors
    /// [`ChainError::TokenDomain`] when it does not, and the node's.
    pub async fn eip712_domain(&self) -> Result<Eip712Domain, ChainError> {
        let token = self.address();
        let unclear = |reason| ChainError::TokenDomain { token, reason };
        let separator = answered(self.contract.DOMAIN_SEPARATOR().block(self.block).call().await)?
            .ok_or_else(|| unclear("it has no DOMAIN_SEPARATOR"))?;

        let (name, version) =
            match answered(self.contract.eip712Domain().block(self.block).call().await)? {
                Some(domain) => (domain.name, domain.version),
                None => {
                    let name = answered(self.contract.name().block(self.block).call().await)?
                        .ok_or_else(|| unclear("it has no name"))?;
                    let version = answered(self.contract.version().block(self.block).call().await)?;
                    (name, version.unwrap_or_else(|| "1".to_owned()))
                }
            };
        let chain_id = self.contract.provider().get_chain_id().await?;
        let domain = Eip712Domain::new(
            Some(name.into()),
            Some(version.into()),
            Some(U256::from(chain_id)),
            Some(token),
            None,
        );
        if domain.separator() == separator {
            Ok(domain)
        } else {
            Err(unclear("its DOMAIN_SEPARATOR is not that of its name, version, chain and address"))
        }
    }
}
