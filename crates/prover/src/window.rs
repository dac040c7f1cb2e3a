//! A window of signed mandates: what is put in, and whether it can be proved.
//!
//! [`Window::validate`] checks everything that a proof would fail on, and names the mandate; what
//! it gives, a [`ValidWindow`], knows its chains and can be arranged in any shape that holds it.

use std::collections::{BTreeMap, HashMap};

use aep2_circuits::{
    Shape,
    settlement::{Debit, Payout, Settlement},
};
use aep2_mandate::{
    eddsa::{self, Forged},
    field::Fr,
    mandate::{Domain, MandateId, SignedMandate},
    units::{AccountId, Amount, ChainId, Nonce, UnixTime},
    wire::Strict,
};
use alloy_primitives::Address;
use rand::{CryptoRng, RngCore};
use serde::{Deserialize, Deserializer, Serialize};

/// The most segments of a window. For as many of the largest named shape the sum's error is bounded in
/// `docs/circuit.md`; a transaction's gas would hold some more.
pub const SEGMENTS_MAX: usize = 64;

/// A window as it is handed in. In JSON:
///
/// ```json
/// {
///   "chainId": 8453, "wallet": "0x…", "token": "0x…", "validUntil": 1790000000,
///   "mandates": [{ "mandate": { … }, "key": { … }, "signature": { … }, "captured": "900" }]
/// }
/// ```
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Window {
    /// The chain that the wallet is on.
    pub chain_id: ChainId,
    /// The wallet that settles.
    #[serde(deserialize_with = "address")]
    pub wallet: Address,
    /// The one token that all mandates pay in.
    #[serde(deserialize_with = "address")]
    pub token: Address,
    /// The latest time at which the batch may settle; no deadline lies before it.
    pub valid_until: UnixTime,
    /// The mandates, in order of acceptance.
    pub mandates: Vec<Entry>,
}

/// A mandate, and what its payee captured of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Entry {
    /// The mandate.
    #[serde(flatten)]
    pub signed: SignedMandate,
    /// What the payee captured; all of it when not said. 0 voids the mandate.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub captured: Option<Amount>,
}

fn address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Address, D::Error> {
    Strict::deserialize(deserializer).map(|Strict(address)| address)
}

/// An amount that is there: `null` is none.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Amount>, D::Error> {
    Amount::deserialize(deserializer).map(Some)
}

impl Entry {
    /// What is paid.
    pub fn captured(&self) -> Amount {
        self.captured.unwrap_or(self.signed.mandate.amount.amount())
    }
}

/// A mandate of a window, to name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its place in the window, from 0.
    pub index: usize,
    /// Its id.
    pub id: MandateId,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "mandate {} ({})", self.index, self.id)
    }
}

/// Why a window cannot be proved.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WindowError {
    /// There is nothing to prove.
    #[error("the window is empty: a batch settles at least one mandate")]
    Empty,
    /// A mandate pays in another token.
    #[error("{place} pays in {found}, the window in {expected}: a batch has one token")]
    OtherToken {
        /// The mandate.
        place: Place,
        /// The window's token.
        expected: Address,
        /// The mandate's.
        found: Address,
    },
    /// A mandate's deadline lies before the time until which the batch is to be valid.
    #[error("{place} expires at {deadline}, before the batch's validUntil {valid_until}")]
    Expired {
        /// The mandate.
        place: Place,
        /// Its deadline.
        deadline: UnixTime,
        /// The window's `validUntil`.
        valid_until: UnixTime,
    },
    /// More is captured than the payer allowed.
    #[error("{place} captures {captured}, above its ceiling {amount}")]
    OverCaptured {
        /// The mandate.
        place: Place,
        /// What was to be captured.
        captured: Amount,
        /// The mandate's amount.
        amount: Amount,
    },
    /// An account uses one nonce twice.
    #[error("{place} uses nonce {nonce} of account {account}, as {first} does")]
    NonceTwice {
        /// The later mandate.
        place: Place,
        /// The earlier one.
        first: Place,
        /// The account.
        account: AccountId,
        /// The nonce.
        nonce: Nonce,
    },
    /// An account signs with two keys, of which the wallet knows one.
    #[error("{place} is signed with another key of account {account} than {first}")]
    TwoKeys {
        /// The later mandate.
        place: Place,
        /// The earlier one.
        first: Place,
        /// The account.
        account: AccountId,
    },
    /// A signature does not hold.
    #[error("{place} is not signed by its key")]
    BadSignature {
        /// The mandate.
        place: Place,
    },
    /// Less than the ceiling is captured, and the shape has no capture.
    #[error(
        "{place} captures less than its amount, which shape {shape} cannot; use {shape}-capture"
    )]
    NeedsCapture {
        /// The mandate.
        place: Place,
        /// The shape asked for.
        shape: Shape,
    },
    /// The window does not fit as many segments as a window may have.
    #[error(
        "{SEGMENTS_MAX} segments of {shape} have {} lanes; the window's chains need {lanes}: {place} \
         is the first that finds none; use a larger shape or a smaller window",
        SEGMENTS_MAX * shape.lanes()
    )]
    TooMany {
        /// The first mandate that finds no lane.
        place: Place,
        /// How many lanes the window needs with the shape's slots.
        lanes: usize,
        /// The shape asked for.
        shape: Shape,
    },
}

