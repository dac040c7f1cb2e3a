//! Batches: from the proofs to the transaction that settles them, and from the transaction back to what
//! it settled.
//!
//! What the wallet would refuse for reasons that need no chain is refused here, before it costs gas.
//! Spent nonces, registered keys, balances and the clock are the chain's to know.

use aep2_circuits::settlement::{Debit, Payout, RuleBroken, Segment, Settlement, ZeroDenominator};
use aep2_mandate::{
    field::{self, Fr},
    units::{AccountId, Nonce, UnixTime},
};
use aep2_prover::{
    export::calldata,
    proven::{Proven, ProvenSegment},
};
use alloy::{
    primitives::{Address, B256, U256, aliases::U40},
    sol_types::SolCall,
};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{
    call::Call,
    contracts::{DebitWallet::settleBatchCall, IDebitWallet},
    wallet::{
        WalletId,
        units::{BaseUnits, KeyHash, VerifierSetId, shape_of_id, time},
    },
};

/// Why a batch is not worth sending.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SettleError {
    /// It breaks a rule of the wallet.
    #[error("the wallet would refuse the settlement: {0}")]
    Rule(#[from] RuleBroken),
    /// It was proved for another chain, wallet or token.
    #[error(
        "the batch was proved for another chain, wallet or token than {token} in the wallet {} on \
         chain {}", .wallet.address, .wallet.chain_id
    )]
    OtherDomain {
        /// The wallet asked to settle it.
        wallet: WalletId,
        /// The token that would move.
        token: Address,
    },
    /// The challenge falls on a pole: a chance of about 2^-235.
    #[error(transparent)]
    Challenge(#[from] ZeroDenominator),
}

impl WalletId {
    /// Settles a proven batch of a processor's accounts. Who sends it is the processor, or has been named
    /// its sender.
    ///
    /// `remembered` is what answers a demand, see [`crate::captures`]: without it the batch shows nothing
    /// to whoever has a receipt. `verifier_set` is the one that these accounts' owners chose; `token` is the one that the
    /// mandates are in, which the batch's domain must agree with.
    ///
    /// # Errors
    /// See [`SettleError`]. Whether the proofs hold is not checked: see [`Proven::verify`].
    pub fn settle_batch(
        &self,
        proven: &Proven,
        processor: Address,
        verifier_set: VerifierSetId,
        token: Address,
        remembered: Option<Remembered>,
    ) -> Result<Call, SettleError> {
        let settlement = &proven.settlement;
        settlement.check()?;
        if settlement.domain != self.mandate_domain(token).element() {
            return Err(SettleError::OtherDomain { wallet: *self, token });
        }
        let debit = |entry: &Debit| IDebitWallet::Debit {
            account: entry.account,
            word: entry.word,
            mask: entry.mask,
            amount: entry.amount,
        };
        let payout =
            |entry: &Payout| IDebitWallet::Payout { payee: entry.payee, amount: entry.amount };
        let segment = |own: &ProvenSegment| IDebitWallet::Segment {
            shape: own.shape.id(),
            commitment: word(&own.commitment),
            sum: word(&own.sum),
            proof: calldata::proof_to_words(&own.proof),
        };
        Ok(self.call(&settleBatchCall {
            header: IDebitWallet::Header {
                processor,
                verifierSet: verifier_set.to_bytes(),
                token,
                // `check` demands less than 2^40.
                validUntil: U40::from(settlement.valid_until),
                count: settlement.count,
                captures: remembered.map_or(B256::ZERO, |own| own.captures),
                place: remembered.map_or(0, |own| own.place),
            },
            debits: settlement.debits.iter().map(debit).collect(),
            payouts: settlement.payouts.iter().map(payout).collect(),
            segments: proven.segments.iter().map(segment).collect(),
            hint: word(&settlement.hint(&proven.named())?),
        }))
    }
}

fn word(element: &Fr) -> U256 {
    U256::from_be_bytes(field::to_be_bytes(element))
}

/// What the wallet is to remember of a batch, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Remembered {
    /// The root of the tree of what was captured. Not zero, which stands for nothing.
    pub captures: B256,
    /// One of the processor's places: empty, or older than the wallet keeps anything.
    pub place: u64,
}

/// What a transaction settled, as its input says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettledBatch {
    /// Whose accounts were debited.
    pub processor: Address,
    /// The verifiers by which it was proved.
    pub verifier_set: VerifierSetId,
    /// The token.
    pub token: Address,
    /// The last second at which it could settle.
    pub valid_until: UnixTime,
    /// How many mandates.
    pub count: u32,
    /// What the wallet remembers of it.
    pub remembered: Option<Remembered>,
    /// Who paid, under which nonces.
    pub debits: Vec<SettledDebit>,
    /// Who was paid.
    pub payouts: Vec<SettledPayout>,
    /// The parts that were proved.
    pub segments: Vec<SettledSegment>,
}

/// A part of a batch that had a proof of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SettledSegment {
    /// The shape's number, `lanes·2^16 + slots·2 + capture`.
    pub shape: u32,
    /// `C`, to which inclusion proofs lead.
    pub commitment: Fr,
}

