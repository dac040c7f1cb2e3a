//! Signing mandates, and what they may be chained to.
//!
//! A mandate names in `prev` the one before it, by an id that covers all of that one's content,
//! its own `prev` included. So one signature vouches for a whole chain, and a batch proves one
//! signature for many mandates.
//!
//! **It also means that `prev` is money.** In a batch the mandate behind `prev` needs no signature
//! of its own: the later one speaks for it. A signer that takes the id to follow from somebody
//! else signs what that id stands for, unseen. It may be a mandate that never existed, over the
//! whole balance, to whoever made it up; one that the signer's own limits refused; or one made with a
//! stolen key, which a rotation was to put an end to.
//!
//! Therefore a [`Signer`]
//!
//! - is not given an id but the mandate before, whole and signed, and follows it only where its
//!   own present key signed it, in the same wallet, on the same chain, in the same token and for
//!   the same account. It starts a new chain everywhere else: that costs the batch one signature
//!   more, and nobody anything;
//! - follows only what was [`Released`]. A mandate that was signed and then held back is a promise
//!   that nobody has; following it would make it one that somebody can collect on.
//!
//! Whoever signs with another library has to keep these rules: follow only a mandate that this
//! same key signed and that has left for its payee, never an id that came from elsewhere, and
//! write 0 when in doubt.

use alloy_primitives::{Address, B256};

use crate::{
    eddsa::{PublicKey, SecretKey},
    mandate::{Domain, Mandate, Prev, SignedMandate},
    units::{AccountId, Ceiling, ChainId, Nonce, UnixTime},
};

/// A signed mandate that its payee has, or may have, received.
///
/// There is one way to make one, [`SignedMandate::released_to_payee`], and none to read one from
/// storage: keep the signed mandate, and say again that it was released.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Released(SignedMandate);

impl Released {
    /// The mandate that was released.
    pub fn signed_mandate(&self) -> &SignedMandate {
        &self.0
    }
}

impl SignedMandate {
    /// States that this mandate has left its payer: it was sent to its payee, or handed to whoever
    /// sends it, so the payer stands by it.
    ///
    /// The statement is the caller's, and nothing can check it. Make it when sending, after the
    /// last rule that could still have stopped the payment, and never for a mandate that came from
    /// outside.
    pub fn released_to_payee(self) -> Released {
        Released(self)
    }
}

/// What a payer decides about a payment. What the mandate follows is not among it: that is the
/// [`Signer`]'s to find out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MandateTerms {
    /// The account that pays.
    pub account: AccountId,
    /// The ERC-20 token paid in.
    pub token: Address,
    /// Who is paid.
    pub payee: Address,
    /// The most that the payee may capture.
    pub amount: Ceiling,
    /// A nonce that the account has not used in another mandate.
    pub nonce: Nonce,
    /// Settlement on chain happens at or before this time, or never.
    pub deadline: UnixTime,
    /// What is paid for: the hash of the order or the call.
    pub reference: B256,
}

/// Signs mandates with one key, for one wallet on one chain.
#[derive(Debug)]
pub struct Signer {
    secret: SecretKey,
    chain_id: ChainId,
    wallet: Address,
}

impl Signer {
    /// A signer with this key for the wallet at `wallet`.
    pub fn new(secret: SecretKey, chain_id: ChainId, wallet: Address) -> Self {
        Self { secret, chain_id, wallet }
    }

    /// The key that verifies what this signer signs.
    pub fn public(&self) -> PublicKey {
        self.secret.public()
    }

    /// The domain of mandates in `token`.
    pub fn domain(&self, token: Address) -> Domain {
        Domain::new(self.chain_id, self.wallet, token)
    }

    /// Signs a mandate over `terms`.
    ///
    /// `previous` is the last mandate that was released, if any. It is worth keeping one for each
    /// account and token: the new mandate follows it where the rules above let it, and otherwise
    /// starts a chain.
    ///
    /// Only what was released can be followed:
    ///
    /// ```
    /// # use aep2_mandate::{eddsa::SecretKey, mandate::SignedMandate, signer::*, units::ChainId};
    /// # use alloy_primitives::Address;
    /// fn pay_again(signer: &Signer, first: SignedMandate, terms: MandateTerms) -> SignedMandate {
    ///     signer.sign(terms, Some(&first.released_to_payee()))
    /// }
    /// ```
    ///
    /// a mandate of which nobody has said so cannot:
    ///
    /// ```compile_fail,E0308
    /// # use aep2_mandate::{eddsa::SecretKey, mandate::SignedMandate, signer::*, units::ChainId};
    /// # use alloy_primitives::Address;
    /// fn pay_again(signer: &Signer, first: SignedMandate, terms: MandateTerms) -> SignedMandate {
    ///     signer.sign(terms, Some(&first))
    /// }
    /// ```
    ///
    /// and neither can a bare id:
    ///
    /// ```compile_fail,E0308
    /// # use aep2_mandate::{eddsa::SecretKey, mandate::SignedMandate, signer::*, units::ChainId};
    /// # use alloy_primitives::Address;
    /// fn pay_again(signer: &Signer, first: SignedMandate, terms: MandateTerms) -> SignedMandate {
    ///     signer.sign(terms, Some(&first.mandate.id(&signer.domain(terms.token))))
    /// }
    /// ```
    pub fn sign(&self, terms: MandateTerms, previous: Option<&Released>) -> SignedMandate {
        let domain = self.domain(terms.token);
        let prev = previous.and_then(|previous| self.follow(previous, terms.account, &domain));
        let mandate = Mandate {
            account: terms.account,
            token: terms.token,
            payee: terms.payee,
            amount: terms.amount,
            nonce: terms.nonce,
            deadline: terms.deadline,
            reference: terms.reference,
            prev: prev.unwrap_or(Prev::START),
        };
        let signature = self.secret.sign(mandate.id(&domain).element());
        SignedMandate { mandate, key: self.public(), signature }
    }

    /// `previous` as something to follow, if it may be.
    ///
    /// A chain stays within one account although the circuit would prove one across two. Accounts
    /// may have different processors, and then neither has the whole chain; and a key that was
    /// taken off one account, but not yet off another, is not to speak for what it signed there.
    fn follow(&self, previous: &Released, account: AccountId, domain: &Domain) -> Option<Prev> {
        let previous = previous.signed_mandate();
        if previous.key != self.public() || previous.mandate.account != account {
            return None;
        }
        // The id is made anew from the content, in this signer's own domain: so the signature
        // fails to verify for another chain or wallet, and for anything altered.
        let id = previous.verify(domain).ok()?;
        Some(Prev::from_element(id.element()))
    }
}
