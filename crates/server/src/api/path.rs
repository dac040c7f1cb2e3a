//! What stands in an address, and addresses that there are not.

use aep2_ledger::{BatchNumber, MandateHash};
use aep2_mandate::units::AccountId;
use alloy::primitives::{B256, hex};

use super::error::{ApiError, Code};

pub(super) async fn not_found() -> ApiError {
    ApiError::not_found("there is nothing at this address; GET /openapi.json lists what there is")
}

pub(super) async fn method_not_allowed() -> ApiError {
    ApiError::new(
        Code::MethodNotAllowed,
        "this address takes other methods; the header Allow names them",
    )
}

/// A mandate's id: `0x` and 64 hexadecimal digits.
pub(super) fn mandate(text: &str) -> Result<MandateHash, ApiError> {
    let mut bytes = B256::ZERO;
    let digits = text.strip_prefix("0x").filter(|digits| digits.len() == 64);
    let read = digits.and_then(|digits| hex::decode_to_slice(digits, &mut bytes.0).ok());
    let malformed = || malformed("a mandate's id is 0x and 64 hexadecimal digits");
    read.ok_or_else(malformed)?;
    Ok(MandateHash::from_bytes(bytes))
}

/// An account's number.
pub(super) fn account(text: &str) -> Result<AccountId, ApiError> {
    text.parse().map_err(|error| malformed(format!("{error}")))
}

/// A batch's number.
pub(super) fn batch(text: &str) -> Result<BatchNumber, ApiError> {
    number(text).map(BatchNumber::new)
}

/// Decimal digits, without sign or leading zeros.
pub(super) fn number(text: &str) -> Result<u64, ApiError> {
    let number = text.parse::<u64>().ok().filter(|number| number.to_string() == text);
    number.ok_or_else(|| malformed("a number here has decimal digits only, and no leading zeros"))
}

fn malformed(message: impl Into<std::borrow::Cow<'static, str>>) -> ApiError {
    ApiError::new(Code::Malformed, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_thing_has_one_spelling() {
        let id = format!("0x{:064x}", 7);
        assert!(mandate(&id).is_ok());
        assert_eq!(mandate(&id.to_uppercase().replacen('X', "x", 1)), mandate(&id));
        for text in ["", "0x", "7", &id[2..], &id[..65], &format!("{id}0"), &id.replace('7', "g")] {
            assert!(mandate(text).is_err(), "{text:?}");
        }
        assert!(account("7").is_ok() && batch("7").is_ok());
        for text in ["", "07", "+7", "-7", "7.0", "0x7", " 7", "99999999999999999999"] {
            assert!(account(text).is_err() && batch(text).is_err(), "{text:?}");
        }
        assert!(account("0").is_err(), "accounts begin at 1");
    }
}
