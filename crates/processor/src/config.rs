//! What an operator sets. The defaults suit a public chain with blocks of some seconds.

use aep2_chain::{deployment::Deployment, follower::FollowerConfig, sender::SenderConfig};
use aep2_circuits::Shape;
use aep2_mandate::units::Ceiling;
use aep2_prover::arrange::SEGMENTS_MAX;
use alloy::primitives::Address;
use thiserror::Error;

/// How a processor accepts, settles, and talks to its chain.
#[derive(Clone, Debug)]
pub struct ProcessorConfig {
    /// What is accepted, and what for.
    pub acceptance: AcceptanceConfig,
    /// When windows close.
    pub windows: WindowConfig,
    /// What is agreed to of disputes.
    pub disputes: DisputeConfig,
    /// How the ledger is kept.
    pub ledger: LedgerSettings,
    /// How the wallet is followed.
    pub follower: FollowerConfig,
    /// How transactions are sent.
    pub sender: SenderConfig,
}

/// What is accepted.
#[derive(Clone, Debug)]
pub struct AcceptanceConfig {
    /// By when after its acceptance a mandate is settled, in seconds: a receipt's `settleBy`.
    pub settle_within_s: u64,
    /// The tokens that are accepted, and the least that a mandate in each must allow. A mandate in
    /// any other token is refused.
    pub tokens: Vec<(Address, Ceiling)>,
    /// Whether a mandate is accepted only if it is expected to be settled in time, by what waits already and
    /// by how fast that is proved and settled. Without it, a burst is accepted and its promises are broken:
    /// for measuring acceptance alone.
    pub within_capacity: bool,
    /// How many nonce words the live mandates of one account and token may touch: each costs a
    /// storage slot on chain.
    pub nonce_words_max: usize,
    /// How many mandates may wait for their signatures' check before new ones are turned away.
    pub waiting_max: usize,
    /// How many signatures are checked together at most.
    pub together_max: usize,
}

/// What is agreed to of disputes. Mandates that can be disputed are held, and whatever is held waits to be
/// settled at a time that others have chosen: so there is a most for each account, and in all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DisputeConfig {
    /// The longest time to dispute and to decide together, in seconds; as much as the wallet's longest promise
    /// allows, where that is less. At 0, no terms with disputes are served.
    pub seconds_max: u64,
    /// How many mandates that can be disputed may live at once.
    pub held_max: usize,
    /// How many of them one account may have.
    pub held_by_account_max: usize,
}

impl Default for DisputeConfig {
    /// A day, 10,000 in all, and 500 of each account.
    fn default() -> Self {
        Self { seconds_max: 86_400, held_max: 10_000, held_by_account_max: 500 }
    }
}

/// What can be agreed to of disputes, at this wallet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DisputeTerms {
    /// The longest time to dispute and to decide together, in seconds.
    pub(crate) seconds_max: u64,
}

/// When a window closes, and what it may hold. It closes when it is full, when its oldest mandate
/// has waited long enough, or when one of its promises is due soon; whatever comes first.
#[derive(Clone, Debug)]
pub struct WindowConfig {
    /// The shapes that there are keys for. The one that wastes least is taken.
    pub shapes: Vec<Shape>,
    /// How long a mandate waits for others, in seconds.
    pub age_s_max: u64,
    /// How long a payee has to capture, from the acceptance on, in seconds. A mandate is not sealed
    /// before, unless it is captured, or due.
    pub capture_within_s: u64,
    /// How long before its `settleBy` a mandate must be in a transaction: time to prove, to be mined,
    /// and for clocks to differ. In seconds. Later than that, it is settled alone, since a
    /// guarantee that is claimed on it would revert a whole batch.
    pub due_margin_s: u64,
    /// How many segments a window may have, each with a proof of its own, all settled by one
    /// transaction. More make a mandate cheaper; a window takes longer to prove.
    pub segments_max: usize,
    /// How many batches may be on their way at once.
    pub in_flight_max: usize,
    /// How often it is checked whether a window closes, in milliseconds.
    pub poll_interval_ms: u64,
}

