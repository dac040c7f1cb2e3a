//! Entries come with what they describe, numbered without gaps, and go with it.

use aep2_audit_log::{AppendError, HeadDefect};
use aep2_journal::JournalError;

use crate::support::{
    Family, LOG, append, entry, export, lines, number, open, tamper, with_entries,
};

#[test]
fn an_entry_is_on_disk_with_what_it_describes_or_neither_is() {
    let directory = tempfile::tempdir().expect("a directory");
    let journal = with_entries(directory.path(), 1);
    let failed = journal.submit(|tx| {
        tx.put(Family::Things, b"thing".to_vec(), b"done".to_vec());
        LOG.append(tx, &entry(1))?;
        Err::<(), _>(AppendError::from(JournalError::Closed))
    });
    assert!(failed.wait().is_err());
    assert_eq!(
        LOG.head(&journal.view()).expect("reads").map(|head| head.last.number.get()),
        Some(1)
    );
    assert!(journal.view().get(Family::Things, b"thing").expect("reads").is_none());

    let done = journal.submit(|tx| {
        tx.put(Family::Things, b"thing".to_vec(), b"done".to_vec());
        LOG.append(tx, &entry(2))
    });
    assert_eq!(done.wait().expect("done").number, number(2), "no gap is left");
    let line = LOG.entry(&journal.view(), number(2)).expect("reads").expect("is there");
    assert_eq!(line.entry, entry(2));
    assert!(LOG.verify(&journal.snapshot(), &[]).expect("whole").is_some());
}

#[test]
fn requests_that_share_a_sync_and_entries_of_one_request_follow_each_other() {
    let directory = tempfile::tempdir().expect("a directory");
    let journal = open(directory.path());
    let pending: Vec<_> = (0..50u64)
        .map(|request| {
            journal.submit(move |tx| {
                let first = LOG.append(tx, &entry(2 * request))?;
                tx.next_part();
                let second = LOG.append(tx, &entry(2 * request + 1))?;
                if request % 5 == 4 {
                    return Err(AppendError::from(JournalError::Closed));
                }
                Ok((first.number.get(), second.number.get()))
            })
        })
        .collect();
    let mut expected = 1;
    for answer in pending {
        if let Ok(numbers) = answer.wait() {
            assert_eq!(*numbers, (expected, expected + 1));
            expected += 2;
        }
    }
    assert_eq!(expected, 81, "ten of fifty failed");
    let verified = LOG.verify(&journal.snapshot(), &[]).expect("whole").expect("begun");
    assert_eq!(verified.to.number, number(80));
}

#[test]
fn a_log_that_is_opened_again_goes_on_where_it_was_under_the_same_id() {
    let directory = tempfile::tempdir().expect("a directory");
    let journal = with_entries(directory.path(), 3);
    let head = LOG.head(&journal.view()).expect("reads").expect("begun");
    let before = export(&journal);
    drop(journal);
    let journal = open(directory.path());
    append(&journal, entry(3));
    let after = export(&journal);
    assert_eq!(lines(&after)[..3].concat(), before);
    let reopened = LOG.head(&journal.view()).expect("reads").expect("begun");
    assert_eq!((reopened.log, reopened.last.number), (head.log, number(4)));
}

#[test]
fn two_logs_have_two_ids() {
    let directories = [(); 2].map(|()| tempfile::tempdir().expect("a directory"));
    let [one, other] = directories.each_ref().map(|directory| {
        let journal = open(directory.path());
        journal.submit(|tx| LOG.begin(tx)).wait().expect("begins").into_inner()
    });
    assert_ne!(one.log, other.log);
    assert_eq!(one.last, one.origin());
}

#[test]
fn nothing_is_chained_to_an_end_that_is_not_as_the_head_says() {
    let altered = |journal: &_| {
        let mut line = lines(&export(journal))[2].clone();
        line.pop();
        let at = line.len() - 4;
        line[at] ^= 1;
        line
    };
    for (what, value) in [("cut off", None), ("altered", Some(()))] {
        let directory = tempfile::tempdir().expect("a directory");
        let journal = with_entries(directory.path(), 3);
        let value = value.map(|()| altered(&journal));
        tamper(&journal, Family::Log, 3u64.to_be_bytes().to_vec(), value);
        let refused = journal.submit(|tx| LOG.append(tx, &entry(3))).wait();
        assert!(matches!(refused, Err(AppendError::Damaged { number: 3 })), "{what}: {refused:?}");
    }
}

#[test]
fn an_entry_is_never_written_over() {
    let directory = tempfile::tempdir().expect("a directory");
    let journal = with_entries(directory.path(), 2);
    let head = journal.view().get(Family::Head, b"head").expect("reads");
    append(&journal, entry(2));
    // Somebody has put the older head back.
    tamper(&journal, Family::Head, b"head".to_vec(), head);
    let refused = journal.submit(|tx| LOG.append(tx, &entry(3))).wait();
    assert!(matches!(refused, Err(AppendError::Damaged { number: 2 })), "{refused:?}");
}

#[test]
fn a_log_without_its_head_is_not_begun_anew() {
    let directory = tempfile::tempdir().expect("a directory");
    let journal = with_entries(directory.path(), 2);
    let head = journal.view().get(Family::Head, b"head").expect("reads").expect("is there");
    for damaged in
        [None, Some(Vec::new()), Some(head[1..].to_vec()), Some([&head[..], b"1"].concat())]
    {
        tamper(&journal, Family::Head, b"head".to_vec(), damaged);
        let refused = journal.submit(|tx| LOG.append(tx, &entry(3))).wait();
        assert!(matches!(refused, Err(AppendError::Head(HeadDefect))), "{refused:?}");
    }
}
