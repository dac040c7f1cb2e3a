//! An owner's commands against a service that runs, with a processor that only says who it is.

use axum::{Json, Router, routing::get};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use super::{Service, as_owner, ask};
use crate::{WorkFolder, read, running::Running};

const TOKEN: &str = "0x1111111111111111111111111111111111111111";
const PAYEE: &str = "0x2222222222222222222222222222222222222222";

/// What says that it is a processor, and does nothing else.
fn processor(runtime: &Runtime) -> String {
    let identity = json!({
        "chainId": 31_337, "wallet": "0x3333333333333333333333333333333333333333",
        "processor": "0x4444444444444444444444444444444444444444", "verifierSets": [],
        "settleWithinS": 600, "captureWithinS": 60, "captures": true,
        "tokens": [{ "token": TOKEN, "amountMin": "1" }],
    });
    let router = Router::new().route("/", get(async move || Json(identity)));
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    runtime.spawn(async move { axum::serve(listener, router).await });
    url
}

/// A service with a wallet, and what keeps its processor alive.
struct Stage {
    service: Service,
    running: Running,
    processor: String,
    _runtime: Runtime,
}

impl Stage {
    fn new() -> Self {
        let runtime = Runtime::new().unwrap();
        let processor = processor(&runtime);
        let service = Service::init();
        let running = service.serve();
        let stage = Self { service, running, processor, _runtime: runtime };
        let create = ["wallet", "create", "--name", "agents", "--out", "key.json", "--processor"];
        stage.ask(&[&create[..], &[&stage.processor]].concat());
        stage
    }

    fn work(&self) -> &WorkFolder {
        &self.service.work
    }

    fn ask(&self, arguments: &[&str]) -> Value {
        ask(self.work(), &self.running, arguments)
    }

    fn refused(&self, arguments: &[&str]) -> String {
        self.work().refused(2, &as_owner(&self.running, arguments))
    }

    /// What people are shown.
    fn shown(&self, arguments: &[&str]) -> String {
        let output = self.work().run(&as_owner(&self.running, arguments));
        assert_eq!(output.status.code(), Some(0), "{arguments:?}");
        String::from_utf8(output.stdout).unwrap()
    }
}

#[test]
fn who_asks_without_the_owners_token_is_told_how_to_give_it_and_it_is_never_said() {
    let service = Service::init();
    let running = service.serve();
    let work = &service.work;
    let url = running.said("url").to_owned();
    let list = ["issuer", "wallet", "list", "--url", &url];
    let said = work.refused(2, &list);
    assert!(said.contains("--token-file") && said.contains("AEP2_OWNER_TOKEN"), "{said}");

    let token = std::fs::read_to_string(work.path("owner.token")).unwrap();
    let output = work.command(&list).env("AEP2_OWNER_TOKEN", &token).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    let wrong = format!("aep2owner_{}", "00".repeat(32));
    let output = work.command(&list).env("AEP2_OWNER_TOKEN", &wrong).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert!(said.contains("unauthorized") && said.contains("aep2 issuer owner token"), "{said}");
    assert!(!said.contains(&wrong), "a token was said: {said}");
    // As an argument, everybody on the machine has seen it.
    let said = work.refused(2, &[&list[..], &["--token-file", token.trim()]].concat());
    assert!(said.contains("shown to every user") && !said.contains(token.trim()), "{said}");
    std::fs::write(work.path("other"), "hello").unwrap();
    let said = work.refused(2, &[&list[..], &["--token-file", "other"]].concat());
    assert!(said.contains("begins with aep2owner_"), "{said}");
    assert_eq!(running.terminate(), Some(0));

    let said = work.refused(2, &[&list[..], &["--token-file", "owner.token"]].concat());
    assert!(said.contains("aep2 issuer serve") && said.contains("AEP2_ISSUER_URL"), "{said}");
}

