//! Sessions: somebody who logged in to a page, for some hours. In memory: a restart ends them.
//!
//! A session has two secrets. Its cookie shows the page. **A cookie does not know ports**: a browser sends
//! it to whatever else serves on the same host, and on an owner's machine that may be an agent. So the
//! cookie alone changes nothing. Every form needs the session's key besides, which is handed out once, when
//! logging in, and which the page's script keeps where browsers keep things for one origin: scheme, host
//! and port.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use aep2_mandate::units::UnixTime;
use alloy_primitives::hex;
use axum::{
    http::{HeaderMap, HeaderValue, header},
    response::Response,
};
use rand::{RngCore, rngs::OsRng};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// How long a session lasts, in seconds.
const LASTS_S: u64 = 8 * 3_600;
/// The most sessions of one holder at a time; the oldest ends when one more begins.
const SESSIONS_MAX: usize = 16;

/// Sessions of holders `H`, by the hashes of their cookies. `T` is what else is remembered of each, such as
/// the token that was logged in with.
#[derive(Debug)]
pub struct Sessions<H, T = ()> {
    /// The cookie's name.
    cookie: &'static str,
    open: Mutex<HashMap<[u8; 32], Session<H, T>>>,
}

/// A session that a request belongs to.
#[derive(Clone, Debug)]
pub struct Session<H, T = ()> {
    /// Whose it is.
    pub holder: H,
    /// What is remembered of it.
    pub by: T,
    /// The hash of its key.
    key: [u8; 32],
    ends: UnixTime,
}

/// The secrets of a new session.
#[derive(Clone)]
pub struct Secrets {
    /// The cookie's value.
    cookie: String,
    /// What every form needs.
    pub key: String,
}

impl<H, T> Session<H, T> {
    /// Whether a form has this session's key.
    pub fn has(&self, key: &str) -> bool {
        hash(key).ct_eq(&self.key).into()
    }
}

impl<H: Clone + PartialEq, T: Clone> Sessions<H, T> {
    /// None yet; the cookie is called so.
    pub fn new(cookie: &'static str) -> Self {
        Self { cookie, open: Mutex::default() }
    }

    /// Begins one.
    pub fn begin(&self, holder: H, by: T, now: UnixTime) -> Secrets {
        let secrets = Secrets { cookie: random(), key: random() };
        let ends = now.checked_add(LASTS_S).unwrap_or(UnixTime::MAX);
        let mut open = self.lock();
        open.retain(|_, one| one.ends > now);
        let of_holder = || open.iter().filter(|(_, one)| one.holder == holder);
        if of_holder().count() >= SESSIONS_MAX {
            let oldest = of_holder().min_by_key(|(_, one)| one.ends).map(|(hash, _)| *hash);
            oldest.and_then(|hash| open.remove(&hash));
        }
        let session = Session { holder, by, key: hash(&secrets.key), ends };
        open.insert(hash(&secrets.cookie), session);
        secrets
    }

    /// The session whose cookie a request brings.
    pub fn of(&self, headers: &HeaderMap, now: UnixTime) -> Option<Session<H, T>> {
        let open = self.lock();
        open.get(&hash(&self.cookie_in(headers)?)).filter(|one| one.ends > now).cloned()
    }

    /// Ends it.
    pub fn end(&self, headers: &HeaderMap) {
        if let Some(secret) = self.cookie_in(headers) {
            self.lock().remove(&hash(&secret));
        }
    }

    /// Hands a new session's cookie over with an answer; where browsers reach this over TLS, for TLS only.
    pub fn hand_over(&self, secrets: &Secrets, is_over_tls: bool, response: &mut Response) {
        let secure = if is_over_tls { "; Secure" } else { "" };
        self.set(&secrets.cookie, &format!("; Max-Age={LASTS_S}{secure}"), response);
    }

    /// Takes it back.
    pub fn take_back(&self, response: &mut Response) {
        self.set("", "; Max-Age=0", response);
    }

    fn set(&self, value: &str, more: &str, response: &mut Response) {
        let cookie = format!("{}={value}; Path=/; HttpOnly; SameSite=Strict{more}", self.cookie);
        // It has nothing in it but letters, digits and punctuation.
        if let Ok(cookie) = HeaderValue::from_str(&cookie) {
            response.headers_mut().insert(header::SET_COOKIE, cookie);
        }
    }

    /// The cookie's value.
    fn cookie_in(&self, headers: &HeaderMap) -> Option<String> {
        let cookies = headers.get_all(header::COOKIE).iter();
        let cookies = cookies.filter_map(|value| value.to_str().ok());
        let mut pairs = cookies.flat_map(|cookies| cookies.split(';'));
        let own =
            |pair: &str| Some(pair.trim().strip_prefix(self.cookie)?.strip_prefix('=')?.to_owned());
        pairs.find_map(own)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<[u8; 32], Session<H, T>>> {
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

#[cfg(test)]
mod tests {
    use axum::response::IntoResponse;

    use super::*;

    fn at(seconds: u64) -> UnixTime {
        UnixTime::new(seconds).expect("in range")
    }

    #[test]
    fn a_session_is_its_holders_and_ends() {
        let sessions = Sessions::new("session");
        let secrets = sessions.begin("ann", (), at(1_000));
        let mut headers = HeaderMap::new();
        let value = format!("other=1; session={}", secrets.cookie);
        headers.insert(header::COOKIE, HeaderValue::from_str(&value).expect("a header"));
        let session = sessions.of(&headers, at(1_001)).expect("a session");
        assert_eq!(session.holder, "ann");
        assert!(session.has(&secrets.key) && !session.has(&secrets.cookie) && !session.has(""));
        assert!(sessions.of(&headers, at(1_000 + LASTS_S)).is_none());
        assert!(sessions.of(&HeaderMap::new(), at(1_001)).is_none());
        // One holder's sessions push out none of another's.
        for _ in 0..100 {
            sessions.begin("bob", (), at(1_001));
        }
        assert!(sessions.of(&headers, at(1_001)).is_some());
        sessions.end(&headers);
        assert!(sessions.of(&headers, at(1_001)).is_none());
    }

    #[test]
    fn scripts_and_other_sites_do_not_get_the_cookie() {
        let sessions = Sessions::new("session");
        let secrets = sessions.begin("ann", (), at(1_000));
        let says = |is_over_tls| {
            let mut response = ().into_response();
            sessions.hand_over(&secrets, is_over_tls, &mut response);
            response.headers()[header::SET_COOKIE].to_str().expect("text").to_owned()
        };
        let (plain, over_tls) = (says(false), says(true));
        for own in [&plain, &over_tls] {
            assert!(own.starts_with(&format!("session={};", secrets.cookie)), "{own}");
            assert!(own.contains("; HttpOnly; SameSite=Strict"), "{own}");
        }
        assert!(!plain.contains("Secure") && over_tls.ends_with("; Secure"));
    }
}
