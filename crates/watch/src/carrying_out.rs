//! Carrying out what pays: one transaction at a time, within what may be spent.

use aep2_chain::{
    sender::{SenderError, SubmitError},
    wallet::error::WalletError,
};
use alloy::primitives::{Address, B256, U256};

use crate::{
    acting::{self, Builder, Sending},
    bonds::Backings,
    chain::Head,
    error::WatchError,
    event::{Action, Event, NotDemanded},
    planning::Plan,
    state::Sent,
    watcher::{Hindrance, Summary, Tell, ToDo, Watcher},
    worth::{COLLECT_ETHER_GAS, COLLECT_TOKENS_GAS, GasPrice, Means},
};

/// Deposits that came back are fetched once they come to what that costs, so many times: few, when no more
/// of them is to come soon.
const COLLECT_FACTOR: u64 = 3;
const COLLECT_FACTOR_EARLY: u64 = 30;

/// How an attempt to send went.
enum Tried {
    /// It was sent; whether it is on its way, or is only tried out.
    Sent(bool),
    /// The chain refuses it.
    Refused(String),
    /// So much cannot be paid for.
    TooDear(String),
    /// Nothing can be sent now, and why.
    NotNow(String),
}

impl Watcher {
    /// Sends the first transaction that is due, if any is. Whether one is on its way now.
    pub(crate) async fn act(
        &mut self,
        todo: ToDo,
        backings: &Backings,
        head: &Head,
        summary: &mut Summary,
        tell: Tell<'_>,
    ) -> Result<bool, WatchError> {
        let price = GasPrice::at(head.base_fee_wei, self.tip_wei);
        let is_idle = todo.waiting.is_empty() && todo.claim.is_empty();
        let factor = if is_idle { COLLECT_FACTOR } else { COLLECT_FACTOR_EARLY };
        self.refused.retain(|_, block| *block >= head.number);
        let Plan { demand, lower, claim } = self.plan(todo, backings, &price, summary, tell).await;
        self.hindered_before = self.hindered.take();
        for (action, list) in
            [(Action::Demand, demand), (Action::Lower, lower), (Action::Claim, claim)]
        {
            if self.send_list(action, list, head, price, summary, tell).await? {
                return Ok(true);
            }
        }
        self.collect(head, price, factor, tell).await
    }

    /// Says where what is on its way is not mined because no more may be offered for it. How many receipts are held up
    /// by it: nothing else is sent meanwhile.
    pub(crate) async fn wait_for_sent(
        &mut self,
        todo: &ToDo,
        tell: Tell<'_>,
    ) -> Result<usize, WatchError> {
        self.hindered_before = self.hindered.take();
        let (Some(sender), Some(sent)) = (&self.sender, &self.state.sent) else { return Ok(0) };
        let Some(reached) = sender.stuck(sent.id).await? else { return Ok(0) };
        let held_up = sent.receipts.len() + todo.demand.len() + todo.claim.len();
        let reason = format!(
            "a transaction waits to be mined, and the rest for it: {reached}. The cap is what the limit on ether \
             leaves for it, or the cap on fees"
        );
        self.tell_hindered(Hindrance::Stuck, reason, tell);
        Ok(held_up)
    }

