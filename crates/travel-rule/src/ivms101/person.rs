//! Reading persons.

use super::{
    codes, lei,
    model::{
        Address, Birth, LegalName, LegalPerson, Name, NationalIdentification, NaturalPerson,
        Person, Version,
    },
    path::Path,
    reader::{Form, Is, Members, Report, text},
    rule::Rule,
};
use crate::{json::Node, personal::Text};

use Is::{Optional, Required};

/// Whether somebody is the originator, of whom more must be told.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Originator,
    Other,
}

/// How many names, addresses or accounts one person may have. The standard has no bound.
pub(super) const ITEMS_MAX: usize = 16;
const ADDRESS_LINES_MAX: usize = 7;

/// A person, and the numbers of its accounts.
pub(super) fn person(
    node: &Node,
    path: Path<'_>,
    role: Role,
    report: &mut Report,
) -> Option<(Person, Vec<Text>)> {
    let mut members = Members::of(node, path, report)?;
    let person = person_in(&mut members, role, report);
    members.finish(report);
    person
}

/// A person, and the numbers of its accounts, among these members. In the text of 2020 accounts are the
/// party's alone, in that of 2023 the person's alone; libraries have them in both places.
pub(super) fn person_in(
    members: &mut Members<'_, '_>,
    role: Role,
    report: &mut Report,
) -> Option<(Person, Vec<Text>)> {
    let natural = members.member(&["naturalPerson"], Optional, report);
    let legal = members.member(&["legalPerson"], Optional, report);
    let accounts = accounts(members, report);
    let person = match (natural, legal) {
        (Some((name, node)), None) => {
            natural_person(node, Path::Member(&members.path, name), role, report)
                .map(Person::Natural)
        }
        (None, Some((name, node))) => {
            legal_person(node, Path::Member(&members.path, name), role, report).map(Person::Legal)
        }
        (None, None) | (Some(_), Some(_)) => {
            report.breaks(Rule::OnePerson, members.path);
            None
        }
    };
    Some((person?, accounts))
}

/// The numbers of accounts: at most 100 characters in 2020, 512 in 2023.
pub(super) fn accounts(members: &mut Members<'_, '_>, report: &mut Report) -> Vec<Text> {
    let form = Form::Latin(if report.version == Version::V2020 { 100 } else { 512 });
    members.items(&["accountNumber"], (Optional, ITEMS_MAX), report, |node, path, report| {
        text(node, path, form, report)
    })
}

fn natural_person(
    node: &Node,
    path: Path<'_>,
    role: Role,
    report: &mut Report,
) -> Option<NaturalPerson> {
    let before = report.count();
    let mut members = Members::of(node, path, report)?;
    let names = members
        .member(&["name"], Required, report)
        .and_then(|(name, node)| natural_names(node, Path::Member(&path, name), report));
    let addresses = addresses(&mut members, report);
    let national = members
        .member(&["nationalIdentification"], Optional, report)
        .map(|(name, node)| identification(node, Path::Member(&path, name), report));
    let customer = customer(&mut members, report);
    let birth = members
        .member(&["dateAndPlaceOfBirth"], Optional, report)
        .map(|(name, node)| birth(node, Path::Member(&path, name), report));
    let residence = members.text(&["countryOfResidence"], Optional, Form::Country, report);
    let known =
        !addresses.is_empty() || national.is_some() || customer.is_some() || birth.is_some();
    members.finish(report);
    if role == Role::Originator && report.count() == before && !known {
        report.breaks(Rule::OriginatorNatural, path);
    }
    let [names, local_names, phonetic_names] = names?;
    Some(NaturalPerson {
        names,
        local_names,
        phonetic_names,
        addresses,
        national: national.flatten(),
        customer,
        birth: birth.flatten(),
        residence,
    })
}

