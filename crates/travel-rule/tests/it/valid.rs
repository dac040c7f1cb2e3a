//! Valid objects: the standard's own examples, and every member that it has.

use aep2_travel_rule::{
    Ivms101, Version,
    ivms101::{LegalPerson, NaturalPerson, Person},
};
use serde_json::{Value, json};

use crate::support::{NOW, at, text, vectors};

fn read(object: &Value) -> Ivms101 {
    let read = Ivms101::from_json(object.to_string().as_bytes(), NOW);
    read.unwrap_or_else(|invalid| panic!("{invalid}"))
}

fn natural(person: &Person) -> &NaturalPerson {
    let Person::Natural(person) = person else { panic!("a legal person") };
    person
}

fn legal(person: &Person) -> &LegalPerson {
    let Person::Legal(person) = person else { panic!("a natural person") };
    person
}

#[test]
fn the_standards_examples_are_read_in_both_versions() {
    let examples = vectors()["examples"].as_array().expect("examples").clone();
    assert_eq!(examples.len(), 4);
    for example in examples {
        let object = read(&example["ivms101"]);
        let version = if example["year"] == 2023 { Version::V2023 } else { Version::V2020 };
        assert_eq!(object.version, version);
        let payer = natural(&object.originator.persons[0]);
        if text(&example["name"]).contains("example 1") {
            assert_eq!(payer.names[0].primary.expose(), "Smith");
            assert_eq!(payer.names[0].kind.expose(), "LEGL");
            assert_eq!(payer.addresses[0].post_code.as_ref().expect("one").expose(), "91765");
            assert_eq!(payer.customer.as_ref().expect("one").expose(), "1002390");
            assert_eq!(object.originator.accounts[0].expose(), "10023909");
            let vasp = legal(object.originating_vasp.as_ref().expect("one"));
            let lei = &vasp.national.as_ref().expect("one").identifier;
            assert_eq!(lei.expose(), "3M5E1GQKGL17HI8CPN49");
        } else {
            assert_eq!(payer.local_names[0].primary.expose(), "吴");
            assert_eq!(payer.residence.as_ref().expect("one").expose(), "TZ");
            let payee = legal(&object.beneficiary.persons[0]);
            assert_eq!(payee.names[1].name.expose(), "CBA Trading");
            assert_eq!(object.beneficiary.accounts[0].expose(), "00010190CBATRAD");
            assert_eq!(legal(&object.transfer_path[0]).names[0].name.expose(), "VASP E");
            assert_eq!(object.transliterations[0].expose(), "hani");
        }
    }
}

/// An object with every member that the standard has.
pub(crate) fn full() -> Value {
    let address = json!({
        "addressType": "GEOG", "department": "Dept One", "subDepartment": "Subdept Two",
        "streetName": "Example Road", "buildingNumber": "24b", "buildingName": "Rose House",
        "floor": "3rd floor", "postBox": "PO 881", "room": "Room 12", "postCode": "SW1A 1AA",
        "townName": "Springfield", "townLocationName": "Old Town", "districtName": "North District",
        "countrySubDivision": "Middleshire", "addressLine": ["c/o Miller", "Rear entrance"],
        "country": "GB"
    });
    let natural = json!({ "naturalPerson": {
        "name": {
            "nameIdentifier": [
                { "primaryIdentifier": "Featherstone", "secondaryIdentifier": "Wilhelmina", "nameIdentifierType": "LEGL" },
                { "primaryIdentifier": "Mina", "nameIdentifierType": "ALIA" }
            ],
            "localNameIdentifier": [
                { "primaryIdentifier": "Федерстоун", "secondaryIdentifier": "Вильгельмина", "nameIdentifierType": "LEGL" }
            ],
            "phoneticNameIdentifier": [
                { "primaryIdentifier": "ˈfɛðəstən", "nameIdentifierType": "MISC" }
            ]
        },
        "geographicAddress": [address],
        "nationalIdentification": {
            "nationalIdentifier": "P12345678", "nationalIdentifierType": "CCPT", "countryOfIssue": "DE"
        },
        "customerIdentification": "cust-991",
        "dateAndPlaceOfBirth": { "dateOfBirth": "1975-02-28", "placeOfBirth": "Ludwigshafen" },
        "countryOfResidence": "AT"
    } });
    let legal = json!({ "legalPerson": {
        "name": {
            "nameIdentifier": [
                { "legalPersonName": "Acme Holdings, Inc.", "legalPersonNameIdentifierType": "LEGL" },
                { "legalPersonName": "Acme", "legalPersonNameIdentifierType": "SHRT" }
            ],
            "localNameIdentifier": [
                { "legalPersonName": "アクメ", "legalPersonNameIdentifierType": "TRAD" }
            ],
            "phoneticNameIdentifier": [
                { "legalPersonName": "akume", "legalPersonNameIdentifierType": "TRAD" }
            ]
        },
        "geographicAddress": [{
            "addressType": "BIZZ", "addressLine": ["77 Quay Street"], "townName": "Valletta", "country": "MT"
        }],
        "customerIdentification": "firm-5",
        "nationalIdentification": {
            "nationalIdentifier": "MT-98765", "nationalIdentifierType": "TXID",
            "registrationAuthority": "RA000443"
        },
        "countryOfRegistration": "MT"
    } });
    let vasp = |name: &str| {
        json!({ "legalPerson": { "name": { "nameIdentifier": [
            { "legalPersonName": name, "legalPersonNameIdentifierType": "LEGL" }
        ] } } })
    };
    json!({
        "originator": { "originatorPersons": [natural], "accountNumber": ["from-1", "from-2"] },
        "beneficiary": { "beneficiaryPersons": [legal], "accountNumber": ["to-1"] },
        "originatingVASP": { "originatingVASP": vasp("First Exchange") },
        "beneficiaryVASP": { "beneficiaryVASP": vasp("Second Exchange") },
        "transferPath": { "transferPath": [
            { "intermediaryVASP": vasp("Hop Two"), "sequence": 1 },
            { "intermediaryVASP": vasp("Hop One"), "sequence": 0 }
        ] },
        "payloadMetadata": { "transliterationMethod": ["cyrl", "kana"], "payloadVersion": "101" }
    })
}

