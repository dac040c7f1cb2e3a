//! Objects that break a rule: each names the place and the rule.

use aep2_travel_rule::{Invalid, Ivms101, OBJECT_BYTES_MAX, Rule, Violation};
use serde_json::{Value, json};

use crate::{
    support::{NOW, at},
    valid::full,
};

const PAYER: &str = "/originator/originatorPersons/0/naturalPerson";
const PAYEE: &str = "/beneficiary/beneficiaryPersons/0/legalPerson";
const PAYER_AT: &str = "originator.originatorPersons[0].naturalPerson";
const PAYEE_AT: &str = "beneficiary.beneficiaryPersons[0].legalPerson";

/// What is wrong with the full object after a change.
fn violations(pointer: &str, change: impl FnOnce(&mut Value)) -> Vec<Violation> {
    let mut object = full();
    change(at(&mut object, pointer));
    match Ivms101::from_json(object.to_string().as_bytes(), NOW) {
        Ok(_) => Vec::new(),
        Err(invalid) => invalid.violations().to_vec(),
    }
}

/// The full object with another value at a place breaks exactly this rule at exactly this place.
#[track_caller]
fn breaks(pointer: &str, value: Value, path: &str, rule: Rule) {
    let found = violations(pointer, |place| *place = value.clone());
    let expected = Violation { path: path.to_owned(), rule };
    assert_eq!(found, [expected], "{pointer} as {value}");
}

/// The full object without a member breaks exactly this rule at exactly this place.
#[track_caller]
fn breaks_without(pointer: &str, names: &[&str], path: &str, rule: Rule) {
    let found = violations(pointer, |place| {
        let members = place.as_object_mut().expect("an object");
        for name in names {
            members.remove(*name).expect("it is there");
        }
    });
    assert_eq!(found, [Violation { path: path.to_owned(), rule }], "{pointer} without {names:?}");
}

#[test]
fn an_originator_of_whom_only_the_name_is_told_is_refused() {
    let all = [
        "geographicAddress",
        "nationalIdentification",
        "customerIdentification",
        "dateAndPlaceOfBirth",
    ];
    breaks_without(PAYER, &all, PAYER_AT, Rule::OriginatorNatural);
    // Any one of them is enough.
    for kept in all {
        let found = violations(PAYER, |person| {
            let members = person.as_object_mut().expect("an object");
            members.retain(|name, _| name == kept || !all.contains(&name.as_str()));
        });
        assert_eq!(found, [], "{kept}");
    }
    // Of a beneficiary nothing but the name is asked.
    let legal = ["geographicAddress", "customerIdentification", "nationalIdentification"];
    let found = violations(PAYEE, |person| {
        person
            .as_object_mut()
            .expect("an object")
            .retain(|name, _| !legal.contains(&name.as_str()));
    });
    assert_eq!(found, []);
}

#[test]
fn a_legal_originator_needs_a_geographic_address_or_a_number() {
    let originator = |change: fn(&mut Value)| {
        let mut object = full();
        let mut person = object["beneficiary"]["beneficiaryPersons"][0].clone();
        change(&mut person["legalPerson"]);
        object["originator"]["originatorPersons"][0] = person;
        Ivms101::from_json(object.to_string().as_bytes(), NOW)
    };
    let violation = Violation {
        path: "originator.originatorPersons[0].legalPerson".to_owned(),
        rule: Rule::OriginatorLegal,
    };
    let without_numbers = |person: &mut Value| {
        let members = person.as_object_mut().expect("an object");
        members.remove("customerIdentification");
        members.remove("nationalIdentification");
    };
    assert!(originator(|_| {}).is_ok());
    // Its address is of the type BIZZ.
    assert_eq!(originator(without_numbers), Err(Invalid::Rules(vec![violation])));
    let geographic = originator(|person| {
        person.as_object_mut().expect("an object").remove("customerIdentification");
        person.as_object_mut().expect("an object").remove("nationalIdentification");
        person["geographicAddress"][0]["addressType"] = json!("GEOG");
    });
    assert!(geographic.is_ok());
}

#[test]
fn births_are_days_before_today() {
    let pointer = format!("{PAYER}/dateAndPlaceOfBirth/dateOfBirth");
    let path = format!("{PAYER_AT}.dateAndPlaceOfBirth.dateOfBirth");
    for day in ["2026-09-21", "2026-09-22", "9999-12-31"] {
        breaks(&pointer, json!(day), &path, Rule::DateInPast);
    }
    for none in [
        "1975-02-29",
        "1975-13-01",
        "1975-00-10",
        "1975-01-00",
        "1975-1-1",
        "75-01-01",
        "19750101",
        "1975-01-01 ",
        "1975-01-01T00:00:00Z",
        "+975-01-01",
        "-975-01-01",
        "1975/01/01",
        "",
        "１９７５",
    ] {
        breaks(&pointer, json!(none), &path, Rule::Date);
    }
    breaks(&pointer, json!(19_750_101), &path, Rule::Type);
}

