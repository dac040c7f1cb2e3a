//! Credentials that payers, payees and agents present: attestations by issuers whom an operator
//! trusts, and requests that agents sign.
//!
//! A service asks [`Attestations`] whether a token is good and of whom it speaks, and at intervals
//! whether it was revoked. It asks [`AgentRequests`] which agent signed a request. Whom to believe, and
//! about what, is in [`CredentialSettings`]; nothing that a token says adds to it.
//!
//! ```no_run
//! use aep2_credentials::{Attestations, Clock, CredentialSettings, Holder, Status};
//!
//! # async fn example(settings: CredentialSettings, token: &str, holder: Holder<'_>)
//! # -> Result<(), Box<dyn std::error::Error>> {
//! let attestations = Attestations::new(&settings, Clock::system())?;
//! let attestation = attestations.verify_for(token, &holder).await?;
//! let holds = attestations.status(&attestation).await? == Status::Valid;
//! # Ok(())
//! # }
//! ```
//!
//! `docs/credentials.md` has the formats, what is refused, and why.
//!
//! # What it does not know
//!
//! What a service does with an attestation: policies, records, and who its customers are.

mod addresses;
mod agents;
mod algorithm;
mod attestation;
mod attestations;
mod base64url;
mod cached;
mod claims;
mod clock;
mod error;
mod fetch;
mod format;
mod issuer;
mod json;
mod keys;
mod settings;
mod status;
mod subject;
mod token;

pub use self::{
    agents::{
        request::AgentRequest,
        verify::{AgentRequests, AgentSignature},
    },
    algorithm::Algorithm,
    attestation::{
        AgentIdentity, Attestation, Country, Kind, NoCountry, Platform, StatusReference,
        Verification,
    },
    attestations::{Attestations, Status},
    clock::Clock,
    error::CredentialError,
    settings::{
        AgentSettings, CredentialSettings, FetchSettings, IssuerSettings, SettingsError,
        SubjectKind,
    },
    subject::{AgentKey, Holder, NoSubject, Subject, Thumbprint},
    token::{ATTESTATION, TOKEN_BYTES_MAX},
};
