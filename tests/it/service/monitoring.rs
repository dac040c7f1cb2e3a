//! That an alert is silent for ever, since it names what no processor shows, or leads whom it wakes nowhere.

use std::{collections::BTreeSet, fs, path::Path, process::Command};

use aep2_ledger::MandateHash;
use aep2_mandate::typed_data::dispute::Reason;
use aep2_testkit::{
    monitoring::{ALERTS, Program, expressions, missing, named, read},
    repository,
};
use aep2_tests::{disputes::arbiter, settling::all_settled, world::eventually};

use super::{
    shop::{FUNDS, Shop, json},
    street::Street,
};

/// Where the pages are that alerts lead to, and the one that lists them.
const PAGES: &str = "docs/runbooks";
/// Tests of the rules, for promtool.
const ALERTS_TEST: &str = "deploy/prometheus/alerts_test.yml";

/// A metric with labels is there once there was something to count. So something of everything happens.
#[tokio::test(flavor = "multi_thread")]
async fn a_processor_shows_every_metric_that_an_alert_or_a_dashboard_names() {
    let street = Street::open().await;
    let Shop { world, payer, processor, .. } = &street.shop;
    let client = street.client("ann", &[arbiter(1).address()]);
    let payment = client.get(street.joke()).await.unwrap().payment.unwrap();
    for (reason, status) in [(Reason::ServiceNotDelivered, 201_u16), (Reason::Overcharge, 409)] {
        let dispute = world.disputed_by_key(payer, world.dispute(&payment.mandate, reason, &[]));
        let told = street.shop.post("/v1/disputes", json(&dispute)).await;
        assert_eq!(told.status, status, "{told:?}");
    }
    let settled = world.mandate(payer, 10, 77);
    assert_eq!(street.shop.pay(&settled).await.status, 201);
    let refused = street.shop.pay(&world.mandate(payer, 2 * FUNDS, 78)).await;
    assert_eq!(refused.code(), "insufficient_funds");
    all_settled(processor, &[MandateHash::from(world.id_of(&settled))]).await;

    let shown = async || {
        let answer = street.shop.get("/metrics").await;
        answer.body.as_str().unwrap_or_else(|| panic!("{answer:?}")).to_owned()
    };
    eventually("there is an alarm, raised or not", async || shown().await.contains("aep2_alarm{"))
        .await;
    assert_eq!(missing(Program::Processor, &shown().await), BTreeSet::new());
    street.shop.close().await;
}

#[test]
fn nothing_of_prometheus_itself_is_named_but_what_is_known() {
    let known = [
        "ALERTS",
        "node_filesystem_avail_bytes",
        "node_filesystem_size_bytes",
        "node_timex_offset_seconds",
        "node_timex_sync_status",
        "up",
    ];
    assert_eq!(named(Program::Prometheus), BTreeSet::from(known.map(str::to_owned)));
}

/// `docs/processor.md` lists the causes.
#[test]
fn every_cause_of_an_alarm_has_an_alert_and_a_section_in_a_runbook() {
    let causes = causes();
    assert!(causes.len() > 10, "{causes:?}");
    let rules = read(ALERTS);
    let alerted: BTreeSet<String> = expressions(&rules)
        .iter()
        .filter_map(|expression| {
            let (_, rest) = expression.split_once("aep2_alarm{cause=\"")?;
            Some(rest.split_once('"')?.0.to_owned())
        })
        .collect();
    assert_eq!(alerted, causes);
    let runbooks = runbooks(&rules);
    for cause in &causes {
        let anchor = format!("#{cause}");
        assert!(runbooks.iter().any(|runbook| runbook.ends_with(&anchor)), "{cause}");
    }
}

#[test]
fn every_alert_says_what_is_at_stake_and_leads_to_a_section_that_is_there() {
    let rules = read(ALERTS);
    let alerts = rules.split("- alert: ").skip(1);
    for alert in alerts {
        let name = alert.lines().next().unwrap_or_default();
        for part in ["expr:", "severity: ", "summary:", "description:", "runbook: "] {
            assert_eq!(alert.matches(part).count(), 1, "{name}: {part}");
        }
        let is_known = ["{ severity: page }", "{ severity: ticket }"];
        assert!(is_known.iter().any(|severity| alert.contains(severity)), "{name}");
    }
    for runbook in runbooks(&rules) {
        assert!(runbook.starts_with(PAGES), "{runbook}");
        assert!(runbook.contains('#'), "{runbook} names no section");
        assert_eq!(broken(&runbook), None);
    }
}

