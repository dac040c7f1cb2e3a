//! Cards: what an agent pays with instead of a key to an account.
//!
//! An issuer holds the account's key and signs what a card allows. The card is a Biscuit token:
//! whoever holds it can narrow it offline and hand it on, and nobody can widen it. `docs/cards.md`
//! is the format.
//!
//! - [`Card`] makes, reads and checks cards, [`CardToken`] is one as text and can be narrowed;
//! - [`Restrictions`] say what a card may not do, as data; [`allows`] decides about a payment;
//! - [`HolderKey`] and [`RootKey`] are the keys of holders and issuers; a [`Handover`] is how a card
//!   changes hands;
//! - [`proof`] shows that a request comes from the card's holder.
//!
//! A card carries facts and nothing else. No Datalog of a stranger is evaluated; the restrictions
//! are JSON that this crate reads and decides by itself. Amounts are exact: Datalog's numbers have
//! 64 bits, and 10 ether in base units do not fit.
//!
//! No network, no storage. Budgets, numbers of payments and rates are counted by the issuer.

mod card;
mod decision;
mod error;
mod facts;
mod handover;
mod host;
mod hours;
mod keys;
mod limits;
mod object;
mod per_token;
pub mod proof;
mod restrictions;
mod revocation;
mod token;

pub use self::{
    card::{Block, Card, CardId, Holder, VerifiedCard},
    decision::{Denied, Facts, ToolCall, Verdict, allows},
    error::CardError,
    handover::Handover,
    host::{Host, InvalidHost},
    hours::{Hours, HoursError, Offset, TimeOfDay},
    keys::{HolderKey, HolderPublicKey, KeyError, RootKey, RootPublicKey, RootPublicKeys},
    limits::{BLOCKS_MAX, BYTES_MAX, PREFIX, TEXT_MAX},
    per_token::PerToken,
    restrictions::{Budget, Period, Restrictions, Tool},
    revocation::{InvalidRevocationId, RevocationId},
    token::CardToken,
};
