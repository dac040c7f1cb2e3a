//! Reading the repository's vectors and artifacts.

use std::path::Path;

use alloy::json_abi::JsonAbi;
use serde::{Deserialize, de::DeserializeOwned};

/// A file of vectors in `fixtures/vectors`.
pub(crate) fn vectors<T: DeserializeOwned>(name: &str) -> T {
    read(&Path::new("fixtures/vectors").join(name))
}

/// The ABI in a contract's committed artifact.
pub(crate) fn abi(contract: &str) -> JsonAbi {
    #[derive(Deserialize)]
    struct Artifact {
        abi: JsonAbi,
    }
    let artifact: Artifact = read(&Path::new("contracts/artifacts").join(contract));
    artifact.abi
}

/// A JSON file of the repository.
fn read<T: DeserializeOwned>(path: &Path) -> T {
    let path = aep2_testkit::repository::file(path);
    let text = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
