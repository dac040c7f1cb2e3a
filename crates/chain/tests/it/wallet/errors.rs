//! Every error of the contracts has a name here; whatever else comes is kept.

use std::collections::BTreeSet;

use aep2_chain::{
    contracts::{DebitWallet, Groth16Verifier, TestUSD},
    error::{ChainError, revert_of},
    token::Token,
    wallet::error::{TokenError, VerifierError, WalletError},
};
use alloy::{
    primitives::{Address, Bytes, U256},
    providers::{Provider, ProviderBuilder},
    rpc::json_rpc::ErrorPayload,
    sol_types::{Panic, Revert, SolError},
    transports::{RpcError, TransportError},
};
use proptest::prelude::*;

use crate::support::abi;

/// Revert data of an error with all its arguments 1: its selector, and a word for each. (A string's word
/// is an offset; 1 makes it start inside, and its length is read from there.)
fn revert_data(error: &alloy::json_abi::Error) -> Vec<u8> {
    let mut data = error.selector().to_vec();
    for _ in &error.inputs {
        data.extend(U256::from(1).to_be_bytes::<32>());
    }
    data
}

fn errors_of(contract: &str) -> Vec<alloy::json_abi::Error> {
    abi(contract).errors.into_values().flatten().collect()
}

#[test]
fn every_error_of_the_contracts_has_a_variant_of_its_own() {
    let mut names = BTreeSet::new();
    let mut words = BTreeSet::new();
    for contract in ["DebitWallet.json", "Guarantee.json", "Groth16Verifier.json", "TestUSD.json"] {
        let errors = errors_of(contract);
        assert!(errors.len() >= 7);
        for error in errors {
            // Both are a constructor's, about strings; they share a variant.
            if ["StringTooLong", "InvalidShortString"].contains(&error.name.as_str()) {
                continue;
            }
            let read = WalletError::decode(&revert_data(&error));
            assert!(!matches!(read, WalletError::Unknown(_)), "{}", error.signature());
            if names.insert(error.signature()) {
                let said = read.to_string();
                assert!(words.insert(said.clone()), "{}: others say so, too: {said}", error.name);
            }
        }
    }
    assert!(names.len() > 60, "{}", names.len());
}

#[test]
fn arguments_arrive_where_they_belong() {
    let token = Address::repeat_byte(9);
    let raw = DebitWallet::InsufficientBalance {
        account: 7,
        token,
        balance: U256::from(5),
        amount: U256::from(6),
    };
    let read = WalletError::InsufficientBalance {
        account: 7,
        token,
        balance: U256::from(5),
        amount: U256::from(6),
    };
    assert_eq!(WalletError::decode(&raw.abi_encode()), read);
    assert_eq!(
        read.to_string(),
        format!("account 7 has 5 of {token}, not 6; leave its mandates out")
    );

    let raw = Groth16Verifier::CoordinateNotReduced { index: U256::from(3), value: U256::MAX };
    let read = VerifierError::CoordinateNotReduced { index: 3, value: U256::MAX };
    assert_eq!(WalletError::decode(&raw.abi_encode()), WalletError::Verifier(read));

    let raw = TestUSD::CallerIsNotPayee { caller: token, payee: Address::ZERO };
    let read = TokenError::NotPayee { caller: token, payee: Address::ZERO };
    assert_eq!(WalletError::decode(&raw.abi_encode()), WalletError::Token(read));
}

