//! Compliance at a processor: asked before a receipt, and carried out by gates and holds.

use aep2_compliance::{
    Compliance, Enforcer, LiveMandate, NotEnforced, Payment, admission::NotAdmitted,
    subject::Subject,
};
use aep2_ledger::{Close, GateReason, GateScope, Hold, HoldError, HoldKind, MandateHash};
use aep2_mandate::units::UnixTime;
use aep2_processor::{
    Processor,
    policy::{Policy, PolicyRefusal, RefusalKind, Request},
};
use alloy::primitives::B256;
use async_trait::async_trait;

/// Compliance as a policy of the processor's.
#[derive(Clone, Debug)]
pub struct Screening(pub Compliance);

/// What compliance is asked about a mandate.
pub(crate) fn payment(request: &Request) -> Payment {
    Payment {
        mandate: request.mandate.bytes(),
        account: request.account,
        owner: request.owner,
        key_hash: request.key_hash,
        token: request.token,
        payee: request.payee,
        amount: request.amount.amount(),
        at: request.at,
    }
}

fn refusal(not_admitted: NotAdmitted) -> PolicyRefusal {
    let message = not_admitted.to_string();
    let kind = match not_admitted {
        NotAdmitted::Refused => RefusalKind::Refused,
        NotAdmitted::Pending { retry_after_s } => RefusalKind::Pending { retry_after_s },
        NotAdmitted::Missing(_) => RefusalKind::Missing,
    };
    PolicyRefusal { kind, message }
}

impl Policy for Screening {
    fn allow(&self, request: &Request) -> Result<(), PolicyRefusal> {
        self.0.check(&payment(request)).map_err(refusal)
    }

    fn reserve(&self, request: &Request) -> Result<(), PolicyRefusal> {
        self.0.admit(&payment(request)).map_err(refusal)
    }

    fn release(&self, request: &Request) {
        self.0.release(&payment(request));
    }

    fn restore(&self, request: &Request) {
        self.0.restore(&payment(request));
    }
}

/// A processor that carries out what compliance decides.
#[derive(Clone, Debug)]
pub struct ProcessorEnforcer(pub Processor);

impl ProcessorEnforcer {
    /// The gate that stands for a subject. Only payees have one: an account's would be shared by its owner and
    /// its agent, and outlast a change of the key.
    const fn scope(subject: &Subject) -> Option<GateScope> {
        match *subject {
            Subject::Payee(payee) => Some(GateScope::Payee { payee }),
            Subject::Payer(_) | Subject::Agent(_) => None,
        }
    }

    async fn hold_as(
        &self,
        mandate: B256,
        kind: HoldKind,
        by: &str,
    ) -> Result<Option<UnixTime>, NotEnforced> {
        let mandate = MandateHash::from_bytes(mandate);
        let hold = Hold { mandate, kind, until: UnixTime::MAX, by: by.to_owned() };
        match self.0.hold(hold).await {
            Ok(held) => Ok(Some(held.until)),
            Err(
                HoldError::TooLate { .. }
                | HoldError::NotQueued { .. }
                | HoldError::UnknownMandate { .. },
            ) => Ok(None),
            Err(error) => Err(not_enforced(error)),
        }
    }

    async fn release_as(&self, mandate: B256, kind: HoldKind) -> Result<bool, NotEnforced> {
        match self.0.release(MandateHash::from_bytes(mandate), kind).await {
            Ok(()) => Ok(true),
            Err(
                HoldError::NotHeld { .. }
                | HoldError::NotQueued { .. }
                | HoldError::UnknownMandate { .. },
            ) => Ok(false),
            Err(error) => Err(not_enforced(error)),
        }
    }
}

fn not_enforced(error: impl std::fmt::Display) -> NotEnforced {
    NotEnforced(error.to_string())
}

#[async_trait]
impl Enforcer for ProcessorEnforcer {
    async fn close(&self, subject: &Subject, note: &str) -> Result<(), NotEnforced> {
        if let Some(scope) = Self::scope(subject) {
            let (by, note) = ("compliance".to_owned(), note.to_owned());
            let close = Close { scope, reason: GateReason::Denied, by, note };
            self.0.close_gate(close).await.map_err(not_enforced)?;
        }
        Ok(())
    }

    async fn open(&self, subject: &Subject) -> Result<(), NotEnforced> {
        if let Some(scope) = Self::scope(subject) {
            self.0.open_gate(scope, GateReason::Denied).await.map_err(not_enforced)?;
        }
        Ok(())
    }

    fn closed(&self) -> Vec<Subject> {
        let denied = self.0.gates().into_iter().filter_map(|(scope, reason, _)| match scope {
            GateScope::Payee { payee } if reason == GateReason::Denied => Some(payee),
            _ => None,
        });
        denied.map(Subject::Payee).collect()
    }

    async fn live(&self) -> Result<Vec<LiveMandate>, NotEnforced> {
        let waiting = self.0.waiting().await.map_err(not_enforced)?;
        let live = waiting.into_iter().map(|request| LiveMandate {
            id: request.mandate.bytes(),
            payer: request.owner.map(Subject::Payer),
            payee: Subject::Payee(request.payee),
            agent: request.key_hash.map(Subject::Agent),
        });
        Ok(live.collect())
    }

    async fn hold(&self, mandate: B256, by: &str) -> Result<Option<UnixTime>, NotEnforced> {
        self.hold_as(mandate, HoldKind::Review, by).await
    }

    async fn release(&self, mandate: B256) -> Result<bool, NotEnforced> {
        self.release_as(mandate, HoldKind::Review).await
    }

    async fn freeze(&self, mandate: B256, by: &str) -> Result<bool, NotEnforced> {
        Ok(self.hold_as(mandate, HoldKind::Freeze, by).await?.is_some())
    }

    async fn thaw(&self, mandate: B256) -> Result<(), NotEnforced> {
        self.release_as(mandate, HoldKind::Freeze).await.map(drop)
    }
}
