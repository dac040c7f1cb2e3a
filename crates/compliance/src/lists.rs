//! Changes of sanctions lists: told in the log; and a list that shrinks too much, which takes two officers.

use aep2_sanctions::{FileHash, Reload};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{
    audit::{self, About, Actor, action},
    compliance::Compliance,
    error::ComplianceError,
    family::Family,
    providers::{ListChange, SanctionLists},
    store::{self, Source},
};

/// That a file may shrink a list, as one officer said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShrinkProposal {
    /// The list.
    pub list: String,
    /// The SHA-256 of the file.
    pub sha256: FileHash,
    /// Who said so.
    pub by: String,
    /// Who confirmed it; nothing while nobody did.
    pub confirmed_by: Option<String>,
}

fn key(list: &str) -> Vec<u8> {
    [b"shrink:", list.as_bytes()].concat()
}

impl Compliance {
    /// Notes in the log what became of a list's file.
    pub fn note_list_change(&self, change: ListChange) {
        let ListChange { list, reload } = change;
        let now = self.now();
        let details = match &reload {
            Reload::Unchanged => return,
            Reload::Replaced { number, added, removed, accepted_by } => {
                tracing::info!(list, number, added, removed, "a sanctions list was replaced");
                json!({
                    "number": number, "added": added, "removed": removed,
                    "accepted_by": accepted_by,
                })
            }
            Reload::Refused(refusal) => {
                tracing::error!(list, %refusal, "a sanctions list is not replaced");
                json!({ "refused": refusal.code() })
            }
        };
        self.write_later(move |tx| {
            let about = (action::LIST_CHANGED, About::List(&list));
            audit::write(tx, now, &Actor::Processor, about, details)
        });
    }

    /// Says that a file may shrink a list; when a second officer says so too, the next reload takes it.
    ///
    /// # Errors
    /// When there is no such list, or the same officer said it before.
    pub async fn accept_shrink(
        &self,
        lists: &SanctionLists,
        (list, sha256): (String, FileHash),
        officer: String,
    ) -> Result<ShrinkProposal, ComplianceError> {
        let refused = |message: String| ComplianceError::Refused { code: "not_found", message };
        let in_force = lists.lists().in_force();
        if in_force.set(&list).is_none() {
            return Err(refused(format!("there is no list {list:?}")));
        }
        let now = self.now();
        let proposal = self
            .write(move |tx| {
                let before: Option<ShrinkProposal> = tx.record(Family::Sequences, &key(&list))?;
                let is_same =
                    |own: &ShrinkProposal| own.sha256 == sha256 && own.confirmed_by.is_none();
                let proposal = match before.filter(is_same) {
                    None => {
                        ShrinkProposal { list, sha256, by: officer.clone(), confirmed_by: None }
                    }
                    Some(own) if own.by == officer => {
                        return Err(ComplianceError::SameOfficer(officer));
                    }
                    Some(own) => ShrinkProposal { confirmed_by: Some(officer.clone()), ..own },
                };
                store::put(tx, Family::Sequences, key(&proposal.list), &proposal)?;
                let about = (action::LIST_CHANGED, About::List(&proposal.list));
                let details = json!({
                    "shrink_accepted": proposal.confirmed_by.is_some(), "sha256": sha256,
                });
                audit::write(tx, now, &Actor::Officer(officer), about, details)?;
                Ok(proposal)
            })
            .await?;
        if let Some(second) = &proposal.confirmed_by {
            let officers = format!("{} and {second}", proposal.by);
            let accepted = lists.lists().accept_shrink_once(&proposal.list, sha256, &officers);
            accepted.map_err(|error| refused(error.to_string()))?;
        }
        Ok(proposal)
    }
}
