//! A look at RocksDB's manifest before RocksDB reads it.
//!
//! RocksDB 11.8 reads for ever where a record of the manifest has the type of a log file that is
//! written over again: one flipped bit, and the start neither succeeds nor fails. No manifest has
//! such records, so one is damage. Everything else is left to RocksDB, which has the checksums.

use std::{fs, path::Path};

/// Records do not cross a multiple of this, bytes. From RocksDB's `db/log_format.h`, as all here.
const BLOCK_BYTES: usize = 32 << 10;
/// A record's checksum (4), length (2, the low byte first) and type (1), bytes.
const HEADER_BYTES: usize = 7;
/// The highest type of a manifest's records, `kLastType`. Nought is space that was not written.
const LAST_TYPE: u8 = 4;

/// What is wrong with the manifest of a database, if it is what RocksDB cannot say itself.
pub(crate) fn damage(database: &Path) -> Option<String> {
    // One that cannot be read is RocksDB's to report.
    let current = fs::read_to_string(database.join("CURRENT")).ok()?;
    let name = current.trim_end();
    let bytes = fs::read(database.join(name)).ok()?;
    let offset = foreign_record(&bytes)?;
    Some(format!("{name} has a record at byte {offset} that no manifest has"))
}

/// Where the first record begins that is not of a manifest. A length that leads out of its block or
/// the file ends the search: RocksDB notices it.
fn foreign_record(bytes: &[u8]) -> Option<usize> {
    for (number, block) in bytes.chunks(BLOCK_BYTES).enumerate() {
        let mut rest = block;
        while let Some((&[_, _, _, _, low, high, kind], payload)) =
            rest.split_first_chunk::<HEADER_BYTES>()
        {
            if kind > LAST_TYPE {
                return Some(number * BLOCK_BYTES + block.len() - rest.len());
            }
            let length = usize::from(u16::from_le_bytes([low, high]));
            rest = payload.get(length..)?;
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(kind: u8, length: u16) -> Vec<u8> {
        let [low, high] = length.to_le_bytes();
        let mut record = vec![1, 2, 3, 4, low, high, kind];
        record.resize(HEADER_BYTES + usize::from(length), 0xff);
        record
    }

    #[test]
    fn a_record_of_a_log_is_found_and_a_tail_that_was_being_written_is_not_taken_for_one() {
        let mut whole = record(1, 300);
        // To the end of the block but for five bytes, which hold no header.
        whole.extend(record(2, u16::try_from(BLOCK_BYTES - 307 - HEADER_BYTES - 5).unwrap_or(0)));
        whole.extend([0xff; 5]);
        whole.extend(record(4, 20));
        assert_eq!(whole.len(), BLOCK_BYTES + 27);
        assert_eq!(foreign_record(&whole), None);
        for cut in [whole.len() - 1, whole.len() - 21, BLOCK_BYTES + 5, BLOCK_BYTES, 306, 6, 0] {
            assert_eq!(foreign_record(&whole[..cut]), None, "cut to {cut}");
        }
        for offset in [0, 307, BLOCK_BYTES] {
            for kind in [5, 8, 9, 11, 130, 131, 255] {
                let mut damaged = whole.clone();
                damaged[offset + 6] = kind;
                assert_eq!(foreign_record(&damaged), Some(offset));
            }
        }
        whole.extend([0; 100]);
        assert_eq!(foreign_record(&whole), None, "space that was not written");
    }
}
