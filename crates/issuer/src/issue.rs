//! Issuing a payment: everything is decided, counted and signed in one write.
//!
//! The writer does one request after another, so no number of parallel requests, and no restart, gets
//! past a budget. What is answered is on disk: the reservation, the nonce, the signed mandate, the
//! request's key and the line of the audit log are one commit.
//!
//! In this order: is the card good, is the request one that was answered before, does the card with all
//! its blocks allow the payment, is the payee the host's, do the budgets have so much left, has the owner
//! agreed where a human has to. So an owner is not asked about what would be refused anyway.

use aep2_audit_log::Name;
use aep2_cards::{
    card::VerifiedCard,
    decision::{Denied, Facts, ToolCall, Verdict, allows},
    restrictions::Restrictions,
};
use aep2_mandate::{
    signer::MandateTerms,
    units::{AccountId, Nonce, UnixTime},
    wire::Strict,
};
use aep2_x402::{
    purchase::{PaymentContext, Purchase},
    terms::WireAddress,
};
use alloy_primitives::{B256, keccak256};
use serde_json::json;

use crate::{
    approvals,
    audit::{self, Actor},
    claims::Against,
    counter::{self, Claim},
    error::{Code, IssuerError, Refusal},
    family::Family,
    ids::{BudgetId, CardId, OwnerId},
    keys,
    pressure::Pressure,
    records::{
        ApprovalReason, ApprovalRecord, ApprovalState, BudgetRecord, CardRecord, CardState,
        HostRecord, OwnerRecord, PaymentRecord, PaymentState, WalletRecord,
    },
    signing::Signing,
    store::{self, Source, Tx, expect, put},
    subject::Subject,
};

const CARD: Name = Name::constant("card");
const ASKED: Name = Name::constant("approval.asked");
const ISSUED: Name = Name::constant("payment.issued");
const REFUSED: Name = Name::constant("payment.refused");

/// What an agent asks for. The card's signatures and the holder's were checked.
#[derive(Clone, Debug)]
pub struct IssueRequest {
    /// Its card.
    pub card: VerifiedCard,
    /// The request's own key: the same again gets the same payment.
    pub request_key: B256,
    /// What is bought.
    pub purchase: Purchase,
    /// The payee's number of the order; none in intent mode.
    pub order: Option<B256>,
    /// Whether the payee captures what the call came to.
    pub metered: bool,
    /// Where it is bought.
    pub subject: Subject,
    /// What the agent says that it is for.
    pub purpose: Option<String>,
    /// Until when the payment may be settled.
    pub deadline: UnixTime,
}

impl IssueRequest {
    /// What an approval is about: everything but the payee's number of the order, which is another with
    /// every answer.
    pub fn terms_hash(&self) -> B256 {
        let reference = self.purchase.reference(PaymentContext::Order(B256::ZERO));
        keccak256([reference.as_slice(), &[u8::from(self.metered)]].concat())
    }

    /// What a request's key is bound to.
    pub fn hash(&self) -> B256 {
        let order = self.order.map_or_else(
            || [0; 33],
            |order| {
                let mut some = [1; 33];
                some[1..].copy_from_slice(order.as_slice());
                some
            },
        );
        keccak256([self.terms_hash().as_slice(), &order].concat())
    }

    fn facts(&self, now: UnixTime) -> Facts {
        let Subject { host, tool } = &self.subject;
        let Purchase { payee, token, amount, .. } = self.purchase;
        let (host, tool): (_, Option<ToolCall>) = (Some(host.clone()), tool.clone());
        Facts { now, host, tool, payee, token, amount, metered: self.metered }
    }
}

/// The answer to a request.
#[derive(Clone, Debug)]
pub enum Issue {
    /// The payment, ready to be sent.
    Issued {
        /// It.
        payment: Box<PaymentRecord>,
        /// Whether it was issued before, for the same request.
        again: bool,
    },
    /// Its owner is asked.
    Asked(Box<ApprovalRecord>),
    /// It is refused; the refusal is in the audit log.
    Refused(Refusal),
}

