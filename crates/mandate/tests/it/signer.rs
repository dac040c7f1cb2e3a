//! What a signer follows, rule by rule: `prev` is money.

use aep2_mandate::{
    eddsa::SecretKey,
    field::Fr,
    mandate::{Domain, Prev, SignedMandate},
    signer::{MandateTerms, Signer},
    units::{AccountId, Ceiling, ChainId, Nonce, UnixTime},
};
use alloy_primitives::{Address, B256};

const CHAIN: ChainId = ChainId::new(8453);
const WALLET: Address = Address::repeat_byte(0xaa);
const TOKEN: Address = Address::repeat_byte(0xbb);

fn signer() -> Signer {
    Signer::new(SecretKey::from_seed([1; 32]), CHAIN, WALLET)
}

/// Terms that differ from each other in their nonce.
fn terms(nonce: u64) -> MandateTerms {
    MandateTerms {
        account: AccountId::new(7).expect("in range"),
        token: TOKEN,
        payee: Address::repeat_byte(0xcc),
        amount: Ceiling::new(1_000_000).expect("in range"),
        nonce: Nonce::new(nonce),
        deadline: UnixTime::new(1_790_000_000).expect("in range"),
        reference: B256::repeat_byte(0xdd),
    }
}

/// Signs on top of `previous`, which must verify where `by` signed it, so that nothing but the
/// rule in question stands against following it.
fn prev_after(previous: SignedMandate, by: &Signer) -> Prev {
    let sound = previous.verify(&by.domain(previous.mandate.token));
    assert!(sound.is_ok(), "the previous mandate is in order where it was signed");
    sign_after(previous)
}

fn sign_after(previous: SignedMandate) -> Prev {
    let next = signer().sign(terms(1), Some(&previous.released_to_payee()));
    let verified = next.verify(&signer().domain(TOKEN));
    assert!(verified.is_ok(), "what is signed always verifies, chained or not");
    next.mandate.prev
}

#[test]
fn nothing_before_starts_a_chain() {
    let first = signer().sign(terms(0), None);
    assert_eq!(first.mandate.prev, Prev::START);
    assert!(first.verify(&signer().domain(TOKEN)).is_ok());
}

#[test]
fn the_own_released_mandate_is_followed() {
    let first = signer().sign(terms(0), None);
    let id = first.mandate.id(&signer().domain(TOKEN));
    let prev = prev_after(first, &signer());
    assert_eq!(prev.id(), Some(id));
}

#[test]
fn chains_grow_link_by_link() {
    let signer = signer();
    let domain = signer.domain(TOKEN);
    let mut previous = signer.sign(terms(0), None).released_to_payee();
    for nonce in 1..5 {
        let next = signer.sign(terms(nonce), Some(&previous));
        let id = previous.signed_mandate().verify(&domain).expect("in order");
        assert_eq!(next.mandate.prev.id(), Some(id));
        previous = next.released_to_payee();
    }
}

/// The mandates of a chain need no common payee, amount or deadline.
#[test]
fn payee_amount_deadline_and_reference_are_free_within_a_chain() {
    let mut other = terms(0);
    other.payee = Address::ZERO;
    other.amount = Ceiling::MAX;
    other.deadline = UnixTime::MIN;
    other.reference = B256::ZERO;
    let first = signer().sign(other, None);
    assert!(!prev_after(first, &signer()).is_start());
}

#[test]
fn a_foreign_keys_mandate_is_not_followed() {
    let foreign = Signer::new(SecretKey::from_seed([2; 32]), CHAIN, WALLET);
    let theirs = foreign.sign(terms(0), None);
    assert_eq!(prev_after(theirs, &foreign), Prev::START);
}

/// Somebody else's mandate that only says that it is ours.
#[test]
fn a_foreign_mandate_under_our_key_is_not_followed() {
    let foreign = Signer::new(SecretKey::from_seed([2; 32]), CHAIN, WALLET);
    let mut theirs = foreign.sign(terms(0), None);
    theirs.key = signer().public();
    assert_eq!(sign_after(theirs), Prev::START);
}

#[test]
fn an_altered_mandate_is_not_followed() {
    let alterations: [fn(&mut SignedMandate); 7] = [
        |signed| signed.mandate.payee = Address::repeat_byte(0xee),
        |signed| signed.mandate.amount = Ceiling::MAX,
        |signed| signed.mandate.nonce = Nonce::new(99),
        |signed| signed.mandate.deadline = UnixTime::MAX,
        |signed| signed.mandate.reference = B256::ZERO,
        // What it follows is covered too: nothing can be slipped in behind it.
        |signed| signed.mandate.prev = Prev::from_element(Fr::from(5u64)),
        |signed| signed.signature = signer().sign(terms(3), None).signature,
    ];
    for alter in alterations {
        let mut signed = signer().sign(terms(0), None);
        alter(&mut signed);
        assert_eq!(sign_after(signed), Prev::START);
    }
}

#[test]
fn another_accounts_mandate_is_not_followed() {
    let mut other = terms(0);
    other.account = AccountId::new(8).expect("in range");
    let signed = signer().sign(other, None);
    assert_eq!(prev_after(signed, &signer()), Prev::START);
}

#[test]
fn another_tokens_mandate_is_not_followed() {
    let mut other = terms(0);
    other.token = Address::repeat_byte(0xbc);
    let signed = signer().sign(other, None);
    assert_eq!(prev_after(signed, &signer()), Prev::START);
}

/// The token enters the id by way of the domain: relabelled, the signature no longer fits.
#[test]
fn another_tokens_mandate_relabelled_is_not_followed() {
    let mut other = terms(0);
    other.token = Address::repeat_byte(0xbc);
    let mut signed = signer().sign(other, None);
    signed.mandate.token = TOKEN;
    assert_eq!(sign_after(signed), Prev::START);
}

#[test]
fn another_wallets_mandate_is_not_followed() {
    let elsewhere = Signer::new(SecretKey::from_seed([1; 32]), CHAIN, Address::repeat_byte(0xab));
    let signed = elsewhere.sign(terms(0), None);
    assert_eq!(prev_after(signed, &elsewhere), Prev::START);
}

#[test]
fn another_chains_mandate_is_not_followed() {
    let elsewhere = Signer::new(SecretKey::from_seed([1; 32]), ChainId::new(1), WALLET);
    let signed = elsewhere.sign(terms(0), None);
    assert_eq!(prev_after(signed, &elsewhere), Prev::START);
}

/// After a rotation nothing signed with the old key counts, or a thief's mandates would live on
/// under the new one.
#[test]
fn a_rotated_keys_mandate_is_not_followed() {
    let before = Signer::new(SecretKey::from_seed([9; 32]), CHAIN, WALLET);
    let last = before.sign(terms(0), None);
    assert_eq!(prev_after(last.clone(), &before), Prev::START);
    // The old key itself would have followed it.
    let still = before.sign(terms(1), Some(&last.released_to_payee()));
    assert!(!still.mandate.prev.is_start());
}

#[test]
fn the_signers_domain_is_the_protocols() {
    assert_eq!(signer().domain(TOKEN), Domain::new(CHAIN, WALLET, TOKEN));
}
