//! Refunds, as payees and payers ask a processor about them: `GET /v1/mandates/{id}`,
//! `POST /v1/mandates/{id}/refunds`.
//!
//! A processor that lies could have a payee give its money to somebody else's account, or show a payer
//! refunds that nobody promised. So what it says of a mandate is held against the mandate's id, and what
//! it says that a payee signed against the signature. What is left is its word: whether and for how much
//! the mandate was settled, and whether the chain shows a refund's deposit.

use aep2_mandate::{
    mandate::{Domain, Mandate},
    typed_data::{self, TypedData, direct::DirectMandate, refund::SignedRefund},
    units::{AccountId, Amount, ChainId, UnixTime},
    wire::Strict,
};
use alloy_primitives::{Address, B256, U256};
use serde::{Deserialize, Serialize};

use crate::{
    call::{at, post, refusal},
    error::ProcessorError,
    lookup::Lookup,
};

/// What a processor says of a mandate, as far as refunds need it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PaidMandate {
    /// What was signed.
    pub mandate: Terms,
    /// The account that paid.
    pub account: AccountId,
    /// Where the mandate is.
    status: String,
    /// What was paid, where it is settled.
    amount: Option<Amount>,
    /// What was given back of it.
    #[serde(default)]
    pub refunds: Vec<RefundStatus>,
}

/// A mandate of either path.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Terms {
    /// Of the proved path.
    Proved(Mandate),
    /// Of the direct path.
    Direct(DirectMandate),
}

/// A refund.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RefundStatus {
    /// What the payee signed.
    pub refund: SignedRefund,
    /// When it was announced, by the processor's clock.
    pub announced_at: UnixTime,
    /// The EIP-3009 nonce of the deposit that pays it.
    pub deposit_nonce: Strict<B256>,
    /// Whether the processor saw that deposit on chain.
    pub status: RefundStep,
    /// Its transaction, by which anybody can see it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transaction: Option<Strict<B256>>,
}

/// How far a refund is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RefundStep {
    /// The payee said so.
    Announced,
    /// The money is in the payer's account.
    Paid,
}

impl Terms {
    /// The token paid in.
    pub fn token(&self) -> Address {
        match self {
            Self::Proved(mandate) => mandate.token,
            Self::Direct(mandate) => mandate.token,
        }
    }

    /// Who was paid.
    pub fn payee(&self) -> Address {
        match self {
            Self::Proved(mandate) => mandate.payee,
            Self::Direct(mandate) => mandate.payee,
        }
    }

    /// The most that it could pay.
    fn ceiling(&self) -> U256 {
        match self {
            Self::Proved(mandate) => U256::from(mandate.amount.get()),
            Self::Direct(mandate) => mandate.amount,
        }
    }
}

impl PaidMandate {
    /// What was paid; none where the processor does not say that the mandate is settled.
    pub fn settled(&self) -> Option<Amount> {
        self.amount.filter(|_| self.status == "settled")
    }

    /// Whether this is the mandate with that id: then its payee, its token and, on the proved path, its
    /// account are what the payer signed. A direct mandate does not name its account, but its owner.
    fn is(&self, mandate: B256, chain: ChainId, wallet: Address) -> bool {
        let id = match &self.mandate {
            Terms::Proved(own) => own.id(&Domain::new(chain, wallet, own.token)).to_bytes(),
            Terms::Direct(own) => own.digest(&typed_data::domain(chain, wallet)),
        };
        let account = match &self.mandate {
            Terms::Proved(own) => own.account == self.account,
            Terms::Direct(_) => true,
        };
        let within =
            self.settled().is_none_or(|paid| U256::from(paid.get()) <= self.mandate.ceiling());
        id == mandate && account && within
    }
}

