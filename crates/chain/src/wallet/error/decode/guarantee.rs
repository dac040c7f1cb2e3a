//! The guarantee's errors, read.

use crate::{
    contracts::guarantee::Guarantee::GuaranteeErrors as B,
    wallet::error::{GuaranteeError, WalletError},
};

impl From<B> for WalletError {
    fn from(error: B) -> Self {
        Self::Guarantee(match error {
            B::PeriodOutOfRange(e) => GuaranteeError::PeriodOutOfRange(e.period),
            B::PeriodTooShort(e) => {
                GuaranteeError::PeriodTooShort { period: e.period, more_than: e.moreThan }
            }
            B::SignerKnown(e) => {
                GuaranteeError::SignerKnown { processor: e.processor, signer: e.signer }
            }
            B::SignerUnknown(e) => {
                GuaranteeError::SignerUnknown { processor: e.processor, signer: e.signer }
            }
            B::ListEmpty(_) => GuaranteeError::ListEmpty,
            B::ReceiptNotDue(e) => {
                GuaranteeError::ReceiptNotDue { settle_by: e.settleBy.to(), timestamp: e.timestamp }
            }
            B::ReceiptTimes(e) => GuaranteeError::ReceiptTimes {
                issued_at: e.issuedAt.to(),
                settle_by: e.settleBy.to(),
                deadline: e.deadline.to(),
            },
            B::ReceiptSignature(e) => GuaranteeError::ReceiptSignature(e.digest),
            B::DemandTooLate(e) => {
                GuaranteeError::DemandTooLate { until: e.until, timestamp: e.timestamp }
            }
            B::DemandKnown(e) => GuaranteeError::DemandKnown(e.digest),
            B::DemandUnknown(e) => GuaranteeError::DemandUnknown(e.digest),
            B::DepositTooSmall(e) => {
                GuaranteeError::DepositTooSmall { needed: e.needed, given: e.given }
            }
            B::NotPayee(e) => GuaranteeError::NotPayee { payee: e.payee, caller: e.caller },
            B::CaptureDiffers(e) => GuaranteeError::CaptureDiffers(e.digest),
            B::CaptureFixed(e) => GuaranteeError::CaptureFixed(e.digest),
            B::CaptureSignature(e) => GuaranteeError::CaptureSignature(e.digest),
            B::RulingSignature(e) => GuaranteeError::RulingSignature(e.digest),
            B::NotRemembered(e) => {
                GuaranteeError::NotRemembered { processor: e.processor, place: e.place }
            }
            B::NotShown(e) => GuaranteeError::NotShown(e.digest),
            B::InsufficientBond(e) => GuaranteeError::InsufficientBond {
                processor: e.processor,
                token: e.token,
                bond: e.bond,
                amount: e.amount,
            },
            B::EtherRefused(e) => GuaranteeError::EtherRefused(e.to),
            shared => return of_both(shared),
        })
    }
}

/// What the wallet says in the same words, of the same selectors.
fn of_both(error: B) -> WalletError {
    match error {
        B::AmountZero(_) => WalletError::AmountZero,
        B::InsufficientGas(e) => WalletError::InsufficientGas { needed: e.needed, left: e.left },
        B::NothingArrived(e) => WalletError::NothingArrived { token: e.token },
        B::NothingPending(_) => WalletError::NothingPending,
        B::RecipientRefused(e) => WalletError::RecipientRefused { to: e.to },
        B::TokenTookMore(e) => {
            WalletError::TokenTookMore { token: e.token, sent: e.sent, gone: e.gone }
        }
        B::TooEarly(e) => WalletError::TooEarly { available_from: e.availableFrom.to() },
        B::TransferFailed(e) => {
            WalletError::TransferFailed { token: e.token, to: e.to, amount: e.amount }
        }
        B::SafeERC20FailedOperation(e) => WalletError::TokenFailed { token: e.token },
        B::SafeCastOverflowedUintDowncast(e) => {
            WalletError::TooLarge { bits: e.bits, value: e.value }
        }
        B::ReentrancyGuardReentrantCall(_) => WalletError::Reentered,
        // `From` has had all others.
        own => unreachable!("an error of the guarantee's own: {own:?}"),
    }
}
