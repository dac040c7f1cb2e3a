//! Cases: somebody has to decide about a subject.
//!
//! ```text
//! open ──► decided
//!   │         ▲
//!   └► proposed ──(another officer confirms)
//!         │
//!         └──(rejected)──► open
//! ```
//!
//! A case opens when the rules say that an officer has to look, or when an officer opens one. To serve
//! somebody against whom something stands whatever others say takes two officers; anything else takes
//! one. Each step names the version of the case that it was decided on, so that nobody decides on what
//! they did not see.

use aep2_mandate::units::UnixTime;
use alloy_primitives::B256;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{
    audit::{self, About, Actor, action},
    compliance::Compliance,
    error::ComplianceError,
    evidence::{self, EvidenceKind, NewEvidence, SealedEvidence},
    family::Family,
    rules::later,
    standing::{Objection, OfficerDecision, Standing},
    store::{self, Source, Tx, subject_key},
    subject::Subject,
    verdict::Reason,
};

/// What a step led to: of a decision, what is known of the subject now.
struct Step {
    case: Case,
    standing: Option<Standing>,
}

/// How long a decision counts at most, in seconds.
const DECISION_S_MAX: u64 = 2 * 366 * 86_400;
/// The key of the next case's number.
const NEXT: &[u8] = b"case";

/// A case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// Its number, from 1 up.
    pub number: u64,
    /// Rises with every step.
    pub version: u64,
    /// Who it is about.
    pub subject: Subject,
    /// Why it was opened.
    pub reason: Reason,
    /// When.
    pub opened_at: UnixTime,
    /// The officer who opened it; nothing when the rules did.
    pub opened_by: Option<String>,
    /// Where it stands.
    pub state: CaseState,
    /// What officers wrote, in order. The texts are in the evidence of these hashes.
    pub notes: Vec<Note>,
}

/// Where a case stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum CaseState {
    /// Somebody has to decide.
    Open,
    /// Somebody decided what takes two.
    Proposed {
        /// What.
        proposal: Proposal,
    },
    /// It is decided.
    Decided {
        /// What.
        proposal: Proposal,
        /// Who confirmed it, where it took two.
        confirmed_by: Option<String>,
        /// When.
        at: UnixTime,
    },
}

/// What an officer decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proposal {
    /// Whether the subject is served.
    pub serve: bool,
    /// Until when that counts.
    pub until: UnixTime,
    /// Who decided.
    pub by: String,
    /// When.
    pub at: UnixTime,
    /// The evidence with the words that say why.
    pub why: B256,
    /// What was known to stand against the subject. A decision to serve it counts against this and nothing
    /// else, whoever confirms it.
    pub against: Vec<Objection>,
}

/// What an officer wrote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Note {
    /// When.
    pub at: UnixTime,
    /// Who.
    pub by: String,
    /// The evidence with the words.
    pub text: B256,
}

/// What an officer wants decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decide {
    /// The case.
    pub number: u64,
    /// The version that the officer saw.
    pub version: u64,
    /// Whether the subject is to be served.
    pub serve: bool,
    /// Until when that is to count.
    pub until: UnixTime,
    /// Why, in words.
    pub why: String,
    /// Who.
    pub officer: String,
}

/// Opens a case about a subject unless there is an open one.
pub(crate) fn open_if_none(
    tx: &mut Tx<'_>,
    standing: &Standing,
    reason: Reason,
    now: UnixTime,
) -> Result<u64, ComplianceError> {
    let subject = standing.subject;
    match tx.record(Family::OpenCases, &subject_key(&subject))? {
        Some(number) => Ok(number),
        None => Ok(open(tx, subject, reason, (None, now))?.number),
    }
}

fn open(
    tx: &mut Tx<'_>,
    subject: Subject,
    reason: Reason,
    (opened_by, now): (Option<String>, UnixTime),
) -> Result<Case, ComplianceError> {
    let number: u64 = tx.record(Family::Sequences, NEXT)?.unwrap_or(1);
    store::put(tx, Family::Sequences, NEXT.to_vec(), &(number + 1))?;
    store::put(tx, Family::OpenCases, subject_key(&subject), &number)?;
    let actor = opened_by.clone().map_or(Actor::Processor, Actor::Officer);
    let details = json!({ "subject": subject, "reason": reason });
    audit::write(tx, now, &actor, (action::CASE_OPENED, About::Case(number)), details)?;
    let (state, notes) = (CaseState::Open, Vec::new());
    let case =
        Case { number, version: 1, subject, reason, opened_at: now, opened_by, state, notes };
    put(tx, &case)?;
    Ok(case)
}

