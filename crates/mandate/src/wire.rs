//! Strict JSON: what is read is exactly what the protocol writes, and every defect has a name.
//!
//! serde reports a defect as a message. A caller has to tell "amount out of range" from "not on
//! the curve", so reading goes in two steps: the text becomes a `Node`, a tree that keeps
//! repeated fields, and the tree becomes a value or a [`WireError`]. `Deserialize` takes the same
//! two steps, so both give the same messages.
//!
//! When several defects apply, the first of these is reported: text that is not JSON; at each
//! object, a field unknown or repeated (in the order of the text), then a field missing; then the
//! fields' contents, in the order in which the type lists them.
//!
//! The input's size is the caller's to bound, before it is read.

use std::fmt;

use alloy_primitives::{Address, B256, FixedBytes, hex};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{MapAccess, SeqAccess, Visitor},
    ser::SerializeStruct,
};
use thiserror::Error;

use crate::{
    eddsa::{KeyError, PublicKey, Signature, SignatureError},
    field::{self, Fr},
    units::{
        AccountId, Amount, Ceiling, ChainId, EntryNumber, Nonce, Unit, UnitError, UnixTime, excerpt,
    },
};

/// Why some JSON is not what it should be, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WireError {
    /// The field at fault, from the outermost object, as in `mandate.amount`. Empty for the whole.
    pub field: String,
    /// What is wrong with it.
    pub defect: Defect,
}

/// What can be wrong with a field.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Defect {
    /// The text is not JSON.
    #[error("not valid JSON: {0}")]
    Json(String),
    /// Something else stands where an object belongs.
    #[error("expected an object, found {0}")]
    NotAnObject(String),
    /// A field that the object does not have.
    #[error("unknown field")]
    UnknownField,
    /// The object lacks the field.
    #[error("missing field")]
    MissingField,
    /// The object has the field twice.
    #[error("repeated field")]
    DuplicateField,
    /// Not a string of `0x` and hexadecimal digits.
    #[error("expected 0x and hexadecimal digits, found {0}")]
    NotHex(String),
    /// Hexadecimal, but of another number of digits.
    #[error("expected {expected} hexadecimal digits after 0x, found {found}")]
    WrongLength {
        /// The number of digits that belong here.
        expected: usize,
        /// The number of digits that are here.
        found: usize,
    },
    /// Not a number of its kind, or out of its range.
    #[error(transparent)]
    Unit(UnitError),
    /// Neither `true` nor `false`.
    #[error("expected true or false, found {0}")]
    NotABoolean(String),
    /// No number of an outcome's status.
    #[error("expected 1 (settled), 2 (failed) or 3 (expired), found {0}")]
    NotAStatus(String),
    /// An outcome that contradicts itself.
    #[error("nothing was settled, so there is neither an amount nor a batch")]
    NothingSettled,
    /// Something else stands where text belongs.
    #[error("expected text, found {0}")]
    NotText(String),
    /// Something else stands where a list belongs.
    #[error("expected a list, found {0}")]
    NotAList(String),
    /// Not a number without sign and fraction.
    #[error("expected a number without sign and fraction, found {0}")]
    NotANumber(String),
    /// More than is allowed, of bytes or of items.
    #[error("{found}, and at most {most} are allowed")]
    TooMany {
        /// How many there are.
        found: u64,
        /// The most that are allowed.
        most: u64,
    },
    /// No media type.
    #[error("expected a media type, as in application/json")]
    NotAMediaType,
    /// No reason of a dispute.
    #[error("expected the name of a reason, found {0}")]
    NotAReason(String),
    /// The same evidence is named twice.
    #[error("the same evidence is named twice")]
    EvidenceTwice,
    /// A mandate over nothing.
    #[error("the amount of a mandate must be at least 1")]
    AmountZero,
    /// A field element that is not below the field's order.
    #[error("the field element is not below the order of BN254's scalar field")]
    NotCanonical,
    /// The coordinates are no key.
    #[error(transparent)]
    Key(KeyError),
    /// The parts are no signature.
    #[error(transparent)]
    Signature(SignatureError),
}

impl WireError {
    pub(crate) fn new(defect: Defect) -> Self {
        Self { field: String::new(), defect }
    }

    /// The same defect, seen from the object that holds it as `field`.
    fn within(mut self, field: &str) -> Self {
        self.field = match self.field.as_str() {
            "" => field.to_owned(),
            inner => format!("{field}.{inner}"),
        };
        self
    }

