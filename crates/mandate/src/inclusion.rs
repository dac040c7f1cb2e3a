//! Inclusion proofs: that a mandate was settled in a batch, and for how much.
//!
//! A proof leads from one mandate to the commitment `C` of a segment: the mandates that follow it in
//! its lane give the lane's last id, the lane's elements its leaf, the siblings the root, and the
//! root, the header, the shape and the cover `C`.
//!
//! A `C` alone is no evidence: anybody can have the wallet settle a batch of verifiers of his own,
//! with any `C` in it. What it is worth, the settled transaction says: it debits the mandate's
//! account, under verifiers that the account's owner chose, and spends the mandate's nonce. That is
//! checked where the chain is read (`aep2-chain`).
//!
//! That a mandate hashes into a lane's last id does not show that it was settled: a chain is older
//! than the lane that it is cut into. So the proof names the mandate's slot, and the slot's flag
//! must be set; every set flag behind it must have its mandate, and no mandate may lack a flag.

use serde::{Deserialize, Serialize};

use crate::{
    commitment::{self, SLOTS_MAX},
    field::{self, Fr},
    mandate::{Domain, Mandate, MandateId},
    poseidon,
    units::{Amount, UnixTime},
};

/// The way from a mandate to the commitment of its segment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct InclusionProof {
    /// The mandate's segment in its batch, from 0.
    pub segment: u16,
    /// How many lanes the segment's shape has.
    pub lanes: u16,
    /// The mandate's lane, from 0.
    pub lane: u16,
    /// The mandate's slot in its lane, from 0.
    pub slot: u8,
    /// Which slots of the lane are used, as many as the shape's lanes have.
    pub flags: Vec<bool>,
    /// What each slot captured, where the shape has capture; unused slots captured nothing.
    pub captured: Option<Vec<Amount>>,
    /// The rest of the lane's chain: the mandates in the used slots behind this one.
    pub following: Vec<Link>,
    /// `Poseidon(Ax, Ay)` of the lane's key.
    #[serde(with = "element")]
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::Bytes32))]
    pub key_hash: Fr,
    /// The siblings from the lane's leaf to the root.
    #[serde(with = "elements")]
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<crate::openapi::Bytes32>))]
    pub siblings: Vec<Fr>,
    /// The time until which the batch could settle.
    pub valid_until: UnixTime,
    /// What hides the segment, hashed. (Whoever had what it hashes could tell which entries of the
    /// batch belong to the segment.)
    #[serde(with = "element")]
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::Bytes32))]
    pub cover: Fr,
}

/// What an id hashes of a mandate beside its domain and the id before: enough to follow a chain,
/// and no more than the circuit sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Link {
    /// The account and the nonce's word: `Mandate::account_word`.
    #[serde(with = "element")]
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::Bytes32))]
    pub account_word: Fr,
    /// Bit, amount and deadline: `Mandate::terms`.
    #[serde(with = "element")]
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::Bytes32))]
    pub terms: Fr,
    /// The payee, as an element.
    #[serde(with = "element")]
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::Bytes32))]
    pub payee: Fr,
    /// What is paid for, as an element: `Mandate::reference_element`.
    #[serde(with = "element")]
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::Bytes32))]
    pub reference: Fr,
}

impl From<&Mandate> for Link {
    fn from(mandate: &Mandate) -> Self {
        Self {
            account_word: mandate.account_word(),
            terms: mandate.terms(),
            payee: field::from_address(mandate.payee),
            reference: mandate.reference_element(),
        }
    }
}

impl Link {
    fn id(&self, domain: Fr, prev: Fr) -> Fr {
        poseidon::hash(&[domain, prev, self.account_word, self.terms, self.payee, self.reference])
    }
}

/// What a proof has shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settled {
    /// The mandate.
    pub id: MandateId,
    /// What its payee received of it.
    pub captured: Amount,
}