fn legal_person(
    node: &Node,
    path: Path<'_>,
    role: Role,
    report: &mut Report,
) -> Option<LegalPerson> {
    let before = report.count();
    let mut members = Members::of(node, path, report)?;
    let names = members
        .member(&["name"], Required, report)
        .and_then(|(name, node)| legal_names(node, Path::Member(&path, name), report));
    let addresses = addresses(&mut members, report);
    let customer = customer(&mut members, report);
    let national = members
        .member(&["nationalIdentification"], Optional, report)
        .map(|(name, node)| identification_of_legal(node, Path::Member(&path, name), report));
    let registration = members.text(&["countryOfRegistration"], Optional, Form::Country, report);
    let geographic = addresses.iter().any(|address| address.kind.expose() == codes::GEOGRAPHIC);
    let known = geographic || national.is_some() || customer.is_some();
    members.finish(report);
    if role == Role::Originator && report.count() == before && !known {
        report.breaks(Rule::OriginatorLegal, path);
    }
    let [names, local_names, phonetic_names] = names?;
    Some(LegalPerson {
        names,
        local_names,
        phonetic_names,
        addresses,
        customer,
        national: national.flatten(),
        registration,
    })
}

/// The standard's tables say `customerIdentification`, its text of 2020 `customerNumber` as well.
fn customer(members: &mut Members<'_, '_>, report: &mut Report) -> Option<Text> {
    let spellings = ["customerIdentification", "customerNumber"];
    members.text(&spellings, Optional, Form::Latin(50), report)
}

/// Names in Latin letters, in other scripts, and by their sound.
fn natural_names(node: &Node, path: Path<'_>, report: &mut Report) -> Option<[Vec<Name>; 3]> {
    let before = report.count();
    let mut members = Members::of(node, path, report)?;
    let (latin, local) = (Form::Latin(100), Form::Local(100));
    let names = members.items(
        &["nameIdentifier"],
        (Required, ITEMS_MAX),
        report,
        // The text of 2023 calls the type so here, and `nameIdentifierType` in local names.
        |node, path, report| name(node, path, (true, latin), report),
    );
    let mut others = |spelling| {
        members.items(&[spelling], (Optional, ITEMS_MAX), report, |node, path, report| {
            name(node, path, (false, local), report)
        })
    };
    let (local_names, phonetic_names) =
        (others("localNameIdentifier"), others("phoneticNameIdentifier"));
    members.finish(report);
    let legal = names.iter().any(|name| name.kind.expose() == codes::LEGAL_NAME);
    if report.count() == before && !legal {
        report.breaks(Rule::LegalNameOfNatural, path);
    }
    Some([names, local_names, phonetic_names])
}

fn name(
    node: &Node,
    path: Path<'_>,
    (either_spelling, form): (bool, Form),
    report: &mut Report,
) -> Option<Name> {
    let mut members = Members::of(node, path, report)?;
    let primary = members.text(&["primaryIdentifier"], Required, form, report);
    let secondary = members.text(&["secondaryIdentifier"], Optional, form, report);
    let spellings = ["nameIdentifierType", "naturalPersonNameIdentifierType"];
    let spellings = if either_spelling { &spellings[..] } else { &spellings[..1] };
    let kind = members.text(spellings, Required, Form::Code(codes::NATURAL_NAMES), report);
    members.finish(report);
    Some(Name { primary: primary?, secondary, kind: kind? })
}

fn legal_names(node: &Node, path: Path<'_>, report: &mut Report) -> Option<[Vec<LegalName>; 3]> {
    let before = report.count();
    let mut members = Members::of(node, path, report)?;
    let names =
        members.items(&["nameIdentifier"], (Required, ITEMS_MAX), report, |node, path, report| {
            legal_name(node, path, Form::Latin(100), report)
        });
    let mut others = |spelling| {
        members.items(&[spelling], (Optional, ITEMS_MAX), report, |node, path, report| {
            legal_name(node, path, Form::Local(100), report)
        })
    };
    let (local_names, phonetic_names) =
        (others("localNameIdentifier"), others("phoneticNameIdentifier"));
    members.finish(report);
    let legal = names.iter().any(|name| name.kind.expose() == codes::LEGAL_NAME);
    if report.count() == before && !legal {
        report.breaks(Rule::LegalNameOfLegal, path);
    }
    Some([names, local_names, phonetic_names])
}

fn legal_name(node: &Node, path: Path<'_>, form: Form, report: &mut Report) -> Option<LegalName> {
    let mut members = Members::of(node, path, report)?;
    let name = members.text(&["legalPersonName"], Required, form, report);
    let kinds = Form::Code(codes::LEGAL_NAMES);
    let kind = members.text(&["legalPersonNameIdentifierType"], Required, kinds, report);
    members.finish(report);
    Some(LegalName { name: name?, kind: kind? })
}

