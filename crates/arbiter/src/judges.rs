//! Judges: who may look and who may decide, by tokens of which only the hashes are kept.

use alloy_primitives::{B256, hex};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// What somebody may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Look at cases, but neither at what the parties said nor at evidence.
    Reader,
    /// Look at everything, and decide.
    Judge,
}

/// Somebody with a token.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Judge {
    /// The name that records show.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// The SHA-256 of the token. `aep2 dispute-processor token` makes both.
    pub token_sha256: B256,
}

/// The bytes that a token begins with: whoever finds one knows what it is.
pub const TOKEN_PREFIX: &str = "aep2_judge_";
/// The longest name: the audit log's ids hold it.
const NAME_BYTES_MAX: usize = 64;

/// A fresh token, and what the settings keep of it.
pub fn new_token() -> (String, B256) {
    let token = format!("{TOKEN_PREFIX}{}", hex::encode(rand::random::<[u8; 32]>()));
    let hash = token_hash(&token);
    (token, hash)
}

fn token_hash(token: &str) -> B256 {
    B256::from_slice(&Sha256::digest(token.as_bytes()))
}

/// Whose token it is. All are compared, whichever it is: how long it takes says nothing.
pub(crate) fn of_token<'a>(judges: &'a [Judge], token: &str) -> Option<&'a Judge> {
    let hash = token_hash(token);
    let mut found = None;
    for judge in judges {
        if bool::from(judge.token_sha256.as_slice().ct_eq(hash.as_slice())) {
            found = Some(judge);
        }
    }
    found
}

/// What is wrong with a list of judges.
///
/// # Errors
/// A name that is empty or too long for the log, or that two have; a token that two have: then two judges
/// would be one.
pub fn check(judges: &[Judge]) -> Result<(), String> {
    for (place, judge) in judges.iter().enumerate() {
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '@');
        let fits = (1..=NAME_BYTES_MAX).contains(&judge.name.len());
        if !fits || !judge.name.chars().all(is_name) {
            return Err(format!(
                "judges[{place}]: the name {:?} is not 1 to {NAME_BYTES_MAX} letters, digits, and . _ - @",
                judge.name
            ));
        }
        for other in &judges[..place] {
            if other.name == judge.name || other.token_sha256 == judge.token_sha256 {
                return Err(format!(
                    "judges[{place}]: {} and {} have the same name or token",
                    other.name, judge.name
                ));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(name: &str, token_sha256: B256) -> Judge {
        Judge { name: name.to_owned(), role: Role::Judge, token_sha256 }
    }

    #[test]
    fn a_token_is_its_judges_alone() {
        let ((ann, ann_hash), (bob, bob_hash)) = (new_token(), new_token());
        let judges = [judge("ann", ann_hash), judge("bob", bob_hash)];
        assert_eq!(of_token(&judges, &ann).map(|one| &*one.name), Some("ann"));
        assert_eq!(of_token(&judges, &bob).map(|one| &*one.name), Some("bob"));
        for other in ["", TOKEN_PREFIX, &ann[..ann.len() - 1], &ann_hash.to_string()] {
            assert!(of_token(&judges, other).is_none(), "{other:?}");
        }
    }

    #[test]
    fn one_person_is_not_two_judges() {
        let hash = B256::repeat_byte(1);
        assert!(check(&[judge("ann", hash), judge("bob", hash)]).is_err());
        assert!(check(&[judge("ann", hash), judge("ann", B256::ZERO)]).is_err());
        assert!(check(&[judge("", hash)]).is_err() && check(&[judge("a b", hash)]).is_err());
        assert!(check(&[judge("ann", hash), judge("bob", B256::ZERO)]).is_ok());
    }
}
