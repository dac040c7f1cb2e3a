//! A case for tests of rules, everything in it signed.

use aep2_mandate::{
    eddsa::SecretKey,
    mandate::{Mandate, Prev, SignedMandate},
    typed_data::{
        Signed, TypedData,
        dispute::{Dispute, DisputeAnswer, Evidence, Reason},
        keyed::{AnySigned, KeySigned},
        receipt::{Receipt, SignedReceipt},
    },
    units::{AccountId, Amount, Ceiling, ChainId, Nonce, UnixTime},
    wire::Strict,
};
use aep2_processor_client::dispute_view::OpenedBy;
use aep2_x402::{disputes::Disputes, preimage::Preimage, purchase::Venue};
use alloy::signers::local::PrivateKeySigner;
use alloy_primitives::{Address, B256};
use serde::{Deserialize, Serialize};

use super::question::{Elsewhere, Question, is_heard};
use crate::{
    case::{Case, CaseState, Party, PayerCheck},
    case_file::CaseFile,
    error::ArbiterError,
    evidence::OpenedPiece,
};

const TOKEN: Address = Address::repeat_byte(0xbb);
const WALLET: Address = Address::repeat_byte(0xaa);
const ARBITER: Address = Address::repeat_byte(0xab);
const NOW: u64 = 1_790_000_000;

/// An earlier payment, as payers show it.
#[derive(Serialize, Deserialize)]
struct Earlier {
    mandate: SignedMandate,
    receipt: SignedReceipt,
}

/// A dispute of 1,000 units that was opened 100 seconds ago, and what was signed in it.
pub(super) struct World {
    pub(super) case: Case,
    pub(super) file: CaseFile,
    pub(super) evidence: Vec<OpenedPiece>,
    pub(super) now: UnixTime,
    pub(super) is_fresh: bool,
    pub(super) payee: PrivateKeySigner,
    processor: PrivateKeySigner,
    key: SecretKey,
}

impl World {
    pub(super) fn new() -> Self {
        Self::of(Reason::ServiceNotDelivered, false)
    }

    pub(super) fn silence_refunds() -> Self {
        Self::of(Reason::ServiceNotDelivered, true)
    }

    pub(super) fn overcharge() -> Self {
        Self::of(Reason::Overcharge, false)
    }

    /// A payment whose payer shows an earlier one for the same order.
    pub(super) fn duplicate() -> Self {
        let mut world = Self::of(Reason::DuplicatePayment, false);
        world.replace_earlier(|_| ());
        world
    }

    fn of(reason: Reason, silence_refunds: bool) -> Self {
        let (payee, processor) = (PrivateKeySigner::random(), PrivateKeySigner::random());
        let key = SecretKey::from_seed([7; 32]);
        let disputes = Disputes::new(ARBITER, 1_000, 1_000, vec![reason], silence_refunds);
        let terms = Preimage {
            method: "GET".to_owned(),
            resource: "https://api.example.com/weather".to_owned(),
            order: Some(Strict(B256::repeat_byte(5))),
            disputes: Some(disputes.expect("terms")),
        };
        let venue =
            Venue { chain: ChainId::new(31_337), wallet: WALLET, processor: processor.address() };
        let mut mandate = Mandate {
            account: Self::account(7),
            token: TOKEN,
            payee: payee.address(),
            amount: Ceiling::new(1_000).expect("in range"),
            nonce: Nonce::new(2),
            deadline: time(NOW + 10_000),
            reference: B256::ZERO,
            prev: Prev::START,
        };
        mandate.reference = terms.reference(&venue, &mandate);
        let mandate = sign_mandate(mandate, &key, venue);
        let receipt = promise(&mandate, &processor, venue, time(NOW - 150));
        let dispute = Dispute {
            mandate_id: receipt.message.mandate_id.to_bytes(),
            reason,
            text: "so it was".to_owned(),
            evidence: Vec::new(),
            at: time(NOW - 100),
        };
        let case = case_of(&mandate, &dispute, venue);
        let dispute = KeySigned::sign(dispute, &key, &venue.typed_data_domain());
        let dispute = AnySigned::ByKey(dispute);
        let file = CaseFile {
            mandate,
            receipt,
            terms,
            capture: None,
            dispute,
            answer: None,
            agents_dispute: None,
            agents_answer: None,
            words: Vec::new(),
        };
        let (evidence, now, is_fresh) = (Vec::new(), time(NOW), true);
        Self { case, file, evidence, now, is_fresh, payee, processor, key }
    }

    /// The same, once the payee has said that it is owed so much.
    pub(super) fn answered(mut self, captured: u128) -> Self {
        let answer = DisputeAnswer {
            dispute: self.case.dispute,
            captured: Self::amount(captured),
            text: String::new(),
            evidence: Vec::new(),
            at: self.now,
        };
        self.case.answer = Some(answer.struct_hash());
        self.case.owed = self.case.due.min(answer.captured);
        let domain = self.case.venue().typed_data_domain();
        self.file.answer = Some(Signed::sign(answer, &self.payee, &domain).expect("signed"));
        self
    }

