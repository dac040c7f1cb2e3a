//! What of a request is signed.

/// The parameter `tag` of these signatures: what they are for.
pub const TAG: &str = "aep2-card";
/// The scheme of `Authorization`.
pub const SCHEME: &str = "AEP2-Card";

/// What of a request is signed besides its card.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The method, in capitals.
    pub method: &'a str,
    /// The host that is asked, in lower case, with the port where it is not the scheme's own. A
    /// verifier says its own: one that took it from the request would take proofs for others.
    pub authority: &'a str,
    /// The path, as it is sent: `/` and what follows.
    pub path: &'a str,
    /// The query as it is sent, without the question mark. None where there is none.
    pub query: Option<&'a str>,
    /// The body. Empty where there is none.
    pub body: &'a [u8],
}
