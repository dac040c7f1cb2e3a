//! Officers: who may look and who may decide, by tokens of which only the hashes are kept.

use alloy_primitives::{B256, hex};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// What somebody may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Look at everything but evidence.
    Reader,
    /// Look at everything, and decide.
    Officer,
}

/// Somebody with a token.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Officer {
    /// The name that records show.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// The SHA-256 of the token. `aep2 compliance token` makes both.
    pub token_sha256: B256,
}

/// The bytes that a token begins with: whoever finds one knows what it is.
const PREFIX: &str = "aep2_officer_";

/// A fresh token, and what the settings keep of it.
pub fn new_token() -> (String, B256) {
    let token = format!("{PREFIX}{}", hex::encode(rand::random::<[u8; 32]>()));
    let hash = token_hash(&token);
    (token, hash)
}

fn token_hash(token: &str) -> B256 {
    B256::from_slice(&Sha256::digest(token.as_bytes()))
}

/// Whose token it is. All are compared, whichever it is: how long it takes says nothing.
pub(crate) fn of_token<'a>(officers: &'a [Officer], token: &str) -> Option<&'a Officer> {
    let hash = token_hash(token);
    let mut found = None;
    for officer in officers {
        if bool::from(officer.token_sha256.as_slice().ct_eq(hash.as_slice())) {
            found = Some(officer);
        }
    }
    found
}

/// What is wrong with a list of officers.
///
/// # Errors
/// A name that is empty or too long for the log, or that two have; a token that two have: then two
/// officers would be one.
pub fn check(officers: &[Officer]) -> Result<(), String> {
    for (place, officer) in officers.iter().enumerate() {
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '@');
        if officer.name.is_empty() || officer.name.len() > 64 || !officer.name.chars().all(is_name)
        {
            return Err(format!(
                "officers[{place}]: the name {:?} is not 1 to 64 letters, digits, and . _ - @",
                officer.name
            ));
        }
        for other in &officers[..place] {
            if other.name == officer.name || other.token_sha256 == officer.token_sha256 {
                return Err(format!(
                    "officers[{place}]: {} and {} have the same name or token",
                    other.name, officer.name
                ));
            }
        }
    }
    Ok(())
}
