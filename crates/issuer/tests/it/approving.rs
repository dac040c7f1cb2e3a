//! That something is paid that an owner should have decided, or otherwise than the owner decided.

use aep2_cards::restrictions::Restrictions;
use aep2_issuer::{Issue, records::ApprovalReason};
use aep2_mandate::typed_data::approval::{Approval, SignedApproval};
use alloy_signer_local::PrivateKeySigner;

use crate::support::{
    ATTACKER, World, above, asked, at, code, in_all, issued, narrowed, parsed, random,
};

#[tokio::test]
async fn a_payment_above_the_threshold_waits_and_is_paid_once_when_its_owner_agrees() {
    let world = World::begin().await;
    let (_, card, _) = world.card(above(10)).await;
    world.pay(&card, 10).await.expect("at the threshold");
    let request = world.request(&card, 11);
    let question = asked(world.ask(request.clone()).await);
    assert_eq!(question.reason, ApprovalReason::Amount);
    // Asking again is the same question, with another order of the payee's too.
    let mut later = request.clone();
    (later.request_key, later.order) = (random(), Some(random()));
    assert_eq!(asked(world.ask(later.clone()).await).id, question.id);

    let decide = async |approved| {
        world.issuer.decide(world.owner.id, world.actor(), question.id, approved).await
    };
    decide(true).await.expect("decided");
    assert_eq!(decide(true).await.expect_err("once").code().name(), "conflict");
    issued(world.ask(later).await).expect("approved");
    assert_eq!(decide(false).await.expect_err("too late").code().name(), "conflict");
    // It was good for one payment.
    asked(world.ask(request).await);
}

#[tokio::test]
async fn an_approval_is_about_one_card_one_payee_one_amount_and_ends() {
    let world = World::begin().await;
    let (_, card, holder) = world.card(above(10)).await;
    let request = world.request(&card, 50);
    let question = asked(world.ask(request.clone()).await);
    let approve = world.issuer.decide(world.owner.id, world.actor(), question.id, true).await;
    approve.expect("decided");

    let mut dearer = request.clone();
    dearer.purchase.amount = aep2_mandate::units::Ceiling::new(51).expect("an amount");
    let mut to_another = request.clone();
    to_another.purchase.payee = ATTACKER;
    let mut metered = request.clone();
    metered.metered = true;
    let (narrow, _) = narrowed(&card, &holder, &Restrictions::default());
    let mut of_another = request.clone();
    of_another.card = world.issuer.card(&narrow).expect("a card of this issuer");
    for mut other in [dearer, to_another, metered, of_another] {
        other.request_key = random();
        assert_ne!(asked(world.ask(other).await).id, question.id);
    }
    world.clock.advance(86_401);
    assert!(matches!(world.ask(request).await, Issue::Asked(_)), "its time is over");
}

#[tokio::test]
async fn a_refusal_lasts_and_an_owner_is_not_flooded() {
    let world = World::begin().await;
    let (_, card, _) = world.card(above(10)).await;
    let request = world.request(&card, 11);
    let question = asked(world.ask(request.clone()).await);
    let refuse = world.issuer.decide(world.owner.id, world.actor(), question.id, false).await;
    refuse.expect("decided");
    assert_eq!(code(issued(world.ask(request).await)), "approval_refused");

    for units in 20..25 {
        asked(world.ask(world.request(&card, units)).await);
    }
    assert_eq!(code(world.pay(&card, 25).await), "too_many_approvals");
    let waiting = world.issuer.approvals(world.owner.id, true).expect("readable");
    assert_eq!(waiting.len(), 5);
    // What is over makes room.
    world.clock.advance(86_401);
    asked(world.ask(world.request(&card, 25)).await);
}

#[tokio::test]
async fn an_owner_is_not_asked_about_what_no_budget_would_pay() {
    let world = World::begin().await;
    let (_, card, _) = world.card(above(10)).await;
    assert_eq!(code(world.pay(&card, 1_001).await), "budget_exceeded");
    // And agreeing does not get past a budget that was spent meanwhile.
    let request = world.request(&card, 995);
    let question = asked(world.ask(request.clone()).await);
    world.pay(&card, 6).await.expect("below the threshold");
    let approve = world.issuer.decide(world.owner.id, world.actor(), question.id, true).await;
    approve.expect("decided");
    assert_eq!(code(issued(world.ask(request).await)), "budget_exceeded");
}

