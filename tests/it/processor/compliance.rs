//! Payers and payees who become sanctioned, before their mandates are accepted and after.

use std::{
    collections::BTreeSet,
    sync::{
        Arc, RwLock,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
    time::Duration,
};

use aep2_compliance::{
    Compliance, Parts as ComplianceParts, ScreeningConfig,
    freezes::FreezeState,
    provider::{Finding, Provider, Providers, Unavailable},
    rules::{Asked, Requirement, Rules, WhenAway},
    subject::Subject,
    verdict::{Reason, Verdict},
};
use aep2_ledger::MandateHash;
use aep2_mandate::units::UnixTime;
use aep2_processor::{Processor, policy::Policy};
use aep2_server::compliance::{ProcessorEnforcer, Screening};
use aep2_testkit::monitoring::{Program, missing};
use aep2_tests::{
    payers::payee_address,
    settling::{accept_all, all_settled, audited, chain_of, is_settled},
    world::{World, eventually},
};
use aep2_vault::{Kek, Vault};
use alloy::primitives::B256;
use async_trait::async_trait;
use tempfile::TempDir;
use tokio::task::JoinHandle;

/// A list of subjects in memory.
#[derive(Default)]
struct List {
    listed: RwLock<Vec<Subject>>,
    edition: AtomicU64,
}

impl List {
    fn change(&self, change: impl FnOnce(&mut Vec<Subject>)) {
        change(&mut self.listed.write().expect("a lock"));
        self.edition.fetch_add(1, SeqCst);
    }

    fn verdict(&self, subject: &Subject, now: UnixTime) -> Verdict {
        let valid_until = now.checked_add(10 * 86_400).expect("a time");
        match self.listed.read().expect("a lock").contains(subject) {
            true => Verdict::denied((Reason::Sanctioned, B256::ZERO), B256::ZERO, valid_until),
            false => Verdict::clear(B256::ZERO, valid_until),
        }
    }
}

#[async_trait]
impl Provider for List {
    fn name(&self) -> &str {
        "list"
    }

    fn at_once(&self, subject: &Subject, now: UnixTime) -> Option<Verdict> {
        Some(self.verdict(subject, now))
    }

    fn edition(&self) -> u64 {
        self.edition.load(SeqCst)
    }

    async fn check(&self, subject: &Subject, now: UnixTime) -> Result<Finding, Unavailable> {
        let Verdict { outcome, reason, entry, valid_until, .. } = self.verdict(subject, now);
        let document = subject.to_string().into_bytes();
        Ok(Finding { outcome, reason, entry, valid_until, document })
    }
}

/// A processor with compliance.
struct Office {
    list: Arc<List>,
    compliance: Compliance,
    processor: Processor,
    task: JoinHandle<()>,
    _folder: TempDir,
}

impl Office {
    async fn open(world: &World) -> Self {
        let folder = TempDir::new().expect("a folder");
        let list = Arc::new(List::default());
        let one = || {
            let asked = Asked { provider: "list".to_owned(), when_away: WhenAway::Closed };
            vec![Requirement { any_of: vec![asked] }]
        };
        let parts = ComplianceParts {
            providers: Providers::new([Arc::clone(&list) as Arc<dyn Provider>]),
            rules: Rules { payer: one(), payee: one(), agent: one() },
            config: ScreeningConfig::default(),
            vault: Vault::new(Kek::random().expect("a key")),
            clock: world.clock.clone(),
            presenting: None,
            travel_rule: None,
        };
        let compliance = Compliance::open(folder.path(), parts).expect("opened");
        let policies = vec![Arc::new(Screening(compliance.clone())) as Arc<dyn Policy>];
        let processor = Processor::start_with(world.parts(), world.when_full(), policies).await;
        let processor = processor.expect("started");
        world.ready(&processor).await;
        let enforcer = Arc::new(ProcessorEnforcer(processor.clone()));
        let task = tokio::spawn(compliance.clone().run(enforcer));
        Self { list, compliance, processor, task, _folder: folder }
    }

    async fn close(self, world: &World) {
        self.task.abort();
        let _ = self.task.await;
        world.stop(self.processor).await;
    }

    fn is_held(&self, mandate: MandateHash) -> bool {
        let shown = self.processor.mandate(mandate).expect("reads").expect("known");
        !shown.holds.is_empty()
    }
}

/// Long enough for a window to be sealed and settled, if one is.
async fn a_while() {
    tokio::time::sleep(Duration::from_millis(300)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sanctioned_payer_payee_and_agent_are_refused_by_the_processor() {
    let world = World::new().await;
    let payer = world.payer(0, 1_000).await;
    let office = Office::open(&world).await;
    let mandate = world.mandate(&payer, 10, 0);
    let account = office.processor.account(payer.account).expect("reads").expect("known");
    for subject in [
        Subject::Payer(payer.address()),
        Subject::Payee(payee_address(1)),
        Subject::Agent(account.key_hash),
    ] {
        office.list.change(|list| list.push(subject));
        let told = office.processor.accept(mandate.clone()).await.expect_err("refused");
        assert_eq!(told.code(), "policy_refused", "{subject}");
        assert!(!told.to_string().contains("0x"), "{told}");
        let checked = office.processor.check(&mandate).expect_err("refused");
        assert_eq!(checked.code(), "policy_refused");
        office.list.change(Vec::clear);
        eventually("served again", async || office.processor.check(&mandate).is_ok()).await;
    }
    eventually("accepted", async || office.processor.accept(mandate.clone()).await.is_ok()).await;
    office.close(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_becomes_sanctioned_is_paid_what_was_promised_no_sooner_and_nothing_more() {
    let world = World::new().await;
    let payer = world.payer(0, 1_000).await;
    let office = Office::open(&world).await;
    let ids = accept_all(&office.processor, chain_of(&world, &payer, 70, 0..2)).await;
    office.list.change(|list| list.push(Subject::Payee(payee_address(1))));
    eventually("all is held", async || ids.iter().all(|id| office.is_held(*id))).await;
    let next = office.processor.accept(world.mandate(&payer, 10, 5)).await;
    assert_eq!(next.expect_err("refused").code(), "policy_refused");
    // Whoever asks is not told who holds it.
    let shown = office.processor.mandate(ids[0]).expect("reads").expect("known");
    let settle_by = shown.settle_by;
    let shown = serde_json::to_string(&shown).expect("JSON");
    assert!(shown.contains("\"operator\"") && !shown.contains("review"), "{shown}");

    let windows = world.config().windows;
    world.travel(windows.age_s_max + 1);
    a_while().await;
    assert!(ids.iter().all(|id| !is_settled(&office.processor, *id)), "not before it has to be");
    // The promise stands: it settles when the hold must end.
    let due = settle_by.get() - windows.due_margin_s;
    world.travel(due.saturating_sub(world.clock.now().get()));
    all_settled(&office.processor, &ids).await;
    assert!(world.clock.now() < settle_by, "in time");
    audited(&office.processor);
    office.close(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_officer_froze_never_settles_and_what_two_thawed_does() {
    let world = World::new().await;
    let payer = world.payer(0, 1_000).await;
    let office = Office::open(&world).await;
    let ids = accept_all(&office.processor, chain_of(&world, &payer, 70, 0..2)).await;
    for id in &ids {
        let freeze = office.compliance.freeze(id.bytes(), "a court's order", "ada".into()).await;
        assert_eq!(freeze.expect("frozen").state, FreezeState::Frozen);
    }
    audited(&office.processor);
    let first = ids[0].bytes();
    office.compliance.thaw(first, "ada".into()).await.expect("proposed");
    assert!(office.compliance.thaw(first, "ada".into()).await.is_err(), "one is not two");
    office.compliance.thaw(first, "bob".into()).await.expect("thawed");

    world.travel(world.config().windows.age_s_max + 1);
    all_settled(&office.processor, &ids[..1]).await;
    // Past its promise, and past its deadline: it is not settled, and a day later it has failed.
    world.travel(7_300);
    a_while().await;
    assert!(!is_settled(&office.processor, ids[1]));
    audited(&office.processor);
    world.travel(86_500);
    eventually("it has failed", async || {
        let shown = office.processor.mandate(ids[1]).expect("reads").expect("known");
        serde_json::to_value(&shown).expect("JSON")["status"] == "failed"
    })
    .await;
    assert_eq!(world.holds(payee_address(1)).await, 70);
    let late = office.compliance.freeze(first, "too late", "ada".into()).await;
    assert_eq!(late.expect("an answer").state, FreezeState::TooLate);
    audited(&office.processor);
    office.close(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_in_what_waits_from_before_there_was_compliance_is_looked_at() {
    let world = World::new().await;
    let payer = world.payer(0, 1_000).await;
    let processor = world.start(world.when_full()).await;
    let ids = accept_all(&processor, chain_of(&world, &payer, 70, 0..1)).await;
    world.stop(processor).await;
    let office = Office::open(&world).await;
    let subject = Subject::Payer(payer.address());
    office.list.change(|list| list.push(subject));
    eventually("it is held", async || office.is_held(ids[0])).await;
    office.close(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn compliance_shows_every_metric_that_an_alert_or_a_dashboard_names() {
    let world = World::new().await;
    let payer = world.payer(0, 1_000).await;
    let office = Office::open(&world).await;
    let screened = office.compliance.screen(Subject::Payer(payer.address())).await;
    screened.expect("everybody was asked");
    let shown = office.compliance.metrics().text();
    assert_eq!(missing(Program::Compliance, &shown), BTreeSet::new());
    office.close(&world).await;
}
