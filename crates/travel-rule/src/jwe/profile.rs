//! The one profile of JWE that is taken.

use crate::limits::OBJECT_BYTES_MAX;

/// What is sealed, by the header's `typ`.
pub const TYPE: &str = "aep2-travel-rule";
/// How the key is found.
pub(super) const ALGORITHM: &str = "ECDH-ES";
/// How the content is encrypted.
pub(super) const ENCRYPTION: &str = "A256GCM";

/// The most bytes of a protected header, before base64url.
pub const HEADER_BYTES_MAX: usize = 1024;
/// The most bytes of a token: an object's and a header's in base64url, the nonce, the tag, four dots.
pub const TOKEN_BYTES_MAX: usize =
    OBJECT_BYTES_MAX.div_ceil(3) * 4 + HEADER_BYTES_MAX.div_ceil(3) * 4 + 64;
