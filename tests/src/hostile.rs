//! Users of the wallet that mean no good, at random: every external function, in any order, by owners,
//! processors and contracts that call one another, with tokens, verifiers and amounts of all kinds.
//!
//! A seed makes the same calls again.

use std::collections::{BTreeMap, BTreeSet};

use aep2_chain::{
    call::Call,
    contracts::{
        DebitWallet::{
            AccountOpened, ChangeApplied, depositWithPermitCall, openAccountAndDepositCall,
            registerVerifiersCall,
        },
        IDebitWallet,
    },
    events::WalletEvent,
    token::{approve, mint_test_tokens},
    wallet::{
        DirectSettlement, SenderIndex,
        guarantee::Promise,
        signing::OpenAccount,
        terms::{Opening, Terms},
        units::{BaseUnits, VerifierSetId},
    },
};
use aep2_mandate::{
    mandate::MandateId,
    typed_data::{
        self,
        receipt::{Receipt, SignedReceipt},
    },
    units::{AccountId, Ceiling, Nonce, UnixTime},
};
use alloy::{
    primitives::{Address, B256, Bytes, U256},
    rpc::types::{Filter, Log},
    signers::local::PrivateKeySigner,
    sol_types::SolEvent,
};
use rand::{Rng, SeedableRng, rngs::StdRng, seq::SliceRandom};
use serde_json::{Value, json};

use crate::{
    payers::{Payer, Payment},
    settling::Assembly,
    strangers::{PAYEE, Strangers, Taken, calling, deploy},
    world::{DELAY_SECONDS, World, dev_key},
};

/// The seed of the mandate key that all their accounts have.
pub const SEED: [u8; 32] = [0x99; 32];

/// Nonce words that they spend in: neighbours, one of another slot, the last one.
pub const WORDS: [u64; 6] = [0, 1, 2, 3, 700, (1 << 57) - 1];

/// For one call of the wallet.
const CALL_GAS: u64 = 1_500_000;

/// Who they are and what they have done.
pub struct Hostile<'a> {
    world: &'a World,
    strangers: &'a Strangers,
    rng: StdRng,
    /// Owners and processors with keys.
    keys: Vec<PrivateKeySigner>,
    /// The deployment's token, one that gives itself away, one of which twice as much arrives, and
    /// an address without code.
    pub tokens: Vec<Address>,
    /// What accounts' terms are, by the events.
    pub terms: BTreeMap<AccountId, Terms>,
    /// The accounts that never named another processor than the followed one.
    pub whole: BTreeSet<AccountId>,
    /// What was demanded.
    promised: Vec<Receipt>,
    /// How many calls were made.
    pub calls: u64,
    /// The first block whose events were not looked at.
    next_block: u64,
    first_block: u64,
}

impl<'a> Hostile<'a> {
    /// Some that behave as the seed has it.
    pub async fn new(world: &'a World, strangers: &'a Strangers, seed: u64) -> Self {
        let key = |number: u8| {
            PrivateKeySigner::from_bytes(&B256::repeat_byte(0x50 + number)).expect("a key")
        };
        let keys: Vec<_> = (0..4).map(key).collect();
        for key in &keys {
            let address = key.address();
            ask(world, "anvil_impersonateAccount", json!([address])).await;
            ask(world, "anvil_setBalance", json!([address, "0xffffffffffffffffffff"])).await;
        }
        let doubling = deploy(world, doubling_token()).await;
        let tokens = vec![world.token(), strangers.token, doubling, Address::repeat_byte(0x77)];
        for holder in keys.iter().map(|key| key.address()).chain(strangers.callers) {
            let much = BaseUnits::new(1 << 90);
            world.send(&dev_key(0), &mint_test_tokens(world.token(), holder, much)).await;
        }
        let approving = approve(world.token(), world.id().address, BaseUnits::new(1 << 100));
        let guarantee = world.id().guarantee().address;
        let bonding = approve(world.token(), guarantee, BaseUnits::new(1 << 100));
        let approving = [approving, bonding];
        for key in &keys {
            for call in &approving {
                world.send(key, call).await;
            }
        }
        for caller in strangers.callers {
            world.send(&dev_key(0), &calling(caller, &approving)).await;
        }
        let next_block = world.head().await + 1;
        Self {
            world,
            strangers,
            rng: StdRng::seed_from_u64(seed),
            keys,
            tokens,
            terms: BTreeMap::new(),
            whole: BTreeSet::new(),
            promised: Vec::new(),
            calls: 0,
            next_block,
            first_block: next_block,
        }
    }

