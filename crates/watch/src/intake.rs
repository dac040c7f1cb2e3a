//! From a line in a folder to a receipt that is watched.
//!
//! Whoever can write into the folder can put anything there. So a receipt is taken in only if it is one of
//! this payee's, by a processor that its operator named, signed by that processor or a key that it named on
//! chain, and with times that the guarantee takes.

use std::collections::{BTreeMap, HashMap};

use aep2_mandate::{
    typed_data::{
        Signed, TypedData,
        receipt::{Receipt, SignedReceipt},
    },
    units::UnixTime,
};
use aep2_receipts::Statement;
use alloy::{
    primitives::{Address, B256},
    sol_types::Eip712Domain,
};
use serde::Serialize;
use thiserror::Error;

use crate::{chain::Chain, error::WatchError, watched::Watched};

/// Why a line is not watched.
#[derive(Clone, Debug, PartialEq, Eq, Error, Serialize)]
#[serde(tag = "code", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Refused {
    /// It is nothing that was signed.
    #[error("{reason}")]
    NotAStatement {
        /// What is wrong with it.
        reason: String,
    },
    /// Another payee's.
    #[error("it is a receipt of the payee {payee}")]
    OtherPayee {
        /// Whose.
        payee: Address,
    },
    /// Another processor's than those that are watched.
    #[error(
        "it is a receipt of the processor {processor}, which is not among those that are watched"
    )]
    OtherProcessor {
        /// Whose.
        processor: Address,
    },
    /// Nobody signed it who speaks for the processor.
    #[error("nobody signed it who speaks for the processor, in this wallet")]
    Signature,
    /// Its signer had been cut off when it was issued.
    #[error("its signer {signer} had been cut off when it was issued")]
    SignerCut {
        /// The key.
        signer: Address,
    },
    /// Its times are not in order, or it promises for longer than the guarantee takes.
    #[error("its times are not such as the guarantee takes")]
    Times,
    /// Nothing can be demanded or claimed by it any more. Whoever reads a folder from its beginning meets many
    /// of these, so it is not told.
    #[error("it is so old that nothing comes of it any more")]
    TooOld,
    /// It says that it was issued in the future.
    #[error("it says that it was issued at {issued_at}, which is yet to come")]
    Future {
        /// When.
        issued_at: UnixTime,
    },
}

/// Takes lines in.
pub(crate) struct Intake<'a> {
    pub(crate) chain: &'a Chain,
    pub(crate) domain: Eip712Domain,
    pub(crate) payee: Address,
    /// The processors that are watched, as far as it is known who they are.
    pub(crate) processors: Vec<Address>,
    /// The time here.
    pub(crate) now: UnixTime,
    pub(crate) skew_s: u64,
    /// What is known of keys, asked once a round.
    signers: HashMap<(Address, Address), Option<UnixTime>>,
    /// The digests of the receipts that are watched, by their mandates.
    about: HashMap<B256, Vec<B256>>,
}

impl<'a> Intake<'a> {
    pub(crate) fn new(
        chain: &'a Chain,
        payee: Address,
        processors: Vec<Address>,
        now: UnixTime,
        skew_s: u64,
        open: &BTreeMap<B256, Watched>,
    ) -> Self {
        let domain = chain.wallet_id().eip712_domain();
        let mut about: HashMap<B256, Vec<B256>> = HashMap::new();
        for own in open.values() {
            about.entry(own.mandate_id()).or_default().push(own.digest);
        }
        let signers = HashMap::new();
        Self { chain, domain, payee, processors, now, skew_s, signers, about }
    }

    /// Takes a statement in: a receipt is watched, and what is about a receipt that is watched is noted
    /// there. What is about no such receipt is passed over.
    ///
    /// # Errors
    /// The node's. Nothing was taken in then.
    pub(crate) async fn take(
        &mut self,
        statement: Statement,
        file: &str,
        open: &mut BTreeMap<B256, Watched>,
    ) -> Result<Result<(), Refused>, WatchError> {
        let receipt = match statement {
            Statement::Receipt(receipt) => receipt,
            about => return self.note(about, open).await,
        };
        let signer = match self.check(&receipt).await? {
            Ok(signer) => signer,
            Err(refused) => return Ok(Err(refused)),
        };
        let watched = Watched::new(receipt, signer, &self.domain, file.to_owned());
        self.about.entry(watched.mandate_id()).or_default().push(watched.digest);
        open.entry(watched.digest).or_insert(watched);
        Ok(Ok(()))
    }

