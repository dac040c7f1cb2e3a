//! What is controlled.

use aep2_compliance::Compliance;
use aep2_evidence::EvidenceStore;
use aep2_processor::Processor;

/// A processor, and what it stores beside its ledger.
#[derive(Clone)]
pub struct Controlled {
    /// The processor.
    pub processor: Processor,
    /// Evidence of disputes, where any is kept.
    pub evidence: Option<EvidenceStore>,
    /// Compliance, where it is on.
    pub compliance: Option<Compliance>,
    /// The program's version.
    pub version: &'static str,
}
