//! What to offer for gas.
//!
//! A first offer covers a base fee that doubles, which takes six full blocks (EIP-1559 raises it by
//! an eighth at most). A replacement must raise both of its fees by at least a tenth, or nodes keep
//! what they have (go-ethereum's `--txpool.pricebump`). Neither goes above the cap.

use thiserror::Error;

use super::record::Fees;

/// The cap forbids what would be needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error(
    "the fee cap of {cap_wei} wei per gas is reached: {needed_wei} would be needed; waiting until \
     the chain is cheaper or the cap is raised"
)]
pub struct FeeCapReached {
    /// What would have to be offered, in wei per gas.
    pub needed_wei: u128,
    /// The most that may be, in wei per gas.
    pub cap_wei: u128,
}

/// The first offer, at a base fee.
pub(super) fn first(base_wei: u128, tip_wei: u128, cap_wei: u128) -> Result<Fees, FeeCapReached> {
    let needed_wei = base_wei.saturating_add(tip_wei);
    if needed_wei > cap_wei {
        return Err(FeeCapReached { needed_wei, cap_wei });
    }
    Ok(Fees { max_wei: market(base_wei, tip_wei).min(cap_wei), tip_wei })
}

/// An offer that replaces `old`, at a base fee.
pub(super) fn raised(
    old: Fees,
    base_wei: u128,
    tip_wei: u128,
    percent: u64,
    cap_wei: u128,
) -> Result<Fees, FeeCapReached> {
    let least = Fees { max_wei: raise(old.max_wei, percent), tip_wei: raise(old.tip_wei, percent) };
    let needed_wei = least.max_wei.max(base_wei.saturating_add(least.tip_wei));
    if needed_wei > cap_wei {
        return Err(FeeCapReached { needed_wei, cap_wei });
    }
    let max_wei = least.max_wei.max(market(base_wei, tip_wei)).min(cap_wei);
    Ok(Fees { max_wei, tip_wei: least.tip_wei.max(tip_wei).min(max_wei) })
}

fn market(base_wei: u128, tip_wei: u128) -> u128 {
    base_wei.saturating_mul(2).saturating_add(tip_wei)
}

/// `wei` raised by `percent`, rounded up, and by 1 at least.
fn raise(wei: u128, percent: u64) -> u128 {
    let raised = wei.saturating_mul(100 + u128::from(percent)).div_ceil(100);
    raised.max(wei.saturating_add(1))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_first_offer_covers_a_base_fee_that_doubles() {
        assert_eq!(first(50, 3, 1_000), Ok(Fees { max_wei: 103, tip_wei: 3 }));
        assert_eq!(first(50, 3, 80), Ok(Fees { max_wei: 80, tip_wei: 3 }));
        assert_eq!(first(50, 3, 52), Err(FeeCapReached { needed_wei: 53, cap_wei: 52 }));
    }

    #[test]
    fn a_free_transaction_can_be_replaced_too() {
        let old = Fees { max_wei: 0, tip_wei: 0 };
        assert_eq!(raised(old, 0, 0, 12, 10), Ok(Fees { max_wei: 1, tip_wei: 1 }));
    }

    proptest! {
        #[test]
        fn replacements_beat_what_nodes_demand_and_never_the_cap(
            old_max in 0_u128..1 << 70,
            old_tip_part in 0_u128..=100,
            base in 0_u128..1 << 70,
            tip in 0_u128..1 << 60,
            percent in 10_u64..100,
            cap in 1_u128..1 << 72,
        ) {
            let old = Fees { max_wei: old_max, tip_wei: old_max / 100 * old_tip_part };
            match raised(old, base, tip, percent, cap) {
                Ok(new) => {
                    // go-ethereum: more than before, and at least 110 of each 100.
                    prop_assert!(new.max_wei > old.max_wei && new.tip_wei > old.tip_wei);
                    prop_assert!(new.max_wei * 100 >= old.max_wei * 110);
                    prop_assert!(new.tip_wei * 100 >= old.tip_wei * 110);
                    prop_assert!(new.max_wei >= base && new.max_wei <= cap);
                    prop_assert!(new.tip_wei <= new.max_wei);
                }
                Err(reached) => {
                    prop_assert_eq!(reached.cap_wei, cap);
                    prop_assert!(reached.needed_wei > cap);
                }
            }
        }
    }
}
