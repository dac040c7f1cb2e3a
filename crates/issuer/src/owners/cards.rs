//! Cards: made, changed, frozen, revoked.

use aep2_audit_log::Name;
use aep2_cards::{
    card::{Card, Holder},
    keys::HolderPublicKey,
    restrictions::Restrictions,
    revocation::RevocationId,
    token::CardToken,
};
use serde_json::json;

use crate::{
    audit::{self, Actor},
    error::{Code, IssuerError, Refusal},
    family::Family,
    ids::{BudgetId, CardId, OwnerId, WalletId},
    issue::budgets_above,
    issuer::Issuer,
    keys,
    records::{CardRecord, CardState, HolderRecord, PaymentRecord, Subscription, WalletRecord},
    store::{self, Source, Tx, put},
};

const CARD: Name = Name::constant("card");
const CREATED: Name = Name::constant("card.created");
const CHANGED: Name = Name::constant("card.changed");
const FROZEN: Name = Name::constant("card.frozen");
const UNFROZEN: Name = Name::constant("card.unfrozen");
const REVOKED: Name = Name::constant("card.revoked");
const BLOCK: Name = Name::constant("card_block");
const BLOCK_REVOKED: Name = Name::constant("card_block.revoked");

/// A card that an owner wants.
#[derive(Clone, Debug)]
pub struct NewCard {
    /// What people call it.
    pub name: String,
    /// What it spends from.
    pub wallet: WalletId,
    /// A budget that it shares.
    pub budget: Option<BudgetId>,
    /// What it may do. Without a limit on amounts of its own it needs a budget.
    pub restrictions: Restrictions,
    /// One charge a period.
    pub subscription: Option<Subscription>,
    /// Who may use it; none: whoever has it.
    pub holder: Option<HolderPublicKey>,
}

/// What is to be another on a card. What is none stays.
#[derive(Clone, Debug, Default)]
pub struct CardChange {
    /// Its name.
    pub name: Option<String>,
    /// What it may do.
    pub restrictions: Option<Restrictions>,
    /// The budget that it shares; `Some(None)` takes it out of one.
    pub budget: Option<Option<BudgetId>>,
}

impl Issuer {
    /// Makes a card.
    ///
    /// # Errors
    /// [`Code::Conflict`] when nothing limits what it could spend; [`Code::NotFound`]; when the store
    /// fails.
    pub async fn create_card(
        &self,
        owner: OwnerId,
        actor: Actor,
        new: NewCard,
    ) -> Result<(CardRecord, CardToken), IssuerError> {
        let id = CardId::random();
        let holder = new.holder.map_or(Holder::Bearer, Holder::Key);
        let internal =
            |error: aep2_cards::error::CardError| IssuerError::Internal(error.to_string());
        let name = id.to_string().parse().map_err(internal)?;
        let token = Card::mint(self.root(), &name, holder).map_err(internal)?;
        let record = CardRecord {
            id,
            owner,
            name: new.name,
            wallet: new.wallet,
            budget: new.budget,
            restrictions: new.restrictions,
            subscription: new.subscription,
            holder: new.holder.map_or(HolderRecord::Bearer, HolderRecord::Key),
            state: CardState::Active,
            created: self.now(),
        };
        let written = record.clone();
        self.write(move |tx| {
            if tx.record::<WalletRecord>(&keys::wallet(owner, written.wallet))?.is_none() {
                let message = format!("you have no wallet {}", written.wallet);
                return Err(Refusal::new(Code::NotFound, message).into());
            }
            check_capped(tx, &written)?;
            put(tx, keys::card(owner, id), &written)?;
            tx.put(Family::CardOwners, id.bytes().to_vec(), owner.bytes().to_vec());
            note(tx, &written, &actor, CREATED, written.created)
        })
        .await?;
        Ok((record, token))
    }

