//! That more is spent than a budget holds.

use crate::support::{
    NOON, OTHER_TOKEN, PAYEE, TOKEN, World, amount, at, code, in_all, issued, limit, narrowed,
    parsed,
};
use aep2_cards::{
    per_token::PerToken,
    restrictions::{Budget, Period, Restrictions},
};
use aep2_issuer::{
    Issue,
    owners::{CardChange, NewCard},
    records::Subscription,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_number_of_parallel_requests_spends_more_than_the_budget() {
    let world = World::begin().await;
    let (_, card, _) = world.card(in_all(1_000)).await;
    let requests = (0..64).map(|_| {
        let (issuer, request) = (world.issuer.clone(), world.request(&card, 70));
        tokio::spawn(async move { issuer.issue(request).await.expect("the store works") })
    });
    let mut paid = 0;
    for request in requests.collect::<Vec<_>>() {
        match request.await.expect("no panic") {
            Issue::Issued { .. } => paid += 1,
            Issue::Refused(refusal) => assert_eq!(refusal.code.name(), "budget_exceeded"),
            Issue::Asked(approval) => panic!("{approval:?}"),
        }
    }
    assert_eq!(paid, 14, "14 times 70 fit into 1000, 15 times do not");
    // What is left is exact too.
    assert_eq!(code(world.pay(&card, 21).await), "budget_exceeded");
    assert!(world.pay(&card, 20).await.is_ok());
    assert_eq!(code(world.pay(&card, 1).await), "budget_exceeded");
}

#[tokio::test]
async fn a_restart_forgets_nothing_that_was_spent() {
    let world = World::begin().await;
    let (_, card, _) = world.card(in_all(100)).await;
    world.pay(&card, 60).await.expect("within the budget");
    let world = world.again();
    assert_eq!(code(world.pay(&card, 41).await), "budget_exceeded");
    let payment = world.pay(&card, 40).await.expect("within the budget");
    assert_eq!(payment.number, 2);
    // Nonces follow one another over the restart.
    let all = world.issuer.payments(world.owner.id, None, 10).expect("the history");
    let nonces: Vec<_> = all.iter().map(|one| one.mandate.mandate.nonce.get()).collect();
    assert_eq!(nonces[0], nonces[1] + 1);
}

#[tokio::test]
async fn a_sub_agent_spends_neither_more_than_its_block_nor_more_than_all_above_it() {
    let world = World::begin().await;
    let company = world.budget(None, vec![limit(100, Period::Total)]).await;
    let team = world.budget(Some(company), vec![limit(90, Period::Day)]).await;
    let (_, card, holder) = world.card_of(in_all(80), Some(team)).await;
    let (narrow, sub) = narrowed(&card, &holder, &in_all(50));
    let (narrower, _) = narrowed(&narrow, &sub, &in_all(1_000));

    assert_eq!(code(world.pay(&narrower, 51).await), "budget_exceeded");
    world.pay(&narrower, 30).await.expect("within all");
    world.pay(&narrow, 20).await.expect("within all");
    // The block is used up for it and for what was made of it, the card is not.
    assert_eq!(code(world.pay(&narrow, 1).await), "budget_exceeded");
    assert_eq!(code(world.pay(&narrower, 1).await), "budget_exceeded");
    world.pay(&card, 30).await.expect("within all");
    assert_eq!(code(world.pay(&card, 1).await), "budget_exceeded");

    // Another card of the same team has what is left of it, and then of the company.
    let (_, other, _) = world.card_of(in_all(1_000), Some(team)).await;
    assert_eq!(code(world.pay(&other, 11).await), "budget_exceeded");
    world.pay(&other, 10).await.expect("within all");
    world.clock.advance(86_400);
    assert_eq!(code(world.pay(&other, 11).await), "budget_exceeded");
    world.pay(&other, 10).await.expect("a new day of the team's, the last of the company's");
    assert_eq!(code(world.pay(&other, 1).await), "budget_exceeded");
}

#[tokio::test]
async fn a_limit_that_is_set_later_counts_what_was_spent_before() {
    let world = World::begin().await;
    let (record, card, _) = world.card(in_all(1_000)).await;
    world.pay(&card, 600).await.expect("within the budget");
    let restrictions =
        Restrictions { budgets: Some(vec![limit(700, Period::Day)]), ..Restrictions::default() };
    let change = CardChange { restrictions: Some(restrictions), ..CardChange::default() };
    let changed = world.issuer.change_card(world.owner.id, world.actor(), record.id, change).await;
    changed.expect("the card changes");
    assert_eq!(code(world.pay(&card, 101).await), "budget_exceeded");
    world.pay(&card, 100).await.expect("exactly the rest of the day");
}

#[tokio::test]
async fn a_limit_in_one_token_at_one_host_is_no_leave_to_pay_in_another_or_elsewhere() {
    let world = World::begin().await;
    let at_host = Budget { host: Some(parsed("other.example")), ..limit(1_000, Period::Day) };
    let restrictions = Restrictions { budgets: Some(vec![at_host]), ..Restrictions::default() };
    let (_, card, _) = world.card(restrictions).await;
    assert_eq!(code(world.pay(&card, 1).await), "not_budgeted");

    let to_payee = Budget { payee: Some(PAYEE), ..limit(10, Period::Day) };
    let restrictions = Restrictions { budgets: Some(vec![to_payee]), ..Restrictions::default() };
    let (_, card, _) = world.card(restrictions).await;
    let mut in_ether = world.request(&card, 1);
    in_ether.purchase.token = OTHER_TOKEN;
    assert_eq!(code(issued(world.ask(in_ether).await)), "card_denied");
    let mut to_another = world.request(&card, 1);
    to_another.purchase.payee = OTHER_TOKEN;
    assert_eq!(code(issued(world.ask(to_another).await)), "not_budgeted");
    world.pay(&card, 10).await.expect("within the budget");
}

#[tokio::test]
async fn a_single_use_card_pays_once_and_a_rate_is_a_minutes() {
    let world = World::begin().await;
    let (_, single, _) = world.card(Restrictions { payments: Some(1), ..in_all(100) }).await;
    world.pay(&single, 1).await.expect("the one payment");
    assert_eq!(code(world.pay(&single, 1).await), "payments_used_up");

    let (_, rated, _) = world.card(Restrictions { rate: Some(2), ..in_all(100) }).await;
    for _ in 0..2 {
        world.pay(&rated, 1).await.expect("within the rate");
    }
    assert_eq!(code(world.pay(&rated, 1).await), "rate_exceeded");
    world.clock.advance(60);
    world.pay(&rated, 1).await.expect("another minute");
}

#[tokio::test]
async fn a_subscription_is_charged_once_a_month_and_saves_nothing_up() {
    let world = World::begin().await;
    let anchor = at(NOON);
    let new = NewCard {
        name: "newspaper".to_owned(),
        wallet: world.wallet,
        budget: None,
        restrictions: Restrictions {
            per_payment: Some(PerToken::from_iter([(TOKEN, amount(10))])),
            ..in_all(1_000)
        },
        subscription: Some(Subscription { period: Period::Month, anchor }),
        holder: None,
    };
    let (_, card) =
        world.issuer.create_card(world.owner.id, world.actor(), new).await.expect("a card");
    world.pay(&card, 10).await.expect("this month's");
    assert_eq!(code(world.pay(&card, 10).await), "already_charged");
    world.clock.advance(92 * 86_400);
    world.pay(&card, 10).await.expect("three months later, once");
    assert_eq!(code(world.pay(&card, 10).await), "already_charged");
}

#[tokio::test]
async fn a_card_without_a_limit_on_amounts_is_not_made() {
    let world = World::begin().await;
    let new = |restrictions, budget| NewCard {
        name: "uncapped".to_owned(),
        wallet: world.wallet,
        budget,
        restrictions,
        subscription: None,
        holder: None,
    };
    let make = async |new| {
        let made = world.issuer.create_card(world.owner.id, world.actor(), new).await;
        made.map(|(card, _)| card).map_err(|error| error.code().name())
    };
    assert_eq!(make(new(Restrictions::default(), None)).await.err(), Some("conflict"));
    let empty = world.budget(None, Vec::new()).await;
    assert_eq!(make(new(Restrictions::default(), Some(empty))).await.err(), Some("conflict"));
    let capped = world.budget(Some(empty), vec![limit(5, Period::Day)]).await;
    let card = make(new(Restrictions::default(), Some(capped))).await.expect("it shares a limit");
    // Nor is one made of it by a change.
    let change = CardChange { budget: Some(None), ..CardChange::default() };
    let changed = world.issuer.change_card(world.owner.id, world.actor(), card.id, change).await;
    assert_eq!(changed.map_err(|error| error.code().name()).err(), Some("conflict"));
}
