//! What a payer seals for one mandate: the IVMS101 object, and for which mandate it is.
//!
//! ```json
//! {
//!   "mandateId": "0x… 32 bytes",
//!   "wallet": "eip155:8453:0x… the debit wallet",
//!   "owner": "0x… the owner of the account that pays",
//!   "account": 7,
//!   "ivms101": { "originator": { }, "beneficiary": { } }
//! }
//! ```
//!
//! `account` is left out on the direct path, where an owner pays by itself. What this object says
//! counts for its mandate alone: whoever gets hold of it cannot use it for another one. It does not
//! say who made it; `docs/travel-rule.md` tells what follows from that.

use std::fmt;

use alloy_primitives::{Address, B256};
use sha2::{Digest, Sha256};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::{
    account::{caip10, from_caip10, from_hex, is_address, is_wallet_account},
    ivms101::{Invalid, Ivms101},
    json::Node,
    jwe::{JweError, KeyRing, PublicKey, seal},
    limits::OBJECT_BYTES_MAX,
    personal::Text,
};

/// For which mandate an object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Binding {
    /// The mandate's id, or the digest of a direct one.
    pub mandate_id: B256,
    /// The chain of the wallet.
    pub chain_id: u64,
    /// The debit wallet's contract.
    pub wallet: Address,
    /// Who owns the account that pays.
    pub owner: Address,
    /// The account that pays; none on the direct path.
    pub account: Option<u32>,
}

/// Why something is no object of the Travel Rule. Nothing personal is in it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ObjectError {
    /// More bytes than [`OBJECT_BYTES_MAX`].
    #[error("the object has more than 65536 bytes")]
    TooLarge,
    /// Not an object of the members that are asked for, each once.
    #[error("not an object of mandateId, wallet, owner, ivms101 and perhaps account, each once")]
    Form,
    /// A member that says for which mandate it is, is not what it should be.
    #[error("{0} is not written as it should be")]
    Member(&'static str),
    /// What is told of payer and payee is not valid.
    #[error(transparent)]
    Invalid(#[from] Invalid),
}

/// Why an object does not count for a mandate. Nothing personal is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BindingError {
    /// For another mandate.
    #[error("the object is for another mandate")]
    Mandate,
    /// For another wallet, or another chain.
    #[error("the object is for another wallet")]
    Wallet,
    /// For another owner.
    #[error("the object is for another owner")]
    Owner,
    /// For another account.
    #[error("the object is for another account")]
    Account,
    /// The originator's accounts are not the payer's.
    #[error("none of the originator's account numbers is the payer's owner or account")]
    OriginatorAccount,
    /// The beneficiary's accounts are not the payee's.
    #[error("none of the beneficiary's account numbers is the payee's address")]
    BeneficiaryAccount,
}

