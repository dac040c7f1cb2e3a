//! Whom hosts stand for, by the owner's word.

use std::collections::BTreeSet;

use aep2_audit_log::Name;
use aep2_cards::host::Host;
use aep2_x402::terms::WireAddress;
use serde_json::json;

use crate::{
    audit::{self, Actor},
    error::IssuerError,
    family::Family,
    ids::OwnerId,
    issuer::Issuer,
    keys,
    records::{HostRecord, PinnedBy},
    store::{self, put},
};

const HOST: Name = Name::constant("host");
const SET: Name = Name::constant("host.set");
const REMOVED: Name = Name::constant("host.removed");

impl Issuer {
    /// Says who is paid at a host; nobody forgets the host.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn set_host(
        &self,
        owner: OwnerId,
        actor: Actor,
        host: Host,
        payees: BTreeSet<WireAddress>,
    ) -> Result<(), IssuerError> {
        let at = self.now();
        self.write(move |tx| {
            let key = keys::host(owner, host.as_str());
            let subject = (HOST, &*host.to_string());
            if payees.is_empty() {
                tx.delete(Family::Hosts, key);
                return audit::note(tx, at, &actor, REMOVED, subject, json!({}));
            }
            let details = json!({ "payees": payees });
            let record = HostRecord { owner, host, payees, pinned_by: PinnedBy::Owner, at };
            put(tx, key, &record)?;
            audit::note(tx, at, &actor, SET, subject, details)
        })
        .await
    }

    /// The hosts that an owner has said something about.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn hosts(&self, owner: OwnerId) -> Result<Vec<HostRecord>, IssuerError> {
        store::all(&self.snapshot(), owner.bytes())
    }
}