    /// The defect's name, stable across releases.
    pub fn code(&self) -> &'static str {
        match &self.defect {
            Defect::Json(_) | Defect::NotAnObject(_) => "malformed",
            Defect::UnknownField => "unknown_field",
            Defect::MissingField => "missing_field",
            Defect::DuplicateField => "duplicate_field",
            Defect::NotHex(_) | Defect::WrongLength { .. } => "hex_malformed",
            Defect::NotABoolean(_) => "boolean_malformed",
            Defect::NotAStatus(_) => "status_malformed",
            Defect::NothingSettled => "outcome_contradictory",
            Defect::NotText(_) => "text_malformed",
            Defect::NotAList(_) => "list_malformed",
            Defect::NotANumber(_) => "number_malformed",
            Defect::TooMany { .. } => "too_many",
            Defect::NotAMediaType => "media_type_malformed",
            Defect::NotAReason(_) => "reason_malformed",
            Defect::EvidenceTwice => "evidence_twice",
            Defect::AmountZero | Defect::Unit(UnitError::ZeroCeiling) => "amount_zero",
            Defect::Unit(UnitError::Malformed { unit, .. }) => match unit {
                Unit::Account => "account_malformed",
                Unit::Amount => "amount_malformed",
                Unit::Nonce => "nonce_malformed",
                Unit::Time => "deadline_malformed",
                Unit::Chain => "chain_malformed",
                Unit::Entry => "entry_malformed",
            },
            Defect::Unit(UnitError::OutOfRange { unit, .. }) => match unit {
                Unit::Account => "account_out_of_range",
                Unit::Amount => "amount_out_of_range",
                Unit::Nonce => "nonce_out_of_range",
                Unit::Time => "deadline_out_of_range",
                Unit::Chain => "chain_out_of_range",
                Unit::Entry => "entry_out_of_range",
            },
            Defect::NotCanonical => "field_not_canonical",
            Defect::Key(KeyError::OffCurve) => "key_off_curve",
            Defect::Key(KeyError::SmallOrder) => "key_small_order",
            Defect::Key(KeyError::WrongSubgroup) => "key_wrong_subgroup",
            Defect::Signature(SignatureError::R8OffCurve) => "r8_off_curve",
            Defect::Signature(SignatureError::SNotReduced) => "s_not_reduced",
        }
    }
}

impl fmt::Display for WireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.field.as_str() {
            "" => self.defect.fmt(f),
            field => write!(f, "{field}: {}", self.defect),
        }
    }
}

impl std::error::Error for WireError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.defect.source()
    }
}

impl From<UnitError> for WireError {
    fn from(error: UnitError) -> Self {
        Self::new(match error {
            UnitError::ZeroCeiling => Defect::AmountZero,
            other => Defect::Unit(other),
        })
    }
}

/// A JSON value with nothing lost that strictness needs: fields in the order of the text, repeated
/// ones too.
#[derive(Debug)]
pub enum Node {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number without fraction or sign.
    Unsigned(u64),
    /// A number below zero, without fraction.
    Negative(i64),
    /// With a fraction, an exponent, or more digits than 64 bits hold.
    Float(f64),
    /// A string.
    Text(String),
    /// An array.
    Array(Vec<Node>),
    /// An object.
    Object(Vec<(String, Node)>),
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Bool(_) => f.write_str("a boolean"),
            Self::Unsigned(number) => write!(f, "the number {number}"),
            Self::Negative(number) => write!(f, "the number {number}"),
            Self::Float(number) => write!(f, "the number {number}"),
            Self::Text(text) => write!(f, "{:?}", excerpt(text)),
            Self::Array(_) => f.write_str("an array"),
            Self::Object(_) => f.write_str("an object"),
        }
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NodeVisitor;

        impl<'de> Visitor<'de> for NodeVisitor {
            type Value = Node;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("any JSON value")
            }
            fn visit_unit<E>(self) -> Result<Node, E> {
                Ok(Node::Null)
            }
            fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
                Ok(Node::Bool(value))
            }
            fn visit_u64<E>(self, number: u64) -> Result<Node, E> {
                Ok(Node::Unsigned(number))
            }
            fn visit_i64<E>(self, number: i64) -> Result<Node, E> {
                Ok(u64::try_from(number).map_or(Node::Negative(number), Node::Unsigned))
            }
            fn visit_f64<E>(self, number: f64) -> Result<Node, E> {
                Ok(Node::Float(number))
            }
            fn visit_str<E>(self, text: &str) -> Result<Node, E> {
                Ok(Node::Text(text.to_owned()))
            }
            fn visit_string<E>(self, text: String) -> Result<Node, E> {
                Ok(Node::Text(text))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Node, A::Error> {
                let mut nodes = Vec::new();
                while let Some(node) = items.next_element()? {
                    nodes.push(node);
                }
                Ok(Node::Array(nodes))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Node, A::Error> {
                let mut fields = Vec::new();
                while let Some(entry) = entries.next_entry()? {
                    fields.push(entry);
                }
                Ok(Node::Object(fields))
            }
        }

        deserializer.deserialize_any(NodeVisitor)
    }
}

