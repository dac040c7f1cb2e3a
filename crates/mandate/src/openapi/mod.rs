//! How the protocol's values look in an OpenAPI document.
//!
//! Objects derive their description where they are defined. Here are the values that they are made of:
//! this crate's own, and names for those of other crates, for `#[schema(value_type = …)]`. A value that
//! is read in more forms than it is written in has a name for each.

mod names;
mod signed;
mod strings;
mod values;

pub(crate) use self::names::{MandateSignature, Point};
pub use self::{
    names::{Address, Bytes32, Bytes32AnyCase, Decimal, EcdsaSignatureAnyCase},
    signed::SignedSchema,
};
