//! What a payer signed, on disk before it leaves.
//!
//! A file of lines of JSON, only ever appended to, in the payer's directory. It is shared: several
//! processes may pay from one account at once, since whoever appends holds the file's lock, and
//! reads what the others wrote first. So nonces follow one another without gaps, over restarts and
//! over processes, and a day's limit is one limit.
//!
//! A mandate is written and synced before it is handed to whoever sends it. A line that a crash
//! cut short was never synced, so its mandate never left: it is cut off. Anything else that cannot
//! be read is an error, and nothing is signed: a nonce used twice is a payment lost.

use std::{
    fs::{File, OpenOptions},
    io::{self, BufRead, BufReader, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use aep2_mandate::{
    mandate::{MandateId, SignedMandate},
    typed_data::receipt::SignedReceipt,
    units::{AccountId, Amount, ChainId, Nonce, UnixTime},
    wire::Strict,
};
use alloy_primitives::Address;
use rand::Rng;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::request_key::RequestKey;

/// The file in the payer's directory.
pub const FILE_NAME: &str = "payments.jsonl";
/// The version of its format.
const VERSION: u32 = 1;

/// New journals begin below this nonce word. The wallet keeps the word that an account is at beside its
/// balance, which is cheap, for words below 2^23: so there is room for 2^29 nonces, and two journals of
/// one account seldom meet.
const FIRST_WORD_MAX: u64 = 1 << 22;

/// A line of the journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Record {
    /// The first line: whose journal it is.
    Opened {
        /// The format's version.
        version: u32,
        /// The account that pays.
        account: AccountId,
        /// The wallet's chain.
        chain_id: ChainId,
        /// The wallet.
        wallet: Strict<Address>,
        /// The first nonce. It starts a word that was drawn at random, so that two journals of one
        /// account, on two machines or one after the other, do not meet.
        first_nonce: Nonce,
    },
    /// A mandate was signed. It may have left from here on.
    Signed {
        /// When.
        at: UnixTime,
        /// The host that is paid.
        host: String,
        /// The mandate's id.
        id: MandateId,
        /// The mandate.
        mandate: Box<SignedMandate>,
        /// The request that it pays for, to be known again. None where whoever asked for the mandate
        /// keeps it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        request: Option<Box<Requested>>,
    },
    /// It never left, and never will.
    Withheld {
        /// The mandate's id.
        id: MandateId,
    },
    /// The processor's receipt came back, and was verified.
    Accepted {
        /// When.
        at: UnixTime,
        /// The mandate's id.
        id: MandateId,
        /// The receipt.
        receipt: Box<SignedReceipt>,
    },
    /// The payee refused it. It may still be handed in.
    Refused {
        /// When.
        at: UnixTime,
        /// The mandate's id.
        id: MandateId,
        /// The payee's reason.
        reason: String,
    },
    /// The processor's signed statement of what was captured came back, and was verified.
    Captured {
        /// When.
        at: UnixTime,
        /// The mandate's id.
        id: MandateId,
        /// What was captured.
        amount: Amount,
    },
    /// The request that it paid for has its answer, to the end. The same request is a new purchase from
    /// here on.
    Answered {
        /// When.
        at: UnixTime,
        /// The mandate's id.
        id: MandateId,
    },
}

/// What a mandate was signed for: enough to know the request again, and to send the same payment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Requested {
    /// What makes another request the same.
    pub key: RequestKey,
    /// The method.
    pub method: String,
    /// The resource, as [`Purchase::resource`](aep2_x402::purchase::Purchase::resource).
    pub resource: String,
    /// The payee's terms that were accepted, as JSON, as they came.
    pub terms: String,
}

/// Why the journal cannot be used. Nothing is signed then.
#[derive(Debug, Error)]
pub enum JournalError {
    /// The file system.
    #[error("the journal {path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        source: io::Error,
    },
    /// A line that is no record.
    #[error("the journal {path} is damaged at byte {offset}: {reason}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where the line begins.
        offset: u64,
        /// What is wrong.
        reason: String,
    },
    /// It is another account's.
    #[error("the journal {path} is that of {found}, not of {expected}")]
    OtherAccount {
        /// The file.
        path: PathBuf,
        /// Whose it is.
        found: String,
        /// Whose it should be.
        expected: String,
    },
    /// All nonces are used, which takes longer than anything lasts.
    #[error("there is no nonce left after {0}")]
    NoncesSpent(Nonce),
    /// The journal failed before, and what it holds is not certain.
    #[error("the journal failed before: {0}")]
    Failed(String),
}

/// Whose journal it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Owner {
    pub(super) account: AccountId,
    pub(super) chain: ChainId,
    pub(super) wallet: Address,
}

impl Owner {
    fn describe(&self) -> String {
        format!("account {} in the wallet {} on chain {}", self.account, self.wallet, self.chain)
    }
}

/// The file, and how far it was read.
#[derive(Debug)]
pub(super) struct Journal {
    file: File,
    path: PathBuf,
    owner: Owner,
    read_to: u64,
}

