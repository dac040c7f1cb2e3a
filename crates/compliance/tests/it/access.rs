//! The officers' interface: whoever has no token, another's, or less of a role.

use aep2_compliance::{
    api::{Context, router},
    officers::{self, Officer, Role},
    settings::Started,
    subject::Subject,
};
use axum::{
    Router,
    body::{Body, to_bytes},
    http::{Request, StatusCode, header},
};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::support::{OWNER, Running, World, until_holds};

struct Desk {
    router: Router,
    ada: String,
    bob: String,
    eve: String,
    _running: Running,
}

impl Desk {
    fn new(world: &World) -> Self {
        let running = world.run();
        let compliance = running.compliance.clone();
        let (ada, of_ada) = officers::new_token();
        let (bob, of_bob) = officers::new_token();
        let (eve, of_eve) = officers::new_token();
        let officer =
            |name: &str, role, token_sha256| Officer { name: name.to_owned(), role, token_sha256 };
        let all = vec![
            officer("ada", Role::Officer, of_ada),
            officer("bob", Role::Officer, of_bob),
            officer("eve", Role::Reader, of_eve),
        ];
        let started = Started { compliance, lists: None, attestations: None };
        Self { router: router(Context::new(&started, all)), ada, bob, eve, _running: running }
    }

    async fn ask(
        &self,
        token: Option<&str>,
        (method, path): (&str, &str),
        body: Option<Value>,
    ) -> (StatusCode, Value) {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(token) = token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        let body = match body {
            Some(body) => {
                request = request.header(header::CONTENT_TYPE, "application/json");
                Body::from(body.to_string())
            }
            None => Body::empty(),
        };
        let answer = self.router.clone().oneshot(request.body(body).unwrap()).await.unwrap();
        let status = answer.status();
        let bytes = to_bytes(answer.into_body(), usize::MAX).await.unwrap();
        (status, serde_json::from_slice(&bytes).unwrap_or_default())
    }
}

#[tokio::test]
async fn without_a_token_nothing_is_shown_or_done() {
    let world = World::of_list();
    let desk = Desk::new(&world);
    let case = json!({ "subject": Subject::Payer(OWNER) });
    for (token, path, body) in [
        (None, ("GET", "/v1/status"), None),
        (None, ("GET", "/v1/cases"), None),
        (None, ("GET", "/v1/records"), None),
        (None, ("GET", "/v1/travel-rule"), None),
        (Some("aep2_officer_guessed"), ("GET", "/v1/blocked"), None),
        (Some(""), ("POST", "/v1/cases"), Some(case)),
    ] {
        let (status, body) = desk.ask(token, path, body).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{path:?}");
        assert_eq!(body["error"]["code"], "unauthorized");
    }
}

#[tokio::test]
async fn a_reader_looks_and_decides_nothing() {
    let world = World::of_list();
    let desk = Desk::new(&world);
    let (status, _) = desk.ask(Some(&desk.eve), ("GET", "/v1/status"), None).await;
    assert_eq!(status, StatusCode::OK);
    let case = json!({ "subject": Subject::Payer(OWNER) });
    let evidence = format!("/v1/evidence/0x{}", "11".repeat(32));
    for (path, body) in [
        (("POST", "/v1/cases"), Some(case)),
        (("GET", evidence.as_str()), None),
        (("DELETE", evidence.as_str()), None),
        (("GET", "/v1/travel-rule"), None),
    ] {
        let (status, _) = desk.ask(Some(&desk.eve), path, body).await;
        assert_eq!(status, StatusCode::FORBIDDEN, "{path:?}");
    }
}

#[tokio::test]
async fn two_officers_let_somebody_pay_who_is_on_a_list() {
    let world = World::of_list();
    let payer = Subject::Payer(OWNER);
    world.list.deny(payer);
    let desk = Desk::new(&world);
    let (status, case) =
        desk.ask(Some(&desk.ada), ("POST", "/v1/cases"), Some(json!({ "subject": payer }))).await;
    assert_eq!(status, StatusCode::OK, "{case}");
    let until = world.clock.now().get() + 1_000;
    let decision = |version: u64, why: &str| json!({ "version": version, "serve": true, "until": until, "why": why });
    let path = ("POST", "/v1/cases/1/decision");
    let (status, refused) = desk.ask(Some(&desk.ada), path, Some(decision(1, " "))).await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "without a reason: {refused}");
    let (_, proposed) = desk.ask(Some(&desk.ada), path, Some(decision(1, "a namesake"))).await;
    assert_eq!(proposed["state"]["state"], "proposed", "{proposed}");
    let (status, same) = desk.ask(Some(&desk.ada), path, Some(decision(2, "again"))).await;
    assert_eq!((status, &same["error"]["code"]), (StatusCode::CONFLICT, &json!("same_officer")));
    let (_, decided) = desk.ask(Some(&desk.bob), path, Some(decision(2, "I agree"))).await;
    assert_eq!(decided["state"]["state"], "decided", "{decided}");
    let compliance = &desk._running.compliance;
    until_holds("served", || compliance.admit(&world.payment(1)).is_ok()).await;

    let (_, shown) = desk.ask(Some(&desk.eve), ("GET", "/v1/cases/1"), None).await;
    assert_eq!(shown["subject"]["decision"]["decision"], "clear", "{shown}");
}

#[tokio::test]
async fn a_freeze_is_not_made_by_mistake() {
    let world = World::of_list();
    let desk = Desk::new(&world);
    let mandate = format!("0x{}", "07".repeat(32));
    let body = |sure: bool| json!({ "mandate": mandate, "why": "a court's order", "break_the_promise": sure });
    let path = ("POST", "/v1/freezes");
    let (status, refused) = desk.ask(Some(&desk.ada), path, Some(body(false))).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    let message = refused["error"]["message"].as_str().unwrap();
    assert!(message.contains("bond"), "it says what it costs: {message}");
}

#[test]
fn two_officers_of_one_token_would_be_one() {
    let (_, hash) = officers::new_token();
    let officer =
        |name: &str| Officer { name: name.to_owned(), role: Role::Officer, token_sha256: hash };
    assert!(officers::check(&[officer("ada"), officer("bob")]).is_err());
    assert!(officers::check(&[officer("")]).is_err());
    assert!(officers::check(&[officer("ada\n")]).is_err());
    assert!(officers::check(&[officer("ada")]).is_ok());
}