/// A request at work.
pub(crate) struct Issuing<'a> {
    pub(crate) request: &'a IssueRequest,
    pub(crate) signing: &'a Signing,
    pub(crate) pressure: &'a Pressure,
    pub(crate) now: UnixTime,
    /// How long an approval may wait, and be used, in seconds.
    pub(crate) approval_s: u64,
}

/// A card, and what belongs to it.
struct Found {
    owner: OwnerRecord,
    card: CardRecord,
    wallet: WalletRecord,
    account: AccountId,
    blocks: Vec<(String, Restrictions)>,
    budgets: Vec<BudgetRecord>,
}

impl Issuing<'_> {
    /// Carries the request out.
    ///
    /// # Errors
    /// When the store cannot be read. A refusal is no error: it is written down.
    pub(crate) fn run(&self, tx: &mut Tx<'_>) -> Result<Issue, IssuerError> {
        match self.decide(tx) {
            // Nothing was changed before the last thing that refuses.
            Err(IssuerError::Refused(refusal)) => {
                let card = card_id(&self.request.card)?;
                if self.pressure.writes_refusal(card, self.now) {
                    self.note_refusal(tx, &refusal)?;
                }
                Ok(Issue::Refused(refusal))
            }
            other => other,
        }
    }

    fn decide(&self, tx: &mut Tx<'_>) -> Result<Issue, IssuerError> {
        let found = self.find(tx)?;
        if let Some(payment) = self.before(tx, &found)? {
            return Ok(Issue::Issued { payment: Box::new(payment), again: true });
        }
        self.check_venue(&found)?;
        let facts = self.request.facts(self.now);
        let limits = std::iter::once(&found.card.restrictions);
        let limits = limits.chain(found.blocks.iter().map(|(_, restrictions)| restrictions));
        let verdict = allows(limits, &facts).map_err(denied_by_card)?;

        let against = Against {
            zone: &found.owner.zone,
            card: &found.card,
            blocks: &found.blocks,
            budgets: &found.budgets,
        };
        let claims = against.claims(&facts)?;
        let payee = self.payee(tx, &found)?;
        counter::check(tx, &claims, facts.amount.amount())?;

        let reason = match (payee, verdict) {
            (Payee::Unknown, _) => Some(ApprovalReason::UnknownPayee),
            (Payee::Fine, Verdict::Ask) => Some(ApprovalReason::Amount),
            (Payee::Fine, Verdict::Pay) => None,
        };
        let approval = match reason {
            // An approval that is not needed any more is used up all the same: it was for one payment.
            None => self
                .known_approval(tx, &found)?
                .filter(|known| known.state == ApprovalState::Approved),
            Some(reason) => match self.approval(tx, &found, reason)? {
                Ok(approved) => Some(approved),
                Err(asked) => return Ok(Issue::Asked(Box::new(asked))),
            },
        };
        let payment = self.sign(tx, &found, claims, approval)?;
        Ok(Issue::Issued { payment: Box::new(payment), again: false })
    }

    /// The card and all that belongs to it, if it may be used.
    fn find(&self, tx: &Tx<'_>) -> Result<Found, IssuerError> {
        let (owner, card) = usable(tx, &self.request.card)?;
        let wallet: WalletRecord = expect(tx, &keys::wallet(owner.id, card.wallet), "the card's")?;
        if wallet.frozen {
            return Err(Refusal::new(Code::WalletFrozen, "the owner froze the wallet").into());
        }
        let account = wallet.account.ok_or_else(|| {
            Refusal::new(Code::NoAccount, "the card's wallet has no account on chain yet")
        })?;
        let budgets = budgets_above(tx, owner.id, card.budget)?;
        let blocks = narrowings(&self.request.card);
        Ok(Found { owner, account, blocks, budgets, card, wallet })
    }

    /// What was issued for the same request before.
    fn before(&self, tx: &Tx<'_>, found: &Found) -> Result<Option<PaymentRecord>, IssuerError> {
        let key = keys::request(found.card.id, self.request.request_key);
        let Some(id) = tx.value(Family::Requests, &key)? else {
            return Ok(None);
        };
        let payment: PaymentRecord = expect(tx, &id, "a request's")?;
        // A narrower card asks for itself: it does not get what another was given.
        let blocks: Vec<_> = found.blocks.iter().map(|(id, _)| id.clone()).collect();
        if payment.request_hash.0 != self.request.hash() || payment.blocks != blocks {
            let message =
                "the request key was used for another request; take a new one for each purchase";
            return Err(Refusal::new(Code::RequestKeyConflict, message).into());
        }
        Ok(Some(payment))
    }

    /// Whether the terms are for the wallet's own chain, wallet and processor.
    fn check_venue(&self, found: &Found) -> Result<(), IssuerError> {
        let (asked, own) = (self.request.purchase.venue, found.wallet.venue());
        let fields = [
            ("chain", asked.chain.to_string(), own.chain.to_string()),
            ("wallet", asked.wallet.to_string(), own.wallet.to_string()),
            ("processor", asked.processor.to_string(), own.processor.to_string()),
        ];
        for (field, asked, own) in fields {
            if asked != own {
                let message = format!("the terms name the {field} {asked}, the card's is {own}");
                return Err(Refusal::new(Code::TermsNotPayable, message).into());
            }
        }
        Ok(())
    }

    /// Whether the payee is the host's, where a limit names hosts or tools.
    fn payee(&self, tx: &Tx<'_>, found: &Found) -> Result<Payee, IssuerError> {
        let own = std::iter::once(&found.card.restrictions);
        let all = own.chain(found.blocks.iter().map(|(_, restrictions)| restrictions));
        let of_budgets = found.budgets.iter().flat_map(|budget| &budget.limits);
        let named = all.into_iter().any(names_hosts)
            || of_budgets.into_iter().any(|limit| limit.host.is_some());
        if !named {
            return Ok(Payee::Fine);
        }
        let host = self.request.subject.host.as_str();
        let payee = self.request.purchase.payee;
        let Some(record) = tx.record::<HostRecord>(&keys::host(found.owner.id, host))? else {
            return Ok(Payee::Unknown);
        };
        if record.payees.contains(&WireAddress(payee)) {
            return Ok(Payee::Fine);
        }
        // Not a matter for the owner to wave through in passing: the owner changes the table.
        let message = format!(
            "{host} is not paid at {payee}; if it has a new address, the owner says so with \
             `aep2 issuer host set`"
        );
        Err(Refusal::new(Code::PayeeNotTheHosts, message).into())
    }

    /// The owner's approval, or the question to the owner.
    fn approval(
        &self,
        tx: &mut Tx<'_>,
        found: &Found,
        reason: ApprovalReason,
    ) -> Result<Result<ApprovalRecord, ApprovalRecord>, IssuerError> {
        let (card_hash, request_hash) =
            (card_hash(found.card.id, &found.blocks), self.request.terms_hash());
        let id = approvals::id(card_hash, request_hash);
        match self.known_approval(tx, found)? {
            Some(known) if known.state == ApprovalState::Approved => return Ok(Ok(known)),
            Some(known) if known.state == ApprovalState::Waiting => return Ok(Err(known)),
            Some(known) if known.state == ApprovalState::Refused => {
                return Err(Refusal::new(Code::ApprovalRefused, "the owner refused this").into());
            }
            _ => {}
        }
        let Purchase { method, resource, payee, token, amount, .. } = self.request.purchase.clone();
        let record = ApprovalRecord {
            id,
            owner: found.owner.id,
            card: found.card.id,
            card_hash: Strict(card_hash),
            is_of_narrower: !found.blocks.is_empty(),
            request_hash: Strict(request_hash),
            reason,
            method,
            resource,
            host: self.request.subject.host.to_string(),
            payee: WireAddress(payee),
            token: WireAddress(token),
            amount,
            purpose: self.request.purpose.clone(),
            asked: self.now,
            expires: self.now.checked_add(self.approval_s).unwrap_or(UnixTime::MAX),
            state: ApprovalState::Waiting,
        };
        approvals::ask(tx, &record, self.now)?;
        self.note(tx, ASKED, json!({ "approval": id, "request": self.about() }))?;
        Ok(Err(record))
    }

    /// What was asked about this payment before, and is not over.
    fn known_approval(
        &self,
        tx: &Tx<'_>,
        found: &Found,
    ) -> Result<Option<ApprovalRecord>, IssuerError> {
        let (card_hash, request_hash) =
            (card_hash(found.card.id, &found.blocks), self.request.terms_hash());
        let key = keys::approval(found.owner.id, approvals::id(card_hash, request_hash));
        let known = tx.record::<ApprovalRecord>(&key)?.filter(|known| known.expires > self.now);
        // The key is half a hash, of content that agents choose: the record says what it is about.
        let is_about_this = |known: &ApprovalRecord| {
            known.card_hash.0 == card_hash && known.request_hash.0 == request_hash
        };
        match known {
            Some(known) if !is_about_this(&known) => {
                Err(IssuerError::Internal("two requests have one approval's id".to_owned()))
            }
            known => Ok(known),
        }
    }

    /// Counts the payment, signs it, and writes both down.
    fn sign(
        &self,
        tx: &mut Tx<'_>,
        found: &Found,
        claims: Vec<Claim>,
        approval: Option<ApprovalRecord>,
    ) -> Result<PaymentRecord, IssuerError> {
        let Self { request, now, .. } = *self;
        let Purchase { token, payee, amount, ref method, ref resource, .. } = request.purchase;
        let charges = counter::count(tx, claims, amount.amount())?;
        let nonce = Nonce::new(store::next(tx, found.wallet.id.bytes())?);
        let context = match request.order {
            Some(order) => PaymentContext::Order(order),
            None => PaymentContext::Intent { account: found.account, nonce },
        };
        let (account, deadline) = (found.account, request.deadline);
        let reference = request.purchase.reference(context);
        let terms = MandateTerms { account, token, payee, amount, nonce, deadline, reference };
        let signed = self.signing.sign(found.wallet.id, terms);
        let (id, mandate) = signed
            .ok_or_else(|| IssuerError::Internal("the wallet's key is not here".to_owned()))?;
        if let Some(approval) = &approval {
            approvals::used(tx, approval)?;
        }
        let payment = PaymentRecord {
            id,
            number: store::next(tx, found.owner.id.bytes())?.saturating_add(1),
            owner: found.owner.id,
            card: found.card.id,
            blocks: found.blocks.iter().map(|(id, _)| id.clone()).collect(),
            wallet: found.wallet.id,
            at: now,
            method: method.clone(),
            resource: resource.clone(),
            host: request.subject.host.to_string(),
            request_hash: Strict(request.hash()),
            approval: approval.map(|approval| approval.id),
            mandate: Box::new(mandate),
            charges,
            state: PaymentState::Outstanding,
        };
        self.keep(tx, &payment)?;
        let details = json!({ "mandate": id, "number": payment.number, "approval": payment.approval,
                              "request": self.about() });
        self.note(tx, ISSUED, details)?;
        Ok(payment)
    }

    fn keep(&self, tx: &mut Tx<'_>, payment: &PaymentRecord) -> Result<(), IssuerError> {
        let id = payment.id.to_bytes();
        // An id does not cover the key: another wallet of the same account would write over this one's.
        if tx.value(Family::Payments, id.as_slice())?.is_some() {
            return Err(IssuerError::Internal(format!("the mandate {id} was issued before")));
        }
        put(tx, id.to_vec(), payment)?;
        let request = keys::request(payment.card, self.request.request_key);
        tx.put(Family::Requests, request, id.to_vec());
        tx.put(Family::History, keys::history(payment.owner, payment.number), id.to_vec());
        let deadline = payment.mandate.mandate.deadline.get();
        tx.put(Family::Outstanding, keys::outstanding(deadline, id), Vec::new());
        Ok(())
    }

    /// What is asked for, for the audit log.
    fn about(&self) -> serde_json::Value {
        let Purchase { method, resource, payee, token, amount, .. } = &self.request.purchase;
        json!({
            "method": method, "resource": resource, "payee": payee.to_string(),
            "token": token.to_string(), "amount": amount, "metered": self.request.metered,
            "purpose": self.request.purpose,
        })
    }

    fn note(
        &self,
        tx: &mut Tx<'_>,
        action: Name,
        details: serde_json::Value,
    ) -> Result<(), IssuerError> {
        let card = &self.request.card;
        let last = card.blocks().last().map(|block| block.revocation_id.to_string());
        let actor = Actor::Agent { card: card.id().to_string(), block: last.unwrap_or_default() };
        audit::note(tx, self.now, &actor, action, (CARD, card.id().as_str()), details)
    }

    fn note_refusal(&self, tx: &mut Tx<'_>, refusal: &Refusal) -> Result<(), IssuerError> {
        let details = json!({ "code": refusal.code.name(), "request": self.about() });
        self.note(tx, REFUSED, details)
    }
}

