//! What can go wrong outside the EVM.

use std::{io, net::SocketAddr, path::PathBuf};

use crate::pool::Rejection;

/// Why a chain does not start, or does not do what it is told.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DevChainError {
    /// A built-in key is no key.
    #[error("development key {index} is not a secp256k1 key")]
    DevelopmentKey {
        /// Which.
        index: usize,
    },
    /// A setting makes no chain.
    #[error("{setting} of the embedded chain cannot be {value}")]
    Setting {
        /// Its name.
        setting: &'static str,
        /// What it was.
        value: String,
    },
    /// The chain's files cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A transaction was not taken.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// The clock cannot be set back behind the last block.
    #[error("timestamp {asked} is before the last block's, {head}")]
    Timestamp {
        /// The time asked for, in unix seconds.
        asked: u64,
        /// The last block's.
        head: u64,
    },
    /// There are not that many blocks to take back.
    #[error("cannot take back {depth} blocks of {height}")]
    Depth {
        /// How many.
        depth: u64,
        /// The number of the last block.
        height: u64,
    },
    /// Anybody who reaches the port can move every development account's money and the clock.
    #[error(
        "{address} is not a loopback address, and the embedded chain is served to this machine only"
    )]
    NotLoopback {
        /// Where it was to be served.
        address: SocketAddr,
    },
    /// The port cannot be had.
    #[error("cannot listen on {address}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The EVM failed in a way that no transaction can cause.
    #[error("the EVM failed: {0}")]
    Evm(String),
    /// An earlier fault left the chain in doubt; start it again.
    #[error("the embedded chain stopped after a fault")]
    Stopped,
}

/// Why the chain's files cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The operating system said no.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another process has the chain open.
    #[error("{} is in use by another process", path.display())]
    InUse {
        /// The chain's file.
        path: PathBuf,
    },
    /// The file is not a chain's, or of another version.
    #[error("{} is not an embedded chain's journal of version {expected}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// The version that can be read.
        expected: u32,
    },
    /// Bytes in the middle are not what was written.
    #[error(
        "{} is damaged at byte {offset}: restore it from a copy, or remove it to begin a new chain",
        path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where the damaged record begins.
        offset: u64,
    },
    /// The records are whole but do not follow one another.
    #[error("{}: record {record} {defect}", path.display())]
    Inconsistent {
        /// The file.
        path: PathBuf,
        /// Which record, from 0.
        record: usize,
        /// What is wrong with it.
        defect: &'static str,
    },
    /// It is another chain.
    #[error("{} holds chain {found}, not {expected}", path.display())]
    ChainId {
        /// The file.
        path: PathBuf,
        /// Its chain id.
        found: u64,
        /// The one configured.
        expected: u64,
    },
    /// A record is longer than the journal can hold.
    #[error("a record of {bytes} bytes is too long for the journal")]
    RecordLength {
        /// Its length.
        bytes: usize,
    },
    /// A write failed and could not be taken back, so nothing more can be appended.
    #[error("{} could not be brought back to its last record after a failed write", path.display())]
    Poisoned {
        /// The file.
        path: PathBuf,
    },
}
