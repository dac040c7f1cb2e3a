//! Lists in a folder of their own, at a time of the tests' own.

use std::{
    fs::{self, File},
    path::PathBuf,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use aep2_sanctions::{
    Format, ListSettings, Lists, OnStale, Refusal, Reload, SanctionSet, SanctionsSettings,
    StartError,
};
use alloy_primitives::Address;
use tempfile::TempDir;

/// OFAC's structure.
pub(crate) const ADVANCED: &str = include_str!("../../../../fixtures/sanctions/sdn_advanced.xml");
/// A list in the wild.
pub(crate) const WILD: &str = include_str!("../../../../fixtures/sanctions/ofac-eth.txt");
/// An address of both.
pub(crate) const LAZARUS: &str = "0x098B716B8Aaf21512996dC57EB0615e2383E2f96";

pub(crate) const DAY_S: u64 = 86_400;
/// 5 March 2026, the date of `ADVANCED`.
pub(crate) const ISSUED_S: u64 = 1_772_668_800;
/// 10 March 2026, at noon: the present of the tests.
pub(crate) const NOW_S: u64 = 1_773_144_000;

pub(crate) fn time(at_s: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(at_s)
}

pub(crate) fn now() -> SystemTime {
    time(NOW_S)
}

pub(crate) fn address(text: &str) -> Address {
    text.parse().unwrap()
}

/// The `number`th of many addresses.
pub(crate) fn made_up(number: u32) -> Address {
    let mut bytes = [0x5a; 20];
    bytes[..4].copy_from_slice(&number.wrapping_mul(2_654_435_761).to_be_bytes());
    bytes.into()
}

/// A plain list of the first `count` of them.
pub(crate) fn plain(count: u32) -> String {
    (0..count).map(|number| format!("{:#x}\n", made_up(number))).collect()
}

/// A list's file.
pub(crate) struct Listed {
    _folder: TempDir,
    pub(crate) settings: ListSettings,
}

impl Listed {
    /// A list with a first file, written at `NOW_S`.
    pub(crate) fn new(format: Format, content: impl AsRef<[u8]>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("list");
        let settings = ListSettings::new("list", format, path, OnStale::Refuse);
        let listed = Self { _folder: folder, settings };
        listed.put(content);
        listed
    }

    pub(crate) fn plain(content: impl AsRef<[u8]>) -> Self {
        Self::new(Format::Addresses, content)
    }

    pub(crate) fn advanced(content: impl AsRef<[u8]>) -> Self {
        Self::new(Format::OfacAdvanced, content)
    }

    /// Moves another file into its place, as operators should.
    pub(crate) fn put(&self, content: impl AsRef<[u8]>) {
        self.put_of(content, NOW_S);
    }

    /// The same with a time of its own.
    pub(crate) fn put_of(&self, content: impl AsRef<[u8]>, modified_s: u64) {
        let beside = self.beside(".new");
        fs::write(&beside, content).unwrap();
        File::options().write(true).open(&beside).unwrap().set_modified(time(modified_s)).unwrap();
        fs::rename(&beside, &self.settings.path).unwrap();
    }

    pub(crate) fn beside(&self, end: &str) -> PathBuf {
        let mut path = self.settings.path.clone().into_os_string();
        path.push(end);
        path.into()
    }

    pub(crate) fn all(&self) -> SanctionsSettings {
        SanctionsSettings { lists: vec![self.settings.clone()] }
    }

    pub(crate) fn start(&self) -> Result<Lists, StartError> {
        Lists::open(&self.all(), None, now())
    }

    pub(crate) fn open(&self) -> Lists {
        self.start().unwrap()
    }

    /// Why it does not start.
    pub(crate) fn refused(&self) -> Refusal {
        match self.start() {
            Err(StartError::List { refusal, .. }) => refusal,
            other => panic!("it is not refused: {other:?}"),
        }
    }
}

/// The only set in force.
pub(crate) fn only(lists: &Lists) -> SanctionSet {
    let in_force = lists.in_force();
    let mut sets = in_force.sets();
    let set = sets.next().unwrap().clone();
    assert!(sets.next().is_none());
    set
}

/// Reloads the list, which must be refused, and must leave the one in force as it is.
pub(crate) fn refused_reload(lists: &Lists) -> Refusal {
    let (number, before) = (lists.number(), only(lists));
    let outcome = lists.reload("list", now()).unwrap();
    let Reload::Refused(refusal) = outcome else { panic!("it is not refused: {outcome:?}") };
    assert_eq!(lists.number(), number);
    assert_eq!(only(lists).sha256(), before.sha256());
    assert_eq!(only(lists).addresses(), before.addresses());
    let status = lists.status(now()).remove(0);
    let shown = status.refused.unwrap();
    assert_eq!((shown.code, shown.reason), (refusal.code(), refusal.to_string()));
    assert_eq!(status.sha256, before.sha256());
    refusal
}
