//! Payments of x402's scheme `exact`, for payees that offer it beside `aep2`.
//!
//! The payer signs a transfer of the token (EIP-3009), and a facilitator puts it on the chain before the
//! request is served: one transaction a call, and nothing to fall due later. The layer's guarantees hold:
//! nothing is served that is not settled, an authorization is served once, the same payment for the same
//! request gets the same answer, a request that was paid for is carried to its end.
//!
//! Two do not. A transfer cannot be captured for less: **a call that fails has been paid for**, and a
//! metered price is not offered. And nothing in it says which request it is for; from the moment that it
//! is on its way to the chain, everybody can read it. It is taken for the request that it came with
//! first, so it buys nothing else; but whoever repeats that request with it, while the answer is
//! remembered, gets that answer. What must stay between payer and payee is sold by mandate.

use std::{convert::Infallible, sync::Arc, time::Duration};

use aep2_mandate::units::{Ceiling, UnixTime};
use aep2_processor_client::{
    Patience, ProcessorError,
    call::{at, post, refusal},
};
use aep2_x402::{
    CaptureMode, ExtensionsJson, Network, ResourceInfo, SettleResponse, X402Version2,
    headers::{self, HeaderError, PAYMENT_SIGNATURE, X_PAYMENT},
    terms::{self, WireAddress},
};
use alloy_primitives::{Address, B256, TxHash, U256, keccak256};
use axum::{
    body::Body,
    extract::Request,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, request::Parts};
use serde::Deserialize;
use tower::Service;
use url::Url;
use x402_chain_eip155::v2_eip155_exact::types::{
    Eip3009Payload, ExactScheme, asset_transfer_method::Eip3009,
};
use x402_types::proto::{v1, v2};

use super::{
    PayeeConfig, PayeeParts, Refusal,
    answer::{self, Reply, Sale},
    desk::Asked,
    layer,
    served::{Claim, Presentation, Serving},
};

/// The terms of a payment by this scheme.
pub(super) type Terms = v2::PaymentRequirements<ExactScheme, Ceiling, WireAddress, Eip3009>;
type Payment<Accepted> = v2::PaymentPayload<Accepted, Eip3009Payload>;
type FirstPayment = v1::PaymentPayload<ExactScheme, Eip3009Payload>;
type SettleRequest = v2::VerifyRequest<Payment<Terms>, Terms>;

/// How a payee takes payments of the scheme `exact`: see [`PayeeConfig::exact`].
#[derive(Clone, Debug)]
pub struct Exact {
    http: reqwest::Client,
    facilitator: Url,
    token: Eip3009,
    patience: Patience,
}

impl Exact {
    /// Settled by the facilitator at a URL, whose word is taken: `/settle` is below it. `name` and
    /// `version` are those of the token's EIP-712 domain, such as `USD Coin` and `2`.
    pub fn new(
        http: reqwest::Client,
        facilitator: Url,
        name: impl Into<String>,
        version: impl Into<String>,
    ) -> Self {
        // An answer takes a block.
        let patience = Patience { answer: Duration::from_secs(40), ..Patience::default() };
        let token = Eip3009 { name: name.into(), version: version.into() };
        Self { http, facilitator, token, patience }
    }

    /// The same, waiting otherwise for the facilitator.
    pub fn with_patience(self, patience: Patience) -> Self {
        Self { patience, ..self }
    }

    /// What is asked for a price; nothing where it is metered.
    pub(super) fn terms(
        &self,
        config: &PayeeConfig,
        amount: Ceiling,
        capture: CaptureMode,
    ) -> Option<Terms> {
        (capture == CaptureMode::Full).then(|| Terms {
            scheme: ExactScheme,
            network: terms::network(config.venue.chain),
            amount,
            pay_to: config.payee.into(),
            max_timeout_seconds: config.order_good_s,
            asset: config.token.into(),
            extra: self.token.clone(),
        })
    }

