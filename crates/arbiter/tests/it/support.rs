//! An arbiter, a scripted processor, and payments that are disputed there.

use std::{
    collections::HashMap,
    path::Path,
    sync::atomic::{AtomicUsize, Ordering},
    sync::{Arc, Mutex},
    time::Duration,
};

use aep2_arbiter::{
    Arbiter, ArbiterError, DecidingConfig, Parts, Processor, TurnError, Worker,
    accounts::{AccountOnChain, Accounts, AccountsError, Found},
    case::{Case, CaseState, DecidedBy, Decision, Delivery},
};
use aep2_mandate::{
    clock::Clock,
    eddsa::SecretKey,
    field,
    mandate::{Mandate, Prev, SignedMandate},
    typed_data::{
        Signed, TypedData,
        capture::{Capture, CaptureReceipt, SignedCaptureReceipt},
        dispute::{Dispute, DisputeAnswer, Evidence, Reason},
        keyed::{AnySigned, KeySigned},
        receipt::{Receipt, SignedReceipt},
    },
    units::{AccountId, Amount, Ceiling, ChainId, Nonce, UnixTime},
    wire::Strict,
};
use aep2_processor_client::dispute_view::{DisputeStatus, DisputeView, OpenedBy};
use aep2_vault::{Kek, Vault};
use aep2_x402::{disputes::Disputes, preimage::Preimage, purchase::Venue};
use alloy::signers::local::PrivateKeySigner;
use alloy_primitives::{Address, B256};
use async_trait::async_trait;
use tempfile::TempDir;
use zeroize::Zeroizing;

use crate::stand_in::StandIn;

pub(crate) const TOKEN: Address = Address::repeat_byte(0xbb);
const WALLET: Address = Address::repeat_byte(0xaa);
/// How long a payer has, and then an arbiter, in seconds.
const WINDOW_S: u64 = 10_000;
const RULING_S: u64 = 10_000;
/// What is paid.
pub(crate) const PRICE: u128 = 1_000;

/// An arbiter's directory, keys of everybody, and a processor.
pub(crate) struct World {
    pub(crate) directory: TempDir,
    kek: [u8; 32],
    pub(crate) key: PrivateKeySigner,
    pub(crate) processor: PrivateKeySigner,
    pub(crate) payee: PrivateKeySigner,
    pub(crate) owner: PrivateKeySigner,
    pub(crate) clock: Clock,
    pub(crate) config: DecidingConfig,
    pub(crate) stand_in: StandIn,
    venue: Venue,
    pub(crate) chain: Option<Arc<Chain>>,
    pub(crate) is_trusted: bool,
}

/// What a chain says of accounts.
#[derive(Debug)]
pub(crate) struct Chain {
    pub(crate) clock: Clock,
    pub(crate) accounts: Mutex<HashMap<AccountId, AccountOnChain>>,
    pub(crate) is_down: Mutex<bool>,
    /// By how many seconds its newest block is behind.
    pub(crate) lag_s: Mutex<u64>,
    /// How often it was asked for an account.
    pub(crate) asked: AtomicUsize,
    /// How long it takes to answer about one.
    pub(crate) answers_within: Mutex<Duration>,
}

impl Chain {
    fn newest(&self) -> Result<UnixTime, AccountsError> {
        match *self.is_down.lock().expect("no panic") {
            true => Err(AccountsError("as the script says".to_owned())),
            false => Ok(at(self.clock.now().get() - *self.lag_s.lock().expect("no panic"))),
        }
    }
}

#[async_trait]
impl Accounts for Chain {
    async fn account(&self, _venue: &Venue, account: AccountId) -> Result<Found, AccountsError> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let within = *self.answers_within.lock().expect("no panic");
        tokio::time::sleep(within).await;
        let at = self.newest()?;
        let account = self.accounts.lock().expect("no panic").get(&account).copied();
        Ok(Found { account, at })
    }

    async fn time(&self, _chain: ChainId) -> Result<UnixTime, AccountsError> {
        self.newest()
    }
}

/// How a payment is disputed.
#[derive(Clone)]
pub(crate) struct Payment {
    pub(crate) reason: Reason,
    pub(crate) silence_refunds: bool,
    pub(crate) nonce: u64,
    /// The payee's number of the order; as the nonce, where it is not said.
    pub(crate) order: Option<u64>,
    pub(crate) account: AccountId,
    pub(crate) evidence: Vec<Evidence>,
    pub(crate) by_owner: bool,
}

