//! The commands that talk to a chain, over the one that `aep2 chain` serves from another process.

mod accounts;
mod errors;
mod guarantees;
mod kept;
mod keys;
mod others;
mod payees;

use alloy::rpc::client::RpcClient;
use serde_json::{Value, json};

use crate::{WorkFolder, running::Running};

/// The shape whose key is deployed: nothing is proved here, so the smallest.
const SHAPE: &str = "1x2";

/// The deployment's withdrawal delay, seconds.
const DELAY: u64 = 3_600;

/// How long a demand can be answered, seconds.
const RESPONSE: u64 = 600;

/// `aep2 chain` in a process of its own.
struct Chain(Running);

impl Chain {
    fn start(work: &WorkFolder, options: &[&str]) -> Self {
        Self::listening(work, "127.0.0.1:0", options)
    }

    fn listening(work: &WorkFolder, address: &str, options: &[&str]) -> Self {
        Self(Running::start(work, &[&["chain", "--listen", address], options].concat()))
    }

    fn rpc(&self) -> &str {
        self.0.said("rpc")
    }

    /// A development account's address or private key.
    fn account(&self, index: usize, what: &str) -> String {
        self.0.ready["development_accounts"][index][what].as_str().unwrap().to_owned()
    }

    /// One JSON-RPC request.
    fn ask(&self, method: &'static str, params: Value) -> Value {
        let client = RpcClient::new_http(self.rpc().parse().unwrap());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(client.request(method, params)).unwrap()
    }

    fn travel(&self, seconds: u64) {
        self.ask("evm_increaseTime", json!([seconds]));
        self.ask("evm_mine", json!([]));
    }
}

/// A work with a chain on which the contracts are deployed. Account 0 deployed them; account 1 is the
/// owner, whose key is in `owner.key`.
struct Town {
    work: WorkFolder,
    chain: Chain,
}

impl Town {
    fn new() -> Self {
        Self::on(work(), &[])
    }

    fn on(work: WorkFolder, options: &[&str]) -> Self {
        let chain = Chain::start(&work, options);
        let town = Self { work, chain };
        secret_file(&town.work, "owner.key", &town.chain.account(1, "private_key"));
        let [delay, response] = [DELAY, RESPONSE].map(|seconds| format!("{seconds}s"));
        let mut deploy = vec!["deploy", "--from-dev-account", "0", "--test-token"];
        deploy.extend(["--withdrawal-delay", &delay, "--response-window", &response]);
        deploy.extend(["--promise-max", "25m", "--demand-period", "10m"]);
        town.json(&deploy);
        town
    }

    fn with_rpc<'a>(&'a self, arguments: &[&'a str]) -> Vec<&'a str> {
        [arguments, &["--rpc", self.chain.rpc()]].concat()
    }

    fn json(&self, arguments: &[&str]) -> Value {
        self.work.json(&self.with_rpc(arguments))
    }

    fn refused(&self, arguments: &[&str]) -> String {
        self.work.refused(2, &self.with_rpc(arguments))
    }

    /// With the owner's key.
    fn own(&self, arguments: &[&str]) -> Value {
        self.json(&[arguments, &["--key-file", "owner.key"]].concat())
    }

    fn own_refused(&self, arguments: &[&str]) -> String {
        self.refused(&[arguments, &["--key-file", "owner.key"]].concat())
    }

    /// Opens the owner's account 1.
    fn open(&self) -> Value {
        self.own(&["account", "open", "--new-mandate-key", "agent.json"])
    }

    fn show(&self) -> Value {
        self.json(&["account", "show", "1"])
    }
}

/// A work with a key of [`SHAPE`].
fn work() -> WorkFolder {
    let work = WorkFolder(tempfile::tempdir().unwrap());
    work.json(&["setup", "--shape", SHAPE, "--seed", "test"]);
    work
}

/// A file that only its owner reads.
fn secret_file(work: &WorkFolder, name: &str, text: &str) {
    use std::os::unix::fs::PermissionsExt;

    std::fs::write(work.path(name), text).unwrap();
    std::fs::set_permissions(work.path(name), PermissionsExt::from_mode(0o600)).unwrap();
}
