//! What went wrong, in words that tell an agent what to do.

use std::error::Error;

use aep2_mandate::units::AccountId;
use aep2_payer::{PayError, card::IssuerError};
use aep2_x402::mcp::ServerName;

use super::reach::NotPublic;
use crate::buyer::BuyError;

/// A host that is not to be paid is not asked either.
pub(super) fn host(server: &ServerName) -> String {
    format!(
        "the wallet's owner does not allow payments to {server}. Nothing was sent. The tool limits \
         lists the hosts that may be paid; only the owner can change them."
    )
}

/// An address that is not asked.
pub(super) fn not_reached(error: &NotPublic) -> String {
    format!("{error}. Nothing was sent.")
}

/// An error and what is behind it: the first says little.
fn with_sources(error: &dyn Error) -> String {
    let sources = std::iter::successors(Some(error), |&error| error.source());
    let mut words: Vec<String> = sources.map(ToString::to_string).collect();
    // Many say what their source says.
    words.dedup_by(|next, before| before.contains(next.as_str()));
    words.join(": ")
}

pub(super) fn pay(error: &PayError) -> String {
    let advice = match error {
        PayError::Limit(_) => {
            "Nothing was paid. The owner's limits are shown by the tool limits, and only the owner \
             can change them: tell the owner, or ask for something that costs less."
        }
        PayError::Refused { reason, .. } if reason == "insufficient_funds" => {
            "The account has too little that is free. The tool balance shows it; the owner can \
             deposit more."
        }
        PayError::Refused { .. } => {
            "The payment was refused. Calling again signs a new payment; the refused one may count \
             against the limits for 24 hours."
        }
        PayError::TermsChanged { .. } => {
            "The service changed its terms after the payment was signed. Do not pay it again \
             without asking the owner."
        }
        PayError::Issuer(IssuerError::Approval(_)) => {
            "Nothing was paid yet. The owner decides at that address. Tell the owner, and call this \
             again with the same arguments afterwards."
        }
        PayError::Issuer(IssuerError::Refused { .. }) => {
            "Nothing was paid. The tool limits shows what the card allows; only the owner can change \
             it."
        }
        PayError::Unanswered { .. } => {
            "Call it again with exactly the same arguments: the same payment is sent, and nothing is \
             paid twice."
        }
        PayError::NotHandedIn { .. } => {
            "The processor may have the payment. Call it again with exactly the same arguments: the same \
             payment is sent, and nothing is paid twice."
        }
        PayError::RefusedAndHeld { .. } => {
            "It is paid unless it is disputed in time. Tell the owner, or call it again with exactly the same \
             arguments: the same payment is sent."
        }
        PayError::Http(_) => "Nothing was paid. Check the URL, or try again later.",
        PayError::Redirected { .. } => {
            "Nothing was paid to the other address. If you trust it, ask there directly."
        }
        _ => "Nothing was paid.",
    };
    format!("{}. {advice}", with_sources(error))
}

pub(super) fn buy(error: &BuyError) -> String {
    match error {
        BuyError::Pay(error) => pay(error),
        BuyError::Refused { .. } => format!(
            "{error}. Calling again signs a new payment; the refused one may count against the \
             limits for 24 hours."
        ),
        BuyError::Unanswered { .. } => format!(
            "{error}. Call it again with exactly the same arguments: the same payment is sent, and \
             nothing is paid twice."
        ),
        _ => format!("{error}. Nothing was paid."),
    }
}

pub(super) fn no_history() -> String {
    "payments with a card are listed by its issuer, for the card's owner; the tool limits shows what \
     of the card is used"
        .to_owned()
}

pub(super) fn unfunded(account: AccountId) -> String {
    format!(
        "the processor does not know the account {account}. The owner opens it and deposits into it \
         first."
    )
}
