//! The gateway: what it lets through, for how much, and what it keeps from both sides.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
    time::Duration,
};

use aep2_payee::{
    ConnectError, PayeeError,
    gateway::{
        Gateway, GatewayError,
        settings::{EXAMPLE, GatewaySettings, SettingsError},
    },
};
use aep2_payer::PayError;
use aep2_testkit::monitoring::{Program, missing};
use aep2_tests::stand_in::{Counter, TOKEN, WALLET, World, amount, serve};
use aep2_x402::terms::WireAddress;
use axum::{
    Router,
    body::Bytes,
    extract::Request as Incoming,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::any,
};
use http::Method;
use http_body::Frame;
use http_body_util::StreamBody;
use reqwest::Request;
use url::Url;

/// A service that knows nothing of payments, and what it was asked.
#[derive(Clone, Default)]
struct Service {
    asked: Counter,
    heads: Arc<Mutex<Vec<(String, HeaderMap)>>>,
}

impl Service {
    async fn answer(self, request: Incoming) -> Response {
        let count = self.asked.add();
        let path = request.uri().path().to_owned();
        let seen = format!("{} {}", request.method(), request.uri());
        self.heads.lock().unwrap().push((seen, request.headers().clone()));
        match path.as_str() {
            "/base/fails" => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
            "/base/metered" | "/base/fixed/metered" => {
                ([("aep2-charge", "7")], "seven").into_response()
            }
            "/base/greedy" => ([("aep2-charge", "1000001")], "a million").into_response(),
            "/base/mumbles" => ([("aep2-charge", "a lot")], "some").into_response(),
            "/base/slow" => {
                tokio::time::sleep(Duration::from_secs(30)).await;
                "late".into_response()
            }
            // What comes goes back as it comes.
            "/base/echo" => request.into_body().into_response(),
            _ => format!("{count}").into_response(),
        }
    }

    fn last(&self) -> (String, HeaderMap) {
        self.heads.lock().unwrap().last().unwrap().clone()
    }
}

const ROUTES: &str = r#"
    answer_within_s = 2
    body_bytes_max = 1000
    [[routes]]
    path = "/answers/{question}"
    methods = ["GET"]
    price = "10"
    description = "An answer"
    [[routes]]
    path = "/answers/{question}"
    methods = ["POST"]
    price = "30"
    [[routes]]
    path = "/{name}"
    price = "100"
    [[routes]]
    path = "/metered"
    price = "50"
    metered = true
    [[routes]]
    path = "/fixed/{name}"
    price = "20"
    [[routes]]
    path = "/greedy"
    price = "50"
    metered = true
    [[routes]]
    path = "/mumbles"
    price = "50"
    metered = true
"#;

/// What no route has is free, of a service that reads paths loosely.
const PASS: &str = "unpriced = \"pass\"\nignore_case = true\nignore_trailing_slash = true";

struct Town {
    world: World,
    service: Service,
    url: Url,
    admin: Url,
}

fn settings(world: &World, upstream: &Url, more: &str) -> GatewaySettings {
    let upstream = upstream.join("base").unwrap();
    let processor = &world.processor_url;
    let text = format!("upstream = \"{upstream}\"\n{more}\n[payee]\nprocessor = \"{processor}\"");
    GatewaySettings::parse(&text).unwrap()
}

impl Town {
    async fn new(more: &str) -> Self {
        let world = World::new().await;
        let service = Service::default();
        let behind = service.clone();
        let upstream =
            serve(Router::new().fallback(any(move |request| behind.clone().answer(request)))).await;
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url: Url = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
        let settings = settings(&world, &upstream, &format!("{more}\n{ROUTES}"));
        let key = Some(world.payee_key.clone());
        let gateway =
            Gateway::new(&settings, url.clone(), key, reqwest::Client::builder()).await.unwrap();
        let router = gateway.router();
        tokio::spawn(async move { axum::serve(listener, router).await });
        let admin = serve(gateway.admin_router()).await;
        Self { world, service, url, admin }
    }

    fn at(&self, path: &str) -> Url {
        self.url.join(path).unwrap()
    }

