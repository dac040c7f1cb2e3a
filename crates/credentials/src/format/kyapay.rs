//! KYAPay tokens (`draft-skyfire-oauth-kyapay-token-02`): who an agent is, on which platform it runs,
//! and that somebody was checked who answers for it.
//!
//! Of a token that carries a payment too, only this part is read.

use serde_json::Value;

use crate::{
    algorithm::Algorithm,
    attestation::{AgentIdentity, Platform, Verification},
    claims::{Claims, Registered},
    error::CredentialError,
    settings::IssuerSettings,
    token::Unverified,
};

/// Reads who the agent is.
///
/// # Errors
/// When a claim that the draft demands is missing, or one is not as it must be.
pub(crate) fn read(
    token: &Unverified<'_>,
    registered: &Registered,
    issuer: &IssuerSettings,
) -> Result<AgentIdentity, CredentialError> {
    let claims = Claims(&token.claims);
    // The draft's header and payload rules that go beyond everybody's: one algorithm, one audience,
    // a UUID as the token's name.
    if token.algorithm != Algorithm::Es256 {
        return Err(CredentialError::Algorithm);
    }
    if !token.claims.get("aud").is_some_and(Value::is_string) {
        return Err(CredentialError::Claim("aud"));
    }
    if !is_uuid(&registered.token_id) {
        return Err(CredentialError::Claim("jti"));
    }
    let environment = claims.text("env")?;
    let taken = |env: &str| issuer.environments.iter().any(|environment| environment == env);
    if environment.is_some_and(|environment| !taken(environment)) {
        return Err(CredentialError::Environment);
    }
    let missing = CredentialError::MissingClaim;
    let principal = verification(claims.object("hid")?.ok_or(missing("hid"))?)?;
    if !principal.verified && !issuer.unverified_principals {
        return Err(CredentialError::PrincipalNotVerified);
    }
    let name = claims.object("aid")?.ok_or(missing("aid"))?.needed("name")?.to_owned();
    Ok(AgentIdentity {
        account: claims.needed("sub")?.to_owned(),
        name,
        platform: claims.object("apd")?.map(platform).transpose()?,
        principal,
        environment: environment.map(str::to_owned),
    })
}

fn platform(claims: Claims<'_>) -> Result<Platform, CredentialError> {
    Ok(Platform {
        id: claims.needed("id")?.to_owned(),
        name: claims.text("name")?.map(str::to_owned),
        verification: verification(claims)?,
    })
}

fn verification(claims: Claims<'_>) -> Result<Verification, CredentialError> {
    Ok(Verification {
        verified: claims.flag("verified")?.unwrap_or(false),
        verifier: claims.text("verifier")?.map(str::to_owned),
        id: claims.text("verification_id")?.map(str::to_owned),
    })
}

/// Whether a text is a UUID, in the form 8-4-4-4-12.
fn is_uuid(text: &str) -> bool {
    let lengths = [8, 4, 4, 4, 12];
    let parts: Vec<_> = text.split('-').collect();
    parts.len() == lengths.len()
        && parts.iter().zip(lengths).all(|(part, length)| {
            part.len() == length && part.bytes().all(|byte| byte.is_ascii_hexdigit())
        })
}
