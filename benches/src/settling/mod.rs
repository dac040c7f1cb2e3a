//! What settling costs on chain, in gas: on the embedded chain, with real proofs.
//!
//! Everything is measured in the steady state. Accounts have settled before under the same nonce
//! words, payees hold the token already: what a batch then writes is not zero, as it is for a
//! processor that runs day after day. What a fresh word and a fresh payee cost more is measured apart.
//!
//! The parts of a batch's gas come from differences. Batches of one shape with 1 debit and 1 payout,
//! with many debits, and with many payouts say what one more of each costs, and what is left is fixed.

mod stage;
mod watch;

use std::{collections::BTreeSet, path::Path};

use aep2_circuits::Shape;
use aep2_prover::arrange::SEGMENTS_MAX;
use anyhow::{Context, ensure};
use serde::Serialize;

use self::stage::{Payment, Settled, Stage};
pub use self::watch::Watch;
use crate::machine::Machine;

/// The shape of the small batches that differ in one thing.
const PARTS: Shape = Shape::SINGLES_SMALL;

/// How many accounts the worst case has, each with one mandate: more than a named shape has lanes. With
/// few, the fixed part is what is seen.
const WORST_ACCOUNTS: u32 = 256;

/// How many payees the worst case has: few, so that debits are what is seen.
const WORST_PAYEES: usize = 4;

/// The most slots of a shape that is made for a batch.
const SLOTS_MAX: usize = 16;

/// The most direct mandates in one transaction: about 107 KB of calldata, where nodes take
/// 128 KiB.
const DIRECT_MANDATES_MAX: usize = 256;

/// Of how many further segments the mean is taken: how many bytes of a proof are 0 is chance.
const FURTHER_SEGMENTS: usize = 4;

/// Of how many payments to fresh payees the mean is taken.
const FRESH_PAYEES: usize = 4;

/// A nonce word that was not used before: far from those of the batch that is measured first.
const PARTS_WORD: u64 = 1 << 20;
const FRESH_WORD: u64 = 1 << 21;
const WORST_WORD: u64 = 1 << 22;

/// How large the batch is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Scale {
    /// Mandates.
    pub mandates: usize,
    /// Accounts that sign them, each about as many.
    pub accounts: usize,
    /// Payees that they pay, each about as often.
    pub payees: usize,
    /// Proofs, each of about as many mandates.
    pub segments: usize,
}

impl Scale {
    /// The batch that the gas targets speak of.
    pub const TARGET: Self = Self { mandates: 1_024, accounts: 64, payees: 32, segments: 1 };

    /// The same accounts and payees with sixteen times the mandates, in sixteen segments.
    pub const LARGE: Self = Self { mandates: 16_384, segments: 16, ..Self::TARGET };

    fn check(&self) -> anyhow::Result<()> {
        let Self { mandates, accounts, payees, segments } = *self;
        ensure!(
            accounts >= 1 && payees >= 1 && mandates >= accounts && mandates >= payees,
            "each account signs a mandate and each payee is paid one: {mandates} mandates are too \
             few for {accounts} accounts and {payees} payees, or one of these is 0"
        );
        ensure!(
            mandates <= 65_536,
            "{mandates} mandates are more than any window that is proved here"
        );
        ensure!(
            (1..=SEGMENTS_MAX).contains(&segments) && segments <= mandates,
            "a window has 1 to {SEGMENTS_MAX} segments, and no more than mandates: not {segments}"
        );
        Ok(())
    }

    /// How many mandates each account signs.
    fn of_each_account(&self) -> impl Iterator<Item = usize> {
        let (each, more) = (self.mandates / self.accounts, self.mandates % self.accounts);
        (0..self.accounts).map(move |account| each + usize::from(account < more))
    }

    /// How many lanes of so many slots it takes.
    fn lanes(&self, slots: usize) -> usize {
        self.of_each_account().map(|own| own.div_ceil(slots)).sum()
    }

    /// The smallest named shape whose segments hold the batch, or, where none does, one made for it.
    fn shape(&self) -> anyhow::Result<Shape> {
        let fits = |shape: &Shape| self.lanes(shape.slots()) <= self.segments * shape.lanes();
        if let Some(named) = Shape::NAMED.into_iter().find(fits) {
            return Ok(named);
        }
        let slots = self.mandates.div_ceil(self.accounts).min(SLOTS_MAX);
        let lanes = self.lanes(slots).div_ceil(self.segments);
        Ok(Shape::new(u32::try_from(lanes)?, u32::try_from(slots)?, false)?)
    }
}

