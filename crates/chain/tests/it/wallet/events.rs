//! Every event of the wallet and of its guarantee is read; what is none is named; what a stranger wrote harms nobody.

use std::fmt::Debug;

use aep2_chain::{
    contracts::{DebitWallet, guarantee::Guarantee},
    events::{EventError, WalletEvent},
    wallet::{guarantee::events::GuaranteeEvent, units::BaseUnits},
};
use aep2_mandate::units::{AccountId, Nonce, UnixTime};
use alloy::{
    primitives::{Address, B256, Bytes, LogData, U256, aliases::U40},
    rpc::types::Log,
    sol_types::SolEvent,
};

use crate::support::abi;

fn log(data: LogData) -> Log {
    let address = Address::repeat_byte(0xaa);
    Log { inner: alloy::primitives::Log { address, data }, ..Log::default() }
}

fn decode(event: &impl SolEvent) -> Result<WalletEvent, EventError> {
    WalletEvent::decode(&log(event.encode_log_data()))
}

/// Each with all its words 1, which every one of them takes: accounts are from 1 up.
fn every_event_is_read<E: Debug>(
    contract: &str,
    decode: impl Fn(&Log) -> Result<E, EventError>,
) -> usize {
    let mut read = 0;
    for event in abi(contract).events.into_values().flatten() {
        if event.name == "EIP712DomainChanged" {
            continue;
        }
        let one = B256::with_last_byte(1);
        let indexed = event.inputs.iter().filter(|input| input.indexed).count();
        let mut topics = vec![event.selector()];
        topics.extend(std::iter::repeat_n(one, indexed));
        let mut data = vec![one; event.inputs.len() - indexed].concat();
        if event.name == "VerifiersRegistered" {
            // An offset, a length, no elements.
            data = [B256::with_last_byte(32), B256::ZERO].concat();
        }
        let log = log(LogData::new_unchecked(topics, data.into()));
        let event_read = decode(&log).unwrap_or_else(|error| panic!("{error}"));
        let debug = format!("{event_read:?}");
        assert!(debug.starts_with(&event.name), "{} read as {debug}", event.name);
        read += 1;
    }
    read
}

#[test]
fn every_event_of_the_wallet_is_read() {
    assert_eq!(every_event_is_read("DebitWallet.json", WalletEvent::decode), 19);
}

#[test]
fn every_event_of_the_guarantee_is_read() {
    assert_eq!(every_event_is_read("Guarantee.json", GuaranteeEvent::decode), 13);
}

#[test]
fn a_stranger_s_claim_on_no_account_is_read() {
    let claimed = Guarantee::GuaranteeClaimed {
        mandateId: B256::repeat_byte(0xff),
        processor: Address::repeat_byte(1),
        payee: Address::repeat_byte(2),
        digest: B256::repeat_byte(4),
        account: 0,
        nonce: u64::MAX,
        token: Address::repeat_byte(3),
        amount: U256::from(5),
        nonceBurnt: false,
    };
    let GuaranteeEvent::GuaranteeClaimed { account, nonce, mandate_id, .. } =
        GuaranteeEvent::decode(&log(claimed.encode_log_data())).unwrap()
    else {
        panic!("another event")
    };
    assert_eq!((account, nonce, mandate_id), (None, Nonce::MAX, B256::repeat_byte(0xff)));
}

#[test]
fn asking_for_everything_asks_for_a_balance() {
    let requested = DebitWallet::WithdrawalRequested {
        account: 1,
        token: Address::ZERO,
        amount: U256::MAX,
        executableFrom: U40::MAX,
    };
    let read = WalletEvent::WithdrawalRequested {
        account: AccountId::MIN,
        token: Address::ZERO,
        amount: BaseUnits::BALANCE_MAX,
        executable_from: UnixTime::MAX,
    };
    assert_eq!(decode(&requested), Ok(read));
}

#[test]
fn logs_that_are_none_of_the_wallet_s_are_named() {
    let address = Address::repeat_byte(0xaa);
    let topic = B256::repeat_byte(7);
    let unknown = log(LogData::new_unchecked(vec![topic], Bytes::new()));
    assert_eq!(WalletEvent::decode(&unknown), Err(EventError::UnknownTopic { address, topic }));
    assert!(EventError::UnknownTopic { address, topic }.to_string().contains(&topic.to_string()));

    let bare = log(LogData::new_unchecked(vec![], Bytes::new()));
    assert_eq!(WalletEvent::decode(&bare), Err(EventError::NoTopic { address }));

    let cut = |topics: usize, bytes: usize| {
        let whole = DebitWallet::Deposited {
            account: 1,
            token: Address::ZERO,
            from: Address::ZERO,
            amount: U256::from(1),
        }
        .encode_log_data();
        let topics = whole.topics()[..topics].to_vec();
        log(LogData::new_unchecked(topics, whole.data.slice(..bytes)))
    };
    assert!(WalletEvent::decode(&cut(4, 32)).is_ok());
    for (topics, bytes) in [(4, 31), (4, 0), (3, 32), (1, 32)] {
        let error = WalletEvent::decode(&cut(topics, bytes)).unwrap_err();
        assert!(matches!(error, EventError::Malformed { .. }), "{topics}, {bytes}: {error:?}");
    }
    // What the wallet never logs: an account 0, more than any balance.
    for (account, amount) in [(0, U256::from(1)), (1, U256::MAX)] {
        let (token, from) = (Address::ZERO, Address::ZERO);
        let error = decode(&DebitWallet::Deposited { account, token, from, amount }).unwrap_err();
        assert!(matches!(error, EventError::Malformed { .. }), "{error:?}");
    }
}
