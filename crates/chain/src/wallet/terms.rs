//! Who may debit an account, by which proofs, with which key; and lists of verifiers.

use aep2_circuits::Shape;
use alloy::{
    primitives::{Address, B256, keccak256},
    sol_types::SolValue,
};
use serde::Serialize;

use super::units::{KeyHash, VerifierSetId};
use crate::contracts::IDebitWallet;

/// What an owner decides about an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Terms {
    /// Who may debit it.
    pub processor: Address,
    /// The verifiers that count; none for direct mandates alone.
    pub verifier_set: Option<VerifierSetId>,
    /// The mandate key's hash; none for direct mandates alone.
    pub key_hash: Option<KeyHash>,
}

/// How an account is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Opening {
    /// Whose it is to be.
    pub owner: Address,
    /// On which terms.
    #[serde(flatten)]
    pub terms: Terms,
}

impl Opening {
    pub(crate) fn to_abi(self) -> IDebitWallet::Opening {
        IDebitWallet::Opening {
            owner: self.owner,
            processor: self.terms.processor,
            verifierSet: VerifierSetId::word_of(self.terms.verifier_set),
            keyHash: KeyHash::word_of(self.terms.key_hash),
        }
    }

    /// The EIP-3009 nonce that the first deposit must have when it comes with the opening:
    /// `keccak256(abi.encode(opening, salt))`.
    pub fn deposit_nonce(&self, salt: B256) -> B256 {
        keccak256((self.to_abi(), salt).abi_encode())
    }
}

/// One verifier of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ShapeVerifier {
    /// The circuit's shape.
    pub shape: Shape,
    /// The contract.
    pub verifier: Address,
}

/// A list of verifiers, one a shape, in ascending order of the shapes' numbers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct VerifierList(Vec<ShapeVerifier>);

/// Why verifiers make no list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VerifierListError {
    /// There are none.
    #[error("a list of verifiers has at least one")]
    Empty,
    /// Two are for one shape.
    #[error("shape {0} has two verifiers in the list; it must have one")]
    Twice(Shape),
}

impl VerifierList {
    /// The list of these verifiers, in whatever order they come.
    ///
    /// # Errors
    /// When there are none, or two for a shape.
    pub fn new(mut verifiers: Vec<ShapeVerifier>) -> Result<Self, VerifierListError> {
        if verifiers.is_empty() {
            return Err(VerifierListError::Empty);
        }
        verifiers.sort_by_key(|verifier| verifier.shape.id());
        let twice = verifiers.windows(2).find(|pair| pair[0].shape == pair[1].shape);
        match twice {
            Some(pair) => Err(VerifierListError::Twice(pair[0].shape)),
            None => Ok(Self(verifiers)),
        }
    }

    /// The verifiers, ascending.
    pub fn verifiers(&self) -> &[ShapeVerifier] {
        &self.0
    }

    /// The name under which every wallet knows the list: keccak256 of its ABI encoding.
    pub fn id(&self) -> VerifierSetId {
        VerifierSetId::new(keccak256(self.to_abi().abi_encode()))
    }

    pub(crate) fn to_abi(&self) -> Vec<IDebitWallet::ShapeVerifier> {
        let entry = |entry: &ShapeVerifier| IDebitWallet::ShapeVerifier {
            shape: entry.shape.id(),
            verifier: entry.verifier,
        };
        self.0.iter().map(entry).collect()
    }
}
