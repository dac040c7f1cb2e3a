//! Calls of the wallet as values.
//!
//! Each does what `IDebitWallet` says of the function of the same name.

use aep2_mandate::{typed_data::direct::SignedDirectMandate, units::AccountId};
use alloy::{
    primitives::{Address, Bytes, U256},
    sol_types::SolCall,
};

use super::{
    id::WalletId,
    signing::{SignedOpening, seconds},
    terms::{Terms, VerifierList},
    units::{BaseUnits, KeyHash, VerifierSetId},
};
use crate::{
    call::Call,
    contracts::{DebitWallet as abi, IDebitWallet},
    token::{SignedAuthorization, SignedPermit},
};

/// A direct mandate, and what its payee captured of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DirectSettlement {
    /// The mandate.
    pub signed: SignedDirectMandate,
    /// At most its amount; 0 burns its nonce and moves nothing.
    pub captured: U256,
}

/// Which of a processor's two senders.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum SenderIndex {
    /// The wallet looks here first.
    First = 0,
    /// And here only for who is not the first.
    Second = 1,
}

/// Sorts mandates so that the wallet pays each payee once: it pays neighbours of one token and payee
/// together.
pub fn sort_to_net(mandates: &mut [DirectSettlement]) {
    mandates.sort_by_key(|entry| (entry.signed.message.token, entry.signed.message.payee));
}

/// Verifiers and accounts.
impl WalletId {
    /// Names a list of verifiers for good. Anyone may, and again: it changes nothing.
    pub fn register_verifiers(&self, list: &VerifierList) -> Call {
        self.call(&abi::registerVerifiersCall { verifiers: list.to_abi() })
    }

    /// Opens an account of the caller's.
    pub fn open_account(&self, terms: &Terms) -> Call {
        self.call(&abi::openAccountCall {
            processor: terms.processor,
            verifierSet: VerifierSetId::word_of(terms.verifier_set),
            keyHash: KeyHash::word_of(terms.key_hash),
        })
    }

    /// Opens an account for an owner who signed for it.
    pub fn open_account_with_signature(&self, signed: &SignedOpening) -> Call {
        self.call(&abi::openAccountWithSignatureCall {
            opening: signed.opening.to_abi(),
            deadline: seconds(signed.deadline),
            signature: signed.signature.clone(),
        })
    }

    /// The same, with a first deposit, which must be authorized for this opening:
    /// [`DepositTarget::Opening`](crate::token::DepositTarget::Opening).
    pub fn open_account_and_deposit(
        &self,
        signed: &SignedOpening,
        token: Address,
        authorization: &SignedAuthorization,
    ) -> Call {
        self.call(&abi::openAccountAndDepositCall {
            opening: signed.opening.to_abi(),
            deadline: seconds(signed.deadline),
            signature: signed.signature.clone(),
            token,
            authorization: authorization.to_abi(),
        })
    }

    /// Asks for another mandate key.
    pub fn rotate_key(&self, account: AccountId, key_hash: KeyHash) -> Call {
        let (account, key_hash) = (account.get(), key_hash.to_word());
        self.call(&abi::rotateKeyCall { account, keyHash: key_hash })
    }

    /// Asks for no mandate key.
    pub fn revoke_key(&self, account: AccountId) -> Call {
        self.call(&abi::revokeKeyCall { account: account.get() })
    }

    /// Asks for other terms.
    pub fn set_processor(&self, account: AccountId, terms: &Terms) -> Call {
        self.call(&abi::setProcessorCall {
            account: account.get(),
            processor: terms.processor,
            verifierSet: VerifierSetId::word_of(terms.verifier_set),
            keyHash: KeyHash::word_of(terms.key_hash),
        })
    }

    /// Takes a requested change back.
    pub fn cancel_change(&self, account: AccountId) -> Call {
        self.call(&abi::cancelChangeCall { account: account.get() })
    }

    /// Puts a change in force whose delay has passed. Anyone may.
    pub fn apply_change(&self, account: AccountId) -> Call {
        self.call(&abi::applyChangeCall { account: account.get() })
    }

    /// Requests the account that the caller's direct mandates are to debit; none for no account.
    pub fn set_direct_account(&self, account: Option<AccountId>) -> Call {
        self.call(&abi::setDirectAccountCall { account: account.map_or(0, AccountId::get) })
    }

    /// Puts a change of an owner's direct account in force whose delay has passed. Anyone may.
    pub fn apply_direct_account(&self, owner: Address) -> Call {
        self.call(&abi::applyDirectAccountCall { owner })
    }
}

/// Funds.
impl WalletId {
    /// Puts the caller's tokens into an account; the wallet must be approved for them, with
    /// [`token::approve`](crate::token::approve).
    pub fn deposit(&self, account: AccountId, token: Address, amount: BaseUnits) -> Call {
        let (account, amount) = (account.get(), amount.to_word());
        self.call(&abi::depositCall { account, token, amount })
    }

