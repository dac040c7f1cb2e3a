//! Revert data read: as the wallet's errors, as the guarantee's, then as those of what they call, the
//! verifier and the token; then as Solidity's own two. Whatever is none of these is kept as it came.

mod guarantee;

use alloy::{
    primitives::{Bytes, U256},
    sol_types::{Panic, Revert, SolError, SolInterface},
};

use super::{TokenError, VerifierError, WalletError};
use crate::contracts::{
    DebitWallet::{DebitWalletErrors as W, InsufficientBalance, NotAuthorized, PlaceTaken},
    Erc20::Erc20Errors as T,
    Groth16Verifier::Groth16VerifierErrors as G,
    guarantee::Guarantee::GuaranteeErrors as B,
};

impl WalletError {
    /// What revert data says.
    pub fn decode(data: &[u8]) -> Self {
        if data.is_empty() {
            return Self::NoReason;
        }
        if let Ok(error) = W::abi_decode(data) {
            return error.into();
        }
        if let Ok(error) = B::abi_decode(data) {
            return error.into();
        }
        if let Ok(error) = G::abi_decode(data) {
            return Self::Verifier(error.into());
        }
        if let Ok(error) = T::abi_decode(data) {
            return Self::Token(error.into());
        }
        if let Ok(Revert { reason }) = Revert::abi_decode(data) {
            return Self::Message(reason);
        }
        if let Ok(Panic { code }) = Panic::abi_decode(data) {
            return Self::Panic { code };
        }
        Self::Unknown(Bytes::copy_from_slice(data))
    }
}

/// Places in lists: no list on chain is that long.
fn at(word: U256) -> u64 {
    word.saturating_to()
}

impl From<W> for WalletError {
    fn from(error: W) -> Self {
        match error {
            W::NotOwner(e) => Self::NotOwner { account: e.account, caller: e.caller },
            W::UnknownAccount(e) => Self::UnknownAccount { account: e.account },
            W::ProcessorZero(_) => Self::ProcessorZero,
            W::KeyHashOutOfRange(e) => Self::KeyHashOutOfRange { key_hash: e.keyHash },
            W::UnknownVerifierSet(e) => Self::UnknownVerifierSet { verifier_set: e.verifierSet },
            W::VerifiersNotAscending(e) => Self::VerifiersNotAscending { shape: e.shape },
            W::VerifierHasNoCode(e) => Self::VerifierHasNoCode { verifier: e.verifier },
            W::NoVerifiers(_) => Self::NoVerifiers,
            W::NothingPending(_) => Self::NothingPending,
            W::ChangePending(e) => Self::ChangePending { account: e.account },
            W::RecipientRefused(e) => Self::RecipientRefused { to: e.to },
            W::BelowThreshold(e) => {
                Self::BelowThreshold { credit: e.credit, threshold: e.threshold }
            }
            W::TooEarly(e) => Self::TooEarly { available_from: e.availableFrom.to() },
            W::SignatureExpired(e) => Self::SignatureExpired { deadline: e.deadline },
            W::BadSignature(e) => Self::BadSignature { expected: e.expected },
            W::AmountZero(_) => Self::AmountZero,

            W::NothingArrived(e) => Self::NothingArrived { token: e.token },
            W::TransferFailed(e) => {
                Self::TransferFailed { token: e.token, to: e.to, amount: e.amount }
            }
            W::TokenTookMore(e) => {
                Self::TokenTookMore { token: e.token, sent: e.sent, gone: e.gone }
            }
            W::InsufficientGas(e) => Self::InsufficientGas { needed: e.needed, left: e.left },
            W::SafeERC20FailedOperation(e) => Self::TokenFailed { token: e.token },

            W::BatchExpired(e) => {
                Self::BatchExpired { valid_until: e.validUntil.to(), timestamp: e.timestamp }
            }
            W::BatchEmpty(_) => Self::BatchEmpty,
            W::SegmentsEmpty(_) => Self::SegmentsEmpty,
            W::CommitmentOutOfRange(e) => Self::CommitmentOutOfRange { commitment: e.commitment },
            W::SumOutOfRange(e) => Self::SumOutOfRange { sum: e.sum },
            W::UnknownShape(e) => {
                Self::UnknownShape { verifier_set: e.verifierSet, shape: e.shape }
            }
            W::WordOutOfRange(e) => Self::WordOutOfRange { index: at(e.index), word: e.word },
            W::MaskEmpty(e) => Self::MaskEmpty { index: at(e.index) },
            W::NotAuthorized(e) => not_authorized(&e),
            W::NonceSpent(e) => Self::NonceSpent { account: e.account, word: e.word, bits: e.bits },
            W::InsufficientBalance(e) => insufficient_balance(&e),
            W::CountMismatch(e) => Self::CountMismatch { bits: e.bits, count: e.count },
            W::TotalsDiffer(e) => Self::TotalsDiffer { debits: e.debits, payouts: e.payouts },
            W::HintWrong(e) => Self::HintWrong { hint: e.hint },
            W::SumsDiffer(e) => Self::SumsDiffer { batch_id: e.batchId },
            W::ProofRefused(e) => Self::ProofRefused { batch_id: e.batchId },

            W::LengthsDiffer(e) => Self::LengthsDiffer {
                mandates: at(e.mandates),
                signatures: at(e.signatures),
                captured: at(e.captured),
            },
            W::MandateExpired(e) => {
                Self::MandateExpired { index: at(e.index), deadline: e.deadline }
            }
            W::MandateSignature(e) => Self::MandateSignature { index: at(e.index), owner: e.owner },
            W::MandateNonceSpent(e) => {
                Self::MandateNonceSpent { index: at(e.index), owner: e.owner, nonce: e.nonce }
            }
            W::CaptureExceedsAmount(e) => Self::CaptureExceedsAmount {
                index: at(e.index),
                captured: e.captured,
                amount: e.amount,
            },
            W::NoDirectAccount(e) => Self::NoDirectAccount { index: at(e.index), owner: e.owner },
            W::NotProcessor(e) => Self::NotProcessor { account: e.account, processor: e.processor },

            W::NotSender(e) => Self::NotSender { processor: e.processor, caller: e.caller },
            W::NotGuarantee(e) => Self::NotGuarantee { caller: e.caller },
            W::PlaceTaken(e) => place_taken(&e),

            W::ReentrancyGuardReentrantCall(_) => Self::Reentered,
            W::SafeCastOverflowedUintDowncast(e) => Self::TooLarge { bits: e.bits, value: e.value },
            W::InvalidAccountNonce(e) => {
                Self::SignedNonce { account: e.account, current: e.currentNonce }
            }
            W::InvalidShortString(_) | W::StringTooLong(_) => Self::String,
        }
    }
}

