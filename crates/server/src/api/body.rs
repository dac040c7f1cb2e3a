//! Reading a request's body: bounded in size and time before it is looked at.

use std::time::Duration;

use aep2_mandate::{mandate::SignedMandate, wire::WireError};
use aep2_processor::accept::OfferedMandate;
use aep2_x402::preimage::Preimage;
use alloy::primitives::{B256, Keccak256};
use axum::{
    BoxError,
    body::{Body, Bytes},
    extract::Request,
    http::{HeaderMap, header},
};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::{
    Deserialize, Deserializer,
    de::{Error, SeqAccess, Visitor},
};
use serde_json::value::RawValue;
use tokio::time::timeout;

use super::error::{ApiError, Code};

/// The body of a request with JSON in it.
///
/// # Errors
/// When it is not declared as JSON, is longer than `bytes_max`, or takes longer than `within`.
pub(super) async fn json(
    request: Request,
    bytes_max: usize,
    within: Duration,
) -> Result<Bytes, ApiError> {
    let (parts, body) = request.into_parts();
    if !is_json(&parts.headers) {
        return Err(ApiError::new(
            Code::UnsupportedMediaType,
            "send JSON, with the header Content-Type: application/json",
        ));
    }
    whole(&parts.headers, body, bytes_max, within).await
}

/// The body of a request with whatever in it.
///
/// # Errors
/// As [`json`], but for what it is declared as.
pub(super) async fn bytes(
    request: Request,
    bytes_max: usize,
    within: Duration,
) -> Result<Bytes, ApiError> {
    let (parts, body) = request.into_parts();
    whole(&parts.headers, body, bytes_max, within).await
}

/// The keccak-256 hash of the body of a request, which is not kept.
///
/// # Errors
/// As [`bytes`].
pub(super) async fn hashed(
    request: Request,
    bytes_max: usize,
    within: Duration,
) -> Result<B256, ApiError> {
    let (parts, body) = request.into_parts();
    let hash = async |mut body: Limited<Body>| {
        let mut hasher = Keccak256::new();
        while let Some(frame) = body.frame().await {
            hasher.update(frame?.data_ref().map_or(&[][..], |data| data));
        }
        Ok(hasher.finalize())
    };
    read(&parts.headers, body, (bytes_max, within), hash).await
}

async fn whole(
    headers: &HeaderMap,
    body: Body,
    bytes_max: usize,
    within: Duration,
) -> Result<Bytes, ApiError> {
    let collect = async |body: Limited<Body>| Ok(body.collect().await?.to_bytes());
    read(headers, body, (bytes_max, within), collect).await
}

/// Reads a body of at most so many bytes within so long.
async fn read<T>(
    headers: &HeaderMap,
    body: Body,
    (bytes_max, within): (usize, Duration),
    reader: impl AsyncFnOnce(Limited<Body>) -> Result<T, BoxError>,
) -> Result<T, ApiError> {
    let length = headers.get(header::CONTENT_LENGTH);
    let declared = length.and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if declared.is_some_and(|bytes| bytes > bytes_max as u64) {
        return Err(too_large(bytes_max));
    }
    match timeout(within, reader(Limited::new(body, bytes_max))).await {
        Ok(Ok(read)) => Ok(read),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large(bytes_max)),
        Ok(Err(_)) => Err(ApiError::new(Code::Malformed, "the body ended before it was whole")),
        Err(_) => Err(ApiError::new(
            Code::TooSlow,
            format!("the body did not arrive within {} s; send it again", within.as_secs()),
        )),
    }
}

fn too_large(bytes_max: usize) -> ApiError {
    ApiError::new(Code::TooLarge, format!("the body is longer than {bytes_max} bytes"))
}

/// `application/json`, with no other charset than the one that JSON has.
fn is_json(headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return false };
    let Ok(text) = value.to_str() else { return false };
    let mut parts = text.split(';').map(str::trim);
    let kind = parts.next().unwrap_or_default();
    let utf8 = |part: &str| {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        name.trim().eq_ignore_ascii_case("charset")
            && value.trim().trim_matches('"').eq_ignore_ascii_case("utf-8")
    };
    kind.eq_ignore_ascii_case("application/json") && parts.all(|part| part.is_empty() || utf8(part))
}

/// A mandate, with what its `ref` was made of where that is said: its four or three members, each once.
///
/// # Errors
/// When it is anything else.
pub(super) fn mandate(text: &[u8]) -> Result<OfferedMandate, ApiError> {
    /// The members unread: what stands in each is for its own reader.
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct WithTerms<'a> {
        #[serde(borrow)]
        mandate: &'a RawValue,
        #[serde(borrow)]
        key: &'a RawValue,
        #[serde(borrow)]
        signature: &'a RawValue,
        terms: Preimage,
    }
    match SignedMandate::from_json(text) {
        Err(error) if error.field == "terms" => {}
        read => return Ok(read?.into()),
    }
    let malformed = |error: serde_json::Error| ApiError::new(Code::Malformed, error.to_string());
    let read: WithTerms<'_> = serde_json::from_slice(text).map_err(malformed)?;
    let WithTerms { mandate, key, signature, terms } = read;
    let alone = format!(r#"{{"mandate":{mandate},"key":{key},"signature":{signature}}}"#);
    let signed = SignedMandate::from_json(alone)?;
    Ok(OfferedMandate { signed, preimage: Some(terms) })
}

/// The mandates of one request, each by itself: read, or why not.
pub(super) type ReadMandates = Vec<Result<SignedMandate, ApiError>>;

