//! Delivering rulings: the same bytes, again and again, until the processor has them, refuses them, or does
//! not take any more.

use aep2_mandate::units::UnixTime;
use aep2_processor_client::{ProcessorError, disputes::DisputesClient};
use serde_json::json;

use crate::{
    arbiter::Arbiter,
    audit::{self, About, Actor, action},
    case::{Case, CaseState, Delivery},
    cases,
    clocks::Clocks,
    error::ArbiterError,
    verify::SKEW_S,
};

/// The longest pause between two tries, in seconds.
const PAUSE_S_MAX: u64 = 60;

impl Arbiter {
    /// Sends the ruling of a case to its processor, if it is to be sent now.
    pub(crate) async fn deliver(
        &self,
        client: &DisputesClient,
        number: u64,
        clocks: Clocks,
    ) -> Result<Case, ArbiterError> {
        let (case, now) = (self.case(number)?, self.now());
        let CaseState::Decided { ruling, delivery: Delivery::Waiting { tries, next_at }, .. } =
            &case.state
        else {
            return Ok(case);
        };
        // Its own clock may be behind: it says itself when it is too late. And this one may be wrong.
        if clocks.agree() && is_too_late(&case, now) {
            return self.delivered(number, Delivery::TooLate { at: now }).await;
        }
        if now < *next_at {
            return Ok(case);
        }
        let delivery = match client.rule(ruling).await {
            Ok(view) if view.ruling.as_ref() == Some(&**ruling) => Delivery::Delivered { at: now },
            // It answers, and shows something else: once more, it may be a cache's answer.
            Ok(_) | Err(ProcessorError::Unavailable(_) | ProcessorError::InvalidAnswer(_)) => {
                let pause = (1_u64 << (*tries).min(6)).min(PAUSE_S_MAX);
                let next_at = now.checked_add(pause).unwrap_or(UnixTime::MAX);
                Delivery::Waiting { tries: tries.saturating_add(1), next_at }
            }
            Err(ProcessorError::Refused { code, message }) => {
                let message = message.chars().take(500).collect();
                let code = code.chars().take(100).collect();
                Delivery::Refused { code, message, at: now }
            }
        };
        self.delivered(number, delivery).await
    }

    /// Notes what became of the ruling of a case.
    pub(crate) async fn delivered(
        &self,
        number: u64,
        delivery: Delivery,
    ) -> Result<Case, ArbiterError> {
        let (now, kept_until) = (self.now(), self.config().kept_until(self.now()));
        let (outcome, action) = match &delivery {
            Delivery::Waiting { .. } => ("tried", None),
            Delivery::Delivered { .. } => ("delivered", Some(action::DELIVERED)),
            Delivery::Refused { .. } => ("refused", Some(action::NOT_TAKEN)),
            Delivery::TooLate { .. } => ("too_late", Some(action::NOT_DELIVERED)),
        };
        self.metrics().ruling(outcome);
        if let Delivery::Refused { code, message, .. } = &delivery {
            tracing::error!(case = number, code, message, "the processor does not take the ruling");
        }
        self.write(move |tx| {
            let before = cases::find(tx, number)?;
            let mut case = before.clone();
            let CaseState::Decided { delivery: own, .. } = &mut case.state else {
                return Ok(before);
            };
            // It may have been seen delivered meanwhile.
            if !matches!(own, Delivery::Waiting { .. }) {
                return Ok(before);
            }
            let code = match &delivery {
                Delivery::Refused { code, .. } => Some(code.clone()),
                _ => None,
            };
            *own = delivery;
            cases::put(tx, Some(&before), &mut case, kept_until)?;
            if let Some(action) = action {
                let actor = Actor::Processor(before.processor);
                let details = json!({ "code": code });
                audit::write(tx, now, &actor, (action, About::Case(number)), details)?;
            }
            Ok(case)
        })
        .await
    }
}

/// Whether the time of a case is over by any clock that can be right.
pub(crate) fn is_too_late(case: &Case, now: UnixTime) -> bool {
    now > case.decide_by.checked_add(SKEW_S).unwrap_or(UnixTime::MAX)
}
