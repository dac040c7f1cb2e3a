//! What needs no chain: errors, events, digests, calldata.

mod digests;
mod errors;
mod events;
mod settling;
