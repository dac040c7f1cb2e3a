//! What the chain says, and following it: blocks are applied one after another, can be undone
//! while they are young, and what is requested in blocks that are not applied yet limits acceptance.

mod accounts;
mod apply;
mod direct;
mod facts;
mod known;
mod outcome;
mod reading;
mod refunds;
mod rewind;
mod unconfirmed;
mod unread;

pub(crate) use self::{
    apply::{apply_blocks, chain_time, members},
    reading::note,
    rewind::rewind,
    unconfirmed::set_unconfirmed,
};
pub use self::{
    facts::{ChainBlock, ChainFact},
    outcome::{Applied, ChainError, Rewound},
    reading::{AccountReading, ChainReading, PurseReading, SlotReading},
    unread::{SLOTS_AHEAD, Unread},
};
