//! `GET /openapi.json`: the API for other people's tools.

use std::sync::LazyLock;

use aep2_mandate::{
    eddsa::SecretKey,
    signer::{MandateTerms, Signer},
    typed_data::{
        self,
        direct::{DirectMandate, SignedDirectMandate},
    },
    units::{AccountId, Amount, Ceiling, ChainId, Nonce, UnixTime},
};
use aep2_processor::{
    capture::{Capture, SignedCapture},
    refund::{Refund, SignedRefund},
};
use alloy::{
    primitives::{Address, B256, U256, address},
    signers::local::PrivateKeySigner,
};
use axum::{
    http::header,
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use utoipa::OpenApi;

use super::{
    accounts, attestations, batches, captures, disputes, events, health, identity, mandates,
    metrics, mvp, outcomes, refunds, travel_rule, x402,
};

/// The document, made once.
static DOCUMENT: LazyLock<Vec<u8>> =
    LazyLock::new(|| serde_json::to_vec_pretty(&json()).unwrap_or_default());

#[derive(OpenApi)]
#[openapi(
    info(
        title = "AEP2 settlement processor",
        description = "Accepts signed mandates at once and settles them later, many in one transaction. \
                       Amounts and nonces are decimal strings, times unix seconds. Requests are read \
                       strictly: unknown or repeated fields are refused. Every error has the form \
                       of `Error`; its codes are stable."
    ),
    paths(
        identity::identity,
        mandates::accept,
        mandates::accept_many,
        mandates::mandate,
        captures::capture,
        refunds::announce,
        mandates::proof,
        outcomes::outcomes,
        disputes::open,
        disputes::disputes,
        disputes::dispute,
        disputes::answer,
        disputes::rule,
        disputes::hand_in,
        disputes::evidence,
        attestations::present,
        travel_rule::hand_in,
        travel_rule::key,
        accounts::account,
        batches::batches,
        batches::batch,
        events::events,
        x402::supported,
        x402::verify,
        x402::settle,
        mvp::enqueue::enqueue,
        mvp::health::health,
        health::alive,
        health::ready,
        metrics::metrics,
        document,
    ),
    // Its responses name it, and what it is made of is not found from there.
    components(schemas(mvp::Code)),
    tags(
        (name = "mandates", description = "Accepting mandates, and what became of them"),
        (name = "disputes", description = "Payers that object before a mandate settles; payees, arbiters, evidence"),
        (name = "accounts", description = "Accounts, as acceptance sees them"),
        (name = "compliance", description = "What payers and payees hand in, where this processor asks for it"),
        (name = "batches", description = "Batches and how far they are"),
        (name = "events", description = "What happens, as it happens"),
        (name = "x402", description = "The same over x402's facilitator interface"),
        (name = "mvp", description = "The published MVP's interface, for software written for it"),
        (name = "operation", description = "For whoever runs it"),
    )
)]
struct Document;

/// This document.
#[utoipa::path(
    get, path = "/openapi.json", tag = "operation",
    responses((status = 200, description = "An OpenAPI 3.1 document", content_type = "application/json", body = Object))
)]
pub(super) async fn document() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], DOCUMENT.as_slice()).into_response()
}

/// The document, with examples that are really signed.
pub fn json() -> Value {
    let mut document = serde_json::to_value(Document::openapi()).unwrap_or_default();
    let mut place = |path: &str, example: Value| {
        let body = &mut document["paths"][path]["post"]["requestBody"]["content"];
        body["application/json"]["example"] = example;
    };
    if let Some(Examples { mandate, capture, refund, direct }) = Examples::make() {
        place("/v1/mandates", mandate.clone());
        place("/v1/mandates/batch", json!({ "mandates": [mandate] }));
        place("/v1/mandates/{id}/capture", capture);
        place("/v1/mandates/{id}/refunds", refund);
        place("/enqueue", direct);
    }
    document
}

/// Requests as they are sent.
struct Examples {
    mandate: Value,
    capture: Value,
    refund: Value,
    /// A direct mandate.
    direct: Value,
}

