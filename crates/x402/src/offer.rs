//! What a payee offers: the entries of `accepts` that a mandate can pay, out of an answer 402.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{
    objects::PaymentRequired,
    terms::{Aep2Scheme, Requirements},
};

/// More entries than any payee has reason to offer.
pub const ACCEPTS_MAX: usize = 32;

/// One entry of `accepts` for the scheme `aep2`.
#[derive(Clone, Debug)]
pub struct Offer {
    /// The terms, as they are understood.
    pub terms: Requirements,
    /// The terms as they were written. They go back to the payee as they came: it may have written
    /// more into them than is understood here, and compare.
    pub written: Box<RawValue>,
}

/// An entry that names the scheme but cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable(pub String);

/// The entries of `required` for the scheme `aep2`, in the payee's order. Other schemes' entries
/// are passed over.
pub fn offers(required: &PaymentRequired) -> Vec<Result<Offer, Unreadable>> {
    required.accepts.iter().take(ACCEPTS_MAX).filter_map(|entry| read(entry)).collect()
}

fn read(entry: &RawValue) -> Option<Result<Offer, Unreadable>> {
    /// Enough of an entry to tell whose it is.
    #[derive(Deserialize)]
    struct Scheme {
        scheme: String,
    }

    let Scheme { scheme } = serde_json::from_str(entry.get()).ok()?;
    (scheme == Aep2Scheme::VALUE).then(|| Offer::read(entry))
}

impl Offer {
    /// Reads one entry.
    ///
    /// # Errors
    /// When it is not the scheme's, or lacks something, or says something twice.
    pub fn read(entry: &RawValue) -> Result<Self, Unreadable> {
        match serde_json::from_str(entry.get()) {
            Ok(terms) => Ok(Self { terms, written: entry.to_owned() }),
            Err(error) => Err(Unreadable(error.to_string())),
        }
    }

    /// The same terms without the payee's order: what is accepted in intent mode.
    ///
    /// # Errors
    /// When the terms cannot be written, which does not happen to terms that were read.
    pub fn without_order(&self) -> serde_json::Result<Self> {
        let mut written: serde_json::Value = serde_json::from_str(self.written.get())?;
        if let Some(extra) = written.get_mut("extra").and_then(serde_json::Value::as_object_mut) {
            extra.remove("order");
        }
        let mut terms = self.terms.clone();
        terms.extra.order = None;
        Ok(Self { terms, written: serde_json::value::to_raw_value(&written)? })
    }
}
