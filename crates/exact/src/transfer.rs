//! A transfer that a payer signed (EIP-3009): whether it pays what is asked, and how it is made.
//!
//! What a payment must be is in x402's specification of `exact` on EVM chains. It names its terms, which
//! are the payee's; the chain, the token and the recipient are theirs; it pays the amount, no more and no
//! less; its time has come and not gone; the payer has the tokens. Whether the signature is the payer's is
//! for the token to say, by a call that changes nothing.

use std::collections::BTreeSet;

use aep2_chain::{call::Call, error::ChainError, token::Token};
use aep2_mandate::units::ChainId;
use alloy::{
    primitives::{Address, Bytes, Signature, U256, hex},
    providers::Provider,
    sol_types::{Eip712Domain, SolStruct},
};
use x402_chain_eip155::{
    chain::{ChecksummedAddress, Eip155ChainReference},
    v2_eip155_exact::types::{Eip3009Payload, ExactScheme, asset_transfer_method::Eip3009},
};
use x402_types::{
    proto::{PaymentVerificationError as Defect, v2},
    timestamp::UnixTimestamp,
};

use crate::error::ExactError;

mod abi {
    alloy::sol! {
        // What is signed, in the token's domain.
        struct TransferWithAuthorization {
            address from;
            address to;
            uint256 value;
            uint256 validAfter;
            uint256 validBefore;
            bytes32 nonce;
        }

        interface Token {
            // Of a contract's signature, which it is asked about (EIP-1271).
            function transferWithAuthorization(
                address from, address to, uint256 value, uint256 validAfter, uint256 validBefore,
                bytes32 nonce, bytes signature
            );
            // Of an ordinary key's: every token has this one.
            function transferWithAuthorization(
                address from, address to, uint256 value, uint256 validAfter, uint256 validBefore,
                bytes32 nonce, uint8 v, bytes32 r, bytes32 s
            );
        }
    }
}

/// What is asked for, and agreed to.
pub(crate) type Terms = v2::PaymentRequirements<ExactScheme, U256, ChecksummedAddress, Eip3009>;
/// What a payee asks to have verified or settled.
pub type PaymentRequest = v2::VerifyRequest<v2::PaymentPayload<Terms, Eip3009Payload>, Terms>;

/// The end of signatures by wallets that have yet to be deployed (EIP-6492).
const UNDEPLOYED: [u8; 32] =
    hex!("6492649264926492649264926492649264926492649264926492649264926492");
/// A transfer that expires within so many seconds would not be in a block in time.
const TIME_LEFT_S_MIN: u64 = 6;

/// A transfer that pays what is asked, as far as that can be told without the chain.
pub(crate) struct Transfer {
    /// Who pays.
    pub(crate) payer: Address,
    token: Address,
    amount: U256,
    /// What makes it happen. Whoever sends it pays for the gas.
    pub(crate) call: Call,
}

impl Transfer {
    /// The transfer of a request, on a chain, of one of these tokens.
    pub(crate) fn read(
        request: &PaymentRequest,
        chain: ChainId,
        tokens: &BTreeSet<Address>,
    ) -> Result<Self, ExactError> {
        let (payment, terms) = (&request.payment_payload, &request.payment_requirements);
        let (own, signature) = (&payment.payload.authorization, &payment.payload.signature);
        if payment.accepted != *terms {
            return Err(Defect::AcceptedRequirementsMismatch.into());
        }
        let token = terms.asset.0;
        if !tokens.contains(&token) {
            let words = format!("the token {} is not accepted here", terms.asset);
            return Err(ExactError::refused("invalid_payment_requirements", words));
        }
        if signature.ends_with(&UNDEPLOYED) {
            let words = "a wallet that is not deployed yet cannot pay here".to_owned();
            return Err(Defect::InvalidSignature(words).into());
        }
        if own.value != terms.amount {
            return Err(Defect::InvalidPaymentAmount.into());
        }
        let chain = Eip155ChainReference::new(chain.get());
        if terms.network != chain.as_chain_id() {
            return Err(Defect::ChainIdMismatch.into());
        }
        if own.to != terms.pay_to.0 {
            return Err(Defect::RecipientMismatch.into());
        }
        let now = UnixTimestamp::now();
        if own.valid_before < now + TIME_LEFT_S_MIN {
            return Err(Defect::Expired.into());
        }
        if own.valid_after > now {
            return Err(Defect::Early.into());
        }
        let domain = Eip712Domain::new(
            Some(terms.extra.name.clone().into()),
            Some(terms.extra.version.clone().into()),
            Some(U256::from(chain.inner())),
            Some(token),
            None,
        );
        let transfer = abi::TransferWithAuthorization {
            from: own.from,
            to: own.to,
            value: own.value,
            validAfter: U256::from(own.valid_after.as_secs()),
            validBefore: U256::from(own.valid_before.as_secs()),
            nonce: own.nonce,
        };
        let call = call(token, &transfer, signature, &domain);
        Ok(Self { payer: own.from, token, amount: own.value, call })
    }

    /// Whether the payer has the tokens.
    pub(crate) async fn check_balance(&self, node: &impl Provider) -> Result<(), ExactError> {
        if Token::new(node, self.token).balance_of(self.payer).await? < self.amount {
            return Err(Defect::InsufficientFunds.into());
        }
        Ok(())
    }

    /// Whether it would happen now: whether the signature is the payer's, and was not used.
    pub(crate) async fn try_out(&self, node: &impl Provider) -> Result<(), ExactError> {
        let tried = node.call(self.call.to_request()).await;
        tried.map(drop).map_err(|error| ChainError::from(error).into())
    }
}

/// The call of a token by which a signed transfer happens.
fn call(
    token: Address,
    transfer: &abi::TransferWithAuthorization,
    signature: &Bytes,
    domain: &Eip712Domain,
) -> Call {
    let abi::TransferWithAuthorization { from, to, value, validAfter, validBefore, nonce } =
        transfer.clone();
    let digest = transfer.eip712_signing_hash(domain);
    match ordinary(signature)
        .filter(|own| own.recover_address_from_prehash(&digest).is_ok_and(|signer| signer == from))
    {
        Some(own) => Call::new(
            token,
            &abi::Token::transferWithAuthorization_1Call {
                from,
                to,
                value,
                validAfter,
                validBefore,
                nonce,
                v: 27 + u8::from(own.v()),
                r: own.r().into(),
                s: own.s().into(),
            },
        ),
        None => Call::new(
            token,
            &abi::Token::transferWithAuthorization_0Call {
                from,
                to,
                value,
                validAfter,
                validBefore,
                nonce,
                signature: signature.clone(),
            },
        ),
    }
}

/// A signature of the form that ordinary keys make: 65 bytes, or 64 (ERC-2098). Of the two that a key
/// can make of one, the one with the lower `s`: tokens take no other.
fn ordinary(signature: &[u8]) -> Option<Signature> {
    let signature = match signature.len() {
        65 => Signature::from_raw(signature).ok()?,
        64 => Signature::from_erc2098(signature),
        _ => return None,
    };
    Some(signature.normalized_s())
}
