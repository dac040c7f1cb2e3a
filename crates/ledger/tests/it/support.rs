//! Mandates, receipts and blocks for the tests.

use std::{collections::BTreeMap, path::Path, sync::OnceLock};

use aep2_ledger::{
    AcceptRequest, Balance, ChainBlock, ChainFact, DirectReceipt, Durable, Ledger, LedgerConfig,
    MandateHash, PayeeTerms, Verified, records::SettledDebit, schema::Family,
};
use aep2_mandate::{
    eddsa::SecretKey,
    field,
    mandate::{Domain, Mandate, Prev, SignedMandate},
    typed_data::{
        self, EcdsaSignature, TypedData,
        direct::{DirectMandate, SignedDirectMandate},
        receipt::{Receipt, SignedReceipt},
    },
    units::{AccountId, Amount, Ceiling, ChainId, Nonce, UnixTime},
};
use alloy_primitives::{Address, B256, U256, keccak256};
use tempfile::TempDir;

pub(crate) const CHAIN: ChainId = ChainId::new(8453);
pub(crate) const WALLET: Address = Address::repeat_byte(0xaa);
pub(crate) const TOKEN: Address = Address::repeat_byte(0xbb);
pub(crate) const PROCESSOR: Address = Address::repeat_byte(0xcc);
pub(crate) const OWNER: Address = Address::repeat_byte(0xdd);
pub(crate) const PAYEE: Address = Address::repeat_byte(0xee);
/// The verifiers that accounts trust, unless a test says otherwise.
pub(crate) const VERIFIERS: B256 = B256::repeat_byte(5);
/// The time at which most tests take place.
pub(crate) const NOW: u64 = 1_800_000_000;
/// By when things are settled, unless a test says otherwise, in seconds from now.
pub(crate) const SETTLE_WITHIN: u64 = 600;
/// When mandates expire, unless a test says otherwise, in seconds from now.
pub(crate) const EXPIRES_WITHIN: u64 = 3_600;

pub(crate) fn account(number: u32) -> AccountId {
    AccountId::new(number).expect("an account")
}

pub(crate) fn amount(base_units: u128) -> Amount {
    Amount::new(base_units).expect("an amount")
}

pub(crate) fn balance(base_units: u128) -> Balance {
    Balance::new(base_units).expect("a balance")
}

/// Seconds from [`NOW`].
pub(crate) fn at(seconds: i64) -> UnixTime {
    UnixTime::new(NOW.saturating_add_signed(seconds)).expect("a time")
}

pub(crate) fn config() -> LedgerConfig {
    let verifier_sets = Some([VERIFIERS].into());
    LedgerConfig { undo_blocks: 8, verifier_sets, ..LedgerConfig::new(CHAIN, WALLET, PROCESSOR) }
}

/// A key, and a signature by it on something else: what is well-formed, at no cost.
fn key() -> &'static (SignedMandate, B256) {
    static KEY: OnceLock<(SignedMandate, B256)> = OnceLock::new();
    KEY.get_or_init(|| {
        let secret = SecretKey::from_seed([7; 32]);
        let mandate = Mandate {
            account: account(1),
            token: TOKEN,
            payee: PAYEE,
            amount: Ceiling::MIN,
            nonce: Nonce::new(0),
            deadline: at(0),
            reference: B256::ZERO,
            prev: Prev::START,
        };
        let id = mandate.id(&domain(TOKEN));
        let (key, signature) = (secret.public(), secret.sign(id.element()));
        let key_hash = B256::from(field::to_be_bytes(&key.hash()));
        (SignedMandate { mandate, key, signature }, key_hash)
    })
}

/// The hash of the key with which all test mandates are "signed".
pub(crate) fn key_hash() -> B256 {
    key().1
}

pub(crate) fn domain(token: Address) -> Domain {
    Domain::new(CHAIN, WALLET, token)
}

/// The terms of a test's mandate.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms {
    pub(crate) account: u32,
    pub(crate) token: Address,
    pub(crate) nonce: u64,
    pub(crate) amount: u128,
    pub(crate) deadline: UnixTime,
    pub(crate) settle_by: UnixTime,
    /// With what its payee's terms ask for, if it has terms.
    pub(crate) not_before: Option<UnixTime>,
    pub(crate) reference: B256,
}

impl Terms {
    pub(crate) fn new(account: u32, nonce: u64, amount: u128) -> Self {
        Self {
            account,
            token: TOKEN,
            nonce,
            amount,
            deadline: at(EXPIRES_WITHIN as i64),
            settle_by: at(SETTLE_WITHIN as i64),
            not_before: None,
            reference: B256::ZERO,
        }
    }

