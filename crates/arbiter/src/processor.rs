//! A processor whose disputes are decided here.

use std::sync::Arc;

use aep2_x402::purchase::Venue;
use url::Url;

use crate::accounts::Accounts;

/// A processor whose disputes are decided here.
#[derive(Clone, Debug)]
pub struct Processor {
    /// Where it is asked.
    pub url: Url,
    /// Its wallet, its chain, and the address that signs its receipts.
    pub venue: Venue,
    /// Whether its word is taken for who an account's owner is, and which key it has.
    pub is_trusted: bool,
    /// What says that instead.
    pub accounts: Option<Arc<dyn Accounts>>,
}
