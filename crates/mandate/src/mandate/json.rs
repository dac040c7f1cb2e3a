//! The wire form of a signed mandate.
//!
//! ```json
//! {
//!   "mandate": {
//!     "account": 7,
//!     "token": "0x…",
//!     "payee": "0x…",
//!     "amount": "1000",
//!     "nonce": "0",
//!     "deadline": 1790000000,
//!     "ref": "0x… 32 bytes",
//!     "prev": "0x… 32 bytes, zero when none"
//!   },
//!   "key": { "x": "0x…", "y": "0x…" },
//!   "signature": { "r8": { "x": "0x…", "y": "0x…" }, "s": "0x…" }
//! }
//! ```

use serde::{Serialize, Serializer};

use super::{Mandate, MandateId, Prev, SignedMandate};
use crate::wire::{
    Checksummed, FromNode, Node, WireError, deserialize_from_node, from_json, hex_of, object,
};

impl SignedMandate {
    /// Reads the wire form. Every defect has its own [`WireError`]; `serde` reads the same, but
    /// has only the error's message.
    ///
    /// # Errors
    /// When the text is anything but one object of exactly the form above.
    pub fn from_json(text: impl AsRef<[u8]>) -> Result<Self, WireError> {
        from_json(text.as_ref())
    }
}

object!(SignedMandate { mandate: "mandate", key: "key", signature: "signature" });

object!(Mandate {
    account: "account",
    token: "token" as Checksummed,
    payee: "payee" as Checksummed,
    amount: "amount",
    nonce: "nonce",
    deadline: "deadline",
    reference: "ref",
    prev: "prev",
});

impl FromNode for MandateId {
    fn from_node(node: &Node) -> Result<Self, WireError> {
        FromNode::from_node(node).map(Self)
    }
}

impl FromNode for Prev {
    fn from_node(node: &Node) -> Result<Self, WireError> {
        FromNode::from_node(node).map(Self)
    }
}

impl Serialize for MandateId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        hex_of(&self.0).serialize(serializer)
    }
}

impl Serialize for Prev {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        hex_of(&self.0).serialize(serializer)
    }
}

deserialize_from_node!(MandateId, Prev);