    pub(crate) fn verified(&self) -> Verified<SignedMandate> {
        let mandate = Mandate {
            account: account(self.account),
            token: self.token,
            payee: PAYEE,
            amount: Ceiling::new(self.amount).expect("a ceiling"),
            nonce: Nonce::new(self.nonce),
            deadline: self.deadline,
            reference: self.reference,
            prev: Prev::START,
        };
        let id = mandate.id(&domain(self.token));
        let (other, _) = key();
        let signed = SignedMandate { mandate, key: other.key, signature: other.signature };
        Verified::<SignedMandate>::by_caller(signed, id)
    }

    pub(crate) fn receipt(&self) -> SignedReceipt {
        let verified = self.verified();
        let mandate = &verified.signed().mandate;
        let receipt = Receipt {
            mandate_id: mandate.id(&domain(self.token)),
            processor: PROCESSOR,
            account: mandate.account,
            nonce: mandate.nonce,
            token: mandate.token,
            payee: mandate.payee,
            arbiter: Address::ZERO,
            amount: mandate.amount,
            issued_at: UnixTime::MIN,
            deadline: mandate.deadline,
            settle_by: self.settle_by,
        };
        SignedReceipt { message: receipt, signature: EcdsaSignature::from_bytes([0x11; 65]) }
    }

    pub(crate) fn hash(&self) -> MandateHash {
        self.verified().hash()
    }

    pub(crate) fn request(&self) -> AcceptRequest {
        let request =
            AcceptRequest::proved(&self.verified(), self.receipt()).expect("its own receipt");
        match self.not_before {
            None => request,
            not_before => request.with_terms(PayeeTerms { bytes: vec![3], not_before }),
        }
    }

    /// What it takes on chain when it settles for `captured`.
    pub(crate) fn debit(&self, captured: u128) -> SettledDebit {
        let nonce = Nonce::new(self.nonce);
        SettledDebit {
            account: account(self.account),
            word: nonce.word(),
            mask: 1 << nonce.bit(),
            amount: balance(captured),
        }
    }
}

/// A direct mandate, and a request to accept it.
pub(crate) fn direct_request(nonce: u64, amount: u128) -> (MandateHash, AcceptRequest) {
    let mandate = DirectMandate {
        owner: OWNER,
        token: TOKEN,
        payee: PAYEE,
        amount: U256::from(amount),
        nonce: U256::from(nonce),
        deadline: U256::from(NOW + EXPIRES_WITHIN),
        reference: B256::ZERO,
    };
    let digest = mandate.digest(&typed_data::domain(CHAIN, WALLET));
    let signature = EcdsaSignature::from_bytes([0x22; 65]);
    let signed = SignedDirectMandate { message: mandate, signature };
    let verified = Verified::<SignedDirectMandate>::by_caller(signed, digest);
    let receipt =
        DirectReceipt { mandate_digest: digest, settle_by: at(SETTLE_WITHIN as i64), signature };
    (verified.hash(), AcceptRequest::direct(&verified, receipt).expect("its own receipt"))
}

/// The fact that an account of this processor was opened with the tests' key.
pub(crate) fn opened(number: u32) -> ChainFact {
    ChainFact::AccountOpened {
        account: account(number),
        owner: OWNER,
        processor: PROCESSOR,
        verifier_set: VERIFIERS,
        key_hash: key_hash(),
    }
}

pub(crate) fn deposited(number: u32, amount: u128) -> ChainFact {
    ChainFact::Deposited { account: account(number), token: TOKEN, amount: balance(amount) }
}

pub(crate) fn withdrawal(number: u32, amount: u128) -> ChainFact {
    ChainFact::WithdrawalRequested {
        account: account(number),
        token: TOKEN,
        amount: balance(amount),
        executable_from: at(100_000),
    }
}

/// The hash of a block of the tests' chain; `fork` tells chains apart.
pub(crate) fn block_hash(number: u64, fork: u64) -> B256 {
    keccak256([number.to_be_bytes(), fork.to_be_bytes()].concat())
}

/// A block whose parent is the one before it of the same fork. Blocks are a second apart, block
/// 1,000 is of [`NOW`].
pub(crate) fn block(number: u64, facts: Vec<ChainFact>) -> ChainBlock {
    ChainBlock {
        number,
        hash: block_hash(number, 0),
        parent: block_hash(number - 1, 0),
        time: at(number as i64 - 1_000),
        facts,
        cursor: format!("cursor {number}").into_bytes(),
    }
}

