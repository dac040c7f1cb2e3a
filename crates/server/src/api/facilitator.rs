//! x402's facilitator: `GET /supported`, `POST /verify`, `POST /settle`, with the scheme `aep2`. Payments
//! of the scheme `exact` go on to [`exact`], where that is set up.
//!
//! Both calls look at the signed mandate and at the payee's terms. What `ref` binds the mandate to is
//! the payee's to check: it alone knows the request. Idempotence is the mandate's: the same mandate
//! gets the same receipt, whatever comes around it.
//!
//! A refusal is an answer of x402's shape with the status 200; only what cannot be read (400) and what
//! is worth another try (429, 500, 503) have a status of their own.

use aep2_mandate::{mandate::Mandate, units::AccountId};
use aep2_processor::view::Identity;
use aep2_x402::{
    FacilitatorRequest, Network, Requirements, SettleResponse, SupportedKind, SupportedResponse,
    VerifyResponse,
    terms::{self, Aep2Scheme, WALLET_NAME, WALLET_VERSION},
};
use axum::{
    Json,
    body::Bytes,
    extract::{Request, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::de::DeserializeOwned;
use serde_json::json;

use super::{
    Api, body,
    error::{ApiError, Code},
    exact, schema,
};

/// How many times as long as a mandate's body one of x402's may be: the terms are in it twice.
const ENVELOPE: usize = 4;

/// What this facilitator settles.
///
/// The scheme `aep2` on the wallet's chain, with what payees put into their terms; and `exact`, where the
/// operator has set it up.
#[utoipa::path(
    get, path = "/supported", tag = "x402",
    responses((status = 200, description = "x402's SupportedResponse", body = Object))
)]
pub(super) async fn supported(State(api): State<Api>) -> Json<SupportedResponse> {
    let identity = api.processor().identity();
    let network = terms::network(identity.chain_id);
    let extra = json!({
        "wallet": identity.wallet.to_checksum(None),
        "processor": identity.processor.to_checksum(None),
        "settleWithinSeconds": identity.settle_within_s,
        "captureWithinSeconds": identity.capture_within_s,
        "captures": identity.captures,
        "name": WALLET_NAME,
        "version": WALLET_VERSION,
        "tokens": identity.tokens,
    });
    let kind = SupportedKind {
        x402_version: 2,
        scheme: Aep2Scheme::VALUE.to_owned(),
        network: network.to_string(),
        extra: Some(extra),
    };
    let (mut kinds, mut signers) = (vec![kind], vec![identity.processor.to_checksum(None)]);
    if let Some(exact) = api.exact() {
        kinds.push(exact::kind(&network));
        signers.push(exact.signer().to_checksum(None));
    }
    let signers = [(network, signers)].into();
    Json(SupportedResponse { kinds, extensions: Vec::new(), signers })
}

/// Whether a payment would be settled.
///
/// Checks everything that settling checks, the signature included, and promises nothing.
#[utoipa::path(
    post, path = "/verify", tag = "x402",
    request_body(content = Object, description = "x402's VerifyRequest, with a payload {mandate, key, signature}"),
    responses(
        (status = 200, description = "x402's VerifyResponse", body = Object),
        schema::BodyErrors, schema::ServiceErrors,
    )
)]
pub(super) async fn verify(State(api): State<Api>, request: Request) -> Result<Response, ApiError> {
    let text = read(&api, request).await?;
    if let Some(exact) = api.exact().filter(|_| exact::is_meant(&text)) {
        return Ok(exact::verify(exact, &text).await);
    }
    let request: Box<FacilitatorRequest> = match parse(&text) {
        Ok(request) => request,
        Err(why) => return Ok((StatusCode::BAD_REQUEST, Json(why.invalid(None))).into_response()),
    };
    let mandate = &request.payment_payload.payload;
    let payer = payer(&api, mandate.mandate.account).await?;
    let checked = match check_terms(&request, &api.processor().identity()) {
        Ok(()) => {
            let mandate = mandate.clone();
            let checked = api.aside(move |processor| processor.check(&mandate)).await?;
            checked.map_err(|error| Why::from(ApiError::from(error)))
        }
        Err(why) => Err(why),
    };
    let answer = match checked {
        Ok(()) => {
            VerifyResponse { is_valid: true, invalid_reason: None, invalid_message: None, payer }
        }
        Err(why) => {
            let status = why.status;
            return Ok((status, Json(why.invalid(payer))).into_response());
        }
    };
    Ok(Json(answer).into_response())
}

