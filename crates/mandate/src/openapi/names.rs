//! Names for values of other crates, and for those that are read in more forms than they are
//! written in.

use utoipa::ToSchema;

use super::strings::strings;

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

strings! {
    Bytes32: "^0x[0-9a-f]{64}$", "32 bytes, hexadecimal in lower case.";
    Bytes32AnyCase: "^0x[0-9a-fA-F]{64}$", "32 bytes, hexadecimal.";
    Address: "^0x[0-9a-fA-F]{40}$", "An Ethereum address; written with EIP-55's checksum.";
    EcdsaSignatureAnyCase: "^0x[0-9a-fA-F]{130}$", "A secp256k1 signature: r, s and v, hexadecimal; v is 27 or 28.";
    Decimal: "^(0|[1-9][0-9]*)$", "An integer in decimal digits.";
}
