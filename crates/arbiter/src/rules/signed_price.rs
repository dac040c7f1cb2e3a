//! The payee's own signed offer was lower than what it takes.
//!
//! The evidence is an offer of x402's extension "offer and receipt" (version 1), in the format `eip712`: the
//! JSON object that stands in `extensions.offer-receipt.info.offers` of an answer 402.
//!
//! ```json
//! {
//!   "format": "eip712",
//!   "payload": {
//!     "version": 1, "resourceUrl": "https://…", "scheme": "aep2", "network": "eip155:8453",
//!     "asset": "0x…", "payTo": "0x…", "amount": "500", "validUntil": 1790000000
//!   },
//!   "signature": "0x… 65 bytes"
//! }
//! ```
//!
//! It counts where the payee's own address signed it, for this resource, in this token, on this chain and
//! by this scheme, and where it was still good when the mandate was accepted. An offer without an end is
//! left to a judge: nothing says that it was not replaced. Offers in the format `jws` are left to a judge
//! too: whose key that is, is found by asking other machines.
//!
//! An offer names neither a method nor when it was made. So where the payee answers that it is owed more,
//! the offer alone shows nothing for certain, and a judge decides.

use aep2_mandate::{
    typed_data::{EcdsaSignature, dispute::Reason},
    units::Amount,
    wire::Strict,
};
use alloy_primitives::{Address, U256};
use alloy_sol_types::{Eip712Domain, SolStruct, eip712_domain};
use serde::{Deserialize, Serialize};

use super::question::Question;
use crate::{case::Party, error::ArbiterError};

/// The scheme that offers of mandates name.
const SCHEME: &str = "aep2";

mod eip712 {
    alloy_sol_types::sol! {
        struct Offer {
            uint256 version;
            string resourceUrl;
            string scheme;
            string network;
            string asset;
            string payTo;
            string amount;
            uint256 validUntil;
        }
    }
}

