//! The sections of the settings file and all that can be set. Printed by `aep2 serve --print-config`,
//! explained in `docs/operating.md`.
//!
//! Units are in the names: `_s` seconds, `_ms` milliseconds, `_gwei` billionths of an ether. `_max` and
//! `_min` are still allowed.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
};

use aep2_circuits::Shape;
use aep2_mandate::{units::Ceiling, wire::Strict};

use super::{
    section::section,
    value::{LogFormat, LogLevel, Rpc, ShapeName, TokenSetting},
};

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

section! {
    /// Where everything is kept that must outlive the process.
    pub struct DataSettings {
        /// The directory: the ledger, development keys, and the embedded chain with its key and deployment.
        pub directory: PathBuf = "aep2-data".into();
    }
}

section! {
    /// The chain that is settled on.
    pub struct ChainSettings {
        /// "embedded" for a chain in this process, kept in the data directory, where the contracts and a
        /// test token are deployed at the first start; or a node's address, http:// or https://.
        pub rpc: Rpc = Rpc::Embedded;
        /// The file that says where the contracts are, as `aep2 deploy` writes it. With a node only.
        pub deployment: Option<PathBuf> = None => "\"aep2-deployment.json\"";
        /// How many blocks must be on top of a block before what it says counts.
        /// Without this, 0 on the embedded chain and 12 with a node.
        pub confirmations: Option<u64> = None => "12";
        /// How often the chain is looked at for new blocks. Without this, 200 on the embedded chain and
        /// 2000 with a node.
        pub poll_interval_ms: Option<u64> = None => "2000";
        /// How long one answer of the node may take.
        pub answer_within_s: u64 = 30;
        /// The most that is paid for gas, the base fee included.
        pub fee_cap_gwei: u64 = 200;
        /// The embedded chain: where it is served as JSON-RPC. Port 0 takes any free one.
        pub embedded_listen: SocketAddr = SocketAddr::new(LOOPBACK, 8545);
        /// The embedded chain: how often there is a block, besides those for transactions, which are
        /// mined at once.
        pub embedded_block_time_ms: u64 = 1_000;
        /// The embedded chain, at its first start: how long payers wait for their money and for changes.
        /// More than the longest promise, the demand period, the response window and the age of a view
        /// together.
        pub embedded_withdrawal_delay_s: u64 = 259_200;
        /// The embedded chain, at its first start: how long the processor waits for its bond.
        /// More than the longest promise, the demand period and twice the response window.
        pub embedded_unbonding_delay_s: u64 = 604_800;
        /// The embedded chain, at its first start: how long after its issue at most a receipt may promise
        /// settlement.
        pub embedded_promise_max_s: u64 = 43_200;
        /// The embedded chain, at its first start: how long after that a payee may demand what was promised.
        pub embedded_demand_period_s: u64 = 43_200;
        /// The embedded chain, at its first start: how long a demand can be answered before the bond pays.
        pub embedded_response_window_s: u64 = 86_400;
        /// The embedded chain, at its first start: how old a view of the chain may be on which a processor
        /// still accepts.
        pub embedded_view_age_s: u64 = 600;
        /// The embedded chain, at its first start: how long the wallet remembers what a batch captured. More
        /// than the longest promise, the demand period and the response window.
        pub embedded_evidence_kept_s: u64 = 259_200;
    }
}

section! {
    /// The Ethereum key that signs receipts and sends transactions: the accounts' processor. Never in
    /// this file. Without a file here, AEP2_KEY_FILE names one, or AEP2_PRIVATE_KEY holds the key; the
    /// embedded chain makes its own.
    pub struct KeySettings {
        /// A file with 64 hexadecimal digits, or an encrypted keystore (V3 JSON).
        pub file: Option<PathBuf> = None => "\"processor.key\"";
        /// A file with the keystore's password; else AEP2_KEY_PASSWORD holds it.
        pub password_file: Option<PathBuf> = None => "\"processor.password\"";
    }
}

section! {
    /// x402's scheme `exact` beside `aep2`: transfers that payers sign (EIP-3009), sent at once. It pays for
    /// gas with a key of its own.
    pub struct ExactSettings {
        /// Whether it is there.
        pub enabled: bool = false;
        /// A file with the key, as in the section `key`. The embedded chain makes its own.
        pub key_file: Option<PathBuf> = None => "\"exact.key\"";
        /// A file with the keystore's password.
        pub password_file: Option<PathBuf> = None => "\"exact.password\"";
        /// The most gas that one transfer may take. Wallets that are contracts take more than keys do.
        pub gas_max: u64 = 500_000;
    }
}

section! {
    /// Who is served: providers that are asked about payers, payees and agents, and officers who decide.
    /// Off without settings of its own.
    pub struct ComplianceSection {
        /// The file with them; `aep2 compliance init` makes one.
        pub settings: Option<PathBuf> = None => "\"compliance.toml\"";
    }
}

section! {
    /// The HTTP interface.
    pub struct HttpSettings {
        /// Where it listens. Port 0 takes any free one.
        pub listen: SocketAddr = SocketAddr::new(LOOPBACK, 8402);
        /// Lets it listen on an address that other machines reach. It speaks plain HTTP and knows no
        /// passwords: put a proxy with TLS in front of it.
        pub allow_remote: bool = false;
        /// Lets web pages of any origin call it (CORS).
        pub any_origin: bool = true;
        /// How long requests in flight may take to end when the server is stopped.
        pub stop_within_s: u64 = 20;
        /// How many threads serve requests. 0: as many as there are cores.
        pub threads: usize = 0;
    }
}

