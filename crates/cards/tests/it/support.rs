//! Cards and payments to try things with.

use aep2_cards::{
    card::{Card, Holder},
    decision::Facts,
    keys::{HolderKey, RootKey, RootPublicKeys},
    limits::PREFIX,
    restrictions::Restrictions,
    token::CardToken,
};
use aep2_mandate::units::{Ceiling, UnixTime};
use alloy_primitives::Address;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use biscuit_auth::{Algorithm, Biscuit, PrivateKey, PublicKey, RootKeyProvider};

pub(crate) const DOLLAR: Address = Address::repeat_byte(0xd0);
pub(crate) const ETHER: Address = Address::repeat_byte(0xe0);
pub(crate) const SHOP: Address = Address::repeat_byte(0x50);
pub(crate) const STRANGER: Address = Address::repeat_byte(0x51);

/// The issuer's key.
pub(crate) fn root() -> RootKey {
    RootKey::from_seed(7, &[1; 32]).expect("every seed is a key")
}

/// The keys whose cards are taken.
pub(crate) fn roots() -> RootPublicKeys {
    root().public().into()
}

/// The key of the agent that gets the card from the issuer, and of two others.
pub(crate) fn agent() -> HolderKey {
    HolderKey::from_seed(&[2; 32])
}

pub(crate) fn sub_agent() -> HolderKey {
    HolderKey::from_seed(&[3; 32])
}

pub(crate) fn thief() -> HolderKey {
    HolderKey::from_seed(&[4; 32])
}

/// The agent's card.
pub(crate) fn bound() -> CardToken {
    mint(Holder::Key(agent().public()))
}

/// A card of whoever has it.
pub(crate) fn bearer() -> CardToken {
    mint(Holder::Bearer)
}

fn mint(holder: Holder) -> CardToken {
    Card::mint(&root(), &"card-1".parse().expect("an id"), holder).expect("a card")
}

pub(crate) fn restrictions(json: &str) -> Restrictions {
    serde_json::from_str(json).unwrap_or_else(|error| panic!("{json}: {error}"))
}

/// A payment of 100 base units of a dollar to the shop, on 2026-09-21 at 14:13:20 UTC.
pub(crate) fn payment() -> Facts {
    Facts {
        now: UnixTime::new(1_790_000_000).expect("a time"),
        host: Some("shop.example".parse().expect("a host")),
        tool: None,
        payee: SHOP,
        token: DOLLAR,
        amount: Ceiling::new(100).expect("an amount"),
        metered: false,
    }
}

/// A card's Biscuit, to do with it what this crate does not.
pub(crate) fn biscuit(card: &CardToken) -> Biscuit {
    Biscuit::from(bytes(card), Root).expect("the issuer made it")
}

/// The text of what somebody made of a card.
pub(crate) fn token(biscuit: &[u8]) -> CardToken {
    format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(biscuit)).parse().expect("a card's text")
}

pub(crate) fn bytes(card: &CardToken) -> Vec<u8> {
    let text = card.expose().strip_prefix(PREFIX).expect("the prefix");
    URL_SAFE_NO_PAD.decode(text).expect("base64url")
}

struct Root;

impl RootKeyProvider for Root {
    fn choose(&self, _: Option<u32>) -> Result<PublicKey, biscuit_auth::error::Format> {
        let key = PrivateKey::from_bytes(&[1; 32], Algorithm::Ed25519)?;
        Ok(key.public())
    }
}
