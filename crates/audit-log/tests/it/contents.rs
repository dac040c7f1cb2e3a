//! What an entry can hold: bounded, spelt in one way, nothing personal in the clear.

use aep2_audit_log::{
    Commitment, DETAILS_BYTES_MAX, Details, DetailsError, ID_BYTES_MAX, Id, LINE_BYTES_MAX, Line,
    LineDefect, NAME_BYTES_MAX, Name, NameError, Reference, Salt,
};
use aep2_mandate::units::{EntryNumber, UnixTime};
use alloy_primitives::{B256, b256};
use serde_json::{Value, json};

use crate::support::{entry, number};

fn line() -> Line {
    Line { number: number(1), previous: B256::repeat_byte(0xab), entry: entry(0) }
}

fn text(line: &Line) -> String {
    String::from_utf8(line.to_bytes().expect("written")).expect("text")
}

#[test]
fn a_line_is_written_as_the_documentation_says() {
    let expected = format!(
        r#"{{"number":1,"previous":"{}","at":1790000000,"actor":{{"kind":"owner","id":"0x17c5"}},"#,
        "ab".repeat(32)
    ) + r#""action":"card.created","subject":{"kind":"card","id":"card-0"},"#
        + r#""details":{"for":"tea \"and\" ☕\n","limit":"50000","uses":0}}"#;
    assert_eq!(text(&line()), expected);
    assert_eq!(Line::from_bytes(expected.as_bytes()), Ok(line()));
}