/// A window that can be proved.
#[derive(Clone, Debug)]
pub struct ValidWindow {
    window: Window,
    domain: Domain,
    ids: Vec<MandateId>,
    /// The unbroken runs of chains, ordered by their first mandates: indices, in chain order.
    runs: Vec<Vec<usize>>,
}

impl Window {
    /// Checks that a proof of this window can exist.
    ///
    /// # Errors
    /// When the window is empty, or the first mandate at fault: of another token, expired,
    /// captured above its ceiling, its nonce used twice, its account under a second key, badly
    /// signed; in this order.
    pub fn validate(
        self,
        rng: &mut (impl CryptoRng + RngCore),
    ) -> Result<ValidWindow, WindowError> {
        if self.mandates.is_empty() {
            return Err(WindowError::Empty);
        }
        let domain = Domain::new(self.chain_id, self.wallet, self.token);
        let ids: Vec<MandateId> =
            self.mandates.iter().map(|entry| entry.signed.mandate.id(&domain)).collect();
        self.check_terms(&ids)?;
        self.check_accounts(&ids)?;

        let signed: Vec<_> = self
            .mandates
            .iter()
            .zip(&ids)
            .map(|(entry, id)| (entry.signed.key, id.element(), entry.signed.signature))
            .collect();
        eddsa::verify_many(&signed, rng).map_err(|Forged { indices }| {
            WindowError::BadSignature { place: place(&ids, indices[0]) }
        })?;

        let runs = self.runs(&ids);
        Ok(ValidWindow { window: self, domain, ids, runs })
    }

    fn check_terms(&self, ids: &[MandateId]) -> Result<(), WindowError> {
        for (index, entry) in self.mandates.iter().enumerate() {
            let (mandate, place) = (&entry.signed.mandate, place(ids, index));
            if mandate.token != self.token {
                let (expected, found) = (self.token, mandate.token);
                return Err(WindowError::OtherToken { place, expected, found });
            }
            if mandate.deadline < self.valid_until {
                let (deadline, valid_until) = (mandate.deadline, self.valid_until);
                return Err(WindowError::Expired { place, deadline, valid_until });
            }
            let (captured, amount) = (entry.captured(), mandate.amount.amount());
            if captured > amount {
                return Err(WindowError::OverCaptured { place, captured, amount });
            }
        }
        Ok(())
    }

    fn check_accounts(&self, ids: &[MandateId]) -> Result<(), WindowError> {
        let mut nonces = HashMap::new();
        let mut keys = HashMap::new();
        for (index, entry) in self.mandates.iter().enumerate() {
            let (account, nonce) = (entry.signed.mandate.account, entry.signed.mandate.nonce);
            let place_of = |index| place(ids, index);
            if let Some(first) = nonces.insert((account, nonce), index) {
                let (place, first) = (place_of(index), place_of(first));
                return Err(WindowError::NonceTwice { place, first, account, nonce });
            }
            let (key, first) = *keys.entry(account).or_insert((entry.signed.key, index));
            if key != entry.signed.key {
                let (place, first) = (place_of(index), place_of(first));
                return Err(WindowError::TwoKeys { place, first, account });
            }
        }
        Ok(())
    }

