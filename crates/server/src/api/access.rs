//! Who asks for what not everybody may read: a signature in a header, which changes nothing.
//!
//! ```http
//! Authorization: AEP2 <base64url of {"access": {…}, "signature": …}>
//! ```

use aep2_ledger::MandateHash;
use aep2_mandate::typed_data::{
    access::{ACCESS_S_MAX, SignedAccess},
    keyed::AnySigner,
};
use aep2_processor::Processor;
use alloy::primitives::B256;
use axum::http::{HeaderMap, header};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use super::error::{ApiError, Code};

/// The scheme in the header.
const SCHEME: &str = "AEP2";
/// The longest header that is read, in bytes.
const BYTES_MAX: usize = 4_096;

/// Who asks about this mandate, or about all that concerns it where there is none.
///
/// # Errors
/// [`Code::Unauthorized`] when nobody that can be told signed, for another processor or mandate, or it is
/// over, or good for too long.
pub(super) fn reader(
    processor: &Processor,
    headers: &HeaderMap,
    about: Option<MandateHash>,
) -> Result<AnySigner, ApiError> {
    let signed = read(headers)?;
    let access = signed.message();
    if access.processor != processor.identity().processor {
        return Err(refused("it is for another processor"));
    }
    let of_all = access.about == B256::ZERO;
    if !of_all && about.is_none_or(|mandate| mandate.bytes() != access.about) {
        return Err(refused("it is about another mandate"));
    }
    let now = processor.now();
    if access.until < now {
        return Err(refused("its time is over; sign another"));
    }
    if access.until.seconds_since(now).is_none_or(|ahead_s| ahead_s > ACCESS_S_MAX) {
        return Err(refused("it is good for more than an hour; sign one for less"));
    }
    signed
        .signer(&processor.typed_data_domain())
        .ok_or_else(|| refused("its signature does not hold"))
}

fn read(headers: &HeaderMap) -> Result<SignedAccess, ApiError> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return Err(refused("send one header Authorization: AEP2 <a signed access>"));
    };
    let text = value.to_str().ok().filter(|text| text.len() <= BYTES_MAX);
    let encoded = text.and_then(|text| {
        let (scheme, rest) = text.split_once(' ')?;
        scheme.eq_ignore_ascii_case(SCHEME).then(|| rest.trim())
    });
    let decoded = encoded.and_then(|encoded| URL_SAFE_NO_PAD.decode(encoded).ok());
    let bytes = decoded.ok_or_else(|| refused("it is no AEP2 and base64url without padding"))?;
    SignedAccess::from_json(bytes).map_err(|error| refused(&error.to_string()))
}

fn refused(why: &str) -> ApiError {
    ApiError::new(Code::Unauthorized, format!("who asks is not clear: {why}"))
}
