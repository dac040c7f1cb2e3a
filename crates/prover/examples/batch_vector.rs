//! Writes the proven batch that the contracts' tests settle: `contracts/test/vectors/batch.json`.
//!
//! ```sh
//! make contracts-vectors
//! ```
//!
//! The window has two segments. Keys, signatures, blinds and proofs come from a seed, so that each run
//! writes the same bytes. The mandates name a wallet and a token that do not exist yet: the addresses
//! at which the test's deployer creates its first and second contract.

use aep2_circuits::{Shape, settlement::PublicInputs};
use aep2_mandate::{
    eddsa::SecretKey,
    field,
    signer::{MandateTerms, Signer},
    units::{AccountId, Amount, Ceiling, ChainId, Nonce, UnixTime},
};
use aep2_prover::{
    blinding::Blinding,
    export::calldata,
    proven::ProvenSegment,
    prover::{Entropy, Prover},
    window::{Entry, Window},
};
use alloy_primitives::{Address, B128, B256, U256, keccak256};
use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;
use serde_json::{Value, json};

const MADE_BY: &str = "make contracts-vectors";
const SEED: [u8; 32] = *b"AEP2 batch vector, not for money";
const CHAIN_ID: u64 = 31_337;
const VALID_UNTIL: u64 = 1_900_000_000;

/// Account, nonce, payee, ceiling, captured. The first two are one chain and one nonce word; the
/// third is in the neighbouring word, which shares a storage slot with it; the last is a void. The
/// first account's fill the first segment, the second account's are in the second.
const PAYMENTS: [(u32, u64, &str, u128, u128); 5] = [
    (1, 5, "payee one", 1_000_000, 1_000_000),
    (1, 6, "payee two", 500_000, 40_000),
    (1, 128, "payee three", 7, 7),
    (2, 0, "payee two", 250_000, 249_999),
    (2, 127, "payee three", 9_000, 0),
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let deployer = address("deployer");
    let (token, wallet) = (created(deployer, 0), created(deployer, 1));
    let window = window(wallet, token)?;

    let mut rng = ChaCha20Rng::from_seed(SEED);
    let valid = window.validate(&mut rng)?;
    let prover = Prover::set_up(Shape::new(2, 2, true)?, &Entropy::Seed(SEED), &())?;
    let (proven, ..) = prover.prove(&valid, &Blinding::from_bytes(SEED), &mut rng, &())?;
    proven.verify(|_| Some(prover.verifying_key()))?;

    let settlement = &proven.settlement;
    let (x, beta) = settlement.challenges(&proven.named());
    let segments: Vec<Value> =
        proven.segments.iter().zip(proven.public_inputs()).map(segment).collect();
    let debits: Vec<Value> = settlement
        .debits
        .iter()
        .map(|debit| {
            json!({
                "account": debit.account,
                "word": debit.word.to_string(),
                "mask": B128::from(debit.mask),
                "amount": debit.amount.to_string(),
                "keyHash": B256::from(field::to_be_bytes(&debit.key_hash)),
            })
        })
        .collect();
    let payouts: Vec<Value> = settlement
        .payouts
        .iter()
        .map(|payout| json!({ "payee": payout.payee, "amount": payout.amount.to_string() }))
        .collect();
    let vector = json!({
        "madeBy": MADE_BY,
        "chainId": CHAIN_ID,
        "deployer": deployer,
        "token": token,
        "wallet": wallet,
        "domain": B256::from(field::to_be_bytes(&settlement.domain)),
        "validUntil": settlement.valid_until,
        "count": settlement.count,
        "debits": debits,
        "payouts": payouts,
        "segments": segments,
        "hint": B256::from(field::to_be_bytes(&settlement.hint(&proven.named())?)),
        "batchId": proven.id(),
        "seed": proven.id(),
        "x": B256::from(field::to_be_bytes(&x)),
        "beta": B256::from(field::to_be_bytes(&beta)),
        "verifyingKey": words(&calldata::verifying_key_to_words(prover.verifying_key())),
    });
    println!("{}", serde_json::to_string_pretty(&vector)?);
    Ok(())
}

/// A segment, and its proof's public inputs.
fn segment((own, inputs): (&ProvenSegment, PublicInputs)) -> Value {
    json!({
        "shape": own.shape.id(),
        "commitment": B256::from(field::to_be_bytes(&own.commitment)),
        "sum": B256::from(field::to_be_bytes(&own.sum)),
        "proof": words(&calldata::proof_to_words(&own.proof)),
        "publicInputs": words(&calldata::inputs_to_words(&inputs.to_vec())),
    })
}

fn window(wallet: Address, token: Address) -> Result<Window, Box<dyn std::error::Error>> {
    let (chain_id, valid_until) = (ChainId::new(CHAIN_ID), UnixTime::new(VALID_UNTIL)?);
    let mut released = None;
    let mut mandates = Vec::new();
    for (account, nonce, payee, ceiling, captured) in PAYMENTS {
        let key = SecretKey::from_seed(keccak256(format!("mandate key {account}")).0);
        let signer = Signer::new(key, chain_id, wallet);
        let terms = MandateTerms {
            account: AccountId::new(account)?,
            token,
            payee: address(payee),
            amount: Ceiling::new(ceiling)?,
            nonce: Nonce::new(nonce),
            deadline: valid_until,
            reference: keccak256(format!("order {account} {nonce}")),
        };
        let signed = signer.sign(terms, released.as_ref());
        released = Some(signed.clone().released_to_payee());
        mandates.push(Entry { signed, captured: Some(Amount::new(captured)?) });
    }
    Ok(Window { chain_id, wallet, token, valid_until, mandates })
}

/// An address by a name: the last bytes of its hash.
fn address(name: &str) -> Address {
    Address::from_word(keccak256(name))
}

/// Where an account's first contracts come to be: the last bytes of the hash of the RLP list of its
/// address and nonce.
fn created(deployer: Address, nonce: u8) -> Address {
    let nonce = if nonce == 0 { 0x80 } else { nonce };
    Address::from_word(keccak256([&[0xd6, 0x94], deployer.as_slice(), &[nonce]].concat()))
}

fn words(numbers: &[U256]) -> Vec<B256> {
    numbers.iter().map(|number| B256::from(*number)).collect()
}
