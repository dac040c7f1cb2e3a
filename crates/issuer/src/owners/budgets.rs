//! Budgets that cards share.

use aep2_audit_log::Name;
use serde_json::json;

use crate::{
    audit::{self, Actor},
    error::{Code, IssuerError, Refusal},
    ids::{BudgetId, OwnerId},
    issuer::Issuer,
    keys,
    records::{BudgetRecord, Limit},
    store::{self, Source, put},
};

const BUDGET: Name = Name::constant("budget");
const CREATED: Name = Name::constant("budget.created");
const CHANGED: Name = Name::constant("budget.changed");

/// The deepest tree of budgets: each payment counts in all of them.
const DEPTH_MAX: usize = 8;

/// A budget that an owner wants.
#[derive(Clone, Debug)]
pub struct NewBudget {
    /// What people call it.
    pub name: String,
    /// The budget above it. It stays: moved, what was counted would be missing there.
    pub parent: Option<BudgetId>,
    /// Its limits.
    pub limits: Vec<Limit>,
}

impl Issuer {
    /// Makes a budget.
    ///
    /// # Errors
    /// [`Code::NotFound`] when there is none above it; [`Code::Conflict`] when the tree is too deep; when
    /// the store fails.
    pub async fn create_budget(
        &self,
        owner: OwnerId,
        actor: Actor,
        new: NewBudget,
    ) -> Result<BudgetRecord, IssuerError> {
        let NewBudget { name, parent, limits } = new;
        let (id, created) = (BudgetId::random(), self.now());
        let record = BudgetRecord { id, owner, name, parent, limits, created };
        self.write(move |tx| {
            let mut depth = 1;
            let mut above = record.parent;
            while let Some(id) = above {
                above = budget(tx, owner, id)?.parent;
                depth += 1;
            }
            if depth > DEPTH_MAX {
                let message = format!("budgets are at most {DEPTH_MAX} levels deep");
                return Err(Refusal::new(Code::Conflict, message).into());
            }
            put(tx, keys::budget(owner, id), &record)?;
            let details =
                json!({ "name": record.name, "parent": record.parent, "limits": record.limits });
            audit::note(tx, created, &actor, CREATED, (BUDGET, &*id.to_string()), details)?;
            Ok(record)
        })
        .await
    }

    /// Gives a budget other limits. What is counted stays counted.
    ///
    /// # Errors
    /// [`Code::NotFound`]; when the store fails.
    pub async fn change_budget(
        &self,
        owner: OwnerId,
        actor: Actor,
        id: BudgetId,
        limits: Vec<Limit>,
    ) -> Result<BudgetRecord, IssuerError> {
        let now = self.now();
        self.write(move |tx| {
            let mut record = budget(tx, owner, id)?;
            record.limits = limits;
            put(tx, keys::budget(owner, id), &record)?;
            let details = json!({ "limits": record.limits });
            audit::note(tx, now, &actor, CHANGED, (BUDGET, &*id.to_string()), details)?;
            Ok(record)
        })
        .await
    }

    /// An owner's budgets.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn budgets(&self, owner: OwnerId) -> Result<Vec<BudgetRecord>, IssuerError> {
        store::all(&self.snapshot(), owner.bytes())
    }
}

fn budget(tx: &store::Tx<'_>, owner: OwnerId, id: BudgetId) -> Result<BudgetRecord, IssuerError> {
    let found = tx.record(&keys::budget(owner, id))?;
    Ok(found.ok_or_else(|| Refusal::new(Code::NotFound, format!("you have no budget {id}")))?)
}
