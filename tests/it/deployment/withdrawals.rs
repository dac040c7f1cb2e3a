//! Money goes back after the delay, and never ahead of what was promised before.

use aep2_chain::{
    events::WalletEvent,
    wallet::{PendingWithdrawal, Purse, error::WalletError, units::BaseUnits},
};
use aep2_mandate::units::UnixTime;
use aep2_tests::{
    chain::TestChain,
    on_both_chains,
    stage::{DELAY_SECONDS, FUNDS, Stage, payee},
};
use alloy::primitives::{Address, U256};

on_both_chains![
    a_withdrawal_executed_first_leaves_the_batch_payable,
    what_is_asked_back_can_be_debited_until_it_leaves,
    a_withdrawal_takes_the_delay_and_goes_to_whom_the_owner_says,
];

/// The processor keeps back what it has promised: Ann may take the rest, and does, before the batch.
async fn a_withdrawal_executed_first_leaves_the_batch_payable(chain: TestChain) {
    let stage = Stage::set(chain).await;
    let (id, token, ann) = (stage.id(), stage.token_address(), &stage.ann);
    let asked = BaseUnits::new(FUNDS - 740);
    stage.send(&ann.key, &id.request_withdrawal(ann.account, token, asked)).await;
    stage.chain.travel_to(stage.chain.now().await + DELAY_SECONDS).await;
    stage.send(&ann.key, &id.execute_withdrawal(ann.account, token, ann.address())).await;
    assert_eq!(stage.balance(ann).await, 740);

    stage.send(&stage.processor, &stage.settling(&stage.batch())).await;
    assert_eq!(stage.balance(ann).await, 0);
    assert_eq!(stage.holds(payee(1)).await, 1_002);
}

async fn what_is_asked_back_can_be_debited_until_it_leaves(chain: TestChain) {
    let stage = Stage::set(chain).await;
    let (id, token, ann) = (stage.id(), stage.token_address(), &stage.ann);
    // All of it and more: all of it.
    let asked = BaseUnits::new(u128::MAX);
    let receipt = stage.send(&ann.key, &id.request_withdrawal(ann.account, token, asked)).await;
    let from = stage.chain.now().await + DELAY_SECONDS;
    let executable_from = UnixTime::new(from).unwrap();
    let requested = WalletEvent::WithdrawalRequested {
        account: ann.account,
        token,
        amount: BaseUnits::new(FUNDS),
        executable_from,
    };
    assert_eq!(stage.events(&receipt), [requested]);
    let purse = stage.wallet().purse(ann.account, token).await.unwrap();
    let pending = PendingWithdrawal { amount: BaseUnits::new(FUNDS), executable_from };
    assert_eq!(purse, Purse { balance: BaseUnits::new(FUNDS), pending_withdrawal: Some(pending) });
    assert_eq!(purse.remaining(), BaseUnits::ZERO);

    stage.send(&stage.processor, &stage.settling(&stage.batch())).await;
    stage.chain.travel_to(from).await;
    let executing = id.execute_withdrawal(ann.account, token, payee(7));
    let receipt = stage.send(&ann.key, &executing).await;
    let amount = BaseUnits::new(FUNDS - 740);
    let executed =
        WalletEvent::WithdrawalExecuted { account: ann.account, token, to: payee(7), amount };
    assert_eq!(stage.events(&receipt), [executed]);
    assert_eq!(stage.holds(payee(7)).await, FUNDS - 740, "what is left of what was asked for");
    assert_eq!(stage.refused(&ann.key, &executing).await, WalletError::NothingPending);
}

async fn a_withdrawal_takes_the_delay_and_goes_to_whom_the_owner_says(chain: TestChain) {
    let stage = Stage::set(chain).await;
    let (id, token, ann) = (stage.id(), stage.token_address(), &stage.ann);
    let executing = id.execute_withdrawal(ann.account, token, ann.address());
    assert_eq!(stage.refused(&ann.key, &executing).await, WalletError::NothingPending);

    let requesting = id.request_withdrawal(ann.account, token, BaseUnits::new(5));
    let caller = stage.bob.address();
    let not_owner = WalletError::NotOwner { account: ann.account.get(), caller };
    assert_eq!(stage.refused(&stage.bob.key, &requesting).await, not_owner);
    stage.send(&ann.key, &requesting).await;
    let available_from = stage.chain.now().await + DELAY_SECONDS;
    assert_eq!(stage.refused(&ann.key, &executing).await, WalletError::TooEarly { available_from });
    assert_eq!(stage.refused(&stage.bob.key, &executing).await, not_owner);

    let cancelling = id.cancel_withdrawal(ann.account, token);
    assert_eq!(stage.refused(&stage.bob.key, &cancelling).await, not_owner);
    let receipt = stage.send(&ann.key, &cancelling).await;
    let cancelled = WalletEvent::WithdrawalCancelled { account: ann.account, token };
    assert_eq!(stage.events(&receipt), [cancelled]);
    stage.chain.travel_to(available_from).await;
    assert_eq!(stage.refused(&ann.key, &executing).await, WalletError::NothingPending);
    assert_eq!(stage.balance(ann).await, FUNDS);

    let nothing = id.request_withdrawal(ann.account, token, BaseUnits::ZERO);
    assert_eq!(stage.refused(&ann.key, &nothing).await, WalletError::AmountZero);
    for to in [Address::ZERO, id.address] {
        stage.send(&ann.key, &requesting).await;
        stage.chain.travel_to(stage.chain.now().await + DELAY_SECONDS).await;
        let lost = id.execute_withdrawal(ann.account, token, to);
        assert_eq!(stage.refused(&ann.key, &lost).await, WalletError::RecipientRefused { to });
    }
    assert_eq!(stage.token().allowance(ann.address(), id.address).await.unwrap(), U256::ZERO);
}
