//! SIGKILL, at every fail point between steps and at random moments: every receipt that was given is
//! settled once, and what the chain moved is what was promised.
//!
//! A child process runs a processor on a directory, against this process's chain over HTTP. It takes
//! mandates line by line and answers with receipts, until it is killed: by itself when a fail point is
//! reached, in the thread that reaches it and before that goes on, or by this process at some moment.
//! The next child finds what the last one left. Meanwhile blocks fall out of the chain, and some
//! mandates are such that no batch with them settles.
//!
//! `AEP2_KILLS` kills more often, `AEP2_KILL_SEED` replays the random part.

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    io::{BufRead, BufReader, Write},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use aep2_chain::{deployment::Deployment, wallet::units::BaseUnits};
use aep2_circuits::Shape;
use aep2_ledger::MandateHash;
use aep2_mandate::{
    clock::Clock, mandate::SignedMandate, typed_data::receipt::SignedReceipt, units::Ceiling,
};
use aep2_processor::{
    Parts, Processor, ProcessorConfig,
    fail_point::{FailPoint, FailPointHook, Moment},
    view::MandateState,
};
use aep2_tests::{
    payers::{Payer, Payment, payee_address},
    provers::provers,
    settling::audited,
    world::{World, dev_key, eventually},
};
use alloy::{
    primitives::Address,
    providers::{Provider, ProviderBuilder},
};
use rand::{Rng, SeedableRng, rngs::StdRng};
use serde::{Deserialize, Serialize};

/// The file that tells a child what to do.
const PLAN: &str = "AEP2_PROCESSOR_TEST_PLAN";
/// What lines for the parent begin with: the test harness prints lines of its own.
const PREFIX: &str = "child: ";
/// How often a child is killed, unless `AEP2_KILLS` says otherwise.
const KILLS: usize = 220;
/// How many kills more there may be, to reach fail points that were missed.
const MORE_MAX: usize = 40;
/// How long a child lives at most that never reaches its fail point.
const LIFE: Duration = Duration::from_millis(3_500);
/// How long a child lives at most that is killed at a random moment.
const RANDOM_LIFE_MS: u64 = 1_200;

/// Every fail point that a processor reaches while it settles.
const FAIL_POINTS: [FailPoint; 14] = [
    FailPoint::Seal,
    FailPoint::Prove,
    FailPoint::StoreSegment,
    FailPoint::StoreProof,
    FailPoint::NoteSubmission,
    FailPoint::Submit,
    FailPoint::WriteTransaction,
    FailPoint::ForgetTransactions,
    FailPoint::Abort,
    FailPoint::Dispose,
    FailPoint::Expire,
    FailPoint::ApplyBlocks,
    FailPoint::Rewind,
    FailPoint::NoteUnconfirmed,
];

/// What a child is to do.
#[derive(Serialize, Deserialize)]
struct Plan {
    url: String,
    ledger: PathBuf,
    deployment: PathBuf,
    tokens: Vec<Address>,
    /// How far its clock goes ahead now and then, in seconds, so that what is quarantined is tried again.
    ahead_s: i64,
    /// The fail point at which it kills itself, by its place in [`fail_points`], and at which time that
    /// it is reached.
    fail_point: Option<(usize, usize)>,
}

/// A fail point, before it or after it.
type Reached = (FailPoint, Moment);

fn fail_points() -> Vec<Reached> {
    let moments = [Moment::Before, Moment::After];
    FAIL_POINTS.iter().flat_map(|point| moments.map(|moment| (*point, moment))).collect()
}

// --- The child ----------------------------------------------------------------------------------

/// Kills this process when a fail point is reached for the `n`-th time.
struct Killer {
    at: Option<Reached>,
    left: AtomicUsize,
}