#[test]
fn countries_are_codes_of_iso_3166() {
    for (pointer, path) in [
        (format!("{PAYER}/countryOfResidence"), format!("{PAYER_AT}.countryOfResidence")),
        (
            format!("{PAYER}/nationalIdentification/countryOfIssue"),
            format!("{PAYER_AT}.nationalIdentification.countryOfIssue"),
        ),
        (
            format!("{PAYER}/geographicAddress/0/country"),
            format!("{PAYER_AT}.geographicAddress[0].country"),
        ),
        (format!("{PAYEE}/countryOfRegistration"), format!("{PAYEE_AT}.countryOfRegistration")),
    ] {
        for code in ["UK", "gb", "ZZ", "GBR", "", " ", "G", "GB US", "EU"] {
            breaks(&pointer, json!(code), &path, Rule::Country);
        }
    }
}

#[test]
fn everybody_has_a_legal_name() {
    let (pointer, path) = (format!("{PAYER}/name/nameIdentifier/0"), format!("{PAYER_AT}.name"));
    breaks(
        &format!("{pointer}/nameIdentifierType"),
        json!("MISC"),
        &path,
        Rule::LegalNameOfNatural,
    );
    // The local name has the type, which does not count.
    let (pointer, path) = (format!("{PAYEE}/name/nameIdentifier/0"), format!("{PAYEE_AT}.name"));
    let kind = format!("{pointer}/legalPersonNameIdentifierType");
    breaks(&kind, json!("TRAD"), &path, Rule::LegalNameOfLegal);
    let vasp = "/originatingVASP/originatingVASP/legalPerson/name/nameIdentifier/0";
    breaks(
        &format!("{vasp}/legalPersonNameIdentifierType"),
        json!("SHRT"),
        "originatingVASP.originatingVASP.legalPerson.name",
        Rule::LegalNameOfLegal,
    );
}

#[test]
fn an_address_can_be_found() {
    let (pointer, path) =
        (format!("{PAYER}/geographicAddress/0"), format!("{PAYER_AT}.geographicAddress[0]"));
    let without: [&[&str]; 3] = [
        &["addressLine", "streetName"],
        &["addressLine", "buildingNumber", "buildingName"],
        &["addressLine", "streetName", "buildingNumber", "buildingName"],
    ];
    for names in without {
        breaks_without(&pointer, names, &path, Rule::Address);
    }
    for names in [&["addressLine", "buildingNumber"], &["addressLine", "buildingName"]] {
        let found = violations(&pointer, |address| {
            address.as_object_mut().expect("one").retain(|name, _| !names.contains(&name.as_str()));
        });
        assert_eq!(found, [], "a street with one of them is enough");
    }
    breaks_without(&pointer, &["townName"], &format!("{path}.townName"), Rule::Missing);
    breaks_without(&pointer, &["country"], &format!("{path}.country"), Rule::Missing);
    breaks_without(&pointer, &["addressType"], &format!("{path}.addressType"), Rule::Missing);
    let lines = json!(["1", "2", "3", "4", "5", "6", "7", "8"]);
    let at = |name: &str| (format!("{pointer}/{name}"), format!("{path}.{name}"));
    let (pointer, path) = at("addressLine");
    breaks(&pointer, lines, &path, Rule::Count);
}

