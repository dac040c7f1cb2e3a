//! Cards: what an agent pays with instead of a key to an account.
//!
//! An issuer holds the account's key and signs what a card allows. The card is a Biscuit token:
//! whoever holds it can narrow it offline and hand it on, and nobody can widen it. `docs/cards.md`
//! is the format.
//!
//! - [`card`]: making, reading and checking cards; [`token`]: a card as text, which can be narrowed;
//! - [`restrictions`]: what a card may not do, as data; [`decision`]: whether they allow a payment;
//! - [`keys`]: of issuers and holders; [`handover`]: how a card changes hands;
//! - [`revocation`]: the names of a card's blocks;
//! - [`proof`]: that a request comes from the card's holder.
//!
//! A card carries facts and nothing else. No Datalog of a stranger is evaluated; the restrictions
//! are JSON that this crate reads and decides by itself. Amounts are exact: Datalog's numbers have
//! 64 bits, and 10 ether in base units do not fit.
//!
//! No network, no storage. Budgets, numbers of payments and rates are counted by the issuer.

pub mod card;
pub mod decision;
pub mod error;
mod facts;
pub mod handover;
pub mod host;
pub mod hours;
pub mod keys;
pub mod limits;
mod object;
pub mod per_token;
pub mod proof;
pub mod restrictions;
pub mod revocation;
pub mod token;
