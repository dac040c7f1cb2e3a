//! Sessions: a judge that logged in to the page, for some hours. In memory: a restart ends them.
//!
//! A session has two secrets. Its cookie shows the page. **A cookie does not know ports**: a browser sends it
//! to whatever else serves on the same host. So the cookie alone changes nothing. Every form needs the
//! session's key besides, which is handed out once, when logging in, and which the page's script keeps where
//! browsers keep things for one origin: scheme, host and port.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use aep2_mandate::units::UnixTime;
use alloy_primitives::hex;
use axum::http::{HeaderMap, header};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// How long a session lasts, in seconds.
pub(crate) const LASTS_S: u64 = 8 * 3_600;
/// The most sessions of a judge at a time; the oldest ends when one more begins.
const SESSIONS_MAX: usize = 8;
/// The cookie.
pub(crate) const COOKIE: &str = "aep2-arbiter-session";

/// Sessions, by the hashes of their cookies.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    open: Mutex<HashMap<[u8; 32], Session>>,
}

/// A session that a request belongs to.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    pub(crate) judge: String,
    /// The hash of its key.
    key: [u8; 32],
    ends: UnixTime,
}

/// The secrets of a new session.
pub(crate) struct Secrets {
    /// The cookie's value.
    pub(crate) cookie: String,
    /// What every form needs.
    pub(crate) key: String,
}

impl Session {
    /// Whether a form has this session's key.
    pub(crate) fn has(&self, key: &str) -> bool {
        hash(key).ct_eq(&self.key).into()
    }
}

impl Sessions {
    /// Begins one of a judge's.
    pub(crate) fn begin(&self, judge: String, now: UnixTime) -> Secrets {
        let secrets = Secrets { cookie: random(), key: random() };
        let ends = now.checked_add(LASTS_S).unwrap_or(UnixTime::MAX);
        let mut open = self.lock();
        open.retain(|_, one| one.ends > now);
        let of_judge = || open.iter().filter(|(_, one)| one.judge == judge);
        if of_judge().count() >= SESSIONS_MAX {
            let oldest = of_judge().min_by_key(|(_, one)| one.ends).map(|(hash, _)| *hash);
            oldest.and_then(|hash| open.remove(&hash));
        }
        open.insert(hash(&secrets.cookie), Session { judge, key: hash(&secrets.key), ends });
        secrets
    }

    /// The session whose cookie a request brings.
    pub(crate) fn of(&self, headers: &HeaderMap, now: UnixTime) -> Option<Session> {
        let open = self.lock();
        open.get(&hash(&cookie(headers)?)).filter(|one| one.ends > now).cloned()
    }

    /// Ends it.
    pub(crate) fn end(&self, headers: &HeaderMap) {
        if let Some(secret) = cookie(headers) {
            self.lock().remove(&hash(&secret));
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<[u8; 32], Session>> {
        // Nothing panics while it is held.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn random() -> String {
    hex::encode(rand::random::<[u8; 32]>())
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

    #[test]
    fn a_session_is_its_judges_and_ends() {
        let at = |seconds| UnixTime::new(seconds).expect("in range");
        let sessions = Sessions::default();
        let Secrets { cookie, key } = sessions.begin("ann".to_owned(), at(1_000));
        let mut headers = HeaderMap::new();
        let value = format!("other=1; {COOKIE}={cookie}");
        headers.insert(header::COOKIE, HeaderValue::from_str(&value).expect("a header"));
        let session = sessions.of(&headers, at(1_001)).expect("a session");
        assert_eq!(session.judge, "ann");
        assert!(session.has(&key) && !session.has(&cookie) && !session.has(""));
        assert!(sessions.of(&headers, at(1_000 + LASTS_S)).is_none());
        // One judge's sessions push out none of another's.
        for _ in 0..100 {
            sessions.begin("bob".to_owned(), at(1_001));
        }
        assert!(sessions.of(&headers, at(1_001)).is_some());
        sessions.end(&headers);
        assert!(sessions.of(&headers, at(1_001)).is_none());
    }
}
