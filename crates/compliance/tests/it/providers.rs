//! Providers that lie, break, or answer something else.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use aep2_compliance::{
    provider::{Provider, Unavailable},
    providers::{
        ChainOracle, HttpProvider, HttpProviderError, OracleFunction, SIGNATURE_HEADER, sign,
    },
    subject::Subject,
    verdict::{Outcome, Reason},
};
use aep2_devchain::{DevChain, DevChainConfig, dev_accounts};
use aep2_mandate::{clock::Clock, units::UnixTime};
use alloy::{
    network::TransactionBuilder,
    providers::{Provider as _, ProviderBuilder},
    rpc::types::TransactionRequest,
};
use alloy_primitives::{Address, hex};
use axum::{Router, body::Bytes, extract::State, response::IntoResponse, routing::post};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::support::{KEY, OWNER, PAYEE};

const SECRET: &[u8] = b"a secret of sixteen bytes or more";

/// A contract whose function with this selector says that one address is listed; anything else reverts.
fn list_of_one(selector: [u8; 4], listed: Address) -> Vec<u8> {
    let runtime = [
        // The selector, or revert.
        &hex!("600035" "60e01c" "63")[..],
        &selector,
        &hex!("14" "6014" "57" "60006000fd" "5b" "73"),
        listed.as_slice(),
        // Whether the first argument is it.
        &hex!("600435" "14" "600052" "60206000f3"),
    ]
    .concat();
    assert_eq!(runtime.len(), 0x36);
    [&hex!("6036" "600c" "6000" "39" "6036" "6000" "f3")[..], &runtime].concat()
}

async fn oracle(selector: [u8; 4], function: OracleFunction) -> (DevChain, ChainOracle) {
    let chain = DevChain::start(DevChainConfig::default()).unwrap();
    let sender = dev_accounts().unwrap().remove(0);
    let wallet = ProviderBuilder::new().wallet(sender).connect_client(chain.client());
    let deployment = TransactionRequest::default().with_deploy_code(list_of_one(selector, PAYEE));
    let sent = wallet.send_transaction(deployment).await.unwrap();
    let contract = sent.get_receipt().await.unwrap().contract_address.unwrap();
    let node = chain.provider().erased();
    let oracle = ChainOracle::new("oracle".to_owned(), node, (contract, function), 60);
    (chain, oracle)
}

fn now() -> UnixTime {
    Clock::system().now()
}

#[tokio::test]
async fn a_contract_on_a_chain_says_who_is_sanctioned() {
    // isSanctioned(address), isBlacklisted(address).
    for (selector, function) in [
        (hex!("df592f7d"), OracleFunction::IsSanctioned),
        (hex!("fe575a87"), OracleFunction::IsBlacklisted),
    ] {
        let (_chain, oracle) = oracle(selector, function).await;
        let listed = oracle.check(&Subject::Payee(PAYEE), now()).await.unwrap();
        assert_eq!((listed.outcome, listed.reason), (Outcome::Denied, Reason::Sanctioned));
        let other = oracle.check(&Subject::Payer(OWNER), now()).await.unwrap();
        assert_eq!((other.outcome, other.reason), (Outcome::Clear, Reason::Compliant));
        assert!(other.valid_until > now());
    }
}

#[tokio::test]
async fn a_contract_that_is_not_there_clears_nobody() {
    // Another function, an address without a contract, somebody without an address.
    let (_chain, reverts) = oracle(hex!("00000000"), OracleFunction::IsSanctioned).await;
    assert!(reverts.check(&Subject::Payer(OWNER), now()).await.is_err());
    let chain = DevChain::start(DevChainConfig::default()).unwrap();
    let (node, nobody) = (chain.provider().erased(), Address::repeat_byte(0x66));
    let asked = (nobody, OracleFunction::IsSanctioned);
    let absent = ChainOracle::new("oracle".to_owned(), node, asked, 60);
    assert!(absent.check(&Subject::Payer(OWNER), now()).await.is_err());
    assert!(absent.check(&Subject::Agent(KEY), now()).await.is_err());
}

/// What a service answers a question, and the secret with which it signs.
type Script = Box<dyn Fn(&Value) -> (Vec<u8>, Option<String>) + Send + Sync>;

struct Service {
    script: Script,
    questions: Mutex<Vec<(Bytes, Option<String>)>>,
}

async fn service(script: Script) -> (Arc<Service>, HttpProvider) {
    let service = Arc::new(Service { script, questions: Mutex::default() });
    let answer = async |State(service): State<Arc<Service>>,
                        headers: axum::http::HeaderMap,
                        body: Bytes| {
        let signature = headers.get(SIGNATURE_HEADER).map(|own| own.to_str().unwrap().to_owned());
        let question: Value = serde_json::from_slice(&body).unwrap();
        service.questions.lock().unwrap().push((body, signature));
        let (answer, signature) = (service.script)(&question);
        let signature = signature.map(|own| [(SIGNATURE_HEADER, own)]);
        (signature, answer).into_response()
    };
    let router = Router::new().route("/check", post(answer)).with_state(Arc::clone(&service));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/check", listener.local_addr().unwrap()).parse().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    let within = Duration::from_secs(2);
    let provider = HttpProvider::new("service".into(), url, SECRET.to_vec(), 3_600, within);
    (service, provider.unwrap())
}