/// The body `{"mandates": […]}`, read strictly, with as many mandates as `count_max` and each as long
/// as `bytes_max` at most.
///
/// # Errors
/// When it is something else, or holds too many. A mandate that cannot be read is no error of the
/// whole.
pub(super) fn mandates(
    text: &[u8],
    count_max: usize,
    bytes_max: usize,
) -> Result<ReadMandates, ApiError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Many<'a> {
        #[serde(borrow)]
        mandates: Items<'a>,
    }

    let many: Many<'_> = serde_json::from_slice(text)
        .map_err(|error| ApiError::new(Code::Malformed, error.to_string()))?;
    let mandates = many.mandates.0;
    if mandates.is_empty() {
        return Err(ApiError::new(Code::Malformed, "mandates: there are none"));
    }
    if mandates.len() > count_max {
        let message = format!("more than {count_max} mandates; send the rest by themselves");
        return Err(ApiError::new(Code::TooLarge, message));
    }
    let read = |text: &RawValue| match text.get() {
        text if text.len() > bytes_max => Err(ApiError::new(
            Code::TooLarge,
            format!("the mandate is longer than {bytes_max} bytes"),
        )),
        text => SignedMandate::from_json(text).map_err(|error: WireError| error.into()),
    };
    Ok(mandates.into_iter().map(read).collect())
}

/// So many that no setting asks for more; what comes after is not kept.
const ITEMS_MAX: usize = 1 << 16;

/// Texts of an array, unread. No more than [`ITEMS_MAX`] are kept, and one more is an error: an array
/// of little things would take more memory than its text.
struct Items<'a>(Vec<&'a RawValue>);

impl<'de: 'a, 'a> Deserialize<'de> for Items<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;

        impl<'de> Visitor<'de> for Reader {
            type Value = Vec<&'de RawValue>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an array of mandates")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Self::Value, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = from.next_element()? {
                    if items.len() == ITEMS_MAX {
                        return Err(A::Error::custom("too many mandates"));
                    }
                    items.push(item);
                }
                Ok(items)
            }
        }

        deserializer.deserialize_seq(Reader).map(Items)
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn declared(values: &[&'static str]) -> bool {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(header::CONTENT_TYPE, HeaderValue::from_static(value));
        }
        is_json(&headers)
    }

    #[test]
    fn only_json_is_taken_for_json() {
        for good in [
            "application/json",
            "Application/JSON",
            "application/json; charset=utf-8",
            "application/json;charset=\"UTF-8\"",
            "application/json;",
        ] {
            assert!(declared(&[good]), "{good}");
        }
        for bad in [
            "text/plain",
            "application/json-patch+json",
            "application/json; charset=utf-16",
            "application/json, text/plain",
            "application/x-www-form-urlencoded",
            "",
        ] {
            assert!(!declared(&[bad]), "{bad}");
        }
        assert!(!declared(&[]));
        assert!(!declared(&["application/json", "text/plain"]), "two of them");
    }

    #[test]
    fn a_request_with_many_is_read_strictly_and_each_mandate_by_itself() {
        let code = |text: &str| mandates(text.as_bytes(), 2, 20).map_err(|error| error.code);
        for text in [
            "",
            "[]",
            "{}",
            r#"{"mandates":[]}"#,
            r#"{"mandates":{}}"#,
            r#"{"mandates":[{}],"more":1}"#,
            r#"{"mandates":[{}],"mandates":[{}]}"#,
            r#"{"mandates":[{}]} x"#,
        ] {
            assert_eq!(code(text), Err(Code::Malformed), "{text}");
        }
        assert_eq!(code(r#"{"mandates":[1,2,3]}"#), Err(Code::TooLarge));
        let read = code(r#"{"mandates":[{"a":"2345678901234567890"},{}]}"#);
        let codes = read.map(|read| {
            read.into_iter().map(|one| one.map_err(|error| error.code)).collect::<Vec<_>>()
        });
        assert_eq!(codes, Ok(vec![Err(Code::TooLarge), Err(Code::Malformed)]));
    }

    #[test]
    fn a_mandate_with_its_terms_is_read_as_strictly_as_one_without() {
        let message = |text: &str| mandate(text.as_bytes()).map_err(|error| error.message);
        let terms = r#"{"method":"GET","resource":"https://a.example/"}"#;
        for (text, why) in [
            (format!(r#"{{"mandate":{{}},"key":1,"terms":{terms}}}"#), "signature"),
            (
                format!(r#"{{"mandate":{{}},"key":1,"signature":1,"terms":{terms},"more":1}}"#),
                "more",
            ),
            (
                format!(
                    r#"{{"mandate":{{}},"key":1,"signature":1,"terms":{terms},"terms":{terms}}}"#
                ),
                "terms",
            ),
            (
                r#"{"mandate":{},"key":1,"signature":1,"terms":{"method":"GET"}}"#.to_owned(),
                "resource",
            ),
            (r#"{"mandate":{},"key":1,"signature":1,"terms":null}"#.to_owned(), "null"),
            (
                format!(r#"{{"mandate":{{}},"key":1,"signature":1,"terms":{terms}}}"#),
                "mandate.account",
            ),
        ] {
            let refused = message(&text).expect_err("refused");
            assert!(refused.contains(why), "{text}: {refused}");
        }
    }

    #[test]
    fn an_array_of_little_things_is_not_kept() {
        let text = format!(r#"{{"mandates":[{}1]}}"#, "1,".repeat(ITEMS_MAX));
        let refused = mandates(text.as_bytes(), usize::MAX, 20).map_err(|error| error.code);
        assert_eq!(refused, Err(Code::Malformed));
    }
}
