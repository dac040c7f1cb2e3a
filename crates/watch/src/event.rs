//! What a watcher has to tell: for people as lines, for programs as JSON.

use std::fmt;

use aep2_chain::wallet::units::BaseUnits;
use aep2_mandate::units::{Amount, UnixTime};
use alloy::primitives::{Address, B256, U256};
use serde::{Serialize, Serializer};

use crate::{intake::Refused, step::Reason};

/// Something that its operator may want to know. Each is told once, but for what goes on.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Event {
    /// A line in a folder is not watched.
    LineRefused {
        /// The file.
        file: String,
        /// Where the line begins, in bytes.
        at: u64,
        /// Why.
        reason: Refused,
    },
    /// A receipt was settled, but after `settleBy`.
    SettledLate {
        /// Which.
        receipt: B256,
        /// Its mandate.
        mandate_id: B256,
    },
    /// A promise was not kept.
    Lapsed {
        /// Which.
        receipt: B256,
        /// Its mandate.
        mandate_id: B256,
        /// What is due, base units.
        due: Amount,
        /// How.
        why: Lapse,
    },
    /// It is not demanded, though it lapsed.
    NotDemanded {
        /// Which.
        receipt: B256,
        /// Its mandate.
        mandate_id: B256,
        /// Why not.
        why: NotDemanded,
    },
    /// A transaction was sent, or would be.
    Sent {
        /// What it does.
        action: Action,
        /// The receipts that it is about.
        receipts: Vec<B256>,
        /// The transaction; none where nothing is sent, since it is only tried out.
        transaction: Option<B256>,
        /// The deposit that goes along, in wei.
        #[serde(serialize_with = "decimal")]
        deposit_wei: U256,
        /// The most that it costs in gas by what is offered at first, in wei. More is offered where it is not
        /// mined, within the limit on ether.
        #[serde(serialize_with = "decimal")]
        gas_wei: U256,
    },
    /// A transaction was mined and did nothing: somebody was faster with one of its receipts. What is due still is
    /// sent again.
    Failed {
        /// The receipts that it was about.
        receipts: Vec<B256>,
        /// The transaction.
        transaction: B256,
    },
    /// A demanded receipt was shown to have been paid.
    Answered {
        /// Which.
        receipt: B256,
        /// Its mandate.
        mandate_id: B256,
        /// What was shown, base units.
        shown: BaseUnits,
        /// Whether the deposit is the processor's now, since all had been paid before.
        deposit_lost: bool,
    },
    /// Bonds paid.
    Claimed {
        /// Which.
        receipt: B256,
        /// Its mandate.
        mandate_id: B256,
        /// What bonds paid, base units.
        claimed: BaseUnits,
        /// What was settled, base units.
        shown: BaseUnits,
    },
    /// The bonds have not enough for what can be claimed. The rest is claimed when they grow.
    Unbacked {
        /// Which.
        receipt: B256,
        /// Its mandate.
        mandate_id: B256,
        /// What is owed still, base units.
        owed: BaseUnits,
    },
    /// It can be demanded no more.
    TooLate {
        /// Which.
        receipt: B256,
        /// Its mandate.
        mandate_id: B256,
        /// What is due, base units.
        due: Amount,
    },
    /// What a processor says is not what the chain has.
    Contradicted {
        /// Which.
        receipt: B256,
        /// Its mandate.
        mandate_id: B256,
        /// What does not fit.
        reason: String,
    },
    /// Open receipts come to more than the bonds that stand behind them.
    BondShort {
        /// Whose.
        processor: Address,
        /// The token.
        token: Address,
        /// What open receipts come to, base units.
        owed: BaseUnits,
        /// What is in the payee's own bond, base units.
        own: BaseUnits,
        /// What is in the one that all payees share, base units.
        shared: BaseUnits,
        /// What of both is due to leave before all could be claimed, base units.
        leaving: BaseUnits,
    },
    /// They come to no more than that again.
    BondEnough {
        /// Whose.
        processor: Address,
        /// The token.
        token: Address,
    },
    /// A processor does not answer, or is another one.
    ProcessorAway {
        /// What it is called.
        processor: String,
        /// Why.
        reason: String,
    },
    /// It answers again.
    ProcessorBack {
        /// What it is called.
        processor: String,
    },
    /// Nothing can be sent.
    CannotSend {
        /// Why.
        reason: String,
    },
    /// The newest block is old: the node has stopped, and the demand period goes on.
    NodeBehind {
        /// The time of that block.
        chain_time: UnixTime,
    },
    /// It has new blocks again.
    NodeBack,
}

/// What a transaction does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Action {
    /// Demands.
    Demand,
    /// Shows what the payee took.
    Lower,
    /// Claims, and fetches deposits.
    Claim,
    /// Fetches ether that came back.
    CollectEther,
    /// Fetches what a token had refused to pay.
    CollectTokens,
}

/// How a promise was not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "code", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Lapse {
    /// The mandate was not settled.
    NotSettled,
    /// It was settled for less than is due.
    Short {
        /// For so much.
        settled: Amount,
    },
    /// Its nonce is spent, and nobody shows that the payee was paid.
    NotShown,
}

/// In decimal digits, as all amounts are written.
fn decimal<S: Serializer>(wei: &U256, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(wei)
}