impl Default for Payment {
    fn default() -> Self {
        Self {
            reason: Reason::ServiceNotDelivered,
            silence_refunds: true,
            nonce: 1,
            order: None,
            account: account(),
            evidence: Vec::new(),
            by_owner: false,
        }
    }
}

pub(crate) fn amount(units: u128) -> Amount {
    Amount::new(units).expect("in range")
}

pub(crate) fn at(seconds: u64) -> UnixTime {
    UnixTime::new(seconds).expect("in range")
}

pub(crate) fn later(time: UnixTime, seconds: i64) -> UnixTime {
    at(time.get().saturating_add_signed(seconds))
}

/// The mandate key of account 7.
pub(crate) fn mandate_key() -> SecretKey {
    SecretKey::from_seed([7; 32])
}

impl World {
    pub(crate) async fn begin() -> Self {
        Self::begin_with(&PrivateKeySigner::random()).await
    }

    /// One whose payees name an arbiter that there is.
    pub(crate) async fn begin_with(key: &PrivateKeySigner) -> Self {
        let (key, processor) = (key.clone(), PrivateKeySigner::random());
        let (payee, owner) = (PrivateKeySigner::random(), PrivateKeySigner::random());
        let clock = Clock::system();
        let venue =
            Venue { chain: ChainId::new(31_337), wallet: WALLET, processor: processor.address() };
        let stand_in = StandIn::start(venue, key.address(), clock.clone()).await;
        let found = AccountOnChain {
            owner: owner.address(),
            processor: processor.address(),
            key_hash: B256::from(field::to_be_bytes(&mandate_key().public().hash())),
        };
        let chain = Chain {
            clock: clock.clone(),
            accounts: Mutex::new([(account(), found)].into()),
            is_down: Mutex::default(),
            lag_s: Mutex::default(),
            asked: AtomicUsize::default(),
            answers_within: Mutex::default(),
        };
        Self {
            directory: tempfile::tempdir().expect("a directory"),
            kek: rand::random(),
            key,
            processor,
            payee,
            owner,
            clock,
            config: DecidingConfig::default(),
            stand_in,
            venue,
            chain: Some(Arc::new(chain)),
            is_trusted: false,
        }
    }

    pub(crate) fn venue(&self) -> Venue {
        self.venue
    }

    /// Opens the arbiter. It has to be dropped before it is opened again.
    pub(crate) fn open(&self) -> Arbiter {
        self.try_open(self.key.clone(), self.directory.path()).expect("an arbiter")
    }

    pub(crate) fn try_open(
        &self,
        signer: PrivateKeySigner,
        directory: &Path,
    ) -> Result<Arbiter, ArbiterError> {
        let kek = Kek::from_bytes(Zeroizing::new(self.kek)).expect("a key");
        let (clock, config) = (self.clock.clone(), self.config.clone());
        Arbiter::open(directory, Parts { signer, vault: Vault::new(kek), clock, config })
    }

    pub(crate) fn worker(&self, arbiter: &Arbiter) -> Worker {
        let accounts = self.chain.clone().map(|chain| chain as Arc<dyn Accounts>);
        let (url, is_trusted) = (self.stand_in.url.clone(), self.is_trusted);
        let processor = Processor { url, venue: self.venue(), is_trusted, accounts };
        Worker::new(arbiter.clone(), processor, reqwest::Client::new())
    }

    pub(crate) async fn turn(&self, arbiter: &Arbiter) -> Result<(), TurnError> {
        self.worker(arbiter).turn().await
    }

    /// Turns that have to go well.
    pub(crate) async fn turned(&self, arbiter: &Arbiter) {
        self.turn(arbiter).await.expect("a whole turn");
    }

    /// The first case.
    pub(crate) async fn first_case(&self, arbiter: &Arbiter) -> Case {
        self.turned(arbiter).await;
        arbiter.case(1).expect("a case")
    }

    /// Lets the processor show one more dispute, which was opened just now.
    pub(crate) fn dispute(&self, payment: &Payment) -> DisputeView {
        let view = self.view(payment, &mandate_key());
        let mut script = self.stand_in.script();
        let number = script.disputes.len() as u64 + 1;
        let view = DisputeView { number, ..view };
        script.disputes.push(view.clone());
        view
    }

