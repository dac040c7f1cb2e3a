//! Whom and what an operator serves: asked after a mandate's signature holds, before anything is
//! promised.
//!
//! Policies are asked in a row, and the first refusal is the answer. One that counts (how much an
//! account spends in a day, say) counts a mandate as soon as it allows it, since many are asked at
//! the same time: it is [reserved](Policy::reserve), and [released](Policy::release) when it is known
//! what became of it. What was accepted is [restored](Policy::restore) before that, and counted until it
//! has [ended](Policy::ended); so is all that lives after a start, and what the chain brings back to
//! life.

mod dispute_shares;
mod nonce_words;
mod policies;
mod rule;

pub use self::{
    nonce_words::NonceWords,
    rule::{Policy, PolicyRefusal, RefusalKind, Request},
};
pub(crate) use self::{
    policies::{Policies, Reservation, for_each_waiting},
    rule::parties,
};
