//! Disputes: a payer objects to a payment before it settles, and its payee answers.
//!
//! The payer signs the first message, by the account's owner or by the mandate's own key. Which reasons
//! count, within what time, and who decides are in the payee's terms, which the mandate's `ref` covers.
//! The decision is a [ruling](super::ruling).
//!
//! The wire form:
//!
//! ```json
//! {
//!   "dispute": {
//!     "mandateId": "0x… 32 bytes",
//!     "reason": "service_not_delivered",
//!     "text": "The answer was empty.",
//!     "evidence": [ { "hash": "0x… 32 bytes", "mediaType": "application/json", "size": 1042 } ],
//!     "at": 1790000000
//!   },
//!   "signature": "0x… 65 bytes"
//! }
//! {
//!   "answer": {
//!     "dispute": "0x… 32 bytes",
//!     "captured": "1000",
//!     "text": "It was delivered: see the log.",
//!     "evidence": [],
//!     "at": 1790000060
//!   },
//!   "signature": "0x… 65 bytes"
//! }
//! ```
//!
//! A dispute that the mandate's key signed has `key` beside `signature`, as a mandate has.

use std::borrow::Cow;

use alloy_primitives::{B256, aliases::U40, keccak256};
use alloy_sol_types::SolStruct;
use serde::{Deserialize, Serialize};

use super::{
    keyed::AnySigned,
    signed::{Signed, TypedData},
};
use crate::{
    units::{Amount, UnixTime},
    wire::{Defect, FromNode, Node, Number, Text, WireError, object},
};

/// The most bytes of what is said in words, in UTF-8.
pub const TEXT_BYTES_MAX: usize = 4_096;
/// The most pieces of evidence that one message names.
pub const EVIDENCE_MAX: usize = 8;
/// The most bytes of one piece of evidence.
pub const EVIDENCE_BYTES_MAX: u64 = 1 << 20;
/// The most bytes of a media type.
pub const MEDIA_TYPE_BYTES_MAX: usize = 100;

mod eip712 {
    alloy_sol_types::sol! {
        struct Evidence {
            bytes32 hash;
            string mediaType;
            uint64 size;
        }

        struct Dispute {
            bytes32 mandateId;
            string reason;
            string text;
            Evidence[] evidence;
            uint40 at;
        }

        struct DisputeAnswer {
            bytes32 dispute;
            uint96 captured;
            string text;
            Evidence[] evidence;
            uint40 at;
        }
    }
}

/// What a payer may dispute. The names are the wire's; in their order lists are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The same was paid for twice.
    DuplicatePayment,
    /// Something else.
    Other,
    /// More was captured than was agreed to.
    Overcharge,
    /// What came is not what was sold.
    ServiceDefective,
    /// Nothing came.
    ServiceNotDelivered,
    /// The payer's key signed what its owner did not want.
    Unauthorized,
}

impl Reason {
    /// All of them, in the order of their names.
    pub const ALL: [Self; 6] = [
        Self::DuplicatePayment,
        Self::Other,
        Self::Overcharge,
        Self::ServiceDefective,
        Self::ServiceNotDelivered,
        Self::Unauthorized,
    ];

    /// The reason's name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::DuplicatePayment => "duplicate_payment",
            Self::Other => "other",
            Self::Overcharge => "overcharge",
            Self::ServiceDefective => "service_defective",
            Self::ServiceNotDelivered => "service_not_delivered",
            Self::Unauthorized => "unauthorized",
        }
    }
}

impl FromNode for Reason {
    fn from_node(node: &Node) -> Result<Self, WireError> {
        let named = |text: &String| Self::ALL.into_iter().find(|reason| reason.name() == text);
        match node {
            Node::Text(text) => named(text),
            _ => None,
        }
        .ok_or_else(|| WireError::new(Defect::NotAReason(node.to_string())))
    }
}

/// A piece of evidence, by its hash. The bytes travel by themselves.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Evidence {
    /// The keccak-256 hash of the bytes.
    pub hash: B256,
    /// What they are, as in `application/json`: what whoever signs says of them.
    pub media_type: String,
    /// How many bytes they are, at most [`EVIDENCE_BYTES_MAX`].
    pub size: u64,
}

impl Evidence {
    /// The evidence that these bytes are.
    ///
    /// # Errors
    /// When there are too many of them, or the media type is none.
    pub fn of(bytes: &[u8], media_type: impl Into<String>) -> Result<Self, WireError> {
        let media_type = MediaType::checked(&media_type.into())?;
        let size = Size::checked(bytes.len() as u64)?;
        Ok(Self { hash: keccak256(bytes), media_type, size })
    }

    /// Whether it is what these bytes are.
    pub fn is(&self, bytes: &[u8]) -> bool {
        self.size == bytes.len() as u64 && self.hash == keccak256(bytes)
    }

    fn typed(list: &[Self]) -> Vec<eip712::Evidence> {
        let typed = |own: &Self| eip712::Evidence {
            hash: own.hash,
            mediaType: own.media_type.clone(),
            size: own.size,
        };
        list.iter().map(typed).collect()
    }
}

object!(Evidence { hash: "hash", media_type: "mediaType" as MediaType, size: "size" as Size });