/// Whether a payee is the host's.
enum Payee {
    /// It is, or no limit asks.
    Fine,
    /// Nobody said whom the host stands for.
    Unknown,
}

fn names_hosts(restrictions: &Restrictions) -> bool {
    let budgets = restrictions.budgets.iter().flatten();
    restrictions.hosts.is_some()
        || restrictions.tools.is_some()
        || budgets.into_iter().any(|budget| budget.host.is_some())
}

fn denied_by_card(denied: Denied) -> Refusal {
    Refusal::new(Code::CardDenied, format!("{}: {denied}", denied.code()))
}

/// The card's name in this issuer's books.
pub(crate) fn card_id(card: &VerifiedCard) -> Result<CardId, Refusal> {
    let unknown = |_| Refusal::new(Code::Unauthorized, "the card is not one of this issuer's");
    card.id().as_str().parse().map_err(unknown)
}

/// A card that may be used, and its owner: neither it nor a block of it was revoked, and it is not frozen.
pub(crate) fn usable(
    on: &impl Source,
    presented: &VerifiedCard,
) -> Result<(OwnerRecord, CardRecord), IssuerError> {
    let (owner, card) = card_of(on, card_id(presented)?)?;
    for block in presented.blocks() {
        let key = keys::revoked(card.id, block.revocation_id.as_bytes());
        if on.value(Family::Revoked, &key)?.is_some() {
            return Err(Refusal::new(Code::CardRevoked, "the card was revoked").into());
        }
    }
    match card.state {
        CardState::Active => Ok((owner, card)),
        CardState::Frozen => Err(Refusal::new(Code::CardFrozen, "the owner froze the card").into()),
        CardState::Revoked => Err(Refusal::new(Code::CardRevoked, "the card was revoked").into()),
    }
}

