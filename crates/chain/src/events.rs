//! What the wallet's logs say, in the project's own types.
//!
//! From these alone a follower rebuilds accounts, keys, balances and credits. A batch's entries are not
//! in its event but in its transaction: [`crate::settlement::SettledBatch`]. Bonds and receipts are the
//! guarantee's, which logs by itself: [`crate::wallet::guarantee::events`].
//!
//! Anyone can make the wallet log things: register verifiers for shapes that do not exist, for example.
//! So nothing here fails on what a stranger wrote.

use aep2_mandate::units::{AccountId, Nonce, UnixTime};
use alloy::{
    primitives::{Address, B256, U256},
    rpc::types::{Log, TransactionReceipt},
    sol_types::SolEventInterface,
};
use thiserror::Error;

use crate::{
    contracts::DebitWallet::{Collected, DebitWalletEvents as E, PayoutThresholdRequested},
    error::ChainError,
    wallet::{
        WalletId,
        terms::{Opening, Terms},
        units::{BaseUnits, KeyHash, VerifierSetId, account_or_none, time},
    },
};

/// What happened in the wallet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WalletEvent {
    /// A list of verifiers has a name now.
    VerifiersRegistered {
        /// Its name.
        verifier_set: VerifierSetId,
        /// The shapes' numbers, which may be no shape's, and the verifiers.
        verifiers: Vec<(u32, Address)>,
    },
    /// An account was opened.
    AccountOpened {
        /// Its number.
        account: AccountId,
        /// Whose it is, and its terms.
        opening: Opening,
    },
    /// Other terms were asked for.
    ChangeRequested {
        /// The account.
        account: AccountId,
        /// What was asked for.
        terms: Terms,
        /// From when on anyone may put it in force.
        in_force_from: UnixTime,
    },
    /// A request was taken back.
    ChangeCancelled {
        /// The account.
        account: AccountId,
    },
    /// Other terms are in force.
    ChangeApplied {
        /// The account.
        account: AccountId,
        /// What is in force.
        terms: Terms,
    },
    /// Another account was requested for an owner's direct mandates.
    DirectAccountRequested {
        /// The owner.
        owner: Address,
        /// The account requested; none for no account.
        account: Option<AccountId>,
        /// From when on anyone may put it in force.
        in_force_from: UnixTime,
    },
    /// An owner's direct mandates debit this account now.
    DirectAccountSet {
        /// The owner.
        owner: Address,
        /// The account, if there is one.
        account: Option<AccountId>,
    },
    /// Tokens came into an account.
    Deposited {
        /// The account.
        account: AccountId,
        /// The token.
        token: Address,
        /// Whose tokens they were.
        from: Address,
        /// What arrived.
        amount: BaseUnits,
    },
    /// A withdrawal was requested.
    WithdrawalRequested {
        /// The account.
        account: AccountId,
        /// The token.
        token: Address,
        /// At most so much is paid out.
        amount: BaseUnits,
        /// From when on.
        executable_from: UnixTime,
    },
    /// A request was taken back.
    WithdrawalCancelled {
        /// The account.
        account: AccountId,
        /// The token.
        token: Address,
    },
    /// Tokens left an account.
    WithdrawalExecuted {
        /// The account.
        account: AccountId,
        /// The token.
        token: Address,
        /// To whom they went.
        to: Address,
        /// How much.
        amount: BaseUnits,
    },
    /// A batch settled. Its entries are in the transaction.
    BatchSettled {
        /// The hash that its challenges were made from: over its entries with the accounts' keys, its
        /// segments and its header.
        batch_id: B256,
        /// The token.
        token: Address,
        /// Who settled it.
        processor: Address,
        /// The verifiers by which it was proved.
        verifier_set: VerifierSetId,
        /// How many mandates.
        count: u32,
        /// What was paid, all in all.
        total: BaseUnits,
    },
    /// A direct mandate settled.
    MandateSettled {
        /// Its EIP-712 digest.
        mandate_digest: B256,
        /// The account debited.
        account: AccountId,
        /// Who was paid.
        payee: Address,
        /// The token.
        token: Address,
        /// How much.
        captured: BaseUnits,
    },
    /// A payout was kept for its payee.
    PayoutCredited {
        /// The token.
        token: Address,
        /// Whom it is for.
        payee: Address,
        /// How much.
        amount: BaseUnits,
    },
    /// What was kept for a payee was sent.
    Collected {
        /// The token.
        token: Address,
        /// The payee.
        payee: Address,
        /// To whom the payee had it sent: itself, or whom it named.
        to: Address,
        /// How much of what was sent had been kept.
        amount: BaseUnits,
    },
    /// A payee asked for a lower threshold, which takes the delay.
    PayoutThresholdRequested {
        /// The token.
        token: Address,
        /// The payee.
        payee: Address,
        /// What was asked for.
        threshold: BaseUnits,
        /// From when on anyone may put it in force.
        in_force_from: UnixTime,
    },
    /// A payee wants payouts kept until they come to so much.
    PayoutThresholdSet {
        /// The token.
        token: Address,
        /// The payee.
        payee: Address,
        /// So much.
        threshold: BaseUnits,
    },
    /// Somebody else may settle for a processor now, or nobody else.
    SenderSet {
        /// The processor.
        processor: Address,
        /// Which of its two.
        index: u8,
        /// Who; none for nobody.
        sender: Option<Address>,
    },
    /// A nonce was spent because a bond paid for it; nothing was settled under it.
    NonceBurnt {
        /// The account.
        account: AccountId,
        /// The token.
        token: Address,
        /// The nonce.
        nonce: Nonce,
    },
}

