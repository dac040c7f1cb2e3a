//! What the guarantee's logs say, in the project's own types.
//!
//! Anyone can make it log things: a receipt about an account that nobody has, signed by its own processor.
//! So nothing here fails on what a stranger wrote.

use aep2_mandate::units::{AccountId, Nonce, UnixTime};
use alloy::{
    primitives::{Address, B256, U256},
    rpc::types::{Log, TransactionReceipt},
    sol_types::{SolEvent, SolEventInterface},
};

use super::id::GuaranteeId;
use crate::{
    contracts::guarantee::Guarantee::GuaranteeEvents as E,
    events::EventError,
    wallet::units::{BaseUnits, account_or_none, time},
};

/// What happened in the guarantee.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GuaranteeEvent {
    /// A key signs for a processor.
    SignerNamed {
        /// The processor.
        processor: Address,
        /// The key.
        signer: Address,
    },
    /// A key signs for a processor no more.
    SignerCut {
        /// The processor.
        processor: Address,
        /// The key.
        signer: Address,
        /// It speaks for what it issued until then.
        until: UnixTime,
        /// What it signed is paid from payees' own bonds alone.
        stolen: bool,
    },
    /// A bond grew.
    Bonded {
        /// Whose bond.
        bond: Bond,
        /// Who paid.
        from: Address,
        /// How much.
        amount: BaseUnits,
    },
    /// A withdrawal of a bond was requested.
    UnbondRequested {
        /// Whose bond.
        bond: Bond,
        /// At most so much is paid out.
        amount: BaseUnits,
        /// From when on.
        executable_from: UnixTime,
    },
    /// A request was taken back.
    UnbondCancelled {
        /// Whose bond.
        bond: Bond,
    },
    /// A bond left.
    Unbonded {
        /// Whose bond.
        bond: Bond,
        /// To whom it went.
        to: Address,
        /// How much.
        amount: BaseUnits,
    },
    /// A promise was not kept, somebody says.
    Demanded {
        /// Whose promise.
        processor: Address,
        /// The mandate, as the receipt names it.
        mandate_id: B256,
        /// Who was to be paid.
        payee: Address,
        /// The receipt's EIP-712 digest.
        digest: B256,
        /// The token.
        token: Address,
        /// How much is due.
        due: BaseUnits,
        /// Until then it cannot be claimed.
        answer_until: UnixTime,
    },
    /// A batch was shown to have paid so much of it.
    Shown {
        /// The receipt's digest.
        digest: B256,
        /// How much.
        captured: BaseUnits,
    },
    /// A capture or a ruling lowered what is due.
    DueLowered {
        /// The receipt's digest.
        digest: B256,
        /// To how much.
        due: BaseUnits,
    },
    /// What was demanded had been settled before.
    DepositForfeited {
        /// The receipt's digest.
        digest: B256,
        /// Whose the deposit is now.
        processor: Address,
        /// In wei.
        amount: U256,
    },
    /// A receipt was paid from bonds.
    GuaranteeClaimed {
        /// The mandate, as the receipt names it.
        mandate_id: B256,
        /// Whose bonds paid.
        processor: Address,
        /// Who was paid.
        payee: Address,
        /// The receipt's digest.
        digest: B256,
        /// The account that the receipt names. A stranger's receipt may name 0, which is none.
        account: Option<AccountId>,
        /// The nonce that it names.
        nonce: Nonce,
        /// The token.
        token: Address,
        /// How much.
        amount: BaseUnits,
        /// Whether the processor is the account's, and the nonce is spent now.
        nonce_burnt: bool,
    },
    /// A token refused to pay a payee, which is owed that.
    PaymentCredited {
        /// The token.
        token: Address,
        /// The payee.
        payee: Address,
        /// How much.
        amount: BaseUnits,
    },
    /// What was owed to a payee was sent.
    Collected {
        /// The token.
        token: Address,
        /// The payee.
        payee: Address,
        /// To whom it went.
        to: Address,
        /// How much.
        amount: BaseUnits,
    },
}

/// One of a processor's bonds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Bond {
    /// Whose it is.
    pub processor: Address,
    /// In which token.
    pub token: Address,
    /// Whose alone it is; none for the one that all payees share.
    pub payee: Option<Address>,
}

