//! JSON-RPC 2.0 as it comes over a wire: requests, batches of them, and their answers.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{error::RpcError, method::Answer};

/// The most requests in a batch (geth's number).
pub(crate) const BATCH_MAX: usize = 1_000;

/// A request as it comes over a wire.
#[derive(Deserialize)]
struct Request<'a> {
    #[serde(borrow)]
    jsonrpc: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    method: Option<&'a RawValue>,
    #[serde(borrow)]
    params: Option<&'a RawValue>,
}

/// Tells `null` from absent: a request without an id wants no answer.
fn present<'de: 'a, 'a, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<&'a RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

#[derive(Serialize)]
struct Response<'a> {
    jsonrpc: &'static str,
    id: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<RpcError>,
}

/// Answers a request, or a batch of them, in JSON. `None` if nobody wants an answer.
///
/// `run` is called for each request, so that a batch does not hold the chain all the while.
pub(crate) fn answer_text(
    text: &[u8],
    mut run: impl FnMut(&str, Option<&RawValue>) -> Answer,
) -> Option<String> {
    let whole: &RawValue = match serde_json::from_slice(text) {
        Ok(whole) => whole,
        Err(_) => return Some(to_text(&failure(None, RpcError::parse()))),
    };
    if !whole.get().starts_with('[') {
        return answer_one(whole, &mut run).map(|response| to_text(&response));
    }
    let requests: Vec<&RawValue> = match serde_json::from_str(whole.get()) {
        Ok(requests) => requests,
        Err(_) => return Some(to_text(&failure(None, RpcError::parse()))),
    };
    let refused = match requests.len() {
        0 => Some("empty batch"),
        1..=BATCH_MAX => None,
        _ => Some("batch too large"),
    };
    if let Some(defect) = refused {
        return Some(to_text(&failure(None, RpcError::request(defect))));
    }
    let responses: Vec<_> =
        requests.into_iter().filter_map(|request| answer_one(request, &mut run)).collect();
    (!responses.is_empty()).then(|| to_text(&responses))
}

fn answer_one<'a>(
    request: &'a RawValue,
    run: &mut impl FnMut(&str, Option<&RawValue>) -> Answer,
) -> Option<Response<'a>> {
    let request: Request<'a> = match serde_json::from_str(request.get()) {
        Ok(request) => request,
        Err(_) => return Some(failure(None, RpcError::request("not a request object"))),
    };
    let id = request.id;
    if id.is_some_and(|id| id.get().starts_with(['{', '[', 't', 'f'])) {
        return Some(failure(None, RpcError::request("id is not a string, number or null")));
    }
    let version = request.jsonrpc.map(RawValue::get);
    if version != Some("\"2.0\"") {
        return Some(failure(id, RpcError::request("jsonrpc is not \"2.0\"")));
    }
    let method =
        request.method.and_then(|method| serde_json::from_str::<String>(method.get()).ok());
    let Some(method) = method else {
        return Some(failure(id, RpcError::request("method is not a string")));
    };
    let result = run(&method, request.params);
    let id = Some(id?);
    Some(match result {
        Ok(result) => Response { jsonrpc: "2.0", id, result: Some(result), error: None },
        Err(error) => failure(id, error),
    })
}

fn failure(id: Option<&RawValue>, error: RpcError) -> Response<'_> {
    Response { jsonrpc: "2.0", id, result: None, error: Some(error) }
}

fn to_text(value: &impl Serialize) -> String {
    // Fails for maps whose keys are no strings, which there are none of.
    serde_json::to_string(value).unwrap_or_default()
}
