//! A batch settles as it was proved or not at all: whatever is altered, the wallet says no, and says
//! why.
//!
//! The honest sender's own checks are passed over here: the calldata is altered as it stands, or made
//! anew, hint included, from an altered proof.

use aep2_chain::{
    call::Call,
    contracts::{DebitWallet::settleBatchCall, IDebitWallet},
    deployment::{deploy, is_local},
    settlement::SettleError,
    wallet::{
        WalletId,
        error::{VerifierError, WalletError as E},
        units::VerifierSetId,
    },
};
use aep2_circuits::{Shape, settlement::RuleBroken};
use aep2_mandate::{field::Fr, units::ChainId};
use aep2_prover::proven::Proven;
use aep2_tests::{
    chain::TestChain,
    on_both_chains,
    proofs::prover,
    stage::{Stage, payee, plan},
};
use alloy::{
    network::TransactionBuilder,
    primitives::{Address, B256, U256, aliases::U40, uint},
    providers::Provider,
    sol_types::SolCall,
};

on_both_chains![
    each_altered_part_has_its_own_error,
    an_altered_proof_is_refused_with_a_fitting_hint_too,
    no_byte_of_the_calldata_can_change,
    a_batch_for_another_chain_wallet_or_token_is_refused,
    what_the_wallet_would_refuse_is_not_sent,
];

/// The order of the field that proofs' coordinates are in.
const BASE_FIELD: U256 =
    uint!(21888242871839275222246405745257275088696311157297823662689037894645226208583_U256);

fn one() -> U256 {
    U256::from(1)
}

/// A batch that the wallet would settle.
struct Honest {
    stage: Stage,
    call: settleBatchCall,
}

impl Honest {
    /// Why the wallet refuses it with something altered.
    async fn refused(&self, alter: &dyn Fn(&mut settleBatchCall)) -> E {
        let mut call = self.call.clone();
        alter(&mut call);
        let stage = &self.stage;
        stage.refused(&stage.processor, &Call::new(stage.id().address, &call)).await
    }

    /// What it says where the hint no longer fits.
    fn hint_wrong(&self) -> E {
        E::HintWrong { hint: self.call.hint }
    }

    fn verifier_set(&self) -> B256 {
        self.stage.deployment.verifier_set.to_bytes()
    }
}

async fn each_altered_part_has_its_own_error(chain: TestChain) {
    let stage = Stage::set(chain).await;
    let call = settleBatchCall::abi_decode(&stage.settling(&stage.batch()).data).unwrap();
    let own = Honest { stage, call };
    alter_the_header(&own).await;
    alter_debits(&own).await;
    alter_payouts(&own).await;
    alter_segments_and_hint(&own).await;

    // And as it was, it settles.
    let Honest { stage, call } = &own;
    stage.send(&stage.processor, &Call::new(stage.id().address, call)).await;
}

/// The header, and what stands beside it.
async fn alter_the_header(own: &Honest) {
    assert_eq!(own.refused(&|call| call.segments[0].shape ^= 1).await, own.hint_wrong());
    let other = Address::repeat_byte(1).into_word();
    let nobodys = E::NotAuthorized {
        account: own.stage.ann.account.get(),
        processor: own.stage.processor.address(),
        verifier_set: other,
    };
    assert_eq!(own.refused(&|call| call.header.verifierSet = other).await, nobodys);
    let token = Address::repeat_byte(0x77);
    let poor = E::InsufficientBalance {
        account: own.stage.ann.account.get(),
        token,
        balance: U256::ZERO,
        amount: U256::from(700),
    };
    assert_eq!(own.refused(&|call| call.header.token = token).await, poor);
    assert_eq!(own.refused(&|call| call.header.validUntil += U40::from(1)).await, own.hint_wrong());
    let mismatch = E::CountMismatch { bits: U256::from(4), count: 5 };
    assert_eq!(own.refused(&|call| call.header.count += 1).await, mismatch);
    assert_eq!(own.refused(&|call| call.header.count = 0).await, E::BatchEmpty);
}

