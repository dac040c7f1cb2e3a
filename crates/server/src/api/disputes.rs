//! Disputes: payers object, payees answer, arbiters rule; and the evidence that they name.

use aep2_evidence::{Disputed, EvidenceError, EvidenceStore, Named};
use aep2_ledger::MandateHash;
use aep2_mandate::typed_data::{
    Signed,
    dispute::{EVIDENCE_BYTES_MAX, Evidence, SignedDispute},
    keyed::AnySigner,
    ruling::Ruling,
};
use aep2_processor::{
    Processor,
    dispute::{Dispute, DisputeError, Said},
    view::{DisputeList, DisputeStatus},
};
use alloy::primitives::{B256, keccak256};
use axum::{
    Json,
    body::Bytes,
    extract::{Path, Query, Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use utoipa::IntoParams;

use super::{
    access::reader,
    body,
    error::{ApiError, Code},
    evidence_places::Bringer,
    path, schema,
    state::Api,
};

/// The most bytes of what is signed: text and the names of evidence, with every character escaped.
const STATEMENT_BYTES_MAX: usize = 32 << 10;
/// The most disputes of one answer, and how many there are without being asked for so many.
const LIMIT_MAX: usize = 100;

/// Dispute a mandate.
///
/// Signed by the mandate's key or by its account's owner, within the time and for a reason that the
/// payee's terms agree to. The mandate is held until the arbiter has ruled, or had the time to. Once; the
/// same again gets the same answer.
#[utoipa::path(
    post, path = "/v1/disputes", tag = "disputes",
    request_body = Object,
    responses(
        (status = 201, description = "Opened", body = DisputeStatus),
        (status = 200, description = "Opened before", body = DisputeStatus),
        schema::NotFoundErrors, schema::BodyErrors, schema::DisputeErrors, schema::ServiceErrors,
    )
)]
pub(super) async fn open(State(api): State<Api>, request: Request) -> Result<Response, ApiError> {
    let text = body::json(request, STATEMENT_BYTES_MAX, api.body_within()).await?;
    let said = api.processor().open_dispute(SignedDispute::from_json(text)?).await?;
    let status = if said.again { StatusCode::OK } else { StatusCode::CREATED };
    let shown = shown(&api, said).await?;
    Ok((status, Json(shown)).into_response())
}

/// Answer a dispute.
///
/// Signed by the mandate's payee, once. It decides nothing: the arbiter reads it.
#[utoipa::path(
    post, path = "/v1/disputes/{id}/answer", tag = "disputes",
    params(schema::MandateId),
    request_body = Object,
    responses(
        (status = 200, description = "Noted", body = DisputeStatus),
        schema::NotFoundErrors, schema::BodyErrors, schema::DisputeErrors, schema::ServiceErrors,
    )
)]
pub(super) async fn answer(
    State(api): State<Api>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Json<DisputeStatus>, ApiError> {
    let id = path::mandate(&id)?;
    let text = body::json(request, STATEMENT_BYTES_MAX, api.body_within()).await?;
    let said = api.processor().answer_dispute(id, Signed::from_json(text)?).await?;
    shown(&api, said).await.map(Json)
}

/// Rule on a dispute.
///
/// Signed by the arbiter that the terms and the receipt name, before `decideBy`. The payee gets at most
/// what was ruled, and the mandate settles. The same again gets the same answer.
#[utoipa::path(
    post, path = "/v1/disputes/{id}/ruling", tag = "disputes",
    params(schema::MandateId),
    request_body = Object,
    responses(
        (status = 200, description = "Noted", body = DisputeStatus),
        schema::NotFoundErrors, schema::BodyErrors, schema::DisputeErrors, schema::ServiceErrors,
    )
)]
pub(super) async fn rule(
    State(api): State<Api>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Json<DisputeStatus>, ApiError> {
    let id = path::mandate(&id)?;
    let text = body::json(request, STATEMENT_BYTES_MAX, api.body_within()).await?;
    let ruling = Signed::<Ruling>::from_json(text)?;
    if ruling.message.mandate_id != id.bytes() {
        return Err(ApiError::new(
            Code::Malformed,
            "ruling.mandateId: the ruling is about another mandate than the address",
        ));
    }
    let said = api.processor().rule(ruling).await?;
    shown(&api, said).await.map(Json)
}

/// A dispute.
///
/// For those whom it concerns: payer, payee, arbiter. They say who they are with the header
/// `Authorization: AEP2 …`.
#[utoipa::path(
    get, path = "/v1/disputes/{id}", tag = "disputes",
    params(schema::MandateId),
    responses(
        (status = 200, description = "The dispute", body = DisputeStatus),
        schema::NotFoundErrors, schema::AccessErrors, schema::ServiceErrors,
    )
)]
pub(super) async fn dispute(
    State(api): State<Api>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Json<DisputeStatus>, ApiError> {
    let dispute = concerning(&api, &id, &headers).await?;
    status(&api, dispute).await.map(Json)
}

/// Which disputes.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Page {
    /// Only those with higher numbers.
    #[serde(default)]
    after: u64,
    /// The most, up to 100.
    #[serde(default = "most")]
    #[param(minimum = 1, maximum = 100)]
    limit: usize,
}