#[test]
fn a_wallets_key_stays_and_its_public_half_is_what_accounts_are_opened_with() {
    let stage = Stage::new();
    let key = read(&stage.work().path("key.json"));
    assert_eq!(key.as_object().unwrap().keys().collect::<Vec<_>>(), ["x", "y"]);
    let wallets = stage.ask(&["wallet", "list"]);
    let wallet = &wallets["wallets"][0];
    assert_eq!((&wallet["name"], &wallet["account"]), (&json!("agents"), &Value::Null));
    assert!(wallet.get("sealedKey").is_none(), "{wallet}");
    let again = ["wallet", "create", "--name", "more", "--out", "key.json", "--processor"];
    let said = stage.refused(&[&again[..], &[&stage.processor]].concat());
    assert!(said.contains("not written over"), "{said}");
    assert_eq!(stage.ask(&["wallet", "list"])["wallets"].as_array().unwrap().len(), 1);
    let nobody = ["wallet", "create", "--name", "x", "--processor", "http://127.0.0.1:9"];
    assert!(stage.refused(&nobody).contains("the processor cannot be asked"));

    // The account stays, so the chain is asked first.
    let account = ["wallet", "account", "agents", "7", "--rpc", "http://127.0.0.1:9"];
    assert!(stage.refused(&account).contains("--unchecked"));
    let set = stage.ask(&["wallet", "account", "agents", "7", "--unchecked"]);
    assert_eq!(set["wallet"]["account"], 7);
    let said = stage.refused(&["wallet", "account", "agents", "8", "--unchecked"]);
    assert!(said.contains("has an account"), "{said}");
    assert_eq!(stage.ask(&["wallet", "freeze", "agents"])["wallet"]["frozen"], true);
    assert_eq!(stage.ask(&["wallet", "unfreeze", "agents"])["wallet"]["frozen"], false);
}

#[test]
fn a_card_says_what_its_owner_wrote_and_an_agent_never_runs_uncapped() {
    let stage = Stage::new();
    let money = ["--decimals", "6", "--wallet", "agents"];
    let create = |arguments: &[&'static str]| {
        [&["card", "create", "--name", "research"][..], &money, arguments].concat()
    };
    let said = stage.refused(&create(&["--per-day", "1"]));
    assert!(said.contains("--holder") && said.contains("--new-holder"), "{said}");
    let said = stage.refused(&create(&["--new-holder", "--per-payment", "1"]));
    assert!(said.contains("needs a limit on what it spends"), "{said}");
    assert!(!stage.work().path("card.json").exists(), "a file was left without a card");
    let said = stage.refused(&create(&["--new-holder", "--per-day", "0.0000001"]));
    assert!(said.contains("6 decimal places"), "{said}");

    let made = stage.ask(&create(&[
        "--new-holder",
        "--per-payment",
        "0.05",
        "--per-day",
        "1",
        "--limit",
        "0.5/total,host=api.example",
        "--approve-above",
        "0.02",
        "--host",
        "api.example",
        "--tool",
        "tools.example/search",
        "--expires",
        "24h",
        "--payments",
        "3",
        "--rate",
        "10",
        "--fixed-prices",
    ]));
    assert!(made.get("token").is_none(), "the card is in its file and nowhere else: {made}");
    let own = &made["card"]["restrictions"];
    let base_units = |amounts: &Value| amounts[TOKEN].as_str().unwrap().to_owned();
    assert_eq!(
        (base_units(&own["perPayment"]), base_units(&own["approveAbove"])),
        ("50000".into(), "20000".into())
    );
    assert_eq!(
        own["budgets"],
        json!([
            { "token": TOKEN, "amount": "1000000", "period": "day" },
            { "token": TOKEN, "amount": "500000", "period": "total", "host": "api.example" },
        ])
    );
    assert_eq!(
        (&own["payments"], &own["rate"], &own["metered"]),
        (&json!(3), &json!(10), &json!(false))
    );
    assert_eq!(own["tools"], json!([{ "server": "tools.example", "tool": "search" }]));
    let lasts = own["expires"].as_u64().unwrap() - made["card"]["created"].as_u64().unwrap();
    assert!((86_390..86_410).contains(&lasts), "{lasts}");

    let file = read(&stage.work().path("card.json"));
    assert_eq!((&file["kind"], &file["version"]), (&json!("aep2-card"), &json!(1)));
    assert_eq!(file["issuer"], stage.running.said("url"));
    assert!(file["card"].as_str().unwrap().starts_with("aep2card_"));
    assert_eq!(file["holderKey"].as_str().unwrap().len(), 64);
    assert_eq!(super::mode(&stage.work().path("card.json")), 0o600);
    let said = stage.refused(&create(&["--bearer", "--per-day", "1"]));
    assert!(said.contains("not written over"), "{said}");
    assert_eq!(stage.ask(&["card", "list"])["cards"].as_array().unwrap().len(), 1);
}

