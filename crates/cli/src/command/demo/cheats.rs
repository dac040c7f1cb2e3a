//! Attempts that must be refused, each for its own reason: by the processor, by a payee, or by the
//! agent's own limits.

use aep2_mandate::{
    clock::Clock,
    eddsa::SecretKey,
    mandate::SignedMandate,
    signer::{MandateTerms, Signer},
    typed_data::capture::{Capture, SignedCapture},
    units::{Amount, Ceiling, Nonce, UnixTime},
};
use aep2_payer::{PayError, PayingClient};
use aep2_x402::{
    ExtensionsJson, PaymentPayload, PaymentRequired, Requirements, SettleResponse, X402Version2,
    headers,
    offer::offers,
    purchase::{PaymentContext, Purchase},
    terms::purchase,
};
use alloy::signers::local::PrivateKeySigner;
use anyhow::{Context, bail};
use rand::rngs::OsRng;
use reqwest::Url;

use super::{
    agents::Bought,
    answer::refused,
    compliance,
    outcome::Refusal,
    payees::Shop,
    world::{Account, World},
};
use crate::output::Output;

/// Where cheats take their nonces from: far from those that agents use.
const NONCES_FROM: u64 = 1 << 40;

/// Somebody who tries.
pub(super) struct Cheat<'a> {
    pub(super) world: &'a World,
    pub(super) shops: &'a [Shop],
    /// Whose account it tries to spend from, and whose agent it may be.
    pub(super) account: &'a Account,
    /// That agent's client.
    pub(super) client: &'a PayingClient,
    pub(super) http: &'a reqwest::Client,
    pub(super) bought: &'a [Bought],
}

