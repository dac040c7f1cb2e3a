//! That somebody else asks: without the holder's key, with a request that was recorded, from another
//! site's page, as another owner.

use std::net::SocketAddr;

use aep2_cards::{keys::HolderKey, proof, token::CardToken};
use aep2_http::{ConnectionLimits, HttpServer};
use aep2_issuer::api::{Context, router};
use aep2_mandate::units::UnixTime;
use alloy_primitives::hex;
use reqwest::{Client, Method, RequestBuilder, StatusCode, header::HeaderMap, redirect::Policy};
use serde_json::{Value, json};

use crate::support::{PAYEE, TOKEN, World, above, in_all, random, venue};

struct Service {
    world: World,
    server: HttpServer,
    client: Client,
    owner_token: String,
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    text: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("no JSON: {}", self.text))
    }

    fn code(&self) -> String {
        self.json()["error"]["code"].as_str().unwrap_or_else(|| panic!("{}", self.text)).to_owned()
    }
}

/// A form's fields, which have nothing in them that would have to be encoded.
fn form(request: RequestBuilder, fields: &[(&str, &str)]) -> RequestBuilder {
    let fields: Vec<_> = fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let kind = "application/x-www-form-urlencoded";
    request.header("content-type", kind).body(fields.join("&"))
}

impl Service {
    async fn begin() -> Self {
        let world = World::begin().await;
        let owner_token = world.issuer.change_token(world.owner.id).await.expect("a token");
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let url = format!("http://{address}/").parse().expect("a URL");
        let client =
            Client::builder().no_proxy().redirect(Policy::none()).build().expect("a client");
        let context = Context::new(world.issuer.clone(), client.clone(), url, Vec::new());
        let open = context.metrics().connections.clone();
        let server =
            HttpServer::start(listener, router(context), ConnectionLimits::default(), open);
        let server = server.expect("served");
        Self { world, server, client, owner_token: owner_token.reveal().to_owned() }
    }

    fn address(&self) -> SocketAddr {
        self.server.address()
    }

    fn request(&self, method: &Method, path: &str) -> RequestBuilder {
        self.client.request(method.clone(), format!("http://{}{path}", self.address()))
    }

    async fn send(&self, request: RequestBuilder) -> Answer {
        let response = request.send().await.expect("an answer");
        let (status, headers) = (response.status(), response.headers().clone());
        Answer { status, headers, text: response.text().await.expect("text") }
    }

    /// A request of an agent's, signed by its card's holder.
    fn signed(
        &self,
        (method, path, body): (&Method, &str, &str),
        card: &CardToken,
        holder: &HolderKey,
        (now, nonce): (UnixTime, &str),
    ) -> RequestBuilder {
        let authority = self.address().to_string();
        let about = proof::Request {
            method: method.as_str(),
            authority: &authority,
            path,
            query: None,
            body: body.as_bytes(),
        };
        let mut headers = HeaderMap::new();
        proof::sign(&about, card, holder, now, nonce).insert_into(&mut headers);
        let request = self.request(method, path).header("content-type", "application/json");
        request.headers(headers).body(body.to_owned())
    }

    async fn issue(&self, card: &CardToken, holder: &HolderKey, body: &Value) -> Answer {
        let (now, nonce) = (self.world.clock.now(), proof::random_nonce());
        let about = (&Method::POST, "/v1/issue", &*body.to_string());
        self.send(self.signed(about, card, holder, (now, &nonce))).await
    }

    fn body(&self, amount: u128) -> Value {
        let venue = venue(&self.world.processor);
        json!({
            "requestKey": random(), "method": "GET", "resource": "https://api.example/answers",
            "terms": {
                "scheme": "aep2", "network": "eip155:31337", "amount": amount.to_string(),
                "asset": TOKEN.to_string(), "payTo": PAYEE.to_string(), "maxTimeoutSeconds": 60,
                "extra": {
                    "wallet": venue.wallet.to_string(), "processor": venue.processor.to_string(),
                    "settleWithinSeconds": 600, "name": "AEP2DebitWallet", "version": "1",
                    "capture": "full", "method": "GET", "order": random(), "unknown": "kept",
                },
            },
        })
    }

    async fn owner(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        let request = self.request(&method, path).bearer_auth(&self.owner_token);
        match body {
            Some(body) => self.send(request.json(&body)).await,
            None => self.send(request).await,
        }
    }

