//! `aep2 audit`: sound ledgers and damaged ones.

use tempfile::TempDir;

use crate::{
    WorkFolder,
    serve::{SETTINGS, start, work},
};

#[test]
fn a_ledger_is_audited_while_it_is_in_use_and_after() {
    let work = work(SETTINGS);
    let served = start(&work);
    let busy = work.json(&["audit", "aep2-data"]);
    assert_eq!((&busy["in_order"], &busy["in_use"]), (&true.into(), &true.into()));
    assert_eq!(served.terminate(), Some(0));

    let ledger = work.json(&["audit", "aep2-data/ledger"]);
    assert_eq!((&ledger["in_order"], &ledger["in_use"]), (&true.into(), &false.into()));
    assert_eq!(ledger["findings"], serde_json::json!([]));

    // What was acknowledged and is not there: the mark is ahead of the ledger.
    let mark = work.path("aep2-data/ledger/acknowledged");
    assert!(mark.exists());
    let files = std::fs::read_dir(work.path("aep2-data/ledger/rocksdb")).unwrap();
    for file in files {
        let path = file.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "log") {
            std::fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(0).unwrap();
        }
    }
    let said = work.refused(2, &["audit", "aep2-data"]);
    assert!(said.contains("acknowledged") || said.contains("damaged"), "{said}");
}

#[test]
fn what_is_no_ledger_is_not_called_sound() {
    let work = WorkFolder(TempDir::new().unwrap());
    let said = work.refused(2, &["audit", "nowhere"]);
    assert!(said.contains("there is no directory nowhere"), "{said}");
    std::fs::create_dir(work.path("empty")).unwrap();
    let said = work.refused(2, &["audit", "empty"]);
    assert!(said.contains("there is no ledger"), "{said}");
}
