//! Keys, and one signature at a time.

use std::{
    fmt,
    hash::{Hash, Hasher},
};

use ark_ff::{AdditiveGroup, BigInteger, PrimeField};
use blake_hash::{Blake512, Digest};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::{
    babyjubjub::{BASE8, Point, Scalar},
    field::{self, Fr},
    poseidon,
};

/// A key that verifies mandates: a point of the prime-order subgroup, not the identity.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PublicKey(Point);

/// Why coordinates are no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// They do not satisfy the curve's equation.
    #[error("the key is not on the Baby Jubjub curve")]
    OffCurve,
    /// The point's order divides 8, so anyone could sign for it.
    #[error("the key is a point of small order")]
    SmallOrder,
    /// The point has a part of small order.
    #[error("the key is not in the prime-order subgroup")]
    WrongSubgroup,
}

impl PublicKey {
    /// The key with circomlib's coordinates `(x, y)`.
    ///
    /// # Errors
    /// When the point is off the curve, of small order, or outside the prime-order subgroup.
    pub fn new(x: Fr, y: Fr) -> Result<Self, KeyError> {
        let point = Point::new(x, y).ok_or(KeyError::OffCurve)?;
        if point.is_small_order() {
            Err(KeyError::SmallOrder)
        } else if !point.is_in_subgroup() {
            Err(KeyError::WrongSubgroup)
        } else {
            Ok(Self(point))
        }
    }

    /// circomlib's `x`.
    pub fn x(&self) -> Fr {
        self.0.x()
    }

    /// circomlib's `y`.
    pub fn y(&self) -> Fr {
        self.0.y()
    }

    /// The key as a curve point.
    pub fn point(&self) -> &Point {
        &self.0
    }

    /// What the wallet stores for the key: `Poseidon(x, y)`.
    pub fn hash(&self) -> Fr {
        poseidon::hash(&[self.x(), self.y()])
    }

    /// Whether `signature` is this key's signature on `message`.
    pub fn verify(&self, message: Fr, signature: &Signature) -> bool {
        let challenge = self.eightfold_challenge(message, signature);
        BASE8.multiply(signature.s) - self.0.multiply(challenge) == *signature.r8.affine()
    }

    /// `8 · Poseidon(R8, A, m)` modulo the subgroup's order, in which the key's multiples lie.
    pub(super) fn eightfold_challenge(&self, message: Fr, signature: &Signature) -> Scalar {
        let challenge = challenge(&signature.r8, &self.0, message);
        scalar_from_field(&challenge).double().double().double()
    }
}

impl Hash for PublicKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({}, {})", self.x(), self.y())
    }
}

/// A signature: a point on the curve and a reduced scalar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signature {
    r8: Point,
    s: Scalar,
}

/// Why values are no signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// `R8` does not satisfy the curve's equation.
    #[error("the signature's R8 is not on the Baby Jubjub curve")]
    R8OffCurve,
    /// `S` is not below the subgroup's order: a second spelling of another signature.
    #[error("the signature's S is not below the subgroup order")]
    SNotReduced,
}

impl Signature {
    /// The signature with this `R8` (circomlib's coordinates) and `S` (big-endian).
    ///
    /// # Errors
    /// When `R8` is off the curve or `S` is not below the subgroup's order.
    pub fn new(r8_x: Fr, r8_y: Fr, s: [u8; 32]) -> Result<Self, SignatureError> {
        let r8 = Point::new(r8_x, r8_y).ok_or(SignatureError::R8OffCurve)?;
        let reduced = Scalar::from_be_bytes_mod_order(&s);
        if scalar_bytes(&reduced) == s {
            Ok(Self { r8, s: reduced })
        } else {
            Err(SignatureError::SNotReduced)
        }
    }

    /// circomlib's `R8.x`.
    pub fn r8_x(&self) -> Fr {
        self.r8.x()
    }

    /// circomlib's `R8.y`.
    pub fn r8_y(&self) -> Fr {
        self.r8.y()
    }