/// Notes in a subject's open case, if it has one, that what stands against it has changed: whoever looked
/// before has to look again.
pub(crate) fn note_change(tx: &mut Tx<'_>, subject: &Subject) -> Result<(), ComplianceError> {
    let Some(number) = tx.record(Family::OpenCases, &subject_key(subject))? else {
        return Ok(());
    };
    let mut case = find(tx, number)?;
    case.version += 1;
    put(tx, &case)
}

fn put(tx: &mut Tx<'_>, case: &Case) -> Result<(), ComplianceError> {
    store::put(tx, Family::Cases, case.number.to_be_bytes().to_vec(), case)
}

fn find(on: &impl Source, number: u64) -> Result<Case, ComplianceError> {
    let found = on.record(Family::Cases, &number.to_be_bytes())?;
    found.ok_or(ComplianceError::UnknownCase(number))
}

impl Case {
    /// The case as the officer saw it, to be changed.
    fn at_version(self, expected: u64) -> Result<Self, ComplianceError> {
        if matches!(self.state, CaseState::Decided { .. }) {
            return Err(ComplianceError::CaseDecided(self.number, self.subject));
        }
        if self.version != expected {
            let (number, is) = (self.number, self.version);
            return Err(ComplianceError::CaseChanged { number, is, expected });
        }
        Ok(Self { version: self.version + 1, ..self })
    }
}

