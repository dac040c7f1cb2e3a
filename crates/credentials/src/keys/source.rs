//! Where an issuer's keys come from, and how often it is asked for them.

use std::{fs::File, io::Read, path::PathBuf, sync::Arc};

use url::Url;

use super::{key::Key, key_set::KeySet};
use crate::{
    cached::{Cached, Fetched},
    clock::Clock,
    error::CredentialError,
    fetch::{FetchError, Fetcher},
    settings::FetchSettings,
};

/// For how long keys are fresh when their issuer does not say.
const FRESH_S: u64 = 3600;

/// The keys of one issuer or agent, fetched when they are needed.
#[derive(Debug)]
pub(crate) struct KeySource {
    place: Place,
    cached: Arc<Cached<KeySet>>,
    fetcher: Fetcher,
    settings: FetchSettings,
    clock: Clock,
}

/// Where keys are.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    /// At an address.
    Url(Url),
    /// In a file, which is read anew while the program runs.
    File(PathBuf),
}

impl KeySource {
    pub(crate) fn new(
        place: Place,
        fetcher: Fetcher,
        settings: FetchSettings,
        clock: Clock,
    ) -> Self {
        Self { place, cached: Arc::default(), fetcher, settings, clock }
    }

    /// The keys that `pick` finds in the set: never none. Who asks for one that is not there makes
    /// us ask the issuer, but not more often than the settings say.
    ///
    /// # Errors
    /// When the issuer has no such key, or none of its keys can be had.
    pub(crate) async fn find(
        &self,
        pick: impl Fn(&KeySet) -> Vec<Arc<Key>>,
    ) -> Result<Vec<Arc<Key>>, CredentialError> {
        if self.cached.fresh(self.clock.now_s()).is_none() {
            self.refresh().await;
        }
        let found = pick(&*self.usable()?);
        if !found.is_empty() {
            return Ok(found);
        }
        // Perhaps a new one. This asks only if that was not done a moment ago.
        self.refresh().await;
        let found = pick(&*self.usable()?);
        if found.is_empty() { Err(CredentialError::UnknownKey) } else { Ok(found) }
    }

    /// Fetches the keys anew if they will soon be too old to be called fresh.
    pub(crate) async fn keep_fresh(&self) {
        let soon = self.clock.now_s().saturating_add(2 * self.settings.refresh_interval_min_s);
        if self.cached.fresh(soon).is_none() {
            self.refresh().await;
        }
    }

    /// The newest keys, unless they are older than is allowed.
    fn usable(&self) -> Result<Arc<KeySet>, CredentialError> {
        let oldest = self.clock.now_s().saturating_sub(self.settings.keys_stale_max_s);
        let newest = self.cached.newest(oldest);
        newest.ok_or(CredentialError::KeysUnavailable)
    }

    async fn refresh(&self) {
        let interval_s = self.settings.refresh_interval_min_s;
        let fetch = fetch(self.place.clone(), self.fetcher.clone(), self.settings.clone());
        let refreshed = self.cached.refresh(self.clock.clone(), interval_s, fetch).await;
        if let Some(Err(error)) = refreshed {
            tracing::warn!(place = %self.place, %error, "an issuer's keys cannot be had");
        }
    }
}

/// The set as it is there now, and for how long it counts as fresh.
async fn fetch(
    place: Place,
    fetcher: Fetcher,
    settings: FetchSettings,
) -> Result<Fetched<KeySet>, FetchError> {
    let bytes_max = settings.keys_bytes_max;
    let shortest_s = settings.refresh_interval_min_s;
    let (bytes, fresh_s) = match place {
        Place::Url(url) => {
            let document = fetcher.get(&url, "application/json", bytes_max).await?;
            // What the issuer says, but at least as long as it is not asked again anyway.
            let longest_s = settings.keys_fresh_max_s.max(shortest_s);
            let fresh_s = document.max_age_s.unwrap_or(FRESH_S).clamp(shortest_s, longest_s);
            (document.bytes, fresh_s)
        }
        Place::File(path) => {
            let read = tokio::task::spawn_blocking(move || read_file(&path, bytes_max));
            (read.await.map_err(|_| FetchError::Stopped)??, shortest_s)
        }
    };
    let keys = KeySet::read(&bytes).map_err(FetchError::Content)?;
    Ok(Fetched { value: keys, fresh_s })
}

fn read_file(path: &PathBuf, bytes_max: usize) -> Result<Vec<u8>, FetchError> {
    let mut bytes = Vec::new();
    let limit = bytes_max as u64 + 1;
    let read = File::open(path).and_then(|file| file.take(limit).read_to_end(&mut bytes));
    read.map_err(|error| FetchError::File(error.kind()))?;
    if bytes.len() > bytes_max { Err(FetchError::TooLarge(bytes_max)) } else { Ok(bytes) }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Url(url) => url.fmt(f),
            Self::File(path) => path.display().fmt(f),
        }
    }
}
