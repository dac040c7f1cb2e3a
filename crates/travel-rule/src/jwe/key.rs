//! The processor's private key.

use std::fmt;

use aws_lc_rs::{
    agreement::{self, ECDH_P256},
    encoding::{AsBigEndian, EcPrivateKeyBin},
};
use zeroize::Zeroizing;

use super::{
    base64,
    error::{JweError, KeyError},
    kdf,
    public::PublicKey,
};
use crate::json::Node;

/// The processor's private key on P-256, to which payers seal what the Travel Rule asks for. It is
/// wiped when it is dropped.
pub struct ProcessorKey {
    private: agreement::PrivateKey,
    public: PublicKey,
}

impl ProcessorKey {
    /// A new random key.
    ///
    /// # Errors
    /// When there are no random numbers.
    pub fn random() -> Result<Self, KeyError> {
        let private = agreement::PrivateKey::generate(&ECDH_P256).map_err(|_| KeyError::Random)?;
        Self::new(private).ok_or(KeyError::Random)
    }

    /// Reads a private JWK.
    ///
    /// # Errors
    /// When it is none on P-256, and when its `x` and `y` do not belong to its `d`.
    pub fn from_jwk(jwk: &[u8]) -> Result<Self, KeyError> {
        let node = Node::parse(jwk).map_err(|_| KeyError::NotAKey)?;
        let optional = ["kid", "alg", "use", "ext", "key_ops"];
        let known = ["kty", "crv", "x", "y", "d", "kid", "alg", "use", "ext", "key_ops"];
        let members = node.members(known, &optional).ok_or(KeyError::NotAKey)?;
        let public = PublicKey::from_members(&members[..4]).ok_or(KeyError::NotAKey)?;
        let secret = members[4].and_then(Node::text).and_then(base64::decode_exactly::<32>);
        let secret = secret.ok_or(KeyError::NotAKey)?;
        let private = agreement::PrivateKey::from_private_key(&ECDH_P256, secret.as_slice());
        let key = private.ok().and_then(Self::new).ok_or(KeyError::NotAKey)?;
        if key.public == public { Ok(key) } else { Err(KeyError::NotAKey) }
    }

    /// As a private JWK, for the file that it is kept in.
    ///
    /// # Errors
    /// When there is no memory.
    pub fn to_jwk(&self) -> Result<Zeroizing<String>, KeyError> {
        let secret: EcPrivateKeyBin<'_> =
            self.private.as_be_bytes().map_err(|_| KeyError::Random)?;
        let [x, y] = self.public.coordinates();
        // As large as it gets, so that it is not moved, and no copy is left behind.
        let mut jwk = Zeroizing::new(String::with_capacity(512));
        for part in [r#"{"kty":"EC","crv":"P-256","x":""#, &x, r#"","y":""#, &y, r#"","d":""#] {
            jwk.push_str(part);
        }
        base64::encode_to(secret.as_ref(), &mut jwk);
        for part in [r#"","kid":""#, &self.public.thumbprint(), "\"}"] {
            jwk.push_str(part);
        }
        Ok(jwk)
    }

    fn new(private: agreement::PrivateKey) -> Option<Self> {
        let public = private.compute_public_key().ok()?;
        let public = PublicKey::from_sec1(public.as_ref())?;
        Some(Self { private, public })
    }

    /// The public key, to be shown.
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// Agrees with somebody on the key of one message.
    pub(super) fn derive(
        &self,
        with: &PublicKey,
        algorithm: &str,
        parties: (&[u8], &[u8]),
        key: &mut [u8],
    ) -> Result<(), JweError> {
        agreement::agree(&self.private, with.unparsed(), JweError::EphemeralKey, |secret| {
            kdf::derive(secret, algorithm, parties, key).ok_or(JweError::Refused)
        })
    }
}

impl fmt::Debug for ProcessorKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ProcessorKey({})", self.public.thumbprint())
    }
}

#[cfg(test)]
mod tests {
    use super::{super::base64, ProcessorKey, PublicKey};

    /// RFC 7518, Appendix C.
    #[test]
    fn alice_and_bob_agree_on_the_key_of_the_rfc() {
        let alice = PublicKey::from_jwk(
            br#"{"kty":"EC","crv":"P-256",
                "x":"gI0GAILBdu7T53akrFmMyGcsF3n5dO7MmwNBHKW5SV0",
                "y":"SLW_xSffzlPWrHEVI30DHM_4egVwt3NQqeUD7nMFpps"}"#,
        )
        .expect("a key");
        let bob = ProcessorKey::from_jwk(
            br#"{"kty":"EC","crv":"P-256",
                "x":"weNJy2HscCSM6AEDTDg04biOvhFhyyWvOHQfeF_PxMQ",
                "y":"e8lnCO-AlStT-NJVX-crhB7QRYhiix03illJOVAOyck",
                "d":"VEmDZpDXXK8p8N0Cndsxs924q6nS1RXFASRl6BfUqdw"}"#,
        )
        .expect("a key");
        let mut key = [0; 16];
        let parties: (&[u8], &[u8]) = (b"Alice", b"Bob");
        bob.derive(&alice, "A128GCM", parties, &mut key).expect("derived");
        assert_eq!(base64::encode(&key), "VqqN6vgjbSBcIijNcacQGg");
        // Each of what enters it changes it.
        for (algorithm, parties) in
            [("A256GCM", parties), ("A128GCM", (b"Bob", b"Alice")), ("A128GCM", (b"Alic", b"eBob"))]
        {
            let mut other = [0; 16];
            bob.derive(&alice, algorithm, parties, &mut other).expect("derived");
            assert_ne!(other, key);
        }
    }
}
