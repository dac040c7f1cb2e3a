//! A card: made by an issuer, narrowed by whoever holds it, read and checked.

use std::{fmt, str::FromStr};

use biscuit_auth::{
    Biscuit, BlockBuilder, PublicKey, RootKeyProvider, UnverifiedBiscuit, builder, error,
};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use alloy_primitives::hex;

use crate::{
    decision::{self, Denied, Facts, Verdict},
    error::CardError,
    facts::{self, BlockFacts, Fact, Term},
    handover::{self, Handover},
    keys::{HolderPublicKey, RootKey, RootPublicKeys, unhex},
    restrictions::Restrictions,
    revocation::RevocationId,
    token::CardToken,
};

/// The fact of the issuer's block that says which card it is.
const CARD: &str = "card";
/// The fact that says who holds the card.
const HOLDER: &str = "holder";
/// The fact of the issuer's block that says that whoever has the card holds it.
const BEARER: &str = "bearer";
/// The fact that narrows the card.
const RESTRICT: &str = "restrict";

/// Which card it is, in its issuer's books: 1 to 64 letters, digits, hyphens and underscores.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CardId(String);

impl CardId {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for CardId {
    type Err = CardError;

    fn from_str(text: &str) -> Result<Self, CardError> {
        let usual = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        let fits = (1..=64).contains(&text.len()) && text.bytes().all(usual);
        if fits { Ok(Self(text.to_owned())) } else { Err(CardError::Id) }
    }
}

impl fmt::Display for CardId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for CardId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for CardId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for CardId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// What a card says. Nobody may have checked that its issuer said it.
#[derive(Clone, Debug, PartialEq)]
pub struct Card {
    /// Which card it is.
    pub id: CardId,
    /// The number of the root key that it says it is from.
    pub root_key: u32,
    /// Whose signature each request needs. None: whoever has the card may use it.
    pub holder: Option<HolderPublicKey>,
    /// Its blocks, the issuer's first. The issuer's restricts nothing: the owner's limits are in
    /// the issuer's books, where the owner can change them.
    pub blocks: Vec<Block>,
    /// Whether nothing more can be appended.
    pub sealed: bool,
}

/// A block of a card.
#[derive(Clone, Debug, PartialEq)]
pub struct Block {
    /// The block's name. A card is revoked with any of its blocks. What a block's restrictions
    /// make to be counted is counted under this.
    pub revocation_id: RevocationId,
    /// What is allowed at most from here on.
    pub restrictions: Restrictions,
}

/// A card whose signatures were checked: its issuer made it, and each block was appended by who
/// might append one. Whether a block of it was revoked, its issuer knows.
#[derive(Clone, Debug, PartialEq)]
pub struct VerifiedCard(Card);

impl VerifiedCard {
    /// Which card it is.
    pub fn id(&self) -> &CardId {
        &self.0.id
    }

    /// Whose signature each request needs. None: whoever has the card may use it.
    pub fn holder(&self) -> Option<HolderPublicKey> {
        self.0.holder
    }

    /// Its blocks, the issuer's first.
    pub fn blocks(&self) -> &[Block] {
        &self.0.blocks
    }

    /// Whether all blocks allow a payment. The owner's limits are not in the card.
    ///
    /// # Errors
    /// The first reason why not.
    pub fn allows(&self, facts: &Facts) -> Result<Verdict, Denied> {
        decision::allows(self.0.blocks.iter().map(|block| &block.restrictions), facts)
    }
}

/// Who may use a new card.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holder {
    /// Whoever signs with this key.
    Key(HolderPublicKey),
    /// Whoever has the card.
    Bearer,
}

impl Card {
    /// A new card of this issuer.
    ///
    /// # Errors
    /// When the Biscuit cannot be made, which does not happen to an id that was read.
    pub fn mint(root: &RootKey, id: &CardId, holder: Holder) -> Result<CardToken, CardError> {
        let holder = match holder {
            Holder::Key(key) => builder::fact(HOLDER, &[builder::string(&key.to_string())]),
            Holder::Bearer => builder::fact(BEARER, &[builder::boolean(true)]),
        };
        let biscuit = Biscuit::builder()
            .root_key_id(root.id())
            .fact(builder::fact(CARD, &[builder::string(id.as_str())]))
            .and_then(|biscuit| biscuit.fact(holder))
            .and_then(|biscuit| biscuit.build(&root.pair))
            .and_then(|biscuit| biscuit.to_vec());
        CardToken::from_bytes(&biscuit.map_err(format)?)
    }

    /// Reads a card and checks all its signatures.
    ///
    /// # Errors
    /// When it is no card of one of these issuers' keys, or has anything in it that is not known.
    pub fn parse(token: &CardToken, roots: &RootPublicKeys) -> Result<VerifiedCard, CardError> {
        let bytes = token.to_bytes()?;
        // What costs little comes first: the number of signatures is bounded from here on.
        let card = Self::inspect(token)?;
        let root = roots.get(card.root_key).ok_or(CardError::UnknownRootKey)?;
        Biscuit::from(&bytes, Root(root)).map_err(|_| CardError::Signature)?;
        Ok(VerifiedCard(card))
    }

