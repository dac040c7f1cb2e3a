//! What a deployment is, and the JSON file that says it.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

use aep2_circuits::Shape;
use aep2_mandate::units::ChainId;
use aep2_prover::key_file::Provenance;
use alloy::primitives::{Address, B256, TxHash};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::wallet::{
    WalletId,
    guarantee::Periods,
    terms::{ShapeVerifier, VerifierList, VerifierListError},
    units::VerifierSetId,
};

/// The version of the file's layout.
pub const FORMAT_VERSION: u32 = 2;

/// The contracts on a chain. In JSON:
///
/// ```json
/// {
///   "format": 2,
///   "chainId": 31337,
///   "block": 7,
///   "wallet": {
///     "address": "0x…", "guarantee": "0x…",
///     "periods": {
///       "withdrawalSeconds": 259200, "unbondingSeconds": 604800, "promiseSeconds": 43200,
///       "demandSeconds": 43200, "responseSeconds": 86400, "viewAgeSeconds": 600, "keepSeconds": 259200
///     },
///     "transaction": "0x…"
///   },
///   "verifierSet": "0x…",
///   "verifiers": [{
///     "shape": "64x16", "address": "0x…", "verifyingKey": "0x… BLAKE3 of the verifying key",
///     "provenance": {"ceremony": {"transcript": "0x…"}}, "transaction": "0x…"
///   }],
///   "token": "0x…",
///   "testToken": { "address": "0x…", "transaction": "0x…" }
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Deployment {
    pub(super) format: Format,
    /// The chain.
    pub chain_id: ChainId,
    /// The block of the wallet's creation: no event of the wallet is older.
    pub block: u64,
    /// The wallet.
    pub wallet: DeployedWallet,
    /// The name of the list of `verifiers`, registered in the wallet.
    pub verifier_set: VerifierSetId,
    /// A verifier for each shape, in ascending order of the shapes' numbers.
    pub verifiers: Vec<DeployedVerifier>,
    /// A token that was there already, and that the wallet is meant for. Any token can be settled in
    /// any wallet: this is what is taken where nobody names another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<Address>,
    /// The test token, where one was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test_token: Option<DeployedToken>,
}

/// The wallet of a deployment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DeployedWallet {
    /// Where it is.
    pub address: Address,
    /// Where what stands behind receipts is: the wallet made it.
    pub guarantee: Address,
    /// The times by which both go.
    pub periods: Periods,
    /// What made it.
    pub transaction: TxHash,
}

/// A verifier of a deployment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DeployedVerifier {
    /// The shape whose proofs it verifies.
    #[serde(with = "text")]
    pub shape: Shape,
    /// Where it is.
    pub address: Address,
    /// The hash by which the key is known: BLAKE3 of its canonical bytes.
    pub verifying_key: B256,
    /// Whom the key's users must trust.
    #[serde(with = "ProvenanceName")]
    pub provenance: Provenance,
    /// What made it.
    pub transaction: TxHash,
}

/// The test token of a deployment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DeployedToken {
    /// Where it is.
    pub address: Address,
    /// What made it.
    pub transaction: TxHash,
}

/// Why a deployment's file cannot be read or written.
#[derive(Debug, Error)]
pub enum FileError {
    /// The system said no.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
    /// It is no deployment.
    #[error("{} is not a deployment of this software: {reason}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
}

impl Deployment {
    /// The wallet.
    pub fn wallet_id(&self) -> WalletId {
        WalletId { chain_id: self.chain_id, address: self.wallet.address }
    }

    /// The verifiers as the wallet knows them.
    ///
    /// # Errors
    /// When there are none, or two for a shape: somebody wrote that.
    pub fn verifier_list(&self) -> Result<VerifierList, VerifierListError> {
        let verifiers = self.verifiers.iter();
        let entry =
            |own: &DeployedVerifier| ShapeVerifier { shape: own.shape, verifier: own.address };
        VerifierList::new(verifiers.map(entry).collect())
    }

    /// The token to take where nobody names one: the one that was named, or else the test token.
    pub fn default_token(&self) -> Option<Address> {
        self.token.or_else(|| self.test_token.as_ref().map(|token| token.address))
    }

    /// Writes the file: whole or not at all.
    ///
    /// # Errors
    /// When the system says no.
    pub fn write(&self, path: &Path) -> Result<(), FileError> {
        let io = |source| FileError::Io { path: path.to_owned(), source };
        let mut text = serde_json::to_string_pretty(self).map_err(|error| io(error.into()))?;
        text.push('\n');
        write_whole(path, text.as_bytes()).map_err(io)
    }

    /// Reads a file. That the contracts are there is not checked: see [`Self::verify`].
    ///
    /// # Errors
    /// When it cannot be read, or is not exactly a deployment.
    pub fn read(path: &Path) -> Result<Self, FileError> {
        let text = fs::read_to_string(path)
            .map_err(|source| FileError::Io { path: path.to_owned(), source })?;
        serde_json::from_str(&text).map_err(|error| FileError::Malformed {
            path: path.to_owned(),
            reason: error.to_string(),
        })
    }
}

/// A file beside it is written first, then takes its name.
fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let beside = path.with_file_name(name);
    let mut file = File::create(&beside)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    drop(file);
    fs::rename(&beside, path)
}

/// The one version that is read and written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub(super) struct Format;

impl From<Format> for u32 {
    fn from(_: Format) -> Self {
        FORMAT_VERSION
    }
}

impl TryFrom<u32> for Format {
    type Error = String;
    fn try_from(version: u32) -> Result<Self, String> {
        if version == FORMAT_VERSION {
            Ok(Self)
        } else {
            Err(format!("it has format {version}, this software reads format {FORMAT_VERSION}"))
        }
    }
}

/// [`Provenance`] in one word, and a ceremony's with the hash of its transcript.
#[derive(Serialize, Deserialize)]
#[serde(remote = "Provenance", rename_all = "kebab-case")]
enum ProvenanceName {
    SeededDevelopment,
    RandomDevelopment,
    Ceremony {
        #[serde(with = "hash")]
        transcript: [u8; 32],
    },
}

/// 32 bytes in hexadecimal.
mod hash {
    use alloy::primitives::B256;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(hash: &[u8; 32], to: S) -> Result<S::Ok, S::Error> {
        B256::from(*hash).serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<[u8; 32], D::Error> {
        B256::deserialize(from).map(|hash| hash.0)
    }
}

/// A value in its one written form.
mod text {
    use std::{fmt::Display, str::FromStr};

    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<T: Display, S: Serializer>(
        value: &T,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }

    pub(super) fn deserialize<'de, T, D>(deserializer: D) -> Result<T, D::Error>
    where
        T: FromStr<Err: Display>,
        D: Deserializer<'de>,
    {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}
