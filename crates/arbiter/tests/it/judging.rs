//! That somebody decides who may not, alone what takes two, on what they did not see, or more than is owed.

use std::net::SocketAddr;

use aep2_arbiter::{
    Arbiter, ArbiterError, Decide,
    api::{self, Context},
    case::{Case, CaseState},
    judges::{Judge, Role, new_token},
    settings::ArbiterSettings,
};
use alloy_primitives::B256;
use axum::{
    Router,
    body::{Body, to_bytes},
    http::{HeaderMap, Method, Request, StatusCode, header},
};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::support::{Payment, TOKEN, World, amount, count, decided, later};

/// A case that its payee contests, so that judges decide.
async fn contested(world: &World) -> (Arbiter, Case) {
    let arbiter = world.open();
    world.dispute(&Payment::default());
    world.turned(&arbiter).await;
    world.answer(1, 1_000, Vec::new());
    world.turned(&arbiter).await;
    let case = arbiter.case(1).expect("a case");
    (arbiter, case)
}

fn decide(case: &Case, captured: u128, judge: &str) -> Decide {
    Decide {
        number: case.number,
        version: case.version,
        captured: amount(captured),
        why: "the answer is empty".to_owned(),
        judge: judge.to_owned(),
    }
}

/// The code of what a judge is told.
async fn refused(arbiter: &Arbiter, decide: Decide) -> &'static str {
    arbiter.judge(decide).await.expect_err("refused").code()
}

#[tokio::test]
async fn a_judges_decision_is_delivered_and_its_words_are_kept() {
    let world = World::begin().await;
    let (arbiter, case) = contested(&world).await;
    arbiter.judge(decide(&case, 250, "ann")).await.expect("decided");
    world.turned(&arbiter).await;
    assert_eq!(decided(&arbiter.case(1).expect("a case")), ("ann".to_owned(), 250, true));
    let file = arbiter.file(1).expect("a file");
    assert_eq!((&*file.words[0].by, &*file.words[0].text), ("ann", "the answer is empty"));
    let again = arbiter.judge(decide(&arbiter.case(1).expect("a case"), 0, "ann")).await;
    assert!(matches!(again, Err(ArbiterError::CaseClosed(1))), "{again:?}");
}

#[tokio::test]
async fn nobody_rules_more_than_is_owed_nor_without_a_reason_nor_too_late() {
    let world = World::begin().await;
    let (arbiter, case) = contested(&world).await;
    assert_eq!(refused(&arbiter, decide(&case, 1_001, "ann")).await, "more_than_owed");
    let silent = Decide { why: " \n".to_owned(), ..decide(&case, 1, "ann") };
    assert_eq!(refused(&arbiter, silent).await, "malformed");
    let long = Decide { why: "x".repeat(9_000), ..decide(&case, 1, "ann") };
    assert_eq!(refused(&arbiter, long).await, "malformed");
    world.wait_until(case.decide_by);
    assert_eq!(refused(&arbiter, decide(&case, 1, "ann")).await, "too_late");
    assert_eq!(count(&arbiter, "case.decided"), 0);
}

#[tokio::test]
async fn nobody_decides_on_what_they_did_not_see() {
    let world = World::begin().await;
    let arbiter = world.open();
    world.dispute(&Payment::default());
    let case = world.first_case(&arbiter).await;
    world.answer(1, 1_000, Vec::new());
    world.turned(&arbiter).await;
    let blind = arbiter.judge(decide(&case, 0, "ann")).await;
    assert!(matches!(blind, Err(ArbiterError::CaseChanged { .. })), "{blind:?}");
}

#[tokio::test]
async fn what_takes_two_judges_is_not_decided_by_one() {
    let mut world = World::begin().await;
    world.config.confirm_above = [(TOKEN, amount(999))].into();
    let (arbiter, case) = contested(&world).await;
    // Giving little to the payee is as much a decision about 1,000 as giving it much.
    let proposed = arbiter.judge(decide(&case, 10, "ann")).await.expect("proposed");
    assert!(matches!(proposed.state, CaseState::Proposed { .. }));
    world.turned(&arbiter).await;
    assert!(world.stand_in.script().rulings.is_empty());
    assert_eq!(refused(&arbiter, decide(&proposed, 10, "ann")).await, "same_judge");
    assert_eq!(refused(&arbiter, decide(&proposed, 11, "bob")).await, "other_decision");
    let rejected = arbiter.reject((1, proposed.version), "bob".to_owned()).await.expect("rejected");
    assert_eq!(rejected.state, CaseState::Open);
    let proposed = arbiter.judge(decide(&rejected, 20, "bob")).await.expect("proposed");
    arbiter.judge(decide(&proposed, 20, "ann")).await.expect("decided");
    world.turned(&arbiter).await;
    assert_eq!(decided(&arbiter.case(1).expect("a case")), ("bob".to_owned(), 20, true));
    for (action, times) in [("case.proposed", 2), ("case.rejected", 1), ("case.decided", 1)] {
        assert_eq!(count(&arbiter, action), times, "{action}");
    }
}

