//! A payer: one account's key, limits and journal.

use std::{path::PathBuf, sync::Arc};

use aep2_mandate::{
    clock::Clock,
    eddsa::SecretKey,
    mandate::MandateId,
    signer::Signer,
    units::{AccountId, Amount, UnixTime},
};
use aep2_x402::{
    PaymentRequired, Requirements,
    disputes::Disputes,
    offer::{Offer, Unreadable, offers},
    purchase::{Purchase, Venue},
    receipt::SKEW_S,
    terms,
};
use alloy_primitives::{Address, B256};
use serde_json::value::RawValue;
use tokio::sync::{mpsc, oneshot};

use crate::{
    card::{CardFile, Issuer, IssuerError, Kept, PaysFrom},
    command::{Command, Delivery, Fate, Found, Issued, SignRequest},
    disputes::AcceptedDisputes,
    error::PayError,
    issuing,
    journal::{JournalError, Owner, Requested},
    limits::Limits,
    payment::{Authorised, SigningTime, Unanswered},
    request_key::RequestKey,
    signing::Signing,
    unanswered::{Waiting, Which},
};

/// Who pays, and within which bounds.
#[derive(Clone, Debug)]
pub struct PayerConfig {
    /// The account that pays.
    pub account: AccountId,
    /// Its wallet, and its processor: receipts of no other are worth anything to it.
    pub venue: Venue,
    /// What may be spent.
    pub limits: Limits,
    /// Where the journal is. All that pay from this account on this machine share it.
    pub directory: PathBuf,
    /// The longest time to settlement that is agreed to, in seconds: until then what was captured
    /// less is not free again.
    pub settle_within_s_max: u64,
    /// How much later than needed a mandate expires, in seconds: for clocks that differ, and for a
    /// payee that takes its time to hand it in.
    pub deadline_margin_s: u64,
    /// What is agreed to of disputes; nothing, where no such terms are.
    pub disputes: Option<AcceptedDisputes>,
    /// By how many seconds the processor's clock may differ: with a receipt from further away,
    /// nothing shows that the processor has the mandate.
    pub skew_s: u64,
    /// The time.
    pub clock: Clock,
}

impl PayerConfig {
    /// With an hour to settle at most, five minutes' margin, and clocks that differ by a minute and
    /// a half.
    pub fn new(account: AccountId, venue: Venue, limits: Limits, directory: PathBuf) -> Self {
        Self {
            account,
            venue,
            limits,
            directory,
            settle_within_s_max: 3_600,
            deadline_margin_s: 300,
            disputes: None,
            skew_s: SKEW_S,
            clock: Clock::system(),
        }
    }
}

/// The longest time that a payee's order is waited for, in seconds, whatever it asks for.
const TIMEOUT_S_MAX: u64 = 600;

/// One account's key, limits and journal. Cheap to clone; clones are the same payer.
#[derive(Clone, Debug)]
pub struct Payer {
    commands: mpsc::UnboundedSender<Command>,
    config: Arc<PayerConfig>,
    /// The card that it pays with, instead of a key.
    at_issuer: Option<Arc<AtIssuer>>,
}

/// What a payer with a card knows of it.
#[derive(Debug)]
struct AtIssuer {
    issuer: Issuer,
    pays_from: PaysFrom,
}

impl Payer {
    /// Opens the payer's journal and starts the thread that signs.
    ///
    /// # Errors
    /// When the journal cannot be read or made, or is another account's.
    pub fn open(config: PayerConfig, key: SecretKey) -> Result<Self, JournalError> {
        let Venue { chain, wallet, .. } = config.venue;
        let owner = Owner { account: config.account, chain, wallet };
        let signer = Signer::new(key, chain, wallet);
        let signing = Signing::open(
            signer,
            owner,
            config.limits.clone(),
            config.clock.clone(),
            &config.directory,
        )?;
        let (commands, receiver) = mpsc::unbounded_channel();
        let thread = std::thread::Builder::new().name("aep2-payer".to_owned());
        let started = thread.spawn(move || signing.run(receiver));
        started.map_err(|source| JournalError::Io { path: config.directory.clone(), source })?;
        Ok(Self { commands, config: Arc::new(config), at_issuer: None })
    }

