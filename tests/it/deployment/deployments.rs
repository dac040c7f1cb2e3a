//! Deploying, remembering it, and noticing when a chain has something else.

use std::{collections::BTreeSet, fs};

use aep2_chain::{
    contracts::Groth16Verifier,
    deployment::{
        DeployError, Deployment, FileError, KeyOfShape, OtherKeyError, VerifyError, deploy,
    },
    error::ChainError,
    wallet::{
        WalletId,
        error::WalletError,
        guarantee::PeriodsError,
        terms::{ShapeVerifier, VerifierList, VerifierListError},
    },
};
use aep2_circuits::Shape;
use aep2_mandate::units::ChainId;
use aep2_prover::{
    export::calldata,
    key_file::{Loaded, Provenance},
};
use aep2_tests::{
    chain::TestChain,
    on_both_chains,
    proofs::prover,
    stage::{Stage, payee, plan},
};
use alloy::{
    primitives::{Address, B256},
    providers::Provider,
};

on_both_chains![
    a_deployment_is_what_it_says,
    what_a_chain_has_instead_is_noticed,
    an_impostor_of_the_wallet_is_noticed,
    a_token_that_was_there_is_named_and_must_be_one,
    what_cannot_be_deployed_is_refused_before_anything_is,
];

async fn a_deployment_is_what_it_says(chain: TestChain) {
    let stage = Stage::set(chain).await;
    let (deployment, reader) = (&stage.deployment, stage.chain.reader());
    deployment.verify(&reader).await.unwrap();
    assert_eq!(deployment.chain_id, ChainId::new(31_337));
    let own = &deployment.verifiers[0];
    assert_eq!(own.shape, prover().shape());
    assert_eq!(own.verifying_key, B256::from(prover().verifying_key_hash()));
    assert_eq!(own.provenance, Provenance::SeededDevelopment);
    // The wallet is where the transaction made it, and not there before the block.
    let receipt = reader.get_transaction_receipt(deployment.wallet.transaction).await;
    let receipt = receipt.unwrap().unwrap();
    assert_eq!(receipt.contract_address, Some(deployment.wallet.address));
    assert_eq!(receipt.block_number, Some(deployment.block));
    // The verifier's key is the prover's, word for word.
    let verifier = Groth16Verifier::new(own.address, &reader);
    let words = verifier.verifyingKey().call().await.unwrap();
    assert_eq!(words.to_vec(), calldata::verifying_key_to_words(prover().verifying_key()));

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("deployment.json");
    deployment.write(&path).unwrap();
    deployment.write(&path).unwrap();
    assert_eq!(&Deployment::read(&path).unwrap(), deployment);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");

    let text = fs::read_to_string(&path).unwrap();
    for (from, to) in [
        ("\"format\": 2", "\"format\": 1"),
        ("\"chainId\"", "\"chain\""),
        ("2x2-capture", "2x2-Capture"),
        ("seeded-development", "trusted"),
    ] {
        assert!(text.contains(from), "{from}");
        fs::write(&path, text.replace(from, to)).unwrap();
        let error = Deployment::read(&path).unwrap_err();
        assert!(matches!(error, FileError::Malformed { .. }), "{to}: {error:?}");
    }
    let missing = Deployment::read(&folder.path().join("none.json")).unwrap_err();
    assert!(matches!(missing, FileError::Io { .. }), "{missing:?}");
}

/// What is noticed of a deployment that is altered.
async fn noticed(stage: &Stage, alter: &dyn Fn(&mut Deployment)) -> VerifyError {
    let mut altered = stage.deployment.clone();
    alter(&mut altered);
    altered.verify(&stage.chain.reader()).await.unwrap_err()
}

