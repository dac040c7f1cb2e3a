//! What a person types, kept in one place and wiped.
//!
//! A buffered reader keeps a copy of what went through it until the program ends, and a string that grows
//! leaves copies behind. So the line is read byte by byte, from something that has no buffer, into room
//! that is never moved.

use std::io::{self, Read};

use zeroize::Zeroizing;

/// The most bytes that a line has.
pub const LINE_BYTES_MAX: usize = 4096;

/// Why there is no line.
#[derive(Debug, thiserror::Error)]
pub enum LineError {
    /// It cannot be read.
    #[error("cannot read what was typed: {0}")]
    Io(#[from] io::Error),
    /// It is too long.
    #[error("a line has {LINE_BYTES_MAX} bytes at most")]
    TooLong,
    /// It is no text.
    #[error("what was typed is not in UTF-8")]
    NotText,
}

/// Reads a line, without its end. Nothing after it is taken from `source`, which must not keep what it
/// reads: a terminal's or a pipe's own handle, not [`std::io::stdin`].
///
/// # Errors
/// When it cannot be read, is longer than [`LINE_BYTES_MAX`], or is no text.
pub fn read_line(source: &mut impl Read) -> Result<Zeroizing<String>, LineError> {
    let mut line = Zeroizing::new(Vec::with_capacity(LINE_BYTES_MAX));
    let mut byte = Zeroizing::new([0u8]);
    loop {
        match source.read(&mut *byte) {
            Ok(0) => break,
            Ok(_) if byte[0] == b'\n' => break,
            // Never beyond its room, or it would be copied, and the old copy stay.
            Ok(_) if line.len() == LINE_BYTES_MAX => return Err(LineError::TooLong),
            Ok(_) => line.push(byte[0]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    if std::str::from_utf8(&line).is_err() {
        return Err(LineError::NotText);
    }
    // The same room under another type.
    let text = String::from_utf8(std::mem::take(&mut *line)).expect("checked above");
    Ok(Zeroizing::new(text))
}
