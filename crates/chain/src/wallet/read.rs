//! Reading the wallet through a node.

use aep2_circuits::Shape;
use aep2_mandate::{
    field,
    mandate::Domain,
    units::{AccountId, ChainId, Nonce, UnixTime},
};
use alloy::{
    eips::BlockId,
    primitives::{Address, FixedBytes, U256},
    providers::Provider,
    sol_types::Eip712Domain,
};
use serde::Serialize;

use super::{
    guarantee::Periods,
    id::WalletId,
    terms::Terms,
    units::{BaseUnits, KeyHash, NotAKeyHash, VerifierSetId, account_or_none, time, time_or_none},
};
use crate::{
    contracts::{
        DebitWallet::DebitWalletInstance, IDebitWallet, guarantee::Guarantee::GuaranteeInstance,
    },
    error::{ChainError, answered},
};

/// An account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Account {
    /// Whose it is.
    pub owner: Address,
    /// What is in force.
    pub terms: Terms,
    /// What was asked for and is not in force yet.
    pub pending: Option<PendingChange>,
}

/// Terms that wait for their delay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PendingChange {
    /// What was asked for.
    pub terms: Terms,
    /// From when on anyone may put it in force.
    pub in_force_from: UnixTime,
}

/// A balance or a bond, all of which can be spent or claimed until it is taken out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Purse {
    /// What is in it.
    pub balance: BaseUnits,
    /// The withdrawal that was requested and is not executed yet.
    pub pending_withdrawal: Option<PendingWithdrawal>,
}

/// A withdrawal from a purse that waits for its delay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PendingWithdrawal {
    /// At most so much is paid out.
    pub amount: BaseUnits,
    /// From when on it can be executed.
    pub executable_from: UnixTime,
}

impl Purse {
    /// What remains once the pending withdrawal is executed.
    pub fn remaining(&self) -> BaseUnits {
        let pending = self.pending_withdrawal.map_or(BaseUnits::ZERO, |pending| pending.amount);
        self.balance.checked_sub(pending).unwrap_or_default()
    }
}

/// The account that an owner's direct mandates debit: those that the owner's own key signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DirectAccount {
    /// What is in force; none when no account was marked.
    pub account: Option<AccountId>,
    /// What was asked for, and from when on anyone may put it in force.
    pub pending: Option<(Option<AccountId>, UnixTime)>,
}

/// What a payee is owed and has not been sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Credit {
    /// How much.
    pub owed: BaseUnits,
    /// Payouts are kept until they come to so much.
    pub threshold: BaseUnits,
}

/// What the wallet remembers of a batch, for as long as anybody may ask what it captured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Evidence {
    /// 27 bytes of a hash over the token, the payouts and what was captured of each.
    pub hash: FixedBytes<27>,
    /// When it settled.
    pub settled_at: UnixTime,
}

/// A wallet, read through a node.
#[derive(Clone, Debug)]
pub struct Wallet<P> {
    id: WalletId,
    contract: DebitWalletInstance<P>,
    block: BlockId,
}

impl<P: Provider> Wallet<P> {
    /// The wallet at an address of the node's chain. Asks it who it is: its domains, for EIP-712 and
    /// for mandates, must be the ones that this software computes for this chain and address.
    ///
    /// # Errors
    /// [`ChainError::NoContract`], [`ChainError::NotAWallet`], and the node's.
    pub async fn connect(provider: P, address: Address) -> Result<Self, ChainError> {
        let chain_id = ChainId::new(provider.get_chain_id().await?);
        if provider.get_code_at(address).await?.is_empty() {
            return Err(ChainError::NoContract { address, chain_id });
        }
        let wallet = Self::unchecked(provider, WalletId { chain_id, address });
        let not_a_wallet = |reason| ChainError::NotAWallet { address, reason };

        let separator = answered(wallet.contract.DOMAIN_SEPARATOR().call().await)?;
        if separator != Some(wallet.eip712_domain().separator()) {
            return Err(not_a_wallet("its EIP-712 domain is another one, or none"));
        }
        // Any token does.
        let domain = answered(wallet.contract.mandateDomain(address).call().await)?;
        let own = wallet.id.mandate_domain(address).element();
        if domain.map(|domain| domain.to_be_bytes()) != Some(field::to_be_bytes(&own)) {
            return Err(not_a_wallet("mandates have another domain in it, or none"));
        }
        Ok(wallet)
    }

    /// A wallet that is known to be there.
    pub fn unchecked(provider: P, id: WalletId) -> Self {
        let contract = DebitWalletInstance::new(id.address, provider);
        Self { id, contract, block: BlockId::latest() }
    }

