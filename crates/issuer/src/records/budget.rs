//! Budgets that cards share: a tree, say of a company, its teams, and their agents.

use aep2_cards::restrictions::Budget;
use aep2_mandate::units::UnixTime;
use serde::{Deserialize, Serialize};

use crate::ids::{BudgetId, OwnerId};

/// A limit on what payments of a period may come to. The same as in a card.
pub type Limit = Budget;

/// A budget. What is issued under it counts in it and in all above it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BudgetRecord {
    /// Its id.
    pub id: BudgetId,
    /// Whose it is.
    pub owner: OwnerId,
    /// What people call it.
    pub name: String,
    /// The budget above it.
    pub parent: Option<BudgetId>,
    /// Its limits. A payment that none of them is about is refused; without any it only counts.
    pub limits: Vec<Limit>,
    /// When it was made.
    pub created: UnixTime,
}