/// What can be read from a JSON value.
pub trait FromNode: Sized {
    /// Reads it.
    ///
    /// # Errors
    /// When the value is anything but its one form.
    fn from_node(node: &Node) -> Result<Self, WireError>;
}

/// `Deserialize` by way of [`FromNode`].
macro_rules! deserialize_from_node {
    ($($name:ty),+ $(,)?) => { $(
        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let node = <crate::wire::Node as serde::Deserialize>::deserialize(deserializer)?;
                <Self as crate::wire::FromNode>::from_node(&node).map_err(serde::de::Error::custom)
            }
        }
    )+ };
}
pub(crate) use deserialize_from_node;

/// An object's wire form: its fields in their order, each with its name. A field that is not
/// written as its type is has a form of its own: a type with `read`, made of a reference to be
/// written.
macro_rules! object {
    ($type:ident { $($field:ident: $name:literal $(as $form:ident)?),+ $(,)? }) => {
        impl crate::wire::FromNode for $type {
            fn from_node(node: &crate::wire::Node) -> Result<Self, crate::wire::WireError> {
                let fields = crate::wire::Fields::of(node, &[$($name),+])?;
                Ok(Self {
                    $($field: fields.read_with($name, crate::wire::object!(@read $($form)?))?,)+
                })
            }
        }

        crate::wire::writes_fields!($type { $($field: $name $(as $form)?),+ });
        crate::wire::deserialize_from_node!($type);
    };
    (@read) => { crate::wire::FromNode::from_node };
    (@read $form:ident) => { $form::read };
    (@write $value:expr,) => { $value };
    (@write $value:expr, $form:ident) => { $form(&$value) };
}
pub(crate) use object;

/// The `Serialize` of an object of these fields.
macro_rules! writes_fields {
    ($type:ident { $($field:ident: $name:literal $(as $form:ident)?),+ $(,)? }) => {
        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                use serde::ser::SerializeStruct;
                let count = [$($name),+].len();
                let mut fields = serializer.serialize_struct(stringify!($type), count)?;
                $(fields.serialize_field(
                    $name,
                    &crate::wire::object!(@write self.$field, $($form)?),
                )?;)+
                fields.end()
            }
        }
    };
}
pub(crate) use writes_fields;

/// Strict reading for the fields of a derived `Deserialize`: the value, read by way of
/// [`FromNode`], and written as its own `Serialize` does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Strict<T>(pub T);

impl<'de, T: FromNode> Deserialize<'de> for Strict<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let node = Node::deserialize(deserializer)?;
        T::from_node(&node).map(Self).map_err(serde::de::Error::custom)
    }
}

/// A field element as its 32 bytes, for [`Strict`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Element(pub Fr);

impl FromNode for Element {
    fn from_node(node: &Node) -> Result<Self, WireError> {
        Fr::from_node(node).map(Self)
    }
}

impl Serialize for Element {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        hex_of(&self.0).serialize(serializer)
    }
}

deserialize_from_node!(Element);

/// Reads a value from JSON text.
pub(crate) fn from_json<T: FromNode>(text: &[u8]) -> Result<T, WireError> {
    let node: Node = serde_json::from_slice(text)
        .map_err(|error| WireError::new(Defect::Json(error.to_string())))?;
    T::from_node(&node)
}

/// An object with exactly the fields that it must have.
pub(crate) struct Fields<'a>(&'a [(String, Node)]);