#[test]
fn a_legal_persons_number_is_complete() {
    let (pointer, path) =
        (format!("{PAYEE}/nationalIdentification"), format!("{PAYEE_AT}.nationalIdentification"));
    let identifier = |kind: &str, number: &str, rest: Value| {
        let mut value = json!({ "nationalIdentifier": number, "nationalIdentifierType": kind });
        for (name, member) in rest.as_object().expect("an object") {
            value[name] = member.clone();
        }
        value
    };
    let authority = json!({ "registrationAuthority": "RA000443" });
    for kind in ["ARNU", "CCPT", "DRLC", "FIIN", "SOCS", "IDCD"] {
        let value = identifier(kind, "1", authority.clone());
        let path = format!("{path}.nationalIdentifierType");
        breaks(&pointer, value, &path, Rule::IdentifierOfLegal);
    }
    let lei = "506700T7Z685VUOZL877";
    assert_eq!(violations(&pointer, |place| *place = identifier("LEIX", lei, json!({}))), []);
    let at = format!("{path}.registrationAuthority");
    breaks(&pointer, identifier("LEIX", lei, authority.clone()), &at, Rule::CompleteIdentifier);
    breaks(&pointer, identifier("RAID", "1", json!({})), &at, Rule::CompleteIdentifier);
    for code in ["RA00044", "RA0004433", "ra000443", "000443", "RA00044x", "RA-00443"] {
        let value = identifier("RAID", "1", json!({ "registrationAuthority": code }));
        let found = violations(&pointer, |place| *place = value);
        let expected = Violation { path: at.clone(), rule: Rule::RegistrationAuthority };
        assert_eq!(found.first(), Some(&expected), "{code}");
    }
    let country = json!({ "registrationAuthority": "RA000443", "countryOfIssue": "MT" });
    let path = format!("{path}.countryOfIssue");
    breaks(&pointer, identifier("MISC", "1", country), &path, Rule::CompleteIdentifier);
}

#[test]
fn an_lei_with_a_wrong_digit_is_refused() {
    let pointer = format!("{PAYEE}/nationalIdentification");
    let path = format!("{PAYEE_AT}.nationalIdentification.nationalIdentifier");
    let lei =
        |number: &str| json!({ "nationalIdentifier": number, "nationalIdentifierType": "LEIX" });
    // Of GLEIF, of Bloomberg, of Apple.
    for valid in ["506700GE1G29325QX363", "5493001KJTIIGC8Y1R12", "HWUPKR0MPOU8FGXBT394"] {
        assert_eq!(violations(&pointer, |place| *place = lei(valid)), [], "{valid}");
        // Each character counts.
        for place in 0..20 {
            let mut other = valid.to_owned().into_bytes();
            other[place] = match other[place] {
                b'9' => b'0',
                b'Z' => b'A',
                other => other + 1,
            };
            let other = String::from_utf8(other).expect("ASCII");
            breaks(&pointer, lei(&other), &path, Rule::Lei);
        }
    }
    for none in [
        // The standard prints this one in its examples. Its check digits would be 49.
        "3M5E1GQKGL17HI8CPN20",
        "5493001kjtiigc8y1r12",
        "5493001KJTIIGC8Y1R1",
        "5493001KJTIIGC8Y1R122",
        "5493001KJTIIGC8Y1R1-",
        "5493001KJTIIGC8Y-R12",
        "000000000000000000AB",
    ] {
        breaks(&pointer, lei(none), &path, Rule::Lei);
    }
}

#[test]
fn a_transfer_path_has_no_gap() {
    let pointer = "/transferPath/transferPath/0/sequence";
    for sequence in [0, 2, 7] {
        breaks(pointer, json!(sequence), "transferPath", Rule::Sequence);
    }
    for sequence in [json!(-1), json!(1.0), json!("1"), json!(null), json!(true)] {
        let found = violations(pointer, |place| *place = sequence);
        let path = "transferPath.transferPath[0].sequence".to_owned();
        assert_eq!(found.first(), Some(&Violation { path, rule: Rule::Type }));
    }
}

#[test]
fn texts_are_within_the_standards_bounds() {
    let address = format!("{PAYER}/geographicAddress/0");
    for (pointer, characters_max) in [
        (format!("{PAYER}/name/nameIdentifier/0/primaryIdentifier"), 100),
        (format!("{PAYER}/name/nameIdentifier/0/secondaryIdentifier"), 100),
        (format!("{PAYER}/name/localNameIdentifier/0/primaryIdentifier"), 100),
        (format!("{PAYEE}/name/nameIdentifier/0/legalPersonName"), 100),
        (format!("{PAYEE}/name/localNameIdentifier/0/legalPersonName"), 100),
        (format!("{PAYER}/customerIdentification"), 50),
        (format!("{PAYEE}/customerIdentification"), 50),
        (format!("{PAYER}/dateAndPlaceOfBirth/placeOfBirth"), 70),
        (format!("{PAYER}/nationalIdentification/nationalIdentifier"), 35),
        (format!("{address}/department"), 50),
        (format!("{address}/subDepartment"), 70),
        (format!("{address}/streetName"), 70),
        (format!("{address}/buildingNumber"), 16),
        (format!("{address}/buildingName"), 35),
        (format!("{address}/floor"), 70),
        (format!("{address}/postBox"), 16),
        (format!("{address}/room"), 70),
        (format!("{address}/postCode"), 16),
        (format!("{address}/townName"), 35),
        (format!("{address}/townLocationName"), 35),
        (format!("{address}/districtName"), 35),
        (format!("{address}/countrySubDivision"), 35),
        (format!("{address}/addressLine/0"), 70),
        ("/originator/accountNumber/0".to_owned(), 100),
    ] {
        let path = path_of(&pointer);
        let longest = json!("x".repeat(characters_max));
        assert_eq!(violations(&pointer, |place| *place = longest), [], "{pointer}");
        breaks(&pointer, json!("x".repeat(characters_max + 1)), &path, Rule::Length);
        for nothing in ["", " ", "   \t"] {
            breaks(&pointer, json!(nothing), &path, Rule::Empty);
        }
        breaks(&pointer, json!("a\u{7}b"), &path, Rule::Characters);
        for wrong in [json!(7), json!(null), json!(["x"]), json!({}), json!(true)] {
            breaks(&pointer, wrong, &path, Rule::Type);
        }
        // Characters are counted, not bytes; other scripts belong in local names.
        let foreign = json!("吴".repeat(characters_max));
        if pointer.contains("local") {
            assert_eq!(violations(&pointer, |place| *place = foreign), [], "{pointer}");
        } else {
            breaks(&pointer, foreign, &path, Rule::Characters);
            breaks(&pointer, json!("Müller"), &path, Rule::Characters);
        }
    }
}

