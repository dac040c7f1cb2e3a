//! Sweeping: what has been kept long enough is destroyed, and cases of processors that nobody asks any more
//! come to their end. For all cases, whatever processors the settings name.

use std::time::Duration;

use aep2_x402::purchase::Venue;

use crate::{
    arbiter::Arbiter,
    case::{Case, Delivery},
    cases,
    delivering::is_too_late,
    error::ArbiterError,
    family::Family,
    room, sealed,
};

/// How often it is swept.
const PAUSE: Duration = Duration::from_secs(600);

impl Arbiter {
    /// Sweeps for ever, beside the workers of these processors.
    pub async fn sweep_on(self, asked: Vec<Venue>) {
        loop {
            if let Err(error) = self.sweep(&asked).await {
                tracing::error!(%error, "what was kept long enough is not destroyed; soon again");
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Ends the cases whose time is over of processors that are not asked, and destroys what has been kept as
    /// long as the settings say. Gives of how many cases.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn sweep(&self, asked: &[Venue]) -> Result<usize, ArbiterError> {
        let now = self.now();
        for case in self.open_cases()? {
            if !asked.contains(&case.venue()) && is_too_late(&case, now) {
                self.abandon(&case).await?;
            }
        }
        let found = cases::to_be_destroyed(&self.snapshot(), now)?;
        let count = found.len();
        for one in found {
            self.write(move |tx| cases::destroy(tx, one, now)).await?;
        }
        for (processor, bytes) in room::used_by_all(&self.snapshot())? {
            self.metrics().evidence(processor, bytes);
        }
        self.erase().await?;
        Ok(count)
    }

    /// Ends a case that nobody works on any more.
    async fn abandon(&self, case: &Case) -> Result<(), ArbiterError> {
        let (number, processor) = (case.number, case.processor);
        tracing::warn!(case = number, %processor, "over, and the settings do not name its processor");
        match case.is_open() {
            true => self.end_too_late(number).await,
            false => self.delivered(number, Delivery::TooLate { at: self.now() }).await.map(drop),
        }
    }

    /// Rewrites the files of the keys, where some were written over since that was done last.
    async fn erase(&self) -> Result<(), ArbiterError> {
        let Some(note) = sealed::unerased(&self.view())? else { return Ok(()) };
        let own = self.clone();
        let erased = tokio::task::spawn_blocking(move || own.compact(Family::Keys)).await;
        erased.map_err(|error| ArbiterError::Internal(error.to_string()))??;
        self.write(move |tx| sealed::were_erased(tx, note)).await
    }
}

#[cfg(test)]
mod tests {
    use aep2_mandate::clock::Clock;
    use aep2_testkit::disk;
    use aep2_vault::{Kek, Vault};
    use alloy::signers::local::PrivateKeySigner;
    use alloy_primitives::B256;

    use super::*;
    use crate::{arbiter::Parts, case_file, config::DecidingConfig, store::Source};

    #[tokio::test]
    async fn a_key_that_was_destroyed_leaves_the_disk_also_after_a_kill_in_between() {
        let (directory, signer) =
            (tempfile::tempdir().expect("a folder"), PrivateKeySigner::random());
        let (kek, files): ([u8; 32], _) = (rand::random(), directory.path().join("rocksdb"));
        let open = || {
            let vault = Vault::new(Kek::from_bytes(zeroize::Zeroizing::new(kek)).expect("a key"));
            let (signer, clock, config) =
                (signer.clone(), Clock::system(), DecidingConfig::default());
            Arbiter::open(directory.path(), Parts { signer, vault, clock, config }).expect("opens")
        };
        let (arbiter, mandate) = (open(), B256::repeat_byte(7));
        let sealed = case_file::place(&mandate).seal(arbiter.vault(), b"what was said");
        let sealed = sealed.expect("sealed");
        let key = sealed.key.to_bytes();
        // What nothing compresses: salt and ciphertext.
        let secret = &key[key.len() - 40..];
        let put = arbiter.write(move |tx| {
            case_file::place(&mandate).put(tx, sealed);
            Ok(())
        });
        put.await.expect("written");
        let now = arbiter.now();
        let destroyed = arbiter
            .write(move |tx| case_file::place(&mandate).destroy(tx, sealed::allowed(now, now)?));
        destroyed.await.expect("destroyed");
        // Killed here.
        drop(arbiter);
        assert!(disk::holds(&files, secret), "it was written over, and is there still");

        let arbiter = open();
        assert_eq!(arbiter.sweep(&[]).await.expect("swept"), 0, "nothing more is due");
        assert!(disk::lets_go(&files, secret), "the wrapped key stays");
        assert_eq!(sealed::unerased(&arbiter.view()).expect("reads"), None);
        let content = arbiter.view().value(Family::Files, mandate.as_slice()).expect("reads");
        assert!(content.is_none(), "nor is there what it opened");
    }
}
