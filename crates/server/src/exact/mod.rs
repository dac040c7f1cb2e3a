//! x402's scheme `exact`, beside `aep2`: a payer signs an EIP-3009 transfer, and it is sent at once, in
//! a transaction of its own.
//!
//! What a payment must be is checked by the crates of x402-rs. Of what they know, this takes EIP-3009 by
//! tokens that the processor accepts; not Permit2, and not wallets that have yet to be deployed
//! (EIP-6492), both of which have other contracts called.
//!
//! An authorization is settled once, and whoever asks later is refused: payees that remember nothing
//! take a success for leave to serve. But a success that nobody heard of, because a block took longer
//! than the request could wait, is kept for the next who sends the same payment.

mod sending;

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use aep2_chain::error::ChainError;
use aep2_mandate::units::ChainId;
use alloy::{
    primitives::{Address, B256, TxHash, hex, keccak256},
    providers::{DynProvider, Provider},
    signers::local::PrivateKeySigner,
};
use thiserror::Error;
use tokio::{sync::Mutex as AsyncMutex, task::JoinHandle};
use x402_chain_eip155::{
    chain::Eip155MetaTransactionProvider,
    v1_eip155_exact::{Eip155ExactError, settle_payment, verify_payment},
    v2_eip155_exact::{
        Eip3009PaymentPayload, Eip3009PaymentRequirements,
        eip3009::{assert_requirements_match, assert_valid_payment},
    },
};
use x402_types::proto::{PaymentVerificationError, v2};

use self::sending::{GasLimits, Sending};
use crate::settings::Settings;

/// What a payee asks to have verified or settled.
pub(crate) type Request = v2::VerifyRequest<Eip3009PaymentPayload, Eip3009PaymentRequirements>;

/// The end of signatures by wallets that have yet to be deployed (EIP-6492).
const UNDEPLOYED: [u8; 32] =
    hex!("6492649264926492649264926492649264926492649264926492649264926492");

/// How many settlements may be on their way or unheard of.
const UNHEARD_MAX: usize = 1_024;
/// How long an outcome waits to be heard of.
const UNHEARD_KEPT: Duration = Duration::from_secs(3_600);
/// How long a transaction is waited for. Authorizations rarely live longer, and when one has expired
/// its transaction does nothing.
const BLOCK_WAIT_MAX: Duration = Duration::from_secs(3_600);

/// Why a payment is not taken.
#[derive(Clone, Debug, Error)]
pub(crate) enum ExactError {
    /// It does not pay what is asked, or cannot.
    #[error("{message}")]
    Refused {
        /// x402's code.
        reason: &'static str,
        /// In words.
        message: String,
    },
    /// The same payment is being settled for somebody else.
    #[error("the same payment is being settled")]
    InProgress,
    /// Too much is on its way.
    #[error("too many payments are being settled; send it again later")]
    Busy,
    /// The node does not answer, gas costs too much, or something broke.
    #[error("{0}")]
    Failed(String),
}

impl ExactError {
    fn refused(reason: &'static str, message: impl Into<String>) -> Self {
        Self::Refused { reason, message: message.into() }
    }
}

impl From<Eip155ExactError> for ExactError {
    fn from(error: Eip155ExactError) -> Self {
        match error {
            Eip155ExactError::PaymentVerification(error) => error.into(),
            Eip155ExactError::Transport(error) => match ChainError::from(error) {
                ChainError::Reverted(why) => {
                    Self::refused("invalid_transaction_state", why.to_string())
                }
                other => Self::Failed(other.to_string()),
            },
            Eip155ExactError::TransactionReverted(_) => {
                Self::refused("invalid_transaction_state", error.to_string())
            }
            other => Self::Failed(other.to_string()),
        }
    }
}

impl From<PaymentVerificationError> for ExactError {
    /// By the names of x402's specification, where it has them; x402-rs says them otherwise.
    fn from(error: PaymentVerificationError) -> Self {
        use PaymentVerificationError as E;
        let reason = match &error {
            E::InvalidFormat(_) => "invalid_payload",
            E::InvalidPaymentAmount => "invalid_exact_evm_payload_authorization_value",
            E::Early => "invalid_exact_evm_payload_authorization_valid_after",
            E::Expired => "invalid_exact_evm_payload_authorization_valid_before",
            E::ChainIdMismatch | E::UnsupportedChain => "invalid_network",
            E::RecipientMismatch => "invalid_exact_evm_payload_recipient_mismatch",
            E::InsufficientFunds | E::InsufficientAllowance => "insufficient_funds",
            E::InvalidSignature(_) => "invalid_exact_evm_payload_signature",
            E::TransactionSimulation(_) => "invalid_transaction_state",
            E::UnsupportedScheme => "unsupported_scheme",
            E::AssetMismatch | E::AcceptedRequirementsMismatch => "invalid_payment_requirements",
        };
        Self::refused(reason, error.to_string())
    }
}

/// A payment that is on the chain.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settled {
    pub(crate) payer: Address,
    pub(crate) transaction: TxHash,
}

type Outcome = Result<Settled, ExactError>;

/// What a token takes once: by itself, from whom, with which nonce. Written otherwise it is the same one,
/// and would be sent for nothing.
type Authorization = (Address, Address, B256);

/// A settlement that runs whether or not anybody waits for it, or has ended unheard.
#[derive(Clone)]
struct Unheard {
    since: Instant,
    /// See [`fingerprint`].
    payment: B256,
    /// Nothing when it was heard of.
    outcome: Arc<AsyncMutex<Option<JoinHandle<Outcome>>>>,
}

