//! Sanctions lists, in memory: whoever is on one is denied at once.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use aep2_mandate::units::UnixTime;
use aep2_sanctions::{
    InForce, Lists, Reload, Remembered, SanctionsSettings, Screening, StartError,
};
use alloy_primitives::{Address, B256};
use async_trait::async_trait;
use serde_json::json;
use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::{
    provider::{Finding, Provider, Unavailable},
    rules::later,
    subject::{Subject, SubjectKind},
    verdict::{Reason, Verdict},
};

/// The name by which rules know the lists, all of them together.
pub const LISTS: &str = "lists";
/// How long a verdict of the lists counts, in seconds. A list that changes counts at once: this is how long
/// one that became too old is not noticed.
const VALID_S: u64 = 6 * 3_600;
/// How often it is looked whether a list's file is due.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Why the lists are not in force.
#[derive(Debug, Error)]
pub enum ListsError {
    /// A list, or its settings.
    #[error(transparent)]
    Start(#[from] StartError),
    /// What was kept of them cannot be read or written.
    #[error("{}: {reason}", path.display())]
    Remembered {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
}

/// All lists, as one provider.
#[derive(Clone, Debug)]
pub struct SanctionLists {
    lists: Arc<Lists>,
    /// Where it is kept which lists were in force.
    remembered: PathBuf,
}

/// What became of a list's file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListChange {
    /// The list.
    pub list: String,
    /// What became of it.
    pub reload: Reload,
}

impl SanctionLists {
    /// Reads the lists. `remembered` is the file in which it is kept which were in force.
    ///
    /// # Errors
    /// When one is missing or bad, or is worse than the one that was in force.
    pub fn open(settings: &SanctionsSettings, remembered: &Path) -> Result<Self, ListsError> {
        let before = read(remembered)?;
        let lists = Lists::open(settings, before.as_ref(), SystemTime::now())?;
        let this = Self { lists: Arc::new(lists), remembered: remembered.to_owned() };
        this.remember()?;
        Ok(this)
    }

    /// The lists themselves.
    pub fn lists(&self) -> &Lists {
        &self.lists
    }

    /// Looks at the files that are due, for ever, and tells what became of them.
    pub async fn keep(self, tell: impl Fn(ListChange)) {
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let lists = Arc::clone(&self.lists);
            let reading = tokio::task::spawn_blocking(move || lists.reload_due(SystemTime::now()));
            let Ok(reloads) = reading.await else { continue };
            let is_changed = |(_, reload): &(String, Reload)| *reload != Reload::Unchanged;
            let mut changed: Vec<_> = reloads.into_iter().filter(is_changed).collect();
            if changed.iter().any(|(_, reload)| matches!(reload, Reload::Replaced { .. }))
                && let Err(error) = self.remember()
            {
                tracing::error!(%error, "a restart may take an older list for new");
            }
            changed.drain(..).for_each(|(list, reload)| tell(ListChange { list, reload }));
        }
    }

    fn remember(&self) -> Result<(), ListsError> {
        let path = &self.remembered;
        let failed = |reason: String| ListsError::Remembered { path: path.clone(), reason };
        let text = serde_json::to_vec_pretty(&self.lists.remembered());
        let text = text.map_err(|error| failed(error.to_string()))?;
        let fresh = path.with_extension("new");
        let write = || {
            std::fs::write(&fresh, &text)?;
            std::fs::File::open(&fresh)?.sync_all()?;
            std::fs::rename(&fresh, path)
        };
        write().map_err(|error: std::io::Error| failed(error.to_string()))
    }

    fn verdict(&self, subject: &Subject, now: UnixTime) -> Option<(Verdict, Arc<InForce>)> {
        let address = subject.address()?;
        let in_force = self.lists.in_force();
        let time = UNIX_EPOCH + Duration::from_secs(now.get());
        let valid_until = later(now, VALID_S);
        let verdict = match in_force.screen(&address, time) {
            Screening::Clear => Verdict::clear(evidence(&in_force), valid_until),
            Screening::Listed => {
                let entry = entry(&in_force, &address);
                Verdict::denied((Reason::Sanctioned, entry), evidence(&in_force), valid_until)
            }
            Screening::Stale => return None,
        };
        Some((verdict, in_force))
    }
}

/// The SHA-256 of the lists' hashes: what [`Finding::document`] names one by one.
fn evidence(in_force: &InForce) -> B256 {
    let mut hasher = Sha256::new();
    in_force.sets().for_each(|set| hasher.update(set.sha256().as_bytes()));
    B256::from_slice(&hasher.finalize())
}

/// What names the listings of an address: the lists that have it, and whom they name. Another list, or another
/// party, is another entry.
fn entry(in_force: &InForce, address: &Address) -> B256 {
    let mut named: Vec<_> = in_force
        .find(address)
        .into_iter()
        .map(|listing| json!([listing.list, listing.party]).to_string())
        .collect();
    named.sort_unstable();
    named.dedup();
    let mut hasher = Sha256::new();
    named.iter().for_each(|own| hasher.update(format!("{}:{own}", own.len())));
    B256::from_slice(&hasher.finalize())
}

#[async_trait]
impl Provider for SanctionLists {
    fn name(&self) -> &str {
        LISTS
    }

    fn knows(&self, kind: SubjectKind) -> bool {
        kind != SubjectKind::Agent
    }

    fn at_once(&self, subject: &Subject, now: UnixTime) -> Option<Verdict> {
        self.verdict(subject, now).map(|(verdict, _)| verdict)
    }

    fn edition(&self) -> u64 {
        self.lists.number()
    }

    fn status(&self, now: UnixTime) -> serde_json::Value {
        let time = UNIX_EPOCH + Duration::from_secs(now.get());
        json!(self.lists.status(time))
    }

    async fn check(&self, subject: &Subject, now: UnixTime) -> Result<Finding, Unavailable> {
        let stale = || Unavailable("a list is too old to clear anybody".to_owned());
        let (verdict, in_force) = self.verdict(subject, now).ok_or_else(stale)?;
        let sets = in_force
            .sets()
            .map(|set| json!({ "list": set.list(), "sha256": set.sha256(), "dated": set.dated() }));
        let listings = subject.address().map(|address| in_force.find(&address));
        let document = json!({
            "subject": subject,
            "lists": sets.collect::<Vec<_>>(),
            "listings": listings.unwrap_or_default(),
        });
        let Verdict { outcome, reason, entry, valid_until, .. } = verdict;
        let document = document.to_string().into_bytes();
        Ok(Finding { outcome, reason, entry, valid_until, document })
    }
}

fn read(path: &Path) -> Result<Option<Remembered>, ListsError> {
    let failed = |reason: String| ListsError::Remembered { path: path.to_owned(), reason };
    match std::fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(|e| failed(e.to_string())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed(error.to_string())),
    }
}
