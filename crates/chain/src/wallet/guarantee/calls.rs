//! Calls of the guarantee as values. Each does what `IGuarantee` says of the function of the same name.

use aep2_mandate::typed_data::{
    EcdsaSignature,
    capture::{SignedCapture, SignedCaptureReceipt},
    receipt::{Receipt, SignedReceipt},
    ruling::SignedRuling,
};
use alloy::{
    primitives::{
        Address, B256, Bytes, U256,
        aliases::{U40, U96},
    },
    sol_types::SolCall,
};

use super::id::GuaranteeId;
use crate::{
    call::Call,
    captures::{Captured, Leaf, PaidOut},
    contracts::guarantee::{Guarantee as abi, IDebitWallet, IGuarantee},
    wallet::units::BaseUnits,
};

/// A promise that was not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Promise {
    /// The receipt.
    pub receipt: SignedReceipt,
    /// What the processor signed about a capture, if it did. Only the payee itself may bring it.
    pub capture: Option<SignedCaptureReceipt>,
}

/// A batch that the wallet remembers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RememberedBatch {
    /// Who settled it.
    pub processor: Address,
    /// Where it is remembered.
    pub place: u64,
    /// The token.
    pub token: Address,
    /// The header's word.
    pub captures: B256,
    /// All its payouts, in their order.
    pub payouts: Vec<PaidOut>,
}

/// What a remembered batch paid of a mandate that was demanded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShownMandate {
    /// What was demanded.
    pub receipt: Receipt,
    /// Where in the batch it was paid: from a [`CaptureTree`](crate::captures::CaptureTree).
    pub leaf: Leaf,
}

/// That a payee took less.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CaptureAnswer {
    /// What was demanded.
    pub receipt: Receipt,
    /// What the payee signed.
    pub capture: SignedCapture,
}

/// That a receipt's arbiter lets its payee have less.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RulingAnswer {
    /// What was demanded.
    pub receipt: Receipt,
    /// What was ruled.
    pub ruling: SignedRuling,
}

/// Signers and bonds.
impl GuaranteeId {
    /// Lets a key sign receipts for the caller.
    pub fn name_signer(&self, signer: Address) -> Call {
        self.call(&abi::nameSignerCall { signer })
    }

    /// Cuts a key off that signs for the caller. What a stolen one signed is paid from payees' own bonds
    /// alone.
    pub fn cut_signer(&self, signer: Address, stolen: bool) -> Call {
        self.call(&abi::cutSignerCall { signer, stolen })
    }

    /// Adds the caller's tokens to a bond: a payee's own, or the one that all payees of a processor share.
    /// The *guarantee* must be approved for them.
    pub fn bond(
        &self,
        processor: Address,
        payee: Option<Address>,
        token: Address,
        amount: BaseUnits,
    ) -> Call {
        let (payee, amount) = (payee.unwrap_or_default(), amount.to_word());
        self.call(&abi::bondCall { processor, payee, token, amount })
    }

    /// Requests a withdrawal of the caller's bond.
    pub fn request_unbond(
        &self,
        payee: Option<Address>,
        token: Address,
        amount: BaseUnits,
    ) -> Call {
        let (payee, amount) = (payee.unwrap_or_default(), amount.to_word());
        self.call(&abi::requestUnbondCall { payee, token, amount })
    }

    /// Takes the request back.
    pub fn cancel_unbond(&self, payee: Option<Address>, token: Address) -> Call {
        self.call(&abi::cancelUnbondCall { payee: payee.unwrap_or_default(), token })
    }

    /// Pays out what was asked for of the bond, or what is left of it.
    pub fn execute_unbond(&self, payee: Option<Address>, token: Address, to: Address) -> Call {
        self.call(&abi::executeUnbondCall { payee: payee.unwrap_or_default(), token, to })
    }
}

/// Demands, answers, claims.
impl GuaranteeId {
    /// Demands what promises were not kept about.
    ///
    /// `deposit` is the ether sent along, in wei: at least [`Guarantee::deposit_for`] says of the block that
    /// it comes into. What is too much stays the caller's, see [`Self::collect_ether`].
    ///
    /// [`Guarantee::deposit_for`]: super::Guarantee::deposit_for
    pub fn demand(&self, promises: &[Promise], deposit: U256) -> Call {
        let promise = |own: &Promise| {
            let none = IGuarantee::CaptureReceipt {
                mandateId: B256::ZERO,
                processor: Address::ZERO,
                arbiter: Address::ZERO,
                amount: U96::ZERO,
                issuedAt: U40::ZERO,
            };
            IGuarantee::Promise {
                receipt: receipt(&own.receipt.message),
                signature: bytes(&own.receipt.signature),
                capture: own.capture.map_or(none, |signed| capture_receipt(&signed)),
                captureSignature: own.capture.map_or(Bytes::new(), |own| bytes(&own.signature)),
            }
        };
        let call = self.call(&abi::demandCall { promises: promises.iter().map(promise).collect() });
        Call { value: deposit, ..call }
    }

