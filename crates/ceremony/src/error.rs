//! What can be wrong with a ceremony's files.

use std::{
    fmt, io,
    path::{Path, PathBuf},
};

use alloy_primitives::B512;

/// Why a ceremony's file cannot be made, or is not accepted.
#[derive(Debug, thiserror::Error)]
pub enum CeremonyError {
    /// A file cannot be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is of another kind.
    #[error("{} is not a {expected} file", path.display())]
    OtherFormat {
        /// The file.
        path: PathBuf,
        /// The kind that it should have.
        expected: &'static str,
    },
    /// The file's layout is wrong.
    #[error("{} is damaged: {reason}; get it again", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        reason: &'static str,
    },
    /// The file of powers of τ is another one than was asked for.
    #[error("{} is another file of powers of τ: its BLAKE2b hash is {found}, not {expected}", path.display())]
    OtherPowers {
        /// The file.
        path: PathBuf,
        /// The hash that was asked for.
        expected: Box<B512>,
        /// The file's.
        found: Box<B512>,
    },
    /// Somebody wrote to the file after it was opened.
    #[error(
        "{} was changed while it was being read: keep it where nobody else writes, and begin again",
        path.display()
    )]
    ChangedMeanwhile {
        /// The file.
        path: PathBuf,
    },
    /// The file is longer than any honest one.
    #[error("{} is longer than {bytes_max} bytes, and no {what} is", path.display())]
    TooLong {
        /// The file.
        path: PathBuf,
        /// What it should be.
        what: &'static str,
        /// How long such a file may be.
        bytes_max: u64,
    },
    /// The text is not what it should be.
    #[error("{} is no {what}: {reason}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What it should be.
        what: &'static str,
        /// What does not fit.
        reason: String,
    },
    /// The file is for another curve or another proof system.
    #[error("{} is not for Groth16 over BN254 (snarkjs: bn128)", path.display())]
    OtherCurve {
        /// The file.
        path: PathBuf,
    },
    /// A point is off its curve, outside its group, or badly written.
    #[error("{}: section {section} has a point that is in no group", path.display())]
    NotAPoint {
        /// The file.
        path: PathBuf,
        /// The section.
        section: &'static str,
    },
    /// The circuit has too many constraints for the field.
    #[error(
        "the circuit has {constraints} constraints, too many for the field; choose a smaller shape"
    )]
    TooLarge {
        /// Constraints of the circuit.
        constraints: usize,
    },
    /// There are too few powers of τ.
    #[error(
        "{} has 2^{found} powers of τ, the circuit needs 2^{needed}: one size more than its domain; \
         take a larger file",
        path.display()
    )]
    TooFewPowers {
        /// The file.
        path: PathBuf,
        /// The size that is needed, as a power of two.
        needed: u32,
        /// The file's.
        found: u32,
    },
    /// The points for phase 2 are missing.
    #[error(
        "{} is not prepared for phase 2; run `snarkjs powersoftau prepare phase2` on it, or take one \
         whose name has `final` in it",
        path.display()
    )]
    NotPrepared {
        /// The file.
        path: PathBuf,
    },
    /// A section does not hold what its place says, the powers of one τ.
    #[error("{}: section {section} does not hold the powers of τ that it should", path.display())]
    NotPowers {
        /// The file.
        path: PathBuf,
        /// The section.
        section: &'static str,
    },
    /// A secret has a value that anybody knows.
    #[error("{}: {secret} is a number that anybody knows: nobody contributed to it", path.display())]
    Known {
        /// The file.
        path: PathBuf,
        /// The secret.
        secret: &'static str,
    },
    /// The file belongs to another circuit.
    #[error("{} is for another circuit: {what} differs", path.display())]
    OtherCircuit {
        /// The file.
        path: PathBuf,
        /// What is different.
        what: &'static str,
    },
    /// A section does not hold the points that the circuit and the powers of τ give.
    #[error("{}: section {section} does not follow from the circuit and the powers of τ", path.display())]
    OtherPoints {
        /// The file.
        path: PathBuf,
        /// The section.
        section: &'static str,
    },
    /// A file that should be a ceremony's beginning has contributions, or δ is not one.
    #[error("{} is not a ceremony's beginning: it has contributions", path.display())]
    NotTheBeginning {
        /// The file.
        path: PathBuf,
    },
    /// The circuit hash is not that of the beginning.
    #[error("{} is of another ceremony: its circuit hash differs", path.display())]
    OtherCeremony {
        /// The file.
        path: PathBuf,
    },
    /// A section that no contribution changes was changed.
    #[error("{}: section {section} is not that of the ceremony's beginning", path.display())]
    Changed {
        /// The file.
        path: PathBuf,
        /// The section.
        section: &'static str,
    },
    /// A section was not divided by the contributions' secrets, or not all of it.
    #[error("{}: section {section} does not have the δ that the contributions give", path.display())]
    OtherDelta {
        /// The file.
        path: PathBuf,
        /// The section.
        section: &'static str,
    },
    /// A contribution is not what it should be.
    #[error("{}: contribution {number} {defect}", path.display())]
    Contribution {
        /// The file.
        path: PathBuf,
        /// Which one, from 1.
        number: usize,
        /// What is wrong with it.
        defect: Defect,
    },
    /// Contributions that were there before are missing or others.
    #[error("{} does not continue {}: contribution {number} is not the same", path.display(), before.display())]
    DoesNotContinue {
        /// The later file.
        path: PathBuf,
        /// The earlier file.
        before: PathBuf,
        /// The first one that differs, from 1.
        number: usize,
    },
    /// The plan is for something else.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The first contribution is not that of the plan.
    #[error(
        "{} does not begin with this plan: the plan was changed after the ceremony began, or this is \
         another ceremony",
        path.display()
    )]
    OtherPlan {
        /// The file.
        path: PathBuf,
    },
    /// The plan is not bound into the file yet.
    #[error(
        "{} has no plan in it yet: contribute to the state after it, 0000.zkey",
        path.display()
    )]
    NotAnnounced {
        /// The file.
        path: PathBuf,
    },
    /// The ceremony is over.
    #[error("{} ends with the beacon: nothing is added after it", path.display())]
    Closed {
        /// The file.
        path: PathBuf,
    },
    /// The ceremony cannot be finished yet.
    #[error("{} cannot be finished: {reason}", path.display())]
    Unfinished {
        /// The file.
        path: PathBuf,
        /// What is missing.
        reason: &'static str,
    },
    /// The beacon is not the one that was named in advance.
    #[error("the beacon {0}")]
    Beacon(#[from] BeaconError),
    /// A name is too long or unfit.
    #[error("a contributor's name has 1 to 64 bytes without line ends, not {0:?}")]
    Name(String),
    /// The person's entropy is missing.
    #[error("type something that nobody can guess: at least {0} characters")]
    Entropy(usize),
}

