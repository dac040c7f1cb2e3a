//! Where a new owner's token goes: to standard output, once, or into a file of its owner's.

use std::path::PathBuf;

use aep2_issuer::{owners::OwnerToken, records::OwnerRecord};
use clap::Args;
use serde::Serialize;

use crate::{command::rows, files::SecretFile};

/// Where the token goes.
#[derive(Args)]
pub(super) struct TokenOutOptions {
    /// Write the owner's token to this new file, readable by you alone (0600), instead of showing it
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
}

/// A place for a token, which was made before the token was: a token that cannot be written is lost.
pub(super) struct TokenPlace(Option<SecretFile>);

/// An owner with a new token.
#[derive(Serialize)]
pub(super) struct Known {
    owner: OwnerRecord,
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token_file: Option<PathBuf>,
}

impl TokenOutOptions {
    /// Makes the file, if there is to be one.
    pub(super) fn prepare(&self) -> anyhow::Result<TokenPlace> {
        let file = self.token_file.as_deref().map(SecretFile::create);
        Ok(TokenPlace(file.transpose()?))
    }
}

impl TokenPlace {
    /// Puts the token there.
    pub(super) fn put(self, owner: OwnerRecord, token: &OwnerToken) -> anyhow::Result<Known> {
        match self.0 {
            None => {
                let token = Some(token.reveal().to_owned());
                Ok(Known { owner, token, token_file: None })
            }
            Some(file) => {
                let path = file.path().to_owned();
                file.write(&format!("{}\n", token.reveal()))?;
                Ok(Known { owner, token: None, token_file: Some(path) })
            }
        }
    }
}

impl Known {
    pub(super) fn text(&self) -> String {
        let mut lines = vec![("owner", self.owner.name.clone()), ("id", self.owner.id.to_string())];
        if let Some(token) = &self.token {
            lines
                .push(("token", format!("{token} (shown this once: whoever has it is the owner)")));
        }
        if let Some(file) = &self.token_file {
            lines.push(("token", format!("in {}", file.display())));
        }
        rows(&lines)
    }
}