impl From<Reason> for Lapse {
    fn from(reason: Reason) -> Self {
        match reason {
            Reason::NotSettled => Self::NotSettled,
            Reason::Short { settled } => Self::Short { settled },
            Reason::NotShown => Self::NotShown,
        }
    }
}

/// Why something is not demanded that lapsed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "code", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum NotDemanded {
    /// Gas would cost more than it brings.
    NotWorth {
        /// What it would bring, base units.
        brings: BaseUnits,
        /// What gas costs, in base units of the token.
        costs: BaseUnits,
    },
    /// No bond would pay.
    NoBond,
    /// The limit on ether is reached.
    Limit {
        /// What of it is left, in wei.
        #[serde(serialize_with = "decimal")]
        left_wei: U256,
    },
    /// The key does not have what a demand costs.
    Balance {
        /// What it has, in wei.
        #[serde(serialize_with = "decimal")]
        balance_wei: U256,
    },
    /// The chain refuses it.
    Refused {
        /// Why.
        reason: String,
    },
}

impl fmt::Display for Lapse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotSettled => f.write_str("it was not settled"),
            Self::Short { settled } => write!(f, "it was settled for {settled} only"),
            Self::NotShown => f.write_str("its nonce is spent, and nobody shows what was paid"),
        }
    }
}

impl fmt::Display for NotDemanded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotWorth { brings, costs } => {
                write!(f, "it brings {brings} base units, and gas costs {costs}")
            }
            Self::NoBond => f.write_str("no bond would pay it"),
            Self::Limit { left_wei } => {
                write!(f, "the limit on ether is reached: {left_wei} wei are left today")
            }
            Self::Balance { balance_wei } => {
                write!(f, "the key has {balance_wei} wei, which does not pay for it")
            }
            Self::Refused { reason } => write!(f, "the chain refuses it: {reason}"),
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Demand => "demand",
            Self::Lower => "show what was taken of",
            Self::Claim => "claim",
            Self::CollectEther => "fetch deposits that came back",
            Self::CollectTokens => "fetch tokens that could not be sent before",
        })
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LineRefused { file, at, reason } => {
                write!(f, "not watched: {file}, byte {at}: {reason}")
            }
            Self::SettledLate { mandate_id, .. } => {
                write!(f, "mandate {mandate_id} was settled, but late")
            }
            Self::Lapsed { mandate_id, due, why, .. } => {
                write!(f, "LAPSED: mandate {mandate_id}, of which {due} base units are due: {why}")
            }
            Self::NotDemanded { mandate_id, why, .. } => {
                write!(f, "not demanded: mandate {mandate_id}: {why}")
            }
            Self::Sent { action, receipts, transaction, deposit_wei, gas_wei } => {
                write_sent(f, *action, receipts.len(), *transaction)?;
                write!(f, ": {deposit_wei} wei deposit, at most {gas_wei} wei gas")
            }
            Self::Failed { receipts, transaction } => write!(
                f,
                "transaction {transaction} with {} receipts was mined and did nothing: somebody was faster",
                receipts.len()
            ),
            Self::Answered { mandate_id, shown, deposit_lost, .. } => {
                let lost = if *deposit_lost { "; the deposit is lost" } else { "" };
                write!(f, "mandate {mandate_id} was shown to have paid {shown} base units{lost}")
            }
            Self::Claimed { mandate_id, claimed, shown, .. } => write!(
                f,
                "PAID: mandate {mandate_id}: {claimed} base units from bonds, {shown} by settlement"
            ),
            Self::Unbacked { mandate_id, owed, .. } => write!(
                f,
                "mandate {mandate_id}: {owed} base units are owed still, and no bond has them now"
            ),
            Self::TooLate { mandate_id, due, .. } => write!(
                f,
                "TOO LATE: mandate {mandate_id}, of which {due} base units are due, can be demanded no \
                 more, and nobody showed that it was paid"
            ),
            Self::Contradicted { mandate_id, reason, .. } => {
                write!(f, "what the processor says of mandate {mandate_id} does not hold: {reason}")
            }
            Self::BondShort { processor, token, owed, own, shared, leaving } => write!(
                f,
                "BOND: {processor} owes {owed} base units of {token}, and {own} of your own bond and \
                 {shared} of the shared one stand behind that, of which {leaving} are due to leave"
            ),
            Self::BondEnough { processor, token } => {
                write!(f, "what {processor} owes of {token} is covered by bonds again")
            }
            Self::ProcessorAway { processor, reason } => {
                write!(f, "{processor} is not asked: {reason}")
            }
            Self::ProcessorBack { processor } => write!(f, "{processor} answers again"),
            Self::CannotSend { reason } => write!(f, "CANNOT SEND: {reason}"),
            Self::NodeBehind { chain_time } => write!(
                f,
                "NODE: its newest block is of {chain_time}: it has stopped, and the demand period goes on"
            ),
            Self::NodeBack => f.write_str("the node has new blocks again"),
        }
    }
}

/// What a transaction does, or would do.
fn write_sent(
    f: &mut fmt::Formatter<'_>,
    action: Action,
    receipts: usize,
    transaction: Option<B256>,
) -> fmt::Result {
    if transaction.is_none() {
        f.write_str("would ")?;
    }
    match receipts {
        0 => write!(f, "{action}")?,
        1 => write!(f, "{action} 1 receipt")?,
        count => write!(f, "{action} {count} receipts")?,
    }
    transaction.map_or(Ok(()), |hash| write!(f, ", in transaction {hash}"))
}
