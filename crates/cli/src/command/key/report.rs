//! What `aep2 key check` says of keys that passed.

use std::path::PathBuf;

use aep2_ceremony::transcript::{Entry, Transcript};
use aep2_mandate::units::ChainId;
use alloy::primitives::Address;
use serde_json::{Value, json};

use crate::{
    command::{
        ceremony::{Opened, described, to_json},
        rows,
    },
    output::hex,
};

/// What every check of keys does.
const CHECKED: [&str; 6] = [
    "the circuit is this program's, of the plan's version and digest",
    "the powers of τ are those of the plan, and powers of one unknown τ",
    "the ceremony began with the plan, and every contribution is made from what came before it",
    "the beacon is the last contribution, made from its value as the plan says, not before its time",
    "every point of both keys is what the circuit, the powers and the contributions give",
    "both keys name the transcript, and attestations' signatures are their signers'",
];

/// What no file tells.
const NOT_CHECKED: [&str; 4] = [
    "that the plan is the one that was announced: compare its hash",
    "that the file of powers is the public one, where no name stands beside its hash",
    "that a contributor is who the name says: compare the hashes with what people published",
    "that the beacon's value is its source's: ask drand, or a node",
];

/// Keys that passed.
pub(super) struct Report {
    pub(super) opened: Opened,
    pub(super) transcript: Transcript,
    pub(super) verifying_key_hash: [u8; 32],
    pub(super) deployment: Option<InDeployment>,
}

/// A deployment whose verifier has the key.
pub(super) struct InDeployment {
    pub(super) file: PathBuf,
    pub(super) chain_id: ChainId,
    pub(super) verifier: Address,
    /// Whether the chain was asked.
    pub(super) on_chain: bool,
}

impl Report {
    /// For programs.
    pub(super) fn to_json(&self) -> Value {
        let plan = &self.transcript.plan;
        json!({
            "valid": true,
            "shape": plan.shape.to_string(),
            "circuit": { "version": plan.circuit_version, "digest": plan.constraint_system },
            "provenance": "ceremony",
            "transcript_hash": hex(&self.transcript.hash()),
            "verifying_key_hash": hex(&self.verifying_key_hash),
            "plan_hash": hex(&plan.hash()),
            "powers_of_tau": to_json(&self.opened.ptau),
            "contributors": self.transcript.people().iter().map(person).collect::<Vec<Value>>(),
            "beacon": {
                "source": plan.beacon.source.to_string(),
                "exponent": plan.beacon.exponent,
                "value": self.beacon_value(),
            },
            "deployment": self.deployment.as_ref().map(|own| json!({
                "file": own.file,
                "chain_id": own.chain_id,
                "verifier": own.verifier,
                "on_chain": own.on_chain,
            })),
            "checked": self.checked(),
            "not_checked": self.not_checked(),
        })
    }

    /// For people.
    pub(super) fn to_text(&self) -> String {
        let plan = &self.transcript.plan;
        let people = self.transcript.people();
        let value = self.beacon_value().unwrap_or_default();
        let mut named = vec![
            ("shape", plan.shape.to_string()),
            ("circuit", format!("version {}, {}", plan.circuit_version, plan.constraint_system)),
            ("provenance", "ceremony".to_owned()),
            ("transcript", hex(&self.transcript.hash())),
            ("verifying key", hex(&self.verifying_key_hash)),
            ("plan", hex(&plan.hash())),
            ("powers of τ", described(&self.opened.ptau)),
            ("beacon", format!("{}, {value}", plan.beacon.source)),
            ("contributors", people.len().to_string()),
        ];
        if let Some(own) = &self.deployment {
            let (file, chain_id) = (own.file.display(), own.chain_id);
            named.push(("deployed", format!("{} on chain {chain_id}, by {file}", own.verifier)));
        }
        let mut lines = vec!["valid".to_owned(), rows(&named)];
        for own in people {
            // Whoever wrote the name may have wanted to write on this terminal.
            let name = own.name.as_deref().unwrap_or("").escape_debug().to_string();
            let signer = own.attestation.as_ref().and_then(|own| own.signed.as_ref());
            let signed = signer.map(|own| format!(", signed by {}", own.signer));
            lines.push(format!("  {name}{}\n    {}", signed.unwrap_or_default(), own.hash));
        }
        let listed = |title: &str, list: Vec<&str>| format!("{title}\n- {}", list.join("\n- "));
        lines.push(listed("Checked:", self.checked()));
        lines.push(listed("Not checked:", self.not_checked()));
        lines.join("\n")
    }

    fn beacon_value(&self) -> Option<String> {
        Some(self.transcript.contributions.last()?.value.as_ref()?.to_string())
    }

    fn checked(&self) -> Vec<&'static str> {
        let mut list = CHECKED.to_vec();
        if let Some(own) = &self.deployment {
            list.push("the deployment's file names this verifying key and this transcript");
            if own.on_chain {
                list.push(
                    "the chain has the deployment's contracts, and its verifier has this key",
                );
            }
        }
        list
    }

    fn not_checked(&self) -> Vec<&'static str> {
        let mut list = NOT_CHECKED.to_vec();
        match &self.deployment {
            None => list.push("which key a wallet's verifier has: give --deployment"),
            Some(own) if !own.on_chain => {
                list.push("which key the verifier on the chain has: give --on-chain");
            }
            Some(_) => {}
        }
        list
    }
}

fn person(own: &Entry) -> Value {
    let signer = own.attestation.as_ref().and_then(|own| own.signed.as_ref());
    json!({
        "name": own.name,
        "hash": own.hash,
        "attested": own.attestation.is_some(),
        "signer": signer.map(|own| own.signer),
    })
}
