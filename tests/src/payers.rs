//! Payers and payees.

use aep2_chain::wallet::WalletId;
use aep2_mandate::{
    eddsa::SecretKey,
    mandate::SignedMandate,
    signer::{MandateTerms, Released, Signer},
    typed_data::{
        self,
        capture::{Capture, SignedCapture},
        direct::{DirectMandate, SignedDirectMandate},
    },
    units::{AccountId, Amount, Ceiling, Nonce, UnixTime},
};
use alloy::{
    primitives::{Address, B256, U256},
    signers::local::PrivateKeySigner,
};

/// Somebody with an account.
#[derive(Clone)]
pub struct Payer {
    /// The owner's ordinary key.
    pub key: PrivateKeySigner,
    /// Its number.
    pub account: AccountId,
    /// The seed of what its agent signs mandates with.
    pub seed: [u8; 32],
}

/// A payment, as a payer's agent signs it.
#[derive(Clone, Copy, Debug)]
pub struct Payment {
    /// In which token.
    pub token: Address,
    /// Who is paid.
    pub payee: Address,
    /// At most how much, in base units.
    pub amount: u128,
    /// Of the mandate.
    pub nonce: u64,
    /// Until when it can be settled.
    pub deadline: UnixTime,
}

impl Payer {
    /// The owner's address.
    pub fn address(&self) -> Address {
        self.key.address()
    }

    /// What its agent signs mandates with.
    pub fn secret(&self) -> SecretKey {
        SecretKey::from_seed(self.seed)
    }

    /// Signs, as a chain's first mandate.
    pub fn sign(&self, wallet: WalletId, payment: Payment) -> SignedMandate {
        self.sign_after(wallet, payment, None)
    }

    /// Signs for what has this `ref`.
    pub fn sign_for(&self, wallet: WalletId, payment: Payment, reference: B256) -> SignedMandate {
        let signer = Signer::new(self.secret(), wallet.chain_id, wallet.address);
        signer.sign(MandateTerms { reference, ..self.terms(payment) }, None)
    }

    /// Signs, following another mandate if there is one.
    pub fn sign_after(
        &self,
        wallet: WalletId,
        payment: Payment,
        previous: Option<&Released>,
    ) -> SignedMandate {
        let signer = Signer::new(self.secret(), wallet.chain_id, wallet.address);
        signer.sign(self.terms(payment), previous)
    }

    fn terms(&self, payment: Payment) -> MandateTerms {
        MandateTerms {
            account: self.account,
            token: payment.token,
            payee: payment.payee,
            amount: Ceiling::new(payment.amount).expect("a ceiling"),
            nonce: Nonce::new(payment.nonce),
            deadline: payment.deadline,
            reference: B256::left_padding_from(&payment.nonce.to_be_bytes()),
        }
    }

    /// Signs as the published MVP's payers do.
    pub fn sign_directly(&self, wallet: WalletId, payment: Payment) -> SignedDirectMandate {
        let mandate = DirectMandate {
            owner: self.address(),
            token: payment.token,
            payee: payment.payee,
            amount: U256::from(payment.amount),
            nonce: U256::from(payment.nonce),
            deadline: U256::from(payment.deadline.get()),
            reference: B256::left_padding_from(&payment.nonce.to_be_bytes()),
        };
        let domain = typed_data::domain(wallet.chain_id, wallet.address);
        SignedDirectMandate::sign(mandate, &self.key, &domain).expect("signed")
    }
}

/// A payee's key: nobody's with an account.
pub fn payee(number: u8) -> PrivateKeySigner {
    PrivateKeySigner::from_bytes(&B256::repeat_byte(0xa0 + number)).expect("a key")
}

/// A payee's address.
pub fn payee_address(number: u8) -> Address {
    payee(number).address()
}

/// What a payee captures of a mandate, signed by `key`.
pub fn capture(
    wallet: WalletId,
    mandate_id: B256,
    amount: u128,
    key: &PrivateKeySigner,
) -> SignedCapture {
    let domain = typed_data::domain(wallet.chain_id, wallet.address);
    let capture = Capture { mandate_id, amount: Amount::new(amount).expect("an amount") };
    SignedCapture::sign(capture, key, &domain).expect("signed")
}
