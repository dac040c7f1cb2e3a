//! What a chain's journal records.

use alloy::{
    consensus::{Header, ReceiptEnvelope, TxEnvelope, transaction::Recovered},
    primitives::Address,
    rlp::{self, Decodable, Encodable},
};
use alloy_rlp::{RlpDecodable, RlpEncodable};

use crate::{
    block::{MinedBlock, SignedTransaction},
    changes::{Diff, Revision},
};

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Record {
    /// The chain began.
    Genesis { chain_id: u64, header: Box<Header>, allocation: Diff },
    /// A block was mined.
    Block(Box<BlockRecord>),
    /// A test's control changed the state between blocks.
    Edit(Diff),
    /// Blocks, and all changes after a revision, were taken back.
    Rewind { number: u64, revision: Revision, offset_seconds: i64 },
    /// The time was moved.
    Clock { offset_seconds: i64 },
}

/// A mined block and what it changed.
#[derive(Clone, Debug, PartialEq, Eq, RlpEncodable, RlpDecodable)]
pub(crate) struct BlockRecord {
    pub(crate) header: Header,
    pub(crate) transactions: Vec<TxEnvelope>,
    /// One for each transaction. They do not follow from the signatures where a test impersonated.
    pub(crate) senders: Vec<Address>,
    pub(crate) receipts: Vec<ReceiptEnvelope>,
    pub(crate) changes: Diff,
    /// The clock's offset after the block, in two's complement.
    pub(crate) offset_seconds: u64,
}

impl BlockRecord {
    pub(crate) fn new(block: &MinedBlock, changes: &Diff, offset_seconds: i64) -> Self {
        let transactions = block.transactions.iter();
        Self {
            header: block.header.inner().clone(),
            transactions: transactions.clone().map(|tx| tx.inner().clone()).collect(),
            senders: transactions.map(|tx| tx.signer()).collect(),
            receipts: block.receipts.clone(),
            changes: changes.clone(),
            offset_seconds: offset_seconds.cast_unsigned(),
        }
    }

    /// The block, if there is a sender and a receipt for each transaction.
    pub(crate) fn into_block(self, revision: Revision) -> Option<MinedBlock> {
        let count = self.transactions.len();
        if self.senders.len() != count || self.receipts.len() != count {
            return None;
        }
        let transactions = self.transactions.into_iter().zip(self.senders);
        let transactions = transactions
            .map(|(transaction, sender)| {
                SignedTransaction::new(Recovered::new_unchecked(transaction, sender))
            })
            .collect();
        Some(MinedBlock::from_parts(self.header, transactions, self.receipts, revision))
    }
}

/// A record's content is a list: its kind, then its fields.
const GENESIS: u8 = 0;
const BLOCK: u8 = 1;
const EDIT: u8 = 2;
const REWIND: u8 = 3;
const CLOCK: u8 = 4;

impl Encodable for Record {
    fn encode(&self, out: &mut dyn rlp::BufMut) {
        let mut fields = Vec::new();
        match self {
            Self::Genesis { chain_id, header, allocation } => {
                GENESIS.encode(&mut fields);
                chain_id.encode(&mut fields);
                header.encode(&mut fields);
                allocation.encode(&mut fields);
            }
            Self::Block(block) => {
                BLOCK.encode(&mut fields);
                block.encode(&mut fields);
            }
            Self::Edit(changes) => {
                EDIT.encode(&mut fields);
                changes.encode(&mut fields);
            }
            Self::Rewind { number, revision, offset_seconds } => {
                REWIND.encode(&mut fields);
                number.encode(&mut fields);
                revision.encode(&mut fields);
                offset_seconds.cast_unsigned().encode(&mut fields);
            }
            Self::Clock { offset_seconds } => {
                CLOCK.encode(&mut fields);
                offset_seconds.cast_unsigned().encode(&mut fields);
            }
        }
        rlp::Header { list: true, payload_length: fields.len() }.encode(out);
        out.put_slice(&fields);
    }
}

impl Decodable for Record {
    fn decode(buf: &mut &[u8]) -> rlp::Result<Self> {
        let mut fields = rlp::Header::decode_bytes(buf, true)?;
        let fields = &mut fields;
        let record = match u8::decode(fields)? {
            GENESIS => Self::Genesis {
                chain_id: Decodable::decode(fields)?,
                header: Box::new(Decodable::decode(fields)?),
                allocation: Decodable::decode(fields)?,
            },
            BLOCK => Self::Block(Box::new(Decodable::decode(fields)?)),
            EDIT => Self::Edit(Decodable::decode(fields)?),
            REWIND => Self::Rewind {
                number: Decodable::decode(fields)?,
                revision: Decodable::decode(fields)?,
                offset_seconds: u64::decode(fields)?.cast_signed(),
            },
            CLOCK => Self::Clock { offset_seconds: u64::decode(fields)?.cast_signed() },
            _ => return Err(rlp::Error::Custom("unknown kind of record")),
        };
        if fields.is_empty() { Ok(record) } else { Err(rlp::Error::UnexpectedLength) }
    }
}
