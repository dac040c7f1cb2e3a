//! XML as a stream, strictly and within limits.
//!
//! Whatever the file is, at most one tag, text or comment of it is in memory, and that has a limit.
//! There are no document types, so no entities but the five of XML itself, and nothing is fetched.

use std::{
    borrow::Cow,
    io::{self, BufRead, Read},
};

use quick_xml::{
    Reader, XmlVersion,
    escape::resolve_xml_entity,
    events::{BytesDecl, BytesRef, BytesStart, Event},
};

use crate::refusal::Refusal;

/// A tag with its attributes, a text or a comment may have this many bytes. OFAC's longest have
/// some thousands.
pub(crate) const TOKEN_BYTES_MAX: usize = 64 << 10;
/// So many elements may be inside each other. In OFAC's file there are about ten.
const DEPTH_MAX: usize = 32;
/// So many attributes may one element have.
const ATTRIBUTES_MAX: usize = 64;

/// What is next in the file.
#[derive(Debug)]
pub(crate) enum Item<'a> {
    /// An element begins.
    Start(Element<'a>),
    /// Text of the innermost element, or a part of it.
    Text(Cow<'a, str>),
    /// The innermost element ends.
    End,
    /// A comment, a processing instruction, the declaration, white space around the root.
    Nothing,
}

/// The beginning of an element.
#[derive(Debug)]
pub(crate) struct Element<'a>(BytesStart<'a>);

impl Element<'_> {
    /// Its name, without a prefix.
    pub(crate) fn name(&self) -> String {
        self.0.local_name().as_ref().to_owned()
    }

    /// The value of an attribute, or none.
    pub(crate) fn attribute(&self, name: &str) -> Option<String> {
        // They were all read once, in `Xml::checked`; so what is wrong with them was reported.
        let attribute = self.0.attributes().flatten().find(|found| found.key.as_ref() == name)?;
        attribute.normalized_value(XmlVersion::Implicit1_0).ok().map(Cow::into_owned)
    }
}

/// A file of XML.
pub(crate) struct Xml<R> {
    reader: Reader<Limited<R>>,
    buffer: Vec<u8>,
    depth: usize,
    root_was_there: bool,
}

impl<R: BufRead> Xml<R> {
    pub(crate) fn new(input: R) -> Self {
        let mut reader = Reader::from_reader(Limited { input, taken: 0 });
        let config = reader.config_mut();
        config.enable_all_checks(true);
        config.expand_empty_elements = true;
        Self { reader, buffer: Vec::new(), depth: 0, root_was_there: false }
    }

    /// What is next. None at the end of a complete file.
    pub(crate) fn next(&mut self) -> Result<Option<Item<'_>>, Refusal> {
        self.buffer.clear();
        self.buffer.shrink_to(TOKEN_BYTES_MAX);
        self.reader.get_mut().taken = 0;
        let at = self.reader.buffer_position();
        let defect = |what: String| Refusal::NotWellFormed { at, what };
        let event = self.reader.read_event_into(&mut self.buffer);
        let event = event.map_err(|error| defect(error.to_string()))?;
        let inside = self.depth > 0;
        let item = match event {
            Event::Start(start) | Event::Empty(start) => {
                if !inside && self.root_was_there {
                    return Err(defect("a second root".into()));
                }
                if self.depth == DEPTH_MAX {
                    return Err(defect(format!("more than {DEPTH_MAX} elements in each other")));
                }
                self.depth += 1;
                self.root_was_there = true;
                Item::Start(checked(start).map_err(defect)?)
            }
            Event::End(_) => {
                self.depth = self.depth.checked_sub(1).ok_or_else(|| defect("an end".into()))?;
                Item::End
            }
            Event::Text(text) if inside => Item::Text(text.xml10_content()),
            Event::CData(text) if inside => Item::Text(text.xml10_content()),
            Event::GeneralRef(reference) if inside => {
                Item::Text(Cow::Owned(referred(&reference).map_err(defect)?))
            }
            Event::Text(text) if text.trim_ascii().is_empty() => Item::Nothing,
            Event::Text(_) | Event::CData(_) | Event::GeneralRef(_) => {
                return Err(defect("text outside the root".into()));
            }
            Event::DocType(_) => {
                return Err(defect("a document type, which could define entities".into()));
            }
            Event::Decl(declaration) => {
                if at > 3 {
                    return Err(defect("a declaration that is not at the start".into()));
                }
                is_utf_8(&declaration).map_err(defect)?;
                Item::Nothing
            }
            Event::Comment(_) | Event::PI(_) => Item::Nothing,
            Event::Eof if !inside && self.root_was_there => return Ok(None),
            Event::Eof => return Err(defect("it ends too early: it was cut off".into())),
        };
        Ok(Some(item))
    }
}

