//! What was collected, as JSON lines: for an authority that asks, and for whoever transmits it.
//!
//! What is exported is what was kept, byte for byte, without checking it anew: rules that became
//! stricter since then must not keep it from an authority.

use std::{fmt, io};

use alloy_primitives::{Address, B256};
use serde::{Serialize, Serializer};
use sha2::{Digest, Sha256};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::{account::caip10, object::Binding, thresholds::Reason};

/// The payment that an object was collected for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Payment {
    /// When its mandate was accepted, in unix seconds.
    pub at: u64,
    /// The token.
    pub token: Address,
    /// The most that can be captured, in base units.
    pub amount: u128,
    /// Who is paid.
    pub payee: Address,
    /// Why it needed an object; nothing when the payer sent one unasked.
    pub reason: Option<Reason>,
}

/// Why nothing more is exported. Nothing personal is in it.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ExportError {
    /// It cannot be written.
    #[error("the export cannot be written: {0}")]
    Write(#[from] io::Error),
    /// There is no memory for a line.
    #[error("the object of the mandate {0} cannot be written as a line")]
    Line(B256),
}

/// A line of an export: a payment, and what was told of its payer and payee. It is personal.
pub struct ExportLine<'a> {
    /// The mandate, and who paid.
    pub binding: Binding,
    /// The payment.
    pub payment: Payment,
    /// What was kept for it: [`TravelRuleObject::json`](crate::TravelRuleObject::json).
    pub object: &'a str,
}

/// The line's members, in their order.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Line<'a> {
    at: u64,
    mandate_id: B256,
    wallet: String,
    owner: Address,
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<u32>,
    payee: Address,
    token: Address,
    #[serde(serialize_with = "decimal")]
    amount: u128,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    object_hash: B256,
    /// As a text, so that its bytes stay what the hash is of.
    object: &'a str,
}

fn decimal<S: Serializer>(number: &u128, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(number)
}

impl ExportLine<'_> {
    /// The line, with its line feed. It is wiped when it is dropped.
    ///
    /// # Errors
    /// When there is no memory.
    pub fn to_json(&self) -> Result<Zeroizing<Vec<u8>>, ExportError> {
        let Self { binding, payment, object } = self;
        let line = Line {
            at: payment.at,
            mandate_id: binding.mandate_id,
            wallet: caip10(binding.chain_id, binding.wallet),
            owner: binding.owner,
            account: binding.account,
            payee: payment.payee,
            token: payment.token,
            amount: payment.amount,
            reason: payment.reason.map(Reason::name),
            object_hash: B256::from_slice(&Sha256::digest(object)),
            object,
        };
        // As large as it gets, so that it is not moved, and no copy is left behind: in canonical JSON
        // there is nothing of which more than two bytes become.
        let mut json = Zeroizing::new(Vec::with_capacity(object.len() * 2 + 1024));
        serde_json::to_writer(&mut *json, &line)
            .map_err(|_| ExportError::Line(binding.mandate_id))?;
        json.push(b'\n');
        Ok(json)
    }
}

impl fmt::Debug for ExportLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ExportLine({})", self.binding.mandate_id)
    }
}

/// Writes the lines of the payments that were accepted at or after `from` and before `until`, in unix
/// seconds, in the order in which they come. Tells how many were written.
///
/// # Errors
/// When they cannot be written.
pub fn export<'a>(
    lines: impl IntoIterator<Item = ExportLine<'a>>,
    (from, until): (u64, u64),
    to: &mut impl io::Write,
) -> Result<u64, ExportError> {
    let mut written = 0;
    for line in lines.into_iter().filter(|line| (from..until).contains(&line.payment.at)) {
        to.write_all(&line.to_json()?)?;
        written += 1;
    }
    to.flush()?;
    Ok(written)
}
