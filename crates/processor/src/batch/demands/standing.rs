//! How a demand stands, by the chain and the ledger, and what answers it.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use aep2_chain::{
    captures::CaptureTree,
    inclusion::SettledTransaction,
    wallet::guarantee::{
        CaptureAnswer, RememberedBatch, RulingAnswer, ShownMandate, receipt_within,
    },
};
use aep2_ledger::{
    BatchNumber, IssuedReceipt, LedgerError, MandateHash, MandateView, Status, Step,
};
use aep2_mandate::{
    typed_data::{TypedData, receipt::Receipt},
    units::UnixTime,
};
use alloy::{
    consensus::Transaction as _,
    primitives::{B256, Bytes, TxHash},
    providers::Provider,
};

use super::node::{AnswerError, Node};
use crate::{
    batch::{
        context::{blocking, resume_panic},
        evidence,
    },
    capture, dispute,
};

/// How many batches are kept that were shown before: many mandates are of one.
const KEPT_MAX: usize = 8;

/// A demand, as its event has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Demand {
    /// The mandate that the receipt names.
    pub(super) mandate: MandateHash,
    /// The last second at which it cannot be claimed.
    pub(super) answer_until: UnixTime,
    /// The transaction that demanded it.
    pub(super) transaction: B256,
}

/// How a demand stands.
#[derive(Debug)]
pub(super) enum Standing {
    /// There is no such demand any more: its block was replaced.
    Gone,
    /// Answers and claims cover all that is due.
    Covered {
        /// What the bond paid of it.
        claimed: u128,
    },
    /// There is something to say to it.
    Answerable(Box<Needed>),
    /// There is nothing to show.
    NotSettled {
        /// Whether its mandate may be settled yet.
        live: bool,
    },
}

/// What answers a demand: one of them, or more.
#[derive(Debug)]
pub(super) struct Needed {
    /// That an arbiter left the payee less.
    pub(super) ruling: Option<RulingAnswer>,
    /// That the payee took less.
    pub(super) capture: Option<CaptureAnswer>,
    /// What a batch paid of it.
    pub(super) shown: Option<(Arc<Shown>, ShownMandate)>,
    /// Why there is not more, where that is a fault.
    pub(super) fault: Option<AnswerError>,
}

/// A batch that the wallet remembers, as it is shown.
#[derive(Debug)]
pub(super) struct Shown {
    pub(super) number: BatchNumber,
    pub(super) batch: RememberedBatch,
    tree: CaptureTree,
}

/// Finds out how demands stand.
pub(super) struct Examiner {
    node: Node,
    kept: Mutex<BTreeMap<(BatchNumber, TxHash), Arc<Shown>>>,
}

impl Examiner {
    pub(super) fn new(node: Node) -> Self {
        Self { node, kept: Mutex::default() }
    }

    /// How a demand stands now.
    pub(super) async fn standing(
        &self,
        digest: B256,
        demanded: Demand,
    ) -> Result<Standing, AnswerError> {
        let Node { context, guarantee } = &self.node;
        let kept = self.node.ask("demandOf", guarantee.demand(digest)).await?;
        let Some(kept) = kept else { return Ok(Standing::Gone) };
        let (ledger, mandate) = (Arc::clone(&context.ledger), demanded.mandate);
        let view = reading(move || ledger.mandate(mandate)).await?;
        let view = view.ok_or_else(|| {
            AnswerError::Evidence(
                "the ledger has no such mandate: the ledger was begun anew, or somebody else signs \
                 receipts"
                    .to_owned(),
            )
        })?;
        let receipt = self.receipt(&view, digest, demanded).await?;
        let paid = self.node.ask("paidOf", guarantee.paid(&receipt)).await?;
        let (due, shown, claimed) = (kept.due.get(), paid.shown.get(), paid.claimed.get());
        if due <= shown.saturating_add(claimed) {
            return Ok(Standing::Covered { claimed });
        }

        let mut needed = Needed { ruling: None, capture: None, shown: None, fault: None };
        match self.ruling(&view, receipt, due).await {
            Ok(ruling) => needed.ruling = ruling,
            Err(error) => needed.fault = Some(error),
        }
        match lowering(&view, receipt, due) {
            Ok(capture) => needed.capture = capture.filter(|_| !kept.capture_fixed),
            Err(error) => needed.fault = Some(error),
        }
        if let Status::Settled { batch: Some(number), amount, .. } = view.state.status
            && amount.get() > shown
        {
            match self.shown(number, &view, receipt).await {
                Ok(shown) => needed.shown = Some(shown),
                Err(error) => needed.fault = Some(error),
            }
        }
        match needed {
            Needed { ruling: None, capture: None, shown: None, fault: Some(error) } => Err(error),
            Needed { ruling: None, capture: None, shown: None, fault: None } => {
                Ok(Standing::NotSettled { live: view.state.status.is_live() })
            }
            needed => Ok(Standing::Answerable(Box::new(needed))),
        }
    }

