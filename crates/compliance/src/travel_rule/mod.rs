//! The Travel Rule at acceptance.

mod handing_in;
mod rule;
mod sums;

pub(crate) use self::rule::TravelRule;
pub use self::{
    handing_in::HandedIn,
    rule::{TravelRuleParts, TravelRuleSettings},
};
