//! What an agent asks the wallet for, and the bounds on it. The comments on fields are what a
//! language model reads.

use std::collections::BTreeMap;

use http::{HeaderMap, HeaderName, HeaderValue};
use rmcp::{model::JsonObject, schemars::JsonSchema};
use serde::Deserialize;
use url::Url;

/// The longest URL, in bytes.
const URL_BYTES_MAX: usize = 4_096;
/// The longest body of a request, in bytes.
const BODY_BYTES_MAX: usize = 256 << 10;
/// The most headers of a request.
const HEADERS_MAX: usize = 32;
/// How much of an answer is returned when nothing is said, in bytes.
const ANSWER_BYTES: usize = 32 << 10;
/// The most that is returned of an answer, in bytes.
const ANSWER_BYTES_MAX: usize = 256 << 10;
/// How many payments are listed when nothing is said.
const PAYMENTS: usize = 20;
/// The most payments that are listed.
const PAYMENTS_MAX: usize = 200;

/// A request to pay for.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(crate = "rmcp::schemars")]
pub(super) struct Pay {
    /// The whole URL, beginning with http:// or https://
    #[schemars(length(min = 1, max = URL_BYTES_MAX))]
    url: String,
    /// The HTTP method
    #[serde(default)]
    method: Method,
    /// Headers, by name. Payment headers are the wallet's own and cannot be given
    #[serde(default)]
    #[schemars(extend("maxProperties" = HEADERS_MAX))]
    headers: BTreeMap<String, String>,
    /// The body, as text. Say what it is in the header content-type
    #[serde(default)]
    #[schemars(length(max = BODY_BYTES_MAX))]
    body: Option<String>,
    /// How many bytes of the answer to return at most; 32768 when not given
    #[serde(default)]
    #[schemars(range(min = 1, max = ANSWER_BYTES_MAX))]
    answer_bytes_max: Option<usize>,
}

/// An HTTP method.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
#[schemars(crate = "rmcp::schemars")]
pub(super) enum Method {
    #[default]
    Get,
    Head,
    Post,
    Put,
    Patch,
    Delete,
}

/// A tool to pay for.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(crate = "rmcp::schemars")]
pub(super) struct PayTool {
    /// The URL of the MCP server (streamable HTTP), often ending with /mcp
    #[schemars(length(min = 1, max = URL_BYTES_MAX))]
    url: String,
    /// The tool's name
    #[schemars(length(min = 1, max = 128))]
    tool: String,
    /// The tool's arguments, as its input schema asks for them
    #[serde(default)]
    arguments: JsonObject,
}

/// A server whose tools to list.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(crate = "rmcp::schemars")]
pub(super) struct Tools {
    /// The URL of the MCP server (streamable HTTP), often ending with /mcp
    #[schemars(length(min = 1, max = URL_BYTES_MAX))]
    pub(super) url: String,
}

/// How many payments to list.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(crate = "rmcp::schemars")]
pub(super) struct History {
    /// How many payments to list at most; 20 when not given
    #[serde(default)]
    #[schemars(range(min = 1, max = PAYMENTS_MAX))]
    count: Option<usize>,
}

/// A request that is in order.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) url: Url,
    method: http::Method,
    headers: HeaderMap,
    body: Option<String>,
}

impl Pay {
    /// The request, and how much of its answer is wanted.
    pub(super) fn checked(self) -> Result<(Request, usize), String> {
        let Self { url: text, method, headers, body, answer_bytes_max } = self;
        let url = url(&text)?;
        if body.as_ref().is_some_and(|body| body.len() > BODY_BYTES_MAX) {
            return Err(format!("the body is longer than {BODY_BYTES_MAX} bytes"));
        }
        if headers.len() > HEADERS_MAX {
            return Err(format!("there are more than {HEADERS_MAX} headers"));
        }
        let headers = headers.iter().map(|(name, value)| header(name, value));
        let headers = headers.collect::<Result<HeaderMap, String>>()?;
        let bytes_max = answer_bytes_max.unwrap_or(ANSWER_BYTES).clamp(1, ANSWER_BYTES_MAX);
        Ok((Request { url, method: method.into(), headers, body }, bytes_max))
    }
}

impl PayTool {
    /// The server, the tool and its arguments.
    pub(super) fn checked(self) -> Result<(Url, String, JsonObject), String> {
        let Self { url: text, tool, arguments } = self;
        let bytes = serde_json::to_vec(&arguments).map_or(0, |written| written.len());
        if bytes > BODY_BYTES_MAX {
            return Err(format!("the arguments take more than {BODY_BYTES_MAX} bytes"));
        }
        Ok((url(&text)?, tool, arguments))
    }
}

impl History {
    pub(super) fn count(&self) -> usize {
        self.count.unwrap_or(PAYMENTS).clamp(1, PAYMENTS_MAX)
    }
}

impl Request {
    /// The request as it is sent.
    pub(super) fn http(&self) -> reqwest::Result<reqwest::Request> {
        let Self { url, method, headers, body } = self;
        let mut request = reqwest::Request::new(method.clone(), url.clone());
        *request.headers_mut() = headers.clone();
        *request.body_mut() = body.clone().map(Into::into);
        Ok(request)
    }
}

impl From<Method> for http::Method {
    fn from(method: Method) -> Self {
        match method {
            Method::Get => Self::GET,
            Method::Head => Self::HEAD,
            Method::Post => Self::POST,
            Method::Put => Self::PUT,
            Method::Patch => Self::PATCH,
            Method::Delete => Self::DELETE,
        }
    }
}

/// A URL that can be asked.
pub(super) fn url(text: &str) -> Result<Url, String> {
    if text.len() > URL_BYTES_MAX {
        return Err(format!("the URL is longer than {URL_BYTES_MAX} bytes"));
    }
    let url: Url = text.parse().map_err(|error| format!("{text:?} is no URL: {error}"))?;
    match url.scheme() {
        "http" | "https" if url.has_host() => Ok(url),
        _ => Err(format!("{text:?} does not begin with http:// or https://")),
    }
}

fn header(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), String> {
    let wrong = |what: &str| format!("the header {name:?} {what}");
    let parsed: HeaderName =
        name.parse().map_err(|_| wrong("has a name that headers cannot have"))?;
    let own = ["payment-", "x-payment"].iter().any(|prefix| parsed.as_str().starts_with(prefix));
    if own || [http::header::HOST, http::header::CONTENT_LENGTH].contains(&parsed) {
        return Err(wrong("is set by the wallet itself: leave it out"));
    }
    let value = value.parse().map_err(|_| wrong("has a value that headers cannot have"))?;
    Ok((parsed, value))
}
