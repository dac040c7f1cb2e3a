//! A card, as its issuer knows it: the limits are here, and not in what the agent holds.

use aep2_cards::{
    keys::HolderPublicKey,
    restrictions::{Period, Restrictions},
};
use aep2_mandate::units::UnixTime;
use serde::{Deserialize, Serialize};

use crate::ids::{BudgetId, CardId, OwnerId, WalletId};

/// A card.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CardRecord {
    /// Its id.
    pub id: CardId,
    /// Whose it is.
    pub owner: OwnerId,
    /// What people call it: the agent's name, say.
    pub name: String,
    /// What it spends from.
    pub wallet: WalletId,
    /// The budget that it shares with others.
    pub budget: Option<BudgetId>,
    /// What it may do.
    pub restrictions: Restrictions,
    /// One charge in each period, counted from a moment on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subscription: Option<Subscription>,
    /// Who may use it.
    pub holder: HolderRecord,
    /// Whether it may be used.
    pub state: CardState,
    /// When it was made.
    pub created: UnixTime,
}

/// One payment in each period, and none saved up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Subscription {
    /// How often.
    pub period: Period,
    /// From when on. A month after the 31st is the last day of a shorter month.
    pub anchor: UnixTime,
}

/// Who may use a card.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum HolderRecord {
    /// Whoever has this Ed25519 key: it signs every request.
    Key(HolderPublicKey),
    /// Whoever has the card.
    Bearer,
}

/// Whether a card may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CardState {
    /// It may.
    Active,
    /// Not until its owner says so.
    Frozen,
    /// Never again.
    Revoked,
}
