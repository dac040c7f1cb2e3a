//! Where records are read from.

use aep2_journal::View;
use aep2_mandate::units::AccountId;

use crate::{
    codec::{Defect, Record},
    error::LedgerError,
    schema::{Family, meta},
};

/// Where records are read from: the disk, or the disk with changes that are not written yet.
pub(crate) trait Source {
    /// The value at a key.
    fn get(&self, family: Family, key: &[u8]) -> Result<Option<Vec<u8>>, LedgerError>;

    /// The record at a key.
    fn record<R: Record>(&self, family: Family, key: &[u8]) -> Result<Option<R>, LedgerError> {
        self.get(family, key)?
            .map(|bytes| {
                R::from_bytes(&bytes).map_err(|defect| LedgerError::damaged(family, key, defect))
            })
            .transpose()
    }

    /// The record at a key that `referrer` says is there.
    fn expect<R: Record>(
        &self,
        family: Family,
        key: &[u8],
        referrer: &'static str,
    ) -> Result<R, LedgerError> {
        self.record(family, key)?
            .ok_or_else(|| LedgerError::damaged(family, key, Defect::Missing(referrer)))
    }
}

impl Source for View<'_> {
    fn get(&self, family: Family, key: &[u8]) -> Result<Option<Vec<u8>>, LedgerError> {
        Ok(self.get(family, key)?)
    }
}

/// The last block that cannot be undone; 0 when all can.
pub(crate) fn horizon(on: &impl Source) -> Result<u64, LedgerError> {
    number(on, meta::HORIZON)
}

/// The least number of the next dispute; 0 where any will do.
pub(crate) fn dispute_floor(on: &impl Source) -> Result<u64, LedgerError> {
    number(on, meta::DISPUTE_FLOOR)
}

fn number(on: &impl Source, key: &[u8]) -> Result<u64, LedgerError> {
    let Some(bytes) = on.get(Family::Meta, key)? else {
        return Ok(0);
    };
    let number = <[u8; 8]>::try_from(bytes.as_slice())
        .map_err(|_| LedgerError::damaged(Family::Meta, key, Defect::Short("number")))?;
    Ok(u64::from_be_bytes(number))
}

/// The account that a key of accounts or purses begins with.
pub(crate) fn account_of(key: &[u8]) -> Option<AccountId> {
    let (number, _) = key.split_first_chunk::<4>()?;
    AccountId::new(u32::from_be_bytes(*number)).ok()
}
