//! An Ethereum chain inside this process: revm, behind alloy's own transport.
//!
//! Whoever talks to a chain does so through an alloy [`Provider`](alloy::providers::Provider), and
//! cannot tell whether [`DevChain::provider`] made it or a remote URL did. The same methods are
//! served as JSON-RPC over HTTP by [`DevChain::serve`].
//!
//! What is real: transactions of every kind but blobs, signatures, gas and its refunds, EIP-1559
//! fees from block to block, a pool with replacement, receipts, logs and their blooms, headers whose
//! hashes, transaction and receipt roots are as consensus has them, reorganisations.
//!
//! What is not: `stateRoot` is a digest of all changes so far and not a Merkle root; blocks carry no
//! beacon roots, blobs or withdrawals; one block may have its parent's timestamp (`clock.rs` says
//! why); `safe` and `finalized` are 32 and 64 blocks back, but tests may take back any block.
//!
//! With a data directory the chain is in a journal there, block by block, each on the disk before
//! anybody hears of it (`store.rs`). The transactions that wait, filters, snapshots and
//! impersonations are not kept.

mod block;
mod calls;
mod chain;
mod changes;
mod clock;
mod config;
mod error;
mod execute;
mod filters;
mod http;
mod lock;
mod miner;
mod mining;
mod node;
mod pool;
mod record;
mod rpc;
mod running;
mod state;
mod store;
mod transport;

pub use chain::DevChain;
pub use config::{DevChainConfig, Hardfork, Mining, WallClock, dev_accounts};
pub use error::{DevChainError, StoreError};
pub use http::{Listen, Server};
pub use pool::Rejection;
