//! Who may use a new card, and the file that the agent gets.

use std::path::PathBuf;

use aep2_cards::keys::{HolderKey, HolderPublicKey};
use alloy::primitives::hex;
use anyhow::ensure;
use clap::Args;
use serde::Serialize;
use zeroize::Zeroizing;

use crate::files::SecretFile;

/// Who may use the card.
#[derive(Args)]
#[group(multiple = false)]
pub(super) struct HolderOptions {
    /// The agent's Ed25519 public key, 64 hexadecimal digits: the agent signs each request with its own
    #[arg(long, value_name = "PUBLIC_KEY")]
    holder: Option<HolderPublicKey>,

    /// Make a key for the agent, and put it into the card's file
    #[arg(long)]
    new_holder: bool,

    /// Whoever has the card may use it
    #[arg(long)]
    bearer: bool,
}

/// Who may use the card, with the key that was made.
pub(super) struct Holder {
    pub(super) public: Option<HolderPublicKey>,
    secret: Option<HolderKey>,
}

impl HolderOptions {
    pub(super) fn settle(&self) -> anyhow::Result<Holder> {
        ensure!(
            self.holder.is_some() || self.new_holder || self.bearer,
            "say who may use the card: --holder KEY with the agent's public key, --new-holder to have one \
             made, or --bearer for whoever has the card"
        );
        let secret = self.new_holder.then(HolderKey::generate);
        let public = secret.as_ref().map(HolderKey::public).or(self.holder);
        Ok(Holder { public, secret })
    }
}

/// The file.
#[derive(Args)]
pub(super) struct CardOut {
    /// Write the card to this new file, readable by you alone (0600): what the agent gets
    #[arg(long = "out", value_name = "FILE", default_value = "card.json")]
    pub(super) path: PathBuf,
}

/// What a card's file says that it is.
const KIND: &str = "aep2-card";
/// The version of its form.
const VERSION: u32 = 1;

/// What is in a card's file. Without a key, the agent puts in its own.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CardFile<'a> {
    kind: &'static str,
    version: u32,
    /// Where the card is used.
    issuer: &'a str,
    card: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    holder_key: Option<&'a str>,
}

impl Holder {
    /// Writes what the agent gets.
    pub(super) fn write(&self, file: SecretFile, issuer: &str, card: &str) -> anyhow::Result<()> {
        let key = self.secret.as_ref().map(|key| Zeroizing::new(hex::encode(*key.to_seed())));
        let holder_key = key.as_ref().map(|key| key.as_str());
        let contents = CardFile { kind: KIND, version: VERSION, issuer, card, holder_key };
        let text = Zeroizing::new(serde_json::to_string_pretty(&contents)? + "\n");
        file.write(&text)
    }
}
