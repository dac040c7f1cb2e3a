//! EdDSA-Poseidon over Baby Jubjub, as circomlib and zk-kit sign and verify it.
//!
//! A signature `(R8, S)` on a message `m` by the key `A` holds when
//! `S · Base8 = R8 + 8 · Poseidon(R8.x, R8.y, A.x, A.y, m) · A` and `S` is below the subgroup's
//! order. A [`PublicKey`] and a [`Signature`] that exist are well-formed: the key lies in the
//! subgroup of prime order, `R8` on the curve, `S` is reduced.
//!
//! Source: <https://github.com/iden3/circomlibjs/blob/main/src/eddsa.js>.

mod batch;
mod single;

pub use self::{
    batch::{Forged, verify_many},
    single::{KeyError, PublicKey, SecretKey, Signature, SignatureError},
};