    /// Reads a card without the issuer's key: what it says, if its issuer says so.
    ///
    /// Handovers from one holder to the next are checked, the blocks' own signatures are not.
    ///
    /// # Errors
    /// When it is no card, or has anything in it that is not known.
    pub fn inspect(token: &CardToken) -> Result<Self, CardError> {
        let biscuit = facts::read(&token.to_bytes()?)?;
        let mut blocks = biscuit.blocks.iter();
        let first = blocks.next().ok_or(CardError::Incomplete)?;
        let (id, holder) = authority(first)?;
        let mut card = Self {
            id,
            root_key: biscuit.root_key,
            holder,
            blocks: vec![Block {
                revocation_id: first.name,
                restrictions: Restrictions::default(),
            }],
            sealed: biscuit.sealed,
        };
        let mut before = first.name;
        for (block, index) in blocks.zip(1..) {
            before = card.append(block, index, &before)?;
        }
        Ok(card)
    }

    /// Appends a block that was read. Gives its name.
    fn append(
        &mut self,
        block: &BlockFacts,
        index: usize,
        before: &RevocationId,
    ) -> Result<RevocationId, CardError> {
        let appended = Appended::read(block, index)?;
        let mut name = block.name;
        if let Some((to, signature)) = appended.holder {
            let to: HolderPublicKey =
                to.parse().map_err(|reason| CardError::Holder { block: index, reason })?;
            let message = handover::message(before, &to, appended.restrict);
            let by = self.holder.unwrap_or(to);
            let signed = unhex(signature).is_some_and(|bytes| by.verifies(&message, &bytes));
            if !signed {
                return Err(CardError::Handover { block: index });
            }
            self.holder = Some(to);
            name = handover::name(&message);
        }
        let restrictions = match appended.restrict {
            None => Restrictions::default(),
            Some(text) => serde_json::from_str(text).map_err(|error| CardError::Restrictions {
                block: index,
                reason: error.to_string(),
            })?,
        };
        self.blocks.push(Block { revocation_id: name, restrictions });
        Ok(name)
    }
}

impl CardToken {
    /// A narrower card: this one with a block more. It needs no key but, where the card is handed
    /// on, that of its holder. The card itself stays as it is.
    ///
    /// # Errors
    /// When this is no card, is sealed, would become too long, or `handover` is not signed by who
    /// has to.
    pub fn narrow(
        &self,
        restrictions: &Restrictions,
        handover: Option<Handover<'_>>,
    ) -> Result<Self, CardError> {
        let card = Card::inspect(self)?;
        if card.sealed {
            return Err(CardError::Sealed);
        }
        let mut block = BlockBuilder::new();
        let restrict = match *restrictions == Restrictions::default() {
            true => None,
            false => Some(serde_json::to_string(restrictions).map_err(|error| {
                CardError::Restrictions { block: card.blocks.len(), reason: error.to_string() }
            })?),
        };
        if let Some(restrict) = &restrict {
            let fact = builder::fact(RESTRICT, &[builder::string(restrict)]);
            block = block.fact(fact).map_err(format)?;
        }
        if let (Some(Handover { to, by }), Some(last)) = (handover, card.blocks.last()) {
            let message = handover::message(&last.revocation_id, &to, restrict.as_deref());
            let (to, signature) = (to.to_string(), hex::encode(by.sign(&message)));
            let fact = builder::fact(HOLDER, &[builder::string(&to), builder::string(&signature)]);
            block = block.fact(fact).map_err(format)?;
        }
        let narrower = UnverifiedBiscuit::from(self.to_bytes()?)
            .and_then(|biscuit| biscuit.append(block))
            .and_then(|biscuit| biscuit.to_vec());
        let narrower = Self::from_bytes(&narrower.map_err(format)?)?;
        // What an issuer would refuse is not handed out.
        Card::inspect(&narrower).map(|_| narrower)
    }
}

/// A key that was chosen already.
struct Root(PublicKey);

impl RootKeyProvider for Root {
    fn choose(&self, _: Option<u32>) -> Result<PublicKey, error::Format> {
        Ok(self.0)
    }
}

fn format(error: error::Token) -> CardError {
    CardError::Format(error.to_string())
}

/// What the issuer's block says.
fn authority(block: &BlockFacts) -> Result<(CardId, Option<HolderPublicKey>), CardError> {
    let (mut id, mut holder) = (None, None);
    for Fact { name, terms } in &block.facts {
        let repeated = match (name.as_str(), terms.as_slice()) {
            (CARD, [Term::Text(text)]) => id.replace(text.parse()?).is_some(),
            (HOLDER, [Term::Text(key)]) => {
                let key = key.parse().map_err(|reason| CardError::Holder { block: 0, reason })?;
                holder.replace(Some(key)).is_some()
            }
            (BEARER, [Term::Flag(true)]) => holder.replace(None).is_some(),
            _ => return Err(CardError::UnknownFact { block: 0 }),
        };
        if repeated {
            return Err(CardError::RepeatedFact { block: 0 });
        }
    }
    id.zip(holder).ok_or(CardError::Incomplete)
}

/// What an appended block says, as it is written.
struct Appended<'a> {
    restrict: Option<&'a str>,
    /// The new holder's key, and the signature of the one before.
    holder: Option<(&'a str, &'a str)>,
}

impl<'a> Appended<'a> {
    fn read(block: &'a BlockFacts, index: usize) -> Result<Self, CardError> {
        let mut appended = Self { restrict: None, holder: None };
        for Fact { name, terms } in &block.facts {
            let repeated = match (name.as_str(), terms.as_slice()) {
                (RESTRICT, [Term::Text(text)]) => appended.restrict.replace(text).is_some(),
                (HOLDER, [Term::Text(key), Term::Text(signature)]) => {
                    appended.holder.replace((key, signature)).is_some()
                }
                _ => return Err(CardError::UnknownFact { block: index }),
            };
            if repeated {
                return Err(CardError::RepeatedFact { block: index });
            }
        }
        Ok(appended)
    }
}