    /// Some calls, all in one block.
    pub async fn block(&mut self) {
        for _ in 0..self.rng.gen_range(1..8) {
            let (from, call) = self.transaction();
            let gas = call.gas.unwrap_or(CALL_GAS);
            let sent = json!([{
                "from": from, "to": call.to, "data": call.data, "gas": format!("{gas:#x}"),
                "value": call.value,
            }]);
            ask(self.world, "eth_sendTransaction", sent).await;
        }
        self.world.chain.mine().expect("a block");
        self.observe().await;
    }

    /// So much time that what was asked for can be had.
    pub fn wait(&self) {
        self.world.travel(DELAY_SECONDS + 1);
    }

    /// A seed's next choice.
    pub fn chance(&mut self, one_in: u32) -> bool {
        self.rng.gen_range(0..one_in) == 0
    }

    /// One of the accounts, or of those that may be opened next.
    pub fn account(&mut self) -> AccountId {
        let count = u32::try_from(self.terms.len()).expect("few") + 2;
        AccountId::new(self.rng.gen_range(1..=count)).expect("not 0")
    }

    /// A nonce of a word that may be spent in.
    pub fn nonce(&mut self) -> u64 {
        (*WORDS.choose(&mut self.rng).expect("some") << 7) + self.rng.gen_range(0..128u64)
    }

    /// Who signs mandates of an account.
    pub fn payer(&self, account: AccountId) -> Payer {
        Payer { key: self.keys[0].clone(), account, seed: SEED }
    }

    /// Looks at all that was said, after blocks were reorged out.
    pub async fn look_again(&mut self) {
        self.terms.clear();
        self.whole.clear();
        self.next_block = self.first_block;
        self.observe().await;
    }

    /// Looks at what was said in the blocks since.
    async fn observe(&mut self) {
        // Of all that is logged only this: nodes answer with so many events, and no more.
        let said = vec![AccountOpened::SIGNATURE_HASH, ChangeApplied::SIGNATURE_HASH];
        let filter = Filter::new().address(self.world.id().address).event_signature(said);
        let filter = filter.from_block(self.next_block);
        let logs = ask(self.world, "eth_getLogs", json!([filter])).await;
        let logs: Vec<Log> = serde_json::from_value(logs).expect("logs");
        let own = self.world.processor.address();
        for log in &logs {
            match WalletEvent::decode(log).expect("the wallet's") {
                WalletEvent::AccountOpened { account, opening } => {
                    self.terms.insert(account, opening.terms);
                    if opening.terms.processor == own {
                        self.whole.insert(account);
                    }
                }
                WalletEvent::ChangeApplied { account, terms } => {
                    self.terms.insert(account, terms);
                    if terms.processor != own {
                        self.whole.remove(&account);
                    }
                }
                _ => {}
            }
        }
        self.next_block = self.world.head().await + 1;
    }

    /// By a key itself, or by contracts that call one another.
    fn transaction(&mut self) -> (Address, Call) {
        let key = self.key();
        match self.rng.gen_range(0..4) {
            0 => {
                let [x, z] = self.strangers.callers;
                let inner = self.several(z);
                let mut calls = self.several(x);
                let place = self.rng.gen_range(0..=calls.len());
                calls.insert(place, calling(z, &inner));
                (key.address(), calling(x, &calls))
            }
            _ => (key.address(), self.call(key.address())),
        }
    }

    fn several(&mut self, by: Address) -> Vec<Call> {
        (0..self.rng.gen_range(0..4)).map(|_| self.call(by)).collect()
    }

    fn key(&mut self) -> PrivateKeySigner {
        self.keys.choose(&mut self.rng).expect("some").clone()
    }

    fn token(&mut self) -> Address {
        *self.tokens.choose(&mut self.rng).expect("some")
    }

    fn amount(&mut self) -> BaseUnits {
        let most = BaseUnits::BALANCE_MAX.get();
        let amounts = [0, 1, 2, 7, 1_000, 1 << 96, most / 2, most, most + 1, u128::MAX];
        BaseUnits::new(*amounts.choose(&mut self.rng).expect("some"))
    }