/// An offer with its signature.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SignedOffer {
    pub(super) format: Format,
    pub(super) payload: Offer,
    pub(super) signature: Strict<EcdsaSignature>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Format {
    Eip712,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Offer {
    pub(super) version: u64,
    pub(super) resource_url: String,
    pub(super) scheme: String,
    pub(super) network: String,
    pub(super) asset: String,
    pub(super) pay_to: String,
    pub(super) amount: String,
    pub(super) valid_until: u64,
}

/// The domain of all offers, whatever chain they are for.
pub(super) fn domain() -> Eip712Domain {
    eip712_domain! { name: "x402 offer", version: "1", chain_id: 1, }
}

impl Offer {
    pub(super) fn digest(&self) -> alloy_primitives::B256 {
        let typed = eip712::Offer {
            version: U256::from(self.version),
            resourceUrl: self.resource_url.clone(),
            scheme: self.scheme.clone(),
            network: self.network.clone(),
            asset: self.asset.clone(),
            payTo: self.pay_to.clone(),
            amount: self.amount.clone(),
            validUntil: U256::from(self.valid_until),
        };
        typed.eip712_signing_hash(&domain())
    }
}

pub(super) fn look(question: &Question<'_>) -> Result<Option<Amount>, ArbiterError> {
    let is_asked = question.file.dispute.message().reason == Reason::Overcharge
        && question.is_heard
        && question.may_lower();
    if !is_asked {
        return Ok(None);
    }
    let prices = question.read::<SignedOffer>(Party::Payer);
    let lowest = prices.filter_map(|offer| price(question, &offer)).min();
    Ok(lowest.and_then(|price| match question.case.answer {
        // What the payee asks for is no more than it offered: both say the same.
        Some(_) => (question.case.owed <= price).then_some(question.case.owed),
        None => (price < question.case.owed).then_some(price),
    }))
}

/// What the payee offered, if it offered this.
fn price(question: &Question<'_>, signed: &SignedOffer) -> Option<Amount> {
    let (offer, file, case) = (&signed.payload, question.file, question.case);
    let is = |text: &str, address: Address| text.parse() == Ok(address);
    let is_this = offer.version == 1
        && offer.scheme == SCHEME
        && offer.network == format!("eip155:{}", case.chain_id)
        && offer.resource_url == file.terms.resource
        && is(&offer.asset, case.token)
        && is(&offer.pay_to, case.payee);
    // 0 says that it has no end.
    let is_good = offer.valid_until >= file.receipt.message.issued_at.get();
    let is_payees = signed.signature.0.verify(&offer.digest(), case.payee).is_ok();
    if is_this && is_good && is_payees { offer.amount.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use alloy_primitives::b256;

    use super::*;
    use crate::rules::world::World;

    fn offer(world: &World) -> Offer {
        Offer {
            version: 1,
            resource_url: world.file.terms.resource.clone(),
            scheme: SCHEME.to_owned(),
            network: format!("eip155:{}", world.case.chain_id),
            asset: world.case.token.to_string().to_lowercase(),
            pay_to: world.case.payee.to_string(),
            amount: "600".to_owned(),
            valid_until: world.at(10).get(),
        }
    }

    fn shown(change: impl FnOnce(&mut Offer)) -> World {
        let mut world = World::overcharge();
        let mut payload = offer(&world);
        change(&mut payload);
        let signature = EcdsaSignature::sign(&world.payee, &payload.digest()).expect("signed");
        let signature = Strict(signature);
        world.show(Party::Payer, &SignedOffer { format: Format::Eip712, payload, signature });
        world.case.answer_by = world.now;
        world
    }

    #[test]
    fn a_silent_payee_gets_what_it_offered() {
        assert_eq!(shown(|_| ()).ask(look), Some(World::amount(600)));
    }

    #[test]
    fn offers_of_something_else_show_nothing() {
        let changes: [fn(&mut Offer); 9] = [
            |offer| offer.version = 2,
            |offer| offer.scheme = "exact".to_owned(),
            |offer| offer.network = "eip155:1".to_owned(),
            |offer| offer.resource_url.push('x'),
            |offer| offer.asset = Address::repeat_byte(9).to_string(),
            |offer| offer.pay_to = Address::repeat_byte(9).to_string(),
            |offer| offer.amount = "0x1".to_owned(),
            |offer| offer.valid_until = 0,
            |offer| offer.amount = "1000".to_owned(),
        ];
        for change in changes {
            assert_eq!(shown(change).ask(look), None);
        }
        // It had ended when the mandate was accepted.
        let mut world = shown(|_| ());
        world.file.receipt.message.issued_at = world.at(11);
        assert_eq!(world.ask(look), None);
    }

    #[test]
    fn an_offer_that_somebody_else_signed_shows_nothing() {
        let mut world = World::overcharge();
        let payload = offer(&world);
        let stranger = alloy::signers::local::PrivateKeySigner::random();
        let signature = Strict(EcdsaSignature::sign(&stranger, &payload.digest()).expect("signed"));
        world.show(Party::Payer, &SignedOffer { format: Format::Eip712, payload, signature });
        world.case.answer_by = world.now;
        assert_eq!(world.ask(look), None);
    }

    #[test]
    fn a_payee_that_explains_itself_is_read_by_a_judge() {
        assert_eq!(shown(|_| ()).answered(1_000).ask(look), None);
        assert_eq!(shown(|_| ()).answered(601).ask(look), None);
        // It asks for no more than it offered.
        assert_eq!(shown(|_| ()).answered(600).ask(look), Some(World::amount(600)));
        assert_eq!(shown(|_| ()).answered(500).ask(look), Some(World::amount(500)));
    }

    #[test]
    fn offers_hash_as_other_software_has_them() {
        // By @x402/extensions 2.27.0 (hashOfferTypedData), which uses viem.
        let offer = Offer {
            version: 1,
            resource_url: "https://api.example.com/weather?city=Berlin".to_owned(),
            scheme: "aep2".to_owned(),
            network: "eip155:8453".to_owned(),
            asset: "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913".to_owned(),
            pay_to: "0x209693Bc6afc0C5328bA36FaF03C514EF312287C".to_owned(),
            amount: "10000".to_owned(),
            valid_until: 1_790_000_000,
        };
        let expected = b256!("0x252ff89bfbb4a7f04546762364c3247bdeb857ed0989df9fa23950ec3ec30acb");
        assert_eq!(offer.digest(), expected);
    }
}
