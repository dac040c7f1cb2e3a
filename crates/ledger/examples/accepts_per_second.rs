//! How many mandates a second the ledger takes, synced to disk, without the cost of signatures.
//!
//! ```sh
//! cargo run --release -p aep2-ledger --example accepts_per_second [-- MANDATES [SUBMITTERS [IN_FLIGHT]]]
//! ```
//!
//! Mandates are made beforehand, with one signature for all: the ledger does not look at it. Each
//! submitter keeps so many requests in flight. In the end a batch of 1,024 is sealed and settled:
//! what else waits for the writer waits so long for that.

use std::{
    collections::{BTreeMap, VecDeque},
    env,
    error::Error,
    thread,
    time::{Duration, Instant},
};

use aep2_ledger::{
    AcceptRequest, Balance, ChainBlock, ChainFact, Ledger, LedgerConfig, Seal, Sequence,
    SettlementPath, Verified,
    records::{NonceKey, SettledDebit},
};
use aep2_mandate::{
    eddsa::SecretKey,
    field,
    mandate::{Domain, Mandate, Prev, SignedMandate},
    typed_data::{
        EcdsaSignature,
        receipt::{Receipt, SignedReceipt},
    },
    units::{AccountId, Ceiling, ChainId, Nonce, UnixTime},
};
use alloy_primitives::{Address, B256};

const ACCOUNTS: u32 = 64;
const TOKEN: Address = Address::repeat_byte(0xbb);
const NOW: u64 = 1_800_000_000;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1).map(|argument| argument.parse::<usize>());
    let mut argument = |otherwise| arguments.next().unwrap_or(Ok(otherwise));
    let (mandates, submitters, in_flight) = (argument(100_000)?, argument(4)?, argument(256)?);

    let now = UnixTime::new(NOW)?;
    let config = LedgerConfig::new(ChainId::new(1), Address::ZERO, Address::ZERO);
    let secret = SecretKey::from_seed([7; 32]);
    let key_hash = B256::from(field::to_be_bytes(&secret.public().hash()));
    let directory = env::temp_dir().join(format!("aep2-ledger-bench-{}", std::process::id()));
    let ledger = Ledger::open(&directory, config)?;
    ledger.apply_block(funding(now, key_hash)?).wait()?;

    eprintln!("making {mandates} mandates");
    let shares = requests(mandates, submitters, &secret)?;

    let before = ledger.stats().commits;
    let start = Instant::now();
    let mut latencies: Vec<Duration> = thread::scope(|scope| {
        let ledger = &ledger;
        let threads: Vec<_> = shares
            .into_iter()
            .map(|requests| scope.spawn(move || submit(ledger, requests, in_flight, now)))
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap_or_default()).collect()
    });
    let seconds = start.elapsed().as_secs_f64();
    latencies.sort_unstable();
    let percentile = |percent: usize| {
        let place = (latencies.len() * percent / 100).min(latencies.len().saturating_sub(1));
        latencies.get(place).map_or(0.0, |latency| latency.as_secs_f64() * 1e3)
    };
    println!("accepted        {}", latencies.len());
    println!("accepted_per_s  {:.0}", latencies.len() as f64 / seconds);
    println!("syncs           {}", ledger.stats().commits - before);
    println!("p50_ms          {:.2}", percentile(50));
    println!("p99_ms          {:.2}", percentile(99));
    let longest = ledger.metrics().journal.write_time_longest;
    println!("write_ms_max    {:.2}", longest.as_secs_f64() * 1e3);
    settle_some(&ledger, now)?;
    drop(ledger);
    std::fs::remove_dir_all(directory)?;
    Ok(())
}

/// Requests to accept so many mandates, shared out among the submitters.
fn requests(
    mandates: usize,
    submitters: usize,
    secret: &SecretKey,
) -> Result<Vec<Vec<AcceptRequest>>, Box<dyn Error>> {
    let domain = Domain::new(ChainId::new(1), Address::ZERO, TOKEN);
    let signature = secret.sign(domain.element());
    let mut shares: Vec<Vec<AcceptRequest>> = vec![Vec::new(); submitters];
    for index in 0..mandates {
        let mandate = Mandate {
            account: AccountId::new(1 + index as u32 % ACCOUNTS)?,
            token: TOKEN,
            payee: Address::repeat_byte(index as u8),
            amount: Ceiling::new(1_000)?,
            nonce: Nonce::new(index as u64 / u64::from(ACCOUNTS)),
            deadline: UnixTime::new(NOW + 3_600)?,
            reference: B256::ZERO,
            prev: Prev::START,
        };
        let mandate_id = mandate.id(&domain);
        let receipt = Receipt {
            mandate_id,
            processor: Address::ZERO,
            account: mandate.account,
            nonce: mandate.nonce,
            token: TOKEN,
            payee: mandate.payee,
            arbiter: Address::ZERO,
            amount: mandate.amount,
            issued_at: UnixTime::new(NOW)?,
            deadline: mandate.deadline,
            settle_by: UnixTime::new(NOW + 600)?,
        };
        let receipt =
            SignedReceipt { message: receipt, signature: EcdsaSignature::from_bytes([1; 65]) };
        let signed = SignedMandate { mandate, key: secret.public(), signature };
        let verified = Verified::<SignedMandate>::by_caller(signed, mandate_id);
        shares[index % submitters].push(AcceptRequest::proved(&verified, receipt)?);
    }
    Ok(shares)
}