impl<'a> Fields<'a> {
    /// The fields of `node`, which must have those of `names` and no others, each once.
    pub(crate) fn of(node: &'a Node, names: &[&str]) -> Result<Self, WireError> {
        let Node::Object(fields) = node else {
            return Err(WireError::new(Defect::NotAnObject(node.to_string())));
        };
        for (index, (name, _)) in fields.iter().enumerate() {
            if !names.contains(&name.as_str()) {
                return Err(WireError::new(Defect::UnknownField).within(&excerpt(name)));
            }
            // At most `names.len()` fields come before, or one of them would have been refused.
            if fields[..index].iter().any(|(earlier, _)| earlier == name) {
                return Err(WireError::new(Defect::DuplicateField).within(name));
            }
        }
        let fields = Self(fields);
        names.iter().try_for_each(|name| fields.node(name).map(drop))?;
        Ok(fields)
    }

    /// The content of a field.
    pub(crate) fn node(&self, name: &str) -> Result<&'a Node, WireError> {
        let field = self.0.iter().find(|(found, _)| found == name);
        field.map(|(_, node)| node).ok_or_else(|| WireError::new(Defect::MissingField).within(name))
    }

    /// The content of a field, read.
    pub(crate) fn read<T: FromNode>(&self, name: &str) -> Result<T, WireError> {
        self.read_with(name, T::from_node)
    }

    /// The content of a field, read by `reader`.
    pub(crate) fn read_with<T>(
        &self,
        name: &str,
        reader: impl FnOnce(&Node) -> Result<T, WireError>,
    ) -> Result<T, WireError> {
        reader(self.node(name)?).map_err(|error| error.within(name))
    }
}

// Text, and numbers that are no units.

/// Text of a bounded length.
pub(crate) struct Text;

impl Text {
    /// The text, which has at most so many bytes in UTF-8.
    pub(crate) fn read_within(node: &Node, bytes_max: usize) -> Result<String, WireError> {
        let Node::Text(text) = node else {
            return Err(WireError::new(Defect::NotText(node.to_string())));
        };
        match text.len() <= bytes_max {
            true => Ok(text.clone()),
            false => {
                let (found, most) = (text.len() as u64, bytes_max as u64);
                Err(WireError::new(Defect::TooMany { found, most }))
            }
        }
    }
}

/// A number of 64 bits.
pub(crate) struct Number;

impl Number {
    pub(crate) fn read(node: &Node) -> Result<u64, WireError> {
        match node {
            Node::Unsigned(number) => Ok(*number),
            other => Err(WireError::new(Defect::NotANumber(other.to_string()))),
        }
    }
}

// Units.

fn malformed(unit: Unit, node: &Node) -> UnitError {
    UnitError::Malformed { unit, found: node.to_string() }
}

/// A decimal string, as the unit itself reads it.
fn decimal<T>(unit: Unit, node: &Node) -> Result<T, WireError>
where
    T: std::str::FromStr<Err = UnitError>,
{
    match node {
        Node::Text(text) => Ok(text.parse()?),
        other => Err(malformed(unit, other).into()),
    }
}

/// A JSON number without fraction.
fn number<T>(unit: Unit, node: &Node) -> Result<T, WireError>
where
    T: TryFrom<u128, Error = UnitError>,
{
    match node {
        Node::Unsigned(number) => Ok(T::try_from(u128::from(*number))?),
        // serde reads an integer of more than 64 bits as a float.
        Node::Float(number) if *number >= 2f64.powi(64) => {
            Err(UnitError::OutOfRange { unit, found: number.to_string() }.into())
        }
        other => Err(malformed(unit, other).into()),
    }
}

macro_rules! units {
    ($($name:ident: $reader:ident, $unit:expr, $serialize:ident;)+) => { $(
        impl FromNode for $name {
            fn from_node(node: &Node) -> Result<Self, WireError> {
                $reader($unit, node)
            }
        }
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                $serialize(self, serializer)
            }
        }
    )+ };
}

fn as_text<S: Serializer>(value: &impl fmt::Display, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

fn as_number<S: Serializer, T: Copy + Into<u128>>(
    value: &T,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let value: u128 = (*value).into();
    serializer.serialize_u64(u64::try_from(value).map_err(serde::ser::Error::custom)?)
}

units! {
    AccountId: number, Unit::Account, as_number;
    Amount: decimal, Unit::Amount, as_text;
    Ceiling: decimal, Unit::Amount, as_text;
    Nonce: decimal, Unit::Nonce, as_text;
    UnixTime: number, Unit::Time, as_number;
    ChainId: number, Unit::Chain, as_number;
    EntryNumber: decimal, Unit::Entry, as_text;
}

deserialize_from_node!(AccountId, Amount, Ceiling, Nonce, UnixTime, ChainId, EntryNumber);

// Bytes.

/// An address with EIP-55's checksum, as most wallets and libraries write it.
pub(crate) struct Checksummed<'a>(pub(crate) &'a Address);

