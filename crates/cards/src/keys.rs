//! Ed25519 keys: of issuers, which make cards, and of holders, which use them.

use std::{collections::BTreeMap, fmt, str::FromStr};

use alloy_primitives::hex;
use biscuit_auth::{Algorithm, KeyPair, PrivateKey, PublicKey};
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use rand::rngs::OsRng;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;
use zeroize::Zeroizing;

/// Why something is no key.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum KeyError {
    /// Not 64 hexadecimal digits in lower case.
    #[error("expected 64 hexadecimal digits in lower case")]
    NotHex,
    /// No point of the curve, or one for which anybody can sign.
    #[error("not an Ed25519 public key")]
    NotAKey,
}

/// Exactly `N` bytes in hexadecimal, in the one spelling that is read: lower case, without `0x`.
pub(crate) fn unhex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let lower = |digit: u8| matches!(digit, b'0'..=b'9' | b'a'..=b'f');
    if text.len() != 2 * N || !text.bytes().all(lower) {
        return None;
    }
    hex::decode_to_array(text).ok()
}

/// The public key of a card's holder. As text 64 hexadecimal digits in lower case.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct HolderPublicKey(VerifyingKey);

impl HolderPublicKey {
    /// The key with these bytes.
    ///
    /// # Errors
    /// [`KeyError::NotAKey`] when they are none, or one of the few for which signatures mean
    /// nothing.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, KeyError> {
        let key = VerifyingKey::from_bytes(bytes).ok().filter(|key| !key.is_weak());
        key.map(Self).ok_or(KeyError::NotAKey)
    }

    /// Its bytes.
    pub fn to_bytes(&self) -> [u8; 32] {
        self.0.to_bytes()
    }

    /// Whether the key's owner signed the message. Strict: each message has one signature a
    /// signing, and nobody else can make another of it.
    pub fn verifies(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        self.0.verify_strict(message, &Signature::from_bytes(signature)).is_ok()
    }
}

impl fmt::Display for HolderPublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.to_bytes()))
    }
}

impl fmt::Debug for HolderPublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for HolderPublicKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        Self::from_bytes(&unhex(text).ok_or(KeyError::NotHex)?)
    }
}

impl Serialize for HolderPublicKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for HolderPublicKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// The secret key of a card's holder. It is wiped when it is dropped.
#[derive(Clone)]
pub struct HolderKey(SigningKey);

impl HolderKey {
    /// A new one, from the system's randomness.
    pub fn generate() -> Self {
        Self(SigningKey::generate(&mut OsRng))
    }

    /// The key with this seed, as RFC 8032 has it.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(seed))
    }

    /// Its seed.
    pub fn to_seed(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.0.to_bytes())
    }

    /// Its public key.
    pub fn public(&self) -> HolderPublicKey {
        HolderPublicKey(self.0.verifying_key())
    }

    /// Signs a message.
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).to_bytes()
    }
}

impl fmt::Debug for HolderKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HolderKey(of {})", self.public())
    }
}

/// The key with which an issuer makes cards, and its number. Numbers tell keys apart when an
/// issuer changes its key: cards name the key that they are from.
pub struct RootKey {
    id: u32,
    pub(crate) pair: KeyPair,
}

impl RootKey {
    /// A new one, from the system's randomness.
    pub fn generate(id: u32) -> Self {
        Self { id, pair: KeyPair::new_with_rng(Algorithm::Ed25519, &mut OsRng) }
    }

    /// The key with this seed, as RFC 8032 has it.
    ///
    /// # Errors
    /// Every seed is a key; the library that holds it may refuse all the same.
    pub fn from_seed(id: u32, seed: &[u8; 32]) -> Result<Self, KeyError> {
        let private = PrivateKey::from_bytes(seed, Algorithm::Ed25519);
        private.map(|key| Self { id, pair: KeyPair::from(&key) }).map_err(|_| KeyError::NotAKey)
    }

    /// Its seed.
    pub fn to_seed(&self) -> Zeroizing<Vec<u8>> {
        self.pair.private().to_bytes()
    }

    /// Its number.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// Its public key.
    pub fn public(&self) -> RootPublicKey {
        RootPublicKey { id: self.id, key: self.pair.public() }
    }
}

impl fmt::Debug for RootKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RootKey({} of {})", self.id, self.pair.public().to_bytes_hex())
    }
}

/// The public key of an issuer, and its number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RootPublicKey {
    id: u32,
    key: PublicKey,
}

impl RootPublicKey {
    /// The key with these bytes.
    ///
    /// # Errors
    /// [`KeyError::NotAKey`] when they are none.
    pub fn from_bytes(id: u32, bytes: &[u8; 32]) -> Result<Self, KeyError> {
        // The same points are no keys here as among holders' keys.
        HolderPublicKey::from_bytes(bytes)?;
        let key = PublicKey::from_bytes(bytes, Algorithm::Ed25519);
        key.map(|key| Self { id, key }).map_err(|_| KeyError::NotAKey)
    }

    /// The key with this number and text: 64 hexadecimal digits in lower case.
    ///
    /// # Errors
    /// When it is none.
    pub fn from_hex(id: u32, text: &str) -> Result<Self, KeyError> {
        Self::from_bytes(id, &unhex(text).ok_or(KeyError::NotHex)?)
    }

    /// Its number.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// Its text: 64 hexadecimal digits in lower case.
    pub fn to_hex(&self) -> String {
        self.key.to_bytes_hex()
    }
}

/// The public keys whose cards are taken, by their numbers. A key that is left out here makes all
/// its cards worthless at once.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RootPublicKeys(BTreeMap<u32, PublicKey>);

impl RootPublicKeys {
    /// These. Of two keys with one number the later is taken.
    pub fn new(keys: impl IntoIterator<Item = RootPublicKey>) -> Self {
        Self(keys.into_iter().map(|key| (key.id, key.key)).collect())
    }

    /// The key with this number.
    pub(crate) fn get(&self, id: u32) -> Option<PublicKey> {
        self.0.get(&id).copied()
    }
}

impl From<RootPublicKey> for RootPublicKeys {
    fn from(key: RootPublicKey) -> Self {
        Self::new([key])
    }
}