/// Submits the requests, so many at once, and gives the time that each took.
fn submit(
    ledger: &Ledger,
    requests: Vec<AcceptRequest>,
    in_flight: usize,
    now: UnixTime,
) -> Vec<Duration> {
    let mut waiting = VecDeque::new();
    let mut latencies = Vec::with_capacity(requests.len());
    let mut finish = |waiting: &mut VecDeque<_>| {
        if let Some((start, pending)) = waiting.pop_front() {
            let pending: aep2_ledger::Pending<_, aep2_ledger::AcceptError> = pending;
            let start: Instant = start;
            match pending.wait() {
                Ok(_) => latencies.push(start.elapsed()),
                Err(error) => eprintln!("{error}"),
            }
        }
    };
    for request in requests {
        if waiting.len() >= in_flight {
            finish(&mut waiting);
        }
        waiting.push_back((Instant::now(), ledger.accept(request, now)));
    }
    while !waiting.is_empty() {
        finish(&mut waiting);
    }
    latencies
}

/// Takes a batch of mandates through its life, and says how long each part took.
fn settle_some(ledger: &Ledger, now: UnixTime) -> Result<(), Box<dyn Error>> {
    let mut start = Instant::now();
    let lap = |what: &str, start: &mut Instant| {
        println!("{what:<15} {:.2}", start.elapsed().as_secs_f64() * 1e3);
        *start = Instant::now();
    };
    let window = ledger.window(SettlementPath::Proved, TOKEN, Sequence::new(0), 1_024)?;
    lap("window_ms", &mut start);
    let members = window.iter().map(|entry| (entry.hash, entry.due())).collect();
    let (path, token, valid_until) = (SettlementPath::Proved, TOKEN, UnixTime::new(NOW + 3_600)?);
    let (verifier_set, blinding) = (B256::ZERO, B256::ZERO);
    let seal = Seal { path, token, valid_until, shape: 1, verifier_set, blinding, members };
    let batch = ledger.seal(seal).wait()?.into_inner();
    lap("seal_ms", &mut start);
    let batch_id = B256::repeat_byte(1);
    ledger.proved(batch, batch_id, vec![0; 256]).wait()?;
    lap("proved_ms", &mut start);

    let mut debits: BTreeMap<(AccountId, u64), (u128, u128)> = BTreeMap::new();
    for entry in &window {
        if let NonceKey::Proved { account, nonce, .. } = entry.mandate.promise.nonce() {
            let (mask, amount) = debits.entry((account, nonce.word())).or_default();
            *mask |= 1 << nonce.bit();
            *amount += entry.due().get();
        }
    }
    let debits = debits.into_iter().map(|((account, word), (mask, amount))| SettledDebit {
        account,
        word,
        mask,
        amount: Balance::new(amount).unwrap_or(Balance::MAX),
    });
    let settled = ChainFact::BatchSettled {
        batch_id,
        token,
        processor: Address::ZERO,
        count: window.len() as u32,
        debits: Some(debits.collect()),
        transaction: B256::ZERO,
    };
    let block = ChainBlock {
        number: 2,
        hash: B256::repeat_byte(2),
        parent: B256::repeat_byte(1),
        time: now,
        facts: vec![settled],
        cursor: Vec::new(),
    };
    start = Instant::now();
    let ended = ledger.apply_block(block).wait()?.ended.len();
    lap("settle_ms", &mut start);
    println!("settled         {ended}");
    Ok(())
}

/// A block in which all accounts are opened and funded.
fn funding(now: UnixTime, key_hash: B256) -> Result<ChainBlock, Box<dyn Error>> {
    let mut facts = Vec::new();
    for number in 1..=ACCOUNTS {
        let account = AccountId::new(number)?;
        facts.push(ChainFact::AccountOpened {
            account,
            owner: Address::ZERO,
            processor: Address::ZERO,
            verifier_set: B256::ZERO,
            key_hash,
        });
        facts.push(ChainFact::Deposited { account, token: TOKEN, amount: Balance::MAX });
    }
    let (hash, parent) = (B256::repeat_byte(1), B256::ZERO);
    Ok(ChainBlock { number: 1, hash, parent, time: now, facts, cursor: Vec::new() })
}