    /// A payer with a card, whose issuer signs. Asks the issuer from which account the card pays.
    ///
    /// It keeps no journal and no limits; its issuer does. Needs a Tokio runtime for as long as it
    /// is used.
    ///
    /// # Errors
    /// When the issuer does not know the card, its wallet has no account yet, or what waits for an answer
    /// cannot be read.
    pub async fn with_card(
        card: CardFile,
        http: reqwest::Client,
        clock: Clock,
    ) -> Result<Self, PayError> {
        let kept = Kept::beside(card.path());
        let waiting = kept.load()?;
        let issuer = Issuer::new(card, http, clock.clone());
        let pays_from = issuer.pays_from().await?;
        let account = pays_from.account.ok_or_else(|| {
            IssuerError::Answer("the card's wallet has no account on chain yet".to_owned())
        })?;
        let limits = Limits::default();
        let config = PayerConfig {
            clock,
            ..PayerConfig::new(account, pays_from.venue(), limits, PathBuf::new())
        };
        let (commands, receiver) = mpsc::unbounded_channel();
        let signing = issuing::Issuing::new(issuer.clone(), account, kept, waiting);
        tokio::spawn(signing.serve(receiver));
        let at_issuer = Some(Arc::new(AtIssuer { issuer, pays_from }));
        Ok(Self { commands, config: Arc::new(config), at_issuer })
    }

    /// Where the money is, by the issuer's word, where this payer has a card.
    pub fn pays_from(&self) -> Option<&PaysFrom> {
        self.at_issuer.as_ref().map(|card| &card.pays_from)
    }

    /// What the issuer says of the payer's card now: its limits, and what of them is used. None where
    /// this payer has no card.
    ///
    /// # Errors
    /// When the issuer does not answer.
    pub async fn card_report(&self) -> Result<Option<Box<RawValue>>, PayError> {
        match &self.at_issuer {
            Some(card) => Ok(Some(card.issuer.report().await?)),
            None => Ok(None),
        }
    }

    /// The payer's settings. With a card, its limits are not here.
    pub fn config(&self) -> &PayerConfig {
        &self.config
    }

    /// Checks what can be checked of a payee's terms before anything is signed: that they are for
    /// this payer's wallet and processor, settle soon enough, let nobody decide about disputes who is not accepted, and are within
    /// the limits for one payment. Gives what they sell.
    ///
    /// # Errors
    /// The first thing that is not right.
    pub fn check(
        &self,
        terms: &Requirements,
        method: &str,
        resource: &str,
        host: &str,
    ) -> Result<Purchase, PayError> {
        let purchase = terms::purchase(terms, method, resource)?;
        let (found, own) = (&purchase.venue, &self.config.venue);
        let mismatch = |field, offered: &dyn ToString, expected: &dyn ToString| {
            let (offered, expected) = (offered.to_string(), expected.to_string());
            Err(PayError::Mismatch { field, offered, expected })
        };
        if found.chain != own.chain {
            return mismatch("chain", &found.chain, &own.chain);
        }
        if found.wallet != own.wallet {
            return mismatch("wallet", &found.wallet, &own.wallet);
        }
        if found.processor != own.processor {
            return mismatch("processor", &found.processor, &own.processor);
        }
        if let Some(named) = terms.extra.method.as_ref().filter(|named| *named != method) {
            return mismatch("method", named, &method);
        }
        if let Some(disputes) = &purchase.disputes {
            let arbiter = disputes.arbiter();
            let accepted = self.config.disputes.as_ref();
            let accepted = accepted.filter(|own| own.arbiters.contains(&arbiter));
            let accepted = accepted.ok_or(PayError::Disputes { arbiter })?;
            accepted.check(disputes).map_err(PayError::DisputesTooWeak)?;
        }
        let within_s = terms.extra.settle_within_seconds;
        let longer_s = purchase.disputes.as_ref().map_or(0, Disputes::longer_s);
        let most = self.config.settle_within_s_max.saturating_add(longer_s);
        if within_s > most {
            return mismatch("seconds to settle within", &within_s, &format!("at most {most}"));
        }
        let Purchase { token, payee, amount, .. } = purchase;
        if self.at_issuer.is_none() {
            self.config.limits.check_call(token, payee, host, amount.amount())?;
        }
        Ok(purchase)
    }

