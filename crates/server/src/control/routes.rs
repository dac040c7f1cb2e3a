//! What is done about each request.

use std::{collections::BTreeMap, process};

use aep2_ledger::{GateReason, LedgerError};
use aep2_processor::{operating::GoOnError, view::ViewError};
use axum::{
    Json, Router,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
};

use super::{
    answers::{Closed, Refused, Resumed, Status, Switched},
    controlled::Controlled,
    requests::{BackupRequest, PauseRequest, ResumeRequest},
};
use crate::backups::{BackupFolder, BackupsError, Copying, Owner, Store, Taken};

pub(super) fn router(controlled: Controlled) -> Router {
    Router::new()
        .route("/v1/status", get(status))
        .route("/v1/pause", post(pause))
        .route("/v1/resume", post(resume))
        .route("/v1/backup", post(backup))
        .with_state(controlled)
}

async fn status(State(own): State<Controlled>) -> Result<Json<Status>, ControlError> {
    let Controlled { processor, version, .. } = own;
    let standing = processor.standing().await?;
    let (readiness, closed) = (processor.readiness(), processor.closed_to_all());
    let is_open = closed.is_empty();
    let mut closed: BTreeMap<GateReason, Closed> =
        closed.into_iter().map(|(reason, record)| (reason, record.into())).collect();
    Ok(Json(Status {
        processor: processor.identity().processor,
        version: version.to_owned(),
        pid: process::id(),
        accepts: readiness.ready && is_open,
        obstacles: readiness.obstacles,
        paused: closed.remove(&GateReason::Paused),
        restored: closed.remove(&GateReason::Restored),
        promised_until: processor.promised_until(),
        standing,
    }))
}

async fn pause(
    State(own): State<Controlled>,
    Json(PauseRequest { by, note }): Json<PauseRequest>,
) -> Result<Json<Switched>, ControlError> {
    let changed = own.processor.pause(by, note).await?;
    Ok(Json(Switched { changed }))
}

async fn resume(
    State(own): State<Controlled>,
    Json(ResumeRequest { at_once }): Json<ResumeRequest>,
) -> Result<Json<Resumed>, ControlError> {
    // What is refused changes nothing.
    let was_restored = own.processor.go_on(at_once).await?;
    let was_paused = own.processor.resume().await?;
    Ok(Json(Resumed { was_paused, was_restored }))
}

async fn backup(
    State(own): State<Controlled>,
    Json(BackupRequest { folder, keep }): Json<BackupRequest>,
) -> Result<Json<Taken>, ControlError> {
    if !folder.is_absolute() {
        let message = "name the folder of backups with its whole path".to_owned();
        return Err(ControlError::Asked(message));
    }
    // It goes on when nobody waits for it any more: half a backup is of no use.
    let taking = tokio::task::spawn_blocking(move || {
        let owner = Owner::from(&own.processor.identity());
        let (at, accepted) = (own.processor.now(), own.processor.accepted());
        let mut backups = BackupFolder::of(&folder, owner)?;
        let mut stores: Vec<(Store, Copying<'_>)> =
            vec![(Store::Ledger, Box::new(|to| own.processor.back_up(to)))];
        // After the ledger: what it says that there is, is there.
        if let Some(evidence) = &own.evidence {
            stores.push((Store::Disputes, Box::new(|to| evidence.back_up(to))));
        }
        if let Some(compliance) = &own.compliance {
            stores.push((Store::Compliance, Box::new(|to| compliance.back_up(to))));
        }
        let taken = backups.take(stores, (at, accepted, own.version))?.clone();
        if let Some(newest) = keep {
            backups.keep(newest)?;
        }
        let (number, folder) = (taken.number, folder.display());
        tracing::info!(number, %folder, accepted, "backed up");
        Ok::<_, BackupsError>(taken)
    });
    match taking.await {
        Ok(taken) => Ok(Json(taken?)),
        Err(error) => Err(ControlError::Internal(error.to_string())),
    }
}

/// Why something is not done.
enum ControlError {
    /// What is asked makes no sense.
    Asked(String),
    /// It is not the time for it.
    Early(GoOnError),
    /// The backups.
    Backups(BackupsError),
    /// The ledger.
    Internal(String),
}

impl From<LedgerError> for ControlError {
    fn from(error: LedgerError) -> Self {
        Self::Internal(error.to_string())
    }
}

impl From<ViewError> for ControlError {
    fn from(error: ViewError) -> Self {
        Self::Internal(error.to_string())
    }
}

impl From<GoOnError> for ControlError {
    fn from(error: GoOnError) -> Self {
        match error {
            GoOnError::Ledger(error) => error.into(),
            early => Self::Early(early),
        }
    }
}

impl From<BackupsError> for ControlError {
    fn from(error: BackupsError) -> Self {
        Self::Backups(error)
    }
}

impl IntoResponse for ControlError {
    fn into_response(self) -> Response {
        let (status, code, message) = match self {
            Self::Asked(message) => (StatusCode::BAD_REQUEST, "malformed", message),
            Self::Early(error) => {
                let message = format!("{error}: docs/operating.md says what `--at-once` costs");
                (StatusCode::CONFLICT, "still_promised", message)
            }
            Self::Backups(error) => {
                (StatusCode::UNPROCESSABLE_ENTITY, "backup_failed", error.to_string())
            }
            Self::Internal(message) => (StatusCode::INTERNAL_SERVER_ERROR, "internal", message),
        };
        (status, Json(Refused { code: code.to_owned(), message })).into_response()
    }
}