#[test]
fn what_solidity_and_strangers_say_is_told() {
    let said = Revert { reason: "ERC20: transfer amount exceeds balance".to_owned() };
    let read = WalletError::decode(&said.abi_encode());
    assert_eq!(read, WalletError::Message(said.reason));
    let overflow = Panic { code: U256::from(0x11) };
    let read = WalletError::decode(&overflow.abi_encode());
    assert_eq!(read, WalletError::Panic { code: U256::from(0x11) });
    assert!(read.to_string().contains("0x11") && read.to_string().contains("overflow"), "{read}");
    let unheard_of = WalletError::Panic { code: U256::MAX };
    assert!(unheard_of.to_string().contains("unknown code"), "{unheard_of}");

    assert_eq!(WalletError::decode(&[]), WalletError::NoReason);
    for data in [&[1u8, 2, 3][..], &[0xde, 0xad, 0xbe, 0xef, 1], &[0; 100]] {
        let read = WalletError::decode(data);
        assert_eq!(read, WalletError::Unknown(Bytes::copy_from_slice(data)));
        assert!(read.to_string().ends_with(&Bytes::copy_from_slice(data).to_string()));
    }
    // A known error's name with too few arguments is nothing known.
    let cut = &DebitWallet::UnknownAccount { account: 1 }.abi_encode()[..20];
    assert_eq!(WalletError::decode(cut), WalletError::Unknown(Bytes::copy_from_slice(cut)));
}

fn answered(payload: &str) -> TransportError {
    let payload: ErrorPayload = serde_json::from_str(payload).unwrap();
    RpcError::ErrorResp(payload)
}

/// As nodes give it: in `data`, deeper, as text, or not at all.
#[test]
fn reverts_are_found_in_nodes_answers() {
    let data = DebitWallet::AmountZero {}.abi_encode();
    let hex = Bytes::from(data);
    for payload in [
        format!(r#"{{"code":3,"message":"execution reverted","data":"{hex}"}}"#),
        format!(r#"{{"code":-32000,"message":"execution reverted: custom","data":"{hex}"}}"#),
        format!(
            r#"{{"code":-32015,"message":"VM execution error: reverted","data":{{"data":"{hex}"}}}}"#
        ),
    ] {
        assert_eq!(revert_of(&answered(&payload)), Some(WalletError::AmountZero), "{payload}");
    }
    let bare = r#"{"code":3,"message":"execution reverted"}"#;
    assert_eq!(revert_of(&answered(bare)), Some(WalletError::NoReason));
    let empty = r#"{"code":3,"message":"execution reverted","data":"0x"}"#;
    assert_eq!(revert_of(&answered(empty)), Some(WalletError::NoReason));

    for payload in [
        r#"{"code":-32000,"message":"nonce too low"}"#,
        r#"{"code":-32005,"message":"limit exceeded","data":"0x1234"}"#,
    ] {
        assert_eq!(revert_of(&answered(payload)), None, "{payload}");
        let error = ChainError::from(answered(payload));
        assert!(matches!(error, ChainError::Transport(_)), "{error:?}");
        assert!(error.reason().is_none());
    }
}

/// Providers' access keys stand in nodes' addresses, and those in the transport's errors.
#[tokio::test]
async fn a_nodes_address_does_not_reach_messages() {
    // A port that was free a moment ago.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = format!("http://user:SECRET@127.0.0.1:{port}/v3/SECRET?key=SECRET");
    let node = ProviderBuilder::new().connect_http(url.parse().unwrap());
    let transport = node.get_block_number().await.unwrap_err();
    assert!(transport.to_string().contains("SECRET"), "nothing to hide: {transport}");
    let token = Token::new(node, Address::ZERO).balance_of(Address::ZERO).await.unwrap_err();
    for error in [ChainError::from(transport), token] {
        assert!(matches!(error, ChainError::Transport(_)), "{error:?}");
        let mut cause: Option<&dyn std::error::Error> = Some(&error);
        while let Some(error) = cause {
            assert!(!error.to_string().contains("SECRET"), "{error}");
            assert!(error.to_string().contains(&port.to_string()), "which node: {error}");
            cause = error.source();
        }
    }
}

proptest! {
    /// Revert data is an outsider's. It is read without a panic, and unread data is not lost.
    #[test]
    fn any_revert_data_is_read(mut data: Vec<u8>, known: Option<prop::sample::Index>) {
        let errors = errors_of("DebitWallet.json");
        if let Some(known) = known {
            data.splice(0..0, known.get(&errors).selector());
        }
        let read = WalletError::decode(&data);
        prop_assert!(!read.to_string().is_empty());
        if let WalletError::Unknown(kept) = read {
            prop_assert_eq!(kept.to_vec(), data);
        }
    }
}
