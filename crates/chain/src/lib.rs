//! The chain behind one interface.
//!
//! - [`contracts`]: the bindings, from the committed artifacts; [`deployment`]: putting the contracts
//!   on a chain, and checking that they are there;
//! - [`wallet`]: what the debit wallet is told and answers, and why it refuses; [`token`]: the same of
//!   tokens; [`call`]: a call as a value; [`transact`](mod@transact): sending one and waiting;
//! - [`settlement`]: batches, from their proofs to a transaction and back; [`captures`]: what they
//!   captured of each mandate, as an answer shows it; [`inclusion`]: that a
//!   mandate was settled, against what the chain settled; [`events`]: what the wallet logs;
//! - [`follower`]: reading events block by block, through reorganisations; [`sender`]: a queue of
//!   transactions that loses and repeats nothing.
//!
//! The chain itself is whatever an alloy [`Provider`](alloy::providers::Provider) leads to: a node, or
//! `aep2-devchain` in this process.
//!
//! A chain from nothing, with an account and money in it:
//!
//! ```
//! use aep2_chain::{
//!     deployment::{Plan, deploy},
//!     token,
//!     transact::transact,
//!     wallet::{
//!         Wallet,
//!         guarantee::Periods,
//!         terms::Terms,
//!         units::{BaseUnits, KeyHash},
//!     },
//! };
//! use aep2_circuits::Shape;
//! use aep2_devchain::{DevChain, DevChainConfig, dev_accounts};
//! use aep2_mandate::eddsa::SecretKey;
//! use aep2_prover::prover::{Entropy, Prover};
//! use alloy::providers::ProviderBuilder;
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let chain = DevChain::start(DevChainConfig::default())?;
//! let owner = dev_accounts()?.remove(0);
//! let owner_address = owner.address();
//! let provider = ProviderBuilder::new().wallet(owner).connect_client(chain.client());
//!
//! // Whoever has seen this key's secrets forges proofs: fine here, refused on a public chain.
//! let prover = Prover::set_up(Shape::TEST, &Entropy::Fresh, &())?;
//! let plan = Plan {
//!     periods: Periods::default(),
//!     keys: vec![(&prover).into()],
//!     accept_development_keys: Default::default(),
//!     checked_ceremonies: Default::default(),
//!     test_token: true,
//! };
//! let deployment = deploy(&provider, &plan).await?;
//! deployment.verify(&provider).await?;
//! let wallet = Wallet::connect(provider.clone(), deployment.wallet.address).await?;
//!
//! let agent = SecretKey::generate(&mut rand::rngs::OsRng);
//! let terms = Terms {
//!     processor: owner_address,
//!     verifier_set: Some(deployment.verifier_set),
//!     key_hash: Some(KeyHash::of(&agent.public())),
//! };
//! let receipt = transact(&provider, &wallet.id().open_account(&terms)).await?;
//! let account = wallet.id().opened_account(&receipt)?;
//!
//! let usd = deployment.test_token.ok_or("asked for in the plan")?.address;
//! let five = BaseUnits::new(5_000_000);
//! transact(&provider, &token::mint_test_tokens(usd, owner_address, five)).await?;
//! transact(&provider, &token::approve(usd, wallet.id().address, five)).await?;
//! transact(&provider, &wallet.id().deposit(account, usd, five)).await?;
//! assert_eq!(wallet.purse(account, usd).await?.balance, five);
//! # Ok(())
//! # }
//! ```

pub mod backoff;
pub mod call;
pub mod captures;
pub mod contracts;
pub mod deployment;
pub mod error;
pub mod events;
pub mod follower;
pub mod inclusion;
pub mod sender;
pub mod settlement;
pub mod token;
pub mod transact;
pub mod wallet;

mod lock;
mod rpc;

pub use rpc::{BlockRef, RpcError};