    /// A dispute, everything in it signed, the payer's part with this key.
    pub(crate) fn view(&self, payment: &Payment, key: &SecretKey) -> DisputeView {
        let (venue, now) = (self.venue(), self.clock.now());
        let domain = venue.typed_data_domain();
        let terms = terms(self.key.address(), payment);
        let mandate = self.mandate(payment, &terms, key);
        let receipt = self.receipt(&mandate, later(now, -50));
        let dispute = Dispute {
            mandate_id: receipt.message.mandate_id.to_bytes(),
            reason: payment.reason,
            text: "it never came <script>alert(1)</script>".to_owned(),
            evidence: payment.evidence.clone(),
            at: now,
        };
        let (by, dispute) = match payment.by_owner {
            true => (OpenedBy::Owner, self.signed_by_owner(dispute)),
            false => (OpenedBy::Key, AnySigned::ByKey(KeySigned::sign(dispute, key, &domain))),
        };
        let evidence = payment.evidence.iter().map(|piece| Strict(piece.hash)).collect();
        DisputeView {
            number: 1,
            mandate_id: Strict(receipt.message.mandate_id.to_bytes()),
            status: DisputeStatus::Open,
            due: mandate.mandate.amount.amount(),
            mandate,
            receipt,
            terms,
            capture: None,
            opened_at: now,
            decide_by: later(now, 10_000),
            dispute,
            by,
            agents_dispute: None,
            answer: None,
            answered_at: None,
            ruling: None,
            ruled_at: None,
            evidence,
        }
    }

    /// Lets the owner dispute in the place of its agent, as the processor shows it then.
    pub(crate) fn succeed(&self, number: u64, change: impl FnOnce(&mut Dispute)) {
        let mut script = self.stand_in.script();
        let view = &mut script.disputes[number as usize - 1];
        let mut dispute = view.dispute.message().clone();
        dispute.text = "I never wanted it".to_owned();
        change(&mut dispute);
        view.evidence.extend(dispute.evidence.iter().map(|piece| Strict(piece.hash)));
        let said = std::mem::replace(&mut view.dispute, self.signed_by_owner(dispute));
        (view.by, view.agents_dispute) = (OpenedBy::Owner, Some(said));
        (view.answer, view.answered_at) = (None, None);
    }

    pub(crate) fn signed_by_owner(&self, dispute: Dispute) -> AnySigned<Dispute> {
        let domain = self.venue.typed_data_domain();
        AnySigned::ByAddress(Signed::sign(dispute, &self.owner, &domain).expect("signed"))
    }

    pub(crate) fn mandate(
        &self,
        payment: &Payment,
        terms: &Preimage,
        key: &SecretKey,
    ) -> SignedMandate {
        let venue = self.venue();
        let mut mandate = Mandate {
            account: payment.account,
            token: TOKEN,
            payee: self.payee.address(),
            amount: Ceiling::new(PRICE).expect("in range"),
            nonce: Nonce::new(payment.nonce),
            deadline: later(self.clock.now(), 100_000),
            reference: B256::ZERO,
            prev: Prev::START,
        };
        mandate.reference = terms.reference(&venue, &mandate);
        let id = mandate.id(&venue.mandate_domain(TOKEN));
        SignedMandate { signature: key.sign(id.element()), key: key.public(), mandate }
    }

    pub(crate) fn receipt(&self, signed: &SignedMandate, issued_at: UnixTime) -> SignedReceipt {
        let (venue, mandate) = (self.venue(), &signed.mandate);
        let receipt = Receipt {
            mandate_id: mandate.id(&venue.mandate_domain(TOKEN)),
            processor: venue.processor,
            account: mandate.account,
            nonce: mandate.nonce,
            token: mandate.token,
            payee: mandate.payee,
            arbiter: self.key.address(),
            amount: mandate.amount,
            issued_at,
            deadline: mandate.deadline,
            settle_by: later(mandate.deadline, -1_000),
        };
        Signed::sign(receipt, &self.processor, &venue.typed_data_domain()).expect("signed")
    }

    /// What the processor states of a capture.
    pub(crate) fn stated(&self, statement: CaptureReceipt) -> SignedCaptureReceipt {
        Signed::sign(statement, &self.processor, &self.venue().typed_data_domain()).expect("signed")
    }

