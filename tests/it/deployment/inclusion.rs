//! Evidence that a mandate was settled: it holds against what the chain settled, and nothing that
//! anybody has the wallet log makes more of it.

use aep2_chain::{
    call::Call,
    deployment::Deployment,
    inclusion::{NotIncluded, NotSettled, SettledTransaction},
    token::mint_test_tokens,
    wallet::{
        terms::{ShapeVerifier, Terms, VerifierList},
        units::BaseUnits,
    },
};
use aep2_circuits::settlement::{Debit, Settlement};
use aep2_mandate::{
    inclusion::{InclusionError, InclusionProof},
    units::{Amount, UnixTime},
};
use aep2_prover::proven::Proven;
use aep2_tests::{
    chain::TestChain,
    on_both_chains,
    proofs::{Payment, ProvedWindow, prove_window, prover},
    stage::{Stage, VALID_UNTIL, mandate_key, payee},
};
use alloy::primitives::{B256, Bytes};

on_both_chains![
    a_window_of_several_segments_settles_in_one_transaction_and_is_shown,
    a_commitment_under_a_strangers_verifiers_is_no_evidence,
    what_did_not_settle_is_no_evidence,
];

/// The stage's payments and more of them, proved: two lanes of two slots do not hold them.
fn window(stage: &Stage) -> ProvedWindow {
    let (ann, bob) = (&stage.ann, &stage.bob);
    let mut payments = stage.payments();
    for nonce in 10..14 {
        payments.push((&ann.mandate_key, ann.pays(payee(1), 5, nonce)));
        let captured = u128::from(nonce % 2);
        payments.push((&bob.mandate_key, Payment { captured, ..bob.pays(payee(2), 7, nonce) }));
    }
    let valid_until = UnixTime::new(VALID_UNTIL).unwrap();
    prove_window(stage.id(), stage.token_address(), valid_until, &payments)
}

async fn a_window_of_several_segments_settles_in_one_transaction_and_is_shown(chain: TestChain) {
    let stage = Stage::set(chain).await;
    let ProvedWindow { proven, window, batch } = window(&stage);
    assert_eq!(proven.segments.len(), 3);
    assert_eq!(proven.verify(|_| Some(prover().verifying_key())), Ok(()));
    let receipt = stage.send(&stage.processor, &stage.settling(&proven)).await;
    assert_eq!(stage.holds(payee(1)).await, 1_002 + 4 * 5);
    assert_eq!(stage.holds(payee(2)).await, 40 + 2);

    let hash = receipt.transaction_hash;
    let read = SettledTransaction::read(&stage.chain.reader(), stage.id(), hash).await.unwrap();
    assert_eq!((read.batch_id, read.batch.segments.len()), (proven.id(), 3));
    for (index, entry) in window.window().mandates.iter().enumerate() {
        let mandate = &entry.signed.mandate;
        let proof = batch.inclusion_proof(&window, index);
        let check =
            |proof: &InclusionProof| read.batch.check_inclusion(&stage.deployment, mandate, proof);
        let settled = check(&proof).unwrap();
        assert_eq!((settled.id, settled.captured), (window.ids()[index], entry.captured()));

        // Another segment's commitment, and none at all.
        for segment in (0..4).filter(|segment| *segment != proof.segment) {
            let mut moved = proof.clone();
            moved.segment = segment;
            let expected = match segment {
                3 => NotIncluded::OtherSegment { segment },
                _ => NotIncluded::Proof(InclusionError::OtherCommitment),
            };
            assert_eq!(check(&moved), Err(expected));
        }
        // Another amount, another cover, another time.
        let mut altered = proof.clone();
        let captured = altered.captured.as_mut().unwrap();
        captured[usize::from(proof.slot)] = Amount::new(entry.captured().get() ^ 1).unwrap();
        assert!(matches!(check(&altered), Err(NotIncluded::Proof(_))));
        let mut altered = proof.clone();
        altered.cover += altered.key_hash;
        let refused = NotIncluded::Proof(InclusionError::OtherCommitment);
        assert_eq!(check(&altered), Err(refused));
        let mut altered = proof.clone();
        altered.valid_until = UnixTime::new(VALID_UNTIL + 1).unwrap();
        let refused = NotIncluded::OtherSegment { segment: proof.segment };
        assert_eq!(check(&altered), Err(refused));
    }
}

