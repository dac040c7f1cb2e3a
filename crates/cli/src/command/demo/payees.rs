//! Five payees: HTTP services of which each call is paid for.

use std::{fmt::Write, sync::Arc};

use aep2_mandate::units::{Amount, Ceiling};
use aep2_payee::{Paid, Payee, PayeeConfig, Quote};
use aep2_processor_client::{NativeClient, RetryPolicy};
use alloy::{primitives::Address, signers::local::PrivateKeySigner};
use anyhow::Context;
use axum::{Extension, Json, Router, extract::Path, routing::get};
use reqwest::Url;
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};

use super::world::{DEPOSIT, World};

/// What they are called, and what a call costs in base units: between a twentieth of a cent and a
/// cent. The last two are metered: that is the most.
const PAYEES: [(&str, u128, bool); 5] = [
    ("weather", 500, false),
    ("quotes", 1_000, false),
    ("maps", 2_000, false),
    ("translate", 6_000, true),
    ("complete", 10_000, true),
];

/// What a metered call costs for each word of its answer, in base units.
const PER_WORD: u128 = 100;

/// A payee that serves.
pub(super) struct Shop {
    pub(super) name: &'static str,
    pub(super) origin: Url,
    pub(super) address: Address,
    pub(super) key: PrivateKeySigner,
    pub(super) metered: bool,
    payee: Payee,
    serving: JoinHandle<()>,
    stop: watch::Sender<bool>,
}

/// How many payees there are.
pub(super) const COUNT: usize = PAYEES.len();

impl Shop {
    /// Opens all of them.
    pub(super) async fn open_all(world: &World) -> anyhow::Result<Vec<Self>> {
        let mut shops = Vec::new();
        for (name, price, metered) in PAYEES {
            shops.push(Self::open(world, name, price, metered).await?);
        }
        Ok(shops)
    }

    async fn open(
        world: &World,
        name: &'static str,
        price: u128,
        metered: bool,
    ) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let origin: Url = format!("http://{}", listener.local_addr()?).parse()?;
        let key = PrivateKeySigner::random();
        let config = PayeeConfig::new(origin.clone(), world.venue(), world.token, key.address());
        let http = reqwest::Client::builder().no_proxy().build()?;
        let processor = NativeClient::new(http, world.ready.http.parse()?, RetryPolicy::default());
        let payee = Payee::new(config, Arc::new(processor), Some(key.clone()))?;

        let price = Ceiling::new(price)?;
        let quote = if metered { Quote::metered(price) } else { Quote::fixed(price) };
        // More than any agent has.
        let dear = Quote::fixed(Ceiling::new(2 * DEPOSIT)?);
        let service = move |path: Path<String>, paid: Extension<Paid>| serve(name, path, paid);
        let router = Router::new()
            .route("/answers/{question}", get(service))
            .layer(payee.charge(quote))
            .merge(Router::new().route("/everything", get(everything)).layer(payee.charge(dear)));
        let (stop, mut stopped) = watch::channel(false);
        let serving = tokio::spawn(async move {
            let ended = async move {
                // An error is the sender's end.
                let _ = stopped.wait_for(|stopped| *stopped).await;
            };
            if let Err(error) = axum::serve(listener, router).with_graceful_shutdown(ended).await {
                tracing::error!(%error, name, "a payee ended");
            }
        });
        let address = key.address();
        Ok(Self { name, origin, address, key, metered, payee, serving, stop })
    }

    /// Where an answer is sold.
    pub(super) fn url(&self, question: &str) -> anyhow::Result<Url> {
        self.origin.join(&format!("answers/{question}")).context("not a path")
    }

    /// Where something is sold that no agent can afford.
    pub(super) fn too_dear(&self) -> anyhow::Result<Url> {
        self.origin.join("everything").context("not a path")
    }

    /// Closes it: every capture has reached the processor.
    pub(super) async fn close(self) {
        self.stop.send_replace(true);
        self.payee.idle().await;
        // It says itself how it ended.
        let _ = self.serving.await;
    }
}

/// The service: words that follow from the question. Metered calls are charged by the word.
async fn serve(
    name: &'static str,
    Path(question): Path<String>,
    Extension(paid): Extension<Paid>,
) -> Json<Value> {
    let digest = blake3::hash(format!("{name} {question}").as_bytes());
    let words = usize::from(digest.as_bytes()[0]) % 40 + 5;
    let mut answer = String::new();
    for word in digest.as_bytes().iter().cycle().take(words) {
        // Writing to a string does not fail.
        let _ = write!(answer, "{word:02x} ");
    }
    let count = answer.split_whitespace().count() as u128;
    if let Ok(charge) = Amount::new((count * PER_WORD).min(paid.ceiling().get()))
        && PAYEES.iter().any(|(own, _, metered)| *own == name && *metered)
        && let Err(error) = paid.charge(charge)
    {
        tracing::error!(%error, name, "a charge that was capped is too high");
    }
    Json(json!({ "from": name, "answer": answer.trim_end(), "mandate": paid.id }))
}

async fn everything() -> &'static str {
    "everything"
}
