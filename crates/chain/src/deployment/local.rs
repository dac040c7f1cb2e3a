//! Chains where money cannot be real.

use aep2_mandate::units::ChainId;

/// The chain ids that development networks use: anvil's and Hardhat's, and Ganache's. All others count
/// as public.
pub const LOCAL_CHAIN_IDS: [ChainId; 2] = [ChainId::new(31_337), ChainId::new(1_337)];

/// Whether a chain id is one that only development networks use.
pub fn is_local(chain_id: ChainId) -> bool {
    LOCAL_CHAIN_IDS.contains(&chain_id)
}
