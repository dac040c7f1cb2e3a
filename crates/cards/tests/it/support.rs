//! Cards and payments to try things with.

use aep2_cards::{
    Card, CardToken, Facts, Holder, HolderKey, Restrictions, RootKey, RootPublicKeys,
};
use aep2_mandate::units::{Ceiling, UnixTime};
use alloy_primitives::Address;

pub const DOLLAR: Address = Address::repeat_byte(0xd0);
pub const ETHER: Address = Address::repeat_byte(0xe0);
pub const SHOP: Address = Address::repeat_byte(0x50);
pub const STRANGER: Address = Address::repeat_byte(0x51);

/// The issuer's key.
pub fn root() -> RootKey {
    RootKey::from_seed(7, &[1; 32]).expect("every seed is a key")
}

/// The keys whose cards are taken.
pub fn roots() -> RootPublicKeys {
    root().public().into()
}

/// The key of the agent that gets the card from the issuer, and of two others.
pub fn agent() -> HolderKey {
    HolderKey::from_seed(&[2; 32])
}

pub fn sub_agent() -> HolderKey {
    HolderKey::from_seed(&[3; 32])
}

pub fn thief() -> HolderKey {
    HolderKey::from_seed(&[4; 32])
}

/// The agent's card.
pub fn bound() -> CardToken {
    mint(Holder::Key(agent().public()))
}

/// A card of whoever has it.
pub fn bearer() -> CardToken {
    mint(Holder::Bearer)
}

fn mint(holder: Holder) -> CardToken {
    Card::mint(&root(), &"card-1".parse().expect("an id"), holder).expect("a card")
}

pub fn restrictions(json: &str) -> Restrictions {
    serde_json::from_str(json).unwrap_or_else(|error| panic!("{json}: {error}"))
}

/// A payment of 100 base units of a dollar to the shop, on 2026-09-21 at 14:13:20 UTC.
pub fn payment() -> Facts {
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
