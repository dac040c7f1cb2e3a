//! The audit log: what was asked, answered and decided, by whom and on what evidence.
//!
//! A line is in the same commit as what it tells of. Nothing personal is in it: addresses, hashes of
//! keys, hashes of evidence, reasons by their names.

use aep2_audit_log::{AuditLog, Details, Entry, Id, Name, Reference};
use aep2_mandate::units::UnixTime;
use serde_json::Value;

use crate::{error::ComplianceError, family::Family, store::Tx, subject::Subject};

/// The log, in its column families.
pub(crate) const LOG: AuditLog<Family> = AuditLog::new(Family::Audit, Family::AuditHead);

/// Who did something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actor {
    /// An officer, by name.
    Officer(String),
    /// Somebody who handed something in.
    Anybody,
    /// The processor itself.
    Processor,
}

impl Actor {
    fn reference(&self) -> Result<Reference, ComplianceError> {
        let (kind, id) = match self {
            Self::Officer(name) => (const { Name::constant("officer") }, name.as_str()),
            Self::Anybody => (const { Name::constant("anybody") }, "public"),
            Self::Processor => (const { Name::constant("processor") }, "screening"),
        };
        Ok(Reference { kind, id: Id::new(id)? })
    }
}

/// What was done, by its name in the log.
pub(crate) mod action {
    use super::Name;

    pub(crate) const SCREENED: Name = Name::constant("subject.screened");
    pub(crate) const CASE_OPENED: Name = Name::constant("case.opened");
    pub(crate) const CASE_NOTED: Name = Name::constant("case.noted");
    pub(crate) const CASE_PROPOSED: Name = Name::constant("case.proposed");
    pub(crate) const CASE_REJECTED: Name = Name::constant("case.rejected");
    pub(crate) const CASE_DECIDED: Name = Name::constant("case.decided");
    pub(crate) const FROZEN: Name = Name::constant("mandate.frozen");
    pub(crate) const THAW_PROPOSED: Name = Name::constant("mandate.thaw_proposed");
    pub(crate) const THAWED: Name = Name::constant("mandate.thawed");
    pub(crate) const HELD: Name = Name::constant("mandate.held");
    pub(crate) const RELEASED: Name = Name::constant("mandate.released");
    pub(crate) const FREEZE_ENDED: Name = Name::constant("mandate.freeze_carried_out");
    pub(crate) const BLOCKED: Name = Name::constant("payment.blocked");
    pub(crate) const PRESENTED: Name = Name::constant("evidence.presented");
    pub(crate) const DESTROYED: Name = Name::constant("evidence.destroyed");
    pub(crate) const LEGAL_HOLD: Name = Name::constant("evidence.legal_hold");
    pub(crate) const LIST_CHANGED: Name = Name::constant("list.changed");
}

/// About whom or what something was done.
pub(crate) enum About<'a> {
    Subject(&'a Subject),
    Case(u64),
    Mandate(alloy_primitives::B256),
    Evidence(alloy_primitives::B256),
    List(&'a str),
}

impl About<'_> {
    fn reference(&self) -> Result<Reference, ComplianceError> {
        let (kind, id) = match self {
            Self::Subject(subject) => (const { Name::constant("subject") }, subject.to_string()),
            Self::Case(number) => (const { Name::constant("case") }, number.to_string()),
            Self::Mandate(mandate) => (const { Name::constant("mandate") }, mandate.to_string()),
            Self::Evidence(hash) => (const { Name::constant("evidence") }, hash.to_string()),
            Self::List(name) => (const { Name::constant("list") }, (*name).to_owned()),
        };
        Ok(Reference { kind, id: Id::new(id)? })
    }
}

/// Writes a line.
pub(crate) fn write(
    tx: &mut Tx<'_>,
    at: UnixTime,
    actor: &Actor,
    (action, about): (Name, About<'_>),
    details: Value,
) -> Result<(), ComplianceError> {
    let (actor, subject) = (actor.reference()?, about.reference()?);
    let entry = Entry { at, actor, action, subject, details: Details::new(details)? };
    LOG.append(tx, &entry)?;
    Ok(())
}
