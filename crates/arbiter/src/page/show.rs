//! How things look: times, where a case stands.

use aep2_mandate::units::UnixTime;

use crate::case::{Case, CaseState, DecidedBy, Delivery, Ending, PayerCheck};

/// A time, in UTC.
pub(super) fn time(at: UnixTime) -> String {
    let seconds = i64::try_from(at.get()).ok();
    let time = seconds.and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
    time.map_or_else(|| at.to_string(), |time| time.to_string())
}

/// Where a case stands, in words.
pub(super) fn state(case: &Case) -> String {
    match &case.state {
        CaseState::Open if case.answer.is_none() => "open, no answer yet".to_owned(),
        CaseState::Open => "open, answered".to_owned(),
        CaseState::Proposed { proposal } => {
            format!("{} proposed {}; another judge confirms", proposal.by, proposal.captured)
        }
        CaseState::Decided { decision, delivery, .. } => {
            let by = by(&decision.by);
            format!("{by} decided {}; {}", decision.captured, delivered(delivery))
        }
        CaseState::Ended { why: Ending::Closed, .. } => "ended: the processor closed it".to_owned(),
        CaseState::Ended { why: Ending::RuledElsewhere, .. } => {
            "ended: ruled on elsewhere, with this key".to_owned()
        }
        CaseState::Ended { why: Ending::NotThePayer, .. } => {
            "ended: the chain names somebody else as the payer".to_owned()
        }
        CaseState::Ended { why: Ending::TooLate, .. } => "ended: its time was over".to_owned(),
    }
}

/// Who decided, in words.
pub(super) fn by(by: &DecidedBy) -> String {
    match by {
        DecidedBy::Rule { rule } => format!("the rule {rule}"),
        DecidedBy::Judge { name, confirmed_by: None } => name.clone(),
        DecidedBy::Judge { name, confirmed_by: Some(other) } => format!("{name} and {other}"),
        DecidedBy::Default => "the default".to_owned(),
    }
}

/// Whether the processor has a ruling, in words.
pub(super) fn delivered(delivery: &Delivery) -> String {
    match delivery {
        Delivery::Waiting { tries: 0, .. } => "to be delivered".to_owned(),
        Delivery::Waiting { tries, .. } => format!("not delivered after {tries} tries; soon again"),
        Delivery::Delivered { .. } => "delivered".to_owned(),
        Delivery::Refused { code, message, .. } => {
            format!("the processor does not take it: {message} ({code})")
        }
        Delivery::TooLate { .. } => "the processor was not reached in time".to_owned(),
    }
}

/// What is known of who opened a dispute, in words.
pub(super) fn payer(check: PayerCheck) -> &'static str {
    match check {
        PayerCheck::Confirmed => "the account's, as the chain has it",
        PayerCheck::Trusted => "the account's, as the processor says, which is trusted with that",
        PayerCheck::Unconfirmed => "the account's, as the processor says; nobody else does",
    }
}
