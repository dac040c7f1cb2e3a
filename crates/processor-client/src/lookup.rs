//! What a processor says about itself and about accounts: `GET /`, `GET /v1/accounts/{id}`.
//!
//! It is the processor's word. Payers take their venue from it once, when a wallet is made, and then
//! hold whatever comes against that.

use aep2_mandate::{
    inclusion::InclusionProof,
    mandate::Mandate,
    typed_data::outcome::SignedOutcome,
    units::{AccountId, Amount, ChainId},
    wire::Strict,
};
use aep2_x402::{purchase::Venue, terms::WireAddress};
use alloy_primitives::B256;
use http::StatusCode;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use url::Url;

use crate::{
    call::{RetryPolicy, at, call, post, refusal},
    error::ProcessorError,
};

/// Asks a processor.
#[derive(Clone, Debug)]
pub struct Lookup {
    http: reqwest::Client,
    base: Url,
    retry: RetryPolicy,
}

/// Who a processor is, and on what terms it serves.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Identity {
    /// The chain.
    pub chain_id: ChainId,
    /// The wallet contract.
    pub wallet: WireAddress,
    /// Who signs receipts, and whom accounts must name.
    pub processor: WireAddress,
    /// The verifiers of which accounts must trust one.
    pub verifier_sets: Vec<Strict<B256>>,
    /// By when after its acceptance a mandate is settled, in seconds.
    pub settle_within_s: u64,
    /// How long a payee has to capture, in seconds from the acceptance on.
    pub capture_within_s: u64,
    /// How long a mandate can be held for disputes, in seconds; 0 where that is not served.
    #[serde(default)]
    pub disputes_within_s: u64,
    /// The tokens that are accepted.
    pub tokens: Vec<TokenTerms>,
    /// Whether payees can take less than a mandate's amount.
    pub captures: bool,
}

/// A token that is accepted.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TokenTerms {
    /// The token.
    pub token: WireAddress,
    /// The least that a mandate in it must allow, in base units.
    pub amount_min: Amount,
}

/// What an account has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AccountStatus {
    /// The account.
    pub account: AccountId,
    /// Whose it is.
    pub owner: WireAddress,
    /// The hash of its mandate key; 0 for none.
    pub key_hash: Strict<B256>,
    /// Whether the processor takes mandates of it.
    pub served: bool,
    /// What it holds, by token.
    pub purses: Vec<Purse>,
}

/// What an account has in one token, in base units, as decimal strings of up to 128 bits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Purse {
    /// The token.
    pub token: WireAddress,
    /// All of it.
    pub balance: BaseUnits,
    /// What live mandates pay together.
    pub reserved: BaseUnits,
    /// What is left for new mandates.
    pub free: BaseUnits,
}

/// Base units of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BaseUnits(pub u128);

impl Serialize for BaseUnits {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for BaseUnits {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map(Self).map_err(serde::de::Error::custom)
    }
}

/// How a processor says that a mandate was settled. None of it is evidence before it was checked against what
/// the transaction settled.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Inclusion {
    /// The mandate.
    pub mandate: Mandate,
    /// For how much it was settled.
    pub captured: Amount,
    /// The transaction that settled it.
    pub transaction: B256,
    /// The way from the mandate into that.
    pub proof: InclusionProof,
}

impl Identity {
    /// Where payments through it count.
    pub fn venue(&self) -> Venue {
        Venue { chain: self.chain_id, wallet: self.wallet.0, processor: self.processor.0 }
    }
}

impl Lookup {
    /// Asks the processor whose interface is at `base`.
    pub fn new(http: reqwest::Client, base: Url) -> Self {
        Self { http, base, retry: RetryPolicy::default() }
    }

    /// Who it is.
    ///
    /// # Errors
    /// When it does not answer, or not as a processor does.
    pub async fn identity(&self) -> Result<Identity, ProcessorError> {
        self.get("").await.and_then(|found| {
            found.ok_or_else(|| ProcessorError::InvalidAnswer("no processor is there".to_owned()))
        })
    }

    /// What an account has; nothing where the processor does not know it.
    ///
    /// # Errors
    /// When it does not answer, or not as a processor does.
    pub async fn account(
        &self,
        account: AccountId,
    ) -> Result<Option<AccountStatus>, ProcessorError> {
        self.get(&format!("v1/accounts/{account}")).await
    }

    /// What became of up to 256 mandates, in their order; none where the processor does not say. Who
    /// signed is not checked here.
    ///
    /// # Errors
    /// When it does not answer, or not as a processor does.
    pub async fn outcomes(
        &self,
        mandates: &[B256],
    ) -> Result<Vec<Option<SignedOutcome>>, ProcessorError> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Question<'a> {
            mandate_ids: &'a [B256],
        }
        #[derive(Deserialize)]
        struct Answer {
            outcomes: Vec<Option<SignedOutcome>>,
        }

        let invalid = |message: String| ProcessorError::InvalidAnswer(message);
        let question = serde_json::to_vec(&Question { mandate_ids: mandates });
        let question = question.map_err(|error| invalid(error.to_string()))?;
        let url = at(&self.base, "v1/outcomes");
        let (status, answer) = post(&self.http, url, question, self.retry).await?;
        if !status.is_success() {
            return Err(refusal(status, &answer));
        }
        let answer: Answer =
            serde_json::from_slice(&answer).map_err(|error| invalid(error.to_string()))?;
        match answer.outcomes.len() == mandates.len() {
            true => Ok(answer.outcomes),
            false => Err(invalid("another number of outcomes than of mandates".to_owned())),
        }
    }

    /// How a mandate was settled; none where the processor has no proof of it: it does not know the mandate,
    /// or has not settled it in a batch. Nothing of it is checked here.
    ///
    /// # Errors
    /// When it does not answer, or not as a processor does.
    pub async fn inclusion(&self, mandate: B256) -> Result<Option<Inclusion>, ProcessorError> {
        match self.get(&format!("v1/mandates/{mandate}/proof")).await {
            Err(ProcessorError::Refused { code, .. })
                if matches!(&*code, "not_settled" | "settled_directly") =>
            {
                Ok(None)
            }
            found => found,
        }
    }

    /// Whether it takes mandates now.
    ///
    /// # Errors
    /// When it does not answer, or says that it does not.
    pub async fn is_ready(&self) -> Result<(), ProcessorError> {
        let once = RetryPolicy { attempts: 1, ..self.retry };
        let (status, _) = call(self.http.get(at(&self.base, "readyz")), once).await?;
        match status.is_success() {
            true => Ok(()),
            false => Err(ProcessorError::Unavailable(format!("status {status}"))),
        }
    }

    async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<Option<T>, ProcessorError> {
        let request = self.http.get(at(&self.base, path));
        let (status, answer) = call(request, self.retry).await?;
        match status {
            StatusCode::NOT_FOUND => Ok(None),
            status if !status.is_success() => Err(refusal(status, &answer)),
            _ => serde_json::from_slice(&answer)
                .map(Some)
                .map_err(|error| ProcessorError::InvalidAnswer(error.to_string())),
        }
    }
}
