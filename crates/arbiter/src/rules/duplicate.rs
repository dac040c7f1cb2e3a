//! The same order was paid for twice.
//!
//! A payee gives each order a number of its own, and a mandate's `ref` covers it together with everything
//! else that was bought. So two mandates of one account with one `ref` paid for one order. Whoever means to
//! buy twice gets two numbers. Without a payee's number (intent mode) the `ref` has the mandate's nonce in
//! it, no two are the same, and this rule has nothing to say.
//!
//! The evidence is a JSON object of the earlier payment:
//!
//! ```json
//! { "mandate": { "mandate": {…}, "key": {…}, "signature": {…} }, "receipt": { "receipt": {…}, "signature": "0x…" } }
//! ```
//!
//! Only the later payment is a duplicate, the one that the processor accepted later: otherwise each would
//! show that the other is, and the order would be free. And the earlier one has to stand: a payee shows that
//! it does not with the processor's signed statement that less was captured of it (the receipt of a capture),
//! or with the processor's signed outcome. Then a judge decides.

use aep2_mandate::{
    mandate::SignedMandate,
    typed_data::{
        capture::SignedCaptureReceipt, dispute::Reason, outcome::SignedOutcome,
        receipt::SignedReceipt,
    },
    units::Amount,
};
use alloy_primitives::B256;
use serde::Deserialize;

use super::question::{Elsewhere, Question};
use crate::{case::Party, error::ArbiterError};

/// A payment that was made before.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct EarlierPayment {
    mandate: SignedMandate,
    receipt: SignedReceipt,
}

pub(super) fn look(question: &Question<'_>) -> Result<Option<Amount>, ArbiterError> {
    let file = question.file;
    let is_asked = file.dispute.message().reason == Reason::DuplicatePayment
        && file.terms.order.is_some()
        && question.is_heard
        && question.may_lower();
    if !is_asked {
        return Ok(None);
    }
    for earlier in question.read::<EarlierPayment>(Party::Payer) {
        let Some(id) = is_earlier(question, &earlier) else { continue };
        if stands(question, id, earlier.mandate.mandate.amount.amount())? {
            return Ok(Some(Amount::ZERO));
        }
    }
    Ok(None)
}

/// The id of a mandate that paid for the same order, and was accepted before.
fn is_earlier(question: &Question<'_>, earlier: &EarlierPayment) -> Option<B256> {
    let (venue, file) = (question.case.venue(), question.file);
    let (own, other) = (&file.mandate, &earlier.mandate);
    let id = other.verify(&venue.mandate_domain(other.mandate.token)).ok()?.to_bytes();
    let promised = &earlier.receipt.message;
    let is_promised = promised.mandate_id.to_bytes() == id
        && promised.processor == venue.processor
        && promised.amount == other.mandate.amount
        && earlier.receipt.verify(&venue.typed_data_domain(), venue.processor).is_ok();
    // The ref covers method, resource, token, payee, price, order, arbiter.
    let is_same = other.mandate.reference == own.mandate.reference
        && other.mandate.account == own.mandate.account
        && other.key == own.key;
    let accepted = (file.receipt.message.issued_at, question.case.mandate_id);
    let is_before = (promised.issued_at, id) < accepted;
    (is_promised && is_same && is_before).then_some(id)
}

/// Whether nothing shows that the earlier payment was given back.
fn stands(question: &Question<'_>, id: B256, amount: Amount) -> Result<bool, ArbiterError> {
    if let Some(elsewhere) = (question.elsewhere)(id)? {
        return Ok(elsewhere == Elsewhere::Decided(amount));
    }
    let venue = question.case.venue();
    let domain = venue.typed_data_domain();
    let captured_less = question.read::<SignedCaptureReceipt>(Party::Payee).any(|stated| {
        stated.message.mandate_id == id
            && stated.message.amount < amount
            && stated.verify(&domain, venue.processor).is_ok()
    });
    let settled_less = question.read::<SignedOutcome>(Party::Payee).any(|stated| {
        stated.message.mandate_id == id
            && stated.message.settled < amount
            && stated.verify(&domain, venue.processor).is_ok()
    });
    Ok(!captured_less && !settled_less)
}

