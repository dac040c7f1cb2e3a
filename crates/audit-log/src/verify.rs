//! Checking an exported log.

use std::io::{self, BufRead, Read};

use aep2_mandate::typed_data::log_head::LogHead;

use crate::{
    error::VerifyError,
    fault::{Defect, Fault},
    line::{LINE_BYTES_MAX, LineDefect},
    walk::{Start, Verified, Walk},
};

/// Checks an exported log, line by line, in constant memory. It must be whole, begin at `start`, and
/// agree with these heads, whose signatures the caller has checked.
///
/// Without a head it cannot be noticed that the last entries were cut off, or that all of them were
/// written anew.
///
/// # Errors
/// When it cannot be read, and a [`Fault`] when it is not whole or disagrees with a head.
pub fn verify(
    mut file: impl BufRead,
    start: Start,
    heads: &[LogHead],
) -> Result<Verified, VerifyError> {
    let mut walk = Walk::new(start, heads);
    let mut line = Vec::new();
    while read_line(&mut file, &mut line)? {
        walk.take(ended(&walk, &line)?)?;
    }
    Ok(walk.end()?)
}

/// Reads up to a line feed, or one byte more than a line can have. False at the end of the file.
fn read_line(file: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<bool> {
    line.clear();
    file.by_ref().take(LINE_BYTES_MAX as u64 + 2).read_until(b'\n', line)?;
    Ok(!line.is_empty())
}

/// The line without its line feed.
fn ended<'a>(walk: &Walk, line: &'a [u8]) -> Result<&'a [u8], Fault> {
    match line.strip_suffix(b"\n") {
        Some(line) => Ok(line),
        None if line.len() > LINE_BYTES_MAX => Err(walk.fault(LineDefect::TooLong)),
        None => Err(walk.fault(Defect::Unended)),
    }
}
