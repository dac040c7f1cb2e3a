//! What is known of a request that an agent may have signed.

use http::HeaderMap;

/// A request as it came in.
#[derive(Clone, Copy, Debug)]
pub struct AgentRequest<'a> {
    /// The method, in capitals.
    pub method: &'a str,
    /// Our own name, in lower case, with the port where it is not the scheme's own. Not the one that
    /// the request names: with that, requests to others would be taken.
    pub authority: &'a str,
    /// The path, as it was sent.
    pub path: &'a str,
    /// The query as it was sent, without the question mark.
    pub query: Option<&'a str>,
    /// The headers.
    pub headers: &'a HeaderMap,
}
