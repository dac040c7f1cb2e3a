//! From a line in a folder to a receipt that is watched.
//!
//! Whoever can write into the folder can put anything there. So a receipt is taken in only if it is one of
//! this payee's, by a processor that its operator named, signed by that processor or a key that it named on
//! chain, and with times that the guarantee takes.

use std::collections::{BTreeSet, HashMap};

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

use crate::{chain::Chain, error::WatchError, keys::Keys, open::Open, watched::Watched};

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

/// What became of a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// It is watched, or noted with what is.
    In,
    /// It is about a mandate of which no receipt is watched.
    Unmatched,
    /// It does not count now, and may later.
    NotYet(Refused),
    /// It does not count.
    Refused(Refused),
}

/// Takes statements in.
pub(crate) struct Intake<'a> {
    chain: &'a Chain,
    keys: &'a mut Keys,
    domain: Eip712Domain,
    payee: Address,
    /// The processors whose receipts are taken in.
    processors: BTreeSet<Address>,
    /// The time here.
    now: UnixTime,
    /// How many seconds the clocks of processors may be ahead.
    skew_s: u64,
    /// The digests of the receipts that are watched, by their mandates.
    about: HashMap<B256, Vec<B256>>,
}

impl<'a> Intake<'a> {
    pub(crate) fn new(
        chain: &'a Chain,
        keys: &'a mut Keys,
        payee: Address,
        processors: BTreeSet<Address>,
        (now, skew_s): (UnixTime, u64),
        open: &Open,
    ) -> Self {
        let domain = chain.wallet_id().eip712_domain();
        let mut about: HashMap<B256, Vec<B256>> = HashMap::new();
        for own in open.values() {
            about.entry(own.mandate_id()).or_default().push(own.digest);
        }
        Self { chain, keys, domain, payee, processors, now, skew_s, about }
    }

    /// Takes a statement in: a receipt is watched, and what is about a receipt that is watched is noted
    /// there.
    ///
    /// # Errors
    /// The node's. Nothing was taken in then.
    pub(crate) async fn take(
        &mut self,
        statement: Statement,
        file: &str,
        open: &mut Open,
    ) -> Result<Taken, WatchError> {
        let receipt = match statement {
            Statement::Receipt(receipt) => receipt,
            about => return self.note(about, open).await,
        };
        let signer = match self.check(&receipt).await? {
            Ok(signer) => signer,
            Err(not_taken) => return Ok(not_taken),
        };
        let watched = Watched::new(receipt, signer, &self.domain, file.to_owned());
        let (mandate, digest) = (watched.mandate_id(), watched.digest);
        if open.add(watched) {
            self.about.entry(mandate).or_default().push(digest);
        }
        Ok(Taken::In)
    }

    /// Who signed a receipt, if it is worth anything.
    async fn check(
        &mut self,
        signed: &SignedReceipt,
    ) -> Result<Result<Address, Taken>, WatchError> {
        let own = &signed.message;
        let refused = |reason: Refused| Ok(Err(Taken::Refused(reason)));
        if own.payee != self.payee {
            return refused(Refused::OtherPayee { payee: own.payee });
        }
        if !self.processors.contains(&own.processor) {
            return refused(Refused::OtherProcessor { processor: own.processor });
        }
        let promised = own.settle_by.seconds_since(own.issued_at);
        let longest = self.chain.periods().promise_seconds;
        if promised.is_none_or(|seconds| seconds > longest) || own.settle_by > own.deadline {
            return refused(Refused::Times);
        }
        let latest = self.now.checked_add(self.skew_s).unwrap_or(UnixTime::MAX);
        if own.issued_at > latest {
            return Ok(Err(Taken::NotYet(Refused::Future { issued_at: own.issued_at })));
        }
        if self.now > self.over(own) {
            return refused(Refused::TooOld);
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

    /// Who signed a message, if that key spoke for the processor then. A key that the processor has not named
    /// may still be.
    async fn signer<T: TypedData>(
        &mut self,
        signed: &Signed<T>,
        processor: Address,
        issued_at: UnixTime,
    ) -> Result<Result<Address, Taken>, WatchError> {
        let Ok(signer) = signed.signer(&self.domain) else {
            return Ok(Err(Taken::Refused(Refused::Signature)));
        };
        if signer == processor {
            return Ok(Ok(signer));
        }
        Ok(match self.keys.standing(self.chain, processor, signer).await? {
            None => Err(Taken::NotYet(Refused::Signature)),
            Some(known) if issued_at > known.until => {
                Err(Taken::Refused(Refused::SignerCut { signer }))
            }
            Some(_) => Ok(signer),
        })
    }

    /// Notes what is said about receipts that are watched.
    async fn note(&mut self, statement: Statement, open: &mut Open) -> Result<Taken, WatchError> {
        let about = self.about.get(&statement.mandate_id()).cloned().unwrap_or_default();
        let mut taken = Taken::Unmatched;
        for digest in about {
            let Some(own) = open.get_mut(&digest) else { continue };
            if let Err(not_taken) = self.may_say(&statement, own.promise()).await? {
                return Ok(not_taken);
            }
            taken = Taken::In;
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
        Ok(taken)
    }

    /// Whether a statement about a receipt is by whom it must be.
    async fn may_say(
        &mut self,
        statement: &Statement,
        promise: &Receipt,
    ) -> Result<Result<(), Taken>, WatchError> {
        let is_signed = match statement {
            Statement::Receipt(_) => true,
            Statement::CaptureReceipt(said) => {
                let message = &said.message;
                let signer = self.signer(said, promise.processor, message.issued_at).await?;
                if let Err(not_taken) = signer {
                    return Ok(Err(not_taken));
                }
                message.processor == promise.processor && message.arbiter == promise.arbiter
            }
            Statement::Capture(said) => said.verify(&self.domain, promise.payee).is_ok(),
            Statement::Ruling(said) => {
                !promise.arbiter.is_zero() && said.verify(&self.domain, promise.arbiter).is_ok()
            }
        };
        Ok(if is_signed { Ok(()) } else { Err(Taken::Refused(Refused::Signature)) })
    }
}