    fn some_terms(&mut self) -> Terms {
        let own = self.world.processor.address();
        let [x, z] = self.strangers.callers;
        let [a, b] = [self.keys[0].address(), self.keys[1].address()];
        let processor = *[own, own, own, a, b, x, z].choose(&mut self.rng).expect("some");
        let real = self.world.deployment.verifier_set;
        let sets = [real, self.strangers.verifier_set];
        let verifier_set = Some(*sets.choose(&mut self.rng).expect("two"));
        let key_hash = (self.rng.gen_range(0..8) > 0).then_some(self.strangers.key_hash);
        Terms { processor, verifier_set, key_hash }
    }

    /// A call of the wallet by somebody.
    fn call(&mut self, by: Address) -> Call {
        self.calls += 1;
        let id = self.world.id();
        let (account, token, amount) = (self.account(), self.token(), self.amount());
        let guarantee = id.guarantee();
        let payee = (self.rng.gen_range(0..3) == 0).then_some(PAYEE);
        match self.rng.gen_range(0..35) {
            // Enough to meet one another.
            0 | 1 if self.terms.len() > 60 && !self.chance(20) => {
                id.deposit(account, token, amount)
            }
            0 => id.open_account(&self.some_terms()),
            1 => self.signed_opening(),
            2 => id.rotate_key(account, self.strangers.key_hash),
            3 => id.revoke_key(account),
            4..=6 => {
                let terms = self.some_terms();
                id.set_processor(account, &terms)
            }
            7 => id.cancel_change(account),
            8..=10 => id.apply_change(account),
            11 => id.set_direct_account((amount.get() > 0).then_some(account)),
            12 => id.apply_direct_account(by),
            13..=15 => id.deposit(account, token, amount),
            16 => self.permitted(account, token, amount, by),
            17 => id.request_withdrawal(account, token, amount),
            18 => id.cancel_withdrawal(account, token),
            19 => id.execute_withdrawal(account, token, by),
            20..=23 => self.batch(by, token),
            24 => self.direct(by, token, amount),
            25 | 31 => guarantee.demand(&[self.promise(account, token)], U256::MAX >> 200),
            32 | 33 => match self.promised.choose(&mut self.rng) {
                Some(receipt) => guarantee.claim(std::slice::from_ref(receipt)),
                None => guarantee.collect_ether(by),
            },
            26 => guarantee.bond(by, payee, token, amount),
            27 => guarantee.request_unbond(payee, token, amount),
            28 => guarantee.execute_unbond(payee, token, by),
            29 => match self.rng.gen_range(0..3) {
                0 => id.collect(token, PAYEE),
                1 => id.collect_to(token, by),
                _ => guarantee.cancel_unbond(payee, token),
            },
            34 => match self.rng.gen_range(0..3) {
                0 => id.set_sender(SenderIndex::First, Some(by)),
                1 => guarantee.name_signer(by),
                _ => guarantee.cut_signer(by, amount.get() > 7),
            },
            30 => match self.rng.gen_range(0..2) {
                0 => id.set_payout_threshold(token, amount),
                _ => id.apply_payout_threshold(token, by),
            },
            _ => self.verifiers(),
        }
    }

