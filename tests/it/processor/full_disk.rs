//! A ledger that cannot be written to: the processor has failed, and says so to whoever runs it.

use aep2_testkit::{child, tell};
use aep2_tests::world::{LONG, World};

/// Accepts until files can have no more bytes (`ulimit -f`), and tells what comes of it.
#[test]
#[ignore = "run by `a_ledger_that_cannot_write_is_the_processors_failure`, in a process of its own"]
fn child_process() {
    if child::directory().is_none() {
        return;
    }
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let world = World::new().await;
        let payer = world.payer(0, 1_000_000).await;
        let processor = world.start(world.when_full()).await;
        let mut nonce = 0;
        while processor.accept(world.mandate(&payer, 1, nonce)).await.is_ok() {
            nonce += 1;
        }
        tell!("accepted {nonce}");
        let failure = tokio::time::timeout(LONG, processor.failed()).await.expect("it fails");
        tell!("failed {}", failure.task);
        assert!(!processor.readiness().ready);
    });
    tell!("end");
}

#[test]
fn a_ledger_that_cannot_write_is_the_processors_failure() {
    let directory = tempfile::tempdir().expect("a directory");
    let prelude = "trap '' XFSZ; ulimit -f 400;";
    let child = child::command("processor::full_disk::child_process", directory.path(), prelude);
    let output = { child }.output().expect("runs");
    let lines = child::said(&output.stdout);
    assert!(output.status.success(), "{lines:#?} {}", String::from_utf8_lossy(&output.stderr));
    assert!(lines.iter().any(|line| line == "failed ledger"), "{lines:#?}");
    assert_eq!(lines.last().map(String::as_str), Some("end"));
}
