//! Writing a log, or a part of it, as JSON lines.

use std::{io::Write, ops::RangeInclusive};

use aep2_journal::{ColumnFamily, View};
use aep2_mandate::units::{EntryNumber, UnixTime};

use crate::{
    error::{ExportError, ReadError},
    fault::{Defect, Fault},
    line::{self, Point},
    log::{AuditLog, take_stored},
    walk::{Start, Verified, Walk},
};

/// Entries, from the first to the last, both included.
pub type Numbers = RangeInclusive<EntryNumber>;

impl<F: ColumnFamily> AuditLog<F> {
    /// The entries from the first to the last one of a period, from `from` to before `to`; nothing
    /// when it has none. Reads the whole log. An entry between them that a clock which was set back
    /// dates outside the period is among them: a chain has no gaps.
    ///
    /// # Errors
    /// When the journal cannot be read, or what is stored is no line.
    pub fn numbers_within(
        &self,
        view: &View<'_>,
        from: UnixTime,
        to: UnixTime,
    ) -> Result<Option<Numbers>, ReadError> {
        let mut within: Option<Numbers> = None;
        for line in self.entries(view, EntryNumber::MIN) {
            let line = line?;
            if (from..to).contains(&line.entry.at) {
                let first = within.map_or(line.number, |within| *within.start());
                within = Some(first..=line.number);
            }
        }
        Ok(within)
    }

    /// Writes entries as JSON lines, all of them unless told which. They are checked on the way.
    ///
    /// Gives where the export begins and ends. One that starts in the middle names in its first line
    /// the hash of the line before: whoever gets it compares that with an export that they have, or
    /// with a head.
    ///
    /// # Errors
    /// When the journal cannot be read, the file cannot be written, the log is not whole, or there
    /// are no such entries. What comes before the fault was written.
    pub fn export(
        &self,
        view: &View<'_>,
        numbers: Option<Numbers>,
        mut to: impl Write,
    ) -> Result<Verified, ExportError> {
        let first = numbers.as_ref().map_or(1, |numbers| numbers.start().get().max(1));
        let last = numbers.map_or(EntryNumber::MAX, |numbers| *numbers.end());
        let mut walk = Walk::new(self.start_at(view, first)?, &[]);
        for (_, stored) in (first..=last.get()).zip(self.stored(view, first)) {
            let stored = stored?;
            take_stored(&mut walk, &stored)?;
            to.write_all(&stored.1)?;
            to.write_all(b"\n")?;
        }
        to.flush()?;
        match walk.end()? {
            Verified { from, to } if from == to => Err(none(first).into()),
            exported => Ok(exported),
        }
    }

    /// Where an export begins whose first entry has this number: after the line before.
    fn start_at(&self, view: &View<'_>, first: u64) -> Result<Start, ExportError> {
        let number = match EntryNumber::new(first - 1) {
            Ok(EntryNumber::MIN) => return Ok(Start::Beginning),
            Ok(number) => number,
            Err(_) => return Err(none(first).into()),
        };
        let line = self.line(view, number.get())?.ok_or_else(|| none(first))?;
        Ok(Start::After(Point { number, hash: line::hash(&line) }))
    }
}

/// There is no such entry.
fn none(number: u64) -> Fault {
    Fault { number, byte: 0, defect: Defect::Empty }
}
