//! The claims that all tokens share (RFC 7519), and the binding of a token to who it is about.

use serde_json::{Map, Value};

use crate::{
    error::CredentialError,
    keys::key::Key,
    settings::{IssuerSettings, SubjectKind},
    subject::{Subject, Thumbprint},
};

/// The longest text of a claim that is kept, in bytes.
const TEXT_BYTES_MAX: usize = 256;

/// A token's claims.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Claims<'a>(pub(crate) &'a Map<String, Value>);

/// When a token is valid, and its name.
#[derive(Debug)]
pub(crate) struct Registered {
    pub(crate) token_id: String,
    pub(crate) issued_at_s: u64,
    pub(crate) expires_at_s: u64,
}

/// About whom a token is.
#[derive(Debug)]
pub(crate) struct Binding {
    pub(crate) subject: Subject,
    pub(crate) confirmation: Option<Thumbprint>,
}

impl<'a> Claims<'a> {
    /// A text that may be missing, not empty, of at most 256 bytes.
    pub(crate) fn text(self, name: &'static str) -> Result<Option<&'a str>, CredentialError> {
        match self.0.get(name) {
            None => Ok(None),
            Some(Value::String(text)) if (1..=TEXT_BYTES_MAX).contains(&text.len()) => {
                Ok(Some(text))
            }
            Some(_) => Err(CredentialError::Claim(name)),
        }
    }

    /// A text that must be there.
    pub(crate) fn needed(self, name: &'static str) -> Result<&'a str, CredentialError> {
        self.text(name)?.ok_or(CredentialError::MissingClaim(name))
    }

    /// A whole number that may be missing.
    pub(crate) fn number(self, name: &'static str) -> Result<Option<u64>, CredentialError> {
        let wrong = CredentialError::Claim(name);
        self.0.get(name).map(|value| value.as_u64().ok_or(wrong)).transpose()
    }

    /// True or false, if it is there.
    pub(crate) fn flag(self, name: &'static str) -> Result<Option<bool>, CredentialError> {
        let wrong = CredentialError::Claim(name);
        self.0.get(name).map(|value| value.as_bool().ok_or(wrong)).transpose()
    }

    /// An object that may be missing.
    pub(crate) fn object(self, name: &'static str) -> Result<Option<Claims<'a>>, CredentialError> {
        let wrong = CredentialError::Claim(name);
        self.0.get(name).map(|value| value.as_object().map(Claims).ok_or(wrong)).transpose()
    }

    /// Checks for whom the token is and when it is valid.
    ///
    /// # Errors
    /// The first that is wrong.
    pub(crate) fn registered(
        self,
        issuer: &IssuerSettings,
        now_s: u64,
    ) -> Result<Registered, CredentialError> {
        if !self.is_for(&issuer.audience)? {
            return Err(CredentialError::Audience);
        }
        let missing = CredentialError::MissingClaim;
        let expires_at_s = self.number("exp")?.ok_or(missing("exp"))?;
        let issued_at_s = self.number("iat")?.ok_or(missing("iat"))?;
        let not_before_s = self.number("nbf")?.unwrap_or(issued_at_s);
        let latest_s = now_s.saturating_add(issuer.clock_skew_s);
        if issued_at_s > latest_s || not_before_s > latest_s {
            return Err(CredentialError::NotYetValid);
        }
        if expires_at_s.saturating_add(issuer.clock_skew_s) <= now_s {
            return Err(CredentialError::Expired);
        }
        let lifetime_s = expires_at_s.checked_sub(issued_at_s);
        match lifetime_s.ok_or(CredentialError::Claim("exp"))? {
            0 => return Err(CredentialError::Claim("exp")),
            lifetime_s if lifetime_s > issuer.lifetime_max_s => {
                return Err(CredentialError::Lifetime);
            }
            _ => {}
        }
        let token_id = self.needed("jti")?.to_owned();
        Ok(Registered { token_id, issued_at_s, expires_at_s })
    }

    /// Whether `aud` is this name, or has it.
    fn is_for(self, audience: &str) -> Result<bool, CredentialError> {
        match self.0.get("aud") {
            None => Err(CredentialError::MissingClaim("aud")),
            Some(Value::String(name)) => Ok(name == audience),
            Some(Value::Array(names)) if names.iter().all(Value::is_string) => {
                Ok(names.iter().any(|name| name == audience))
            }
            Some(_) => Err(CredentialError::Claim("aud")),
        }
    }

    /// About whom the token is: the account or the agent that `aep2_subject` or `sub` names, else
    /// the holder of the key in `cnf`. A token that names none of them is refused: whoever has it
    /// could present it.
    ///
    /// # Errors
    /// When it names nobody, names two, or the issuer may not speak of such subjects.
    pub(crate) fn binding(self, issuer: &IssuerSettings) -> Result<Binding, CredentialError> {
        let confirmation = self.confirmation()?;
        let sub = Some(self.needed("sub")?).filter(|sub| Subject::is_meant(sub));
        let sub = sub.map(|sub| self.named("sub", sub)).transpose()?;
        let own = self.text("aep2_subject")?;
        let own = own.map(|own| self.named("aep2_subject", own)).transpose()?;
        let named = match (sub, own) {
            (Some(sub), Some(own)) if sub != own => {
                return Err(CredentialError::Claim("aep2_subject"));
            }
            (sub, own) => own.or(sub),
        };
        let holder = confirmation.map(Subject::Holder);
        let subject = named.or(holder).ok_or(CredentialError::Unbound)?;
        let subject = allowed(subject, issuer)?;
        Ok(Binding { subject, confirmation })
    }

    /// An account or an agent. A token names the chain: that an address counts on all of them is for
    /// the settings to say.
    fn named(self, name: &'static str, text: &str) -> Result<Subject, CredentialError> {
        match text.parse() {
            Ok(Subject::Account { chain_id: None, .. } | Subject::Holder(_)) | Err(_) => {
                Err(CredentialError::Claim(name))
            }
            Ok(subject) => Ok(subject),
        }
    }

    /// The key of which the presenter must show that they hold it: `cnf` (RFC 7800) with `jwk`, or
    /// with `jkt` (RFC 9449).
    fn confirmation(self) -> Result<Option<Thumbprint>, CredentialError> {
        let Some(confirmation) = self.object("cnf")? else { return Ok(None) };
        let wrong = CredentialError::Claim("cnf");
        let jkt = confirmation.text("jkt")?.map(|jkt| jkt.parse::<Thumbprint>());
        let jkt = jkt.transpose().map_err(|_| wrong.clone())?;
        let jwk = confirmation.object("jwk")?.map(|jwk| Key::read(jwk.0));
        let jwk = jwk.transpose().map_err(|_| wrong.clone())?.map(|key| key.thumbprint);
        match (jkt, jwk) {
            (Some(jkt), Some(jwk)) if jkt != jwk => Err(wrong),
            // A way to confirm that is not known here: what it demands cannot be checked.
            (None, None) => Err(wrong),
            (jkt, jwk) => Ok(jkt.or(jwk)),
        }
    }
}

/// The subject, if the issuer may speak of it.
fn allowed(subject: Subject, issuer: &IssuerSettings) -> Result<Subject, CredentialError> {
    let kind = match subject {
        Subject::Account { .. } => SubjectKind::Account,
        Subject::Agent(_) => SubjectKind::Agent,
        Subject::Holder(_) => SubjectKind::Holder,
    };
    if !issuer.subjects.contains(&kind) {
        return Err(CredentialError::SubjectNotAllowed);
    }
    let Subject::Account { chain_id: Some(chain_id), address } = subject else {
        return Ok(subject);
    };
    if issuer.chains.as_ref().is_some_and(|chains| !chains.contains(&chain_id)) {
        return Err(CredentialError::SubjectNotAllowed);
    }
    let chain_id = if issuer.any_chain { None } else { Some(chain_id) };
    Ok(Subject::Account { chain_id, address })
}
