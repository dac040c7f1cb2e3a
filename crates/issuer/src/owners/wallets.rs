//! Wallets: an account's key is made here, and never leaves.

use aep2_audit_log::Name;
use aep2_mandate::{
    eddsa::{PublicKey, SecretKey},
    signer::Signer,
    units::AccountId,
    wire::Strict,
};
use aep2_x402::{purchase::Venue, terms::WireAddress};
use rand::{Rng, rngs::OsRng};
use serde_json::json;
use url::Url;

use crate::{
    audit::{self, Actor},
    error::{Code, IssuerError, Refusal},
    family::Family,
    ids::{OwnerId, WalletId},
    issuer::{Issuer, key_hash},
    keys,
    records::{PaymentRecord, PaymentState, WalletRecord},
    store::{self, Source, Tx, put},
};

const WALLET: Name = Name::constant("wallet");
const CREATED: Name = Name::constant("wallet.created");
const ACCOUNT_SET: Name = Name::constant("wallet.account_set");
const FROZEN: Name = Name::constant("wallet.frozen");
const UNFROZEN: Name = Name::constant("wallet.unfrozen");

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
    ) -> Result<(WalletRecord, PublicKey), IssuerError> {
        let id = WalletId::random();
        let key = SecretKey::generate(&mut OsRng);
        let public = key.public();
        let Venue { chain, wallet, processor } = new.venue;
        let record = WalletRecord {
            id,
            owner,
            name: new.name,
            account: None,
            processor_url: new.processor_url,
            chain_id: chain,
            wallet: WireAddress(wallet),
            processor: WireAddress(processor),
            key_hash: Strict(key_hash(&public)),
            sealed_key: self.vault().seal(WalletRecord::key_context(&id), key.seed())?,
            frozen: false,
            created: self.now(),
        };
        let written = record.clone();
        self.write(move |tx| {
            put(tx, keys::wallet(owner, id), &written)?;
            // Nonces begin in a word of their own, as in every payer's journal: two that sign for one
            // account, say after a restored backup, seldom meet.
            let word = OsRng.gen_range(0..FIRST_WORD_MAX);
            store::set_sequence(tx, id.bytes(), word << 7);
            let details =
                json!({ "name": written.name, "keyHash": written.key_hash.0.to_string() });
            let subject = (WALLET, &*id.to_string());
            audit::note(tx, written.created, &actor, CREATED, subject, details)
        })
        .await?;
        self.signing().add(id, Signer::new(key, chain, wallet));
        Ok((record, public))
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

    /// An owner's wallets.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn wallets(&self, owner: OwnerId) -> Result<Vec<WalletRecord>, IssuerError> {
        store::all(&self.snapshot(), owner.bytes())
    }
}

/// An owner's wallet.
fn wallet(tx: &Tx<'_>, owner: OwnerId, id: WalletId) -> Result<WalletRecord, IssuerError> {
    let found = tx.record(&keys::wallet(owner, id))?;
    Ok(found.ok_or_else(|| Refusal::new(Code::NotFound, format!("you have no wallet {id}")))?)
}
