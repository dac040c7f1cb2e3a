//! Exports: all of a log, a stretch, a period.

use aep2_audit_log::{Defect, ExportError, Start, verify};

use crate::support::{LOG, START, append, entry, export, lines, number, open, time, with_entries};

#[test]
fn a_stretch_says_the_hash_that_it_starts_from() {
    let directory = tempfile::tempdir().expect("a directory");
    let journal = with_entries(directory.path(), 5);
    let whole = export(&journal);
    let before = lines(&whole)[..2].concat();
    let point = verify(&before[..], Start::Beginning, &[]).expect("whole").to;

    let mut file = Vec::new();
    let numbers = Some(number(3)..=number(4));
    let exported = LOG.export(&journal.snapshot(), numbers, &mut file).expect("exports");
    assert_eq!(file, lines(&whole)[2..4].concat());
    assert_eq!((exported.from, exported.to.number), (point, number(4)));
    assert_eq!(verify(&file[..], Start::After(point), &[]).expect("continues"), exported);
    // Up to a number that is not there yet: up to the end.
    let numbers = Some(number(3)..=number(9));
    let exported = LOG.export(&journal.snapshot(), numbers, Vec::new()).expect("exports");
    assert_eq!(exported.to.number, number(5));
}

#[test]
fn what_is_not_there_is_not_exported() {
    let directory = tempfile::tempdir().expect("a directory");
    let journal = open(directory.path());
    let refused = |numbers| match LOG.export(&journal.snapshot(), numbers, Vec::new()) {
        Err(ExportError::Fault(fault)) => (fault.number, fault.defect),
        other => panic!("{other:?}"),
    };
    assert_eq!(refused(None), (1, Defect::Empty));
    (0..2).for_each(|after| append(&journal, entry(after)));
    assert_eq!(refused(Some(number(3)..=number(3))), (3, Defect::Empty));
    assert_eq!(refused(Some(number(9)..=number(12))), (9, Defect::Empty));
    let reversed = number(2)..=number(1);
    assert_eq!(refused(Some(reversed)), (2, Defect::Empty));
}

#[test]
fn a_period_has_every_entry_of_it_though_the_clock_was_set_back() {
    let directory = tempfile::tempdir().expect("a directory");
    let journal = open(directory.path());
    [10, 20, 5, 30, 40].into_iter().for_each(|after| append(&journal, entry(after)));
    let within = |from: u64, to: u64| {
        let view = journal.snapshot();
        let numbers = LOG.numbers_within(&view, time(START + from), time(START + to));
        numbers.expect("reads").map(|numbers| (numbers.start().get(), numbers.end().get()))
    };
    assert_eq!(within(0, 100), Some((1, 5)));
    assert_eq!(within(20, 40), Some((2, 4)), "with the one between that is dated before");
    assert_eq!(within(40, 41), Some((5, 5)));
    assert_eq!(within(0, 6), Some((3, 3)));
    assert_eq!(within(41, 100), None);
    assert_eq!(within(40, 40), None);
}
