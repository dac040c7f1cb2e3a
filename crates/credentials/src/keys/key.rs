//! One public key, as a JWK has it (RFC 7517, 7518, 8037).

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256,
    RsaParameters, RsaPublicKeyComponents, UnparsedPublicKey,
};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::{algorithm::Algorithm, base64url, subject::Thumbprint};

/// The least size of an RSA key, in bits.
const RSA_BITS_MIN: usize = 2048;
/// The greatest.
const RSA_BITS_MAX: usize = 8192;

/// A public key that verifies signatures.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    /// Its name, which is unique only among its owner's.
    pub(crate) kid: Option<String>,
    /// Its thumbprint.
    pub(crate) thumbprint: Thumbprint,
    /// The one algorithm that it says it is for.
    only: Option<Algorithm>,
    material: Material,
}

#[derive(Clone, Debug)]
enum Material {
    /// An uncompressed point.
    P256(Vec<u8>),
    Ed25519(Vec<u8>),
    Rsa {
        n: Vec<u8>,
        e: Vec<u8>,
    },
}

impl Key {
    /// Reads a JWK.
    ///
    /// # Errors
    /// Why it is not a key that may verify signatures here.
    pub(crate) fn read(jwk: &Map<String, Value>) -> Result<Self, &'static str> {
        if ["d", "p", "q", "k"].iter().any(|secret| jwk.contains_key(*secret)) {
            return Err("it has secret parts, which are public now");
        }
        if jwk.get("use").is_some_and(|usage| usage != "sig") {
            return Err("it is not for signatures (use)");
        }
        if jwk.get("key_ops").is_some_and(|usages| !verifies(usages)) {
            return Err("it is not for verifying (key_ops)");
        }
        let kid = match jwk.get("kid") {
            None => None,
            Some(Value::String(kid)) => Some(kid.clone()),
            Some(_) => return Err("its name (kid) is not a string"),
        };
        let material = Material::read(jwk)?;
        let only = match jwk.get("alg") {
            None => None,
            Some(name) => {
                let named = name.as_str().and_then(Algorithm::named);
                let named = named.filter(|algorithm| material.fits(*algorithm));
                Some(named.ok_or("it is for another algorithm (alg)")?)
            }
        };
        Ok(Self { kid, thumbprint: material.thumbprint(), only, material })
    }

    /// Whether it may verify signatures of this algorithm.
    pub(crate) fn fits(&self, algorithm: Algorithm) -> bool {
        self.material.fits(algorithm) && self.only.is_none_or(|only| only == algorithm)
    }

    /// Whether `signature` is this key's signature on `message`.
    pub(crate) fn verifies(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        if !self.fits(algorithm) {
            return false;
        }
        match &self.material {
            Material::P256(point) => {
                let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point);
                key.verify(message, signature).is_ok()
            }
            Material::Ed25519(point) => {
                UnparsedPublicKey::new(&ED25519, point).verify(message, signature).is_ok()
            }
            Material::Rsa { n, e } => {
                let parameters: &RsaParameters = match algorithm {
                    Algorithm::Ps256 => &RSA_PSS_2048_8192_SHA256,
                    _ => &RSA_PKCS1_2048_8192_SHA256,
                };
                RsaPublicKeyComponents { n, e }.verify(parameters, message, signature).is_ok()
            }
        }
    }
}