fn not_authorized(e: &NotAuthorized) -> WalletError {
    WalletError::NotAuthorized {
        account: e.account,
        processor: e.processor,
        verifier_set: e.verifierSet,
    }
}

fn insufficient_balance(e: &InsufficientBalance) -> WalletError {
    WalletError::InsufficientBalance {
        account: e.account,
        token: e.token,
        balance: e.balance,
        amount: e.amount,
    }
}

fn place_taken(e: &PlaceTaken) -> WalletError {
    let PlaceTaken { processor, place, settledAt } = *e;
    WalletError::PlaceTaken { processor, place, settled_at: settledAt.to() }
}

impl From<G> for VerifierError {
    fn from(error: G) -> Self {
        match error {
            G::NoProofs(_) => Self::NoProofs,
            G::LengthsDiffer(e) => {
                Self::LengthsDiffer { proofs: at(e.proofs), inputs: at(e.inputs) }
            }
            G::CalldataOrder(e) => {
                Self::CalldataOrder { proofs_at: at(e.proofsAt), inputs_at: at(e.inputsAt) }
            }
            G::CalldataLength(e) => Self::CalldataLength { expected: e.expected, found: e.found },
            G::InputNotReduced(e) => Self::InputNotReduced { index: at(e.index), value: e.value },
            G::CoordinateNotReduced(e) => {
                Self::CoordinateNotReduced { index: at(e.index), value: e.value }
            }
            G::PointAtInfinity(e) => Self::PointAtInfinity { index: at(e.index) },
            G::PrecompileFailed(e) => Self::PrecompileFailed { precompile: at(e.precompile) },
            G::InvalidKeyPoint(e) => Self::InvalidKeyPoint { index: at(e.index) },
            G::ForgeableKey(_) => Self::ForgeableKey,
        }
    }
}

impl From<T> for TokenError {
    fn from(error: T) -> Self {
        match error {
            T::ERC20InsufficientBalance(e) => {
                Self::InsufficientBalance { sender: e.sender, balance: e.balance, needed: e.needed }
            }
            T::ERC20InsufficientAllowance(e) => Self::InsufficientAllowance {
                spender: e.spender,
                allowance: e.allowance,
                needed: e.needed,
            },
            T::ERC20InvalidSender(e) => Self::InvalidSender(e.sender),
            T::ERC20InvalidReceiver(e) => Self::InvalidReceiver(e.receiver),
            T::ERC20InvalidApprover(e) => Self::InvalidApprover(e.approver),
            T::ERC20InvalidSpender(e) => Self::InvalidSpender(e.spender),
            T::ERC2612ExpiredSignature(e) => Self::PermitExpired { deadline: e.deadline },
            T::PermitExpired(e) => Self::PermitExpired { deadline: e.deadline },
            T::AuthorizationNotYetValid(e) => {
                Self::AuthorizationNotYetValid { valid_after: e.validAfter }
            }
            T::AuthorizationExpired(e) => {
                Self::AuthorizationExpired { valid_before: e.validBefore }
            }
            T::AuthorizationAlreadyUsed(e) => {
                Self::AuthorizationUsed { authorizer: e.authorizer, nonce: e.nonce }
            }
            T::BlockedAddress(e) => Self::Blocked(e.account),
            T::CallerIsNotBlocklister(e) => Self::NotBlocklister(e.caller),
            T::CallerIsNotPayee(e) => Self::NotPayee { caller: e.caller, payee: e.payee },
            T::InvalidSignature(e) => Self::Signature(e.signer),
            T::ERC2612InvalidSigner(e) => Self::PermitSigner { signer: e.signer, owner: e.owner },
        }
    }
}
