//! A status list, once it was fetched.

use std::io::Read;

use flate2::read::ZlibDecoder;

use crate::{
    base64url, cached::Fetched, claims::Claims, error::CredentialError, fetch::FetchError,
    issuer::Issuer, token,
};

/// For how long a list is fresh when it does not say (`ttl`), in seconds.
const FRESH_S: u64 = 300;

/// The statuses of many tokens.
#[derive(Debug)]
pub(crate) struct StatusList {
    /// How many bits each has: 1, 2, 4 or 8.
    bits: u64,
    bytes: Vec<u8>,
    /// When it was signed, in unix seconds.
    pub(crate) issued_at_s: u64,
    /// From when on it says nothing, in unix seconds.
    expires_at_s: Option<u64>,
}

/// What a list is checked against.
#[derive(Clone, Debug)]
pub(crate) struct Expected {
    pub(crate) issuer: Issuer,
    /// Its address.
    pub(crate) uri: String,
    pub(crate) bytes_max: usize,
    pub(crate) now_s: u64,
    /// The time at which the list was signed that is had already.
    pub(crate) newer_than_s: u64,
}

impl StatusList {
    /// The status with this number. None when the list is shorter.
    pub(crate) fn status(&self, index: u64) -> Option<u8> {
        // From the least significant bit of the first byte upwards.
        let bit = index.checked_mul(self.bits)?;
        let byte = *self.bytes.get(usize::try_from(bit / 8).ok()?)?;
        let mask = u8::MAX >> (8 - self.bits);
        Some((byte >> (bit % 8)) & mask)
    }

    /// Whether it still says something.
    pub(crate) fn is_valid(&self, now_s: u64) -> bool {
        self.expires_at_s.is_none_or(|expires_at_s| now_s < expires_at_s)
    }
}

/// Checks a list's token, and unpacks it.
///
/// # Errors
/// When it is not the list that is expected, signed by the issuer.
pub(crate) async fn read(
    bytes: &[u8],
    expected: &Expected,
) -> Result<Fetched<StatusList>, FetchError> {
    verified(bytes, expected).await.map_err(|error| {
        FetchError::Content(match error {
            Refused::Credential(error) => error.code(),
            Refused::List(reason) => reason,
        })
    })
}

