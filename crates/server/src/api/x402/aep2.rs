//! The scheme `aep2`: mandates, settled later, many with one transaction.
//!
//! Both calls look at the signed mandate and at the payee's terms. What `ref` binds the mandate to is
//! the payee's to check: it alone knows the request. Idempotence is the mandate's: the same mandate
//! gets the same receipt, whatever comes around it.

use aep2_mandate::{mandate::Mandate, units::AccountId};
use aep2_processor::{accept::OfferedMandate, view::Identity};
use aep2_x402::{
    FacilitatorRequest, Network, Requirements, SettleResponse, SupportedKind,
    disputes::Disputes,
    preimage::Preimage,
    terms::{self, Aep2Scheme, WALLET_NAME, WALLET_VERSION},
};
use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::json;

use super::reason::{RejectReason, parse, valid};
use crate::api::{error::ApiError, state::Api};

/// What `GET /supported` says of it: what payees put into their terms.
pub(super) fn kind(identity: &Identity) -> SupportedKind {
    let extra = json!({
        "wallet": identity.wallet.to_checksum(None),
        "processor": identity.processor.to_checksum(None),
        "settleWithinSeconds": identity.settle_within_s,
        "captureWithinSeconds": identity.capture_within_s,
        "captures": identity.captures,
        "disputesWithinSeconds": identity.disputes_within_s,
        "name": WALLET_NAME,
        "version": WALLET_VERSION,
        "tokens": identity.tokens,
    });
    SupportedKind {
        x402_version: 2,
        scheme: Aep2Scheme::VALUE.to_owned(),
        network: terms::network(identity.chain_id).to_string(),
        extra: Some(extra),
    }
}

pub(super) async fn verify(api: &Api, text: &[u8]) -> Result<Response, ApiError> {
    let request: Box<FacilitatorRequest> = match parse(text) {
        Ok(request) => request,
        Err(reason) => return Ok(reason.invalid(None)),
    };
    let mandate = &request.payment_payload.payload;
    let payer = payer(api, mandate.mandate.account).await?;
    let checked = match check_terms(&request, &api.processor().identity()) {
        Ok(()) => {
            let offered = offered(&request);
            let checked = api.blocking(move |processor| processor.check(offered)).await?;
            checked.map_err(|error| RejectReason::from(ApiError::from(error)))
        }
        Err(reason) => Err(reason),
    };
    Ok(match checked {
        Ok(()) => valid(payer),
        Err(reason) => reason.invalid(payer),
    })
}

pub(super) async fn settle(api: &Api, network: Network, text: &[u8]) -> Result<Response, ApiError> {
    let request: Box<FacilitatorRequest> = match parse(text) {
        Ok(request) => request,
        Err(reason) => return Ok(reason.refused(network, None)),
    };
    let payer = payer(api, request.payment_payload.payload.mandate.account).await?;
    let accepted = match check_terms(&request, &api.processor().identity()) {
        Ok(()) => {
            let accepted = api.processor().accept(offered(&request)).await;
            accepted.map_err(|error| RejectReason::from(ApiError::from(error)))
        }
        Err(reason) => Err(reason),
    };
    Ok(match accepted {
        Ok(acceptance) => {
            let settled = SettleResponse::accepted(network, acceptance.receipt);
            Json(SettleResponse { payer, ..settled }).into_response()
        }
        Err(reason) => reason.refused(network, payer),
    })
}

/// The mandate, with what its `ref` was made of where its terms agree to disputes. Without it nothing is held:
/// so it must be said for which method and resource these are.
fn offered(request: &FacilitatorRequest) -> OfferedMandate {
    let payload = &request.payment_payload;
    let (extra, signed) = (&payload.accepted.extra, payload.payload.clone());
    let preimage = extra.disputes.as_ref().map(|disputes| Preimage {
        // Where it is not said, the hash is another, and that is the answer.
        method: extra.method.clone().unwrap_or_default(),
        resource: payload.resource.as_ref().map(|own| own.url.clone()).unwrap_or_default(),
        order: extra.order,
        disputes: Some(disputes.clone()),
    });
    OfferedMandate { signed, preimage }
}

/// Who pays: the account's owner, where the account is known.
async fn payer(api: &Api, account: AccountId) -> Result<Option<String>, ApiError> {
    let status = api.blocking(move |processor| processor.account(account)).await??;
    Ok(status.map(|status| status.owner.to_checksum(None)))
}

/// Checks that the payer accepted the payee's terms, that they are for this processor, and that the
/// mandate pays them.
fn check_terms(request: &FacilitatorRequest, identity: &Identity) -> Result<(), RejectReason> {
    let Requirements { network, amount, pay_to, asset, extra, .. } = &request.payment_requirements;
    if *network != terms::network(identity.chain_id) {
        let message =
            format!("{network} is not settled here, but {}", terms::network(identity.chain_id));
        return Err(RejectReason { status: StatusCode::OK, code: "invalid_network", message });
    }
    let accepted = &request.payment_payload.accepted;
    if *accepted != request.payment_requirements {
        return Err(RejectReason::terms("paymentPayload.accepted is not paymentRequirements"));
    }
    // What can be disputed settles that much later.
    let longer_s = extra.disputes.as_ref().map_or(0, Disputes::longer_s);
    let settle_within_s = identity.settle_within_s.saturating_add(longer_s);
    let Mandate { token, payee, amount: allowed, .. } = &request.payment_payload.payload.mandate;
    let named = (extra.name.as_str(), extra.version.as_str());
    for (field, holds) in [
        ("extra.wallet is not this processor's wallet", extra.wallet.0 == identity.wallet),
        ("extra.processor is not this processor", extra.processor.0 == identity.processor),
        ("extra.name or extra.version is not the wallet's", named == (WALLET_NAME, WALLET_VERSION)),
        (
            "extra.settleWithinSeconds is not this processor's",
            extra.settle_within_seconds == settle_within_s,
        ),
        ("asset is not the mandate's token", asset.0 == *token),
        ("payTo is not the mandate's payee", pay_to.0 == *payee),
        ("amount is not the mandate's amount", amount == allowed),
    ] {
        if !holds {
            return Err(RejectReason::terms(field));
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
            disputes_within_s: 3_600,
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
            parse(request.to_string().as_bytes()).map_err(|reason| reason.code)?;
        check_terms(&request, &identity()).map_err(|reason| reason.code)
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
                .map_err(|reason| (reason.code, reason.status));
            assert_eq!(refused.map(drop), Err(("invalid_payload", StatusCode::BAD_REQUEST)));
        }
    }
}
