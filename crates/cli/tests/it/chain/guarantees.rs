//! A bond, and a payee whose receipt was not kept, with nothing but the program.

use aep2_chain::wallet::WalletId;
use aep2_mandate::{
    field::Fr,
    mandate::MandateId,
    typed_data::receipt::{Receipt, SignedReceipt},
    units::{AccountId, Ceiling, ChainId, Nonce, UnixTime},
};
use alloy::{primitives::Address, signers::local::PrivateKeySigner};
use serde_json::{Value, json};

use super::{RESPONSE, Town};
use crate::read;

/// The receipt's promise, seconds.
pub(super) const PROMISE: u64 = 100;

/// The owner's word, as a processor, that it settles 2.5 tokens to account 5 of the development accounts.
pub(super) fn receipt(town: &Town) -> SignedReceipt {
    let deployment = read(&town.work.path("aep2-deployment.json"));
    let address = |value: &Value| -> Address { value.as_str().unwrap().parse().unwrap() };
    let wallet = WalletId {
        chain_id: ChainId::new(deployment["chainId"].as_u64().unwrap()),
        address: address(&deployment["wallet"]["address"]),
    };
    let key: PrivateKeySigner = town.chain.account(1, "private_key").parse().unwrap();
    let block = town.chain.ask("eth_getBlockByNumber", json!(["latest", false]));
    let now = block["timestamp"].as_str().unwrap().trim_start_matches("0x");
    let now = u64::from_str_radix(now, 16).unwrap();
    let time = |seconds| UnixTime::new(now + seconds).unwrap();
    let receipt = Receipt {
        mandate_id: MandateId::from_element(Fr::from(7u64)),
        processor: key.address(),
        account: AccountId::new(1).unwrap(),
        nonce: Nonce::new(3),
        token: address(&deployment["testToken"]["address"]),
        payee: town.chain.account(5, "address").parse().unwrap(),
        arbiter: Address::ZERO,
        amount: Ceiling::new(2_500_000).unwrap(),
        issued_at: time(0),
        deadline: time(PROMISE),
        settle_by: time(PROMISE),
    };
    SignedReceipt::sign(receipt, &key, &wallet.eip712_domain()).unwrap()
}

#[test]
fn a_payee_has_its_money_from_the_bond_with_nothing_but_the_program() {
    let town = Town::new();
    let processor = town.chain.account(1, "address");
    town.open();
    let bonded = town.own(&["bond", "add", "--amount", "4", "--mint"]);
    assert_eq!(bonded["balance"], "4000000");
    let payee = town.chain.account(5, "address");
    let own = town.own(&["bond", "add", "--amount", "1", "--mint", "--payee", &payee]);
    assert_eq!(own["balance"], "1000000");
    let shown = town.json(&["bond", "show", "--processor", &processor]);
    assert_eq!(shown["balance"], "4000000");

    let signed = receipt(&town);
    let held = json!({ "mandateId": signed.message.mandate_id, "receipt": signed });
    std::fs::write(town.work.path("receipt.json"), held.to_string()).unwrap();
    let show = || town.json(&["receipt", "show", "receipt.json"])[0].clone();
    let payee = |what: &str| {
        let own = ["receipt", what, "receipt.json", "--from-dev-account", "5"];
        town.json(&own)["receipts"][0].clone()
    };
    let shown = show();
    assert_eq!(shown["signer"], "processor");
    assert_eq!(shown["bonds"], json!(["1000000", "4000000"]));
    assert!(shown["advice"].as_str().unwrap().contains("has time until"), "{shown}");
    let early = ["receipt", "demand", "receipt.json", "--from-dev-account", "5"];
    let said = town.refused(&early);
    assert!(said.contains("demand afterwards"), "{said}");

    town.chain.travel(PROMISE + 1);
    assert!(show()["advice"].as_str().unwrap().contains("demand it"));
    let demanded = payee("demand");
    assert_eq!(demanded["demand"]["due"], "2500000");
    let said = town.refused(&["receipt", "claim", "receipt.json", "--from-dev-account", "5"]);
    assert!(said.contains("by the chain's clock"), "{said}");
    town.chain.travel(RESPONSE + 1);
    assert!(show()["advice"].as_str().unwrap().contains("claim it"));
    let claimed = payee("claim");
    assert_eq!((&claimed["claimed"], &claimed["shown"]), (&json!("2500000"), &json!("0")));
    assert_eq!(claimed["bonds"], json!(["0", "2500000"]), "the payee's own comes first");
    assert_eq!(claimed["advice"], "all that is due was paid");
    let fetched = town.json(&["receipt", "collect", "--from-dev-account", "5"]);
    assert_ne!(fetched["wei"], "0");

    let asked = town.own(&["bond", "request", "--amount", "2.5"]);
    assert_eq!(asked["asked_back"]["base_units"], "2500000");
    let said = town.own_refused(&["bond", "execute"]);
    assert!(said.contains("the delay has not passed"), "{said}");
    town.own(&["bond", "cancel"]);
    town.own(&["bond", "request", "--amount", "2.5"]);
    town.chain.travel(604_800);
    let taken = town.own(&["bond", "execute"]);
    assert_eq!((&taken["taken_out"], &taken["balance"]), (&json!("2500000"), &json!("0")));
}

#[test]
fn what_is_no_receipt_with_a_bond_behind_it_is_said() {
    let town = Town::new();
    std::fs::write(town.work.path("receipt.json"), "{\"receipt\":{\"settleBy\":5}}").unwrap();
    let said = town.refused(&["receipt", "show", "receipt.json"]);
    assert!(said.contains("holds no receipt of the proved path"), "{said}");
    let stranger: PrivateKeySigner = town.chain.account(7, "private_key").parse().unwrap();
    let mut signed = receipt(&town);
    signed.message.processor = stranger.address();
    std::fs::write(town.work.path("receipt.json"), serde_json::to_string(&signed).unwrap())
        .unwrap();
    let shown = town.json(&["receipt", "show", "receipt.json"])[0].clone();
    assert_eq!(shown["signer"], "nobody");
    assert!(shown["advice"].as_str().unwrap().contains("worth nothing"), "{shown}");
}
