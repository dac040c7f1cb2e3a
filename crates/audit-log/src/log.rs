//! A log in a journal: appending to it, reading it, checking it.

use aep2_journal::{ColumnFamily, JournalError, State, Transaction, View};
use aep2_mandate::{
    typed_data::log_head::LogHead,
    units::{EntryNumber, UnixTime},
};
use alloy_primitives::hex;

use crate::{
    entry::Entry,
    error::{AppendError, ReadError, VerifyError},
    fault::{Defect, Fault},
    head::{Head, HeadDefect},
    line::{self, Line, Point},
    walk::{Start, Verified, Walk},
};

/// The key of the head, in its family.
const HEAD: &[u8] = b"head";

/// A log in two column families of the caller's journal, which are the log's alone.
///
/// | family | key | value |
/// | --- | --- | --- |
/// | entries | the number, 8 bytes, big-endian | the line, without a line feed |
/// | head | `head` | version 1, the log's id (32 bytes), the last number (8 bytes, big-endian), the hash of its line (32 bytes) |
#[derive(Clone, Copy, Debug)]
pub struct AuditLog<F> {
    entries: F,
    head: F,
}

impl<F: ColumnFamily> AuditLog<F> {
    /// The log in these families.
    pub const fn new(entries: F, head: F) -> Self {
        Self { entries, head }
    }

    /// The same log, its families called otherwise.
    pub(crate) fn map<G>(self, of: impl Fn(F) -> G) -> AuditLog<G> {
        AuditLog { entries: of(self.entries), head: of(self.head) }
    }

    /// The log's head. A log that is not there yet is begun, with a random id.
    ///
    /// # Errors
    /// When the journal cannot be read, and when entries are there and no head, or a damaged one.
    pub fn begin<S: State>(&self, tx: &mut Transaction<'_, S>) -> Result<Head, AppendError> {
        if let Some(head) = decode(tx.get(self.head, HEAD)?)? {
            return Ok(head);
        }
        if tx.get(self.entries, &key(1))?.is_some() {
            return Err(HeadDefect.into());
        }
        let head = Head::begin();
        tx.put(self.head, HEAD.to_vec(), head.to_bytes());
        Ok(head)
    }

    /// Writes an entry after the last one, as part of a request: both are on disk, or neither. Gives
    /// its place, which is worth something once the request's answer is there.
    ///
    /// # Errors
    /// When the journal cannot be read, and when the log does not end as its head says. The request
    /// has to fail with it.
    pub fn append<S: State>(
        &self,
        tx: &mut Transaction<'_, S>,
        entry: &Entry,
    ) -> Result<Point, AppendError> {
        let head = self.begin(tx)?;
        let number = head.last.number.next().ok_or(AppendError::Full)?;
        self.check_end(tx, head.last)?;
        if tx.get(self.entries, &key(number.get()))?.is_some() {
            return Err(AppendError::Damaged { number: head.last.number.get() });
        }
        let line = Line { number, previous: head.last.hash, entry: entry.clone() }.to_bytes()?;
        let last = Point { number, hash: line::hash(&line) };
        tx.put(self.entries, key(number.get()), line);
        tx.put(self.head, HEAD.to_vec(), Head { last, ..head }.to_bytes());
        Ok(last)
    }

    /// Checks that the last line is there: nothing is chained to one that is not.
    fn check_end<S: State>(&self, tx: &Transaction<'_, S>, last: Point) -> Result<(), AppendError> {
        let number = last.number.get();
        if number == 0 {
            return Ok(());
        }
        match tx.get(self.entries, &key(number))? {
            Some(line) if line::hash(&line) == last.hash => Ok(()),
            _ => Err(AppendError::Damaged { number }),
        }
    }

    /// The log's head; nothing before it was begun.
    ///
    /// # Errors
    /// When the journal cannot be read, or the record is damaged.
    pub fn head(&self, view: &View<'_>) -> Result<Option<Head>, ReadError> {
        Ok(decode(view.get(self.head, HEAD)?)?)
    }

