//! Who is asked about subjects. Anything that implements [`Provider`] can be; the built-in ones are in
//! [`providers`](crate::providers).

use std::{fmt, sync::Arc};

use aep2_mandate::units::UnixTime;
use alloy_primitives::B256;
use async_trait::async_trait;
use thiserror::Error;

use crate::{
    subject::{Subject, SubjectKind},
    verdict::{Outcome, Reason, Verdict},
};

/// Somebody who is asked about subjects. It is asked about many at the same time.
#[async_trait]
pub trait Provider: Send + Sync {
    /// The name by which rules and records know it.
    fn name(&self) -> &str;

    /// Whether it can say anything about subjects of a kind.
    fn knows(&self, kind: SubjectKind) -> bool {
        let _ = kind;
        true
    }

    /// What it thinks, if it knows without asking anybody: from memory, within microseconds. It is
    /// called while a payer waits.
    fn at_once(&self, subject: &Subject, now: UnixTime) -> Option<Verdict> {
        let _ = (subject, now);
        None
    }

    /// The number of the data that [`at_once`](Self::at_once) answers from. It rises with each change,
    /// before the first answer from the new data, and what was answered before is asked again.
    fn edition(&self) -> u64 {
        0
    }

    /// What else officers want to know of it: the dates of its lists, say. Nothing personal.
    fn status(&self, now: UnixTime) -> serde_json::Value {
        let _ = now;
        serde_json::Value::Null
    }

    /// What it thinks of a subject.
    ///
    /// # Errors
    /// When it has no answer: then the rules say what counts.
    async fn check(&self, subject: &Subject, now: UnixTime) -> Result<Finding, Unavailable>;
}

/// What a provider found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What it thinks.
    pub outcome: Outcome,
    /// Why.
    pub reason: Reason,
    /// What was found, as [`Verdict::entry`] has it.
    pub entry: B256,
    /// From then on it is to be asked again.
    pub valid_until: UnixTime,
    /// What it rests on: an answer's bytes, a token, the entry of a list. It is kept, sealed.
    pub document: Vec<u8>,
}

/// A provider has no answer.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct Unavailable(pub String);

impl Unavailable {
    /// Why, from an error.
    pub fn from_error(error: &impl fmt::Display) -> Self {
        Self(error.to_string())
    }
}

impl fmt::Debug for dyn Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Provider").field(&self.name()).finish()
    }
}

/// All providers of a processor, in the order of the settings.
#[derive(Clone, Debug, Default)]
pub struct Providers(Arc<[Arc<dyn Provider>]>);

impl Providers {
    /// These.
    pub fn new(providers: impl IntoIterator<Item = Arc<dyn Provider>>) -> Self {
        Self(providers.into_iter().collect())
    }

    /// The one of this name.
    pub fn named(&self, name: &str) -> Option<&Arc<dyn Provider>> {
        self.0.iter().find(|provider| provider.name() == name)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<dyn Provider>> {
        self.0.iter()
    }

    /// The number of the data that all answer from at once: it rises when one of theirs does.
    pub fn edition(&self) -> u64 {
        self.0.iter().map(|provider| provider.edition()).sum()
    }
}