/// Why a log is none of the wallet's events.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum EventError {
    /// The wallet has no such event: a newer wallet's, or another contract's.
    #[error(
        "{address} logged an event with topic {topic}, which this software does not know; it may be \
         another contract, or a newer wallet"
    )]
    UnknownTopic {
        /// Who logged it.
        address: Address,
        /// The first topic.
        topic: B256,
    },
    /// The log has no topic.
    #[error("{address} logged something without a topic; the wallet does not do that")]
    NoTopic {
        /// Who logged it.
        address: Address,
    },
    /// The log's content does not fit its topic.
    #[error("{address} logged an event with topic {topic} whose content makes no sense: {reason}")]
    Malformed {
        /// Who logged it.
        address: Address,
        /// The first topic.
        topic: B256,
        /// What is wrong.
        reason: String,
    },
}

impl WalletEvent {
    /// What a log of the wallet says. Whether the wallet is who logged it is not looked at.
    ///
    /// # Errors
    /// When it is none of the wallet's events.
    pub fn decode(log: &Log) -> Result<Self, EventError> {
        let address = log.address();
        let topic = *log.topic0().ok_or(EventError::NoTopic { address })?;
        if !E::SELECTORS.contains(&topic.0) {
            return Err(EventError::UnknownTopic { address, topic });
        }
        let malformed = |reason: String| EventError::Malformed { address, topic, reason };
        let event = E::decode_raw_log(log.topics(), &log.data().data)
            .map_err(|error| malformed(error.to_string()))?;
        match Self::from_abi(event) {
            Ok(Some(event)) => Ok(event),
            Ok(None) => Err(EventError::UnknownTopic { address, topic }),
            Err(reason) => Err(malformed(reason)),
        }
    }

