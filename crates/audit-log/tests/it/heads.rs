//! Signed heads: what an export must agree with.

use aep2_audit_log::{Defect, Head, Point, Start, verify};
use aep2_mandate::{
    typed_data::{
        Signed, domain,
        log_head::{LogHead, SignedLogHead},
    },
    units::ChainId,
};
use alloy_primitives::{Address, B256};
use alloy_signer_local::PrivateKeySigner;

use crate::support::{
    LOG, START, append, entry, export, exported, fault, lines, number, open, time, with_entries,
};

/// The head of a log whose export this is.
fn head(file: &[u8]) -> LogHead {
    let verified = verify(file, Start::Beginning, &[]).expect("whole");
    let Point { hash: log, .. } = verified.from;
    Head { log, last: verified.to }.to_sign(time(START))
}

fn defect(file: &[u8], start: Start, heads: &[LogHead]) -> (u64, Defect) {
    let fault = fault(verify(file, start, heads));
    (fault.number, fault.defect)
}

#[test]
fn a_log_that_was_cut_off_does_not_agree_with_its_signed_head() {
    let directory = tempfile::tempdir().expect("a directory");
    let journal = with_entries(directory.path(), 4);
    let head = LOG.head(&journal.view()).expect("reads").expect("begun");
    let service = PrivateKeySigner::from_bytes(&B256::repeat_byte(0x42)).expect("a key");
    let wallet = domain(ChainId::new(8_453), Address::repeat_byte(1));
    let signed = Signed::sign(head.to_sign(time(START)), &service, &wallet).expect("signed");

    let published = serde_json::to_string(&signed).expect("json");
    let signed = SignedLogHead::from_json(published).expect("well-formed");
    signed.verify(&wallet, service.address()).expect("the service's");
    let file = export(&journal);
    let verified = verify(&file[..], Start::Beginning, &[signed.message]).expect("agrees");
    assert_eq!(verified.to, head.last);

    let cut = lines(&file)[..3].concat();
    assert!(verify(&cut[..], Start::Beginning, &[]).is_ok(), "by itself it looks whole");
    let cut_off = (4, Defect::CutOff { head: number(4) });
    assert_eq!(defect(&cut, Start::Beginning, &[signed.message]), cut_off);
    assert_eq!(defect(&cut, Start::Anywhere, &[signed.message]), cut_off);
}

#[test]
fn a_log_that_was_rewritten_does_not_agree_with_its_signed_head() {
    let file = exported(4);
    let signed = head(&file);
    let (mut another, own) = (head(&exported(4)), signed);
    let (log, named) = (signed.log, another.log);
    assert_eq!(
        defect(&file, Start::Beginning, &[another]),
        (1, Defect::OtherLog { log, head: named })
    );
    // One that claims the id, but has other entries.
    another.log = own.log;
    let (number, rewritten) = defect(&file, Start::Beginning, &[another]);
    assert_eq!(number, 4);
    assert_eq!(rewritten, Defect::Rewritten { hash: own.hash, head: another.hash });
    assert!(verify(&file[..], Start::Beginning, &[own]).is_ok());
}

#[test]
fn a_log_that_went_on_agrees_with_all_its_earlier_heads_in_any_order() {
    let file = exported(6);
    let all = lines(&file);
    let mut heads: Vec<_> = (1..=6).map(|count| head(&all[..count].concat())).collect();
    let origin = Point { number: number(0), hash: heads[0].log };
    heads.push(Head { log: origin.hash, last: origin }.to_sign(time(0)));
    for _ in 0..heads.len() {
        heads.rotate_left(1);
        assert!(verify(&file[..], Start::Beginning, &heads).is_ok());
        for wrong in 0..heads.len() {
            let mut heads = heads.clone();
            heads[wrong].hash.0[31] ^= 1;
            let (found, defect) = defect(&file, Start::Beginning, &heads);
            assert_eq!(found, heads[wrong].number.get());
            assert!(matches!(defect, Defect::Rewritten { .. }), "{defect}");
        }
    }
}

#[test]
fn a_head_of_what_is_not_shown_proves_nothing_and_is_refused() {
    let file = exported(5);
    let all = lines(&file);
    let [early, before, last] = [2, 3, 5].map(|count| head(&all[..count].concat()));
    let rest = all[3..].concat();
    let after = Start::After(Point { number: before.number, hash: before.hash });
    for start in [Start::Anywhere, after] {
        assert!(verify(&rest[..], start, &[before, last]).is_ok());
        let fault = defect(&rest, start, &[early]);
        assert_eq!(fault.1, Defect::BeforeStart { head: number(2) });
        let other = LogHead { hash: last.hash, ..before };
        assert!(matches!(defect(&rest, start, &[other]).1, Defect::Rewritten { .. }));
    }
    assert!(verify(&[][..], after, &[before]).is_ok());
    assert_eq!(defect(&[], after, &[last]).1, Defect::CutOff { head: number(5) });
    assert_eq!(defect(&[], after, &[early]).1, Defect::BeforeStart { head: number(2) });
}

/// Whoever has the store writes all of it anew, head included.
#[test]
fn a_store_that_was_replaced_as_a_whole_does_not_agree_with_its_signed_head() {
    let directories = [(); 3].map(|()| tempfile::tempdir().expect("a directory"));
    let journal = with_entries(directories[0].path(), 3);
    let signed = LOG.head(&journal.view()).expect("reads").expect("begun").to_sign(time(START));
    assert!(LOG.verify(&journal.snapshot(), &[signed]).expect("agrees").is_some());
    append(&journal, entry(3));
    assert!(LOG.verify(&journal.snapshot(), &[signed]).expect("still agrees").is_some());

    let other = with_entries(directories[1].path(), 3);
    assert!(LOG.verify(&other.snapshot(), &[]).expect("whole").is_some());
    let found = fault(LOG.verify(&other.snapshot(), &[signed]));
    assert!(matches!(found.defect, Defect::OtherLog { .. }), "{found}");
    let empty = open(directories[2].path());
    let found = fault(LOG.verify(&empty.snapshot(), &[signed]));
    assert_eq!(found.defect, Defect::CutOff { head: number(3) });
}