/// Settle a payment.
///
/// Accepts the mandate: `success` means that it is on disk and its amount reserved. `transaction` is
/// empty, since it is settled later, many with one transaction; the processor's receipt, its promise to
/// do so, is `extra.receipt`. The same mandate again gets the same receipt.
#[utoipa::path(
    post, path = "/settle", tag = "x402",
    request_body(content = Object, description = "x402's SettleRequest, with a payload {mandate, key, signature}"),
    responses(
        (status = 200, description = "x402's SettleResponse, with extra.receipt", body = Object),
        schema::BodyErrors, schema::ServiceErrors,
    )
)]
pub(super) async fn settle(State(api): State<Api>, request: Request) -> Result<Response, ApiError> {
    let identity = api.processor().identity();
    let network = terms::network(identity.chain_id);
    let text = read(&api, request).await?;
    if let Some(exact) = api.exact().filter(|_| exact::is_meant(&text)) {
        return Ok(exact::settle(exact, network, &text).await);
    }
    let request: Box<FacilitatorRequest> = match parse(&text) {
        Ok(request) => request,
        Err(why) => {
            return Ok((StatusCode::BAD_REQUEST, Json(why.refused(network, None))).into_response());
        }
    };
    let mandate = request.payment_payload.payload.clone();
    let payer = payer(&api, mandate.mandate.account).await?;
    let accepted = match check_terms(&request, &identity) {
        Ok(()) => {
            let accepted = api.processor().accept(mandate).await;
            accepted.map_err(|error| Why::from(ApiError::from(error)))
        }
        Err(why) => Err(why),
    };
    Ok(match accepted {
        Ok(acceptance) => {
            let settled = SettleResponse::accepted(network, acceptance.receipt);
            Json(SettleResponse { payer, ..settled }).into_response()
        }
        Err(why) => (why.status, Json(why.refused(network, payer))).into_response(),
    })
}

/// Why a payment is not settled, on its way into x402's answers.
#[derive(Debug)]
pub(super) struct Why {
    pub(super) status: StatusCode,
    pub(super) reason: &'static str,
    pub(super) message: String,
}

impl Why {
    fn terms(message: impl Into<String>) -> Self {
        Self {
            status: StatusCode::OK,
            reason: "invalid_payment_requirements",
            message: message.into(),
        }
    }

    pub(super) fn invalid(self, payer: Option<String>) -> VerifyResponse {
        VerifyResponse {
            is_valid: false,
            invalid_reason: Some(self.reason.to_owned()),
            invalid_message: Some(self.message),
            payer,
        }
    }

    pub(super) fn refused(self, network: Network, payer: Option<String>) -> SettleResponse {
        SettleResponse { payer, ..SettleResponse::refused(network, self.reason, self.message) }
    }
}

impl From<ApiError> for Why {
    /// What is worth another try keeps its status: clients of x402 know nothing else to tell it by.
    fn from(error: ApiError) -> Self {
        let status = match error.code {
            Code::TooManyRequests | Code::NotReady | Code::Internal => error.code.status(),
            _ => StatusCode::OK,
        };
        Self { status, reason: error.code.name(), message: error.message.into_owned() }
    }
}

/// The request's text.
async fn read(api: &Api, request: Request) -> Result<Bytes, ApiError> {
    let bytes_max = api.limits().mandate_bytes_max.saturating_mul(ENVELOPE);
    body::json(request, bytes_max, api.body_within()).await
}

/// The request, or what is wrong with it in x402's words.
pub(super) fn parse<T: DeserializeOwned>(text: &[u8]) -> Result<T, Why> {
    serde_json::from_slice(text).map_err(|error| Why {
        status: StatusCode::BAD_REQUEST,
        reason: "invalid_payload",
        message: error.to_string(),
    })
}

/// Who pays: the account's owner, where the account is known.
async fn payer(api: &Api, account: AccountId) -> Result<Option<String>, ApiError> {
    let status = api.aside(move |processor| processor.account(account)).await??;
    Ok(status.map(|status| status.owner.to_checksum(None)))
}

