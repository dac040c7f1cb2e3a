//! From settlement to calldata and back, and the hint.

use aep2_chain::{
    contracts::{DebitWallet::settleBatchCall, IDebitWallet},
    settlement::{
        NotABatch, Remembered, SettledBatch, SettledDebit, SettledPayout, SettledSegment,
    },
    wallet::units::{BaseUnits, VerifierSetId},
};
use aep2_circuits::{
    Shape,
    settlement::{Debit, Payout, Segment, Settlement},
};
use aep2_mandate::{
    field::{self, Fr},
    units::{AccountId, Nonce, UnixTime},
};
use alloy::{
    primitives::{Address, B256, U256, aliases::U40},
    sol_types::SolCall,
};
use proptest::prelude::*;

fn settlement(debits: Vec<Debit>, payouts: Vec<Payout>) -> Settlement {
    Settlement { domain: Fr::from(9u64), valid_until: 1_800_000_000, count: 1, debits, payouts }
}

prop_compose! {
    fn entries()(
        debits in prop::collection::vec((1u32.., 0u64..1 << 57, 1u128.., any::<u128>(), any::<u64>()), 0..20),
        payouts in prop::collection::vec((any::<[u8; 20]>(), any::<u128>()), 0..20),
    ) -> Settlement {
        let debit = |(account, word, mask, amount, key_hash): (u32, u64, u128, u128, u64)| Debit {
            account, word, mask, amount, key_hash: Fr::from(key_hash),
        };
        let payout = |(payee, amount): ([u8; 20], u128)| Payout { payee: payee.into(), amount };
        settlement(debits.into_iter().map(debit).collect(), payouts.into_iter().map(payout).collect())
    }
}

proptest! {
    /// The hint times every denominator is 1, denominator by denominator as the wallet forms them.
    #[test]
    fn the_hint_is_the_inverse_of_all_denominators(
        settlement in entries(),
        commitments in prop::collection::vec(any::<u64>(), 1..4),
    ) {
        let segment = |own: &u64| Segment { shape: Shape::TEST, commitment: Fr::from(*own) };
        let segments: Vec<Segment> = commitments.iter().map(segment).collect();
        let (x, beta) = settlement.challenges(&segments);
        let mut product = settlement.hint(&segments).unwrap();
        for debit in &settlement.debits {
            let key = Fr::from(u128::from(debit.account) * (1 << 57) + u128::from(debit.word));
            product *= x - (key + beta * debit.key_hash);
        }
        for payout in &settlement.payouts {
            product *= x - field::from_address(payout.payee);
        }
        for segment in &segments {
            product *= x - segment.commitment;
        }
        prop_assert_eq!(product, Fr::from(1u64));
    }
}

/// A challenge on a pole cannot be found; the product of none is 1, and so is its inverse.
#[test]
fn a_batch_of_nothing_has_the_hint_one() {
    let nothing = settlement(Vec::new(), Vec::new());
    assert_eq!(nothing.hint(&[]), Ok(Fr::from(1u64)));
}

fn call() -> settleBatchCall {
    settleBatchCall {
        header: IDebitWallet::Header {
            processor: Address::repeat_byte(9),
            verifierSet: B256::repeat_byte(1),
            token: Address::repeat_byte(2),
            validUntil: U40::MAX,
            count: 3,
            captures: B256::repeat_byte(8),
            place: u64::MAX,
        },
        debits: vec![IDebitWallet::Debit { account: 4, word: 5, mask: 1 << 127 | 1, amount: 6 }],
        payouts: vec![IDebitWallet::Payout { payee: Address::repeat_byte(3), amount: u128::MAX }],
        segments: vec![IDebitWallet::Segment {
            shape: 7,
            commitment: U256::from(8),
            sum: U256::MAX,
            proof: [U256::MAX; 8],
        }],
        hint: U256::from(9),
    }
}

#[test]
fn a_transaction_s_input_is_read() {
    let settled = SettledBatch::decode(&call().abi_encode()).unwrap();
    let debit = SettledDebit {
        account: AccountId::new(4).unwrap(),
        word: 5,
        mask: 1 << 127 | 1,
        amount: BaseUnits::new(6),
    };
    let payee = Address::repeat_byte(3);
    assert_eq!(
        settled,
        SettledBatch {
            processor: Address::repeat_byte(9),
            verifier_set: VerifierSetId::new(B256::repeat_byte(1)),
            token: Address::repeat_byte(2),
            valid_until: UnixTime::MAX,
            count: 3,
            remembered: Some(Remembered { captures: B256::repeat_byte(8), place: u64::MAX }),
            debits: vec![debit],
            payouts: vec![SettledPayout { payee, amount: BaseUnits::new(u128::MAX) }],
            segments: vec![SettledSegment { shape: 7, commitment: Fr::from(8u64) }],
        }
    );
    let mut forgotten = call();
    forgotten.header.captures = B256::ZERO;
    assert_eq!(SettledBatch::decode(&forgotten.abi_encode()).unwrap().remembered, None);
    let nonces: Vec<u64> = debit.nonces().map(Nonce::get).collect();
    assert_eq!(nonces, [5 * 128, 5 * 128 + 127]);
}

#[test]
fn input_that_cannot_have_settled_is_refused() {
    for input in [&[][..], &[1, 2], &[1, 2, 3, 4, 5]] {
        let selector = input[..input.len().min(4)].to_vec().into();
        assert_eq!(SettledBatch::decode(input), Err(NotABatch::OtherCall { selector }));
    }
    let refused = |input: &[u8]| {
        let error = SettledBatch::decode(input).unwrap_err();
        assert!(matches!(error, NotABatch::Malformed(_)), "{error:?}");
    };
    let whole = call().abi_encode();
    for length in [4, 36, whole.len() - 32, whole.len() - 1] {
        refused(&whole[..length]);
    }
    // A count of more than 32 bits; an account 0; a commitment that is no field element.
    let mut wide = whole.clone();
    wide[4 + 4 * 32] = 1;
    refused(&wide);
    let mut nobodys = call();
    nobodys.debits[0].account = 0;
    refused(&nobodys.abi_encode());
    let mut other = call();
    other.segments[0].commitment = U256::MAX;
    refused(&other.abi_encode());
}
