//! What a sealed record is bound to: it opens there and nowhere else.

use crate::key::KekId;

/// Where a record belongs. Whoever writes the store cannot put one record's bytes in another's
/// place: under another context they do not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Context<'a> {
    /// The kind of record, a stable name: `mandate_key`, `travel_rule`.
    pub kind: &'static str,
    /// Which one of its kind: its key in the store.
    pub id: &'a [u8],
}

impl Context<'_> {
    /// What a record's content is bound to.
    pub(crate) fn of_data(&self) -> Vec<u8> {
        self.bound("aep2-vault/1 data")
    }

    /// What its wrapped key is bound to: the KEK that it names as well.
    pub(crate) fn of_key(&self, kek: KekId) -> Vec<u8> {
        let mut bytes = self.bound("aep2-vault/1 key");
        bytes.extend_from_slice(kek.as_bytes());
        bytes
    }

    /// Each part after its length, so that no two contexts are written alike.
    fn bound(&self, to: &str) -> Vec<u8> {
        let mut bytes = Vec::new();
        for part in [to.as_bytes(), self.kind.as_bytes(), self.id] {
            bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
            bytes.extend_from_slice(part);
        }
        bytes
    }
}
