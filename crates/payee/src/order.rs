//! The numbers of a payee's orders, which the payee need not remember.
//!
//! ```text
//! order    8 bytes drawn at random ‖ 8 bytes, until when (unix seconds) ‖ 16 bytes, the mark
//! mark     BLAKE3, keyed with the payee's secret, of the ref that the order would have
//!          if its mark were 0; the first 16 bytes
//! ```
//!
//! The mark covers method, resource and all terms, so an order that comes back is one that this
//! payee made, for this request at this price, and not too long ago.

use aep2_mandate::units::UnixTime;
use aep2_x402::purchase::{PaymentContext, Purchase};
use alloy_primitives::B256;
use rand::RngCore;

/// What a payee marks its orders with. Whoever knows it can name orders that were never offered, at
/// the payee's prices all the same.
#[derive(Clone)]
pub struct OrderSecret([u8; 32]);

impl OrderSecret {
    /// The secret with these bytes.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// One that nobody knows.
    pub fn random() -> Self {
        let mut bytes = [0; 32];
        rand::rngs::OsRng.fill_bytes(&mut bytes);
        Self(bytes)
    }
}

impl std::fmt::Debug for OrderSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("OrderSecret")
    }
}

/// Makes orders, and knows its own.
#[derive(Clone, Debug)]
pub(crate) struct Orders(pub(crate) OrderSecret);

/// Why an order is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OrderError {
    /// This payee did not make it, or for something else.
    Unknown,
    /// It was good until then.
    Expired(UnixTime),
}

impl Orders {
    /// A new order, good until then.
    pub(crate) fn make(&self, purchase: &Purchase, until: UnixTime) -> B256 {
        let mut order = [0; 32];
        rand::rngs::OsRng.fill_bytes(&mut order[..8]);
        order[8..16].copy_from_slice(&until.get().to_be_bytes());
        self.marked(purchase, order)
    }

    /// Checks an order that came back. Gives until when it is good.
    pub(crate) fn check(
        &self,
        purchase: &Purchase,
        order: B256,
        now: UnixTime,
    ) -> Result<UnixTime, OrderError> {
        let mut unmarked = order.0;
        unmarked[16..].fill(0);
        // BLAKE3's hashes compare in constant time; these are none, but have their size.
        let expected = blake3::Hash::from_bytes(self.marked(purchase, unmarked).0);
        if expected != blake3::Hash::from_bytes(order.0) {
            return Err(OrderError::Unknown);
        }
        let mut until = [0; 8];
        until.copy_from_slice(&order[8..16]);
        let until = UnixTime::new(u64::from_be_bytes(until)).map_err(|_| OrderError::Unknown)?;
        if until < now { Err(OrderError::Expired(until)) } else { Ok(until) }
    }

    fn marked(&self, purchase: &Purchase, mut order: [u8; 32]) -> B256 {
        let reference = purchase.reference(PaymentContext::Order(B256::from(order)));
        let mark = blake3::keyed_hash(&self.0.0, reference.as_slice());
        order[16..].copy_from_slice(&mark.as_bytes()[..16]);
        order.into()
    }
}
