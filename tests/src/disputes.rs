//! Sales that can be disputed, and what payers, payees and arbiters sign about them.

use aep2_mandate::{
    mandate::SignedMandate,
    typed_data::{
        Signed, TypedData,
        dispute::{Dispute, DisputeAnswer, Evidence, Reason, SignedDispute, SignedDisputeAnswer},
        keyed::{AnySigned, KeySigned},
        ruling::{Ruling, SignedRuling},
    },
    units::Amount,
};
use aep2_processor::accept::OfferedMandate;
use aep2_x402::{disputes::Disputes, preimage::Preimage, purchase::Venue};
use alloy::{
    primitives::{B256, keccak256},
    signers::local::PrivateKeySigner,
};

use crate::{payers::Payer, world::World};

/// How long a payer may dispute, in seconds.
pub const WINDOW_S: u64 = 100;
/// How long an arbiter has then, in seconds.
pub const RULING_S: u64 = 200;

/// The arbiter with this number.
pub fn arbiter(number: u8) -> PrivateKeySigner {
    PrivateKeySigner::from_bytes(&B256::repeat_byte(0xc0 + number)).expect("a key")
}

/// Arbiter 1 decides, about anything but what is unauthorized.
pub fn disputes() -> Disputes {
    disputes_for(vec![Reason::Other, Reason::Overcharge, Reason::ServiceNotDelivered])
}

/// Arbiter 1 decides, about these.
pub fn disputes_for(reasons: Vec<Reason>) -> Disputes {
    Disputes::new(arbiter(1).address(), WINDOW_S, RULING_S, reasons, true).expect("an agreement")
}

impl World {
    /// Where payments count.
    pub fn venue(&self) -> Venue {
        let wallet = self.id();
        let (chain, processor) = (wallet.chain_id, self.processor.address());
        Venue { chain, wallet: wallet.address, processor }
    }

    /// A mandate that pays for something on terms that agree to disputes, with what its `ref` was made of.
    pub fn sale(&self, payer: &Payer, amount: u128, nonce: u64) -> OfferedMandate {
        self.sale_on(payer, amount, nonce, Some(disputes()))
    }

    /// The same, on these terms.
    pub fn sale_on(
        &self,
        payer: &Payer,
        amount: u128,
        nonce: u64,
        disputes: Option<Disputes>,
    ) -> OfferedMandate {
        let resource = format!("https://shop.example/{nonce}");
        let preimage = Preimage { method: "GET".to_owned(), resource, order: None, disputes };
        let payment = self.payment(amount, nonce);
        // The hash is of the terms alone, and of the mandate's own fields.
        let mandate = payer.sign(self.id(), payment).mandate;
        let signed =
            payer.sign_for(self.id(), payment, preimage.reference(&self.venue(), &mandate));
        OfferedMandate { signed, preimage: Some(preimage) }
    }

    /// What a payer says to a mandate.
    pub fn dispute(&self, signed: &SignedMandate, reason: Reason, evidence: &[&[u8]]) -> Dispute {
        let piece = |bytes: &&[u8]| Evidence::of(bytes, "text/plain").expect("evidence");
        Dispute {
            mandate_id: self.id_of(signed).to_bytes(),
            reason,
            text: "Nothing came.".to_owned(),
            evidence: evidence.iter().map(piece).collect(),
            at: self.clock.now(),
        }
    }

    /// Signed by the agent's key.
    pub fn disputed_by_key(&self, payer: &Payer, dispute: Dispute) -> SignedDispute {
        let domain = self.id().eip712_domain();
        AnySigned::ByKey(KeySigned::sign(dispute, &payer.secret(), &domain))
    }

    /// Signed by an ordinary key.
    pub fn disputed_by(&self, key: &PrivateKeySigner, dispute: Dispute) -> SignedDispute {
        let domain = self.id().eip712_domain();
        AnySigned::ByAddress(Signed::sign(dispute, key, &domain).expect("signed"))
    }

    /// What a payee answers.
    pub fn answered_by(
        &self,
        key: &PrivateKeySigner,
        dispute: &Dispute,
        captured: u128,
    ) -> SignedDisputeAnswer {
        let answer = DisputeAnswer {
            dispute: dispute.struct_hash(),
            captured: Amount::new(captured).expect("an amount"),
            text: "It came.".to_owned(),
            evidence: Vec::new(),
            at: self.clock.now(),
        };
        Signed::sign(answer, key, &self.id().eip712_domain()).expect("signed")
    }

    /// What an arbiter rules.
    pub fn ruled_by(
        &self,
        key: &PrivateKeySigner,
        mandate_id: B256,
        captured: u128,
    ) -> SignedRuling {
        let ruling = Ruling {
            mandate_id,
            captured: Amount::new(captured).expect("an amount"),
            evidence: keccak256(b"what it was decided on"),
            at: self.clock.now(),
        };
        Signed::sign(ruling, key, &self.id().eip712_domain()).expect("signed")
    }
}
