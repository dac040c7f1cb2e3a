//! Strangers on the chain: their own token, their own verifier that takes any proof, and contracts of
//! theirs that call whatever they are told, as processors too.

use aep2_chain::{
    call::Call,
    contracts::{
        DebitWallet::{registerVerifiersCall, settleBatchCall},
        IDebitWallet,
    },
    transact::transact,
    wallet::{
        terms::Terms,
        units::{BaseUnits, KeyHash, VerifierSetId},
    },
};
use aep2_circuits::{
    Shape,
    settlement::{Debit, Payout, Segment, Settlement},
};
use aep2_mandate::{
    eddsa::SecretKey,
    field::{self, Fr},
    units::AccountId,
};
use alloy::{
    primitives::{Address, B256, Bytes, U256, aliases::U40},
    rpc::types::TransactionReceipt,
    signers::local::PrivateKeySigner,
    sol_types::SolCall,
};

use crate::{
    settling::Assembly,
    world::{World, dev_key},
};

/// Nobody's: the strangers' token lets it have what it is sent.
pub const PAYEE: Address = Address::repeat_byte(0xe9);

/// For a handful of calls of the wallet.
const CALLING_GAS: u64 = 8_000_000;

/// What strangers have deployed.
pub struct Strangers {
    /// A token that gives itself to whoever says so.
    pub token: Address,
    /// A list of verifiers that hold whatever is shown to them.
    pub verifier_set: VerifierSetId,
    /// Contracts that call what they are told, in turn.
    pub callers: [Address; 2],
    /// The hash of the key that all their accounts have.
    pub key_hash: KeyHash,
}

/// What a stranger's batch takes of an account: word, mask, amount.
#[derive(Clone, Copy, Debug)]
pub struct Taken {
    /// Of whom.
    pub account: AccountId,
    /// `nonce >> 7`.
    pub word: u64,
    /// The nonces.
    pub mask: u128,
    /// How much.
    pub amount: u128,
}

impl Strangers {
    /// Deploys all of it.
    pub async fn new(world: &World) -> Self {
        let token = world.greedy_token(Address::ZERO).await;
        let verifier = deploy(world, yes()).await;
        let shapes = vec![IDebitWallet::ShapeVerifier { shape: Shape::TEST.id(), verifier }];
        let registering = registerVerifiersCall { verifiers: shapes };
        let call = Call::new(world.id().address, &registering);
        let receipt = world.send(&dev_key(0), &call).await;
        let events = world.id().events_of(&receipt).expect("events");
        let verifier_set = events.into_iter().find_map(|event| match event {
            aep2_chain::events::WalletEvent::VerifiersRegistered { verifier_set, .. } => {
                Some(verifier_set)
            }
            _ => None,
        });
        let callers = [deploy(world, caller()).await, deploy(world, caller()).await];
        let key_hash = KeyHash::of(&SecretKey::from_seed([0x99; 32]).public());
        Self { token, verifier_set: verifier_set.expect("registered"), callers, key_hash }
    }

    /// Terms under a processor, with the strangers' verifiers and key.
    pub fn terms(&self, processor: Address) -> Terms {
        let (verifier_set, key_hash) = (Some(self.verifier_set), Some(self.key_hash));
        Terms { processor, verifier_set, key_hash }
    }

    /// Opens an account.
    pub async fn open(
        &self,
        world: &World,
        key: &PrivateKeySigner,
        processor: Address,
    ) -> AccountId {
        let opening = world.id().open_account(&self.terms(processor));
        let receipt = world.send(key, &opening).await;
        world.id().opened_account(&receipt).expect("an account")
    }

    /// Deposits of the strangers' token.
    pub fn deposit(&self, world: &World, account: AccountId, amount: u128) -> Call {
        world.id().deposit(account, self.token, BaseUnits::new(amount))
    }

