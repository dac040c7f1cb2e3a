//! The metrics that alert rules and dashboards name, held against what programs show.
//!
//! A metric that has another name than a rule thinks is never there, and the rule is silent for ever. So each
//! program's tests take what it shows at `/metrics`, and ask what is [`missing`].

use std::{collections::BTreeSet, fs};

use crate::repository;

/// The alert rules.
pub const ALERTS: &str = "deploy/prometheus/alerts.yml";
/// The dashboards.
pub const DASHBOARDS: [&str; 1] = ["deploy/grafana/processor.json"];

/// What stands in expressions as names do, and names no metric.
const WORDS: [&str; 26] = [
    "and",
    "avg",
    "bool",
    "bottomk",
    "by",
    "count",
    "group",
    "group_left",
    "group_right",
    "ignoring",
    "inf",
    "max",
    "min",
    "nan",
    "offset",
    "on",
    "or",
    "quantile",
    "stddev",
    "stdvar",
    "sum",
    "topk",
    "unless",
    "without",
    "start",
    "end",
];
/// Those of them that labels in parentheses follow.
const LABELLED: [&str; 6] = ["by", "group_left", "group_right", "ignoring", "on", "without"];

/// A program that shows metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// `aep2 serve`.
    Processor,
    /// A processor's compliance.
    Compliance,
    /// `aep2 dispute-processor serve`.
    DisputeProcessor,
    /// `aep2 gateway`.
    Gateway,
    /// `aep2 issuer serve`.
    Issuer,
    /// `aep2 payee watch`.
    Watcher,
    /// Prometheus itself, and its node_exporter.
    Prometheus,
}

impl Program {
    /// Whose metric this is, by how its name begins. What begins as no other's is the processor's.
    fn of(name: &str) -> Self {
        const OTHERS: [(&str, Program); 8] = [
            ("aep2_compliance_", Program::Compliance),
            ("aep2_arbiter_", Program::DisputeProcessor),
            ("aep2_gateway_", Program::Gateway),
            ("aep2_issuer_", Program::Issuer),
            ("aep2_payee_watch_", Program::Watcher),
            ("node_", Program::Prometheus),
            ("up", Program::Prometheus),
            ("ALERTS", Program::Prometheus),
        ];
        let begins = |(start, _): &&(&str, Self)| match start.ends_with('_') {
            true => name.starts_with(start),
            false => name == *start,
        };
        OTHERS.iter().find(begins).map_or(Self::Processor, |(_, program)| *program)
    }
}

/// The metrics of a program that rules and dashboards name.
///
/// # Panics
/// When a file cannot be read.
pub fn named(program: Program) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for file in [ALERTS].iter().chain(&DASHBOARDS) {
        let text = read(file);
        for expression in expressions(&text) {
            names.extend(metrics_of(&expression));
        }
        // In words too, and where a dashboard looks for its instances.
        names.extend(mentions(&text));
    }
    names.retain(|name| Program::of(name) == program);
    names
}

/// Those of them that a program does not show. `text` is what it answers at `/metrics`.
///
/// # Panics
/// When a file cannot be read, or names none.
pub fn missing(program: Program, text: &str) -> BTreeSet<String> {
    let named = named(program);
    assert!(!named.is_empty(), "no rule and no dashboard names a metric of {program:?}");
    named.difference(&shown(text)).cloned().collect()
}

