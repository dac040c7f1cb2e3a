//! What the tests share: a provider that answers as it is told, a processor that notes what it is told.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use aep2_compliance::{
    Compliance, Enforcer, LiveMandate, NotEnforced, Parts, Payment, ScreeningConfig,
    admission::NotAdmitted,
    provider::{Finding, Provider, Providers, Unavailable},
    rules::{Asked, Requirement, Rules, WhenAway},
    subject::Subject,
    travel_rule::TravelRuleParts,
    verdict::{Outcome, Reason, Verdict},
};
use aep2_mandate::{
    clock::Clock,
    units::{AccountId, Amount, UnixTime},
};
use aep2_vault::{Kek, Vault};
use alloy_primitives::{Address, B256};
use async_trait::async_trait;
use tempfile::TempDir;

pub(crate) const DAY_S: u64 = 86_400;
/// What everybody is told who waits, whatever for.
pub(crate) const RETRY_S: u64 = 3;

/// What a provider is told to do.
#[derive(Clone, Debug)]
pub(crate) enum Told {
    Say(Outcome, Reason),
    BeAway,
    BeSlow,
}

/// A provider from outside of the crate, which answers as it is told.
pub(crate) struct Puppet {
    name: &'static str,
    /// What it says of whom; clear of everybody else.
    says: Mutex<BTreeMap<Subject, Told>>,
    /// Whether it answers from memory.
    at_once: bool,
    edition: AtomicU64,
    pub(crate) asked: AtomicUsize,
    finds: AtomicUsize,
}

impl Puppet {
    pub(crate) fn new(name: &'static str, at_once: bool) -> Arc<Self> {
        let (says, edition) = (Mutex::default(), AtomicU64::new(1));
        let (asked, finds) = (AtomicUsize::new(0), AtomicUsize::new(0));
        Arc::new(Self { name, says, at_once, edition, asked, finds })
    }

    pub(crate) fn tell(&self, subject: Subject, told: Told) {
        self.says.lock().unwrap().insert(subject, told);
        self.edition.fetch_add(1, SeqCst);
    }

    pub(crate) fn deny(&self, subject: Subject) {
        self.tell(subject, Told::Say(Outcome::Denied, Reason::Sanctioned));
    }

    pub(crate) fn clear(&self, subject: Subject) {
        self.tell(subject, Told::Say(Outcome::Clear, Reason::Compliant));
    }

    /// What it finds from now on is something else than what it found before.
    pub(crate) fn find_something_else(&self) {
        self.finds.fetch_add(1, SeqCst);
        self.edition.fetch_add(1, SeqCst);
    }

    fn entry(&self) -> B256 {
        B256::with_last_byte(u8::try_from(self.finds.load(SeqCst)).unwrap())
    }

    fn told(&self, subject: &Subject) -> Told {
        let clear = Told::Say(Outcome::Clear, Reason::Compliant);
        self.says.lock().unwrap().get(subject).cloned().unwrap_or(clear)
    }
}

fn until(now: UnixTime) -> UnixTime {
    UnixTime::new(now.get() + DAY_S).unwrap()
}

#[async_trait]
impl Provider for Puppet {
    fn name(&self) -> &str {
        self.name
    }

    fn at_once(&self, subject: &Subject, now: UnixTime) -> Option<Verdict> {
        match self.told(subject) {
            Told::Say(outcome, reason) if self.at_once => Some(Verdict {
                outcome,
                reason,
                entry: self.entry(),
                evidence: B256::repeat_byte(1),
                valid_until: until(now),
            }),
            _ => None,
        }
    }

    fn edition(&self) -> u64 {
        if self.at_once { self.edition.load(SeqCst) } else { 0 }
    }

    async fn check(&self, subject: &Subject, now: UnixTime) -> Result<Finding, Unavailable> {
        self.asked.fetch_add(1, SeqCst);
        match self.told(subject) {
            Told::Say(outcome, reason) => Ok(Finding {
                outcome,
                reason,
                entry: self.entry(),
                valid_until: until(now),
                document: format!("{outcome:?} of {subject}").into_bytes(),
            }),
            Told::BeAway => Err(Unavailable("it is away".to_owned())),
            Told::BeSlow => {
                tokio::time::sleep(Duration::from_secs(3_600)).await;
                Err(Unavailable("it slept".to_owned()))
            }
        }
    }
}

/// What a processor was told.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    pub(crate) closed: BTreeSet<Subject>,
    pub(crate) held: BTreeSet<B256>,
    pub(crate) frozen: BTreeSet<B256>,
    pub(crate) live: Vec<LiveMandate>,
    /// Whether nothing can be written.
    pub(crate) is_broken: bool,
}

/// A processor that notes what it is told.
#[derive(Debug, Default)]
pub(crate) struct Notes(pub(crate) Mutex<Ledger>);

impl Notes {
    fn write(&self, change: impl FnOnce(&mut Ledger)) -> Result<(), NotEnforced> {
        let mut ledger = self.0.lock().unwrap();
        if ledger.is_broken {
            return Err(NotEnforced("the disk is full".to_owned()));
        }
        change(&mut ledger);
        Ok(())
    }

    fn is_live(&self, mandate: B256) -> bool {
        self.0.lock().unwrap().live.iter().any(|own| own.id == mandate)
    }
}

#[async_trait]
impl Enforcer for Notes {
    async fn close(&self, subject: &Subject, _note: &str) -> Result<(), NotEnforced> {
        self.write(|ledger| {
            ledger.closed.insert(*subject);
        })
    }