#[tokio::test]
async fn what_one_judge_proposed_and_nobody_confirmed_is_not_decided() {
    let mut world = World::begin().await;
    world.config.confirm_above = [(TOKEN, amount(0))].into();
    let (arbiter, case) = contested(&world).await;
    arbiter.judge(decide(&case, 10, "ann")).await.expect("proposed");
    world.wait_until(later(case.decide_by, -60));
    world.turned(&arbiter).await;
    assert_eq!(decided(&arbiter.case(1).expect("a case")), ("default".to_owned(), 1_000, true));
}

#[tokio::test]
async fn a_proposal_is_not_confirmed_once_the_payee_has_answered() {
    let mut world = World::begin().await;
    world.config.confirm_above = [(TOKEN, amount(0))].into();
    let arbiter = world.open();
    world.dispute(&Payment::default());
    let case = world.first_case(&arbiter).await;
    arbiter.judge(decide(&case, 0, "ann")).await.expect("proposed");
    world.answer(1, 1_000, Vec::new());
    world.turned(&arbiter).await;
    let case = arbiter.case(1).expect("a case");
    let confirmed = arbiter.judge(decide(&case, 0, "bob")).await;
    assert!(matches!(confirmed, Err(ArbiterError::OtherDecision { .. })), "{confirmed:?}");
}

/// The interface, with a judge's and a reader's token.
struct Served {
    router: Router,
    judge: String,
    reader: String,
}

fn serve(arbiter: &Arbiter) -> Served {
    let ((judge, ann), (reader, rob)) = (new_token(), new_token());
    let settings = ArbiterSettings {
        judges: vec![
            Judge { name: "ann".to_owned(), role: Role::Judge, token_sha256: ann },
            Judge { name: "rob".to_owned(), role: Role::Reader, token_sha256: rob },
        ],
        ..ArbiterSettings::default()
    };
    let bound: SocketAddr = ([127, 0, 0, 1], 8406).into();
    let router = api::router(Context::new(arbiter.clone(), &settings, bound));
    Served { router, judge, reader }
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

impl Served {
    async fn send(&self, request: Request<Body>) -> Answer {
        let answer = self.router.clone().oneshot(request).await.expect("an answer");
        let (parts, body) = answer.into_parts();
        let body = to_bytes(body, 1 << 20).await.expect("a body");
        let body = String::from_utf8_lossy(&body).into_owned();
        Answer { status: parts.status, headers: parts.headers, body }
    }

    async fn ask(&self, method: Method, path: &str, token: &str, body: Option<Value>) -> Answer {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::AUTHORIZATION, format!("Bearer {token}"))
            .header(header::CONTENT_TYPE, "application/json");
        let body = body.map_or(Body::empty(), |body| Body::from(body.to_string()));
        self.send(request.body(body).expect("a request")).await
    }

    /// A request of a browser's.
    fn browse(&self, method: Method, path: &str) -> axum::http::request::Builder {
        Request::builder().method(method).uri(path).header(header::HOST, "127.0.0.1:8406")
    }

    /// A form of this page's.
    fn form(&self, path: &str, cookie: &str, form: &str) -> Request<Body> {
        self.browse(Method::POST, path)
            .header("sec-fetch-site", "same-origin")
            .header(header::COOKIE, cookie)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Body::from(form.to_owned()))
            .expect("a request")
    }

    /// Logs in: the cookie, and the session's key.
    async fn log_in(&self) -> (String, String) {
        let answer = self.send(self.form("/login", "", &format!("token={}", self.judge))).await;
        assert_eq!(answer.status, StatusCode::OK);
        let cookie = answer.headers[header::SET_COOKIE].to_str().expect("text");
        let cookie = cookie.split(';').next().expect("a cookie").to_owned();
        let key = answer.body.split("data-key=\"").nth(1).expect("a key");
        (cookie, key[..64].to_owned())
    }
}

#[tokio::test]
async fn a_reader_sees_cases_and_neither_words_nor_evidence_and_decides_nothing() {
    let world = World::begin().await;
    let (arbiter, case) = contested(&world).await;
    let served = serve(&arbiter);
    let decision = json!({ "version": case.version, "captured": "0", "why": "so" });
    let (path, evidence) = ("/v1/cases/1", format!("/v1/cases/1/evidence/{}", B256::ZERO));
    for (token, shown, deciding) in [
        ("", StatusCode::UNAUTHORIZED, StatusCode::UNAUTHORIZED),
        ("aep2_judge_00", StatusCode::UNAUTHORIZED, StatusCode::UNAUTHORIZED),
        (&*served.reader, StatusCode::OK, StatusCode::FORBIDDEN),
    ] {
        for path in [path, "/v1/cases", "/v1/cases?all=true", "/v1/status"] {
            let answer = served.ask(Method::GET, path, token, None).await;
            assert_eq!(answer.status, shown, "{path}");
            assert!(!answer.body.contains("it never came"), "{}", answer.body);
        }
        assert_eq!(served.ask(Method::GET, &evidence, token, None).await.status, deciding);
        for step in ["decision", "rejection"] {
            let path = format!("{path}/{step}");
            let answer = served.ask(Method::POST, &path, token, Some(decision.clone())).await;
            assert_eq!(answer.status, deciding, "{path}");
        }
    }
    let shown = served.ask(Method::GET, path, &served.judge, None).await;
    assert!(shown.body.contains("it never came"), "{}", shown.body);
    let done =
        served.ask(Method::POST, "/v1/cases/1/decision", &served.judge, Some(decision)).await;
    assert_eq!(done.status, StatusCode::OK, "{}", done.body);
    world.turned(&arbiter).await;
    assert_eq!(decided(&arbiter.case(1).expect("a case")), ("ann".to_owned(), 0, true));
}