/// Why a token is not taken.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ReceiveError {
    /// It does not open.
    #[error(transparent)]
    Jwe(#[from] JweError),
    /// What is in it is not valid.
    #[error(transparent)]
    Object(#[from] ObjectError),
    /// It does not count for this mandate.
    #[error(transparent)]
    Binding(#[from] BindingError),
}

/// What a payer told for one mandate: valid, and in canonical form.
#[derive(Clone, PartialEq, Eq)]
pub struct TravelRuleObject {
    binding: Binding,
    ivms101: Ivms101,
    json: Zeroizing<String>,
    hash: B256,
}

impl TravelRuleObject {
    /// What a payer tells: an IVMS101 object as JSON, for a mandate. `now` is in unix seconds.
    ///
    /// # Errors
    /// When the object is not valid.
    pub fn new(binding: Binding, ivms101: &[u8], now: u64) -> Result<Self, ObjectError> {
        if ivms101.len() > OBJECT_BYTES_MAX {
            return Err(ObjectError::TooLarge);
        }
        let node = Node::parse(ivms101).map_err(|_| ObjectError::Form)?;
        let text = |text: String| Node::Text(Zeroizing::new(text));
        let mut members = vec![
            ("ivms101", node),
            ("mandateId", text(binding.mandate_id.to_string())),
            ("owner", text(binding.owner.to_string())),
            ("wallet", text(caip10(binding.chain_id, binding.wallet))),
        ];
        if let Some(account) = binding.account {
            members.push(("account", Node::Integer(account.into())));
        }
        let members = members.into_iter().map(|(name, node)| (name.to_owned().into(), node));
        Self::from_node(&Node::Object(members.collect()), OBJECT_BYTES_MAX, now)
    }

    /// Reads what was sealed, or what [`json`](Self::json) gave. `now` is in unix seconds.
    ///
    /// # Errors
    /// When it is not such an object, and when the IVMS101 object in it is not valid.
    pub fn read(json: &[u8], now: u64) -> Result<Self, ObjectError> {
        if json.len() > OBJECT_BYTES_MAX {
            return Err(ObjectError::TooLarge);
        }
        let node = Node::parse(json).map_err(|_| ObjectError::Form)?;
        Self::from_node(&node, json.len(), now)
    }

    /// Opens a token, reads what is in it, and checks that it counts for this mandate and payee:
    /// everything that a processor does with one. `now` is in unix seconds.
    ///
    /// # Errors
    /// When any of that fails.
    pub fn receive(
        token: &str,
        keys: &KeyRing,
        (expected, payee): (&Binding, Address),
        now: u64,
    ) -> Result<Self, ReceiveError> {
        let object = Self::read(&keys.open(token)?, now)?;
        object.check(expected, payee)?;
        Ok(object)
    }

    fn from_node(node: &Node, bytes_max: usize, now: u64) -> Result<Self, ObjectError> {
        let names = ["mandateId", "wallet", "owner", "ivms101", "account"];
        let members = node.members(names, &["account"]).ok_or(ObjectError::Form)?;
        let [Some(mandate_id), Some(wallet), Some(owner), Some(ivms101), account] = members else {
            return Err(ObjectError::Form);
        };
        let wrong = ObjectError::Member;
        let (chain_id, wallet) =
            wallet.text().and_then(from_caip10).ok_or_else(|| wrong("wallet"))?;
        let account = account.map(|account| account_number(account).ok_or(wrong("account")));
        let binding = Binding {
            mandate_id: mandate_id.text().and_then(bytes32).ok_or_else(|| wrong("mandateId"))?,
            chain_id,
            wallet,
            owner: owner.text().and_then(from_hex).ok_or_else(|| wrong("owner"))?,
            account: account.transpose()?,
        };
        let ivms101 = Ivms101::from_node(ivms101, now)?;
        let json = node.canonical(bytes_max).ok_or(ObjectError::Form)?;
        if json.len() > OBJECT_BYTES_MAX {
            return Err(ObjectError::TooLarge);
        }
        let hash = B256::from_slice(&Sha256::digest(json.as_bytes()));
        Ok(Self { binding, ivms101, json, hash })
    }

    /// Checks that it is for this mandate, and about its payer and its payee.
    ///
    /// One of the originator's account numbers must be the owner's address or the account that pays;
    /// one of the beneficiary's must be the payee's address. How they are written is told in
    /// `docs/travel-rule.md`.
    ///
    /// # Errors
    /// With the first that does not fit.
    pub fn check(&self, expected: &Binding, payee: Address) -> Result<(), BindingError> {
        let Binding { mandate_id, chain_id, wallet, owner, account } = *expected;
        if self.binding.mandate_id != mandate_id {
            return Err(BindingError::Mandate);
        }
        if (self.binding.chain_id, self.binding.wallet) != (chain_id, wallet) {
            return Err(BindingError::Wallet);
        }
        if self.binding.owner != owner {
            return Err(BindingError::Owner);
        }
        if self.binding.account != account {
            return Err(BindingError::Account);
        }
        let is_payer = |text: &Text| {
            is_address(text.expose(), chain_id, owner)
                || account.is_some_and(|account| {
                    is_wallet_account(text.expose(), chain_id, wallet, account)
                })
        };
        if !self.ivms101.originator.accounts.iter().any(is_payer) {
            return Err(BindingError::OriginatorAccount);
        }
        let is_payee = |text: &Text| is_address(text.expose(), chain_id, payee);
        if !self.ivms101.beneficiary.accounts.iter().any(is_payee) {
            return Err(BindingError::BeneficiaryAccount);
        }
        Ok(())
    }

    /// Seals it to a processor's key.
    ///
    /// # Errors
    /// As [`seal`].
    pub fn seal(&self, to: &PublicKey) -> Result<String, JweError> {
        seal(to, self.json.as_bytes())
    }

    /// For which mandate it is.
    pub fn binding(&self) -> &Binding {
        &self.binding
    }

    /// What is told of payer and payee.
    pub fn ivms101(&self) -> &Ivms101 {
        &self.ivms101
    }

    /// The whole of it in canonical form (RFC 8785): what is kept. It is personal.
    pub fn json(&self) -> &str {
        &self.json
    }

    /// The SHA-256 of [`json`](Self::json). Two objects that say the same have the same one, however
    /// they were written. It is of personal data without a salt: it belongs where the object is, and
    /// in no log.
    pub fn hash(&self) -> B256 {
        self.hash
    }
}

/// An account's number: from 1 up.
fn account_number(node: &Node) -> Option<u32> {
    let Node::Integer(number) = node else { return None };
    u32::try_from(*number).ok().filter(|number| *number > 0)
}

/// 32 bytes as `0x` and 64 hexadecimal digits.
fn bytes32(text: &str) -> Option<B256> {
    text.strip_prefix("0x").filter(|digits| digits.len() == 64)?.parse().ok()
}

impl fmt::Debug for TravelRuleObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TravelRuleObject({})", self.binding.mandate_id)
    }
}