/// Why a proof shows nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InclusionError {
    /// The lane or the slot is outside the shape, or the lists have the wrong lengths.
    #[error("the proof's lists do not fit its shape")]
    Malformed,
    /// The mandate pays in another token than the domain's.
    #[error("the mandate pays in another token than the batch")]
    OtherToken,
    /// The slot's flag is not set: the mandate is part of the chain, but not of the batch.
    #[error("the mandate's slot is not used: the chain holds it, the batch does not settle it")]
    NotSettled,
    /// More is captured than the mandate allows, so these are not the lane's elements.
    #[error("the slot captured more than the mandate allows")]
    OverCaptured,
    /// The proof leads to another commitment.
    #[error("the proof leads to another commitment than the segment's")]
    OtherCommitment,
}

impl InclusionProof {
    /// Checks that `mandate` is in the segment with this commitment, in a slot that is used.
    ///
    /// `domain` and `commitment` must come from the chain, not from whoever gave the proof; and the
    /// batch must be one that debited the mandate's account: see the [module](self).
    ///
    /// # Errors
    /// When the proof shows no such thing: see [`InclusionError`].
    pub fn verify(
        &self,
        mandate: &Mandate,
        domain: &Domain,
        commitment: Fr,
    ) -> Result<Settled, InclusionError> {
        if mandate.token != domain.token() {
            return Err(InclusionError::OtherToken);
        }
        let slots = self.flags.len();
        let lists_fit = slots <= SLOTS_MAX
            && self.captured.as_ref().is_none_or(|captured| captured.len() == slots);
        let behind =
            self.flags.get(usize::from(self.slot) + 1..).ok_or(InclusionError::Malformed)?;
        if !lists_fit || behind.iter().filter(|flag| **flag).count() != self.following.len() {
            return Err(InclusionError::Malformed);
        }
        if !self.flags[usize::from(self.slot)] {
            return Err(InclusionError::NotSettled);
        }
        let captured = match &self.captured {
            Some(captured) => captured[usize::from(self.slot)],
            None => mandate.amount.amount(),
        };
        if captured > mandate.amount.amount() {
            return Err(InclusionError::OverCaptured);
        }

        let id = mandate.id(domain);
        let last_id =
            self.following.iter().fold(id.element(), |prev, link| link.id(domain.element(), prev));
        let leaf = self.leaf(last_id);
        let root =
            commitment::root_of_path(leaf, self.lane.into(), self.lanes.into(), &self.siblings)
                .ok_or(InclusionError::Malformed)?;
        let valid_until = Fr::from(self.valid_until.get());
        let (domain, shape) = (domain.element(), self.shape());
        let found = commitment::commitment(root, domain, valid_until, shape, self.cover);
        if found == commitment {
            Ok(Settled { id, captured })
        } else {
            Err(InclusionError::OtherCommitment)
        }
    }

    /// The number that names the segment's shape, as far as the lists tell it.
    pub fn shape(&self) -> u32 {
        // More slots than a lane may have are refused; no shape has 0.
        let slots = u8::try_from(self.flags.len()).unwrap_or(0);
        commitment::shape_id(self.lanes, slots, self.captured.is_some())
    }

    fn leaf(&self, last_id: Fr) -> Fr {
        let flags: Vec<Fr> = self.flags.iter().map(|flag| Fr::from(u64::from(*flag))).collect();
        let captured: Option<Vec<Fr>> = self
            .captured
            .as_ref()
            .map(|captured| captured.iter().map(|amount| Fr::from(amount.get())).collect());
        commitment::leaf(&commitment::lane_elements(
            &last_id,
            &self.key_hash,
            &flags,
            captured.as_deref(),
        ))
    }
}

/// A field element in JSON.
mod element {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::{field::Fr, wire::Element};

    pub(super) fn serialize<S: Serializer>(element: &Fr, serializer: S) -> Result<S::Ok, S::Error> {
        Element(*element).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Fr, D::Error> {
        Element::deserialize(deserializer).map(|Element(element)| element)
    }
}

/// A list of field elements in JSON.
mod elements {
    use serde::{Deserialize, Deserializer, Serializer};

    use crate::{field::Fr, wire::Element};

    pub(super) fn serialize<S: Serializer>(list: &[Fr], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(list.iter().copied().map(Element))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<Fr>, D::Error> {
        let list = Vec::<Element>::deserialize(deserializer)?;
        Ok(list.into_iter().map(|Element(element)| element).collect())
    }
}
