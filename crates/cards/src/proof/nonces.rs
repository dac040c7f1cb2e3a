//! Which nonces were used.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use aep2_mandate::units::UnixTime;
use thiserror::Error;

use super::verify::Proof;
use crate::card::CardId;

/// How many requests with one card are remembered. More in the time that proofs last are refused.
/// The limit is a card's, with all that were made of it: who floods stops nobody else.
pub const NONCES_A_CARD_MAX: usize = 4096;

/// The nonces of the proofs that were taken, for as long as they could be taken again. In memory:
/// who starts anew takes proofs of the last minute again, and must know the requests by their keys.
#[derive(Debug, Default)]
pub struct Nonces(Mutex<HashMap<CardId, HashMap<Used, UnixTime>>>);

/// A holder's key, and its nonce.
type Used = ([u8; 32], String);

/// Why a proof is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NonceRefused {
    /// It was taken before.
    #[error("the request was sent before: its nonce is used")]
    Used,
    /// Too many were taken in the last minutes.
    #[error("too many requests with this card at once")]
    TooMany,
}

impl NonceRefused {
    /// Its name, stable across releases.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Used => "proof_replayed",
            Self::TooMany => "proof_too_many",
        }
    }
}

impl Nonces {
    /// Takes a proof, made with a card that was verified.
    ///
    /// # Errors
    /// When it was taken before, or too many were.
    pub fn take(&self, card: &CardId, proof: &Proof, now: UnixTime) -> Result<(), NonceRefused> {
        let mut cards = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Every card's nonces go when their time is over, and so do cards without any.
        if cards.get(card).is_none_or(|used| used.len() >= NONCES_A_CARD_MAX) {
            cards.retain(|_, used| {
                used.retain(|_, until| *until >= now);
                !used.is_empty()
            });
        }
        let used = cards.entry(card.clone()).or_default();
        let nonce = (proof.holder.to_bytes(), proof.nonce.clone());
        if used.contains_key(&nonce) {
            return Err(NonceRefused::Used);
        }
        if used.len() >= NONCES_A_CARD_MAX {
            return Err(NonceRefused::TooMany);
        }
        used.insert(nonce, proof.remember_until);
        Ok(())
    }
}
