//! Putting the contracts on a chain.

use std::collections::BTreeSet;

use aep2_circuits::Shape;
use aep2_mandate::units::ChainId;
use aep2_prover::{
    export::calldata,
    groth16::VerifyingKey,
    key_file::{Loaded, Provenance},
    prover::Prover,
};
use alloy::{
    primitives::{Address, Bytes, U256},
    providers::{Provider, WalletProvider},
    rpc::types::TransactionReceipt,
    sol_types::SolConstructor,
};
use thiserror::Error;
use tracing::info;

use super::{
    file::{DeployedToken, DeployedVerifier, DeployedWallet, Deployment, Format},
    local::is_local,
};
use crate::{
    call::Call,
    contracts::{DebitWallet, Groth16Verifier, TestUSD},
    error::ChainError,
    transact::transact,
    wallet::{
        WalletId,
        guarantee::{Periods, PeriodsError},
        terms::{ShapeVerifier, VerifierList, VerifierListError},
    },
};

/// A verifying key and the shape whose proofs it verifies.
#[derive(Clone, Debug)]
pub struct KeyOfShape {
    /// The shape.
    pub shape: Shape,
    /// The key, from [`load_verifying_key`](aep2_prover::prover::load_verifying_key) or a prover.
    pub key: Loaded<VerifyingKey>,
}

impl From<&Prover> for KeyOfShape {
    fn from(prover: &Prover) -> Self {
        let key = Loaded {
            key: prover.verifying_key().clone(),
            provenance: prover.provenance(),
            verifying_key_hash: prover.verifying_key_hash(),
        };
        Self { shape: prover.shape(), key }
    }
}

/// What is to be deployed.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The times by which the wallet and its guarantee go.
    pub periods: Periods,
    /// The verifying keys, one a shape.
    pub keys: Vec<KeyOfShape>,
    /// The shapes whose keys may be random development keys on a public chain, or a ceremony's that nobody
    /// checked. Whoever has seen such a key's secrets forges proofs and takes everything. A seeded key is
    /// never accepted there.
    pub accept_development_keys: BTreeSet<Shape>,
    /// The shapes whose keys were checked beside the transcripts of their ceremonies
    /// (`aep2_ceremony::transcript::Transcript::check_beside_key`). What a key's file says of itself, whoever
    /// wrote the file made up: on a public chain a ceremony's key counts as one only if it is named here.
    pub checked_ceremonies: BTreeSet<Shape>,
    /// Whether to make a test token, which anyone mints; its blocklister is who deploys.
    pub test_token: bool,
}