    /// Shows what a remembered batch paid of demanded mandates. Anyone may.
    pub fn answer(&self, batch: &RememberedBatch, shown: &[ShownMandate]) -> Call {
        let payout = |own: &PaidOut| IDebitWallet::Payout { payee: own.payee, amount: own.amount };
        let leaf = |own: &ShownMandate| {
            let Leaf { payout, captured: Captured { amount, .. }, within, above } = &own.leaf;
            let node = |node: &crate::captures::SumNode| IGuarantee::SumNode {
                hash: node.hash,
                sum: node.sum,
                left: node.left,
            };
            IGuarantee::Leaf {
                receipt: receipt(&own.receipt),
                payout: U256::from(*payout),
                captured: *amount,
                within: within.iter().map(node).collect(),
                above: above.clone(),
            }
        };
        self.call(&abi::answerCall {
            batch: IGuarantee::Remembered {
                processor: batch.processor,
                place: batch.place,
                token: batch.token,
                captures: batch.captures,
                payouts: batch.payouts.iter().map(payout).collect(),
            },
            leaves: shown.iter().map(leaf).collect(),
        })
    }

    /// Shows that payees took less. Anyone may.
    pub fn answer_by_capture(&self, answers: &[CaptureAnswer]) -> Call {
        let answer = |own: &CaptureAnswer| IGuarantee::CaptureAnswer {
            receipt: receipt(&own.receipt),
            amount: U96::from(own.capture.message.amount.get()),
            signature: bytes(&own.capture.signature),
        };
        self.call(&abi::answerByCaptureCall { answers: answers.iter().map(answer).collect() })
    }

    /// Shows that receipts' arbiters let payees have less. Anyone may.
    pub fn answer_by_ruling(&self, answers: &[RulingAnswer]) -> Call {
        let answer = |own: &RulingAnswer| {
            let ruling = &own.ruling.message;
            IGuarantee::RulingAnswer {
                receipt: receipt(&own.receipt),
                ruling: IGuarantee::Ruling {
                    mandateId: ruling.mandate_id,
                    captured: U96::from(ruling.captured.get()),
                    evidence: ruling.evidence,
                    ruledAt: U40::from(ruling.at.get()),
                },
                signature: bytes(&own.ruling.signature),
            }
        };
        self.call(&abi::answerByRulingCall { answers: answers.iter().map(answer).collect() })
    }

    /// Pays payees what no answer covered. Anyone may where the bonds hold all of it, otherwise the payee.
    pub fn claim(&self, receipts: &[Receipt]) -> Call {
        self.call(&abi::claimCall { receipts: receipts.iter().map(receipt).collect() })
    }

    /// Pays a payee what a token refused to pay when it was claimed. Anyone may.
    pub fn collect(&self, token: Address, payee: Address) -> Call {
        self.call(&abi::collectCall { token, payee })
    }

    /// Sends it to whom the caller says, whose it is.
    pub fn collect_to(&self, token: Address, to: Address) -> Call {
        self.call(&abi::collectToCall { token, to })
    }

    /// Sends the caller's ether: deposits that came back, or were forfeited to it.
    pub fn collect_ether(&self, to: Address) -> Call {
        self.call(&abi::collectEtherCall { to })
    }

    fn call(&self, function: &impl SolCall) -> Call {
        Call::new(self.address, function)
    }
}

/// As the contract takes it.
pub(super) fn receipt(own: &Receipt) -> IGuarantee::Receipt {
    IGuarantee::Receipt {
        mandateId: own.mandate_id.to_bytes(),
        processor: own.processor,
        account: own.account.get(),
        nonce: own.nonce.get(),
        token: own.token,
        payee: own.payee,
        arbiter: own.arbiter,
        // The units are no wider than the types they become here.
        amount: U96::from(own.amount.get()),
        issuedAt: U40::from(own.issued_at.get()),
        deadline: U40::from(own.deadline.get()),
        settleBy: U40::from(own.settle_by.get()),
    }
}

fn capture_receipt(signed: &SignedCaptureReceipt) -> IGuarantee::CaptureReceipt {
    let own = &signed.message;
    IGuarantee::CaptureReceipt {
        mandateId: own.mandate_id,
        processor: own.processor,
        arbiter: own.arbiter,
        amount: U96::from(own.amount.get()),
        issuedAt: U40::from(own.issued_at.get()),
    }
}

fn bytes(signature: &EcdsaSignature) -> Bytes {
    Bytes::copy_from_slice(signature.as_bytes())
}
