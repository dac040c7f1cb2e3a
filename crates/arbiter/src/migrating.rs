//! From older formats of the store to the present one.

use std::error::Error;

use aep2_journal::Migration;

use crate::{
    case::Case,
    family::Family,
    room,
    store::{self, Tx},
};

/// One step for each older format. Format 1 was never released.
pub(crate) const MIGRATIONS: [Migration; 1] =
    [Migration { from: 2, run: with_those_that_give_way }];

/// Ended cases with evidence are noted among those that give way.
fn with_those_that_give_way(tx: &mut Tx<'_>) -> Result<(), Box<dyn Error + Send + Sync>> {
    for (key, value) in tx.scan(Family::Cases, &[], None)? {
        let case: Case = store::read(Family::Cases, &key, &value)?;
        room::note(tx, &case);
    }
    Ok(())
}