    /// Lets the payee of a dispute answer.
    pub(crate) fn answer(&self, number: u64, captured: u128, evidence: Vec<Evidence>) {
        let domain = self.venue().typed_data_domain();
        let now = self.clock.now();
        let mut script = self.stand_in.script();
        let view = &mut script.disputes[number as usize - 1];
        let answer = DisputeAnswer {
            dispute: view.dispute.message().struct_hash(),
            captured: amount(captured),
            text: "it did".to_owned(),
            evidence,
            at: now,
        };
        view.evidence.extend(answer.evidence.iter().map(|piece| Strict(piece.hash)));
        view.answer = Some(Signed::sign(answer, &self.payee, &domain).expect("signed"));
        view.answered_at = Some(now);
    }

    /// Lets the payee of a dispute capture so much.
    pub(crate) fn capture(&self, number: u64, captured: u128) {
        let domain = self.venue().typed_data_domain();
        let mut script = self.stand_in.script();
        let view = &mut script.disputes[number as usize - 1];
        let capture = Capture { mandate_id: view.mandate_id.0, amount: amount(captured) };
        view.capture = Some(Signed::sign(capture, &self.payee, &domain).expect("signed"));
        view.due = amount(captured);
    }

    /// A payment that was accepted a while before: its receipt, and the evidence that shows it.
    pub(crate) fn earlier(&self, payment: &Payment) -> (SignedReceipt, Evidence) {
        let terms = terms(self.key.address(), payment);
        let mandate = self.mandate(payment, &terms, &mandate_key());
        let receipt = self.receipt(&mandate, later(self.clock.now(), -500));
        let shown = serde_json::json!({ "mandate": mandate, "receipt": receipt }).to_string();
        (receipt, self.piece(shown.as_bytes()))
    }

    /// A piece of evidence whose bytes the processor has.
    pub(crate) fn piece(&self, bytes: &[u8]) -> Evidence {
        let piece = Evidence::of(bytes, "application/json").expect("evidence");
        self.stand_in.script().evidence.insert(piece.hash, bytes.to_vec());
        piece
    }

    /// Moves the clock to a second.
    pub(crate) fn wait_until(&self, time: UnixTime) {
        let seconds = i128::from(time.get()) - i128::from(self.clock.now().get());
        self.clock.advance(i64::try_from(seconds).expect("in range"));
    }
}

/// The audit log of an arbiter: each line's action.
pub(crate) fn actions(arbiter: &Arbiter) -> Vec<String> {
    let mut lines = Vec::new();
    arbiter.export_log(None, &mut lines).expect("exported");
    let text = String::from_utf8(lines).expect("text");
    let action = |line: &str| {
        let value: serde_json::Value = serde_json::from_str(line).expect("JSON");
        value["action"].as_str().expect("an action").to_owned()
    };
    text.lines().map(action).collect()
}

/// How often something is in the log.
pub(crate) fn count(arbiter: &Arbiter, action: &str) -> usize {
    actions(arbiter).iter().filter(|own| *own == action).count()
}

/// Who decided a case, what the payee gets, and whether the processor has it.
pub(crate) fn decided(case: &Case) -> (String, u128, bool) {
    match &case.state {
        CaseState::Decided { decision: Decision { captured, by, .. }, delivery, .. } => {
            let by = match by {
                DecidedBy::Rule { rule } => rule.clone(),
                DecidedBy::Judge { name, .. } => name.clone(),
                DecidedBy::Default => "default".to_owned(),
            };
            (by, captured.get(), matches!(delivery, Delivery::Delivered { .. }))
        }
        state => panic!("it is not decided: {state:?}"),
    }
}

/// What a payee agreed to.
pub(crate) fn terms(arbiter: Address, payment: &Payment) -> Preimage {
    let reasons = vec![
        Reason::DuplicatePayment,
        Reason::Other,
        Reason::Overcharge,
        Reason::ServiceNotDelivered,
    ];
    let order = payment.order.unwrap_or(payment.nonce);
    let disputes = Disputes::new(arbiter, WINDOW_S, RULING_S, reasons, payment.silence_refunds);
    Preimage {
        method: "GET".to_owned(),
        resource: "https://api.example.com/weather".to_owned(),
        order: Some(Strict(B256::left_padding_from(&order.to_be_bytes()))),
        disputes: Some(disputes.expect("terms")),
    }
}

pub(crate) fn account() -> AccountId {
    AccountId::new(7).expect("in range")
}
