//! Freezes: an officer keeps a mandate from settling for good. The receipt that was given for it is broken
//! on purpose, and its payee can claim it from the bond: everybody who freezes is told so.
//!
//! One officer freezes; it takes two to thaw.

use aep2_mandate::units::UnixTime;
use alloy_primitives::B256;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{
    audit::{self, About, Actor, action},
    compliance::Compliance,
    enforcer::{Enforcer, NotEnforced},
    error::ComplianceError,
    evidence::{self, EvidenceKind, NewEvidence},
    family::Family,
    store::{self, Source},
};

/// A frozen mandate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Freeze {
    /// The mandate.
    pub mandate: B256,
    /// When.
    pub at: UnixTime,
    /// Who.
    pub by: String,
    /// The evidence with the words that say why.
    pub why: B256,
    /// What came of it.
    pub state: FreezeState,
    /// Who wants it thawed, if somebody does.
    pub thaw_proposed_by: Option<String>,
}

/// What came of a freeze.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FreezeState {
    /// It was decided, and is being carried out.
    Decided,
    /// The mandate is frozen.
    Frozen,
    /// The mandate was being settled already, or had ended.
    TooLate,
    /// Two officers thawed it.
    Thawed,
}

impl Compliance {
    /// All freezes, in the order of the mandates' ids.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn freezes(&self) -> Result<Vec<Freeze>, ComplianceError> {
        store::all(&self.snapshot(), Family::Freezes, &[])
    }

    /// Freezes a mandate.
    ///
    /// # Errors
    /// When the store cannot be written, or the processor does not carry it out: then it is tried again
    /// at the next start.
    pub async fn freeze(
        &self,
        mandate: B256,
        why: &str,
        officer: String,
    ) -> Result<Freeze, ComplianceError> {
        let now = self.now();
        let new = NewEvidence {
            kind: EvidenceKind::Note,
            subject: None,
            mandate: Some(mandate),
            content: why.as_bytes(),
        };
        let kept = (now, self.inner.config.kept_s_min);
        let evidence = evidence::seal(&self.inner.vault, new, kept)?;
        let freeze = self
            .write(move |tx| {
                let before: Option<Freeze> = tx.record(Family::Freezes, mandate.as_slice())?;
                let is_frozen = |freeze: &Freeze| {
                    matches!(freeze.state, FreezeState::Frozen | FreezeState::Decided)
                };
                if let Some(freeze) = before.filter(is_frozen) {
                    return Ok(freeze);
                }
                evidence::put(tx, &evidence)?;
                let freeze = Freeze {
                    mandate,
                    at: now,
                    by: officer.clone(),
                    why: evidence.commitment,
                    state: FreezeState::Decided,
                    thaw_proposed_by: None,
                };
                store::put(tx, Family::Freezes, mandate.to_vec(), &freeze)?;
                let about = (action::FROZEN, About::Mandate(mandate));
                let details = json!({ "why": freeze.why });
                audit::write(tx, now, &Actor::Officer(officer), about, details)?;
                Ok(freeze)
            })
            .await?;
        match freeze.state {
            FreezeState::Decided => self.carry_out(freeze, &**self.enforcer()?).await,
            _ => Ok(freeze),
        }
    }

    /// Proposes to thaw a mandate; or thaws it, when somebody else proposed it.
    ///
    /// # Errors
    /// When it is not frozen, the same officer proposed it, or the processor does not carry it out.
    pub async fn thaw(&self, mandate: B256, officer: String) -> Result<Freeze, ComplianceError> {
        let now = self.now();
        let frozen = move |freeze: Freeze| match freeze.state {
            FreezeState::Frozen => Ok(freeze),
            _ => Err(ComplianceError::NotFrozen(mandate)),
        };
        let found: Option<Freeze> = self.view().record(Family::Freezes, mandate.as_slice())?;
        let found = frozen(found.ok_or(ComplianceError::NotFrozen(mandate))?)?;
        match found.thaw_proposed_by {
            Some(by) if by == officer => return Err(ComplianceError::SameOfficer(officer)),
            // Before the note: a mandate that is noted as thawed and is not would stay frozen unseen.
            Some(_) => self.enforcer()?.thaw(mandate).await.map_err(not_enforced)?,
            None => {}
        }
        self.write(move |tx| {
            let found: Option<Freeze> = tx.record(Family::Freezes, mandate.as_slice())?;
            let mut freeze = frozen(found.ok_or(ComplianceError::NotFrozen(mandate))?)?;
            let action = match &freeze.thaw_proposed_by {
                None => {
                    freeze.thaw_proposed_by = Some(officer.clone());
                    action::THAW_PROPOSED
                }
                Some(by) if *by == officer => return Err(ComplianceError::SameOfficer(officer)),
                Some(_) => {
                    freeze.state = FreezeState::Thawed;
                    action::THAWED
                }
            };
            let about = (action, About::Mandate(mandate));
            audit::write(tx, now, &Actor::Officer(officer), about, json!({}))?;
            store::put(tx, Family::Freezes, mandate.to_vec(), &freeze)?;
            Ok(freeze)
        })
        .await
    }

    /// Carries out what was decided and, the process having ended, was not carried out.
    pub(crate) async fn freeze_undone(
        &self,
        enforcer: &dyn Enforcer,
    ) -> Result<(), ComplianceError> {
        let is_undone = |freeze: &Freeze| freeze.state == FreezeState::Decided;
        for freeze in self.freezes()?.into_iter().filter(is_undone) {
            self.carry_out(freeze, enforcer).await?;
        }
        Ok(())
    }

    async fn carry_out(
        &self,
        freeze: Freeze,
        enforcer: &dyn Enforcer,
    ) -> Result<Freeze, ComplianceError> {
        let done = enforcer.freeze(freeze.mandate, &freeze.by).await.map_err(not_enforced)?;
        let state = if done { FreezeState::Frozen } else { FreezeState::TooLate };
        let (mandate, now) = (freeze.mandate, self.now());
        self.write(move |tx| {
            let found: Option<Freeze> = tx.record(Family::Freezes, mandate.as_slice())?;
            let found = found.ok_or(ComplianceError::NotFrozen(mandate))?;
            // Somebody else carried it out meanwhile.
            if found.state != FreezeState::Decided {
                return Ok(found);
            }
            let freeze = Freeze { state, ..found };
            store::put(tx, Family::Freezes, mandate.to_vec(), &freeze)?;
            let about = (action::FREEZE_ENDED, About::Mandate(mandate));
            audit::write(tx, now, &Actor::Processor, about, json!({ "state": state }))?;
            Ok(freeze)
        })
        .await
    }

    fn enforcer(&self) -> Result<&std::sync::Arc<dyn Enforcer>, ComplianceError> {
        self.inner.enforcer.get().ok_or_else(|| {
            ComplianceError::Internal("the processor does not run yet: try again".to_owned())
        })
    }
}

fn not_enforced(NotEnforced(why): NotEnforced) -> ComplianceError {
    ComplianceError::Internal(why)
}
