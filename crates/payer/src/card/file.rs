//! `card.json`: a card, where its issuer is, and the holder's key.

use std::path::{Path, PathBuf};

use aep2_cards::{
    card::Card,
    handover::Handover,
    keys::{HolderKey, HolderPublicKey},
    restrictions::Restrictions,
    token::CardToken,
};
use serde::{Deserialize, Serialize};
use url::{Host, Url};

use super::secret::{self, CardError, Seed};

/// The file's usual name.
pub const CARD_FILE: &str = "card.json";

const KIND: &str = "aep2-card";
const VERSION: u32 = 1;

/// The file as it is written.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Written {
    kind: String,
    version: u32,
    issuer: Url,
    card: CardToken,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    holder_key: Option<Seed>,
}

/// A card, and what is needed to use it.
#[derive(Clone, Debug)]
pub struct CardFile {
    issuer: Url,
    card: CardToken,
    key: Option<HolderKey>,
    /// The file that it was read from.
    path: Option<PathBuf>,
}

impl CardFile {
    /// A card of the issuer at `issuer`, held by `key`; none for a bearer card.
    ///
    /// # Errors
    /// When the card cannot be read, `key` is not its holder's, or the issuer would be asked
    /// over a connection that others can listen to.
    pub fn new(issuer: Url, card: CardToken, key: Option<HolderKey>) -> Result<Self, CardError> {
        if let Some(holder) = Card::inspect(&card)?.holder
            && key.as_ref().map(HolderKey::public) != Some(holder)
        {
            return Err(CardError::NotTheHolder { holder: Box::new(holder) });
        }
        let local = match issuer.host() {
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            Some(Host::Domain(name)) => name == "localhost",
            None => false,
        };
        match issuer.scheme() {
            "https" => {}
            "http" if local => {}
            _ => return Err(CardError::NotSecret(issuer)),
        }
        Ok(Self { issuer, card, key, path: None })
    }

    /// The card in a file.
    ///
    /// # Errors
    /// When there is none.
    pub fn read(path: &Path) -> Result<Self, CardError> {
        let written: Option<Written> = secret::read(path)?;
        let written = written.filter(|file| file.kind == KIND && file.version == VERSION);
        let Written { issuer, card, holder_key, .. } =
            written.ok_or_else(|| CardError::NotACard(path.to_owned()))?;
        let key = holder_key.as_ref().map(Seed::key).transpose()?;
        Ok(Self { path: Some(path.to_owned()), ..Self::new(issuer, card, key)? })
    }

    /// The file that it was read from; none where there was none.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// Writes the card into a new file that only its owner can read.
    ///
    /// # Errors
    /// When there is a file, or it cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), CardError> {
        let written = Written {
            kind: KIND.to_owned(),
            version: VERSION,
            issuer: self.issuer.clone(),
            card: self.card.clone(),
            holder_key: self.key.as_ref().map(Seed::of),
        };
        secret::write_new(path, &written)
    }

    /// A narrower card, for the same holder or handed on.
    ///
    /// With `to`, it is that key's from here on, and the file that is made has no key in it: its new
    /// holder puts in its own. Without, it stays this holder's.
    ///
    /// # Errors
    /// When the card cannot be narrowed.
    pub fn narrow(
        &self,
        restrictions: &Restrictions,
        to: Option<HolderPublicKey>,
    ) -> Result<CardToken, CardError> {
        let handover = match (to, &self.key) {
            (None, _) => None,
            (Some(to), Some(by)) => Some(Handover { to, by }),
            // Only its new holder binds a bearer card.
            (Some(holder), None) => {
                return Err(CardError::NotTheHolder { holder: Box::new(holder) });
            }
        };
        Ok(self.card.narrow(restrictions, handover)?)
    }

    /// Where its issuer is.
    pub fn issuer(&self) -> &Url {
        &self.issuer
    }

    /// The card.
    pub fn card(&self) -> &CardToken {
        &self.card
    }

    /// The holder's key; none where the card is whoever's has it.
    pub fn key(&self) -> Option<&HolderKey> {
        self.key.as_ref()
    }
}
