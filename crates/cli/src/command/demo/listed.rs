//! Who is on the demo's sanctions list, and who decides.

use std::path::Path;

use alloy::{primitives::Address, signers::local::PrivateKeySigner};

use crate::serving::compliance;

/// Who is looked at.
pub(super) struct Looked {
    /// A payer on the list.
    pub(super) payer: PrivateKeySigner,
    /// A payee on the list.
    pub(super) payee: Address,
    /// The officer's token.
    pub(super) token: String,
}

impl Looked {
    /// Makes the list and the settings in this folder, and whoever is on the list.
    pub(super) fn prepare(folder: &Path) -> anyhow::Result<Self> {
        let (payer, payee) = (PrivateKeySigner::random(), PrivateKeySigner::random().address());
        let (_, token) = compliance::prepare(folder, [payer.address(), payee])?;
        Ok(Self { payer, payee, token })
    }
}