#[tokio::test]
async fn an_unknown_payee_of_a_named_host_is_the_owners_to_decide_and_then_the_hosts() {
    let world = World::begin().await;
    let hosts = Some([parsed("api.example")].into());
    let (_, card, _) = world.card(Restrictions { hosts, ..in_all(1_000) }).await;
    let mut to_attacker = world.request(&card, 1);
    to_attacker.purchase.payee = ATTACKER;
    let request = world.request(&card, 1);
    let wrong = asked(world.ask(to_attacker.clone()).await);
    let right = asked(world.ask(request.clone()).await);
    assert_eq!(right.reason, ApprovalReason::UnknownPayee);
    let decide = async |id| world.issuer.decide(world.owner.id, world.actor(), id, true).await;
    decide(right.id).await.expect("decided");
    issued(world.ask(request).await).expect("the host's payee now");
    world.pay(&card, 2).await.expect("and from now on");
    // A second approval does not add a payee to a host that has one.
    decide(wrong.id).await.expect("decided");
    assert_eq!(code(issued(world.ask(to_attacker).await)), "payee_not_the_hosts");
}

#[tokio::test]
async fn only_the_accounts_owner_signs_and_only_for_this_request() {
    let world = World::begin().await;
    let (_, card, _) = world.card(above(10)).await;
    let question = asked(world.ask(world.request(&card, 11)).await);
    let other = asked(world.ask(world.request(&card, 12)).await);
    let (owner, thief) = (PrivateKeySigner::random(), PrivateKeySigner::random());
    let domain = crate::support::venue(&world.processor).typed_data_domain();
    let message = |about: &aep2_issuer::records::ApprovalRecord, at| Approval {
        card: about.card_hash.0,
        request: about.request_hash.0,
        approved: true,
        at,
    };
    let sign = |message, key: &PrivateKeySigner| {
        SignedApproval::sign(message, key, &domain).expect("signed")
    };
    let (now, before) = (world.clock.now(), at(world.clock.now().get() - 60));
    let decide = async |signed: &SignedApproval| {
        let owners = owner.address();
        world.issuer.decide_signed(world.owner.id, question.id, signed, owners).await
    };
    for wrong in [
        sign(message(&question, now), &thief),
        sign(message(&other, now), &owner),
        // Made before anything was asked: kept from an earlier request of the same kind.
        sign(message(&question, before), &owner),
    ] {
        let refused = decide(&wrong).await.expect_err("not the owner's word on this");
        assert_eq!(refused.code().name(), "unauthorized");
    }
    decide(&sign(message(&question, now), &owner)).await.expect("the owner's word");
}

#[tokio::test]
async fn what_was_agreed_to_can_be_taken_back_and_none_is_left_over() {
    let world = World::begin().await;
    let (_, card, _) = world.card(above(10)).await;
    let request = world.request(&card, 11);
    let question = asked(world.ask(request.clone()).await);
    let decide = async |id, approved| {
        let decided = world.issuer.decide(world.owner.id, world.actor(), id, approved).await;
        decided.map(|_| ()).map_err(|error| error.code().name())
    };
    assert_eq!(decide(question.id, true).await, Ok(()));
    assert_eq!(decide(question.id, false).await, Ok(()));
    assert_eq!(code(issued(world.ask(request).await)), "approval_refused");

    // Agreeing to an unknown payee makes it the host's. The next payment needs no approval any more, and
    // uses it up: when the owner takes the payee off the host, nothing is left to pay it by.
    let hosts = Some([parsed("api.example")].into());
    let (_, card, _) = world.card(Restrictions { hosts, ..in_all(1_000) }).await;
    let request = world.request(&card, 1);
    let question = asked(world.ask(request.clone()).await);
    assert_eq!(decide(question.id, true).await, Ok(()));
    issued(world.ask(request.clone()).await).expect("the host's payee");
    let nobody = std::collections::BTreeSet::new();
    let emptied =
        world.issuer.set_host(world.owner.id, world.actor(), parsed("api.example"), nobody);
    emptied.await.expect("the host is forgotten");
    let mut again = request;
    again.request_key = random();
    asked(world.ask(again).await);
}

#[tokio::test]
async fn a_sub_agent_does_not_take_all_the_places_for_questions() {
    let world = World::begin().await;
    let (_, card, holder) = world.card(above(10)).await;
    let (narrow, _) = narrowed(&card, &holder, &Restrictions::default());
    for units in 20..23 {
        asked(world.ask(world.request(&narrow, units)).await);
    }
    assert_eq!(code(world.pay(&narrow, 23).await), "too_many_approvals");
    asked(world.ask(world.request(&card, 23)).await);
}
