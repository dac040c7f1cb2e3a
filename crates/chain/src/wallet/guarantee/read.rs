//! Reading the guarantee through a node.

use aep2_mandate::{typed_data::receipt::Receipt, units::UnixTime};
use alloy::{
    eips::BlockId,
    primitives::{Address, B256, U256},
    providers::Provider,
};
use serde::Serialize;

use super::{calls::receipt, id::GuaranteeId};
use crate::{
    contracts::{
        IDebitWallet,
        guarantee::{self as abi, Guarantee::GuaranteeInstance},
    },
    error::ChainError,
    wallet::{
        Purse,
        units::{BaseUnits, time, time_or_none},
    },
};

/// What a key's word is worth for a processor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SignerStanding {
    /// It speaks for what it issued until then.
    pub until: UnixTime,
    /// What it signed is paid from payees' own bonds alone.
    pub stolen: bool,
}

/// A demand, as the guarantee keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Demand {
    /// What is due by receipt, capture and ruling; less what is shown and claimed, it can be claimed.
    pub due: BaseUnits,
    /// When it was made.
    pub made_at: UnixTime,
    /// Who made it.
    pub demander: Address,
    /// What its deposit is, in wei; 0 once it was given back or is forfeited.
    pub deposit: U256,
    /// Whether the processor itself signed what was captured, so that only a ruling lowers it.
    pub capture_fixed: bool,
}

/// What a payee has had of a mandate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Paid {
    /// The most that one batch was shown to have paid of it.
    pub shown: BaseUnits,
    /// From bonds.
    pub claimed: BaseUnits,
}

/// The guarantee of a wallet, read through a node.
#[derive(Clone, Debug)]
pub struct Guarantee<P> {
    id: GuaranteeId,
    contract: GuaranteeInstance<P>,
    block: BlockId,
}

impl<P: Provider> Guarantee<P> {
    /// The guarantee of a wallet that is known to be there: it is made with the wallet.
    pub fn unchecked(provider: P, id: GuaranteeId) -> Self {
        let contract = GuaranteeInstance::new(id.address, provider);
        Self { id, contract, block: BlockId::latest() }
    }

    /// Which guarantee this is. It builds the calls.
    pub fn id(&self) -> GuaranteeId {
        self.id
    }

    /// The same, read as it was after a block.
    #[must_use]
    pub fn at(&self, block: impl Into<BlockId>) -> Self
    where
        P: Clone,
    {
        Self { block: block.into(), ..self.clone() }
    }

    /// The wallet that made it, as it says.
    ///
    /// # Errors
    /// The node's.
    pub async fn wallet(&self) -> Result<Address, ChainError> {
        Ok(self.contract.WALLET().block(self.block).call().await?)
    }

    /// A processor's bond: a payee's own, or the one that all payees share.
    ///
    /// # Errors
    /// The node's.
    pub async fn bond(
        &self,
        processor: Address,
        payee: Option<Address>,
        token: Address,
    ) -> Result<Purse, ChainError> {
        let asked = self.contract.bondOf(processor, payee.unwrap_or_default(), token);
        let abi::IDebitWallet::Purse { balance, leaving, leavesFrom } =
            asked.block(self.block).call().await?;
        Ok(IDebitWallet::Purse { balance, leaving, leavesFrom }.into())
    }

    /// What a key's word is worth for a processor; nothing for one that it never named. Its own key is not
    /// among them: it always signs.
    ///
    /// # Errors
    /// The node's.
    pub async fn signer(
        &self,
        processor: Address,
        signer: Address,
    ) -> Result<Option<SignerStanding>, ChainError> {
        let kept = self.contract.signerOf(processor, signer).block(self.block).call().await?;
        let standing = |until| SignerStanding { until, stolen: kept.stolen };
        Ok(time_or_none(kept.until).map(standing))
    }

    /// What is to be sent with so many demands in the block read, in wei.
    ///
    /// # Errors
    /// The node's; none has a deposit for no demands.
    pub async fn deposit_for(&self, demands: u64) -> Result<U256, ChainError> {
        Ok(self.contract.depositFor(U256::from(demands)).block(self.block).call().await?)
    }

    /// A demand, by its receipt's EIP-712 digest.
    ///
    /// # Errors
    /// The node's.
    pub async fn demand(&self, digest: B256) -> Result<Option<Demand>, ChainError> {
        let kept = self.contract.demandOf(digest).block(self.block).call().await?;
        Ok((!kept.madeAt.is_zero()).then(|| Demand {
            due: BaseUnits::new(kept.due.to()),
            made_at: time(kept.madeAt),
            demander: kept.demander,
            deposit: U256::from(kept.deposit),
            capture_fixed: !kept.captureSigner.is_zero(),
        }))
    }

    /// What was shown and claimed of a receipt's mandate.
    ///
    /// # Errors
    /// The node's.
    pub async fn paid(&self, own: &Receipt) -> Result<Paid, ChainError> {
        let paid = self.contract.paidOf(receipt(own)).block(self.block).call().await?;
        Ok(Paid { shown: BaseUnits::new(paid.shown), claimed: BaseUnits::new(paid.claimed) })
    }

    /// What a token refused to pay a payee.
    ///
    /// # Errors
    /// The node's.
    pub async fn credit(&self, token: Address, payee: Address) -> Result<BaseUnits, ChainError> {
        let credit = self.contract.creditOf(token, payee).block(self.block).call().await?;
        BaseUnits::from_word(credit)
            .ok_or_else(|| ChainError::unexpected("creditOf", "more than any balance"))
    }

    /// Ether that somebody may collect, in wei.
    ///
    /// # Errors
    /// The node's.
    pub async fn ether(&self, owner: Address) -> Result<U256, ChainError> {
        Ok(self.contract.etherOf(owner).block(self.block).call().await?)
    }
}
