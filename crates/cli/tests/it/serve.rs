//! `aep2 serve` as its operators run it: settings, a first start and a second one, an end in order.

use std::time::{Duration, Instant};

use alloy::transports::http::reqwest::Client;
use serde_json::Value;
use tempfile::TempDir;

use crate::{WorkFolder, running::Running};

/// What keeps a test's server small and out of others' way.
pub(crate) const SETTINGS: &str = r#"
[chain]
embedded_listen = "127.0.0.1:0"
embedded_block_time_ms = 200

[http]
listen = "127.0.0.1:0"

[windows]
shapes = ["1x4-capture"]
"#;

/// A server with the work's settings.
pub(crate) fn start(work: &WorkFolder) -> Running {
    Running::start(work, &["serve", "--config", "aep2.toml"])
}

/// What a service answers.
pub(crate) fn get(service: &Running, path: &str) -> Value {
    let client = Client::builder().no_proxy().build().unwrap();
    let url = format!("{}{path}", service.said("http"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let text = runtime.block_on(async { client.get(url).send().await?.text().await });
    serde_json::from_str(&text.unwrap()).unwrap()
}

/// A work with settings.
pub(crate) fn work(settings: &str) -> WorkFolder {
    let work = WorkFolder(TempDir::new().unwrap());
    std::fs::write(work.path("aep2.toml"), settings).unwrap();
    work
}

/// Whether the settings are in order, and what is said.
fn checked(settings: &str) -> (Option<i32>, Value) {
    let work = work(settings);
    let output = work.run(&["serve", "--config", "aep2.toml", "--check-config", "--json"]);
    assert!(!work.path("aep2-data").exists(), "a check made something");
    (output.status.code(), serde_json::from_slice(&output.stdout).unwrap())
}

#[test]
fn a_server_goes_on_where_it_was_after_an_end_and_after_a_kill() {
    let work = work(SETTINGS);
    let served = start(&work);
    let first = served.ready.clone();
    assert_eq!(first["ready"], true);
    assert_eq!(first["development_keys"], true);
    let told = get(&served, "/");
    let wallet = told["wallet"].as_str().unwrap().to_lowercase();
    assert_eq!(wallet, first["wallet"].as_str().unwrap());
    assert_eq!(get(&served, "/readyz")["ready"], true);

    // A second one is told who has the directory.
    let said = work.refused(2, &["serve", "--config", "aep2.toml"]);
    assert!(said.contains("in use by process") && said.contains("--data"), "{said}");

    // The deployment is one that the other commands take.
    let rpc = first["rpc"].as_str().unwrap().to_owned();
    let file = first["deployment"].as_str().unwrap().to_owned();
    let opened = work.json(&[
        "account",
        "open",
        "--processor",
        first["processor"].as_str().unwrap(),
        "--new-mandate-key",
        "agent.json",
        "--deployment",
        &file,
        "--rpc",
        &rpc,
        "--from-dev-account",
        "1",
    ]);
    let account = opened["account"].as_u64().unwrap();
    served.kill();

    let served = start(&work);
    for field in ["wallet", "tokens", "processor", "chain_id", "deployment"] {
        assert_eq!(served.ready[field], first[field], "{field}");
    }
    // What happened before the kill, and was not followed yet, is followed now.
    let begun = Instant::now();
    while get(&served, &format!("/v1/accounts/{account}"))["served"] != true {
        assert!(begun.elapsed() < Duration::from_secs(60), "the account is not seen");
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(served.terminate(), Some(0));
    let audit = work.json(&["audit", "aep2-data"]);
    assert_eq!(audit["in_order"], true);
}

#[test]
fn the_printed_settings_are_in_order_and_the_ones_that_are_used() {
    let work = work("");
    let printed = work.run(&["serve", "--print-config"]);
    assert_eq!(printed.status.code(), Some(0));
    let text = String::from_utf8(printed.stdout).unwrap();
    assert!(text.contains("# When mandates are settled") && text.contains("[windows]"), "{text}");
    let (code, told) = checked(&text);
    assert_eq!((code, &told["in_order"]), (Some(0), &true.into()));
}

#[test]
fn settings_that_are_wrong_are_named_and_nothing_is_started() {
    let (code, told) = checked(
        "[http]\nlisten = \"0.0.0.0:1\"\n[acceptance]\nsettle_within_s = 90000\n\
         [key]\nfile = \"nowhere\"",
    );
    assert_eq!(code, Some(1));
    let named: Vec<_> =
        told["problems"].as_array().unwrap().iter().map(|own| &own["setting"]).collect();
    assert_eq!(named, ["http.listen", "acceptance.settle_within_s", "key.file"]);

    let (code, told) =
        checked("[chain]\nrpc = \"http://127.0.0.1:1\"\ndeployment = \"nowhere.json\"");
    assert_eq!(code, Some(1));
    let named: Vec<_> =
        told["problems"].as_array().unwrap().iter().map(|own| &own["setting"]).collect();
    assert_eq!(named, ["key.file", "chain.deployment"]);

    for (settings, words) in [
        ("[windows]\nage_max_s = 1", "did you mean age_s_max?"),
        ("[windows]\nage_s_max = \"1\"", "line 2"),
        ("[http]\nlisten = \"0.0.0.0:8402\"", "allow_remote"),
    ] {
        let work = work(settings);
        let said = work.refused(2, &["serve", "--config", "aep2.toml"]);
        assert!(said.contains(words), "{settings}: {said}");
        assert!(!work.path("aep2-data").exists(), "{settings}: something was made");
    }
    let said = work("").refused(2, &["serve", "--config", "nowhere.toml"]);
    assert!(said.contains("nowhere.toml"), "{said}");
}

#[test]
fn keys_come_from_the_environment_and_are_never_said() {
    let secret = "01".repeat(32);
    let work = work("[chain]\nrpc = \"http://127.0.0.1:1\"\ndeployment = \"nowhere.json\"");
    let check = ["serve", "--config", "aep2.toml", "--check-config", "--json"];
    let told = |name: &str, value: &str| {
        let output = work.command(&check).env(name, value).output().unwrap();
        let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert!(!text.contains(&secret), "the key was said: {text}");
        text
    };
    assert!(!told("AEP2_PRIVATE_KEY", &secret).contains("key.file"));
    assert!(told("AEP2_PRIVATE_KEY", &format!("{secret}01")).contains("key.file"));
    std::fs::write(work.path("own.key"), &secret).unwrap();
    assert!(!told("AEP2_KEY_FILE", "own.key").contains("key.file"));
    assert!(told("AEP2_KEY_FILE", &secret).contains("key.file"));
}

#[test]
fn a_port_that_is_taken_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let work = work(SETTINGS);
    let said = work.refused(2, &["serve", "--config", "aep2.toml", "--http", &address]);
    assert!(said.contains(&address) && said.contains("http.listen"), "{said}");
}