impl Material {
    fn read(jwk: &Map<String, Value>) -> Result<Self, &'static str> {
        let text = |name: &str| jwk.get(name).and_then(Value::as_str);
        let bytes = |name: &str| {
            let bytes = text(name).and_then(base64url::decode);
            bytes.ok_or("a coordinate is missing or is not base64url")
        };
        match (text("kty"), text("crv")) {
            (Some("EC"), Some("P-256")) => {
                let (x, y) = (bytes("x")?, bytes("y")?);
                if x.len() != 32 || y.len() != 32 {
                    return Err("its coordinates do not have 32 bytes");
                }
                Ok(Self::P256([&[4], x.as_slice(), y.as_slice()].concat()))
            }
            (Some("OKP"), Some("Ed25519")) => match bytes("x")? {
                x if x.len() == 32 => Ok(Self::Ed25519(x)),
                _ => Err("its coordinate does not have 32 bytes"),
            },
            (Some("RSA"), _) => {
                let (n, e) = (bytes("n")?, bytes("e")?);
                // A leading zero would be a second spelling of the same key.
                let bits = match n.first() {
                    None | Some(0) => return Err("its modulus begins with zeros"),
                    Some(first) => n.len() * 8 - first.leading_zeros() as usize,
                };
                match bits {
                    ..RSA_BITS_MIN => Err("an RSA key below 2048 bits"),
                    RSA_BITS_MIN..=RSA_BITS_MAX => Ok(Self::Rsa { n, e }),
                    _ => Err("an RSA key over 8192 bits"),
                }
            }
            _ => Err("another type of key (kty, crv)"),
        }
    }

    fn fits(&self, algorithm: Algorithm) -> bool {
        match self {
            Self::P256(_) => algorithm == Algorithm::Es256,
            Self::Ed25519(_) => algorithm == Algorithm::EdDsa,
            Self::Rsa { .. } => matches!(algorithm, Algorithm::Rs256 | Algorithm::Ps256),
        }
    }

    /// RFC 7638, 3.2, and RFC 8037, A.3: the required members in their order. They are written anew
    /// from the bytes, so that a key has one thumbprint.
    fn thumbprint(&self) -> Thumbprint {
        let members = match self {
            Self::P256(point) => {
                let (x, y) = point[1..].split_at(32);
                let (x, y) = (base64url::encode(x), base64url::encode(y));
                format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#)
            }
            Self::Ed25519(x) => {
                let x = base64url::encode(x);
                format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#)
            }
            Self::Rsa { n, e } => {
                let (n, e) = (base64url::encode(n), base64url::encode(e));
                format!(r#"{{"e":"{e}","kty":"RSA","n":"{n}"}}"#)
            }
        };
        Thumbprint(<[u8; 32]>::from(Sha256::digest(members)).into())
    }
}

/// Whether `key_ops` has `verify`.
fn verifies(usages: &Value) -> bool {
    usages.as_array().is_some_and(|usages| usages.iter().any(|usage| usage == "verify"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(jwk: Value) -> Result<Key, &'static str> {
        Key::read(jwk.as_object().expect("an object"))
    }

    #[test]
    fn thumbprints_are_those_of_the_rfcs_and_of_another_library() {
        // RFC 7638, 3.1.
        let rsa = json!({"kty": "RSA", "e": "AQAB", "alg": "RS256", "kid": "2011-04-29",
            "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"});
        let rsa = read(rsa).expect("the RFC's key");
        assert_eq!(rsa.thumbprint.to_string(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
        // RFC 8037, A.3.
        let ed25519 = json!({"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"});
        let ed25519 = read(ed25519).expect("the RFC's key");
        assert_eq!(ed25519.thumbprint.to_string(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");

        let vectors = include_str!("../../tests/fixtures/vectors.json");
        let vectors: Value = serde_json::from_str(vectors).expect("our own vectors");
        let thumbprints = vectors["thumbprints"].as_object().expect("vectors");
        assert_eq!(thumbprints.len(), 3);
        for jwk in vectors["jwks"]["issuer"]["keys"].as_array().expect("vectors") {
            let kid = jwk["kid"].as_str().expect("a name");
            if let Some(thumbprint) = thumbprints.get(kid) {
                let key = read(jwk.clone()).expect("a good key");
                assert_eq!(Value::from(key.thumbprint.to_string()), *thumbprint, "{kid}");
            }
        }
    }

    #[test]
    fn keys_for_something_else_secret_weak_or_misspelled_ones_are_not_used() {
        let good = json!({"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"});
        assert!(read(good.clone()).is_ok());
        for (name, value) in [
            ("use", json!("enc")),
            ("use", json!(1)),
            ("key_ops", json!(["sign"])),
            ("key_ops", json!("verify")),
            ("alg", json!("ES256")),
            ("alg", json!("HS256")),
            ("alg", json!("none")),
            ("alg", json!(null)),
            ("kid", json!(1)),
            ("d", json!("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A")),
            ("crv", json!("X25519")),
            ("kty", json!("oct")),
            ("x", json!("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo=")),
            // The same bytes in another spelling: the last letter's lowest bits say nothing.
            ("x", json!("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURp")),
            ("x", json!("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHUQ")),
        ] {
            let mut jwk = good.clone();
            jwk[name] = value;
            assert!(read(jwk.clone()).is_err(), "{jwk}");
        }
        let modulus =
            |bytes: &[u8]| json!({"kty": "RSA", "e": "AQAB", "n": base64url::encode(bytes)});
        let mut bytes = [0xff; 256];
        assert!(read(modulus(&bytes)).is_ok());
        bytes[0] = 0x7f;
        assert!(read(modulus(&bytes)).is_err(), "2047 bits");
        assert!(read(modulus(&[&[0], [0xff; 256].as_slice()].concat())).is_err(), "zeros first");
        assert!(read(modulus(&[0xff; 1025])).is_err(), "8200 bits");
    }
}
