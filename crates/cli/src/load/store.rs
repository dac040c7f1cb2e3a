//! Mandates signed beforehand, as payers sign them: each account's in a chain.

use std::{
    collections::VecDeque,
    sync::atomic::{AtomicUsize, Ordering},
};

use aep2_mandate::{
    eddsa::SecretKey,
    signer::{MandateTerms, Signer},
    units::{AccountId, Ceiling, Nonce, UnixTime},
};
use alloy::primitives::{Address, B256};
use anyhow::Context;
use hyper::body::Bytes;
use rayon::prelude::*;

use super::{
    funding::{AMOUNT, Payer},
    server::ServerProcess,
};
use crate::output::Output;

/// How many payees there are.
const PAYEES: u64 = 32;

/// How far in the future the deadlines lie: a day.
const DEADLINE_S: u64 = 86_400;

/// What one connection sends, in order.
pub(super) struct Store(VecDeque<Bytes>);

impl Store {
    pub(super) fn next(&mut self) -> Option<Bytes> {
        self.0.pop_front()
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

/// Signs this many mandates and deals them out: an account's go over one connection, in their order,
/// where there are as many accounts as connections or more.
pub(super) fn sign(
    server: &ServerProcess,
    payers: &[Payer],
    count: usize,
    clients: usize,
    output: &Output,
) -> anyhow::Result<Vec<Store>> {
    let each = count.div_ceil(payers.len());
    let now = aep2_mandate::clock::Clock::system().now().get();
    let deadline = UnixTime::new(now + DEADLINE_S)?;
    let amount = Ceiling::new(AMOUNT)?;
    let (chain_id, wallet, token) = (server.wallet.chain_id, server.wallet.address, server.token);
    let (done, quarter) = (AtomicUsize::new(0), (payers.len() * each).div_ceil(4));

    let sign_all = |payer: &Payer| -> anyhow::Result<Vec<Bytes>> {
        let signer = Signer::new(SecretKey::from_seed(*payer.key.seed()), chain_id, wallet);
        let mut previous = None;
        let mut bodies = Vec::with_capacity(each);
        for nonce in 0..each as u64 {
            let terms = terms(payer.account, token, amount, nonce, deadline);
            let signed = signer.sign(terms, previous.as_ref());
            bodies.push(Bytes::from(serde_json::to_vec(&signed)?));
            previous = Some(signed.released_to_payee());
            let done = done.fetch_add(1, Ordering::Relaxed) + 1;
            if done.is_multiple_of(quarter) && done < payers.len() * each {
                output.note(format!("  {} %", done / quarter * 25));
            }
        }
        Ok(bodies)
    };
    // On all cores: nothing else is under way.
    let signed = payers.par_iter().map(sign_all).collect::<anyhow::Result<_>>();
    Ok(deal(signed.context("the mandates cannot be signed")?, clients))
}

fn terms(
    account: AccountId,
    token: Address,
    amount: Ceiling,
    nonce: u64,
    deadline: UnixTime,
) -> MandateTerms {
    let payee = Address::left_padding_from(&(1_000 + nonce % PAYEES).to_be_bytes());
    let reference = B256::left_padding_from(&nonce.to_be_bytes());
    MandateTerms { account, token, payee, amount, nonce: Nonce::new(nonce), deadline, reference }
}

/// Deals what accounts signed to connections, so that a connection's accounts take turns.
fn deal(signed: Vec<Vec<Bytes>>, clients: usize) -> Vec<Store> {
    let mut hands: Vec<Vec<VecDeque<Bytes>>> = (0..clients).map(|_| Vec::new()).collect();
    if signed.len() >= clients {
        for (index, bodies) in signed.into_iter().enumerate() {
            hands[index % clients].push(bodies.into());
        }
    } else {
        // More connections than accounts: an account's mandates go over several.
        let mut all: Vec<VecDeque<Bytes>> = (0..clients).map(|_| VecDeque::new()).collect();
        for (index, body) in signed.into_iter().flatten().enumerate() {
            all[index % clients].push_back(body);
        }
        all.into_iter().zip(&mut hands).for_each(|(bodies, hand)| hand.push(bodies));
    }
    hands
        .into_iter()
        .map(|mut accounts| {
            let mut store = VecDeque::new();
            while accounts.iter().any(|bodies| !bodies.is_empty()) {
                store.extend(accounts.iter_mut().filter_map(VecDeque::pop_front));
            }
            Store(store)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_is_dealt_and_each_accounts_order_is_kept() {
        for (accounts, clients) in [(1, 1), (5, 2), (2, 5), (3, 3)] {
            let signed: Vec<Vec<Bytes>> = (0..accounts)
                .map(|account: u8| {
                    (0..4).map(|nonce: u8| Bytes::from(vec![account, nonce])).collect()
                })
                .collect();
            let stores = deal(signed, clients);
            assert_eq!(stores.len(), clients);
            let total: usize = stores.iter().map(Store::len).sum();
            assert_eq!(total, usize::from(accounts) * 4);
            if usize::from(accounts) < clients {
                continue;
            }
            for Store(bodies) in stores {
                for account in 0..accounts {
                    let nonces: Vec<u8> =
                        bodies.iter().filter(|b| b[0] == account).map(|b| b[1]).collect();
                    assert!(nonces.is_empty() || nonces == [0, 1, 2, 3]);
                }
            }
        }
    }
}
