//! Paying with a card: an issuer that signs, one that errs, and one that cannot be reached.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex},
};

use aep2_cards::{
    card::{Card, Holder},
    keys::{HolderKey, RootKey, RootPublicKeys},
    proof::{self, Request, WINDOW_S},
    restrictions::Restrictions,
    token::CardToken,
};
use aep2_mandate::{
    clock::Clock,
    signer::{MandateTerms, Signer},
    units::{AccountId, Nonce},
};
use aep2_payer::{
    PayError, Payer,
    card::{CardError, CardFile, IssuerError, read_key, write_key},
};
use aep2_x402::{
    Requirements,
    purchase::PaymentContext,
    terms::{self},
};
use alloy_primitives::{Address, B256};
use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{self, State},
    response::Response,
};
use http::StatusCode;
use serde_json::{Value, json};

use crate::{
    journal::terms_over,
    support::{CHAIN, WALLET, account, secret},
};

const RESOURCE: &str = "https://shop.example/a?b";

/// A change of what a mandate says.
type Change = fn(&mut MandateTerms);

/// What the issuer is told to answer, one after the other; afterwards it issues.
#[derive(Clone, Debug)]
enum Told {
    Status(u16, Value),
    /// Issue for something else.
    Change(Change),
    /// Call the mandate by another id.
    OtherId,
}

#[derive(Default)]
struct Seen {
    told: Vec<Told>,
    keys: Vec<String>,
    asked: Vec<Value>,
    nonces: HashSet<String>,
    receipts: usize,
}

#[derive(Clone)]
struct Stub {
    authority: String,
    roots: RootPublicKeys,
    seen: Arc<Mutex<Seen>>,
}

fn root() -> RootKey {
    RootKey::from_seed(1, &[1; 32]).unwrap()
}

fn holder() -> HolderKey {
    HolderKey::from_seed(&[2; 32])
}

fn token(holder: Holder) -> CardToken {
    Card::mint(&root(), &"card-1".parse().unwrap(), holder).unwrap()
}

fn answer(status: u16, body: &Value) -> Response {
    let body = Body::from(body.to_string());
    Response::builder().status(status).body(body).unwrap()
}

/// An issuer without limits: it checks cards and proofs as one does, and signs.
async fn serve(State(stub): State<Stub>, request: extract::Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, 1 << 20).await.unwrap();
    let card = Card::parse(&proof::card_of(&parts.headers).unwrap(), &stub.roots).unwrap();
    let mut seen = stub.seen.lock().unwrap();
    if let Some(holder) = card.holder() {
        let signed = Request {
            method: parts.method.as_str(),
            authority: &stub.authority,
            path: parts.uri.path(),
            query: parts.uri.query(),
            body: &body,
        };
        let now = Clock::system().now();
        let proof = proof::verify(&signed, &parts.headers, &holder, now, WINDOW_S).unwrap();
        assert!(seen.nonces.insert(proof.nonce), "a nonce was used twice");
    }
    match parts.uri.path() {
        "/v1/card" => answer(
            200,
            &json!({ "card": { "name": "test" }, "narrowedBy": [], "paysFrom": {
                "account": 7, "processorUrl": "https://processor.example/", "chainId": CHAIN,
                "wallet": WALLET.to_string(), "processor": terms_over(1).extra.processor,
                "frozen": false,
            }}),
        ),
        "/v1/issue" => issue(&mut seen, &body),
        "/v1/receipts" => {
            seen.receipts += 1;
            Response::builder().status(StatusCode::NO_CONTENT).body(Body::empty()).unwrap()
        }
        other => panic!("{other}"),
    }
}

fn issue(seen: &mut Seen, body: &[u8]) -> Response {
    let asked: Value = serde_json::from_slice(body).unwrap();
    seen.keys.push(asked["requestKey"].as_str().unwrap().to_owned());
    seen.asked.push(asked.clone());
    let told = (!seen.told.is_empty()).then(|| seen.told.remove(0));
    if let Some(Told::Status(status, body)) = &told {
        return answer(*status, body);
    }
    let terms: Requirements = serde_json::from_value(asked["terms"].clone()).unwrap();
    let said = |field: &str| asked[field].as_str().unwrap();
    let purchase = terms::purchase(&terms, said("method"), said("resource")).unwrap();
    let (account, nonce) = (account(7), Nonce::new(99));
    let context = match terms.extra.order {
        Some(order) => PaymentContext::Order(order.0),
        None => PaymentContext::Intent { account, nonce },
    };
    let deadline = Clock::system().now().checked_add(10_000).unwrap();
    let mut terms = MandateTerms {
        account,
        token: purchase.token,
        payee: purchase.payee,
        amount: purchase.amount,
        nonce,
        deadline,
        reference: purchase.reference(context),
    };
    if let Some(Told::Change(change)) = &told {
        change(&mut terms);
    }
    let signer = Signer::new(secret(7), CHAIN, WALLET);
    let signed = signer.sign(terms, None);
    let id = signed.mandate.id(&signer.domain(terms.token)).to_bytes();
    let id = if matches!(told, Some(Told::OtherId)) { B256::ZERO } else { id };
    answer(201, &json!({ "mandateId": id, "payment": { "x402Version": 2, "payload": signed } }))
}