/// Why nothing, or not everything, was deployed.
#[derive(Debug, Error)]
pub enum DeployError {
    /// A key is a development key and the chain is public.
    #[error(
        "the key of shape {shape} is not for chain {chain_id}, where money may be real: {provenance}. \
         Use a ceremony's key. If nothing of worth will ever be in this wallet, name the shape among \
         those whose development keys are accepted"
    )]
    DevelopmentKey {
        /// The key's shape.
        shape: Shape,
        /// Where the key's secrets came from.
        provenance: Provenance,
        /// The chain.
        chain_id: ChainId,
    },
    /// A key says that it is a ceremony's, nobody checked it, and the chain is public.
    #[error(
        "the key of shape {shape} says that it comes from a ceremony, and so can any key that somebody \
         made: chain {chain_id} may have real money. Check it beside the ceremony's transcript"
    )]
    UncheckedCeremony {
        /// The key's shape.
        shape: Shape,
        /// The chain.
        chain_id: ChainId,
    },
    /// A key is made from a published seed and the chain is public. Naming its shape does not help.
    #[error(
        "the key of shape {shape} is made from a seed: anyone who knows the seed forges proofs. It is \
         for local chains only, never for chain {chain_id}. Use a ceremony's key"
    )]
    SeededKey {
        /// The key's shape.
        shape: Shape,
        /// The chain.
        chain_id: ChainId,
    },
    /// A key is for a circuit with another number of public inputs.
    #[error("the key of shape {shape} is not for a settlement circuit, which has 4 public inputs")]
    OtherCircuit {
        /// The shape it was given for.
        shape: Shape,
    },
    /// The keys make no list of verifiers.
    #[error(transparent)]
    Verifiers(#[from] VerifierListError),
    /// The times do not fit.
    #[error(transparent)]
    Periods(#[from] PeriodsError),
    /// The chain, or a contract.
    #[error(transparent)]
    Chain(#[from] ChainError),
}

/// Deploys a verifier for each key, the wallet, the test token if it is asked for, and registers the
/// verifiers, with the provider's default key. Everything that can be refused without a transaction is
/// refused before the first one.
///
/// # Errors
/// See [`DeployError`]. Contracts that were made before something failed stay, unused.
pub async fn deploy<P>(provider: &P, plan: &Plan) -> Result<Deployment, DeployError>
where
    P: Provider + WalletProvider,
{
    let chain_id = ChainId::new(provider.get_chain_id().await.map_err(ChainError::from)?);
    let keys = plan.check(chain_id)?;

    let mut verifiers = Vec::with_capacity(keys.len());
    for (own, words) in keys {
        let constructor = Groth16Verifier::constructorCall { key: words };
        let made = create(provider, &Groth16Verifier::BYTECODE, &constructor).await?;
        info!(shape = %own.shape, address = %made.address, "verifier deployed");
        verifiers.push(DeployedVerifier {
            shape: own.shape,
            address: made.address,
            verifying_key: own.key.verifying_key_hash.into(),
            provenance: own.key.provenance,
            transaction: made.receipt.transaction_hash,
        });
    }
    verifiers.sort_by_key(|verifier| verifier.shape.id());

    // It makes its guarantee.
    let constructor = DebitWallet::constructorCall { periods: plan.periods.to_abi() };
    let made = create(provider, &DebitWallet::BYTECODE, &constructor).await?;
    let id = WalletId { chain_id, address: made.address };
    let guarantee = id.guarantee().address;
    info!(address = %made.address, %guarantee, "wallet deployed");
    let block = made
        .receipt
        .block_number
        .ok_or_else(|| ChainError::unexpected("a transaction's receipt", "it is in no block"))?;
    let wallet = DeployedWallet {
        address: made.address,
        guarantee,
        periods: plan.periods,
        transaction: made.receipt.transaction_hash,
    };

    let list = VerifierList::new(
        verifiers
            .iter()
            .map(|own| ShapeVerifier { shape: own.shape, verifier: own.address })
            .collect(),
    )?;
    transact(provider, &id.register_verifiers(&list)).await?;

    let test_token = match plan.test_token {
        false => None,
        true => {
            let blocklister = provider.default_signer_address();
            let constructor = TestUSD::constructorCall { blocklister_: blocklister };
            let made = create(provider, &TestUSD::BYTECODE, &constructor).await?;
            info!(address = %made.address, "test token deployed");
            let transaction = made.receipt.transaction_hash;
            Some(DeployedToken { address: made.address, transaction })
        }
    };
    let verifier_set = list.id();
    let format = Format;
    let token = None;
    Ok(Deployment { format, chain_id, block, wallet, verifier_set, verifiers, token, test_token })
}

impl Plan {
    /// What needs no transaction to be refused. Gives the keys' words as the constructors take them.
    fn check(&self, chain_id: ChainId) -> Result<Vec<(&KeyOfShape, [U256; 24])>, DeployError> {
        self.periods.check()?;
        for own in &self.keys {
            let (shape, provenance) = (own.shape, own.key.provenance);
            let checked = provenance.is_ceremony() && self.checked_ceremonies.contains(&shape);
            if is_local(chain_id) || checked {
                continue;
            }
            // Nobody can mean this one: the secrets are published.
            if provenance == Provenance::SeededDevelopment {
                return Err(DeployError::SeededKey { shape, chain_id });
            }
            if self.accept_development_keys.contains(&shape) {
                continue;
            }
            if provenance.is_ceremony() {
                return Err(DeployError::UncheckedCeremony { shape, chain_id });
            }
            return Err(DeployError::DevelopmentKey { shape, provenance, chain_id });
        }
        // That there are some, and one a shape; where they will be is not known yet.
        let nowhere =
            |own: &KeyOfShape| ShapeVerifier { shape: own.shape, verifier: Address::ZERO };
        VerifierList::new(self.keys.iter().map(nowhere).collect())?;

        let words = |own| {
            let KeyOfShape { shape, key }: &KeyOfShape = own;
            let words = calldata::verifying_key_to_words(&key.key).try_into();
            words.map(|words| (own, words)).map_err(|_| DeployError::OtherCircuit { shape: *shape })
        };
        self.keys.iter().map(words).collect()
    }
}

struct Created {
    address: Address,
    receipt: TransactionReceipt,
}

async fn create<P>(
    provider: &P,
    bytecode: &Bytes,
    constructor: &impl SolConstructor,
) -> Result<Created, ChainError>
where
    P: Provider + WalletProvider,
{
    let code = [&bytecode[..], &constructor.abi_encode()].concat();
    let receipt = transact(provider, &Call::deployment(code.into())).await?;
    match receipt.contract_address {
        Some(address) => Ok(Created { address, receipt }),
        None => Err(ChainError::unexpected("a deployment's receipt", "it names no contract")),
    }
}