#[test]
fn every_member_of_the_standard_is_read_and_none_is_lost() {
    let object = full();
    let read = read(&object);
    // All texts that are read, by the places where the types have them.
    let mut found = Vec::new();
    texts_of_party(&read.originator, &mut found);
    texts_of_party(&read.beneficiary, &mut found);
    let vasps = read.originating_vasp.iter().chain(&read.beneficiary_vasp);
    vasps.chain(&read.transfer_path).for_each(|person| texts_of(person, &mut found));
    found.extend(read.transliterations.iter().map(|text| text.expose().to_owned()));
    found.push(read.version.code().to_owned());
    let mut sent = Vec::new();
    leaves(&object, &mut sent);
    found.sort();
    sent.sort();
    assert_eq!(found, sent);
    assert_eq!(legal(&read.transfer_path[0]).names[0].name.expose(), "Hop One", "in order");
}

/// All texts in a value.
pub(crate) fn leaves(value: &Value, to: &mut Vec<String>) {
    match value {
        Value::String(text) => to.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| leaves(item, to)),
        Value::Object(members) => members.values().for_each(|member| leaves(member, to)),
        _ => {}
    }
}

fn texts_of_party(party: &aep2_travel_rule::ivms101::Party, to: &mut Vec<String>) {
    party.persons.iter().for_each(|person| texts_of(person, to));
    to.extend(party.accounts.iter().map(|text| text.expose().to_owned()));
}

fn texts_of(person: &Person, to: &mut Vec<String>) {
    let (addresses, national) = match person {
        Person::Natural(person) => {
            let names = [&person.names, &person.local_names, &person.phonetic_names];
            for name in names.into_iter().flatten() {
                push(to, [Some(&name.primary), name.secondary.as_ref(), Some(&name.kind)]);
            }
            push(to, [person.customer.as_ref(), person.residence.as_ref()]);
            if let Some(birth) = &person.birth {
                push(to, [Some(&birth.date), Some(&birth.place)]);
            }
            (&person.addresses, &person.national)
        }
        Person::Legal(person) => {
            let names = [&person.names, &person.local_names, &person.phonetic_names];
            for name in names.into_iter().flatten() {
                push(to, [Some(&name.name), Some(&name.kind)]);
            }
            push(to, [person.customer.as_ref(), person.registration.as_ref()]);
            (&person.addresses, &person.national)
        }
    };
    for address in addresses {
        push(to, [&address.kind, &address.town, &address.country].map(Some));
        push(to, address.lines.iter().map(Some));
        push(
            to,
            [
                &address.department,
                &address.sub_department,
                &address.street,
                &address.building_number,
                &address.building_name,
                &address.floor,
                &address.post_box,
                &address.room,
                &address.post_code,
                &address.town_location,
                &address.district,
                &address.country_sub_division,
            ]
            .map(Option::as_ref),
        );
    }
    if let Some(national) = national {
        push(to, [Some(&national.identifier), Some(&national.kind)]);
        push(
            to,
            [&national.country_of_issue, &national.registration_authority].map(Option::as_ref),
        );
    }
}

fn push<'t>(
    to: &mut Vec<String>,
    texts: impl IntoIterator<Item = Option<&'t aep2_travel_rule::Text>>,
) {
    to.extend(texts.into_iter().flatten().map(|text| text.expose().to_owned()));
}

#[test]
fn both_spellings_and_both_places_are_read() {
    // The person of a VASP without the member around it, as many write it.
    let mut object = full();
    let mut inner = object["originatingVASP"]["originatingVASP"].take();
    inner["accountNumber"] = json!(["1"]);
    object["originatingVASP"] = inner;
    assert_eq!(
        legal(read(&object).originating_vasp.as_ref().expect("one")).names[0].name.expose(),
        "First Exchange"
    );
    // Accounts at the party and at its persons.
    let mut object = full();
    at(&mut object, "/originator/originatorPersons/0")["accountNumber"] = json!(["from-3"]);
    let accounts = read(&object).originator.accounts;
    let accounts: Vec<_> = accounts.iter().map(|account| account.expose()).collect();
    assert_eq!(accounts, ["from-1", "from-2", "from-3"]);
    // In 2023 they are longer.
    let mut object = full();
    object["payloadMetadata"]["payloadVersion"] = json!("101.2023");
    at(&mut object, "/originator/originatorPersons/0")["accountNumber"] = json!(["x".repeat(512)]);
    let accounts = read(&object).originator.accounts;
    assert_eq!(accounts.len(), 3);
    assert_eq!(accounts[2].expose().len(), 512);
}

#[test]
fn an_unknown_country_and_the_day_before_today_are_valid() {
    let mut object = full();
    at(&mut object, "/originator/originatorPersons/0/naturalPerson/countryOfResidence")
        .clone_from(&json!("XX"));
    at(
        &mut object,
        "/originator/originatorPersons/0/naturalPerson/dateAndPlaceOfBirth/dateOfBirth",
    )
    .clone_from(&json!("2026-09-20"));
    read(&object);
}
