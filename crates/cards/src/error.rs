//! Why something is no card.

use thiserror::Error;

use crate::{
    keys::KeyError,
    limits::{BLOCKS_MAX, BYTES_MAX, PREFIX},
};

/// Why a token is no card, or cannot be made into another. Blocks are counted from 0, the issuer's.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CardError {
    /// Not a card's text.
    #[error("a card begins with {PREFIX} and is base64url without padding")]
    Text,
    /// More bytes than a card may have.
    #[error("a card has at most {BYTES_MAX} bytes")]
    TooLong,
    /// More blocks than a card may have.
    #[error("a card has at most {BLOCKS_MAX} blocks")]
    TooManyBlocks,
    /// Not a Biscuit, or not written as one is written.
    #[error("the card is no Biscuit in its usual encoding: {0}")]
    Format(String),
    /// Its root key is not among those that are taken.
    #[error("the card is from a root key that is not taken here")]
    UnknownRootKey,
    /// A signature is wrong: the issuer's, or that of a block.
    #[error("a signature of the card is wrong")]
    Signature,
    /// A block has something besides facts: rules, checks, scopes, keys, a context, another's
    /// signature.
    #[error("block {block} has something besides facts")]
    NotOnlyFacts {
        /// Which.
        block: usize,
    },
    /// A fact that no block of its place may have, or with other terms than it has.
    #[error("block {block} has a fact that does not belong there")]
    UnknownFact {
        /// Which.
        block: usize,
    },
    /// Two facts of a kind.
    #[error("block {block} has a fact twice")]
    RepeatedFact {
        /// Which.
        block: usize,
    },
    /// The issuer's block lacks the card's id, or who holds it.
    #[error("the first block does not say which card it is and who holds it")]
    Incomplete,
    /// The card's id is none.
    #[error("a card's id has 1 to 64 letters, digits, hyphens and underscores")]
    Id,
    /// Restrictions that cannot be read.
    #[error("block {block} has restrictions that cannot be read: {reason}")]
    Restrictions {
        /// Which.
        block: usize,
        /// What is wrong with them.
        reason: String,
    },
    /// A holder's key that is none.
    #[error("block {block} names a holder's key that is none: {reason}")]
    Holder {
        /// Which.
        block: usize,
        /// What is wrong with it.
        reason: KeyError,
    },
    /// A new holder without the signature of the one before; in a bearer card, without its own.
    #[error("block {block} names a new holder, without the signature of the one before")]
    Handover {
        /// Which.
        block: usize,
    },
    /// A sealed card cannot be narrowed.
    #[error("the card is sealed: it cannot be narrowed")]
    Sealed,
}

impl CardError {
    /// Its name, stable across releases.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Text => "card_malformed",
            Self::TooLong => "card_too_long",
            Self::TooManyBlocks => "card_too_many_blocks",
            Self::Format(_) => "card_format",
            Self::UnknownRootKey => "card_root_key_unknown",
            Self::Signature => "card_signature",
            Self::NotOnlyFacts { .. } => "card_not_only_facts",
            Self::UnknownFact { .. } => "card_unknown_fact",
            Self::RepeatedFact { .. } => "card_repeated_fact",
            Self::Incomplete => "card_incomplete",
            Self::Id => "card_id",
            Self::Restrictions { .. } => "card_restrictions",
            Self::Holder { .. } => "card_holder",
            Self::Handover { .. } => "card_handover",
            Self::Sealed => "card_sealed",
        }
    }
}
