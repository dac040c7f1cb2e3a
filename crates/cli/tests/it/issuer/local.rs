//! On the service's machine: made, started, stopped, its store locked, its log checked.

use serde_json::json;
use tempfile::TempDir;

use super::{Service, mode};
use crate::WorkFolder;

#[test]
fn a_service_is_made_once_and_its_secrets_are_its_owners_alone() {
    let work = WorkFolder(TempDir::new().unwrap());
    let init = ["issuer", "init", "--directory", "issuer"];
    let zone = ["--owner", "Ada", "--zone", "Europe/Berlin"];
    let made = work.json(&[&init[..], &zone].concat());
    let token = made["token"].as_str().unwrap().to_owned();
    assert!(token.starts_with("aep2owner_") && token.len() == 74, "{token}");
    assert_eq!(
        (&made["owner"]["name"], &made["owner"]["zone"]),
        (&json!("Ada"), &json!("Europe/Berlin"))
    );
    assert_eq!((mode(&work.path("issuer")), mode(&work.path("issuer/kek"))), (0o700, 0o600));

    let said = work.refused(2, &init);
    assert!(said.contains("there is a service") && said.contains("owner create"), "{said}");
    // Nothing of the first one was touched, and only hashes of tokens are kept.
    let owners = work.json(&["issuer", "owner", "list", "--config", "issuer"]);
    assert_eq!(owners["owners"].as_array().unwrap().len(), 1);
    assert!(!holds(&work.path("issuer"), &token), "the token is in the service's directory");

    let said = work.refused(2, &[&init[..], &["--zone", "Mars/Olympus"]].concat());
    assert!(said.contains("Europe/Berlin"), "an example helps: {said}");
}

/// Whether a text is in any file of a directory.
fn holds(directory: &std::path::Path, text: &str) -> bool {
    std::fs::read_dir(directory).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() {
            return holds(&path, text);
        }
        let bytes = std::fs::read(&path).unwrap_or_default();
        bytes.windows(text.len()).any(|window| window == text.as_bytes())
    })
}

#[test]
fn an_owners_token_is_changed_where_it_was_stolen_and_goes_into_a_file_that_only_the_owner_reads() {
    let service = Service::init();
    let work = &service.work;
    let token = std::fs::read_to_string(work.path("owner.token")).unwrap();
    assert_eq!(mode(&work.path("owner.token")), 0o600);
    let change = ["issuer", "owner", "token", "owner", "--config", "issuer", "--token-file"];
    let said = work.refused(2, &[&change[..], &["owner.token"]].concat());
    assert!(said.contains("not written over"), "{said}");
    assert_eq!(std::fs::read_to_string(work.path("owner.token")).unwrap(), token);
    let said = work.refused(2, &["issuer", "owner", "token", "nobody", "--config", "issuer"]);
    assert!(said.contains("owner list"), "{said}");

    work.json(&[&change[..], &["new.token"]].concat());
    let running = service.serve();
    let list = ["issuer", "wallet", "list", "--url", running.said("url"), "--token-file"];
    let said = work.refused(2, &[&list[..], &["owner.token"]].concat());
    assert!(said.contains("unauthorized"), "the token that was changed still opens: {said}");
    assert_eq!(work.json(&[&list[..], &["new.token"]].concat())["wallets"], json!([]));
    assert_eq!(running.terminate(), Some(0));
}

#[test]
fn what_needs_the_store_says_who_has_it() {
    let service = Service::init();
    let running = service.serve();
    let create = ["issuer", "owner", "create", "--name", "Ada", "--config", "issuer"];
    let told = service.work.refused(2, &[&create[..], &["--token-file", "ada.token"]].concat());
    assert!(told.contains("in use by process") && told.contains("stop it first"), "{told}");
    assert!(
        !service.work.path("ada.token").exists(),
        "a file was left for a token that there is not"
    );
    let told = service.work.refused(2, &["issuer", "rewrap", "--config", "issuer"]);
    assert!(told.contains("in use by process"), "{told}");
    // The log is read beside it.
    let audit = service.work.json(&["issuer", "audit", "--config", "issuer"]);
    assert_eq!((&audit["in_order"], &audit["entries"]), (&json!(true), &json!(1)));
    assert_eq!(running.terminate(), Some(0));

    let made = service.work.json(&[&create[..], &["--token-file", "ada.token"]].concat());
    assert_eq!(made["owner"]["name"], "Ada");
}

