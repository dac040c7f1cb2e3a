//! What was collected, as JSON lines: for an authority that asks, and for whoever transmits it.

use std::{fmt, io};

use alloy_primitives::{Address, B256};
use serde::{Serialize, Serializer};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::{account::caip10, object::TravelRuleObject, thresholds::Reason};

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
    /// An object does not serialise.
    #[error("the object of the mandate {0} cannot be written as a line")]
    Line(B256),
}

/// A line of an export: a payment, and what was told of its payer and payee. It is personal.
pub struct ExportLine<'a> {
    /// The payment.
    pub payment: Payment,
    /// What was collected for it.
    pub object: &'a TravelRuleObject,
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
    version: &'static str,
    object_hash: B256,
    /// The object's canonical JSON, as a text: whoever has the hash can check it.
    object: &'a str,
}

fn decimal<S: Serializer>(number: &u128, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(number)
}

impl ExportLine<'_> {
    /// The line, without its line feed.
    ///
    /// # Errors
    /// When there is no memory.
    pub fn to_json(&self) -> Result<Zeroizing<String>, ExportError> {
        let Self { payment, object } = self;
        let binding = object.binding();
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
            version: object.ivms101().version.code(),
            object_hash: object.hash(),
            object: object.json(),
        };
        let line = serde_json::to_string(&line);
        line.map(Zeroizing::new).map_err(|_| ExportError::Line(binding.mandate_id))
    }
}

impl fmt::Debug for ExportLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ExportLine({})", self.object.binding().mandate_id)
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
        to.write_all(line.to_json()?.as_bytes())?;
        to.write_all(b"\n")?;
        written += 1;
    }
    to.flush()?;
    Ok(written)
}
