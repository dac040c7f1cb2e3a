//! Deposits that pay refunds.
//!
//! A refund is paid when the wallet states a deposit into the payer's account, in the mandate's token, by
//! the payee's authorization whose nonce is that refund's, and at least the refund's amount arrived. The
//! token takes each nonce once, so a deposit pays one refund. What a block paid is undone with the block.

use crate::{
    error::LedgerError,
    records::{RefundDeposit, RefundName, RefundRecord},
    schema::{self, Family},
    source::Source,
    tx::Tx,
};

use super::facts::ChainFact;

/// Applies a deposit by authorization: the refund that it pays, if it pays one.
pub(super) fn apply(
    tx: &mut Tx<'_, '_>,
    fact: &ChainFact,
    block: u64,
) -> Result<Option<RefundName>, LedgerError> {
    let ChainFact::DepositAuthorized { account, token, from, amount, nonce, transaction } = *fact
    else {
        return Ok(None);
    };
    let key = schema::refund_nonce(account, token, from, nonce);
    let Some(name) = tx.record::<RefundName>(Family::RefundNonces, &key)? else {
        return Ok(None);
    };
    let key = schema::refund(name.mandate, name.refund);
    let announced: RefundRecord = tx.expect(Family::Refunds, &key, "a refund's nonce")?;
    let is_paid = tx.get(Family::RefundsPaid, &key)?.is_some();
    if is_paid || amount < announced.amount.amount().into() {
        return Ok(None);
    }
    tx.put_record(Family::RefundsPaid, key, &RefundDeposit { transaction, block, amount });
    Ok(Some(name))
}