    /// Sends as many receipts of a list as one transaction takes, and as can be paid for. Whether it is on its
    /// way now.
    async fn send_list(
        &mut self,
        action: Action,
        list: Vec<B256>,
        head: &Head,
        price: GasPrice,
        summary: &mut Summary,
        tell: Tell<'_>,
    ) -> Result<bool, WatchError> {
        let mut list: Vec<B256> =
            list.into_iter().filter(|digest| !self.refused.contains_key(digest)).collect();
        if list.is_empty() {
            return Ok(false);
        }
        // Of several, each takes less than one alone.
        let deposit_each_wei = match action {
            Action::Demand => acting::with_margin(self.chain.deposit_for(1).await?),
            _ => U256::ZERO,
        };
        let cost_wei = |count: usize| {
            let deposit_wei = deposit_each_wei.saturating_mul(U256::from(count));
            price.most(acting::gas(action).limit(count)).saturating_add(deposit_wei)
        };
        let means = self.means(head).await?;
        let fitting = means.fits(list.len().min(self.state.together), cost_wei);
        if fitting == 0 {
            self.tell_short(action, &list, shortage(&means, cost_wei(1)), summary, tell);
            return Ok(false);
        }
        let mut size = fitting;
        while !list.is_empty() {
            let part = list[..size.min(list.len())].to_vec();
            let sending = self.sending(action, &part, price).await?;
            match self.try_to_send(sending, head, tell).await? {
                Tried::Sent(in_flight) => return Ok(in_flight),
                // One of them has all refused, or so many are too dear: the half of them is tried.
                Tried::Refused(_) | Tried::TooDear(_) if part.len() > 1 => size = part.len() / 2,
                Tried::Refused(reason) => {
                    self.note_refused(action, list.remove(0), reason, head, summary, tell);
                    size = fitting;
                }
                Tried::TooDear(reason) | Tried::NotNow(reason) => {
                    summary.unhandled += unhandled(action, &list);
                    self.tell_hindered(Hindrance::Sending, reason, tell);
                    return Ok(false);
                }
            }
        }
        Ok(false)
    }

    /// A transaction with a part of a list.
    async fn sending(
        &self,
        action: Action,
        part: &[B256],
        price: GasPrice,
    ) -> Result<Sending, WatchError> {
        Ok(match action {
            Action::Demand => {
                let deposit_wei = self.chain.deposit_for(part.len()).await?;
                self.builder(price).demand(part, deposit_wei)
            }
            Action::Claim => self.builder(price).claim(part),
            // The others have no list.
            _ => self.builder(price).lower(part),
        })
    }

    /// Fetches what came back, where that pays.
    async fn collect(
        &mut self,
        head: &Head,
        price: GasPrice,
        factor: u64,
        tell: Tell<'_>,
    ) -> Result<bool, WatchError> {
        let (payee, own) = (self.config.payee, self.own);
        let gas_wei = price.likely(COLLECT_TOKENS_GAS.used(0));
        let mut tokens: Vec<Address> =
            self.state.open.values().map(|own| own.promise().token).collect();
        tokens.extend(self.chain.deployment.default_token());
        tokens.sort_unstable();
        tokens.dedup();
        for token in tokens {
            let name = token.into_word();
            let credit = self.chain.credit(token, payee).await?.get();
            if credit == 0 || self.refused.contains_key(&name) {
                continue;
            }
            // A token that does not say its decimals stops no other.
            let costs = self.in_base_units(gas_wei, token).await;
            if costs.is_ok_and(|costs| credit >= costs) {
                let sending = self.builder(price).collect_tokens(token, payee);
                match self.try_to_send(sending, head, tell).await? {
                    Tried::Sent(in_flight) => return Ok(in_flight),
                    // The token refuses the payee still.
                    Tried::Refused(_) => drop(self.refused.insert(name, head.number)),
                    Tried::TooDear(reason) | Tried::NotNow(reason) => {
                        self.tell_hindered(Hindrance::Sending, reason, tell);
                        return Ok(false);
                    }
                }
            }
        }
        let gas_wei = price.likely(COLLECT_ETHER_GAS.used(0));
        let least_wei = gas_wei.saturating_mul(U256::from(factor)).max(U256::from(1));
        if self.chain.ether(own).await? < least_wei {
            return Ok(false);
        }
        let sending = self.builder(price).collect_ether();
        match self.try_to_send(sending, head, tell).await? {
            Tried::Sent(in_flight) => Ok(in_flight),
            Tried::Refused(reason) | Tried::TooDear(reason) | Tried::NotNow(reason) => {
                self.tell_hindered(Hindrance::Sending, reason, tell);
                Ok(false)
            }
        }
    }

