//! The gate: what is closed gets no receipt, what was promised before stands.

use aep2_ledger::{AcceptError, Accepted, Close, Durable, GateReason, GateScope, Refusal, Status};
use alloy_primitives::Address;

use crate::support::{
    OWNER, PAYEE, TOKEN, Terms, TestLedger, account, at, block, deposited, direct_request, opened,
};

fn close(test: &TestLedger, scope: GateScope, reason: GateReason) -> bool {
    let (by, note) = ("somebody".into(), "not for strangers".into());
    let close = Close { scope, reason, by, note };
    test.ledger.close_gate(close, at(1)).wait().expect("closed").into_inner()
}

fn open(test: &TestLedger, scope: GateScope, reason: GateReason) -> bool {
    test.ledger.open_gate(scope, reason).wait().expect("opened").into_inner()
}

fn accept(test: &TestLedger, terms: &Terms) -> Result<Accepted, AcceptError> {
    test.ledger.accept(terms.request(), at(1)).wait().map(Durable::into_inner)
}

fn closed(found: Result<Accepted, AcceptError>) -> Option<(GateScope, GateReason)> {
    match found {
        Ok(_) => None,
        Err(AcceptError::Refused(Refusal::Closed { scope, reason })) => Some((scope, reason)),
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn what_is_closed_is_not_accepted_until_the_last_reason_is_gone() {
    let test = TestLedger::funded();
    let terms = Terms::new(1, 0, 100);
    let scopes = [
        GateScope::All,
        GateScope::Account { account: account(1) },
        GateScope::Payee { payee: PAYEE },
        GateScope::Token { token: TOKEN },
    ];
    for scope in scopes {
        assert!(close(&test, scope, GateReason::Denied));
        assert!(!close(&test, scope, GateReason::Denied), "it is closed");
        assert!(close(&test, scope, GateReason::Paused));
        assert_eq!(closed(accept(&test, &terms)), Some((scope, GateReason::Paused)));
        assert!(open(&test, scope, GateReason::Paused));
        assert_eq!(closed(accept(&test, &terms)), Some((scope, GateReason::Denied)));
        assert!(open(&test, scope, GateReason::Denied));
        assert!(!open(&test, scope, GateReason::Denied));
    }
    assert_eq!(test.ledger.gates(), []);
    assert_eq!(closed(accept(&test, &terms)), None);
}

#[test]
fn what_is_closed_is_so_over_a_restart_and_concerns_no_others() {
    let test = TestLedger::funded();
    test.apply(block(1_001, vec![opened(2), deposited(2, 100)]));
    let one = GateScope::Account { account: account(1) };
    close(&test, one, GateReason::Frozen);
    close(&test, GateScope::Payee { payee: Address::repeat_byte(1) }, GateReason::Denied);
    let test = test.reopen();
    assert_eq!(closed(accept(&test, &Terms::new(1, 0, 1))), Some((one, GateReason::Frozen)));
    assert_eq!(closed(accept(&test, &Terms::new(2, 0, 1))), None);
    let gates = test.ledger.gates();
    assert_eq!(gates.len(), 2);
    assert_eq!((gates[0].2.by.as_str(), gates[0].2.since), ("somebody", at(1)));
    test.assert_sound();
}

#[test]
fn what_was_promised_before_stands_and_is_told_again() {
    let test = TestLedger::funded();
    let terms = Terms::new(1, 0, 100);
    let before = accept(&test, &terms).expect("accepted");
    close(&test, GateScope::All, GateReason::Paused);
    let again = accept(&test, &terms).expect("the receipt of then");
    assert_eq!((again.receipt, again.again), (before.receipt, true));
    assert_eq!(test.status(terms.hash()), Status::Queued);
}

#[test]
fn the_direct_path_has_the_same_gate() {
    let test = TestLedger::funded();
    let marked = aep2_ledger::ChainFact::DirectAccountSet {
        owner: OWNER,
        account: Some(account(1)),
        first: true,
    };
    test.apply(block(1_001, vec![marked]));
    let one = GateScope::Account { account: account(1) };
    close(&test, one, GateReason::Frozen);
    let (_, request) = direct_request(0, 10);
    let refused = test.ledger.accept(request, at(1)).wait().map(Durable::into_inner);
    assert_eq!(closed(refused), Some((one, GateReason::Frozen)));
}
