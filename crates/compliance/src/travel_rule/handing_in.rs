//! Handing objects in, and exporting them.

use aep2_mandate::units::{AccountId, Amount, UnixTime};
use aep2_travel_rule::{Binding, ExportLine, TravelRuleObject};
use alloy_primitives::{Address, B256};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::rule::TravelRule;
use crate::{
    audit::{self, About, Actor, action},
    compliance::Compliance,
    error::ComplianceError,
    evidence::{self, EvidenceKind, NewEvidence},
    family::Family,
    payment::Payment,
    refusal::NotAdmitted,
    store::{self},
};

/// An object that was handed in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HandedIn {
    /// When.
    pub at: UnixTime,
    /// The mandate.
    pub mandate: B256,
    /// The account that pays; nothing on the direct path.
    pub account: Option<AccountId>,
    /// Whose it is.
    pub owner: Address,
    /// The token.
    pub token: Address,
    /// Who is paid.
    pub payee: Address,
    /// The most that is paid, in base units.
    pub amount: Amount,
    /// The evidence with the object.
    pub evidence: B256,
}

impl Compliance {
    /// The key that objects are sealed to, as a JWK; nothing where the Travel Rule is off.
    ///
    /// # Errors
    /// None: a key can be written.
    pub fn travel_rule_key(&self) -> Result<Option<serde_json::Value>, ComplianceError> {
        Ok(self.inner.travel_rule.as_ref().map(TravelRule::public_key).transpose()?)
    }

    /// Takes an object for a payment. The caller has checked the mandate's signature, and that nothing else
    /// keeps it from being accepted: strangers are not to fill the store.
    ///
    /// # Errors
    /// When the Travel Rule is off, the object does not open, is not valid, or is not this payment's.
    pub async fn hand_in(&self, payment: &Payment, sealed: &str) -> Result<B256, ComplianceError> {
        let refused = |code, message: String| ComplianceError::Refused { code, message };
        let rule = self.inner.travel_rule.as_ref().ok_or_else(|| {
            refused("not_found", "this processor asks for nothing by the Travel Rule".to_owned())
        })?;
        let owner = payment.owner.ok_or_else(|| {
            refused("account_being_read", "the account is being read: try again".to_owned())
        })?;
        let account = payment.key_hash.map(|_| payment.account);
        let expected = Binding {
            mandate_id: payment.mandate,
            chain_id: rule.chain_id.get(),
            wallet: rule.wallet,
            owner,
            account: account.map(AccountId::get),
        };
        let now = self.now();
        let object =
            TravelRuleObject::receive(sealed, &rule.keys, (&expected, payment.payee), now.get())
                .map_err(|error| refused("travel_rule_invalid", error.to_string()))?;
        // Only for what is refused for the lack of it, and once: strangers are not to fill the store.
        match self.check(payment) {
            Err(NotAdmitted::Missing(_)) => {}
            Ok(()) => return Err(refused("travel_rule_invalid", "it is not needed".to_owned())),
            Err(error) => return Err(refused("travel_rule_invalid", error.to_string())),
        }
        if !rule.make_room(owner, now) {
            return Err(refused(
                "too_many_requests",
                "too many objects of this owner wait for their mandates: send those first"
                    .to_owned(),
            ));
        }
        let new = NewEvidence {
            kind: EvidenceKind::TravelRule,
            subject: None,
            mandate: Some(payment.mandate),
            content: object.json().as_bytes(),
        };
        let kept = (now, self.inner.config.kept_s_min);
        let evidence = evidence::seal(&self.inner.vault, new, kept)?;
        let commitment = evidence.commitment;
        let handed_in = HandedIn {
            at: now,
            mandate: payment.mandate,
            account,
            owner,
            token: payment.token,
            payee: payment.payee,
            amount: payment.amount,
            evidence: commitment,
        };
        self.write(move |tx| {
            evidence::put(tx, &evidence)?;
            let key = handed_in.mandate.to_vec();
            store::put(tx, Family::TravelRule, key, &handed_in)?;
            let about = (action::PRESENTED, About::Mandate(handed_in.mandate));
            let details = json!({ "evidence": commitment, "kind": EvidenceKind::TravelRule });
            audit::write(tx, now, &Actor::Anybody, about, details)
        })
        .await?;
        // Only now: what is accepted because of it is on disk.
        rule.lock().waiting.insert(payment.mandate, (owner, now));
        Ok(commitment)
    }

    /// What was handed in, from `from` to before `to`, opened, as JSON lines. It is personal.
    ///
    /// # Errors
    /// When something cannot be read or opened. What was destroyed is left out.
    pub fn travel_rule_export(
        &self,
        (from, to): (UnixTime, UnixTime),
    ) -> Result<String, ComplianceError> {
        let Some(rule) = &self.inner.travel_rule else { return Ok(String::new()) };
        let handed_in: Vec<HandedIn> = store::all(&self.snapshot(), Family::TravelRule, &[])?;
        let mut text = String::new();
        for one in handed_in.into_iter().filter(|one| (from..to).contains(&one.at)) {
            let (_, content) = match self.evidence(one.evidence) {
                Err(ComplianceError::Vault(aep2_vault::VaultError::Destroyed)) => continue,
                found => found?,
            };
            let payment = aep2_travel_rule::Payment {
                at: one.at.get(),
                token: one.token,
                amount: one.amount.get(),
                payee: one.payee,
                reason: None,
            };
            let binding = Binding {
                mandate_id: one.mandate,
                chain_id: rule.chain_id.get(),
                wallet: rule.wallet,
                owner: one.owner,
                account: one.account.map(AccountId::get),
            };
            let defect =
                |error: &dyn std::fmt::Display| ComplianceError::Internal(error.to_string());
            let object = std::str::from_utf8(&content).map_err(|error| defect(&error))?;
            let line = ExportLine { binding, payment, object }.to_json();
            let line = line.map_err(|error| defect(&error))?;
            text.push_str(std::str::from_utf8(&line).map_err(|error| defect(&error))?);
        }
        Ok(text)
    }
}