#[test]
fn a_change_keeps_what_it_does_not_name() {
    let stage = Stage::new();
    let create = ["card", "create", "--name", "research", "--wallet", "agents", "--bearer"];
    let limits = ["--decimals", "6", "--per-day", "1", "--total", "9", "--host", "api.example"];
    stage.ask(&[&create[..], &limits].concat());
    let change = ["card", "change", "research"];
    stage.ask(&[&change[..], &["--decimals", "6", "--per-day", "2", "--payments", "5"]].concat());
    let own = stage.ask(&["card", "show", "research"])["card"]["restrictions"].clone();
    assert_eq!(own["budgets"][0]["amount"], "2000000");
    assert_eq!(own["budgets"][1]["amount"], "9000000");
    assert_eq!((&own["hosts"], &own["payments"]), (&json!(["api.example"]), &json!(5)));
    // All of it, from a file, and a misspelt restriction is not passed over.
    std::fs::write(stage.work().path("own.json"), own.to_string().replace("hosts", "host"))
        .unwrap();
    let said = stage.refused(&[&change[..], &["--restrictions", "own.json"]].concat());
    assert!(said.contains("unknown field") && said.contains("host"), "{said}");
    std::fs::write(stage.work().path("own.json"), json!({ "payments": 1 }).to_string()).unwrap();
    let said = stage.refused(&[&change[..], &["--restrictions", "own.json"]].concat());
    assert!(said.contains("needs a limit"), "{said}");

    for (command, state) in [("freeze", "frozen"), ("unfreeze", "active"), ("revoke", "revoked")] {
        assert_eq!(stage.ask(&["card", command, "research"])["card"]["state"], state);
    }
    let said = stage.refused(&["card", "unfreeze", "research"]);
    assert!(said.contains("was revoked"), "{said}");
    let said = stage.refused(&["card", "show", "nobody"]);
    assert!(said.contains("aep2 issuer card list"), "{said}");
}

#[test]
fn budgets_are_shared_changed_and_shown() {
    let stage = Stage::new();
    let decimals = ["--decimals", "6"];
    let create = ["budget", "create", "--name"];
    assert!(stage.refused(&[&create[..], &["company"]].concat()).contains("give a limit"));
    stage.ask(&[&create[..], &["company", "--per-month", "100"], &decimals].concat());
    let team = ["research", "--parent", "company", "--per-day", "5"];
    stage.ask(&[&create[..], &team, &decimals].concat());
    let card = ["card", "create", "--name", "a", "--wallet", "agents", "--bearer", "--budget"];
    let made = stage.ask(&[&card[..], &["research"]].concat());
    let budgets = stage.ask(&["budget", "list"]);
    let id = |name: &str| {
        let all = budgets["budgets"].as_array().unwrap();
        all.iter().find(|own| own["budget"]["name"] == name).unwrap()["budget"]["id"].clone()
    };
    assert_eq!(made["card"]["budget"], id("research"));

    let change = ["budget", "change", "research", "--per-week", "7"];
    let changed = stage.ask(&[&change[..], &decimals].concat());
    assert_eq!(changed["budget"]["limits"].as_array().unwrap().len(), 2);
    assert_eq!(changed["budget"]["parent"], id("company"));
    let replaced = stage.ask(&[&change[..], &["--replace"], &decimals].concat());
    assert_eq!(replaced["budget"]["limits"][0]["period"], "week");
    assert_eq!(replaced["budget"]["limits"].as_array().unwrap().len(), 1);
    let shown = stage.shown(&["budget", "list", "--rpc", "http://127.0.0.1:9"]);
    // Without the token's word on its decimals nobody guesses them.
    assert!(
        shown.contains("0 base units of 0x1111") && shown.contains("7000000 base units"),
        "{shown}"
    );
    // A card that would spend without any limit is refused, too.
    let said = stage.refused(&["card", "change", "a", "--no-budget"]);
    assert!(said.contains("needs a limit"), "{said}");
}

#[test]
fn a_host_has_the_payees_that_its_owner_says() {
    let stage = Stage::new();
    stage.ask(&["host", "set", "api.example:8443", PAYEE]);
    stage.ask(&["host", "set", "tools.example", PAYEE, TOKEN]);
    let hosts = stage.ask(&["host", "list"]);
    let names: Vec<_> =
        hosts["hosts"].as_array().unwrap().iter().map(|own| own["host"].clone()).collect();
    assert_eq!(names, ["api.example:8443", "tools.example"]);
    assert_eq!(hosts["hosts"][1]["payees"].as_array().unwrap().len(), 2);
    stage.ask(&["host", "forget", "tools.example"]);
    assert_eq!(stage.ask(&["host", "list"])["hosts"].as_array().unwrap().len(), 1);
    // Not another spelling of it: limits compare bytes.
    let said = stage.refused(&["host", "set", "API.example", PAYEE]);
    assert!(said.contains("usual spelling"), "{said}");
    assert_eq!(stage.shown(&["approval", "list"]).trim(), "nothing waits for you");
    assert_eq!(stage.shown(&["payments"]).trim(), "nothing was issued");
    let said = stage.refused(&["approval", "approve", &format!("apr_{}", "0".repeat(32))]);
    assert!(said.contains("not_found"), "{said}");
}