    /// Logs in on the page: the cookie, and the key that its forms need.
    async fn log_in(&self) -> (String, String) {
        let login = self.request(&Method::POST, "/login").header("sec-fetch-site", "same-origin");
        let answer = self.send(form(login, &[("token", &self.owner_token)])).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
        let cookie = answer.headers["set-cookie"].to_str().expect("text").to_owned();
        assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"));
        let cookie = cookie.split(';').next().expect("a pair").to_owned();
        let key = answer.text.split("data-key=\"").nth(1).expect("a key");
        (cookie, key.split('"').next().expect("its end").to_owned())
    }
}

#[tokio::test]
async fn a_payment_is_issued_as_x402_has_it_and_the_same_again_for_the_same_request() {
    let service = Service::begin().await;
    let (_, card, holder) = service.world.card(in_all(1_000)).await;
    let body = service.body(600);
    let first = service.issue(&card, &holder, &body).await;
    assert_eq!(first.status, StatusCode::CREATED, "{}", first.text);
    let payment = first.json();
    assert_eq!(payment["payment"]["x402Version"], 2);
    assert_eq!(payment["payment"]["accepted"], body["terms"], "the terms as they came");
    assert_eq!(payment["payment"]["payload"]["mandate"]["amount"], "600");
    assert_eq!(payment["payment"]["payload"]["mandate"]["payee"], PAYEE.to_string());

    let again = service.issue(&card, &holder, &body).await;
    assert_eq!((again.status, again.json()), (StatusCode::OK, payment));
    assert_eq!(service.issue(&card, &holder, &service.body(401)).await.code(), "budget_exceeded");

    let (now, nonce) = (service.world.clock.now(), proof::random_nonce());
    let shown = service.signed((&Method::GET, "/v1/card", ""), &card, &holder, (now, &nonce));
    let shown = service.send(shown).await.json();
    assert_eq!(shown["card"]["limits"][0]["used"], "600");
    assert_eq!(shown["paysFrom"]["account"], 7);
    assert!(!shown.to_string().contains("sealed"), "nobody sees a key, sealed or not");
}

#[tokio::test]
async fn a_card_without_its_holders_key_and_a_recorded_request_are_worth_nothing() {
    let service = Service::begin().await;
    let (_, card, holder) = service.world.card(in_all(1_000)).await;
    let body = service.body(1).to_string();
    let about = (&Method::POST, "/v1/issue", &*body);
    let now = service.world.clock.now();
    let thief = HolderKey::generate();
    let nonce = proof::random_nonce();

    let bare = service.request(&Method::POST, "/v1/issue");
    let bare = bare.header("content-type", "application/json").body(body.clone());
    let bare = bare.header("authorization", proof::authorization(&card));
    assert_eq!(service.send(bare).await.code(), "unauthorized");
    let by_thief = service.signed(about, &card, &thief, (now, &nonce));
    assert_eq!(service.send(by_thief).await.code(), "unauthorized");

    let honest = || service.signed(about, &card, &holder, (now, &nonce));
    let altered = honest().body(service.body(900).to_string());
    assert_eq!(service.send(altered).await.code(), "unauthorized");
    assert_eq!(service.send(honest()).await.status, StatusCode::CREATED);
    let replayed = service.send(honest()).await;
    assert_eq!(replayed.code(), "unauthorized");
    assert!(replayed.text.contains("proof_replayed"), "{}", replayed.text);

    for seconds in [-3_600, 3_600] {
        let other = UnixTime::new(now.get().saturating_add_signed(seconds)).expect("in range");
        let nonce = proof::random_nonce();
        let dated = service.signed(about, &card, &holder, (other, &nonce));
        assert_eq!(service.send(dated).await.code(), "unauthorized");
    }
}

#[tokio::test]
async fn an_owner_without_a_token_changes_nothing_and_with_one_only_what_is_its_own() {
    let service = Service::begin().await;
    let (record, _, _) = service.world.card(in_all(1_000)).await;
    let path = format!("/v1/owner/cards/{}", record.id);
    for token in ["", "aep2owner_", &service.owner_token[..40]] {
        let request = service.request(&Method::PATCH, &path).bearer_auth(token);
        let answer = service.send(request.json(&json!({ "state": "frozen" }))).await;
        assert_eq!((answer.status, &*answer.code()), (StatusCode::UNAUTHORIZED, "unauthorized"));
    }
    let frozen = service.owner(Method::PATCH, &path, Some(json!({ "state": "frozen" }))).await;
    assert_eq!(frozen.json()["card"]["state"], "frozen");
    let unknown = service.owner(Method::PATCH, &path, Some(json!({ "stat": "frozen" }))).await;
    assert_eq!(unknown.code(), "malformed");
    let other = "/v1/owner/cards/card_00000000000000000000000000000000";
    let other = service.owner(Method::PATCH, other, Some(json!({ "state": "active" }))).await;
    assert_eq!(other.code(), "not_found");
}

