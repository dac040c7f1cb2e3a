//! snarkjs's JSON: `proof.json`, `public.json`, `verification_key.json`.
//!
//! Numbers are decimal strings. A coordinate of G2 is a pair, the real part first, and points are
//! projective with the last coordinate one.

use alloy_primitives::U256;
use ark_bn254::{Bn254, Fq, Fq2, Fq6, Fr, G1Affine, G2Affine};
use ark_ec::pairing::Pairing;
use ark_ff::{BigInt, PrimeField};
use serde::{Deserialize, Serialize};

use super::{ReadError, fq, fr, g1, g2};
use crate::groth16::{Proof, VerifyingKey};

const PROTOCOL: &str = "groth16";
const CURVE: &str = "bn128";

type G1Json = [String; 3];
type Fq2Json = [String; 2];
type G2Json = [Fq2Json; 3];

/// `proof.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProofJson {
    pi_a: G1Json,
    pi_b: G2Json,
    pi_c: G1Json,
    protocol: String,
    curve: String,
}

impl From<&Proof> for ProofJson {
    fn from(proof: &Proof) -> Self {
        Self {
            pi_a: g1_json(&proof.a),
            pi_b: g2_json(&proof.b),
            pi_c: g1_json(&proof.c),
            protocol: PROTOCOL.to_owned(),
            curve: CURVE.to_owned(),
        }
    }
}

impl TryFrom<&ProofJson> for Proof {
    type Error = ReadError;

    fn try_from(json: &ProofJson) -> Result<Self, ReadError> {
        if json.protocol != PROTOCOL || json.curve != CURVE {
            let what = format!("a {PROTOCOL} proof over {CURVE} is expected");
            return Err(ReadError::Malformed(what));
        }
        Ok(Self {
            a: g1_from_json(&json.pi_a)?,
            b: g2_from_json(&json.pi_b)?,
            c: g1_from_json(&json.pi_c)?,
        })
    }
}

/// `verification_key.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct VerifyingKeyJson {
    protocol: &'static str,
    curve: &'static str,
    #[serde(rename = "nPublic")]
    public: usize,
    vk_alpha_1: G1Json,
    vk_beta_2: G2Json,
    vk_gamma_2: G2Json,
    vk_delta_2: G2Json,
    vk_alphabeta_12: [[Fq2Json; 3]; 2],
    #[serde(rename = "IC")]
    public_points: Vec<G1Json>,
}

impl From<&VerifyingKey> for VerifyingKeyJson {
    fn from(key: &VerifyingKey) -> Self {
        // Like arkworks, snarkjs raises to a multiple of (q¹² − 1)/r, and to the same one.
        let product = Bn254::pairing(key.alpha_g1, key.beta_g2).0;
        let fq6_json = |element: Fq6| [element.c0, element.c1, element.c2].map(fq2_json);
        Self {
            protocol: PROTOCOL,
            curve: CURVE,
            public: key.gamma_abc_g1.len() - 1,
            vk_alpha_1: g1_json(&key.alpha_g1),
            vk_beta_2: g2_json(&key.beta_g2),
            vk_gamma_2: g2_json(&key.gamma_g2),
            vk_delta_2: g2_json(&key.delta_g2),
            vk_alphabeta_12: [product.c0, product.c1].map(fq6_json),
            public_points: key.gamma_abc_g1.iter().map(g1_json).collect(),
        }
    }
}

/// `public.json`.
pub fn inputs_to_json(inputs: &[Fr]) -> Vec<String> {
    inputs.iter().map(|input| decimal(input.into_bigint())).collect()
}

/// Reads `public.json`.
///
/// # Errors
/// When a string is not a number below the scalar field's modulus, in decimal and without leading
/// zeros.
pub fn inputs_from_json(inputs: &[String]) -> Result<Vec<Fr>, ReadError> {
    inputs.iter().map(|input| fr(from_decimal(input)?)).collect()
}

fn decimal(number: BigInt<4>) -> String {
    U256::from_limbs(number.0).to_string()
}

fn from_decimal(text: &str) -> Result<BigInt<4>, ReadError> {
    let number = U256::from_str_radix(text, 10).map_err(|_| ReadError::NotAFieldElement)?;
    // One spelling each: no sign, no separators, no leading zeros.
    if number.to_string() != text {
        return Err(ReadError::NotAFieldElement);
    }
    Ok(BigInt(number.into_limbs()))
}

fn fq_json(element: Fq) -> String {
    decimal(element.into_bigint())
}

fn fq2_json(element: Fq2) -> Fq2Json {
    [fq_json(element.c0), fq_json(element.c1)]
}

fn g1_json(point: &G1Affine) -> G1Json {
    [fq_json(point.x), fq_json(point.y), "1".to_owned()]
}

fn g2_json(point: &G2Affine) -> G2Json {
    [fq2_json(point.x), fq2_json(point.y), ["1".to_owned(), "0".to_owned()]]
}

fn g1_from_json([x, y, z]: &G1Json) -> Result<G1Affine, ReadError> {
    if z != "1" {
        return Err(ReadError::Malformed("a point's last coordinate must be one".to_owned()));
    }
    g1(fq(from_decimal(x)?)?, fq(from_decimal(y)?)?)
}

fn g2_from_json([x, y, z]: &G2Json) -> Result<G2Affine, ReadError> {
    if z != &["1", "0"] {
        return Err(ReadError::Malformed("a point's last coordinate must be one".to_owned()));
    }
    let element = |[real, imaginary]: &Fq2Json| {
        Ok(Fq2::new(fq(from_decimal(real)?)?, fq(from_decimal(imaginary)?)?))
    };
    g2(element(x)?, element(y)?)
}