impl Lookup {
    /// A mandate with its refunds; nothing where the processor does not know it. Refunds that the mandate's
    /// payee did not sign are left out.
    ///
    /// # Errors
    /// When it does not answer, not as a processor does, or with another mandate.
    pub async fn paid(
        &self,
        mandate: B256,
        chain: ChainId,
        wallet: Address,
    ) -> Result<Option<PaidMandate>, ProcessorError> {
        let found: Option<PaidMandate> = self.get(&format!("v1/mandates/{mandate}")).await?;
        let Some(mut found) = found else { return Ok(None) };
        if !found.is(mandate, chain, wallet) {
            let message = format!("what it says of mandate {mandate} is not that mandate");
            return Err(ProcessorError::InvalidAnswer(message));
        }
        let (domain, terms) = (typed_data::domain(chain, wallet), found.mandate.clone());
        found.refunds.retain(|own| {
            let said = &own.refund.message;
            said.mandate_id == mandate
                && said.token == terms.token()
                && own.refund.verify(&domain, terms.payee()).is_ok()
        });
        Ok(Some(found))
    }

    /// Announces a refund, or the same again.
    ///
    /// # Errors
    /// When the processor does not answer, not as one does, or refuses it.
    pub async fn announce(&self, refund: &SignedRefund) -> Result<RefundStatus, ProcessorError> {
        let invalid = |error: serde_json::Error| ProcessorError::InvalidAnswer(error.to_string());
        let path = format!("v1/mandates/{}/refunds", refund.message.mandate_id);
        let body = serde_json::to_vec(refund).map_err(invalid)?;
        let (status, answer) = post(&self.http, at(&self.base, &path), body, self.retry).await?;
        if !status.is_success() {
            return Err(refusal(status, &answer));
        }
        serde_json::from_slice(&answer).map_err(invalid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The vectors of `docs/protocol.md` are made elsewhere; here it matters that the answer is bound to
    /// the id that was asked for.
    fn answer(account: u32) -> PaidMandate {
        let mandate = serde_json::json!({
            "account": 7, "token": "0x00000000000000000000000000000000000000bb",
            "payee": "0x00000000000000000000000000000000000000ee", "amount": "1000", "nonce": "0",
            "deadline": 1_790_000_000, "ref": format!("0x{:064x}", 3), "prev": format!("0x{:064x}", 0),
        });
        let answer = serde_json::json!({
            "mandate": mandate, "account": account, "status": "settled", "amount": "900",
        });
        serde_json::from_value(answer).expect("an answer")
    }

    #[test]
    fn an_account_token_or_payee_that_the_payer_did_not_sign_is_not_believed() {
        let (chain, wallet) = (ChainId::new(31_337), Address::repeat_byte(0xaa));
        let honest = answer(7);
        let Terms::Proved(mandate) = &honest.mandate else { panic!("a proved mandate") };
        let id = mandate.id(&Domain::new(chain, wallet, mandate.token)).to_bytes();
        assert!(honest.is(id, chain, wallet));
        assert!(!answer(8).is(id, chain, wallet), "another account beside the mandate");
        for change in [
            (|own: &mut Mandate| own.account = AccountId::new(8).expect("an account"))
                as fn(&mut Mandate),
            |own| own.token = Address::repeat_byte(1),
            |own| own.payee = Address::repeat_byte(1),
        ] {
            let mut changed = mandate.clone();
            change(&mut changed);
            let account = changed.account;
            let lie = PaidMandate { mandate: Terms::Proved(changed), account, ..honest.clone() };
            assert!(!lie.is(id, chain, wallet));
        }
        let more = PaidMandate { amount: Amount::new(1_001).ok(), ..honest.clone() };
        assert!(!more.is(id, chain, wallet), "more was paid than was signed");
        assert!(!honest.is(id, chain, Address::repeat_byte(0xab)), "another wallet");
        assert!(!honest.is(id, ChainId::new(1), wallet), "another chain");
        let waits = PaidMandate { status: "queued".to_owned(), ..honest };
        assert_eq!(waits.settled(), None);
    }
}
