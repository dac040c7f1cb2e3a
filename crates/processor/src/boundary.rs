//! The boundaries between steps, for those who want to know where a processor is: tests stop it there.

/// Something that changes what is on disk or on the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Act {
    /// Mandates are sealed into a batch.
    Seal,
    /// A batch is proved.
    Prove,
    /// A batch's proof is stored.
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
    TakeApart,
    /// Mandates that wait are quarantined, or go back to the queue.
    Dispose,
    /// Mandates that cannot settle any more fail.
    Expire,
    /// Blocks are applied.
    ApplyBlocks,
    /// Blocks are undone.
    Rewind,
    /// What is asked for in blocks ahead is stated.
    Sight,
}

/// Whether the act is about to be, or is done: on disk, on its way, or refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Side {
    /// Nothing has happened yet.
    Before,
    /// It has happened.
    After,
}

/// A moment between two steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Boundary {
    /// Which act it is before or after.
    pub act: Act,
    /// Which of the two.
    pub side: Side,
}

/// Is told of every boundary, on the thread that reaches it and before that goes on.
pub trait Watch: Send + Sync {
    /// A boundary was reached.
    fn reached(&self, boundary: Boundary);
}

/// Does not watch.
impl Watch for () {
    fn reached(&self, _: Boundary) {}
}