impl Cheat<'_> {
    /// Tries everything.
    pub(super) async fn try_all(&self, output: &Output) -> anyhow::Result<Vec<Refusal>> {
        let paid = &self.bought.first().context("nothing was bought")?.payment.mandate;
        let metered = self.bought.iter().find(|own| self.shops[own.shop].metered);
        let metered = metered.context("nothing metered was bought")?;
        let mut refusals = vec![
            self.post("a forged signature", "bad_signature", &self.forged(paid)?).await?,
            self.post("another's account", "unknown_key", &self.strangers()?).await?,
            self.post("a nonce used twice", "nonce_conflict", &self.replayed(paid)?).await?,
            self.post("an expired mandate", "expired", &self.expired()?).await?,
            self.other_order(paid).await?,
            self.overspent().await?,
            self.over_limit().await?,
            self.capture("a second, higher capture", "capture_conflict", metered, None).await?,
            self.capture(
                "a capture by somebody else",
                "bad_signature",
                metered,
                Some(&PrivateKeySigner::random()),
            )
            .await?,
        ];
        refusals.extend(compliance::try_all(self.world, self.shops[0].address, output).await?);
        Ok(refusals)
    }

    fn signer(&self, key: SecretKey) -> Signer {
        let venue = self.world.venue();
        Signer::new(key, venue.chain, venue.wallet)
    }

    /// Terms like those of a real payment.
    fn terms(&self, nonce: u64) -> anyhow::Result<MandateTerms> {
        let now = Clock::system().now();
        Ok(MandateTerms {
            account: self.account.id,
            token: self.world.token,
            payee: self.shops[0].address,
            amount: Ceiling::new(1_000)?,
            nonce: Nonce::new(NONCES_FROM + nonce),
            deadline: now.checked_add(3_600).context("the clock is at the end of time")?,
            reference: Default::default(),
        })
    }

    fn forged(&self, paid: &SignedMandate) -> anyhow::Result<SignedMandate> {
        let signed = self.signer(self.account.key()).sign(self.terms(0)?, None);
        Ok(SignedMandate { signature: paid.signature, ..signed })
    }

    fn strangers(&self) -> anyhow::Result<SignedMandate> {
        Ok(self.signer(SecretKey::generate(&mut OsRng)).sign(self.terms(1)?, None))
    }

    fn replayed(&self, paid: &SignedMandate) -> anyhow::Result<SignedMandate> {
        let terms = MandateTerms { nonce: paid.mandate.nonce, ..self.terms(2)? };
        Ok(self.signer(self.account.key()).sign(terms, None))
    }

    fn expired(&self) -> anyhow::Result<SignedMandate> {
        let hour_ago = Clock::system().now().get().saturating_sub(3_600);
        let terms = MandateTerms { deadline: UnixTime::new(hour_ago)?, ..self.terms(3)? };
        Ok(self.signer(self.account.key()).sign(terms, None))
    }

    /// Straight to the processor.
    async fn post(
        &self,
        attempt: &str,
        expected: &str,
        mandate: &SignedMandate,
    ) -> anyhow::Result<Refusal> {
        let url = format!("{}/v1/mandates", self.world.ready.http);
        let answer = self.http.post(url).json(mandate).send().await?;
        refused(attempt, expected, answer).await
    }

    /// A mandate that paid for one order, shown for another.
    async fn other_order(&self, paid: &SignedMandate) -> anyhow::Result<Refusal> {
        let shop = &self.shops[self.bought[0].shop];
        let url = shop.url("something-else")?;
        let (terms, purchase) = self.order(&url).await?;
        // It is the same payee and price: only the order differs.
        if purchase.amount != paid.mandate.amount {
            bail!("{} asks for another price", shop.name);
        }
        self.present("a mandate shown for another order", "ref_mismatch", &url, terms, paid).await
    }

    /// More than the account has. The agent would not sign it: here somebody has its key.
    async fn overspent(&self) -> anyhow::Result<Refusal> {
        let url = self.shops[0].too_dear()?;
        let (terms, purchase) = self.order(&url).await?;
        let order = terms.extra.order.as_ref().context("an order has a number")?.0;
        let own = MandateTerms {
            payee: purchase.payee,
            amount: purchase.amount,
            reference: purchase.reference(PaymentContext::Order(order)),
            ..self.terms(4)?
        };
        let signed = self.signer(self.account.key()).sign(own, None);
        self.present("more than the account has", "insufficient_funds", &url, terms, &signed).await
    }

    /// What a payee asks for.
    async fn order(&self, url: &Url) -> anyhow::Result<(Requirements, Purchase)> {
        let answer = self.http.get(url.clone()).send().await?;
        let required: PaymentRequired =
            headers::read(answer.headers(), &headers::PAYMENT_REQUIRED)?
                .context("the payee names no terms")?;
        let offer = offers(&required).pop().context("the payee offers nothing")?;
        let terms = offer.map_err(|error| anyhow::anyhow!("unreadable terms: {error:?}"))?.terms;
        let purchase = purchase(&terms, "GET", url.as_str())?;
        Ok((terms, purchase))
    }

    /// A payment, made by hand.
    async fn present(
        &self,
        attempt: &str,
        expected: &str,
        url: &Url,
        terms: Requirements,
        mandate: &SignedMandate,
    ) -> anyhow::Result<Refusal> {
        let payload = PaymentPayload {
            accepted: terms,
            payload: mandate.clone(),
            resource: None,
            x402_version: X402Version2,
            extensions: ExtensionsJson::default(),
        };
        let header = headers::write(&payload)?;
        let request = self.http.get(url.clone()).header(headers::PAYMENT_SIGNATURE, header);
        let answer = request.send().await?;
        let status = answer.status();
        let said: SettleResponse = headers::read(answer.headers(), &headers::PAYMENT_RESPONSE)?
            .with_context(|| format!("{attempt}: answered {status}, and nothing on the payment"))?;
        Ok(Refusal {
            attempt: attempt.to_owned(),
            expected: expected.to_owned(),
            code: said.error_reason.unwrap_or_else(|| "served".to_owned()),
            message: said.error_message.unwrap_or_default(),
        })
    }

    /// The agent itself does not sign what its owner does not allow.
    async fn over_limit(&self) -> anyhow::Result<Refusal> {
        let url = self.shops[0].too_dear()?;
        let (code, message) = match self.client.get(url).await {
            Err(PayError::Limit(limit)) => ("over_limit".to_owned(), limit.to_string()),
            Err(error) => ("another error".to_owned(), error.to_string()),
            Ok(answer) => (answer.response.status().to_string(), String::new()),
        };
        let (attempt, expected) = ("more than the owner allows", "over_limit".to_owned());
        Ok(Refusal { attempt: attempt.to_owned(), expected, code, message })
    }

    /// A payee that takes more than it said before, or somebody else that takes back what was paid.
    async fn capture(
        &self,
        attempt: &str,
        expected: &str,
        bought: &Bought,
        stranger: Option<&PrivateKeySigner>,
    ) -> anyhow::Result<Refusal> {
        let id = bought.payment.id;
        let ceiling = bought.payment.mandate.mandate.amount.get();
        let amount = if stranger.is_some() { 0 } else { ceiling };
        let capture = Capture { mandate_id: id.to_bytes(), amount: Amount::new(amount)? };
        let key = stranger.unwrap_or(&self.shops[bought.shop].key);
        let domain = self.world.venue().typed_data_domain();
        let signed = SignedCapture::sign(capture, key, &domain)?;
        let url = format!("{}/v1/mandates/{id}/capture", self.world.ready.http);
        let answer = self.http.post(url).json(&signed).send().await?;
        refused(attempt, expected, answer).await
    }
}
