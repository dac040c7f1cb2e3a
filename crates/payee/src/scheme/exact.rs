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

use std::time::Duration;

use aep2_mandate::units::Ceiling;
use aep2_processor_client::{
    ProcessorError, RetryPolicy,
    call::{at, post, refusal},
};
use aep2_x402::{
    CaptureMode, ExtensionsJson, Network, SettleResponse, X402Version2,
    headers::{self, HeaderError, PAYMENT_SIGNATURE, X_PAYMENT},
    terms::WireAddress,
    v1::requirements,
};
use alloy_primitives::{Address, B256, TxHash, U256, keccak256};
use http::{HeaderMap, HeaderName, request::Parts};
use serde::Deserialize;
use url::Url;
use x402_chain_eip155::v2_eip155_exact::types::{
    Eip3009Payload, ExactScheme, asset_transfer_method::Eip3009,
};
use x402_types::proto::{v1, v2};

use super::{
    Admitted, Offer, Rejection, Scheme,
    terms::{all_same, same_terms, take_payment},
};
use crate::{
    refusal::Refusal,
    sale::{Conflict, Sale},
};

/// The terms of a payment by this scheme.
type Terms = v2::PaymentRequirements<ExactScheme, Ceiling, WireAddress, Eip3009>;
type Payload<Accepted> = v2::PaymentPayload<Accepted, Eip3009Payload>;
type FirstPayment = v1::PaymentPayload<ExactScheme, Eip3009Payload>;
type SettleRequest = v2::VerifyRequest<Payload<Terms>, Terms>;

/// How a payee takes payments of the scheme `exact`: see [`Charge::and`](crate::Charge::and).
#[derive(Clone, Debug)]
pub struct Exact {
    http: reqwest::Client,
    facilitator: Url,
    token: Eip3009,
    retry: RetryPolicy,
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
        let retry = RetryPolicy { timeout: Duration::from_secs(40), ..RetryPolicy::default() };
        let token = Eip3009 { name: name.into(), version: version.into() };
        Self { http, facilitator, token, retry }
    }

    /// The same, waiting otherwise for the facilitator.
    pub fn with_retry(self, retry: RetryPolicy) -> Self {
        Self { retry, ..self }
    }

    /// What is asked for; nothing where the price is metered.
    fn terms(&self, sale: &Sale) -> Option<Terms> {
        let (config, request) = (sale.payee().config(), sale.request());
        (request.capture == CaptureMode::Full).then(|| Terms {
            scheme: ExactScheme,
            network: sale.network(),
            amount: request.purchase.amount,
            pay_to: config.payee.into(),
            max_timeout_seconds: config.order_good_s,
            asset: config.token.into(),
            extra: self.token.clone(),
        })
    }

    /// Has a payment settled: the transaction.
    async fn transact(&self, payload: Eip3009Payload, terms: Terms) -> Result<TxHash, Refusal> {
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
            payment_payload: Payload {
                accepted: terms.clone(),
                payload,
                resource: None,
                x402_version: X402Version2,
                extensions: ExtensionsJson::default(),
            },
            payment_requirements: terms,
        };
        let invalid = |message: String| ProcessorError::InvalidAnswer(message);
        let body = serde_json::to_vec(&request).map_err(|error| invalid(error.to_string()))?;
        let url = at(&self.facilitator, "settle");
        let (status, answer) = post(&self.http, url, body, self.retry).await?;
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
            None => Err(invalid("settled, without a transaction on this chain".to_owned()).into()),
        }
    }
}

/// A payment of the scheme `exact`, which is on the chain. Handlers find it among the request's
/// extensions, where there is no [`Paid`](crate::Paid).
#[derive(Clone, Debug)]
pub struct ExactPaid {
    /// Who paid.
    pub payer: Address,
    /// How much, base units.
    pub amount: Ceiling,
    /// The transaction that the facilitator names.
    pub transaction: TxHash,
}

/// A payment that pays what is asked.
#[derive(Debug)]
pub struct Payment {
    terms: Terms,
    payload: Eip3009Payload,
}

impl Scheme for Exact {
    const NAME: &'static str = "exact";
    type Payment = Payment;
    type Paid = ExactPaid;
    type Statement = SettleResponse;
    type Refusal = Refusal;

