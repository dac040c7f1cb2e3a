//! A backup is restored, and others remember more than it does.

use std::fs;

use aep2_ledger::MandateHash;
use aep2_mandate::mandate::SignedMandate;
use aep2_processor::{Processor, operating::GoOnError};
use aep2_server::backups::{BackupFolder, BackupsError, Copying, Owner, Store, is_unfinished};
use aep2_tests::{
    payers::Payer,
    settling::{all_settled, audited},
    world::World,
};
use tempfile::TempDir;

const FUNDS: u128 = 1_000;

/// A processor that was backed up when it had one mandate, accepted another one afterwards, and is gone with its
/// machine.
struct Lost {
    world: World,
    payer: Payer,
    backups: TempDir,
    known: SignedMandate,
    /// Whoever is paid by it has its receipt.
    forgotten: SignedMandate,
}

/// Copies the ledger of a processor.
fn back_up(processor: &Processor, folder: &TempDir) -> u32 {
    let owner = Owner::from(&processor.identity());
    let mut backups = BackupFolder::of(folder.path(), owner).expect("a folder");
    let copying: Copying<'_> = Box::new(|to| processor.back_up(to));
    let of = (processor.now(), processor.accepted(), "test");
    backups.take(vec![(Store::Ledger, copying)], of).expect("copied").number
}

impl Lost {
    async fn begin() -> Self {
        let world = World::new().await;
        let payer = world.payer(0, FUNDS).await;
        // Nothing is sealed before half a minute has passed.
        let processor = world.start(world.config()).await;
        let (known, forgotten) =
            (world.mandate(&payer, 100, 1), world.mandate(&payer, FUNDS - 100, 2));
        processor.accept(known.clone()).await.expect("accepted");
        let backups = TempDir::new().expect("a folder");
        assert_eq!(back_up(&processor, &backups), 1);
        processor.accept(forgotten.clone()).await.expect("accepted");
        world.stop(processor).await;
        fs::remove_dir_all(world.ledger()).expect("removed");
        Self { world, payer, backups, known, forgotten }
    }

    /// The ledger as it was backed up, in its place.
    fn restored(&self) -> &World {
        let backups = BackupFolder::existing(self.backups.path()).expect("backups");
        let data = self.world.ledger().parent().expect("a folder").to_owned();
        let restored = backups.restore(1, &data, self.world.clock.now()).expect("restored");
        assert_eq!(restored, [(Store::Ledger, self.world.ledger())]);
        &self.world
    }
}

