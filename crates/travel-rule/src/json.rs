//! JSON as it was sent: every member, also one that comes twice; and its canonical form.
//!
//! `serde_json`'s errors repeat what they stumble over. What is read here is about persons, so nothing
//! of it is in an error.

use std::{cmp::Ordering, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{self, MapAccess, SeqAccess, Visitor},
};
use zeroize::Zeroizing;

/// How many arrays and objects may be inside each other. IVMS101 needs 8, a payload around it one
/// more.
const DEPTH_MAX: usize = 16;

/// A value of JSON. Texts are wiped when they are dropped.
pub(crate) enum Node {
    /// A whole number from 0 up, written as one.
    Integer(u64),
    Text(Zeroizing<String>),
    Array(Vec<Node>),
    /// Its members as they came. A name may be there twice.
    Object(Vec<(Zeroizing<String>, Node)>),
    /// Anything that has no place in what is read here: `null`, a truth value, another number.
    Other,
}

/// It is not JSON, or JSON inside JSON inside JSON.
#[derive(Debug)]
pub(crate) struct NotJson;

impl Node {
    pub(crate) fn parse(text: &[u8]) -> Result<Self, NotJson> {
        let node: Self = serde_json::from_slice(text).map_err(|_| NotJson)?;
        if node.depth() > DEPTH_MAX { Err(NotJson) } else { Ok(node) }
    }

    /// `serde_json` itself goes no deeper than 128.
    fn depth(&self) -> usize {
        let inner = match self {
            Self::Array(items) => items.iter().map(Self::depth).max(),
            Self::Object(members) => members.iter().map(|(_, node)| node.depth()).max(),
            Self::Integer(_) | Self::Text(_) | Self::Other => return 0,
        };
        1 + inner.unwrap_or(0)
    }

    pub(crate) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The members of an object whose names are exactly these, in their order; nothing when one is
    /// missing and not among the `optional` ones, is there twice, or is not known.
    pub(crate) fn members<'n, const N: usize>(
        &'n self,
        names: [&str; N],
        optional: &[&str],
    ) -> Option<[Option<&'n Node>; N]> {
        let Self::Object(members) = self else { return None };
        let mut found = [None; N];
        for (name, node) in members {
            let at = names.iter().position(|known| *known == name.as_str())?;
            if found[at].replace(node).is_some() {
                return None;
            }
        }
        let missing =
            |(name, found): (&&str, &Option<_>)| found.is_none() && !optional.contains(name);
        (!names.iter().zip(&found).any(missing)).then_some(found)
    }

    /// Its canonical form, RFC 8785: members by their names, no white space. Nothing when there is
    /// something in it that has no place here.
    ///
    /// RFC 8785 orders names by UTF-16. The names that are let through are ASCII, for which that is
    /// the order of bytes.
    pub(crate) fn canonical(&self, bytes_max: usize) -> Option<Zeroizing<String>> {
        // As large as it gets, so that it is not moved, and no copy is left behind.
        let mut text = Zeroizing::new(String::with_capacity(bytes_max));
        self.write(&mut text)?;
        Some(text)
    }

    fn write(&self, to: &mut String) -> Option<()> {
        match self {
            Self::Integer(number) => to.push_str(&number.to_string()),
            Self::Text(text) => write_text(text, to),
            Self::Array(items) => {
                to.push('[');
                for (number, item) in items.iter().enumerate() {
                    if number > 0 {
                        to.push(',');
                    }
                    item.write(to)?;
                }
                to.push(']');
            }
            Self::Object(members) => {
                let mut members: Vec<_> = members.iter().collect();
                members.sort_by(|(left, _), (right, _)| left.as_bytes().cmp(right.as_bytes()));
                let twice = |pair: &[&(Zeroizing<String>, Self)]| {
                    pair[0].0.as_bytes().cmp(pair[1].0.as_bytes()) == Ordering::Equal
                };
                if members.windows(2).any(twice) {
                    return None;
                }
                to.push('{');
                for (number, (name, node)) in members.into_iter().enumerate() {
                    if number > 0 {
                        to.push(',');
                    }
                    write_text(name, to);
                    to.push(':');
                    node.write(to)?;
                }
                to.push('}');
            }
            Self::Other => return None,
        }
        Some(())
    }
}

/// A text with the escapes of RFC 8785, which are those of ECMAScript's `JSON.stringify`.
fn write_text(text: &str, to: &mut String) {
    to.push('"');
    for character in text.chars() {
        match character {
            '"' => to.push_str("\\\""),
            '\\' => to.push_str("\\\\"),
            '\u{8}' => to.push_str("\\b"),
            '\t' => to.push_str("\\t"),
            '\n' => to.push_str("\\n"),
            '\u{c}' => to.push_str("\\f"),
            '\r' => to.push_str("\\r"),
            control if control < ' ' => to.push_str(&format!("\\u{:04x}", u32::from(control))),
            other => to.push(other),
        }
    }
    to.push('"');
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Nodes)
    }
}

struct Nodes;

impl<'de> Visitor<'de> for Nodes {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Node, E> {
        Ok(Node::Integer(number))
    }

    fn visit_i64<E: de::Error>(self, _: i64) -> Result<Node, E> {
        Ok(Node::Other)
    }

    fn visit_f64<E: de::Error>(self, _: f64) -> Result<Node, E> {
        Ok(Node::Other)
    }

    fn visit_bool<E: de::Error>(self, _: bool) -> Result<Node, E> {
        Ok(Node::Other)
    }

    fn visit_unit<E: de::Error>(self) -> Result<Node, E> {
        Ok(Node::Other)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Node, E> {
        Ok(Node::Text(Zeroizing::new(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Node, A::Error> {
        let mut nodes = Vec::new();
        while let Some(node) = items.next_element()? {
            nodes.push(node);
        }
        Ok(Node::Array(nodes))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Node, A::Error> {
        let mut nodes = Vec::new();
        while let Some((name, node)) = members.next_entry::<String, Node>()? {
            nodes.push((Zeroizing::new(name), node));
        }
        Ok(Node::Object(nodes))
    }
}
