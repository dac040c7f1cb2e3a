//! That a card is used by others, elsewhere, or for more than it is for.

use std::collections::BTreeSet;

use aep2_cards::{
    card::{Card, Holder},
    keys::RootKey,
    per_token::PerToken,
    restrictions::Restrictions,
    token::CardToken,
};
use aep2_issuer::{
    IssueRequest, Subject,
    owners::{CardChange, NewCard, NewWallet},
    records::CardState,
};

use crate::support::{
    ATTACKER, NOON, OTHER_TOKEN, PAYEE, TOKEN, World, amount, at, code, in_all, issued, narrowed,
    parsed,
};

fn hosts(names: &[&str]) -> Restrictions {
    let hosts = names.iter().map(|name| parsed(name)).collect();
    Restrictions { hosts: Some(hosts), ..in_all(1_000) }
}

async fn refused(world: &World, request: IssueRequest) -> &'static str {
    code(issued(world.ask(request).await))
}

#[tokio::test]
async fn a_card_of_another_issuer_is_none() {
    let world = World::begin().await;
    let (record, _, _) = world.card(in_all(10)).await;
    let theirs = RootKey::generate(1);
    let forged = Card::mint(&theirs, &parsed(&record.id.to_string()), Holder::Bearer);
    assert!(world.issuer.card(&forged.expect("a card")).is_err());
}

#[tokio::test]
async fn an_agent_that_was_talked_into_it_does_not_pay_an_attacker_for_an_allowed_host() {
    let world = World::begin().await;
    let (_, card, _) = world.card(hosts(&["api.example"])).await;
    let payees = BTreeSet::from([PAYEE.into()]);
    let pinned =
        world.issuer.set_host(world.owner.id, world.actor(), parsed("api.example"), payees);
    pinned.await.expect("the host is known");

    let mut to_attacker = world.request(&card, 1);
    to_attacker.purchase.payee = ATTACKER;
    assert_eq!(refused(&world, to_attacker).await, "payee_not_the_hosts");
    let mut elsewhere = world.request(&card, 1);
    elsewhere.purchase.resource = "https://attacker.example/".to_owned();
    elsewhere.subject = Subject::of("https://attacker.example/").expect("an address");
    assert_eq!(refused(&world, elsewhere).await, "card_denied");
    world.pay(&card, 1).await.expect("the host's own payee");
}

#[tokio::test]
async fn what_narrows_a_card_holds_whatever_the_owner_allows() {
    let world = World::begin().await;
    let (record, card, holder) = world.card(in_all(1_000)).await;
    let narrowing = Restrictions {
        tokens: Some(BTreeSet::from([TOKEN])),
        payees: Some(BTreeSet::from([PAYEE])),
        per_payment: Some(PerToken::from_iter([(TOKEN, amount(5))])),
        expires: Some(at(NOON + 3_600)),
        metered: Some(false),
        ..Restrictions::default()
    };
    let (narrow, sub) = narrowed(&card, &holder, &narrowing);
    // Wider in all respects, after: worth nothing.
    let wide = Restrictions {
        per_payment: Some(PerToken::from_iter([(TOKEN, amount(1_000))])),
        expires: Some(at(NOON + 360_000)),
        ..Restrictions::default()
    };
    let (widened, _) = narrowed(&narrow, &sub, &wide);
    for card in [&narrow, &widened] {
        assert_eq!(code(world.pay(card, 6).await), "card_denied");
        let mut other_payee = world.request(card, 5);
        other_payee.purchase.payee = ATTACKER;
        assert_eq!(refused(&world, other_payee).await, "card_denied");
        let mut other_token = world.request(card, 5);
        other_token.purchase.token = OTHER_TOKEN;
        assert_eq!(refused(&world, other_token).await, "card_denied");
        let mut metered = world.request(card, 5);
        metered.metered = true;
        assert_eq!(refused(&world, metered).await, "card_denied");
        world.pay(card, 5).await.expect("what it is for");
    }
    world.clock.advance(3_601);
    assert_eq!(code(world.pay(&widened, 5).await), "card_denied");
    world.pay(&card, 6).await.expect("the card that it was made of");

    // And the owner's change reaches all that was made of the card.
    let change =
        CardChange { restrictions: Some(hosts(&["none.example"])), ..CardChange::default() };
    let changed = world.issuer.change_card(world.owner.id, world.actor(), record.id, change).await;
    changed.expect("the card changes");
    assert_eq!(code(world.pay(&card, 1).await), "card_denied");
}

