//! Where a token says that its status is.

use url::Url;

use crate::{
    attestation::StatusReference, claims::Claims, error::CredentialError, settings::IssuerSettings,
};

/// The entry of a status list that a token names. None where it has no status.
///
/// # Errors
/// When its status is kept in a way that is not known here, or at a place that is not the issuer's:
/// a token that may have been revoked, and of which nobody can find out, is refused at once.
pub(crate) fn read(
    claims: Claims<'_>,
    issuer: &IssuerSettings,
) -> Result<Option<StatusReference>, CredentialError> {
    let Some(status) = claims.object("status")? else {
        return if issuer.status_required { Err(CredentialError::StatusMissing) } else { Ok(None) };
    };
    let entry = status.object("status_list")?.ok_or(CredentialError::StatusUnusable)?;
    let index = entry.number("idx")?.ok_or(CredentialError::Claim("status"))?;
    let text = entry.text("uri")?.ok_or(CredentialError::Claim("status"))?;
    let uri = Url::parse(text).map_err(|_| CredentialError::Claim("status"))?;
    // The list's name is compared letter by letter with what the list says of itself.
    if uri.as_str() != text || !issuer.may_keep_lists_at(&uri) {
        return Err(CredentialError::StatusUnusable);
    }
    Ok(Some(StatusReference { uri, index }))
}