    fn captured(&self) -> Vec<u128> {
        let mut captured: Vec<_> =
            self.world.ledger.captured().into_iter().map(|amount| amount.get()).collect();
        captured.sort_unstable();
        captured
    }
}

#[tokio::test]
async fn a_service_that_knows_nothing_of_payments_is_paid_per_route_and_method() {
    let town = Town::new("").await;
    let client = town.world.client(1);
    let answer = client.get(town.at("answers/42?q=1")).await.unwrap();
    assert_eq!(answer.payment.unwrap().purchase.amount.get(), 10);
    assert_eq!(answer.response.text().await.unwrap(), "1");
    let (seen, head) = town.service.last();
    assert_eq!(seen, "GET /base/answers/42?q=1");
    assert_eq!(
        (&head["aep2-amount"], &head["aep2-account"]),
        (&"10".parse().unwrap(), &"1".parse().unwrap())
    );
    assert_eq!(head["x-forwarded-proto"], "http");
    assert!(!head.contains_key("payment-signature"), "the payment is for the gateway");

    // A payer cannot take away what the service is told.
    let mut request = Request::new(Method::GET, town.at("answers/42"));
    let names = "aep2-amount, aep2-account, aep2-mandate, x-forwarded-proto";
    request.headers_mut().insert("connection", names.parse().unwrap());
    assert!(client.execute(request).await.unwrap().payment.is_some());
    let (_, head) = town.service.last();
    for name in ["aep2-amount", "aep2-account", "aep2-mandate", "x-forwarded-proto"] {
        assert!(head.contains_key(name), "{name}");
    }

    let post = Request::new(Method::POST, town.at("answers/42"));
    assert_eq!(client.execute(post).await.unwrap().payment.unwrap().purchase.amount.get(), 30);
    let put = Request::new(Method::PUT, town.at("anything"));
    assert_eq!(client.execute(put).await.unwrap().payment.unwrap().purchase.amount.get(), 100);
    assert_eq!(town.captured(), [10, 10, 30, 100]);

    // What nobody sells is not served, and nothing reaches the service unpaid.
    let asked = town.service.asked.get();
    for (method, path, status) in [
        (Method::DELETE, "answers/42", 405),
        (Method::GET, "not/sold", 404),
        (Method::GET, "answers/42", 402),
    ] {
        let request = client.http().request(method, town.at(path));
        assert_eq!(request.send().await.unwrap().status().as_u16(), status, "{path}");
    }
    assert_eq!(town.service.asked.get(), asked);
}

#[tokio::test]
async fn metered_calls_are_charged_what_the_service_says_and_failed_ones_nothing() {
    let town = Town::new("").await;
    let client = town.world.client(1);
    for (path, status, captured) in [
        ("metered", 200, 7),
        // Above the ceiling, the ceiling; what cannot be read, nothing.
        ("greedy", 200, 50),
        ("mumbles", 200, 0),
        ("fails", 500, 0),
        ("slow", 504, 0),
    ] {
        let answer = client.get(town.at(path)).await.unwrap();
        assert_eq!(answer.response.status().as_u16(), status, "{path}");
        assert!(!answer.response.headers().contains_key("aep2-charge"), "{path}");
        let payment = answer.payment.unwrap();
        let whole = payment.purchase.amount.amount();
        assert_eq!(payment.captured.unwrap_or(whole), amount(captured), "{path}");
    }
    assert_eq!(town.captured(), [0, 0, 0, 7, 50]);
}

#[tokio::test]
async fn a_service_that_is_down_charges_nothing_and_says_nothing_of_its_address() {
    let world = World::new().await;
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let upstream: Url = format!("http://{nobody}/").parse().unwrap();
    let settings = settings(&world, &upstream, "[[routes]]\npath = \"/\"\nprice = \"5\"");
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url: Url = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
    let key = Some(world.payee_key.clone());
    let gateway =
        Gateway::new(&settings, url.clone(), key, reqwest::Client::builder()).await.unwrap();
    let (router, admin) = (gateway.router(), serve(gateway.admin_router()).await);
    tokio::spawn(async move { axum::serve(listener, router).await });

    let answer = world.client(1).get(url).await.unwrap();
    assert_eq!(answer.response.status(), StatusCode::BAD_GATEWAY);
    assert_eq!(answer.payment.unwrap().captured, Some(amount(0)));
    assert!(!answer.response.text().await.unwrap().contains(&nobody.port().to_string()));
    let metrics = reqwest::get(admin.join("metrics").unwrap()).await.unwrap().text().await.unwrap();
    assert!(metrics.contains("aep2_gateway_upstream_failures_total 1"), "{metrics}");
}

