//! Who, what, and to what: names that programs know, ids that they do not.

use std::{borrow::Cow, fmt};

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The longest name, bytes.
pub const NAME_BYTES_MAX: usize = 64;
/// The longest id, bytes.
pub const ID_BYTES_MAX: usize = 256;

/// Why a text is no name, or no id.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum NameError {
    /// Not written as names are.
    #[error(
        "{0:?} is no name: expected at most {NAME_BYTES_MAX} bytes, words of a-z, 0-9 and _ with \
         dots between them, a letter first"
    )]
    Name(String),
    /// Not written as ids are.
    #[error(
        "{0:?} is no id: expected 1 to {ID_BYTES_MAX} bytes of text without control characters"
    )]
    Id(String),
}

/// A stable name, of an action or of a kind of actor or subject: `card.created`, `owner`.
///
/// A program that reads logs compares them, so a name is never renamed or used for something else.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct Name(Cow<'static, str>);

impl Name {
    /// A name that is in the program's text.
    ///
    /// # Panics
    /// When it is not written as names are. In a `const` that is an error of the compiler's.
    pub const fn constant(name: &'static str) -> Self {
        assert!(is_name(name.as_bytes()), "not written as names are");
        Self(Cow::Borrowed(name))
    }

    /// A name that is made while the program runs.
    ///
    /// # Errors
    /// When it is not written as names are.
    pub fn new(name: impl Into<String>) -> Result<Self, NameError> {
        let name = name.into();
        if is_name(name.as_bytes()) {
            Ok(Self(Cow::Owned(name)))
        } else {
            Err(NameError::Name(excerpt(&name)))
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Words of `a-z`, `0-9` and `_`, with one dot between two, a letter first.
const fn is_name(name: &[u8]) -> bool {
    let mut at = 0;
    let mut is_in_word = false;
    while at < name.len() {
        match name[at] {
            b'a'..=b'z' => is_in_word = true,
            b'0'..=b'9' | b'_' if at > 0 => is_in_word = true,
            b'.' if is_in_word => is_in_word = false,
            _ => return false,
        }
        at += 1;
    }
    is_in_word && name.len() <= NAME_BYTES_MAX
}

impl TryFrom<String> for Name {
    type Error = NameError;
    fn try_from(name: String) -> Result<Self, NameError> {
        Self::new(name)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Which one of its kind: an address, a number, a random id. Not a person's name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct Id(String);

impl Id {
    /// The id with this text.
    ///
    /// # Errors
    /// When it is empty, too long, or has control characters, which would act on the terminal of
    /// whoever looks at it.
    pub fn new(id: impl Into<String>) -> Result<Self, NameError> {
        let id = id.into();
        let is_id = (1..=ID_BYTES_MAX).contains(&id.len()) && !id.contains(char::is_control);
        if is_id { Ok(Self(id)) } else { Err(NameError::Id(excerpt(&id))) }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Id {
    type Error = NameError;
    fn try_from(id: String) -> Result<Self, NameError> {
        Self::new(id)
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Somebody or something: its kind, and which one.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reference {
    /// What it is: `owner`, `agent`, `operator`, `service`, `card`, `mandate`.
    pub kind: Name,
    /// Which one.
    pub id: Id,
}

/// A text, short enough for a message.
fn excerpt(text: &str) -> String {
    const CHARS_MAX: usize = 80;
    match text.char_indices().nth(CHARS_MAX) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}