    /// Has a payment settled: the transaction.
    async fn settle(&self, payload: Eip3009Payload, terms: Terms) -> Result<TxHash, Refusal> {
        /// What counts of a facilitator's answer. Some leave the rest out of refusals.
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Answer {
            success: bool,
            error_reason: Option<String>,
            error_message: Option<String>,
            transaction: Option<String>,
            network: Option<Network>,
        }
        let network = terms.network.clone();
        let request = SettleRequest {
            x402_version: X402Version2,
            payment_payload: Payment {
                accepted: terms.clone(),
                payload,
                resource: None,
                x402_version: X402Version2,
                extensions: ExtensionsJson::default(),
            },
            payment_requirements: terms,
        };
        let nonsense = |words: String| ProcessorError::Nonsense(words);
        let body = serde_json::to_vec(&request).map_err(|error| nonsense(error.to_string()))?;
        let url = at(&self.facilitator, "settle");
        let (status, answer) = post(&self.http, url, body, self.patience).await?;
        let Ok(answer) = serde_json::from_slice::<Answer>(&answer) else {
            return Err(refusal(status, &answer).into());
        };
        if !answer.success {
            return Err(Refusal::ByProcessor {
                code: answer.error_reason.unwrap_or_else(|| "refused".to_owned()),
                message: answer.error_message.unwrap_or_else(|| "refused".to_owned()),
            });
        }
        let transaction = answer.transaction.and_then(|hash| hash.parse().ok());
        match transaction.filter(|_| answer.network.is_none_or(|said| said == network)) {
            Some(transaction) => Ok(transaction),
            None => Err(nonsense("settled, without a transaction on this chain".to_owned()).into()),
        }
    }
}

/// A payment of the scheme `exact`, which is on the chain. Handlers find it among the request's
/// extensions, where there is no [`Paid`](super::Paid).
#[derive(Clone, Debug)]
pub struct ExactPaid {
    /// Who paid.
    pub payer: Address,
    /// How much, base units.
    pub amount: Ceiling,
    /// The transaction that the facilitator names.
    pub transaction: TxHash,
}

/// Terms as x402's first version has them.
pub(super) fn first_version(
    terms: &Terms,
    resource: &ResourceInfo,
) -> serde_json::Result<v1::PaymentRequirements> {
    let Eip3009 { name, version } = &terms.extra;
    Ok(v1::PaymentRequirements {
        scheme: ExactScheme.to_string(),
        network: terms.network.to_string(),
        max_amount_required: terms.amount.to_string(),
        resource: resource.url.clone(),
        description: resource.description.clone().unwrap_or_default(),
        mime_type: resource.mime_type.clone(),
        output_schema: None,
        pay_to: terms.pay_to.to_string(),
        max_timeout_seconds: terms.max_timeout_seconds,
        asset: terms.asset.to_string(),
        extra: Some(serde_json::json!({ "name": name, "version": version })),
    })
}

/// Whether a payment of this scheme came, for a request that is sold for such. What cannot be read is
/// for others to say.
pub(super) fn is_meant(headers: &HeaderMap, asked: &Asked) -> bool {
    /// Of either version.
    #[derive(Deserialize)]
    struct Scheme {
        scheme: Option<String>,
        accepted: Option<Accepted>,
    }
    #[derive(Deserialize)]
    struct Accepted {
        scheme: String,
    }
    let text = paid_with(headers).ok().flatten();
    let read = text.and_then(|(_, text)| serde_json::from_slice::<Scheme>(&text).ok());
    let named = read.and_then(|read| read.accepted.map(|own| own.scheme).or(read.scheme));
    asked.exact.is_some() && named.is_some_and(|scheme| scheme == ExactScheme.to_string())
}

/// The header that carries the payment, and its text.
fn paid_with(headers: &HeaderMap) -> Result<Option<(http::HeaderName, Vec<u8>)>, HeaderError> {
    for name in [PAYMENT_SIGNATURE, X_PAYMENT] {
        if let Some(text) = headers::text(headers, &name)? {
            return Ok(Some((name, text)));
        }
    }
    Ok(None)
}

