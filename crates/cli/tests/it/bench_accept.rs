//! `aep2 bench accept`, small.

use tempfile::TempDir;

use crate::WorkFolder;

#[test]
fn no_receipt_is_lost_when_the_server_is_killed_under_load() {
    let work = WorkFolder(TempDir::new().unwrap());
    let figures = work.json(&[
        "bench",
        "accept",
        "--clients",
        "8",
        "--seconds",
        "2",
        "--payers",
        "8",
        "--store-per-s",
        "1500",
        "--kill",
    ]);
    let killed = &figures["killed"];
    assert_eq!(killed["missing"], 0, "{figures}");
    assert!(killed["receipts"].as_u64().unwrap() > 100, "{figures}");
    assert_eq!(figures["errors"], 0, "{figures}");
}

#[test]
fn the_load_reports_its_figures() {
    let work = WorkFolder(TempDir::new().unwrap());
    let figures = work.json(&[
        "bench",
        "accept",
        "--clients",
        "4",
        "--seconds",
        "1",
        "--payers",
        "2",
        "--store-per-s",
        "1000",
    ]);
    let figure = |name: &str| figures[name].as_f64().unwrap_or_else(|| panic!("{name}: {figures}"));
    for name in ["accepted_per_s", "p50_ms", "syncs", "mandates", "seconds", "mandates_per_sync"] {
        assert!(figure(name) > 0.0, "{name}: {figures}");
    }
    assert!(figure("p50_ms") <= figure("p95_ms") && figure("p95_ms") <= figure("p99_ms"));
    assert_eq!((figure("errors"), figure("clients"), figure("payers")), (0.0, 4.0, 2.0));
    assert!(figures["machine"]["cores"].as_u64().is_some_and(|cores| cores > 0));
    assert!(figures.get("killed").is_none());
}
