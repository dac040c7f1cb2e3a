//! AES-256-GCM under keys that encrypt once.
//!
//! Every key here is random, or derived with a random salt, and encrypts one message in its life. So
//! the nonce is zero, and there is no number of messages after which nonces might repeat.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use zeroize::{Zeroize, Zeroizing};

/// The bytes of the tag after the ciphertext.
pub(crate) const TAG_BYTES: usize = 16;

/// It could not be encrypted, or does not decrypt.
#[derive(Debug)]
pub(crate) struct Refused;

fn key(key: &[u8; 32]) -> Result<LessSafeKey, Refused> {
    let key = UnboundKey::new(&AES_256_GCM, key).map_err(|_| Refused)?;
    Ok(LessSafeKey::new(key))
}

fn nonce() -> Nonce {
    Nonce::assume_unique_for_key([0; 12])
}

/// Encrypts under a key that encrypts nothing else: the ciphertext, and its tag.
pub(crate) fn seal_once(
    single_use: &[u8; 32],
    bound_to: &[u8],
    plaintext: &[u8],
) -> Result<Vec<u8>, Refused> {
    // As large as it gets, so that no copy of the plaintext is left behind where it was smaller.
    let mut sealed = Vec::with_capacity(plaintext.len() + TAG_BYTES);
    sealed.extend_from_slice(plaintext);
    let tag = key(single_use).and_then(|key| {
        let bound_to = Aad::from(bound_to);
        key.seal_in_place_separate_tag(nonce(), bound_to, &mut sealed).map_err(|_| Refused)
    });
    match tag {
        Ok(tag) => sealed.extend_from_slice(tag.as_ref()),
        Err(refused) => {
            sealed.zeroize();
            return Err(refused);
        }
    }
    Ok(sealed)
}

/// Decrypts what [`seal_once`] made.
pub(crate) fn open(
    single_use: &[u8; 32],
    bound_to: &[u8],
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>, Refused> {
    let at = sealed.len().checked_sub(TAG_BYTES).ok_or(Refused)?;
    let (ciphertext, tag) = sealed.split_at(at);
    let mut plaintext = Zeroizing::new(vec![0; ciphertext.len()]);
    key(single_use)?
        .open_separate_gather(nonce(), Aad::from(bound_to), ciphertext, tag, &mut plaintext)
        .map_err(|_| Refused)?;
    Ok(plaintext)
}