/// A card's blocks but the issuer's own: their names, and what they restrict.
pub(crate) fn narrowings(card: &VerifiedCard) -> Vec<(String, Restrictions)> {
    // The first block is the issuer's: its limits are the card's record.
    let blocks = card.blocks().iter().skip(1);
    blocks.map(|block| (block.revocation_id.to_string(), block.restrictions.clone())).collect()
}

/// A card by its id, and its owner.
fn card_of(on: &impl Source, id: CardId) -> Result<(OwnerRecord, CardRecord), IssuerError> {
    let unknown = || Refusal::new(Code::Unauthorized, "the card is not one of this issuer's");
    let owner = on.value(Family::CardOwners, id.bytes())?.ok_or_else(unknown)?;
    let owner: OwnerRecord = expect(on, &owner, "a card's")?;
    let card = expect(on, &keys::card(owner.id, id), "an owner's")?;
    Ok((owner, card))
}

/// A budget and all above it. Owners' changes keep it a tree.
pub(crate) fn budgets_above(
    on: &impl Source,
    owner: OwnerId,
    lowest: Option<BudgetId>,
) -> Result<Vec<BudgetRecord>, IssuerError> {
    let mut budgets: Vec<BudgetRecord> = Vec::new();
    let mut next = lowest;
    while let Some(id) = next {
        if budgets.iter().any(|known| known.id == id) {
            return Err(IssuerError::Internal(format!("the budget {id} is above itself")));
        }
        let budget: BudgetRecord = expect(on, &keys::budget(owner, id), "a card's")?;
        next = budget.parent;
        budgets.push(budget);
    }
    Ok(budgets)
}

/// The hash of a card with its blocks, as approvals name it.
pub(crate) fn card_hash(card: CardId, blocks: &[(String, Restrictions)]) -> B256 {
    let mut text = card.to_string();
    for (block, _) in blocks {
        text.push('\n');
        text.push_str(block);
    }
    keccak256(text)
}