#[tokio::test]
async fn what_a_party_wrote_is_text_in_the_page_and_evidence_only_a_download() {
    let world = World::begin().await;
    let arbiter = world.open();
    let piece = world.piece(b"<html><script>alert(1)</script></html>");
    let payment = Payment { evidence: vec![piece.clone()], ..Payment::default() };
    world.dispute(&payment);
    world.turned(&arbiter).await;
    let served = serve(&arbiter);
    let (cookie, _) = served.log_in().await;
    let get = |path: &str| {
        let request = served.browse(Method::GET, path).header(header::COOKIE, &cookie);
        request.body(Body::empty()).expect("a request")
    };
    let page = served.send(get("/cases/1")).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(
        page.body.contains("it never came &lt;script&gt;") && !page.body.contains("<script>alert")
    );
    let policy = page.headers[header::CONTENT_SECURITY_POLICY].to_str().expect("text");
    assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"));

    let download = served.send(get(&format!("/cases/1/evidence/{}", piece.hash))).await;
    assert_eq!(download.status, StatusCode::OK);
    assert_eq!(download.headers[header::CONTENT_TYPE], "application/octet-stream");
    let place = download.headers[header::CONTENT_DISPOSITION].to_str().expect("text");
    assert!(place.starts_with("attachment;"), "{place}");
    assert_eq!(download.headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
    let policy = download.headers[header::CONTENT_SECURITY_POLICY].to_str().expect("text");
    assert!(policy.contains("sandbox"), "{policy}");
    assert_eq!(count(&arbiter, "evidence.read"), 1);
    // Nobody without a session.
    let request = served.browse(Method::GET, "/cases/1").body(Body::empty()).expect("a request");
    let page = served.send(request).await;
    assert!(page.status == StatusCode::UNAUTHORIZED && !page.body.contains("it never came"));
}

#[tokio::test]
async fn a_page_elsewhere_decides_nothing_with_a_judges_session() {
    let world = World::begin().await;
    let (arbiter, case) = contested(&world).await;
    let served = serve(&arbiter);
    let (cookie, key) = served.log_in().await;
    let form = format!("key={key}&version={}&captured=0&why=so", case.version);
    let path = "/cases/1/decision";
    let from = |site: &str, host: &str| {
        Request::builder()
            .method(Method::POST)
            .uri(path)
            .header(header::HOST, host)
            .header("sec-fetch-site", site)
            .header(header::COOKIE, &cookie)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Body::from(form.clone()))
            .expect("a request")
    };
    // From another site; by a name that was made to point here; with the cookie alone.
    let own = "127.0.0.1:8406";
    for request in [
        from("cross-site", own),
        from("same-site", own),
        from("same-origin", "evil.example.com"),
        served.form(path, &cookie, &form.replace(&key, "")),
        served.form(path, &cookie, &form.replace(&key, &"0".repeat(64))),
    ] {
        assert_eq!(served.send(request).await.status, StatusCode::FORBIDDEN);
    }
    assert_eq!(served.send(served.form(path, "", &form)).await.status, StatusCode::UNAUTHORIZED);
    assert!(arbiter.case(1).expect("a case").is_open());
    let done = served.send(served.form(path, &cookie, &form)).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.body);
    assert!(!arbiter.case(1).expect("a case").is_open());
    // A reader does not log in.
    let token = format!("token={}", served.reader);
    assert_eq!(
        served.send(served.form("/login", "", &token)).await.status,
        StatusCode::UNAUTHORIZED
    );
}

#[tokio::test]
async fn what_went_wrong_inside_is_not_told() {
    let world = World::begin().await;
    let (arbiter, _) = contested(&world).await;
    let served = serve(&arbiter);
    for (path, status) in [
        ("/v1/cases/99", StatusCode::NOT_FOUND),
        ("/v1/cases/x", StatusCode::BAD_REQUEST),
        ("/v1/cases?limit=x", StatusCode::BAD_REQUEST),
        ("/nowhere", StatusCode::NOT_FOUND),
    ] {
        let answer = served.ask(Method::GET, path, &served.judge, None).await;
        assert_eq!(answer.status, status, "{path}");
        let error: Value = serde_json::from_str(&answer.body).expect("JSON");
        assert!(error["error"]["code"].is_string(), "{path}");
    }
}
