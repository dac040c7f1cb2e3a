//! The audit log: which disputes came, what was decided on what, by whom, and what became of it.
//!
//! A line is in the same commit as what it tells of. Nothing personal is in it: ids, hashes, amounts, names
//! of rules and judges.

use aep2_audit_log::{AuditLog, Details, Entry, Id, Name, Reference};
use aep2_mandate::units::UnixTime;
use alloy_primitives::{Address, B256};
use serde_json::Value;

use crate::{error::ArbiterError, family::Family, store::Tx};

/// The log, in its column families.
pub(crate) const LOG: AuditLog<Family> = AuditLog::new(Family::Audit, Family::AuditHead);

/// Who did something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Actor {
    /// A judge, by name.
    Judge(String),
    /// A rule, by name.
    Rule(&'static str),
    /// A processor, by what it shows.
    Processor(Address),
    /// The arbiter itself.
    Arbiter,
}

/// What was done, by its name in the log.
pub(crate) mod action {
    use super::Name;

    pub(crate) const REFUSED: Name = Name::constant("dispute.refused");
    pub(crate) const PASSED: Name = Name::constant("dispute.passed");
    pub(crate) const CONTRADICTED: Name = Name::constant("dispute.contradicted");
    pub(crate) const OPENED: Name = Name::constant("case.opened");
    pub(crate) const CHANGED: Name = Name::constant("case.changed");
    pub(crate) const PROPOSED: Name = Name::constant("case.proposed");
    pub(crate) const REJECTED: Name = Name::constant("case.rejected");
    pub(crate) const DECIDED: Name = Name::constant("case.decided");
    pub(crate) const ENDED: Name = Name::constant("case.ended");
    pub(crate) const DESTROYED: Name = Name::constant("case.destroyed");
    pub(crate) const EVIDENCE_KEPT: Name = Name::constant("evidence.kept");
    pub(crate) const EVIDENCE_GONE: Name = Name::constant("evidence.gave_way");
    pub(crate) const EVIDENCE_READ: Name = Name::constant("evidence.read");
    pub(crate) const DELIVERED: Name = Name::constant("ruling.delivered");
    pub(crate) const NOT_TAKEN: Name = Name::constant("ruling.refused");
    pub(crate) const NOT_DELIVERED: Name = Name::constant("ruling.not_delivered");
}

/// About what something was done.
pub(crate) enum About {
    Case(u64),
    Mandate(B256),
    /// A dispute of which not even the mandate could be read, by its number there.
    Dispute(u64),
}

impl Actor {
    fn reference(&self) -> Result<Reference, ArbiterError> {
        let (kind, id) = match self {
            Self::Judge(name) => (const { Name::constant("judge") }, name.clone()),
            Self::Rule(name) => (const { Name::constant("rule") }, (*name).to_owned()),
            Self::Processor(address) => {
                (const { Name::constant("processor") }, address.to_string())
            }
            Self::Arbiter => (const { Name::constant("arbiter") }, "itself".to_owned()),
        };
        Ok(Reference { kind, id: Id::new(id)? })
    }
}

impl About {
    fn reference(&self) -> Result<Reference, ArbiterError> {
        let (kind, id) = match self {
            Self::Case(number) => (const { Name::constant("case") }, number.to_string()),
            Self::Mandate(mandate) => (const { Name::constant("mandate") }, mandate.to_string()),
            Self::Dispute(number) => (const { Name::constant("dispute") }, number.to_string()),
        };
        Ok(Reference { kind, id: Id::new(id)? })
    }
}

/// Writes a line.
pub(crate) fn write(
    tx: &mut Tx<'_>,
    at: UnixTime,
    actor: &Actor,
    (action, about): (Name, About),
    details: Value,
) -> Result<(), ArbiterError> {
    let (actor, subject) = (actor.reference()?, about.reference()?);
    let entry = Entry { at, actor, action, subject, details: Details::new(details)? };
    LOG.append(tx, &entry)?;
    Ok(())
}
