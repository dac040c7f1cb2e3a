//! The format of attestations that `docs/credentials.md` defines.

use serde_json::Value;

use crate::{
    attestation::{Country, Kind},
    claims::Claims,
    error::CredentialError,
};

/// How many nationalities a person may have here.
const NATIONALITIES_MAX: usize = 10;

/// What an attestation says.
#[derive(Debug)]
pub(crate) struct Statement {
    pub(crate) kind: Kind,
    pub(crate) level: Option<String>,
    pub(crate) country: Option<Country>,
    pub(crate) nationalities: Vec<Country>,
}

/// Reads what an attestation says.
///
/// # Errors
/// When a claim is missing or not as it must be.
pub(crate) fn read(claims: Claims<'_>) -> Result<Statement, CredentialError> {
    let kind = Kind::named(claims.needed("kind")?).ok_or(CredentialError::Claim("kind"))?;
    let level = claims.text("level")?.map(str::to_owned);
    let country = claims.text("country")?.map(str::parse).transpose();
    let country = country.map_err(|_| CredentialError::Claim("country"))?;
    Ok(Statement { kind, level, country, nationalities: nationalities(claims)? })
}

fn nationalities(claims: Claims<'_>) -> Result<Vec<Country>, CredentialError> {
    let wrong = CredentialError::Claim("nationalities");
    let codes = match claims.0.get("nationalities") {
        None => return Ok(Vec::new()),
        Some(Value::Array(codes)) if codes.len() <= NATIONALITIES_MAX => codes,
        Some(_) => return Err(wrong),
    };
    let read = |code: &Value| code.as_str().and_then(|code| code.parse().ok());
    codes.iter().map(|code| read(code).ok_or(wrong.clone())).collect()
}
