//! The attacker's tool: files of sections, taken apart and put together again.

use std::{fs, path::Path};

/// A file of sections.
#[derive(Clone)]
pub(crate) struct Parts {
    head: [u8; 8],
    pub(crate) sections: Vec<(u32, Vec<u8>)>,
}

impl Parts {
    pub(crate) fn read(path: &Path) -> Self {
        let bytes = fs::read(path).unwrap();
        let head = bytes[..8].try_into().unwrap();
        let count = u32::from_le_bytes(bytes[8..12].try_into().unwrap());
        let mut rest = &bytes[12..];
        let mut sections = Vec::new();
        for _ in 0..count {
            let number = u32::from_le_bytes(rest[..4].try_into().unwrap());
            let length = u64::from_le_bytes(rest[4..12].try_into().unwrap()) as usize;
            sections.push((number, rest[12..12 + length].to_vec()));
            rest = &rest[12 + length..];
        }
        Self { head, sections }
    }

    pub(crate) fn section(&mut self, number: u32) -> &mut Vec<u8> {
        let own = self.sections.iter_mut().find(|(own, _)| *own == number);
        &mut own.expect("there is such a section").1
    }

    pub(crate) fn write(&self, path: &Path) {
        let mut bytes = self.head.to_vec();
        bytes.extend((self.sections.len() as u32).to_le_bytes());
        for (number, content) in &self.sections {
            bytes.extend(number.to_le_bytes());
            bytes.extend((content.len() as u64).to_le_bytes());
            bytes.extend(content);
        }
        fs::write(path, bytes).unwrap();
    }
}
