//! What a contributor says about a contribution, and signs with an Ethereum key.
//!
//! A name in a `.zkey` is a claim that anybody can alter. An attestation ties a name to the hash of a
//! contribution, and so to all that was before it. Without a signature it is a text: it is worth as much
//! as the place where its author published it.

use std::path::Path;

use alloy_primitives::{Address, B512, Bytes, Signature};
use serde::{Deserialize, Serialize};

use crate::{error::CeremonyError, text_file};

/// The most bytes that a statement has.
pub const STATEMENT_BYTES_MAX: usize = 4096;

/// No attestation's file is longer.
const ATTESTATION_BYTES_MAX: u64 = 1 << 16;

/// An attestation of one contribution.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attestation {
    /// The contribution's hash.
    pub contribution: B512,
    /// Who contributed: the name that is in the contribution.
    pub name: String,
    /// Whatever they want to say: on which machine, how the secret was drawn, where this is published.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statement: Option<String>,
    /// Whose signature it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signed: Option<Signed>,
}

/// A signature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signed {
    /// The Ethereum account that signed.
    pub signer: Address,
    /// EIP-191's `personal_sign` of [`Attestation::text`], 65 bytes.
    pub signature: Bytes,
}

/// Why an attestation is not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AttestationError {
    /// The signature is another's, or of another text.
    #[error("the attestation of {name:?} is not signed by {signer}")]
    Signature {
        /// The name in it.
        name: String,
        /// Who is said to have signed.
        signer: Address,
    },
    /// The statement is too long.
    #[error("the attestation of {name:?} says more than {STATEMENT_BYTES_MAX} bytes")]
    Statement {
        /// The name in it.
        name: String,
    },
    /// The contribution has another name, or none.
    #[error("the attestation of {name:?} is of a contribution whose name is {found:?}")]
    OtherName {
        /// The name in the attestation.
        name: String,
        /// The contribution's, if it has one.
        found: Option<String>,
    },
    /// No person's contribution has this hash.
    #[error("the attestation of {name:?} is of a contribution that is not in the ceremony")]
    NoSuchContribution {
        /// The name in it.
        name: String,
    },
    /// A contribution is attested twice.
    #[error("contribution {number} has two attestations")]
    Twice {
        /// Which one, from 1.
        number: usize,
    },
}

impl Attestation {
    /// Reads an attestation. Nothing of it is checked yet.
    ///
    /// # Errors
    /// When the file cannot be read, is too long, or is no attestation.
    pub fn read(path: &Path) -> Result<Self, CeremonyError> {
        text_file::read_json(path, "attestation", ATTESTATION_BYTES_MAX)
    }

    /// The text that is signed.
    pub fn text(&self) -> String {
        let Self { contribution, name, statement, .. } = self;
        let mut text = format!(
            "I contributed to an AEP2 key ceremony.\ncontribution: {contribution}\nname: {name:?}"
        );
        if let Some(statement) = statement {
            text.push_str(&format!("\nstatement: {statement:?}"));
        }
        text
    }

    /// Checks the signature, if there is one, and the statement's length.
    ///
    /// # Errors
    /// [`AttestationError::Signature`] when it is not the signer's, or of another text: another name's,
    /// say.
    pub fn check(&self) -> Result<(), AttestationError> {
        if self.statement.as_ref().is_some_and(|text| text.len() > STATEMENT_BYTES_MAX) {
            return Err(AttestationError::Statement { name: self.name.clone() });
        }
        let Some(Signed { signer, signature }) = &self.signed else { return Ok(()) };
        let recovered = Signature::try_from(signature.as_ref())
            .and_then(|signature| signature.recover_address_from_msg(self.text()));
        if recovered.is_ok_and(|recovered| recovered == *signer) {
            return Ok(());
        }
        Err(AttestationError::Signature { name: self.name.clone(), signer: *signer })
    }
}