/// Whatever it is asked, it says yes.
fn agreeing_verifier() -> Bytes {
    // It returns 1. What follows is never reached: a verifier is longer than a delegation.
    let mut runtime = vec![0x60, 0x01, 0x5f, 0x52, 0x60, 0x20, 0x5f, 0xf3];
    runtime.resize(32, 0);
    [&[0x7f], runtime.as_slice(), &[0x5f, 0x52, 0x60, 0x20, 0x5f, 0xf3]].concat().into()
}

/// Anybody can have the wallet settle a batch of nothing, by verifiers of his own, with any commitment
/// in it: also with that of mandates that nobody settled.
async fn a_commitment_under_a_strangers_verifiers_is_no_evidence(chain: TestChain) {
    let stage = Stage::set(chain).await;
    let stranger = &stage.stranger;
    let deployed = stage.send(stranger, &Call::deployment(agreeing_verifier())).await;
    let verifier = deployed.contract_address.unwrap();
    let shape = prover().shape();
    let list = VerifierList::new(vec![ShapeVerifier { shape, verifier }]).unwrap();
    stage.send(stranger, &stage.id().register_verifiers(&list)).await;
    let key = mandate_key(9);
    let terms =
        Terms { processor: stranger.address(), verifier_set: Some(list.id()), ..stage.terms(&key) };
    let opened = stage.send(stranger, &stage.id().open_account(&terms)).await;
    let account = stage.id().opened_account(&opened).unwrap();

    // What Ann and Bob signed, arranged as an honest prover does, and never settled.
    let ProvedWindow { proven: honest, window, batch } = window(&stage);
    let nothing = Debit {
        account: account.get(),
        word: 0,
        mask: 1,
        amount: 0,
        key_hash: key.public().hash(),
    };
    let settlement = Settlement {
        count: 1,
        debits: vec![nothing],
        payouts: Vec::new(),
        ..honest.settlement.clone()
    };
    let mut forged = Proven { settlement, segments: honest.segments[..1].to_vec() };
    let named = forged.named();
    let (x, beta) = forged.settlement.challenges(&named);
    forged.segments[0].sum = forged.settlement.sum(&named, x, beta).unwrap();
    let call = stage.id();
    let call = call
        .settle_batch(&forged, stranger.address(), list.id(), stage.token_address(), None)
        .unwrap();
    let logged = stage.send(stranger, &call).await;

    let hash = logged.transaction_hash;
    let read = SettledTransaction::read(&stage.chain.reader(), stage.id(), hash).await.unwrap();
    assert_eq!(read.batch.segments[0].commitment, honest.segments[0].commitment);
    let mandate = &window.window().mandates[0].signed.mandate;
    let proof = batch.inclusion_proof(&window, 0);
    let domain = stage.id().mandate_domain(stage.token_address());
    let commitment = read.batch.segments[usize::from(proof.segment)].commitment;
    assert!(proof.verify(mandate, &domain, commitment).is_ok(), "the commitment alone agrees");
    let (settled, trusted) = (list.id(), stage.deployment.verifier_set);
    let shown = |reader: &Deployment| read.batch.check_inclusion(reader, mandate, &proof);
    assert_eq!(shown(&stage.deployment), Err(NotIncluded::OtherVerifiers { settled, trusted }));
    // Whoever trusts them sees that another account was debited.
    let mut credulous = stage.deployment.clone();
    credulous.verifier_set = settled;
    assert_eq!(shown(&credulous), Err(NotIncluded::NotDebited));
}

async fn what_did_not_settle_is_no_evidence(chain: TestChain) {
    let stage = Stage::set(chain).await;
    let reader = stage.chain.reader();
    let read = |hash| SettledTransaction::read(&reader, stage.id(), hash);
    let unknown = B256::repeat_byte(7);
    assert!(matches!(read(unknown).await, Err(NotSettled::Unknown(_))));
    // A transaction of the wallet that settles nothing, and one of another contract.
    let asking =
        stage.id().request_withdrawal(stage.ann.account, stage.token_address(), BaseUnits::new(1));
    let asked = stage.send(&stage.ann.key, &asking).await;
    let refused = read(asked.transaction_hash).await;
    assert!(matches!(refused, Err(NotSettled::NotABatch(..))), "{refused:?}");
    let minted = mint_test_tokens(stage.token_address(), payee(1), BaseUnits::new(1));
    let minted = stage.send(&stage.deployer, &minted).await;
    assert!(matches!(read(minted.transaction_hash).await, Err(NotSettled::Indirect { .. })));
}
