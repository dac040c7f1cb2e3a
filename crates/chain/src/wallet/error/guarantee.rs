//! Why the guarantee refused, beyond what the wallet says in the same words.

use alloy::primitives::{Address, B256, U256};
use thiserror::Error;

/// Why the guarantee refused. Amounts are in base units, deposits in wei, times in unix seconds. A digest is
/// that of a receipt, in EIP-712.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum GuaranteeError {
    /// A deployment's period is none, or too long.
    #[error("a period of {0} s is not between 1 s and a year")]
    PeriodOutOfRange(U256),
    /// A deployment's periods do not fit.
    #[error("a period of {period} s is too short: others rely on more than {more_than} s")]
    PeriodTooShort {
        /// Seconds.
        period: U256,
        /// Seconds.
        more_than: U256,
    },
    /// The key was named before.
    #[error("{processor} has named {signer} before; a key that was cut off is not named again")]
    SignerKnown {
        /// The processor.
        processor: Address,
        /// The key.
        signer: Address,
    },
    /// The key was never named.
    #[error("{processor} has not named {signer}, so there is nothing to cut off")]
    SignerUnknown {
        /// The processor.
        processor: Address,
        /// The key.
        signer: Address,
    },
    /// Nothing was given.
    #[error("a list of demands has at least one")]
    ListEmpty,
    /// There is still time to settle.
    #[error("the receipt's time runs until {settle_by} and it is {timestamp}; demand afterwards")]
    ReceiptNotDue {
        /// The last second for settling.
        settle_by: u64,
        /// The block's.
        timestamp: U256,
    },
    /// The receipt's times cannot be true together, or it promises for too long.
    #[error(
        "the receipt was issued at {issued_at}, promises settlement by {settle_by}, and its mandate \
         expires at {deadline}: they have to come in that order, the first two no further apart than \
         the guarantee's longest promise"
    )]
    ReceiptTimes {
        /// When it was issued.
        issued_at: u64,
        /// The last second for settling.
        settle_by: u64,
        /// The mandate's deadline.
        deadline: u64,
    },
    /// Who signed does not sign for the processor.
    #[error(
        "the message {0} is signed by nobody who signs for its processor, or signed when its key had been \
         cut off; a signature has 65 bytes, with v 27 or 28 and a low s"
    )]
    ReceiptSignature(B256),
    /// The time to demand is over.
    #[error("it could be demanded until {until}, and it is {timestamp}")]
    DemandTooLate {
        /// The last second.
        until: U256,
        /// The block's.
        timestamp: U256,
    },
    /// The receipt was demanded before.
    #[error("receipt {0} was demanded before")]
    DemandKnown(B256),
    /// The receipt was not demanded.
    #[error("receipt {0} was not demanded; demand it first")]
    DemandUnknown(B256),
    /// Too little ether came with a demand.
    #[error(
        "a deposit of {needed} wei is needed, and {given} were sent; what is too much is kept for you"
    )]
    DepositTooSmall {
        /// Wei.
        needed: U256,
        /// Wei.
        given: U256,
    },
    /// Only the payee may.
    #[error("{caller} brought a capture receipt that {payee} alone may bring")]
    NotPayee {
        /// Who may.
        payee: Address,
        /// Who called.
        caller: Address,
    },
    /// The capture receipt belongs to another receipt.
    #[error("the capture receipt is about another mandate, processor or arbiter than receipt {0}")]
    CaptureDiffers(B256),
    /// The processor signed what was captured.
    #[error(
        "the processor itself signed what was captured of receipt {0}; only a ruling lowers it"
    )]
    CaptureFixed(B256),
    /// The capture is not the payee's.
    #[error("the capture is not signed by the payee of receipt {0}")]
    CaptureSignature(B256),
    /// The ruling is not the arbiter's.
    #[error("the ruling is not signed by the arbiter of receipt {0}, or about another mandate")]
    RulingSignature(B256),
    /// The wallet does not remember the batch.
    #[error("the wallet remembers no such batch in place {place} of {processor}")]
    NotRemembered {
        /// Who settled it.
        processor: Address,
        /// The place.
        place: u64,
    },
    /// The paths do not lead there.
    #[error("the batch does not show that it paid the mandate of receipt {0}")]
    NotShown(B256),
    /// The bonds are too small for anybody but the payee to claim.
    #[error(
        "the bonds of {processor} hold {bond} of {token}, and {amount} are owed; only the payee itself \
         takes less than it is owed"
    )]
    InsufficientBond {
        /// Whose bonds.
        processor: Address,
        /// The token.
        token: Address,
        /// What they hold.
        bond: U256,
        /// What is owed.
        amount: U256,
    },
    /// Ether was not taken.
    #[error("{0} does not take ether")]
    EtherRefused(Address),
}
