//! The processor against an embedded chain.

mod support;

mod accept;
mod capture;
mod kill;
mod outage;
mod panics;
mod recovery;
mod settle;
mod settle_followed;
mod settle_refused;
mod settle_support;
mod view;
mod window;
