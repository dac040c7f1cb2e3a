//! Wallets: an account's key is made here, and never leaves.

use std::sync::Arc;

use aep2_audit_log::Name;
use aep2_mandate::{eddsa::SecretKey, signer::Signer, units::AccountId, wire::Strict};
use aep2_vault::Context;
use aep2_x402::{purchase::Venue, terms::WireAddress};
use alloy_primitives::hex;
use rand::{Rng, rngs::OsRng};
use serde_json::json;
use url::Url;

use crate::{
    audit::{self, Actor},
    error::{Code, IssuerError, Refusal},
    family::Family,
    ids::{OwnerId, WalletId},
    issuer::{Issuer, KEY_KIND, key_hash},
    keys,
    records::{PaymentRecord, PaymentState, WalletRecord},
    store::{self, Source, Tx, put},
};

const WALLET: Name = Name::constant("wallet");
const CREATED: Name = Name::constant("wallet.created");
const ACCOUNT_SET: Name = Name::constant("wallet.account_set");
const FROZEN: Name = Name::constant("wallet.frozen");
const UNFROZEN: Name = Name::constant("wallet.unfrozen");
const RESTORED: Name = Name::constant("wallet.restored");

/// New wallets begin below this nonce word: the chain keeps such words cheaply, and there is room for 2^29
/// nonces.
const FIRST_WORD_MAX: u64 = 1 << 22;

/// A wallet that an owner wants.
#[derive(Clone, Debug)]
pub struct NewWallet {
    /// What people call it.
    pub name: String,
    /// The processor's address on the net.
    pub processor_url: Url,
    /// Where payments from it count, by the processor's word and the owner's.
    pub venue: Venue,
}

impl Issuer {
    /// Makes a wallet with a new key. Its owner opens an account with the key, and says which.
    ///
    /// # Errors
    /// When the key cannot be sealed, or the store fails.
    pub async fn create_wallet(
        &self,
        owner: OwnerId,
        actor: Actor,
        new: NewWallet,
    ) -> Result<WalletRecord, IssuerError> {
        let id = WalletId::random();
        let key = SecretKey::generate(&mut OsRng);
        let public = key.public();
        let Venue { chain, wallet, processor } = new.venue;
        let mut record = WalletRecord {
            id,
            owner,
            name: new.name,
            account: None,
            processor_url: new.processor_url,
            chain_id: chain,
            wallet: WireAddress(wallet),
            processor: WireAddress(processor),
            public_key: public,
            key_hash: Strict(key_hash(&public)),
            sealed_key: String::new(),
            frozen: false,
            created: self.now(),
        };
        let context = record.key_context();
        let context = Context { kind: KEY_KIND, id: &context };
        record.sealed_key = hex::encode(self.vault().seal(context, key.seed())?.to_bytes());
        let signer = Signer::new(key, chain, wallet);
        let signing = Arc::clone(self.signing());
        let written = record.clone();
        self.write(move |tx| {
            put(tx, keys::wallet(owner, id), &written)?;
            begin_nonces(tx, id);
            let details =
                json!({ "name": written.name, "keyHash": written.key_hash.0.to_string() });
            let subject = (WALLET, &*id.to_string());
            audit::note(tx, written.created, &actor, CREATED, subject, details)?;
            // Here, and not when the answer is there: whoever asked may have left by then.
            signing.add(id, signer);
            Ok(())
        })
        .await?;
        Ok(record)
    }