async fn code(processor: &Processor, mandate: &SignedMandate) -> &'static str {
    match processor.accept(mandate.clone()).await {
        Ok(_) => "accepted",
        Err(error) => error.code(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_ledger_neither_accepts_nor_seals_before_it_is_told_to_go_on() {
    let lost = Lost::begin().await;
    let world = lost.restored();
    let processor = world.start(world.at_once()).await;
    // What it would promise now was promised to somebody else.
    let another = world.mandate(&lost.payer, FUNDS - 100, 3);
    for mandate in [&another, &lost.forgotten] {
        assert_eq!(code(&processor, mandate).await, "paused");
    }
    // Nobody was promised anything for longer than the guarantee takes, by whatever settings.
    let until = processor.promised_until().expect("it was restored");
    let longest_s = world.deployment.wallet.periods.promise_seconds;
    assert!(until > world.later(longest_s - 60));
    let refused = processor.go_on(false).await;
    assert!(matches!(refused, Err(GoOnError::StillPromised { until: found }) if found == until));
    // It would have been sealed by now many times: windows close at once.
    tokio::time::sleep(std::time::Duration::from_secs(3)).await;
    let standing = processor.standing().await.expect("reads");
    assert_eq!((standing.queued, standing.open_batches, standing.accepted), (1, 0, 1));

    // That lasts.
    world.stop(processor).await;
    let processor = world.start(world.at_once()).await;
    assert_eq!(code(&processor, &another).await, "paused");

    // A clock that is ahead ends no promise: the chain's is asked too.
    let seconds = until.seconds_since(world.clock.now()).expect("later");
    let ahead = i64::try_from(seconds).expect("some hours");
    world.clock.advance(ahead);
    assert!(matches!(processor.go_on(false).await, Err(GoOnError::StillPromised { .. })));
    world.clock.advance(-ahead);

    // Once all that can have been promised is over, it goes on, with what it knows.
    world.travel(seconds);
    world.ready(&processor).await;
    assert!(processor.go_on(false).await.expect("it goes on"));
    assert!(!processor.go_on(false).await.expect("it does already"));
    let later = world.mandate(&lost.payer, 500, 4);
    assert_eq!(code(&processor, &later).await, "accepted");
    all_settled(&processor, &[MandateHash::from(world.id_of(&later))]).await;
    audited(&processor);
    world.stop(processor).await;
}

/// Why it waits.
#[tokio::test(flavor = "multi_thread")]
async fn a_restored_ledger_that_goes_on_at_once_promises_the_same_money_twice() {
    let lost = Lost::begin().await;
    let world = lost.restored();
    let processor = world.start(world.at_once()).await;
    assert!(processor.go_on(true).await.expect("it was told to"));
    let another = world.mandate(&lost.payer, FUNDS - 100, 3);
    assert_eq!(code(&processor, &another).await, "accepted");
    // Somebody has a receipt for the same money: not both are paid by it.
    assert_eq!(code(&processor, &lost.forgotten).await, "insufficient_funds");
    // What it knows is settled in time.
    all_settled(&processor, &[MandateHash::from(world.id_of(&lost.known))]).await;
    world.stop(processor).await;
}

/// The time is counted from when it matters: not from when the copy was made, nor from the restore before.
#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_was_restored_long_ago_or_twice_waits_anew() {
    let lost = Lost::begin().await;
    let world = lost.restored();
    // Meanwhile the machine that it was copied from goes on, for a day.
    world.travel(86_400);
    let processor = world.start(world.config()).await;
    let longest_s = world.deployment.wallet.periods.promise_seconds;
    assert!(processor.promised_until().expect("it was restored") > world.later(longest_s - 60));
    // A backup of what was restored, and lost again before it was told to go on.
    let folder = TempDir::new().expect("a folder");
    let number = back_up(&processor, &folder);
    world.stop(processor).await;
    fs::remove_dir_all(world.ledger()).expect("removed");
    world.travel(86_400);
    let data = world.ledger().parent().expect("a folder").to_owned();
    let backups = BackupFolder::existing(folder.path()).expect("backups");
    backups.restore(number, &data, world.clock.now()).expect("restored");
    let processor = world.start(world.config()).await;
    assert!(matches!(processor.go_on(false).await, Err(GoOnError::StillPromised { .. })));
    assert!(processor.promised_until().expect("it was restored") > world.later(longest_s - 60));
    world.stop(processor).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_that_was_interrupted_is_done_again_and_nothing_starts_before() {
    let lost = Lost::begin().await;
    let data = lost.world.ledger().parent().expect("a folder").to_owned();
    // Half of a ledger, as a machine that was switched off leaves it.
    fs::create_dir_all(data.join("ledger.unmarked/rocksdb")).expect("made");
    fs::write(data.join("ledger.unmarked/rocksdb/CURRENT"), "").expect("written");
    assert!(is_unfinished(&data));
    let world = lost.restored();
    assert!(!is_unfinished(&data));
    let processor = world.start(world.config()).await;
    assert_eq!(processor.accepted(), 1);
    world.stop(processor).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_restored_over_a_ledger_nor_mixed_with_anothers() {
    let lost = Lost::begin().await;
    let world = lost.restored();
    let data = world.ledger().parent().expect("a folder").to_owned();
    let backups = BackupFolder::existing(lost.backups.path()).expect("backups");
    let again = backups.restore(1, &data, world.clock.now());
    assert!(matches!(again, Err(BackupsError::Store(_))), "{again:?}");
    let missing = backups.restore(7, &data, world.clock.now());
    assert!(matches!(missing, Err(BackupsError::Unknown { number: 7, .. })), "{missing:?}");
    // One process at a time.
    let second = BackupFolder::existing(lost.backups.path());
    assert!(matches!(second, Err(BackupsError::InUse(_))), "{second:?}");
    let owner = backups.owner();
    drop(backups);
    let other = Owner { processor: world.token(), ..owner };
    let mixed = BackupFolder::of(lost.backups.path(), other);
    assert!(matches!(mixed, Err(BackupsError::OtherOwner { .. })), "{mixed:?}");
    let folder = TempDir::new().expect("a folder");
    assert!(matches!(BackupFolder::existing(folder.path()), Err(BackupsError::None(_))));
    fs::write(folder.path().join("letters"), "to a friend").expect("written");
    let used = BackupFolder::of(folder.path(), owner);
    assert!(matches!(used, Err(BackupsError::NotBackups(_))), "{used:?}");
    let list = lost.backups.path().join("backups.json");
    fs::write(
        &list,
        fs::read_to_string(&list).expect("reads").replace("\"version\": 1,", "\"version\": 2,"),
    )
    .expect("written");
    let newer = BackupFolder::existing(lost.backups.path());
    assert!(matches!(newer, Err(BackupsError::List { .. })), "{newer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_backups_the_newest_are_kept_and_each_can_be_restored() {
    let world = World::new().await;
    let payer = world.payer(0, FUNDS).await;
    let processor = world.start(world.config()).await;
    let folder = TempDir::new().expect("a folder");
    for nonce in 1..=4 {
        processor.accept(world.mandate(&payer, 10, nonce)).await.expect("accepted");
        assert_eq!(u64::from(back_up(&processor, &folder)), nonce);
    }
    let mut backups = BackupFolder::existing(folder.path()).expect("backups");
    assert_eq!(backups.keep(2).expect("removed"), 2);
    let kept: Vec<_> = backups.list().iter().map(|own| (own.number, own.accepted)).collect();
    assert_eq!(kept, [(3, 3), (4, 4)]);
    for (number, accepted) in kept {
        let data = TempDir::new().expect("a folder");
        backups.restore(number, data.path(), world.clock.now()).expect("restored");
        let report = aep2_ledger::audit::audit(data.path().join("ledger")).expect("audited");
        assert_eq!((report.mandates, report.findings.len()), (accepted, 0), "{number}");
    }
    world.stop(processor).await;
}
