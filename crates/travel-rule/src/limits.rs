//! Bounds that several modules share.

/// The most bytes of what is sealed, and of an IVMS101 object: 64 KiB.
pub const OBJECT_BYTES_MAX: usize = 64 << 10;
