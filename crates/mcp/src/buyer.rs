//! Calling tools, and paying for those that ask for it.
//!
//! A call is paid for once. Where no answer comes, or the seller is busy, it is repeated with the
//! same mandate; a result that asks for a payment again ends it. A payment without a final answer waits in
//! the payer's journal: the same call, now or after a restart, sends it again, and nothing else is signed.

use std::time::Duration;

use aep2_mandate::mandate::MandateId;
use aep2_payer::{PayError, Payer, Payment, RequestKey, RetryPolicy, Sent, Unanswered};
use aep2_x402::{
    PaymentPayload,
    mcp::{self, CallMeta, ServerName},
};
use rmcp::{
    RoleClient, ServiceError,
    model::{CallToolRequestParams, CallToolResult, RequestMetaObject},
    service::Peer,
};
use serde_json::{Value, value::RawValue};
use thiserror::Error;

/// How much of what a busy seller says is kept, in characters.
const WORDS_MAX: usize = 300;

/// Why a call was not made, or not answered.
#[derive(Debug, Error)]
pub enum BuyError {
    /// Nothing was signed.
    #[error(transparent)]
    Pay(#[from] PayError),
    /// The arguments have more than one reading.
    #[error("the arguments cannot be paid for: {0}")]
    Arguments(#[from] aep2_x402::canonical::CanonicalError),
    /// The seller's terms, or its word on the payment.
    #[error(transparent)]
    Unreadable(#[from] mcp::Unreadable),
    /// The call failed, and nothing was paid.
    #[error("the call failed: {0}")]
    Call(#[source] Box<ServiceError>),
    /// The server did not answer in time, and nothing was paid.
    #[error("the server did not answer within {} s", .0.as_secs())]
    Silent(Duration),
    /// The seller refused the payment.
    #[error("the payment was refused: {reason}: {message}")]
    Refused {
        /// A stable code.
        reason: String,
        /// The seller's words.
        message: String,
    },
    /// A payment went out and was not answered. The same call, made again, sends the same payment.
    #[error("the payment {id} went out, and no answer came: {why}")]
    Unanswered {
        /// The mandate's id.
        id: MandateId,
        /// What came instead.
        why: String,
    },
}

/// A result, and what was paid for it.
#[derive(Clone, Debug)]
pub struct Bought {
    /// The tool's result. Tools that fail have one too.
    pub result: CallToolResult,
    /// The payment, if one was due.
    pub payment: Option<Payment>,
}

/// Calls the tools of one server, and pays. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Buyer {
    payer: Payer,
    peer: Peer<RoleClient>,
    server: ServerName,
    retry: RetryPolicy,
    answer_within: Duration,
}

impl Buyer {
    /// Pays with `payer` for the tools of `server`, which `peer` is connected to. The name of the
    /// server is what the payer's limits count payments for. Calls are waited for for two minutes.
    pub fn new(payer: Payer, peer: Peer<RoleClient>, server: ServerName) -> Self {
        let answer_within = Duration::from_secs(120);
        Self { payer, peer, server, retry: RetryPolicy::default(), answer_within }
    }

    /// The same, asking otherwise where no answer comes.
    pub fn retry(self, retry: RetryPolicy, answer_within: Duration) -> Self {
        Self { retry, answer_within, ..self }
    }

    /// Calls a tool, and pays for it where it asks for it. Where a payment for the same call has no final
    /// answer yet, that one is sent again.
    ///
    /// # Errors
    /// When nothing was paid; when the seller refused; when a payment was sent and not answered.
    /// A tool that fails has a result that says so.
    pub async fn call(&self, call: CallToolRequestParams) -> Result<Bought, BuyError> {
        let host = self.server.to_string();
        // Arguments without one spelling may be fine for a tool that is free.
        let resource = mcp::tool_resource(&self.server, &call.name, call.arguments.as_ref());
        if let Ok(resource) = &resource {
            let key = RequestKey::of_call(mcp::METHOD, resource);
            if let Some(waiting) = self.payer.unanswered(key, &host).await? {
                let Unanswered { sent, payload } = waiting;
                let sent = self.payer.hand_in(sent, &payload).await?;
                let call = with_payment(call, payload).map_err(PayError::from)?;
                return self.send(call, sent).await;
            }
        }
        let result = match self.once(call.clone()).await {
            Some(Ok(result)) => result,
            Some(Err(error)) => return Err(BuyError::Call(Box::new(error))),
            None => return Err(BuyError::Silent(self.answer_within)),
        };
        let Some(required) = asked(&result)? else {
            return Ok(Bought { result, payment: None });
        };
        let resource = resource?;
        let (offer, purchase) = self.payer.choose(&required, mcp::METHOD, &resource, &host)?;
        let key = RequestKey::of_call(mcp::METHOD, &resource);
        let authorised = self.payer.authorise_for(key, purchase, &offer, &host).await?;
        let payment = authorised.payload(offer.written);
        let sent = self.payer.hand_in(authorised.send(), &payment).await?;
        let call = with_payment(call, payment).map_err(PayError::from)?;
        self.send(call, sent).await
    }

    /// One try: nothing where no answer came in time.
    async fn once(
        &self,
        call: CallToolRequestParams,
    ) -> Option<Result<CallToolResult, ServiceError>> {
        tokio::time::timeout(self.answer_within, self.peer.call_tool(call)).await.ok()
    }

    /// Sends a payment until it is answered.
    async fn send(&self, call: CallToolRequestParams, sent: Sent) -> Result<Bought, BuyError> {
        let mut pause = self.retry.pause;
        let mut attempt = 1;
        loop {
            let last = attempt >= self.retry.attempts;
            match self.once(call.clone()).await {
                Some(Ok(result)) if !wants_again(&result) => return conclude(result, sent),
                found if last => {
                    let why = match found {
                        Some(Ok(result)) => format!("the seller is busy: {}", words(&result)),
                        Some(Err(error)) => error.to_string(),
                        None => format!("nothing within {} s", self.answer_within.as_secs()),
                    };
                    return Err(BuyError::Unanswered { id: sent.id, why });
                }
                _ => {}
            }
            tokio::time::sleep(pause).await;
            pause *= 2;
            attempt += 1;
        }
    }
}

/// What a result asks for.
fn asked(result: &CallToolResult) -> Result<Option<aep2_x402::PaymentRequired>, mcp::Unreadable> {
    if result.is_error != Some(true) {
        return Ok(None);
    }
    let text = result.content.first().and_then(|block| block.as_text());
    mcp::required(result.structured_content.as_ref(), text.map(|block| block.text.as_str()))
}

/// Whether the same call may fare better: the seller is busy, and says nothing about the payment.
fn wants_again(result: &CallToolResult) -> bool {
    let error = result.structured_content.as_ref().and_then(|content| content.get("error"));
    error.is_some_and(|error| error.get("retryAfterSeconds").is_some_and(Value::is_u64))
}

/// The beginning of what a result says in words.
fn words(result: &CallToolResult) -> String {
    let text = result.content.first().and_then(|block| block.as_text());
    text.map(|block| block.text.chars().take(WORDS_MAX).collect()).unwrap_or_default()
}

fn with_payment(
    mut call: CallToolRequestParams,
    payment: PaymentPayload<Box<RawValue>>,
) -> serde_json::Result<CallToolRequestParams> {
    let Value::Object(said) = serde_json::to_value(CallMeta { payment: Some(payment) })? else {
        return Ok(call);
    };
    let RequestMetaObject(meta) = call.meta.get_or_insert_default();
    meta.0.extend(said);
    Ok(call)
}

/// What the result says about the payment.
fn conclude(result: CallToolResult, sent: Sent) -> Result<Bought, BuyError> {
    let meta = result.meta.as_ref().map(|meta| &meta.0);
    // What cannot be read shows nothing, and refuses nothing.
    let settled = meta.and_then(|meta| mcp::settlement(meta).ok().flatten());
    let refused = settled.as_ref().filter(|settled| !settled.success);
    let (asks_again, words) = match asked(&result) {
        Ok(required) => (required.is_some(), required.and_then(|required| required.error)),
        Err(error) => (true, Some(error.to_string())),
    };
    if refused.is_some() || asks_again {
        let reason = refused.and_then(|settled| settled.error_reason.clone());
        let message = refused.and_then(|settled| settled.error_message.clone());
        let reason = reason.unwrap_or_else(|| "payment_required".to_owned());
        let message = message.or(words).unwrap_or_default();
        sent.refused(&reason);
        return Err(BuyError::Refused { reason, message });
    }
    // A tool that fails without a word on the payment may not have been reached by it.
    let served = result.is_error != Some(true);
    let (payment, delivery) = sent.conclude(settled.and_then(|settled| settled.extra), served);
    if let Some(delivery) = delivery {
        delivery.complete();
    }
    Ok(Bought { result, payment: Some(payment) })
}
