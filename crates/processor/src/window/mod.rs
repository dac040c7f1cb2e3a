//! Windows: which of the mandates that wait are settled together, and when.
//!
//! Pure: [`choose()`] looks at what waits and says what is to be sealed next, if anything. No threads,
//! no clock, no storage; whoever asks again after sealing gets the next window.
//!
//! # What is settled together
//!
//! Mandates of one path, one token and one set of verifiers ([`Pool`]). A window of the proved path
//! must fit so many segments of a [`Shape`](aep2_circuits::Shape) as a window may have: chains are
//! arranged into lanes, and lanes into segments, as the prover does it ([`Arrangement`]). Windows are filled in the order of acceptance: what does not
//! fit any more is passed over, what comes after it may still fit. So the oldest mandate is in every
//! window, and no mandate waits for ever behind others.
//!
//! # When a window closes
//!
//! | | |
//! | --- | --- |
//! | full | no shape's segments hold all that is ready, or those of the largest one are filled, or a transaction has no gas for more |
//! | aged | the oldest that is ready has waited `age_s_max` |
//! | due | a promise is due within `due_margin_s` and a quarter more |
//!
//! *Ready* is what is captured, or has been in a batch before, or whose payee's time to capture is
//! over, or what is due. What follows something that waits and is not ready is not ready either,
//! unless it is due: a chain that is cut takes more lanes.
//!
//! # Who settles alone
//!
//! A mandate that is less than `due_margin_s` from its `settleBy`, or past it. Once `settleBy` has
//! passed its payee may claim the guarantee, which spends the nonce, and a batch that it is in would
//! be refused as a whole. For the same reason a window of several is valid until the earliest of its
//! members' `settleBy`: as long as a batch of several can settle, no guarantee on any of its members
//! can be claimed, and none can revert it. In the direct path, whose receipts nobody can claim on, it
//! is the deadline that counts.
//!
//! Mandates of a batch that the chain refused without naming one of them are
//! [isolated](Isolation::Group) from all others, in ever smaller groups, until the one at fault is alone.
//!
//! Windows in line, and mandates that settle alone or isolated, take [turns](Turn): neither kind can hold
//! up the other.
//!
//! # Which shape
//!
//! The cheapest that holds all that is ready in one segment; a shape with capture only if something is
//! captured below its ceiling. If none does, the one whose segments are the cheapest together. If none
//! holds all, whatever takes the most: a shape with capture filled from
//! all, or one without filled from those that are captured whole. Two proofs instead of one are not
//! made on purpose, since the second costs more than the capture's constraints; but if the oldest is
//! captured in part, it is taken, so that it does not wait behind windows without capture.

mod arrangement;
mod choice;
mod choose;
mod rules;
mod waiting;

pub use self::{
    arrangement::{Arrangement, DIRECT_MAX, GAS_MAX, Holder, proved_gas},
    choice::{Choice, Closed, Turn, Unsettleable, Window},
    choose::choose,
    rules::Rules,
    waiting::{Isolation, Pool, Waiting},
};