#[tokio::test]
async fn revoking_a_block_ends_all_that_was_made_of_it_and_nothing_else() {
    let world = World::begin().await;
    let (record, card, holder) = world.card(in_all(1_000)).await;
    let (one, one_holder) = narrowed(&card, &holder, &Restrictions::default());
    let (of_one, _) = narrowed(&one, &one_holder, &Restrictions::default());
    let (two, _) = narrowed(&card, &holder, &Restrictions::default());
    let last = |card: &CardToken| {
        let card = world.issuer.card(card).expect("a card of this issuer");
        card.blocks().last().expect("a block").revocation_id
    };
    let block = last(&one);
    let revoked = world.issuer.revoke_block(world.owner.id, world.actor(), record.id, block).await;
    revoked.expect("the block is revoked");
    assert_eq!(code(world.pay(&one, 1).await), "card_revoked");
    assert_eq!(code(world.pay(&of_one, 1).await), "card_revoked");
    world.pay(&two, 1).await.expect("a sister");
    world.pay(&card, 1).await.expect("what it was made of");

    let revoked = CardState::Revoked;
    let ended =
        world.issuer.set_card_state(world.owner.id, world.actor(), record.id, revoked).await;
    ended.expect("the card is revoked");
    assert_eq!(code(world.pay(&two, 1).await), "card_revoked");
    // For good.
    let active = CardState::Active;
    let again = world.issuer.set_card_state(world.owner.id, world.actor(), record.id, active).await;
    assert_eq!(again.expect_err("no way back").code().name(), "conflict");
}

#[tokio::test]
async fn terms_for_another_chain_wallet_or_processor_are_not_signed() {
    let world = World::begin().await;
    let (_, card, _) = world.card(in_all(1_000)).await;
    let changes: [fn(&mut IssueRequest); 3] = [
        |request| request.purchase.venue.chain = aep2_mandate::units::ChainId::new(1),
        |request| request.purchase.venue.wallet = ATTACKER,
        |request| request.purchase.venue.processor = ATTACKER,
    ];
    for change in changes {
        let mut request = world.request(&card, 1);
        change(&mut request);
        assert_eq!(refused(&world, request).await, "terms_not_payable");
    }
}

#[tokio::test]
async fn a_frozen_wallet_pays_for_no_card() {
    let world = World::begin().await;
    let (_, card, _) = world.card(in_all(1_000)).await;
    world.pay(&card, 1).await.expect("before");
    let freeze = async |frozen| {
        let issuer = &world.issuer;
        issuer.freeze_wallet(world.owner.id, world.actor(), world.wallet, frozen).await
    };
    assert_eq!(freeze(true).await.expect("frozen").len(), 1);
    assert_eq!(code(world.pay(&card, 1).await), "wallet_frozen");
    freeze(false).await.expect("not frozen");
    world.pay(&card, 1).await.expect("after");
}

#[tokio::test]
async fn another_owner_reaches_nothing() {
    let world = World::begin().await;
    let (record, _, _) = world.card(in_all(1_000)).await;
    let zone = aep2_issuer::Zone::utc();
    let (mallory, token) =
        world.issuer.create_owner("Mallory".to_owned(), zone).await.expect("an owner");
    assert_eq!(world.issuer.owner_of(token.reveal()).expect("its token").id, mallory.id);
    let frozen = CardState::Frozen;
    let tried = world.issuer.set_card_state(mallory.id, world.actor(), record.id, frozen).await;
    assert_eq!(tried.expect_err("not its card").code().name(), "not_found");
    // Nor by naming a block of it as one of a card of her own.
    let (_, card, _) = world.card(in_all(1_000)).await;
    let root = world.issuer.card(&card).expect("a card").blocks()[0].revocation_id;
    let hers = NewWallet {
        name: "hers".to_owned(),
        processor_url: "http://127.0.0.1:1".parse().expect("a URL"),
        venue: crate::support::venue(&world.processor),
    };
    let hers = world.issuer.create_wallet(mallory.id, world.actor(), hers).await.expect("a wallet");
    let new = NewCard {
        name: "hers".to_owned(),
        wallet: hers.id,
        budget: None,
        restrictions: in_all(1),
        subscription: None,
        holder: None,
    };
    let (own, _) =
        world.issuer.create_card(mallory.id, world.actor(), new.clone()).await.expect("a card");
    let revoke = world.issuer.revoke_block(mallory.id, world.actor(), own.id, root).await;
    revoke.expect("of her own card, which has no such block");
    world.pay(&card, 1).await.expect("the other owner's card is as it was");
    // Nor by a card on another's wallet, nor by another's account.
    let on_anothers = NewCard { wallet: world.wallet, ..new };
    let tried = world.issuer.create_card(mallory.id, world.actor(), on_anothers).await;
    assert_eq!(tried.map(|_| ()).expect_err("not her wallet").code().name(), "not_found");
    let account = aep2_mandate::units::AccountId::new(7).expect("an account");
    let tried = world.issuer.set_account(mallory.id, world.actor(), hers.id, account).await;
    assert_eq!(tried.map(|_| ()).expect_err("not her account").code().name(), "conflict");

    assert_eq!(world.issuer.cards(mallory.id).expect("readable").len(), 1);
    assert_eq!(world.issuer.wallets(mallory.id).expect("readable").len(), 1);

    // A token that is replaced is worth nothing, and neither is a part of one.
    let newer = world.issuer.change_token(mallory.id).await.expect("another token");
    assert!(world.issuer.owner_of(token.reveal()).is_err());
    assert!(world.issuer.owner_of(&newer.reveal()[..20]).is_err());
    assert!(world.issuer.owner_of("").is_err());
    assert!(world.issuer.owner_of(newer.reveal()).is_ok());
}
