//! What every command takes that sends transactions: through which node, with whose key, and to which
//! deployment.

use anyhow::ensure;
use clap::Args;

use super::{
    deployed::{Deployed, DeploymentOptions},
    ethereum_key::KeyOptions,
    node::{Node, NodeOptions},
    sending::SigningNode,
};

/// A node, and the key that signs what it is sent.
#[derive(Args)]
pub(crate) struct SigningOptions {
    #[command(flatten)]
    pub(crate) node: NodeOptions,

    #[command(flatten)]
    key: KeyOptions,
}

impl SigningOptions {
    /// The node, and the key for its chain.
    pub(crate) async fn connect(&self) -> anyhow::Result<SigningNode> {
        let chain_id = self.node.connect().await?.chain_id;
        let key = self.key.load(chain_id)?;
        let node = self.node.connect_with_key(&key).await?;
        ensure!(node.chain_id == chain_id, "{} answers for two chains", node.name);
        Ok(SigningNode { node, key })
    }
}

/// The same, and a deployment that is there already.
#[derive(Args)]
pub(crate) struct TxOptions {
    #[command(flatten)]
    deployment: DeploymentOptions,

    #[command(flatten)]
    pub(crate) signing: SigningOptions,
}

impl TxOptions {
    /// The node and the deployment, for reading: without a key.
    pub(crate) async fn look(&self) -> anyhow::Result<(Node, Deployed)> {
        let node = self.signing.node.connect().await?;
        let deployed = self.deployment.open(&node).await?;
        Ok((node, deployed))
    }

    /// The node with the key, and the deployment, which the chain has.
    pub(crate) async fn open(&self) -> anyhow::Result<(SigningNode, Deployed)> {
        let signing = self.signing.connect().await?;
        let deployed = self.deployment.open(&signing.node).await?;
        Ok((signing, deployed))
    }
}
