//! The status lists that are asked, and how often.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use url::Url;

use super::list::{self, Expected, StatusList};
use crate::{
    cached::{Cached, Fetched},
    clock::Clock,
    fetch::{FetchError, Fetcher},
    issuer::Issuer,
    settings::FetchSettings,
};

/// How many lists are kept. Beyond, the one that was not asked for the longest goes.
const LISTS_MAX: usize = 64;

/// The lists of all issuers.
#[derive(Debug)]
pub(crate) struct StatusLists {
    lists: Mutex<HashMap<Name, Entry>>,
    fetcher: Fetcher,
    settings: FetchSettings,
    clock: Clock,
}

/// An issuer's name, and the list's address. Another issuer's list at the same address is another.
type Name = (String, Url);

#[derive(Debug)]
struct Entry {
    list: Arc<Cached<StatusList>>,
    asked_s: u64,
}

/// A list's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The entry's value in a list that is in force.
    Value(u8),
    /// The list is in force, and has no such entry.
    NoEntry,
    /// No list is in force. The value that the last one had, if one is remembered.
    Unavailable(Option<u8>),
}

impl StatusLists {
    pub(crate) fn new(fetcher: Fetcher, settings: FetchSettings, clock: Clock) -> Self {
        Self { lists: Mutex::default(), fetcher, settings, clock }
    }

    /// What the issuer's list at this address says of an entry.
    pub(crate) async fn ask(&self, issuer: &Issuer, uri: &Url, index: u64) -> Answer {
        let list = self.list((issuer.settings.issuer.clone(), uri.clone()));
        let in_force = |list: &Cached<StatusList>| {
            let now_s = self.clock.now_s();
            list.fresh(now_s).filter(|list| list.is_valid(now_s))
        };
        if in_force(&list).is_none() {
            self.refresh(&list, issuer, uri).await;
        }
        match in_force(&list) {
            Some(list) => list.status(index).map_or(Answer::NoEntry, Answer::Value),
            None => Answer::Unavailable(list.newest(0).and_then(|list| list.status(index))),
        }
    }

    async fn refresh(&self, list: &Arc<Cached<StatusList>>, issuer: &Issuer, uri: &Url) {
        let expected = Expected {
            issuer: issuer.clone(),
            uri: uri.to_string(),
            bytes_max: self.settings.status_list_bytes_max,
            now_s: self.clock.now_s(),
            newer_than_s: list.newest(0).map_or(0, |list| list.issued_at_s),
        };
        let interval_s = self.settings.refresh_interval_min_s;
        let fetch = fetch(uri.clone(), expected, self.fetcher.clone(), self.settings.clone());
        let refreshed = list.refresh(self.clock.clone(), interval_s, fetch).await;
        if let Some(Err(error)) = refreshed {
            tracing::warn!(%uri, %error, "a status list cannot be had");
        }
    }

    fn list(&self, name: Name) -> Arc<Cached<StatusList>> {
        let now_s = self.clock.now_s();
        let mut lists = self.lists.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = lists.get_mut(&name) {
            entry.asked_s = now_s;
            return Arc::clone(&entry.list);
        }
        if lists.len() >= LISTS_MAX {
            let oldest = lists.iter().min_by_key(|(_, entry)| entry.asked_s);
            if let Some(oldest) = oldest.map(|(name, _)| name.clone()) {
                lists.remove(&oldest);
            }
        }
        let list = Arc::<Cached<StatusList>>::default();
        lists.insert(name, Entry { list: Arc::clone(&list), asked_s: now_s });
        list
    }
}

async fn fetch(
    uri: Url,
    expected: Expected,
    fetcher: Fetcher,
    settings: FetchSettings,
) -> Result<Fetched<StatusList>, FetchError> {
    let accept = "application/statuslist+jwt";
    let document = fetcher.get(&uri, accept, settings.status_list_bytes_max).await?;
    let mut list = list::read(&document.bytes, &expected).await?;
    // Not shorter than it takes until the list may be asked for again: else it would be in force
    // only by chance.
    let shortest_s = settings.refresh_interval_min_s;
    let longest_s = settings.status_fresh_max_s.max(shortest_s);
    list.fresh_s = list.fresh_s.clamp(shortest_s, longest_s);
    Ok(list)
}
