//! This crate's own values.

use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        ObjectBuilder, RefOr, Schema,
        schema::{KnownFormat, SchemaFormat, Type},
    },
};

use super::strings::strings;
use crate::{
    mandate::{MandateId, Prev},
    typed_data::EcdsaSignature,
    units::{AccountId, Amount, Ceiling, ChainId, Nonce, UnixTime},
};

strings! {
    EcdsaSignature: "^0x[0-9a-f]{130}$", "A secp256k1 signature: r, s and v, hexadecimal in lower case.";
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