impl FailPointHook for Killer {
    fn reached(&self, point: FailPoint, moment: Moment) {
        if self.at == Some((point, moment)) && self.left.fetch_sub(1, Ordering::SeqCst) == 1 {
            println!("{PREFIX}killed");
            let own = rustix::process::getpid();
            rustix::process::kill_process(own, rustix::process::Signal::KILL).expect("killed");
            // The signal reaches all threads; this one goes no further meanwhile.
            loop {
                thread::park();
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "run by `killed_anywhere_it_settles_everything_once`, in a process of its own"]
async fn child_process() {
    let Some(plan) = env::var_os(PLAN) else { return };
    let plan: Plan = serde_json::from_slice(&fs::read(plan).expect("a plan")).expect("a plan");
    let (at, left) = match plan.fail_point {
        Some((index, left)) => (Some(fail_points()[index]), left),
        None => (None, 0),
    };
    let url = plan.url.parse().expect("a URL");
    let clock = Clock::system();
    let provider = ProviderBuilder::new().disable_recommended_fillers().connect_http(url).erased();
    let parts = Parts {
        provider,
        deployment: Deployment::read(&plan.deployment).expect("a deployment"),
        key: dev_key(1),
        ledger: plan.ledger,
        provers: provers(&[Shape::TEST]),
        clock: clock.clone(),
        hook: Arc::new(Killer { at, left: AtomicUsize::new(left) }),
    };
    let processor = Processor::start(parts, config(&plan.tokens)).await.expect("started");
    let is_ready = || {
        let readiness = processor.readiness();
        let (block, head) = (readiness.chain.block, readiness.chain.head);
        readiness.ready && block.zip(head).is_some_and(|(block, head)| block + 1 >= head)
    };
    while !is_ready() {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    println!("{PREFIX}ready");
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(Duration::from_millis(400)).await;
            clock.advance(plan.ahead_s);
        }
    });
    let (lines, mut mandates) = tokio::sync::mpsc::unbounded_channel();
    thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            if lines.send(line).is_err() {
                return;
            }
        }
    });
    while let Some(line) = mandates.recv().await {
        let mandate: SignedMandate = serde_json::from_str(&line).expect("a mandate");
        match processor.accept(mandate).await {
            Ok(accepted) => {
                let receipt = serde_json::to_string(&accepted.receipt).expect("JSON");
                println!("{PREFIX}receipt {receipt}");
            }
            Err(error) => println!("{PREFIX}refused {error}"),
        }
    }
    // Its input has ended; it settles what it has until it is killed.
    std::future::pending::<()>().await;
}

fn config(tokens: &[Address]) -> ProcessorConfig {
    let follower = aep2_chain::follower::FollowerConfig {
        confirmations: 1,
        depth_max: 8,
        poll_interval: Duration::from_millis(15),
        ..aep2_chain::follower::FollowerConfig::new(Vec::new(), 0)
    };
    let sender = aep2_chain::sender::SenderConfig {
        confirmations: 1,
        poll_interval: Duration::from_millis(30),
        ..aep2_chain::sender::SenderConfig::new(100_000_000_000)
    };
    let mut config = ProcessorConfig::new(follower, sender);
    config.acceptance.tokens = tokens.iter().map(|token| (*token, Ceiling::MIN)).collect();
    config.acceptance.settle_within_s = 1_500;
    config.windows.shapes = vec![Shape::TEST];
    config.windows.age_s_max = 0;
    config.windows.capture_within_s = 0;
    // Batches of several proofs, and not so many that a child seldom lives to the last.
    config.windows.segments_max = 2;
    config.windows.poll_interval_ms = 10;
    config
}

// --- The parent ---------------------------------------------------------------------------------

/// What was asked for and what was promised.
#[derive(Default)]
struct Promises {
    /// Mandates without a receipt yet.
    asked: BTreeMap<MandateHash, SignedMandate>,
    given: BTreeMap<MandateHash, (SignedMandate, SignedReceipt)>,
}

/// Runs children until they are killed.
struct Parent {
    plan: PathBuf,
    killed_at: BTreeMap<Reached, usize>,
    killed_at_random: usize,
}