#[tokio::test]
async fn bodies_stream_both_ways_and_are_bounded() {
    let town = Town::new("").await;
    let client = town.world.client(1);
    let url = town.at("echo");
    let known = client.terms(Request::new(Method::POST, url.clone())).await.unwrap().unwrap();

    // The first half comes back before the second is sent.
    let (sender, receiver) = tokio::sync::mpsc::unbounded_channel::<Bytes>();
    let parts = futures::stream::unfold(receiver, async |mut receiver| {
        let part = receiver.recv().await?;
        Some((Ok::<_, std::io::Error>(Frame::data(part)), receiver))
    });
    let mut request = Request::new(Method::POST, url.clone());
    *request.body_mut() = Some(reqwest::Body::wrap(StreamBody::new(parts)));
    sender.send("first ".into()).unwrap();
    let answer = client.execute_with(request, &known).await.unwrap();
    let mut response = answer.response;
    assert_eq!(response.chunk().await.unwrap().unwrap(), "first ");
    sender.send("second".into()).unwrap();
    assert_eq!(response.chunk().await.unwrap().unwrap(), "second");
    drop(sender);
    assert!(response.chunk().await.unwrap().is_none());

    let mut request = Request::new(Method::POST, url);
    *request.body_mut() = Some(vec![b'x'; 1_001].into());
    let answer = client.execute_with(request, &known).await.unwrap();
    assert_eq!(answer.response.status(), StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(answer.payment.unwrap().captured, Some(amount(0)));
}

#[tokio::test]
async fn what_is_cheap_cannot_be_asked_for_so_that_what_is_dear_is_served() {
    let town = Town::new(PASS).await;
    let host = format!("127.0.0.1:{}", town.url.port().unwrap());
    // As a client that normalises nothing sends it.
    for path in [
        "//answers/42",
        "/x/../answers/42",
        "/x/%2e%2e/answers/42",
        "/answers%2f42",
        "/%61nswers/42",
        "/answers/%34%32",
        "/answers%00",
        "/%7Eanswers",
        "/a%",
        "/a%zz",
        "/a%4",
    ] {
        assert_eq!(raw(&host, path).await, 400, "{path}");
    }
    for (method, status) in [("get", 400), ("Get", 400), ("CONNECT", 501)] {
        assert_eq!(raw_method(&host, method, "/answers/42").await, status, "{method}");
    }
    assert_eq!(town.service.asked.get(), 0);
    for path in ["/free/caf%C3%A9", "/free/a%20b"] {
        assert_eq!(raw(&host, path).await, 200, "{path}");
    }

    // What is not sold passes, with nothing that only the gateway may say.
    let free = reqwest::Client::new()
        .get(town.at("free/of/charge"))
        .header("aep2-mandate", "0x01")
        .header("aep2-amount", "1000000")
        .header("aep2_account", "1")
        .header("x-http-method-override", "POST")
        .header("x-original-url", "/answers/42");
    assert_eq!(free.send().await.unwrap().status(), StatusCode::OK);
    let (_, head) = town.service.last();
    for name in
        ["aep2-mandate", "aep2-amount", "aep2_account", "x-http-method-override", "x-original-url"]
    {
        assert!(!head.contains_key(name), "{name}");
    }
    match town.world.client(1).get(town.at("free/of/charge")).await.unwrap().payment {
        None => {}
        Some(payment) => panic!("it was paid for: {payment:?}"),
    }
}

/// The status of a request whose path is sent as it is.
async fn raw(host: &str, path: &str) -> u16 {
    raw_method(host, "GET", path).await
}

/// The status of a request whose method and path are sent as they are.
async fn raw_method(host: &str, method: &str, path: &str) -> u16 {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    let mut stream = tokio::net::TcpStream::connect(host).await.unwrap();
    let head = format!("{method} {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer.split(' ').nth(1).unwrap().parse().unwrap()
}

#[tokio::test]
async fn the_same_payment_again_is_not_served_twice() {
    let town = Town::new("").await;
    let client = town.world.client(1);
    let url = town.at("answers/42");
    let first = client.get(url.clone()).await.unwrap().payment.unwrap();
    let payload = town.service.asked.get();
    let header = aep2_x402::headers::write(&aep2_x402::PaymentPayload {
        accepted: client
            .terms(Request::new(Method::GET, url.clone()))
            .await
            .unwrap()
            .unwrap()
            .terms()
            .clone(),
        payload: first.mandate,
        resource: None,
        x402_version: aep2_x402::X402Version2,
        extensions: Default::default(),
    })
    .unwrap();
    let again = client.http().get(url).header("payment-signature", header).send().await.unwrap();
    // It was an order, and comes back as an intent: its ref is another's.
    assert_eq!(again.status(), StatusCode::PAYMENT_REQUIRED);
    assert_eq!(town.service.asked.get(), payload);
}

#[tokio::test]
async fn health_and_metrics_are_apart_from_what_payers_reach() {
    let town = Town::new("").await;
    let client = town.world.client(1);
    client.get(town.at("answers/1")).await.unwrap();
    let get = async |path: &str| {
        let answer = reqwest::get(town.admin.join(path).unwrap()).await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    assert_eq!(get("healthz").await.0, 200);
    assert_eq!(get("readyz").await.0, 200);
    let (_, metrics) = get("metrics").await;
    for line in [
        "aep2_gateway_payments_total{route=\"/answers/{question}\"} 1",
        "aep2_gateway_requests_total{route=\"/answers/{question}\",status=\"200\"} 1",
        "aep2_gateway_requests_total{route=\"/answers/{question}\",status=\"402\"} 1",
        "aep2_gateway_request_duration_seconds_count{route=\"/answers/{question}\"} 2",
    ] {
        assert!(metrics.contains(line), "{line} is not in\n{metrics}");
    }
    match client.get(town.at("metrics")).await.unwrap().payment {
        Some(payment) => assert_eq!(payment.purchase.amount.get(), 100),
        None => panic!("the metrics are on the payers' side"),
    }
}

/// Express takes them all for `/answers/42`.
#[tokio::test]
async fn a_spelling_that_the_service_takes_for_a_priced_path_has_its_price() {
    let town = Town::new(PASS).await;
    let http = reqwest::Client::new();
    for (method, path) in [
        (Method::GET, "/answers/42"),
        (Method::GET, "/answers/42/"),
        (Method::GET, "/ANSWERS/42"),
        (Method::GET, "/Answers/42/"),
        (Method::HEAD, "/answers/42"),
        (Method::HEAD, "/ANSWERS/42/"),
        (Method::GET, "/METERED/"),
    ] {
        let asked = http.request(method.clone(), town.at(path)).send().await.unwrap();
        assert_eq!(asked.status(), 402, "{method} {path}");
    }
    assert_eq!(town.service.asked.get(), 0);
    // HEAD costs what GET does, and is paid for by itself.
    let head = Request::new(Method::HEAD, town.at("/answers/42"));
    let paid = town.world.client(1).execute(head).await.unwrap();
    assert_eq!(paid.payment.unwrap().purchase.amount.get(), 10);
    assert_eq!(town.service.last().0, "HEAD /base/answers/42");
}

#[tokio::test]
async fn a_web_page_that_may_pay_is_told_so_before_anything_is_priced() {
    let town = Town::new("cors_origins = [\"https://app.example.com\"]").await;
    let http = reqwest::Client::new();
    let preflight = |origin: &'static str| {
        let asked = http.request(Method::OPTIONS, town.at("/answers/42"));
        let asked = asked.header("origin", origin).header("access-control-request-method", "GET");
        asked.header("access-control-request-headers", "payment-signature, x-mine").send()
    };
    let told = preflight("https://app.example.com").await.unwrap();
    assert_eq!(told.status(), 204);
    let header = |name: &str| told.headers()[name].to_str().unwrap().to_owned();
    assert_eq!(header("access-control-allow-origin"), "https://app.example.com");
    assert_eq!(header("access-control-allow-methods"), "GET");
    for name in ["payment-signature", "x-payment", "x-payment-mandate", "x-mine"] {
        assert!(
            header("access-control-allow-headers").split(", ").any(|own| own == name),
            "{name}"
        );
    }
    // Another page is told nothing, and its preflight is a request as any other.
    let other = preflight("https://evil.example").await.unwrap();
    assert_eq!(other.status(), 405);
    assert!(!other.headers().contains_key("access-control-allow-origin"));
    // The page sees what it needs to pay.
    let asked = http.get(town.at("/answers/42")).header("origin", "https://app.example.com");
    let asked = asked.send().await.unwrap();
    assert_eq!(asked.status(), 402);
    let shown = asked.headers()["access-control-expose-headers"].to_str().unwrap();
    assert!(shown.contains("payment-required") && shown.contains("payment-response"), "{shown}");
    assert_eq!(town.service.asked.get(), 0);
}

#[tokio::test]
async fn a_charge_for_a_fixed_price_is_not_listened_to() {
    let town = Town::new("").await;
    let answer = town.world.client(1).get(town.at("/fixed/metered")).await.unwrap();
    assert_eq!(answer.payment.unwrap().captured, None, "the service says 7, and 20 is the price");
    assert_eq!(town.captured(), [20]);
}

#[tokio::test]
async fn a_gateway_that_could_not_keep_its_word_is_not_started() {
    let world = World::new().await;
    let upstream: Url = "http://127.0.0.1:9/".parse().unwrap();
    let start_with = async |settings: GatewaySettings, key: bool| {
        let key = key.then(|| world.payee_key.clone());
        let origin = "http://127.0.0.1:8080".parse().unwrap();
        Gateway::new(&settings, origin, key, reqwest::Client::builder()).await.err().unwrap()
    };
    let start = async |more: &str, address: Option<&str>, key: bool| {
        let mut settings = settings(&world, &upstream, more);
        settings.payee.address = address.map(|address| WireAddress(address.parse().unwrap()));
        start_with(settings, key).await
    };
    let route = "[[routes]]\npath = \"/\"\nprice = \"1\"\n";
    let dead = "0x000000000000000000000000000000000000dEaD";
    let nobody = start(route, None, false).await;
    assert!(matches!(nobody, GatewayError::Connect(ConnectError::NoPayee)));
    let metered = start(&format!("{route}metered = true"), Some(dead), false).await;
    assert!(matches!(metered, GatewayError::Connect(ConnectError::NoKey(_))));
    let others = start(route, Some(dead), true).await;
    assert!(matches!(others, GatewayError::Connect(ConnectError::Payee(_))), "another's key");
    let late = start(&format!("answer_within_s = 26\n{route}"), None, true).await;
    assert!(matches!(late, GatewayError::Connect(ConnectError::LateCaptures { .. })), "{late}");
    for lost in [WALLET, TOKEN] {
        let lost = start(route, Some(&lost.to_string()), false).await;
        let ConnectError::Payee(PayeeError::LostPayee(_)) = connect_error(lost) else {
            panic!("not refused")
        };
    }
    let mut other_token = settings(&world, &upstream, route);
    other_token.payee.token = Some(WireAddress(dead.parse().unwrap()));
    let other_token = start_with(other_token, true).await;
    assert!(matches!(other_token, GatewayError::Connect(ConnectError::Token(Some(_)))));
    drop(world);
}

fn connect_error(error: GatewayError) -> ConnectError {
    match error {
        GatewayError::Connect(error) => error,
        other => panic!("{other}"),
    }
}

#[test]
fn settings_that_are_wrong_are_named() {
    let settings = GatewaySettings::parse(EXAMPLE).unwrap();
    assert_eq!((settings.routes.len(), settings.answer_within_s), (2, 20));
    let wrong = |text: &str| {
        let text = format!("upstream = \"http://127.0.0.1:3000\"\n{text}");
        GatewaySettings::parse(&text).err().unwrap()
    };
    assert!(matches!(wrong(""), SettingsError::NothingSold));
    assert!(wrong("[[routes]]\npath = \"/\"\nprice = 1").to_string().contains("price"));
    assert!(wrong("upstrem = \"x\"").to_string().contains("upstrem"));
    assert!(matches!(wrong("[[routes]]\npath = \"a\"\nprice = \"1\""), SettingsError::Path { .. }));
    let clash =
        "[[routes]]\npath = \"/{a}\"\nprice = \"1\"\n[[routes]]\npath = \"/{b}\"\nprice = \"1\"";
    assert!(matches!(wrong(clash), SettingsError::Path { .. }));
    let small = "[[routes]]\npath = \"/\"\nmethods = [\"get\"]\nprice = \"1\"";
    assert!(matches!(wrong(small), SettingsError::Method { .. }));
    let twice = "[[routes]]\npath = \"/\"\nprice = \"1\"\n[[routes]]\npath = \"/\"\nprice = \"2\"";
    assert!(matches!(wrong(twice), SettingsError::Twice { .. }));
    let route = "[[routes]]\npath = \"/a/{x}\"\nprice = \"1000\"";
    // A spelling would be free, or cheap, and it is not said whether the service cares.
    let free = format!("unpriced = \"pass\"\n{route}");
    assert!(matches!(wrong(&free), SettingsError::Spelling { setting: "ignore_case", .. }));
    let cheap = format!("{route}\n[[routes]]\npath = \"/{{*any}}\"\nprice = \"1\"");
    assert!(matches!(wrong(&cheap), SettingsError::Spelling { .. }));
    assert!(matches!(
        wrong(&format!("ignore_case = true\n{cheap}")),
        SettingsError::Spelling { setting: "ignore_trailing_slash", .. }
    ));
    let said = format!(
        "upstream = \"http://x\"\nignore_case = false\nignore_trailing_slash = true\n{cheap}"
    );
    let warned = GatewaySettings::parse(&said).unwrap().warnings();
    assert!(warned.len() == 1 && warned[0].contains("/{*any} costs 1"), "{warned:?}");
    let same = "ignore_case = true\n[[routes]]\npath = \"/a\"\nprice = \"1\"\n[[routes]]\npath = \"/A\"\nprice = \"2\"";
    assert!(matches!(wrong(same), SettingsError::Twice { .. }));
    for origin in ["app.example.com", "https://app.example.com/", "https://a/b", "null", ""] {
        let text = format!("cors_origins = [\"{origin}\"]\n{route}");
        assert!(matches!(wrong(&text), SettingsError::Cors(_)), "{origin}");
    }
    let zero = "0x0000000000000000000000000000000000000000";
    let lost = format!("{route}\n[payee]\naddress = \"{zero}\"");
    assert!(matches!(wrong(&lost), SettingsError::LostPayee(_)));
    let text = "upstream = \"ftp://x\"\n[[routes]]\npath = \"/\"\nprice = \"1\"";
    assert!(matches!(GatewaySettings::parse(text), Err(SettingsError::Upstream(_))));
}

#[tokio::test]
async fn a_payee_that_is_too_dear_for_the_wallet_gets_nothing_signed() {
    let town = Town::new("").await;
    let mut config = town.world.payer_config(1);
    config.limits.tokens.values_mut().for_each(|own| own.per_call = amount(99));
    let payer = aep2_payer::Payer::open(config, aep2_tests::stand_in::secret(1)).unwrap();
    let client = aep2_tests::stand_in::client(payer);
    assert!(matches!(client.get(town.at("dear")).await, Err(PayError::Limit(_))));
    assert_eq!((town.world.ledger.count(), town.service.asked.get()), (0, 0));
}

#[tokio::test]
async fn a_gateway_shows_every_metric_that_an_alert_or_a_dashboard_names() {
    let town = Town::new("").await;
    let shown = reqwest::get(town.admin.join("metrics").unwrap()).await.unwrap();
    let shown = shown.text().await.unwrap();
    assert_eq!(missing(Program::Gateway, &shown), BTreeSet::new());
}