    /// Who signed a receipt, if it is worth anything.
    async fn check(
        &mut self,
        signed: &SignedReceipt,
    ) -> Result<Result<Address, Refused>, WatchError> {
        let own = &signed.message;
        if own.payee != self.payee {
            return Ok(Err(Refused::OtherPayee { payee: own.payee }));
        }
        if !self.processors.contains(&own.processor) {
            return Ok(Err(Refused::OtherProcessor { processor: own.processor }));
        }
        let promised = own.settle_by.seconds_since(own.issued_at);
        let longest = self.chain.periods().promise_seconds;
        if promised.is_none_or(|seconds| seconds > longest) || own.settle_by > own.deadline {
            return Ok(Err(Refused::Times));
        }
        let latest = self.now.checked_add(self.skew_s).unwrap_or(UnixTime::MAX);
        if own.issued_at > latest {
            return Ok(Err(Refused::Future { issued_at: own.issued_at }));
        }
        if self.now > self.over(own) {
            return Ok(Err(Refused::TooOld));
        }
        self.signer(signed, own.processor, own.issued_at).await
    }

    /// From when on nothing comes of a receipt: what batches paid of it is not remembered any more, and a
    /// demand could have been claimed for long, also where the account has moved.
    fn over(&self, own: &Receipt) -> UnixTime {
        let periods = self.chain.periods();
        let later = |time: UnixTime, seconds| time.checked_add(seconds).unwrap_or(UnixTime::MAX);
        let claimable_s = periods.demand_seconds.saturating_add(periods.response_seconds);
        let claimable = later(own.deadline, claimable_s.saturating_add(periods.response_seconds));
        later(own.issued_at, periods.keep_seconds).max(claimable)
    }

    /// Who signed a message, if that key spoke for the processor then.
    async fn signer<T: TypedData>(
        &mut self,
        signed: &Signed<T>,
        processor: Address,
        issued_at: UnixTime,
    ) -> Result<Result<Address, Refused>, WatchError> {
        let Ok(signer) = signed.signer(&self.domain) else { return Ok(Err(Refused::Signature)) };
        if signer == processor {
            return Ok(Ok(signer));
        }
        let until = match self.signers.get(&(processor, signer)) {
            Some(until) => *until,
            None => {
                let found = self.chain.signer(processor, signer).await?;
                let until = found.map(|own| own.until);
                self.signers.insert((processor, signer), until);
                until
            }
        };
        Ok(match until {
            None => Err(Refused::Signature),
            Some(until) if issued_at > until => Err(Refused::SignerCut { signer }),
            Some(_) => Ok(signer),
        })
    }

    /// Notes what is said about receipts that are watched.
    async fn note(
        &mut self,
        statement: Statement,
        open: &mut BTreeMap<B256, Watched>,
    ) -> Result<Result<(), Refused>, WatchError> {
        let about = self.about.get(&statement.mandate_id()).cloned().unwrap_or_default();
        for digest in about {
            let Some(own) = open.get_mut(&digest) else { continue };
            let promise = *own.promise();
            let is_theirs = match &statement {
                Statement::Receipt(_) => Ok(()),
                Statement::CaptureReceipt(said) => {
                    let message = &said.message;
                    let same = message.processor == promise.processor
                        && message.arbiter == promise.arbiter;
                    let signer = self.signer(said, promise.processor, message.issued_at).await?;
                    let theirs = if same { Ok(()) } else { Err(Refused::Signature) };
                    signer.and(theirs)
                }
                Statement::Capture(said) => {
                    let signed = said.verify(&self.domain, promise.payee);
                    signed.map_err(|_| Refused::Signature)
                }
                Statement::Ruling(_) if promise.arbiter.is_zero() => Err(Refused::Signature),
                Statement::Ruling(said) => {
                    let signed = said.verify(&self.domain, promise.arbiter);
                    signed.map_err(|_| Refused::Signature)
                }
            };
            if let Err(refused) = is_theirs {
                return Ok(Err(refused));
            }
            match statement {
                Statement::Receipt(_) => {}
                Statement::CaptureReceipt(said) => own.capture_receipt = Some(said),
                Statement::Capture(said) => own.capture = Some(said),
                Statement::Ruling(said) => {
                    let less = own
                        .ruling
                        .is_none_or(|before| said.message.captured < before.message.captured);
                    if less {
                        own.ruling = Some(said);
                    }
                }
            }
        }
        Ok(Ok(()))
    }
}
