//! A processor's interface of disputes, scripted: it shows what a test tells it to show, and takes rulings
//! as the test says.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard},
    time::{Duration, SystemTime},
};

use aep2_mandate::{
    clock::Clock,
    typed_data::{access::SignedAccess, keyed::AnySigner, ruling::SignedRuling},
};
use aep2_processor_client::dispute_view::{DisputeStatus, DisputeView};
use aep2_x402::purchase::Venue;
use alloy_primitives::{Address, B256};
use axum::{
    Json, Router,
    body::Bytes,
    extract::{Path, Query, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

/// How a value is altered before it is shown.
pub(crate) type Alter = fn(&mut Value);

/// The processor.
#[derive(Clone)]
pub(crate) struct StandIn {
    state: Arc<Mutex<Script>>,
    pub(crate) url: Url,
}

/// What it has, and what it does.
pub(crate) struct Script {
    pub(crate) venue: Venue,
    pub(crate) arbiter: Address,
    pub(crate) clock: Clock,
    /// By how many seconds its own clock is ahead of that.
    pub(crate) ahead_s: i64,
    pub(crate) disputes: Vec<DisputeView>,
    pub(crate) evidence: HashMap<B256, Vec<u8>>,
    /// The rulings that came, each as often as it came.
    pub(crate) rulings: Vec<SignedRuling>,
    /// It does not answer.
    pub(crate) is_down: bool,
    /// It does not take rulings, for this reason.
    pub(crate) refuses: Option<(StatusCode, &'static str)>,
    /// It takes rulings, and its answers are lost.
    pub(crate) loses_answers: bool,
    /// It shows disputes otherwise than they are.
    pub(crate) alter: Option<Alter>,
    /// It does not show this one.
    pub(crate) fails_for: Option<B256>,
    /// It takes a minute to show one.
    pub(crate) is_slow: bool,
    /// How often it was asked for one dispute.
    pub(crate) asked: usize,
}

impl StandIn {
    pub(crate) async fn start(venue: Venue, arbiter: Address, clock: Clock) -> Self {
        let script = Script {
            venue,
            arbiter,
            clock,
            ahead_s: 0,
            disputes: Vec::new(),
            evidence: HashMap::new(),
            rulings: Vec::new(),
            is_down: false,
            refuses: None,
            loses_answers: false,
            alter: None,
            fails_for: None,
            is_slow: false,
            asked: 0,
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/", listener.local_addr().expect("an address"));
        let this = Self { state: Arc::new(Mutex::new(script)), url: url.parse().expect("a URL") };
        let router = Router::new()
            .route("/healthz", get(healthz))
            .route("/v1/disputes", get(list))
            .route("/v1/disputes/{mandate}", get(show))
            .route("/v1/disputes/{mandate}/ruling", post(rule))
            .route("/v1/disputes/{mandate}/evidence/{hash}", get(evidence))
            .with_state(this.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        this
    }

    pub(crate) fn script(&self) -> MutexGuard<'_, Script> {
        self.state.lock().expect("no test panics with it")
    }
}

fn refusal(status: StatusCode, code: &str) -> Response {
    (status, Json(json!({ "error": { "code": code, "message": "as the script says" } })))
        .into_response()
}

impl Script {
    /// Whether the arbiter asks, for this.
    fn may_read(&self, headers: &HeaderMap, about: Option<B256>) -> bool {
        let value = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let json = value.and_then(|value| value.strip_prefix("AEP2 "));
        let json = json.and_then(|text| URL_SAFE_NO_PAD.decode(text).ok());
        let access = json.and_then(|json| SignedAccess::from_json(json).ok());
        let Some(access) = access else { return false };
        let (message, now) = (*access.message(), self.clock.now());
        access.signer(&self.venue.typed_data_domain()) == Some(AnySigner::Address(self.arbiter))
            && message.processor == self.venue.processor
            && (message.about.is_zero() || Some(message.about) == about)
            && message.until >= now
            && message.until.get() <= now.get() + 3_600
    }

    fn shown(&self, view: &DisputeView) -> Value {
        let mut value = serde_json::to_value(view).expect("JSON");
        if let Some(alter) = self.alter {
            alter(&mut value);
        }
        value
    }
}

async fn healthz(State(own): State<StandIn>) -> Response {
    let script = own.script();
    let seconds = script.clock.now().get().saturating_add_signed(script.ahead_s);
    let date = httpdate::fmt_http_date(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
    ([(header::DATE, date)], "alive").into_response()
}

#[derive(Deserialize)]
struct Which {
    after: u64,
    limit: usize,
}

async fn list(
    State(own): State<StandIn>,
    Query(which): Query<Which>,
    headers: HeaderMap,
) -> Response {
    let script = own.script();
    if script.is_down {
        return refusal(StatusCode::SERVICE_UNAVAILABLE, "busy");
    }
    if !script.may_read(&headers, None) {
        return refusal(StatusCode::UNAUTHORIZED, "unauthorized");
    }
    let later = script.disputes.iter().filter(|view| view.number > which.after);
    let page: Vec<_> = later.take(which.limit).collect();
    let last = page.last().map(|view| view.number);
    let more = script.disputes.iter().any(|view| last.is_some_and(|last| view.number > last));
    let shown: Vec<_> = page.into_iter().map(|view| script.shown(view)).collect();
    Json(json!({ "disputes": shown, "next": last.filter(|_| more) })).into_response()
}

async fn show(
    State(own): State<StandIn>,
    Path(mandate): Path<B256>,
    headers: HeaderMap,
) -> Response {
    let is_slow = own.script().is_slow;
    if is_slow {
        tokio::time::sleep(Duration::from_secs(60)).await;
    }
    let mut script = own.script();
    script.asked += 1;
    if script.is_down || script.fails_for == Some(mandate) {
        return refusal(StatusCode::SERVICE_UNAVAILABLE, "busy");
    }
    if !script.may_read(&headers, Some(mandate)) {
        return refusal(StatusCode::UNAUTHORIZED, "unauthorized");
    }
    match script.disputes.iter().find(|view| view.mandate_id.0 == mandate) {
        Some(view) => Json(script.shown(view)).into_response(),
        None => refusal(StatusCode::NOT_FOUND, "not_found"),
    }
}

async fn rule(State(own): State<StandIn>, Path(mandate): Path<B256>, body: Bytes) -> Response {
    let mut script = own.script();
    if script.is_down {
        return refusal(StatusCode::SERVICE_UNAVAILABLE, "busy");
    }
    if let Some((status, code)) = script.refuses {
        return refusal(status, code);
    }
    let ruling = SignedRuling::from_json(&body).expect("a ruling");
    let domain = script.venue.typed_data_domain();
    assert_eq!(ruling.message.mandate_id, mandate);
    ruling.verify(&domain, script.arbiter).expect("the arbiter's");
    script.rulings.push(ruling);
    let (now, loses) = (script.clock.now(), script.loses_answers);
    let view = script.disputes.iter_mut().find(|view| view.mandate_id.0 == mandate);
    let view = view.expect("a dispute");
    if view.ruling.is_some_and(|there| there != ruling) {
        return refusal(StatusCode::CONFLICT, "ruling_conflict");
    }
    view.ruling = Some(ruling);
    view.ruled_at = Some(now);
    view.status = DisputeStatus::Ruled;
    match loses {
        true => refusal(StatusCode::BAD_GATEWAY, "lost"),
        false => Json(view.clone()).into_response(),
    }
}

async fn evidence(
    State(own): State<StandIn>,
    Path((mandate, hash)): Path<(B256, B256)>,
    headers: HeaderMap,
) -> Response {
    let script = own.script();
    if !script.may_read(&headers, Some(mandate)) {
        return refusal(StatusCode::UNAUTHORIZED, "unauthorized");
    }
    match script.evidence.get(&hash) {
        Some(bytes) => bytes.clone().into_response(),
        None => refusal(StatusCode::NOT_FOUND, "not_found"),
    }
}
