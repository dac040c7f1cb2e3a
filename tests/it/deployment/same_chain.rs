//! The embedded chain and anvil are one chain to whoever uses them: the same transactions use the same
//! gas and log the same.

use aep2_chain::{
    call::Call,
    contracts::TestUSD,
    deployment::deploy,
    token::{approve, mint_test_tokens},
    transact::transact,
    wallet::units::{BaseUnits, KeyHash},
};
use aep2_tests::{
    chain::TestChain,
    stage::{DELAY_SECONDS, Stage, mandate_key, payee, plan},
};
use alloy::{
    consensus::TxReceipt,
    primitives::{Address, Bloom, LogData},
    providers::Provider,
    rpc::types::TransactionReceipt,
    signers::local::PrivateKeySigner,
};

/// What must not differ. Hashes do: of blocks, since the chains have other genesis blocks and state
/// roots; of transactions, since estimates and suggested fees are each node's own.
#[derive(Debug, PartialEq)]
struct Trace {
    what: String,
    gas_used: u64,
    contract: Option<Address>,
    logs: Vec<(Address, LogData)>,
    bloom: Bloom,
}

impl Trace {
    fn of(what: &str, receipt: &TransactionReceipt) -> Self {
        let logs = receipt.logs().iter();
        Self {
            what: what.to_owned(),
            gas_used: receipt.gas_used,
            contract: receipt.contract_address,
            logs: logs.map(|log| (log.address(), log.data().clone())).collect(),
            bloom: receipt.inner.bloom(),
        }
    }
}

/// A life with everything in it that a processor meets, at set times, so that it is the same each time.
async fn life(chain: TestChain) -> Vec<Trace> {
    const START: u64 = 2_000_000_000;

    let mut traces = Vec::new();
    chain.travel_to(START).await;
    let deployment = deploy(&chain.with_key(&Stage::deployer_key()), &plan()).await.unwrap();
    let reader = chain.reader();
    for (what, transaction) in [
        ("verifier", deployment.verifiers[0].transaction),
        ("wallet", deployment.wallet.transaction),
        ("token", deployment.test_token.as_ref().unwrap().transaction),
    ] {
        let receipt = reader.get_transaction_receipt(transaction).await.unwrap().unwrap();
        traces.push(Trace::of(what, &receipt));
    }
    let stage = Stage::on(chain, deployment);
    let (id, token, ann, bob) = (stage.id(), stage.token_address(), &stage.ann, &stage.bob);
    let set_blocked =
        |account, blocked| Call::new(token, &TestUSD::setBlockedCall { account, blocked });
    let units = BaseUnits::new(5_000);

    let mut at = START + 100;
    let mut steps: Vec<(&str, u64, &PrivateKeySigner, Call)> =
        vec![("blocks a payee", 0, &stage.deployer, set_blocked(payee(2), true))];
    for person in [ann, bob] {
        let opening = id.open_account(&stage.terms(&person.mandate_key));
        steps.push(("opens", 0, &person.key, opening));
        steps.push(("mints", 0, &stage.deployer, mint_test_tokens(token, person.address(), units)));
        steps.push(("approves", 0, &person.key, approve(token, id.address, units)));
        steps.push(("deposits", 0, &person.key, id.deposit(person.account, token, units)));
    }
    let half = BaseUnits::new(2_500);
    let new_key = KeyHash::of(&mandate_key(99).public());
    let again = stage.prove(&[(&ann.mandate_key, ann.pays(payee(2), 60, 2))]);
    steps.extend([
        ("asks back", 0, &ann.key, id.request_withdrawal(ann.account, token, half)),
        ("settles", 0, &stage.processor, stage.settling(&stage.batch())),
        ("unblocks", 0, &stage.deployer, set_blocked(payee(2), false)),
        ("settles to one with a credit", 0, &stage.processor, stage.settling(&again)),
        ("another key", 0, &bob.key, id.rotate_key(bob.account, new_key)),
        ("takes out", DELAY_SECONDS, &ann.key, id.execute_withdrawal(ann.account, token, payee(5))),
        ("is applied", 10, &stage.stranger, id.apply_change(bob.account)),
    ]);
    for (what, wait_seconds, key, call) in steps {
        at += 10 + wait_seconds;
        stage.chain.travel_to(at).await;
        let receipt = transact(&stage.chain.with_key(key), &call).await;
        traces.push(Trace::of(what, &receipt.unwrap_or_else(|error| panic!("{what}: {error}"))));
    }
    traces
}

#[tokio::test(flavor = "multi_thread")]
async fn the_embedded_chain_and_anvil_do_the_same() {
    let embedded = life(TestChain::embedded()).await;
    let anvil = life(TestChain::anvil()).await;
    for (ours, theirs) in embedded.iter().zip(&anvil) {
        assert_eq!(ours, theirs);
    }
    assert_eq!(embedded.len(), anvil.len());
    let settled = embedded.iter().find(|trace| trace.what == "settles").unwrap();
    // The proof alone is more than 181,000 gas of pairings.
    assert!(settled.gas_used > 250_000 && settled.logs.len() == 3, "{settled:?}");
}
