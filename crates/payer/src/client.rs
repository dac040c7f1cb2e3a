//! An HTTP client that pays.
//!
//! **Order mode.** The request goes out; an answer 402 brings terms; they are checked against the
//! request and the payer's limits; exactly those are signed; the request goes out again with the
//! payment. **Intent mode.** The terms are known from before; the request goes out with the
//! payment at once.
//!
//! A request is paid for once. Where no answer comes it is repeated with the *same* mandate, which
//! payees and processors know for the same. A second answer 402 ends it: other terms are never
//! signed after the first. Where no final answer came in the end, the same request sends the same mandate
//! when it is asked for again, by this client or another one of the same payer, now or after a restart:
//! what is final is in [`verdict`], what is the same in [`RequestKey`].

use std::time::Duration;

use aep2_mandate::mandate::MandateId;
use aep2_x402::{
    PaymentPayload, PaymentRequired, SettleResponse,
    headers::{self, PAYMENT_REQUIRED, PAYMENT_RESPONSE, PAYMENT_SIGNATURE},
    offer::Offer,
    purchase::Purchase,
};
use http::{HeaderMap, HeaderValue, StatusCode};
use reqwest::{Request, Response};
use serde_json::value::RawValue;
use url::Url;

use crate::{
    answer::{Answer, Received},
    error::{NoAnswer, PayError},
    payer::Payer,
    payment::{Sent, Unanswered},
    request_key::RequestKey,
    verdict,
};

/// How long a payee is waited for.
#[derive(Clone, Copy, Debug)]
pub struct RetryPolicy {
    /// How often a paid request is sent in all, where no answer comes.
    pub attempts: u32,
    /// Between two attempts; twice as long each time.
    pub pause: Duration,
}

impl Default for RetryPolicy {
    /// Four attempts, 250 ms between the first two.
    fn default() -> Self {
        Self { attempts: 4, pause: Duration::from_millis(250) }
    }
}

/// Terms known from before, for intent mode.
#[derive(Clone, Debug)]
pub struct KnownTerms(Offer);

impl KnownTerms {
    /// The price, whom it goes to, and the rest.
    pub fn terms(&self) -> &aep2_x402::Requirements {
        &self.0.terms
    }

    /// These terms, without the number of an order if they have one.
    ///
    /// # Errors
    /// When they have no JSON, which terms always have.
    pub fn new(offer: &Offer) -> serde_json::Result<Self> {
        offer.without_order().map(Self)
    }
}

/// An HTTP client that pays. Cheap to clone.
#[derive(Clone, Debug)]
pub struct PayingClient {
    payer: Payer,
    http: reqwest::Client,
    retry: RetryPolicy,
}

impl PayingClient {
    /// A client that pays with `payer`.
    ///
    /// # Errors
    /// When the HTTP client cannot be made.
    pub fn new(payer: Payer) -> Result<Self, PayError> {
        Self::with_http(payer, reqwest::Client::builder().timeout(Duration::from_secs(30)))
    }

    /// A client over an HTTP client with settings of one's own. It follows no redirections: a
    /// payment is for the resource that was asked for.
    ///
    /// # Errors
    /// When the HTTP client cannot be made.
    pub fn with_http(payer: Payer, http: reqwest::ClientBuilder) -> Result<Self, PayError> {
        let http = http.redirect(reqwest::redirect::Policy::none());
        let http = http.build().map_err(PayError::Http)?;
        Ok(Self { payer, http, retry: RetryPolicy::default() })
    }

    /// The same client with other retry.
    pub fn retry(mut self, retry: RetryPolicy) -> Self {
        self.retry = retry;
        self
    }

    /// The HTTP client, to build requests with.
    pub fn http(&self) -> &reqwest::Client {
        &self.http
    }

    /// The payer.
    pub fn payer(&self) -> &Payer {
        &self.payer
    }

    /// `GET url`, paid for in order mode where it asks for it.
    ///
    /// # Errors
    /// As [`PayingClient::execute`].
    pub async fn get(&self, url: Url) -> Result<Answer, PayError> {
        self.execute(Request::new(http::Method::GET, url)).await
    }

