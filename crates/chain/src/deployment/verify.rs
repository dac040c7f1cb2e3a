//! Checking a chain against a deployment.

use aep2_circuits::Shape;
use aep2_mandate::units::ChainId;
use aep2_prover::{
    export::calldata,
    groth16::VerifyingKey,
    key_file::{Loaded, Provenance, verifying_key_hash},
};
use alloy::{
    primitives::{Address, B256},
    providers::Provider,
};
use thiserror::Error;

use super::{
    artifact::Code,
    file::{DeployedVerifier, Deployment},
};
use crate::{
    contracts::Groth16Verifier,
    error::{ChainError, answered},
    token::Token,
    wallet::{
        Wallet,
        guarantee::{Guarantee, Periods},
        terms::VerifierListError,
        units::VerifierSetId,
    },
};

/// Why a chain does not have what a deployment says.
#[derive(Debug, Error)]
pub enum VerifyError {
    /// The code is not the artifact's.
    #[error(
        "the code at {address} is not the {contract} of this software: the deployment is another \
         version's, or the file is wrong"
    )]
    Code {
        /// The contract's name.
        contract: &'static str,
        /// Where it was to be.
        address: Address,
    },
    /// The contracts go by other times.
    #[error("the wallet goes by {found:?}, and the deployment says {expected:?}")]
    Periods {
        /// The deployment's.
        expected: Periods,
        /// The contracts'.
        found: Periods,
    },
    /// The guarantee is not where it must be, or not this wallet's.
    #[error("the guarantee of the wallet is {found}, and {expected} was expected")]
    Guarantee {
        /// Who it should be.
        expected: Address,
        /// Who it is.
        found: Address,
    },
    /// The verifiers make no list.
    #[error(transparent)]
    Verifiers(#[from] VerifierListError),
    /// The list of verifiers has another name.
    #[error("the verifiers make the set {found}, and the deployment names {expected}")]
    VerifierSet {
        /// The deployment's.
        expected: VerifierSetId,
        /// What its verifiers make.
        found: VerifierSetId,
    },
    /// The wallet does not know the verifier.
    #[error("the wallet has {found:?} for shape {shape}, and the deployment {expected}")]
    NotRegistered {
        /// The shape.
        shape: Shape,
        /// The deployment's.
        expected: Address,
        /// The wallet's.
        found: Option<Address>,
    },
    /// The verifier has another key.
    #[error(
        "the verifier of shape {shape} has the key {found}, and the deployment names {expected}"
    )]
    VerifyingKey {
        /// The shape.
        shape: Shape,
        /// The deployment's.
        expected: B256,
        /// The verifier's.
        found: B256,
    },
    /// The chain, or a contract.
    #[error(transparent)]
    Chain(#[from] ChainError),
}

/// Why a deployment does not name a key.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum OtherKeyError {
    /// It has no verifier of the shape.
    #[error("the deployment has no verifier of shape {shape}")]
    NoVerifier {
        /// The shape.
        shape: Shape,
    },
    /// Its verifier of the shape has another key.
    #[error("the deployment's verifier of shape {shape} has the key {found}, not {expected}")]
    VerifyingKey {
        /// The shape.
        shape: Shape,
        /// The key's hash.
        expected: B256,
        /// The deployment's.
        found: B256,
    },
    /// It says that the key comes from elsewhere: another ceremony's transcript, say.
    #[error(
        "the deployment says of the key of shape {shape}: {found}; and the key's file: {expected}"
    )]
    Provenance {
        /// The shape.
        shape: Shape,
        /// The key's.
        expected: Provenance,
        /// The deployment's.
        found: Provenance,
    },
}

impl Deployment {
    /// Checks that the deployment's verifier of a shape has this key, and gives the verifier. The chain is
    /// not asked: that is [`Self::verify`].
    ///
    /// # Errors
    /// [`OtherKeyError`].
    pub fn check_key(
        &self,
        shape: Shape,
        key: &Loaded<VerifyingKey>,
    ) -> Result<&DeployedVerifier, OtherKeyError> {
        let own = self.verifiers.iter().find(|own| own.shape == shape);
        let own = own.ok_or(OtherKeyError::NoVerifier { shape })?;
        // Not what the key's file says that its hash is.
        let (expected, found) = (B256::from(verifying_key_hash(&key.key)), own.verifying_key);
        if found != expected {
            return Err(OtherKeyError::VerifyingKey { shape, expected, found });
        }
        let (expected, found) = (key.provenance, own.provenance);
        if found != expected {
            return Err(OtherKeyError::Provenance { shape, expected, found });
        }
        Ok(own)
    }

