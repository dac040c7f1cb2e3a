//! The facts of a Biscuit's blocks, and nothing else of them.
//!
//! A Biscuit can carry Datalog: rules, checks, scopes, blocks of third parties. Here all of it is
//! refused before any of it is read, and the facts are read as data. Nothing is ever evaluated.
//! That is simpler and safer: no limits on time and memory to set, no language in which a stranger
//! could say what its author did not think of, no version of it that two programs understand
//! differently, and no check that passes because it was never run.

use biscuit_auth::{
    datalog::SymbolTable,
    format::schema::{self, proof, public_key::Algorithm, term},
};
use prost::Message;

use crate::{error::CardError, limits::BLOCKS_MAX, revocation::RevocationId};

/// The version of blocks that have facts of strings and nothing newer.
const BLOCK_VERSION: u32 = 3;

/// A Biscuit as facts.
pub(crate) struct Facts {
    /// The number of its root key.
    pub(crate) root_key: u32,
    /// Its blocks, the issuer's first.
    pub(crate) blocks: Vec<BlockFacts>,
    /// Whether nothing more can be appended.
    pub(crate) sealed: bool,
}

/// A block as facts.
pub(crate) struct BlockFacts {
    pub(crate) name: RevocationId,
    pub(crate) facts: Vec<Fact>,
}

/// A fact: `name(term, …)`.
pub(crate) struct Fact {
    pub(crate) name: String,
    pub(crate) terms: Vec<Term>,
}

/// A fact's term. There are no others.
pub(crate) enum Term {
    Text(String),
    Flag(bool),
}

/// Reads a Biscuit, whose signatures are somebody else's to check.
///
/// What is read is written again and compared, so every card has one encoding, and a field that is
/// not known here is refused and not passed over.
pub(crate) fn read(bytes: &[u8]) -> Result<Facts, CardError> {
    let biscuit: schema::Biscuit = decode(bytes)?;
    if biscuit.blocks.len() >= BLOCKS_MAX {
        return Err(CardError::TooManyBlocks);
    }
    let root_key = biscuit.root_key_id.ok_or(CardError::UnknownRootKey)?;
    let sealed = matches!(biscuit.proof.content, Some(proof::Content::FinalSignature(_)));

    let mut symbols = SymbolTable::new();
    let signed = std::iter::once(&biscuit.authority).chain(&biscuit.blocks).enumerate();
    let blocks = signed.map(|(index, signed)| block(index, signed, &mut symbols));
    Ok(Facts { root_key, blocks: blocks.collect::<Result<_, _>>()?, sealed })
}

fn decode<M: Message + Default>(bytes: &[u8]) -> Result<M, CardError> {
    let message = M::decode(bytes).map_err(|error| CardError::Format(error.to_string()))?;
    if message.encode_to_vec() == bytes {
        Ok(message)
    } else {
        Err(CardError::Format("unknown fields, or fields in another order".to_owned()))
    }
}

fn block(
    index: usize,
    signed: &schema::SignedBlock,
    symbols: &mut SymbolTable,
) -> Result<BlockFacts, CardError> {
    let ed25519 = signed.next_key.algorithm == Algorithm::Ed25519 as i32;
    let name = RevocationId::from_signature(&signed.signature).filter(|_| ed25519);
    let name = name.ok_or_else(|| CardError::Format("a key that is not Ed25519".to_owned()))?;

    let block: schema::Block = decode(&signed.block)?;
    let only_facts = signed.external_signature.is_none()
        && block.context.is_none()
        && block.version == Some(BLOCK_VERSION)
        && block.rules.is_empty()
        && block.checks.is_empty()
        && block.scope.is_empty()
        && block.public_keys.is_empty();
    if !only_facts {
        return Err(CardError::NotOnlyFacts { block: index });
    }

    let own = SymbolTable::from(block.symbols).and_then(|own| symbols.extend(&own));
    own.map_err(|error| CardError::Format(error.to_string()))?;
    let facts = block.facts.iter().map(|fact| read_fact(fact, symbols));
    let facts: Option<Vec<Fact>> = facts.collect();
    Ok(BlockFacts { name, facts: facts.ok_or(CardError::UnknownFact { block: index })? })
}

fn read_fact(fact: &schema::Fact, symbols: &SymbolTable) -> Option<Fact> {
    let text = |symbol| symbols.get_symbol(symbol).map(str::to_owned);
    let term = |term: &schema::Term| match term.content {
        Some(term::Content::String(symbol)) => text(symbol).map(Term::Text),
        Some(term::Content::Bool(flag)) => Some(Term::Flag(flag)),
        _ => None,
    };
    let terms = fact.predicate.terms.iter().map(term).collect::<Option<_>>()?;
    Some(Fact { name: text(fact.predicate.name)?, terms })
}
