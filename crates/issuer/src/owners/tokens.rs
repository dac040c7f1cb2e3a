//! Owners, and the tokens by which they are known.

use std::fmt;

use aep2_audit_log::Name;
use alloy_primitives::hex;
use rand::{RngCore, rngs::OsRng};
use serde_json::json;
use sha2::{Digest, Sha256};
use zeroize::{Zeroize, Zeroizing};

use crate::{
    audit::{self, Actor},
    error::{Code, IssuerError, Refusal},
    family::Family,
    ids::OwnerId,
    issuer::Issuer,
    keys,
    period::Zone,
    records::OwnerRecord,
    store::{self, Source, put},
};

const OWNER: Name = Name::constant("owner");
const CREATED: Name = Name::constant("owner.created");
const TOKEN_CHANGED: Name = Name::constant("owner.token_changed");

/// What a token begins with, so that it is recognised where it should not be.
const PREFIX: &str = "aep2owner_";

/// An owner's token: whoever has it is the owner. Only its hash is kept.
pub struct OwnerToken(Zeroizing<String>);

impl OwnerToken {
    fn random() -> Self {
        let mut bytes = Zeroizing::new([0; 32]);
        OsRng.fill_bytes(bytes.as_mut());
        let mut digits = hex::encode(bytes.as_slice());
        let token = format!("{PREFIX}{digits}");
        digits.zeroize();
        Self(Zeroizing::new(token))
    }

    /// The text, to be shown to the owner once.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What is kept of a token. A token has 256 random bits: a plain hash cannot be guessed back.
    pub(crate) fn hash(text: &str) -> [u8; 32] {
        Sha256::digest(text).into()
    }
}

impl fmt::Debug for OwnerToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OwnerToken(…)")
    }
}

impl Issuer {
    /// Makes an owner, and its token.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn create_owner(
        &self,
        name: String,
        zone: Zone,
    ) -> Result<(OwnerRecord, OwnerToken), IssuerError> {
        let owner = OwnerRecord { id: OwnerId::random(), name, zone, created: self.now() };
        let token = OwnerToken::random();
        let hash = OwnerToken::hash(token.reveal());
        let record = owner.clone();
        self.write(move |tx| {
            put(tx, keys::owner(record.id), &record)?;
            tx.put(Family::Tokens, hash.to_vec(), record.id.bytes().to_vec());
            let details = json!({ "name": record.name, "zone": record.zone });
            let subject = (OWNER, &*record.id.to_string());
            audit::note(tx, record.created, &Actor::Operator, CREATED, subject, details)
        })
        .await?;
        Ok((owner, token))
    }

    /// Gives an owner another token. The one before is worth nothing any more.
    ///
    /// # Errors
    /// [`Code::NotFound`] when there is no such owner; when the store fails.
    pub async fn change_token(&self, owner: OwnerId) -> Result<OwnerToken, IssuerError> {
        let token = OwnerToken::random();
        let hash = OwnerToken::hash(token.reveal());
        let now = self.now();
        self.write(move |tx| {
            if tx.record::<OwnerRecord>(&keys::owner(owner))?.is_none() {
                return Err(Refusal::new(Code::NotFound, format!("there is no {owner}")).into());
            }
            let before = tx.scan(Family::Tokens, &[], None)?;
            for (hash, _) in before.into_iter().filter(|(_, of)| of == owner.bytes()) {
                tx.delete(Family::Tokens, hash);
            }
            tx.put(Family::Tokens, hash.to_vec(), owner.bytes().to_vec());
            let subject = (OWNER, &*owner.to_string());
            audit::note(tx, now, &Actor::Operator, TOKEN_CHANGED, subject, json!({}))
        })
        .await?;
        Ok(token)
    }

    /// Whose token it is. The look-up is by the hash: what time it takes says nothing about tokens.
    ///
    /// # Errors
    /// [`Code::Unauthorized`] when it is nobody's; when the store cannot be read.
    pub fn owner_of(&self, token: &str) -> Result<OwnerRecord, IssuerError> {
        let unknown = || Refusal::new(Code::Unauthorized, "this is no owner's token");
        let view = self.snapshot();
        let owner = match token.starts_with(PREFIX) {
            true => view.value(Family::Tokens, &OwnerToken::hash(token))?,
            false => None,
        };
        let owner = view.record(&owner.ok_or_else(unknown)?)?;
        Ok(owner.ok_or_else(unknown)?)
    }

    /// Whether the token with this hash is an owner's still.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub(crate) fn is_token_of(&self, hash: &[u8; 32], owner: OwnerId) -> Result<bool, IssuerError> {
        let found = self.snapshot().value(Family::Tokens, hash)?;
        Ok(found.is_some_and(|found| found == owner.bytes()))
    }

    /// All owners.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn owners(&self) -> Result<Vec<OwnerRecord>, IssuerError> {
        store::all(&self.snapshot(), &[])
    }
}
