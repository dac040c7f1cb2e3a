//! From receipts to transactions: several in one, and what they cost.

use std::collections::HashMap;

use aep2_chain::{
    call::Call,
    sender::SubmissionId,
    wallet::guarantee::{CaptureAnswer, GuaranteeId, Promise},
};
use alloy::primitives::{Address, B256, U256, keccak256};

use crate::{
    bonds::Backings,
    chain::Head,
    event::Action,
    open::Open,
    watched::Watched,
    worth::{
        CLAIM_GAS, COLLECT_ETHER_GAS, COLLECT_TOKENS_GAS, DEMAND_GAS, Gas, GasPrice, LOWER_GAS,
    },
};

/// By how much the deposit that is sent exceeds what the newest block asks: the base fee may rise until it
/// is mined. The rest comes back.
const DEPOSIT_MARGIN: u64 = 2;

/// What bonds still hold for receipts that come later in the list.
pub(crate) struct Purses(HashMap<(Address, Address), (u128, u128)>);

impl Purses {
    pub(crate) fn of(all: &Backings) -> Self {
        Self(all.iter().map(|(of, backing)| (*of, (backing.own, backing.shared))).collect())
    }

    /// What they hold of an amount, first in the payee's own bond, as a claim takes it. `own_only` where the
    /// receipt's signer is one that was stolen.
    fn split(&self, watched: &Watched, amount: u128, own_only: bool) -> (u128, u128) {
        let of = (watched.promise().processor, watched.promise().token);
        let Some((own, shared)) = self.0.get(&of) else { return (0, 0) };
        let from_own = amount.min(*own);
        let from_shared = if own_only { 0 } else { (amount - from_own).min(*shared) };
        (from_own, from_shared)
    }

    /// What they hold of an amount.
    pub(crate) fn has(&self, watched: &Watched, amount: u128, own_only: bool) -> u128 {
        let (from_own, from_shared) = self.split(watched, amount, own_only);
        from_own + from_shared
    }

    /// Takes up to an amount.
    pub(crate) fn take(&mut self, watched: &Watched, amount: u128, own_only: bool) -> u128 {
        let (from_own, from_shared) = self.split(watched, amount, own_only);
        let of = (watched.promise().processor, watched.promise().token);
        if let Some((own, shared)) = self.0.get_mut(&of) {
            *own -= from_own;
            *shared -= from_shared;
        }
        from_own + from_shared
    }
}

/// A transaction to be sent.
#[derive(Clone, Debug)]
pub(crate) struct Sending {
    pub(crate) action: Action,
    pub(crate) receipts: Vec<B256>,
    pub(crate) call: Call,
    pub(crate) deposit_wei: U256,
    pub(crate) gas_wei: U256,
}

impl Sending {
    /// What it costs at most by what is offered at first, in wei.
    pub(crate) fn cost_wei(&self) -> U256 {
        self.deposit_wei.saturating_add(self.gas_wei)
    }

    /// What the sender calls it, when it was decided on at a block.
    pub(crate) fn id(&self, head: &Head) -> SubmissionId {
        let mut name = b"aep2 payee watch".to_vec();
        name.extend(format!("{:?} {} {}", self.action, head.number, head.time).bytes());
        for digest in &self.receipts {
            name.extend(digest);
        }
        SubmissionId(keccak256(name))
    }
}

/// What is sent along with what the newest block asks as a deposit.
pub(crate) fn with_margin(deposit_wei: U256) -> U256 {
    deposit_wei.saturating_mul(U256::from(DEPOSIT_MARGIN))
}

/// The gas of a list.
pub(crate) fn gas(action: Action) -> Gas {
    match action {
        Action::Demand => DEMAND_GAS,
        Action::Lower => LOWER_GAS,
        Action::Claim => CLAIM_GAS,
        Action::CollectEther => COLLECT_ETHER_GAS,
        Action::CollectTokens => COLLECT_TOKENS_GAS,
    }
}

/// Builds transactions.
pub(crate) struct Builder<'a> {
    pub(crate) guarantee: GuaranteeId,
    pub(crate) own: Address,
    pub(crate) open: &'a Open,
    pub(crate) price: GasPrice,
}

impl Builder<'_> {
    /// Demands these. `deposit_wei` is what the newest block asks for so many.
    pub(crate) fn demand(&self, receipts: &[B256], deposit_wei: U256) -> Sending {
        let promises: Vec<Promise> = self.each(receipts, |own| Promise {
            receipt: own.receipt,
            // Only the payee itself may bring it.
            capture: own.capture_receipt.filter(|_| own.promise().payee == self.own),
        });
        let deposit_wei = with_margin(deposit_wei);
        let call = self.guarantee.demand(&promises, deposit_wei);
        Sending { deposit_wei, ..self.sending(Action::Demand, receipts, call) }
    }

    /// Shows what the payee took of these.
    pub(crate) fn lower(&self, receipts: &[B256]) -> Sending {
        let answers: Vec<CaptureAnswer> = receipts
            .iter()
            .filter_map(|digest| self.open.get(digest))
            .filter_map(|own| {
                Some(CaptureAnswer { receipt: *own.promise(), capture: own.capture? })
            })
            .collect();
        self.sending(Action::Lower, receipts, self.guarantee.answer_by_capture(&answers))
    }

    /// Claims these.
    pub(crate) fn claim(&self, receipts: &[B256]) -> Sending {
        let claimed: Vec<_> = self.each(receipts, |own| *own.promise());
        let call = self.guarantee.claim(&claimed);
        let call = call.with_gas_least(CLAIM_GAS.limit(receipts.len()));
        self.sending(Action::Claim, receipts, call)
    }

    pub(crate) fn collect_ether(&self) -> Sending {
        self.sending(Action::CollectEther, &[], self.guarantee.collect_ether(self.own))
    }

    pub(crate) fn collect_tokens(&self, token: Address, payee: Address) -> Sending {
        self.sending(Action::CollectTokens, &[], self.guarantee.collect(token, payee))
    }

    fn each<T>(&self, receipts: &[B256], of: impl Fn(&Watched) -> T) -> Vec<T> {
        receipts.iter().filter_map(|digest| self.open.get(digest)).map(of).collect()
    }

    fn sending(&self, action: Action, receipts: &[B256], call: Call) -> Sending {
        let gas_wei = self.price.most(gas(action).limit(receipts.len()));
        Sending { action, receipts: receipts.to_vec(), call, deposit_wei: U256::ZERO, gas_wei }
    }
}