    async fn open(&self, subject: &Subject) -> Result<(), NotEnforced> {
        self.write(|ledger| {
            ledger.closed.remove(subject);
        })
    }

    fn closed(&self) -> Vec<Subject> {
        self.0.lock().unwrap().closed.iter().copied().collect()
    }

    async fn live(&self) -> Result<Vec<LiveMandate>, NotEnforced> {
        Ok(self.0.lock().unwrap().live.clone())
    }

    async fn hold(&self, mandate: B256, _by: &str) -> Result<Option<UnixTime>, NotEnforced> {
        self.write(|ledger| {
            ledger.held.insert(mandate);
        })?;
        Ok(Some(UnixTime::MAX))
    }

    async fn release(&self, mandate: B256) -> Result<bool, NotEnforced> {
        let mut was_held = false;
        self.write(|ledger| was_held = ledger.held.remove(&mandate))?;
        Ok(was_held)
    }

    async fn freeze(&self, mandate: B256, _by: &str) -> Result<bool, NotEnforced> {
        self.write(|ledger| {
            ledger.frozen.insert(mandate);
        })?;
        Ok(self.is_live(mandate))
    }

    async fn thaw(&self, mandate: B256) -> Result<(), NotEnforced> {
        self.write(|ledger| {
            ledger.frozen.remove(&mandate);
        })
    }
}

/// Compliance with two providers: a list, which answers at once, and a service, which has to be asked.
pub(crate) struct World {
    pub(crate) directory: TempDir,
    pub(crate) clock: Clock,
    pub(crate) list: Arc<Puppet>,
    pub(crate) service: Arc<Puppet>,
    pub(crate) notes: Arc<Notes>,
    pub(crate) rules: Rules,
    pub(crate) config: ScreeningConfig,
    vault: Vault,
}

pub(crate) const OWNER: Address = Address::repeat_byte(0x11);
pub(crate) const PAYEE: Address = Address::repeat_byte(0x22);
pub(crate) const TOKEN: Address = Address::repeat_byte(0x33);
pub(crate) const KEY: B256 = B256::repeat_byte(0x44);

pub(crate) fn requirement(names: &[&str], when_away: WhenAway) -> Requirement {
    let asked = |name: &&str| Asked { provider: (*name).to_owned(), when_away };
    Requirement { any_of: names.iter().map(asked).collect() }
}

impl World {
    /// All kinds are asked about at the list; payees at the service, too.
    pub(crate) fn new() -> Self {
        let list = || requirement(&["list"], WhenAway::Closed);
        let service = requirement(&["service"], WhenAway::Closed);
        let rules =
            Rules { payer: vec![list()], payee: vec![list(), service], agent: vec![list()] };
        Self {
            directory: tempfile::tempdir().unwrap(),
            clock: Clock::system(),
            list: Puppet::new("list", true),
            service: Puppet::new("service", false),
            notes: Arc::default(),
            rules,
            config: ScreeningConfig { answer_within_s: 1, ..ScreeningConfig::default() },
            vault: Vault::new(Kek::random().unwrap()),
        }
    }

    /// With the list alone.
    pub(crate) fn of_list() -> Self {
        let mut world = Self::new();
        world.rules.payee.pop();
        world
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn parts(&self) -> Parts {
        let providers: [Arc<dyn Provider>; 2] =
            [Arc::clone(&self.list) as _, Arc::clone(&self.service) as _];
        Parts {
            providers: Providers::new(providers),
            rules: self.rules.clone(),
            config: self.config.clone(),
            vault: self.vault.clone(),
            clock: self.clock.clone(),
            presenting: None,
            travel_rule: None,
        }
    }

    pub(crate) fn open(&self) -> Compliance {
        Compliance::open(self.path(), self.parts()).unwrap()
    }

    pub(crate) fn open_with(&self, travel_rule: TravelRuleParts) -> Compliance {
        let parts = Parts { travel_rule: Some(travel_rule), ..self.parts() };
        Compliance::open(self.path(), parts).unwrap()
    }

    /// Opened, and running.
    pub(crate) fn run(&self) -> Running {
        let compliance = self.open();
        let enforcer: Arc<dyn Enforcer> = Arc::clone(&self.notes) as _;
        let task = tokio::spawn(compliance.clone().run(enforcer));
        Running { compliance, task }
    }

    pub(crate) fn payment(&self, number: u8) -> Payment {
        Payment {
            mandate: B256::repeat_byte(number),
            account: AccountId::new(7).unwrap(),
            owner: Some(OWNER),
            key_hash: Some(KEY),
            token: TOKEN,
            payee: PAYEE,
            amount: Amount::new(1_000).unwrap(),
            at: self.clock.now(),
        }
    }
}

/// Compliance that runs, until it is dropped.
pub(crate) struct Running {
    pub(crate) compliance: Compliance,
    task: tokio::task::JoinHandle<()>,
}

impl Running {
    /// Ends it, so that the store can be opened again.
    pub(crate) async fn end(self) {
        self.task.abort();
        let _ = self.task.await;
        let compliance = self.compliance;
        drop(compliance);
    }
}

/// Accepts a payment as a processor does: asked, on disk, counted.
pub(crate) fn accept(compliance: &Compliance, payment: &Payment) -> Result<(), NotAdmitted> {
    compliance.admit(payment)?;
    compliance.restore(payment);
    compliance.release(payment);
    Ok(())
}

/// Waits until something holds.
pub(crate) async fn until_holds(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..1_000 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("never: {what}");
}
