//! What the chain says of an account: whose it is, which key signs for it, who settles for it.

use std::{fmt, time::Duration};

use aep2_mandate::{
    field,
    typed_data::keyed::AnySigner,
    units::{AccountId, ChainId, UnixTime},
};
use aep2_x402::purchase::Venue;
use alloy::{
    eips::{BlockId, BlockNumberOrTag},
    network::TransactionBuilder,
    providers::{DynProvider, Provider, ProviderBuilder},
    rpc::types::TransactionRequest,
    sol,
    sol_types::SolCall,
};
use alloy_primitives::{Address, B256, U256};
use async_trait::async_trait;
use thiserror::Error;
use url::Url;

sol! {
    struct Change {
        address processor;
        uint40 inForceFrom;
        bytes32 verifierSet;
        uint256 keyHash;
    }

    struct Account {
        address owner;
        address processor;
        bytes32 verifierSet;
        uint256 keyHash;
        Change pending;
    }

    function accountOf(uint32 account) external view returns (Account memory);
}

/// How long a node's answer may take.
const ANSWER_MAX: Duration = Duration::from_secs(20);

/// An account, as the wallet has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccountOnChain {
    /// Whose it is.
    pub owner: Address,
    /// Who settles for it.
    pub processor: Address,
    /// The hash of the key that signs its mandates; 0 for none.
    pub key_hash: B256,
}

/// What a node says of an account, and as of when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// The account; nothing where there is none.
    pub account: Option<AccountOnChain>,
    /// The time of the block that says so. A node that lags knows no new accounts and no new keys.
    pub at: UnixTime,
}

/// Why nothing is known of an account.
#[derive(Clone, Debug, Error)]
#[error("the chain's node: {0}")]
pub struct AccountsError(pub String);

/// Says what accounts there are on a chain.
#[async_trait]
pub trait Accounts: fmt::Debug + Send + Sync + 'static {
    /// An account of a wallet, as of the newest block.
    async fn account(&self, venue: &Venue, account: AccountId) -> Result<Found, AccountsError>;

    /// The time of a chain's newest block.
    async fn time(&self, chain: ChainId) -> Result<UnixTime, AccountsError>;
}

impl AccountOnChain {
    /// Whether whoever signed is the account's owner or its key, and the processor is its own. A mandate of
    /// another key, or through another processor, cannot be settled any more.
    pub(crate) fn is(&self, signer: &AnySigner, processor: Address) -> bool {
        let is_payer = match signer {
            AnySigner::Address(owner) => self.owner == *owner,
            AnySigner::Key(key) => self.key_hash == B256::from(field::to_be_bytes(&key.hash())),
        };
        is_payer && self.processor == processor
    }
}

/// A node of a chain.
#[derive(Clone, Debug)]
pub struct ChainNode {
    provider: DynProvider,
}

impl ChainNode {
    /// The node at `url`.
    pub fn new(url: Url) -> Self {
        let http = reqwest::Client::builder().timeout(ANSWER_MAX).build().unwrap_or_default();
        Self { provider: ProviderBuilder::new().connect_reqwest(http, url).erased() }
    }

    /// The newest block's number and time.
    async fn newest(&self) -> Result<(u64, UnixTime), AccountsError> {
        let block = self.provider.get_block_by_number(BlockNumberOrTag::Latest).await;
        let block = block.map_err(failed)?;
        let block = block.ok_or_else(|| AccountsError("it has no newest block".to_owned()))?;
        let time = UnixTime::new(block.header.timestamp).map_err(failed)?;
        Ok((block.header.number, time))
    }

    async fn check_chain(&self, expected: ChainId) -> Result<(), AccountsError> {
        let found = self.provider.get_chain_id().await.map_err(failed)?;
        match found == expected.get() {
            true => Ok(()),
            false => Err(AccountsError(format!("it is of chain {found}, not of {expected}"))),
        }
    }
}

#[async_trait]
impl Accounts for ChainNode {
    async fn account(&self, venue: &Venue, account: AccountId) -> Result<Found, AccountsError> {
        self.check_chain(venue.chain).await?;
        let (number, at) = self.newest().await?;
        let call = accountOfCall { account: account.get() };
        let request =
            TransactionRequest::default().with_to(venue.wallet).with_input(call.abi_encode());
        let answer = match self.provider.call(request).block(BlockId::number(number)).await {
            Ok(answer) => answer,
            // The wallet reverts for an account that there is not.
            Err(error)
                if error.as_error_resp().is_some_and(|one| one.as_revert_data().is_some()) =>
            {
                return Ok(Found { account: None, at });
            }
            Err(error) => return Err(failed(error)),
        };
        let found = accountOfCall::abi_decode_returns_validate(&answer).map_err(failed)?;
        let account = AccountOnChain {
            owner: found.owner,
            processor: found.processor,
            key_hash: key_hash(found.keyHash),
        };
        Ok(Found { account: Some(account), at })
    }

    async fn time(&self, chain: ChainId) -> Result<UnixTime, AccountsError> {
        self.check_chain(chain).await?;
        Ok(self.newest().await?.1)
    }
}

fn key_hash(number: U256) -> B256 {
    B256::from(number)
}

fn failed(error: impl fmt::Display) -> AccountsError {
    AccountsError(error.to_string())
}

#[cfg(test)]
mod tests {
    use alloy::sol_types::SolStruct;
    use serde_json::Value;

    use super::*;

    /// A tuple's parts as Solidity has them, its tuples by their names.
    fn parts(of: &Value) -> String {
        let one = |part: &Value| {
            let text = |name: &str| part[name].as_str().expect("a text").to_owned();
            let kind = match text("type").as_str() {
                "tuple" => text("internalType").rsplit('.').next().expect("a name").to_owned(),
                kind => kind.to_owned(),
            };
            format!("{kind} {}", text("name"))
        };
        let parts: Vec<_> = of.as_array().expect("parts").iter().map(one).collect();
        parts.join(",")
    }

    #[test]
    fn the_wallet_answers_what_is_asked_here() {
        let wallet = include_str!("../../../contracts/artifacts/DebitWallet.json");
        let wallet: Value = serde_json::from_str(wallet).expect("JSON");
        let mut functions = wallet["abi"].as_array().expect("an ABI").iter();
        let function = functions.find(|own| own["name"] == "accountOf").expect("the function");
        assert_eq!(parts(&function["inputs"]), "uint32 account");
        assert_eq!(accountOfCall::SIGNATURE, "accountOf(uint32)");
        let account = &function["outputs"][0]["components"];
        let change = &account[4]["components"];
        let expected = format!("Account({})Change({})", parts(account), parts(change));
        assert_eq!(Account::eip712_encode_type(), expected);
    }
}