    /// Sends a request, and pays for it in order mode where a payment is due. Where a payment for the same
    /// request has no final answer yet, that one is sent again, and no other is signed.
    ///
    /// # Errors
    /// When nothing was paid; when the payee refused; when a payment was sent and not answered
    /// ([`PayError::Unanswered`]). Answers of any other status are answers.
    pub async fn execute(&self, request: Request) -> Result<Answer, PayError> {
        let target = Target::of(&request);
        if let Some(waiting) = self.unanswered(&target).await? {
            return self.send_again(request, target, waiting).await;
        }
        let first = request.try_clone();
        // A body that can be sent only once goes out unpaid; nothing is signed for it.
        let (first, again) = match first {
            Some(first) => (first, Some(request)),
            None => (request, None),
        };
        let response = self.http.execute(first).await.map_err(PayError::Http)?;
        target.answered_by(&response)?;
        if response.status() != StatusCode::PAYMENT_REQUIRED {
            return Ok(Answer { response, payment: None });
        }
        let again = again.ok_or(PayError::NotRepeatable)?;
        let (offer, purchase) = self.choose(response.headers(), &target)?;
        self.pay(again, target, offer, purchase).await
    }

    /// Sends a request with its payment at once: intent mode. Where a payment for the same request has no
    /// final answer yet, that one is sent again.
    ///
    /// # Errors
    /// As [`PayingClient::execute`]. [`PayError::TermsChanged`] where the payee's terms are not
    /// the known ones any more.
    pub async fn execute_with(
        &self,
        request: Request,
        known: &KnownTerms,
    ) -> Result<Answer, PayError> {
        let target = Target::of(&request);
        if let Some(waiting) = self.unanswered(&target).await? {
            return self.send_again(request, target, waiting).await;
        }
        let KnownTerms(offer) = known;
        let purchase =
            self.payer.check(&offer.terms, &target.method, &target.resource, &target.host)?;
        self.pay(request, target, offer.clone(), purchase).await
    }

    /// Sends this payment once more, as it was, and never another one.
    ///
    /// # Errors
    /// [`PayError::NotWaiting`] where it waits for no answer; [`PayError::Mismatch`] where the request is
    /// not the one that it is for; and as [`PayingClient::execute`].
    pub async fn again(&self, request: Request, id: MandateId) -> Result<Answer, PayError> {
        let target = Target::of(&request);
        let waiting = self.payer.unanswered_payment(id, &target.host).await?;
        let Purchase { method, resource, .. } = &waiting.sent.purchase;
        if (&target.method, &target.resource) != (method, resource) {
            return Err(PayError::Mismatch {
                field: "request",
                offered: format!("{} {}", target.method, target.resource),
                expected: format!("{method} {resource}"),
            });
        }
        self.send_again(request, target, waiting).await
    }

    async fn unanswered(&self, target: &Target) -> Result<Option<Unanswered>, PayError> {
        match target.key {
            Some(key) => self.payer.unanswered(key, &target.host).await,
            None => Ok(None),
        }
    }

    async fn send_again(
        &self,
        request: Request,
        target: Target,
        waiting: Unanswered,
    ) -> Result<Answer, PayError> {
        let Unanswered { sent, payload } = waiting;
        self.send(request, &target, sent, payload).await
    }

    /// What a request would cost, without paying. Nothing where it is free.
    ///
    /// # Errors
    /// When the request fails, or no terms fit the payer.
    pub async fn terms(&self, request: Request) -> Result<Option<KnownTerms>, PayError> {
        let target = Target::of(&request);
        let response = self.http.execute(request).await.map_err(PayError::Http)?;
        target.answered_by(&response)?;
        if response.status() != StatusCode::PAYMENT_REQUIRED {
            return Ok(None);
        }
        let (offer, _) = self.choose(response.headers(), &target)?;
        Ok(Some(KnownTerms::new(&offer)?))
    }

    /// The payee's first terms that fit the request and the payer.
    fn choose(&self, answer: &HeaderMap, target: &Target) -> Result<(Offer, Purchase), PayError> {
        let Some(required) = headers::read::<PaymentRequired>(answer, &PAYMENT_REQUIRED)? else {
            return Err(PayError::NoOffer("no PAYMENT-REQUIRED header".to_owned()));
        };
        self.payer.choose(&required, &target.method, &target.resource, &target.host)
    }

    async fn pay(
        &self,
        request: Request,
        target: Target,
        offer: Offer,
        purchase: Purchase,
    ) -> Result<Answer, PayError> {
        let host = &target.host;
        let authorised = match target.key {
            Some(key) => self.payer.authorise_for(key, purchase, &offer, host).await?,
            None => {
                let order = offer.terms.extra.order.map(|order| order.0);
                self.payer.authorise(purchase, order, &offer.terms, host).await?
            }
        };
        let payload = authorised.payload(offer.written);
        self.send(request, &target, authorised.send(), payload).await
    }

