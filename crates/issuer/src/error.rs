//! Why something was not done: a code for software, a message for people.

use aep2_journal::{JournalError, OpenError};
use aep2_vault::VaultError;
use thiserror::Error;

/// Defines the codes: for each its name, its HTTP status, and what a caller does about it.
macro_rules! codes {
    ($($(#[doc = $about:literal])+ $variant:ident = $name:literal, $status:literal;)+) => {
        /// Why a request is refused, as software tells it. Names and statuses are stable.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Code {
            $($(#[doc = $about])+ $variant,)+
        }

        impl Code {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The name.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// The HTTP status.
            pub const fn status(self) -> u16 {
                match self { $(Self::$variant => $status,)+ }
            }

            /// What it means, and what a caller does about it.
            pub const fn about(self) -> &'static str {
                match self { $(Self::$variant => concat!($($about),+).trim_ascii(),)+ }
            }
        }
    };
}

codes! {
    /// The request is not what it should be; the message names the field. Mend it.
    Malformed = "malformed", 400;
    /// The body is not declared as JSON. Send `Content-Type: application/json`.
    UnsupportedMediaType = "unsupported_media_type", 415;
    /// The body is too long.
    TooLarge = "too_large", 413;
    /// No card or token, or none that is valid here.
    Unauthorized = "unauthorized", 401;
    /// The request does not come from this page. Open the page again.
    Forged = "forged", 403;
    /// The card, or a block of it, was revoked. Ask the owner for another.
    CardRevoked = "card_revoked", 403;
    /// The card is frozen. Ask the owner.
    CardFrozen = "card_frozen", 403;
    /// The wallet that the card spends from is frozen. Ask the owner.
    WalletFrozen = "wallet_frozen", 403;
    /// The card or one of its blocks does not allow this payment; the message says what.
    CardDenied = "card_denied", 403;
    /// A budget has less left than this payment. Wait for its next period, or ask the owner.
    BudgetExceeded = "budget_exceeded", 403;
    /// A budget says nothing about payments in this token, to this payee or at this host.
    NotBudgeted = "not_budgeted", 403;
    /// The card is good for so many payments, and they were made.
    PaymentsUsedUp = "payments_used_up", 403;
    /// The subscription was charged in this period.
    AlreadyCharged = "already_charged", 403;
    /// More payments a minute than the card allows. Wait a minute.
    RateExceeded = "rate_exceeded", 429;
    /// The host's payee is another. The address that asks for the money may be an attacker's.
    PayeeNotTheHosts = "payee_not_the_hosts", 403;
    /// The owner refused this request.
    ApprovalRefused = "approval_refused", 403;
    /// So many requests of this card wait for the owner that no more are taken.
    TooManyApprovals = "too_many_approvals", 429;
    /// The terms cannot be paid from the card's wallet; the message says why.
    TermsNotPayable = "terms_not_payable", 422;
    /// The request key was used for another request. Take a new one for each purchase.
    RequestKeyConflict = "request_key_conflict", 409;
    /// The wallet has no account yet. Its owner opens one, and says which.
    NoAccount = "no_account", 409;
    /// There is no such thing here, or it is another owner's.
    NotFound = "not_found", 404;
    /// What is asked for contradicts what is there; the message says what.
    Conflict = "conflict", 409;
    /// This address takes other methods.
    MethodNotAllowed = "method_not_allowed", 405;
    /// Too much at once. Wait, and ask again.
    Busy = "busy", 503;
    /// Something here went wrong, and its operator is told. The same request may be sent again.
    Internal = "internal", 500;
}

/// A request is refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct Refusal {
    /// Why, for software.
    pub code: Code,
    /// Why, for people, and what to do.
    pub message: String,
}

impl Refusal {
    /// A refusal.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

/// Why something was not done.
#[derive(Debug, Error)]
pub enum IssuerError {
    /// It was refused.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The store.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The store cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// A value in the store is not what this software writes.
    #[error("the {family} record {key} is damaged: {reason}")]
    Damaged {
        /// The column family.
        family: &'static str,
        /// The key, in hexadecimal.
        key: String,
        /// What is wrong.
        reason: String,
    },
    /// The keys' encryption.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// A defect of this software, or of the machine.
    #[error("{0}")]
    Internal(String),
}

impl IssuerError {
    /// The code that callers see.
    pub fn code(&self) -> Code {
        match self {
            Self::Refused(refusal) => refusal.code,
            Self::Journal(JournalError::Busy { .. }) => Code::Busy,
            _ => Code::Internal,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_guide_has_every_code_as_it_is() {
        let guide = include_str!("../../../docs/issuing.md");
        for code in Code::ALL {
            let row = format!("| `{}` | {} | {} |", code.name(), code.status(), code.about());
            assert!(guide.contains(&row), "docs/issuing.md lacks this row:\n{row}");
        }
    }
}