#[test]
fn one_altered_byte_of_the_log_is_found_and_the_place_is_named() {
    let service = Service::init();
    let work = &service.work;
    for name in ["Ada", "Grace", "Mary"] {
        work.json(&["issuer", "owner", "create", "--name", name, "--config", "issuer"]);
    }
    let export = ["issuer", "audit", "--config", "issuer", "--export", "log.jsonl"];
    let audit = work.json(&export);
    assert_eq!((&audit["in_order"], &audit["entries"]), (&json!(true), &json!(4)));
    let said = work.refused(2, &export);
    assert!(said.contains("not written over"), "{said}");
    let check = ["issuer", "audit", "--file", "log.jsonl"];
    let checked = work.json(&check);
    assert_eq!((&checked["in_order"], &checked["last_hash"]), (&json!(true), &audit["last_hash"]));

    let path = work.path("log.jsonl");
    let whole = std::fs::read(&path).unwrap();
    let at = whole.windows(5).position(|window| window == b"Grace").unwrap();
    let mut altered = whole.clone();
    altered[at] ^= 1;
    std::fs::write(&path, &altered).unwrap();
    let output = work.run(&[&check[..], &["--json"]].concat());
    assert_eq!(output.status.code(), Some(1), "an altered log passed");
    let found: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&found["in_order"], &found["broken"]["entry"]), (&json!(false), &json!(3)));
    let said = work.refused(1, &check);
    assert!(said.contains("BROKEN") && said.contains("entry 3"), "{said}");

    // A line less in the middle.
    let lines: Vec<_> = whole.split_inclusive(|byte| *byte == b'\n').collect();
    std::fs::write(&path, [lines[0], lines[1], lines[3]].concat()).unwrap();
    let said = work.refused(1, &check);
    assert!(said.contains("entry 3"), "{said}");
}

#[test]
fn keys_are_wrapped_anew_and_the_old_one_may_go() {
    let service = Service::init();
    let work = &service.work;
    // A new key in the old one's place, and the old one beside it.
    std::fs::rename(work.path("issuer/kek"), work.path("issuer/kek-old")).unwrap();
    std::fs::copy(work.path("issuer/kek-old"), work.path("issuer/kek")).unwrap();
    let digits = std::fs::read_to_string(work.path("issuer/kek")).unwrap();
    let turned: String = digits.trim().chars().rev().collect();
    std::fs::write(work.path("issuer/kek"), turned).unwrap();

    let rewrap = ["issuer", "rewrap", "--config", "issuer"];
    let said = work.refused(2, &rewrap);
    assert!(said.contains("not among those given"), "{said}");
    let settings = work.path("issuer/issuer.toml");
    let text = std::fs::read_to_string(&settings).unwrap();
    let both = text.replace(
        "kek_file = \"kek\"",
        "kek_file = \"kek\"\nprevious = [{ kek_file = \"kek-old\" }]",
    );
    std::fs::write(&settings, both).unwrap();
    assert_eq!(work.json(&rewrap)["rewrapped"], 1);
    assert_eq!(work.json(&rewrap)["rewrapped"], 0);
    std::fs::write(&settings, text).unwrap();
    work.json(&["issuer", "owner", "list", "--config", "issuer"]);
}

/// The settings of a service, checked: the exit code, and what is wrong by name.
fn checked(settings: &str) -> (Option<i32>, Vec<String>) {
    let work = WorkFolder(TempDir::new().unwrap());
    std::fs::write(work.path("issuer.toml"), settings).unwrap();
    let output = work.run(&["issuer", "serve", "--check-config", "--json"]);
    assert!(!work.path("store").exists(), "a check made something");
    let told: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let name = |own: &serde_json::Value| own["setting"].as_str().unwrap().to_owned();
    let problems = told["problems"].as_array().map(|all| all.iter().map(name).collect());
    (output.status.code(), problems.unwrap_or_else(|| vec![told["error"].to_string()]))
}

#[test]
fn settings_that_are_wrong_are_named_and_nothing_is_started() {
    let (code, wrong) = checked(
        "listen = \"0.0.0.0:8090\"\nhosts = [\"https://a.example\"]\nask_every_s = 0\n\
         [vault]\nkek_file = \"a\"\nkek_env = \"B\"\n[issuing]\napproval_s = 1\n\
         [chains.x]\nrpc = \"http://127.0.0.1:1\"\n[chains.1]\nrpc = \"ws://127.0.0.1:1\"",
    );
    assert_eq!(code, Some(1));
    let expected = [
        "listen",
        "public_url",
        "hosts",
        "ask_every_s",
        "vault",
        "issuing.approval_s",
        "chains.1.rpc",
        "chains.x",
    ];
    assert_eq!(wrong, expected);
    let (code, wrong) =
        checked("public_url = \"https://a.example/issuer\"\n[vault]\nkek_file = \"kek\"");
    assert_eq!((code, &wrong[..]), (Some(1), &["public_url".to_owned(), "vault".to_owned()][..]));
    for (settings, words) in [
        ("lisen = \"127.0.0.1:1\"", "lisen"),
        ("[issuing]\napproval = 60", "approval"),
        ("[vault]\nkey_file = \"kek\"", "key_file"),
        ("[chains.1]\nrcp = \"http://127.0.0.1:1\"", "rcp"),
    ] {
        let (code, said) = checked(settings);
        assert_eq!(code, Some(2), "{settings}");
        assert!(
            said[0].contains(words) && said[0].contains("--print-config"),
            "{settings}: {said:?}"
        );
    }
}