async fn what_a_chain_has_instead_is_noticed(chain: TestChain) {
    let stage = Stage::set(chain).await;
    let noticed = async |alter: &dyn Fn(&mut Deployment)| noticed(&stage, alter).await;
    let token = stage.token_address();

    let error = noticed(&|own| own.chain_id = ChainId::new(1)).await;
    assert!(matches!(error, VerifyError::Chain(ChainError::OtherChain { .. })), "{error:?}");
    let error = noticed(&|own| own.wallet.address = token).await;
    assert!(
        matches!(error, VerifyError::Code { contract: "DebitWallet", address } if address == token),
        "{error:?}"
    );
    for alter in [
        (|own: &mut Deployment| own.wallet.periods.withdrawal_seconds += 1) as fn(&mut Deployment),
        |own| own.wallet.periods.unbonding_seconds -= 1,
        |own| own.wallet.periods.promise_seconds -= 1,
        |own| own.wallet.periods.demand_seconds -= 1,
        |own| own.wallet.periods.response_seconds += 1,
        |own| own.wallet.periods.view_age_seconds += 1,
        |own| own.wallet.periods.keep_seconds += 1,
    ] {
        let error = noticed(&alter).await;
        assert!(matches!(error, VerifyError::Periods { .. }), "{error:?}");
    }
    let error = noticed(&|own| own.wallet.guarantee = token).await;
    assert!(matches!(error, VerifyError::Guarantee { found, .. } if found == token), "{error:?}");
    let error = noticed(&|own| own.verifiers[0].address = token).await;
    assert!(matches!(error, VerifyError::VerifierSet { .. }), "{error:?}");
    let error = noticed(&|own| own.verifiers.clear()).await;
    assert!(matches!(error, VerifyError::Verifiers(VerifierListError::Empty)), "{error:?}");
    let unregistered = |own: &mut Deployment| {
        own.verifiers[0].shape = Shape::TEST;
        own.verifier_set = own.verifier_list().unwrap().id();
    };
    let error = noticed(&unregistered).await;
    assert!(matches!(error, VerifyError::NotRegistered { found: None, .. }), "{error:?}");
    let error = noticed(&|own| own.verifiers[0].verifying_key = B256::ZERO).await;
    let own_hash = B256::from(prover().verifying_key_hash());
    assert!(
        matches!(error, VerifyError::VerifyingKey { found, .. } if found == own_hash),
        "{error:?}"
    );
    let error = noticed(&|own| own.test_token.as_mut().unwrap().address = payee(1)).await;
    assert!(matches!(error, VerifyError::Code { contract: "TestUSD", .. }), "{error:?}");
}

/// The wallet's code at another address: its guarantee is the first one's.
async fn an_impostor_of_the_wallet_is_noticed(chain: TestChain) {
    let stage = Stage::set(chain).await;
    let reader = stage.chain.reader();
    let noticed = async |alter: &dyn Fn(&mut Deployment)| noticed(&stage, alter).await;
    let impostor = payee(8);
    let code = reader.get_code_at(stage.id().address).await.unwrap();
    let _: () = reader.raw_request("anvil_setCode".into(), (impostor, code)).await.unwrap();
    let error = noticed(&|own| own.wallet.address = impostor).await;
    let is_guarantee = |error: &VerifyError| matches!(error, VerifyError::Guarantee { .. });
    assert!(is_guarantee(&error), "{error:?}");
    let renamed = |own: &mut Deployment| {
        own.wallet.address = impostor;
        own.wallet.guarantee = impostor.create(1);
    };
    let error = noticed(&renamed).await;
    assert!(is_guarantee(&error), "{error:?}");
    // And one byte of it another.
    let mut code = reader.get_code_at(stage.id().address).await.unwrap().to_vec();
    code[0] ^= 1;
    let code = alloy::primitives::Bytes::from(code);
    let _: () = reader.raw_request("anvil_setCode".into(), (impostor, code)).await.unwrap();
    let error = noticed(&|own| own.wallet.address = impostor).await;
    assert!(matches!(error, VerifyError::Code { contract: "DebitWallet", .. }), "{error:?}");
}

async fn a_token_that_was_there_is_named_and_must_be_one(chain: TestChain) {
    let stage = Stage::set(chain).await;
    let reader = stage.chain.reader();
    let test_token = stage.token_address();
    let mut deployment = stage.deployment.clone();
    assert_eq!(deployment.default_token(), Some(test_token));

    // Another deployment's: a token as any other to this one.
    let other = deploy(&stage.chain.with_key(&Stage::deployer_key()), &plan()).await.unwrap();
    let token = other.test_token.unwrap().address;
    deployment.token = Some(token);
    assert_eq!(deployment.default_token(), Some(token), "the token that was named comes first");
    deployment.verify(&reader).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("deployment.json");
    deployment.write(&path).unwrap();
    assert_eq!(Deployment::read(&path).unwrap(), deployment);

    // Nobody's address; a contract that is no token.
    for none in [payee(1), stage.id().address] {
        deployment.token = Some(none);
        let error = deployment.verify(&reader).await.unwrap_err();
        assert!(
            matches!(error, VerifyError::Chain(ChainError::NotAToken { address }) if address == none),
            "{error:?}"
        );
    }
    (deployment.token, deployment.test_token) = (None, None);
    assert_eq!(deployment.default_token(), None);
}

