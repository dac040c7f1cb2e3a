//! Alone in its process: tracing remembers who listens to a log line, and other tests that load keys
//! without listening would silence it.
#![allow(clippy::unwrap_used, missing_docs)]

use std::{
    io,
    sync::{Arc, Mutex},
};

use aep2_circuits::Shape;
use aep2_prover::{
    key_file::{
        CircuitId, Provenance, read_proving_key, read_verifying_key, write_proving_key,
        write_verifying_key,
    },
    prover::{Entropy, Prover},
};

#[test]
fn every_load_of_a_seeded_key_warns() {
    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);
    impl io::Write for Log {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    let shape: Shape = "1x1".parse().unwrap();
    let prover = Prover::set_up(shape, &Entropy::Seed([1; 32]), &()).unwrap();
    let id = CircuitId::of(shape);
    let warnings = |provenance| {
        let log = Log::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt().with_writer(move || writer.clone()).finish();
        tracing::subscriber::with_default(subscriber, || {
            write_proving_key(&path, prover.key(), &id, provenance).unwrap();
            read_proving_key(&path, &id).unwrap();
            read_proving_key(&path, &id).unwrap();
            write_verifying_key(&path, prover.verifying_key(), &id, provenance).unwrap();
            read_verifying_key(&path, &id).unwrap();
        });
        let log = log.0.lock().unwrap();
        String::from_utf8_lossy(&log).lines().filter(|line| line.contains("INSECURE")).count()
    };
    assert_eq!(warnings(Provenance::SeededDevelopment), 3);
    assert_eq!(warnings(Provenance::RandomDevelopment), 0);
    assert_eq!(warnings(Provenance::Ceremony { transcript: [5; 32] }), 0);
}
