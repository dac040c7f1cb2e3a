//! Who waits for an answer is not this crate's: whatever they do when they are woken, on the writer's
//! own thread, others get their answers.

use std::{
    future::Future,
    pin::pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    task::{Context, Poll, Wake, Waker},
    thread,
    time::{Duration, Instant},
};

use aep2_ledger::{JournalOpenError, Ledger, OpenError};

use crate::support::{Terms, TestLedger, at, config};

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(20);
    while !holds() {
        assert!(Instant::now() < end, "{what}");
        thread::sleep(Duration::from_millis(1));
    }
}

/// Panics when it is woken.
#[derive(Default)]
struct Fragile(AtomicBool);

impl Wake for Fragile {
    fn wake(self: Arc<Self>) {
        self.0.store(true, SeqCst);
        panic!("a panic that a test is about");
    }
}

#[test]
fn one_who_panics_when_woken_takes_nobody_along() {
    let test = TestLedger::funded();
    let mut woken = 0;
    for nonce in 0..50 {
        let fragile = Arc::new(Fragile::default());
        let waker = Waker::from(Arc::clone(&fragile));
        let [first, second] = [2 * nonce, 2 * nonce + 1]
            .map(|nonce| test.ledger.accept(Terms::new(1, nonce, 1).request(), at(0)));
        if pin!(first).poll(&mut Context::from_waker(&waker)).is_pending() {
            until("it is woken", || fragile.0.load(SeqCst));
            woken += 1;
        }
        second.wait().expect("accepted");
    }
    assert!(woken > 0);
    assert!(test.ledger.failure().is_none(), "nothing was wrong with the ledger");
    assert_eq!(test.reserved(), 100);
    test.reopen().assert_sound();
}

/// Drops the ledger when it is woken.
struct Last {
    ledger: Mutex<Option<Ledger>>,
    dropped: AtomicBool,
}

impl Wake for Last {
    fn wake(self: Arc<Self>) {
        drop(self.ledger.lock().expect("no panic").take());
        self.dropped.store(true, SeqCst);
    }
}

#[test]
fn the_last_handle_may_be_dropped_by_one_who_is_woken() {
    let TestLedger { directory, ledger } = TestLedger::funded();
    let last = Arc::new(Last { ledger: Mutex::new(Some(ledger)), dropped: AtomicBool::default() });
    let waker = Waker::from(Arc::clone(&last));
    let waits = (0..1_000).any(|nonce| {
        let accept = |ledger: &Ledger| ledger.accept(Terms::new(1, nonce, 1).request(), at(0));
        let pending = last.ledger.lock().expect("no panic").as_ref().map(accept);
        let pending = pin!(pending.expect("still open"));
        matches!(pending.poll(&mut Context::from_waker(&waker)), Poll::Pending)
    });
    assert!(waits, "never once slower than this thread");
    until("it is dropped", || last.dropped.load(SeqCst));
    // The writer ends by itself, and lets go of the directory.
    until("it is let go of", || match Ledger::open(directory.path(), config()) {
        Ok(_) => true,
        Err(OpenError::Journal(JournalOpenError::InUse { .. })) => false,
        Err(error) => panic!("{error}"),
    });
    TestLedger::open(directory).assert_sound();
}
