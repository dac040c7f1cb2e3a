//! Mandates: what a payer signs with its mandate key, and the id that stands for it.
//!
//! ```text
//! domain      = uint256(keccak256(abi.encode(keccak256("AEP2 mandate v1"), chainId, wallet, token))) >> 8
//! accountWord = account · 2^57 + (nonce >> 7)
//! terms       = bit + 2^7 · amount + 2^104 · deadline
//! refField    = uint256(keccak256(ref)) >> 8
//! id          = Poseidon6(domain, prev, accountWord, terms, payee, refField)
//! ```

mod json;

use std::{fmt, str::FromStr};

use alloy_primitives::{Address, B256, U256, keccak256};
use alloy_sol_types::SolValue;
use ark_ff::AdditiveGroup;
use thiserror::Error;

use crate::{
    eddsa::{PublicKey, Signature},
    field::{self, Fr},
    poseidon,
    units::{AccountId, Ceiling, ChainId, Nonce, UnixTime},
    wire::{self, WireError},
};

/// Where a mandate counts: one token in one wallet on one chain. It is the first thing an id
/// covers, so a mandate signed for one place means nothing in another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Domain {
    element: Fr,
    token: Address,
}

impl Domain {
    /// The domain of `token` in the wallet at `wallet`.
    pub fn new(chain_id: ChainId, wallet: Address, token: Address) -> Self {
        let tag = keccak256("AEP2 mandate v1");
        let encoded = (tag, U256::from(chain_id.get()), wallet, token).abi_encode();
        Self { element: field::truncated_hash(keccak256(encoded)), token }
    }

    /// The domain as a field element.
    pub fn element(&self) -> Fr {
        self.element
    }

    /// The token that is paid in.
    pub fn token(&self) -> Address {
        self.token
    }
}

/// A promise to pay, as its payer writes it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Mandate {
    /// The account that pays.
    pub account: AccountId,
    /// The ERC-20 token paid in.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::Address))]
    pub token: Address,
    /// Who is paid.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::Address))]
    pub payee: Address,
    /// The most that the payee may capture.
    pub amount: Ceiling,
    /// Used once, in any order. Spent by settling, whatever was captured.
    pub nonce: Nonce,
    /// Settlement on chain happens at or before this time, or never.
    pub deadline: UnixTime,
    /// What is paid for: the hash of the order or the call.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::Bytes32AnyCase, rename = "ref"))]
    pub reference: B256,
    /// The id of the mandate that this one follows, 0 for none. Sign only what you released yourself,
    /// never an id that you were handed.
    pub prev: Prev,
}

impl Mandate {
    /// The account with the nonce's word: `account · 2^57 + word`, 89 bits.
    pub fn account_word(&self) -> Fr {
        Fr::from(u128::from(self.account.get()) << 57 | u128::from(self.nonce.word()))
    }

    /// The numbers that the circuit compares, packed: `bit + 2^7 · amount + 2^104 · deadline`.
    pub fn terms(&self) -> Fr {
        let bit_and_amount = u128::from(self.nonce.bit()) | self.amount.get() << 7;
        Fr::from(bit_and_amount) + Fr::from(1u128 << 104) * Fr::from(self.deadline.get())
    }

    /// The reference as a field element: its keccak hash without the last byte.
    pub fn reference_element(&self) -> Fr {
        field::truncated_hash(keccak256(self.reference))
    }

    /// The mandate's id in `domain`, which is what its payer signs.
    ///
    /// `domain` must be one of the mandate's token, which [`SignedMandate::verify`] checks: the
    /// token enters the id only by way of the domain.
    pub fn id(&self, domain: &Domain) -> MandateId {
        MandateId(poseidon::hash(&[
            domain.element,
            self.prev.0,
            self.account_word(),
            self.terms(),
            field::from_address(self.payee),
            self.reference_element(),
        ]))
    }
}

/// What stands for a mandate: the hash of all its content, a field element.
///
/// In text it is `0x` and 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MandateId(Fr);

impl MandateId {
    /// The id that this element is.
    pub const fn from_element(element: Fr) -> Self {
        Self(element)
    }

    /// The id with these big-endian bytes, or nothing when they are not below the field's order.
    pub fn from_bytes(bytes: B256) -> Option<Self> {
        field::from_be_bytes(&bytes.0).map(Self)
    }

    /// The id as a field element.
    pub const fn element(&self) -> Fr {
        self.0
    }

    /// The id's 32 bytes, big-endian.
    pub fn to_bytes(&self) -> B256 {
        wire::hex_of(&self.0)
    }
}

impl fmt::Display for MandateId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_bytes().fmt(f)
    }
}

impl fmt::Debug for MandateId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MandateId({})", self.to_bytes())
    }
}

impl FromStr for MandateId {
    type Err = WireError;
    fn from_str(text: &str) -> Result<Self, WireError> {
        wire::element(wire::bytes(text)?).map(Self)
    }
}

/// What a mandate says it follows: another mandate's id, or nothing, which is written as 0.
///
/// A `Prev` is something to read. It is not something to sign: whoever signs over an id signs
/// what the id stands for. See [`crate::signer`], which makes it from a mandate that it checks.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Prev(Fr);

impl Prev {
    /// The first mandate of a chain follows nothing.
    pub const START: Self = Self(Fr::ZERO);

    /// What this element says, 0 being [`Prev::START`].
    pub const fn from_element(element: Fr) -> Self {
        Self(element)
    }

    /// Whether the mandate starts a chain.
    pub fn is_start(&self) -> bool {
        *self == Self::START
    }

    /// The id of the mandate before, if there is one.
    pub fn id(&self) -> Option<MandateId> {
        (!self.is_start()).then_some(MandateId(self.0))
    }

    /// As a field element, 0 for none.
    pub const fn element(&self) -> Fr {
        self.0
    }
}

impl fmt::Debug for Prev {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.id() {
            None => f.write_str("Prev(start)"),
            Some(id) => write!(f, "Prev({id})"),
        }
    }
}

/// A mandate with the key that is said to have signed it. Its parts are well-formed; whether the
/// signature holds is what [`SignedMandate::verify`] tells, and whether the key may spend from the
/// account is for the wallet to say.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(description = "A mandate with its key's signature."))]
pub struct SignedMandate {
    /// What is signed.
    pub mandate: Mandate,
    /// Who signed.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::Point))]
    pub key: PublicKey,
    /// The signature on the mandate's id.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::MandateSignature))]
    pub signature: Signature,
}

/// Why a signed mandate does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum VerifyError {
    /// The mandate pays in another token than the domain's.
    #[error("the mandate pays in {mandate}, the domain is that of {domain}")]
    OtherToken {
        /// The mandate's token.
        mandate: Address,
        /// The domain's token.
        domain: Address,
    },
    /// The key did not sign this mandate in this domain.
    #[error("the signature is not the key's signature on this mandate")]
    BadSignature,
}

impl SignedMandate {
    /// Checks the signature, and gives the id that it is on.
    ///
    /// # Errors
    /// When the domain is of another token, or the signature is not on this mandate's id.
    pub fn verify(&self, domain: &Domain) -> Result<MandateId, VerifyError> {
        if self.mandate.token != domain.token {
            return Err(VerifyError::OtherToken {
                mandate: self.mandate.token,
                domain: domain.token,
            });
        }
        let id = self.mandate.id(domain);
        if self.key.verify(id.0, &self.signature) { Ok(id) } else { Err(VerifyError::BadSignature) }
    }
}
