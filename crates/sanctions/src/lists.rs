//! The lists in force, and reloading them. Start here.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
    time::SystemTime,
};

use thiserror::Error;

use crate::{
    dated::{self, DatedBy},
    hash::FileHash,
    in_force::InForce,
    refusal::Refusal,
    remembered::Remembered,
    replace::{self, Before},
    set::SanctionSet,
    settings::{ListSettings, SanctionsSettings, SettingsError},
    source::Source,
    status::{AcceptedShrink, Freshness, ListStatus, RefusedReload},
};

/// Why screening cannot begin.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum StartError {
    /// The settings cannot be meant.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// A list is missing or bad. Without it nothing would be known, so nothing starts.
    #[error("the sanctions list {name:?} ({}) cannot be used: {refusal}. {}", path.display(), remedy(refusal))]
    List {
        /// Which one.
        name: String,
        /// Its file.
        path: PathBuf,
        /// What is wrong.
        refusal: Refusal,
    },
}

/// What to do about a list at the start.
fn remedy(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::Older { .. } | Refusal::Shrinks { .. } => {
            "Fetch the current list. If this file is right, an officer has what is remembered of \
             the list forgotten"
        }
        Refusal::TooLarge { .. } => "Check that it is the list, then raise bytes_max",
        Refusal::InFuture { .. } => "Check this machine's clock, and fetch the list again",
        Refusal::NotInStructure(_) | Refusal::Line { .. } | Refusal::NotWellFormed { .. } => {
            "Fetch it again, and check that its format is the one in the settings"
        }
        _ => "Fetch it, beside its place, and move it there",
    }
}

/// There is no list of this name.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("there is no sanctions list {0:?}")]
pub struct UnknownList(pub String);

/// Why an officer's word was not taken.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum AcceptError {
    /// There is no such list.
    #[error(transparent)]
    Unknown(#[from] UnknownList),
    /// Nobody says so.
    #[error("it must be known which officer accepts it")]
    NoOfficer,
}

/// What a reload did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reload {
    /// The file is the one in force.
    Unchanged,
    /// The file is in force now.
    Replaced {
        /// The number of the lists from now on.
        number: u64,
        /// How many addresses are new.
        added: usize,
        /// How many are gone.
        removed: usize,
        /// Who accepted that so many are gone, where that was needed.
        accepted_by: Option<String>,
    },
    /// The set in force stays in force.
    Refused(Refusal),
}

/// The lists in force. Share it in an `Arc`; all its methods may be called at once.
#[derive(Debug)]
pub struct Lists {
    slots: Vec<Slot>,
    in_force: RwLock<Arc<InForce>>,
}

/// One list.
#[derive(Debug)]
struct Slot {
    settings: ListSettings,
    /// Held while its file is read: of two reloads at once, the second sees what the first did.
    reading: Mutex<()>,
    state: Mutex<State>,
}

/// What is known of a list beside its set.
#[derive(Debug)]
struct State {
    checked_at_s: u64,
    refused: Option<RefusedReload>,
    accepted: Option<AcceptedShrink>,
}

impl Lists {
    /// Reads all lists. This takes some seconds, and blocks.
    ///
    /// `remembered` is what the last program kept of them, if it did. Then a list that is older or
    /// smaller than before does not come in force by a start either, and while nothing changed the
    /// number is the same.
    ///
    /// # Errors
    /// When the settings cannot be meant, or a list is missing or bad.
    pub fn open(
        settings: &SanctionsSettings,
        remembered: Option<&Remembered>,
        now: SystemTime,
    ) -> Result<Self, StartError> {
        settings.check()?;
        let now_s = dated::seconds(now);
        let mut sets = Vec::new();
        for list in &settings.lists {
            let known = remembered.and_then(|remembered| remembered.list(&list.name));
            let before = known.map_or(Before::Nothing, Before::Remembered);
            let set = read(list, before, now_s).map_err(|refusal| StartError::List {
                name: list.name.clone(),
                path: list.path.clone(),
                refusal,
            })?;
            sets.push(set);
        }
        let number = match remembered {
            Some(remembered) if remembered.is_of(&sets) => remembered.number,
            _ => next_number(remembered.map_or(0, |remembered| remembered.number), now),
        };
        for set in &mut sets {
            let version = remembered.and_then(|remembered| remembered.version_of(set));
            set.version = version.unwrap_or(number);
        }
        let in_force = RwLock::new(Arc::new(InForce::new(number, sets, &settings.lists)));
        let state = || State { checked_at_s: now_s, refused: None, accepted: None };
        let slots = settings.lists.iter().map(|settings| Slot {
            settings: settings.clone(),
            reading: Mutex::new(()),
            state: Mutex::new(state()),
        });
        Ok(Self { slots: slots.collect(), in_force })
    }

