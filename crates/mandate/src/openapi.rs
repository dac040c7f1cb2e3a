//! How the protocol's values look in an OpenAPI document.
//!
//! Objects derive their description where they are defined. Here are the values that they are made of:
//! this crate's own, and names for those of other crates, for `#[schema(value_type = …)]`. A value that
//! is read in more forms than it is written in has a name for each.

use std::borrow::Cow;

use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        ObjectBuilder, Ref, RefOr, Schema,
        schema::{KnownFormat, SchemaFormat, Type},
    },
};

use crate::{
    mandate::{MandateId, Prev},
    typed_data::{
        EcdsaSignature, Signed, TypedData,
        capture::{Capture, CaptureReceipt},
        direct::DirectMandate,
        receipt::Receipt,
    },
    units::{AccountId, Amount, Ceiling, ChainId, Nonce, UnixTime},
};

/// 32 bytes, as they are written.
#[derive(Debug)]
pub struct Bytes32;

/// 32 bytes, as they are read.
#[derive(Debug)]
pub struct Bytes32AnyCase;

/// An Ethereum address.
#[derive(Debug)]
pub struct Address;

/// A secp256k1 signature, as it is read.
#[derive(Debug)]
pub struct EcdsaSignatureAnyCase;

/// An integer in decimal digits.
#[derive(Debug)]
pub struct Decimal;

/// A point of Baby Jubjub, in circomlib's coordinates.
#[derive(ToSchema)]
#[allow(dead_code, reason = "it describes, and holds nothing")]
pub(crate) struct Point {
    #[schema(value_type = Bytes32AnyCase)]
    x: (),
    #[schema(value_type = Bytes32AnyCase)]
    y: (),
}

/// An EdDSA-Poseidon signature.
#[derive(ToSchema)]
#[allow(dead_code, reason = "it describes, and holds nothing")]
pub(crate) struct MandateSignature {
    r8: Point,
    #[schema(value_type = Bytes32AnyCase)]
    s: (),
}

/// Describes types that are strings of a pattern.
macro_rules! strings {
    ($($name:ty: $pattern:literal, $about:literal;)+) => { $(
        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                ObjectBuilder::new()
                    .schema_type(Type::String)
                    .pattern(Some($pattern))
                    .description(Some($about))
                    .into()
            }
        }
        impl ToSchema for $name {}
    )+ };
}

strings! {
    Bytes32: "^0x[0-9a-f]{64}$", "32 bytes, hexadecimal in lower case.";
    Bytes32AnyCase: "^0x[0-9a-fA-F]{64}$", "32 bytes, hexadecimal.";
    Address: "^0x[0-9a-fA-F]{40}$", "An Ethereum address; written with EIP-55's checksum.";
    EcdsaSignature: "^0x[0-9a-f]{130}$", "A secp256k1 signature: r, s and v, hexadecimal in lower case.";
    EcdsaSignatureAnyCase: "^0x[0-9a-fA-F]{130}$", "A secp256k1 signature: r, s and v, hexadecimal; v is 27 or 28.";
    Decimal: "^(0|[1-9][0-9]*)$", "An integer in decimal digits.";
    MandateId: "^0x[0-9a-f]{64}$", "A mandate's id.";
    Prev: "^0x[0-9a-fA-F]{64}$", "A mandate's id, or 0 for none.";
    Amount: "^(0|[1-9][0-9]*)$", "An amount in base units, decimal.";
    Ceiling: "^[1-9][0-9]*$", "An amount of at least 1 in base units, decimal.";
    Nonce: "^(0|[1-9][0-9]*)$", "A nonce, decimal.";
}

/// Describes types that are numbers from a least one on.
macro_rules! numbers {
    ($($name:ty: $least:literal, $format:ident, $about:literal;)+) => { $(
        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                ObjectBuilder::new()
                    .schema_type(Type::Integer)
                    .format(Some(SchemaFormat::KnownFormat(KnownFormat::$format)))
                    .minimum(Some($least))
                    .description(Some($about))
                    .into()
            }
        }
        impl ToSchema for $name {}
    )+ };
}

numbers! {
    AccountId: 1, Int32, "An account's number in the wallet.";
    UnixTime: 0, Int64, "A time in unix seconds.";
    ChainId: 0, Int64, "A chain's number (EIP-155).";
}

/// A message that is described together with its signature.
pub trait SignedSchema: TypedData + ToSchema {
    /// How the signature looks: as it is written, or as it may be read.
    type Signature: ToSchema;
}

impl SignedSchema for Receipt {
    type Signature = EcdsaSignature;
}

impl SignedSchema for CaptureReceipt {
    type Signature = EcdsaSignature;
}

impl SignedSchema for Capture {
    type Signature = EcdsaSignatureAnyCase;
}

impl SignedSchema for DirectMandate {
    type Signature = EcdsaSignatureAnyCase;
}

impl<T: SignedSchema> PartialSchema for Signed<T> {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .property(T::NAME, Ref::from_schema_name(T::name()))
            .property(T::SIGNATURE, Ref::from_schema_name(T::Signature::name()))
            .required(T::NAME)
            .required(T::SIGNATURE)
            .description(Some("Signed as EIP-712 typed data in the wallet's domain."))
            .into()
    }
}

impl<T: SignedSchema> ToSchema for Signed<T> {
    fn name() -> Cow<'static, str> {
        format!("Signed{}", T::name()).into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((T::name().into(), T::schema()));
        schemas.push((T::Signature::name().into(), T::Signature::schema()));
        T::schemas(schemas);
        T::Signature::schemas(schemas);
    }
}
