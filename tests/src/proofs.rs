//! Mandates, really signed, and batches, really proved: two lanes of two slots, with capture.

use std::sync::LazyLock;

use aep2_chain::wallet::WalletId;
use aep2_circuits::Shape;
use aep2_devchain::dev_accounts;
use aep2_mandate::{
    eddsa::SecretKey,
    mandate::SignedMandate,
    signer::{MandateTerms, Released, Signer},
    units::{AccountId, Amount, Ceiling, Nonce, UnixTime},
};
use aep2_prover::{
    arrange::Batch,
    blinding::Blinding,
    proven::Proven,
    prover::{Entropy, Prover},
    window::{Entry, ValidWindow, Window},
};
use alloy::primitives::{Address, B256};
use rand::{SeedableRng, rngs::StdRng};

/// The prover of all tests. Its key is made once a process.
pub fn prover() -> &'static Prover {
    static PROVER: LazyLock<Prover> = LazyLock::new(|| {
        let shape = Shape::new(2, 2, true).unwrap();
        Prover::set_up(shape, &Entropy::Seed(*b"a seed that everybody may know!!"), &()).unwrap()
    });
    &PROVER
}

/// A payment, as a payer's agent signs it.
#[derive(Clone, Copy, Debug)]
pub struct Payment {
    /// Who pays.
    pub account: AccountId,
    /// Who is paid.
    pub payee: Address,
    /// At most how much, in base units.
    pub amount: u128,
    /// How much of it the payee takes, in base units.
    pub captured: u128,
    /// Of the mandate.
    pub nonce: u64,
}

impl Payment {
    fn terms(&self, token: Address, deadline: UnixTime) -> MandateTerms {
        MandateTerms {
            account: self.account,
            token,
            payee: self.payee,
            amount: Ceiling::new(self.amount).unwrap(),
            nonce: Nonce::new(self.nonce),
            deadline,
            reference: B256::repeat_byte(self.nonce as u8),
        }
    }

    /// The mandate, following `previous` if there is one.
    pub fn sign(
        &self,
        key: &SecretKey,
        wallet: WalletId,
        token: Address,
        deadline: UnixTime,
        previous: Option<&Released>,
    ) -> SignedMandate {
        let secret = SecretKey::from_seed(*key.seed());
        let signer = Signer::new(secret, wallet.chain_id, wallet.address);
        signer.sign(self.terms(token, deadline), previous)
    }
}

/// A window, its arrangement, and its proofs.
#[derive(Clone, Debug)]
pub struct ProvedWindow {
    /// What goes to the wallet.
    pub proven: Proven,
    /// What was proved.
    pub window: ValidWindow,
    /// How it was arranged.
    pub batch: Batch,
}

/// Proofs of payments, those of one account in one chain, each account with its key.
pub fn prove(
    wallet: WalletId,
    token: Address,
    valid_until: UnixTime,
    payments: &[(&SecretKey, Payment)],
) -> Proven {
    prove_window(wallet, token, valid_until, payments).proven
}

/// [`prove()`], with what was proved.
pub fn prove_window(
    wallet: WalletId,
    token: Address,
    valid_until: UnixTime,
    payments: &[(&SecretKey, Payment)],
) -> ProvedWindow {
    let mut mandates = Vec::new();
    let mut previous: Vec<(AccountId, Released)> = Vec::new();
    for (key, payment) in payments {
        let of_account = previous.iter().rposition(|(account, _)| *account == payment.account);
        let before = of_account.map(|index| &previous[index].1);
        let signed = payment.sign(key, wallet, token, valid_until, before);
        previous.push((payment.account, signed.clone().released_to_payee()));
        let captured = Some(Amount::new(payment.captured).unwrap());
        mandates.push(Entry { signed, captured });
    }
    let window =
        Window { chain_id: wallet.chain_id, wallet: wallet.address, token, valid_until, mandates };
    let mut rng = StdRng::seed_from_u64(7);
    let window = window.validate(&mut rng).unwrap();
    let blinding = Blinding::random(&mut rng);
    let (proven, batch, _) = prover().prove(&window, &blinding, &mut rng, &()).unwrap();
    ProvedWindow { proven, window, batch }
}

/// The development keys, which both chains prefund.
pub(crate) fn dev_key(index: usize) -> alloy::signers::local::PrivateKeySigner {
    dev_accounts().unwrap()[index].clone()
}