    /// Which wallet this is. It builds the calls.
    pub fn id(&self) -> WalletId {
        self.id
    }

    /// The node.
    pub fn provider(&self) -> &P {
        self.contract.provider()
    }

    /// The same wallet, read as it was after a block.
    #[must_use]
    pub fn at(&self, block: impl Into<BlockId>) -> Self
    where
        P: Clone,
    {
        Self { block: block.into(), ..self.clone() }
    }

    /// What EIP-712 messages to the wallet are signed under.
    pub fn eip712_domain(&self) -> Eip712Domain {
        self.id.eip712_domain()
    }

    // --- Accounts -----------------------------------------------------------------------------------

    /// An account.
    ///
    /// # Errors
    /// [`WalletError::UnknownAccount`](super::error::WalletError::UnknownAccount) when there is none.
    pub async fn account(&self, account: AccountId) -> Result<Account, ChainError> {
        let own = self.contract.accountOf(account.get()).block(self.block).call().await?;
        let terms = |processor, verifier_set, key_hash| {
            Ok::<_, ChainError>(Terms {
                processor,
                verifier_set: VerifierSetId::from_word(verifier_set),
                key_hash: key_hash_of("accountOf", key_hash)?,
            })
        };
        let pending = match time_or_none(own.pending.inForceFrom) {
            None => None,
            Some(in_force_from) => {
                let IDebitWallet::Change { processor, verifierSet, keyHash, .. } = own.pending;
                Some(PendingChange {
                    terms: terms(processor, verifierSet, keyHash)?,
                    in_force_from,
                })
            }
        };
        let terms = terms(own.processor, own.verifierSet, own.keyHash)?;
        Ok(Account { owner: own.owner, terms, pending })
    }

    /// How many accounts there are, numbered from 1.
    ///
    /// # Errors
    /// The node's.
    pub async fn account_count(&self) -> Result<u32, ChainError> {
        Ok(self.contract.accountCount().block(self.block).call().await?)
    }

    /// The account that an owner's direct mandates debit.
    ///
    /// # Errors
    /// The node's.
    pub async fn direct_account(&self, owner: Address) -> Result<DirectAccount, ChainError> {
        let direct = self.contract.directAccountOf(owner).block(self.block).call().await?;
        let pending =
            time_or_none(direct.inForceFrom).map(|from| (account_or_none(direct.next), from));
        Ok(DirectAccount { account: account_or_none(direct.account), pending })
    }

    /// The nonce that an owner's next signed message to the wallet must have.
    ///
    /// # Errors
    /// The node's.
    pub async fn signing_nonce(&self, owner: Address) -> Result<U256, ChainError> {
        Ok(self.contract.nonces(owner).block(self.block).call().await?)
    }

    /// The verifier for a shape in a set, if the set has one.
    ///
    /// # Errors
    /// The node's.
    pub async fn verifier_of(
        &self,
        verifier_set: VerifierSetId,
        shape: Shape,
    ) -> Result<Option<Address>, ChainError> {
        let asked = self.contract.verifierOf(verifier_set.to_bytes(), shape.id());
        let verifier = asked.block(self.block).call().await?;
        Ok((!verifier.is_zero()).then_some(verifier))
    }

    // --- Funds --------------------------------------------------------------------------------------

    /// What an account has of a token.
    ///
    /// # Errors
    /// The node's.
    pub async fn purse(&self, account: AccountId, token: Address) -> Result<Purse, ChainError> {
        let purse = self.contract.balanceOf(account.get(), token).block(self.block).call().await?;
        Ok(purse.into())
    }

    /// What is credited to a payee.
    ///
    /// # Errors
    /// The node's.
    pub async fn credit(&self, token: Address, payee: Address) -> Result<Credit, ChainError> {
        let credit = self.contract.creditOf(token, payee).block(self.block).call().await?;
        Ok(Credit {
            owed: BaseUnits::new(credit.credit),
            threshold: BaseUnits::new(credit.threshold),
        })
    }

    // --- Nonces and receipts ------------------------------------------------------------------------

    /// Whether a nonce is spent.
    ///
    /// # Errors
    /// The node's.
    pub async fn is_spent(
        &self,
        account: AccountId,
        token: Address,
        nonce: Nonce,
    ) -> Result<bool, ChainError> {
        let asked = self.contract.isSpent(account.get(), token, nonce.get());
        Ok(asked.block(self.block).call().await?)
    }

