//! What is kept in memory beside a journal.

/// Memory that shows what is on disk, no more. A write that fails has nothing to take back.
///
/// `()` for a journal that keeps nothing in memory.
pub trait State: Send + Sync + 'static {
    /// What requests change of it.
    type Delta: Delta;

    /// Shows what a commit changed. The writer calls it after the sync, before anybody is answered.
    fn publish(&self, delta: Self::Delta);
}

/// Changes of a [`State`] that are not on disk yet.
pub trait Delta: Default + Send {
    /// Puts later changes on top.
    fn add(&mut self, later: Self);
}

impl State for () {
    type Delta = ();
    fn publish(&self, (): ()) {}
}

impl Delta for () {
    fn add(&mut self, (): ()) {}
}
