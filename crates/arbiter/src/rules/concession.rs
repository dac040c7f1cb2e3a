//! The payee asks for nothing: it captured nothing, or its answer gives all of it back.
//!
//! An answer that gives a part back decides nothing by itself. If it did, a payee that is asked for
//! everything back would give up the smallest part, and keep the rest without anybody looking. What it
//! gave up stays given up: nothing above it is ruled.

use aep2_mandate::units::Amount;

use super::question::Question;
use crate::error::ArbiterError;

pub(super) fn look(question: &Question<'_>) -> Result<Option<Amount>, ArbiterError> {
    Ok((question.case.owed == Amount::ZERO).then_some(Amount::ZERO))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::world::World;

    #[test]
    fn a_payee_that_gives_up_one_unit_does_not_keep_the_rest_by_it() {
        for (asked, expected) in [(0, Some(Amount::ZERO)), (1, None), (999, None), (1_000, None)] {
            assert_eq!(World::new().answered(asked).ask(look), expected, "{asked}");
        }
    }

    #[test]
    fn nobody_has_to_be_known_to_give_back_what_the_payee_gives_up() {
        let mut world = World::new().answered(0);
        world.case.payer = crate::case::PayerCheck::Unconfirmed;
        assert_eq!(world.ask(look), Some(Amount::ZERO));
    }
}