enum Refused {
    Credential(CredentialError),
    List(&'static str),
}

impl From<CredentialError> for Refused {
    fn from(error: CredentialError) -> Self {
        Self::Credential(error)
    }
}

async fn verified(bytes: &[u8], expected: &Expected) -> Result<Fetched<StatusList>, Refused> {
    let Expected { issuer, uri, bytes_max, now_s, newer_than_s } = expected;
    let text = std::str::from_utf8(bytes).map_err(|_| Refused::List("not a token"))?;
    let token = token::read(text.trim_ascii_end(), *bytes_max)?;
    if token.typ != token::STATUS_LIST {
        return Err(CredentialError::Type.into());
    }
    issuer.verify(&token).await?;
    let claims = Claims(&token.claims);
    if claims.needed("sub")? != uri {
        return Err(Refused::List("the list has another name (sub)"));
    }
    if claims.text("iss")?.is_some_and(|iss| iss != issuer.settings.issuer) {
        return Err(Refused::List("the list has another issuer (iss)"));
    }
    let skew_s = issuer.settings.clock_skew_s;
    let issued_at_s = claims.number("iat")?.ok_or(CredentialError::MissingClaim("iat"))?;
    if issued_at_s > now_s.saturating_add(skew_s) {
        return Err(CredentialError::NotYetValid.into());
    }
    if issued_at_s < *newer_than_s {
        return Err(Refused::List("the list is older than the one that is had already"));
    }
    let expires_at_s = claims.number("exp")?;
    let list = claims.object("status_list")?;
    let list = list.ok_or(CredentialError::MissingClaim("status_list"))?;
    let bits = list.number("bits")?.filter(|bits| matches!(bits, 1 | 2 | 4 | 8));
    let bits = bits.ok_or(Refused::List("bits is not 1, 2, 4 or 8"))?;
    let packed = list.0.get("lst").and_then(|lst| lst.as_str()).and_then(base64url::decode);
    let packed = packed.ok_or(Refused::List("lst is not base64url"))?;
    let list = StatusList { bits, bytes: unpack(&packed, *bytes_max)?, issued_at_s, expires_at_s };
    if !list.is_valid(*now_s) {
        return Err(CredentialError::Expired.into());
    }
    let fresh_s = claims.number("ttl")?.unwrap_or(FRESH_S);
    let left_s = expires_at_s.map_or(u64::MAX, |expires_at_s| expires_at_s.saturating_sub(*now_s));
    Ok(Fetched { value: list, fresh_s: fresh_s.min(left_s) })
}

/// Unpacks a list, as far as the limit: some hundred bytes can stand for a gigabyte.
fn unpack(packed: &[u8], bytes_max: usize) -> Result<Vec<u8>, Refused> {
    let mut bytes = Vec::new();
    let unpacking = ZlibDecoder::new(packed).take(bytes_max as u64 + 1).read_to_end(&mut bytes);
    match unpacking {
        Err(_) => Err(Refused::List("lst is not packed by zlib")),
        Ok(_) if bytes.len() > bytes_max => Err(Refused::List("the list is too long")),
        Ok(_) => Ok(bytes),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::Value;

    use super::*;
    use crate::{
        clock::Clock,
        fetch::Fetcher,
        keys::source::{KeySource, Place},
        settings::{FetchSettings, IssuerSettings},
    };

    fn vectors() -> Value {
        serde_json::from_str(include_str!("../../tests/fixtures/vectors.json")).expect("our own")
    }

    /// The issuer of the vectors, with its keys in a file.
    fn expected(vectors: &Value) -> (tempfile::TempDir, Expected) {
        let now_s = vectors["now"].as_u64().expect("a time");
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("jwks.json");
        std::fs::write(&file, vectors["jwks"]["issuer"].to_string()).expect("written");
        let settings: IssuerSettings = serde_json::from_value(serde_json::json!({
            "issuer": vectors["issuer"], "audience": vectors["audience"], "kinds": ["kyc"],
        }))
        .expect("settings");
        let fetch = FetchSettings::default();
        let fetcher = Fetcher::new(&fetch).expect("a client");
        let keys = KeySource::new(Place::File(file), fetcher, fetch, Clock::new(move || now_s));
        let issuer = Issuer { settings: Arc::new(settings), keys: Arc::new(keys) };
        let uri = vectors["list"].as_str().expect("a name").to_owned();
        let bytes_max = 4 << 20;
        (folder, Expected { issuer, uri, bytes_max, now_s, newer_than_s: now_s - 3600 })
    }

    #[tokio::test]
    async fn lists_of_another_library_say_what_the_draft_says_they_say() {
        let vectors = vectors();
        let (_folder, expected) = expected(&vectors);
        // The first two are the draft's own examples.
        let cases: [(&str, &[u8]); 4] = [
            ("oneBit", &[1, 0, 0, 1, 1, 1, 0, 1, 1, 1, 0, 0, 0, 1, 0, 1]),
            ("twoBits", &[1, 2, 0, 3, 0, 1, 0, 1, 1, 2, 3, 3]),
            ("fourBits", &[0, 1, 2, 15]),
            ("eightBits", &[0, 1, 2, 255]),
        ];
        for (name, statuses) in cases {
            let token = vectors["lists"]["good"][name].as_str().expect("a token");
            let list = read(token.as_bytes(), &expected).await.expect(name);
            assert_eq!(list.fresh_s, 600);
            let read: Vec<_> = (0..).map_while(|index| list.value.status(index)).collect();
            assert_eq!(read, statuses, "{name}");
        }
    }

    #[tokio::test]
    async fn lists_that_are_not_the_one_that_is_meant_are_refused() {
        let vectors = vectors();
        let (_folder, expected) = expected(&vectors);
        let refused = vectors["lists"]["refused"].as_object().expect("vectors");
        let reasons = [
            ("anotherName", "another name"),
            ("anotherIssuer", "another issuer"),
            ("anotherIssuersKey", "credential_signature"),
            ("anAttestation", "credential_type"),
            ("expired", "credential_expired"),
            ("fromTheFuture", "credential_not_yet_valid"),
            ("older", "older than"),
            ("threeBits", "bits is not"),
            ("notPacked", "zlib"),
            ("cutOff", "zlib"),
            ("bomb", "too long"),
        ];
        assert_eq!(reasons.len(), refused.len(), "none is forgotten");
        for (name, reason) in reasons {
            let token = refused[name].as_str().expect("a token");
            let error = read(token.as_bytes(), &expected).await.expect_err(name).to_string();
            assert!(error.contains(reason), "{name}: {error}");
        }
    }
}
