//! Paying with a card: the key of the account is at an issuer, which signs what the card allows.
//!
//! A card is a file, `card.json`:
//!
//! ```json
//! { "kind": "aep2-card", "version": 1, "issuer": "https://issuer.example/",
//!   "card": "aep2card_…", "holderKey": "…" }
//! ```
//!
//! `holderKey` is the holder's Ed25519 seed, 64 hexadecimal digits; a bearer card has none. From
//! which account and wallet the card pays, and whose receipts count, its issuer says.
//!
//! A [`Payer`](crate::Payer) with a card does what one with a key does, but for the signature: it
//! asks its issuer for each, with the payee's terms, and checks that what it gets is what it asked
//! for. The limits are the issuer's to keep, and so is the journal: a payment that was issued and never
//! sent is free again after its deadline. Only what was sent and not answered is kept here, beside the
//! card's file, so that the same request sends it again.

mod file;
mod issuer;
mod kept;
mod secret;

pub use self::{
    file::{CARD_FILE, CardFile},
    issuer::{Approval, IssuerError, PaysFrom},
    secret::{CardError, read_key, write_key},
};
pub(crate) use self::{
    issuer::{Asked, Issuer},
    kept::Kept,
};