fn addresses(members: &mut Members<'_, '_>, report: &mut Report) -> Vec<Address> {
    members.items(&["geographicAddress"], (Optional, ITEMS_MAX), report, address)
}

fn address(node: &Node, path: Path<'_>, report: &mut Report) -> Option<Address> {
    let before = report.count();
    let mut members = Members::of(node, path, report)?;
    let kind = members.text(&["addressType"], Required, Form::Code(codes::ADDRESSES), report);
    let town = members.text(&["townName"], Required, Form::Latin(35), report);
    let country = members.text(&["country"], Required, Form::Country, report);
    let lines = members.items(
        &["addressLine"],
        (Optional, ADDRESS_LINES_MAX),
        report,
        |node, path, report| text(node, path, Form::Latin(70), report),
    );
    let mut part = |spellings: &[&'static str], characters_max| {
        members.text(spellings, Optional, Form::Latin(characters_max), report)
    };
    let department = part(&["department"], 50);
    let sub_department = part(&["subDepartment"], 70);
    let street = part(&["streetName"], 70);
    let building_number = part(&["buildingNumber"], 16);
    let building_name = part(&["buildingName"], 35);
    let floor = part(&["floor"], 70);
    let post_box = part(&["postBox"], 16);
    let room = part(&["room"], 70);
    // The standard's tables say `postcode`, its text `postCode`.
    let post_code = part(&["postCode", "postcode"], 16);
    let town_location = part(&["townLocationName"], 35);
    let district = part(&["districtName"], 35);
    let country_sub_division = part(&["countrySubDivision"], 35);
    members.finish(report);
    let found = street.is_some() && (building_number.is_some() || building_name.is_some());
    if report.count() == before && lines.is_empty() && !found {
        report.breaks(Rule::Address, path);
    }
    Some(Address {
        kind: kind?,
        department,
        sub_department,
        street,
        building_number,
        building_name,
        floor,
        post_box,
        room,
        post_code,
        town: town?,
        town_location,
        district,
        country_sub_division,
        lines,
        country: country?,
    })
}

fn birth(node: &Node, path: Path<'_>, report: &mut Report) -> Option<Birth> {
    let mut members = Members::of(node, path, report)?;
    let date = members.text(&["dateOfBirth"], Required, Form::PastDate, report);
    let place = members.text(&["placeOfBirth"], Required, Form::Latin(70), report);
    members.finish(report);
    Some(Birth { date: date?, place: place? })
}

fn identification(
    node: &Node,
    path: Path<'_>,
    report: &mut Report,
) -> Option<NationalIdentification> {
    let mut members = Members::of(node, path, report)?;
    let identifier = members.text(&["nationalIdentifier"], Required, Form::Latin(35), report);
    let kinds = Form::Code(codes::IDENTIFIERS);
    let kind = members.text(&["nationalIdentifierType"], Required, kinds, report);
    let country_of_issue = members.text(&["countryOfIssue"], Optional, Form::Country, report);
    let registration_authority =
        members.text(&["registrationAuthority"], Optional, Form::RegistrationAuthority, report);
    members.finish(report);
    Some(NationalIdentification {
        identifier: identifier?,
        kind: kind?,
        country_of_issue,
        registration_authority,
    })
}

fn identification_of_legal(
    node: &Node,
    path: Path<'_>,
    report: &mut Report,
) -> Option<NationalIdentification> {
    let national = identification(node, path, report)?;
    let kind = national.kind.expose();
    if !codes::IDENTIFIERS_OF_LEGAL.contains(&kind) {
        report.breaks(Rule::IdentifierOfLegal, Path::Member(&path, "nationalIdentifierType"));
    }
    if national.country_of_issue.is_some() {
        report.breaks(Rule::CompleteIdentifier, Path::Member(&path, "countryOfIssue"));
    }
    let is_lei = kind == codes::LEI;
    if national.registration_authority.is_some() == is_lei {
        report.breaks(Rule::CompleteIdentifier, Path::Member(&path, "registrationAuthority"));
    }
    if is_lei && !lei::is_valid(national.identifier.expose()) {
        report.breaks(Rule::Lei, Path::Member(&path, "nationalIdentifier"));
    }
    Some(national)
}
