//! Commands that print a KEK: failing, hanging, babbling ones.

use std::{
    fs,
    time::{Duration, Instant},
};

use aep2_vault::{CommandError, Kek, KekSource, KeyWrapper, SourceError};

const HEX: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
/// More than any of them takes that ends by itself, on a busy machine.
const LONG: Duration = Duration::from_secs(60);

/// What comes of a shell's script.
fn shell(script: &str, timeout: Duration) -> Result<Kek, SourceError> {
    let arguments = vec!["-c".to_owned(), script.to_owned()];
    KekSource::Command { program: "sh".to_owned(), arguments, timeout }.read()
}

/// Why the command gave no key, and how it is told.
fn failure(script: &str, timeout: Duration) -> (CommandError, String) {
    let error = shell(script, timeout).expect_err("it gives no key");
    let message = error.to_string();
    match error {
        SourceError::Command { source, .. } => (source, message),
        other => panic!("{other}"),
    }
}

#[test]
fn what_a_command_prints_is_the_key() {
    let one = shell(&format!("echo {HEX}"), LONG).expect("read").id();
    let other = shell(&format!("printf '%s' {HEX}; echo a warning >&2"), LONG).expect("read").id();
    assert_eq!(one, other);
    let arguments = vec![HEX.to_owned()];
    let direct = KekSource::Command { program: "echo".to_owned(), arguments, timeout: LONG };
    assert_eq!(direct.read().expect("read").id(), one, "no shell is between");
    // It has no input to wait for.
    assert_eq!(shell(&format!("cat; echo {HEX}"), LONG).expect("read").id(), one);
}

#[test]
fn a_failing_command_shows_its_complaint_and_never_its_output() {
    let script = format!("echo {HEX}; printf 'no such key\\033[2J\\nask the admin' >&2; exit 3");
    let (error, message) = failure(&script, LONG);
    assert!(matches!(error, CommandError::Failed { status, .. } if status.code() == Some(3)));
    assert!(message.contains("no such key [2J ask the admin"), "{message:?}");
    assert!(!message.contains(&HEX[..8]), "{message}");
    assert!(!format!("{error:?}").contains(&HEX[..8]));
    // Killed by a signal.
    assert!(matches!(failure("kill -9 $$", LONG).0, CommandError::Failed { .. }));
}

#[test]
fn a_command_that_prints_no_key_is_refused_and_not_repeated() {
    let refused = shell("echo correct horse battery staple", LONG).expect_err("no key");
    let message = refused.to_string();
    assert!(matches!(refused, SourceError::Text { .. }), "{message}");
    assert!(!message.contains("horse"), "{message}");
    // More than a pipe holds, on both: it is not held up, and not kept.
    let babble = "head -c 1000000 /dev/zero; head -c 1000000 /dev/zero >&2";
    assert!(matches!(shell(babble, LONG), Err(SourceError::Text { .. })));
    let (error, message) = failure(&format!("{babble}; exit 1"), LONG);
    assert!(matches!(error, CommandError::Failed { .. }));
    assert!(message.len() < 4_000, "{}", message.len());
}

#[test]
fn a_command_that_is_not_there_is_told() {
    let missing = "/nonexistent/aep2-kek".to_owned();
    let source = KekSource::Command { program: missing, arguments: Vec::new(), timeout: LONG };
    let error = source.read().expect_err("there is none");
    let message = error.to_string();
    assert!(message.starts_with("the command \"/nonexistent/aep2-kek\": cannot be run: "));
}

/// Waits until no process has this number.
fn ends(process: &str) -> bool {
    let until = Instant::now() + LONG;
    // What was killed and not asked for by its parent is still there, as a zombie.
    let lives = || {
        fs::read_to_string(format!("/proc/{process}/stat"))
            .is_ok_and(|stat| !stat.rsplit(')').next().unwrap_or("").starts_with(" Z"))
    };
    while lives() && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(20));
    }
    !lives()
}

#[test]
fn a_command_that_hangs_is_ended_with_all_that_it_started() {
    let directory = tempfile::tempdir().expect("a directory");
    let pids = directory.path().join("pids");
    let path = pids.display();
    for script in [
        // It hangs by itself, by a child, or by leaving a child behind that holds its output open.
        format!("echo $$ > {path}; echo {HEX}; echo waiting for a token >&2; exec sleep 600"),
        format!("sleep 600 & echo $! $$ > {path}; echo {HEX}; echo waiting for a token >&2; wait"),
        format!("sleep 600 & echo $! > {path}; echo {HEX}; echo waiting for a token >&2; exit 0"),
    ] {
        let start = Instant::now();
        let (error, message) = failure(&script, Duration::from_secs(2));
        assert!(matches!(error, CommandError::TimedOut { .. }), "{message}");
        assert!(start.elapsed() < Duration::from_secs(60), "it was waited for");
        assert!(message.contains("waiting for a token"), "{script}: {message}");
        assert!(!message.contains(&HEX[..8]), "{message}");
        let numbers = fs::read_to_string(&pids).expect("the processes' numbers");
        assert!(!numbers.trim().is_empty());
        for process in numbers.split_whitespace() {
            assert!(ends(process), "{script}: {process} lives on");
        }
    }
}