    /// The receipt that was demanded: the ledger's, or another one about the same payment, which a
    /// ledger may have signed that was lost.
    async fn receipt(
        &self,
        view: &MandateView,
        digest: B256,
        demanded: Demand,
    ) -> Result<Receipt, AnswerError> {
        let IssuedReceipt::Proved { receipt: own } = &view.receipt else {
            return Err(AnswerError::Evidence("the mandate is of the direct path".to_owned()));
        };
        let own = own.message;
        let domain = self.node.context.wallet.eip712_domain();
        if own.digest(&domain) == digest {
            return Ok(own);
        }
        let input = self.input(demanded.transaction).await?;
        let id = demanded.mandate.bytes();
        let found = blocking(move || receipt_within(&input, id, digest, &domain)).await;
        let payment = |own: &Receipt| (own.account, own.nonce, own.token, own.payee);
        found
            .map_err(resume_panic)
            .ok()
            .flatten()
            .filter(|found| payment(found) == payment(&own))
            .ok_or_else(|| {
                AnswerError::Evidence(
                    "the receipt is not the ledger's, and about another payment: somebody else \
                     signs receipts"
                        .to_owned(),
                )
            })
    }

    /// What the arbiter of the receipt ruled, if that is less than what is due.
    async fn ruling(
        &self,
        view: &MandateView,
        receipt: Receipt,
        due: u128,
    ) -> Result<Option<RulingAnswer>, AnswerError> {
        if view.state.ruled.is_none_or(|ruled| ruled.get() >= due) {
            return Ok(None);
        }
        let (ledger, mandate) = (Arc::clone(&self.node.context.ledger), view.hash);
        let record = reading(move || ledger.dispute(mandate)).await?;
        let ruled = record.and_then(|record| record.ruling);
        let signed = ruled.as_ref().map(dispute::ruling_of).transpose().map_err(|error| {
            AnswerError::Evidence(format!("the ruling on mandate {mandate} is damaged: {error}"))
        })?;
        Ok(signed.map(|ruling| RulingAnswer { receipt, ruling }))
    }

    async fn input(&self, transaction: TxHash) -> Result<Bytes, AnswerError> {
        let asked = self.node.context.provider.get_transaction_by_hash(transaction);
        let found = self.node.ask("eth_getTransactionByHash", asked).await?;
        let found =
            found.ok_or_else(|| AnswerError::Node(format!("with transaction {transaction}")))?;
        Ok(found.input().clone())
    }

    /// The batch that settled a mandate, as the chain has it, and the mandate's place in it.
    async fn shown(
        &self,
        number: BatchNumber,
        view: &MandateView,
        receipt: Receipt,
    ) -> Result<(Arc<Shown>, ShownMandate), AnswerError> {
        let shown = self.batch(number).await?;
        let leaf = shown.tree.leaf(view.hash.bytes()).ok_or_else(|| {
            AnswerError::Evidence(format!("batch {number} paid nothing of the mandate"))
        })?;
        Ok((shown, ShownMandate { receipt, leaf }))
    }

    async fn batch(&self, number: BatchNumber) -> Result<Arc<Shown>, AnswerError> {
        let fault = |text: &str| AnswerError::Evidence(format!("batch {number} {text}"));
        let context = &self.node.context;
        let ledger = Arc::clone(&context.ledger);
        let record = reading(move || ledger.batch(number)).await?;
        let record = record.ok_or_else(|| fault("is not in the ledger"))?;
        let (Step::Confirmed { transaction, .. } | Step::Final { transaction, .. }) = record.step
        else {
            return Err(AnswerError::Behind(number));
        };
        let key = (number, transaction);
        if let Some(kept) = self.kept().get(&key) {
            return Ok(Arc::clone(kept));
        }
        let ledger = Arc::clone(&context.ledger);
        let view = reading(move || ledger.batch_view(number)).await?;
        let view = view.ok_or_else(|| fault("is not in the ledger"))?;
        let read = SettledTransaction::read(&context.provider, context.wallet, transaction);
        let read = tokio::time::timeout(context.request_timeout * 3, read).await;
        let read = read.map_err(|_| AnswerError::Node("about a settlement in time".to_owned()))?;
        let settled = read?.batch;
        let remembered =
            settled.remembered.ok_or_else(|| fault("is not remembered by the wallet"))?;
        let payouts = evidence::paid(&settled.payouts);
        let tree = evidence::tree(&payouts, &view.members)
            .map_err(|error| AnswerError::Evidence(format!("batch {number}: {error}")))?;
        if tree.root() != remembered.captures {
            return Err(fault("is not the one that settled"));
        }
        let batch = RememberedBatch {
            processor: settled.processor,
            place: remembered.place,
            token: settled.token,
            captures: remembered.captures,
            payouts,
        };
        let shown = Arc::new(Shown { number, batch, tree });
        let mut kept = self.kept();
        if kept.len() >= KEPT_MAX {
            kept.pop_first();
        }
        kept.insert(key, Arc::clone(&shown));
        Ok(shown)
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, BTreeMap<(BatchNumber, TxHash), Arc<Shown>>> {
        // Nothing panics while it is held.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What its payee signed that it takes of a mandate, if that is less than what is due.
fn lowering(
    view: &MandateView,
    receipt: Receipt,
    due: u128,
) -> Result<Option<CaptureAnswer>, AnswerError> {
    let signed = view.capture.as_ref().map(capture::signed_of).transpose();
    let signed = signed.map_err(|error| {
        AnswerError::Evidence(format!("the capture of mandate {} is damaged: {error}", view.hash))
    })?;
    let signed = signed.filter(|signed| signed.message.amount.get() < due);
    Ok(signed.map(|capture| CaptureAnswer { receipt, capture }))
}

/// Reads the ledger without holding up the runtime.
async fn reading<T: Send + 'static>(
    read: impl FnOnce() -> Result<T, LedgerError> + Send + 'static,
) -> Result<T, AnswerError> {
    match blocking(read).await.map_err(resume_panic) {
        Ok(read) => Ok(read?),
        Err(error) => Err(AnswerError::Evidence(error.to_string())),
    }
}