    /// What a rule says.
    pub(super) fn ask(
        &self,
        look: fn(&Question<'_>) -> Result<Option<Amount>, ArbiterError>,
    ) -> Option<Amount> {
        self.ask_with(look, None)
    }

    /// What a rule says where this arbiter has that about every other mandate.
    pub(super) fn ask_with(
        &self,
        look: fn(&Question<'_>) -> Result<Option<Amount>, ArbiterError>,
        elsewhere: Option<Elsewhere>,
    ) -> Option<Amount> {
        self.with(elsewhere, look).expect("the store is read")
    }

    /// Asks something.
    pub(super) fn with<T>(
        &self,
        elsewhere: Option<Elsewhere>,
        ask: impl FnOnce(&Question<'_>) -> T,
    ) -> T {
        let Self { case, file, evidence, now, is_fresh, .. } = self;
        let is_heard = is_heard(case, *now, *is_fresh);
        let elsewhere = &move |_| Ok(elsewhere);
        ask(&Question { case, file, evidence, is_heard, elsewhere })
    }

    /// Adds evidence.
    pub(super) fn show(&mut self, by: Party, object: &impl Serialize) {
        let bytes = serde_json::to_vec(object).expect("JSON");
        let piece = Evidence::of(&bytes, "application/json").expect("evidence");
        self.evidence.push(OpenedPiece { by, piece, bytes });
    }

    /// Shows an earlier payment that differs by this, instead of the one that is shown.
    pub(super) fn replace_earlier(&mut self, change: impl FnOnce(&mut Mandate)) {
        let mut mandate = self.file.mandate.mandate.clone();
        mandate.nonce = Nonce::new(1);
        change(&mut mandate);
        let mandate = sign_mandate(mandate, &self.key, self.case.venue());
        self.show_earlier(mandate);
    }

    pub(super) fn sign_earlier_with_another_key(&mut self) {
        let mut mandate = self.file.mandate.mandate.clone();
        mandate.nonce = Nonce::new(1);
        let stranger = SecretKey::from_seed([8; 32]);
        self.show_earlier(sign_mandate(mandate, &stranger, self.case.venue()));
    }

    pub(super) fn promise_earlier_by_a_stranger(&mut self) {
        let mut shown = self.shown();
        let stranger = PrivateKeySigner::random();
        let domain = self.case.venue().typed_data_domain();
        shown.receipt = Signed::sign(shown.receipt.message, &stranger, &domain).expect("signed");
        self.evidence.clear();
        self.show(Party::Payer, &shown);
    }

    /// Alters the mandate that is shown, so that its signature does not hold.
    pub(super) fn spoil_earlier(&mut self) {
        let mut shown = self.shown();
        shown.mandate.mandate.nonce = Nonce::new(3);
        self.evidence.clear();
        self.show(Party::Payer, &shown);
    }

    /// The earlier payment's receipt, and who signed it.
    pub(super) fn earlier(&self) -> (Receipt, PrivateKeySigner) {
        (self.shown().receipt.message, self.processor.clone())
    }

    fn shown(&self) -> Earlier {
        serde_json::from_slice(&self.evidence[0].bytes).expect("an earlier payment")
    }

    fn show_earlier(&mut self, mandate: SignedMandate) {
        let receipt = promise(&mandate, &self.processor, self.case.venue(), self.at(-200));
        self.evidence.clear();
        self.show(Party::Payer, &Earlier { mandate, receipt });
    }

    /// So many seconds from the beginning on.
    pub(super) fn at(&self, seconds: i64) -> UnixTime {
        time(NOW.saturating_add_signed(seconds))
    }

    pub(super) fn before(&self, at: UnixTime) -> UnixTime {
        time(at.get() - 1)
    }

    pub(super) fn amount(units: u128) -> Amount {
        Amount::new(units).expect("in range")
    }

    pub(super) fn account(number: u32) -> AccountId {
        AccountId::new(number).expect("in range")
    }
}

fn time(seconds: u64) -> UnixTime {
    UnixTime::new(seconds).expect("in range")
}

fn sign_mandate(mandate: Mandate, key: &SecretKey, venue: Venue) -> SignedMandate {
    let id = mandate.id(&venue.mandate_domain(mandate.token));
    SignedMandate { signature: key.sign(id.element()), key: key.public(), mandate }
}

fn promise(
    signed: &SignedMandate,
    processor: &PrivateKeySigner,
    venue: Venue,
    issued_at: UnixTime,
) -> SignedReceipt {
    let mandate = &signed.mandate;
    let receipt = Receipt {
        mandate_id: mandate.id(&venue.mandate_domain(mandate.token)),
        processor: venue.processor,
        account: mandate.account,
        nonce: mandate.nonce,
        token: mandate.token,
        payee: mandate.payee,
        arbiter: ARBITER,
        amount: mandate.amount,
        issued_at,
        deadline: mandate.deadline,
        settle_by: time(mandate.deadline.get() - 1_000),
    };
    Signed::sign(receipt, processor, &venue.typed_data_domain()).expect("signed")
}

fn case_of(signed: &SignedMandate, dispute: &Dispute, venue: Venue) -> Case {
    let mandate = &signed.mandate;
    Case {
        number: 1,
        version: 1,
        chain_id: venue.chain,
        wallet: venue.wallet,
        processor: venue.processor,
        number_there: 1,
        mandate_id: dispute.mandate_id,
        reference: mandate.reference,
        account: mandate.account,
        payee: mandate.payee,
        token: mandate.token,
        due: mandate.amount.amount(),
        owed: mandate.amount.amount(),
        reason: dispute.reason,
        by: OpenedBy::Key,
        payer: PayerCheck::Confirmed,
        opened_at: dispute.at,
        seen_at: dispute.at,
        answer_by: time(NOW + 400),
        decide_by: time(NOW + 900),
        dispute: dispute.struct_hash(),
        answer: None,
        evidence: Vec::new(),
        state: CaseState::Open,
    }
}