    /// A batch of a processor in a token, all of which one payee gets.
    pub fn settling(
        &self,
        world: &World,
        processor: Address,
        token: Address,
        taken: &[Taken],
    ) -> Call {
        let valid_until = world.later(60);
        let debits = taken.iter().map(|taken| Debit {
            account: taken.account.get(),
            word: taken.word,
            mask: taken.mask,
            amount: taken.amount,
            key_hash: self.key_hash.element(),
        });
        let total: u128 = taken.iter().map(|taken| taken.amount).sum();
        let payouts = (total > 0).then_some(Payout { payee: PAYEE, amount: total });
        let settlement = Settlement {
            domain: world.id().mandate_domain(token).element(),
            valid_until: valid_until.get(),
            count: taken.iter().map(|taken| taken.mask.count_ones()).sum(),
            debits: debits.collect(),
            payouts: payouts.into_iter().collect(),
        };
        let named = [Segment { shape: Shape::TEST, commitment: Fr::from(7u64) }];
        let (x, beta) = settlement.challenges(&named);
        let sum = settlement.sum(&named, x, beta).expect("no pole");
        let hint = settlement.hint(&named).expect("no pole");
        let debit = |debit: &Debit| IDebitWallet::Debit {
            account: debit.account,
            word: debit.word,
            mask: debit.mask,
            amount: debit.amount,
        };
        let payout =
            |payout: &Payout| IDebitWallet::Payout { payee: payout.payee, amount: payout.amount };
        let call = settleBatchCall {
            header: IDebitWallet::Header {
                processor,
                verifierSet: self.verifier_set.to_bytes(),
                token,
                validUntil: U40::from(settlement.valid_until),
                count: settlement.count,
                captures: B256::ZERO,
                place: 0,
            },
            debits: settlement.debits.iter().map(debit).collect(),
            payouts: settlement.payouts.iter().map(payout).collect(),
            segments: vec![IDebitWallet::Segment {
                shape: Shape::TEST.id(),
                commitment: word(&named[0].commitment),
                sum: word(&sum),
                proof: [U256::ZERO; 8],
            }],
            hint: word(&hint),
        };
        Call::with_data(world.id().address, call.abi_encode().into())
    }
}

/// Has a contract call these, one after another. What fails, fails alone.
pub fn calling(contract: Address, calls: &[Call]) -> Call {
    let mut data = Vec::new();
    for call in calls {
        data.extend(call.to.to().expect("no deployment").into_word());
        data.extend(U256::from(call.data.len()).to_be_bytes::<32>());
        data.extend(&call.data);
    }
    // An estimate would be what suffices for all of them to fail.
    Call { gas: Some(CALLING_GAS), ..Call::with_data(contract, data.into()) }
}

/// How many events the wallet logged in a transaction.
pub fn events_in(world: &World, receipt: &TransactionReceipt) -> usize {
    world.id().events_of(receipt).expect("events").len()
}

pub(crate) async fn deploy(world: &World, creation: Bytes) -> Address {
    let receipt = transact(&world.with_key(&dev_key(0)), &Call::deployment(creation)).await;
    receipt.expect("deployed").contract_address.expect("an address")
}

fn word(element: &Fr) -> U256 {
    U256::from_be_bytes(field::to_be_bytes(element))
}

/// Answers 1 to everything. Longer than need be: the wallet takes what is short for a key's delegation.
fn yes() -> Bytes {
    let mut code = Assembly::default();
    code.op("6001 6000 52 6020 6000 f3").op(&"00".repeat(24));
    code.creation()
}

/// Takes its calldata for calls: a word with the address, a word with the length, the data; and again.
fn caller() -> Bytes {
    let mut code = Assembly::default();
    code.op("5f"); // the place
    code.label("next").op("36 81 10").jump_to("call").op("00");
    code.label("call").op("80 6020 01 35"); // place, length
    code.op("80 82 6040 01 5f 37"); // copies the data
    code.op("5f 5f 82 5f 5f 86 35 5a f1 50"); // calls
    code.op("01 6040 01 6001").jump_to("next");
    code.creation()
}