/// What settling costs. All figures are gas.
#[derive(Clone, Debug, Serialize)]
pub struct Figures {
    /// Where it was measured. Gas is the same everywhere.
    pub machine: Machine,
    /// The rules of the chain.
    pub chain: &'static str,
    /// The shape that proved the batch.
    pub shape: String,
    /// How large it was.
    #[serde(flatten)]
    pub scale: Scale,
    /// How many segments proved it.
    #[serde(rename = "segments_proved")]
    pub segments: usize,
    /// Its debit entries, one for each account and nonce word.
    pub debits: usize,
    /// Its payout entries, one for each payee.
    pub payouts: usize,
    /// The bytes of its calldata.
    pub calldata_bytes: usize,
    /// The transaction that settled it.
    pub gas_total: u64,
    /// The same for each mandate.
    pub gas_per_mandate: f64,
    /// What a batch of one segment costs before its first debit and payout.
    pub gas_fixed: u64,
    /// The second segment.
    pub gas_second_segment: u64,
    /// One more segment after that.
    pub gas_per_segment: u64,
    /// One more debit, its nonce word the one that its account is at.
    pub gas_per_debit: u64,
    /// One more payout, to a payee that holds the token.
    pub gas_per_payout: u64,
    /// One more debit in a fresh nonce word, the one before left with holes.
    pub gas_per_debit_fresh_word: u64,
    /// One more payout to a payee without the token.
    pub gas_per_payout_fresh_payee: u64,
    /// Every mandate of another account.
    pub worst_case: WorstCase,
    /// The same payments by the direct path.
    pub one_at_a_time: OneAtATime,
    /// What others' software costs.
    pub published_mvp: PublishedMvp,
    /// What was aimed at.
    pub targets: Vec<Target>,
}

/// A batch in which every mandate is of another account.
#[derive(Clone, Debug, Serialize)]
pub struct WorstCase {
    /// The shape that proved it.
    pub shape: String,
    /// Mandates, and accounts.
    pub mandates: usize,
    /// Payees.
    pub payees: usize,
    /// The transaction.
    pub gas_total: u64,
    /// The same for each mandate.
    pub gas_per_mandate: f64,
}

/// The same payments, as mandates that owners' ordinary keys sign, through `settleDirect`.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct OneAtATime {
    /// A transaction for each mandate: the mean.
    pub gas_per_mandate: f64,
    /// The same to a payee without the token.
    pub gas_per_mandate_fresh_payee: f64,
    /// How many times a proven batch's gas for a mandate that is.
    pub times_a_batch: f64,
    /// Many in a transaction.
    pub batched: BatchedDirect,
}

/// `settleDirect` with many mandates in a transaction.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct BatchedDirect {
    /// The most in one transaction.
    pub mandates_per_transaction_max: usize,
    /// For each mandate.
    pub gas_per_mandate: f64,
}

/// What the published AEP2 MVP says of its own `settle`, one mandate a transaction. Not measured here.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct PublishedMvp {
    /// To a payee that holds the token.
    pub settle: u64,
    /// To one that does not.
    pub settle_fresh_payee: u64,
}

impl PublishedMvp {
    /// The figures, in gas.
    pub const FIGURES: Self = Self { settle: 82_431, settle_fresh_payee: 99_521 };
}

/// What was aimed at, of docs/contracts.md.
#[derive(Clone, Debug, Serialize)]
pub struct Target {
    /// Which figure.
    pub what: &'static str,
    /// At most so much.
    pub gas_max: f64,
    /// What it is.
    pub gas: f64,
    /// Whether that holds.
    pub met: bool,
}

impl Target {
    fn new(what: &'static str, gas_max: f64, gas: f64) -> Self {
        Self { what, gas_max, gas, met: gas <= gas_max }
    }
}

