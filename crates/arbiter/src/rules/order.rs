//! The rules in their order. The first that has something to say decides.
//!
//! | rule | decides |
//! | --- | --- |
//! | `concession` | nothing, where the payee asks for nothing |
//! | `duplicate_payment` | nothing, where the same order was paid for before |
//! | `signed_price` | the price, where the payee's own signed offer was lower |
//! | `silence` | nothing, where the terms say that a payee which does not answer refunds |
//!
//! What was shown comes before silence. And all but the first wait until the payee had its say, since it may have something to show.
//!
//! That something is absent is shown by nothing: no rule decides on that but the last, and that because the
//! payee has agreed to it in its terms.

use aep2_mandate::units::Amount;

use super::{concession, duplicate, question::Question, signed_price, silence};
use crate::error::ArbiterError;

/// A rule: its name, and what the payee gets if the rule has something to say.
pub(crate) struct Rule {
    pub(crate) name: &'static str,
    look: fn(&Question<'_>) -> Result<Option<Amount>, ArbiterError>,
}

/// The rules, in their order.
pub(crate) const RULES: [Rule; 4] = [
    Rule { name: "concession", look: concession::look },
    Rule { name: "duplicate_payment", look: duplicate::look },
    Rule { name: "signed_price", look: signed_price::look },
    Rule { name: "silence", look: silence::look },
];

/// The first rule that decides, and what the payee gets.
pub(crate) fn decide(
    question: &Question<'_>,
) -> Result<Option<(&'static str, Amount)>, ArbiterError> {
    for rule in &RULES {
        if let Some(captured) = (rule.look)(question)? {
            return Ok(Some((rule.name, captured)));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::world::World;

    fn decided(world: &World) -> Option<(&'static str, u128)> {
        let found = world.with(None, decide).expect("the store is read");
        found.map(|(rule, captured)| (rule, captured.get()))
    }

    #[test]
    fn a_silent_payee_keeps_nothing_by_it_whatever_its_terms_say() {
        let mut world = World::duplicate();
        world.case.answer_by = world.now;
        assert_eq!(decided(&world), Some(("duplicate_payment", 0)));
        world.evidence.clear();
        assert_eq!(decided(&world), None, "the terms do not refund for silence: a judge decides");
        let mut world = World::silence_refunds();
        world.now = world.case.answer_by;
        assert_eq!(decided(&world), Some(("silence", 0)));
    }

    #[test]
    fn a_payee_that_asks_for_nothing_is_not_waited_for() {
        let world = World::new().answered(0);
        assert!(world.now < world.case.answer_by);
        assert_eq!(decided(&world), Some(("concession", 0)));
    }

    #[test]
    fn what_is_contested_waits_for_a_judge() {
        let mut world = World::new().answered(1_000);
        world.now = world.case.decide_by;
        assert_eq!(decided(&world), None);
    }

    #[test]
    fn every_rule_is_in_the_guide() {
        let guide = include_str!("../../../../docs/arbiter.md");
        let mut from = 0;
        for rule in &RULES {
            let row = format!("\n| `{}` |", rule.name);
            let found = guide[from..].find(&row);
            let place = found.unwrap_or_else(|| panic!("{row} is not there, in this order"));
            from += place;
        }
    }
}