    /// The same by an EIP-3009 authorization for this account:
    /// [`DepositTarget::Account`](crate::token::DepositTarget::Account). Anyone may bring it.
    pub fn deposit_with_authorization(
        &self,
        account: AccountId,
        token: Address,
        authorization: &SignedAuthorization,
    ) -> Call {
        self.call(&abi::depositWithAuthorizationCall {
            account: account.get(),
            token,
            authorization: authorization.to_abi(),
        })
    }

    /// The same by an EIP-2612 permit for this wallet.
    ///
    /// `intent` is the owner's signed [`DepositIntent`](super::signing::DepositIntent), with the
    /// permit's amount and deadline; none when the owner itself sends this.
    pub fn deposit_with_permit(
        &self,
        account: AccountId,
        token: Address,
        permit: &SignedPermit,
        intent: Option<Bytes>,
    ) -> Call {
        self.call(&abi::depositWithPermitCall {
            account: account.get(),
            token,
            from: permit.permit.owner,
            amount: permit.permit.amount.to_word(),
            deadline: seconds(permit.permit.deadline),
            permit: Bytes::copy_from_slice(permit.signature.as_bytes()),
            intent: intent.unwrap_or_default(),
        })
    }

    /// Requests a withdrawal; more than the balance requests all of it.
    pub fn request_withdrawal(
        &self,
        account: AccountId,
        token: Address,
        amount: BaseUnits,
    ) -> Call {
        let (account, amount) = (account.get(), amount.to_word());
        self.call(&abi::requestWithdrawalCall { account, token, amount })
    }

    /// Takes the request back.
    pub fn cancel_withdrawal(&self, account: AccountId, token: Address) -> Call {
        self.call(&abi::cancelWithdrawalCall { account: account.get(), token })
    }

    /// Pays out what was asked for, or what is left of it.
    pub fn execute_withdrawal(&self, account: AccountId, token: Address, to: Address) -> Call {
        self.call(&abi::executeWithdrawalCall { account: account.get(), token, to })
    }

    /// Pays a payee what is credited to it. Anyone may.
    pub fn collect(&self, token: Address, payee: Address) -> Call {
        self.call(&abi::collectCall { token, payee })
    }

    /// Sends what is credited to the caller to whom it says, also below its threshold.
    pub fn collect_to(&self, token: Address, to: Address) -> Call {
        self.call(&abi::collectToCall { token, to })
    }

    /// Has payouts to the caller credited until they come to at least so much. A lower threshold takes
    /// the wallet's delay, and [`Self::apply_payout_threshold`] then.
    pub fn set_payout_threshold(&self, token: Address, threshold: BaseUnits) -> Call {
        self.call(&abi::setPayoutThresholdCall { token, threshold: threshold.get() })
    }

    /// Puts a payee's lower threshold in force, once its delay is over. Anyone may.
    pub fn apply_payout_threshold(&self, token: Address, payee: Address) -> Call {
        self.call(&abi::applyPayoutThresholdCall { token, payee })
    }
}

/// Direct settlement, and who settles. Batches are built in [`crate::settlement`], what stands behind
/// receipts in [`super::guarantee`].
impl WalletId {
    /// Settles direct mandates of a processor's accounts, in this order: see [`sort_to_net`]. Who sends it
    /// is the processor, or has been named its sender.
    pub fn settle_direct(&self, processor: Address, mandates: &[DirectSettlement]) -> Call {
        let mandate = |entry: &DirectSettlement| {
            let own = &entry.signed.message;
            IDebitWallet::Mandate {
                owner: own.owner,
                token: own.token,
                payee: own.payee,
                amount: own.amount,
                nonce: own.nonce,
                deadline: own.deadline,
                r#ref: own.reference,
            }
        };
        let signature =
            |entry: &DirectSettlement| Bytes::copy_from_slice(entry.signed.signature.as_bytes());
        self.call(&abi::settleDirectCall {
            processor,
            mandates: mandates.iter().map(mandate).collect(),
            signatures: mandates.iter().map(signature).collect(),
            captured: mandates.iter().map(|entry| entry.captured).collect(),
        })
    }

    /// Lets an address settle for the caller; none for nobody. There are two, so that one can be replaced
    /// while the other settles.
    pub fn set_sender(&self, index: SenderIndex, sender: Option<Address>) -> Call {
        let (index, sender) = (U256::from(index as u8), sender.unwrap_or_default());
        self.call(&abi::setSenderCall { index, sender })
    }

    pub(crate) fn call(&self, function: &impl SolCall) -> Call {
        Call::new(self.address, function)
    }
}
