//! An HTTP client that pays.
//!
//! **Order mode.** The request goes out; an answer 402 brings terms; they are checked against the
//! request and the payer's limits; exactly those are signed; the request goes out again with the
//! payment. **Intent mode.** The terms are known from before; the request goes out with the
//! payment at once.
//!
//! A request is paid for once. Where no answer comes it is repeated with the *same* mandate, which
//! payees and processors know for the same. A second answer 402 ends it: other terms are never
//! signed after the first.

use std::time::Duration;

use aep2_x402::{
    PaymentRequired, SettleResponse,
    headers::{self, PAYMENT_REQUIRED, PAYMENT_RESPONSE, PAYMENT_SIGNATURE},
    offer::{Offer, offers},
    purchase::Purchase,
};
use http::{HeaderMap, HeaderValue, StatusCode};
use reqwest::{Request, Response};
use url::Url;

use crate::{
    error::{PayError, Unanswered},
    payer::Payer,
    payment::{Payment, Sent},
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

/// An answer, and what was paid for it.
#[derive(Debug)]
pub struct Answer {
    /// The payee's answer.
    pub response: Response,
    /// The payment, if one was due.
    pub payment: Option<Payment>,
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

    /// Sends a request, and pays for it in order mode where a payment is due.
    ///
    /// # Errors
    /// When nothing was paid; when the payee refused; when a payment was sent and not answered
    /// ([`PayError::Unanswered`]). Answers of any other status are answers.
    pub async fn execute(&self, request: Request) -> Result<Answer, PayError> {
        let target = Target::of(&request)?;
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

    /// Sends a request with its payment at once: intent mode.
    ///
    /// # Errors
    /// As [`PayingClient::execute`]. [`PayError::TermsChanged`] where the payee's terms are not
    /// the known ones any more.
    pub async fn execute_with(
        &self,
        request: Request,
        known: &KnownTerms,
    ) -> Result<Answer, PayError> {
        let target = Target::of(&request)?;
        let KnownTerms(offer) = known;
        let purchase =
            self.payer.check(&offer.terms, &target.method, &target.resource, &target.host)?;
        self.pay(request, target, offer.clone(), purchase).await
    }

    /// Sends a payment that was not answered once more, as it was.
    ///
    /// # Errors
    /// As [`PayingClient::execute`].
    pub async fn again(
        &self,
        request: Request,
        unanswered: Unanswered,
    ) -> Result<Answer, PayError> {
        let target = Target::of(&request)?;
        let Unanswered { id, mandate, purchase, header, signed_at } = unanswered;
        if (&target.method, &target.resource) != (&purchase.method, &purchase.resource) {
            return Err(PayError::Mismatch {
                field: "request",
                offered: format!("{} {}", target.method, target.resource),
                expected: format!("{} {}", purchase.method, purchase.resource),
            });
        }
        let sent = self.payer.resume(id, mandate, purchase, signed_at);
        self.send(request, &target, sent, header).await
    }

    /// What a request would cost, without paying. Nothing where it is free.
    ///
    /// # Errors
    /// When the request fails, or no terms fit the payer.
    pub async fn terms(&self, request: Request) -> Result<Option<KnownTerms>, PayError> {
        let target = Target::of(&request)?;
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
        let order = offer.terms.extra.order.map(|order| order.0);
        let authorised = self.payer.authorise(purchase, order, &offer.terms, &target.host).await?;
        let header = headers::write(&authorised.payload(offer.written))?;
        self.send(request, &target, authorised.send(), header).await
    }

    /// Sends a payment until it is answered.
    async fn send(
        &self,
        mut request: Request,
        target: &Target,
        sent: Sent,
        header: HeaderValue,
    ) -> Result<Answer, PayError> {
        request.headers_mut().insert(PAYMENT_SIGNATURE, header.clone());
        let mut pause = self.retry.pause;
        let mut request = Some(request);
        let mut attempt = 1;
        let response = loop {
            let Some(now) = request.take() else { return Err(PayError::NotRepeatable) };
            request = now.try_clone();
            let last = attempt >= self.retry.attempts || request.is_none();
            match self.http.execute(now).await {
                Ok(response) if !last && wants_again(&response) => {}
                Ok(response) => break response,
                Err(source) if last => {
                    let (id, signed_at) = (sent.id, sent.signed_at());
                    let (mandate, purchase) = (sent.mandate.clone(), sent.purchase.clone());
                    let payment = Unanswered { id, mandate, purchase, header, signed_at };
                    let payment = Box::new(payment);
                    return Err(PayError::Unanswered { payment, source });
                }
                Err(_) => {}
            }
            tokio::time::sleep(pause).await;
            pause *= 2;
            attempt += 1;
        };
        target.answered_by(&response)?;
        self.conclude(response, target, sent)
    }

    /// What the answer says about the payment.
    fn conclude(
        &self,
        response: Response,
        target: &Target,
        sent: Sent,
    ) -> Result<Answer, PayError> {
        let settled = headers::read::<SettleResponse>(response.headers(), &PAYMENT_RESPONSE);
        let settled = settled.ok().flatten();
        let refused = settled.as_ref().is_some_and(|settled| !settled.success);
        if refused || response.status() == StatusCode::PAYMENT_REQUIRED {
            return Err(self.refused(&response, target, sent, settled));
        }
        let payment = sent.conclude(settled.and_then(|settled| settled.extra));
        Ok(Answer { response, payment: Some(payment) })
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
        if let Some(changed) = required.and_then(|now| changed(&paid, &now, target)) {
            return changed;
        }
        let status = response.status().as_u16();
        PayError::Refused { status, reason, message: message.unwrap_or_default() }
    }
}

/// Whether the same request may fare better: the payee is busy, and says nothing about the payment.
fn wants_again(response: &Response) -> bool {
    use StatusCode as S;
    if response.headers().contains_key(PAYMENT_RESPONSE) {
        return false;
    }
    match response.status() {
        S::TOO_MANY_REQUESTS | S::BAD_GATEWAY | S::SERVICE_UNAVAILABLE | S::GATEWAY_TIMEOUT => true,
        S::CONFLICT => response.headers().contains_key(http::header::RETRY_AFTER),
        _ => false,
    }
}

/// What the payee wants now that it did not want when the mandate was signed, if every one of its
/// terms is another.
fn changed(paid: &Purchase, now: &PaymentRequired, target: &Target) -> Option<PayError> {
    let mut difference = None;
    for offer in offers(now) {
        let Offer { terms, .. } = offer.ok()?;
        let purchase =
            aep2_x402::terms::purchase(&terms, &*target.method, &*target.resource).ok()?;
        let fields: [(&'static str, String, String); 6] = [
            ("payee", paid.payee.to_string(), purchase.payee.to_string()),
            ("price", paid.amount.to_string(), purchase.amount.to_string()),
            ("token", paid.token.to_string(), purchase.token.to_string()),
            ("chain", paid.venue.chain.to_string(), purchase.venue.chain.to_string()),
            ("wallet", paid.venue.wallet.to_string(), purchase.venue.wallet.to_string()),
            ("processor", paid.venue.processor.to_string(), purchase.venue.processor.to_string()),
        ];
        let (field, before, after) = fields.into_iter().find(|(_, before, now)| before != now)?;
        difference = difference.or(Some(PayError::TermsChanged { field, before, after }));
    }
    difference
}

/// What a request asks for.
#[derive(Clone, Debug)]
struct Target {
    method: String,
    /// As [`Purchase::resource`].
    resource: String,
    /// With the port where it is not the scheme's own.
    host: String,
}

impl Target {
    fn of(request: &Request) -> Result<Self, PayError> {
        let url = request.url();
        let name = url.host_str().unwrap_or_default();
        let host = match url.port() {
            Some(port) => format!("{name}:{port}"),
            None => name.to_owned(),
        };
        Ok(Self { method: request.method().to_string(), resource: resource(url), host })
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
