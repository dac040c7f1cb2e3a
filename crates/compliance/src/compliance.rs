//! Compliance as others use it: its store, its providers, its rules.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    path::Path,
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

use aep2_audit_log::{Numbers, Verified, VerifyError};
use aep2_journal::{Backup, BackupError, Backups, Durable, Journal, JournalConfig, View};
use aep2_mandate::{clock::Clock, units::UnixTime};
use aep2_vault::Vault;
use alloy_primitives::Address;

use crate::{
    audit::LOG,
    config::ScreeningConfig,
    enforcer::Enforcer,
    error::ComplianceError,
    family::Family,
    known::{Known, KnownSubjects},
    metrics::Metrics,
    presenting::Presenting,
    provider::Providers,
    queue::Queue,
    register::BlockedToday,
    rules::{Answer, Rules},
    standing::{OfficerDecision, Standing},
    store::{self, Source, Tx, subject_key},
    subject::Subject,
    travel_rule::{TravelRule, TravelRuleParts},
};

/// The format of all keys and values.
const FORMAT: u32 = 1;
/// Whose journal it is.
const IDENTITY: &[u8] = b"aep2-compliance";

/// What compliance is made of.
#[derive(Debug)]
pub struct Parts {
    /// Who is asked.
    pub providers: Providers,
    /// Who is asked about whom.
    pub rules: Rules,
    /// Times and bounds.
    pub config: ScreeningConfig,
    /// Seals what is personal.
    pub vault: Vault,
    /// What time it is.
    pub clock: Clock,
    /// Takes attestations, where somebody may present them.
    pub presenting: Option<Presenting>,
    /// The Travel Rule, where it is on.
    pub travel_rule: Option<TravelRuleParts>,
}

/// Compliance. Clones are the same one.
#[derive(Clone)]
pub struct Compliance {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    journal: Journal<()>,
    pub(crate) vault: Vault,
    pub(crate) providers: Providers,
    pub(crate) rules: Rules,
    pub(crate) config: ScreeningConfig,
    pub(crate) clock: Clock,
    pub(crate) known: KnownSubjects,
    pub(crate) queue: Queue,
    pub(crate) metrics: Metrics,
    /// Who carries decisions out; none before the processor runs.
    pub(crate) enforcer: OnceLock<Arc<dyn Enforcer>>,
    /// How many refused payments of each subject are in the register of the day.
    pub(crate) blocked: Mutex<BlockedToday>,
    pub(crate) presenting: Option<Presenting>,
    pub(crate) travel_rule: Option<TravelRule>,
    /// How much was accepted of payments that name somebody nobody was asked about, by subject and token.
    pub(crate) unknown_sums: Mutex<HashMap<(Subject, Address), u128>>,
    /// Whether what keeps it going has ended: then nothing is accepted.
    is_down: AtomicBool,
}

impl fmt::Debug for Compliance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Compliance").finish_non_exhaustive()
    }
}

impl Compliance {
    /// Opens the store in a directory, or begins one there.
    ///
    /// # Errors
    /// When it cannot be opened or read, or the rules name a provider that is not there.
    pub fn open(directory: &Path, parts: Parts) -> Result<Self, ComplianceError> {
        let Parts { providers, rules, config, vault, clock, presenting, travel_rule } = parts;
        rules.check(&providers).map_err(ComplianceError::Internal)?;
        let mut journal_config = JournalConfig::new(Family::ALL, FORMAT, IDENTITY.to_vec());
        journal_config.thread_name = "compliance-writer";
        let journal = Journal::open(directory, journal_config, |_| Ok::<_, ComplianceError>(()))?;
        let known = KnownSubjects::default();
        for mut standing in store::all::<Standing>(&journal.view(), Family::Standings, &[])? {
            // What was decided by other rules is over.
            if standing.rules != rules.hash(standing.subject.kind()) {
                standing.valid_until = UnixTime::MIN;
            }
            // Edition 0: the data may be newer than what was answered from. And nobody was paid just because
            // the program was started.
            let used_at = standing.used_at;
            known.set(standing.subject, Known::of(&standing, 0, used_at));
        }
        let travel_rule = travel_rule.map(TravelRule::new).transpose();
        let travel_rule =
            travel_rule.map_err(|error| ComplianceError::Internal(error.to_string()))?;
        let queue = Queue::new(config.waiting_max, config.new_per_owner_hour_max);
        let metrics = Metrics::default();
        let inner = Inner {
            journal,
            vault,
            providers,
            rules,
            config,
            clock,
            known,
            queue,
            metrics,
            enforcer: OnceLock::new(),
            blocked: Mutex::default(),
            presenting,
            travel_rule,
            unknown_sums: Mutex::default(),
            is_down: AtomicBool::new(false),
        };
        let this = Self { inner: Arc::new(inner) };
        this.load_presented()?;
        this.load_sums()?;
        Ok(this)
    }

