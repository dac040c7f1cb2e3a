//! `aep2 dispute-processor` as its operator uses it, and `aep2 dispute` as judges and strangers do.

use std::fs;

use serde_json::Value;
use tempfile::TempDir;

use crate::{WorkFolder, running::Running};

const JUDGING: [&str; 2] = ["dispute", "cases"];

/// A dispute processor that was made, with its first judge's token in `arbiter/ann.token`.
fn init() -> (WorkFolder, Value) {
    let work = WorkFolder(TempDir::new().unwrap());
    let made =
        work.json(&["dispute-processor", "init", "--directory", "arbiter", "--judge", "ann"]);
    (work, made)
}

#[test]
fn what_is_made_is_its_owners_alone_and_is_not_made_twice() {
    let (work, made) = init();
    let arbiter = made["arbiter"].as_str().unwrap();
    assert!(arbiter.starts_with("0x") && arbiter.len() == 42, "{arbiter}");
    #[cfg(unix)]
    for file in ["arbiter/arbiter.key", "arbiter/kek", "arbiter/ann.token"] {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(work.path(file)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
    let token = fs::read_to_string(work.path("arbiter/ann.token")).unwrap();
    let settings = fs::read_to_string(work.path("arbiter/arbiter.toml")).unwrap();
    assert!(!settings.contains(token.trim()), "the settings keep its hash");
    let said = work.refused(2, &["dispute-processor", "init", "--directory", "arbiter"]);
    assert!(said.contains("already"), "{said}");

    let check = ["dispute-processor", "serve", "--config", "arbiter", "--check-config"];
    let checked = work.json(&check);
    assert_eq!((&checked["in_order"], &checked["arbiter"]), (&true.into(), &made["arbiter"]));
    // The key is gone, and a processor is named that nobody reaches.
    fs::remove_file(work.path("arbiter/arbiter.key")).unwrap();
    let bad = format!(
        "{settings}\n[[processors]]\nurl = \"ftp://x\"\nprocessor = \"{arbiter}\"\nchain_id = 1\nwallet = \"{arbiter}\"\n"
    );
    fs::write(work.path("arbiter/arbiter.toml"), bad).unwrap();
    let said = work.refused(1, &check);
    assert!(said.contains("processors[0]") && said.contains("key:"), "{said}");
}

#[test]
fn judges_are_served_and_strangers_are_not() {
    let (work, made) = init();
    let reader = ["dispute-processor", "token", "eve", "--role", "reader"];
    let eve = work.json(&[&reader[..], &["--token-file", "eve.token"]].concat());
    let file = work.path("arbiter/arbiter.toml");
    let settings = fs::read_to_string(&file).unwrap();
    fs::write(&file, format!("{settings}\n{}", eve["entry"].as_str().unwrap())).unwrap();
    let serve = ["dispute-processor", "serve", "--config", "arbiter", "--listen", "127.0.0.1:0"];
    let running = Running::start(&work, &serve);
    assert_eq!(running.said("arbiter"), made["arbiter"].as_str().unwrap());
    let url = format!("http://{}", running.said("listen"));
    let with = |arguments: &[&str], token: &str| -> Vec<String> {
        let options = ["--url", &url, "--token-file", token];
        [arguments, &options].concat().iter().map(ToString::to_string).collect()
    };
    let refused = |arguments: &[&str], token: &str| {
        let arguments = with(arguments, token);
        work.refused(2, &arguments.iter().map(String::as_str).collect::<Vec<_>>())
    };
    for token in ["arbiter/ann.token", "eve.token"] {
        let arguments = with(&JUDGING, token);
        let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
        assert_eq!(work.json(&arguments), Value::Array(Vec::new()));
    }
    let decide = ["dispute", "decide", "1", "--version", "1", "--captured", "0", "--why", "so"];
    assert!(refused(&decide, "arbiter/ann.token").contains("there is no case 1"));
    assert!(refused(&decide, "eve.token").contains("forbidden"));
    fs::write(work.path("forged.token"), format!("aep2_judge_{}", "0".repeat(64))).unwrap();
    assert!(refused(&JUDGING, "forged.token").contains("unauthorized"));
    // A token that is given as an argument is not repeated.
    let token = fs::read_to_string(work.path("arbiter/ann.token")).unwrap();
    let said = refused(&JUDGING, token.trim());
    assert!(said.contains("is a token") && !said.contains(token.trim()), "{said}");
    drop(running);

    let audited = work.json(&["dispute-processor", "audit", "--config", "arbiter"]);
    assert_eq!(audited["in_order"], true);
}

#[test]
fn a_party_is_told_what_is_missing() {
    let work = WorkFolder(TempDir::new().unwrap());
    work.json(&["key", "new", "payee.key"]);
    let id = format!("0x{}", "00".repeat(31) + "07");
    for (arguments, says) in [
        (vec!["dispute", "open", &id, "--reason", "other"], "no wallet"),
        (vec!["dispute", "show", &id, "--key-file", "payee.key"], "--processor"),
        (vec!["dispute", "answer", &id, "--captured", "1"], "--key-file"),
        (vec!["dispute", "rule", "--mandate", &id, "--captured", "1"], "--key-file"),
        (vec!["dispute", "open", &id, "--reason", "bored"], "possible values"),
        (vec!["dispute", "answer", &id, "--key-file", "payee.key"], "--captured"),
        (
            vec!["dispute", "list", "--key-file", "payee.key", "--processor", "http://127.0.0.1:1"],
            "no processor answers",
        ),
    ] {
        let said = work.refused(2, &arguments);
        assert!(said.contains(says), "{arguments:?}: {said}");
    }
}
