//! `aep2 processor`: what an operator asks of a processor that runs, and makes of its backups.

use std::process::Command;

use crate::{
    WorkFolder,
    serve::{SETTINGS, start, work},
};

const DATA: [&str; 2] = ["--data", "aep2-data"];

fn with<'a>(arguments: &[&'a str], data: &[&'a str]) -> Vec<&'a str> {
    [&["processor"], arguments, data].concat()
}

/// Copies a part of a data directory.
fn copy(work: &WorkFolder, from: &str, to: &str) {
    let copied = Command::new("cp").arg("-r").args([work.path(from), work.path(to)]).status();
    assert!(copied.unwrap().success(), "{from}");
}

#[test]
fn a_processor_is_paused_drained_backed_up_and_restored_by_the_command_line() {
    let work = work(SETTINGS);
    let said = work.refused(2, &with(&["status"], &DATA));
    assert!(said.contains("no processor answers") && said.contains("aep2 serve"), "{said}");

    let served = start(&work);
    let processor = served.said("processor").to_owned();
    // Its settings name the directory as well.
    let status = work.json(&["processor", "status", "--config", "aep2.toml"]);
    assert_eq!(status["accepts"], true, "{status}");
    assert_eq!(status["processor"].as_str().unwrap().to_lowercase(), processor.to_lowercase());
    assert_eq!(work.json(&with(&["pause", "--note", "a new disk"], &DATA))["changed"], true);
    let said = work.refused(1, &with(&["status"], &DATA));
    assert!(said.contains("NO") && said.contains("a new disk"), "{said}");
    let drained = work.json(&with(&["drain"], &DATA));
    assert_eq!((&drained["queued"], &drained["open_batches"]), (&0.into(), &0.into()));
    assert_eq!(work.json(&with(&["resume"], &DATA))["was_paused"], true);

    let taken = work.json(&with(&["backup", "backups"], &DATA));
    assert_eq!((&taken["number"], &taken["accepted"]), (&1.into(), &0.into()));
    assert_eq!(work.json(&with(&["backup", "backups", "--keep", "1"], &DATA))["number"], 2);
    let listed = work.json(&["processor", "backup", "backups", "--list"]);
    let numbers: Vec<_> =
        listed["backups"].as_array().unwrap().iter().map(|own| &own["number"]).collect();
    assert_eq!(numbers, [2], "{listed}");
    assert_eq!(served.terminate(), Some(0));
    assert!(!work.path("aep2-data/control.sock").exists());

    // The machine is gone, and what is not in a backup was kept elsewhere.
    let said = work.refused(2, &["processor", "restore", "backups", "--data", "aep2-data"]);
    assert!(said.contains("nothing is written over it"), "{said}");
    let restored = work.json(&["processor", "restore", "backups", "--data", "anew"]);
    assert_eq!((&restored["in_order"], &restored["backup"]["number"]), (&true.into(), &2.into()));
    // Nothing is made anew beside a ledger: it would not fit.
    let said = work.refused(2, &["serve", "--config", "aep2.toml", "--data", "anew"]);
    assert!(said.contains("anew/processor.key") && said.contains("bring"), "{said}");
    assert!(!work.path("anew/processor.key").exists() && !work.path("anew/chain").exists());
    for part in ["chain", "keys", "deployment.json", "processor.key", "disputes"] {
        if work.path(&format!("aep2-data/{part}")).exists()
            && !work.path(&format!("anew/{part}")).exists()
        {
            copy(&work, &format!("aep2-data/{part}"), "anew");
        }
    }
    if work.path("aep2-data/disputes/kek").exists() {
        copy(&work, "aep2-data/disputes/kek", "anew/disputes/kek");
    }
    let served = crate::running::Running::start(
        &work,
        &["serve", "--config", "aep2.toml", "--data", "anew"],
    );
    assert_eq!(served.ready["closed"], serde_json::json!(["restored"]));
    let anew = ["--data", "anew"];
    let said = work.refused(1, &with(&["status"], &anew));
    assert!(said.contains("restored") && said.contains("backup 2"), "{said}");
    let said = work.refused(2, &with(&["resume"], &anew));
    assert!(said.contains("may stand until"), "{said}");
    let resumed = work.json(&with(&["resume", "--at-once"], &anew));
    assert_eq!(resumed["was_restored"], true);
    assert_eq!(work.json(&with(&["status"], &anew))["accepts"], true);
    assert_eq!(served.terminate(), Some(0));
}