/// The place that a pointer is at, as violations name it.
fn path_of(pointer: &str) -> String {
    let mut path = String::new();
    for part in pointer.split('/').skip(1) {
        match part.parse::<usize>() {
            Ok(number) => path.push_str(&format!("[{number}]")),
            Err(_) if path.is_empty() => path.push_str(part),
            Err(_) => path.push_str(&format!(".{part}")),
        }
    }
    path
}

#[test]
fn codes_are_from_the_standards_lists() {
    for pointer in [
        format!("{PAYER}/name/nameIdentifier/1/nameIdentifierType"),
        format!("{PAYER}/name/localNameIdentifier/0/nameIdentifierType"),
        format!("{PAYEE}/name/nameIdentifier/1/legalPersonNameIdentifierType"),
        format!("{PAYER}/geographicAddress/0/addressType"),
        format!("{PAYER}/nationalIdentification/nationalIdentifierType"),
        "/payloadMetadata/transliterationMethod/1".to_owned(),
        "/payloadMetadata/payloadVersion".to_owned(),
    ] {
        for code in ["XXXX", "", "legl", "Legl", "LEGL ", "IVMS101.2023"] {
            breaks(&pointer, json!(code), &path_of(&pointer), Rule::Code);
        }
    }
    let short = format!("{PAYER}/name/nameIdentifier/1/nameIdentifierType");
    breaks(&short, json!("SHRT"), &path_of(&short), Rule::Code);
}

#[test]
fn what_must_be_there_is_missed() {
    for (pointer, name, path) in [
        ("", "originator", "originator".to_owned()),
        ("", "beneficiary", "beneficiary".to_owned()),
        ("/originator", "originatorPersons", "originator.originatorPersons".to_owned()),
        (PAYER, "name", format!("{PAYER_AT}.name")),
        (PAYEE, "name", format!("{PAYEE_AT}.name")),
    ] {
        breaks_without(pointer, &[name], &path, Rule::Missing);
    }
    let name = format!("{PAYER}/name");
    let at = format!("{PAYER_AT}.name.nameIdentifier");
    breaks_without(&name, &["nameIdentifier"], &at, Rule::Missing);
    let name = format!("{PAYER}/name/nameIdentifier/1");
    let at = format!("{PAYER_AT}.name.nameIdentifier[1]");
    for member in ["primaryIdentifier", "nameIdentifierType"] {
        breaks_without(&name, &[member], &format!("{at}.{member}"), Rule::Missing);
    }
    breaks("/originator/originatorPersons", json!([]), "originator.originatorPersons", Rule::Count);
    let crowd = json!(vec![full()["beneficiary"]["beneficiaryPersons"][0].clone(); 17]);
    breaks("/originator/originatorPersons", crowd, "originator.originatorPersons", Rule::Count);
}

#[test]
fn a_person_is_natural_or_legal_and_not_both() {
    let path = "originator.originatorPersons[0]";
    let found = violations("/originator/originatorPersons/0", |person| *person = json!({}));
    assert_eq!(found, [Violation { path: path.to_owned(), rule: Rule::OnePerson }]);
    let legal = full()["beneficiary"]["beneficiaryPersons"][0]["legalPerson"].clone();
    let found =
        violations("/originator/originatorPersons/0", |person| person["legalPerson"] = legal);
    assert_eq!(found, [Violation { path: path.to_owned(), rule: Rule::OnePerson }]);
}