/// A debit. Its amount is of Ann's word 0; her word 1 comes next, then Bob's.
async fn alter_debits(own: &Honest) {
    let Honest { stage, .. } = own;
    let (ann, bob) = (stage.ann.account.get(), stage.bob.account.get());
    let nobodys = E::NotAuthorized {
        account: 3,
        processor: stage.processor.address(),
        verifier_set: own.verifier_set(),
    };
    assert_eq!(own.refused(&|call| call.debits[0].account = 3).await, nobodys);
    assert_eq!(own.refused(&|call| call.debits[0].account = bob).await, own.hint_wrong());
    assert_eq!(own.refused(&|call| call.debits[0].word = 7).await, own.hint_wrong());
    let out_of_range = E::WordOutOfRange { index: 0, word: 1 << 57 };
    assert_eq!(own.refused(&|call| call.debits[0].word |= 1 << 57).await, out_of_range);
    assert_eq!(own.refused(&|call| call.debits[0].mask <<= 1).await, own.hint_wrong());
    let mismatch = E::CountMismatch { bits: U256::from(5), count: 4 };
    assert_eq!(own.refused(&|call| call.debits[0].mask |= 2).await, mismatch);
    assert_eq!(own.refused(&|call| call.debits[2].mask = 0).await, E::MaskEmpty { index: 2 });
    let differ = E::TotalsDiffer { debits: U256::from(1_043), payouts: U256::from(1_042) };
    assert_eq!(own.refused(&|call| call.debits[0].amount += 1).await, differ);
    let poor = E::InsufficientBalance {
        account: ann,
        token: stage.token_address(),
        balance: U256::from(aep2_tests::stage::FUNDS),
        amount: U256::from(u128::MAX),
    };
    assert_eq!(own.refused(&|call| call.debits[0].amount = u128::MAX).await, poor);
    assert_eq!(own.refused(&|call| call.debits.swap(0, 1)).await, own.hint_wrong());
    let twice = E::NonceSpent { account: ann, word: 0, bits: one() };
    assert_eq!(own.refused(&|call| call.debits.push(call.debits[0].clone())).await, twice);
    let shifted = |call: &mut settleBatchCall| {
        call.debits[0].amount += 1;
        call.debits[2].amount -= 1;
    };
    assert_eq!(own.refused(&shifted).await, own.hint_wrong(), "from one payer to another");
}

async fn alter_payouts(own: &Honest) {
    assert_eq!(own.refused(&|call| call.payouts[0].payee = payee(9)).await, own.hint_wrong());
    let differ = E::TotalsDiffer { debits: U256::from(1_042), payouts: U256::from(1_043) };
    assert_eq!(own.refused(&|call| call.payouts[0].amount += 1).await, differ);
    let shifted = |call: &mut settleBatchCall| {
        call.payouts[0].amount += 1;
        call.payouts[1].amount -= 1;
    };
    assert_eq!(own.refused(&shifted).await, own.hint_wrong(), "from one payee to another");
    let added = |call: &mut settleBatchCall| {
        call.payouts.push(IDebitWallet::Payout { payee: payee(9), amount: 0 });
    };
    assert_eq!(own.refused(&added).await, own.hint_wrong(), "a payout of nothing");
}

async fn alter_segments_and_hint(own: &Honest) {
    assert_eq!(own.refused(&|call| call.segments.clear()).await, E::SegmentsEmpty);
    let twice = |call: &mut settleBatchCall| call.segments.push(call.segments[0].clone());
    assert_eq!(own.refused(&twice).await, own.hint_wrong());
    assert_eq!(own.refused(&|call| call.segments[0].commitment += one()).await, own.hint_wrong());
    let commitment = U256::MAX;
    let out_of_range = E::CommitmentOutOfRange { commitment };
    assert_eq!(own.refused(&|call| call.segments[0].commitment = commitment).await, out_of_range);
    let batch_id = own.stage.batch().id();
    let differ = E::SumsDiffer { batch_id };
    assert_eq!(own.refused(&|call| call.segments[0].sum ^= one()).await, differ);
    let sum = U256::MAX;
    let out_of_range = E::SumOutOfRange { sum };
    assert_eq!(own.refused(&|call| call.segments[0].sum = sum).await, out_of_range);
    let hint = own.call.hint + one();
    assert_eq!(own.refused(&|call| call.hint = hint).await, E::HintWrong { hint });
    for index in 0..8 {
        let off_curve = E::Verifier(VerifierError::PrecompileFailed { precompile: 8 });
        assert_eq!(
            own.refused(&|call| call.segments[0].proof[index] ^= one()).await,
            off_curve,
            "{index}"
        );
        let value = own.call.segments[0].proof[index] + BASE_FIELD;
        let second_spelling = VerifierError::CoordinateNotReduced { index: index as u64, value };
        let refused = own.refused(&|call| call.segments[0].proof[index] = value).await;
        assert_eq!(refused, E::Verifier(second_spelling));
    }
    let infinite = |call: &mut settleBatchCall| call.segments[0].proof[6..].fill(U256::ZERO);
    let infinity = E::Verifier(VerifierError::PointAtInfinity { index: 6 });
    assert_eq!(own.refused(&infinite).await, infinity);
}

