//! Compliance by the command line: made, named in the processor's settings, worked with by two officers.

use std::fs;

use serde_json::{Value, json};

use crate::{
    WorkFolder,
    running::Running,
    serve::{SETTINGS, start, work},
};

const LISTED: &str = "0x7F367cC41522cE07553e823bf3be79A889DEbe1B";

/// A processor whose payees are looked up in a list.
struct Office {
    work: WorkFolder,
    served: Running,
}

impl Office {
    fn open() -> Self {
        let work =
            work(&format!("{SETTINGS}\n[compliance]\nsettings = \"office/compliance.toml\"\n"));
        let made = work.json(&["compliance", "init", "--directory", "office", "--officer", "ada"]);
        assert_eq!(made["officer"], "ada");
        let bob = work.json(&["compliance", "token", "bob", "--token-file", "bob.token"]);
        let eve = work.json(&[
            "compliance",
            "token",
            "eve",
            "--role",
            "reader",
            "--token-file",
            "eve.token",
        ]);
        let file = work.path("office/compliance.toml");
        let mut settings = fs::read_to_string(&file).unwrap();
        for (officer, role) in [(&bob, "officer"), (&eve, "reader")] {
            let (name, hash) = (&officer["name"], &officer["token_sha256"]);
            settings.push_str(&format!(
                "\n[[officers]]\nname = {name}\nrole = \"{role}\"\ntoken_sha256 = {hash}\n"
            ));
        }
        settings = settings
            .replacen("listen = \"127.0.0.1:8404\"", "listen = \"127.0.0.1:0\"", 1)
            .replacen(
                "payee = []",
                "payee = [{ any_of = [{ provider = \"lists\", when_away = \"closed\" }] }]",
                1,
            );
        settings.push_str(
            "\n[[lists]]\nname = \"own\"\nformat = \"addresses\"\npath = \"list.txt\"\n\
             on_stale = \"alarm\"\n",
        );
        fs::write(&file, settings).unwrap();
        fs::write(work.path("office/list.txt"), format!("{}\n", LISTED.to_lowercase())).unwrap();
        let served = start(&work);
        Self { work, served }
    }

    /// What a command tells this officer.
    fn ask(&self, officer: &str, arguments: &[&str]) -> Value {
        self.work.json(&self.with(officer, arguments))
    }

    /// What a command that fails tells this officer.
    fn refused(&self, officer: &str, arguments: &[&str]) -> String {
        self.work.refused(2, &self.with(officer, arguments))
    }

    fn with<'a>(&'a self, officer: &'a str, arguments: &[&'a str]) -> Vec<&'a str> {
        let url = self.served.said("compliance");
        [arguments, &["--url", url, "--token-file", officer]].concat()
    }
}

#[test]
fn two_officers_decide_about_a_listed_payee_and_the_record_shows_it() {
    let office = Office::open();
    let (ada, bob, eve) = ("office/ada.token", "bob.token", "eve.token");
    let payee = format!("payee:{LISTED}");

    let status = office.ask(eve, &["compliance", "status"]);
    assert_eq!(status["providers"][0]["name"], "lists", "{status}");
    let screened = office.ask(ada, &["compliance", "screen", &payee]);
    assert_eq!(screened["decision"], json!({ "decision": "denied", "reason": "sanctioned" }));
    assert!(office.refused(eve, &["compliance", "screen", &payee]).contains("forbidden"));

    let case = office.ask(ada, &["case", "open", &payee]);
    let number = case["number"].to_string();
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
    let until = (now + 86_400).to_string();
    let decide = |version: &'static str| {
        let words = ["case", "decide", &number, "--serve", "--why", "a namesake"];
        [&words[..], &["--until", &until, "--version", version]].concat()
    };
    let proposed = office.ask(ada, &decide("1"));
    assert_eq!(proposed["state"]["state"], "proposed", "{proposed}");
    let unseen = office.refused(bob, &decide("1"));
    assert!(unseen.contains("was changed meanwhile"), "{unseen}");
    let alone = office.refused(ada, &decide("2"));
    assert!(alone.contains("two officers"), "{alone}");
    let decided = office.ask(bob, &decide("2"));
    assert_eq!(decided["state"]["confirmed_by"], "bob", "{decided}");
    assert_eq!(office.ask(eve, &["case", "list"]), json!([]));
    let shown = office.ask(eve, &["case", "show", &number]);
    assert_eq!(shown["case"]["state"]["state"], "decided");

    let why = shown["case"]["state"]["proposal"]["why"].as_str().unwrap();
    let evidence = office.ask(ada, &["compliance", "evidence", why]);
    assert_eq!(evidence["text"], "a namesake");
    let kept = office.refused(ada, &["compliance", "evidence", why, "--destroy"]);
    assert!(kept.contains("is kept until"), "{kept}");

    let exported = office.work.run(&office.with(eve, &["compliance", "records"]));
    let lines = String::from_utf8(exported.stdout).unwrap();
    for action in ["subject.screened", "case.opened", "case.proposed", "case.decided"] {
        assert!(lines.contains(action), "{action}: {lines}");
    }
    assert!(!lines.contains("namesake"), "the words are sealed");
    assert_eq!(office.served.terminate(), Some(0));
}

#[test]
fn a_freeze_says_what_it_costs_and_a_token_is_no_argument() {
    let office = Office::open();
    let ada = "office/ada.token";
    let mandate = format!("0x{}", "07".repeat(32));
    let freeze = ["compliance", "freeze", &mandate, "--why", "a court's order"];
    let said = office.refused(ada, &freeze);
    assert!(said.contains("--break-the-promise"), "{said}");
    let frozen = office.ask(ada, &[&freeze[..], &["--break-the-promise"]].concat());
    assert_eq!(frozen["state"], "too_late", "there is no such mandate: {frozen}");

    let token = fs::read_to_string(office.work.path(ada)).unwrap();
    let said = office.refused(token.trim(), &["compliance", "status"]);
    assert!(said.contains("this is a token") && !said.contains(token.trim()), "{said}");
    let said = office.refused("bob.token", &["compliance", "show", "somebody"]);
    assert!(said.contains("payer:0x"), "{said}");
}

#[test]
fn settings_that_cannot_be_used_are_named_before_anything_starts() {
    let settings = format!("{SETTINGS}\n[compliance]\nsettings = \"office/compliance.toml\"\n");
    let work = work(&settings);
    let said = work.refused(2, &["serve", "--config", "aep2.toml"]);
    assert!(said.contains("office/compliance.toml"), "{said}");
    work.json(&["compliance", "init", "--directory", "office"]);
    let again = work.refused(2, &["compliance", "init", "--directory", "office"]);
    assert!(again.contains("compliance token"), "{again}");
    let file = work.path("office/compliance.toml");
    let made = fs::read_to_string(&file).unwrap();
    let rule = "payee = [{ any_of = [{ provider = \"lists\", when_away = \"closed\" }] }]";
    fs::write(&file, made.replacen("payee = []", rule, 1)).unwrap();
    let said = work.refused(2, &["serve", "--config", "aep2.toml"]);
    assert!(said.contains("there is no provider \"lists\""), "{said}");
}