    /// Changes a card. What is counted stays counted.
    ///
    /// # Errors
    /// [`Code::Conflict`] when nothing would limit what it could spend, or it was revoked;
    /// [`Code::NotFound`]; when the store fails.
    pub async fn change_card(
        &self,
        owner: OwnerId,
        actor: Actor,
        id: CardId,
        change: CardChange,
    ) -> Result<CardRecord, IssuerError> {
        let now = self.now();
        self.write(move |tx| {
            let mut card = live(tx, owner, id)?;
            let CardChange { name, restrictions, budget } = change;
            card.name = name.unwrap_or(card.name);
            card.restrictions = restrictions.unwrap_or(card.restrictions);
            card.budget = budget.unwrap_or(card.budget);
            check_capped(tx, &card)?;
            put(tx, keys::card(owner, id), &card)?;
            note(tx, &card, &actor, CHANGED, now)?;
            Ok(card)
        })
        .await
    }

    /// Freezes a card, ends that, or revokes it for good. Gives the payments that were issued on it and
    /// whose outcome is not known: it does not take them back.
    ///
    /// # Errors
    /// [`Code::Conflict`] when it was revoked; [`Code::NotFound`]; when the store fails.
    pub async fn set_card_state(
        &self,
        owner: OwnerId,
        actor: Actor,
        id: CardId,
        state: CardState,
    ) -> Result<Vec<PaymentRecord>, IssuerError> {
        let now = self.now();
        self.write(move |tx| {
            let mut card = live(tx, owner, id)?;
            card.state = state;
            put(tx, keys::card(owner, id), &card)?;
            let action = match state {
                CardState::Active => UNFROZEN,
                CardState::Frozen => FROZEN,
                CardState::Revoked => REVOKED,
            };
            audit::note(tx, now, &actor, action, (CARD, &*id.to_string()), json!({}))
        })
        .await?;
        self.outstanding(|payment| payment.card == id)
    }

    /// Revokes a block of a card, and with it all cards that were made of that one: those narrowed by
    /// agents too. Nobody has to know them.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn revoke_block(
        &self,
        owner: OwnerId,
        actor: Actor,
        id: CardId,
        block: RevocationId,
    ) -> Result<(), IssuerError> {
        let now = self.now();
        self.write(move |tx| {
            card(tx, owner, id)?;
            tx.put(Family::Revoked, keys::revoked(id, block.as_bytes()), Vec::new());
            let details = json!({ "card": id });
            audit::note(tx, now, &actor, BLOCK_REVOKED, (BLOCK, &*block.to_string()), details)
        })
        .await
    }

    /// An owner's cards.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn cards(&self, owner: OwnerId) -> Result<Vec<CardRecord>, IssuerError> {
        store::all(&self.snapshot(), owner.bytes())
    }
}

/// An agent never runs uncapped: a card has a limit on amounts in all or a period, or shares a budget that
/// has one.
fn check_capped(tx: &Tx<'_>, card: &CardRecord) -> Result<(), IssuerError> {
    let above = budgets_above(tx, card.owner, card.budget)?;
    let shares = above.iter().any(|budget| !budget.limits.is_empty());
    if shares || card.restrictions.budgets.as_ref().is_some_and(|limits| !limits.is_empty()) {
        return Ok(());
    }
    let message = "the card needs a limit on what it spends: `budgets` in its restrictions, or a budget \
                   that it shares";
    Err(Refusal::new(Code::Conflict, message).into())
}

fn card(tx: &Tx<'_>, owner: OwnerId, id: CardId) -> Result<CardRecord, IssuerError> {
    let found = tx.record(&keys::card(owner, id))?;
    Ok(found.ok_or_else(|| Refusal::new(Code::NotFound, format!("you have no card {id}")))?)
}

/// A card that was not revoked.
fn live(tx: &Tx<'_>, owner: OwnerId, id: CardId) -> Result<CardRecord, IssuerError> {
    let card = card(tx, owner, id)?;
    if card.state == CardState::Revoked {
        return Err(Refusal::new(Code::Conflict, "the card was revoked; make another").into());
    }
    Ok(card)
}

fn note(
    tx: &mut Tx<'_>,
    card: &CardRecord,
    actor: &Actor,
    action: Name,
    at: aep2_mandate::units::UnixTime,
) -> Result<(), IssuerError> {
    let details = json!({
        "name": card.name, "wallet": card.wallet, "budget": card.budget,
        "restrictions": card.restrictions, "subscription": card.subscription,
        "holder": card.holder, "state": card.state,
    });
    audit::note(tx, at, actor, action, (CARD, &*card.id.to_string()), details)
}
