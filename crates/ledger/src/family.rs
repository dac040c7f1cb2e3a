//! The column families.

use aep2_journal::ColumnFamily;

use crate::codec::{Decoder, Defect, Field};

macro_rules! families {
    ($($family:ident = $name:literal),+ $(,)?) => {
        /// A column family.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        #[expect(missing_docs, reason = "the table in docs/ledger.md has them all, with keys and values")]
        pub enum Family { $($family),+ }

        impl Family {
            /// All of them.
            pub const ALL: [Self; [$($name),+].len()] = [$(Self::$family),+];

            /// The name on disk.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$family => $name),+ }
            }
        }
    };
}

// Undo records name families by their places here: new ones go to the end.
families! {
    Meta = "meta",
    Accounts = "accounts",
    Purses = "purses",
    Spent = "spent",
    DirectAccounts = "direct_accounts",
    Mandates = "mandates",
    States = "states",
    Nonces = "nonces",
    Acceptances = "acceptances",
    Receipts = "receipts",
    Captures = "captures",
    Queue = "queue",
    Quarantined = "quarantined",
    Batches = "batches",
    Members = "members",
    Proofs = "proofs",
    BatchIds = "batch_ids",
    Unfinished = "unfinished",
    Movements = "movements",
    Unconfirmed = "unconfirmed",
    Undo = "undo",
    Transactions = "transactions",
    Segments = "segments",
    Held = "held",
    Gate = "gate",
    DirectSpent = "direct_spent",
    Unread = "unread",
    Disputes = "disputes",
    DisputeNumbers = "dispute_numbers",
    DisputeParties = "dispute_parties",
}

impl Family {
    /// The families that hold nothing but what the chain says: undoing blocks restores their bytes
    /// exactly.
    pub const CHAIN: [Self; 6] = [
        Self::Accounts,
        Self::Purses,
        Self::Spent,
        Self::DirectAccounts,
        Self::DirectSpent,
        Self::Unread,
    ];
}

impl ColumnFamily for Family {
    fn name(self) -> &'static str {
        self.name()
    }

    fn is_passed_through(self) -> bool {
        matches!(
            self,
            Self::Queue
                | Self::Held
                | Self::Segments
                | Self::Quarantined
                | Self::Unfinished
                | Self::Unconfirmed
                | Self::Unread
                | Self::Undo
                | Self::Transactions
        )
    }
}

impl Field for Family {
    fn put(&self, to: &mut Vec<u8>) {
        to.push(*self as u8);
    }
    fn take(from: &mut Decoder<'_>) -> Result<Self, Defect> {
        let found = from.field::<u8>()?;
        let family = Self::ALL.get(usize::from(found));
        family.copied().ok_or(Defect::Tag { what: "column family", found })
    }
}
