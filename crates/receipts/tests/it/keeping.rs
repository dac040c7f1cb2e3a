//! Keeping.

use std::{
    collections::HashSet,
    fs,
    io::{BufRead, BufReader},
    thread,
};

use aep2_receipts::{FolderReader, Keeper, Progress, Statement};
use aep2_testkit::{child, tell};

use crate::support::{captured, receipt};

fn all(folder: &std::path::Path) -> Vec<Statement> {
    let found = FolderReader::new(folder).read(&mut Progress::default(), 10_000).unwrap();
    found.into_iter().map(|own| own.statement.unwrap()).collect()
}

#[test]
fn what_is_kept_is_there_in_the_form_that_it_came_in() {
    let folder = tempfile::tempdir().unwrap();
    let keeper = Keeper::open(folder.path()).unwrap();
    let (capture, statement) = captured(1);
    keeper.keep(receipt(1)).unwrap();
    keeper.keep(capture).unwrap();
    keeper.keep(statement).unwrap();
    let kept = [receipt(1).into(), capture.into(), statement.into()];
    assert_eq!(all(folder.path()), kept);
    let text = fs::read_to_string(keeper.file()).unwrap();
    let wire = serde_json::to_string(&receipt(1)).unwrap();
    assert_eq!(text.lines().next().unwrap(), wire, "as the processor gave it");
}

#[test]
fn many_who_sell_at_once_lose_nothing_and_cut_no_line_short() {
    let folder = tempfile::tempdir().unwrap();
    let keepers = [(); 2].map(|()| Keeper::open(folder.path()).unwrap());
    thread::scope(|scope| {
        for (number, keeper) in keepers.iter().flat_map(|own| [own, own]).enumerate() {
            scope.spawn(move || {
                for own in 0..100 {
                    keeper.keep(receipt(1_000 * number as u64 + own)).unwrap();
                }
            });
        }
    });
    let ids: HashSet<_> = all(folder.path()).iter().map(Statement::mandate_id).collect();
    assert_eq!(ids.len(), 400);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "a file for each");
}

#[test]
fn who_sold_nothing_leaves_no_file() {
    let folder = tempfile::tempdir().unwrap();
    drop(Keeper::open(folder.path()).unwrap());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

/// Keeps receipts until it is killed, and says of each that it is kept.
#[test]
#[ignore = "is killed"]
fn keeps_for_ever() {
    let Some(folder) = child::directory() else { return };
    let keeper = Keeper::open(folder).unwrap();
    for number in 0.. {
        keeper.keep(receipt(number)).unwrap();
        tell!("{number}");
    }
}

#[test]
fn a_process_that_is_killed_has_lost_nothing_that_it_said_was_kept() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = child::command("keeping::keeps_for_ever", folder.path(), "").spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let told = lines.filter_map(|line| line.strip_prefix(child::PREFIX).map(str::to_owned));
    let said: Vec<u64> = told.take(50).map(|number| number.parse().unwrap()).collect();
    child.kill().unwrap();
    child.wait().unwrap();
    let ids: HashSet<_> = all(folder.path()).iter().map(Statement::mandate_id).collect();
    for number in said {
        assert!(ids.contains(&receipt(number).message.mandate_id.to_bytes()), "{number}");
    }
}
