//! The points between two steps at which a process may die, for those who want to know where a
//! processor is: tests stop it there.

/// Something that changes what is on disk or on the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum FailPoint {
    /// Mandates are sealed into a batch.
    Seal,
    /// A segment of a batch is proved.
    Prove,
    /// A segment's proof is stored.
    StoreSegment,
    /// A batch's proofs are stored, of all its segments.
    StoreProof,
    /// It is noted that a batch's transaction is about to be sent.
    NoteSubmission,
    /// A batch's transaction is handed to the sender: tried out, written down, broadcast.
    Submit,
    /// A transaction is written down. After it, before it is broadcast: the point of no return.
    WriteTransaction,
    /// Transactions that ended long ago are forgotten.
    ForgetTransactions,
    /// A batch is aborted.
    Abort,
    /// Mandates that wait are quarantined, or go back to the queue.
    Dispose,
    /// Mandates that cannot settle any more fail.
    Expire,
    /// Blocks are applied.
    ApplyBlocks,
    /// Blocks are undone.
    Rewind,
    /// Requests in blocks that are not confirmed yet are noted.
    NoteUnconfirmed,
}

/// Whether that is about to happen, or has happened: it is on disk, on its way, or refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Moment {
    /// Nothing has happened yet.
    Before,
    /// It has happened.
    After,
}

/// Is told of every fail point, on the thread that reaches it and before that goes on.
pub trait FailPointHook: Send + Sync {
    /// A fail point was reached.
    fn reached(&self, point: FailPoint, moment: Moment);
}

/// Does nothing.
impl FailPointHook for () {
    fn reached(&self, _: FailPoint, _: Moment) {}
}