struct Issuing {
    payer: Payer,
    seen: Arc<Mutex<Seen>>,
}

/// A payer with a card of an issuer that was told this.
async fn payer(token: CardToken, key: Option<HolderKey>, told: Vec<Told>) -> Issuing {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let authority = listener.local_addr().unwrap().to_string();
    let seen = Arc::new(Mutex::new(Seen { told, ..Seen::default() }));
    let stub =
        Stub { authority: authority.clone(), roots: root().public().into(), seen: seen.clone() };
    let router = Router::new().fallback(serve).with_state(stub);
    tokio::spawn(async move { axum::serve(listener, router).await });
    let url = format!("http://{authority}").parse().unwrap();
    let card = CardFile::new(url, token, key).unwrap();
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let payer = Payer::with_card(card, http, Clock::system()).await.unwrap();
    Issuing { payer, seen }
}

async fn bound(told: Vec<Told>) -> Issuing {
    payer(token(Holder::Key(holder().public())), Some(holder()), told).await
}

impl Issuing {
    async fn pay(&self, order: Option<B256>) -> Result<aep2_payer::Authorised, PayError> {
        let terms = terms_over(10);
        let purchase = self.payer.check(&terms, "GET", RESOURCE, "shop.example")?;
        self.payer.authorise(purchase, order, &terms, "shop.example").await
    }

    fn keys(&self) -> Vec<String> {
        self.seen.lock().unwrap().keys.clone()
    }
}

#[tokio::test]
async fn an_issuer_signs_what_it_is_asked_for() {
    let issuing = bound(Vec::new()).await;
    let (account, venue) = {
        let config = issuing.payer.config();
        (config.account, config.venue)
    };
    assert_eq!((account, venue.wallet, venue.chain), (AccountId::new(7).unwrap(), WALLET, CHAIN));

    let order = B256::repeat_byte(0x0d);
    let ordered = issuing.pay(Some(order)).await.unwrap().send();
    let reference = ordered.purchase.reference(PaymentContext::Order(order));
    assert_eq!(ordered.mandate.mandate.reference, reference);
    let intent = issuing.pay(None).await.unwrap().send();
    let context = PaymentContext::Intent { account, nonce: intent.mandate.mandate.nonce };
    assert_eq!(intent.mandate.mandate.reference, intent.purchase.reference(context));

    let seen = issuing.seen.lock().unwrap();
    assert_eq!(seen.asked[0]["resource"], RESOURCE);
    assert_eq!(seen.asked[0]["method"], "GET");
    assert_eq!(seen.asked[0]["terms"]["extra"]["order"], json!(order));
    assert_eq!(seen.asked[1]["terms"]["extra"].get("order"), None);
    assert_ne!(seen.keys[0], seen.keys[1], "each purchase has a key of its own");
}

#[tokio::test]
async fn an_issuer_that_fails_is_asked_again_with_the_same_key() {
    let busy = Told::Status(503, json!({ "error": { "code": "busy", "message": "wait" } }));
    let issuing = bound(vec![busy.clone(), busy]).await;
    assert!(issuing.pay(None).await.is_ok());
    let keys = issuing.keys();
    assert_eq!(keys.len(), 3);
    assert!(keys.iter().all(|key| *key == keys[0]), "else it would issue several: {keys:?}");
}

#[tokio::test]
async fn a_mandate_for_something_else_is_not_used() {
    let changes: [(&str, Change); 6] = [
        ("account", |terms| terms.account = account(8)),
        ("payee", |terms| terms.payee = Address::repeat_byte(0x66)),
        ("amount", |terms| terms.amount = crate::support::ceiling(11)),
        ("reference", |terms| terms.reference = B256::repeat_byte(0x66)),
        ("deadline", |terms| terms.deadline = Clock::system().now()),
        ("token", |terms| terms.token = Address::repeat_byte(0x66)),
    ];
    for (what, change) in changes {
        let issuing = bound(vec![Told::Change(change)]).await;
        let error = issuing.pay(None).await.unwrap_err();
        let PayError::Issuer(IssuerError::Answer(why)) = &error else { panic!("{error:?}") };
        assert!(why.ends_with(what), "{what}: {why}");
    }
    let issuing = bound(vec![Told::OtherId]).await;
    let error = issuing.pay(None).await.unwrap_err();
    assert!(matches!(error, PayError::Issuer(IssuerError::Answer(_))), "{error:?}");
}