    fn signed_opening(&mut self) -> Call {
        let key = self.key();
        let opening = Opening { owner: key.address(), terms: self.some_terms() };
        let nonce = U256::from(self.rng.gen_range(0..4));
        let deadline = self.world.later(7_200);
        let id = self.world.id();
        let domain = typed_data::domain(id.chain_id, id.address);
        let signed = OpenAccount { opening, nonce, deadline }.sign(&key, &domain).expect("signed");
        if self.rng.gen_range(0..2) == 0 {
            return id.open_account_with_signature(&signed);
        }
        let terms = &signed.opening.terms;
        let call = openAccountAndDepositCall {
            opening: IDebitWallet::Opening {
                owner: signed.opening.owner,
                processor: terms.processor,
                verifierSet: VerifierSetId::word_of(terms.verifier_set),
                keyHash: aep2_chain::wallet::units::KeyHash::word_of(terms.key_hash),
            },
            deadline: U256::from(signed.deadline.get()),
            signature: signed.signature,
            token: self.tokens[2],
            authorization: IDebitWallet::Authorization {
                from: key.address(),
                amount: self.amount().to_word(),
                validAfter: U256::ZERO,
                validBefore: U256::MAX,
                salt: B256::repeat_byte(self.rng.r#gen()),
                signature: Bytes::from(vec![0x1b; 65]),
            },
        };
        Call::new(id.address, &call)
    }

    fn permitted(
        &mut self,
        account: AccountId,
        token: Address,
        amount: BaseUnits,
        by: Address,
    ) -> Call {
        let call = depositWithPermitCall {
            account: account.get(),
            token,
            from: by,
            amount: amount.to_word(),
            deadline: U256::MAX,
            permit: Bytes::from(vec![0x1b; 65]),
            intent: Bytes::new(),
        };
        Call::new(self.world.id().address, &call)
    }

    /// A batch of accounts that name the caller, mostly.
    fn batch(&mut self, by: Address, token: Address) -> Call {
        let set = Some(self.strangers.verifier_set);
        let own = self.terms.iter().filter(|(_, terms)| {
            terms.processor == by && terms.verifier_set == set && terms.key_hash.is_some()
        });
        let own: Vec<AccountId> = own.map(|(account, _)| *account).collect();
        let taken: Vec<Taken> = (0..self.rng.gen_range(1..4))
            .map(|_| {
                let account = own.choose(&mut self.rng).copied();
                let account = account.unwrap_or_else(|| self.account());
                let word = *WORDS.choose(&mut self.rng).expect("some");
                let mask = match self.rng.gen_range(0..8) {
                    0 => u128::MAX,
                    1 => self.rng.r#gen::<u128>() | 1,
                    _ => 1 << self.rng.gen_range(0..128),
                };
                let amounts = [0, 0, 1, 5, BaseUnits::BALANCE_MAX.get()];
                let amount = *amounts.choose(&mut self.rng).expect("some");
                Taken { account, word, mask, amount }
            })
            .collect();
        // Nobody settles for the followed one.
        let own = self.world.processor.address();
        let processor = if self.rng.gen_range(0..16) == 0 { own } else { by };
        self.strangers.settling(self.world, processor, token, &taken)
    }

    fn direct(&mut self, by: Address, token: Address, amount: BaseUnits) -> Call {
        let owner = Payer { key: self.key(), account: AccountId::MAX, seed: SEED };
        let payment = Payment {
            token,
            payee: PAYEE,
            amount: amount.get(),
            nonce: self.rng.gen_range(0..64),
            deadline: self.world.later(7_200),
        };
        let signed = owner.sign_directly(self.world.id(), payment);
        let captured = U256::from(amount.get().min(self.rng.gen_range(0..9)));
        self.world.id().settle_direct(by, &[DirectSettlement { signed, captured }])
    }

    /// A receipt that a key signed about an account, its own or not, and that was not kept.
    fn promise(&mut self, account: AccountId, token: Address) -> Promise {
        let key = self.key();
        let id = self.world.id();
        let ago = |seconds| UnixTime::new(self.world.clock.now().get() - seconds).expect("a time");
        let (issued_at, settle_by) = (ago(100), ago(50));
        let receipt = Receipt {
            mandate_id: MandateId::from_bytes(B256::with_last_byte(self.rng.r#gen()))
                .expect("an id"),
            processor: key.address(),
            account,
            nonce: Nonce::new(self.nonce()),
            token,
            payee: PAYEE,
            arbiter: Address::ZERO,
            amount: Ceiling::MIN,
            issued_at,
            deadline: self.world.later(7_200),
            settle_by,
        };
        let domain = typed_data::domain(id.chain_id, id.address);
        let signed = SignedReceipt::sign(receipt, &key, &domain).expect("signed");
        self.promised.push(receipt);
        Promise { receipt: signed, capture: None }
    }

    fn verifiers(&mut self) -> Call {
        let [verifier, _] = self.strangers.callers;
        let shape = self.rng.r#gen();
        let call = registerVerifiersCall {
            verifiers: vec![IDebitWallet::ShapeVerifier { shape, verifier }],
        };
        Call::new(self.world.id().address, &call)
    }
}

/// What the chain answers to a request.
pub async fn ask(world: &World, method: &'static str, params: Value) -> Value {
    world.chain.client().request(method, params).await.expect(method)
}

/// Of this token the wallet gets twice what is sent, whatever it is called for.
fn doubling_token() -> Bytes {
    let mut code = Assembly::default();
    code.op("6000 35 60e0 1c"); // the selector
    code.op("80 6370a08231 14").jump_to("balanceOf");
    code.op("63a9059cbb 14").jump_to("transfer");
    code.op("6044 35 6001 1b 6000 54 01 6000 55 6001 6000 52 6020 6000 f3");
    code.label("balanceOf").op("6000 54 6000 52 6020 6000 f3");
    code.label("transfer").op("6024 35 6000 54 03 6000 55 6001 6000 52 6020 6000 f3");
    code.creation()
}
