//! Carrying decisions out: a gate, and holds on what waits.
//!
//! What is to be done is written down with the decision, and is there until it is done: a process that was
//! killed goes on with it. One thing is done at a time, by the decision as it is then.
//!
//! A mandate that was being accepted when its payee was denied is found by a second look some seconds later.
//! One that was in a batch which is aborted, or in quarantine, is found by a look at everything that waits
//! every half minute.

use std::{collections::HashSet, sync::Arc, time::Duration};

use aep2_mandate::units::UnixTime;
use alloy_primitives::B256;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::time::{MissedTickBehavior, interval};

use crate::{
    audit::{self, About, Actor, action},
    compliance::Compliance,
    enforcer::{Enforcer, LiveMandate, NotEnforced},
    error::ComplianceError,
    family::Family,
    rules::later,
    standing::Standing,
    store::{self, Source, Tx, subject_key},
    subject::Subject,
};

/// How often it is looked whether anything is to be done.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How long after a subject was denied its mandates are looked at a second time, in seconds: those that
/// were being accepted when the first look was taken.
const SECOND_LOOK_S: u64 = 5;
/// How often everything that waits is looked at, in ticks.
const SWEEP_TICKS: u64 = 60;

/// What is to be done because a decision changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Effect {
    subject: Subject,
    /// Not before; by then another look is due.
    due: UnixTime,
    /// Whether it was done once already.
    again: bool,
    /// Another one each time, so that one is not taken for the next.
    number: u64,
}

/// Writes down that a subject's decision is to be carried out.
pub(crate) fn require(
    tx: &mut Tx<'_>,
    subject: Subject,
    now: UnixTime,
) -> Result<(), ComplianceError> {
    const NEXT: &[u8] = b"effect";
    let number: u64 = tx.record(Family::Sequences, NEXT)?.unwrap_or(1);
    store::put(tx, Family::Sequences, NEXT.to_vec(), &(number + 1))?;
    let effect = Effect { subject, due: now, again: false, number };
    store::put(tx, Family::Effects, subject_key(&subject), &effect)
}

impl Compliance {
    /// Has everything carried out, for ever.
    pub(crate) async fn keep_enforcing(&self, enforcer: &Arc<dyn Enforcer>) {
        // There is one run of each store.
        let _ = self.inner.enforcer.set(Arc::clone(enforcer));
        let mut ticks = interval(LOOK_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut is_begun, mut held, mut tick) = (false, HashSet::new(), 0_u64);
        loop {
            ticks.tick().await;
            if let Err(error) = self.freeze_undone(&**enforcer).await {
                tracing::error!(%error, "what an officer froze is not frozen yet");
            }
            if !is_begun {
                let asked = self.ask_about_live(&**enforcer).await;
                is_begun = asked
                    .inspect_err(|error| {
                        tracing::error!(%error, "what was accepted before is not looked at yet");
                    })
                    .is_ok();
            }
            self.enforce_due(&**enforcer).await;
            if tick.is_multiple_of(SWEEP_TICKS)
                && let Err(error) = self.sweep(&**enforcer, &mut held).await
            {
                tracing::error!(%error, "what waits is not looked at");
            }
            tick = tick.wrapping_add(1);
        }
    }

    /// Has everybody asked about who is in a mandate that waits and is not known: what was accepted just
    /// before the process was killed, and before there was compliance.
    async fn ask_about_live(&self, enforcer: &dyn Enforcer) -> Result<(), NotEnforced> {
        // Closed by another store, or before this one was restored: nobody else would open it.
        for subject in enforcer.closed() {
            let standing =
                self.standing(&subject).map_err(|error| NotEnforced(error.to_string()))?;
            if !standing.is_some_and(|own| own.decision.is_denied()) {
                enforcer.open(&subject).await?;
            }
        }
        for subject in enforcer.live().await?.iter().flat_map(LiveMandate::subjects) {
            let is_asked = !self.inner.rules.of(subject.kind()).is_empty();
            if is_asked && self.inner.known.get(&subject).is_none() {
                self.inner.queue.again(subject);
            }
        }
        Ok(())
    }

    /// Carries out what is due. What fails is tried again, and keeps nothing else from being done.
    async fn enforce_due(&self, enforcer: &dyn Enforcer) {
        let now = self.now();
        let effects: Result<Vec<Effect>, _> = store::all(&self.view(), Family::Effects, &[]);
        let effects = effects.unwrap_or_else(|error| {
            tracing::error!(%error, "what is to be done cannot be read");
            Vec::new()
        });
        for effect in effects.into_iter().filter(|effect| effect.due <= now) {
            if let Err(error) = self.enforce(effect, enforcer).await {
                let subject = effect.subject;
                tracing::error!(%subject, %error, "a decision is not carried out yet");
            }
        }
    }

