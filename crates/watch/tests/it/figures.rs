//! That an alert about a watcher names what none shows.

use std::collections::BTreeSet;

use aep2_testkit::monitoring::{Program, missing};

use crate::support::{Stage, round};

#[tokio::test(flavor = "multi_thread")]
async fn a_watcher_shows_every_metric_that_an_alert_or_a_dashboard_names() {
    let stage = Stage::new().await;
    stage.paid(1_000, 0).await;
    let mut watcher = stage.watcher().await;
    round(&mut watcher).await;
    let shown = watcher.figures().encode().unwrap();
    assert_eq!(missing(Program::Watcher, &shown), BTreeSet::new());
}