section! {
    /// What is accepted.
    pub struct AcceptanceSettings {
        /// By when after its acceptance a mandate is settled: the promise of its receipt. Mandates
        /// whose deadline is nearer are refused.
        pub settle_within_s: u64 = 600;
        /// The tokens that are accepted, and the least that a mandate in each must allow, in base units.
        /// The deployment's own token is accepted besides, from `own_token_amount_min` on.
        pub tokens: Vec<TokenSetting> = Vec::new();
        /// The least that a mandate in the deployment's own token must allow, in base units.
        pub own_token_amount_min: Strict<Ceiling> = Strict(Ceiling::MIN);
        /// Accepts a mandate only if it is expected to be settled in time, by what waits already and by how
        /// fast that is proved and settled. Without this, a burst is accepted and its promises are broken.
        pub within_capacity: bool = true;
        /// How many nonce words an account's live mandates of one token may touch: each costs a slot
        /// of storage on the chain.
        pub nonce_words_max: usize = 64;
        /// A promise must be due this long before a change of its account that was asked for.
        pub change_margin_s: u64 = 120;
        /// Nothing is accepted when the last block that was read is older than this.
        pub view_age_s_max: u64 = 600;
        /// How many mandates may wait for their signatures to be checked; more are turned away.
        pub waiting_max: usize = 4_096;
        /// How many signatures are checked together at most.
        pub together_max: usize = 64;
    }
}

section! {
    /// Disputes: mandates whose payee's terms agree to it are held until nobody can dispute them any more, or an
    /// arbiter has ruled.
    pub struct DisputeSettings {
        /// The longest time to dispute and to decide together. As much as the wallet's longest promise leaves,
        /// where that is less. At 0, no such mandate is accepted.
        pub seconds_max: u64 = 86_400;
        /// How many mandates that can be disputed may wait to be settled. They come due at times that others
        /// have chosen: no more than this machine settles within `acceptance.settle_within_s`.
        pub held_max: usize = 10_000;
        /// How many of them one account may have.
        pub held_by_account_max: usize = 500;
        /// A file with the key that evidence is sealed by, as `aep2 issuer init` makes one. Without this, one is
        /// made in the data directory, where whoever copies the directory has both.
        pub evidence_key_file: Option<PathBuf> = None => "\"evidence.key\"";
        /// The most bytes of evidence that are kept, of all disputes together. Whoever signs evidence has a
        /// sixteenth of it.
        pub evidence_bytes_max: u64 = 4 << 30;
        /// How long a dispute's evidence is kept, after its last piece came. Once the dispute had to be
        /// decided, it gives way earlier where there is no room.
        pub evidence_kept_s: u64 = 31_536_000;
    }
}

section! {
    /// When mandates are settled, and how many together.
    pub struct WindowSettings {
        /// The shapes of segments, by which proofs are made; there must be a key for each. The embedded
        /// chain makes development keys for them at its first start.
        pub shapes: Vec<ShapeName> = default_shapes();
        /// The folder of proving keys. Without this, the one in the data directory.
        pub keys: Option<PathBuf> = None => "\"aep2-keys\"";
        /// How long a mandate waits for others to be settled with.
        pub age_s_max: u64 = 120;
        /// How long a payee has to capture less than the mandate allows.
        pub capture_within_s: u64 = 30;
        /// How long before it is due a mandate must be in a transaction.
        pub due_margin_s: u64 = 240;
        /// How many segments a batch may have: proofs of its own each, settled by one transaction. More
        /// make a mandate cheaper, and a full batch take longer to prove. At most 64.
        pub segments_max: usize = 8;
        /// How many batches may be on their way at once.
        pub in_flight_max: usize = 4;
        /// How often it is looked whether a window is full or old enough.
        pub poll_interval_ms: u64 = 250;
    }
}

section! {
    /// What requests may be, before anything is read of them.
    pub struct LimitSettings {
        /// The body of a request about one mandate, in bytes.
        pub mandate_bytes_max: usize = 4_096;
        /// The body of a request about many, in bytes.
        pub batch_bytes_max: usize = 1 << 20;
        /// How many mandates one request may bring.
        pub batch_mandates_max: usize = 256;
        /// A request's head, in bytes; at least 8192.
        pub head_bytes_max: usize = 16_384;
        /// How long a request's head may take to arrive, and how long a connection may idle.
        pub head_within_s: u64 = 30;
        /// How long a request's body may take to arrive.
        pub body_within_s: u64 = 10;
        /// How long an answer may take.
        pub answer_within_s: u64 = 30;
        /// How many connections may be open. More wait.
        pub connections_max: usize = 4_096;
        /// How many requests may be answered at once. More are turned away.
        pub requests_max: usize = 8_192;
        /// How many may be subscribed to events.
        pub event_subscribers_max: usize = 256;
        /// How many events are kept for subscribers that fall behind or reconnect.
        pub events_kept: usize = 4_096;
        /// How many batches one page lists.
        pub page_max: usize = 100;
    }
}

section! {
    /// Prometheus metrics.
    pub struct MetricsSettings {
        /// Whether they are kept at /metrics.
        pub enabled: bool = true;
        /// Where they are served instead of on the HTTP interface.
        pub listen: Option<SocketAddr> = None => "\"127.0.0.1:9402\"";
    }
}

section! {
    /// What is written to standard error.
    pub struct LogSettings {
        /// "text" for people, "json" for machines.
        pub format: LogFormat = LogFormat::Text;
        /// "error", "warn", "info", "debug" (every request) or "trace".
        pub level: LogLevel = LogLevel::Info;
    }
}

/// Small ones, whose development keys are made in seconds.
fn default_shapes() -> Vec<ShapeName> {
    let shapes = [Shape::new(4, 4, true), Shape::new(16, 16, true)];
    shapes.into_iter().flatten().map(ShapeName).collect()
}