async fn what_cannot_be_deployed_is_refused_before_anything_is(chain: TestChain) {
    let deployer = Stage::deployer_key();
    let provider = chain.with_key(&deployer);
    let before = chain.latest().await.header.number;

    let mut none = plan();
    none.keys.clear();
    let error = deploy(&provider, &none).await.unwrap_err();
    assert!(matches!(error, DeployError::Verifiers(VerifierListError::Empty)), "{error:?}");
    let mut twice = plan();
    twice.keys.push(twice.keys[0].clone());
    let error = deploy(&provider, &twice).await.unwrap_err();
    let shape = prover().shape();
    assert!(
        matches!(error, DeployError::Verifiers(VerifierListError::Twice(own)) if own == shape),
        "{error:?}"
    );
    let mut shorter = plan();
    shorter.keys[0].key.key.gamma_abc_g1.pop();
    let error = deploy(&provider, &shorter).await.unwrap_err();
    assert!(matches!(error, DeployError::OtherCircuit { .. }), "{error:?}");
    let mut late = plan();
    late.periods.unbonding_seconds = 1 << 40;
    let error = deploy(&provider, &late).await.unwrap_err();
    let out = PeriodsError::OutOfRange { name: "the unbonding delay", seconds: 1 << 40 };
    assert!(matches!(error, DeployError::Periods(found) if found == out), "{error:?}");
    let mut soon = plan();
    soon.periods.withdrawal_seconds = soon.periods.promise_seconds;
    let error = deploy(&provider, &soon).await.unwrap_err();
    let short = matches!(error, DeployError::Periods(PeriodsError::TooShort { .. }));
    assert!(short, "{error:?}");
    // What the verifier's constructor finds: γ = δ.
    let mut forgeable = plan();
    forgeable.keys[0].key.key.delta_g2 = forgeable.keys[0].key.key.gamma_g2;
    let error = deploy(&provider, &forgeable).await.unwrap_err();
    let DeployError::Chain(error) = error else { panic!("{error:?}") };
    let forgeable = aep2_chain::wallet::error::VerifierError::ForgeableKey;
    assert_eq!(error.reason(), Some(&WalletError::Verifier(forgeable)));
    assert_eq!(chain.latest().await.header.number, before, "nothing was sent");
}

/// On a chain where money may be real, a key whose secrets somebody has seen is refused, unless its
/// shape is named.
#[tokio::test(flavor = "multi_thread")]
async fn a_development_key_is_refused_on_a_public_chain() {
    let chain = TestChain::embedded_with_id(8_453);
    let provider = chain.with_key(&Stage::deployer_key());
    let shape = prover().shape();
    let mut plan = plan();
    for provenance in [Provenance::SeededDevelopment, Provenance::RandomDevelopment] {
        plan.keys[0].key.provenance = provenance;
        for accepted in
            [BTreeSet::new(), BTreeSet::from([Shape::TEST, Shape::new(2, 2, false).unwrap()])]
        {
            plan.accept_development_keys = accepted;
            match deploy(&provider, &plan).await.unwrap_err() {
                DeployError::SeededKey { shape: named, chain_id } => {
                    assert_eq!(provenance, Provenance::SeededDevelopment);
                    assert_eq!((named, chain_id), (shape, ChainId::new(8_453)));
                }
                DeployError::DevelopmentKey { shape: named, provenance: told, chain_id } => {
                    assert_eq!(told, Provenance::RandomDevelopment);
                    assert_eq!((named, told, chain_id), (shape, provenance, ChainId::new(8_453)));
                }
                other => panic!("{other:?}"),
            }
        }
    }
    assert_eq!(chain.latest().await.header.number, 0, "nothing was sent");

    // Anyone computes a seeded key's secrets: it is refused though its shape is named.
    plan.accept_development_keys = BTreeSet::from([shape]);
    plan.keys[0].key.provenance = Provenance::SeededDevelopment;
    let error = deploy(&provider, &plan).await.unwrap_err();
    assert!(matches!(error, DeployError::SeededKey { shape: named, .. } if named == shape));
    assert_eq!(chain.latest().await.header.number, 0, "nothing was sent");

    plan.keys[0].key.provenance = Provenance::RandomDevelopment;
    let forced = deploy(&provider, &plan).await.unwrap();
    forced.verify(&chain.reader()).await.unwrap();
    assert_eq!(forced.verifiers[0].provenance, Provenance::RandomDevelopment);

    // Whoever makes a key's file can write into it that the key is a ceremony's.
    plan.accept_development_keys.clear();
    let ceremony = Provenance::Ceremony { transcript: [7; 32] };
    plan.keys[0].key.provenance = ceremony;
    let before = chain.latest().await.header.number;
    for checked in [BTreeSet::new(), BTreeSet::from([Shape::TEST])] {
        plan.checked_ceremonies = checked;
        let error = deploy(&provider, &plan).await.unwrap_err();
        let expected =
            matches!(error, DeployError::UncheckedCeremony { shape: named, .. } if named == shape);
        assert!(expected, "{error:?}");
    }
    assert_eq!(chain.latest().await.header.number, before, "nothing was sent");
    // Its being named does not make a ceremony's of a development key.
    plan.checked_ceremonies = BTreeSet::from([shape]);
    plan.keys[0].key.provenance = Provenance::RandomDevelopment;
    let error = deploy(&provider, &plan).await.unwrap_err();
    assert!(matches!(error, DeployError::DevelopmentKey { .. }), "{error:?}");

    plan.keys[0].key.provenance = ceremony;
    let deployment = deploy(&provider, &plan).await.unwrap();
    // Its file names the transcript.
    let json = serde_json::to_string(&deployment).unwrap();
    assert!(json.contains(&format!("0x{}", "07".repeat(32))), "{json}");
    let read: Deployment = serde_json::from_str(&json).unwrap();
    assert_eq!(read.verifiers[0].provenance, ceremony);
}