    /// The 128 nonces of a nonce word: bit `i` is set when nonce `128·word + i` is spent.
    ///
    /// # Errors
    /// The node's.
    pub async fn spent_word(
        &self,
        account: AccountId,
        token: Address,
        word: u64,
    ) -> Result<u128, ChainError> {
        // Two words share a slot, the odd one in the upper half.
        let asked = self.contract.spentNonces(account.get(), token, U256::from(word >> 1));
        let pair = asked.block(self.block).call().await?;
        let [low_0, low_1, high_0, high_1] = pair.into_limbs();
        let [low, high] = if word & 1 == 0 { [low_0, low_1] } else { [high_0, high_1] };
        Ok(u128::from(low) | u128::from(high) << 64)
    }

    /// Whether a nonce of an owner's direct mandates is spent.
    ///
    /// # Errors
    /// The node's.
    pub async fn is_direct_nonce_spent(
        &self,
        owner: Address,
        nonce: U256,
    ) -> Result<bool, ChainError> {
        Ok(self.contract.isDirectNonceSpent(owner, nonce).block(self.block).call().await?)
    }

    // --- Processors ---------------------------------------------------------------------------------

    /// The two addresses that settle for a processor, beside itself.
    ///
    /// # Errors
    /// The node's.
    pub async fn senders(&self, processor: Address) -> Result<[Option<Address>; 2], ChainError> {
        let senders = self.contract.sendersOf(processor).block(self.block).call().await?;
        Ok(senders.map(|sender| (!sender.is_zero()).then_some(sender)))
    }

    /// What is remembered in a processor's place, if anything is.
    ///
    /// # Errors
    /// The node's.
    pub async fn evidence(
        &self,
        processor: Address,
        place: u64,
    ) -> Result<Option<Evidence>, ChainError> {
        let kept = self.contract.evidenceAt(processor, place).block(self.block).call().await?;
        let hash = FixedBytes::from(kept.hash.to_be_bytes::<27>());
        Ok(time_or_none(kept.settledAt).map(|settled_at| Evidence { hash, settled_at }))
    }

    // --- Constants ----------------------------------------------------------------------------------

    /// What stands behind receipts, as the wallet says.
    ///
    /// # Errors
    /// The node's.
    pub async fn guarantee(&self) -> Result<Address, ChainError> {
        Ok(self.contract.GUARANTEE().block(self.block).call().await?)
    }

    /// The times by which the wallet and its guarantee go.
    ///
    /// # Errors
    /// The node's.
    pub async fn periods(&self) -> Result<Periods, ChainError> {
        let guarantee = GuaranteeInstance::new(self.id.guarantee().address, self.provider());
        let at = self.block;
        let own = &self.contract;
        Ok(Periods {
            withdrawal_seconds: own.WITHDRAWAL_DELAY().block(at).call().await?.to(),
            unbonding_seconds: guarantee.UNBONDING_DELAY().block(at).call().await?.to(),
            promise_seconds: guarantee.MAX_PROMISE().block(at).call().await?.to(),
            demand_seconds: guarantee.DEMAND_PERIOD().block(at).call().await?.to(),
            response_seconds: guarantee.RESPONSE_WINDOW().block(at).call().await?.to(),
            view_age_seconds: guarantee.VIEW_AGE().block(at).call().await?.to(),
            keep_seconds: own.KEEP().block(at).call().await?.to(),
        })
    }

    /// Where mandates in `token` count, as the wallet says and this software computes it.
    ///
    /// # Errors
    /// [`ChainError::Unexpected`] when they disagree.
    pub async fn mandate_domain(&self, token: Address) -> Result<Domain, ChainError> {
        let domain = self.id.mandate_domain(token);
        let said = self.contract.mandateDomain(token).block(self.block).call().await?;
        if said.to_be_bytes() == field::to_be_bytes(&domain.element()) {
            Ok(domain)
        } else {
            Err(ChainError::unexpected("mandateDomain", format!("another domain: {said:#x}")))
        }
    }
}

impl From<IDebitWallet::Purse> for Purse {
    fn from(purse: IDebitWallet::Purse) -> Self {
        let pending_withdrawal = (!purse.leavesFrom.is_zero()).then(|| PendingWithdrawal {
            amount: purse.leaving.into(),
            executable_from: time(purse.leavesFrom),
        });
        Self { balance: purse.balance.into(), pending_withdrawal }
    }
}

fn key_hash_of(asked: &'static str, word: U256) -> Result<Option<KeyHash>, ChainError> {
    KeyHash::from_word(word).map_err(|error: NotAKeyHash| ChainError::unexpected(asked, error))
}
