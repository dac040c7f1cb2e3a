//! Finding a receipt in a transaction's input.

use aep2_mandate::{
    mandate::MandateId,
    typed_data::{TypedData, receipt::Receipt},
    units::{AccountId, Ceiling, Nonce, UnixTime},
};
use alloy::{
    primitives::B256,
    sol_types::{Eip712Domain, SolValue},
};

use crate::contracts::guarantee::IGuarantee;

/// A receipt takes eleven words.
const BYTES: usize = 11 * 32;

/// The receipt with this digest, where it stands in a transaction's input: in a demand, or in a call of
/// whatever contract that made one, as long as it was handed the receipt. An event names the digest
/// alone.
pub fn receipt_within(
    input: &[u8],
    mandate_id: B256,
    digest: B256,
    domain: &Eip712Domain,
) -> Option<Receipt> {
    let begins = |bytes: &&[u8]| bytes[..32] == mandate_id[..];
    let found = input.windows(BYTES).filter(begins).filter_map(decode);
    found.into_iter().find(|receipt| receipt.digest(domain) == digest)
}

fn decode(words: &[u8]) -> Option<Receipt> {
    let own = IGuarantee::Receipt::abi_decode(words).ok()?;
    Some(Receipt {
        mandate_id: MandateId::from_bytes(own.mandateId)?,
        processor: own.processor,
        account: AccountId::new(own.account).ok()?,
        nonce: Nonce::new(own.nonce),
        token: own.token,
        payee: own.payee,
        arbiter: own.arbiter,
        amount: Ceiling::new(own.amount.to()).ok()?,
        issued_at: UnixTime::new(own.issuedAt.to()).ok()?,
        deadline: UnixTime::new(own.deadline.to()).ok()?,
        settle_by: UnixTime::new(own.settleBy.to()).ok()?,
    })
}

#[cfg(test)]
mod tests {
    use aep2_mandate::{field::Fr, typed_data::domain, units::ChainId};
    use alloy::primitives::Address;

    use super::*;
    use crate::wallet::guarantee::calls::receipt as to_abi;

    #[test]
    fn a_receipt_is_found_wherever_it_stands() {
        let time = |seconds| UnixTime::new(seconds).unwrap();
        let receipt = Receipt {
            mandate_id: MandateId::from_element(Fr::from(7u64)),
            processor: Address::repeat_byte(1),
            account: AccountId::new(5).unwrap(),
            nonce: Nonce::new(9),
            token: Address::repeat_byte(2),
            payee: Address::repeat_byte(3),
            arbiter: Address::ZERO,
            amount: Ceiling::new(70).unwrap(),
            issued_at: time(10),
            deadline: time(30),
            settle_by: time(20),
        };
        let domain = domain(ChainId::new(1), Address::repeat_byte(4));
        let (id, digest) = (receipt.mandate_id.to_bytes(), receipt.digest(&domain));
        let other = Receipt { settle_by: time(21), ..receipt };
        let bytes = [
            &[0xde, 0xad, 0xbe, 0xef][..],
            &to_abi(&other).abi_encode(),
            &[1, 2, 3],
            &to_abi(&receipt).abi_encode(),
        ]
        .concat();
        assert_eq!(receipt_within(&bytes, id, digest, &domain), Some(receipt));
        let cut = &bytes[..bytes.len() - 1];
        assert_eq!(receipt_within(cut, id, digest, &domain), None);
        assert_eq!(receipt_within(&bytes, id, B256::ZERO, &domain), None);
    }
}