/// From a payment to the answer.
pub(super) async fn respond<S>(
    payee: Arc<PayeeParts>,
    asked: Asked,
    (mut parts, body): (Parts, Body),
    inner: S,
) -> Response
where
    S: Service<Request, Error = Infallible> + Send + 'static,
    S::Response: IntoResponse,
    S::Future: Send,
{
    let now = payee.config.clock.now();
    let Admitted { exact, terms, payload, claim } = match admit(&payee, &parts.headers, &asked, now)
    {
        Ok(admitted) => admitted,
        Err(refusal) => return payee.refuse(&refusal, &asked, now),
    };
    let serving: Serving = match claim {
        Claim::New(serving) => serving,
        seen => {
            return match payee.again(seen).await.and_then(answer::repeat) {
                Ok(response) => response,
                Err(refusal) => payee.refuse(&refusal, &asked, now),
            };
        }
    };
    layer::carried(async move {
        let (payer, amount) = (payload.authorization.from, terms.amount);
        let network = terms.network.clone();
        let transaction = match exact.settle(payload, terms).await {
            Ok(transaction) => transaction,
            Err(refusal) => return payee.refuse(&refusal, &asked, now),
        };
        // The payment is for this payee, not for what is behind it.
        parts.headers.remove(PAYMENT_SIGNATURE);
        parts.headers.remove(X_PAYMENT);
        parts.extensions.insert(ExactPaid { payer, amount, transaction });
        let served = layer::serve(inner, Request::from_parts(parts, body)).await;
        let sale = Sale::Exact(Box::new(SettleResponse::on_chain(network, payer, transaction)));
        answer::give(Reply { payee, sale, serving }, served).await
    })
    .await
}

/// A payment that pays what is asked.
struct Admitted {
    exact: Exact,
    terms: Terms,
    payload: Eip3009Payload,
    claim: Claim,
}

/// The payment in a request's headers, if it pays what is asked. Signature, times and funds are the
/// facilitator's to check.
fn admit(
    payee: &PayeeParts,
    headers: &HeaderMap,
    asked: &Asked,
    now: UnixTime,
) -> Result<Admitted, Refusal> {
    let (Some(exact), Some(terms)) = (payee.config.exact.clone(), asked.exact.clone()) else {
        return Err(Refusal::PaymentRequired);
    };
    let (name, text) = paid_with(headers)?.ok_or(Refusal::PaymentRequired)?;
    let malformed = |source| HeaderError::NotTheObject { name: name.clone(), source };
    let payload = match serde_json::from_slice::<FirstPayment>(&text) {
        Ok(payment) if name == X_PAYMENT => {
            let same = payment.network == terms.network.to_string();
            same.then_some(payment.payload).ok_or(Refusal::OtherTerms { field: "network" })?
        }
        _ => {
            let payment: Payment<Terms> = serde_json::from_slice(&text).map_err(malformed)?;
            same_terms(&payment.accepted, &terms)?;
            payment.payload
        }
    };
    let own = &payload.authorization;
    for (field, same) in [
        ("authorization.to", own.to == terms.pay_to.0),
        ("authorization.value", own.value == U256::from(terms.amount.get())),
    ] {
        if !same {
            return Err(Refusal::OtherTerms { field });
        }
    }
    let id: B256 = keccak256([own.from.as_slice(), own.nonce.as_slice()].concat());
    let presentation = Presentation::Exact {
        signature: payload.signature.clone(),
        method: asked.purchase.method.clone(),
        resource: asked.purchase.resource.clone(),
    };
    match payee.memory.claim(id, presentation, now) {
        Claim::Otherwise => Err(Refusal::UsedOtherwise),
        Claim::Full => Err(Refusal::Busy),
        claim => Ok(Admitted { exact, terms, payload, claim }),
    }
}

/// Checks that what was accepted is what is asked for.
fn same_terms(accepted: &Terms, terms: &Terms) -> Result<(), Refusal> {
    for (field, same) in [
        ("network", accepted.network == terms.network),
        ("asset", accepted.asset == terms.asset),
        ("payTo", accepted.pay_to == terms.pay_to),
        ("amount", accepted.amount == terms.amount),
        ("extra", accepted.extra == terms.extra),
    ] {
        if !same {
            return Err(Refusal::OtherTerms { field });
        }
    }
    Ok(())
}
