//! What a chain is made of: its rules, its first balances, its clock, where it is kept.

use std::{
    fmt,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use alloy::{
    primitives::{Address, B256, U256, b256, utils::Unit},
    signers::local::PrivateKeySigner,
};
use revm::primitives::hardfork::SpecId;

use crate::error::DevChainError;

/// The private keys of the mnemonic `test test test test test test test test test test test junk`
/// at `m/44'/60'/0'/0/0` to `9`. Everybody knows them: anvil and Hardhat prefund the same ones, and
/// wallets and tools have them built in. They must never hold anything of worth.
const DEV_KEYS: [B256; 10] = [
    b256!("ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"),
    b256!("59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d"),
    b256!("5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a"),
    b256!("7c852118294e51e653712a81e05800f419141751be58f605c371e15141b007a6"),
    b256!("47e179ec197488593b187f80a00eb0da91f1b9d0b13f8733639f19c30a34926a"),
    b256!("8b3a350cf5c34c9194ca85829a2df0ec3153be0318b5e2d3348e872092edffba"),
    b256!("92db14e403b83dfe3df233f83dfa3a0d7096f21ca9b0d6d6b8d88b2b4ec1564e"),
    b256!("4bbbf85ce3377467afe5d46f804f221813b2bb87f24d81f60f1fcdbf7cbf4356"),
    b256!("dbda1821b80551c9d65939329250298aa3472ba22feea921c0cf5d620ea67b97"),
    b256!("2a871d0798f97d79848a013d4936a73bf4cc922c825d33c1cf7073dff6d409c6"),
];

/// The ether that each development account starts with.
const DEV_BALANCE_ETHER: u64 = 10_000;

/// The ten well-known development accounts, which a chain prefunds and signs for.
///
/// # Errors
///
/// [`DevChainError::DevelopmentKey`] never in practice: the keys are constants.
pub fn dev_accounts() -> Result<Vec<PrivateKeySigner>, DevChainError> {
    DEV_KEYS
        .iter()
        .enumerate()
        .map(|(index, key)| {
            PrivateKeySigner::from_bytes(key).map_err(|_| DevChainError::DevelopmentKey { index })
        })
        .collect()
}

/// The rules that the EVM follows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Hardfork {
    /// Prague (May 2025): EIP-7702 accounts, dearer calldata (EIP-7623).
    Prague,
    /// Osaka (December 2025): as Prague, and a transaction may use at most 2^24 gas (EIP-7825).
    #[default]
    Osaka,
}

impl Hardfork {
    pub(crate) fn spec(self) -> SpecId {
        match self {
            Self::Prague => SpecId::PRAGUE,
            Self::Osaka => SpecId::OSAKA,
        }
    }
}

/// When blocks are made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mining {
    /// Each transaction is in a block before its sender has the answer.
    #[default]
    OnDemand,
    /// A block each time this long has passed, empty or not.
    Interval(Duration),
    /// Only when asked: [`DevChain::mine`](crate::DevChain::mine), `evm_mine`.
    Manual,
}

/// Where the chain takes the time from, in unix seconds.
#[derive(Clone, Default)]
pub enum WallClock {
    /// The machine's clock.
    #[default]
    System,
    /// A number that only its owner moves, for simulations.
    Simulated(Arc<AtomicU64>),
}

impl WallClock {
    pub(crate) fn now_seconds(&self) -> u64 {
        match self {
            Self::System => {
                SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
            }
            Self::Simulated(seconds) => seconds.load(Ordering::SeqCst),
        }
    }
}

impl fmt::Debug for WallClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::System => f.write_str("System"),
            Self::Simulated(seconds) => write!(f, "Simulated({})", seconds.load(Ordering::SeqCst)),
        }
    }
}

/// What a chain is made of. `DevChainConfig::default()` is a fresh chain in memory that
/// mines on demand.
#[derive(Clone, Debug)]
pub struct DevChainConfig {
    /// The chain id. A data directory remembers its own, and does not open under another.
    pub chain_id: u64,
    /// The EVM's rules.
    pub hardfork: Hardfork,
    /// When blocks are made.
    pub mining: Mining,
    /// The gas that a block may use; the base fee aims at half of it (EIP-1559).
    pub block_gas_limit: u64,
    /// The base fee of genesis, in wei a gas. Each block's follows from its parent's (EIP-1559).
    pub base_fee_genesis: u64,
    /// Receives the tips.
    pub coinbase: Address,
    /// How many of the ten [`dev_accounts`] are prefunded and signed for.
    pub dev_accounts: usize,
    /// Further balances at genesis, in wei.
    pub balances: Vec<(Address, U256)>,
    /// The largest transaction taken, in bytes of its EIP-2718 encoding. Geth's pool, and so most
    /// public chains, take 128 KiB.
    pub transaction_bytes_max: usize,
    /// The most logs that one query returns, as public providers have it; more is an error.
    pub logs_max: usize,
    /// Where the chain is kept and found again. In memory only when absent. Genesis settings
    /// (balances, base fee) matter only when the directory is new.
    pub data_dir: Option<PathBuf>,
    /// The clock.
    pub clock: WallClock,
}

impl Default for DevChainConfig {
    fn default() -> Self {
        Self {
            chain_id: 31_337,
            hardfork: Hardfork::default(),
            mining: Mining::default(),
            block_gas_limit: 60_000_000,
            base_fee_genesis: 1_000_000_000,
            coinbase: Address::ZERO,
            dev_accounts: DEV_KEYS.len(),
            balances: Vec::new(),
            transaction_bytes_max: 128 * 1024,
            logs_max: 10_000,
            data_dir: None,
            clock: WallClock::default(),
        }
    }
}

impl DevChainConfig {
    /// The accounts that the chain signs for.
    pub(crate) fn signers(&self) -> Result<Vec<PrivateKeySigner>, DevChainError> {
        let mut signers = dev_accounts()?;
        signers.truncate(self.dev_accounts);
        Ok(signers)
    }

    /// Who has what at genesis, in wei.
    pub(crate) fn allocation(
        &self,
        signers: &[PrivateKeySigner],
    ) -> impl Iterator<Item = (Address, U256)> {
        let dev_balance = U256::from(DEV_BALANCE_ETHER) * Unit::ETHER.wei();
        let dev = signers.iter().map(move |signer| (signer.address(), dev_balance));
        dev.chain(self.balances.iter().copied())
    }
}
