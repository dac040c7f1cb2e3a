//! A processor among users who mean no good: never stuck, never wrong about its own accounts, and its
//! payers' mandates settle.
//!
//! `AEP2_HOSTILE_CALLS` says how many calls of the wallet they make, `AEP2_HOSTILE_SEED` which. A failure
//! names the seed that brings it back.

use std::{collections::BTreeSet, env, str::FromStr, time::Duration};

use aep2_chain::wallet::units::{KeyHash, VerifierSetId};
use aep2_ledger::MandateHash;
use aep2_mandate::units::{AccountId, Nonce};
use aep2_processor::{Processor, accept::AcceptError};
use aep2_tests::{
    hostile::{Hostile, ask},
    payers::Payer,
    settling::{all_settled, audited},
    strangers::Strangers,
    world::{LONG, World},
};
use alloy::primitives::U256;
use serde_json::json;

/// How many blocks of calls there are between looks.
const BLOCKS: usize = 30;

#[tokio::test(flavor = "multi_thread")]
async fn hostile_users_neither_stop_a_processor_nor_mislead_it() {
    let (calls, seed) = (setting("AEP2_HOSTILE_CALLS", 1_200), setting("AEP2_HOSTILE_SEED", 20));
    let world = World::new().await;
    let strangers = Strangers::new(&world).await;
    let ann = world.payer(0, 1_000_000).await;
    let processor = world.start(world.at_once()).await;
    let mut hostile = Hostile::new(&world, &strangers, seed).await;
    let mut run = Run { world: &world, processor: &processor, seed, ann, nonce: 0 };
    while hostile.calls < calls {
        world.automine(false).await;
        for _ in 0..BLOCKS {
            hostile.block().await;
        }
        if hostile.chance(3) {
            ask(&world, "anvil_reorg", json!([4, []])).await;
            hostile.look_again().await;
        }
        world.automine(true).await;
        if hostile.chance(2) {
            hostile.wait();
        }
        run.look(&mut hostile).await;
        if calls > 10_000 {
            println!("{} calls, {} accounts", hostile.calls, hostile.terms.len());
        }
    }
    let metrics = processor.metrics().encode().expect("metrics");
    let raised = |cause: &str| metrics.contains(&format!("aep2_alarm{{cause=\"{cause}\"}} 1"));
    for cause in ["account_contradicted", "chain_not_followed", "accounts_not_read"] {
        assert!(!raised(cause), "{cause}, with the seed {seed}");
    }
    audited(&processor);
    world.stop(processor).await;
}

fn setting<T: FromStr>(name: &str, default: T) -> T {
    let set = env::var(name).ok();
    set.map_or(default, |set| set.parse().unwrap_or_else(|_| panic!("{name} is a number")))
}

struct Run<'a> {
    world: &'a World,
    processor: &'a Processor,
    seed: u64,
    /// She means well.
    ann: Payer,
    nonce: u64,
}

impl Run<'_> {
    /// The processor has followed, says of its accounts what the chain says, and settles.
    async fn look(&mut self, hostile: &mut Hostile<'_>) {
        self.world.ready(self.processor).await;
        let accounts: Vec<AccountId> = hostile.terms.keys().copied().collect();
        for account in accounts {
            self.agree(hostile, account).await;
        }
        let mut promised: Vec<MandateHash> = Vec::new();
        let honest = self.world.mandate(&self.ann, 10, self.nonce);
        self.nonce += 1;
        let accepted = self.processor.accept(honest).await.expect("an honest payer's");
        promised.push(accepted.mandate_id.into());
        for _ in 0..3 {
            let account = hostile.account();
            let payer = hostile.payer(account);
            promised.extend(self.promise(&payer, hostile.nonce()).await);
        }
        all_settled(self.processor, &promised).await;
    }

    /// Has a mandate of somebody accepted, if it can be: never on a nonce that is spent.
    async fn promise(&self, payer: &Payer, nonce: u64) -> Option<MandateHash> {
        let (world, number) = (self.world, Nonce::new(nonce));
        let spent = world.wallet().is_spent(payer.account, world.token(), number).await;
        let spent = spent.expect("reads");
        let mandate = world.mandate(payer, 1, nonce);
        let begun = tokio::time::Instant::now();
        loop {
            match self.processor.accept(mandate.clone()).await {
                Ok(accepted) => {
                    assert!(!spent, "{} {nonce} is spent, seed {}", payer.account, self.seed);
                    return Some(accepted.mandate_id.into());
                }
                Err(AcceptError::BeingRead { .. }) if begun.elapsed() < LONG => {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                Err(AcceptError::NonceSpent) => {
                    assert!(spent, "{} {nonce} is unspent, seed {}", payer.account, self.seed);
                    return None;
                }
                Err(error @ (AcceptError::BeingRead { .. } | AcceptError::Internal(_))) => {
                    panic!("{error}, seed {}", self.seed);
                }
                Err(_) => return None,
            }
        }
    }

    /// The processor says of an account what the chain says.
    async fn agree(&self, hostile: &Hostile<'_>, account: AccountId) {
        let begun = tokio::time::Instant::now();
        while let Some(difference) = self.difference(hostile, account).await {
            let seed = self.seed;
            assert!(
                begun.elapsed() < LONG,
                "account {account}: {difference}, with the seed {seed}"
            );
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    async fn difference(&self, hostile: &Hostile<'_>, account: AccountId) -> Option<String> {
        let wallet = self.world.wallet();
        let chain = wallet.account(account).await.expect("reads");
        let shown = self.processor.account(account).expect("reads");
        let own = self.world.processor.address();
        let Some(shown) = shown.filter(|shown| shown.processor == own) else {
            return (chain.terms.processor == own).then(|| "it is not followed".to_owned());
        };
        if shown.being_read {
            return Some("it is not read".to_owned());
        }
        let words = |set, key_hash| (VerifierSetId::word_of(set), KeyHash::word_of(key_hash));
        let (set, key_hash) = words(chain.terms.verifier_set, chain.terms.key_hash);
        let terms = (chain.owner, chain.terms.processor, set, key_hash);
        let key_hash = U256::from_be_bytes(shown.key_hash.0);
        let said = (shown.owner, shown.processor, shown.verifier_set, key_hash);
        let pending = chain.pending.map(|change| (change.terms.processor, change.in_force_from));
        let pending_said =
            shown.pending_change.as_ref().map(|change| (change.processor, change.in_force_from));
        if (terms, pending) != (said, pending_said) {
            return Some(format!("{said:?} {pending_said:?}, not {terms:?} {pending:?}"));
        }
        let known: BTreeSet<_> = shown.purses.iter().map(|purse| purse.token).collect();
        for token in &hostile.tokens {
            // Of one that came over only the accepted token was read.
            let followed = hostile.whole.contains(&account)
                || *token == self.world.token()
                || known.contains(token);
            let purse = wallet.purse(account, *token).await.expect("reads");
            let said = shown.purses.iter().find(|purse| purse.token == *token);
            let balance = said.map_or(0, |purse| purse.balance.get());
            let from = said.and_then(|purse| purse.withdrawal_executable_from);
            let pending = purse.pending_withdrawal.map(|pending| pending.executable_from);
            if followed && (balance, from) != (purse.balance.get(), pending) {
                return Some(format!("{token}: {balance} {from:?}, not {purse:?}"));
            }
        }
        None
    }
}
