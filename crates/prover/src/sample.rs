//! Windows of made-up payments, really signed: for benchmarks and demonstrations.

use aep2_circuits::Shape;
use aep2_mandate::{
    eddsa::SecretKey,
    signer::{MandateTerms, Released, Signer},
    units::{AccountId, Amount, Ceiling, ChainId, Nonce, UnixTime},
};
use alloy_primitives::{Address, B256};
use rand::{CryptoRng, Rng, RngCore};

use crate::window::{Entry, Window};

/// Payees in a sample window.
const PAYEES: u8 = 8;

/// A window that fills `shape`: an account for every lane, each paying in one chain with a key of
/// its own, 1 to 10,000 base units a call to one of 8 payees; with
/// capture, of between none and all.
///
/// # Panics
/// Never: every number drawn is in its range.
pub fn window(shape: Shape, valid_until: UnixTime, rng: &mut (impl CryptoRng + RngCore)) -> Window {
    let (chain_id, wallet) = (ChainId::new(31_337), Address::repeat_byte(0xa2));
    let token = Address::repeat_byte(0xdc);
    let mut mandates = Vec::with_capacity(shape.mandates_max());
    for lane in 0..shape.lanes() as u32 {
        let signer = Signer::new(SecretKey::generate(rng), chain_id, wallet);
        let account = AccountId::new(lane + 1).expect("accounts count from one");
        let mut previous: Option<Released> = None;
        for nonce in 0..shape.slots() as u64 {
            let amount = rng.gen_range(1..=10_000);
            let terms = MandateTerms {
                account,
                token,
                payee: Address::repeat_byte(rng.gen_range(1..=PAYEES)),
                amount: Ceiling::new(amount).expect("a small amount"),
                nonce: Nonce::new(nonce),
                deadline: valid_until.checked_add(rng.gen_range(0..3_600)).unwrap_or(valid_until),
                reference: B256::from(rng.r#gen::<[u8; 32]>()),
            };
            let signed = signer.sign(terms, previous.as_ref());
            previous = Some(signed.clone().released_to_payee());
            let captured = shape
                .capture()
                .then(|| Amount::new(rng.gen_range(0..=amount)).expect("a small amount"));
            mandates.push(Entry { signed, captured });
        }
    }
    Window { chain_id, wallet, token, valid_until, mandates }
}
