//! Whoever has an exported log alters it: every way is noticed, and where.

use aep2_audit_log::{Defect, LINE_BYTES_MAX, LineDefect, Start, Verified, verify};
use aep2_mandate::typed_data::log_head::LogHead;
use proptest::prelude::*;

use crate::support::{exported, fault_of, lines, number, time};

fn verified(file: &[u8]) -> Verified {
    verify(file, Start::Beginning, &[]).expect("whole")
}

/// The head that was signed when the log was whole.
fn head(file: &[u8]) -> LogHead {
    let Verified { from, to } = verified(file);
    LogHead { log: from.hash, number: to.number, hash: to.hash, at: time(0) }
}

#[test]
fn one_altered_bit_anywhere_is_found() {
    let file = exported(4);
    let head = head(&file);
    let ends: Vec<_> = lines(&file)
        .iter()
        .scan(0, |end, line| {
            *end += line.len();
            Some(*end)
        })
        .collect();
    for at in 0..file.len() {
        for bit in 0..8 {
            let mut altered = file.clone();
            altered[at] ^= 1 << bit;
            let fault = crate::support::fault(verify(&altered[..], Start::Beginning, &[head]));
            // Where it was altered, or at the line after, which was appended to it or to which a
            // hash that was altered belongs.
            let line = ends.partition_point(|end| *end <= at) as u64 + 1;
            assert!((line.saturating_sub(1)..=line + 1).contains(&fault.number), "{at}: {fault}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn replaced_inserted_and_removed_bytes_are_found(
        at in any::<prop::sample::Index>(), to in any::<u8>(), removed in 0usize..40,
        inserted in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        let file = FILE.with(Clone::clone);
        let head = head(&file);
        let at = at.index(file.len());
        let end = (at + removed).min(file.len());
        let altered = [&file[..at], &inserted, &[to], &file[end..]].concat();
        prop_assume!(altered != file);
        prop_assert!(verify(&altered[..], Start::Beginning, &[head]).is_err());
    }
}

thread_local! {
    static FILE: Vec<u8> = exported(5);
}

#[test]
fn an_altered_entry_is_named() {
    let file = exported(4);
    let all = lines(&file);
    let mut altered = all.clone();
    altered[1] = String::from_utf8(all[1].clone()).expect("text").replace("50000", "90000").into();
    let fault = fault_of(&altered.concat());
    assert!(matches!(fault.defect, Defect::Altered { .. }), "{fault}");
    assert_eq!((fault.number, fault.byte), (2, all[0].len() as u64));
    let message = fault.to_string();
    assert!(message.starts_with(&format!("at entry 2, byte {}: ", all[0].len())), "{message}");
}

#[test]
fn missing_repeated_and_reordered_entries_are_found() {
    let file = exported(4);
    let all = lines(&file);
    let defect = |order: &[usize]| {
        let file: Vec<u8> = order.iter().flat_map(|line| all[*line].clone()).collect();
        let fault = fault_of(&file);
        (fault.number, fault.defect)
    };
    let gap = |found| Defect::Gap { found: number(found) };
    let repeated = |found| Defect::Repeated { found: number(found) };
    assert_eq!(defect(&[1, 2, 3]), (1, gap(2)), "the first is missing");
    assert_eq!(defect(&[0, 2, 3]), (2, gap(3)), "one in the middle is missing");
    assert_eq!(defect(&[0, 2, 1, 3]), (2, gap(3)), "two have changed places");
    assert_eq!(defect(&[0, 1, 1, 2, 3]), (3, repeated(2)), "one is there twice");
    assert_eq!(defect(&[0, 1, 0]), (3, repeated(1)));
}

#[test]
fn an_entry_with_number_zero_is_none() {
    let line = exported(1);
    let zero = String::from_utf8(line).expect("text").replace("\"number\":1,", "\"number\":0,");
    for start in [Start::Beginning, Start::Anywhere] {
        let fault = crate::support::fault(verify(zero.as_bytes(), start, &[]));
        assert_eq!(fault.defect, Defect::Repeated { found: number(0) });
    }
}

#[test]
fn an_entry_of_another_log_does_not_fit_in() {
    let (file, other) = (lines(&exported(4)), lines(&exported(4)));
    let mixed = [file[0].clone(), other[1].clone()].concat();
    let fault = fault_of(&mixed);
    assert!(matches!(fault.defect, Defect::Altered { .. }), "{fault}");
}

#[test]
fn what_is_no_line_is_found_wherever_it_stands() {
    let file = exported(2);
    for garbage in [&b"\n"[..], b" \n", b"{}\n", b"null\n", b"\0\n", b"\xff\n", b"# end\n"] {
        let fault = fault_of(&[&file, garbage].concat());
        assert!(matches!(fault.defect, Defect::Line(LineDefect::NotAnEntry(_))), "{fault}");
        assert_eq!((fault.number, fault.byte), (3, file.len() as u64));
        assert_eq!(fault_of(&[garbage, &file].concat()).number, 1);
    }
    assert!(matches!(fault_of(b"\xef\xbb\xbf").defect, Defect::Unended));
    let windows = String::from_utf8(file).expect("text").replace('\n', "\r\n");
    assert_eq!(fault_of(windows.as_bytes()).defect, Defect::Line(LineDefect::OtherSpelling));
}

#[test]
fn a_file_that_ends_within_a_line_is_found() {
    let file = exported(2);
    let second = lines(&file)[0].len();
    for end in second + 1..file.len() {
        let fault = fault_of(&file[..end]);
        assert_eq!((fault.number, &fault.defect), (2, &Defect::Unended), "{end}");
    }
    assert_eq!(fault_of(&[]).defect, Defect::Empty);
}

/// Reads as a file of that many bytes without a line feed, and counts how much of it was read.
struct Endless(u64);

impl std::io::Read for Endless {
    fn read(&mut self, to: &mut [u8]) -> std::io::Result<usize> {
        to.fill(b'{');
        self.0 += to.len() as u64;
        assert!(self.0 < 1 << 20, "it reads on and on");
        Ok(to.len())
    }
}

#[test]
fn a_line_that_does_not_end_is_not_read_into_memory() {
    let endless = std::io::BufReader::new(Endless(0));
    let fault = crate::support::fault(verify(endless, Start::Beginning, &[]));
    assert_eq!(fault.defect, Defect::Line(LineDefect::TooLong));
    let mut long = vec![b'{'; LINE_BYTES_MAX + 1];
    long.push(b'\n');
    assert_eq!(fault_of(&long).defect, Defect::Line(LineDefect::TooLong));
}

#[test]
fn a_stretch_from_the_middle_continues_what_came_before_and_nothing_else() {
    let file = exported(5);
    let all = lines(&file);
    let (before, after) = (all[..2].concat(), all[2..].concat());
    let point = verified(&before).to;
    let checked = verify(&after[..], Start::After(point), &[]).expect("continues");
    assert_eq!((checked.from, checked.to), (point, verified(&file).to));
    assert_eq!(verify(&after[..], Start::Anywhere, &[]).expect("whole"), checked);

    let fault = |start| crate::support::fault(verify(&after[..], start, &[])).defect;
    assert_eq!(fault(Start::Beginning), Defect::Gap { found: number(3) });
    let earlier = verified(&all[0]).to;
    assert_eq!(fault(Start::After(earlier)), Defect::Gap { found: number(3) });
    let others = verified(&lines(&exported(2)).concat()).to;
    assert!(matches!(fault(Start::After(others)), Defect::OtherStart { .. }));
    // Nothing new since.
    let nothing = verify(&[][..], Start::After(point), &[]).expect("nothing");
    assert_eq!((nothing.from, nothing.to), (point, point));
}