/// A ledger in a directory of its own, with account 1 funded in block 1,000.
pub(crate) struct TestLedger {
    pub(crate) directory: TempDir,
    pub(crate) ledger: Ledger,
}

impl TestLedger {
    /// An empty one.
    pub(crate) fn empty() -> Self {
        Self::with(config())
    }

    pub(crate) fn with(config: LedgerConfig) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let ledger = Ledger::open(directory.path(), config).expect("opens");
        Self { directory, ledger }
    }

    /// One with account 1, which holds 1,000.
    pub(crate) fn funded() -> Self {
        let test = Self::empty();
        test.apply(block(1_000, vec![opened(1), deposited(1, 1_000)]));
        test
    }

    pub(crate) fn apply(&self, block: ChainBlock) -> aep2_ledger::Applied {
        self.ledger.apply_block(block).wait().expect("applies").into_inner()
    }

    pub(crate) fn accept(&self, terms: &Terms) -> MandateHash {
        let accepted = self.ledger.accept(terms.request(), at(0)).wait();
        accepted.map(Durable::into_inner).expect("accepted").mandate
    }

    /// Closes it.
    pub(crate) fn close(self) -> TempDir {
        self.directory
    }

    /// Opens one that was closed.
    pub(crate) fn open(directory: TempDir) -> Self {
        let ledger = Ledger::open(directory.path(), config()).expect("opens again");
        Self { directory, ledger }
    }

    /// Closes and opens it again.
    pub(crate) fn reopen(self) -> Self {
        let Self { directory, ledger } = self;
        let config = ledger.config().clone();
        drop(ledger);
        let ledger = Ledger::open(directory.path(), config).expect("opens again");
        Self { directory, ledger }
    }

    /// What is reserved on account 1.
    pub(crate) fn reserved(&self) -> u128 {
        self.purse().reserved.get()
    }

    /// The tests' token on account 1.
    pub(crate) fn purse(&self) -> aep2_ledger::PurseView {
        let view = self.ledger.account(account(1)).expect("known");
        let purse = view.purses.into_iter().find(|(token, _)| *token == TOKEN);
        purse.expect("something is in it").1
    }

    pub(crate) fn status(&self, mandate: MandateHash) -> aep2_ledger::Status {
        self.ledger.mandate(mandate).expect("reads").expect("known").state.status
    }

    /// The auditor has nothing to say, of the open ledger and of the one on disk.
    pub(crate) fn assert_sound(&self) {
        let report = self.ledger.audit().expect("audits");
        assert_eq!(report.findings, []);
        let from_disk = aep2_ledger::audit::audit(self.directory.path()).expect("audits");
        assert_eq!(from_disk, report);
    }
}

/// Everything in some families, as it is on disk. The ledger must be closed.
pub(crate) fn raw(directory: &Path, families: &[Family]) -> BTreeMap<(Family, Vec<u8>), Vec<u8>> {
    let path = directory.join("rocksdb");
    let options = rocksdb::Options::default();
    let names = rocksdb::DB::list_cf(&options, &path).expect("a database");
    let db = rocksdb::DB::open_cf_for_read_only(&options, &path, names, false).expect("opens");
    let mut entries = BTreeMap::new();
    for family in families {
        let handle = db.cf_handle(family.name()).expect("there");
        for entry in db.iterator_cf(handle, rocksdb::IteratorMode::Start) {
            let (key, value) = entry.expect("reads");
            entries.insert((*family, key.into_vec()), value.into_vec());
        }
    }
    entries
}

/// A value to set, or to remove.
pub(crate) type Change<F = Family> = (F, Vec<u8>, Option<Vec<u8>>);

/// Changes a closed ledger behind its back: values to set, or to remove.
pub(crate) fn tamper(directory: &Path, changes: &[Change]) {
    let named =
        changes.iter().map(|(family, key, value)| (family.name(), key.clone(), value.clone()));
    tamper_raw(directory, &named.collect::<Vec<_>>());
}

/// The same, in column families by their names.
pub(crate) fn tamper_raw(directory: &Path, changes: &[Change<&'static str>]) {
    let path = directory.join("rocksdb");
    let options = rocksdb::Options::default();
    let names = rocksdb::DB::list_cf(&options, &path).expect("a database");
    let db = rocksdb::DB::open_cf(&options, path, names).expect("opens");
    for (family, key, value) in changes {
        let handle = db.cf_handle(family).expect("there");
        match value {
            Some(value) => db.put_cf(handle, key, value).expect("writes"),
            None => db.delete_cf(handle, key).expect("writes"),
        }
    }
}
