//! An Ethereum chain inside a Rust program, for development and tests: revm behind alloy's own
//! transport.
//!
//! ```
//! use aep2_devchain::{DevChain, DevChainConfig, dev_accounts};
//! use alloy::{
//!     network::TransactionBuilder,
//!     primitives::{Address, U256},
//!     providers::{Provider, ProviderBuilder},
//!     rpc::types::TransactionRequest,
//! };
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let chain = DevChain::start(DevChainConfig::default())?;
//! let sender = dev_accounts()?.remove(0);
//! let provider = ProviderBuilder::new().wallet(sender).connect_client(chain.client());
//!
//! let to = Address::repeat_byte(0xaa);
//! let transfer = TransactionRequest::default().with_to(to).with_value(U256::from(5));
//! let receipt = provider.send_transaction(transfer).await?.get_receipt().await?;
//! assert_eq!(receipt.block_number, Some(1));
//! assert_eq!(provider.get_balance(to).await?, U256::from(5));
//! # Ok(())
//! # }
//! ```
//!
//! A program talks to a chain through an alloy [`Provider`](alloy::providers::Provider). It cannot tell
//! whether [`DevChain::provider`] made it or a remote URL did. [`DevChain::serve`] offers the same
//! methods as JSON-RPC over HTTP.
//!
//! The chain implements transactions of every kind but blobs, signatures, gas and its refunds, EIP-1559
//! fees from block to block, a pool with replacement, receipts, logs and their blooms, headers whose
//! hashes, transaction and receipt roots are as consensus has them, and reorganisations.
//!
//! It differs from a public chain in this: `stateRoot` is a digest of all changes so far and not a
//! Merkle root; blocks carry no beacon roots, blobs or withdrawals; a block may have its parent's
//! timestamp (`clock.rs` says why); `safe` and `finalized` are 32 and 64 blocks back, but a test may
//! take back any block.
//!
//! With a data directory the chain is kept in a journal there, block by block. A block is on the disk
//! before anybody hears of it (`store.rs`). Waiting transactions, filters, snapshots and impersonations
//! are not kept.

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