/// What a payer objects to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Dispute {
    /// The mandate's id.
    pub mandate_id: B256,
    /// Why: one of those that the terms name.
    pub reason: Reason,
    /// The same in words, at most [`TEXT_BYTES_MAX`].
    pub text: String,
    /// What shows it, at most [`EVIDENCE_MAX`] pieces.
    pub evidence: Vec<Evidence>,
    /// When it was signed, by the payer's clock.
    pub at: UnixTime,
}

object!(Dispute {
    mandate_id: "mandateId",
    reason: "reason",
    text: "text" as Words,
    evidence: "evidence" as Pieces,
    at: "at",
});

/// A dispute with its payer's signature: the owner's, or the mandate key's.
pub type SignedDispute = AnySigned<Dispute>;

impl TypedData for Dispute {
    const NAME: &'static str = "dispute";

    fn encode_type() -> Cow<'static, str> {
        eip712::Dispute::eip712_encode_type()
    }

    fn struct_hash(&self) -> B256 {
        let dispute = eip712::Dispute {
            mandateId: self.mandate_id,
            reason: self.reason.name().to_owned(),
            text: self.text.clone(),
            evidence: Evidence::typed(&self.evidence),
            // The unit is no wider.
            at: U40::from(self.at.get()),
        };
        dispute.eip712_hash_struct()
    }
}

/// What a payee says to a dispute.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DisputeAnswer {
    /// The [struct hash](TypedData::struct_hash) of the dispute.
    pub dispute: B256,
    /// What the payee says that it is owed, in base units: all that is due, or less where it concedes.
    pub captured: Amount,
    /// The same in words, at most [`TEXT_BYTES_MAX`].
    pub text: String,
    /// What shows it, at most [`EVIDENCE_MAX`] pieces.
    pub evidence: Vec<Evidence>,
    /// When it was signed, by the payee's clock.
    pub at: UnixTime,
}

object!(DisputeAnswer {
    dispute: "dispute",
    captured: "captured",
    text: "text" as Words,
    evidence: "evidence" as Pieces,
    at: "at",
});

/// An answer with its payee's signature.
pub type SignedDisputeAnswer = Signed<DisputeAnswer>;

impl TypedData for DisputeAnswer {
    const NAME: &'static str = "answer";

    fn encode_type() -> Cow<'static, str> {
        eip712::DisputeAnswer::eip712_encode_type()
    }

    fn struct_hash(&self) -> B256 {
        let answer = eip712::DisputeAnswer {
            dispute: self.dispute,
            // The units are no wider than the types they become here.
            captured: alloy_primitives::aliases::U96::from(self.captured.get()),
            text: self.text.clone(),
            evidence: Evidence::typed(&self.evidence),
            at: U40::from(self.at.get()),
        };
        answer.eip712_hash_struct()
    }
}

// How the fields are read.

/// Words, of a bounded length.
struct Words<'a>(&'a str);

impl Words<'_> {
    fn read(node: &Node) -> Result<String, WireError> {
        Text::read_within(node, TEXT_BYTES_MAX)
    }
}

/// A media type: visible characters of ASCII, at least one.
struct MediaType<'a>(&'a str);

impl MediaType<'_> {
    fn read(node: &Node) -> Result<String, WireError> {
        Self::checked(&Text::read_within(node, MEDIA_TYPE_BYTES_MAX)?)
    }

    fn checked(text: &str) -> Result<String, WireError> {
        let fits = (1..=MEDIA_TYPE_BYTES_MAX).contains(&text.len());
        // A space as in `text/plain; charset=utf-8`, and nothing that could end a header's line.
        let plain = text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
        match fits && plain {
            true => Ok(text.to_owned()),
            false => Err(WireError::new(Defect::NotAMediaType)),
        }
    }
}

/// How large a piece of evidence is.
struct Size<'a>(&'a u64);

impl Size<'_> {
    fn read(node: &Node) -> Result<u64, WireError> {
        Self::checked(Number::read(node)?)
    }

    fn checked(size: u64) -> Result<u64, WireError> {
        match size <= EVIDENCE_BYTES_MAX {
            true => Ok(size),
            false => Err(WireError::new(Defect::TooMany { found: size, most: EVIDENCE_BYTES_MAX })),
        }
    }
}

/// Pieces of evidence, of a bounded number, each once.
struct Pieces<'a>(&'a [Evidence]);

impl Pieces<'_> {
    fn read(node: &Node) -> Result<Vec<Evidence>, WireError> {
        let Node::Array(items) = node else {
            return Err(WireError::new(Defect::NotAList(node.to_string())));
        };
        if items.len() > EVIDENCE_MAX {
            let (found, most) = (items.len() as u64, EVIDENCE_MAX as u64);
            return Err(WireError::new(Defect::TooMany { found, most }));
        }
        let pieces: Vec<_> = items.iter().map(Evidence::from_node).collect::<Result<_, _>>()?;
        let twice = |(index, own): (usize, &Evidence)| {
            pieces[..index].iter().any(|earlier| earlier.hash == own.hash)
        };
        match pieces.iter().enumerate().any(twice) {
            false => Ok(pieces),
            true => Err(WireError::new(Defect::EvidenceTwice)),
        }
    }
}

macro_rules! writes_as_is {
    ($($name:ident),+) => { $(
        impl Serialize for $name<'_> {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                self.0.serialize(serializer)
            }
        }
    )+ };
}
writes_as_is!(Words, MediaType, Size, Pieces);
