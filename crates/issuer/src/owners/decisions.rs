//! Decisions: an owner approves a request of a card, or refuses it.

use std::collections::BTreeSet;

use aep2_audit_log::Name;
use aep2_mandate::{typed_data::approval::SignedApproval, units::UnixTime};
use alloy_primitives::Address;
use serde_json::json;

use crate::{
    approvals,
    audit::{self, Actor},
    error::{Code, IssuerError, Refusal},
    ids::{ApprovalId, OwnerId},
    issuer::Issuer,
    keys,
    records::{
        ApprovalReason, ApprovalRecord, ApprovalState, CardRecord, HostRecord, PinnedBy,
        WalletRecord,
    },
    store::{self, Source, Tx, expect, put},
};

const APPROVAL: Name = Name::constant("approval");
const APPROVED: Name = Name::constant("approval.approved");
const REFUSED: Name = Name::constant("approval.refused");

impl Issuer {
    /// Decides about a request. Where the payee was not known, agreeing also says that it is the host's.
    ///
    /// Agreeing pays nothing: the agent asks again, and budgets are looked at then.
    ///
    /// # Errors
    /// [`Code::NotFound`]; [`Code::Conflict`] when it was decided before or its time is over; when the
    /// store fails.
    pub async fn decide(
        &self,
        owner: OwnerId,
        actor: Actor,
        id: ApprovalId,
        approved: bool,
    ) -> Result<ApprovalRecord, IssuerError> {
        let now = self.now();
        self.write(move |tx| {
            let record = approval(tx, owner, id)?;
            let decided = approvals::decide(tx, &record, approved, now)?;
            if approved && decided.reason == ApprovalReason::UnknownPayee {
                pin(tx, &decided, now)?;
            }
            let action = if approved { APPROVED } else { REFUSED };
            let details = json!({
                "card": decided.card, "host": decided.host, "payee": decided.payee,
                "token": decided.token, "amount": decided.amount,
            });
            audit::note(tx, now, &actor, action, (APPROVAL, &*id.to_string()), details)?;
            Ok(decided)
        })
        .await
    }

    /// Decides about a request by a signature of the account's owner on chain. Who brings it does not
    /// matter; `account_owner` is the one that the chain, or the processor, says.
    ///
    /// # Errors
    /// [`Code::Unauthorized`] when somebody else signed, or about another card or request; and as
    /// [`decide`](Self::decide).
    pub async fn decide_signed(
        &self,
        owner: OwnerId,
        id: ApprovalId,
        signed: &SignedApproval,
        account_owner: Address,
    ) -> Result<ApprovalRecord, IssuerError> {
        let view = self.snapshot();
        let record: Option<ApprovalRecord> = view.record(&keys::approval(owner, id))?;
        let record = record.ok_or_else(|| unknown(id))?;
        let card: CardRecord = expect(&view, &keys::card(owner, record.card), "an approval's")?;
        let wallet: WalletRecord = expect(&view, &keys::wallet(owner, card.wallet), "a card's")?;
        drop(view);
        let message = &signed.message;
        let is_about_it =
            message.card == record.card_hash.0 && message.request == record.request_hash.0;
        let latest = self.now().checked_add(self.config().skew_s).unwrap_or(UnixTime::MAX);
        let is_of_now = (record.asked..=latest).contains(&message.at);
        if !is_about_it || !is_of_now {
            let message =
                "the signature is about another card or request, or older than the request";
            return Err(Refusal::new(Code::Unauthorized, message).into());
        }
        let domain = wallet.venue().typed_data_domain();
        signed.verify(&domain, account_owner).map_err(|error| {
            Refusal::new(
                Code::Unauthorized,
                format!("the account's owner did not sign it: {error}"),
            )
        })?;
        let actor = Actor::Signature(account_owner.to_string());
        self.decide(owner, actor, id, message.approved).await
    }

    /// An owner's approvals; those that wait, or all.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn approvals(
        &self,
        owner: OwnerId,
        waiting: bool,
    ) -> Result<Vec<ApprovalRecord>, IssuerError> {
        let now = self.now();
        let mut all: Vec<ApprovalRecord> = store::all(&self.snapshot(), owner.bytes())?;
        all.retain(|one| !waiting || (one.state == ApprovalState::Waiting && one.expires > now));
        // The oldest first: one that comes takes the place of none that is there.
        all.sort_by_key(|one| (one.asked, one.id));
        Ok(all)
    }

    /// One approval.
    ///
    /// # Errors
    /// [`Code::NotFound`]; when the store cannot be read.
    pub fn approval(&self, owner: OwnerId, id: ApprovalId) -> Result<ApprovalRecord, IssuerError> {
        let found = self.snapshot().record(&keys::approval(owner, id))?;
        Ok(found.ok_or_else(|| unknown(id))?)
    }
}

fn unknown(id: ApprovalId) -> Refusal {
    Refusal::new(Code::NotFound, format!("there is no request {id} for you to decide"))
}

fn approval(tx: &Tx<'_>, owner: OwnerId, id: ApprovalId) -> Result<ApprovalRecord, IssuerError> {
    let found = tx.record(&keys::approval(owner, id))?;
    Ok(found.ok_or_else(|| unknown(id))?)
}

/// From now on the payee is the host's.
fn pin(tx: &mut Tx<'_>, approval: &ApprovalRecord, at: UnixTime) -> Result<(), IssuerError> {
    let host = approval.host.parse();
    let host = host.map_err(|error| IssuerError::Internal(format!("an approval: {error}")))?;
    let key = keys::host(approval.owner, &approval.host);
    // Only where nobody had said anything: an approval never adds to what the owner said.
    if tx.record::<HostRecord>(&key)?.is_some() {
        return Ok(());
    }
    let payees = BTreeSet::from([approval.payee]);
    let pinned_by = PinnedBy::Approval(approval.id);
    put(tx, key, &HostRecord { owner: approval.owner, host, payees, pinned_by, at })
}
