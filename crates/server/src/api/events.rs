//! `GET /v1/events`: what happens, as it happens, as server-sent events.

use std::{convert::Infallible, sync::Arc, time::Duration};

use aep2_http::InFlight;
use axum::{
    extract::State,
    http::{HeaderMap, HeaderName, HeaderValue},
    response::{
        IntoResponse, Response,
        sse::{Event as Sent, KeepAlive, Sse},
    },
};
use futures::stream;
use serde::Serialize;
use tokio::sync::{OwnedSemaphorePermit, watch};
use utoipa::ToSchema;

use super::{
    error::{ApiError, Code, Envelope},
    event_buffer::{EventBuffer, EventId, Read},
    state::Api,
};

/// How often a line comes when nothing happens, so that proxies do not take the connection for dead.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// How long browsers wait before they come back.
const COME_BACK_AFTER: Duration = Duration::from_secs(1);

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// What happens, as it happens.
///
/// Server-sent events. `event` is the kind, `data` an object with the same kind under `event`. A
/// subscriber that reconnects with `Last-Event-ID` gets what it missed, as far as it is kept; where some
/// is not, an event `missed` says so, and what was missed is to be asked for. A line that begins with
/// a colon comes every 15 seconds.
#[utoipa::path(
    get, path = "/v1/events", tag = "events",
    params(("Last-Event-ID" = Option<String>, Header, description = "The id of the last event received")),
    responses(
        (status = 200, description = "Events without end", content_type = "text/event-stream", body = Sendable),
        (status = 400, description = "`malformed`: the id is none", body = Envelope),
        (status = 429, description = "`too_many_requests`: too many are subscribed", body = Envelope),
    )
)]
pub(super) async fn events(
    State(api): State<Api>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let last = headers.get(LAST_EVENT_ID).map(|text| {
        let id = text.to_str().ok().and_then(EventId::parse);
        id.ok_or_else(|| ApiError::new(Code::Malformed, "Last-Event-ID is no id of an event here"))
    });
    let slot = api.subscribers().try_acquire_owned().map_err(|_| {
        ApiError::new(Code::TooManyRequests, "too many are subscribed to events; try again later")
    })?;
    let events = api.events();
    let next = events.after(last.transpose()?);
    let state = EventStream {
        greeted: false,
        next,
        waiting: events.watch(),
        stopping: api.stopping(),
        events,
        _slot: slot,
        _counted: InFlight::new(&api.metrics().subscribers),
    };
    let keep_alive = KeepAlive::new().interval(HEARTBEAT);
    let stream = Sse::new(stream::unfold(state, EventStream::step)).keep_alive(keep_alive);
    // Proxies that collect answers before they pass them on are asked not to.
    let direct = (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    Ok(([direct], stream).into_response())
}

/// An event's data. `event` is its kind; the other fields depend on it.
#[derive(ToSchema)]
#[serde(untagged)]
#[schema(as = EventData)]
#[allow(dead_code, reason = "it describes, and holds nothing")]
enum Sendable {
    Happened(aep2_processor::Event),
    Gap(Gap),
}

/// Events that are not sent.
#[derive(Serialize, ToSchema)]
#[serde(tag = "event", rename_all = "camelCase")]
enum Gap {
    /// Some were missed and are not kept.
    Missed,
}

/// What one subscriber is sent.
struct EventStream {
    greeted: bool,
    next: u64,
    waiting: watch::Receiver<u64>,
    stopping: watch::Receiver<bool>,
    events: Arc<EventBuffer>,
    _slot: OwnedSemaphorePermit,
    _counted: InFlight,
}

impl EventStream {
    async fn step(mut self) -> Option<(Result<Sent, Infallible>, Self)> {
        let sent = self.sent().await?;
        Some((Ok(sent), self))
    }

    /// What is sent next; nothing when the server stops.
    async fn sent(&mut self) -> Option<Sent> {
        if !self.greeted {
            self.greeted = true;
            // With where it begins, so that a subscriber that loses the connection before anything
            // happened misses nothing.
            let before = self.id(self.next.saturating_sub(1));
            return Some(Sent::default().retry(COME_BACK_AFTER).id(before).comment("subscribed"));
        }
        loop {
            // Before reading, so that what comes in between wakes.
            self.waiting.mark_unchanged();
            match self.events.read(self.next) {
                Read::Event(number, event) => {
                    self.next = number + 1;
                    let data = serde_json::to_value(&event).ok()?;
                    let kind = data["event"].as_str().unwrap_or_default().to_owned();
                    let sent = Sent::default().event(kind).id(self.id(number));
                    return sent.json_data(data).ok();
                }
                Read::Missed(next) => {
                    self.next = next;
                    let id = self.id(next.saturating_sub(1));
                    let data = Gap::Missed;
                    return Sent::default().event("missed").id(id).json_data(data).ok();
                }
                Read::Wait => {}
            }
            tokio::select! {
                changed = self.waiting.changed() => changed.ok()?,
                stopping = self.stopping.wait_for(|stopping| *stopping) => {
                    let _ = stopping;
                    return None;
                }
            }
        }
    }

    fn id(&self, number: u64) -> String {
        EventId { run: self.events.run(), number }.to_string()
    }
}