    async fn enforce(
        &self,
        effect: Effect,
        enforcer: &dyn Enforcer,
    ) -> Result<(), ComplianceError> {
        let subject = effect.subject;
        let standing = self.standing(&subject)?;
        let denied = standing.as_ref().is_some_and(|own| own.decision.is_denied());
        self.agree(standing.as_ref(), denied);
        let done = if denied {
            self.stop(&subject, standing.as_ref(), enforcer).await
        } else {
            self.serve(&subject, enforcer).await
        };
        let changes = done.map_err(|NotEnforced(why)| ComplianceError::Internal(why))?;
        let now = self.now();
        self.write(move |tx| {
            for (mandate, until) in changes {
                let (action, until) = match until {
                    Some(until) => (action::HELD, json!(until.get())),
                    None => (action::RELEASED, json!(null)),
                };
                let details = json!({ "subject": subject, "until": until });
                audit::write(
                    tx,
                    now,
                    &Actor::Processor,
                    (action, About::Mandate(mandate)),
                    details,
                )?;
            }
            let key = subject_key(&subject);
            if tx.record::<Effect>(Family::Effects, &key)? != Some(effect) {
                // The decision changed meanwhile: that is still to be done.
                return Ok(());
            }
            if denied && !effect.again {
                let due = later(now, SECOND_LOOK_S);
                return store::put(
                    tx,
                    Family::Effects,
                    key,
                    &Effect { due, again: true, ..effect },
                );
            }
            tx.delete(Family::Effects, key);
            Ok(())
        })
        .await
    }

    /// Has memory say what the store does: whoever decided may have been cut off in between.
    fn agree(&self, standing: Option<&Standing>, denied: bool) {
        let Some(standing) = standing else { return };
        let known = self.inner.known.get(&standing.subject);
        if known.is_none_or(|known| known.decision.is_denied() != denied) {
            self.count(standing, 0);
        }
    }

    /// Has nothing accepted that names the subject, and holds what waits. Gives what is held, and until when.
    async fn stop(
        &self,
        subject: &Subject,
        standing: Option<&Standing>,
        enforcer: &dyn Enforcer,
    ) -> Result<Vec<(B256, Option<UnixTime>)>, NotEnforced> {
        // Whoever merely lacks something is refused by compliance: strangers must not fill the ledger's gates.
        let stands = standing.is_some_and(|own| {
            own.decision.reason().is_absolute() || own.officer.as_ref().is_some_and(|by| !by.serve)
        });
        if stands {
            enforcer.close(subject, "compliance").await?;
        }
        let mut held = Vec::new();
        for mandate in enforcer.live().await? {
            if mandate.subjects().any(|own| own == *subject)
                && let Some(until) = enforcer.hold(mandate.id, "compliance").await?
            {
                held.push((mandate.id, Some(until)));
            }
        }
        Ok(held)
    }

    /// Has it accepted again, and releases what nobody else holds up. Gives what is released.
    async fn serve(
        &self,
        subject: &Subject,
        enforcer: &dyn Enforcer,
    ) -> Result<Vec<(B256, Option<UnixTime>)>, NotEnforced> {
        enforcer.open(subject).await?;
        let mut released = Vec::new();
        for mandate in enforcer.live().await? {
            if mandate.subjects().any(|own| own == *subject)
                && !self.names_denied(&mandate, Some(subject))
                && enforcer.release(mandate.id).await?
            {
                released.push((mandate.id, None));
            }
        }
        Ok(released)
    }

    /// Holds what waits, names somebody who is denied, and was not there to be held before.
    async fn sweep(
        &self,
        enforcer: &dyn Enforcer,
        held: &mut HashSet<B256>,
    ) -> Result<(), NotEnforced> {
        let live = enforcer.live().await?;
        let denied = live.iter().filter(|mandate| self.names_denied(mandate, None));
        let denied: HashSet<B256> = denied.map(|mandate| mandate.id).collect();
        held.retain(|mandate| denied.contains(mandate));
        for mandate in denied {
            if !held.contains(&mandate) && enforcer.hold(mandate, "compliance").await?.is_some() {
                held.insert(mandate);
            }
        }
        Ok(())
    }

    /// Whether a mandate names somebody who is denied, besides `but`. Memory and store may differ for a moment:
    /// who is denied is so in both.
    fn names_denied(&self, mandate: &LiveMandate, but: Option<&Subject>) -> bool {
        let is_denied = |own: &Subject| {
            self.inner.known.get(own).is_some_and(|known| known.decision.is_denied())
                && self
                    .standing(own)
                    .is_ok_and(|own| own.is_some_and(|standing| standing.decision.is_denied()))
        };
        mandate.subjects().any(|own| but != Some(&own) && is_denied(&own))
    }
}
