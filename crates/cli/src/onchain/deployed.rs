//! The deployment that a command works on: its file, checked against the chain.

use std::path::PathBuf;

use aep2_chain::{
    deployment::{Deployment, is_local},
    wallet::{Wallet, guarantee::Guarantee},
};
use alloy::{primitives::Address, providers::DynProvider};
use anyhow::{Context, ensure};
use clap::Args;

use super::{amount::TokenInfo, node::Node};

/// Where a deployment is kept when nothing else is said.
pub(crate) const FILE_DEFAULT: &str = "aep2-deployment.json";

/// The deployment.
#[derive(Args)]
pub(crate) struct DeploymentOptions {
    /// The file that says where the contracts are (`aep2 deploy` writes it)
    #[arg(
        long = "deployment",
        value_name = "FILE",
        env = "AEP2_DEPLOYMENT",
        default_value = FILE_DEFAULT
    )]
    file: PathBuf,
}

/// The token.
#[derive(Args)]
pub(crate) struct TokenOptions {
    /// The token [default: the deployment's]
    #[arg(long = "token", value_name = "ADDRESS", env = "AEP2_TOKEN")]
    address: Option<Address>,
}

impl TokenOptions {
    /// The token that is named.
    pub(crate) fn address(&self) -> Option<Address> {
        self.address
    }
}

/// A deployment that is on the node's chain.
pub(crate) struct Deployed {
    pub(crate) deployment: Deployment,
    pub(crate) wallet: Wallet<DynProvider>,
}

impl DeploymentOptions {
    /// Reads the file and checks that the chain has what it says, code and keys.
    pub(crate) async fn open(&self, node: &Node) -> anyhow::Result<Deployed> {
        let name = self.file.display();
        ensure!(
            self.file.exists(),
            "there is no {name}; make it with `aep2 deploy`, or name another file with \
             --deployment or AEP2_DEPLOYMENT"
        );
        let deployment = Deployment::read(&self.file)?;
        let (expected, found) = (deployment.chain_id, node.chain_id);
        ensure!(
            expected == found,
            "{name} is of chain {expected}, and {} is a node of chain {found}; give the file of \
             this chain with --deployment, or a node of that one with --rpc",
            node.name
        );
        deployment.verify(&node.provider).await.with_context(|| {
            let forgotten = if is_local(found) {
                " (a chain that `aep2 chain` keeps in memory forgets everything when it ends: \
                 deploy again, or keep it with --data)"
            } else {
                ""
            };
            format!("{} does not have what {name} says{forgotten}", node.name)
        })?;
        let wallet = Wallet::unchecked(node.provider.clone(), deployment.wallet_id());
        Ok(Deployed { deployment, wallet })
    }
}

impl Deployed {
    /// The token that the options name, or the deployment's own.
    pub(crate) async fn token(&self, options: &TokenOptions) -> anyhow::Result<TokenInfo> {
        let address = options.address.or(self.deployment.default_token()).context(
            "the deployment has no token of its own; name one with --token ADDRESS or AEP2_TOKEN",
        )?;
        Ok(TokenInfo::of(self.wallet.provider(), address).await)
    }

    /// What stands behind receipts.
    pub(crate) fn guarantee(&self) -> Guarantee<DynProvider> {
        Guarantee::unchecked(self.wallet.provider().clone(), self.wallet.id().guarantee())
    }

    /// Whether a token is the deployment's test token, which anyone mints.
    pub(crate) fn is_test_token(&self, token: Address) -> bool {
        self.deployment.test_token.as_ref().is_some_and(|own| own.address == token)
    }
}
