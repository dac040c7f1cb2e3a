//! Cases: disputes that were checked and taken.
//!
//! ```text
//! open ──(a rule, a judge, the default)──► decided ──► delivered | refused | too late
//!   │                                         ▲
//!   ├─► proposed ──(another judge confirms)───┘
//!   │        └──(rejected)──► open
//!   └─► ended: without a decision of ours
//! ```
//!
//! What the parties said is not here: it is in the case's [file](crate::case_file::CaseFile), sealed.

use aep2_mandate::{
    typed_data::{
        dispute::{Evidence, Reason},
        ruling::SignedRuling,
    },
    units::{AccountId, Amount, ChainId, UnixTime},
};
use aep2_processor_client::dispute_view::OpenedBy;
use aep2_x402::purchase::Venue;
use alloy_primitives::{Address, B256};
use serde::{Deserialize, Serialize};

/// A case.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// Its number here, from 1 up.
    pub number: u64,
    /// Rises with every step.
    pub version: u64,
    /// The chain.
    pub chain_id: ChainId,
    /// The wallet contract.
    pub wallet: Address,
    /// The processor.
    pub processor: Address,
    /// The dispute's number there.
    pub number_there: u64,
    /// The mandate's id.
    pub mandate_id: B256,
    /// The mandate's `ref`: the hash of what was bought. Two mandates of one order have one.
    pub reference: B256,
    /// The account that pays.
    pub account: AccountId,
    /// Who is paid.
    pub payee: Address,
    /// The token.
    pub token: Address,
    /// What settles without a ruling, in base units: the mandate's amount, or what was captured.
    pub due: Amount,
    /// The most that the payee still asks for, in base units: what is due, or what its answer concedes.
    /// Nothing above it is ruled.
    pub owed: Amount,
    /// What the payer objects to.
    pub reason: Reason,
    /// Whose signature the dispute has.
    pub by: OpenedBy,
    /// What is known of whether that is the payer.
    pub payer: PayerCheck,
    /// When the processor took the dispute, as it says.
    pub opened_at: UnixTime,
    /// When it was first seen here.
    pub seen_at: UnixTime,
    /// When the payee's silence counts.
    pub answer_by: UnixTime,
    /// Before this the processor takes a ruling, as it says.
    pub decide_by: UnixTime,
    /// The dispute's struct hash.
    pub dispute: B256,
    /// The answer's struct hash, if there is an answer.
    pub answer: Option<B256>,
    /// The evidence that the parties signed for.
    pub evidence: Vec<PieceRecord>,
    /// Where it stands.
    pub state: CaseState,
}

/// What is known of whether the payer opened a dispute.
///
/// A mandate's id does not cover the key that signed it. So a processor can sign a real mandate anew with a
/// key of its own, and open a dispute with that key: every signature holds. Only the chain says which key,
/// and which owner, an account has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PayerCheck {
    /// The account has this key, or this owner, on chain.
    Confirmed,
    /// The settings take the processor's word for it.
    Trusted,
    /// Only the processor says so: there is no node to ask, or it did not answer yet.
    Unconfirmed,
}

impl PayerCheck {
    /// Whether rules may take money from a payee on it.
    pub fn is_known(self) -> bool {
        self != Self::Unconfirmed
    }
}

/// A piece of evidence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PieceRecord {
    /// Whose.
    pub by: Party,
    /// What was signed for.
    pub piece: Evidence,
    /// Whether its bytes are here.
    pub is_kept: bool,
}

/// A party to a dispute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Party {
    /// Who pays.
    Payer,
    /// Who is paid.
    Payee,
}

impl Party {
    /// What people call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Payer => "payer",
            Self::Payee => "payee",
        }
    }
}

/// Where a case stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case", deny_unknown_fields)]
pub enum CaseState {
    /// Nobody decided.
    Open,
    /// A judge decided what takes two.
    Proposed {
        /// What, and who.
        proposal: Proposal,
    },
    /// It is decided, and the ruling is signed.
    Decided {
        /// What.
        decision: Decision,
        /// The ruling.
        ruling: Box<SignedRuling>,
        /// Whether the processor has it.
        delivery: Delivery,
    },
    /// It ended without a decision of ours.
    Ended {
        /// Why.
        why: Ending,
        /// When.
        at: UnixTime,
    },
}

/// What a judge proposed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proposal {
    /// What the payee gets, in base units.
    pub captured: Amount,
    /// Who proposed it.
    pub by: String,
    /// When.
    pub at: UnixTime,
    /// The answer that it was decided on, if there was one. With another one it has to be proposed anew.
    pub answer: Option<B256>,
}

/// What was decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decision {
    /// What the payee gets, in base units.
    pub captured: Amount,
    /// Who decided.
    pub by: DecidedBy,
    /// When.
    pub at: UnixTime,
}

/// Who decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum DecidedBy {
    /// A rule, from signed things alone.
    Rule {
        /// Its name.
        rule: String,
    },
    /// A judge, and another one where it took two.
    Judge {
        /// Who decided.
        name: String,
        /// Who confirmed it.
        confirmed_by: Option<String>,
    },
    /// Nobody: it was the last moment.
    Default,
}

impl DecidedBy {
    /// What metrics call it.
    pub(crate) fn label(&self) -> String {
        match self {
            Self::Rule { rule } => rule.clone(),
            Self::Judge { .. } => "judge".to_owned(),
            Self::Default => "default".to_owned(),
        }
    }
}

/// Whether the processor has a ruling.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case", deny_unknown_fields)]
pub enum Delivery {
    /// It is to be sent, or sent again.
    Waiting {
        /// How often it was tried.
        tries: u32,
        /// Not before.
        next_at: UnixTime,
    },
    /// The processor has it.
    Delivered {
        /// When it said so.
        at: UnixTime,
    },
    /// The processor does not take it.
    Refused {
        /// Its code.
        code: String,
        /// Its message.
        message: String,
        /// When.
        at: UnixTime,
    },
    /// The processor was not reached in time.
    TooLate {
        /// When that was found.
        at: UnixTime,
    },
}

/// Why a case ended without a decision of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// The processor shows it closed: the mandate ended.
    Closed,
    /// The processor shows a ruling of this arbiter's that was not made here: by hand, say.
    RuledElsewhere,
    /// The chain says that somebody else is the payer, or settles for it.
    NotThePayer,
    /// Its time was over before anything could be decided.
    TooLate,
}

impl Case {
    /// Where the payment counts.
    pub fn venue(&self) -> Venue {
        Venue { chain: self.chain_id, wallet: self.wallet, processor: self.processor }
    }

    /// Whether a decision is waited for.
    pub fn is_open(&self) -> bool {
        matches!(self.state, CaseState::Open | CaseState::Proposed { .. })
    }

    /// Whether nothing is to be done with it any more.
    pub fn is_at_its_end(&self) -> bool {
        match &self.state {
            CaseState::Open | CaseState::Proposed { .. } => false,
            CaseState::Decided { delivery, .. } => !matches!(delivery, Delivery::Waiting { .. }),
            CaseState::Ended { .. } => true,
        }
    }
}
