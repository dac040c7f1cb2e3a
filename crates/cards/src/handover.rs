//! Handing a card on to another key.
//!
//! Whoever has a card's text can append a block to it. So a block that names a new holder must be
//! signed by the holder before: a thief who has the text, and not the key, has nothing.
//!
//! ```text
//! message = "aep2-card-holder-v1" ‖ 0x00 ‖ revocation id of the block before (64 bytes)
//!           ‖ the new holder's key (32 bytes) ‖ SHA-256 of the block's restrictions, as written
//! ```
//!
//! The restrictions are in it because the new holder, who has this signature, may have found the
//! wider card too. It could append a block to that with the signature and without the restrictions.
//! Without any, the hash is that of nothing.
//!
//! **Such a block is called after this message, and not after its signature as a Biscuit's block.** The
//! new holder, who may have found the wider card, can append the same handover to it again and again:
//! each time the block's own signature is another. Were it the block's name, the new holder would have
//! a fresh budget each time, and could not be revoked. The name is what was handed over: SHA-512 of the
//! message.
//!
//! A bearer card is anybody's who has it. The first holder of one signs for itself, to show that
//! it has the key.

use sha2::{Digest, Sha256, Sha512};

use crate::{
    keys::{HolderKey, HolderPublicKey},
    revocation::RevocationId,
};

const DOMAIN: &[u8] = b"aep2-card-holder-v1\0";

/// A new holder, and who says so.
#[derive(Clone, Copy, Debug)]
pub struct Handover<'a> {
    /// Who holds the card from here on.
    pub to: HolderPublicKey,
    /// The key of the holder so far; of a bearer card, the key of `to`.
    pub by: &'a HolderKey,
}

/// What is signed: that `to` holds the card after the block `before`, as narrowed by
/// `restrictions`.
pub(crate) fn message(
    before: &RevocationId,
    to: &HolderPublicKey,
    restrictions: Option<&str>,
) -> Vec<u8> {
    let restrictions = Sha256::digest(restrictions.unwrap_or_default());
    [DOMAIN, before.as_bytes(), &to.to_bytes(), &restrictions].concat()
}

/// The name of the block that hands a card over with this message.
pub(crate) fn name(message: &[u8]) -> RevocationId {
    RevocationId::from(<[u8; 64]>::from(Sha512::digest(message)))
}