impl Bond {
    fn of(processor: Address, token: Address, payee: Address) -> Self {
        Self { processor, token, payee: (!payee.is_zero()).then_some(payee) }
    }
}

impl GuaranteeEvent {
    /// Topic 0 of [`Self::Demanded`]; topic 1 is the processor.
    pub const DEMANDED: B256 = crate::contracts::guarantee::Guarantee::Demanded::SIGNATURE_HASH;

    /// What a log of the guarantee says. Whether the guarantee is who logged it is not looked at.
    ///
    /// # Errors
    /// When it is none of the guarantee's events.
    pub fn decode(log: &Log) -> Result<Self, EventError> {
        let address = log.address();
        let topic = *log.topic0().ok_or(EventError::NoTopic { address })?;
        if !E::SELECTORS.contains(&topic.0) {
            return Err(EventError::UnknownTopic { address, topic });
        }
        let malformed = |reason: String| EventError::Malformed { address, topic, reason };
        let event = E::decode_raw_log(log.topics(), &log.data().data)
            .map_err(|error| malformed(error.to_string()))?;
        Self::from_abi(event).map_err(malformed)
    }

    fn from_abi(event: E) -> Result<Self, String> {
        Ok(match event {
            E::SignerNamed(e) => Self::SignerNamed { processor: e.processor, signer: e.signer },
            E::SignerCut(e) => Self::SignerCut {
                processor: e.processor,
                signer: e.signer,
                until: time(e.until),
                stolen: e.stolen,
            },
            E::Bonded(e) => Self::Bonded {
                bond: Bond::of(e.processor, e.token, e.payee),
                from: e.from,
                amount: base_units(e.amount)?,
            },
            E::UnbondRequested(e) => Self::UnbondRequested {
                bond: Bond::of(e.processor, e.token, e.payee),
                amount: BaseUnits::at_most_a_balance(e.amount),
                executable_from: time(e.executableFrom),
            },
            E::UnbondCancelled(e) => {
                Self::UnbondCancelled { bond: Bond::of(e.processor, e.token, e.payee) }
            }
            E::Unbonded(e) => Self::Unbonded {
                bond: Bond::of(e.processor, e.token, e.payee),
                to: e.to,
                amount: base_units(e.amount)?,
            },
            E::Demanded(e) => Self::Demanded {
                processor: e.processor,
                mandate_id: e.mandateId,
                payee: e.payee,
                digest: e.digest,
                token: e.token,
                due: base_units(e.due)?,
                answer_until: time(e.answerUntil),
            },
            E::Shown(e) => Self::Shown { digest: e.digest, captured: base_units(e.captured)? },
            E::DueLowered(e) => Self::DueLowered { digest: e.digest, due: base_units(e.due)? },
            E::DepositForfeited(e) => Self::DepositForfeited {
                digest: e.digest,
                processor: e.processor,
                amount: e.amount,
            },
            E::GuaranteeClaimed(e) => Self::GuaranteeClaimed {
                mandate_id: e.mandateId,
                processor: e.processor,
                payee: e.payee,
                digest: e.digest,
                account: account_or_none(e.account),
                nonce: Nonce::new(e.nonce),
                token: e.token,
                amount: base_units(e.amount)?,
                nonce_burnt: e.nonceBurnt,
            },
            E::PaymentCredited(e) => Self::PaymentCredited {
                token: e.token,
                payee: e.payee,
                amount: base_units(e.amount)?,
            },
            E::Collected(e) => Self::Collected {
                token: e.token,
                payee: e.payee,
                to: e.to,
                amount: base_units(e.amount)?,
            },
        })
    }
}

impl GuaranteeId {
    /// What a transaction did in this guarantee. Other contracts' logs are passed over.
    ///
    /// # Errors
    /// When it logged something that this software does not know.
    pub fn events_of(
        &self,
        receipt: &TransactionReceipt,
    ) -> Result<Vec<GuaranteeEvent>, EventError> {
        let logs = receipt.logs().iter().filter(|log| log.address() == self.address);
        logs.map(GuaranteeEvent::decode).collect()
    }
}

fn base_units(word: U256) -> Result<BaseUnits, String> {
    BaseUnits::from_word(word).ok_or_else(|| format!("{word} base units are more than any balance"))
}