/// Measures a batch of this scale, in `shape`, or the smallest named one whose segments hold it. Keys are taken
/// from the folder `keys`, or made for the run.
///
/// # Errors
/// When the scale makes no batch, a key cannot be read or made, or something does not settle.
pub async fn measure(
    scale: Scale,
    shape: Option<Shape>,
    keys: &Path,
    watch: &dyn Watch,
) -> anyhow::Result<Figures> {
    scale.check()?;
    let shape = shape.map_or_else(|| scale.shape(), Ok)?;
    let needed = scale.lanes(shape.slots()).div_ceil(shape.lanes());
    ensure!(
        needed <= scale.segments,
        "the batch takes {needed} segments of {shape}, and {} were asked for: use a larger shape, or \
         --segments {needed}",
        scale.segments
    );
    let worst = Shape::new(WORST_ACCOUNTS, 1, false)?;
    let worst_shape = if scale.mandates >= worst.lanes() { worst } else { PARTS };
    let shapes = BTreeSet::from([shape, PARTS, worst_shape]);
    let accounts = scale.accounts.max(worst_shape.lanes());
    let mut stage =
        Stage::open(&shapes, accounts, scale.payees.max(PARTS.lanes()), keys, watch).await?;

    let main = main_batch(&mut stage, scale, shape, watch).await?;
    let parts = parts(&mut stage, watch).await?;
    let worst = worst_case(&mut stage, worst_shape, watch).await?;
    let gas_per_mandate = main.gas as f64 / scale.mandates as f64;
    let one_at_a_time = one_at_a_time(&mut stage, scale, gas_per_mandate, watch).await?;

    let mut targets = vec![
        Target::new("gas_fixed", 272_000.0, parts.fixed as f64),
        Target::new("gas_per_segment", 55_000.0, parts.segment as f64),
        Target::new("gas_per_debit", 9_500.0, parts.debit as f64),
        Target::new("gas_per_payout", 16_000.0, parts.payout as f64),
    ];
    if scale == Scale::TARGET {
        targets.push(Target::new("gas_total", 1_300_000.0, main.gas as f64));
        let worst = worst.gas_per_mandate;
        targets.push(Target::new("worst_case.gas_per_mandate", 11_500.0, worst));
    }
    if scale == Scale::LARGE {
        targets.push(Target::new("gas_per_mandate", 200.0, gas_per_mandate));
    }
    Ok(Figures {
        machine: Machine::this(),
        chain: "the embedded chain: revm, Osaka",
        shape: shape.to_string(),
        scale,
        segments: main.segments,
        debits: main.debits,
        payouts: main.payouts,
        calldata_bytes: main.calldata_bytes,
        gas_total: main.gas,
        gas_per_mandate,
        gas_fixed: parts.fixed,
        gas_second_segment: parts.second_segment,
        gas_per_segment: parts.segment,
        gas_per_debit: parts.debit,
        gas_per_payout: parts.payout,
        gas_per_debit_fresh_word: parts.debit_fresh_word,
        gas_per_payout_fresh_payee: parts.payout_fresh_payee,
        worst_case: worst,
        one_at_a_time,
        published_mvp: PublishedMvp::FIGURES,
        targets,
    })
}

/// What one mandate costs in a transaction of its own, by the direct path, to a payee that holds the
/// token: the mean of some. The wallet that it is measured on is deployed with `shape`'s key, which is
/// taken from the folder `keys`, or made.
///
/// # Errors
/// When the key cannot be read or made, or something does not settle.
pub async fn gas_one_at_a_time(shape: Shape, keys: &Path) -> anyhow::Result<f64> {
    const COUNT: u64 = 4;
    let mut stage = Stage::open(&BTreeSet::from([shape]), 1, 1, keys, &()).await?;
    let payment = |nonce| Payment { account: 0, nonce, payee: stage::payee(0) };
    // The first brings the nonces' slot into use.
    stage.settle_direct(&[payment(0)]).await?;
    let mut gas = 0;
    for nonce in 1..=COUNT {
        gas += stage.settle_direct(&[payment(nonce)]).await?;
    }
    Ok(gas as f64 / COUNT as f64)
}

/// The batch that was asked for, after one just like it: each account goes on with its nonces where it
/// left off.
async fn main_batch(
    stage: &mut Stage,
    scale: Scale,
    shape: Shape,
    watch: &dyn Watch,
) -> anyhow::Result<Settled> {
    let payments = |second: bool| {
        let mut payments = Vec::with_capacity(scale.mandates);
        for (account, own) in scale.of_each_account().enumerate() {
            for index in 0..own {
                payments.push(Payment {
                    account,
                    nonce: (index + if second { own } else { 0 }) as u64,
                    payee: stage::payee(payments.len() % scale.payees),
                });
            }
        }
        payments
    };
    let count = scale.mandates;
    watch.step(&format!("a first batch of {count} mandates, shape {shape}"));
    stage.settle(shape, &payments(false), watch).await?;
    watch.step(&format!("the batch of {count} mandates, shape {shape}"));
    stage.settle(shape, &payments(true), watch).await
}

/// What one more of each part costs.
struct Parts {
    fixed: u64,
    second_segment: u64,
    segment: u64,
    debit: u64,
    payout: u64,
    debit_fresh_word: u64,
    payout_fresh_payee: u64,
}

