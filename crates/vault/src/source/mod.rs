//! Where key-encryption keys come from.

mod command;
mod error;
mod file;
mod kek_source;

pub use self::{
    command::{CommandError, KEK_COMMAND_TIMEOUT},
    error::SourceError,
    file::generate,
    kek_source::KekSource,
};
