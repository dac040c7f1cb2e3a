//! The Concat KDF of RFC 7518, 4.6.2: from what was agreed on to the key of one message.

use aws_lc_rs::kdf::{SskdfDigestAlgorithmId, get_sskdf_digest_algorithm, sskdf_digest};

/// Derives a key that is named by `algorithm`, for the parties `apu` and `apv`.
///
/// Nothing when the parties are absurdly long.
pub(super) fn derive(
    secret: &[u8],
    algorithm: &str,
    (apu, apv): (&[u8], &[u8]),
    key: &mut [u8],
) -> Option<()> {
    let bits = u32::try_from(key.len()).ok()?.checked_mul(8)?;
    let mut info = Vec::new();
    for part in [algorithm.as_bytes(), apu, apv] {
        info.extend_from_slice(&u32::try_from(part.len()).ok()?.to_be_bytes());
        info.extend_from_slice(part);
    }
    info.extend_from_slice(&bits.to_be_bytes());
    // NIST's name for it is the one-step key derivation of SP 800-56C.
    let sha256 = get_sskdf_digest_algorithm(SskdfDigestAlgorithmId::Sha256)?;
    sskdf_digest(sha256, secret, &info, key).ok()
}