/// How the ledger is kept. How many blocks can be undone is the follower's `depth_max`.
#[derive(Clone, Debug)]
pub struct LedgerSettings {
    /// Nothing is accepted when the last block applied is older than this, in seconds: requests for
    /// money or for other terms may have come since.
    pub view_age_s_max: u64,
    /// How long before a pending change may be in force a mandate must be settled, in seconds.
    pub change_margin_s: u64,
    /// How many requests may wait for the disk before new ones are turned away.
    pub waiting_max: usize,
    /// How many requests share one sync at most.
    pub group_max: usize,
}

/// Why settings cannot be served by.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ConfigError {
    /// Nothing could be accepted.
    #[error("no token is accepted: name at least one in acceptance.tokens")]
    NoToken,
    /// A token's least amount is not clear.
    #[error("the token {0} is named twice in acceptance.tokens")]
    TokenTwice(Address),
    /// Nothing could be proved.
    #[error("no shape is named in windows.shapes")]
    NoShape,
    /// The wallet could not check a shape's proofs.
    #[error("the deployment has no verifier for shape {0} of windows.shapes")]
    ShapeNotDeployed(Shape),
    /// A number is 0 that must not be.
    #[error("{0} must be at least 1")]
    Zero(&'static str),
    /// More than a transaction's gas holds.
    #[error(
        "windows.segments_max is {segments_max}: a transaction holds at most {SEGMENTS_MAX} segments"
    )]
    TooManySegments {
        /// What is set.
        segments_max: usize,
    },
    /// Every mandate would be due at once.
    #[error(
        "acceptance.settle_within_s is {settle_within_s}, which leaves no time: it must be more than \
         windows.age_s_max and windows.due_margin_s together, {needed_s}"
    )]
    SettleWithinTooShort {
        /// What is set, in seconds.
        settle_within_s: u64,
        /// What it must exceed, in seconds.
        needed_s: u64,
    },
    /// A payer could take money out that was promised.
    #[error(
        "the wallet lets money out {delay_s} seconds after it was asked for, and a mandate may take \
         {needed_s}: lower acceptance.settle_within_s, ledger.view_age_s_max or ledger.change_margin_s, \
         whose sum this is"
    )]
    DelayTooShort {
        /// The wallet's delay, in seconds.
        delay_s: u64,
        /// What must be below it, in seconds.
        needed_s: u64,
    },
    /// No receipt could be demanded.
    #[error(
        "acceptance.settle_within_s is {settle_within_s}, and the wallet's guarantee knows no promise \
         of more than {promise_s} seconds: set at most that"
    )]
    PromiseTooLong {
        /// What is set, in seconds.
        settle_within_s: u64,
        /// The longest promise, in seconds.
        promise_s: u64,
    },
    /// No demand could be answered in time.
    #[error(
        "a demand of this wallet can be answered for {response_s} seconds, and windows.due_margin_s is \
         {due_margin_s}: it takes as long to settle, so it must be less than half of that"
    )]
    ResponseTooShort {
        /// The wallet's response window, in seconds.
        response_s: u64,
        /// What is set, in seconds.
        due_margin_s: u64,
    },
    /// Payees could not claim before money that was promised is out.
    #[error(
        "ledger.view_age_s_max is {view_age_s_max}, and the wallet reserves {view_age_s} seconds for \
         views of the chain that are old: set at most that"
    )]
    ViewTooOld {
        /// What is set, in seconds.
        view_age_s_max: u64,
        /// What the wallet reserves, in seconds.
        view_age_s: u64,
    },
}

impl ProcessorConfig {
    /// Defaults for the rest.
    pub fn new(follower: FollowerConfig, sender: SenderConfig) -> Self {
        Self {
            acceptance: AcceptanceConfig::default(),
            windows: WindowConfig::default(),
            disputes: DisputeConfig::default(),
            ledger: LedgerSettings::default(),
            follower,
            sender,
        }
    }

    /// What can be agreed to of disputes at this wallet: a mandate that is disputed must settle within the
    /// longest promise, and before money that was asked for leaves.
    pub(crate) fn dispute_terms(&self, deployment: &Deployment) -> DisputeTerms {
        let periods = &deployment.wallet.periods;
        let LedgerSettings { view_age_s_max, change_margin_s, .. } = self.ledger;
        let before_withdrawals_s = periods
            .withdrawal_seconds
            .saturating_sub(view_age_s_max.saturating_add(change_margin_s).saturating_add(1));
        let promise_s = periods.promise_seconds.min(before_withdrawals_s);
        let longer_s = promise_s.saturating_sub(self.acceptance.settle_within_s);
        // As `Disputes::longer_s` has it, rounded down.
        DisputeTerms { seconds_max: self.disputes.seconds_max.min(longer_s.saturating_mul(3) / 4) }
    }