    /// Sends a transaction, for no more than the limit leaves, however often its fees are raised. What it may cost
    /// is written down first: a process that is killed in between has less left, and never more.
    async fn try_to_send(
        &mut self,
        sending: Sending,
        head: &Head,
        tell: Tell<'_>,
    ) -> Result<Tried, WatchError> {
        let told = |transaction| Event::Sent {
            action: sending.action,
            receipts: sending.receipts.clone(),
            transaction,
            deposit_wei: sending.deposit_wei,
            gas_wei: sending.gas_wei,
        };
        if self.sender.is_none() {
            tell(told(None));
            return Ok(Tried::Sent(false));
        }
        let left_wei = self.state.left(self.config.ether_max_wei, head.time);
        if sending.cost_wei() > left_wei {
            return Ok(Tried::TooDear(NotDemanded::Limit { left_wei }.to_string()));
        }
        let (id, receipts) = (sending.id(head), sending.receipts.clone());
        self.state.sent = Some(Sent { id, receipts, cost_wei: sending.cost_wei() });
        self.save()?;
        let Some(sender) = &self.sender else { return Ok(Tried::NotNow(String::new())) };
        let call = sending.call.clone().with_cost_max(left_wei);
        let tried = match sender.submit(id, call).await {
            Ok(ticket) => {
                if let (Some(record), Some(sent)) = (sender.record(id).await?, &mut self.state.sent)
                {
                    sent.cost_wei = record.cost_max();
                }
                self.figures.send(sending.action);
                tell(told(Some(ticket.hash)));
                return Ok(Tried::Sent(true));
            }
            // It may have been written down, and then it is on its way.
            Err(SubmitError::Sender(error @ (SenderError::Journal(_) | SenderError::Closed))) => {
                return Err(error.into());
            }
            Err(SubmitError::WouldRevert { data }) => {
                Tried::Refused(WalletError::decode(&data).to_string())
            }
            Err(error @ (SubmitError::FeeCap(_) | SubmitError::InsufficientFunds { .. })) => {
                Tried::TooDear(error.to_string())
            }
            Err(error) => Tried::NotNow(error.to_string()),
        };
        self.state.sent = None;
        Ok(tried)
    }

    /// What there is to pay with.
    async fn means(&mut self, head: &Head) -> Result<Means, WatchError> {
        let left_wei = self.state.left(self.config.ether_max_wei, head.time);
        let balance_wei = match self.sender {
            Some(_) => Some(self.chain.balance(self.own).await?),
            None => None,
        };
        Ok(Means { left_wei, balance_wei })
    }

    fn builder(&self, price: GasPrice) -> Builder<'_> {
        let guarantee = self.chain.wallet_id().guarantee();
        Builder { guarantee, own: self.own, open: &self.state.open, price }
    }

    // --- Telling ------------------------------------------------------------------------------------

    /// Not even one of a list can be paid for.
    fn tell_short(
        &mut self,
        action: Action,
        list: &[B256],
        why: NotDemanded,
        summary: &mut Summary,
        tell: Tell<'_>,
    ) {
        summary.unhandled += unhandled(action, list);
        match action {
            Action::Demand => {
                for digest in list {
                    self.tell_not_demanded(*digest, why.clone(), tell);
                }
            }
            _ => self.tell_hindered(Hindrance::Means, why.to_string(), tell),
        }
    }

    /// The chain refuses a receipt by itself.
    fn note_refused(
        &mut self,
        action: Action,
        digest: B256,
        reason: String,
        head: &Head,
        summary: &mut Summary,
        tell: Tell<'_>,
    ) {
        summary.unhandled += unhandled(action, &[digest]);
        self.refused.insert(digest, head.number);
        match action {
            Action::Demand => {
                self.tell_not_demanded(digest, NotDemanded::Refused { reason }, tell);
            }
            _ => tracing::warn!(receipt = %digest, reason, "the chain refuses it"),
        }
    }

    fn tell_hindered(&mut self, by: Hindrance, reason: String, tell: Tell<'_>) {
        if self.hindered_before != Some(by) && self.hindered != Some(by) {
            tell(Event::CannotSend { reason });
        }
        self.hindered = Some(by);
    }
}

/// Of a list that is not sent, how many are not handled: what is not lowered costs the processor, not the payee.
fn unhandled(action: Action, list: &[B256]) -> usize {
    match action {
        Action::Demand | Action::Claim => list.len(),
        Action::Lower | Action::CollectEther | Action::CollectTokens => 0,
    }
}

/// What there is too little of.
fn shortage(means: &Means, cost_wei: U256) -> NotDemanded {
    match means.balance_wei {
        Some(balance_wei) if cost_wei <= means.left_wei => NotDemanded::Balance { balance_wei },
        _ => NotDemanded::Limit { left_wei: means.left_wei },
    }
}