/// A file of the repository.
///
/// # Panics
/// When it cannot be read.
pub fn read(path: &str) -> String {
    fs::read_to_string(repository::file(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The names under which a text in Prometheus' format has values, by the lines that declare them.
fn shown(text: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let declared = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
    for (name, kind) in declared {
        let ends: &[&str] = match kind.trim() {
            "counter" => &["_total"],
            "histogram" => &["_bucket", "_count", "_sum"],
            _ => &[""],
        };
        names.extend(ends.iter().map(|end| format!("{name}{end}")));
    }
    names
}

/// The expressions of a file: of rules the values of `expr:`, of dashboards those of `"expr":`, each on a line
/// of its own, or in a block that stands further to the right.
pub fn expressions(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let of_dashboard = line.trim_start().strip_prefix("\"expr\": \"");
        if let Some(value) = of_dashboard {
            let value = value.trim_end().trim_end_matches(',').trim_end_matches('"');
            found.push(value.replace("\\n", "\n").replace("\\\"", "\""));
        }
        let Some(value) = line.trim_start().strip_prefix("expr:") else { continue };
        let indent = indent_of(line);
        let mut expression = value.trim().trim_start_matches(['|', '>', '-']).to_owned();
        while let Some(next) = lines.next_if(|next| indent_of(next) > indent) {
            expression.push('\n');
            expression.push_str(next);
        }
        found.push(expression);
    }
    found
}

fn indent_of(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// The metrics that an expression of Prometheus' names.
fn metrics_of(expression: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut rest = expression;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '"' => text_length(rest),
            '{' => closed_at(rest, '}'),
            '[' => closed_at(rest, ']'),
            first if is_of_name(first) => rest.find(|c| !is_of_name(c)).unwrap_or(rest.len()),
            first => first.len_utf8(),
        };
        let (word, after) = rest.split_at(length);
        rest = after;
        // Durations and numbers begin with a digit.
        if !is_of_name(first) || first.is_ascii_digit() {
            continue;
        }
        let in_parentheses = rest.trim_start().starts_with('(');
        if LABELLED.contains(&word) && in_parentheses {
            rest = &rest[closed_at(rest, ')')..];
        } else if !in_parentheses && !WORDS.contains(&word) {
            names.insert(word.to_owned());
        }
    }
    names
}

/// How long a text is that begins with a quotation mark, with both of them.
fn text_length(from: &str) -> usize {
    let mut is_escaped = false;
    for (at, char) in from.char_indices().skip(1) {
        match char {
            '"' if !is_escaped => return at + 1,
            char => is_escaped = char == '\\' && !is_escaped,
        }
    }
    from.len()
}

/// Where what opens here is closed, texts in it left out.
fn closed_at(from: &str, close: char) -> usize {
    let mut at = 0;
    while let Some(char) = from[at..].chars().next() {
        at += match char {
            '"' => text_length(&from[at..]),
            char if char == close => return at + 1,
            char => char.len_utf8(),
        };
    }
    from.len()
}

fn is_of_name(char: char) -> bool {
    char.is_ascii_alphanumeric() || char == '_' || char == ':'
}

/// Every word of ours in a text.
fn mentions(text: &str) -> impl Iterator<Item = String> {
    text.match_indices("aep2_").map(|(at, _)| {
        let word = &text[at..];
        word[..word.find(|c| !is_of_name(c)).unwrap_or(word.len())].to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn the_metrics_of_an_expression_are_found_and_no_other_words() {
        for (expression, expected) in [
            (r#"up{job="aep2_x"} == 0"#, &["up"][..]),
            ("rate(a_total[5m]) / (rate(b_total[5m]) > 0) > 0.1", &["a_total", "b_total"]),
            (r#"(a{by="b"} unless a offset 15m) > 0 or vector(0)"#, &["a"]),
            ("sum by (job, le) (rate(a_bucket{x=~\"}\\\"\", y=\"1\"}[30m]))", &["a_bucket"]),
            ("a > 0 and on (job, instance) b == 1e3", &["a", "b"]),
            ("max(a) by (job) - min without (le) (b)", &["a", "b"]),
            ("abs(deriv(misspelt[5m])) > 1", &["misspelt"]),
        ] {
            assert_eq!(metrics_of(expression), all(expected), "{expression}");
        }
    }

    #[test]
    fn expressions_are_read_from_lines_and_from_blocks() {
        let rules = "  - alert: A\n    expr: a > 0\n    for: 1m\n  - alert: B\n    expr: |\n      b\n      or c\n    \
                     labels: {}\n    expr: >-\n      d\n";
        assert_eq!(expressions(rules), ["a > 0", "\n      b\n      or c", "\n      d"]);
        let dashboard = "{\n \"expr\": \"a{b=\\\"c\\\"}\",\n \"x\": 1\n}";
        assert_eq!(expressions(dashboard), ["a{b=\"c\"}"]);
    }

    #[test]
    fn what_is_shown_has_the_names_that_its_kind_gives_it() {
        let text = "# HELP a A.\n# TYPE a counter\na_total 1\n# TYPE b histogram\n# TYPE c gauge\nc{x=\"y\"} 1\n# EOF\n";
        assert_eq!(shown(text), all(&["a_total", "b_bucket", "b_count", "b_sum", "c"]));
    }

    #[test]
    fn a_misspelled_name_is_somebodys() {
        for (name, program) in [
            ("aep2_alarm", Program::Processor),
            ("aep_alarm", Program::Processor),
            ("aep2_arbitr_cases_open", Program::Processor),
            ("aep2_arbiter_case_open", Program::DisputeProcessor),
            ("upp", Program::Processor),
            ("node_filesystem_avail_bytes", Program::Prometheus),
        ] {
            assert_eq!(Program::of(name), program, "{name}");
        }
        assert_eq!(missing(Program::Processor, ""), named(Program::Processor));
    }

    #[test]
    fn every_rule_and_every_panel_is_read() {
        let rules = read(ALERTS);
        assert_eq!(expressions(&rules).len(), rules.matches("- alert: ").count());
        for dashboard in DASHBOARDS {
            let text = read(dashboard);
            let panels = text.matches("\"refId\": \"A\"").count();
            assert!(expressions(&text).len() >= panels && panels > 0, "{dashboard}");
        }
    }
}