    /// None for an event of the ABI that the wallet never logs.
    fn from_abi(event: E) -> Result<Option<Self>, String> {
        let event = match event {
            E::VerifiersRegistered(e) => Self::VerifiersRegistered {
                verifier_set: VerifierSetId::new(e.verifierSet),
                verifiers: e.verifiers.iter().map(|own| (own.shape, own.verifier)).collect(),
            },
            E::AccountOpened(e) => Self::AccountOpened {
                account: account(e.account)?,
                opening: Opening {
                    owner: e.owner,
                    terms: terms(e.processor, e.verifierSet, e.keyHash)?,
                },
            },
            E::ChangeRequested(e) => Self::ChangeRequested {
                account: account(e.account)?,
                terms: terms(e.processor, e.verifierSet, e.keyHash)?,
                in_force_from: time(e.inForceFrom),
            },
            E::ChangeCancelled(e) => Self::ChangeCancelled { account: account(e.account)? },
            E::ChangeApplied(e) => Self::ChangeApplied {
                account: account(e.account)?,
                terms: terms(e.processor, e.verifierSet, e.keyHash)?,
            },
            E::DirectAccountRequested(e) => Self::DirectAccountRequested {
                owner: e.owner,
                account: account_or_none(e.account),
                in_force_from: time(e.inForceFrom),
            },
            E::DirectAccountSet(e) => {
                Self::DirectAccountSet { owner: e.owner, account: account_or_none(e.account) }
            }
            E::Deposited(e) => Self::Deposited {
                account: account(e.account)?,
                token: e.token,
                from: e.from,
                amount: base_units(e.amount)?,
            },
            E::WithdrawalRequested(e) => Self::WithdrawalRequested {
                account: account(e.account)?,
                token: e.token,
                amount: BaseUnits::at_most_a_balance(e.amount),
                executable_from: time(e.executableFrom),
            },
            E::WithdrawalCancelled(e) => {
                Self::WithdrawalCancelled { account: account(e.account)?, token: e.token }
            }
            E::WithdrawalExecuted(e) => Self::WithdrawalExecuted {
                account: account(e.account)?,
                token: e.token,
                to: e.to,
                amount: base_units(e.amount)?,
            },
            E::BatchSettled(e) => Self::BatchSettled {
                batch_id: e.batchId,
                token: e.token,
                processor: e.processor,
                verifier_set: VerifierSetId::new(e.verifierSet),
                count: e.count,
                total: base_units(e.total)?,
            },
            E::MandateSettled(e) => Self::MandateSettled {
                mandate_digest: e.mandateDigest,
                account: account(e.account)?,
                payee: e.payee,
                token: e.token,
                captured: base_units(e.captured)?,
            },
            E::PayoutCredited(e) => Self::PayoutCredited {
                token: e.token,
                payee: e.payee,
                amount: base_units(e.amount)?,
            },
            E::Collected(e) => collected(&e)?,
            E::PayoutThresholdRequested(e) => threshold_requested(&e),
            E::PayoutThresholdSet(e) => Self::PayoutThresholdSet {
                token: e.token,
                payee: e.payee,
                threshold: BaseUnits::new(e.threshold),
            },
            E::SenderSet(e) => Self::SenderSet {
                processor: e.processor,
                index: u8::try_from(e.index).map_err(|error| error.to_string())?,
                sender: (!e.sender.is_zero()).then_some(e.sender),
            },
            E::NonceBurnt(e) => Self::NonceBurnt {
                account: account(e.account)?,
                token: e.token,
                nonce: Nonce::new(e.nonce),
            },
            E::EIP712DomainChanged(_) => return Ok(None),
        };
        Ok(Some(event))
    }
}

impl WalletId {
    /// What a transaction did in this wallet. Other contracts' logs are passed over.
    ///
    /// # Errors
    /// When the wallet logged something that this software does not know.
    pub fn events_of(&self, receipt: &TransactionReceipt) -> Result<Vec<WalletEvent>, EventError> {
        let logs = receipt.logs().iter().filter(|log| log.address() == self.address);
        logs.map(WalletEvent::decode).collect()
    }

    /// The first account that a transaction opened in this wallet.
    ///
    /// # Errors
    /// [`ChainError::NotOpened`] when it opened none.
    pub fn opened_account(&self, receipt: &TransactionReceipt) -> Result<AccountId, ChainError> {
        let transaction = receipt.transaction_hash;
        let events = self
            .events_of(receipt)
            .map_err(|error| ChainError::unexpected("a transaction's events", error))?;
        let opened = events.into_iter().find_map(|event| match event {
            WalletEvent::AccountOpened { account, .. } => Some(account),
            _ => None,
        });
        opened.ok_or(ChainError::NotOpened { transaction })
    }
}

fn collected(e: &Collected) -> Result<WalletEvent, String> {
    let Collected { token, payee, to, amount } = *e;
    Ok(WalletEvent::Collected { token, payee, to, amount: base_units(amount)? })
}

fn threshold_requested(e: &PayoutThresholdRequested) -> WalletEvent {
    WalletEvent::PayoutThresholdRequested {
        token: e.token,
        payee: e.payee,
        threshold: BaseUnits::new(e.threshold),
        in_force_from: time(e.inForceFrom),
    }
}

fn account(number: u32) -> Result<AccountId, String> {
    AccountId::new(number).map_err(|error| error.to_string())
}

fn terms(processor: Address, verifier_set: B256, key_hash: U256) -> Result<Terms, String> {
    Ok(Terms {
        processor,
        verifier_set: VerifierSetId::from_word(verifier_set),
        key_hash: KeyHash::from_word(key_hash).map_err(|error| error.to_string())?,
    })
}

fn base_units(word: U256) -> Result<BaseUnits, String> {
    BaseUnits::from_word(word).ok_or_else(|| format!("{word} base units are more than any balance"))
}