#[test]
fn no_link_of_a_runbook_leads_nowhere_and_the_list_has_every_page() {
    let list = read(&format!("{PAGES}/README.md"));
    let mut pages = 0;
    for entry in fs::read_dir(repository::file(PAGES)).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let page = format!("{PAGES}/{name}");
        let text = read(&page);
        assert!(name == "README.md" || list.contains(&format!("| [{name}]({name}) |")), "{name}");
        for link in links(&text).filter(|link| !link.contains("://")) {
            let target = match link.strip_prefix('#') {
                Some(anchor) => format!("{page}#{anchor}"),
                None => resolved(&link),
            };
            assert_eq!(broken(&target), None, "in {page}");
        }
        pages += 1;
    }
    assert!(pages > 5);
}

/// promtool is a part of Prometheus, which is too large to be installed for this alone.
#[test]
fn promtool_takes_the_rules_and_their_own_tests_pass() {
    if Command::new("promtool").arg("--version").output().is_err() {
        eprintln!("promtool is not installed: it has not checked {ALERTS}");
        return;
    }
    for (command, file) in [("check", ALERTS), ("test", ALERTS_TEST)] {
        let mut promtool = Command::new("promtool");
        let done = promtool.args([command, "rules"]).arg(repository::file(file)).output().unwrap();
        let said = [done.stdout, done.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        assert!(done.status.success(), "promtool {command} rules {file}:\n{said}");
    }
}

/// The causes of alarms, as the page on the processor lists them.
fn causes() -> BTreeSet<String> {
    let page = read("docs/processor.md");
    let (_, table) = page.split_once("| cause | meaning |").unwrap();
    let rows = table.lines().skip(2).take_while(|line| line.starts_with('|'));
    let first = rows.filter_map(|row| row.trim_start_matches('|').split_once('|'));
    let quoted = first.flat_map(|(cell, _)| cell.split('`').skip(1).step_by(2));
    quoted.map(str::to_owned).collect()
}

/// What the rules name as runbooks.
fn runbooks(rules: &str) -> Vec<String> {
    let lines = rules.lines().filter_map(|line| line.trim_start().strip_prefix("runbook: "));
    lines.map(str::to_owned).collect()
}

/// What is wrong with a target: a path from the repository's root, with or without an anchor.
fn broken(target: &str) -> Option<String> {
    let (path, anchor) = match target.split_once('#') {
        Some((path, anchor)) => (path, Some(anchor)),
        None => (target, None),
    };
    if !repository::file(path).exists() {
        return Some(format!("there is no {path}"));
    }
    let anchor = anchor?;
    let is_there = anchors(&read(path)).contains(anchor);
    (!is_there).then(|| format!("{path} has no section #{anchor}"))
}

/// The anchors of a page's headings, as GitHub makes them.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings = text.lines().filter(|line| line.starts_with('#'));
    let slug = |heading: &str| -> String {
        let words = heading.trim_start_matches('#').trim().to_lowercase();
        let kept = words.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
        kept.map(|c| if c == ' ' { '-' } else { c }).collect()
    };
    headings.map(slug).collect()
}

/// Where a page's links lead.
fn links(text: &str) -> impl Iterator<Item = String> {
    text.split("](").skip(1).filter_map(|rest| Some(rest.split_once(')')?.0.to_owned()))
}

/// A runbook's link to another file, from the root.
fn resolved(link: &str) -> String {
    let mut folders: Vec<&str> = PAGES.split('/').collect();
    let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
    for part in Path::new(path).iter().filter_map(|part| part.to_str()) {
        match part {
            ".." => drop(folders.pop()),
            part => folders.push(part),
        }
    }
    let path = folders.join("/");
    if anchor.is_empty() { path } else { format!("{path}#{anchor}") }
}
