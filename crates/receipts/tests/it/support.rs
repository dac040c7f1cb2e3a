//! Signed statements.

use aep2_mandate::{
    field::Fr,
    mandate::MandateId,
    typed_data::{
        capture::{Capture, CaptureReceipt, SignedCapture, SignedCaptureReceipt},
        domain,
        receipt::{Receipt, SignedReceipt},
    },
    units::{AccountId, Amount, Ceiling, ChainId, Nonce, UnixTime},
};
use alloy_primitives::Address;
use alloy_signer_local::PrivateKeySigner;

const CHAIN: ChainId = ChainId::new(31_337);
const WALLET: Address = Address::repeat_byte(4);

pub(crate) fn receipt(number: u64) -> SignedReceipt {
    let key = PrivateKeySigner::from_slice(&[7; 32]).unwrap();
    let time = |seconds: u64| UnixTime::new(1_790_000_000 + seconds).unwrap();
    let receipt = Receipt {
        mandate_id: MandateId::from_element(Fr::from(number)),
        processor: key.address(),
        account: AccountId::new(1).unwrap(),
        nonce: Nonce::new(number),
        token: Address::repeat_byte(2),
        payee: Address::repeat_byte(3),
        arbiter: Address::ZERO,
        amount: Ceiling::new(1_000).unwrap(),
        issued_at: time(0),
        deadline: time(900),
        settle_by: time(600),
    };
    SignedReceipt::sign(receipt, &key, &domain(CHAIN, WALLET)).unwrap()
}

pub(crate) fn captured(number: u64) -> (SignedCapture, SignedCaptureReceipt) {
    let key = PrivateKeySigner::from_slice(&[7; 32]).unwrap();
    let amount = Amount::new(900).unwrap();
    let mandate_id = receipt(number).message.mandate_id.to_bytes();
    let statement = CaptureReceipt {
        mandate_id,
        processor: key.address(),
        arbiter: Address::ZERO,
        amount,
        issued_at: UnixTime::new(1_790_000_001).unwrap(),
    };
    (
        SignedCapture::sign(Capture { mandate_id, amount }, &key, &domain(CHAIN, WALLET)).unwrap(),
        SignedCaptureReceipt::sign(statement, &key, &domain(CHAIN, WALLET)).unwrap(),
    )
}