fn most() -> usize {
    LIMIT_MAX
}

/// Disputes that concern whoever asks.
///
/// In the order of opening. `next` is the number to ask after next; null where nothing is new.
#[utoipa::path(
    get, path = "/v1/disputes", tag = "disputes",
    params(Page),
    responses(
        (status = 200, description = "Disputes", body = DisputeList),
        schema::NotFoundErrors, schema::AccessErrors, schema::ServiceErrors,
    )
)]
pub(super) async fn disputes(
    State(api): State<Api>,
    Query(Page { after, limit }): Query<Page>,
    headers: HeaderMap,
) -> Result<Json<DisputeList>, ApiError> {
    let evidence = api.evidence().cloned();
    let listed = api.blocking(move |processor| {
        let signer = reader(processor, &headers, None)?;
        let limit = limit.clamp(1, LIMIT_MAX);
        let (found, next) = processor.disputes_of(&signer, after, limit)?;
        let status = |dispute: Dispute| {
            let kept = kept(evidence.as_ref(), dispute.mandate.hash)?;
            Ok(processor.dispute_status(dispute, kept)?)
        };
        let disputes = found.into_iter().map(status).collect::<Result<_, ApiError>>()?;
        Ok::<_, ApiError>(DisputeList { disputes, next })
    });
    listed.await?.map(Json)
}

/// Hand in a piece of evidence.
///
/// The bytes whose hash a party has signed; anybody may bring them. They are kept sealed, and never read
/// here. Whom the dispute concerns may say who it is with the header `Authorization: AEP2 …`: then nobody else takes
/// its places where many hand in at the same time.
#[utoipa::path(
    post, path = "/v1/disputes/{id}/evidence/{hash}", tag = "disputes",
    params(schema::MandateId, ("hash" = String, Path, description = "The keccak-256 hash of the bytes", pattern = "^0x[0-9a-fA-F]{64}$")),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses(
        (status = 200, description = "Kept"),
        schema::NotFoundErrors, schema::EvidenceErrors, schema::ServiceErrors,
    )
)]
pub(super) async fn hand_in(
    State(api): State<Api>,
    Path((id, hash)): Path<(String, String)>,
    request: Request,
) -> Result<StatusCode, ApiError> {
    let (id, hash) = (path::mandate(&id)?, path::mandate(&hash)?.bytes());
    let store = api.evidence().cloned().ok_or_else(none)?;
    // Nothing is read, and no place is taken, for what no party has named: strangers know no hashes.
    let headers = request.headers().clone();
    let (dispute, bringer) =
        api.blocking(move |processor| brought(processor, id, &headers)).await??;
    let size = named(&dispute, hash).map(|(_, piece)| piece.size).max().ok_or_else(|| {
        let message = format!("no party to this dispute has signed evidence with the hash {hash}");
        ApiError::new(Code::EvidenceNotNamed, message)
    })?;
    let most = size.min(EVIDENCE_BYTES_MAX) as usize;
    let (known, looked) = (id.bytes(), store.clone());
    if api.blocking(move |_| looked.has(known, hash)).await?? {
        // Whoever sends the same again and again takes no memory, and no place from others.
        let sent = body::hashed(request, most, api.body_within()).await?;
        return match sent == hash {
            true => Ok(StatusCode::OK),
            false => Err(EvidenceError::OtherBytes { expected: hash, found: sent }.into()),
        };
    }
    // Each may take a mebibyte of memory.
    let _place = api.evidence_place(id.bytes(), bringer).await?;
    let bytes = body::bytes(request, most, api.body_within()).await?;
    // Whoever named the same hash with another size named other bytes, and takes nothing from whoever did not.
    let other = EvidenceError::OtherSize { expected: size, size: bytes.len() as u64 };
    let found = named(&dispute, hash).find(|(_, piece)| piece.size == bytes.len() as u64);
    let (by, piece) = found.ok_or(other)?;
    let named = Named { hash, size: piece.size, media_type: piece.media_type.clone() };
    let (shares, open_until) = (shares(&dispute, by), dispute.record.decide_by);
    let disputed = Disputed { id: id.bytes(), shares, open_until };
    store.put(disputed, named, bytes.into()).await?;
    Ok(StatusCode::OK)
}

