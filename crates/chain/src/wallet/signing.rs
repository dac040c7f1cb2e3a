//! What an owner signs, so that somebody else pays the gas: opening an account, and whose account a
//! permit's tokens go to.
//!
//! Each is EIP-712 typed data in the wallet's domain, with the owner's next nonce in this wallet (one
//! count for both; [`Wallet::signing_nonce`](super::Wallet::signing_nonce)) and a deadline.

use aep2_mandate::{
    typed_data::EcdsaSignature,
    units::{AccountId, UnixTime},
};
use alloy::{
    primitives::{Address, B256, Bytes, U256, keccak256},
    signers::{self, SignerSync},
    sol_types::{Eip712Domain, SolStruct, SolValue},
};

use super::{terms::Opening, units::BaseUnits};

mod eip712 {
    alloy::sol! {
        struct OpenAccount {
            address owner;
            address processor;
            bytes32 verifierSet;
            uint256 keyHash;
            uint256 nonce;
            uint256 deadline;
        }

        struct DepositIntent {
            address owner;
            uint32 account;
            address token;
            uint256 amount;
            uint256 nonce;
            uint256 deadline;
        }
    }
}

/// An owner's consent to an account being opened in its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenAccount {
    /// The account.
    pub opening: Opening,
    /// The owner's next nonce.
    pub nonce: U256,
    /// The last second at which it counts.
    pub deadline: UnixTime,
}

/// [`OpenAccount`] with its owner's signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedOpening {
    /// The account.
    pub opening: Opening,
    /// The last second at which it counts.
    pub deadline: UnixTime,
    /// 65 bytes of an ordinary key, or whatever a smart wallet takes for a signature (EIP-1271).
    pub signature: Bytes,
}

impl OpenAccount {
    /// EIP-712's hash of the content alone.
    pub fn struct_hash(&self) -> B256 {
        self.typed_data().eip712_hash_struct()
    }

    /// What is signed.
    pub fn digest(&self, domain: &Eip712Domain) -> B256 {
        self.typed_data().eip712_signing_hash(domain)
    }

    /// Signs with an ordinary key.
    ///
    /// # Errors
    /// The signer's own.
    pub fn sign(
        self,
        signer: &impl SignerSync,
        domain: &Eip712Domain,
    ) -> signers::Result<SignedOpening> {
        let signature = EcdsaSignature::sign(signer, &self.digest(domain))?;
        let signature = Bytes::copy_from_slice(signature.as_bytes());
        Ok(SignedOpening { opening: self.opening, deadline: self.deadline, signature })
    }

    fn typed_data(&self) -> eip712::OpenAccount {
        let opening = self.opening.to_abi();
        eip712::OpenAccount {
            owner: opening.owner,
            processor: opening.processor,
            verifierSet: opening.verifierSet,
            keyHash: opening.keyHash,
            nonce: self.nonce,
            deadline: seconds(self.deadline),
        }
    }
}

/// Into which account an owner's permitted tokens go. A permit alone says nothing of that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DepositIntent {
    /// The tokens' owner.
    pub owner: Address,
    /// The account.
    pub account: AccountId,
    /// The token.
    pub token: Address,
    /// How much.
    pub amount: BaseUnits,
    /// The owner's next nonce.
    pub nonce: U256,
    /// The last second at which it counts; the permit's.
    pub deadline: UnixTime,
}

impl DepositIntent {
    /// EIP-712's hash of the content alone.
    pub fn struct_hash(&self) -> B256 {
        self.typed_data().eip712_hash_struct()
    }

    /// What is signed.
    pub fn digest(&self, domain: &Eip712Domain) -> B256 {
        self.typed_data().eip712_signing_hash(domain)
    }

    /// Signs with an ordinary key. A smart wallet's signature (EIP-1271) is made elsewhere, over
    /// [`Self::digest`].
    ///
    /// # Errors
    /// The signer's own.
    pub fn sign(&self, signer: &impl SignerSync, domain: &Eip712Domain) -> signers::Result<Bytes> {
        let signature = EcdsaSignature::sign(signer, &self.digest(domain))?;
        Ok(Bytes::copy_from_slice(signature.as_bytes()))
    }

    fn typed_data(&self) -> eip712::DepositIntent {
        eip712::DepositIntent {
            owner: self.owner,
            account: self.account.get(),
            token: self.token,
            amount: self.amount.to_word(),
            nonce: self.nonce,
            deadline: seconds(self.deadline),
        }
    }
}

/// The EIP-3009 nonce that a deposit into an account must have: `keccak256(abi.encode(account, salt))`.
/// So whoever sees the authorization cannot deposit it elsewhere.
pub fn deposit_nonce(account: AccountId, salt: B256) -> B256 {
    keccak256((account.get(), salt).abi_encode())
}

/// A time as an ABI word.
pub(crate) fn seconds(time: UnixTime) -> U256 {
    U256::from(time.get())
}
