//! A payee's terms: one entry of `accepts`, for the scheme `aep2`.
//!
//! ```json
//! {
//!   "scheme": "aep2", "network": "eip155:8453", "amount": "1000", "asset": "0x…", "payTo": "0x…",
//!   "maxTimeoutSeconds": 120,
//!   "extra": { "wallet": "0x…", "processor": "0x…", "settleWithinSeconds": 600,
//!              "name": "AEP2DebitWallet", "version": "1", "capture": "full",
//!              "method": "GET", "order": "0x…" }
//! }
//! ```
//!
//! `extra.disputes` may be there too ([`disputes`](crate::disputes)).
//!
//! Fields that are not listed are not read: nothing that concerns money is in them.

use aep2_mandate::{
    payee::LostPayee,
    units::{Ceiling, ChainId},
    wire::Strict,
};
use alloy_primitives::B256;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use x402_types::{chain::ChainId as Network, proto::v2::PaymentRequirements};

use crate::{
    disputes::{Disputes, present},
    purchase::{Purchase, Venue},
};

/// The macro documents the type and not its constant.
#[allow(missing_docs)]
mod scheme {
    x402_types::lit_str!(Aep2Scheme, "aep2");
}
pub use self::scheme::Aep2Scheme;
pub use crate::wire_address::WireAddress;

/// The EIP-712 domain's name of every wallet.
pub const WALLET_NAME: &str = "AEP2DebitWallet";
/// The EIP-712 domain's version of every wallet.
pub const WALLET_VERSION: &str = "1";
/// CAIP-2's namespace of EVM chains.
const EIP155: &str = "eip155";

/// The terms of one payment by mandate.
pub type Requirements = PaymentRequirements<Aep2Scheme, Ceiling, WireAddress, Extra>;

/// What the scheme adds to x402's terms.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Extra {
    /// The wallet contract that pays.
    pub wallet: WireAddress,
    /// The processor whose receipts the payee takes, by the address that signs them.
    pub processor: WireAddress,
    /// How long after acceptance the processor settles, in seconds. A mandate's deadline must be
    /// later than that.
    pub settle_within_seconds: u64,
    /// The name in the wallet's EIP-712 domain: [`WALLET_NAME`].
    pub name: String,
    /// The version in the wallet's EIP-712 domain: [`WALLET_VERSION`].
    pub version: String,
    /// Whether the amount is the price, or the most that it can be.
    pub capture: CaptureMode,
    /// The HTTP method that the terms are for, where the payee says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// The payee's number of this order. None in intent mode.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<Strict<B256>>,
    /// Who decides about disputes, where the terms agree to any.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub disputes: Option<Disputes>,
}

/// Whether the amount is the price.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CaptureMode {
    /// It is.
    Full,
    /// It is a ceiling: the payee captures what the call came to.
    Metered,
}

/// Why terms cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TermsError {
    /// The network is no EVM chain.
    #[error("{network} is not an EVM chain in CAIP-2's form, as in eip155:8453")]
    Network {
        /// What was found.
        network: String,
    },
    /// The wallet signs under another name.
    #[error(
        "the wallet's EIP-712 domain is {name:?} {version:?}, not {WALLET_NAME:?} {WALLET_VERSION:?}"
    )]
    TypedDataDomain {
        /// The name found.
        name: String,
        /// The version found.
        version: String,
    },
    /// Nobody could take the money out.
    #[error(transparent)]
    LostPayee(#[from] LostPayee),
}

/// The CAIP-2 name of a chain.
pub fn network(chain: ChainId) -> Network {
    Network::new(EIP155, chain.to_string())
}

/// The chain with this CAIP-2 name.
///
/// # Errors
/// [`TermsError::Network`] where it is no EVM chain, or not in its one spelling.
pub fn chain(network: &Network) -> Result<ChainId, TermsError> {
    let chain = (network.namespace() == EIP155).then(|| network.reference().parse().ok()).flatten();
    chain.ok_or_else(|| TermsError::Network { network: network.to_string() })
}

/// What these terms sell, for this request.
///
/// # Errors
/// When the terms are for a place where no mandate can be signed for.
pub fn purchase(
    terms: &Requirements,
    method: impl Into<String>,
    resource: impl Into<String>,
) -> Result<Purchase, TermsError> {
    let extra = &terms.extra;
    if extra.name != WALLET_NAME || extra.version != WALLET_VERSION {
        return Err(TermsError::TypedDataDomain {
            name: extra.name.clone(),
            version: extra.version.clone(),
        });
    }
    LostPayee::check(terms.pay_to.0, extra.wallet.0, terms.asset.0)?;
    Ok(Purchase {
        method: method.into(),
        resource: resource.into(),
        venue: Venue {
            chain: chain(&terms.network)?,
            wallet: extra.wallet.0,
            processor: extra.processor.0,
        },
        token: terms.asset.0,
        payee: terms.pay_to.0,
        amount: terms.amount,
        disputes: extra.disputes.clone(),
    })
}