    /// Copies the store to a folder of copies, sealed as it is. The key that opens it is not in it. Blocks for as long
    /// as files are copied.
    ///
    /// # Errors
    /// When files cannot be read or written. Then there is no copy.
    pub fn back_up(&self, to: &mut Backups) -> Result<Backup, BackupError> {
        self.inner.journal.back_up(to)
    }

    /// What time it is.
    pub fn now(&self) -> UnixTime {
        self.inner.clock.now()
    }

    /// Who is asked.
    pub fn providers(&self) -> &Providers {
        &self.inner.providers
    }

    /// The metrics.
    pub fn metrics(&self) -> &Metrics {
        &self.inner.metrics
    }

    /// How many subjects wait to be asked about.
    pub fn waiting(&self) -> usize {
        self.inner.queue.len()
    }

    /// What is known of a subject, as it is stored.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn standing(&self, subject: &Subject) -> Result<Option<Standing>, ComplianceError> {
        self.view().record(Family::Standings, &subject_key(subject))
    }

    /// Why nothing can be written any more, if that is so.
    pub fn failure(&self) -> Option<String> {
        self.inner.journal.failure().map(|failure| failure.to_string())
    }

    /// Asks about whoever waits, and has `enforcer` carry out what follows, for ever. When it ends, however it
    /// does, nothing is accepted any more.
    pub async fn run(self, enforcer: Arc<dyn Enforcer>) {
        let _down = Down(&self.inner.is_down);
        tokio::join!(
            self.keep_asking(),
            self.keep_looking(),
            self.keep_enforcing(&enforcer),
            self.keep_sums(),
        );
    }

    /// Whether it cannot write, or does not run any more: then nothing is decided.
    pub(crate) fn is_down(&self) -> bool {
        self.inner.is_down.load(Relaxed) || self.inner.journal.failure().is_some()
    }

    /// Checks the audit log from its first line to its last. Nothing for a log without entries.
    ///
    /// # Errors
    /// When it cannot be read, or is not whole: then where and why.
    pub fn verify_log(&self) -> Result<Option<Verified>, VerifyError> {
        LOG.verify(&self.snapshot(), &[])
    }

    /// Writes the audit log's lines of these numbers, as they are chained.
    ///
    /// # Errors
    /// When it cannot be read or is not whole, or the lines cannot be written.
    pub fn export_log(
        &self,
        numbers: Option<Numbers>,
        to: &mut dyn std::io::Write,
    ) -> Result<Verified, aep2_audit_log::ExportError> {
        LOG.export(&self.snapshot(), numbers, to)
    }

    /// What is known of a subject by these answers.
    pub(crate) fn standing_of(
        &self,
        subject: Subject,
        answers: &BTreeMap<String, Answer>,
        officer: Option<OfficerDecision>,
        now: UnixTime,
    ) -> Standing {
        let Inner { rules, config, .. } = &*self.inner;
        Standing::decide(subject, answers, officer, rules, (now, config.retry_s))
    }

    /// A change, once it is on disk.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        change: impl FnOnce(&mut Tx<'_>) -> Result<T, ComplianceError> + Send + 'static,
    ) -> Result<T, ComplianceError> {
        self.inner.journal.submit(change).await.map(Durable::into_inner)
    }

    /// A change that nobody waits for.
    pub(crate) fn write_later(
        &self,
        change: impl FnOnce(&mut Tx<'_>) -> Result<(), ComplianceError> + Send + 'static,
    ) {
        let writing = self.inner.journal.submit(change);
        let metrics = self.inner.metrics.clone();
        let told = async move {
            if let Err(error) = writing.await.map(Durable::into_inner) {
                tracing::error!(%error, "a record of compliance is missing");
                metrics.failed();
            }
        };
        // It is carried out though nobody waits for it. Without a runtime nobody is told if it fails.
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn(told)),
            Err(_) => drop(told),
        }
    }

    pub(crate) fn view(&self) -> View<'_> {
        self.inner.journal.view()
    }

    pub(crate) fn snapshot(&self) -> View<'_> {
        self.inner.journal.snapshot()
    }
}

/// Says that it is down when it is dropped.
struct Down<'a>(&'a AtomicBool);

impl Drop for Down<'_> {
    fn drop(&mut self) {
        self.0.store(true, Relaxed);
    }
}