async fn parts(stage: &mut Stage, watch: &dyn Watch) -> anyhow::Result<Parts> {
    let many = PARTS.lanes();
    let word = |word: u64, bit: usize| word << 7 | bit as u64;
    // Each by another account, all to one payee; and all by one account, each to another payee.
    let by_each = |base: u64, bit: usize, payees: usize| -> Vec<Payment> {
        let payment = |account| Payment {
            account,
            nonce: word(base, bit),
            payee: stage::payee(account % payees),
        };
        (0..many).map(payment).collect()
    };
    let to_each = |bit: usize, payees_from: usize| -> Vec<Payment> {
        let payment = |index| Payment {
            account: 0,
            nonce: word(PARTS_WORD, bit + index),
            payee: stage::payee(payees_from + index),
        };
        (0..many).map(payment).collect()
    };

    watch.step("the parts of a batch: first, words and payees come into use");
    stage.settle(PARTS, &by_each(PARTS_WORD, 0, many), watch).await?;
    let one = [Payment { account: 0, nonce: word(PARTS_WORD, 1), payee: stage::payee(0) }];
    watch.step("the parts of a batch: 1 debit, 1 payout");
    let one = stage.settle(PARTS, &one, watch).await?;
    watch.step(&format!("the parts of a batch: {many} debits, 1 payout"));
    let debits = stage.settle(PARTS, &by_each(PARTS_WORD, 2, 1), watch).await?;
    watch.step(&format!("the parts of a batch: 1 debit, {many} payouts"));
    let payouts = stage.settle(PARTS, &to_each(3, 0), watch).await?;
    // Each account's further mandates take lanes of their own, and debits and payouts are the same. The
    // second segment costs more than those after it: several proofs are verified by a combination.
    let mut in_segments = Vec::new();
    for (segments, bit) in [(2, 60), (FURTHER_SEGMENTS + 2, 70)] {
        let payments: Vec<Payment> =
            (0..segments).flat_map(|own| by_each(PARTS_WORD, bit + own, 1)).collect();
        watch.step(&format!("the parts of a batch: {many} debits, 1 payout, {segments} segments"));
        let settled = stage.settle(PARTS, &payments, watch).await?;
        ensure!(settled.segments == segments, "{} segments, not {segments}", settled.segments);
        in_segments.push(settled);
    }
    watch.step(&format!("the parts of a batch: {many} debits in fresh words"));
    let fresh_words = stage.settle(PARTS, &by_each(FRESH_WORD, 0, 1), watch).await?;
    watch.step(&format!("the parts of a batch: {many} payouts to fresh payees"));
    let fresh = stage.fresh_payees(many);
    let fresh_payees = stage.settle(PARTS, &to_each(3 + many, fresh), watch).await?;

    let each = |all: Settled, of: usize, less: &Settled| -> anyhow::Result<u64> {
        let more = all.gas.checked_sub(less.gas).context("more entries cost less gas")?;
        // Rounded up, so as not to flatter.
        Ok(more.div_ceil(of as u64))
    };
    let debit = each(debits, many - 1, &one)?;
    let payout = each(payouts, many - 1, &one)?;
    let second_segment = each(in_segments[0], 1, &debits)?;
    let segment = each(in_segments[1], FURTHER_SEGMENTS, &in_segments[0])?;
    let fixed =
        one.gas.checked_sub(debit + payout).context("nothing is left for the fixed part")?;
    let debit_fresh_word = debit + each(fresh_words, many, &debits)?;
    let payout_fresh_payee = payout + each(fresh_payees, many, &payouts)?;
    Ok(Parts {
        fixed,
        second_segment,
        segment,
        debit,
        payout,
        debit_fresh_word,
        payout_fresh_payee,
    })
}

async fn worst_case(
    stage: &mut Stage,
    shape: Shape,
    watch: &dyn Watch,
) -> anyhow::Result<WorstCase> {
    let mandates = shape.lanes();
    let payments = |bit: u64| -> Vec<Payment> {
        let payment = |account| Payment {
            account,
            nonce: WORST_WORD << 7 | bit,
            payee: stage::payee(account % WORST_PAYEES),
        };
        (0..mandates).map(payment).collect()
    };
    watch.step(&format!("the worst case, a first batch: {mandates} accounts, shape {shape}"));
    stage.settle(shape, &payments(0), watch).await?;
    watch.step(&format!("the worst case: {mandates} accounts, shape {shape}"));
    let settled = stage.settle(shape, &payments(1), watch).await?;
    Ok(WorstCase {
        shape: shape.to_string(),
        mandates,
        payees: WORST_PAYEES,
        gas_total: settled.gas,
        gas_per_mandate: settled.gas as f64 / mandates as f64,
    })
}