impl Journal {
    /// Opens the journal in `directory`, makes it where there is none, and hands what it holds to
    /// `apply`.
    pub(super) fn open(
        directory: &Path,
        owner: Owner,
        apply: impl FnMut(Record),
    ) -> Result<Self, JournalError> {
        let path = directory.join(FILE_NAME);
        let failed = |source| JournalError::Io { path: path.clone(), source };
        std::fs::create_dir_all(directory).map_err(failed)?;
        let file = OpenOptions::new().read(true).append(true).create(true).open(&path);
        let mut journal = Self { file: file.map_err(failed)?, path, owner, read_to: 0 };
        journal.locked(apply, |_| Ok(()))?;
        // The file's name is on disk too before anything that it holds leaves.
        let synced = File::open(directory).and_then(|directory| directory.sync_all());
        synced.map_err(|source| journal.io(source))?;
        Ok(journal)
    }

    /// With the file locked and all that others wrote handed to `apply`, does `work`.
    pub(super) fn locked<T>(
        &mut self,
        apply: impl FnMut(Record),
        work: impl FnOnce(&mut Self) -> Result<T, JournalError>,
    ) -> Result<T, JournalError> {
        self.file.lock().map_err(|source| self.io(source))?;
        let done = self.catch_up(apply).and_then(|()| work(self));
        self.file.unlock().map_err(|source| self.io(source))?;
        done
    }

    /// Appends lines, and syncs them where they must not be lost. The lock is the caller's.
    pub(super) fn append(&mut self, records: &[Record], sync: bool) -> Result<(), JournalError> {
        if records.is_empty() {
            return Ok(());
        }
        let mut lines = Vec::new();
        for record in records {
            serde_json::to_writer(&mut lines, record).map_err(|error| self.io(error.into()))?;
            lines.push(b'\n');
        }
        let written = self.file.write_all(&lines);
        let synced = written.and_then(|()| if sync { self.file.sync_data() } else { Ok(()) });
        synced.map_err(|source| self.io(source))?;
        self.read_to += lines.len() as u64;
        Ok(())
    }

    /// Reads what was appended since, and cuts off a line that was cut short.
    fn catch_up(&mut self, mut apply: impl FnMut(Record)) -> Result<(), JournalError> {
        let seek = self.file.seek(SeekFrom::Start(self.read_to));
        seek.map_err(|source| self.io(source))?;
        let mut reader = BufReader::new(&self.file);
        let mut line = Vec::new();
        loop {
            line.clear();
            let length = reader.read_until(b'\n', &mut line).map_err(|source| self.io(source))?;
            if length == 0 {
                break;
            }
            if line.last() != Some(&b'\n') {
                self.file.set_len(self.read_to).map_err(|source| self.io(source))?;
                break;
            }
            let record = serde_json::from_slice(&line).map_err(|error| JournalError::Damaged {
                path: self.path.clone(),
                offset: self.read_to,
                reason: error.to_string(),
            })?;
            if self.read_to == 0 {
                self.check_owner(&record)?;
            }
            apply(record);
            self.read_to += length as u64;
        }
        if self.read_to == 0 {
            let first = self.first_record();
            self.append(std::slice::from_ref(&first), true)?;
            apply(first);
        }
        Ok(())
    }

    fn first_record(&self) -> Record {
        let Owner { account, chain, wallet } = self.owner;
        let word: u64 = rand::rngs::OsRng.gen_range(0..FIRST_WORD_MAX);
        Record::Opened {
            version: VERSION,
            account,
            chain_id: chain,
            wallet: Strict(wallet),
            first_nonce: Nonce::new(word << 7),
        }
    }

    fn check_owner(&self, first: &Record) -> Result<(), JournalError> {
        let damaged = |reason: String| {
            Err(JournalError::Damaged { path: self.path.clone(), offset: 0, reason })
        };
        let Record::Opened { version, account, chain_id, wallet, .. } = first else {
            return damaged("the first line does not say whose journal it is".to_owned());
        };
        if *version != VERSION {
            return damaged(format!(
                "its format has version {version}, this program reads {VERSION}"
            ));
        }
        let found = Owner { account: *account, chain: *chain_id, wallet: wallet.0 };
        if found != self.owner {
            return Err(JournalError::OtherAccount {
                path: self.path.clone(),
                found: found.describe(),
                expected: self.owner.describe(),
            });
        }
        Ok(())
    }

    fn io(&self, source: io::Error) -> JournalError {
        JournalError::Io { path: self.path.clone(), source }
    }
}

/// Reads the journal in `directory`, as it is now.
///
/// # Errors
/// When there is none, or a line is no record. A last line that is not finished is left out.
pub fn read(directory: &Path) -> Result<Vec<Record>, JournalError> {
    let path = directory.join(FILE_NAME);
    let text =
        std::fs::read(&path).map_err(|source| JournalError::Io { path: path.clone(), source })?;
    let mut records = Vec::new();
    let mut offset = 0;
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        if line.last() != Some(&b'\n') {
            break;
        }
        let record = serde_json::from_slice(line).map_err(|error| JournalError::Damaged {
            path: path.clone(),
            offset,
            reason: error.to_string(),
        })?;
        records.push(record);
        offset += line.len() as u64;
    }
    Ok(records)
}
