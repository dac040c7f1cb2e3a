//! Sessions: an owner that logged in, for some hours. In memory: a restart ends them.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use aep2_mandate::units::UnixTime;
use alloy_primitives::hex;
use axum::http::{HeaderMap, header};
use rand::{RngCore, rngs::OsRng};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::ids::OwnerId;

/// How long a session lasts, in seconds.
pub(crate) const LASTS_S: u64 = 8 * 3_600;
/// The most sessions at a time; the oldest ends when one more begins.
const SESSIONS_MAX: usize = 1_024;
/// The cookie. Its name binds it to this host and to this path, where the page is served over TLS.
pub(crate) const COOKIE: &str = "aep2-issuer-session";

/// Sessions, by the hashes of their secrets.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    open: Mutex<HashMap<[u8; 32], Open>>,
}

#[derive(Clone, Debug)]
struct Open {
    owner: OwnerId,
    form: String,
    ends: UnixTime,
}

/// A session that a request belongs to.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    pub(crate) owner: OwnerId,
    /// What each of its forms has in it.
    pub(crate) form: String,
}

impl Session {
    /// Whether a form is this session's own.
    pub(crate) fn made(&self, form: &str) -> bool {
        self.form.as_bytes().ct_eq(form.as_bytes()).into()
    }
}

impl Sessions {
    /// Begins one. Gives its cookie's value.
    pub(crate) fn begin(&self, owner: OwnerId, now: UnixTime) -> String {
        let (secret, form) = (random(), random());
        let ends = now.checked_add(LASTS_S).unwrap_or(UnixTime::MAX);
        let mut open = self.lock();
        open.retain(|_, one| one.ends > now);
        if open.len() >= SESSIONS_MAX {
            let oldest = open.iter().min_by_key(|(_, one)| one.ends).map(|(hash, _)| *hash);
            oldest.and_then(|hash| open.remove(&hash));
        }
        open.insert(hash(&secret), Open { owner, form, ends });
        secret
    }

    /// The session whose cookie a request brings.
    pub(crate) fn of(&self, headers: &HeaderMap, now: UnixTime) -> Option<Session> {
        let open = self.lock();
        let one = open.get(&hash(&cookie(headers)?)).filter(|one| one.ends > now)?;
        Some(Session { owner: one.owner, form: one.form.clone() })
    }

    /// Ends it.
    pub(crate) fn end(&self, headers: &HeaderMap) {
        if let Some(secret) = cookie(headers) {
            self.lock().remove(&hash(&secret));
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<[u8; 32], Open>> {
        // Nothing panics while it is held.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn random() -> String {
    let mut bytes = [0; 32];
    OsRng.fill_bytes(&mut bytes);
    hex::encode(bytes)
}

fn hash(secret: &str) -> [u8; 32] {
    Sha256::digest(secret).into()
}

/// The cookie's value.
fn cookie(headers: &HeaderMap) -> Option<String> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|cookies| cookies.split(';'));
    pairs.find_map(|pair| Some(pair.trim().strip_prefix(COOKIE)?.strip_prefix('=')?.to_owned()))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn at(seconds: u64) -> UnixTime {
        UnixTime::new(seconds).expect("in range")
    }

    #[test]
    fn a_session_is_its_owners_and_ends() {
        let sessions = Sessions::default();
        let owner = OwnerId::random();
        let secret = sessions.begin(owner, at(1_000));
        let mut headers = HeaderMap::new();
        let cookie = format!("other=1; {COOKIE}={secret}");
        headers.insert(header::COOKIE, HeaderValue::from_str(&cookie).expect("a header"));

        let session = sessions.of(&headers, at(1_001)).expect("a session");
        assert_eq!(session.owner, owner);
        assert!(session.made(&session.form) && !session.made(&secret) && !session.made(""));
        assert!(sessions.of(&headers, at(1_000 + LASTS_S)).is_none());
        assert!(sessions.of(&HeaderMap::new(), at(1_001)).is_none());
        sessions.end(&headers);
        assert!(sessions.of(&headers, at(1_001)).is_none());
    }
}