/// The same payments by the direct path. Owners' nonces come 256 to a slot: one of each slot is spent
/// first, and each measurement has a quarter.
async fn one_at_a_time(
    stage: &mut Stage,
    scale: Scale,
    gas_per_mandate_batch: f64,
    watch: &dyn Watch,
) -> anyhow::Result<OneAtATime> {
    const QUARTER: usize = 64;
    let nonce = |index: usize, quarter: usize| {
        ((index / QUARTER) as u64) << 8 | (quarter * QUARTER + index % QUARTER) as u64
    };
    let payments = |quarter: usize| {
        let mut payments = Vec::with_capacity(scale.mandates);
        for (account, own) in scale.of_each_account().enumerate() {
            let before = payments.len();
            payments.extend((0..own).map(|index| Payment {
                account,
                nonce: nonce(index, quarter),
                payee: stage::payee((before + index) % scale.payees),
            }));
        }
        payments
    };
    watch.step("the direct path: first, words come into use");
    let first: Vec<Payment> = payments(0).into_iter().filter(|own| own.nonce % 256 == 0).collect();
    for part in first.chunks(DIRECT_MANDATES_MAX) {
        stage.settle_direct(part).await?;
    }

    watch.step(&format!("the direct path: {} mandates, one at a time", scale.mandates));
    let mut alone = 0;
    for payment in payments(1) {
        alone += stage.settle_direct(&[payment]).await?;
    }

    watch.step(&format!("the direct path: {} mandates, many at a time", scale.mandates));
    let mut batched = 0;
    for part in payments(2).chunks(DIRECT_MANDATES_MAX) {
        batched += stage.settle_direct(part).await?;
    }

    let (mut fresh, payees) = (0, stage.fresh_payees(FRESH_PAYEES));
    for index in 0..FRESH_PAYEES {
        let payee = stage::payee(payees + index);
        let payment = Payment { account: 0, nonce: nonce(index, 3), payee };
        fresh += stage.settle_direct(&[payment]).await?;
    }

    let mean = |gas: u64, of: usize| gas as f64 / of as f64;
    let gas_per_mandate = mean(alone, scale.mandates);
    Ok(OneAtATime {
        gas_per_mandate,
        gas_per_mandate_fresh_payee: mean(fresh, FRESH_PAYEES),
        times_a_batch: gas_per_mandate / gas_per_mandate_batch,
        batched: BatchedDirect {
            mandates_per_transaction_max: DIRECT_MANDATES_MAX.min(scale.mandates),
            gas_per_mandate: mean(batched, scale.mandates),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mandates_are_shared_out_whole() {
        for (mandates, accounts) in [(1_024, 64), (7, 3), (5, 5), (100, 1)] {
            let scale = Scale { mandates, accounts, payees: 1, segments: 1 };
            let each: Vec<usize> = scale.of_each_account().collect();
            assert_eq!((each.len(), each.iter().sum::<usize>()), (accounts, mandates));
        }
    }

    #[test]
    fn the_shape_is_the_smallest_that_holds_the_batch() -> anyhow::Result<()> {
        let in_segments = |mandates, accounts, segments| {
            Scale { mandates, accounts, payees: 1, segments }.shape()
        };
        let shape = |mandates, accounts| in_segments(mandates, accounts, 1);
        assert_eq!(Scale::LARGE.shape()?, Shape::CHAINS);
        assert_eq!(in_segments(32, 8, 2)?, Shape::SINGLES_SMALL);
        assert_eq!(in_segments(2_050, 130, 2)?, Shape::new(65, 16, false)?);
        assert_eq!(Scale::TARGET.shape()?, Shape::CHAINS);
        assert_eq!(shape(4, 1)?, Shape::TEST);
        assert_eq!(shape(16, 4)?, Shape::SINGLES_SMALL);
        assert_eq!(shape(128, 128)?, Shape::SINGLES);
        // None holds these.
        assert_eq!(shape(1_025, 65)?, Shape::new(65, 16, false)?);
        assert_eq!(shape(1_024, 1_024)?, Shape::new(1_024, 1, false)?);
        assert_eq!(shape(2_000, 10)?, Shape::new(130, 16, false)?);
        Ok(())
    }

    #[test]
    fn what_makes_no_batch_is_refused() {
        for (mandates, accounts, payees) in [(0, 0, 0), (4, 5, 1), (4, 1, 5), (4, 0, 1), (4, 1, 0)]
        {
            assert!(Scale { mandates, accounts, payees, segments: 1 }.check().is_err());
        }
        for segments in [0, 65] {
            assert!(Scale { segments, ..Scale::LARGE }.check().is_err());
        }
    }
}
