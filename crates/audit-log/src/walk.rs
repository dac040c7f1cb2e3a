//! Walking along a log, line by line: the checks that stored and exported logs share.
//!
//! What is kept is the last line's number and hash, whatever the length of the log.

use std::cmp::{Ordering, Reverse};

use aep2_mandate::{typed_data::log_head::LogHead, units::EntryNumber};

use crate::{
    fault::{Defect, Fault},
    line::{self, Line, Point},
};

/// Where a log is to begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// With its first entry.
    Beginning,
    /// After this entry, which was checked before.
    After(Point),
    /// Wherever it does. What comes before is not known: compare [`Verified::from`] with something.
    Anywhere,
}

/// A stretch of a log that is whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verified {
    /// The entry before the first one, as that one names it. Number 0, and the log's id, when the
    /// log was there from its beginning.
    pub from: Point,
    /// The last entry.
    pub to: Point,
}

/// A walk along a log.
pub(crate) struct Walk {
    start: Start,
    /// Heads that it must agree with, the one with the highest number first.
    heads: Vec<LogHead>,
    from: Option<Point>,
    /// The last line, and where it begins.
    last: Option<(Point, u64)>,
    /// Where the next line begins.
    byte: u64,
}

impl Walk {
    /// A walk that begins at `start` and must agree with these heads.
    pub(crate) fn new(start: Start, heads: &[LogHead]) -> Self {
        let mut heads = heads.to_vec();
        heads.sort_by_key(|head| Reverse(head.number));
        let from = match start {
            Start::After(point) => Some(point),
            Start::Beginning | Start::Anywhere => None,
        };
        Self { start, heads, from, last: None, byte: 0 }
    }

    /// Where the walk is.
    fn here(&self) -> Option<Point> {
        self.last.map(|(point, _)| point).or(self.from)
    }

    /// The number that the next line should have.
    pub(crate) fn next_number(&self) -> u64 {
        self.here().map_or(1, |point| point.number.get() + 1)
    }

    /// A fault of the next line.
    pub(crate) fn fault(&self, defect: impl Into<Defect>) -> Fault {
        Fault { number: self.next_number(), byte: self.byte, defect: defect.into() }
    }

    /// A fault of the last line.
    fn fault_of_last(&self, defect: Defect) -> Fault {
        let (number, byte) = match self.last {
            Some((point, byte)) => (point.number.get(), byte),
            None => (self.here().map_or(0, |point| point.number.get()), 0),
        };
        Fault { number, byte, defect }
    }

    /// Takes the next line, without its line feed.
    pub(crate) fn take(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        let line = Line::from_bytes(bytes).map_err(|defect| self.fault(defect))?;
        if self.last.is_none() {
            let from = self.from.unwrap_or_else(|| self.before_first(&line));
            self.begin(from)?;
        }
        self.is_next(&line)?;
        let point = Point { number: line.number, hash: line::hash(bytes) };
        self.last = Some((point, self.byte));
        self.byte += bytes.len() as u64 + 1;
        self.agrees(point)
    }

    /// The place before the first line, when it is not known otherwise.
    fn before_first(&self, line: &Line) -> Point {
        let number = match self.start {
            Start::Anywhere => line.number.get().saturating_sub(1),
            Start::Beginning | Start::After(_) => 0,
        };
        let number = EntryNumber::new(number).unwrap_or(EntryNumber::MIN);
        Point { number, hash: line.previous }
    }

    /// Begins after `from`, which the heads must agree with.
    fn begin(&mut self, from: Point) -> Result<(), Fault> {
        self.from = Some(from);
        for head in &self.heads {
            if head.number < from.number {
                return Err(self.fault(Defect::BeforeStart { head: head.number }));
            }
            if from.number == EntryNumber::MIN && head.log != from.hash {
                return Err(self.fault(Defect::OtherLog { log: from.hash, head: head.log }));
            }
        }
        self.agrees(from)
    }

    /// Checks that a line follows the one before.
    fn is_next(&self, line: &Line) -> Result<(), Fault> {
        let found = line.number;
        match found.get().cmp(&self.next_number()) {
            Ordering::Equal => {}
            Ordering::Greater => return Err(self.fault(Defect::Gap { found })),
            Ordering::Less => return Err(self.fault(Defect::Repeated { found })),
        }
        let (named, before) = (line.previous, self.here());
        match before {
            Some(before) if before.hash != named => Err(match self.last {
                Some(_) => self.fault_of_last(Defect::Altered { hash: before.hash, named }),
                None => self.fault(Defect::OtherStart { named, expected: before.hash }),
            }),
            _ => Ok(()),
        }
    }

    /// Checks the heads that are about this place.
    fn agrees(&mut self, point: Point) -> Result<(), Fault> {
        while let Some(head) = self.heads.pop_if(|head| head.number == point.number) {
            if head.hash != point.hash {
                let (hash, head) = (point.hash, head.hash);
                return Err(self.fault_of_last(Defect::Rewritten { hash, head }));
            }
        }
        Ok(())
    }

    /// Ends the walk.
    pub(crate) fn end(mut self) -> Result<Verified, Fault> {
        let Some(from) = self.from else {
            return Err(self.fault(Defect::Empty));
        };
        if self.last.is_none() {
            self.begin(from)?;
        }
        // The one with the lowest number comes last.
        if let Some(head) = self.heads.first() {
            return Err(self.fault(Defect::CutOff { head: head.number }));
        }
        Ok(Verified { from, to: self.here().unwrap_or(from) })
    }
}
