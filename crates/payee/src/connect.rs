//! Setting a payee up by what its processor says about itself.

use std::{sync::Arc, time::Duration};

use aep2_processor_client::{
    FacilitatorClient, NativeClient, ProcessorClient, ProcessorError, RetryPolicy,
    lookup::{Identity, Lookup},
};
use aep2_receipts::{KeepError, Keeper};
use aep2_x402::disputes::{Disputes, DisputesError};
use alloy_primitives::Address;
use alloy_signer_local::PrivateKeySigner;
use thiserror::Error;
use url::Url;

use crate::{
    clocks::ClocksDiffer,
    config::PayeeConfig,
    payee::{Payee, PayeeError},
    settings::{KeepReceipts, PayeeSettings},
};

/// How much sooner a call ends than the processor stops taking captures, in seconds.
const CAPTURE_MARGIN_S: u64 = 5;

/// Why a payee cannot be set up.
#[derive(Debug, Error)]
pub enum ConnectError {
    /// The processor does not answer as one.
    #[error("the processor at {url}: {source}")]
    Processor {
        /// Where it should be.
        url: String,
        /// What went wrong.
        source: ProcessorError,
    },
    /// The processor does not take the token, or any.
    #[error(
        "the processor does not take the token{}",
        .0.map(|token| format!(" {token}")).unwrap_or_default()
    )]
    Token(Option<Address>),
    /// Neither the payee nor its key is said.
    #[error("nobody is paid: set `address` or `key_file`")]
    NoPayee,
    /// A metered price without a key to capture with.
    #[error(
        "{0} is metered, and capturing less than everything takes the payee's key: set `key_file`"
    )]
    NoKey(String),
    /// The processor settles whole amounts only.
    #[error("{0} is metered, and the processor settles whole amounts only")]
    NoCaptures(String),
    /// A call that fails late is charged in full, though its answer costs nothing by all that payers are told.
    #[error(
        "a call may take {answer_within_s} s (`answer_within_s`), and the processor takes captures for \
         {capture_within_s} s only (its `capture_within_s`): one that fails at its end would be charged in full. \
         Leave at least {CAPTURE_MARGIN_S} s between the two"
    )]
    LateCaptures {
        /// How long a call may take.
        answer_within_s: u64,
        /// How long the processor takes captures.
        capture_within_s: u64,
    },
    /// No agreement on disputes.
    #[error(transparent)]
    Disputes(#[from] DisputesError),
    /// The processor holds no mandates for so long.
    #[error(
        "`[payee.disputes]` gives {asked_s} s to dispute and to decide, and the processor holds mandates for \
         {within_s} s at most (its `disputesWithinS`)"
    )]
    DisputesTooLong {
        /// What is set, in seconds.
        asked_s: u64,
        /// The most, in seconds. 0: it serves no disputes.
        within_s: u64,
    },
    /// No guarantee would take the processor's receipts.
    #[error(
        "the processor settles within {settle_within_s} s, disputes included, and the guarantee takes no receipt \
         that promises for longer than {promise_s_max} s (`promise_s_max`): its receipts would be worth nothing"
    )]
    PromisesTooMuch {
        /// Within what the terms would say that it settles, in seconds.
        settle_within_s: u64,
        /// The most, in seconds.
        promise_s_max: u64,
    },
    /// The clocks.
    #[error(transparent)]
    Clocks(#[from] ClocksDiffer),
    /// The payee.
    #[error(transparent)]
    Payee(#[from] PayeeError),
    /// Receipts cannot be kept.
    #[error(transparent)]
    Receipts(#[from] KeepError),
}

impl Payee {
    /// A payee that payers reach at `origin`, whose venue, token and times are those of its
    /// processor, which is asked. `key` is the payee's, and signs captures of less than the price;
    /// `metered` names something with a metered price, if anything has one; `answer_within_s` is how
    /// long a call may take.
    ///
    /// # Errors
    /// When the processor does not answer, or does not fit: its clock is far off, or it hears of no
    /// capture as late as calls may end.
    pub async fn connect(
        settings: &PayeeSettings,
        origin: Url,
        key: Option<PrivateKeySigner>,
        metered: Option<String>,
        answer_within_s: u64,
        http: reqwest::Client,
    ) -> Result<(Self, Identity), ConnectError> {
        let PayeeSettings { processor, facilitator, address, token, .. } = settings;
        let token = token.map(|token| token.0);
        let lookup = Lookup::new(http.clone(), processor.clone());
        let identity = lookup
            .identity()
            .await
            .map_err(|source| ConnectError::Processor { url: processor.to_string(), source })?;
        let mut taken = identity.tokens.iter().map(|own| own.token.0);
        let found = match token {
            Some(token) => taken.find(|own| *own == token),
            None => taken.next(),
        };
        let found = found.ok_or(ConnectError::Token(token))?;
        let address = match (&key, address) {
            (_, Some(address)) => address.0,
            (Some(key), None) => key.address(),
            (None, None) => return Err(ConnectError::NoPayee),
        };
        match (metered, &key, identity.captures) {
            (Some(what), None, _) => return Err(ConnectError::NoKey(what)),
            (Some(what), Some(_), false) => return Err(ConnectError::NoCaptures(what)),
            _ => {}
        }
        // What cannot be captured is charged in full: the payee knows what to do without a key.
        let key = key.filter(|_| identity.captures);
        let capture_within_s = identity.capture_within_s;
        if key.is_some() && answer_within_s.saturating_add(CAPTURE_MARGIN_S) > capture_within_s {
            return Err(ConnectError::LateCaptures { answer_within_s, capture_within_s });
        }
        let retry = RetryPolicy::default();
        let processor: Arc<dyn ProcessorClient> = if *facilitator {
            Arc::new(FacilitatorClient::new(http, processor.clone(), retry))
        } else {
            Arc::new(NativeClient::new(http, processor.clone(), retry))
        };
        let mut config = PayeeConfig::new(origin, identity.venue(), found, address);
        config.settle_within_s = identity.settle_within_s;
        config.disputes = disputes(settings, &identity)?;
        config.promise_s_max = settings.promise_s_max;
        let settle_within_s = config.terms_settle_within_s();
        if settle_within_s > settings.promise_s_max {
            let promise_s_max = settings.promise_s_max;
            return Err(ConnectError::PromisesTooMuch { settle_within_s, promise_s_max });
        }
        // For as long as the processor takes them for certain.
        config.capture_effort = config.capture_effort.max(Duration::from_secs(capture_within_s));
        config.receipts = match &settings.receipts {
            Some(KeepReceipts::Folder(folder)) => Some(Keeper::open(folder)?),
            Some(KeepReceipts::Switch(_)) | None => None,
        };
        let payee = Self::new(config, processor, key)?;
        payee.check_clocks().await?;
        Ok((payee, identity))
    }
}

/// What the terms agree to of disputes, if this processor serves it.
fn disputes(
    settings: &PayeeSettings,
    identity: &Identity,
) -> Result<Option<Disputes>, ConnectError> {
    let Some(settings) = &settings.disputes else { return Ok(None) };
    let disputes = Disputes::try_from(settings)?;
    let asked_s = disputes.window_seconds().saturating_add(disputes.ruling_seconds());
    let within_s = identity.disputes_within_s;
    match asked_s <= within_s {
        true => Ok(Some(disputes)),
        false => Err(ConnectError::DisputesTooLong { asked_s, within_s }),
    }
}