fn signed(answer: &Value) -> (Vec<u8>, Option<String>) {
    let bytes = answer.to_string().into_bytes();
    let signature = sign(SECRET, &[&bytes]);
    (bytes, Some(signature))
}

fn clear(question: &Value) -> Value {
    json!({
        "id": question["id"], "outcome": "clear", "reason": "compliant",
        "valid_until": now().get() + 1_000_000, "reference": "case 12",
    })
}

#[tokio::test]
async fn a_service_is_asked_with_a_signature_and_believed_for_as_long_as_is_set() {
    let (service, provider) = service(Box::new(|question| signed(&clear(question)))).await;
    let finding = provider.check(&Subject::Payee(PAYEE), now()).await.unwrap();
    assert_eq!(finding.outcome, Outcome::Clear);
    assert!(finding.valid_until.get() <= now().get() + 3_600, "not as long as it says");
    assert!(String::from_utf8(finding.document).unwrap().contains("case 12"), "it is kept");
    let questions = service.questions.lock().unwrap();
    let (question, signature) = &questions[0];
    assert_eq!(signature.as_deref(), Some(sign(SECRET, &[question]).as_str()));
    let question: Value = serde_json::from_slice(question).unwrap();
    assert_eq!(question["subject"], json!(Subject::Payee(PAYEE)));
}

#[tokio::test]
async fn an_answer_that_is_not_the_services_or_makes_no_sense_clears_nobody() {
    let with = |change: fn(&mut Value)| -> Script {
        Box::new(move |question| {
            let mut answer = clear(question);
            change(&mut answer);
            signed(&answer)
        })
    };
    let cases: Vec<(&str, Script)> = vec![
        ("no signature", Box::new(|question| (clear(question).to_string().into(), None))),
        (
            "another secret",
            Box::new(|question| {
                let bytes = clear(question).to_string().into_bytes();
                let signature = sign(b"a secret of somebody else", &[&bytes]);
                (bytes, Some(signature))
            }),
        ),
        ("another question's", with(|own| own["id"] = json!(format!("0x{}", "11".repeat(32))))),
        ("over already", with(|own| own["valid_until"] = json!(1))),
        ("clear, and sanctioned", with(|own| own["reason"] = json!("sanctioned"))),
        ("denied, and compliant", with(|own| own["outcome"] = json!("denied"))),
        (
            "denied for nothing that has a name",
            with(|own| {
                own["outcome"] = json!("denied");
                own["reason"] = json!("sanctioned");
                own["reference"] = Value::Null;
            }),
        ),
        ("an unknown member", with(|own| own["score"] = json!(3))),
        ("an unknown outcome", with(|own| own["outcome"] = json!("perhaps"))),
        ("not JSON", Box::new(|_| (b"clear".to_vec(), Some(sign(SECRET, &[b"clear"]))))),
        (
            "too long",
            Box::new(|_| {
                let bytes = vec![b' '; 1 << 20];
                let signature = sign(SECRET, &[&bytes]);
                (bytes, Some(signature))
            }),
        ),
    ];
    for (what, script) in cases {
        let (_service, provider) = service(script).await;
        let answer = provider.check(&Subject::Payee(PAYEE), now()).await;
        let Err(Unavailable(why)) = answer else { panic!("{what}: {answer:?}") };
        assert!(!why.contains("127.0.0.1"), "{what}: {why}");
    }
}

#[tokio::test]
async fn a_service_that_never_answers_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
    let within = Duration::from_millis(300);
    let provider =
        HttpProvider::new("service".into(), url, SECRET.to_vec(), 3_600, within).unwrap();
    let begun = Instant::now();
    assert!(provider.check(&Subject::Payee(PAYEE), now()).await.is_err());
    assert!(begun.elapsed() < Duration::from_secs(5));
}

#[test]
fn who_pays_whom_is_not_told_in_the_clear_and_secrets_are_not_guessed() {
    let make = |url: &str, secret: &[u8]| {
        let url = url.parse().unwrap();
        HttpProvider::new("s".into(), url, secret.to_vec(), 60, Duration::from_secs(1)).map(drop)
    };
    assert!(make("https://screening.example/", SECRET).is_ok());
    for url in ["http://screening.example/", "http://10.0.0.1/", "http://localhost.evil.example/"] {
        assert!(matches!(make(url, SECRET), Err(HttpProviderError::NotPrivate(_))), "{url}");
    }
    let short = make("https://screening.example/", b"short");
    assert!(matches!(short, Err(HttpProviderError::ShortSecret(5))));
}
