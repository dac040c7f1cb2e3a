//! The payee does not answer, and its terms say that silence refunds: the payer gets everything back.
//!
//! Terms that do not say so say nothing of silence, and neither does this rule: a judge decides on what the
//! payer shows, or the default does. Otherwise a payee that has no good answer would give none, and keep
//! everything before anybody had looked.
//!
//! A processor may hide an answer, and nobody can see that; so silence is counted from when the dispute was
//! first seen here, and only after the processor showed the case anew once the time was over. The terms count
//! for the payer: where nobody but the processor says who that is, a judge decides.

use aep2_mandate::units::Amount;
use aep2_x402::disputes::Disputes;

use super::question::Question;
use crate::error::ArbiterError;

pub(super) fn look(question: &Question<'_>) -> Result<Option<Amount>, ArbiterError> {
    let is_silent = question.case.answer.is_none() && question.is_heard;
    let terms = question.file.terms.disputes.as_ref();
    let refunds = terms.is_some_and(Disputes::silence_refunds) && question.may_lower();
    Ok((is_silent && refunds).then_some(Amount::ZERO))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{case::PayerCheck, rules::world::World};

    #[test]
    fn silence_counts_when_its_time_is_over_and_not_before() {
        let mut world = World::silence_refunds();
        world.now = world.before(world.case.answer_by);
        assert_eq!(world.ask(look), None);
        world.now = world.case.answer_by;
        assert_eq!(world.ask(look), Some(Amount::ZERO));
    }

    #[test]
    fn an_answer_that_was_not_asked_for_in_time_may_be_there() {
        let mut world = World::silence_refunds();
        world.now = world.case.answer_by;
        world.is_fresh = false;
        assert_eq!(world.ask(look), None);
    }

    #[test]
    fn a_payee_does_not_win_by_silence_where_its_terms_say_nothing_of_it() {
        let mut world = World::new();
        world.now = world.case.answer_by;
        assert_eq!(world.ask(look), None, "what the payer shows is for a judge");
    }

    #[test]
    fn a_payee_that_answered_is_not_silent() {
        let mut world = World::silence_refunds().answered(1_000);
        world.now = world.case.decide_by;
        assert_eq!(world.ask(look), None);
    }

    #[test]
    fn a_processor_cannot_name_somebody_the_payer_and_hide_the_answer() {
        let mut world = World::silence_refunds();
        world.now = world.case.answer_by;
        world.case.payer = PayerCheck::Unconfirmed;
        assert_eq!(world.ask(look), None);
    }
}