    /// Sends a payment until it is answered.
    async fn send(
        &self,
        mut request: Request,
        target: &Target,
        sent: Sent,
        payload: PaymentPayload<Box<RawValue>>,
    ) -> Result<Answer, PayError> {
        let header: HeaderValue = headers::write(&payload)?;
        let sent = self.payer.hand_in(sent, &payload).await?;
        request.headers_mut().insert(PAYMENT_SIGNATURE, header);
        let mut pause = self.retry.pause;
        let mut request = Some(request);
        let mut attempt = 1;
        loop {
            let Some(now) = request.take() else { return Err(PayError::NotRepeatable) };
            request = now.try_clone();
            let last = attempt >= self.retry.attempts || request.is_none();
            let why = match self.once(now).await {
                Ok(received) if !verdict::wants_again(received.response()) => {
                    target.answered_by(received.response())?;
                    return self.conclude(received, target, sent);
                }
                Ok(received) => received.no_answer().await,
                Err(why) => why,
            };
            if last {
                return Err(PayError::Unanswered { id: sent.id, why });
            }
            tokio::time::sleep(pause).await;
            pause *= 2;
            attempt += 1;
        }
    }

    /// One try: an answer, to its end where it is short.
    async fn once(&self, request: Request) -> Result<Received, NoAnswer> {
        let response = self.http.execute(request).await.map_err(NoAnswer::Failed)?;
        Received::whole_if_short(response).await
    }

    /// What the answer says about the payment.
    fn conclude(
        &self,
        received: Received,
        target: &Target,
        sent: Sent,
    ) -> Result<Answer, PayError> {
        let response = received.response();
        let settled = headers::read::<SettleResponse>(response.headers(), &PAYMENT_RESPONSE);
        let settled = settled.ok().flatten();
        let refused = settled.as_ref().is_some_and(|settled| !settled.success);
        if refused || response.status() == StatusCode::PAYMENT_REQUIRED {
            return Err(self.refused(response, target, sent, settled));
        }
        let served = response.status().is_success();
        let (payment, delivery) = sent.conclude(settled.and_then(|settled| settled.extra), served);
        Ok(Answer { response: received.deliver(delivery), payment: Some(payment) })
    }

    /// A payment was refused, or its request answered 402 again.
    fn refused(
        &self,
        response: &Response,
        target: &Target,
        sent: Sent,
        settled: Option<SettleResponse>,
    ) -> PayError {
        let said = headers::read::<PaymentRequired>(response.headers(), &PAYMENT_REQUIRED);
        let required = said.ok().flatten();
        let (reason, message) = match settled {
            Some(SettleResponse { error_reason, error_message, .. }) => {
                (error_reason, error_message)
            }
            None => (None, required.as_ref().and_then(|required| required.error.clone())),
        };
        let reason = reason.unwrap_or_else(|| "payment_required".to_owned());
        let paid = sent.purchase.clone();
        sent.refused(&reason);
        let changed = required
            .and_then(|now| verdict::changed(&paid, &now, &target.method, &target.resource));
        if let Some(changed) = changed {
            return changed;
        }
        let status = response.status().as_u16();
        PayError::Refused { status, reason, message: message.unwrap_or_default() }
    }
}

/// What a request asks for.
#[derive(Clone, Debug)]
struct Target {
    method: String,
    /// As [`Purchase::resource`].
    resource: String,
    /// With the port where it is not the scheme's own.
    host: String,
    /// What makes another request the same.
    key: Option<RequestKey>,
}

impl Target {
    fn of(request: &Request) -> Self {
        let url = request.url();
        let name = url.host_str().unwrap_or_default();
        let host = match url.port() {
            Some(port) => format!("{name}:{port}"),
            None => name.to_owned(),
        };
        let resource = resource(url);
        let key = RequestKey::of_http(request, &resource);
        Self { method: request.method().to_string(), resource, host, key }
    }

    fn answered_by(&self, response: &Response) -> Result<(), PayError> {
        let answered = resource(response.url());
        if answered == self.resource {
            return Ok(());
        }
        Err(PayError::Redirected { requested: self.resource.clone(), answered })
    }
}

/// A URL as [`Purchase::resource`] has it.
fn resource(url: &Url) -> String {
    let mut url = url.clone();
    url.set_fragment(None);
    // A URL that cannot have credentials has none.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.into()
}
