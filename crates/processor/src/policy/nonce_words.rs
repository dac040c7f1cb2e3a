//! How many nonce words live mandates may touch. A word that was never used costs a fresh storage
//! slot when its mandate settles, and only the payer chooses nonces.

use std::{
    collections::{HashMap, HashSet},
    sync::{Mutex, MutexGuard, PoisonError},
};

use aep2_ledger::{MandateHash, records::NonceKey};
use aep2_mandate::units::AccountId;
use alloy::primitives::{Address, U256};

use super::rule::{Policy, PolicyRefusal, RefusalKind, Request};

/// Those who choose nonces: an account for each token, or an owner in the direct path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Chooser {
    Purse(AccountId, Address),
    Owner(Address),
}

/// The word of the wallet's bitmap that a nonce is in: 128 bits of the proved path, 256 of the
/// signed one.
fn nonce_word_of(nonce: &NonceKey) -> (Chooser, U256) {
    match nonce {
        NonceKey::Proved { account, token, nonce } => {
            (Chooser::Purse(*account, *token), U256::from(nonce.word()))
        }
        NonceKey::Direct { owner, nonce } => (Chooser::Owner(*owner), *nonce >> 8),
    }
}

/// Counts the words that live mandates touch, and refuses one that would touch one too many.
#[derive(Debug)]
pub struct NonceWords {
    words_max: usize,
    /// Of each chooser, the words with what holds them.
    words: Mutex<HashMap<Chooser, HashMap<U256, Holders>>>,
}

/// What holds a word.
#[derive(Debug, Default)]
struct Holders {
    /// Mandates that live. A set: restoring one twice does no harm.
    live: HashSet<MandateHash>,
    /// Requests that are being accepted.
    reserved: usize,
}

impl NonceWords {
    /// At most `words_max` words for each account and token, and for each owner.
    pub fn new(words_max: usize) -> Self {
        Self { words_max, words: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Chooser, HashMap<U256, Holders>>> {
        // Nothing panics while it is held.
        self.words.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn check(
        &self,
        words: Option<&HashMap<U256, Holders>>,
        word: U256,
    ) -> Result<(), PolicyRefusal> {
        match words {
            Some(words) if words.len() >= self.words_max && !words.contains_key(&word) => {
                let message = format!(
                    "mandates that are not settled yet touch {} nonce words; take nonces one after \
                     the other, or wait",
                    self.words_max
                );
                Err(PolicyRefusal { kind: RefusalKind::Limit, message })
            }
            _ => Ok(()),
        }
    }

    /// Changes what holds the request's word, and forgets words that nothing holds.
    fn change(&self, request: &Request, change: impl FnOnce(&mut Holders)) {
        let (chooser, word) = nonce_word_of(&request.nonce);
        let mut all = self.lock();
        let words = all.entry(chooser).or_default();
        let holders = words.entry(word).or_default();
        change(holders);
        if holders.reserved == 0 && holders.live.is_empty() {
            words.remove(&word);
        }
        if words.is_empty() {
            all.remove(&chooser);
        }
    }
}

impl Policy for NonceWords {
    fn allow(&self, request: &Request) -> Result<(), PolicyRefusal> {
        let (chooser, word) = nonce_word_of(&request.nonce);
        self.check(self.lock().get(&chooser), word)
    }

    fn reserve(&self, request: &Request) -> Result<(), PolicyRefusal> {
        let (chooser, word) = nonce_word_of(&request.nonce);
        let mut all = self.lock();
        self.check(all.get(&chooser), word)?;
        all.entry(chooser).or_default().entry(word).or_default().reserved += 1;
        Ok(())
    }

    fn release(&self, request: &Request) {
        self.change(request, |holders| holders.reserved = holders.reserved.saturating_sub(1));
    }

    fn restore(&self, request: &Request) {
        self.change(request, |holders| {
            holders.live.insert(request.mandate);
        });
    }

    fn ended(&self, request: &Request) {
        self.change(request, |holders| {
            holders.live.remove(&request.mandate);
        });
    }
}
