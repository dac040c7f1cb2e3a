//! Tokens: sealing one, opening one.

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    rand,
};
use zeroize::{Zeroize, Zeroizing};

use super::{
    base64,
    error::JweError,
    header::Header,
    key::ProcessorKey,
    profile::{ENCRYPTION, TOKEN_BYTES_MAX},
    public::PublicKey,
};
use crate::limits::OBJECT_BYTES_MAX;

const IV_BYTES: usize = 12;
const TAG_BYTES: usize = 16;

/// The key of one message.
type ContentKey = Zeroizing<[u8; 32]>;

/// Seals something to a processor's key: a compact JWE that the processor alone opens.
///
/// It does not say who sealed it. See `docs/travel-rule.md`.
///
/// # Errors
/// When it is more than [`OBJECT_BYTES_MAX`], and when there are no random numbers.
pub fn seal(to: &PublicKey, content: &[u8]) -> Result<String, JweError> {
    if content.len() > OBJECT_BYTES_MAX {
        return Err(JweError::TooMuch);
    }
    // A key that encrypts this message and no other.
    let ephemeral = ProcessorKey::random().map_err(|_| JweError::Seal)?;
    let mut key = ContentKey::default();
    ephemeral.derive(to, ENCRYPTION, (&[], &[]), &mut *key)?;
    let mut iv = [0; IV_BYTES];
    rand::fill(&mut iv).map_err(|_| JweError::Seal)?;

    let mut token = Header::of(to, ephemeral.public());
    let mut sealed = Vec::with_capacity(content.len());
    sealed.extend_from_slice(content);
    let tag = cipher(&key).and_then(|cipher| {
        let bound_to = Aad::from(token.as_bytes());
        let nonce = Nonce::assume_unique_for_key(iv);
        cipher.seal_in_place_separate_tag(nonce, bound_to, &mut sealed).map_err(|_| JweError::Seal)
    });
    let tag = match tag {
        Ok(tag) => tag,
        Err(error) => {
            sealed.zeroize();
            return Err(error);
        }
    };
    // No key is sent: it is agreed on.
    token.push('.');
    for part in [iv.as_slice(), &sealed, tag.as_ref()] {
        token.push('.');
        base64::encode_to(part, &mut token);
    }
    Ok(token)
}

/// A token in its parts, before anything is decrypted.
pub(super) struct Token<'t> {
    /// The header as it was sent, to which the ciphertext is bound.
    protected: &'t str,
    pub(super) header: Header,
    iv: [u8; IV_BYTES],
    ciphertext: Zeroizing<Vec<u8>>,
    tag: [u8; TAG_BYTES],
}

impl<'t> Token<'t> {
    pub(super) fn read(token: &'t str) -> Result<Self, JweError> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(JweError::TooLarge);
        }
        let parts: Vec<_> = token.split('.').take(6).collect();
        let [protected, wrapped_key, iv, ciphertext, tag] = parts[..] else {
            return Err(JweError::Form);
        };
        let header = Header::read(protected)?;
        // The key is agreed on. One that is sent besides would be somebody else's idea.
        if !wrapped_key.is_empty() {
            return Err(JweError::Form);
        }
        let iv = *base64::decode_exactly(iv).ok_or(JweError::Form)?;
        let tag = *base64::decode_exactly(tag).ok_or(JweError::Form)?;
        let ciphertext = base64::decode(ciphertext).ok_or(JweError::Form)?;
        Ok(Self { protected, header, iv, ciphertext, tag })
    }

    /// What was sealed.
    pub(super) fn open(&self, by: &ProcessorKey) -> Result<Zeroizing<Vec<u8>>, JweError> {
        let Header { epk, apu, apv, .. } = &self.header;
        let mut key = ContentKey::default();
        by.derive(epk, ENCRYPTION, (apu, apv), &mut *key)?;
        let mut content = Zeroizing::new(vec![0; self.ciphertext.len()]);
        cipher(&key)?
            .open_separate_gather(
                Nonce::assume_unique_for_key(self.iv),
                Aad::from(self.protected.as_bytes()),
                &self.ciphertext,
                &self.tag,
                &mut content,
            )
            .map_err(|_| JweError::Refused)?;
        if content.len() > OBJECT_BYTES_MAX { Err(JweError::TooLarge) } else { Ok(content) }
    }
}

fn cipher(key: &ContentKey) -> Result<LessSafeKey, JweError> {
    let key = UnboundKey::new(&AES_256_GCM, key.as_slice()).map_err(|_| JweError::Seal)?;
    Ok(LessSafeKey::new(key))
}
