//! What processors signed, kept for whoever makes them keep their word.

use aep2_receipts::{Keeper, Statement};
use prometheus_client::metrics::counter::Counter;

/// Where receipts are kept, if anywhere. Clones are the same place.
#[derive(Clone, Debug, Default)]
pub(crate) struct Kept {
    keeper: Option<Keeper>,
    /// What could not be written.
    pub(crate) failures: Counter,
}

impl Kept {
    pub(crate) fn new(keeper: Option<Keeper>) -> Self {
        Self { keeper, failures: Counter::default() }
    }

    /// Writes a statement down, before what it is about goes on. One that cannot be written is said: the
    /// payer has paid, and is served all the same.
    pub(crate) fn keep(&self, statement: impl Into<Statement>) {
        let Some(keeper) = &self.keeper else { return };
        let statement = statement.into();
        if let Err(error) = keeper.keep(statement) {
            self.failures.inc();
            let id = statement.mandate_id();
            tracing::error!(%id, %error, "a receipt is not kept: nobody can demand what it promises");
        }
    }
}