    /// The payee's first terms that fit the request and this payer, as [`Payer::check`] has it.
    ///
    /// # Errors
    /// When there are none: why the first of them does not fit.
    pub fn choose(
        &self,
        required: &PaymentRequired,
        method: &str,
        resource: &str,
        host: &str,
    ) -> Result<(Offer, Purchase), PayError> {
        if let Some(named) = &required.resource
            && named.url != resource
        {
            return Err(PayError::Mismatch {
                field: "a payment for",
                offered: named.url.clone(),
                expected: resource.to_owned(),
            });
        }
        let mut why_not = None;
        for offer in offers(required) {
            let checked = match offer {
                Ok(offer) => self
                    .check(&offer.terms, method, resource, host)
                    .map(|purchase| (offer, purchase)),
                Err(Unreadable(words)) => Err(PayError::NoOffer(words)),
            };
            match checked {
                Ok(found) => return Ok(found),
                Err(error) => why_not = why_not.or(Some(error)),
            }
        }
        Err(why_not.unwrap_or_else(|| PayError::NoOffer("no terms of the scheme aep2".to_owned())))
    }

    /// Signs a mandate for `purchase`, written down before this returns. `order` is the payee's
    /// number of the order; without one the mandate pays in intent mode. `host` is whom the limits
    /// count it for. Whoever calls this keeps the mandate until it is answered; one that is signed
    /// [for a request](Self::authorise_for) is found again by it.
    ///
    /// # Errors
    /// When a limit would be broken, or the journal cannot be written. Nothing is signed then.
    pub async fn authorise(
        &self,
        purchase: Purchase,
        order: Option<B256>,
        terms: &Requirements,
        host: &str,
    ) -> Result<Authorised, PayError> {
        self.sign(purchase, order, terms, host, None).await
    }

    /// [`Self::authorise`] for a request, under the terms of `offer`. Until it is answered, the same
    /// request finds it by [`Self::unanswered`].
    ///
    /// # Errors
    /// As [`Self::authorise`].
    pub async fn authorise_for(
        &self,
        request: RequestKey,
        purchase: Purchase,
        offer: &Offer,
        host: &str,
    ) -> Result<Authorised, PayError> {
        let requested = Requested {
            key: request,
            method: purchase.method.clone(),
            resource: purchase.resource.clone(),
            terms: offer.written.get().to_owned(),
        };
        let order = offer.terms.extra.order.map(|order| order.0);
        self.sign(purchase, order, &offer.terms, host, Some(Box::new(requested))).await
    }

    async fn sign(
        &self,
        purchase: Purchase,
        order: Option<B256>,
        terms: &Requirements,
        host: &str,
        request: Option<Box<Requested>>,
    ) -> Result<Authorised, PayError> {
        let request = SignRequest {
            purchase: purchase.clone(),
            order,
            host: host.to_owned(),
            deadline: self.deadline(terms),
            terms: terms.clone(),
            request,
        };
        // Nobody saw the mandate before.
        let signed = self.signing_time(self.config.clock.now());
        let (reply, answer) = oneshot::channel();
        let (request, teller) = (Box::new(request), self.commands.clone());
        let command = Command::Sign { request, teller, reply };
        self.commands.send(command).map_err(|_| PayError::Closed)?;
        let issued = answer.await.map_err(|_| PayError::Closed)??;
        let delivery = Delivery::new(issued.fate.id(), self.commands.clone());
        Ok(Authorised::new(issued, purchase, signed, delivery))
    }