impl Examples {
    /// Always the same: signatures are deterministic, and the keys are these. Nothing only if the
    /// numbers here were out of range.
    fn make() -> Option<Self> {
        const WALLET: Address = address!("0x00000000000000000000000000000000000000AA");
        const TOKEN: Address = address!("0x00000000000000000000000000000000000000BB");

        let payee = PrivateKeySigner::from_bytes(&B256::repeat_byte(2)).ok()?;
        let chain_id = ChainId::new(31_337);
        let signer = Signer::new(SecretKey::from_seed([1; 32]), chain_id, WALLET);
        let terms = MandateTerms {
            account: AccountId::try_from(7).ok()?,
            token: TOKEN,
            payee: payee.address(),
            amount: Ceiling::new(2_500_000).ok()?,
            nonce: Nonce::new(0),
            deadline: UnixTime::new(1_790_000_000).ok()?,
            reference: B256::repeat_byte(3),
        };
        let signed = signer.sign(terms, None);
        let id = signed.mandate.id(&signer.domain(TOKEN));
        let capture =
            Capture { mandate_id: id.to_bytes(), amount: Amount::try_from(1_000_000).ok()? };
        let domain = typed_data::domain(chain_id, WALLET);
        let capture = SignedCapture::sign(capture, &payee, &domain).ok()?;
        let amount = Ceiling::new(600_000).ok()?;
        let refund = Refund {
            mandate_id: id.to_bytes(),
            token: TOKEN,
            amount,
            refund_id: Refund::numbered_id(id.to_bytes(), amount, 1),
            at: UnixTime::new(1_790_000_600).ok()?,
        };
        let refund = SignedRefund::sign(refund, &payee, &domain).ok()?;
        let owner = PrivateKeySigner::from_bytes(&B256::repeat_byte(4)).ok()?;
        let direct = DirectMandate {
            owner: owner.address(),
            token: TOKEN,
            payee: payee.address(),
            amount: U256::from(2_500_000),
            nonce: U256::from(7),
            deadline: U256::from(1_790_000_000_u64),
            reference: B256::repeat_byte(3),
        };
        let direct = SignedDirectMandate::sign(direct, &owner, &domain).ok()?;
        Some(Self {
            mandate: serde_json::to_value(&signed).ok()?,
            capture: serde_json::to_value(capture).ok()?,
            refund: serde_json::to_value(refund).ok()?,
            direct: serde_json::to_value(direct).ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use aep2_ledger::BatchNumber;
    use aep2_mandate::mandate::SignedMandate;
    use aep2_processor::Event;

    use super::*;

    fn example(document: &Value, path: &str) -> Value {
        document["paths"][path]["post"]["requestBody"]["content"]["application/json"]["example"]
            .clone()
    }

    #[test]
    fn examples_are_what_the_api_reads() -> Result<(), Box<dyn std::error::Error>> {
        let document = json();
        let mandate = SignedMandate::from_json(example(&document, "/v1/mandates").to_string())?;
        let chain_id = ChainId::new(31_337);
        let wallet = address!("0x00000000000000000000000000000000000000AA");
        let signer = Signer::new(SecretKey::from_seed([1; 32]), chain_id, wallet);
        let id = mandate.verify(&signer.domain(mandate.mandate.token))?;

        let many = example(&document, "/v1/mandates/batch").to_string();
        let many = super::super::body::mandates(many.as_bytes(), 256, 4_096);
        assert_eq!(many.map(|many| many.len()).map_err(|error| error.message), Ok(1));

        let capture = example(&document, "/v1/mandates/{id}/capture").to_string();
        let capture = SignedCapture::from_json(capture)?;
        assert_eq!(capture.message.mandate_id, id.to_bytes());
        let domain = typed_data::domain(chain_id, wallet);
        capture.verify(&domain, mandate.mandate.payee)?;

        let refund = example(&document, "/v1/mandates/{id}/refunds").to_string();
        let refund = SignedRefund::from_json(refund)?;
        assert_eq!(refund.message.mandate_id, id.to_bytes());
        refund.verify(&domain, mandate.mandate.payee)?;

        let direct = example(&document, "/enqueue").to_string();
        SignedDirectMandate::from_json(direct)?.verify_owner(&domain)?;
        Ok(())
    }

    #[test]
    fn events_are_described_by_the_names_that_they_are_sent_with() {
        let names = |object: &Value| -> Vec<String> {
            object.as_object().map(|all| all.keys().cloned().collect()).unwrap_or_default()
        };
        let document = json();
        let kinds = document["components"]["schemas"]["Event"]["oneOf"].as_array();
        let kinds = kinds.cloned().unwrap_or_default();
        for event in [
            Event::SegmentProved { batch: BatchNumber::new(1), proved: 1, segments: 2 },
            Event::Proved { batch: BatchNumber::new(1), took_ms: 1 },
            Event::ReorgedOut { to_block: 1, mandates: 1, batches: 1 },
        ] {
            let sent = serde_json::to_value(&event).unwrap_or_default();
            let is_its = |kind: &&Value| kind["properties"]["event"]["enum"][0] == sent["event"];
            let described = kinds.iter().find(is_its).map(|kind| names(&kind["properties"]));
            assert_eq!(described, Some(names(&sent)), "{event:?}");
        }
    }

    #[test]
    fn every_reference_leads_somewhere_and_every_operation_is_described() {
        let document = json();
        let text = document.to_string();
        for reference in text.split("\"$ref\":\"#").skip(1) {
            let pointer = reference.split('"').next().unwrap_or_default();
            assert!(document.pointer(pointer).is_some(), "{pointer} leads nowhere");
        }
        // Descriptions come from the types' own documentation, where links have another form.
        assert!(!text.contains("[`"), "a link of rustdoc's is in a description");
        let paths = document["paths"].as_object().cloned().unwrap_or_default();
        for (path, methods) in paths {
            for (method, operation) in methods.as_object().cloned().unwrap_or_default() {
                let summary = operation["summary"].as_str().unwrap_or_default();
                assert!(summary.len() > 5, "{method} {path} is not described");
                assert!(operation["responses"].as_object().is_some_and(|all| !all.is_empty()));
            }
        }
    }
}