impl Parent {
    /// Runs a child with these mandates, until it is killed: the receipts that it gave.
    async fn run(
        &mut self,
        plan: &Plan,
        mandates: &[SignedMandate],
        life: Duration,
        meanwhile: impl Future<Output = ()>,
    ) -> Vec<SignedReceipt> {
        fs::write(&self.plan, serde_json::to_vec(plan).expect("JSON")).expect("written");
        let mut child = Command::new(env::current_exe().expect("this binary"))
            .args(["--exact", "processor::kill::child_process", "--ignored", "--nocapture"])
            .env(PLAN, &self.plan)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("starts");
        let mut stdin = child.stdin.take().expect("piped");
        for mandate in mandates {
            let line = serde_json::to_string(mandate).expect("JSON");
            // It may be dead already.
            let _ = writeln!(stdin, "{line}");
        }
        let stdout = BufReader::new(child.stdout.take().expect("piped"));
        let said = Arc::new(Mutex::new(Vec::new()));
        let hearing = Arc::clone(&said);
        let reader = thread::spawn(move || {
            for line in stdout.split(b'\n').map_while(Result::ok) {
                let line = String::from_utf8(line).expect("text");
                if let Some(line) = line.strip_prefix(PREFIX) {
                    hearing.lock().expect("not poisoned").push(line.to_owned());
                }
            }
        });
        let (by_itself, ()) = tokio::join!(wait(&mut child, life), meanwhile);
        if !by_itself {
            child.kill().expect("killed");
        }
        child.wait().expect("gone");
        drop(stdin);
        reader.join().expect("reads");
        let said = said.lock().expect("not poisoned");
        let mut receipts = Vec::new();
        for line in said.iter() {
            match line.split_once(' ') {
                Some(("receipt", json)) => {
                    // The last line may have been cut short by the kill.
                    receipts.extend(serde_json::from_str::<SignedReceipt>(json));
                }
                Some(("refused", words)) => assert!(words.contains("ready"), "{words}"),
                _ => assert!(["ready", "killed"].contains(&line.as_str()), "{line}"),
            }
        }
        match plan.fail_point {
            Some((index, _)) if by_itself => {
                assert!(said.iter().any(|line| line == "killed"), "it died of something else");
                *self.killed_at.entry(fail_points()[index]).or_default() += 1;
            }
            Some(_) => self.killed_at_random += 1,
            None => {
                assert!(!by_itself, "it died by itself: {said:?}");
                self.killed_at_random += 1;
            }
        }
        receipts
    }

    fn kills(&self) -> usize {
        self.killed_at.values().sum::<usize>() + self.killed_at_random
    }
}

