//! Digests and hashes against vectors that viem and ethers agree on.

use aep2_chain::{
    token::{DepositAuthorization, DepositTarget, Permit},
    wallet::{
        WalletId,
        signing::{DepositIntent, OpenAccount, deposit_nonce},
        terms::{Opening, Terms},
        units::{BaseUnits, KeyHash, VerifierSetId},
    },
};
use aep2_mandate::{
    field,
    typed_data::EcdsaSignature,
    units::{AccountId, ChainId, UnixTime},
};
use alloy::{
    primitives::{Address, B256, U256},
    signers::local::PrivateKeySigner,
    sol_types::Eip712Domain,
};
use serde::Deserialize;

use crate::support::vectors;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Vectors {
    wallet: Address,
    domains: Vec<DomainVector>,
    deposit_nonces: Vec<DepositNonce>,
    opening_nonces: Vec<OpeningNonce>,
    openings: Vec<OpeningVector>,
    deposit_intents: Vec<IntentVector>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DomainVector {
    chain_id: u64,
    domain_separator: B256,
    token: Address,
    mandate_domain: B256,
}

#[derive(Deserialize)]
struct DepositNonce {
    account: U256,
    salt: B256,
    nonce: B256,
}

#[derive(Deserialize)]
struct OpeningNonce {
    #[serde(flatten)]
    opening: OpeningFields,
    salt: B256,
    nonce: B256,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OpeningFields {
    owner: Address,
    processor: Address,
    verifier_set: B256,
    key_hash: B256,
}

impl OpeningFields {
    /// None where no wallet could keep it.
    fn opening(&self) -> Option<Opening> {
        let verifier_set = VerifierSetId::from_word(self.verifier_set);
        let key_hash = KeyHash::from_word(self.key_hash.into()).ok()?;
        let terms = Terms { processor: self.processor, verifier_set, key_hash };
        Some(Opening { owner: self.owner, terms })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OpeningVector {
    chain_id: u64,
    #[serde(flatten)]
    opening: OpeningFields,
    nonce: U256,
    deadline: U256,
    struct_hash: B256,
    digest: B256,
    signer: Address,
    signature: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct IntentVector {
    chain_id: u64,
    owner: Address,
    account: U256,
    token: Address,
    amount: U256,
    nonce: U256,
    deadline: U256,
    struct_hash: B256,
    digest: B256,
    signer: Address,
    signature: String,
}

fn account(word: U256) -> Option<AccountId> {
    AccountId::new(u32::try_from(word).ok()?).ok()
}

fn time(word: U256) -> Option<UnixTime> {
    UnixTime::new(u64::try_from(word).ok()?).ok()
}

fn signature(hex: &str) -> EcdsaSignature {
    let bytes = alloy::primitives::hex::decode(hex).unwrap();
    EcdsaSignature::from_bytes(bytes.try_into().unwrap())
}

/// Most of a list of vectors was of numbers that this side has, and none was passed over silently.
fn most(seen: usize, of: usize) {
    assert!(seen >= 3 && 2 * seen > of, "only {seen} of {of} vectors");
}

#[test]
fn domains_are_those_of_others() {
    let vectors: Vectors = vectors("wallet.json");
    for vector in &vectors.domains {
        let id = WalletId { chain_id: ChainId::new(vector.chain_id), address: vectors.wallet };
        assert_eq!(id.eip712_domain().separator(), vector.domain_separator);
        let element = id.mandate_domain(vector.token).element();
        assert_eq!(field::to_be_bytes(&element), vector.mandate_domain.0);
    }
    most(vectors.domains.len(), vectors.domains.len());
}

#[test]
fn deposits_nonces_are_those_of_others() {
    let vectors: Vectors = vectors("wallet.json");
    let accounts = vectors
        .deposit_nonces
        .iter()
        .filter_map(|vector| account(vector.account).map(|account| (account, vector)));
    let mut seen = 0;
    for (account, vector) in accounts {
        assert_eq!(deposit_nonce(account, vector.salt), vector.nonce);
        assert_eq!(DepositTarget::Account(account).nonce(vector.salt), vector.nonce);
        seen += 1;
    }
    most(seen, vectors.deposit_nonces.len());
    let mut seen = 0;
    for vector in &vectors.opening_nonces {
        let Some(opening) = vector.opening.opening() else { continue };
        assert_eq!(opening.deposit_nonce(vector.salt), vector.nonce);
        assert_eq!(DepositTarget::Opening(opening).nonce(vector.salt), vector.nonce);
        seen += 1;
    }
    most(seen, vectors.opening_nonces.len());
}

#[test]
fn openings_are_signed_as_others_sign_them() {
    let vectors: Vectors = vectors("wallet.json");
    let mut seen = 0;
    for vector in &vectors.openings {
        let (Some(opening), Some(deadline)) = (vector.opening.opening(), time(vector.deadline))
        else {
            continue;
        };
        let id = WalletId { chain_id: ChainId::new(vector.chain_id), address: vectors.wallet };
        let message = OpenAccount { opening, nonce: vector.nonce, deadline };
        assert_eq!(message.struct_hash(), vector.struct_hash);
        let digest = message.digest(&id.eip712_domain());
        assert_eq!(digest, vector.digest);
        signature(&vector.signature).verify(&digest, vector.signer).unwrap();
        seen += 1;
    }
    most(seen, vectors.openings.len());
}

#[test]
fn intents_are_signed_as_others_sign_them() {
    let vectors: Vectors = vectors("wallet.json");
    let mut seen = 0;
    for vector in &vectors.deposit_intents {
        let (Some(account), Some(amount), Some(deadline)) =
            (account(vector.account), BaseUnits::from_word(vector.amount), time(vector.deadline))
        else {
            continue;
        };
        let id = WalletId { chain_id: ChainId::new(vector.chain_id), address: vectors.wallet };
        let message = DepositIntent {
            owner: vector.owner,
            account,
            token: vector.token,
            amount,
            nonce: vector.nonce,
            deadline,
        };
        assert_eq!(message.struct_hash(), vector.struct_hash);
        let digest = message.digest(&id.eip712_domain());
        assert_eq!(digest, vector.digest);
        signature(&vector.signature).verify(&digest, vector.signer).unwrap();
        seen += 1;
    }
    most(seen, vectors.deposit_intents.len());
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TokenVectors {
    name: String,
    version: String,
    receive_with_authorization: Vec<TokenVector<Authorized>>,
    permit: Vec<TokenVector<Permitted>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TokenVector<Message> {
    chain_id: u64,
    token: Address,
    message: Message,
    domain_separator: B256,
    digest: B256,
    signature: String,
    private_key: B256,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Authorized {
    from: Address,
    to: Address,
    value: U256,
    valid_after: U256,
    valid_before: U256,
    nonce: B256,
}

#[derive(Deserialize)]
struct Permitted {
    owner: Address,
    spender: Address,
    value: U256,
    nonce: U256,
    deadline: U256,
}

impl<Message> TokenVector<Message> {
    fn domain(&self, token: &TokenVectors) -> Eip712Domain {
        let domain = Eip712Domain::new(
            Some(token.name.clone().into()),
            Some(token.version.clone().into()),
            Some(U256::from(self.chain_id)),
            Some(self.token),
            None,
        );
        assert_eq!(domain.separator(), self.domain_separator);
        domain
    }

    fn key(&self) -> PrivateKeySigner {
        PrivateKeySigner::from_bytes(&self.private_key).unwrap()
    }
}

#[test]
fn permits_are_signed_as_others_sign_them() {
    let vectors: TokenVectors = vectors("tokens.json");
    let mut seen = 0;
    for vector in &vectors.permit {
        let Permitted { owner, spender, value, nonce, deadline } = vector.message;
        let (Some(amount), Some(deadline)) = (BaseUnits::from_word(value), time(deadline)) else {
            continue;
        };
        let permit = Permit { owner, spender, amount, nonce, deadline };
        let domain = vector.domain(&vectors);
        assert_eq!(permit.digest(&domain), vector.digest);
        let signed = permit.sign(&vector.key(), &domain).unwrap();
        assert_eq!(signed.signature, signature(&vector.signature), "deterministic on both sides");
        seen += 1;
    }
    assert!(seen >= 3, "only {seen} permits");
}

/// Their nonces are anything; this side's are hashes. So the digest is compared field by field through
/// a message of the same type whose nonce a target makes.
#[test]
fn authorizations_are_of_the_type_that_others_sign() {
    use alloy::sol_types::SolStruct;

    alloy::sol! {
        struct ReceiveWithAuthorization {
            address from;
            address to;
            uint256 value;
            uint256 validAfter;
            uint256 validBefore;
            bytes32 nonce;
        }
    }

    let vectors: TokenVectors = vectors("tokens.json");
    let mut seen = 0;
    for vector in &vectors.receive_with_authorization {
        let Authorized { from, to, value, valid_after, valid_before, nonce } = vector.message;
        let domain = vector.domain(&vectors);
        let theirs = |nonce| ReceiveWithAuthorization {
            from,
            to,
            value,
            validAfter: valid_after,
            validBefore: valid_before,
            nonce,
        };
        assert_eq!(theirs(nonce).eip712_signing_hash(&domain), vector.digest);

        let (Some(amount), Some(valid_after), Some(valid_before)) =
            (BaseUnits::from_word(value), time(valid_after), time(valid_before))
        else {
            continue;
        };
        let target = DepositTarget::Account(AccountId::MAX);
        let salt = nonce;
        let ours = DepositAuthorization { from, amount, valid_after, valid_before, salt };
        let digest = ours.digest(&domain, to, &target);
        assert_eq!(digest, theirs(target.nonce(salt)).eip712_signing_hash(&domain));
        let signed = ours.sign(&vector.key(), &domain, to, &target).unwrap();
        let bytes: [u8; 65] = signed.signature.to_vec().try_into().unwrap();
        EcdsaSignature::from_bytes(bytes).verify(&digest, vector.key().address()).unwrap();
        seen += 1;
    }
    assert!(seen >= 3, "only {seen} authorizations");
}