#[test]
fn another_spelling_of_the_same_entry_is_no_entry() {
    let good = text(&line());
    for (from, to) in [
        (r#""number":1"#, r#""number": 1"#),
        ("}}", "}} "),
        (r#"{"number""#, r#" {"number""#),
        ("}}", "}}\r"),
        ("abab", "ABAB"),
        (r#""previous":""#, r#""previous":"0x"#),
        ("tea", "t\\u0065a"),
        ("☕", "\\u2615"),
        (r#""limit":"50000","uses":0"#, r#""uses":0,"limit":"50000""#),
        (r#""uses":0"#, r#""uses":1,"uses":0"#),
        (r#""kind":"card","id":"card-0""#, r#""id":"card-0","kind":"card""#),
        (r#""at":1790000000"#, r#""at":1.79e9"#),
        (r#""at":1790000000"#, r#""at":1099511627776"#),
        (r#""number":1"#, r#""number":9007199254740992"#),
        (r#""number":1"#, r#""number":1,"memo":"""#),
        (r#""number":1,"#, ""),
        (r#""number":1"#, r#""number":1,"number":1"#),
        ("card.created", "Card.created"),
        ("\"0x17c5\"", "\"\""),
    ] {
        let other = good.replacen(from, to, 1);
        assert_ne!(other, good, "{from}");
        assert!(Line::from_bytes(other.as_bytes()).is_err(), "{to}");
    }
    let array = r#"[1,"","",{},"",{},{}]"#;
    assert!(matches!(Line::from_bytes(array.as_bytes()), Err(LineDefect::NotAnEntry(_))));
}

#[test]
fn the_largest_entry_fits_a_line() {
    let mut line = line();
    let reference = Reference {
        kind: Name::new("k".repeat(NAME_BYTES_MAX)).expect("a name"),
        id: Id::new("\"".repeat(ID_BYTES_MAX)).expect("an id"),
    };
    line.number = EntryNumber::MAX;
    line.entry.at = UnixTime::MAX;
    line.entry.actor = reference.clone();
    line.entry.subject = reference.clone();
    line.entry.action = reference.kind;
    let filler = DETAILS_BYTES_MAX - r#"{"a":""}"#.len();
    line.entry.details = Details::new(json!({ "a": "x".repeat(filler) })).expect("details");
    let bytes = line.to_bytes().expect("written");
    assert!(bytes.len() <= LINE_BYTES_MAX, "{}", bytes.len());
    assert_eq!(Line::from_bytes(&bytes), Ok(line));
    let longer = Details::new(json!({ "a": "x".repeat(filler + 1) }));
    assert_eq!(longer, Err(DetailsError::TooLong(DETAILS_BYTES_MAX + 1)));
    // Escaped, it is longer than it looks.
    let escaped = Details::new(json!({ "a": "\u{1}".repeat(filler / 5) }));
    assert!(matches!(escaped, Err(DetailsError::TooLong(_))));
}

#[test]
fn details_that_programs_read_differently_are_refused() {
    for number in [json!(1.5), json!(1e300), json!(1u64 << 53), json!(-(1i64 << 53)), json!(-0.0)] {
        let refused = Details::new(json!({ "list": [{ "amount": number }] }));
        assert!(matches!(refused, Err(DetailsError::Number(_))), "{number}: {refused:?}");
    }
    for number in [json!((1u64 << 53) - 1), json!(-(1i64 << 53) + 1), json!(0)] {
        assert!(Details::new(json!({ "list": [{ "amount": number }] })).is_ok(), "{number}");
    }
    for other in [json!(null), json!([]), json!("text"), json!(1)] {
        assert_eq!(Details::new(other), Err(DetailsError::NotAnObject));
    }
    let nested = |depth: usize| (1..depth).fold(json!({}), |inner, _| json!({ "a": inner }));
    assert!(Details::new(nested(8)).is_ok());
    assert_eq!(Details::new(nested(9)), Err(DetailsError::TooDeep));
    assert_eq!(Details::new(nested(4_000)), Err(DetailsError::TooDeep));
}

/// RFC 8785, section 3.2.3: by UTF-16 code units, in which U+1F600 comes before U+FB33.
#[test]
fn members_are_in_one_order_however_they_were_put_in() {
    let names = ["\r", "1", "\u{80}", "\u{f6}", "\u{20ac}", "\u{1f600}", "\u{fb33}"];
    let expected: Vec<_> = names.iter().map(|name| format!("{}:0", json!(name))).collect();
    let mut line = line();
    for members in [names.to_vec(), names.iter().rev().copied().collect()] {
        let members = members.into_iter().map(|name| (name.to_owned(), json!(0))).collect();
        let inner = Value::Object(members);
        line.entry.details = Details::new(json!({ "inner": [inner] })).expect("details");
        let text = text(&line);
        assert!(text.contains(&format!("[{{{}}}]", expected.join(","))), "{text}");
    }
}

#[test]
fn names_and_ids_are_as_they_should_be() {
    for name in ["a", "card.created", "a1.b_2", &"a".repeat(NAME_BYTES_MAX)] {
        assert_eq!(Name::new(name).expect("a name").as_str(), name);
    }
    for name in [
        "",
        ".",
        "a.",
        ".a",
        "a..b",
        "1a",
        "_a",
        "A",
        "a-b",
        "a b",
        "ä",
        &"a".repeat(NAME_BYTES_MAX + 1),
    ] {
        assert!(matches!(Name::new(name), Err(NameError::Name(_))), "{name:?}");
    }
    for id in ["", "a\nb", "a\u{1b}[2J", "\u{9b}", &"a".repeat(ID_BYTES_MAX + 1)] {
        assert!(matches!(Id::new(id), Err(NameError::Id(_))), "{id:?}");
    }
}

/// `printf '%032d%s' 0 'Ada Lovelace' | sha256sum`: the salt is 32 digits 0.
#[test]
fn a_commitment_is_sha_256_of_salt_and_text() {
    let salt = Salt::from_bytes([b'0'; 32]);
    let commitment = Commitment::with(&salt, "Ada Lovelace");
    let expected = b256!("efbec005351421092f82b18328c1a3c9aec3471516d0002b1732ea2672fc6793");
    assert_eq!(commitment.hash(), expected);
    assert_eq!(json!(commitment), json!(alloy_primitives::hex::encode(expected)));
    assert!(commitment.is_to(&salt, "Ada Lovelace"));
    assert!(!commitment.is_to(&salt, "Ada Lovelac"));
}

#[test]
fn a_commitment_without_its_salt_says_nothing() {
    let (one, salt) = Commitment::to("Ada Lovelace");
    let (other, _) = Commitment::to("Ada Lovelace");
    assert_ne!(one, other, "the same text is not recognised again");
    assert!(one.is_to(&salt, "Ada Lovelace"));
    assert!(!other.is_to(&salt, "Ada Lovelace"));
    assert_eq!(format!("{salt:?}"), "Salt(…)");
}