    /// Checks that the chain has these contracts: the code is the committed artifacts', but for what
    /// their constructors filled in; what these filled in is what the deployment says.
    ///
    /// Whether a key's provenance is what the deployment says, nobody can tell from a chain.
    ///
    /// # Errors
    /// The first thing that is not as it should be.
    pub async fn verify<P: Provider>(&self, provider: &P) -> Result<(), VerifyError> {
        let found = ChainId::new(provider.get_chain_id().await.map_err(ChainError::from)?);
        if found != self.chain_id {
            return Err(ChainError::OtherChain { expected: self.chain_id, found }.into());
        }
        self.verify_wallet(provider).await?;
        self.verify_verifiers(provider).await?;
        if let Some(token) = self.token {
            Token::new(provider, token).require().await?;
        }
        if let Some(token) = &self.test_token {
            verify_code(provider, "TestUSD", &Code::of_test_token(), token.address).await?;
        }
        Ok(())
    }

    async fn verify_wallet<P: Provider>(&self, provider: &P) -> Result<(), VerifyError> {
        let own = &self.wallet;
        verify_code(provider, "DebitWallet", &Code::of_wallet(), own.address).await?;
        // What its constructor filled in: its guarantee, times and domains.
        let wallet = Wallet::connect(provider, own.address).await?;
        let same = |expected, found| match expected == found {
            true => Ok(()),
            false => Err(VerifyError::Guarantee { expected, found }),
        };
        same(wallet.id().guarantee().address, own.guarantee)?;
        same(own.guarantee, wallet.guarantee().await?)?;
        verify_code(provider, "Guarantee", &Code::of_guarantee(), own.guarantee).await?;
        let guarantee = Guarantee::unchecked(provider, wallet.id().guarantee());
        same(own.address, guarantee.wallet().await?)?;
        let (expected, found) = (own.periods, wallet.periods().await?);
        if found == expected { Ok(()) } else { Err(VerifyError::Periods { expected, found }) }
    }

    async fn verify_verifiers<P: Provider>(&self, provider: &P) -> Result<(), VerifyError> {
        let (expected, found) = (self.verifier_set, self.verifier_list()?.id());
        if found != expected {
            return Err(VerifyError::VerifierSet { expected, found });
        }
        let wallet = Wallet::unchecked(provider, self.wallet_id());
        let code = Code::of_verifier();
        for own in &self.verifiers {
            let shape = own.shape;
            let found = wallet.verifier_of(self.verifier_set, shape).await?;
            if found != Some(own.address) {
                let expected = own.address;
                return Err(VerifyError::NotRegistered { shape, expected, found });
            }
            verify_code(provider, "Groth16Verifier", &code, own.address).await?;
            let found = key_of(provider, own.address).await?;
            let expected = own.verifying_key;
            if found != expected {
                return Err(VerifyError::VerifyingKey { shape, expected, found });
            }
        }
        Ok(())
    }
}

async fn verify_code<P: Provider>(
    provider: &P,
    contract: &'static str,
    code: &Code,
    address: Address,
) -> Result<(), VerifyError> {
    let found = provider.get_code_at(address).await.map_err(ChainError::from)?;
    if code.matches(&found) { Ok(()) } else { Err(VerifyError::Code { contract, address }) }
}

/// The hash of a verifier's key.
async fn key_of<P: Provider>(provider: &P, address: Address) -> Result<B256, ChainError> {
    const ASKED: &str = "verifyingKey";
    let verifier = Groth16Verifier::new(address, provider);
    let words = answered(verifier.verifyingKey().call().await)?
        .ok_or_else(|| ChainError::unexpected(ASKED, "no key"))?;
    let key = calldata::verifying_key_from_words(&words)
        .map_err(|error| ChainError::unexpected(ASKED, error))?;
    Ok(verifying_key_hash(&key).into())
}
