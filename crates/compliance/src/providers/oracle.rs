//! A contract that says who is not served: the Chainalysis oracle's `isSanctioned(address)`, or the list
//! that a token keeps itself, `isBlacklisted(address)`.

use aep2_mandate::units::UnixTime;
use alloy::{
    network::TransactionBuilder,
    providers::{DynProvider, Provider as _},
    rpc::types::TransactionRequest,
    sol,
    sol_types::SolCall,
};
use alloy_primitives::{Address, B256, Bytes};
use async_trait::async_trait;
use serde::Deserialize;
use serde_json::json;

use crate::{
    provider::{Finding, Provider, Unavailable},
    rules::later,
    subject::{Subject, SubjectKind},
    verdict::{Outcome, Reason},
};

sol! {
    /// Chainalysis' sanctions oracle, <https://go.chainalysis.com/chainalysis-oracle-docs.html>.
    function isSanctioned(address account) external view returns (bool);
    /// Tokens such as USDC.
    function isBlacklisted(address account) external view returns (bool);
}

/// What the contract is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum OracleFunction {
    /// `isSanctioned(address)`.
    IsSanctioned,
    /// `isBlacklisted(address)`.
    IsBlacklisted,
}

/// A contract that is asked.
pub struct ChainOracle {
    name: String,
    node: DynProvider,
    contract: Address,
    function: OracleFunction,
    valid_s: u64,
}

impl ChainOracle {
    /// This contract, whose answer is good for so many seconds.
    pub const fn new(
        name: String,
        node: DynProvider,
        (contract, function): (Address, OracleFunction),
        valid_s: u64,
    ) -> Self {
        Self { name, node, contract, function, valid_s }
    }

    fn call(&self, account: Address) -> Vec<u8> {
        match self.function {
            OracleFunction::IsSanctioned => isSanctionedCall { account }.abi_encode(),
            OracleFunction::IsBlacklisted => isBlacklistedCall { account }.abi_encode(),
        }
    }

    fn read(&self, answer: &Bytes) -> Result<bool, Unavailable> {
        // An answer of no bytes, as from an address without a contract, is no answer. Nor is a number that
        // is neither 0 nor 1.
        let read = match self.function {
            OracleFunction::IsSanctioned => isSanctionedCall::abi_decode_returns_validate(answer),
            OracleFunction::IsBlacklisted => isBlacklistedCall::abi_decode_returns_validate(answer),
        };
        read.map_err(|_| Unavailable(format!("{} answers something else", self.contract)))
    }
}

#[async_trait]
impl Provider for ChainOracle {
    fn name(&self) -> &str {
        &self.name
    }

    fn knows(&self, kind: SubjectKind) -> bool {
        kind != SubjectKind::Agent
    }

    async fn check(&self, subject: &Subject, now: UnixTime) -> Result<Finding, Unavailable> {
        let account = subject.address();
        let account = account.ok_or_else(|| Unavailable("an agent has no address".to_owned()))?;
        let call = self.call(account);
        let request = TransactionRequest::default().with_to(self.contract).with_input(call);
        let answer = self.node.call(request).await;
        // Without the error's text: it may hold the node's address, and with it a key.
        let failed = |_| Unavailable(format!("the call of {} failed", self.contract));
        let answer = answer.map_err(failed)?;
        let is_listed = self.read(&answer)?;
        let document = json!({
            "contract": self.contract, "account": account, "listed": is_listed, "at": now.get(),
        });
        let (outcome, reason) = match is_listed {
            true => (Outcome::Denied, Reason::Sanctioned),
            false => (Outcome::Clear, Reason::Compliant),
        };
        let valid_until = later(now, self.valid_s);
        let document = document.to_string().into_bytes();
        Ok(Finding { outcome, reason, entry: B256::ZERO, valid_until, document })
    }
}
