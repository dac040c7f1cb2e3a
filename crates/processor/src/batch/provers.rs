//! The proving keys, by shape, and the sets of verifiers whose proofs they make.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::Arc,
};

use aep2_chain::{
    deployment::Deployment,
    wallet::{terms::VerifierList, units::VerifierSetId},
};
use aep2_circuits::Shape;
use aep2_prover::{
    groth16::SetupError,
    key_file::KeyFileError,
    progress::Progress,
    prover::{Entropy, Prover},
};
use alloy::primitives::{Address, B256};
use thiserror::Error;

/// Why there are no provers.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ProversError {
    /// A key cannot be read or written.
    #[error(transparent)]
    KeyFile(#[from] KeyFileError),
    /// A key cannot be made.
    #[error("no key of shape {shape} can be made: {error}")]
    SetUp {
        /// The shape.
        shape: Shape,
        /// Why.
        error: SetupError,
    },
    /// A shape has no key.
    #[error("there is no proving key of shape {0}")]
    Missing(Shape),
    /// The wallet would refuse the key's proofs.
    #[error(
        "the proving key of shape {shape} belongs to the verifying key {found}, and the deployment's \
         verifier has {expected}: use the key that was deployed, or deploy this one"
    )]
    OtherKey {
        /// The shape.
        shape: Shape,
        /// The deployed verifying key.
        expected: B256,
        /// This one's.
        found: B256,
    },
    /// A set names a verifier that nobody here knows the key of.
    #[error("the verifier {verifier} of shape {shape} in set {set} is none of the deployment's")]
    UnknownVerifier {
        /// The set.
        set: VerifierSetId,
        /// The shape.
        shape: Shape,
        /// The verifier.
        verifier: Address,
    },
}

/// One prover a shape. Clones share the keys.
#[derive(Clone, Debug, Default)]
pub struct Provers {
    by_shape: BTreeMap<Shape, Arc<Prover>>,
    /// Lists of verifiers beside the deployment's own.
    more: Vec<VerifierList>,
}

impl FromIterator<Prover> for Provers {
    /// The last one of each shape.
    fn from_iter<I: IntoIterator<Item = Prover>>(provers: I) -> Self {
        let by_shape =
            provers.into_iter().map(|prover| (prover.shape(), Arc::new(prover))).collect();
        Self { by_shape, more: Vec::new() }
    }
}

impl Provers {
    /// The keys of these shapes, from a folder of keys.
    ///
    /// # Errors
    /// When one is missing, or is not exactly this program's.
    pub fn load(
        folder: &Path,
        shapes: impl IntoIterator<Item = Shape>,
    ) -> Result<Self, ProversError> {
        shapes.into_iter().map(|shape| Ok(Prover::load(folder, shape)?)).collect()
    }

    /// The keys of these shapes, from a folder of keys; those that are missing are made and kept
    /// there. For development: whoever made a key can forge proofs.
    ///
    /// # Errors
    /// When a key cannot be made, read or written.
    pub fn load_or_set_up(
        folder: &Path,
        shapes: impl IntoIterator<Item = Shape>,
        entropy: &Entropy,
        progress: &dyn Progress,
    ) -> Result<Self, ProversError> {
        let prover = |shape| {
            if Prover::is_kept(folder, shape) {
                return Ok(Prover::load(folder, shape)?);
            }
            let prover = Prover::set_up(shape, entropy, progress)
                .map_err(|error| ProversError::SetUp { shape, error })?;
            prover.save(folder)?;
            Ok(prover)
        };
        shapes.into_iter().map(prover).collect()
    }

    /// Serves payers who chose this list of verifiers, too, all of which must be the deployment's.
    /// The ledger has to be told of it: [`Self::verifier_sets`].
    #[must_use]
    pub fn with_verifiers(mut self, list: VerifierList) -> Self {
        self.more.push(list);
        self
    }

