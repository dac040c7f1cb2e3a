//! Compliance in the demo: a payer and a payee on a list, and an agent whom an officer refuses.

use aep2_chain::wallet::units::KeyHash;
use aep2_compliance::subject::Subject;
use aep2_mandate::{
    clock::Clock,
    mandate::SignedMandate,
    signer::{MandateTerms, Signer},
    units::{Ceiling, Nonce},
};
use alloy::primitives::Address;
use anyhow::{Context, ensure};
use serde_json::{Value, json};

use super::{
    answer::refused,
    outcome::Refusal,
    world::{Account, World},
};
use crate::output::Output;

/// Three who are not served: a payer and a payee on the list, and an agent whom an officer refuses.
pub(super) async fn try_all(
    world: &World,
    payee: Address,
    output: &Output,
) -> anyhow::Result<Vec<Refusal>> {
    let [listed, suspect] = &world.looked_at;
    let post = async |attempt: &str, mandate: &SignedMandate| {
        let http = reqwest::Client::builder().no_proxy().build()?;
        let url = format!("{}/v1/mandates", world.ready.http);
        refused(attempt, "policy_refused", http.post(url).json(mandate).send().await?).await
    };
    let payer = post("a payer on a sanctions list", &sign(world, listed, payee)?).await?;
    let to_listed = sign(world, &world.accounts[0], world.looked.payee)?;
    let paid = post("a payee on a sanctions list", &to_listed).await?;
    let number = refuse_agent(world, suspect).await?;
    output.note(format!("  case {number}: an officer refuses an agent"));
    let agent = post("an agent refused by an officer", &sign(world, suspect, payee)?).await?;
    Ok(vec![payer, paid, agent])
}

/// An officer opens a case about an agent, and decides it. Gives its number.
async fn refuse_agent(world: &World, suspect: &Account) -> anyhow::Result<u64> {
    let key = KeyHash::of(&suspect.key().public());
    let subject = Subject::Agent(key.to_word().into());
    let case = ask(world, "/v1/cases", &json!({ "subject": subject })).await?;
    let number = case["number"].as_u64().context("a case has a number")?;
    let until = Clock::system().now().get().saturating_add(86_400);
    let decision = json!({
        "version": case["version"], "serve": false, "until": until,
        "why": "its owner says that somebody else has the key",
    });
    let decided = ask(world, &format!("/v1/cases/{number}/decision"), &decision).await?;
    ensure!(decided["state"]["state"] == "decided", "the case is not decided: {decided}");
    Ok(number)
}

async fn ask(world: &World, path: &str, body: &Value) -> anyhow::Result<Value> {
    let base = world.ready.compliance.as_ref().context("compliance is on")?;
    let http = reqwest::Client::builder().no_proxy().build()?;
    let request = http.post(format!("{base}{path}")).bearer_auth(&world.looked.token).json(body);
    Ok(request.send().await?.error_for_status()?.json().await?)
}

/// A mandate of this account's, far from the nonces that agents use.
fn sign(world: &World, account: &Account, payee: Address) -> anyhow::Result<SignedMandate> {
    const NONCE: u64 = 1 << 41;
    let venue = world.venue();
    let terms = MandateTerms {
        account: account.id,
        token: world.token,
        payee,
        amount: Ceiling::new(1_000)?,
        nonce: Nonce::new(NONCE),
        deadline: Clock::system().now().checked_add(3_600).context("the clock is at its end")?,
        reference: Default::default(),
    };
    Ok(Signer::new(account.key(), venue.chain, venue.wallet).sign(terms, None))
}
