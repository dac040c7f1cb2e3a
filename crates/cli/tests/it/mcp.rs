//! A tool's price and an agent's wallet by the command line alone, as agents and sellers start them.

use rmcp::{
    RoleClient, ServiceExt,
    model::{CallToolRequestParams, CallToolResult},
    service::RunningService,
    transport::TokioChildProcess,
};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::{
    WorkFolder,
    pay::wait_for,
    running::Running,
    serve::{self, SETTINGS, work},
};

/// The prices of a server's tools. The server is an MCP server like any other: another wallet's.
const PRICES: &str = r#"
[tools.limits]
price = "700"
description = "what that wallet may spend"

[tools.history]
price = "1001"
"#;

/// An agent that was given `aep2 mcp wallet`.
struct Agent<'a> {
    runtime: &'a Runtime,
    wallet: RunningService<RoleClient, ()>,
}

impl<'a> Agent<'a> {
    fn new(runtime: &'a Runtime, work: &WorkFolder) -> Self {
        let command =
            tokio::process::Command::from(work.command(&["mcp", "wallet", "--reach-local"]));
        let wallet = runtime
            .block_on(async { ().serve(TokioChildProcess::new(command).unwrap()).await.unwrap() });
        Self { runtime, wallet }
    }

    fn ask(&self, tool: &'static str, arguments: &Value) -> CallToolResult {
        let call =
            CallToolRequestParams::new(tool).with_arguments(arguments.as_object().unwrap().clone());
        self.runtime.block_on(self.wallet.call_tool(call)).unwrap()
    }

    fn told(&self, tool: &'static str, arguments: &Value) -> Value {
        let result = self.ask(tool, arguments);
        assert_eq!(result.is_error, Some(false), "{result:?}");
        result.structured_content.unwrap()
    }
}

#[test]
fn an_agent_buys_a_tool_of_a_server_that_knows_nothing_of_payments() {
    let runtime = Runtime::new().unwrap();
    let work = work(SETTINGS);
    let served = serve::start(&work);
    let [processor, rpc, deployment] = ["http", "rpc", "deployment"].map(|own| served.said(own));
    let chain = ["--rpc", rpc, "--deployment", deployment, "--from-dev-account"];
    let create = ["wallet", "create", "--processor", processor, "--per-call", "0.001"];
    work.json(&[&create[..], &chain, &["1"]].concat());
    work.json(&[&create[..], &chain, &["2", "--wallet", "other"]].concat());
    work.json(&[&["wallet", "fund", "--amount", "5", "--mint"][..], &chain, &["1"]].concat());
    wait_for("the deposit", || {
        work.json(&["wallet", "show"])["tokens"][0]["purse"]["free"] == "5000000"
    });

    let key = alloy::signers::local::PrivateKeySigner::random();
    std::fs::write(work.path("payee.key"), format!("{:x}", key.to_bytes())).unwrap();
    let settings =
        format!("[payee]\nprocessor = \"{processor}\"\nkey_file = \"payee.key\"\n{PRICES}");
    std::fs::write(work.path("sell.toml"), settings).unwrap();
    let sell = ["--json", "mcp", "sell", "--config", "sell.toml", "--http", "127.0.0.1:0", "--"];
    let program = [env!("CARGO_BIN_EXE_aep2"), "mcp", "wallet", "--wallet", "other"];
    let seller = Running::start(&work, &[&sell[..], &program].concat());
    assert_eq!(seller.ready["priced"], json!(["history", "limits"]));
    assert_eq!(seller.said("payee"), key.address().to_string().to_lowercase());

    let agent = Agent::new(&runtime, &work);
    let url = seller.said("url");
    let listed = agent.told("tools", &json!({ "url": url }));
    assert_eq!(listed["tools"].as_array().unwrap().len(), 7);
    let bought = agent.told("pay_tool", &json!({ "url": url, "tool": "limits" }));
    assert_eq!(
        (&bought["paid"]["amount"], &bought["paid"]["receipt"]),
        (&json!("700"), &json!("verified"))
    );
    let files = std::fs::read_dir(work.path("receipts")).unwrap().map(|file| file.unwrap().path());
    let kept: String = files.map(|file| std::fs::read_to_string(file).unwrap()).collect();
    assert_eq!(kept.matches("settleBy").count(), 1, "the seller keeps its receipt: {kept}");
    let result = &bought["result"]["structuredContent"];
    assert_eq!(result["tokens"][0]["perPayment"], "1000", "what the other wallet may spend");
    let free = agent.told("pay_tool", &json!({ "url": url, "tool": "balance" }));
    assert_eq!(free["paid"], Value::Null);
    let dear = agent.ask("pay_tool", &json!({ "url": url, "tool": "history" }));
    assert_eq!(dear.is_error, Some(true), "above the owner's limit");
    let history = agent.told("history", &json!({}));
    assert_eq!(
        (&history["inAll"], &history["payments"][0]["state"]),
        (&json!(1), &json!("accepted"))
    );
    // The processor holds what was promised.
    assert_eq!(agent.told("balance", &json!({}))["tokens"][0]["reserved"], "700");

    assert_eq!(seller.terminate(), Some(0));
    runtime.block_on(agent.wallet.cancel()).unwrap();
}

#[test]
fn a_sale_that_would_give_something_away_does_not_begin() {
    let work = work("");
    let printed = work.run(&["mcp", "sell", "--print-config"]);
    std::fs::write(work.path("sell.toml"), printed.stdout).unwrap();
    let sell = |more: &[&str]| work.refused(2, &[&["mcp", "sell", "--config"], more].concat());
    let said = sell(&["sell.toml", "--", "true"]);
    assert!(said.contains("payee.key"), "{said}");
    let said = sell(&["sell.toml", "--stdio", "--", "true"]);
    assert!(said.contains("set `name`"), "{said}");
    std::fs::write(
        work.path("none.toml"),
        "[payee]\naddress = \"0x00000000000000000000000000000000000000aa\"",
    )
    .unwrap();
    let said = sell(&["none.toml", "--", "true"]);
    assert!(said.contains("no tool with a price"), "{said}");
    let said = work.refused(2, &["mcp", "wallet"]);
    assert!(said.contains("aep2 wallet create"), "{said}");
}
