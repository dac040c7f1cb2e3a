//! Other people's software talks to the chain: cast and ethers.

use std::process::Command;

use aep2_testkit::repository::file;
use serde_json::Value;

use super::Town;

fn cast(town: &Town, arguments: &[&str]) -> String {
    let cast = file("contracts/node_modules/.bin/cast");
    assert!(cast.exists(), "{} is missing; run scripts/setup.sh", cast.display());
    let output =
        Command::new(cast).args(arguments).args(["--rpc-url", town.chain.rpc()]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

const ACCOUNT_OF: &str =
    "accountOf(uint32)((address,address,bytes32,uint256,(address,uint40,bytes32,uint256)))";

#[test]
fn cast_reads_the_chain_and_the_wallet() {
    let town = Town::new();
    let opened = town.open();
    let deployment = crate::read(&town.work.path("aep2-deployment.json"));
    let wallet = deployment["wallet"]["address"].as_str().unwrap();

    assert_eq!(cast(&town, &["chain-id"]), "31337");
    let untouched = town.chain.account(9, "address");
    assert_eq!(cast(&town, &["balance", &untouched, "--ether"]), "10000.000000000000000000");
    // cast writes addresses with their checksum.
    let said = cast(&town, &["call", wallet, ACCOUNT_OF, "1"]).to_lowercase();
    assert!(said.starts_with(&format!("({}, ", town.chain.account(1, "address"))), "{said}");
    let set = opened["verifier_set"].as_str().unwrap();
    assert!(said.contains(set), "{said}");

    // And writes: a key of cast's own sends to the chain.
    let key = town.chain.account(3, "private_key");
    cast(&town, &["send", &untouched, "--value", "1ether", "--private-key", &key]);
    assert_eq!(cast(&town, &["balance", &untouched, "--ether"]), "10001.000000000000000000");
}

#[test]
fn ethers_reads_the_chain_and_writes_to_it() {
    let town = Town::new();
    town.open();
    let folder = file("fixtures/generate");
    assert!(folder.join("node_modules/ethers").exists(), "ethers is missing; run scripts/setup.sh");
    let script = r#"
        const { JsonRpcProvider, Wallet, Contract, parseEther } = require("ethers");
        const [rpc, wallet, key, to] = process.argv.slice(1);
        (async () => {
          const provider = new JsonRpcProvider(rpc, undefined, { cacheTimeout: -1 });
          const { chainId } = await provider.getNetwork();
          const abi = ["function accountCount() view returns (uint32)",
            "function requestWithdrawal(uint32,address,uint256)",
            "error NotOwner(uint32 account, address caller)"];
          const signer = new Wallet(key, provider);
          const contract = new Contract(wallet, abi, signer);
          const sent = await signer.sendTransaction({ to, value: parseEther("2") });
          const receipt = await sent.wait();
          let refused = null;
          try { await contract.requestWithdrawal.staticCall(1, to, 1n); }
          catch (error) { refused = error.revert.name; }
          console.log(JSON.stringify({
            chainId: Number(chainId),
            accounts: Number(await contract.accountCount()),
            status: receipt.status,
            balance: String(await provider.getBalance(to)),
            refused,
          }));
          provider.destroy();
        })();
    "#;
    let deployment = crate::read(&town.work.path("aep2-deployment.json"));
    let output = Command::new("node")
        .args(["--input-type=commonjs", "-e", script, town.chain.rpc()])
        .arg(deployment["wallet"]["address"].as_str().unwrap())
        .args([town.chain.account(3, "private_key"), town.chain.account(8, "address")])
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    let expected = serde_json::json!({
        "chainId": 31337,
        "accounts": 1,
        "status": 1,
        "balance": "10002000000000000000000",
        "refused": "NotOwner",
    });
    assert_eq!(found, expected);
}