    /// Checks the settings, by themselves and against the wallet.
    ///
    /// # Errors
    /// The first that cannot be served by.
    pub fn check(&self, deployment: &Deployment) -> Result<(), ConfigError> {
        let Self { acceptance, windows, ledger, .. } = self;
        let mut tokens: Vec<Address> = acceptance.tokens.iter().map(|(token, _)| *token).collect();
        tokens.sort_unstable();
        if tokens.is_empty() {
            return Err(ConfigError::NoToken);
        }
        if let Some(pair) = tokens.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(ConfigError::TokenTwice(pair[0]));
        }
        if windows.shapes.is_empty() {
            return Err(ConfigError::NoShape);
        }
        let deployed = |shape: &Shape| deployment.verifiers.iter().any(|own| own.shape == *shape);
        if let Some(shape) = windows.shapes.iter().find(|shape| !deployed(shape)) {
            return Err(ConfigError::ShapeNotDeployed(*shape));
        }
        for (name, value) in [
            ("acceptance.nonce_words_max", acceptance.nonce_words_max),
            ("acceptance.waiting_max", acceptance.waiting_max),
            ("acceptance.together_max", acceptance.together_max),
            ("windows.segments_max", windows.segments_max),
            ("windows.in_flight_max", windows.in_flight_max),
            ("ledger.waiting_max", ledger.waiting_max),
            ("ledger.group_max", ledger.group_max),
        ] {
            if value == 0 {
                return Err(ConfigError::Zero(name));
            }
        }
        if windows.segments_max > SEGMENTS_MAX {
            return Err(ConfigError::TooManySegments { segments_max: windows.segments_max });
        }
        let settle_within_s = acceptance.settle_within_s;
        let needed_s = windows.age_s_max.saturating_add(windows.due_margin_s);
        if settle_within_s <= needed_s {
            return Err(ConfigError::SettleWithinTooShort { settle_within_s, needed_s });
        }
        let needed_s = settle_within_s
            .saturating_add(ledger.view_age_s_max)
            .saturating_add(ledger.change_margin_s);
        let periods = &deployment.wallet.periods;
        let delay_s = periods.withdrawal_seconds;
        if delay_s <= needed_s {
            return Err(ConfigError::DelayTooShort { delay_s, needed_s });
        }
        let promise_s = periods.promise_seconds;
        if settle_within_s > promise_s {
            return Err(ConfigError::PromiseTooLong { settle_within_s, promise_s });
        }
        let (response_s, due_margin_s) = (periods.response_seconds, windows.due_margin_s);
        if response_s / 2 <= due_margin_s {
            return Err(ConfigError::ResponseTooShort { response_s, due_margin_s });
        }
        let (view_age_s_max, view_age_s) = (ledger.view_age_s_max, periods.view_age_seconds);
        if view_age_s_max > view_age_s {
            return Err(ConfigError::ViewTooOld { view_age_s_max, view_age_s });
        }
        Ok(())
    }
}

impl Default for LedgerSettings {
    /// The view may be 10 minutes old; 2 minutes before a change.
    fn default() -> Self {
        Self { view_age_s_max: 600, change_margin_s: 120, waiting_max: 8_192, group_max: 1_024 }
    }
}

impl Default for AcceptanceConfig {
    /// Settled within 10 minutes; no token yet.
    fn default() -> Self {
        Self {
            settle_within_s: 600,
            tokens: Vec::new(),
            within_capacity: true,
            nonce_words_max: 64,
            waiting_max: 4_096,
            together_max: 64,
        }
    }
}

impl Default for WindowConfig {
    /// Windows of at most 2 minutes; 30 seconds to capture.
    fn default() -> Self {
        Self {
            shapes: Vec::new(),
            age_s_max: 120,
            capture_within_s: 30,
            due_margin_s: 240,
            segments_max: 8,
            in_flight_max: 4,
            poll_interval_ms: 250,
        }
    }
}