#[tokio::test]
async fn what_the_owner_has_to_approve_is_not_paid_yet() {
    let approval = json!({ "approval": {
        "id": "ap-1", "reason": "amount", "state": "waiting", "expires": 1_900_000_000,
        "url": "https://issuer.example/approvals/ap-1",
    }});
    let issuing = bound(vec![Told::Status(202, approval)]).await;
    let error = issuing.pay(None).await.unwrap_err();
    assert!(error.to_string().contains("https://issuer.example/approvals/ap-1"), "{error}");
    let PayError::Issuer(IssuerError::Approval(approval)) = error else { panic!("{error:?}") };
    assert_eq!((approval.id.as_str(), approval.state.as_str()), ("ap-1", "waiting"));
    assert!(issuing.pay(None).await.is_ok(), "and once it is approved, the same again is");
}

#[tokio::test]
async fn a_refusal_is_final_and_says_why() {
    let refusal = json!({ "error": { "code": "budget_exceeded", "message": "too little left" } });
    let issuing = bound(vec![Told::Status(403, refusal)]).await;
    let error = issuing.pay(None).await.unwrap_err();
    let PayError::Issuer(IssuerError::Refused { status, code, .. }) = &error else {
        panic!("{error:?}")
    };
    assert_eq!((*status, code.as_str()), (403, "budget_exceeded"));
    assert_eq!(issuing.keys().len(), 1, "it was not asked again");
    let spent = issuing.payer.spent(Address::ZERO, None).await;
    assert!(matches!(spent, Err(PayError::CountedByTheIssuer)), "{spent:?}");
}

#[tokio::test]
async fn a_bearer_card_and_a_narrower_one_pay_too() {
    let bearer = payer(token(Holder::Bearer), None, Vec::new()).await;
    assert!(bearer.pay(None).await.is_ok());
    let once = Restrictions { payments: Some(1), ..Restrictions::default() };
    let narrow = token(Holder::Key(holder().public())).narrow(&once, None).unwrap();
    let narrow = payer(narrow, Some(holder()), Vec::new()).await;
    assert!(narrow.pay(None).await.is_ok());
}

#[test]
fn a_cards_file_is_for_its_holder_alone_and_is_not_written_over() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("card.json");
    let url: url::Url = "https://issuer.example/".parse().unwrap();
    let card = token(Holder::Key(holder().public()));
    let file = CardFile::new(url.clone(), card.clone(), Some(holder())).unwrap();
    file.write(&path).unwrap();
    let read = CardFile::read(&path).unwrap();
    assert_eq!(read.card(), &card);
    assert_eq!(read.key().map(HolderKey::public), Some(holder().public()));
    assert!(matches!(file.write(&path), Err(CardError::Exists(_))));
    #[cfg(unix)]
    {
        let permissions = std::fs::metadata(&path).unwrap().permissions();
        assert_eq!(std::os::unix::fs::PermissionsExt::mode(&permissions) & 0o777, 0o600);
    }
    assert!(!format!("{read:?}").contains(card.expose()), "a card is not shown by accident");

    let other = HolderKey::from_seed(&[3; 32]);
    for key in [None, Some(other.clone())] {
        let refused = CardFile::new(url.clone(), card.clone(), key);
        assert!(matches!(refused, Err(CardError::NotTheHolder { .. })), "{refused:?}");
    }
    let keys = directory.path().join("key.json");
    write_key(&keys, &other).unwrap();
    assert_eq!(read_key(&keys).unwrap().public(), other.public());
    assert!(matches!(read_key(&path), Err(CardError::NotAKey(_))));
    assert!(matches!(CardFile::read(&keys), Err(CardError::NotACard(_))));
}

#[test]
fn a_card_is_not_sent_where_others_can_listen() {
    let card = token(Holder::Bearer);
    let made = |url: &str| CardFile::new(url.parse().unwrap(), card.clone(), None).map(drop);
    for url in
        ["https://issuer.example", "http://127.0.0.1:8403", "http://[::1]/", "http://localhost/"]
    {
        assert!(made(url).is_ok(), "{url}");
    }
    for url in [
        "http://issuer.example",
        "http://localhost.example/",
        "http://127.0.0.1.example/",
        "ftp://a/",
    ] {
        assert!(matches!(made(url), Err(CardError::NotSecret(_))), "{url}");
    }
}
