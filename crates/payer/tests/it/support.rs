//! A payer's surroundings: a place, keys and settings.

use std::path::Path;

use aep2_mandate::{
    eddsa::SecretKey,
    units::{AccountId, Amount, Ceiling, ChainId},
};
use aep2_payer::{
    PayerConfig,
    limits::{Allowance, Limits},
};
use aep2_x402::purchase::Venue;
use alloy_primitives::{Address, address};

pub(crate) const TOKEN: Address = address!("aCBfD706D60018a3fc4B913D02A738F9A570124D");
pub(crate) const WALLET: Address = address!("c77a9ef0850a3ca47201549f001540668b9364dc");
pub(crate) const CHAIN: ChainId = ChainId::new(31_337);

pub(crate) fn amount(units: u128) -> Amount {
    Amount::new(units).unwrap()
}

pub(crate) fn ceiling(units: u128) -> Ceiling {
    Ceiling::new(units).unwrap()
}

pub(crate) fn account(number: u32) -> AccountId {
    AccountId::new(number).unwrap()
}

pub(crate) fn payer_config(account_number: u32, venue: Venue, directory: &Path) -> PayerConfig {
    let limits = Limits {
        tokens: [(TOKEN, Allowance::at_most(amount(1_000_000)))].into(),
        ..Limits::default()
    };
    PayerConfig::new(account(account_number), venue, limits, directory.to_owned())
}

pub(crate) fn secret(account: u32) -> SecretKey {
    let mut seed = [7; 32];
    seed[..4].copy_from_slice(&account.to_be_bytes());
    SecretKey::from_seed(seed)
}