    /// Says which account on chain has the wallet's key.
    ///
    /// # Errors
    /// [`Code::Conflict`] when it has another account already; [`Code::NotFound`]; when the store fails.
    pub async fn set_account(
        &self,
        owner: OwnerId,
        actor: Actor,
        id: WalletId,
        account: AccountId,
    ) -> Result<WalletRecord, IssuerError> {
        let now = self.now();
        self.write(move |tx| {
            let mut wallet = wallet(tx, owner, id)?;
            if wallet.account.is_some_and(|known| known != account) {
                let message = "the wallet has an account; make another wallet for another account";
                return Err(Refusal::new(Code::Conflict, message).into());
            }
            let venue = wallet.venue();
            for (_, value) in tx.scan(Family::Wallets, &[], None)? {
                let other: WalletRecord = store::read(&[], &value)?;
                if other.id != id && other.venue() == venue && other.account == Some(account) {
                    let message = "another wallet here has this account";
                    return Err(Refusal::new(Code::Conflict, message).into());
                }
            }
            wallet.account = Some(account);
            put(tx, keys::wallet(owner, id), &wallet)?;
            let subject = (WALLET, &*id.to_string());
            audit::note(tx, now, &actor, ACCOUNT_SET, subject, json!({ "account": account }))?;
            Ok(wallet)
        })
        .await
    }

    /// Freezes a wallet, or ends that. Gives the payments that were issued from it and whose outcome is
    /// not known: a freeze does not take them back.
    ///
    /// # Errors
    /// [`Code::NotFound`]; when the store fails.
    pub async fn freeze_wallet(
        &self,
        owner: OwnerId,
        actor: Actor,
        id: WalletId,
        frozen: bool,
    ) -> Result<Vec<PaymentRecord>, IssuerError> {
        let now = self.now();
        self.write(move |tx| {
            let mut wallet = wallet(tx, owner, id)?;
            wallet.frozen = frozen;
            put(tx, keys::wallet(owner, id), &wallet)?;
            let action = if frozen { FROZEN } else { UNFROZEN };
            audit::note(tx, now, &actor, action, (WALLET, &*id.to_string()), json!({}))
        })
        .await?;
        self.outstanding(|payment| payment.wallet == id)
    }

    /// The payments whose outcome is not known and that `which` picks.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn outstanding(
        &self,
        which: impl Fn(&PaymentRecord) -> bool,
    ) -> Result<Vec<PaymentRecord>, IssuerError> {
        let view = self.snapshot();
        let mut found = Vec::new();
        for entry in view.entries(Family::Outstanding, &[]) {
            let (key, _) = entry?;
            let payment = view.record::<PaymentRecord>(key.get(8..).unwrap_or_default())?;
            found
                .extend(payment.filter(|payment| {
                    payment.state == PaymentState::Outstanding && which(payment)
                }));
        }
        Ok(found)
    }

    /// What has to be done after a backup was restored: nobody knows what was issued since it was made.
    /// Every wallet is frozen until its owner ends that, having cancelled what is outstanding or accepted
    /// that it was spent besides; and goes on with nonces of another word, because those that follow were
    /// used. Gives how many wallets there are.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn after_restore(&self) -> Result<usize, IssuerError> {
        let now = self.now();
        self.write(move |tx| {
            let wallets = tx.scan(Family::Wallets, &[], None)?;
            for (key, value) in &wallets {
                let mut wallet: WalletRecord = store::read(key, value)?;
                wallet.frozen = true;
                put(tx, key.clone(), &wallet)?;
                begin_nonces(tx, wallet.id);
                let subject = (WALLET, &*wallet.id.to_string());
                audit::note(tx, now, &Actor::Operator, RESTORED, subject, json!({}))?;
            }
            Ok(wallets.len())
        })
        .await
    }

    /// An owner's wallets.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn wallets(&self, owner: OwnerId) -> Result<Vec<WalletRecord>, IssuerError> {
        store::all(&self.snapshot(), owner.bytes())
    }
}

/// Lets a wallet's nonces go on in a word that is drawn at random: two issuers of one account, on two
/// machines or before and after a restored backup, seldom meet.
fn begin_nonces(tx: &mut Tx<'_>, id: WalletId) {
    let word = OsRng.gen_range(0..FIRST_WORD_MAX);
    store::set_sequence(tx, id.bytes(), word << 7);
}

/// An owner's wallet.
fn wallet(tx: &Tx<'_>, owner: OwnerId, id: WalletId) -> Result<WalletRecord, IssuerError> {
    let found = tx.record(&keys::wallet(owner, id))?;
    Ok(found.ok_or_else(|| Refusal::new(Code::NotFound, format!("you have no wallet {id}")))?)
}