/// Checks that the payer accepted the payee's terms, that they are for this processor, and that the
/// mandate pays them.
fn check_terms(request: &FacilitatorRequest, identity: &Identity) -> Result<(), Why> {
    let Requirements { network, amount, pay_to, asset, extra, .. } = &request.payment_requirements;
    if *network != terms::network(identity.chain_id) {
        let message =
            format!("{network} is not settled here, but {}", terms::network(identity.chain_id));
        return Err(Why { status: StatusCode::OK, reason: "invalid_network", message });
    }
    let accepted = &request.payment_payload.accepted;
    if *accepted != request.payment_requirements {
        return Err(Why::terms("paymentPayload.accepted is not paymentRequirements"));
    }
    let Mandate { token, payee, amount: allowed, .. } = &request.payment_payload.payload.mandate;
    let named = (extra.name.as_str(), extra.version.as_str());
    for (field, holds) in [
        ("extra.wallet is not this processor's wallet", extra.wallet.0 == identity.wallet),
        ("extra.processor is not this processor", extra.processor.0 == identity.processor),
        ("extra.name or extra.version is not the wallet's", named == (WALLET_NAME, WALLET_VERSION)),
        (
            "extra.settleWithinSeconds is not this processor's",
            extra.settle_within_seconds == identity.settle_within_s,
        ),
        ("asset is not the mandate's token", asset.0 == *token),
        ("payTo is not the mandate's payee", pay_to.0 == *payee),
        ("amount is not the mandate's amount", amount == allowed),
    ] {
        if !holds {
            return Err(Why::terms(field));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use aep2_mandate::{
        eddsa::SecretKey,
        signer::{MandateTerms, Signer},
        units::{Ceiling, ChainId, Nonce, UnixTime},
    };
    use alloy::primitives::{Address, B256};
    use serde_json::Value;

    use super::*;

    const CHAIN: ChainId = ChainId::new(31_337);

    fn identity() -> Identity {
        Identity {
            chain_id: CHAIN,
            wallet: Address::repeat_byte(1),
            processor: Address::repeat_byte(2),
            verifier_sets: Vec::new(),
            settle_within_s: 600,
            capture_within_s: 30,
            tokens: Vec::new(),
            shapes: Vec::new(),
            captures: true,
        }
    }

    fn request() -> Value {
        let Identity { wallet, processor, .. } = identity();
        let (token, payee) = (Address::repeat_byte(3), Address::repeat_byte(4));
        let signer = Signer::new(SecretKey::from_seed([1; 32]), CHAIN, wallet);
        let mandate = MandateTerms {
            account: AccountId::MIN,
            token,
            payee,
            amount: Ceiling::MIN,
            nonce: Nonce::new(1),
            deadline: UnixTime::MAX,
            reference: B256::ZERO,
        };
        let terms = json!({
            "scheme": "aep2", "network": "eip155:31337", "amount": "1", "asset": token,
            "payTo": payee, "maxTimeoutSeconds": 60,
            "extra": {"wallet": wallet, "processor": processor, "settleWithinSeconds": 600,
                      "name": "AEP2DebitWallet", "version": "1", "capture": "full",
                      "theirs": "not read"},
        });
        json!({
            "x402Version": 2,
            "paymentPayload": {"x402Version": 2, "accepted": terms, "payload": signer.sign(mandate, None)},
            "paymentRequirements": terms,
        })
    }

    fn checked(request: &Value) -> Result<(), &'static str> {
        let request: FacilitatorRequest =
            parse(request.to_string().as_bytes()).map_err(|why| why.reason)?;
        check_terms(&request, &identity()).map_err(|why| why.reason)
    }

    #[test]
    fn terms_of_another_place_price_payee_or_token_are_not_settled() {
        assert_eq!(checked(&request()), Ok(()));
        let other = json!(Address::repeat_byte(9));
        for (field, lie, reason) in [
            ("network", json!("eip155:1"), "invalid_network"),
            ("amount", json!("2"), "invalid_payment_requirements"),
            ("asset", other.clone(), "invalid_payment_requirements"),
            ("payTo", other.clone(), "invalid_payment_requirements"),
            ("extra/wallet", other.clone(), "invalid_payment_requirements"),
            ("extra/processor", other, "invalid_payment_requirements"),
            ("extra/settleWithinSeconds", json!(60), "invalid_payment_requirements"),
            ("extra/version", json!("2"), "invalid_payment_requirements"),
            ("scheme", json!("exact"), "invalid_payload"),
            ("amount", json!(1), "invalid_payload"),
        ] {
            let mut request = request();
            for place in ["/paymentRequirements", "/paymentPayload/accepted"] {
                if let Some(value) = request.pointer_mut(&format!("{place}/{field}")) {
                    *value = lie.clone();
                }
            }
            assert_eq!(checked(&request), Err(reason), "{field}");
        }
    }

    #[test]
    fn a_payer_that_accepted_other_terms_than_the_payees_is_not_charged() {
        for (field, lie) in [("amount", json!("2")), ("maxTimeoutSeconds", json!(61))] {
            let mut request = request();
            request["paymentPayload"]["accepted"][field] = lie;
            assert_eq!(checked(&request), Err("invalid_payment_requirements"), "{field}");
        }
    }

    #[test]
    fn fields_that_come_twice_are_not_read() {
        let text = request().to_string();
        for twice in [
            text.replacen("\"mandate\":{", "\"mandate\":{\"amount\":\"9\",", 1),
            text.replacen(
                "\"paymentRequirements\":{",
                "\"paymentRequirements\":{\"amount\":\"9\",",
                1,
            ),
            text.replacen("\"x402Version\":2", "\"x402Version\":2,\"x402Version\":2", 1),
        ] {
            assert_ne!(twice, text);
            let refused = parse::<FacilitatorRequest>(twice.as_bytes())
                .map_err(|why| (why.reason, why.status));
            assert_eq!(refused.map(drop), Err(("invalid_payload", StatusCode::BAD_REQUEST)));
        }
    }
}