#[tokio::test]
async fn a_card_is_for_a_holder_or_for_anybody_but_never_by_forgetting_to_say() {
    let service = Service::begin().await;
    let card = |more: Value| {
        let mut body = json!({
            "name": "agent", "wallet": service.world.wallet,
            "restrictions": { "budgets": [{ "token": TOKEN.to_string(), "amount": "9", "period": "day" }] },
        });
        body.as_object_mut().expect("an object").extend(more.as_object().expect("one").clone());
        service.owner(Method::POST, "/v1/owner/cards", Some(body))
    };
    assert_eq!(card(json!({})).await.code(), "malformed");
    let bearer = card(json!({ "bearer": true })).await;
    assert_eq!(bearer.status, StatusCode::CREATED, "{}", bearer.text);
    let token: CardToken = bearer.json()["token"].as_str().expect("a card").parse().expect("one");
    let request = service.request(&Method::GET, "/v1/card");
    let shown = service.send(request.header("authorization", proof::authorization(&token))).await;
    assert_eq!(shown.status, StatusCode::OK, "{}", shown.text);
    let holder = HolderKey::generate().public();
    assert_eq!(card(json!({ "bearer": true, "holder": holder })).await.code(), "malformed");
}

#[tokio::test]
async fn another_sites_page_decides_nothing_for_an_owner_who_is_logged_in() {
    let service = Service::begin().await;
    let (_, card, holder) = service.world.card(above(10)).await;
    let asked = service.issue(&card, &holder, &service.body(11)).await;
    assert_eq!(asked.status, StatusCode::ACCEPTED, "{}", asked.text);
    let id = asked.json()["approval"]["id"].as_str().expect("an id").to_owned();
    let (cookie, secret) = service.log_in().await;
    let decide = |site: &'static str, secret: String| {
        let request = service.request(&Method::POST, &format!("/approvals/{id}"));
        let request = request.header("cookie", &cookie).header("sec-fetch-site", site);
        service.send(form(request, &[("key", &*secret), ("do", "approve")]))
    };
    for (site, form) in [
        ("cross-site", secret.clone()),
        ("same-site", secret.clone()),
        ("same-origin", hex::encode([0; 32])),
        ("same-origin", String::new()),
    ] {
        assert_eq!(decide(site, form).await.code(), "forged");
    }
    // A program on the owner's machine that was sent the cookie, because it serves on another port of the
    // host, finds the key on no page.
    let home = service.send(service.request(&Method::GET, "/").header("cookie", &cookie)).await;
    assert!(home.text.contains("For you to decide") && !home.text.contains(&secret));
    // Nor does one whose name was made to point here, nor a link that is only opened.
    let rebound = service.request(&Method::GET, "/").header("host", "attacker.example");
    assert_eq!(service.send(rebound).await.code(), "forged");
    let link = service.request(&Method::GET, &format!("/approvals/{id}")).header("cookie", &cookie);
    let page = service.send(link).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(
        page.headers["content-security-policy"]
            .to_str()
            .expect("text")
            .contains("frame-ancestors 'none'")
    );
    assert_eq!(service.issue(&card, &holder, &service.body(11)).await.status, StatusCode::ACCEPTED);

    assert_eq!(decide("same-origin", secret).await.status, StatusCode::SEE_OTHER);
    assert_eq!(service.issue(&card, &holder, &service.body(11)).await.status, StatusCode::CREATED);
}

#[tokio::test]
async fn what_agents_and_strangers_write_is_text_on_the_page() {
    let service = Service::begin().await;
    let (_, card, holder) = service.world.card(above(10)).await;
    let mut body = service.body(11);
    body["purpose"] = json!("<script>alert(1)</script>\"'>");
    let asked = service.issue(&card, &holder, &body).await;
    assert_eq!(asked.status, StatusCode::ACCEPTED);
    let (cookie, _) = service.log_in().await;
    let home = service.send(service.request(&Method::GET, "/").header("cookie", &cookie)).await;
    assert!(home.text.contains("&lt;script&gt;alert(1)"), "the words are shown");
    assert!(!home.text.contains("<script>alert"));

    // A session ends with its owner's token.
    service.world.issuer.change_token(service.world.owner.id).await.expect("another token");
    let after = service.send(service.request(&Method::GET, "/").header("cookie", &cookie)).await;
    assert!(after.text.contains("Log in") && !after.text.contains("Cards</h2>"));
}