    /// The payment that was signed for this request and has no final answer, by any program that pays from
    /// this directory. Where there is one it is to be sent again, and nothing else is to be signed. `host`
    /// is the one that the limits count it for.
    ///
    /// # Errors
    /// When the journal cannot be read, or the limits for one payment do not allow it any more.
    pub async fn unanswered(
        &self,
        request: RequestKey,
        host: &str,
    ) -> Result<Option<Unanswered>, PayError> {
        self.waiting(Which::Request(request), host).await
    }

    /// The payment with this id, as [`Self::unanswered`].
    ///
    /// # Errors
    /// [`PayError::NotWaiting`] where it waits for no answer; and as [`Self::unanswered`].
    pub async fn unanswered_payment(
        &self,
        id: MandateId,
        host: &str,
    ) -> Result<Unanswered, PayError> {
        self.waiting(Which::Id(id), host).await?.ok_or(PayError::NotWaiting(id))
    }

    async fn waiting(&self, which: Which, host: &str) -> Result<Option<Unanswered>, PayError> {
        let (reply, answer) = oneshot::channel();
        let command = Command::Unanswered { which, teller: self.commands.clone(), reply };
        self.commands.send(command).map_err(|_| PayError::Closed)?;
        let Some(found) = answer.await.map_err(|_| PayError::Closed)?? else { return Ok(None) };
        // Whatever goes wrong from here on, it waits again.
        let Found { payment: Waiting { id, mandate, requested, at }, delivery } = found;
        let written = RawValue::from_string(requested.terms)?;
        let terms: Requirements = serde_json::from_str(written.get())?;
        let purchase = terms::purchase(&terms, requested.method, requested.resource)?;
        let (token, payee, amount) = (purchase.token, purchase.payee, purchase.amount.amount());
        let signed = self.signing_time(at);
        let issued = Issued { mandate, fate: Fate::new(id, self.commands.clone()) };
        let again = Authorised::new(issued, purchase, signed, delivery);
        let payload = again.payload(written);
        // It left before: whatever becomes of it here, it is not withheld.
        let sent = again.send();
        self.config.limits.check_call(token, payee, host, amount)?;
        Ok(Some(Unanswered { sent, payload }))
    }

    fn signing_time(&self, at: UnixTime) -> SigningTime {
        SigningTime { at, clock: self.config.clock.clone(), skew_s: self.config.skew_s }
    }

    fn deadline(&self, terms: &Requirements) -> UnixTime {
        let seconds = [
            terms.extra.settle_within_seconds,
            terms.max_timeout_seconds.min(TIMEOUT_S_MAX),
            self.config.deadline_margin_s,
        ];
        let seconds = seconds.into_iter().fold(0, u64::saturating_add);
        self.config.clock.now().checked_add(seconds).unwrap_or(UnixTime::MAX)
    }

    /// What was spent in `token` in the last 24 hours, by all that share the journal: in all, or
    /// on one host.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub async fn spent(&self, token: Address, host: Option<&str>) -> Result<Amount, PayError> {
        let (reply, answer) = oneshot::channel();
        let host = host.map(str::to_owned);
        let question = Command::Spent { token, host, reply };
        self.commands.send(question).map_err(|_| PayError::Closed)?;
        answer.await.map_err(|_| PayError::Closed)?
    }

    /// Returns when everything that was asked before is in the journal.
    pub async fn flush(&self) {
        let (reply, answer) = oneshot::channel();
        if self.commands.send(Command::Flush { reply }).is_ok() {
            // The thread is gone: then nothing is left to wait for.
            let _ = answer.await;
        }
    }
}