/// An element whose attributes are in order.
fn checked(start: BytesStart<'_>) -> Result<Element<'_>, String> {
    for (number, attribute) in start.attributes().enumerate() {
        if number == ATTRIBUTES_MAX {
            return Err(format!("more than {ATTRIBUTES_MAX} attributes in one element"));
        }
        let attribute = attribute.map_err(|error| error.to_string())?;
        // Here an entity in a value is refused.
        let value = attribute.normalized_value(XmlVersion::Implicit1_0);
        value.map_err(|error| error.to_string())?;
    }
    Ok(Element(start))
}

/// What `&name;` stands for.
fn referred(reference: &BytesRef<'_>) -> Result<String, String> {
    if let Some(character) = reference.resolve_char_ref().map_err(|error| error.to_string())? {
        return Ok(character.into());
    }
    let known = resolve_xml_entity(reference);
    known.map(str::to_owned).ok_or_else(|| "an entity that XML itself does not have".into())
}

fn is_utf_8(declaration: &BytesDecl<'_>) -> Result<(), String> {
    match declaration.encoding() {
        None => Ok(()),
        Some(Ok(encoding)) if encoding.eq_ignore_ascii_case("utf-8") => Ok(()),
        Some(_) => Err("it is not in UTF-8".into()),
    }
}

/// Input of which at most one token is taken at a time.
struct Limited<R> {
    input: R,
    /// Bytes of the token so far.
    taken: usize,
}

impl<R: BufRead> Read for Limited<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let available = self.fill_buf()?;
        let taken = available.len().min(into.len());
        into[..taken].copy_from_slice(&available[..taken]);
        self.consume(taken);
        Ok(taken)
    }
}

impl<R: BufRead> BufRead for Limited<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.taken > TOKEN_BYTES_MAX {
            let what = format!("a tag, text or comment of more than {TOKEN_BYTES_MAX} bytes");
            return Err(io::Error::other(what));
        }
        self.input.fill_buf()
    }

    fn consume(&mut self, bytes: usize) {
        self.taken += bytes;
        self.input.consume(bytes);
    }
}

#[cfg(test)]
mod tests {
    use std::{cell::Cell, io::BufReader, rc::Rc};

    use super::*;

    /// Input that says how much of it was taken.
    struct Counted<R>(R, Rc<Cell<u64>>);

    impl<R: Read> Read for Counted<R> {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let read = self.0.read(into)?;
            self.1.set(self.1.get() + read as u64);
            Ok(read)
        }
    }

    /// Reads 100 MB of one byte after a beginning: what is wrong, and how many bytes were taken,
    /// which is more than was ever in memory.
    fn taken_of_endless(beginning: &'static str, byte: u8) -> (String, u64) {
        let taken = Rc::new(Cell::new(0));
        let endless = beginning.as_bytes().chain(io::repeat(byte).take(100_000_000));
        let mut xml = Xml::new(BufReader::new(Counted(endless, taken.clone())));
        let refusal = loop {
            match xml.next() {
                Ok(Some(_)) => {}
                Ok(None) => panic!("it is complete"),
                Err(refusal) => break refusal.to_string(),
            }
        };
        (refusal, taken.get())
    }

    #[test]
    fn no_token_of_100_mb_is_read_into_memory() {
        for beginning in [
            "<a b='",
            "<a>",
            "<a><!--",
            "<a><![CDATA[",
            "<a><?b ",
            "<",
            "<a>&",
            "</",
            "<!DOCTYPE a [",
            "<a ",
        ] {
            let (refusal, taken) = taken_of_endless(beginning, b'x');
            assert!(refusal.contains("more than 65536 bytes"), "{beginning}: {refusal}");
            assert!(taken < 100_000, "{beginning}: {taken} bytes were taken");
        }
    }

    #[test]
    fn white_space_does_not_pass_the_limit_either() {
        for beginning in ["", "<a>", "<a ", "<a/>"] {
            let (refusal, taken) = taken_of_endless(beginning, b' ');
            assert!(refusal.contains("more than 65536 bytes"), "{beginning}: {refusal}");
            assert!(taken < 100_000, "{beginning}: {taken} bytes were taken");
        }
    }
}
