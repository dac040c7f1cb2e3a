//! Reading members of objects: what is known, what is missing, and a list of all that is wrong.

use jiff::civil::Date;

use super::{
    codes,
    model::Version,
    path::Path,
    rule::{Rule, Violation},
};
use crate::{json::Node, personal::Text};

/// Of how many violations is told.
const VIOLATIONS_MAX: usize = 64;

/// What is known while an object is read, and what was found wrong in it.
pub(super) struct Report {
    pub(super) today: Date,
    pub(super) version: Version,
    violations: Vec<Violation>,
}

impl Report {
    pub(super) fn new(today: Date) -> Self {
        Self { today, version: Version::V2020, violations: Vec::new() }
    }

    pub(super) fn breaks(&mut self, rule: Rule, path: Path<'_>) {
        if self.violations.len() < VIOLATIONS_MAX {
            self.violations.push(Violation { path: path.to_string(), rule });
        }
    }

    /// How much is wrong so far. Rules about several members are told only when the members
    /// themselves are right: otherwise one mistake would look like two.
    pub(super) fn count(&self) -> usize {
        self.violations.len()
    }

    pub(super) fn into_violations(self) -> Vec<Violation> {
        self.violations
    }
}

/// Whether a member must be there.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Is {
    Required,
    Optional,
}

/// What a text may be.
#[derive(Clone, Copy)]
pub(super) enum Form {
    /// At most so many characters of printable ASCII. The text of 2020 allows letters, digits, spaces
    /// and apostrophes alone, by which no address with a comma could be written; that of 2023 corrects it.
    Latin(usize),
    /// At most so many characters of any script.
    Local(usize),
    Code(&'static [&'static str]),
    Country,
    RegistrationAuthority,
    /// A day before today.
    PastDate,
}

/// The members of an object. When it is done with, [`finish`](Self::finish) must be called: it finds
/// the members that nobody asked for.
pub(super) struct Members<'n, 'p> {
    members: &'n [(zeroize::Zeroizing<String>, Node)],
    pub(super) path: Path<'p>,
    known: Vec<&'static str>,
}

impl<'n, 'p> Members<'n, 'p> {
    pub(super) fn of(node: &'n Node, path: Path<'p>, report: &mut Report) -> Option<Self> {
        let Node::Object(members) = node else {
            report.breaks(Rule::Type, path);
            return None;
        };
        Some(Self { members, path, known: Vec::new() })
    }

    /// A member, by any of its spellings, and the spelling.
    pub(super) fn member(
        &mut self,
        spellings: &[&'static str],
        is: Is,
        report: &mut Report,
    ) -> Option<(&'static str, &'n Node)> {
        self.known.extend(spellings);
        let mut found = None;
        for (name, node) in self.members {
            let Some(spelling) = spellings.iter().find(|spelling| **spelling == name.as_str())
            else {
                continue;
            };
            if found.replace((*spelling, node)).is_some() {
                report.breaks(Rule::Twice, Path::Member(&self.path, spelling));
            }
        }
        if found.is_none() && is == Is::Required {
            report.breaks(Rule::Missing, Path::Member(&self.path, spellings[0]));
        }
        found
    }

    /// A text.
    pub(super) fn text(
        &mut self,
        spellings: &[&'static str],
        is: Is,
        form: Form,
        report: &mut Report,
    ) -> Option<Text> {
        let (name, node) = self.member(spellings, is, report)?;
        text(node, Path::Member(&self.path, name), form, report)
    }

    /// The items of an array, each read by `read`; none when it is not there.
    pub(super) fn items<T>(
        &mut self,
        spellings: &[&'static str],
        (is, items_max): (Is, usize),
        report: &mut Report,
        read: impl Fn(&'n Node, Path<'_>, &mut Report) -> Option<T>,
    ) -> Vec<T> {
        let Some((name, node)) = self.member(spellings, is, report) else { return Vec::new() };
        let path = Path::Member(&self.path, name);
        let Node::Array(items) = node else {
            report.breaks(Rule::Type, path);
            return Vec::new();
        };
        if items.len() > items_max || is == Is::Required && items.is_empty() {
            report.breaks(Rule::Count, path);
            return Vec::new();
        }
        let items = items.iter().enumerate();
        items.filter_map(|(number, item)| read(item, Path::Item(&path, number), report)).collect()
    }

    /// Finds what nobody asked for. The names are not told: a sender can write anything there.
    pub(super) fn finish(self, report: &mut Report) {
        if self.members.iter().any(|(name, _)| !self.known.contains(&name.as_str())) {
            report.breaks(Rule::Unknown, self.path);
        }
    }
}

/// A text of this form.
pub(super) fn text(node: &Node, path: Path<'_>, form: Form, report: &mut Report) -> Option<Text> {
    let Some(text) = node.text() else {
        report.breaks(Rule::Type, path);
        return None;
    };
    match broken(text, form, report.today) {
        None => Some(Text::new(text)),
        Some(rule) => {
            report.breaks(rule, path);
            None
        }
    }
}

fn broken(text: &str, form: Form, today: Date) -> Option<Rule> {
    let (holds, rule) = match form {
        Form::Latin(_) | Form::Local(_) if text.trim().is_empty() => (false, Rule::Empty),
        Form::Latin(max) | Form::Local(max) if text.chars().count() > max => (false, Rule::Length),
        Form::Latin(_) => {
            (text.bytes().all(|byte| (b' '..=b'~').contains(&byte)), Rule::Characters)
        }
        Form::Local(_) => (!text.chars().any(char::is_control), Rule::Characters),
        Form::Code(codes) => (codes.contains(&text), Rule::Code),
        Form::Country => (codes::is_country(text), Rule::Country),
        Form::RegistrationAuthority => {
            (codes::is_registration_authority(text), Rule::RegistrationAuthority)
        }
        Form::PastDate => match date(text) {
            None => (false, Rule::Date),
            Some(date) => (date < today, Rule::DateInPast),
        },
    };
    (!holds).then_some(rule)
}

/// A day, written as `YYYY-MM-DD` and in no other way.
fn date(text: &str) -> Option<Date> {
    let number = |from: usize, to: usize| {
        let digits = text.get(from..to)?;
        digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse::<i16>().ok())?
    };
    let dashed = text.len() == 10 && text.get(4..5) == Some("-") && text.get(7..8) == Some("-");
    let part = |from, to| number(from, to).and_then(|part| i8::try_from(part).ok());
    dashed.then(|| Date::new(number(0, 4)?, part(5, 7)?, part(8, 10)?).ok())?
}