impl Unheard {
    /// Whether nobody can be expected to ask any more.
    fn is_stale(&self) -> bool {
        let ended = self
            .outcome
            .try_lock()
            .is_ok_and(|outcome| outcome.as_ref().is_none_or(JoinHandle::is_finished));
        ended && self.since.elapsed() > UNHEARD_KEPT
    }
}

/// The facilitator of `exact`. Clones are the same one.
#[derive(Clone)]
pub struct Exact(Arc<Inner>);

struct Inner {
    sending: Sending,
    unheard: Mutex<HashMap<Authorization, Unheard>>,
}

impl Exact {
    /// Settles in these tokens, with gas that `key` pays for: a key that nothing else sends with, the
    /// processor least of all.
    pub fn new(
        provider: DynProvider,
        chain: ChainId,
        key: PrivateKeySigner,
        tokens: BTreeSet<Address>,
        settings: &Settings,
    ) -> Self {
        const GWEI: u128 = 1_000_000_000;
        // How often a transaction is looked for.
        provider.client().set_poll_interval(settings.chain.poll_every());
        let limits = GasLimits {
            gas_max: settings.exact.gas_max,
            fee_cap: u128::from(settings.chain.fee_cap_gwei) * GWEI,
        };
        let sending = Sending::new(provider, chain.get(), key, tokens, limits, BLOCK_WAIT_MAX);
        Self(Arc::new(Inner { sending, unheard: Mutex::default() }))
    }

    /// Who pays for gas.
    pub fn signer(&self) -> Address {
        self.0.sending.key()
    }

    /// Whether a payment would be settled now. Who pays.
    pub(crate) async fn verify(&self, request: &Request) -> Result<Address, ExactError> {
        self.0.verify(request).await
    }

    /// Settles a payment. Dropped before its end, it goes on, and the same payment finds out how it
    /// ended.
    pub(crate) async fn settle(&self, request: Request) -> Outcome {
        let own = &request.payment_payload.payload.authorization;
        let id = (request.payment_requirements.asset.0, own.from, own.nonce);
        let unheard = self.unheard_of(id, request)?;
        let mut outcome = unheard.outcome.try_lock().map_err(|_| ExactError::InProgress)?;
        let settled = outcome.as_mut().ok_or(ExactError::InProgress)?.await;
        // Heard of from here on, also by whoever found it before it was taken out.
        *outcome = None;
        self.0.unheard().remove(&id);
        settled.unwrap_or_else(|error| {
            tracing::error!(%error, "a settlement was not carried to its end");
            Err(ExactError::Failed("something broke".to_owned()))
        })
    }

    /// The settlement of this payment, begun if need be.
    fn unheard_of(&self, id: Authorization, request: Request) -> Result<Unheard, ExactError> {
        let payment = fingerprint(&request);
        let mut all = self.0.unheard();
        if let Some(unheard) = all.get(&id) {
            let same = unheard.payment == payment;
            return same.then(|| unheard.clone()).ok_or(ExactError::InProgress);
        }
        if all.len() >= UNHEARD_MAX {
            all.retain(|_, unheard| !unheard.is_stale());
        }
        if all.len() >= UNHEARD_MAX {
            return Err(ExactError::Busy);
        }
        let inner = self.0.clone();
        let outcome = tokio::spawn(async move { inner.settle(&request).await });
        let outcome = Arc::new(AsyncMutex::new(Some(outcome)));
        let unheard = Unheard { since: Instant::now(), payment, outcome };
        all.insert(id, unheard.clone());
        Ok(unheard)
    }
}

impl Inner {
    fn unheard(&self) -> MutexGuard<'_, HashMap<Authorization, Unheard>> {
        // Nothing here panics halfway through a change.
        self.unheard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the crates do not check: they take more than is asked, and any token.
    fn check(&self, request: &Request) -> Result<(), ExactError> {
        let (payment, terms) = (&request.payment_payload, &request.payment_requirements);
        assert_requirements_match(&payment.accepted, terms)?;
        if !self.sending.accepts(terms.asset.0) {
            let words = format!("the token {} is not accepted here", terms.asset);
            return Err(ExactError::refused("invalid_payment_requirements", words));
        }
        if payment.payload.signature.ends_with(&UNDEPLOYED) {
            let words = "a wallet that is not deployed yet cannot pay here".to_owned();
            return Err(PaymentVerificationError::InvalidSignature(words).into());
        }
        if payment.payload.authorization.value != terms.amount {
            return Err(PaymentVerificationError::InvalidPaymentAmount.into());
        }
        Ok(())
    }

    async fn verify(&self, request: &Request) -> Result<Address, ExactError> {
        self.check(request)?;
        let (chain, node) = (self.sending.chain(), self.sending.inner());
        let Request { payment_payload: payment, payment_requirements: terms, .. } = request;
        let (token, payment, domain) =
            assert_valid_payment(node, chain, terms, &payment.payload).await?;
        Ok(verify_payment(node, &token, &payment, &domain).await?)
    }

    async fn settle(&self, request: &Request) -> Outcome {
        self.check(request)?;
        let (chain, node) = (self.sending.chain(), self.sending.inner());
        let Request { payment_payload: payment, payment_requirements: terms, .. } = request;
        let (token, payment, domain) =
            assert_valid_payment(node, chain, terms, &payment.payload).await?;
        // Tried out once more before it is sent: see `Sending`.
        let transaction = settle_payment(&self.sending, &token, &payment, &domain).await?;
        tracing::debug!(payer = %payment.from, %transaction, "settled at once");
        Ok(Settled { payer: payment.from, transaction })
    }
}

/// All of a payment that counts, as one number.
fn fingerprint(request: &Request) -> B256 {
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
