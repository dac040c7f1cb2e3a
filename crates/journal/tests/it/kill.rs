//! SIGKILL at a few moments: what was acknowledged is there, numbered without gaps.

use std::{io::Read, thread, time::Duration};

use aep2_testkit::{child, tell};

use crate::support::{Family, number, open, submit};

/// Notes as fast as it can, and tells of what is durable.
#[test]
#[ignore = "run by `killed_it_loses_nothing_that_was_acknowledged`, in a process of its own"]
fn child_process() {
    let Some(directory) = child::directory() else { return };
    let journal = open(&directory).expect("opens");
    loop {
        let group: Vec<_> = (0..16).map(|_| submit(&journal, "note")).collect();
        for answer in group {
            tell!("{}", *answer.wait().expect("noted"));
        }
    }
}

#[test]
fn killed_it_loses_nothing_that_was_acknowledged() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut told = 0;
    for milliseconds in [60, 90, 150, 240] {
        let mut process =
            child::command("kill::child_process", directory.path(), "").spawn().expect("starts");
        let mut stdout = process.stdout.take().expect("piped");
        let reader = thread::spawn(move || {
            let mut output = Vec::new();
            stdout.read_to_end(&mut output).map(|_| output)
        });
        thread::sleep(Duration::from_millis(milliseconds));
        process.kill().expect("killed");
        process.wait().expect("gone");
        let output = reader.join().expect("reads").expect("reads");
        let last = child::said(&output).last().map(|line| line.parse().expect("a number"));
        told = last.unwrap_or(told);

        let journal = open(directory.path()).expect("opens");
        let notes = journal.state().notes().clone();
        assert!(notes.len() as u64 >= told, "{} of {told}", notes.len());
        assert!((1..).zip(&notes).all(|(place, note)| place == *note), "without gaps");
        let count = journal.view().get(Family::Counts, b"notes").expect("reads");
        assert_eq!(count.map_or(0, |count| number(&count)), notes.len() as u64);
    }
    assert!(told > 100, "only {told} were noted: the test shows nothing");
}
