//! Reading an object, and checking it by all rules at once.

use jiff::{Timestamp, tz::TimeZone};

use super::{
    codes,
    model::{Ivms101, Party, Person, Version},
    path::Path,
    person::{ITEMS_MAX, Role, accounts, person, person_in},
    reader::{
        Form,
        Is::{Optional, Required},
        Members, Report, text,
    },
    rule::{Invalid, Rule},
};
use crate::{json::Node, limits::OBJECT_BYTES_MAX, personal::Text};

impl Ivms101 {
    /// Reads an object and checks it by all rules. `now` is in unix seconds; its day in UTC is the
    /// one that births must be before.
    ///
    /// # Errors
    /// With the places and rules that it breaks.
    pub fn from_json(json: &[u8], now: u64) -> Result<Self, Invalid> {
        if json.len() > OBJECT_BYTES_MAX {
            return Err(Invalid::TooLarge);
        }
        let node = Node::parse(json).map_err(|_| Invalid::NotJson)?;
        Self::from_node(&node, now)
    }

    pub(crate) fn from_node(node: &Node, now: u64) -> Result<Self, Invalid> {
        // The last day of the calendar, for a clock beyond it.
        let now = i64::try_from(now).ok().and_then(|now| Timestamp::from_second(now).ok());
        let now = now.unwrap_or(Timestamp::MAX);
        let mut report = Report::new(now.to_zoned(TimeZone::UTC).date());
        let object = object(node, &mut report);
        match (object, report.into_violations()) {
            (Some(object), violations) if violations.is_empty() => Ok(object),
            (_, violations) => Err(Invalid::Rules(violations)),
        }
    }
}

fn object(node: &Node, report: &mut Report) -> Option<Ivms101> {
    let mut members = Members::of(node, Path::Root, report)?;
    // First, since the rules of what follows depend on it.
    let transliterations = members
        .member(&["payloadMetadata"], Optional, report)
        .and_then(|(name, node)| metadata(node, Path::Member(&Path::Root, name), report));
    let originator = members.member(&["originator"], Required, report).and_then(|(name, node)| {
        let persons = ["originatorPersons", "originatorPerson"];
        party(node, Path::Member(&Path::Root, name), (persons, Role::Originator), report)
    });
    let beneficiary =
        members.member(&["beneficiary"], Required, report).and_then(|(name, node)| {
            let persons = ["beneficiaryPersons", "beneficiaryPerson"];
            party(node, Path::Member(&Path::Root, name), (persons, Role::Other), report)
        });
    let mut vasp = |name: &'static str| {
        let (_, node) = members.member(&[name], Optional, report)?;
        vasp(node, Path::Member(&Path::Root, name), name, report)
    };
    let (originating_vasp, beneficiary_vasp) = (vasp("originatingVASP"), vasp("beneficiaryVASP"));
    let transfer_path = members
        .member(&["transferPath"], Optional, report)
        .and_then(|(name, node)| transfer_path(node, Path::Member(&Path::Root, name), report));
    members.finish(report);
    Some(Ivms101 {
        version: report.version,
        originator: originator?,
        beneficiary: beneficiary?,
        originating_vasp,
        beneficiary_vasp,
        transfer_path: transfer_path.unwrap_or_default(),
        transliterations: transliterations.unwrap_or_default(),
    })
}

fn metadata(node: &Node, path: Path<'_>, report: &mut Report) -> Option<Vec<Text>> {
    let mut members = Members::of(node, path, report)?;
    let version = members.text(&["payloadVersion"], Optional, Form::Code(codes::VERSIONS), report);
    if version.is_some_and(|version| version.expose() == codes::VERSION_2023) {
        report.version = Version::V2023;
    }
    let methods = members.items(
        &["transliterationMethod"],
        (Optional, codes::TRANSLITERATIONS.len()),
        report,
        |node, path, report| text(node, path, Form::Code(codes::TRANSLITERATIONS), report),
    );
    members.finish(report);
    Some(methods)
}

fn party(
    node: &Node,
    path: Path<'_>,
    (spellings, role): ([&'static str; 2], Role),
    report: &mut Report,
) -> Option<Party> {
    let mut members = Members::of(node, path, report)?;
    let persons = members.items(&spellings, (Required, ITEMS_MAX), report, |node, path, report| {
        person(node, path, role, report)
    });
    let mut all = accounts(&mut members, report);
    members.finish(report);
    let (persons, accounts): (Vec<Person>, Vec<Vec<Text>>) = persons.into_iter().unzip();
    all.extend(accounts.into_iter().flatten());
    Some(Party { persons, accounts: all })
}

/// The standard has a person inside a member of the same name; many leave the inner one out.
fn vasp(node: &Node, path: Path<'_>, name: &'static str, report: &mut Report) -> Option<Person> {
    let mut members = Members::of(node, path, report)?;
    let person = match members.member(&[name], Optional, report) {
        Some((_, node)) => person(node, Path::Member(&path, name), Role::Other, report),
        None => person_in(&mut members, Role::Other, report),
    };
    members.finish(report);
    person.map(|(person, _)| person)
}

fn transfer_path(node: &Node, path: Path<'_>, report: &mut Report) -> Option<Vec<Person>> {
    let mut members = Members::of(node, path, report)?;
    let before = report.count();
    let mut steps =
        members.items(&["transferPath"], (Optional, ITEMS_MAX), report, |node, path, report| {
            let mut members = Members::of(node, path, report)?;
            let name = "intermediaryVASP";
            let read = members
                .member(&[name], Required, report)
                .and_then(|(_, node)| person(node, Path::Member(&path, name), Role::Other, report));
            let sequence = members.member(&["sequence"], Required, report);
            members.finish(report);
            let sequence = match sequence?.1 {
                Node::Integer(number) => *number,
                _ => {
                    report.breaks(Rule::Type, Path::Member(&path, "sequence"));
                    return None;
                }
            };
            Some((sequence, read?.0))
        });
    members.finish(report);
    steps.sort_by_key(|(sequence, _)| *sequence);
    if report.count() == before
        && !(0..).zip(&steps).all(|(number, (sequence, _))| number == *sequence)
    {
        report.breaks(Rule::Sequence, path);
    }
    Some(steps.into_iter().map(|(_, person)| person).collect())
}