/// Waits for a child to end, so long at most: whether it did.
async fn wait(child: &mut Child, life: Duration) -> bool {
    let begun = tokio::time::Instant::now();
    loop {
        if child.try_wait().expect("waits").is_some() {
            return true;
        }
        if begun.elapsed() >= life {
            return false;
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// Signs what payers pay, each by a chain of its own.
struct Payers {
    payers: Vec<Payer>,
    last: BTreeMap<usize, SignedMandate>,
    nonce: u64,
}

impl Payers {
    fn sign(
        &mut self,
        world: &World,
        payer: usize,
        token: Address,
        payee: Address,
    ) -> SignedMandate {
        self.nonce += 1;
        let amount = u128::from(self.nonce % 7 + 1);
        let payment = Payment { token, payee, ..world.payment(amount, self.nonce) };
        let last = self.last.get(&payer).filter(|last| last.mandate.token == token);
        let previous = last.map(|last| last.clone().released_to_payee());
        let signed = self.payers[payer].sign_after(world.id(), payment, previous.as_ref());
        self.last.insert(payer, signed.clone());
        signed
    }
}

fn id_of(world: &World, signed: &SignedMandate) -> MandateHash {
    let domain = world.id().mandate_domain(signed.mandate.token);
    signed.mandate.id(&domain).into()
}

fn number(name: &str, default: u64) -> u64 {
    env::var(name).map_or(default, |text| text.parse().expect("a number"))
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_anywhere_it_settles_everything_once() {
    const FUNDS: u128 = 1_000_000;
    let kills = usize::try_from(number("AEP2_KILLS", KILLS as u64)).expect("a number");
    let seed = number("AEP2_KILL_SEED", rand::random());
    println!("AEP2_KILL_SEED={seed}");
    let mut random = StdRng::seed_from_u64(seed);

    let world = World::with_shapes(&[Shape::TEST]).await;
    let victim = payee_address(7);
    let greedy = world.greedy_token(victim).await;
    let mut payers = Payers { payers: Vec::new(), last: BTreeMap::new(), nonce: 0 };
    for number in 0..3 {
        let payer = world.payer(number, FUNDS).await;
        let deposit = world.id().deposit(payer.account, greedy, BaseUnits::new(FUNDS));
        world.send(&payer.key, &deposit).await;
        payers.payers.push(payer);
    }
    // Reorganisations take back no more than these, and what processors did.
    world.mine(8);
    let any_port: SocketAddr = "127.0.0.1:0".parse().expect("an address");
    let server = world.chain.serve(any_port).await.expect("serves");
    let folder = tempfile::tempdir().expect("a folder");
    let deployment = folder.path().join("deployment.json");
    world.deployment.write(&deployment).expect("written");
    let tokens = vec![world.token(), greedy];
    let mut parent = Parent {
        plan: folder.path().join("plan.json"),
        killed_at: BTreeMap::new(),
        killed_at_random: 0,
    };
    let mut promises = Promises::default();

    let all = fail_points();
    for round in 0.. {
        // In the end those fail points that were missed, as far as so many kills are to be all of them.
        let done = parent.kills() >= kills;
        let missed = (0..all.len()).filter(|step| !parent.killed_at.contains_key(&all[*step]));
        let missed: Vec<usize> = missed.collect();
        if done && (missed.is_empty() || kills < KILLS || parent.kills() >= kills + MORE_MAX) {
            break;
        }
        // Every fail point in turn, the first or a later time that it is reached; then a random moment.
        let step = match done {
            true => missed[round % missed.len()],
            false => round % (all.len() + all.len() / 3),
        };
        let point = all.get(step).map(|(point, _)| *point);
        // What is done once in a child's life is not waited for a second time.
        let once = matches!(
            point,
            Some(
                FailPoint::Abort
                    | FailPoint::Dispose
                    | FailPoint::Rewind
                    | FailPoint::NoteUnconfirmed
            )
        );
        let times = if once || done { 1 } else { random.gen_range(1..=2) };
        let fail_point = point.map(|_| (step, times));
        let plan = Plan {
            url: server.url(),
            ledger: world.ledger(),
            deployment: deployment.clone(),
            tokens: tokens.clone(),
            ahead_s: if point == Some(FailPoint::Dispose) { 40 } else { 0 },
            fail_point,
        };
        // A mandate that no batch settles: to be aborted, put quarantined, tried again.
        let poison =
            matches!(point, Some(FailPoint::Abort | FailPoint::Dispose)) || random.gen_ratio(1, 40);
        let payer = random.gen_range(0..payers.payers.len());
        let mut new = vec![payers.sign(&world, payer, world.token(), payee_address(1))];
        if poison {
            new.push(payers.sign(&world, payer, greedy, victim));
        } else if random.gen_ratio(1, 2) {
            new.push(payers.sign(&world, payer, greedy, payee_address(2)));
        }
        promises.asked.extend(new.into_iter().map(|signed| (id_of(&world, &signed), signed)));
        let mandates: Vec<SignedMandate> = promises.asked.values().cloned().collect();
        let reorganise = point == Some(FailPoint::Rewind) || random.gen_ratio(1, 12);
        let pause = Duration::from_millis(random.gen_range(300..900));
        let depth = random.gen_range(1..4);
        let asks = point == Some(FailPoint::NoteUnconfirmed) || random.gen_ratio(1, 12);
        let (world, asker) = (&world, &payers.payers[payer]);
        let meanwhile = async move || {
            if reorganise || asks {
                tokio::time::sleep(pause).await;
            }
            if reorganise {
                world.chain.reorganise(depth).expect("reorganised");
                // Longer than before, so that nobody takes it for a node that lags.
                world.mine(1);
            }
            if asks {
                // Seen before it is confirmed.
                let (account, token) = (asker.account, world.token());
                let one = BaseUnits::new(1);
                world.send(&asker.key, &world.id().request_withdrawal(account, token, one)).await;
                tokio::time::sleep(Duration::from_millis(200)).await;
                world.send(&asker.key, &world.id().cancel_withdrawal(account, token)).await;
            }
        };
        let life = match fail_point {
            Some(_) if done => 2 * LIFE,
            Some(_) => LIFE,
            None => Duration::from_millis(random.gen_range(20..RANDOM_LIFE_MS)),
        };
        let receipts = parent.run(&plan, &mandates, life, meanwhile()).await;
        for receipt in receipts {
            let id = MandateHash::from_bytes(receipt.message.mandate_id.to_bytes());
            if let Some(signed) = promises.asked.remove(&id) {
                promises.given.insert(id, (signed, receipt));
            }
        }
    }

    println!(
        "{} kills at fail points, {} at other moments, {} receipts",
        parent.killed_at.values().sum::<usize>(),
        parent.killed_at_random,
        promises.given.len()
    );
    for ((point, moment), count) in &parent.killed_at {
        println!("{count:4} {moment:?} {point:?}");
    }
    assert!(promises.given.len() > parent.kills() / 4, "too few receipts to show anything");
    for fail_point in all.iter().filter(|_| kills >= KILLS) {
        assert!(parent.killed_at.contains_key(fail_point), "never at {fail_point:?}");
    }

    finish(&world, &tokens, &promises, &payers, victim, FUNDS).await;
}

/// One more processor, which is not killed, ends what is left. Then the ledgers are compared.
async fn finish(
    world: &World,
    tokens: &[Address],
    promises: &Promises,
    payers: &Payers,
    victim: Address,
    funds: u128,
) {
    let parts = Parts { provers: provers(&[Shape::TEST]), ..world.parts() };
    let processor = Processor::start(parts, config(tokens)).await.expect("started");
    let status = |id: &MandateHash| processor.mandate(*id).expect("reads");
    let is_poison = |signed: &SignedMandate| {
        signed.mandate.payee == victim && signed.mandate.token == tokens[1]
    };
    eventually("all that can be is settled", async || {
        world.chain.mine().expect("a block");
        promises.given.iter().all(|(id, (signed, _))| {
            let state = status(id).expect("what was promised is known").state;
            is_poison(signed) || matches!(state, MandateState::Settled { .. })
        })
    })
    .await;
    world.travel(7_300);
    eventually("what cannot be settled has failed", async || {
        world.chain.mine().expect("a block");
        promises.given.iter().all(|(id, (signed, _))| {
            !is_poison(signed)
                || matches!(status(id).expect("known").state, MandateState::Failed { .. })
        })
    })
    .await;

    // What was asked for and got no receipt may have been accepted, and then is settled, too.
    let mut paid: BTreeMap<(Address, Address), u128> = BTreeMap::new();
    let mut taken: BTreeMap<(u32, Address), u128> = BTreeMap::new();
    let unanswered = promises.asked.iter().map(|(id, signed)| (id, signed, None));
    let answered = promises.given.iter().map(|(id, (signed, receipt))| (id, signed, Some(receipt)));
    for (id, signed, receipt) in unanswered.chain(answered) {
        let Some(status) = status(id) else {
            assert!(receipt.is_none());
            continue;
        };
        if let Some(receipt) = receipt {
            assert_eq!(
                status.receipt,
                aep2_processor::view::MandateReceipt::Proved(*receipt),
                "the receipt that was given is the one that is kept"
            );
        }
        if let MandateState::Settled { amount, .. } = status.state {
            let mandate = &signed.mandate;
            assert_eq!(amount, mandate.amount.amount());
            *paid.entry((mandate.token, mandate.payee)).or_default() += amount.get();
            *taken.entry((mandate.account.get(), mandate.token)).or_default() += amount.get();
            let spent =
                world.wallet().is_spent(mandate.account, mandate.token, mandate.nonce).await;
            assert!(spent.expect("reads"));
        }
    }
    let in_usd = paid.get(&(tokens[0], payee_address(1))).copied().unwrap_or_default();
    assert_eq!(world.holds(payee_address(1)).await, in_usd, "payees have what was settled");
    for payer in &payers.payers {
        for token in tokens {
            let purse = world.wallet().purse(payer.account, *token).await.expect("reads");
            let taken = taken.get(&(payer.account.get(), *token)).copied().unwrap_or_default();
            assert_eq!(purse.balance.get(), funds - taken, "payers paid what was settled, once");
        }
    }
    let settled: BTreeSet<_> = paid.keys().collect();
    assert!(settled.len() >= 2, "both tokens were paid in");
    audited(&processor);
    world.stop(processor).await;
    assert!(Path::new(&world.ledger()).exists());
}
