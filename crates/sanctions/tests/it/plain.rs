//! Plain lists, as they are found in the wild and as they should not be.

use aep2_sanctions::{DatedBy, Refusal};

use crate::support::{
    ISSUED_S, LAZARUS, Listed, NOW_S, WILD, address, made_up, only, plain, refused_reload,
};

#[test]
fn a_list_in_the_wild_is_read_and_every_line_of_it_matched() {
    let set = only(&Listed::plain(WILD).open());
    assert_eq!(set.count(), WILD.lines().count());
    assert_eq!(set.count(), 152);
    for line in WILD.lines() {
        assert!(set.contains(&line.to_lowercase().parse().unwrap()), "{line}");
    }
    assert_eq!((set.dated().at_s, set.dated().by), (NOW_S, DatedBy::FileModified));
}

#[test]
fn comments_empty_lines_other_line_ends_and_a_byte_order_mark_change_nothing() {
    let first = format!("{:#x}", made_up(1));
    let second = format!("{:#x}", made_up(2));
    for content in [
        format!("{first}\n{second}\n"),
        format!("{first}\n{second}"),
        format!("\u{feff}{first}\r\n{second}\r\n"),
        format!("\u{feff}# a comment\r\n\r\n{first}\r\n\t \r\n{second}"),
        format!("#0x{}\n  {first}\t# who it is\n{second} #\n#", "1".repeat(40)),
        format!("{}\n{}\n", first.to_uppercase().replace("0X", "0x"), &second[2..]),
    ] {
        let set = only(&Listed::plain(&content).open());
        assert_eq!(set.addresses().len(), 2, "{content:?}");
        assert!(set.contains(&made_up(1)) && set.contains(&made_up(2)), "{content:?}");
    }
}

#[test]
fn a_file_that_is_something_else_is_refused_with_its_line() {
    let error_page = "<html>\n<body>502 Bad Gateway</body>\n</html>\n";
    let wrong = [
        (error_page.to_string(), 1),
        (format!("{LAZARUS}\n{error_page}"), 2),
        (format!("{LAZARUS}\nbc1qexample\n"), 2),
        (format!("{LAZARUS} {LAZARUS}\n"), 1),
        (format!("{LAZARUS}\n{}", &LAZARUS[..30]), 2),
        (format!("{LAZARUS}\r{LAZARUS}"), 1),
        (format!("{LAZARUS}\n\u{feff}{LAZARUS}"), 2),
        (format!("{LAZARUS}\n\0\n"), 2),
        ("[\"0x098B716B8Aaf21512996dC57EB0615e2383E2f96\"]".into(), 1),
    ];
    for (content, expected) in wrong {
        let refusal = Listed::plain(&content).refused();
        assert!(matches!(refusal, Refusal::Line { line, .. } if line == expected), "{refusal}");
    }
    let not_utf_8 = [LAZARUS.as_bytes(), b"\n# \xff\n"].concat();
    assert!(matches!(Listed::plain(not_utf_8).refused(), Refusal::Line { line: 2, .. }));
}

#[test]
fn a_line_that_is_too_long_is_refused() {
    let refusal = Listed::plain(vec![b'#'; 50_000_000]).refused();
    assert_eq!(refusal.to_string(), "line 1: it has more than 1024 bytes");
    // The longest line that is allowed.
    let longest = format!("{LAZARUS}\n#{}\r\n", "x".repeat(1023));
    assert_eq!(only(&Listed::plain(longest).open()).count(), 1);
    assert_eq!(Listed::plain(format!("#{}\n", "x".repeat(1024))).refused().code(), "line");
}

#[test]
fn a_list_may_state_its_date_and_how_many_addresses_it_has() {
    let set = only(&Listed::plain(format!("#@date 2026-03-05\n#@count 1\n{LAZARUS}\n")).open());
    assert_eq!((set.dated().at_s, set.dated().by), (ISSUED_S, DatedBy::Stated));
    assert!(set.contains(&address(LAZARUS)));
}

#[test]
fn a_statement_that_is_misspelled_is_not_taken_for_a_comment() {
    for statement in [
        "#@date 2026-02-30",
        "#@date 05.03.2026",
        "#@date 2026-3",
        "#@date +026-03-05",
        "#@date",
        "#@date 2026-03-05 12:00",
        "#@date 2026-03-05\n#@date 2026-03-05",
        "#@count many",
        "#@count -1",
        "#@counts 1",
        "#@",
    ] {
        let refusal = Listed::plain(format!("{LAZARUS}\n{statement}\n")).refused();
        assert_eq!(refusal.code(), "line", "{statement}: {refusal}");
    }
}

#[test]
fn a_list_that_states_its_count_is_refused_when_it_is_cut_off() {
    let whole = format!("#@count 100\n{}", plain(100));
    let listed = Listed::plain(&whole);
    let lists = listed.open();
    // One line less, which the rule on shrinking would let pass.
    listed.put(&whole[..whole.len() - 43]);
    assert_eq!(refused_reload(&lists), Refusal::CountDiffers { stated: 100, found: 99 });
    // Cut off at any place: within a line it is half an address, at its end the count differs. Only
    // the last line end is not missed.
    for cut in (12..whole.len() - 1).step_by(7) {
        listed.put(&whole[..cut]);
        assert!(matches!(
            refused_reload(&lists),
            Refusal::Line { .. } | Refusal::CountDiffers { .. }
        ));
    }
}
