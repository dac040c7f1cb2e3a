//! How many mandates that can be disputed may live at once, of one account and in all. Such a mandate is
//! held, for a time that others chose, and what is held at the same time becomes due at the same time.

use std::{
    collections::{HashMap, HashSet},
    sync::{Mutex, MutexGuard, PoisonError},
};

use aep2_ledger::MandateHash;
use aep2_mandate::units::AccountId;

use super::rule::{Policy, PolicyRefusal, RefusalKind, Request};
use crate::config::DisputeConfig;

/// Counts them, and refuses one too many.
#[derive(Debug)]
pub(super) struct DisputeShares {
    in_all_max: usize,
    by_account_max: usize,
    shares: Mutex<Shares>,
}

#[derive(Debug, Default)]
struct Shares {
    /// Mandates that live. A set: restoring one twice does no harm.
    live: HashMap<AccountId, HashSet<MandateHash>>,
    /// Requests that are being accepted.
    reserved: HashMap<AccountId, usize>,
    /// All of both.
    count: usize,
}

impl Shares {
    fn of(&self, account: AccountId) -> usize {
        let live = self.live.get(&account).map_or(0, HashSet::len);
        live + self.reserved.get(&account).copied().unwrap_or(0)
    }
}

impl DisputeShares {
    pub(super) fn new(config: &DisputeConfig) -> Self {
        let DisputeConfig { held_max, held_by_account_max, .. } = *config;
        let shares = Mutex::default();
        Self { in_all_max: held_max, by_account_max: held_by_account_max, shares }
    }

    fn check(&self, shares: &Shares, account: AccountId) -> Result<(), PolicyRefusal> {
        let (whose, most) = if shares.of(account) >= self.by_account_max {
            ("of this account ", self.by_account_max)
        } else if shares.count >= self.in_all_max {
            ("", self.in_all_max)
        } else {
            return Ok(());
        };
        let message = format!(
            "{most} mandates {whose}that can be disputed wait to be settled: wait, or pay where the terms \
             agree to no disputes"
        );
        Err(PolicyRefusal { kind: RefusalKind::Limit, message })
    }

    fn lock(&self) -> MutexGuard<'_, Shares> {
        // Nothing panics while it is held.
        self.shares.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Policy for DisputeShares {
    fn allow(&self, request: &Request) -> Result<(), PolicyRefusal> {
        match request.is_disputable {
            true => self.check(&self.lock(), request.account),
            false => Ok(()),
        }
    }

    fn reserve(&self, request: &Request) -> Result<(), PolicyRefusal> {
        if !request.is_disputable {
            return Ok(());
        }
        let mut shares = self.lock();
        self.check(&shares, request.account)?;
        *shares.reserved.entry(request.account).or_default() += 1;
        shares.count += 1;
        Ok(())
    }

    fn release(&self, request: &Request) {
        if !request.is_disputable {
            return;
        }
        let mut shares = self.lock();
        if let Some(reserved) = shares.reserved.get_mut(&request.account) {
            *reserved -= 1;
            if *reserved == 0 {
                shares.reserved.remove(&request.account);
            }
            shares.count -= 1;
        }
    }

    fn restore(&self, request: &Request) {
        if !request.is_disputable {
            return;
        }
        let mut shares = self.lock();
        if shares.live.entry(request.account).or_default().insert(request.mandate) {
            shares.count += 1;
        }
    }

    fn ended(&self, request: &Request) {
        let mut shares = self.lock();
        let Some(live) = shares.live.get_mut(&request.account) else { return };
        let was_counted = live.remove(&request.mandate);
        if live.is_empty() {
            shares.live.remove(&request.account);
        }
        if was_counted {
            shares.count -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use aep2_ledger::records::NonceKey;
    use aep2_mandate::units::{Ceiling, Nonce, UnixTime};
    use alloy::primitives::{Address, B256};

    use super::*;

    fn request(account: u32, number: u8, is_disputable: bool) -> Request {
        let account = AccountId::new(account).expect("an account");
        let (token, nonce) = (Address::ZERO, Nonce::new(number.into()));
        Request {
            mandate: MandateHash::from_bytes(B256::repeat_byte(number)),
            account,
            owner: None,
            key_hash: None,
            nonce: NonceKey::Proved { account, token, nonce },
            token,
            payee: Address::repeat_byte(1),
            amount: Ceiling::new(1).expect("an amount"),
            reference: B256::ZERO,
            is_disputable,
            at: UnixTime::MIN,
        }
    }

    fn shares(held_max: usize, held_by_account_max: usize) -> DisputeShares {
        DisputeShares::new(&DisputeConfig { held_max, held_by_account_max, seconds_max: 1 })
    }

    #[test]
    fn one_account_does_not_take_what_all_share_and_all_together_do_not_take_more_than_there_is() {
        let shares = shares(3, 2);
        shares.reserve(&request(1, 1, true)).expect("room");
        shares.reserve(&request(1, 2, true)).expect("room");
        shares.reserve(&request(1, 3, true)).expect_err("its share is used up");
        shares.reserve(&request(1, 4, false)).expect("not held");
        shares.reserve(&request(2, 5, true)).expect("room");
        let full = shares.reserve(&request(2, 6, true)).expect_err("no room");
        assert_eq!(full.kind, RefusalKind::Limit);
    }

    #[test]
    fn what_ended_or_was_not_accepted_makes_room_once() {
        let shares = shares(2, 2);
        let (one, two) = (request(1, 1, true), request(1, 2, true));
        for own in [&one, &two] {
            shares.reserve(own).expect("room");
        }
        // One is accepted, the other is not.
        shares.restore(&one);
        shares.restore(&one);
        shares.release(&one);
        shares.release(&two);
        shares.reserve(&two).expect("room");
        shares.reserve(&request(1, 3, true)).expect_err("full");
        shares.ended(&one);
        shares.ended(&one);
        shares.reserve(&request(1, 3, true)).expect("room");
        shares.reserve(&request(1, 4, true)).expect_err("full: the end counted once");
    }
}
