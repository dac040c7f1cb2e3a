//! What is asked of local control.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Accept nothing more.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PauseRequest {
    /// Who asks, for the log.
    pub by: String,
    /// Why, for the log.
    pub note: String,
}

/// Accept again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ResumeRequest {
    /// Also after a backup was restored, though something that is not known may have been promised since.
    pub at_once: bool,
}

/// Copy everything.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BackupRequest {
    /// The folder of backups, with its whole path.
    pub folder: PathBuf,
    /// How many of them to keep at most, this one included; all, where it is not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep: Option<usize>,
}
