//! What is decided is carried out: what pays, within what may be spent, one transaction at a time.

use aep2_chain::wallet::units::BaseUnits;
use alloy::primitives::{Address, B256, U256};

use crate::{
    acting::{self, Attempted, Builder, Purses, Sending},
    bonds::Backings,
    chain::Head,
    error::WatchError,
    event::{Event, NotDemanded},
    step::Reason,
    watched::{Told, Watched},
    watcher::{Summary, Tell, ToDo, Watcher},
    worth::{self, CLAIM_GAS, COLLECT_GAS, DEMAND_GAS, GasPrice, LOWER_GAS},
};

/// Deposits that came back are fetched once they come to what that costs, so many times.
const COLLECT_FACTOR: u64 = 10;

/// What pays.
#[derive(Debug, Default)]
struct Plan {
    demand: Vec<B256>,
    lower: Vec<B256>,
    claim: Vec<B256>,
}

/// What of a list is sent, and how the transaction is made.
type Make<'a> = &'a (dyn Fn(&Builder<'_>, &[B256], U256) -> Sending + Send + Sync);

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
        self.refused.retain(|_, block| *block >= head.number);
        let plan = self.plan(todo, backings, &price, summary, tell).await?;
        if self.demand(plan.demand, head, price, summary, tell).await? {
            return Ok(true);
        }
        let lowered =
            self.answer(plan.lower, LOWER_GAS, &|own, list, _| own.lower(list), head, price, tell);
        if lowered.await? {
            return Ok(true);
        }
        let claimed =
            self.answer(plan.claim, CLAIM_GAS, &|own, list, _| own.claim(list), head, price, tell);
        if claimed.await? {
            return Ok(true);
        }
        self.collect(head, price, tell).await
    }

    // --- What pays ----------------------------------------------------------------------------------

    /// Of what could be done, what brings more than it costs. What bonds hold is given to claims first, then
    /// to what waits for its response window, then to demands, the largest first.
    async fn plan(
        &mut self,
        todo: ToDo,
        backings: &Backings,
        price: &GasPrice,
        summary: &mut Summary,
        tell: Tell<'_>,
    ) -> Result<Plan, WatchError> {
        let mut purses = Purses::of(backings);
        let claim = self.plan_claims(&todo, &mut purses, price, tell).await?;
        for (digest, owed) in &todo.waiting {
            if let Some(own) = self.state.open.get(digest) {
                purses.take(own, *owed, false);
            }
        }
        let demand = self.plan_demands(todo.demand, &mut purses, price, summary, tell).await?;
        Ok(Plan { demand, lower: todo.lower, claim })
    }

    async fn plan_claims(
        &mut self,
        todo: &ToDo,
        purses: &mut Purses,
        price: &GasPrice,
        tell: Tell<'_>,
    ) -> Result<Vec<B256>, WatchError> {
        let mut claims = Vec::new();
        for (digest, owed, deposit_wei) in &todo.claim {
            let Some(own) = self.state.open.get(digest).cloned() else { continue };
            let stolen = self.is_stolen(&own).await?;
            let found = purses.take(&own, *owed, stolen);
            // Of a bond that is too small only the payee itself has its part.
            let brings = if found < *owed && self.own != own.promise().payee { 0 } else { found };
            let token = own.promise().token;
            let deposit = self.in_base_units(*deposit_wei, token).await?;
            let costs = self.in_base_units(price.likely(CLAIM_GAS.of(1)), token).await?;
            let value = brings.saturating_add(deposit);
            if value > 0 && value >= costs {
                claims.push(*digest);
            } else if *owed > 0 && self.tell_once(*digest, Told::Unbacked) {
                let (receipt, mandate_id, owed) =
                    (*digest, own.mandate_id(), BaseUnits::new(*owed));
                tell(Event::Unbacked { receipt, mandate_id, owed });
            }
        }
        Ok(claims)
    }

    async fn plan_demands(
        &mut self,
        demands: Vec<(B256, Reason)>,
        purses: &mut Purses,
        price: &GasPrice,
        summary: &mut Summary,
        tell: Tell<'_>,
    ) -> Result<Vec<B256>, WatchError> {
        let mut lapsed: Vec<Watched> =
            demands.iter().filter_map(|(digest, _)| self.state.open.get(digest)).cloned().collect();
        lapsed.sort_by_key(|own| (std::cmp::Reverse(own.due()), own.promise().settle_by));
        let gas = price.likely(DEMAND_GAS.of(1) + CLAIM_GAS.of(1));
        let mut worth_it = Vec::new();
        for own in lapsed {
            if self.refused.contains_key(&own.digest) {
                summary.unhandled += 1;
                continue;
            }
            let stolen = self.is_stolen(&own).await?;
            let brings = purses.take(&own, own.due().get(), stolen);
            let costs = self.in_base_units(gas, own.promise().token).await?;
            if brings > 0 && brings >= costs {
                worth_it.push(own.digest);
                continue;
            }
            summary.unhandled += 1;
            let why = match brings {
                0 => NotDemanded::NoBond,
                _ => NotDemanded::NotWorth {
                    brings: BaseUnits::new(brings),
                    costs: BaseUnits::new(costs),
                },
            };
            self.tell_not_demanded(own.digest, why, tell);
        }
        Ok(worth_it)
    }

    /// Whether a receipt is paid from the payee's own bond alone: its signer was stolen.
    async fn is_stolen(&self, own: &Watched) -> Result<bool, WatchError> {
        let processor = own.promise().processor;
        if own.signer == processor {
            return Ok(false);
        }
        let found = self.chain.signer(processor, own.signer).await?;
        Ok(found.is_none_or(|found| found.stolen))
    }

    async fn in_base_units(&mut self, wei: U256, token: Address) -> Result<u128, WatchError> {
        let decimals = match self.decimals.get(&token) {
            Some(decimals) => *decimals,
            None => {
                let decimals = self.chain.decimals(token).await?;
                self.decimals.insert(token, decimals);
                decimals
            }
        };
        Ok(worth::in_base_units(wei, self.config.tokens_per_ether, decimals))
    }

    // --- Sending ------------------------------------------------------------------------------------

    async fn demand(
        &mut self,
        demands: Vec<B256>,
        head: &Head,
        price: GasPrice,
        summary: &mut Summary,
        tell: Tell<'_>,
    ) -> Result<bool, WatchError> {
        if demands.is_empty() {
            return Ok(false);
        }
        // With the margin; of several, each takes less than one alone.
        let each_wei = self.chain.deposit_for(1).await?.saturating_mul(U256::from(2));
        let left_wei = self.state.spent.left(self.config.ether_max_wei, head.time);
        let fitting = self.builder(price, left_wei).fits(&demands, DEMAND_GAS, each_wei).to_vec();
        if fitting.is_empty() {
            summary.unhandled += demands.len();
            for digest in demands {
                self.tell_not_demanded(digest, NotDemanded::Limit { left_wei }, tell);
            }
            return Ok(false);
        }
        let mut list = fitting;
        let mut size = list.len();
        while !list.is_empty() {
            let part = &list[..size.min(list.len())];
            let deposit_wei = self.chain.deposit_for(part.len()).await?;
            let sending = self.builder(price, left_wei).demand(part, deposit_wei);
            match self.try_to_send(sending, head, tell).await? {
                Tried::Sent(in_flight) => return Ok(in_flight),
                Tried::NotNow => {
                    summary.unhandled += list.len();
                    return Ok(false);
                }
                Tried::Refused(reason) if part.len() == 1 => {
                    let digest = list.remove(0);
                    summary.unhandled += 1;
                    self.refused.insert(digest, head.number);
                    self.tell_not_demanded(digest, NotDemanded::Refused { reason }, tell);
                    size = list.len();
                }
                // One of them has all refused: the half of them is tried.
                Tried::Refused(_) => size = part.len() / 2,
            }
        }
        Ok(false)
    }

    /// Sends what has no deposit.
    async fn answer(
        &mut self,
        receipts: Vec<B256>,
        gas: worth::Gas,
        make: Make<'_>,
        head: &Head,
        price: GasPrice,
        tell: Tell<'_>,
    ) -> Result<bool, WatchError> {
        let left_wei = self.state.spent.left(self.config.ether_max_wei, head.time);
        let mut list: Vec<B256> =
            receipts.into_iter().filter(|digest| !self.refused.contains_key(digest)).collect();
        let fitting = self.builder(price, left_wei).fits(&list, gas, U256::ZERO).len();
        if fitting == 0 && !list.is_empty() {
            let reason = format!("the limit on ether is reached: {left_wei} wei are left today");
            tell(Event::CannotSend { reason });
        }
        list.truncate(fitting);
        let mut size = list.len();
        while !list.is_empty() {
            let part = &list[..size.min(list.len())];
            let sending = make(&self.builder(price, left_wei), part, U256::ZERO);
            match self.try_to_send(sending, head, tell).await? {
                Tried::Sent(in_flight) => return Ok(in_flight),
                Tried::NotNow => return Ok(false),
                Tried::Refused(reason) if part.len() == 1 => {
                    tracing::warn!(receipt = %list[0], reason, "the chain refuses it");
                    self.refused.insert(list.remove(0), head.number);
                    size = list.len();
                }
                Tried::Refused(_) => size = part.len() / 2,
            }
        }
        Ok(false)
    }

    /// Fetches what came back, where that pays.
    async fn collect(
        &mut self,
        head: &Head,
        price: GasPrice,
        tell: Tell<'_>,
    ) -> Result<bool, WatchError> {
        let left_wei = self.state.spent.left(self.config.ether_max_wei, head.time);
        let (payee, own) = (self.config.payee, self.own);
        let gas_wei = price.likely(COLLECT_GAS.of(0));
        let mut tokens: Vec<Address> =
            self.state.open.values().map(|own| own.promise().token).collect();
        tokens.extend(self.chain.deployment.default_token());
        tokens.sort_unstable();
        tokens.dedup();
        for token in tokens {
            let name = token.into_word();
            let credit = self.chain.credit(token, payee).await?.get();
            let costs = self.in_base_units(gas_wei, token).await?;
            if credit == 0 || credit < costs || self.refused.contains_key(&name) {
                continue;
            }
            let sending = self.builder(price, left_wei).collect_tokens(token, payee);
            match self.try_to_send(sending, head, tell).await? {
                Tried::Sent(in_flight) => return Ok(in_flight),
                Tried::NotNow => return Ok(false),
                // The token refuses the payee still.
                Tried::Refused(_) => drop(self.refused.insert(name, head.number)),
            }
        }
        if self.chain.ether(own).await?
            < gas_wei.saturating_mul(U256::from(COLLECT_FACTOR)).max(U256::from(1))
        {
            return Ok(false);
        }
        let sending = self.builder(price, left_wei).collect_ether();
        Ok(matches!(self.try_to_send(sending, head, tell).await?, Tried::Sent(true)))
    }

    /// Sends a transaction. What it may cost is written down first: a process that is killed in between has
    /// less left, and never more.
    async fn try_to_send(
        &mut self,
        sending: Sending,
        head: &Head,
        tell: Tell<'_>,
    ) -> Result<Tried, WatchError> {
        let (deposit_wei, gas_wei) = (sending.deposit_wei, sending.gas_wei);
        let told = |transaction| Event::Sent {
            action: sending.action,
            receipts: sending.receipts.clone(),
            transaction,
            deposit_wei,
            gas_wei,
        };
        if self.sender.is_none() {
            tell(told(None));
            return Ok(Tried::Sent(false));
        }
        let before = self.state.spent.clone();
        let cost_wei = deposit_wei.saturating_add(gas_wei);
        if cost_wei > self.state.spent.left(self.config.ether_max_wei, head.time) {
            return Ok(Tried::NotNow);
        }
        self.state.spent.add(cost_wei, head.time);
        self.save()?;
        let Some(sender) = &self.sender else { return Ok(Tried::NotNow) };
        let tried = match acting::send(sender, &sending, head).await {
            Attempted::Sent { id, transaction } => {
                self.sent = Some(id);
                self.figures.send(sending.action);
                tell(told(Some(transaction)));
                return Ok(Tried::Sent(true));
            }
            Attempted::Refused(reason) => Tried::Refused(reason),
            Attempted::NotNow(reason) => {
                tell(Event::CannotSend { reason });
                Tried::NotNow
            }
        };
        self.state.spent = before;
        Ok(tried)
    }

    fn builder(&self, price: GasPrice, left_wei: U256) -> Builder<'_> {
        let guarantee = self.chain.wallet_id().guarantee();
        Builder { guarantee, own: self.own, open: &self.state.open, price, left_wei }
    }

    // --- Telling ------------------------------------------------------------------------------------

    fn tell_once(&mut self, digest: B256, what: Told) -> bool {
        self.state.open.get_mut(&digest).is_some_and(|own| own.tell(what))
    }

    fn tell_not_demanded(&mut self, digest: B256, why: NotDemanded, tell: Tell<'_>) {
        if self.tell_once(digest, Told::NotDemanded)
            && let Some(own) = self.state.open.get(&digest)
        {
            tell(Event::NotDemanded { receipt: digest, mandate_id: own.mandate_id(), why });
        }
    }
}

/// How an attempt to send went.
enum Tried {
    /// It was sent; whether it is on its way, or is only tried out.
    Sent(bool),
    /// The chain refuses it.
    Refused(String),
    /// Nothing can be sent now.
    NotNow,
}
