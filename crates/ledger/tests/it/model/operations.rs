//! What may happen to a ledger.

use proptest::prelude::*;

#[derive(Clone, Debug)]
pub(super) enum Op {
    Accept { account: u32, nonce: u64, amount: u128, deadline: i64, not_before: Option<i64> },
    Again { mandate: usize },
    Capture { mandate: usize, amount: u128 },
    Block { seconds: u64, facts: Vec<Fact> },
    Rewind { blocks: u64 },
    Unconfirmed { account: u32, withdrawing: Option<u128>, change: Option<i64> },
    Seal { first: usize, count: usize },
    Prove { batch: usize },
    Submit { batch: usize },
    Abort { batch: usize, how: [u8; 3] },
    Dispose { mandate: usize, how: u8 },
    Hold { mandate: usize, kind: usize, seconds: i64 },
    Release { mandate: usize, kind: usize },
    ReleaseOver { limit: usize },
    Expire,
    Restart,
}

/// What the chain says, where the wallet would let it be said.
#[derive(Clone, Debug)]
pub(super) enum Fact {
    Deposit { account: u32, amount: u128 },
    Withdraw { account: u32, amount: u128 },
    Cancel { account: u32 },
    Execute { account: u32 },
    Change { account: u32, seconds: i64 },
    Unchange { account: u32 },
    Settle { batch: usize },
    Claim { mandate: usize },
    Elsewhere { mandate: usize, amount: u128 },
}

pub(super) fn facts() -> impl Strategy<Value = Fact> {
    let account = 1..3u32;
    prop_oneof![
        4 => (account.clone(), 1..400u128)
            .prop_map(|(account, amount)| Fact::Deposit { account, amount }),
        2 => (account.clone(), 1..900u128)
            .prop_map(|(account, amount)| Fact::Withdraw { account, amount }),
        1 => account.clone().prop_map(|account| Fact::Cancel { account }),
        1 => account.clone().prop_map(|account| Fact::Execute { account }),
        1 => (account.clone(), 0..3_000i64)
            .prop_map(|(account, seconds)| Fact::Change { account, seconds }),
        1 => account.prop_map(|account| Fact::Unchange { account }),
        5 => any::<usize>().prop_map(|batch| Fact::Settle { batch }),
        1 => any::<usize>().prop_map(|mandate| Fact::Claim { mandate }),
        1 => (any::<usize>(), 0..50u128)
            .prop_map(|(mandate, amount)| Fact::Elsewhere { mandate, amount }),
    ]
}

pub(super) fn operations() -> impl Strategy<Value = Op> {
    let any = any::<usize>;
    prop_oneof![
        12 => (1..4u32, 0..24u64, 1..150u128, 500..2_500i64, prop::option::weighted(0.3, -50..520i64))
            .prop_map(|(account, nonce, amount, deadline, not_before)| {
                Op::Accept { account, nonce, amount, deadline, not_before }
            }),
        1 => any().prop_map(|mandate| Op::Again { mandate }),
        3 => (any(), 0..150u128).prop_map(|(mandate, amount)| Op::Capture { mandate, amount }),
        6 => (1..200u64, prop::collection::vec(facts(), 0..4))
            .prop_map(|(seconds, facts)| Op::Block { seconds, facts }),
        2 => (0..6u64).prop_map(|blocks| Op::Rewind { blocks }),
        1 => (1..3u32, prop::option::of(1..900u128), prop::option::of(0..3_000i64))
            .prop_map(|(account, withdrawing, change)| Op::Unconfirmed { account, withdrawing, change }),
        5 => (0..4usize, 1..6usize).prop_map(|(first, count)| Op::Seal { first, count }),
        5 => any().prop_map(|batch| Op::Prove { batch }),
        4 => any().prop_map(|batch| Op::Submit { batch }),
        2 => (any(), [0..4u8, 0..4u8, 0..4u8])
            .prop_map(|(batch, how)| Op::Abort { batch, how }),
        2 => (any(), 0..4u8).prop_map(|(mandate, how)| Op::Dispose { mandate, how }),
        3 => (any(), 0..4usize, -10..700i64)
            .prop_map(|(mandate, kind, seconds)| Op::Hold { mandate, kind, seconds }),
        2 => (any(), 0..4usize).prop_map(|(mandate, kind)| Op::Release { mandate, kind }),
        2 => (1..4usize).prop_map(|limit| Op::ReleaseOver { limit }),
        1 => Just(Op::Expire),
        1 => Just(Op::Restart),
    ]
}
