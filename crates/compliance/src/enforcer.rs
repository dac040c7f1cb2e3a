//! What a decision does to payments: the seam to a processor.

use aep2_mandate::units::UnixTime;
use alloy_primitives::B256;
use async_trait::async_trait;
use thiserror::Error;

use crate::subject::Subject;

/// A mandate that was accepted and is not settled, with everybody in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LiveMandate {
    /// Its id or digest.
    pub id: B256,
    /// Who pays; nothing where that is not known any more.
    pub payer: Option<Subject>,
    /// Who is paid.
    pub payee: Subject,
    /// Who signed for the payer, where somebody did.
    pub agent: Option<Subject>,
}

impl LiveMandate {
    /// Everybody in it.
    pub fn subjects(&self) -> impl Iterator<Item = Subject> {
        [self.payer, Some(self.payee), self.agent].into_iter().flatten()
    }
}

/// A decision could not be carried out. It is tried again.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct NotEnforced(pub String);

/// Who carries out decisions. Each of these may be called again for what it has done already.
#[async_trait]
pub trait Enforcer: Send + Sync {
    /// Has nothing accepted any more that names the subject, in the very write that accepts, where that can
    /// be said for it: compliance itself lets nothing pass either. `note` is for the operator.
    ///
    /// # Errors
    /// When that cannot be written.
    async fn close(&self, subject: &Subject, note: &str) -> Result<(), NotEnforced>;

    /// Has it accepted again.
    ///
    /// # Errors
    /// When that cannot be written.
    async fn open(&self, subject: &Subject) -> Result<(), NotEnforced>;

    /// Of whom nothing is accepted by what [`close`](Self::close) did.
    fn closed(&self) -> Vec<Subject>;

    /// The mandates that could still be kept from being settled.
    ///
    /// # Errors
    /// When they cannot be read.
    async fn live(&self) -> Result<Vec<LiveMandate>, NotEnforced>;

    /// Holds a mandate as long as its receipt allows. Says until when; nothing when it is too late.
    ///
    /// # Errors
    /// When that cannot be written.
    async fn hold(&self, mandate: B256, by: &str) -> Result<Option<UnixTime>, NotEnforced>;

    /// Takes that hold off. Says whether there was one.
    ///
    /// # Errors
    /// When that cannot be written.
    async fn release(&self, mandate: B256) -> Result<bool, NotEnforced>;

    /// Keeps a mandate from settling for good, whatever was promised: the payee can claim it from the
    /// bond. False when it is too late.
    ///
    /// # Errors
    /// When that cannot be written.
    async fn freeze(&self, mandate: B256, by: &str) -> Result<bool, NotEnforced>;

    /// Takes a freeze off.
    ///
    /// # Errors
    /// When that cannot be written.
    async fn thaw(&self, mandate: B256) -> Result<(), NotEnforced>;
}
