//! Heads of audit logs: a service states how far its log goes, and what it hashes to.
//!
//! The service signs it, by its Ethereum key. An entry of the log names the hash of the entry
//! before it, so a head fixes every entry up to its number. A log that is shown later and has
//! another hash at this number was rewritten; one that ends before it was cut off. Two heads of
//! one log that have the same number and other hashes convict whoever signed them.
//!
//! The wire form:
//!
//! ```json
//! {
//!   "logHead": {
//!     "log": "0x… 32 bytes",
//!     "number": "1042",
//!     "hash": "0x… 32 bytes",
//!     "at": 1790000000
//!   },
//!   "signature": "0x… 65 bytes"
//! }
//! ```

use std::borrow::Cow;

use alloy_primitives::{B256, aliases::U40};
use alloy_sol_types::SolStruct;

use super::signed::{Signed, TypedData};
use crate::{
    units::{EntryNumber, UnixTime},
    wire::object,
};

mod eip712 {
    alloy_sol_types::sol! {
        struct LogHead {
            bytes32 log;
            uint64 number;
            bytes32 hash;
            uint40 at;
        }
    }
}

/// How far a log went at some time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LogHead {
    /// The log's id: random bytes that it began with, and never changes.
    pub log: B256,
    /// The number of its last entry; 0 when it has none.
    pub number: EntryNumber,
    /// The SHA-256 of the last entry's line; the log's id when it has none.
    pub hash: B256,
    /// When that was so, by the service's clock.
    pub at: UnixTime,
}

object!(LogHead { log: "log", number: "number", hash: "hash", at: "at" });

/// A head with its service's signature.
pub type SignedLogHead = Signed<LogHead>;

impl TypedData for LogHead {
    const NAME: &'static str = "logHead";

    fn encode_type() -> Cow<'static, str> {
        eip712::LogHead::eip712_encode_type()
    }

    fn struct_hash(&self) -> B256 {
        let head = eip712::LogHead {
            log: self.log,
            number: self.number.get(),
            hash: self.hash,
            // The unit is no wider than the type it becomes here.
            at: U40::from(self.at.get()),
        };
        head.eip712_hash_struct()
    }
}