impl Compliance {
    /// Cases, the newest first; only those that are not decided, if so asked.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn cases(&self, open_only: bool, limit: usize) -> Result<Vec<Case>, ComplianceError> {
        let view = self.snapshot();
        let mut found: Vec<Case> = if open_only {
            let numbers: Vec<u64> = store::all(&view, Family::OpenCases, &[])?;
            numbers.into_iter().map(|number| find(&view, number)).collect::<Result<_, _>>()?
        } else {
            store::all(&view, Family::Cases, &[])?
        };
        found.sort_by_key(|case| std::cmp::Reverse(case.number));
        found.truncate(limit);
        Ok(found)
    }

    /// A case.
    ///
    /// # Errors
    /// When there is none.
    pub fn case(&self, number: u64) -> Result<Case, ComplianceError> {
        find(&self.view(), number)
    }

    /// Opens a case about a subject, or gives the one that is open.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn open_case(
        &self,
        subject: Subject,
        officer: String,
    ) -> Result<Case, ComplianceError> {
        let now = self.now();
        self.write(move |tx| match tx.record(Family::OpenCases, &subject_key(&subject))? {
            Some(number) => find(tx, number),
            None => open(tx, subject, Reason::Other, (Some(officer), now)),
        })
        .await
    }

    /// Adds a note.
    ///
    /// # Errors
    /// When there is no such case, or it is decided.
    pub async fn note(
        &self,
        number: u64,
        text: &str,
        officer: String,
    ) -> Result<Case, ComplianceError> {
        let now = self.now();
        let evidence = self.words(self.case(number)?.subject, text, now)?;
        self.write(move |tx| {
            let case = find(tx, number)?;
            let version = case.version;
            let mut case = case.at_version(version)?;
            evidence::put(tx, &evidence)?;
            case.notes.push(Note { at: now, by: officer.clone(), text: evidence.commitment });
            let about = (action::CASE_NOTED, About::Case(number));
            let details = json!({ "text": evidence.commitment });
            audit::write(tx, now, &Actor::Officer(officer), about, details)?;
            put(tx, &case)?;
            Ok(case)
        })
        .await
    }

    /// Decides a case, proposes a decision that takes two, or confirms one that was proposed.
    ///
    /// # Errors
    /// When there is no such case, it was changed meanwhile, it is decided, or the second officer is the
    /// first.
    pub async fn decide(&self, decide: Decide) -> Result<Case, ComplianceError> {
        let now = self.now();
        if decide.until <= now {
            return Err(ComplianceError::Over(decide.until));
        }
        if decide.until > later(now, DECISION_S_MAX) {
            return Err(ComplianceError::TooLate(decide.until));
        }
        let subject = self.case(decide.number)?.subject;
        let evidence = self.words(subject, &decide.why, now)?;
        let (this, edition) = (self.clone(), self.inner.providers.edition());
        let step = self.write(move |tx| this.step(tx, decide, &evidence, now)).await?;
        if let Some(standing) = &step.standing {
            // At once, and not when it has been asked about again.
            self.count(standing, edition);
            self.inner.queue.urgent(standing.subject);
        }
        Ok(step.case)
    }

    /// Takes a proposed decision back. Anybody may, the officer who proposed it too.
    ///
    /// # Errors
    /// When there is no such case, it was changed meanwhile, or nothing is proposed in it.
    pub async fn reject(
        &self,
        (number, version): (u64, u64),
        officer: String,
    ) -> Result<Case, ComplianceError> {
        let now = self.now();
        self.write(move |tx| {
            let mut case = find(tx, number)?.at_version(version)?;
            if case.state == CaseState::Open {
                return Err(ComplianceError::NothingProposed(number));
            }
            case.state = CaseState::Open;
            let about = (action::CASE_REJECTED, About::Case(number));
            audit::write(tx, now, &Actor::Officer(officer), about, json!({}))?;
            put(tx, &case)?;
            Ok(case)
        })
        .await
    }

    fn step(
        &self,
        tx: &mut Tx<'_>,
        decide: Decide,
        evidence: &SealedEvidence,
        now: UnixTime,
    ) -> Result<Step, ComplianceError> {
        let Decide { number, version, serve, until, officer, .. } = decide;
        let mut case = find(tx, number)?.at_version(version)?;
        let standing: Option<Standing> =
            tx.record(Family::Standings, &subject_key(&case.subject))?;
        let takes_two = serve && standing.as_ref().is_some_and(Standing::takes_two);
        let why = evidence.commitment;
        let against = standing.as_ref().map(Standing::objections).unwrap_or_default();
        let own = Proposal { serve, until, by: officer.clone(), at: now, why, against };
        let (proposal, confirmed_by) = match &case.state {
            // What takes two when it is confirmed took two when it was proposed, or something was found
            // meanwhile: then nobody has seen it twice.
            CaseState::Proposed { proposal } if takes_two => {
                if proposal.by == officer {
                    return Err(ComplianceError::SameOfficer(officer));
                }
                let is_same = (proposal.serve, proposal.until) == (serve, until);
                if !is_same || proposal.against != own.against {
                    return Err(ComplianceError::OtherDecision { by: proposal.by.clone() });
                }
                (proposal.clone(), Some(officer.clone()))
            }
            _ if takes_two => {
                evidence::put(tx, evidence)?;
                case.state = CaseState::Proposed { proposal: own };
                let details = json!({ "serve": serve, "until": until.get(), "why": why });
                let about = (action::CASE_PROPOSED, About::Case(number));
                audit::write(tx, now, &Actor::Officer(officer), about, details)?;
                put(tx, &case)?;
                return Ok(Step { case, standing: None });
            }
            _ => (own, None),
        };
        evidence::put(tx, evidence)?;
        let details = json!({
            "subject": case.subject, "serve": serve, "until": until.get(), "why": why,
            "proposed_by": proposal.by,
        });
        let about = (action::CASE_DECIDED, About::Case(number));
        audit::write(tx, now, &Actor::Officer(officer), about, details)?;
        tx.delete(Family::OpenCases, subject_key(&case.subject));
        let standing = self.apply(tx, standing, (&case, &proposal, confirmed_by.clone()), now)?;
        case.state = CaseState::Decided { proposal, confirmed_by, at: now };
        put(tx, &case)?;
        Ok(Step { case, standing: Some(standing) })
    }

    /// Lets a decision count, beside the answers as they were.
    fn apply(
        &self,
        tx: &mut Tx<'_>,
        before: Option<Standing>,
        (case, proposal, confirmed_by): (&Case, &Proposal, Option<String>),
        now: UnixTime,
    ) -> Result<Standing, ComplianceError> {
        let answers = before.iter().flat_map(|standing| &standing.answers);
        let answers = answers.map(|(name, record)| (name.clone(), record.into())).collect();
        let officer = OfficerDecision {
            serve: proposal.serve,
            until: proposal.until,
            case: case.number,
            by: proposal.by.clone(),
            confirmed_by,
            against: proposal.against.clone(),
        };
        let after = self.standing_of(case.subject, &answers, Some(officer), now);
        self.put_standing(tx, before.as_ref(), &after)?;
        Ok(after)
    }

    /// An officer's words, sealed.
    fn words(
        &self,
        subject: Subject,
        text: &str,
        now: UnixTime,
    ) -> Result<SealedEvidence, ComplianceError> {
        let new = NewEvidence {
            kind: EvidenceKind::Note,
            subject: Some(subject),
            mandate: None,
            content: text.as_bytes(),
        };
        evidence::seal(&self.inner.vault, new, (now, self.inner.config.kept_s_min))
    }
}
