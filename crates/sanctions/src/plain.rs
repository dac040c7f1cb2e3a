//! Plain lists: an address a line.
//!
//! ```text
//! # what it is
//! #@date 2026-01-31
//! #@count 2
//! 0x098B716B8Aaf21512996dC57EB0615e2383E2f96
//! 0x098b716b8aaf21512996dc57eb0615e2383e2f97  # a comment
//! ```
//!
//! Every line is understood or the whole file is refused. An error page, a list in another format
//! and half a line are none of this.

use std::io::BufRead;

use crate::{
    address::{self, Prefix},
    content::Content,
    dated,
    refusal::Refusal,
};

/// A line may have this many bytes.
const LINE_BYTES_MAX: usize = 1024;

/// Reads a plain list.
pub(crate) fn read(mut input: impl BufRead) -> Result<Content, Refusal> {
    let mut content = Content::default();
    let mut stated_count = None;
    let mut line = Vec::new();
    for number in 1.. {
        if !next_line(&mut input, &mut line, number)? {
            break;
        }
        let defect = |what: &str| Refusal::Line { line: number, what: what.into() };
        let text = std::str::from_utf8(&line).map_err(|_| defect("it is not UTF-8"))?;
        let text = if number == 1 { text.strip_prefix('\u{feff}').unwrap_or(text) } else { text };
        if let Some(statement) = text.trim_ascii().strip_prefix("#@") {
            state(statement, &mut content, &mut stated_count).map_err(|what| defect(&what))?;
            continue;
        }
        let value = text.split('#').next().unwrap_or_default().trim_ascii();
        if value.is_empty() {
            continue;
        }
        let spelled = address::read(value, Prefix::Optional);
        let spelled = spelled.ok_or_else(|| defect("it is neither an address nor a comment"))?;
        content.add(spelled, value, &format!("line {number}"), None, None)?;
    }
    let found = content.rows.len() as u64;
    match stated_count {
        Some(stated) if stated != found => Err(Refusal::CountDiffers { stated, found }),
        _ => Ok(content),
    }
}

/// The next line, without the bytes that end it. False at the end of the file.
fn next_line(input: &mut impl BufRead, line: &mut Vec<u8>, number: u64) -> Result<bool, Refusal> {
    line.clear();
    let limit = LINE_BYTES_MAX as u64 + 2;
    let mut limited = std::io::Read::take(input, limit);
    let read = limited.read_until(b'\n', line);
    read.map_err(|error| Refusal::CannotRead(error.to_string()))?;
    let read = line.len();
    if line.last() == Some(&b'\n') {
        line.pop();
    }
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    if line.len() > LINE_BYTES_MAX {
        let what = format!("it has more than {LINE_BYTES_MAX} bytes");
        return Err(Refusal::Line { line: number, what });
    }
    Ok(read > 0)
}

/// Reads what a list states of itself: the line after `#@`.
fn state(statement: &str, content: &mut Content, count: &mut Option<u64>) -> Result<(), String> {
    let mut words = statement.split_ascii_whitespace();
    match (words.next(), words.next(), words.next()) {
        (Some("date"), Some(date), None) if content.stated_s.is_none() => {
            let parts: Vec<_> = date.split('-').collect();
            let date_s = match parts[..] {
                [year, month, day] if year.len() == 4 => dated::midnight_s(year, month, day),
                _ => None,
            };
            content.stated_s = Some(date_s.ok_or("#@date is no day of the form 2026-01-31")?);
        }
        (Some("count"), Some(number), None) if count.is_none() => {
            *count = Some(number.parse().map_err(|_| "#@count is no number")?);
        }
        (Some("date" | "count"), ..) => {
            return Err("#@date and #@count stand once, with one value".into());
        }
        // A misspelled statement would state nothing.
        _ => return Err("after #@ only date and count are known".into()),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::{BufReader, Cursor, Read};

    use super::*;

    #[test]
    fn a_line_without_end_is_not_read_into_memory() {
        for byte in [b'#', b'0', b' ', b'\r'] {
            let mut endless = BufReader::new(Cursor::new(vec![byte; 1_000_000]));
            let refusal = read(&mut endless).unwrap_err();
            assert_eq!(refusal.to_string(), "line 1: it has more than 1024 bytes");
            // What was taken is what was in memory.
            let mut left = Vec::new();
            endless.read_to_end(&mut left).unwrap();
            assert!(left.len() > 990_000, "{} bytes are left", left.len());
        }
    }
}
