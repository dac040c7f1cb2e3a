//! A compliance service that asks [yente](https://www.opensanctions.org/docs/yente/), OpenSanctions' API,
//! whether an address is a wallet that it knows. What an operator buys can stand behind the same few lines.
//!
//! ```console
//! $ YENTE_URL=http://127.0.0.1:8000 SECRET_FILE=screening.secret \
//!       cargo run -p aep2-compliance --example yente
//! ```
//!
//! `docs/compliance.md` has the question that it is asked, and how it is named in the settings.

use std::{env, error::Error, sync::Arc, time::SystemTime};

use aep2_compliance::{
    providers::{SIGNATURE_HEADER, sign},
    subject::Subject,
};
use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::post,
};
use serde::Deserialize;
use serde_json::{Value, json};
use subtle::ConstantTimeEq;
use tokio::net::TcpListener;

/// How long an answer counts, in seconds.
const VALID_S: u64 = 86_400;

struct Service {
    yente: String,
    dataset: String,
    secret: Vec<u8>,
    http: reqwest::Client,
}

#[derive(Deserialize)]
struct Question {
    id: String,
    subject: Subject,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let set = |name: &str| env::var(name).map_err(|_| format!("set {name}"));
    let secret = std::fs::read(set("SECRET_FILE")?)?.trim_ascii().to_vec();
    let service = Service {
        yente: set("YENTE_URL")?,
        dataset: env::var("YENTE_DATASET").unwrap_or_else(|_| "sanctions".to_owned()),
        secret,
        http: reqwest::Client::new(),
    };
    let listen = env::var("LISTEN").unwrap_or_else(|_| "127.0.0.1:8410".to_owned());
    let listener = TcpListener::bind(listen).await?;
    println!("http://{}/check", listener.local_addr()?);
    let router = Router::new().route("/check", post(check)).with_state(Arc::new(service));
    Ok(axum::serve(listener, router).await?)
}

async fn check(State(service): State<Arc<Service>>, headers: HeaderMap, body: Bytes) -> Response {
    let signature = headers.get(SIGNATURE_HEADER).map(|value| value.as_bytes()).unwrap_or_default();
    if !bool::from(signature.ct_eq(sign(&service.secret, &[&body]).as_bytes())) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let Ok(question) = serde_json::from_slice::<Question>(&body) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    // No answer is better than a wrong one: the processor's rules say what counts then.
    let Ok(found) = service.ask(&question.subject).await else {
        return StatusCode::BAD_GATEWAY.into_response();
    };
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |d| d.as_secs());
    let Some((outcome, reason, reference)) = judge(&found) else {
        return StatusCode::BAD_GATEWAY.into_response();
    };
    let answer = json!({
        "id": question.id, "outcome": outcome, "reason": reason,
        "valid_until": now + VALID_S, "reference": reference,
    });
    let answer = answer.to_string();
    let signature = sign(&service.secret, &[answer.as_bytes()]);
    ([(SIGNATURE_HEADER, signature)], answer).into_response()
}

impl Service {
    /// Asks whether the subject's address is a wallet of somebody who is listed. An agent has no address,
    /// and is nobody whom yente knows.
    async fn ask(&self, subject: &Subject) -> Result<Value, reqwest::Error> {
        let Some(address) = subject.address() else {
            return Ok(json!({ "responses": { "wallet": { "status": 200, "results": [] } } }));
        };
        let query = json!({ "queries": { "wallet": {
            "schema": "CryptoWallet",
            "properties": { "publicKey": [address.to_string()] },
        } } });
        let url = format!("{}/match/{}", self.yente, self.dataset);
        self.http.post(url).json(&query).send().await?.error_for_status()?.json().await
    }
}

/// What yente's answer means: a match is a sanction; something that is only like it, a person looks at.
/// Nothing for an answer of another form.
fn judge(found: &Value) -> Option<(&'static str, &'static str, Option<String>)> {
    let response = &found["responses"]["wallet"];
    if response["status"].as_u64() != Some(200) {
        return None;
    }
    let results = response["results"].as_array()?;
    let reference = |result: &Value| result["id"].as_str().map(str::to_owned);
    if let Some(result) = results.iter().find(|result| result["match"] == true) {
        return Some(("denied", "sanctioned", reference(result)));
    }
    match results.iter().find(|result| result["score"].as_f64().is_some_and(|score| score >= 0.5)) {
        Some(result) => Some(("review", "aml_flag", reference(result))),
        None => Some(("clear", "compliant", None)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An answer in the form of yente's documentation (`EntityMatchResponse`), shortened.
    fn answer(results: &Value) -> Value {
        json!({
            "responses": { "wallet": {
                "status": 200, "results": results, "total": { "value": 1, "relation": "eq" },
                "query": { "schema": "CryptoWallet", "properties": {} },
            } },
            "matcher": {}, "limit": 5,
        })
    }

    fn result(score: f64, is_match: bool) -> Value {
        json!({
            "id": "ofac-cw-1", "caption": "0x7f36…", "schema": "CryptoWallet", "properties": {},
            "datasets": ["us_ofac_sdn"], "score": score, "match": is_match, "features": {},
        })
    }

    #[test]
    fn a_match_is_denied_a_likeness_is_looked_at_and_nothing_is_clear() {
        let reference = Some("ofac-cw-1".to_owned());
        let judged = |results: Value| judge(&answer(&results));
        let denied = ("denied", "sanctioned", reference.clone());
        assert_eq!(judged(json!([result(0.6, false), result(1.0, true)])), Some(denied));
        assert_eq!(judged(json!([result(0.6, false)])), Some(("review", "aml_flag", reference)));
        assert_eq!(judged(json!([result(0.2, false)])), Some(("clear", "compliant", None)));
        assert_eq!(judged(json!([])), Some(("clear", "compliant", None)));
    }

    #[test]
    fn an_answer_of_another_form_clears_nobody() {
        for other in [json!({}), json!({ "responses": {} }), json!({ "detail": "not found" })] {
            assert_eq!(judge(&other), None, "{other}");
        }
        let mut failed = answer(&json!([]));
        failed["responses"]["wallet"]["status"] = json!(500);
        assert_eq!(judge(&failed), None);
    }
}
