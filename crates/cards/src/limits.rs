//! How a card's text begins, and how large a card is at most.

/// What a card's text begins with, so that people and scanners of leaked secrets know it.
pub const PREFIX: &str = "aep2card_";
/// The most bytes that a card has, before they become text.
pub const BYTES_MAX: usize = 4096;
/// The most characters that its text has.
pub const TEXT_MAX: usize = PREFIX.len() + (BYTES_MAX * 4).div_ceil(3);
/// The most blocks that a card has, the issuer's included.
pub const BLOCKS_MAX: usize = 8;
