//! The powers of τ: which file, and which one it has to be.

use std::path::PathBuf;

use aep2_ceremony::{known_powers::known_name, ptau::Ptau};
use alloy::primitives::B512;
use clap::Args;
use serde_json::{Value, json};

use crate::output::{Output, hex};

/// A file of powers of τ.
#[derive(Args)]
pub(super) struct PowersOptions {
    /// The powers of τ: a .ptau file, of one size more than the shape's domain
    #[arg(long, value_name = "FILE")]
    ptau: PathBuf,

    /// Take no other file than the one with this BLAKE2b hash, as `b2sum` prints it
    #[arg(long, value_name = "HASH")]
    ptau_hash: Option<B512>,
}

impl PowersOptions {
    /// Opens the file, and says which it is.
    pub(super) fn open(&self, output: &Output) -> anyhow::Result<Ptau> {
        output.note("reading the powers of τ …");
        let ptau = Ptau::open(&self.ptau)?;
        output.note(format!("powers of τ: {}", described(&ptau)));
        if let Some(expected) = self.ptau_hash {
            ptau.require(&expected.0)?;
        }
        Ok(ptau)
    }
}

/// The file's hash, and its name where it is a public one.
pub(in crate::command) fn described(ptau: &Ptau) -> String {
    let hash = hex(ptau.hash());
    match known_name(ptau.hash()) {
        Some(name) => format!("{hash}, which is {name}"),
        None => {
            format!(
                "{hash}, no file that this program knows: compare it with what its ceremony published"
            )
        }
    }
}

/// The same for programs.
pub(in crate::command) fn to_json(ptau: &Ptau) -> Value {
    json!({ "hash": hex(ptau.hash()), "known_as": known_name(ptau.hash()) })
}