    /// What is in force now. Take it anew for each decision.
    pub fn in_force(&self) -> Arc<InForce> {
        self.in_force.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The number of what is in force now. Whoever acts on an earlier check compares it with that
    /// of [`InForce::number`] then: if they are equal, the check still holds.
    pub fn number(&self) -> u64 {
        self.in_force.read().unwrap_or_else(PoisonError::into_inner).number()
    }

    /// What to keep of the lists beyond the program's end.
    pub fn remembered(&self) -> Remembered {
        Remembered::of(&self.in_force())
    }

    /// Looks at a list's file, and puts it in force if it is a better one. This may take seconds,
    /// and blocks. A second call for the same list waits for the first.
    ///
    /// # Errors
    /// When there is no such list. A file that is refused is no error: see [`Reload::Refused`].
    pub fn reload(&self, name: &str, now: SystemTime) -> Result<Reload, UnknownList> {
        let at = self.index(name)?;
        Ok(self.reload_at(at, &self.slots[at], now))
    }

    /// Reloads the lists whose file was last looked at `reload_interval_s` ago or longer, and says
    /// what that did. Call it every few seconds, where blocking is allowed.
    pub fn reload_due(&self, now: SystemTime) -> Vec<(String, Reload)> {
        let now_s = dated::seconds(now);
        let due = self.slots.iter().enumerate().filter(|(_, slot)| {
            let checked_at_s = slot.state().checked_at_s;
            // A clock that was set back must not stop it.
            let waited = now_s.saturating_sub(checked_at_s) >= slot.settings.reload_interval_s;
            waited || now_s < checked_at_s
        });
        due.map(|(at, slot)| (slot.settings.name.clone(), self.reload_at(at, slot, now))).collect()
    }

    /// Takes an officer's word that the file with this SHA-256 may shrink a list. It holds for that
    /// file only, once, and no longer than until another file comes in force. It takes effect at
    /// the next reload. Every other rule stays.
    ///
    /// # Errors
    /// When there is no such list, or no officer.
    pub fn accept_shrink_once(
        &self,
        name: &str,
        expected_sha256: FileHash,
        officer: &str,
    ) -> Result<(), AcceptError> {
        let slot = &self.slots[self.index(name)?];
        let officer = officer.trim().to_owned();
        if officer.is_empty() {
            return Err(AcceptError::NoOfficer);
        }
        tracing::warn!(list = name, sha256 = %expected_sha256, "a smaller sanctions list is accepted");
        slot.state().accepted = Some(AcceptedShrink { sha256: expected_sha256, officer });
        Ok(())
    }

    /// How each list is, in the order of the settings.
    pub fn status(&self, now: SystemTime) -> Vec<ListStatus> {
        let now_s = dated::seconds(now);
        let in_force = self.in_force();
        let lists = in_force.sets().zip(&self.slots);
        lists.map(|(set, slot)| slot.status(set, now_s)).collect()
    }

    fn index(&self, name: &str) -> Result<usize, UnknownList> {
        let at = self.slots.iter().position(|slot| slot.settings.name == name);
        at.ok_or_else(|| UnknownList(name.to_owned()))
    }

    fn reload_at(&self, at: usize, slot: &Slot, now: SystemTime) -> Reload {
        let _one_at_a_time = slot.reading.lock().unwrap_or_else(PoisonError::into_inner);
        let list = slot.settings.name.as_str();
        let outcome = self.attempt(at, slot, now).unwrap_or_else(Reload::Refused);
        let now_s = dated::seconds(now);
        let mut state = slot.state();
        state.checked_at_s = now_s;
        match &outcome {
            Reload::Refused(refusal) => {
                tracing::warn!(list, code = refusal.code(), %refusal, "a sanctions list was refused");
                state.refused = Some(RefusedReload::new(now_s, refusal));
            }
            Reload::Unchanged => state.refused = None,
            Reload::Replaced { number, added, removed, .. } => {
                tracing::info!(list, number, added, removed, "a sanctions list was replaced");
                state.refused = None;
                state.accepted = None;
            }
        }
        outcome
    }

    fn attempt(&self, at: usize, slot: &Slot, now: SystemTime) -> Result<Reload, Refusal> {
        let in_force = self.in_force();
        let Some(current) = in_force.set_at(at) else { return Ok(Reload::Unchanged) };
        let now_s = dated::seconds(now);
        let mut source = Source::open(&slot.settings)?;
        if source.hash == current.sha256() {
            let (before, modified) = (current.dated(), source.modified());
            let newer = before.is_older_than(&modified) && !modified.is_in_future(now_s);
            if before.by == DatedBy::FileModified && newer {
                self.publish(at, |_| (current.with_date(modified), None));
            }
            return Ok(Reload::Unchanged);
        }
        let set = set_of(&slot.settings, &mut source)?;
        let accepted = slot.state().accepted.clone();
        let percent_max = slot.settings.shrink_percent_max;
        let accepts = accepted.as_ref().map(|accepted| accepted.sha256);
        let before = Before::InForce(current);
        let change = replace::check(&set, before, percent_max, accepts, now_s)?;
        let number = self.publish(at, |before| {
            let number = next_number(before, now);
            let mut set = set;
            set.version = number;
            (set, Some(number))
        });
        let accepted_by = accepted.filter(|_| change.was_accepted).map(|accepted| accepted.officer);
        Ok(Reload::Replaced { number, added: change.added, removed: change.removed, accepted_by })
    }

    /// Puts a set in force, under the number that it comes with. Another list may come in force
    /// between the caller's look and this; it stays.
    fn publish(&self, at: usize, set: impl FnOnce(u64) -> (SanctionSet, Option<u64>)) -> u64 {
        let mut in_force = self.in_force.write().unwrap_or_else(PoisonError::into_inner);
        let (set, number) = set(in_force.number());
        let number = number.unwrap_or(in_force.number());
        *in_force = Arc::new(in_force.with(at, set, number));
        number
    }
}

impl Slot {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn status(&self, set: &SanctionSet, now_s: u64) -> ListStatus {
        let state = self.state();
        let stale = set.dated().is_stale(self.settings.max_age_s, now_s);
        ListStatus {
            name: self.settings.name.clone(),
            format: self.settings.format,
            version: set.version(),
            sha256: set.sha256(),
            count: set.count(),
            dated: set.dated(),
            age_s: set.dated().age_s(now_s),
            max_age_s: self.settings.max_age_s,
            freshness: if stale { Freshness::Stale } else { Freshness::Fresh },
            on_stale: self.settings.on_stale,
            findings: set.findings().clone(),
            checked_at_s: state.checked_at_s,
            refused: state.refused.clone(),
            accepted_shrink: state.accepted.clone(),
        }
    }
}

/// A number above the last. Milliseconds since 1970, so that it is above those of earlier programs
/// too, whatever was kept of them.
fn next_number(before: u64, now: SystemTime) -> u64 {
    before.saturating_add(1).max(dated::milliseconds(now))
}

/// Reads a list at the start.
fn read(list: &ListSettings, before: Before<'_>, now_s: u64) -> Result<SanctionSet, Refusal> {
    let mut source = Source::open(list)?;
    let set = set_of(list, &mut source)?;
    replace::check(&set, before, list.shrink_percent_max, None, now_s)?;
    Ok(set)
}

fn set_of(list: &ListSettings, source: &mut Source) -> Result<SanctionSet, Refusal> {
    let content = source.read()?;
    let dated = source.dated(content.stated_s);
    Ok(SanctionSet::new(&list.name, source.hash, dated, content))
}