    fn offer(&self, sale: &Sale) -> serde_json::Result<Option<Offer>> {
        let Some(terms) = self.terms(sale) else { return Ok(None) };
        let Eip3009 { name, version } = &terms.extra;
        let extra = serde_json::json!({ "name": name, "version": version });
        Ok(Some(Offer::X402 {
            requirements: serde_json::value::to_raw_value(&terms)?,
            first_version: Box::new(requirements(&terms, &sale.request().resource, extra)),
        }))
    }

    fn is_meant(&self, sale: &Sale, headers: &HeaderMap) -> bool {
        /// Of either version.
        #[derive(Deserialize)]
        struct Named {
            scheme: Option<String>,
            accepted: Option<Accepted>,
        }
        #[derive(Deserialize)]
        struct Accepted {
            scheme: String,
        }
        let text = paid_with(headers).ok().flatten();
        let read = text.and_then(|(_, text)| serde_json::from_slice::<Named>(&text).ok());
        let named = read.and_then(|read| read.accepted.map(|own| own.scheme).or(read.scheme));
        self.terms(sale).is_some() && named.is_some_and(|scheme| scheme == Self::NAME)
    }

    /// Signature, times and funds are the facilitator's to check.
    fn admit(&self, sale: &Sale, headers: &HeaderMap) -> Result<Admitted<Payment>, Refusal> {
        let terms = self.terms(sale).ok_or(Refusal::PaymentRequired)?;
        let payload = read(headers, &terms)?;
        let own = &payload.authorization;
        all_same([
            ("authorization.to", own.to == terms.pay_to.0),
            ("authorization.value", own.value == U256::from(terms.amount.get())),
        ])?;
        let id: B256 = keccak256([own.from.as_slice(), own.nonce.as_slice()].concat());
        // Nothing in it says for which request it was given, so that is remembered.
        let purchase = &sale.request().purchase;
        let request = (purchase.method.clone(), purchase.resource.clone());
        let fingerprint = (payload.signature.clone(), request);
        Ok(Admitted::new(Payment { terms, payload }, id, fingerprint))
    }

    async fn settle(&self, _sale: &Sale, payment: Payment) -> Result<ExactPaid, Refusal> {
        let Payment { terms, payload } = payment;
        let (payer, amount) = (payload.authorization.from, terms.amount);
        let transaction = self.transact(payload, terms).await?;
        Ok(ExactPaid { payer, amount, transaction })
    }

    fn hand_over(&self, paid: &ExactPaid, request: &mut Parts) {
        take_payment(&mut request.headers);
        request.extensions.insert(paid.clone());
    }

    /// All of it is said, whatever the handler says.
    fn promise(&self, sale: &Sale, paid: &ExactPaid) -> SettleResponse {
        SettleResponse::on_chain(sale.network(), paid.payer, paid.transaction)
    }

    async fn conclude(&self, sale: &Sale, paid: &ExactPaid, _succeeded: bool) -> SettleResponse {
        self.promise(sale, paid)
    }

    fn conflict(&self, conflict: Conflict) -> Refusal {
        Refusal::of(conflict)
    }

    fn refuse(&self, refusal: Refusal) -> Rejection {
        Rejection::X402(refusal)
    }
}

/// The header that carries the payment, and its text.
fn paid_with(headers: &HeaderMap) -> Result<Option<(HeaderName, Vec<u8>)>, HeaderError> {
    for name in [PAYMENT_SIGNATURE, X_PAYMENT] {
        if let Some(text) = headers::text(headers, &name)? {
            return Ok(Some((name, text)));
        }
    }
    Ok(None)
}

/// The payment in a request's headers, if it accepts what is asked.
fn read(headers: &HeaderMap, terms: &Terms) -> Result<Eip3009Payload, Refusal> {
    let (name, text) = paid_with(headers)?.ok_or(Refusal::PaymentRequired)?;
    match serde_json::from_slice::<FirstPayment>(&text) {
        Ok(payment) if name == X_PAYMENT => {
            let same = payment.network == terms.network.to_string();
            same.then_some(payment.payload).ok_or(Refusal::OtherTerms { field: "network" })
        }
        _ => {
            let malformed = |source| HeaderError::NotTheObject { name, source };
            let payment: Payload<Terms> = serde_json::from_slice(&text).map_err(malformed)?;
            same_terms(&payment.accepted, terms)?;
            all_same([("extra", payment.accepted.extra == terms.extra)])?;
            Ok(payment.payload)
        }
    }
}
