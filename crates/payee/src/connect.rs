//! Setting a payee up by what its processor says about itself.

use std::sync::Arc;

use aep2_processor_client::{
    FacilitatorClient, NativeClient, ProcessorClient, ProcessorError, RetryPolicy,
    lookup::{Identity, Lookup},
};
use alloy_primitives::Address;
use alloy_signer_local::PrivateKeySigner;
use thiserror::Error;
use url::Url;

use crate::{
    config::PayeeConfig,
    payee::{Payee, PayeeError},
};

/// What a payee says about itself; the rest is its processor's to say.
#[derive(Clone, Debug)]
pub struct PayeeOptions {
    /// As [`PayeeConfig::origin`].
    pub origin: Url,
    /// The processor, by its address on the net.
    pub processor: Url,
    /// Whether it is asked by x402's calls instead of its own.
    pub facilitator: bool,
    /// Who is paid, where `key` does not say it.
    pub payee: Option<Address>,
    /// The token that is taken, where it is not the processor's first.
    pub token: Option<Address>,
    /// The payee's own key, for captures of less than the price.
    pub key: Option<PrivateKeySigner>,
    /// Something with a metered price, by its name, if anything has one.
    pub metered: Option<String>,
}

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
    #[error("nobody is paid: set `payee` or `key_file`")]
    NoPayee,
    /// A metered price without a key to capture with.
    #[error(
        "{0} is metered, and capturing less than everything takes the payee's key: set `key_file`"
    )]
    NoKey(String),
    /// The processor settles whole amounts only.
    #[error("{0} is metered, and the processor settles whole amounts only")]
    NoCaptures(String),
    /// The payee.
    #[error(transparent)]
    Payee(#[from] PayeeError),
}

impl Payee {
    /// A payee whose venue, token and times are those of its processor, which is asked.
    ///
    /// # Errors
    /// When the processor does not answer, or does not fit.
    pub async fn connect(
        options: PayeeOptions,
        http: reqwest::Client,
    ) -> Result<(Self, Identity), ConnectError> {
        let PayeeOptions { origin, processor: url, facilitator, payee, token, key, metered } =
            options;
        let lookup = Lookup::new(http.clone(), url.clone());
        let identity = lookup
            .identity()
            .await
            .map_err(|source| ConnectError::Processor { url: url.to_string(), source })?;
        let mut taken = identity.tokens.iter().map(|own| own.token.0);
        let found = match token {
            Some(token) => taken.find(|own| *own == token),
            None => taken.next(),
        };
        let found = found.ok_or(ConnectError::Token(token))?;
        let address = match (&key, payee) {
            (_, Some(payee)) => payee,
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
        let retry = RetryPolicy::default();
        let processor: Arc<dyn ProcessorClient> = if facilitator {
            Arc::new(FacilitatorClient::new(http, url, retry))
        } else {
            Arc::new(NativeClient::new(http, url, retry))
        };
        let mut config = PayeeConfig::new(origin, identity.venue(), found, address);
        config.settle_within_s = identity.settle_within_s;
        Ok((Self::new(config, processor, key)?, identity))
    }
}
