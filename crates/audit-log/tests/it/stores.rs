//! Whoever has the store alters it behind the log's back.

use aep2_audit_log::{Defect, Fault, HeadDefect};

use crate::support::{
    Family, LOG, Things, entry, export, fault, lines, number, open, tamper, with_entries,
};

fn key(number: u64) -> Vec<u8> {
    number.to_be_bytes().to_vec()
}

/// The line of an entry.
fn line(journal: &Things, number: u64) -> Vec<u8> {
    let mut line = lines(&export(journal))[number as usize - 1].clone();
    line.pop();
    line
}

/// A log of four entries, altered; what is found.
fn found(alter: impl FnOnce(&Things)) -> Fault {
    let directory = tempfile::tempdir().expect("a directory");
    let journal = with_entries(directory.path(), 4);
    alter(&journal);
    fault(LOG.verify(&journal.snapshot(), &[]))
}

#[test]
fn what_is_stored_is_what_is_exported() {
    let directory = tempfile::tempdir().expect("a directory");
    let journal = with_entries(directory.path(), 4);
    let verified = LOG.verify(&journal.snapshot(), &[]).expect("whole").expect("begun");
    let head = LOG.head(&journal.view()).expect("reads").expect("begun");
    assert_eq!((verified.from, verified.to), (head.origin(), head.last));
    let stored: Vec<_> = LOG
        .entries(&journal.view(), number(0))
        .map(|line| line.expect("a line").to_bytes().expect("written"))
        .collect();
    assert_eq!([stored.join(&b'\n'), b"\n".to_vec()].concat(), export(&journal));
}

#[test]
fn a_log_that_was_not_begun_is_no_fault() {
    let directory = tempfile::tempdir().expect("a directory");
    let journal = open(directory.path());
    assert!(LOG.verify(&journal.snapshot(), &[]).expect("reads").is_none());
    journal.submit(|tx| LOG.begin(tx)).wait().expect("begins");
    let verified = LOG.verify(&journal.snapshot(), &[]).expect("whole").expect("begun");
    assert_eq!(verified.from, verified.to);
}

#[test]
fn an_altered_line_is_found_and_named() {
    for altered in 1..=4 {
        let fault = found(|journal| {
            let line = String::from_utf8(line(journal, altered)).expect("text");
            let line = line.replace("50000", "90000");
            tamper(journal, Family::Log, key(altered), Some(line.into()));
        });
        assert_eq!(fault.number, altered);
        match (altered, &fault.defect) {
            (4, Defect::Rewritten { .. }) | (1..=3, Defect::Altered { .. }) => {}
            (_, other) => panic!("{altered}: {other}"),
        }
    }
}

#[test]
fn a_missing_line_is_found() {
    for (missing, defect) in [
        (1, Defect::Gap { found: number(2) }),
        (3, Defect::Gap { found: number(4) }),
        (4, Defect::CutOff { head: number(4) }),
    ] {
        let fault = found(|journal| tamper(journal, Family::Log, key(missing), None));
        assert_eq!((fault.number, fault.defect), (missing, defect));
    }
}

#[test]
fn lines_that_changed_places_are_found() {
    let fault = found(|journal| {
        let lines = [line(journal, 2), line(journal, 3)];
        let [second, third] = lines;
        tamper(journal, Family::Log, key(2), Some(third));
        tamper(journal, Family::Log, key(3), Some(second));
    });
    assert_eq!((fault.number, fault.defect), (2, Defect::Gap { found: number(3) }));
}

#[test]
fn a_line_under_a_key_that_is_not_its_own_is_found() {
    let fault = found(|journal| {
        let line = line(journal, 3);
        tamper(journal, Family::Log, key(3), None);
        tamper(journal, Family::Log, [key(3), vec![0]].concat(), Some(line));
    });
    assert_eq!(fault.number, 3);
    assert!(matches!(fault.defect, Defect::Misplaced { .. }), "{fault}");
}

#[test]
fn lines_after_the_head_are_found() {
    let fault = found(|journal| {
        let line = String::from_utf8(line(journal, 4)).expect("text");
        let line = line.replace("\"number\":4", "\"number\":5");
        tamper(journal, Family::Log, key(5), Some(line.into()));
    });
    assert_eq!((fault.number, fault.defect), (5, Defect::AfterHead { head: number(4) }));
    let fault = found(|journal| tamper(journal, Family::Log, b"zzzzzzzzz".to_vec(), Some(vec![])));
    assert_eq!(fault.defect, Defect::AfterHead { head: number(4) });
}

#[test]
fn a_head_that_is_missing_or_another_is_found() {
    let fault = found(|journal| tamper(journal, Family::Head, b"head".to_vec(), None));
    assert_eq!(fault.defect, Defect::NoHead);
    let fault = found(|journal| tamper(journal, Family::Head, b"head".to_vec(), Some(vec![1])));
    assert_eq!(fault.defect, Defect::Head(HeadDefect));
    // The id, the number, the hash: each byte counts.
    for at in 0..73 {
        let fault = found(|journal| {
            let head = journal.view().get(Family::Head, b"head").expect("reads");
            let mut head = head.expect("is there");
            assert_eq!(head.len(), 73);
            head[at] ^= 1;
            tamper(journal, Family::Head, b"head".to_vec(), Some(head));
        });
        assert!(fault.number <= 6, "{at}: {fault}");
    }
}

#[test]
fn a_damaged_log_is_not_exported_as_if_it_were_whole() {
    let directory = tempfile::tempdir().expect("a directory");
    let journal = with_entries(directory.path(), 4);
    tamper(&journal, Family::Log, key(3), None);
    let mut file = Vec::new();
    assert!(LOG.export(&journal.snapshot(), None, &mut file).is_err());
    assert_eq!(lines(&file).len(), 2, "what comes before is there");
    assert_eq!(
        LOG.entry(&journal.view(), number(4)).expect("reads").map(|line| line.entry),
        Some(entry(3))
    );
}
