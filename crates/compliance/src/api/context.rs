//! What the interface needs.

use std::sync::Arc;

use crate::{
    compliance::Compliance, officers::Officer, providers::SanctionLists, settings::Started,
};

/// What the interface needs.
#[derive(Clone, Debug)]
pub struct Context {
    pub(super) compliance: Compliance,
    pub(super) lists: Option<SanctionLists>,
    pub(super) officers: Arc<[Officer]>,
}

impl Context {
    /// Over this, for these.
    pub fn new(started: &Started, officers: Vec<Officer>) -> Self {
        let Started { compliance, lists, .. } = started.clone();
        Self { compliance, lists, officers: officers.into() }
    }
}
