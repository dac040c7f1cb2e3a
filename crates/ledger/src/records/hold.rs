//! What keeps a queued mandate out of windows for a while, and what keeps mandates from being accepted.

use std::{collections::BTreeMap, fmt};

use aep2_mandate::units::{AccountId, UnixTime};
use alloy_primitives::{Address, B256};

use crate::codec::{Record, alternatives, fields};

/// Why a queued mandate is not to be sealed yet. One of each kind at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum HoldKind {
    /// Its payee's terms have it settle no earlier.
    NotBefore,
    /// Its payer disputes it.
    Dispute,
    /// Compliance looks at it.
    Review,
    /// The operator wants it so.
    Operator,
    /// An officer froze it. The only one that outlasts the promise: the receipt is broken on purpose.
    Freeze,
}
alternatives!(HoldKind, "hold" {
    0 => NotBefore,
    1 => Dispute,
    2 => Review,
    3 => Operator,
    4 => Freeze,
});

impl HoldKind {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::NotBefore, Self::Dispute, Self::Review, Self::Operator, Self::Freeze];

    /// The kind's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::NotBefore => "not_before",
            Self::Dispute => "dispute",
            Self::Review => "review",
            Self::Operator => "operator",
            Self::Freeze => "freeze",
        }
    }
}

/// A hold on a mandate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HoldRecord {
    /// Why.
    pub kind: HoldKind,
    /// From then on the mandate is not held by this any more.
    pub until: UnixTime,
    /// When it was put on, by the processor's clock.
    pub since: UnixTime,
    /// Who put it on.
    pub by: String,
}
fields!(HoldRecord { kind, until, since, by });

/// What mandates a closed gate is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum GateScope {
    /// All.
    All,
    /// Those of an account.
    Account {
        /// The account.
        account: AccountId,
    },
    /// Those to a payee.
    Payee {
        /// The payee.
        payee: Address,
    },
    /// Those in a token.
    Token {
        /// The token.
        token: Address,
    },
    /// Those that an account's agent signs with this key. Another key is another scope, so whoever registers
    /// one has opened the gate, and a chain that undoes that has closed it.
    Key {
        /// The account.
        account: AccountId,
        /// The hash of the key.
        key_hash: B256,
    },
}
impl fmt::Display for GateScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("at all"),
            Self::Account { account } => write!(f, "of account {account}"),
            Self::Payee { payee } => write!(f, "to {payee}"),
            Self::Token { token } => write!(f, "in {token}"),
            Self::Key { account, .. } => write!(f, "by this key of account {account}"),
        }
    }
}

impl GateScope {
    /// The scope's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Account { .. } => "account",
            Self::Payee { .. } => "payee",
            Self::Token { .. } => "token",
            Self::Key { .. } => "key",
        }
    }
}

alternatives!(GateScope, "scope" {
    0 => All,
    1 => Account { account },
    2 => Payee { payee },
    3 => Token { token },
    4 => Key { account, key_hash },
});

/// Why nothing is accepted. A gate may be closed for several reasons, and opens when the last one is
/// gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum GateReason {
    /// The operator paused it.
    Paused,
    /// The account's owner froze it.
    Frozen,
    /// Compliance denied it.
    Denied,
    /// A payer says that somebody else signs with the account's key.
    Unauthorized,
    /// It was restored from a backup: what was promised and taken since then is not known here.
    Restored,
}
alternatives!(GateReason, "reason" {
    0 => Paused,
    1 => Frozen,
    2 => Denied,
    3 => Unauthorized,
    4 => Restored,
});

impl GateReason {
    /// The reason's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Paused => "paused",
            Self::Frozen => "frozen",
            Self::Denied => "denied",
            Self::Unauthorized => "unauthorized",
            Self::Restored => "restored",
        }
    }
}

/// Since when a gate is closed for a reason, and by whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GateRecord {
    /// When it was closed, by the processor's clock.
    pub since: UnixTime,
    /// Who closed it.
    pub by: String,
    /// What there is to say about it. For the operator, not for whoever is refused.
    pub note: String,
}
fields!(GateRecord { since, by, note });

/// What is closed: scope and reason, with who closed it, and when.
pub(crate) type Gates = BTreeMap<(GateScope, GateReason), GateRecord>;

impl Record for GateRecord {
    const VERSION: u8 = 1;
}