#[cfg(test)]
mod tests {
    use aep2_mandate::typed_data::{Signed, capture::CaptureReceipt};

    use super::*;
    use crate::{case::PayerCheck, rules::world::World};

    #[test]
    fn an_order_is_paid_for_once() {
        let mut world = World::duplicate();
        assert_eq!(world.ask(look), None, "the payee has not been heard yet");
        world.case.answer_by = world.now;
        assert_eq!(world.ask(look), Some(Amount::ZERO));
        // The answer says no, and shows nothing.
        assert_eq!(World::duplicate().answered(1_000).ask(look), Some(Amount::ZERO));
    }

    #[test]
    fn two_payments_do_not_make_duplicates_of_each_other() {
        let mut world = World::duplicate().answered(1_000);
        // The other one was accepted later: it is the duplicate, not this one.
        world.file.receipt.message.issued_at = world.at(-300);
        assert_eq!(world.ask(look), None);
        // In the same second their ids decide, one way round only.
        let mut world = World::duplicate().answered(1_000);
        let (first, _) = world.earlier();
        world.file.receipt.message.issued_at = first.issued_at;
        let decided = world.ask(look).is_some();
        assert_eq!(decided, first.mandate_id.to_bytes() < world.case.mandate_id);
    }

    #[test]
    fn another_order_account_or_key_is_no_duplicate() {
        for change in [
            |world: &mut World| {
                world.replace_earlier(|terms| terms.reference = B256::repeat_byte(7))
            },
            |world: &mut World| world.replace_earlier(|terms| terms.account = World::account(8)),
            |world: &mut World| world.sign_earlier_with_another_key(),
            |world: &mut World| world.promise_earlier_by_a_stranger(),
            |world: &mut World| world.spoil_earlier(),
        ] {
            let mut world = World::duplicate().answered(1_000);
            change(&mut world);
            assert_eq!(world.ask(look), None);
        }
    }

    #[test]
    fn without_a_number_of_the_payees_nothing_is_a_duplicate() {
        let mut world = World::duplicate().answered(1_000);
        world.file.terms.order = None;
        assert_eq!(world.ask(look), None);
    }

    #[test]
    fn a_processors_word_on_who_pays_takes_nothing_from_a_payee() {
        let mut world = World::duplicate().answered(1_000);
        world.case.payer = PayerCheck::Unconfirmed;
        assert_eq!(world.ask(look), None);
        world.case.payer = PayerCheck::Trusted;
        assert_eq!(world.ask(look), Some(Amount::ZERO));
    }

    #[test]
    fn an_earlier_payment_that_was_given_back_makes_no_duplicate() {
        for (captured, is_processors, decided) in
            [(0, true, false), (400, true, false), (1_000, true, true), (0, false, true)]
        {
            let mut world = World::duplicate();
            let (receipt, processor) = world.earlier();
            let stated = CaptureReceipt {
                mandate_id: receipt.mandate_id.to_bytes(),
                processor: receipt.processor,
                arbiter: receipt.arbiter,
                amount: World::amount(captured),
                issued_at: receipt.issued_at,
            };
            let signer = if is_processors { processor } else { world.payee.clone() };
            let domain = world.case.venue().typed_data_domain();
            let stated = Signed::sign(stated, &signer, &domain).expect("signed");
            world.show(Party::Payee, &stated);
            let found = world.answered(1_000).ask(look);
            assert_eq!(found.is_some(), decided, "{captured} by the processor: {is_processors}");
        }
    }

    #[test]
    fn what_this_arbiter_gave_back_before_is_not_given_back_twice() {
        let world = World::duplicate().answered(1_000);
        let ask = |elsewhere| world.ask_with(look, elsewhere);
        assert_eq!(ask(Some(Elsewhere::Open)), None);
        assert_eq!(ask(Some(Elsewhere::Decided(Amount::ZERO))), None);
        assert_eq!(ask(Some(Elsewhere::Decided(World::amount(1_000)))), Some(Amount::ZERO));
    }
}
