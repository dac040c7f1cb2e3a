//! Access: who asks a processor for what only some may read.
//!
//! The wire form:
//!
//! ```json
//! {
//!   "access": { "processor": "0x…", "about": "0x… 32 bytes", "until": 1790000000 },
//!   "signature": "0x… 65 bytes"
//! }
//! ```
//!
//! Or with `key` and a mandate key's signature, as in a [dispute](super::dispute).

use std::borrow::Cow;

use alloy_primitives::{Address, B256, aliases::U40};
use alloy_sol_types::SolStruct;

use super::{keyed::AnySigned, signed::TypedData};
use crate::{
    units::UnixTime,
    wire::{Checksummed, object},
};

/// How far ahead [`Access::until`] may lie, in seconds: whoever gets hold of one reads no longer.
pub const ACCESS_S_MAX: u64 = 3_600;

mod eip712 {
    alloy_sol_types::sol! {
        struct Access {
            address processor;
            bytes32 about;
            uint40 until;
        }
    }
}

/// Whoever signs asks this processor, until then. It can be read with, as often as is wanted, and
/// changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Access {
    /// The processor: no other takes it.
    pub processor: Address,
    /// The mandate's id; zero for all that concerns the signer.
    pub about: B256,
    /// The last second, at most [`ACCESS_S_MAX`] ahead.
    pub until: UnixTime,
}

object!(Access { processor: "processor" as Checksummed, about: "about", until: "until" });

/// An access with its signature.
pub type SignedAccess = AnySigned<Access>;

impl TypedData for Access {
    const NAME: &'static str = "access";

    fn encode_type() -> Cow<'static, str> {
        eip712::Access::eip712_encode_type()
    }

    fn struct_hash(&self) -> B256 {
        let access = eip712::Access {
            processor: self.processor,
            about: self.about,
            // The unit is no wider.
            until: U40::from(self.until.get()),
        };
        access.eip712_hash_struct()
    }
}