#[test]
fn the_settings_that_a_service_begins_with_are_the_ones_that_are_printed() {
    let service = Service::init();
    let printed = service.work.run(&["issuer", "serve", "--print-config"]);
    let written = std::fs::read(service.work.path("issuer/issuer.toml")).unwrap();
    assert_eq!(printed.stdout, written);
    let config = ["issuer", "serve", "--config", "issuer/issuer.toml", "--check-config"];
    assert_eq!(service.work.json(&config)["in_order"], true);
    // A key that others can read is no secret.
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;

        let open = std::fs::Permissions::from_mode(0o644);
        std::fs::set_permissions(service.work.path("issuer/kek"), open).unwrap();
        let said = service.work.refused(1, &config);
        assert!(said.contains("chmod 600"), "{said}");
    }
}

#[test]
fn a_service_without_its_key_does_not_start() {
    let service = Service::init();
    std::fs::remove_file(service.work.path("issuer/kek")).unwrap();
    let said = service.work.refused(2, &["issuer", "serve", "--config", "issuer"]);
    assert!(said.contains("issuer/kek"), "{said}");
    // Nor is another one made for a store that is there.
    service.work.refused(2, &["issuer", "init", "--directory", "issuer"]);
    assert!(!service.work.path("issuer/kek").exists());
}

#[test]
fn a_directory_without_a_service_is_not_taken_for_one() {
    let work = WorkFolder(TempDir::new().unwrap());
    let said = work.refused(2, &["issuer", "serve", "--config", "nowhere.toml"]);
    assert!(said.contains("nowhere.toml") && said.contains("aep2 issuer init"), "{said}");
    std::fs::write(work.path("issuer.toml"), "[vault]\nkek_env = \"NOT_SET\"").unwrap();
    let said = work.refused(2, &["issuer", "owner", "list"]);
    assert!(said.contains("aep2 issuer init"), "{said}");
    let said = work.refused(2, &["issuer", "audit"]);
    assert!(said.contains("there is no journal"), "{said}");
}

/// The most bytes of a file of the service's whose disk is full, in blocks of 512.
const FILE_BLOCKS_MAX: &str = "2048";

/// Says something long about hosts until the service fails. Gives what it answered that it wrote.
fn write_until_it_fails(url: &str, token: &str) -> Vec<String> {
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let payees: Vec<String> = (1..=100).map(|payee| format!("0x{payee:040x}")).collect();
    let body = json!({ "payees": payees });
    let put = |host: &str| {
        let request = http.put(format!("{url}v1/owner/hosts/{host}")).bearer_auth(token);
        let answer = runtime.block_on(request.json(&body).send());
        answer.is_ok_and(|answer| answer.status().is_success())
    };
    let hosts = (0..2_000).map(|number| format!("h{number}.example"));
    let written: Vec<String> = hosts.take_while(|host| put(host)).collect();
    assert!((1..2_000).contains(&written.len()), "{} were written", written.len());
    written
}

#[cfg(unix)]
#[test]
fn a_full_disk_ends_the_service_with_an_error_and_what_it_answered_is_there() {
    use std::{
        io::{BufRead, BufReader},
        process::{Command, Stdio},
        time::{Duration, Instant},
    };

    let service = Service::init();
    let work = &service.work;
    // A file that may not grow fails as a disk does that is full.
    let script = format!("trap '' XFSZ; ulimit -f {FILE_BLOCKS_MAX}; exec \"$0\" \"$@\"");
    let serve = ["issuer", "serve", "--config", "issuer", "--listen", "127.0.0.1:0", "--json"];
    let mut command = Command::new("sh");
    command.args(["-c", &script, env!("CARGO_BIN_EXE_aep2")]).args(serve);
    let mut process = command.current_dir(work.path(".")).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdout = BufReader::new(process.stdout.take().unwrap());
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    let ready: serde_json::Value = serde_json::from_str(&line).unwrap();
    let token = std::fs::read_to_string(work.path("owner.token")).unwrap();
    let written = write_until_it_fails(ready["url"].as_str().unwrap(), token.trim());

    let begun = Instant::now();
    let ended = loop {
        if let Some(ended) = process.try_wait().unwrap() {
            break ended;
        }
        if begun.elapsed() > Duration::from_secs(60) {
            process.kill().unwrap();
            panic!("the service goes on without a store");
        }
        std::thread::sleep(Duration::from_millis(50));
    };
    assert_eq!(ended.code(), Some(2), "a service that failed ends as one that was stopped");

    let running = service.serve();
    let hosts = super::ask(work, &running, &["host", "list"]);
    let hosts: Vec<_> = hosts["hosts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|own| own["host"].as_str().unwrap())
        .collect();
    assert!(written.iter().all(|host| hosts.contains(&host.as_str())), "something is lost");
    assert_eq!(running.terminate(), Some(0));
    assert_eq!(work.json(&["issuer", "audit", "--config", "issuer"])["in_order"], true);
}