    /// The shapes that there are keys of.
    pub fn shapes(&self) -> impl Iterator<Item = Shape> {
        self.by_shape.keys().copied()
    }

    /// The prover of a shape.
    pub fn get(&self, shape: Shape) -> Option<Arc<Prover>> {
        self.by_shape.get(&shape).cloned()
    }

    /// Every prover, by shape.
    pub fn iter(&self) -> impl Iterator<Item = &Prover> {
        self.by_shape.values().map(|prover| &**prover)
    }

    /// The sets of verifiers that can be served: the deployment's own, and those added.
    pub fn verifier_sets(&self, deployment: &Deployment) -> BTreeSet<B256> {
        let more = self.more.iter().map(VerifierList::id);
        more.chain([deployment.verifier_set]).map(VerifierSetId::to_bytes).collect()
    }

    /// Checks that there is a key of each of these shapes, and that they are the deployment's.
    ///
    /// # Errors
    /// The first that is not.
    pub fn check(&self, shapes: &[Shape], deployment: &Deployment) -> Result<(), ProversError> {
        for shape in shapes.iter().copied() {
            let prover = self.by_shape.get(&shape).ok_or(ProversError::Missing(shape))?;
            let found = B256::from(prover.verifying_key_hash());
            let deployed = deployment.verifiers.iter().find(|own| own.shape == shape);
            if let Some(expected) = deployed.map(|own| own.verifying_key)
                && expected != found
            {
                return Err(ProversError::OtherKey { shape, expected, found });
            }
        }
        for list in &self.more {
            for own in list.verifiers() {
                let known = |deployed: &aep2_chain::deployment::DeployedVerifier| {
                    deployed.shape == own.shape && deployed.address == own.verifier
                };
                if !deployment.verifiers.iter().any(known) {
                    let (set, shape, verifier) = (list.id(), own.shape, own.verifier);
                    return Err(ProversError::UnknownVerifier { set, shape, verifier });
                }
            }
        }
        Ok(())
    }

    /// Whether what is captured in part can be settled, whichever of the verifiers that are served its payer
    /// trusts: each has one of a shape with capture.
    pub(crate) fn settle_captures(&self, shapes: &[Shape], deployment: &Deployment) -> bool {
        let has = |shapes: &Vec<(Shape, u64)>| shapes.iter().any(|(shape, _)| shape.capture());
        self.costs(shapes, deployment).values().all(has)
    }

    /// The sizes of these shapes' domains, in elements: what a proof's time grows with.
    pub(crate) fn domains(&self, shapes: &[Shape]) -> BTreeMap<Shape, u64> {
        let size =
            |shape: &Shape| Some((*shape, self.by_shape.get(shape)?.key().domain_size() as u64));
        shapes.iter().filter_map(size).collect()
    }

    /// For each set of verifiers, the shapes among `shapes` that it has a verifier for, with what a
    /// proof costs.
    pub(super) fn costs(
        &self,
        shapes: &[Shape],
        deployment: &Deployment,
    ) -> BTreeMap<B256, Vec<(Shape, u64)>> {
        let cost = |shape: &Shape| {
            let key = self.by_shape.get(shape)?.key();
            // The domain's size decides; among equals, the number of constraints.
            Some((*shape, (key.domain_size() as u64) << 32 | u64::from(key.constraints)))
        };
        let of = |in_set: &dyn Fn(&Shape) -> bool| -> Vec<_> {
            shapes.iter().filter(|shape| in_set(shape)).filter_map(cost).collect()
        };
        let own = |shape: &Shape| deployment.verifiers.iter().any(|own| own.shape == *shape);
        let mut costs = BTreeMap::from([(deployment.verifier_set.to_bytes(), of(&own))]);
        for list in &self.more {
            let in_list = |shape: &Shape| list.verifiers().iter().any(|own| own.shape == *shape);
            costs.insert(list.id().to_bytes(), of(&in_list));
        }
        costs
    }
}
