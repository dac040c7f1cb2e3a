//! What a mandate pays for, and how its `ref` says so.
//!
//! ```text
//! order mode    ref = hashStruct(Order(string method,string resource,uint256 chainId,address wallet,
//!                         address processor,address token,address payee,uint96 amount,bytes32 order,
//!                         bytes32 disputes))
//! intent mode   ref = hashStruct(Intent(string method,string resource,uint256 chainId,address wallet,
//!                         address processor,address token,address payee,uint96 amount,
//!                         uint32 account,uint64 nonce,bytes32 disputes))
//! ```
//!
//! `hashStruct` is EIP-712's: `keccak256(typeHash ‖ fields)`, strings hashed. There is no domain
//! separator: chain and wallet are fields.
//!
//! In order mode `order` is the payee's, one for each answer 402 that it gave. In intent mode
//! nobody told the payer anything yet, and what makes the purchase one of a kind is the payer's
//! own: its account and the mandate's nonce, which is single use. Both are in the mandate, so the
//! payee computes the same `ref` from the request that it got, its own terms and the mandate, and
//! compares. A mandate for one order, resource, method or price never pays for another.
//!
//! `disputes` is zero where the terms agree to none, else the hash of what they agree to
//! ([`disputes`](crate::disputes)).

use aep2_mandate::{
    mandate::Domain,
    units::{AccountId, Ceiling, ChainId, Nonce},
};
use alloy_primitives::{Address, B256, U256, aliases::U96};
use alloy_sol_types::{Eip712Domain, SolStruct};

use crate::disputes::Disputes;

mod eip712 {
    alloy_sol_types::sol! {
        struct Order {
            string method;
            string resource;
            uint256 chainId;
            address wallet;
            address processor;
            address token;
            address payee;
            uint96 amount;
            bytes32 order;
            bytes32 disputes;
        }

        struct Intent {
            string method;
            string resource;
            uint256 chainId;
            address wallet;
            address processor;
            address token;
            address payee;
            uint96 amount;
            uint32 account;
            uint64 nonce;
            bytes32 disputes;
        }
    }
}

/// Where a payment counts: a wallet on a chain, and the processor whose receipts are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Venue {
    /// The chain.
    pub chain: ChainId,
    /// The wallet contract.
    pub wallet: Address,
    /// The processor, by the address that signs its receipts.
    pub processor: Address,
}

impl Venue {
    /// The EIP-712 domain of receipts and captures.
    pub fn typed_data_domain(&self) -> Eip712Domain {
        aep2_mandate::typed_data::domain(self.chain, self.wallet)
    }

    /// The domain of mandates in `token`.
    pub fn mandate_domain(&self, token: Address) -> Domain {
        Domain::new(self.chain, self.wallet, token)
    }
}

/// Whose ruling lowers what is owed where the terms name nobody: nobody's.
pub const NO_ARBITER: Address = Address::ZERO;

/// Who may sign about a mandate: whoever answers for its receipt, and whoever may lower what is owed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Signatories {
    /// Where it is paid.
    pub venue: Venue,
    /// The arbiter of the terms; [`NO_ARBITER`] where they agree to no disputes.
    pub arbiter: Address,
}

impl From<Venue> for Signatories {
    /// Without an arbiter.
    fn from(venue: Venue) -> Self {
        Self { venue, arbiter: NO_ARBITER }
    }
}

/// What is bought, and on which terms.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Purchase {
    /// The HTTP method, as it is sent: in capitals.
    pub method: String,
    /// The resource's absolute URL without fragment and credentials, as it is sent: scheme, host,
    /// the port where it is not the scheme's own, path and query. Compared byte by byte.
    pub resource: String,
    /// Where the payment counts.
    pub venue: Venue,
    /// The ERC-20 token paid in.
    pub token: Address,
    /// Who is paid.
    pub payee: Address,
    /// The price, or for metered calls the most that it can be.
    pub amount: Ceiling,
    /// Who decides about disputes; none where the terms agree to none.
    pub disputes: Option<Disputes>,
}

/// What makes a purchase one of a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PaymentContext {
    /// The payee asked for it under this number: order mode.
    Order(B256),
    /// The payer came by itself, with this mandate: intent mode.
    Intent {
        /// The account that pays.
        account: AccountId,
        /// The mandate's nonce.
        nonce: Nonce,
    },
}

impl Purchase {
    /// Who may answer for a receipt of a mandate that pays for this.
    pub fn signatories(&self) -> Signatories {
        let arbiter = self.disputes.as_ref().map_or(NO_ARBITER, Disputes::arbiter);
        Signatories { venue: self.venue, arbiter }
    }

    /// The `ref` of a mandate that pays for this.
    pub fn reference(&self, context: PaymentContext) -> B256 {
        let Venue { chain, wallet, processor } = self.venue;
        let (method, resource) = (self.method.clone(), self.resource.clone());
        let (token, payee) = (self.token, self.payee);
        let chain = U256::from(chain.get());
        let amount = U96::from(self.amount.get());
        let disputes = self.disputes.as_ref().map_or(B256::ZERO, Disputes::struct_hash);
        match context {
            PaymentContext::Order(order) => eip712::Order {
                method,
                resource,
                chainId: chain,
                wallet,
                processor,
                token,
                payee,
                amount,
                order,
                disputes,
            }
            .eip712_hash_struct(),
            PaymentContext::Intent { account, nonce } => eip712::Intent {
                method,
                resource,
                chainId: chain,
                wallet,
                processor,
                token,
                payee,
                amount,
                account: account.get(),
                nonce: nonce.get(),
                disputes,
            }
            .eip712_hash_struct(),
        }
    }
}