    /// `R8` as a curve point.
    pub fn r8(&self) -> &Point {
        &self.r8
    }

    /// `S`.
    pub fn s(&self) -> &Scalar {
        &self.s
    }

    /// `S`, big-endian.
    pub fn s_bytes(&self) -> [u8; 32] {
        scalar_bytes(&self.s)
    }
}

/// A key that signs mandates: 32 secret bytes, from which circomlib and zk-kit derive the same
/// scalar.
///
/// Signing does not run in constant time: sign where no stranger can time you.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct SecretKey {
    seed: [u8; 32],
    #[zeroize(skip)]
    public: PublicKey,
}

impl SecretKey {
    /// The key that circomlibjs makes of the same 32 bytes, and zk-kit of the same buffer.
    pub fn from_seed(seed: [u8; 32]) -> Self {
        let scalar = Zeroizing::new(Expanded::of(&seed).scalar());
        // Base8 has prime order and the pruned scalar is never zero modulo it.
        let public = PublicKey(Point::from(BASE8.multiply(*scalar)));
        Self { seed, public }
    }

    /// A fresh key.
    pub fn generate(rng: &mut (impl rand::CryptoRng + rand::RngCore)) -> Self {
        let mut seed = Zeroizing::new([0; 32]);
        rng.fill_bytes(&mut *seed);
        Self::from_seed(*seed)
    }

    /// The 32 secret bytes.
    pub fn seed(&self) -> &[u8; 32] {
        &self.seed
    }

    /// The key that verifies.
    pub fn public(&self) -> PublicKey {
        self.public
    }

    /// Signs `message`. The same message always gets the same signature, circomlib's.
    pub fn sign(&self, message: Fr) -> Signature {
        let expanded = Expanded::of(&self.seed);
        let nonce = Zeroizing::new(expanded.nonce(message));
        let r8 = Point::from(BASE8.multiply(*nonce));
        let challenge = scalar_from_field(&challenge(&r8, self.public.point(), message));
        let scalar = Zeroizing::new(expanded.scalar());
        let s = *nonce + challenge * scalar.double().double().double();
        Signature { r8, s }
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretKey(of {:?})", self.public)
    }
}

/// BLAKE-512 of a seed: the first half becomes the scalar, the second seeds the nonces.
struct Expanded(Zeroizing<[u8; 64]>);

impl Expanded {
    fn of(seed: &[u8; 32]) -> Self {
        Self(Zeroizing::new(blake512(&[seed])))
    }

    /// The first half, pruned as in Ed25519 and divided by the cofactor: `A = scalar · Base8`.
    fn scalar(&self) -> Scalar {
        let mut pruned = Zeroizing::new([0; 32]);
        pruned.copy_from_slice(&self.0[..32]);
        pruned[0] &= 0xf8;
        pruned[31] = pruned[31] & 0x7f | 0x40;
        // Shifting the 256-bit number right by three loses nothing: its low bits are zero.
        for index in 0..32 {
            let above = if index < 31 { pruned[index + 1] } else { 0 };
            pruned[index] = pruned[index] >> 3 | above << 5;
        }
        Scalar::from_le_bytes_mod_order(&*pruned)
    }

    /// The nonce of the signature on `message`.
    fn nonce(&self, message: Fr) -> Scalar {
        let message = message.into_bigint().to_bytes_le();
        Scalar::from_le_bytes_mod_order(&*Zeroizing::new(blake512(&[&self.0[32..], &message])))
    }
}

fn blake512(parts: &[&[u8]]) -> [u8; 64] {
    let mut hasher = Blake512::new();
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize().into()
}

fn challenge(r8: &Point, key: &Point, message: Fr) -> Fr {
    poseidon::hash(&[r8.x(), r8.y(), key.x(), key.y(), message])
}

fn scalar_from_field(element: &Fr) -> Scalar {
    Scalar::from_be_bytes_mod_order(&field::to_be_bytes(element))
}

fn scalar_bytes(scalar: &Scalar) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(&scalar.into_bigint().to_bytes_be());
    bytes
}
