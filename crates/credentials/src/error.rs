//! Why a credential is refused.

use thiserror::Error;

/// Why a credential is refused, or cannot be checked. Messages have nothing of what the credential
/// says, so that they can be logged.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CredentialError {
    /// Longer than is read.
    #[error("the token is longer than {0} bytes")]
    TooLarge(usize),
    /// Not three parts of base64url with an object of JSON in the first two, no name twice in one.
    #[error("not a signed token: {0}")]
    Malformed(&'static str),
    /// Not signed by an algorithm that the issuer is allowed: `none` and HMAC never are.
    #[error("the token's algorithm is not one that its issuer may use")]
    Algorithm,
    /// The token brings along a key, or the place of one.
    #[error("the token's header has {0}: keys come from the settings, not from tokens")]
    BroughtKey(&'static str),
    /// An extension that must be understood, and is not.
    #[error("the token's header demands extensions that are not known here")]
    Critical,
    /// Another kind of token.
    #[error("the token's type (typ) is not one that its issuer may use")]
    Type,
    /// A payment, no identity.
    #[error("the token is a payment (pay+jwt); what is needed says who an agent is (kya+jwt)")]
    PaymentToken,
    /// Not by anybody who is named in the settings.
    #[error("the token's issuer is not named in the settings")]
    UnknownIssuer,
    /// The issuer does not publish that key, or not for this algorithm.
    #[error("the issuer publishes no key of this name for this algorithm")]
    UnknownKey,
    /// The issuer's keys cannot be had.
    #[error("the issuer's keys cannot be had at present")]
    KeysUnavailable,
    /// The signature is wrong.
    #[error("the token's signature is wrong")]
    Signature,
    /// A claim that must be there is not.
    #[error("the token lacks the claim {0}")]
    MissingClaim(&'static str),
    /// A claim is not what it must be.
    #[error("the token's claim {0} is not as it must be")]
    Claim(&'static str),
    /// Meant for somebody else.
    #[error("the token is not for this audience")]
    Audience,
    /// Too old.
    #[error("the token has expired")]
    Expired,
    /// Too young.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// Valid for longer than its issuer may say.
    #[error("the token is valid for longer than its issuer may say")]
    Lifetime,
    /// Attests what the issuer may not attest.
    #[error("the issuer may not attest this")]
    Kind,
    /// Names nobody whom we could recognise: it would serve everybody.
    #[error("the token is bound to no account and to no key")]
    Unbound,
    /// Speaks of a kind of subject, or of a chain, that the issuer may not speak of.
    #[error("the issuer may not speak of such subjects")]
    SubjectNotAllowed,
    /// Speaks of somebody else.
    #[error("the token is about somebody else")]
    OtherSubject,
    /// Only good for who holds a key, which was not shown.
    #[error("the token is good only for the holder of a key, which was not shown")]
    NotConfirmed,
    /// From another environment: a sandbox's token says nothing.
    #[error("the token is from an environment that is not taken")]
    Environment,
    /// The issuer says itself that it did not check.
    #[error("the token does not say that its principal was verified")]
    PrincipalNotVerified,
    /// It cannot be revoked, and must be.
    #[error("the token has no status, and its issuer's tokens must have one")]
    StatusMissing,
    /// Its status is kept in a way, or at a place, that is not read.
    #[error(
        "the token's status cannot be looked up: unknown mechanism, or a place that is not allowed"
    )]
    StatusUnusable,
    /// The list has no such entry.
    #[error("the status list has no entry of this number")]
    StatusIndex,
    /// A header of a signed request is missing, repeated, or cannot be read.
    #[error("the request's header {0} is missing or cannot be read")]
    RequestHeader(&'static str),
    /// No signature for this purpose, or several.
    #[error("the request needs one signature with the tag web-bot-auth")]
    RequestUnsigned,
    /// A parameter of the signature is missing or not what it must be.
    #[error("the signature's parameter {0} is not as it must be")]
    RequestParameter(&'static str),
    /// What must be signed is not, or something is signed that cannot be read here.
    #[error("the signature does not cover what it must, or something that is not known here")]
    RequestComponents,
    /// The agent is not named in the settings.
    #[error("the request's agent is not named in the settings")]
    UnknownAgent,
}

impl CredentialError {
    /// Its name, stable across releases.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TooLarge(_) => "credential_too_large",
            Self::Malformed(_) => "credential_malformed",
            Self::Algorithm => "credential_algorithm",
            Self::BroughtKey(_) => "credential_brought_key",
            Self::Critical => "credential_critical",
            Self::Type => "credential_type",
            Self::PaymentToken => "credential_payment_token",
            Self::UnknownIssuer => "credential_issuer_unknown",
            Self::UnknownKey => "credential_key_unknown",
            Self::KeysUnavailable => "credential_keys_unavailable",
            Self::Signature => "credential_signature",
            Self::MissingClaim(_) => "credential_claim_missing",
            Self::Claim(_) => "credential_claim",
            Self::Audience => "credential_audience",
            Self::Expired => "credential_expired",
            Self::NotYetValid => "credential_not_yet_valid",
            Self::Lifetime => "credential_lifetime",
            Self::Kind => "credential_kind",
            Self::Unbound => "credential_unbound",
            Self::SubjectNotAllowed => "credential_subject_not_allowed",
            Self::OtherSubject => "credential_other_subject",
            Self::NotConfirmed => "credential_not_confirmed",
            Self::Environment => "credential_environment",
            Self::PrincipalNotVerified => "credential_principal_not_verified",
            Self::StatusMissing => "credential_status_missing",
            Self::StatusUnusable => "credential_status_unusable",
            Self::StatusIndex => "credential_status_index",
            Self::RequestHeader(_) => "agent_request_header",
            Self::RequestUnsigned => "agent_request_unsigned",
            Self::RequestParameter(_) => "agent_request_parameter",
            Self::RequestComponents => "agent_request_components",
            Self::UnknownAgent => "agent_unknown",
        }
    }

    /// Whether the same credential may be good later: the issuer could not be asked.
    pub const fn is_unavailable(&self) -> bool {
        matches!(self, Self::KeysUnavailable)
    }
}
