//! What is needed to serve requests.

use std::{collections::HashMap, sync::Arc};

use aep2_mandate::{mandate::Domain, typed_data, units::Ceiling};
use alloy::{primitives::Address, signers::local::PrivateKeySigner, sol_types::Eip712Domain};
use tokio::{runtime::Handle, sync::RwLock};

use crate::shared::Shared;

/// Who accepts, and by which terms.
pub(crate) struct Desk {
    pub(crate) shared: Arc<Shared>,
    /// The wallet's EIP-712 domain.
    pub(crate) typed_data: Eip712Domain,
    runtime: Handle,
    /// Read by each task that answers.
    tasks: Arc<RwLock<()>>,
    /// The accepted tokens' domains, and the least amounts.
    pub(crate) tokens: HashMap<Address, (Domain, Ceiling)>,
}

impl Desk {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        let wallet = shared.deployment.wallet_id();
        let domain = |token| Domain::new(wallet.chain_id, wallet.address, token);
        let tokens = &shared.config.acceptance.tokens;
        let tokens = tokens.iter().map(|(token, least)| (*token, (domain(*token), *least)));
        Self {
            tokens: tokens.collect(),
            typed_data: typed_data::domain(wallet.chain_id, wallet.address),
            runtime: Handle::current(),
            tasks: Arc::default(),
            shared,
        }
    }

    /// The key that signs receipts.
    pub(crate) fn key(&self) -> &PrivateKeySigner {
        &self.shared.key
    }

    /// The domain of mandates in `token`, accepted or not: what was accepted once is known for ever.
    pub(crate) fn domain(&self, token: Address) -> Domain {
        let wallet = self.shared.deployment.wallet_id();
        let known = self.tokens.get(&token).map(|(domain, _)| *domain);
        known.unwrap_or_else(|| Domain::new(wallet.chain_id, wallet.address, token))
    }

    /// Runs a task that answers requests. Whoever closes the ledger waits for it.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let running = Arc::clone(&self.tasks).try_read_owned();
        self.runtime.spawn(async move {
            task.await;
            // With all that it held let go of.
            drop(running);
        });
    }

    /// Waits until the tasks have ended, and what they held is let go of. No more may begin.
    pub(crate) async fn tasks_ended(&self) {
        drop(self.tasks.write().await);
    }
}