impl Checksummed<'_> {
    pub(crate) fn read(node: &Node) -> Result<Address, WireError> {
        Address::from_node(node)
    }
}

impl Serialize for Checksummed<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self.0)
    }
}

/// Exactly `N` bytes, as `0x` and twice as many digits of either case.
pub(crate) fn bytes<const N: usize>(text: &str) -> Result<[u8; N], WireError> {
    let not_hex = || WireError::new(Defect::NotHex(format!("{:?}", excerpt(text))));
    let digits = text.strip_prefix("0x").ok_or_else(not_hex)?;
    if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return Err(not_hex());
    }
    let mut bytes = [0; N];
    hex::decode_to_slice(digits, &mut bytes).map_err(|_| {
        WireError::new(Defect::WrongLength { expected: 2 * N, found: digits.len() })
    })?;
    Ok(bytes)
}

fn bytes_from_node<const N: usize>(node: &Node) -> Result<[u8; N], WireError> {
    match node {
        Node::Text(text) => bytes(text),
        other => Err(WireError::new(Defect::NotHex(other.to_string()))),
    }
}

impl<const N: usize> FromNode for FixedBytes<N> {
    fn from_node(node: &Node) -> Result<Self, WireError> {
        bytes_from_node(node).map(Self)
    }
}

impl FromNode for bool {
    fn from_node(node: &Node) -> Result<Self, WireError> {
        match node {
            Node::Bool(value) => Ok(*value),
            other => Err(WireError::new(Defect::NotABoolean(other.to_string()))),
        }
    }
}

impl FromNode for Address {
    /// Any case: identity is by value, so a checksum in the letters' case is not looked at.
    fn from_node(node: &Node) -> Result<Self, WireError> {
        bytes_from_node::<20>(node).map(Into::into)
    }
}

/// The element with these bytes, which must be its canonical ones.
pub(crate) fn element(bytes: [u8; 32]) -> Result<Fr, WireError> {
    field::from_be_bytes(&bytes).ok_or_else(|| WireError::new(Defect::NotCanonical))
}

impl FromNode for Fr {
    fn from_node(node: &Node) -> Result<Self, WireError> {
        element(bytes_from_node(node)?)
    }
}

/// The element's bytes, which serialize as `0x` and 64 digits.
pub(crate) fn hex_of(element: &Fr) -> B256 {
    field::to_be_bytes(element).into()
}

// Keys and signatures: {"x", "y"} and {"r8": {"x", "y"}, "s"}.

fn coordinates(node: &Node) -> Result<(Fr, Fr), WireError> {
    let fields = Fields::of(node, &["x", "y"])?;
    Ok((fields.read("x")?, fields.read("y")?))
}

#[derive(Serialize)]
struct Coordinates {
    x: B256,
    y: B256,
}

impl FromNode for PublicKey {
    fn from_node(node: &Node) -> Result<Self, WireError> {
        let (x, y) = coordinates(node)?;
        Self::new(x, y).map_err(|error| WireError::new(Defect::Key(error)))
    }
}

impl Serialize for PublicKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Coordinates { x: hex_of(&self.x()), y: hex_of(&self.y()) }.serialize(serializer)
    }
}

impl FromNode for Signature {
    fn from_node(node: &Node) -> Result<Self, WireError> {
        let fields = Fields::of(node, &["r8", "s"])?;
        let (x, y) = fields.read_with("r8", coordinates)?;
        let s: B256 = fields.read("s")?;
        Self::new(x, y, s.0).map_err(|error| {
            let part = match error {
                SignatureError::R8OffCurve => "r8",
                SignatureError::SNotReduced => "s",
            };
            WireError::new(Defect::Signature(error)).within(part)
        })
    }
}

impl Serialize for Signature {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Signature", 2)?;
        let r8 = Coordinates { x: hex_of(&self.r8_x()), y: hex_of(&self.r8_y()) };
        fields.serialize_field("r8", &r8)?;
        fields.serialize_field("s", &B256::from(self.s_bytes()))?;
        fields.end()
    }
}

deserialize_from_node!(PublicKey, Signature);