    /// The entry with this number.
    ///
    /// # Errors
    /// When the journal cannot be read, or what is stored is no line.
    pub fn entry(&self, view: &View<'_>, number: EntryNumber) -> Result<Option<Line>, ReadError> {
        let number = number.get();
        let Some(bytes) = self.line(view, number)? else {
            return Ok(None);
        };
        let line = Line::from_bytes(&bytes);
        line.map(Some).map_err(|defect| ReadError::Line { number, defect })
    }

    /// The entries from this number on, in their order.
    pub fn entries<'a>(
        &self,
        view: &'a View<'_>,
        from: EntryNumber,
    ) -> impl Iterator<Item = Result<Line, ReadError>> + use<'a, F> {
        (from.get()..).zip(self.stored(view, from.get())).map(|(number, stored)| {
            let (_, bytes) = stored?;
            Line::from_bytes(&bytes).map_err(|defect| ReadError::Line { number, defect })
        })
    }

    /// The line with a number.
    pub(crate) fn line(
        &self,
        view: &View<'_>,
        number: u64,
    ) -> Result<Option<Vec<u8>>, JournalError> {
        view.get(self.entries, &key(number))
    }

    /// The keys and lines from a number on.
    pub(crate) fn stored<'a>(
        &self,
        view: &'a View<'_>,
        from: u64,
    ) -> impl Iterator<Item = aep2_journal::Entry> + use<'a, F> {
        view.entries(self.entries, &key(from))
    }

    /// Checks the whole log as it is stored, up to its head, line by line, in constant memory; and
    /// that it agrees with these heads, whose signatures the caller has checked. Nothing for a log
    /// that was not begun.
    ///
    /// The view is a snapshot: in one that moves, the head and the entries are of two moments.
    ///
    /// Whoever can write the store can write all of it anew, head included. Only a head that was
    /// signed, and is kept elsewhere, shows that.
    ///
    /// # Errors
    /// When the journal cannot be read, and a fault when it is not whole or disagrees with a head.
    pub fn verify(
        &self,
        view: &View<'_>,
        heads: &[LogHead],
    ) -> Result<Option<Verified>, VerifyError> {
        let head = match decode(view.get(self.head, HEAD)?) {
            Ok(Some(head)) => head,
            Ok(None) => return self.verify_none(view, heads),
            Err(defect) => return Err(Walk::new(Start::Beginning, heads).fault(defect).into()),
        };
        let mut heads = heads.to_vec();
        heads.push(head.to_sign(UnixTime::MIN));
        let mut walk = Walk::new(Start::After(head.origin()), &heads);
        for stored in self.stored(view, 0) {
            if walk.next_number() > head.last.number.get() {
                return Err(walk.fault(Defect::AfterHead { head: head.last.number }).into());
            }
            take_stored(&mut walk, &stored?)?;
        }
        Ok(Some(walk.end()?))
    }

    /// Checks that there is nothing.
    fn verify_none(
        &self,
        view: &View<'_>,
        heads: &[LogHead],
    ) -> Result<Option<Verified>, VerifyError> {
        let walk = Walk::new(Start::Beginning, heads);
        if let Some(stored) = self.stored(view, 0).next() {
            stored?;
            return Err(walk.fault(Defect::NoHead).into());
        }
        match heads.iter().max_by_key(|head| head.number) {
            Some(head) => Err(walk.fault(Defect::CutOff { head: head.number }).into()),
            None => Ok(None),
        }
    }
}

/// Takes a stored line, which must be under the key of its number.
pub(crate) fn take_stored(
    walk: &mut Walk,
    (at, line): &(Box<[u8]>, Box<[u8]>),
) -> Result<(), Fault> {
    let is_in_place = at[..] == key(walk.next_number());
    let misplaced = (!is_in_place).then(|| walk.fault(Defect::Misplaced { key: hex::encode(at) }));
    // A line that is elsewhere says by itself where it belongs, if anywhere.
    walk.take(line)?;
    misplaced.map_or(Ok(()), Err)
}

fn key(number: u64) -> Vec<u8> {
    number.to_be_bytes().to_vec()
}

fn decode(bytes: Option<Vec<u8>>) -> Result<Option<Head>, HeadDefect> {
    bytes.as_deref().map(Head::from_bytes).transpose()
}
