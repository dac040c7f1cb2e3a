//! From what is to be done about receipts to transactions: several receipts in one, one transaction at a
//! time, within what may be spent.

use std::collections::{BTreeMap, HashMap};

use aep2_chain::{
    call::Call,
    sender::{Sender, SubmissionId, SubmitError},
    wallet::{
        error::WalletError,
        guarantee::{CaptureAnswer, GuaranteeId, Promise},
    },
};
use alloy::primitives::{Address, B256, U256, keccak256};

use crate::{
    bonds::Backings,
    chain::Head,
    event::Action,
    watched::Watched,
    worth::{CLAIM_GAS, COLLECT_GAS, DEMAND_GAS, Gas, GasPrice, LOWER_GAS},
};

/// How many receipts are in one transaction. So many claims take a half of what one may use.
const TOGETHER_MAX: usize = 64;

/// By how much the deposit that is sent exceeds what the newest block asks: the base fee may rise until it
/// is mined. The rest comes back.
const DEPOSIT_MARGIN: u64 = 2;

/// Gas beyond what a claim uses: the guarantee wants it left for each payment.
const PAYOUT_GAS: u64 = 300_000;

/// What bonds still hold for receipts that come later in the list.
pub(crate) struct Purses(HashMap<(Address, Address), (u128, u128)>);

impl Purses {
    pub(crate) fn of(all: &Backings) -> Self {
        Self(all.iter().map(|(of, backing)| (*of, (backing.own, backing.shared))).collect())
    }

    /// Takes up to an amount, first from the payee's own bond, as a claim does. `own` alone, where the
    /// receipt's signer is one that was stolen.
    pub(crate) fn take(&mut self, watched: &Watched, amount: u128, own_only: bool) -> u128 {
        let of = (watched.promise().processor, watched.promise().token);
        let Some((own, shared)) = self.0.get_mut(&of) else { return 0 };
        let from_own = amount.min(*own);
        *own -= from_own;
        let from_shared = if own_only { 0 } else { (amount - from_own).min(*shared) };
        *shared -= from_shared;
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

/// What becomes of an attempt to send.
pub(crate) enum Attempted {
    /// It is on its way.
    Sent { id: SubmissionId, transaction: B256 },
    /// The chain refuses it.
    Refused(String),
    /// It cannot be sent now, whatever it is.
    NotNow(String),
}

/// Builds transactions.
pub(crate) struct Builder<'a> {
    pub(crate) guarantee: GuaranteeId,
    pub(crate) own: Address,
    pub(crate) open: &'a BTreeMap<B256, Watched>,
    pub(crate) price: GasPrice,
    /// What may still be spent, in wei.
    pub(crate) left_wei: U256,
}

impl Builder<'_> {
    /// Demands as many of these as may be. `deposit_for` so many is asked of the chain.
    pub(crate) fn demand(&self, receipts: &[B256], deposit_for: U256) -> Sending {
        let promises: Vec<Promise> = self.each(receipts, |own| Promise {
            receipt: own.receipt,
            // Only the payee itself may bring it.
            capture: own.capture_receipt.filter(|_| own.promise().payee == self.own),
        });
        let deposit_wei = deposit_for.saturating_mul(U256::from(DEPOSIT_MARGIN));
        let call = self.guarantee.demand(&promises, deposit_wei);
        let gas_wei = self.price.most(DEMAND_GAS.of(receipts.len()));
        Sending { action: Action::Demand, receipts: receipts.to_vec(), call, deposit_wei, gas_wei }
    }

    pub(crate) fn lower(&self, receipts: &[B256]) -> Sending {
        let answers: Vec<CaptureAnswer> = receipts
            .iter()
            .filter_map(|digest| self.open.get(digest))
            .filter_map(|own| {
                Some(CaptureAnswer { receipt: *own.promise(), capture: own.capture? })
            })
            .collect();
        let call = self.guarantee.answer_by_capture(&answers);
        self.without_deposit(Action::Lower, receipts, call, LOWER_GAS)
    }

    pub(crate) fn claim(&self, receipts: &[B256]) -> Sending {
        let claimed: Vec<_> = self.each(receipts, |own| *own.promise());
        let gas = CLAIM_GAS.of(receipts.len()) + PAYOUT_GAS;
        let call = self.guarantee.claim(&claimed).with_gas_least(gas);
        let sending = self.without_deposit(Action::Claim, receipts, call, CLAIM_GAS);
        Sending { gas_wei: self.price.most(gas), ..sending }
    }

    pub(crate) fn collect_ether(&self) -> Sending {
        let call = self.guarantee.collect_ether(self.own);
        self.without_deposit(Action::CollectEther, &[], call, COLLECT_GAS)
    }

    pub(crate) fn collect_tokens(&self, token: Address, payee: Address) -> Sending {
        let call = self.guarantee.collect(token, payee);
        self.without_deposit(Action::CollectTokens, &[], call, COLLECT_GAS)
    }

    /// Of a list, what one transaction takes: as many as fit, and as what may be spent covers. What so many
    /// demands need as a deposit rises with their number, so that it is known of all and one.
    pub(crate) fn fits<'b>(
        &self,
        receipts: &'b [B256],
        gas: Gas,
        deposit_each_wei: U256,
    ) -> &'b [B256] {
        let cost = |count: usize| {
            let deposit = deposit_each_wei.saturating_mul(U256::from(count));
            self.price.most(gas.of(count)).saturating_add(deposit)
        };
        let mut count = receipts.len().min(TOGETHER_MAX);
        while count > 0 && cost(count) > self.left_wei {
            count -= 1;
        }
        &receipts[..count]
    }

    fn each<T>(&self, receipts: &[B256], of: impl Fn(&Watched) -> T) -> Vec<T> {
        receipts.iter().filter_map(|digest| self.open.get(digest)).map(of).collect()
    }

    fn without_deposit(&self, action: Action, receipts: &[B256], call: Call, gas: Gas) -> Sending {
        let gas_wei = self.price.most(gas.of(receipts.len()));
        let deposit_wei = U256::ZERO;
        Sending { action, receipts: receipts.to_vec(), call, deposit_wei, gas_wei }
    }
}

/// Sends a transaction that was decided on at a block. Once it is written down it is sent until it is mined,
/// also by the next process; nothing else is decided before that.
pub(crate) async fn send(sender: &Sender, sending: &Sending, head: &Head) -> Attempted {
    let mut name = b"aep2 payee watch".to_vec();
    name.extend(format!("{:?} {} {}", sending.action, head.number, head.time).bytes());
    for digest in &sending.receipts {
        name.extend(digest);
    }
    let id = SubmissionId(keccak256(name));
    match sender.submit(id, sending.call.clone()).await {
        Ok(ticket) => Attempted::Sent { id, transaction: ticket.hash },
        Err(SubmitError::WouldRevert { data }) => {
            Attempted::Refused(WalletError::decode(&data).to_string())
        }
        Err(error) => Attempted::NotNow(error.to_string()),
    }
}