/// What is altered of a proven batch, and how.
type Alteration = (&'static str, fn(&mut Proven));

/// The same, but the sender makes the hint and the sum anew: then only the proof stands between it and
/// the money.
async fn an_altered_proof_is_refused_with_a_fitting_hint_too(chain: TestChain) {
    let stage = Stage::set(chain).await;
    let honest = stage.batch();
    let alterations: [Alteration; 10] = [
        ("validUntil", |altered| altered.settlement.valid_until += 1),
        ("debit's word", |altered| altered.settlement.debits[0].word = 7),
        ("debit's mask", |altered| altered.settlement.debits[0].mask <<= 1),
        ("debits' amounts", |altered| {
            altered.settlement.debits[0].amount += 1;
            altered.settlement.debits[2].amount -= 1;
        }),
        ("debits' order", |altered| altered.settlement.debits.swap(0, 1)),
        ("payee", |altered| altered.settlement.payouts[0].payee = payee(9)),
        ("payouts' amounts", |altered| {
            altered.settlement.payouts[0].amount += 1;
            altered.settlement.payouts[1].amount -= 1;
        }),
        ("payouts' order", |altered| altered.settlement.payouts.swap(0, 1)),
        ("C", |altered| altered.segments[0].commitment += Fr::from(1u64)),
        ("proof", |altered| altered.segments[0].proof.c = altered.segments[0].proof.a),
    ];
    for (part, alter) in alterations {
        let mut altered = honest.clone();
        alter(&mut altered);
        let batch_id = altered.id();
        if part != "proof" {
            let refused = stage.refused(&stage.processor, &stage.settling(&altered)).await;
            assert_eq!(refused, E::SumsDiffer { batch_id }, "{part}");
            fit_the_sum(&mut altered);
        }
        let refused = stage.refused(&stage.processor, &stage.settling(&altered)).await;
        assert_eq!(refused, E::ProofRefused { batch_id }, "{part}");
    }
    // Another shape, which the accounts' verifiers do not have.
    let mut altered = honest.clone();
    altered.segments[0].shape = Shape::new(2, 2, false).unwrap();
    fit_the_sum(&mut altered);
    let refused = stage.refused(&stage.processor, &stage.settling(&altered)).await;
    let (set, shape) = (stage.deployment.verifier_set.to_bytes(), altered.segments[0].shape.id());
    assert_eq!(refused, E::UnknownShape { verifier_set: set, shape });
    // Another account's debit, with that account's key.
    let mut altered = honest.clone();
    altered.settlement.debits[0].account = stage.bob.account.get();
    altered.settlement.debits[0].key_hash = honest.settlement.debits[2].key_hash;
    altered.settlement.debits[0].word = 40;
    fit_the_sum(&mut altered);
    let refused = stage.refused(&stage.processor, &stage.settling(&altered)).await;
    assert!(matches!(refused, E::ProofRefused { .. }), "{refused:?}");
}

/// Has a batch of one segment say the sum that the wallet computes.
fn fit_the_sum(altered: &mut Proven) {
    let named = altered.named();
    let (x, beta) = altered.settlement.challenges(&named);
    altered.segments[0].sum = altered.settlement.sum(&named, x, beta).unwrap();
}

/// Also the bytes that no field of the call owns: offsets, lengths, padding.
async fn no_byte_of_the_calldata_can_change(chain: TestChain) {
    let stage = Stage::set(chain).await;
    let honest = stage.settling(&stage.batch());
    let reader = stage.chain.reader();
    let request = |data: Vec<u8>| {
        Call { data: data.into(), ..honest.clone() }
            .to_request()
            .with_from(stage.processor.address())
    };
    reader.call(request(honest.data.to_vec())).await.expect("the honest batch settles");

    let whole = settleBatchCall::abi_decode(&honest.data).expect("a batch");
    let altered_data = |index: usize| {
        let mut data = honest.data.to_vec();
        data[index] ^= 1;
        data
    };
    let altered = |index: usize| {
        let (reader, request) = (reader.clone(), request(altered_data(index)));
        async move { (index, reader.call(request).await) }
    };
    for first in (0..honest.data.len()).step_by(64) {
        let some = (first..honest.data.len()).take(64).map(altered);
        for (index, answer) in futures::future::join_all(some).await {
            let Err(refused) = answer else {
                // What it captured is the processor's word alone, which whoever may send it gives.
                let mut call = settleBatchCall::abi_decode(&altered_data(index)).expect("settled");
                let IDebitWallet::Header { captures, place, .. } = whole.header.clone();
                (call.header.captures, call.header.place) = (captures, place);
                assert_eq!(call.abi_encode(), honest.data[..], "byte {index} must not settle");
                continue;
            };
            let why = aep2_chain::error::revert_of(&refused);
            assert!(why.is_some(), "byte {index}: not a revert but {refused}");
        }
    }
}

async fn a_batch_for_another_chain_wallet_or_token_is_refused(chain: TestChain) {
    let stage = Stage::set(chain).await;
    let (id, token) = (stage.id(), stage.token_address());
    // The other wallet has the same accounts, keys and verifiers; the other token the same balances.
    let deployer = stage.chain.with_key(&stage.deployer);
    let other = deploy(&deployer, &plan()).await.unwrap();
    let other_chain = ChainId::new(1);
    assert!(!is_local(other_chain));
    for (wallet, token_meant) in [
        (WalletId { chain_id: other_chain, ..id }, token),
        (WalletId { address: other.wallet.address, ..id }, token),
        (id, other.test_token.as_ref().unwrap().address),
    ] {
        let valid_until =
            aep2_mandate::units::UnixTime::new(aep2_tests::stage::VALID_UNTIL).unwrap();
        let payments = stage.payments();
        let elsewhere = aep2_tests::proofs::prove(wallet, token_meant, valid_until, &payments);
        let (set, processor) = (stage.deployment.verifier_set, stage.processor.address());
        let unsent = id.settle_batch(&elsewhere, processor, set, token, None);
        assert_eq!(unsent, Err(SettleError::OtherDomain { wallet: id, token }));

        // Sent as it is: the wallet computes its own domain, so the challenges are others.
        let mut call = settleBatchCall::abi_decode(
            &wallet.settle_batch(&elsewhere, processor, set, token_meant, None).unwrap().data,
        )
        .unwrap();
        call.header.token = token;
        let refused = stage.refused(&stage.processor, &Call::new(id.address, &call)).await;
        assert_eq!(refused, E::HintWrong { hint: call.hint });

        // And with the hint for the domain that the wallet computes.
        let mut renamed = elsewhere.clone();
        renamed.settlement.domain = id.mandate_domain(token).element();
        let refused = stage.refused(&stage.processor, &stage.settling(&renamed)).await;
        assert_eq!(refused, E::SumsDiffer { batch_id: renamed.id() });
        fit_the_sum(&mut renamed);
        let refused = stage.refused(&stage.processor, &stage.settling(&renamed)).await;
        assert!(matches!(refused, E::ProofRefused { .. }), "{refused:?}");
    }
}

async fn what_the_wallet_would_refuse_is_not_sent(chain: TestChain) {
    let stage = Stage::set(chain).await;
    let set = VerifierSetId::new(stage.deployment.verifier_set.to_bytes());
    let unsent = |alter: fn(&mut Proven)| {
        let mut altered = stage.batch();
        alter(&mut altered);
        let (processor, token) = (stage.processor.address(), stage.token_address());
        stage.id().settle_batch(&altered, processor, set, token, None).unwrap_err()
    };
    assert_eq!(prover().verifying_key_hash(), stage.batch().segments[0].verifying_key_hash);
    assert_eq!(unsent(|proven| proven.settlement.count = 0), RuleBroken::Empty.into());
    assert_eq!(
        unsent(|proven| proven.settlement.payouts[0].amount += 1),
        RuleBroken::Unbalanced.into()
    );
    assert_eq!(
        unsent(|proven| proven.settlement.debits[1].mask = 0),
        RuleBroken::EmptyMask { index: 1 }.into()
    );
    assert_eq!(
        unsent(|proven| proven.settlement.valid_until = 1 << 40),
        RuleBroken::ValidUntil.into()
    );
}
