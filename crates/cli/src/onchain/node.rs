//! The node that a command talks to.

use std::{error::Error, time::Duration};

use aep2_chain::error::ChainError;
use aep2_mandate::units::{ChainId, UnixTime};
use alloy::{
    eips::BlockNumberOrTag,
    network::EthereumWallet,
    providers::{DynProvider, Provider, ProviderBuilder, WalletProvider},
    signers::local::PrivateKeySigner,
    transports::{
        TransportError,
        http::reqwest::{Client, Url},
    },
};
use anyhow::Context;
use clap::Args;

/// How long one answer may take.
const ANSWER_MAX: Duration = Duration::from_secs(60);

/// The node.
#[derive(Args)]
pub(crate) struct NodeOptions {
    /// The node's JSON-RPC address (`aep2 chain` serves one)
    #[arg(
        long = "rpc",
        value_name = "URL",
        env = "AEP2_RPC",
        hide_env_values = true,
        default_value = "http://127.0.0.1:8545",
        value_parser = parse_url
    )]
    url: Url,
}

fn parse_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| error.to_string())?;
    match (url.scheme(), url.host()) {
        ("http" | "https", Some(_)) => Ok(url),
        _ => Err("a node's address begins with http:// or https://".to_owned()),
    }
}

/// A node that answers.
pub(crate) struct Node {
    pub(crate) provider: DynProvider,
    pub(crate) chain_id: ChainId,
    /// Its address without what may be an access key.
    pub(crate) name: String,
}

impl NodeOptions {
    /// The node, for reading.
    pub(crate) async fn connect(&self) -> anyhow::Result<Node> {
        let provider = ProviderBuilder::new().connect_reqwest(self.client()?, self.url.clone());
        self.greet(provider.erased()).await
    }

    /// The node, with a key that signs what it is sent.
    pub(crate) async fn connect_with_key(&self, key: &PrivateKeySigner) -> anyhow::Result<Node> {
        let provider = self.wallet_provider(key)?;
        self.greet(provider.erased()).await
    }

    /// A provider that signs with a key, and knows whose it is.
    pub(crate) fn wallet_provider(
        &self,
        key: &PrivateKeySigner,
    ) -> anyhow::Result<impl Provider + WalletProvider + use<>> {
        let wallet = EthereumWallet::from(key.clone());
        Ok(ProviderBuilder::new().wallet(wallet).connect_reqwest(self.client()?, self.url.clone()))
    }

    fn client(&self) -> anyhow::Result<Client> {
        let client = Client::builder().timeout(ANSWER_MAX);
        // A proxy of the environment cannot reach this machine's own addresses.
        let client = if is_this_machine(&self.url) { client.no_proxy() } else { client };
        client.build().context("cannot start an HTTP client")
    }

    async fn greet(&self, provider: DynProvider) -> anyhow::Result<Node> {
        let name = self.name();
        match provider.get_chain_id().await {
            Ok(chain_id) => Ok(Node { provider, chain_id: ChainId::new(chain_id), name }),
            Err(error) => anyhow::bail!(
                "no node answers at {name}: {}; start one with `aep2 chain`, or name another with \
                 --rpc or AEP2_RPC",
                innermost(&error)
            ),
        }
    }

    /// Scheme, host and port: paths, queries and user names hold access keys.
    fn name(&self) -> String {
        let port = self.url.port().map(|port| format!(":{port}")).unwrap_or_default();
        format!("{}://{}{port}", self.url.scheme(), self.url.host_str().unwrap_or_default())
    }
}

/// Whether an address is one of this machine's own.
pub(crate) fn is_this_machine(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// The last cause: those before it repeat the address, with the access key in it.
pub(crate) fn innermost(error: &TransportError) -> String {
    let mut cause: &dyn Error = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

impl Node {
    /// The time of the newest block.
    pub(crate) async fn now(&self) -> anyhow::Result<UnixTime> {
        let block = self
            .provider
            .get_block_by_number(BlockNumberOrTag::Latest)
            .await
            .map_err(ChainError::from)
            .with_context(|| format!("cannot read the newest block of {}", self.name))?
            .with_context(|| format!("{} has no block yet", self.name))?;
        Ok(UnixTime::new(block.header.timestamp)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_nodes_hold_no_access_keys() -> Result<(), String> {
        for (url, name) in [
            ("http://127.0.0.1:8545", "http://127.0.0.1:8545"),
            ("https://user:SECRET@node.example/v3/SECRET?key=SECRET", "https://node.example"),
            ("http://[::1]:8545/", "http://[::1]:8545"),
        ] {
            assert_eq!(NodeOptions { url: parse_url(url)? }.name(), name);
        }
        for text in ["", "8545", "127.0.0.1:8545", "ws://127.0.0.1", "file:///etc/passwd"] {
            assert!(parse_url(text).is_err(), "{text:?}");
        }
        Ok(())
    }

    #[test]
    fn this_machines_addresses_are_known() -> Result<(), String> {
        for (url, expected) in [
            ("http://127.0.0.1:8545", true),
            ("http://127.9.9.9", true),
            ("http://localhost:1", true),
            ("http://[::1]:8545", true),
            ("http://10.0.0.1", false),
            ("http://localhost.example", false),
        ] {
            assert_eq!(is_this_machine(&parse_url(url)?), expected, "{url}");
        }
        Ok(())
    }
}
