//! Verifying attestations, and asking whether they were revoked.

use std::{collections::HashMap, sync::Arc, time::Duration};

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::{
    attestation::{Attestation, Kind},
    claims::Claims,
    clock::Clock,
    error::CredentialError,
    fetch::Fetcher,
    format::{kyapay, own},
    issuer::Issuer,
    keys::source::{KeySource, Place},
    settings::{CredentialSettings, SettingsError},
    status::{
        lists::{Answer, StatusLists},
        reference,
    },
    subject::Holder,
    token::{self, TOKEN_BYTES_MAX, Unverified},
};

/// Verifies attestations by the issuers that the settings name. Clones are the same. It works within
/// a runtime of tokio.
#[derive(Clone, Debug)]
pub struct Attestations(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    issuers: HashMap<String, Issuer>,
    lists: StatusLists,
    interval: Duration,
    clock: Clock,
}

/// What an issuer says of an attestation now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It holds.
    Valid,
    /// It does not hold any more.
    Revoked,
    /// It does not hold at present: suspended, or anything else that is not known here and is not
    /// "valid".
    Suspended,
    /// Nobody can say at present: the provider is unavailable.
    Unknown,
}

impl Attestations {
    /// Verifies by these settings and this clock. Asks nobody yet.
    ///
    /// # Errors
    /// When a setting is not as it must be, or the system's certificates cannot be read.
    pub fn new(settings: &CredentialSettings, clock: Clock) -> Result<Self, SettingsError> {
        settings.check()?;
        let fetcher = Fetcher::new(&settings.fetch)?;
        let fetch = &settings.fetch;
        let mut issuers = HashMap::new();
        for issuer in &settings.issuers {
            let place = match (&issuer.jwks_url, &issuer.jwks_file) {
                (Some(url), _) => {
                    fetcher.check(&issuer.issuer, url)?;
                    Place::Url(url.clone())
                }
                (None, Some(file)) => Place::File(file.clone()),
                (None, None) => continue,
            };
            let keys = KeySource::new(place, fetcher.clone(), fetch.clone(), clock.clone());
            let runtime = Issuer { settings: Arc::new(issuer.clone()), keys: Arc::new(keys) };
            issuers.insert(issuer.issuer.clone(), runtime);
        }
        let lists = StatusLists::new(fetcher, fetch.clone(), clock.clone());
        let interval = Duration::from_secs(fetch.refresh_interval_min_s);
        Ok(Self(Arc::new(Inner { issuers, lists, interval, clock })))
    }

    /// Verifies a token and what it says. Whether the one who presents it is
    /// [whom it is about](Attestation::subject), and whether it was revoked, is not asked here: see
    /// [`Self::verify_for`] and [`Self::status`].
    ///
    /// Only a token that names an issuer of the settings makes a request, to that issuer, and not
    /// more often than the settings say.
    ///
    /// # Errors
    /// The first reason why it is refused.
    pub async fn verify(&self, token: &str) -> Result<Attestation, CredentialError> {
        let unverified = token::read(token, TOKEN_BYTES_MAX)?;
        let claims = Claims(&unverified.claims);
        let name = unverified.claims.get("iss").and_then(Value::as_str);
        let name = name.ok_or(CredentialError::MissingClaim("iss"))?;
        let issuer = self.0.issuers.get(name).ok_or(CredentialError::UnknownIssuer)?;
        let typ = unverified.typ.as_str();
        let taken = |taken: &String| token::media_type(taken) == typ;
        if !issuer.settings.types.iter().any(taken) {
            let payment = typ == token::PAY;
            return Err(if payment {
                CredentialError::PaymentToken
            } else {
                CredentialError::Type
            });
        }
        issuer.verify(&unverified).await?;

        let settings = &*issuer.settings;
        let registered = claims.registered(settings, self.0.clock.now_s())?;
        let binding = claims.binding(settings)?;
        let mut attestation = Attestation {
            issuer: settings.issuer.clone(),
            kind: Kind::Kya,
            subject: binding.subject,
            confirmation: binding.confirmation,
            level: None,
            country: None,
            nationalities: Vec::new(),
            agent: None,
            token_id: registered.token_id.clone(),
            issued_at_s: registered.issued_at_s,
            expires_at_s: registered.expires_at_s,
            status: reference::read(claims, settings)?,
            evidence: <[u8; 32]>::from(Sha256::digest(token)).into(),
        };
        if is_kyapay(&unverified) {
            attestation.agent = Some(kyapay::read(&unverified, &registered, settings)?);
        } else {
            let statement = own::read(claims)?;
            attestation.kind = statement.kind;
            attestation.level = statement.level;
            attestation.country = statement.country;
            attestation.nationalities = statement.nationalities;
        }
        if !settings.kinds.contains(&attestation.kind) {
            return Err(CredentialError::Kind);
        }
        Ok(attestation)
    }

    /// Verifies a token that this holder presents: it must be about the holder, and the holder must
    /// have shown that it holds the key that the token names, if it names one.
    ///
    /// # Errors
    /// The first reason why it is refused.
    pub async fn verify_for(
        &self,
        token: &str,
        holder: &Holder<'_>,
    ) -> Result<Attestation, CredentialError> {
        let attestation = self.verify(token).await?;
        attestation.check_holder(holder)?;
        Ok(attestation)
    }

    /// Asks whether an attestation still holds. One without a status holds until it expires. An old
    /// list that said "revoked" is believed while no newer one can be had: whoever was revoked gains
    /// nothing by keeping us from the list.
    ///
    /// # Errors
    /// When the attestation is to be refused: it expired, its issuer is not in the settings any more,
    /// or its list has no such entry.
    pub async fn status(&self, attestation: &Attestation) -> Result<Status, CredentialError> {
        let issuer = self.0.issuers.get(&attestation.issuer);
        let issuer = issuer.ok_or(CredentialError::UnknownIssuer)?;
        let skew_s = issuer.settings.clock_skew_s;
        if attestation.expires_at_s.saturating_add(skew_s) <= self.0.clock.now_s() {
            return Err(CredentialError::Expired);
        }
        let Some(reference) = &attestation.status else { return Ok(Status::Valid) };
        // The settings may have changed since the token was verified.
        if !issuer.settings.may_keep_lists_at(&reference.uri) {
            return Err(CredentialError::StatusUnusable);
        }
        match self.0.lists.ask(issuer, &reference.uri, reference.index).await {
            Answer::Value(value) => Ok(Status::of(value)),
            Answer::NoEntry => Err(CredentialError::StatusIndex),
            Answer::Unavailable(last) => Ok(match last.map(Status::of) {
                Some(last @ (Status::Revoked | Status::Suspended)) => last,
                _ => Status::Unknown,
            }),
        }
    }

    /// Fetches the keys of all issuers that are not fresh any more, or soon will not be.
    pub async fn refresh(&self) {
        for issuer in self.0.issuers.values() {
            issuer.keys.keep_fresh().await;
        }
    }

    /// Keeps the keys of all issuers fresh, so that nobody who presents a token waits for them. Runs
    /// until it is dropped.
    pub async fn keep_fresh(&self) {
        loop {
            self.refresh().await;
            tokio::time::sleep(self.0.interval).await;
        }
    }
}

impl Status {
    /// The draft's values: 0 is valid, 1 invalid, 2 suspended, others whatever an application likes.
    fn of(value: u8) -> Self {
        match value {
            0 => Self::Valid,
            1 => Self::Revoked,
            _ => Self::Suspended,
        }
    }
}

fn is_kyapay(token: &Unverified<'_>) -> bool {
    token.typ == token::KYA || token.typ == token::KYA_PAY
}