/// A piece of evidence.
///
/// For those whom the dispute concerns. As bytes to be saved, whatever a party says that they are.
#[utoipa::path(
    get, path = "/v1/disputes/{id}/evidence/{hash}", tag = "disputes",
    params(schema::MandateId, ("hash" = String, Path, description = "The keccak-256 hash", pattern = "^0x[0-9a-fA-F]{64}$")),
    responses(
        (status = 200, description = "The bytes", body = Vec<u8>, content_type = "application/octet-stream"),
        schema::NotFoundErrors, schema::AccessErrors, schema::ServiceErrors,
    )
)]
pub(super) async fn evidence(
    State(api): State<Api>,
    Path((id, hash)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let dispute = concerning(&api, &id, &headers).await?;
    let (id, hash) = (dispute.mandate.hash.bytes(), path::mandate(&hash)?.bytes());
    let store = api.evidence().cloned().ok_or_else(none)?;
    let (_, bytes) = api.blocking(move |_| store.get(id, hash)).await??;
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream")),
        (header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment")),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ];
    Ok((headers, Bytes::from(bytes)).into_response())
}

/// The dispute, if it concerns whoever asks. To anybody else there is none.
async fn concerning(api: &Api, id: &str, headers: &HeaderMap) -> Result<Dispute, ApiError> {
    let id = path::mandate(id)?;
    let headers = headers.clone();
    let found = api.blocking(move |processor| {
        let signer: AnySigner = reader(processor, &headers, Some(id))?;
        let found = processor.dispute(id)?;
        let concerned = found.map(|dispute| {
            let concerns = processor.concerns(&dispute, &signer)?;
            Ok::<_, ApiError>(concerns.then_some(dispute))
        });
        concerned.transpose().map(Option::flatten)
    });
    found.await??.ok_or_else(|| unknown(id))
}

async fn shown(api: &Api, said: Said) -> Result<DisputeStatus, ApiError> {
    status(api, said.dispute).await
}

async fn status(api: &Api, dispute: Dispute) -> Result<DisputeStatus, ApiError> {
    let evidence = api.evidence().cloned();
    let shown = api.blocking(move |processor| {
        let kept = kept(evidence.as_ref(), dispute.mandate.hash)?;
        Ok::<_, ApiError>(processor.dispute_status(dispute, kept)?)
    });
    shown.await?
}

/// The hashes of the evidence that is kept of a dispute.
fn kept(store: Option<&EvidenceStore>, mandate: MandateHash) -> Result<Vec<B256>, ApiError> {
    let Some(store) = store else { return Ok(Vec::new()) };
    Ok(store.list(mandate.bytes())?.into_iter().map(|piece| piece.hash).collect())
}

/// A party that names evidence.
#[derive(Clone, Copy)]
enum By {
    Payer,
    Payee,
}

/// A dispute, and who hands in evidence of it.
fn brought(
    processor: &Processor,
    id: MandateHash,
    headers: &HeaderMap,
) -> Result<(Dispute, Bringer), ApiError> {
    let dispute = processor.dispute(id)?.ok_or_else(|| unknown(id))?;
    if !headers.contains_key(header::AUTHORIZATION) {
        return Ok((dispute, Bringer::Anybody));
    }
    let signer = reader(processor, headers, Some(id))?;
    let bringer = match processor.concerns(&dispute, &signer)? {
        true => Bringer::from(&signer),
        false => Bringer::Anybody,
    };
    Ok((dispute, bringer))
}

/// The pieces with this hash that a party named, and which party. What the agent named before its owner spoke
/// is evidence still.
fn named(dispute: &Dispute, hash: B256) -> impl Iterator<Item = (By, &Evidence)> {
    let openings = std::iter::once(&dispute.opening).chain(&dispute.agents_opening);
    let payers = openings.flat_map(|opening| &opening.message().evidence);
    let payees = dispute.answer.iter().flat_map(|answer| &answer.message.evidence);
    let pieces = payers.map(|own| (By::Payer, own)).chain(payees.map(|own| (By::Payee, own)));
    pieces.filter(move |(_, piece)| piece.hash == hash)
}

/// In whose room a piece is: its signer's. Payees cost nothing, so what they name is in the room of answers to
/// the account as well: else whoever has one account would have as much room as it has made-up payees.
fn shares(dispute: &Dispute, by: By) -> Vec<B256> {
    let promise = &dispute.mandate.mandate.promise;
    let account = promise.account().get().to_be_bytes();
    let share = |what: &str, whose: &[u8]| keccak256([what.as_bytes(), whose].concat());
    match by {
        By::Payer => vec![share("payer/", &account)],
        By::Payee => {
            vec![share("payee/", promise.payee().as_slice()), share("answers/", &account)]
        }
    }
}

fn unknown(id: MandateHash) -> ApiError {
    ApiError::new(
        Code::UnknownDispute,
        format!("there is no dispute of mandate {id} that concerns you"),
    )
}

/// What is answered where no evidence is kept.
fn none() -> ApiError {
    ApiError::not_found("this processor keeps no evidence: it serves no disputes")
}

impl From<DisputeError> for ApiError {
    fn from(error: DisputeError) -> Self {
        Self::coded(error.code(), &error)
    }
}

impl From<EvidenceError> for ApiError {
    fn from(error: EvidenceError) -> Self {
        let code = match &error {
            EvidenceError::TooLarge { .. } => Code::TooLarge,
            EvidenceError::Empty
            | EvidenceError::MediaType { .. }
            | EvidenceError::OtherSize { .. }
            | EvidenceError::OtherBytes { .. } => Code::EvidenceNotNamed,
            EvidenceError::DisputeFull { .. }
            | EvidenceError::ShareFull { .. }
            | EvidenceError::Full { .. } => Code::EvidenceFull,
            EvidenceError::Unknown { .. } | EvidenceError::Destroyed { .. } => Code::NotFound,
            _ => return Self::internal(&error),
        };
        Self::new(code, error.to_string())
    }
}