/// Why a plan is not for what it is used with.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// The plan has another form.
    #[error("the plan has format {found}, this program reads format {expected}")]
    Format {
        /// This program's.
        expected: u32,
        /// The plan's.
        found: u32,
    },
    /// The plan is for something else.
    #[error("the plan is for another {0}")]
    Other(&'static str),
    /// The beacon cannot be one.
    #[error("the plan's beacon {0}")]
    Beacon(#[from] BeaconError),
}

/// What is wrong with a contribution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Defect {
    /// What it says it came from is not what is before it.
    OtherBefore,
    /// It has no proof that its contributor knew the secret.
    NoKnowledge,
    /// δ after it is not δ before it times its secret.
    DoesNotFollow,
    /// Its secret is zero or one: δ was not changed.
    ChangesNothing,
    /// It says that it is the beacon's, but does not come from the beacon's value.
    NotFromBeacon,
    /// It comes after the beacon.
    AfterBeacon,
}

impl fmt::Display for Defect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OtherBefore => "was not made from what comes before it",
            Self::NoKnowledge => "does not prove that its contributor knew its secret",
            Self::DoesNotFollow => "did not multiply δ by its secret",
            Self::ChangesNothing => "changes nothing: its secret is zero or one",
            Self::NotFromBeacon => "is not what the beacon's value gives",
            Self::AfterBeacon => "comes after the beacon, which must be the last",
        })
    }
}

/// Why a beacon is not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BeaconError {
    /// Its value cannot be known yet.
    #[error("{source_name} is known from {not_before} on (seconds since 1970), and it is {now}")]
    TooEarly {
        /// What the plan names.
        source_name: String,
        /// When it is known, in seconds since 1970.
        not_before: u64,
        /// The time now, in seconds since 1970.
        now: u64,
    },
    /// It was hashed another number of times.
    #[error("is hashed 2^{found} times, and the plan says 2^{expected}")]
    Iterations {
        /// The plan's exponent.
        expected: u8,
        /// The beacon's.
        found: u8,
    },
    /// Its value has the wrong length.
    #[error("has {0} bytes; a drand round's randomness and a block's hash have 32")]
    Length(usize),
    /// The exponent is out of range.
    #[error("is hashed 2^n times with n from 10 to 32, not {0}")]
    Exponent(u8),
}

impl CeremonyError {
    pub(crate) fn damaged(path: &Path, reason: &'static str) -> Self {
        Self::Damaged { path: path.to_owned(), reason }
    }

    pub(crate) fn other_circuit(path: &Path, what: &'static str) -> Self {
        Self::OtherCircuit { path: path.to_owned(), what }
    }
}
