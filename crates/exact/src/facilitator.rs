//! Verifying payments and settling them.
//!
//! An authorization is settled once, and whoever asks later is refused: payees that remember nothing
//! take a success for leave to serve. But a success that nobody was told of, because a block took longer
//! than the request could wait, is kept for the next who sends the same payment.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use aep2_mandate::units::ChainId;
use alloy::{
    primitives::{Address, B256, TxHash, keccak256},
    providers::{DynProvider, Provider},
    signers::local::PrivateKeySigner,
};
use tokio::{sync::Mutex as AsyncMutex, task::JoinHandle};

use crate::{
    error::ExactError,
    relayer::{GasLimits, Relayer},
    transfer::{PaymentRequest, Transfer},
};

/// How many settlements may be pending: on their way, or ended and not told to anybody.
const PENDING_MAX: usize = 1_024;
/// How long an outcome is kept for somebody to ask.
const OUTCOME_KEPT: Duration = Duration::from_secs(3_600);
/// How long a transaction is waited for. Authorizations rarely live longer, and when one has expired
/// its transaction does nothing.
const BLOCK_WAIT_MAX: Duration = Duration::from_secs(3_600);

/// A payment that is on the chain.
#[derive(Clone, Copy, Debug)]
pub struct Settled {
    /// Who paid.
    pub payer: Address,
    /// The transfer's transaction.
    pub transaction: TxHash,
}

type Outcome = Result<Settled, ExactError>;

/// What a token takes once: by itself, from whom, with which nonce. Written otherwise it is the same one,
/// and would be sent for nothing.
type Authorization = (Address, Address, B256);

/// A settlement that runs whether or not anybody waits for it, or has ended and nobody was told.
#[derive(Clone)]
struct Pending {
    since: Instant,
    /// See [`fingerprint`].
    payment: B256,
    /// Nothing once it was told.
    outcome: Arc<AsyncMutex<Option<JoinHandle<Outcome>>>>,
}

impl Pending {
    /// Whether nobody can be expected to ask any more.
    fn is_stale(&self) -> bool {
        let ended = self
            .outcome
            .try_lock()
            .is_ok_and(|outcome| outcome.as_ref().is_none_or(JoinHandle::is_finished));
        ended && self.since.elapsed() > OUTCOME_KEPT
    }
}

/// What a facilitator settles, and within which limits.
#[derive(Clone, Debug)]
pub struct ExactConfig {
    /// The chain that the provider reaches.
    pub chain_id: ChainId,
    /// The tokens whose transfers are sent. Nothing else is called.
    pub tokens: BTreeSet<Address>,
    /// The most gas that one transfer may take.
    pub gas_max: u64,
    /// The most wei that is paid for one gas, the base fee included.
    pub fee_cap: u128,
    /// How often a transaction is looked for.
    pub poll_interval: Duration,
}

/// A facilitator. Clones are the same one.
#[derive(Clone)]
pub struct ExactFacilitator(Arc<Inner>);

struct Inner {
    chain_id: ChainId,
    relayer: Relayer,
    pending: Mutex<HashMap<Authorization, Pending>>,
}

impl ExactFacilitator {
    /// A facilitator over a provider. `key` pays for gas: a key that nothing else sends with, the
    /// processor least of all.
    pub fn new(provider: DynProvider, key: PrivateKeySigner, config: ExactConfig) -> Self {
        let ExactConfig { chain_id, tokens, gas_max, fee_cap, poll_interval } = config;
        provider.client().set_poll_interval(poll_interval);
        let limits = GasLimits { gas_max, fee_cap };
        let relayer = Relayer::new(provider, key, tokens, limits, BLOCK_WAIT_MAX);
        Self(Arc::new(Inner { chain_id, relayer, pending: Mutex::default() }))
    }

    /// Who pays for gas.
    pub fn signer(&self) -> Address {
        self.0.relayer.key()
    }

    /// Whether a payment would be settled now. Who pays.
    ///
    /// # Errors
    /// When it would not, or the node does not answer.
    pub async fn verify(&self, request: &PaymentRequest) -> Result<Address, ExactError> {
        self.0.verify(request).await
    }

    /// Settles a payment. Dropped before its end, it goes on, and the same payment finds out how it
    /// ended.
    ///
    /// # Errors
    /// When it is refused, is being settled for somebody else, or could not be sent.
    pub async fn settle(&self, request: PaymentRequest) -> Result<Settled, ExactError> {
        let own = &request.payment_payload.payload.authorization;
        let id = (request.payment_requirements.asset.0, own.from, own.nonce);
        let pending = self.begin_or_join(id, request)?;
        let mut outcome = pending.outcome.try_lock().map_err(|_| ExactError::InProgress)?;
        let settled = outcome.as_mut().ok_or(ExactError::InProgress)?.await;
        // Told from here on, also to whoever found it before it was taken out.
        *outcome = None;
        self.0.pending().remove(&id);
        settled.unwrap_or_else(|error| {
            tracing::error!(%error, "a settlement was not carried to its end");
            Err(ExactError::Failed("something broke".to_owned()))
        })
    }

    /// The settlement of this payment, begun if need be.
    fn begin_or_join(
        &self,
        id: Authorization,
        request: PaymentRequest,
    ) -> Result<Pending, ExactError> {
        let payment = fingerprint(&request);
        let mut all = self.0.pending();
        if let Some(pending) = all.get(&id) {
            let same = pending.payment == payment;
            return same.then(|| pending.clone()).ok_or(ExactError::InProgress);
        }
        if all.len() >= PENDING_MAX {
            all.retain(|_, pending| !pending.is_stale());
        }
        if all.len() >= PENDING_MAX {
            return Err(ExactError::Busy);
        }
        let inner = self.0.clone();
        let outcome = tokio::spawn(async move { inner.settle(&request).await });
        let outcome = Arc::new(AsyncMutex::new(Some(outcome)));
        let pending = Pending { since: Instant::now(), payment, outcome };
        all.insert(id, pending.clone());
        Ok(pending)
    }
}

impl Inner {
    fn pending(&self) -> MutexGuard<'_, HashMap<Authorization, Pending>> {
        // Nothing here panics halfway through a change.
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The transfer that a request is for, which the payer has the tokens for.
    async fn transfer(&self, request: &PaymentRequest) -> Result<Transfer, ExactError> {
        let transfer = Transfer::read(request, self.chain_id, self.relayer.tokens())?;
        transfer.check_balance(self.relayer.node()).await?;
        Ok(transfer)
    }

    async fn verify(&self, request: &PaymentRequest) -> Result<Address, ExactError> {
        let transfer = self.transfer(request).await?;
        transfer.try_out(self.relayer.node()).await?;
        Ok(transfer.payer)
    }

    async fn settle(&self, request: &PaymentRequest) -> Outcome {
        let transfer = self.transfer(request).await?;
        // Tried out before it is sent: see [`Relayer`].
        let transaction = self.relayer.send(&transfer.call).await?;
        tracing::debug!(payer = %transfer.payer, %transaction, "settled at once");
        Ok(Settled { payer: transfer.payer, transaction })
    }
}

/// All of a payment that counts, as one number.
fn fingerprint(request: &PaymentRequest) -> B256 {
    let (terms, payment) = (&request.payment_requirements, &request.payment_payload.payload);
    let own = &payment.authorization;
    let text = format!(
        "{} {} {:?} {} {} {} {} {} {} {}",
        terms.network,
        terms.asset,
        terms.extra,
        own.from,
        own.to,
        own.value,
        own.valid_after.as_secs(),
        own.valid_before.as_secs(),
        own.nonce,
        payment.signature,
    );
    keccak256(text)
}