/// Whoever pays from a wallet compares its verifier's key with the one that he checked.
#[tokio::test(flavor = "multi_thread")]
async fn a_deployment_with_another_key_or_another_origin_of_it_is_refused() {
    let stage = Stage::set(TestChain::embedded()).await;
    let deployment = &stage.deployment;
    let KeyOfShape { shape, key } = prover().into();
    assert_eq!(deployment.check_key(shape, &key).unwrap().address, deployment.verifiers[0].address);

    let error = deployment.check_key(Shape::TEST, &key).unwrap_err();
    assert_eq!(error, OtherKeyError::NoVerifier { shape: Shape::TEST });
    let mut other = key.clone();
    other.key.gamma_abc_g1.swap(1, 2);
    // The file of the other key names the hash of the honest one.
    let error = deployment.check_key(shape, &other).unwrap_err();
    assert!(matches!(error, OtherKeyError::VerifyingKey { .. }), "{error:?}");
    let provenance = Provenance::Ceremony { transcript: [7; 32] };
    let error = deployment.check_key(shape, &Loaded { provenance, ..key }).unwrap_err();
    assert!(matches!(error, OtherKeyError::Provenance { .. }), "{error:?}");
}

/// The set's name is computed here as the wallet computes it, in whatever order the verifiers come.
#[tokio::test(flavor = "multi_thread")]
async fn a_list_of_verifiers_has_the_name_that_the_wallet_gives_it() {
    let stage = Stage::set(TestChain::embedded()).await;
    let verifier = stage.deployment.verifiers[0].address;
    let entry = |shape| ShapeVerifier { shape, verifier };
    let shapes = [Shape::CHAINS, Shape::TEST, Shape::SINGLES.with_capture(), Shape::SINGLES];
    let list = VerifierList::new(shapes.map(entry).to_vec()).unwrap();
    let mut reversed = shapes.map(entry).to_vec();
    reversed.reverse();
    assert_eq!(VerifierList::new(reversed).unwrap(), list);

    stage.send(&stage.stranger, &stage.id().register_verifiers(&list)).await;
    for shape in shapes {
        let found = stage.wallet().verifier_of(list.id(), shape).await.unwrap();
        assert_eq!(found, Some(verifier), "{shape}");
    }
    let absent = stage.wallet().verifier_of(list.id(), Shape::CHAINS_SMALL).await.unwrap();
    assert_eq!(absent, None);
    assert_eq!(stage.id(), WalletId { chain_id: ChainId::new(31_337), ..stage.id() });
    assert_ne!(stage.id().address, Address::ZERO);
}
