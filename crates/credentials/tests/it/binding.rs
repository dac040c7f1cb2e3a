//! A token serves whom it is about, and nobody else.

use aep2_credentials::{CredentialError, Holder, Subject, SubjectKind, Thumbprint};
use alloy_primitives::Address;

use crate::support::{World, vector};

fn account(chain_id: u64) -> Holder<'static> {
    let address = vector("/address").parse().expect("an address");
    Holder { account: Some((chain_id, address)), ..Holder::default() }
}

fn thumbprint() -> Thumbprint {
    vector("/holderThumbprint").parse().expect("a thumbprint")
}

#[tokio::test]
async fn a_checked_persons_token_does_not_serve_another_account() {
    let world = World::new().await;
    let token = vector("/good/es256");
    assert!(world.attestations.verify_for(&token, &account(8453)).await.is_ok());

    let other = Holder { account: Some((8453, Address::repeat_byte(0x66))), ..Holder::default() };
    for holder in [other, Holder::default()] {
        let refused = world.attestations.verify_for(&token, &holder).await;
        assert_eq!(refused.expect_err("another account"), CredentialError::OtherSubject);
    }
}

#[tokio::test]
async fn it_counts_on_the_chain_that_it_names_unless_the_settings_say_on_every_chain() {
    let world = World::new().await;
    let token = vector("/good/otherChain");
    assert!(world.attestations.verify_for(&token, &account(1)).await.is_ok());
    let refused = world.attestations.verify_for(&token, &account(8453)).await;
    assert_eq!(refused.expect_err("another chain"), CredentialError::OtherSubject);

    let everywhere = World::with(|settings| settings.issuers[0].any_chain = true).await;
    let attestation = everywhere.attestations.verify_for(&token, &account(8453)).await;
    let subject = attestation.expect("any chain").subject;
    assert!(matches!(subject, Subject::Account { chain_id: None, .. }));
    assert_eq!(subject.to_string().parse(), Ok(subject), "stored, it is the same");
}

#[tokio::test]
async fn the_account_may_stand_in_a_claim_of_its_own_where_sub_is_the_issuers() {
    let world = World::new().await;
    let token = vector("/good/ownSubject");
    assert!(world.attestations.verify_for(&token, &account(8453)).await.is_ok());
}

#[tokio::test]
async fn mixed_case_addresses_need_their_checksum() {
    let world = World::new().await;
    let token = vector("/good/checksummed");
    assert!(world.attestations.verify_for(&token, &account(8453)).await.is_ok());
}

#[tokio::test]
async fn a_token_bound_to_a_key_alone_needs_an_issuer_who_may_do_that_and_the_key_shown() {
    let world = World::new().await;
    let token = vector("/good/holder");
    assert_eq!(world.refusal(&token).await, Some("credential_subject_not_allowed"));

    let world =
        World::with(|settings| settings.issuers[0].subjects.push(SubjectKind::Holder)).await;
    let keys = [thumbprint()];
    let shown = Holder { keys: &keys, ..account(8453) };
    let attestation = world.attestations.verify_for(&token, &shown).await.expect("its holder");
    assert_eq!(attestation.subject, Subject::Holder(thumbprint()));
    let refused = world.attestations.verify_for(&token, &account(8453)).await;
    assert_eq!(refused.expect_err("the key was not shown"), CredentialError::NotConfirmed);
}

#[tokio::test]
async fn a_key_that_the_token_names_beside_the_account_must_be_shown_too() {
    let world = World::new().await;
    let token = vector("/good/accountAndHolder");
    let refused = world.attestations.verify_for(&token, &account(8453)).await;
    assert_eq!(refused.expect_err("a stolen token"), CredentialError::NotConfirmed);
    let keys = [thumbprint()];
    let shown = Holder { keys: &keys, ..account(8453) };
    assert!(world.attestations.verify_for(&token, &shown).await.is_ok());
}

#[tokio::test]
async fn an_issuer_speaks_only_of_the_subjects_that_the_settings_let_it() {
    let world =
        World::with(|settings| settings.issuers[0].subjects = vec![SubjectKind::Agent]).await;
    let refusal = world.refusal(&vector("/good/es256")).await;
    assert_eq!(refusal, Some("credential_subject_not_allowed"));
}