    /// Follows `prev` from mandate to mandate of one account and key. Where two follow the same one, the first
    /// in the window goes on with the run and the other starts its own: a signature vouches for
    /// the mandates before it wherever the run is cut.
    fn runs(&self, ids: &[MandateId]) -> Vec<Vec<usize>> {
        let index_of: HashMap<MandateId, usize> =
            ids.iter().enumerate().map(|(index, id)| (*id, index)).collect();
        let mut next = vec![None; ids.len()];
        let mut follows = vec![false; ids.len()];
        for (index, entry) in self.mandates.iter().enumerate() {
            let before = entry.signed.mandate.prev.id().and_then(|id| index_of.get(&id).copied());
            let joins = |before: &usize| {
                let (before, own) = (&self.mandates[*before].signed, &entry.signed);
                before.key == own.key && before.mandate.account == own.mandate.account
            };
            if let Some(before) = before.filter(joins)
                && next[before].is_none()
            {
                next[before] = Some(index);
                follows[index] = true;
            }
        }
        (0..ids.len())
            .filter(|index| !follows[*index])
            .map(|first| std::iter::successors(Some(first), |index| next[*index]).collect())
            .collect()
    }
}

fn place(ids: &[MandateId], index: usize) -> Place {
    Place { index, id: ids[index] }
}

impl ValidWindow {
    /// The window.
    pub fn window(&self) -> &Window {
        &self.window
    }

    /// The window's domain.
    pub fn domain(&self) -> &Domain {
        &self.domain
    }

    /// The mandates' ids, in the window's order.
    pub fn ids(&self) -> &[MandateId] {
        &self.ids
    }

    /// How many lanes of `slots` slots the window's chains need.
    pub fn lanes_needed(&self, slots: usize) -> usize {
        self.runs.iter().map(|run| run.len().div_ceil(slots)).sum()
    }

    /// Whether some payee captured less than the ceiling, so that only a shape with capture fits.
    pub fn needs_capture(&self) -> bool {
        self.first_partly_captured().is_some()
    }

    fn first_partly_captured(&self) -> Option<usize> {
        let partly = |entry: &Entry| entry.captured() != entry.signed.mandate.amount.amount();
        self.window.mandates.iter().position(partly)
    }

    /// How many segments of `shape` the window's chains need.
    pub fn segments_needed(&self, shape: Shape) -> usize {
        self.lanes_needed(shape.slots()).div_ceil(shape.lanes())
    }

    /// The window's runs cut to the shape's lanes: indices of mandates, in chain order.
    ///
    /// # Errors
    /// When [`SEGMENTS_MAX`] segments have too few lanes, or the shape no capture where it is needed.
    pub fn lanes(&self, shape: Shape) -> Result<Vec<Vec<usize>>, WindowError> {
        if let (false, Some(index)) = (shape.capture(), self.first_partly_captured()) {
            return Err(WindowError::NeedsCapture { place: place(&self.ids, index), shape });
        }
        let cut = self.runs.iter().flat_map(|run| run.chunks(shape.slots()));
        let lanes: Vec<Vec<usize>> = cut.map(<[usize]>::to_vec).collect();
        match lanes.get(SEGMENTS_MAX * shape.lanes()) {
            None => Ok(lanes),
            Some(first) => {
                let place = place(&self.ids, first[0]);
                Err(WindowError::TooMany { place, lanes: lanes.len(), shape })
            }
        }
    }

    /// What the wallet is to settle: debits by account and nonce word, payouts by payee, those of
    /// nothing left out.
    pub fn settlement(&self) -> Settlement {
        let mut debits = BTreeMap::<(AccountId, u64), Debit>::new();
        let mut payouts = BTreeMap::<Address, u128>::new();
        let mut key_hashes = HashMap::<AccountId, Fr>::new();
        for entry in &self.window.mandates {
            let (mandate, captured) = (&entry.signed.mandate, entry.captured().get());
            let account = mandate.account;
            let key_hash = *key_hashes.entry(account).or_insert_with(|| entry.signed.key.hash());
            let word = mandate.nonce.word();
            let debit = debits.entry((account, word)).or_insert(Debit {
                account: account.get(),
                word,
                mask: 0,
                amount: 0,
                key_hash,
            });
            debit.mask |= 1 << mandate.nonce.bit();
            debit.amount += captured;
            *payouts.entry(mandate.payee).or_default() += captured;
        }
        Settlement {
            domain: self.domain.element(),
            valid_until: self.window.valid_until.get(),
            count: self.window.mandates.len() as u32,
            debits: debits.into_values().collect(),
            payouts: payouts
                .into_iter()
                .filter(|(_, amount)| *amount > 0)
                .map(|(payee, amount)| Payout { payee, amount })
                .collect(),
        }
    }
}
