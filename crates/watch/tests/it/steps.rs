//! The decision, case by case.

use aep2_chain::wallet::{
    guarantee::{Demand, Paid, Periods},
    units::BaseUnits,
};
use aep2_mandate::units::{Amount, UnixTime};
use aep2_receipts::FolderReader;
use aep2_watch::{
    Watched,
    step::{Ending, Reason, Settled, Standing, Step, Times, decide},
};
use alloy::primitives::{Address, U256};

use crate::support::{DEMAND, GRACE, PROMISE, RESPONSE, Stage, payee, rounds};

const NOTHING: Standing = Standing {
    demand: None,
    paid: Paid { shown: BaseUnits::ZERO, claimed: BaseUnits::ZERO },
    is_spent: false,
    settled: Settled::Unproven,
    is_moved: false,
};

/// A receipt over 1,000 that is watched, and the times of its deployment.
async fn watched() -> (Watched, Periods) {
    let stage = Stage::new().await;
    stage.paid(1_000, 0).await;
    let mut watcher = stage.watcher().await;
    rounds(&mut watcher).await;
    let watched = watcher.watched().next().unwrap().clone();
    assert_eq!(FolderReader::new(stage.keeper.folder()).folder(), stage.keeper.folder());
    (watched, stage.deployment.wallet.periods)
}

fn demand(made_at: UnixTime, deposit: u64, demander: Address) -> Option<Demand> {
    let (due, deposit) = (BaseUnits::new(1_000), U256::from(deposit));
    Some(Demand { due, made_at, demander, deposit, capture_fixed: false })
}

fn paid(shown: u128, claimed: u128) -> Paid {
    Paid { shown: BaseUnits::new(shown), claimed: BaseUnits::new(claimed) }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_that_was_not_demanded_is_demanded_when_nothing_else_explains_it() {
    let (watched, periods) = watched().await;
    let own = payee().address();
    let at = |seconds| watched.promise().settle_by.checked_add(seconds).unwrap();
    let shown = |amount| Settled::Shown(Amount::new(amount).unwrap());
    let unshown = DEMAND / 4 * 3;
    let short = Reason::Short { settled: Amount::new(999).unwrap() };
    for (after, grace_s, settled, is_spent, expected) in [
        (0, 0, Settled::Unproven, false, Step::Wait),
        (1, 0, Settled::Unproven, false, Step::Demand(Reason::NotSettled)),
        (GRACE, GRACE, Settled::Unproven, false, Step::Wait),
        (GRACE + 1, GRACE, Settled::Unproven, false, Step::Demand(Reason::NotSettled)),
        // However long the grace, a half of the demand period is left.
        (DEMAND / 2 + 1, 10 * DEMAND, Settled::Unproven, false, Step::Demand(Reason::NotSettled)),
        (DEMAND, 0, Settled::Unproven, false, Step::Demand(Reason::NotSettled)),
        (DEMAND + 1, 0, Settled::Unproven, false, Step::Over(Ending::TooLate)),
        (unshown - 1, 0, Settled::Unproven, true, Step::Wait),
        (unshown, 0, Settled::Unproven, true, Step::Demand(Reason::NotShown)),
        // In a block that may be replaced: it is not waited for for ever.
        (GRACE + 1, GRACE, Settled::NotFinal, true, Step::Wait),
        (unshown, 0, Settled::NotFinal, true, Step::Demand(Reason::NotShown)),
        (1, 0, shown(999), true, Step::Demand(short)),
        (1, 0, shown(1_000), true, Step::Over(Ending::Settled)),
        (DEMAND + 1, 0, shown(1_000), true, Step::Over(Ending::Settled)),
    ] {
        let standing = Standing { settled, is_spent, ..NOTHING };
        let times = Times { periods, grace_s };
        let step = decide(&watched, &standing, at(after), &times, own);
        assert_eq!(step, expected, "{after} s after, {grace_s} s of grace, {settled:?}");
    }
    let standing = Standing { paid: paid(400, 600), ..NOTHING };
    let times = Times { periods, grace_s: 0 };
    let step = decide(&watched, &standing, at(1), &times, own);
    assert_eq!(step, Step::Over(Ending::Claimed { claimed: 600, shown: 400 }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_demand_is_claimed_when_nobody_can_answer_it_any_more() {
    let (watched, periods) = watched().await;
    let own = payee().address();
    let made_at = watched.promise().settle_by.checked_add(10).unwrap();
    let deadline = watched.promise().deadline;
    let at = |from: UnixTime, seconds| from.checked_add(seconds).unwrap();
    let other = Address::repeat_byte(9);
    let early = at(made_at, RESPONSE);
    let (in_time, at_last) = (at(made_at, RESPONSE + 1), at(deadline, RESPONSE + 1));
    assert_eq!(deadline, at(watched.promise().settle_by, PROMISE));
    let twice = at(made_at, 2 * RESPONSE + 1);
    let claim = Step::Claim { owed: 1_000 };
    for (now, settled, expected) in [
        // It was settled, and nobody has shown it: a claim would pay twice, so there is more time for that.
        (in_time, Settled::Shown(Amount::new(1_000).unwrap()), Step::Wait),
        (twice, Settled::Shown(Amount::new(1_000).unwrap()), claim),
        (in_time, Settled::Shown(Amount::new(999).unwrap()), claim),
        (in_time, Settled::NotFinal, claim),
    ] {
        let standing = Standing { demand: demand(made_at, 5, own), settled, ..NOTHING };
        let step = decide(&watched, &standing, now, &Times { periods, grace_s: 0 }, own);
        assert_eq!(step, expected, "{settled:?}");
    }
    let answered = |deposit_lost| Step::Over(Ending::Answered { shown: 1_000, deposit_lost });
    for (now, deposit, demander, paid, is_moved, expected) in [
        (early, 5, own, paid(0, 0), false, Step::Wait),
        (in_time, 5, own, paid(0, 0), false, Step::Claim { owed: 1_000 }),
        (in_time, 5, own, paid(300, 0), false, Step::Claim { owed: 700 }),
        // The account has moved: until the mandate's deadline somebody else may settle it.
        (in_time, 5, own, paid(0, 0), true, Step::Wait),
        (at_last, 5, own, paid(0, 0), true, Step::Claim { owed: 1_000 }),
        // All was shown, and the deposit comes back; it is lost; it is somebody else's.
        (in_time, 5, own, paid(1_000, 0), true, Step::Claim { owed: 0 }),
        (early, 0, own, paid(1_000, 0), false, answered(true)),
        (early, 5, other, paid(1_000, 0), false, answered(false)),
        (
            early,
            0,
            own,
            paid(0, 1_000),
            false,
            Step::Over(Ending::Claimed { claimed: 1_000, shown: 0 }),
        ),
    ] {
        let demand = demand(made_at, deposit, demander);
        let standing = Standing { demand, paid, is_moved, ..NOTHING };
        let step = decide(&watched, &standing, now, &Times { periods, grace_s: 0 }, own);
        assert_eq!(step, expected, "{standing:?}");
    }
}