#[test]
fn a_member_that_the_standard_does_not_have_is_refused_everywhere_and_not_repeated() {
    let objects = [
        ("", ""),
        ("/originator", "originator"),
        ("/originatingVASP", "originatingVASP"),
        ("/transferPath", "transferPath"),
        ("/transferPath/transferPath/0", "transferPath.transferPath[0]"),
        ("/payloadMetadata", "payloadMetadata"),
        ("/originator/originatorPersons/0", "originator.originatorPersons[0]"),
    ];
    let inner = ["", "/name", "/name/nameIdentifier/0", "/name/localNameIdentifier/0"]
        .into_iter()
        .chain(["/geographicAddress/0", "/nationalIdentification"])
        .flat_map(|inner| [format!("{PAYER}{inner}"), format!("{PAYEE}{inner}")])
        .chain([format!("{PAYER}/dateAndPlaceOfBirth")])
        .map(|pointer| (path_of(&pointer), pointer));
    let objects = objects.map(|(pointer, path)| (path.to_owned(), pointer.to_owned()));
    for (path, pointer) in objects.into_iter().chain(inner) {
        // Also one that differs by its case, or is of the other version's local names.
        for name in ["Alice Smith", "Originator", "country_of_residence", ""] {
            let found = violations(&pointer, |place| place[name] = json!("x"));
            assert_eq!(found, [Violation { path: path.clone(), rule: Rule::Unknown }], "{pointer}");
        }
    }
}

#[test]
fn a_member_that_comes_twice_is_refused() {
    let text = full().to_string();
    for (once, again, path) in [
        (r#""townName":"Springfield""#, r#""townName":"Shelbyville""#, "townName"),
        (r#""postCode":"SW1A 1AA""#, r#""postcode":"SW1A 1AB""#, "postCode"),
        (r#""country":"GB""#, r#""country":"GB""#, "country"),
    ] {
        let twice = text.replacen(once, &format!("{once},{again}"), 1);
        assert_ne!(twice, text);
        let invalid = Ivms101::from_json(twice.as_bytes(), NOW).expect_err("it is there twice");
        let [violation] = invalid.violations() else { panic!("{invalid}") };
        assert_eq!(violation.rule, Rule::Twice);
        assert!(violation.path.to_lowercase().ends_with(&path.to_lowercase()), "{violation}");
    }
    let both = violations(PAYER, |person| person["customerNumber"] = json!("cust-991"));
    assert_eq!(both.len(), 1);
    assert_eq!(both[0].rule, Rule::Twice);
}

#[test]
fn what_is_too_large_too_deep_or_no_json_is_refused_at_once() {
    let read = |json: &[u8]| Ivms101::from_json(json, NOW).expect_err("refused");
    let mut large = full().to_string();
    large.push_str(&" ".repeat(OBJECT_BYTES_MAX + 1 - large.len()));
    assert_eq!(read(large.as_bytes()), Invalid::TooLarge);
    large.pop();
    assert!(Ivms101::from_json(large.as_bytes(), NOW).is_ok());
    for depth in [17, 100, 200, 30_000] {
        let deep = ["[".repeat(depth), "]".repeat(depth)].concat();
        assert_eq!(read(deep.as_bytes()), Invalid::NotJson);
        let deep =
            ["{\"originator\":".repeat(depth.min(4000)), "1".into(), "}".repeat(depth.min(4000))];
        assert_eq!(read(deep.concat().as_bytes()), Invalid::NotJson);
    }
    for none in ["", "{", "nonsense", "{} {}", "{\"a\":1,}", "\u{feff}{}", "{\"a\":\"\\ud800\"}"] {
        assert_eq!(read(none.as_bytes()), Invalid::NotJson, "{none:?}");
    }
    assert_eq!(read(b"{\"a\":\"\xff\"}"), Invalid::NotJson);
    for other in ["[]", "1", "null", "\"x\""] {
        let violation = Violation { path: String::new(), rule: Rule::Type };
        assert_eq!(read(other.as_bytes()), Invalid::Rules(vec![violation]));
    }
}

#[test]
fn a_thousand_mistakes_make_no_endless_message() {
    let address =
        json!({ "addressType": "no", "townName": "", "country": "no", "room": 1, "floor": 1 });
    let found = violations(PAYER, |person| person["geographicAddress"] = json!(vec![address; 16]));
    // 4 in each address.
    assert_eq!(found.len(), 64);
}