/// What one account spent under one nonce word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SettledDebit {
    /// The account.
    pub account: AccountId,
    /// `nonce >> 7` of its mandates.
    pub word: u64,
    /// The bits `nonce & 127` that were spent.
    pub mask: u128,
    /// What was captured.
    pub amount: BaseUnits,
}

/// What one payee received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SettledPayout {
    /// The payee.
    pub payee: Address,
    /// How much.
    pub amount: BaseUnits,
}

impl SettledDebit {
    /// The nonces spent, ascending.
    pub fn nonces(&self) -> impl Iterator<Item = Nonce> {
        let (word, mask) = (self.word, self.mask);
        (0..128).filter(move |bit| mask >> bit & 1 == 1).map(move |bit| Nonce::new(word << 7 | bit))
    }
}

/// Why a transaction's input is no batch.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum NotABatch {
    /// It calls something else. A processor that is a contract calls the wallet from within: then the
    /// entries are in a trace of the transaction, not in its input.
    #[error("the transaction calls {selector}, not the wallet's settleBatch")]
    OtherCall {
        /// The first four bytes, or fewer.
        selector: alloy::primitives::Bytes,
    },
    /// The arguments cannot be read, or no such batch can have been settled.
    #[error("the arguments of settleBatch make no sense: {0}")]
    Malformed(String),
}

impl SettledBatch {
    /// Reads the input of a transaction to [`WalletId::settle_batch`].
    ///
    /// # Errors
    /// When it is another call, or one that the wallet cannot have carried out.
    pub fn decode(input: &[u8]) -> Result<Self, NotABatch> {
        let selector = &input[..input.len().min(4)];
        if selector != settleBatchCall::SELECTOR {
            return Err(NotABatch::OtherCall { selector: selector.to_vec().into() });
        }
        let call = settleBatchCall::abi_decode_validate(input)
            .map_err(|error| NotABatch::Malformed(error.to_string()))?;
        let debit = |entry: &IDebitWallet::Debit| {
            Ok(SettledDebit {
                account: AccountId::new(entry.account)
                    .map_err(|error| NotABatch::Malformed(error.to_string()))?,
                word: entry.word,
                mask: entry.mask,
                amount: BaseUnits::new(entry.amount),
            })
        };
        let payout = |entry: &IDebitWallet::Payout| SettledPayout {
            payee: entry.payee,
            amount: BaseUnits::new(entry.amount),
        };
        let segment = |own: &IDebitWallet::Segment| {
            let commitment = field::from_be_bytes(&own.commitment.to_be_bytes());
            let commitment = commitment.ok_or_else(|| {
                NotABatch::Malformed(format!(
                    "the commitment {} is no field element",
                    own.commitment
                ))
            })?;
            Ok(SettledSegment { shape: own.shape, commitment })
        };
        let captures = call.header.captures;
        let place = call.header.place;
        Ok(Self {
            processor: call.header.processor,
            verifier_set: VerifierSetId::new(call.header.verifierSet),
            token: call.header.token,
            valid_until: time(call.header.validUntil),
            count: call.header.count,
            remembered: (!captures.is_zero()).then_some(Remembered { captures, place }),
            debits: call.debits.iter().map(debit).collect::<Result<_, _>>()?,
            payouts: call.payouts.iter().map(payout).collect(),
            segments: call.segments.iter().map(segment).collect::<Result<_, _>>()?,
        })
    }

    /// What all of it pays.
    ///
    /// None when it is more than a number holds, which no batch that settled is.
    pub fn total(&self) -> Option<BaseUnits> {
        let amounts = self.payouts.iter().map(|payout| payout.amount.get());
        amounts.into_iter().try_fold(0, u128::checked_add).map(BaseUnits::new)
    }

    /// The settlement as it was proved, and its segments, to compute the batch's id and challenges
    /// anew.
    ///
    /// `key_hash_of` tells the key that each account had under this processor and these verifiers when
    /// the batch settled; the input does not say.
    ///
    /// None when a shape is none, or an account's key is not known.
    pub fn settlement(
        &self,
        wallet: &WalletId,
        key_hash_of: impl Fn(AccountId) -> Option<KeyHash>,
    ) -> Option<(Settlement, Vec<Segment>)> {
        let debit = |entry: &SettledDebit| {
            Some(Debit {
                account: entry.account.get(),
                word: entry.word,
                mask: entry.mask,
                amount: entry.amount.get(),
                key_hash: key_hash_of(entry.account)?.element(),
            })
        };
        let payout =
            |entry: &SettledPayout| Payout { payee: entry.payee, amount: entry.amount.get() };
        let segment = |own: &SettledSegment| {
            Some(Segment { shape: shape_of_id(own.shape)?, commitment: own.commitment })
        };
        let segments = self.segments.iter().map(segment).collect::<Option<_>>()?;
        let settlement = Settlement {
            domain: wallet.mandate_domain(self.token).element(),
            valid_until: self.valid_until.get(),
            count: self.count,
            debits: self.debits.iter().map(debit).collect::<Option<_>>()?,
            payouts: self.payouts.iter().map(payout).collect(),
        };
        Some((settlement, segments))
    }
}
