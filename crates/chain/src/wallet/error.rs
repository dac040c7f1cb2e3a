//! Why a contract refused, as its own errors say: a variant for each, with its arguments.
//!
//! [`WalletError::decode`] reads revert data.

mod decode;
mod guarantee;

pub use guarantee::GuaranteeError;

use alloy::{
    primitives::{Address, B256, Bytes, U256},
    sol_types::PanicKind,
};
use thiserror::Error;

/// Why the wallet refused. Amounts are in base units, times in unix seconds.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum WalletError {
    // --- Accounts and verifiers ---
    /// The account is not the caller's.
    #[error("account {account} does not belong to {caller}; send this with the key of its owner")]
    NotOwner {
        /// The account.
        account: u32,
        /// Who called.
        caller: Address,
    },
    /// No account has this number.
    #[error("there is no account {account} in this wallet; open one, or check the number")]
    UnknownAccount {
        /// The number.
        account: u32,
    },
    /// An account names a processor.
    #[error("an account needs a processor, and the zero address is none")]
    ProcessorZero,
    /// The key's hash is no field element.
    #[error(
        "key hash {key_hash} is not below the field's order; give Poseidon(A.x, A.y) of the key"
    )]
    KeyHashOutOfRange {
        /// The word given.
        key_hash: U256,
    },
    /// Nobody registered these verifiers.
    #[error(
        "verifier set {verifier_set} is not registered in this wallet; register its list first"
    )]
    UnknownVerifierSet {
        /// The set named.
        verifier_set: B256,
    },
    /// A list of verifiers is not in ascending order of shapes, or names a shape twice.
    #[error("the list of verifiers must ascend by shape; shape {shape:#x} is out of order")]
    VerifiersNotAscending {
        /// The shape's number.
        shape: u32,
    },
    /// A verifier is no contract.
    #[error("verifier {verifier} has no code, or code that its owner can change; deploy it first")]
    VerifierHasNoCode {
        /// The address.
        verifier: Address,
    },
    /// A list of verifiers is empty.
    #[error("a list of verifiers has at least one")]
    NoVerifiers,
    /// There is nothing to cancel, apply or execute.
    #[error("nothing was asked for, so there is nothing to cancel or carry out; request it first")]
    NothingPending,
    /// Another processor or other verifiers are asked for, and a request for a key would drop that.
    #[error(
        "account {account} has asked for another processor or other verifiers: cancel that, or let it \
         come into force, before asking for another key"
    )]
    ChangePending {
        /// The account.
        account: u32,
    },
    /// Nothing is sent there.
    #[error(
        "nothing is sent to {to}: the address 0 has no key, and the wallet keeps what it is sent"
    )]
    RecipientRefused {
        /// The recipient named.
        to: Address,
    },
    /// The payee wants less than its threshold kept.
    #[error(
        "the payee's credit of {credit} is below its threshold {threshold}: only the payee itself \
         collects it"
    )]
    BelowThreshold {
        /// What is credited.
        credit: U256,
        /// The payee's threshold.
        threshold: U256,
    },
    /// The delay has not passed.
    #[error("the delay has not passed; try again at {available_from}")]
    TooEarly {
        /// From when on.
        available_from: u64,
    },
    /// A signed message is past its deadline.
    #[error("the signature was void after {deadline}; sign again with a later deadline")]
    SignatureExpired {
        /// The deadline signed.
        deadline: U256,
    },
    /// A signed message is not signed by whom it must be.
    #[error(
        "not {expected}'s signature on this message; check signer, chain, wallet and its nonce: a \
         signature counts once"
    )]
    BadSignature {
        /// Who must have signed.
        expected: Address,
    },
    /// Nothing is to be moved.
    #[error("the amount is 0; there is nothing to move")]
    AmountZero,

    // --- Tokens ---
    /// A deposit brought nothing.
    #[error("nothing of {token} arrived; check the amount, and that the token is an ERC-20")]
    NothingArrived {
        /// The token.
        token: Address,
    },
    /// The token did not move what it was to move.
    #[error("{token} refused to send {amount} to {to}; it may have blocked that address")]
    TransferFailed {
        /// The token.
        token: Address,
        /// To whom.
        to: Address,
        /// How much.
        amount: U256,
    },
    /// The token took more from the wallet than was sent.
    #[error("{token} took {gone} from the wallet for {sent} sent; such a token cannot be used")]
    TokenTookMore {
        /// The token.
        token: Address,
        /// What was to go.
        sent: U256,
        /// What went.
        gone: U256,
    },
    /// Too little gas for a payout's full allowance.
    #[error("{left} gas is left where {needed} are needed; send the transaction with more gas")]
    InsufficientGas {
        /// What a payout needs.
        needed: U256,
        /// What was left.
        left: U256,
    },
    /// The token's `transferFrom` returned false, or nothing that says yes.
    #[error("{token} did not take the tokens; check the approval and the balance")]
    TokenFailed {
        /// The token.
        token: Address,
    },

    // --- Batches ---
    /// The batch's time is over.
    #[error(
        "the batch was valid until {valid_until} and it is {timestamp}; prove its mandates again \
         with a later validUntil"
    )]
    BatchExpired {
        /// The header's.
        valid_until: u64,
        /// The block's.
        timestamp: U256,
    },
    /// The batch settles nothing.
    #[error("a batch settles at least one mandate")]
    BatchEmpty,
    /// Nothing is proved.
    #[error("a batch has at least one segment")]
    SegmentsEmpty,
    /// A segment's `C` is no field element.
    #[error("the commitment {commitment} is not below the field's order")]
    CommitmentOutOfRange {
        /// The word given.
        commitment: U256,
    },
    /// A segment's `R` is no field element.
    #[error("the sum {sum} is not below the field's order")]
    SumOutOfRange {
        /// The word given.
        sum: U256,
    },
    /// The set has no verifier for the shape.
    #[error("verifier set {verifier_set} has no verifier for shape {shape:#x}")]
    UnknownShape {
        /// The set.
        verifier_set: B256,
        /// The shape's number.
        shape: u32,
    },
    /// A nonce word has more than 57 bits.
    #[error("debit {index} has the nonce word {word}, which is not below 2^57")]
    WordOutOfRange {
        /// Which debit.
        index: u64,
        /// Its word.
        word: u64,
    },
    /// A debit spends no nonce.
    #[error("debit {index} spends no nonce")]
    MaskEmpty {
        /// Which debit.
        index: u64,
    },
    /// The processor may not debit the account with these verifiers.
    #[error(
        "account {account} has no mandate key under processor {processor} and verifier set \
         {verifier_set}; only the processor that its owner chose can debit it, with the verifiers \
         that its owner chose"
    )]
    NotAuthorized {
        /// The account.
        account: u32,
        /// Who called.
        processor: Address,
        /// The set named.
        verifier_set: B256,
    },
    /// A nonce was spent before.
    #[error(
        "account {account} has spent nonces of word {word} before; the batch was settled, or its \
         mandates were, or were claimed"
    )]
    NonceSpent {
        /// The account.
        account: u32,
        /// The word of 128 nonces.
        word: u64,
        /// Those of the word's 128 bits that were to be spent and already are.
        bits: U256,
    },
    /// An account has too little.
    #[error("account {account} has {balance} of {token}, not {amount}; leave its mandates out")]
    InsufficientBalance {
        /// The account.
        account: u32,
        /// The token.
        token: Address,
        /// What it has.
        balance: U256,
        /// What was to be debited.
        amount: U256,
    },
    /// The masks have not as many bits as the batch has mandates.
    #[error("the batch spends {bits} nonces for {count} mandates; these must agree")]
    CountMismatch {
        /// Bits set in all masks.
        bits: U256,
        /// Mandates.
        count: u32,
    },
    /// The debits do not add up to the payouts.
    #[error("the batch debits {debits} and pays out {payouts}; these must agree")]
    TotalsDiffer {
        /// All debits.
        debits: U256,
        /// All payouts.
        payouts: U256,
    },
    /// The hint is not the inverse that it must be.
    #[error(
        "{hint} is not the inverse of the product of all denominators; entries or C were altered"
    )]
    HintWrong {
        /// The word given.
        hint: U256,
    },
    /// The segments' sums do not add up to the entries'.
    #[error(
        "the segments of batch {batch_id} do not add up to its entries: a sum was altered, or the hint was \
         made for other entries than were proved"
    )]
    SumsDiffer {
        /// The hash of all that was to be settled.
        batch_id: B256,
    },
    /// A proof does not hold.
    #[error(
        "a proof does not hold for batch {batch_id}: a sum or a proof was altered, or it was proved \
         with another key"
    )]
    ProofRefused {
        /// The hash of all that was to be settled.
        batch_id: B256,
    },

    // --- Direct settlement ---
    /// Lists that must be equally long are not.
    #[error(
        "{mandates} mandates, {signatures} signatures, {captured} captured amounts: give one of each"
    )]
    LengthsDiffer {
        /// How many mandates.
        mandates: u64,
        /// How many signatures.
        signatures: u64,
        /// How many captured amounts.
        captured: u64,
    },
    /// A mandate is past its deadline.
    #[error("mandate {index} expired at {deadline}; it can no longer be settled")]
    MandateExpired {
        /// Which mandate.
        index: u64,
        /// Its deadline.
        deadline: U256,
    },
    /// A mandate is not its owner's.
    #[error("mandate {index} is not signed by its owner {owner} for this wallet on this chain")]
    MandateSignature {
        /// Which mandate.
        index: u64,
        /// Its owner.
        owner: Address,
    },
    /// A mandate's nonce was spent before.
    #[error("mandate {index}: {owner} has spent nonce {nonce} before")]
    MandateNonceSpent {
        /// Which mandate.
        index: u64,
        /// Its owner.
        owner: Address,
        /// Its nonce.
        nonce: U256,
    },
    /// More is captured than the mandate allows.
    #[error("mandate {index} allows {amount}, and {captured} were to be captured")]
    CaptureExceedsAmount {
        /// Which mandate.
        index: u64,
        /// What was to be captured.
        captured: U256,
        /// What is allowed.
        amount: U256,
    },
    /// The owner has set no account for direct mandates.
    #[error("mandate {index}: {owner} has no account for direct mandates; its owner sets one")]
    NoDirectAccount {
        /// Which mandate.
        index: u64,
        /// Its owner.
        owner: Address,
    },
    /// The processor is not the account's.
    #[error("account {account} has another processor than {processor}")]
    NotProcessor {
        /// The account.
        account: u32,
        /// For whom it was to be debited.
        processor: Address,
    },

    // --- Processors ---
    /// The caller neither is the processor nor settles for it.
    #[error(
        "{caller} is neither {processor} nor one of its senders; the processor names its senders"
    )]
    NotSender {
        /// The processor.
        processor: Address,
        /// Who called.
        caller: Address,
    },
    /// Only the guarantee burns nonces.
    #[error("{caller} is not the wallet's guarantee, which alone burns nonces")]
    NotGuarantee {
        /// Who called.
        caller: Address,
    },
    /// A place holds evidence that others may still need.
    #[error(
        "place {place} of {processor} remembers a batch that settled at {settled_at}, which others may \
         still ask for; name another place"
    )]
    PlaceTaken {
        /// The processor.
        processor: Address,
        /// The place.
        place: u64,
        /// When what is there settled.
        settled_at: u64,
    },

    // --- What stands behind receipts ---
    /// The guarantee refused.
    #[error("the guarantee: {0}")]
    Guarantee(#[from] GuaranteeError),

    // --- What the wallet is built on ---
    /// A token tried to call the wallet while the wallet was calling it.
    #[error("the wallet was called from within its own call; a token must not do that")]
    Reentered,
    /// A number is too large for where the wallet keeps it.
    #[error("{value} does not fit {bits} bits, which is what the wallet keeps of it")]
    TooLarge {
        /// Bits that it must fit.
        bits: u8,
        /// The number.
        value: U256,
    },
    /// A nonce of signed messages is not the owner's next.
    #[error("the next nonce of {account}'s signed messages is {current}; sign again with it")]
    SignedNonce {
        /// Whose.
        account: Address,
        /// The next one.
        current: U256,
    },
    /// A string does not fit where the contract keeps it. Only a constructor says so.
    #[error("a string is too long for, or damaged in, a contract's 32 bytes")]
    String,

    // --- What the wallet calls ---
    /// The verifier refused, as malformed.
    #[error("the verifier: {0}")]
    Verifier(#[from] VerifierError),
    /// The token refused.
    #[error("the token: {0}")]
    Token(#[from] TokenError),

    // --- What Solidity says, and everything else ---
    /// A text, as Solidity's `require` and `revert` give it.
    #[error("the contract said: {0}")]
    Message(String),
    /// A mistake that Solidity finds by itself: an overflow, a division by 0, an index out of range.
    #[error("the contract panicked (code {code:#x}): {}", panic_words(*code))]
    Panic {
        /// Solidity's code.
        code: U256,
    },
    /// A revert without data: malformed arguments, a call of no function, or gas run out.
    #[error(
        "the contract gave no reason: the arguments are malformed, the function does not exist, or \
         the gas ran out"
    )]
    NoReason,
    /// None of the above.
    #[error("the contract gave a reason that this software does not know: {0}")]
    Unknown(Bytes),
}

/// Why a verifier refused a proof before checking it, or a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum VerifierError {
    /// There is nothing to verify.
    #[error("there is no proof to verify")]
    NoProofs,
    /// There are not as many proofs as inputs.
    #[error("{proofs} proofs, and inputs of {inputs}")]
    LengthsDiffer {
        /// Proofs.
        proofs: u64,
        /// Lists of inputs.
        inputs: u64,
    },
    /// The lists do not lie where encoders put them.
    #[error("proofs at byte {proofs_at} and inputs at byte {inputs_at} of the calldata")]
    CalldataOrder {
        /// Where the proofs begin.
        proofs_at: u64,
        /// Where the inputs begin.
        inputs_at: u64,
    },
    /// Calldata has another length than proofs and inputs.
    #[error("calldata of {found} bytes, not {expected}")]
    CalldataLength {
        /// Bytes there must be.
        expected: U256,
        /// Bytes there are.
        found: U256,
    },
    /// A public input is not reduced.
    #[error("public input {index} is {value}, not below the scalar field's order")]
    InputNotReduced {
        /// Which of all inputs, four to a proof.
        index: u64,
        /// The word.
        value: U256,
    },
    /// A coordinate of the proof is not reduced.
    #[error("word {index} of the proofs is {value}, not below the base field's order")]
    CoordinateNotReduced {
        /// Which of all proofs' words, eight to a proof.
        index: u64,
        /// The word.
        value: U256,
    },
    /// A point of the proof is infinity.
    #[error("the proofs' point at word {index} is infinity, which no prover makes")]
    PointAtInfinity {
        /// The point's first word.
        index: u64,
    },
    /// A precompile failed.
    #[error(
        "precompile {precompile} failed: a point of the proof is not in its group, or the gas ran out"
    )]
    PrecompileFailed {
        /// Its address: 6 adds, 7 multiplies, 8 pairs.
        precompile: u64,
    },
    /// The verifying key has a point that is none. Only the constructor says so.
    #[error(
        "the verifying key's point at word {index} is not a point of its group, or is infinity"
    )]
    InvalidKeyPoint {
        /// The point's first word.
        index: u64,
    },
    /// The verifying key's γ and δ are equal or opposite. Only the constructor says so.
    #[error("the verifying key has γ = ±δ: anyone forges proofs for it; use a key from a set-up")]
    ForgeableKey,
}

/// Why a token refused, in the errors of ERC-6093, of OpenZeppelin's ERC-2612 and of `TestUSD`. Tokens
/// that speak in text, as USDC does, are [`WalletError::Message`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum TokenError {
    /// Too little is there.
    #[error("{sender} has {balance}, not {needed}")]
    InsufficientBalance {
        /// Who was to send.
        sender: Address,
        /// What it has.
        balance: U256,
        /// What was to be sent.
        needed: U256,
    },
    /// Too little is approved.
    #[error("{spender} may take {allowance}, not {needed}; approve it first")]
    InsufficientAllowance {
        /// Who was to take it.
        spender: Address,
        /// What it may take.
        allowance: U256,
        /// What it was to take.
        needed: U256,
    },
    /// This address cannot send.
    #[error("{0} cannot send it")]
    InvalidSender(Address),
    /// This address cannot receive.
    #[error("{0} cannot receive it")]
    InvalidReceiver(Address),
    /// This address cannot approve.
    #[error("{0} cannot approve a spender")]
    InvalidApprover(Address),
    /// This address cannot be approved.
    #[error("{0} cannot be a spender")]
    InvalidSpender(Address),
    /// A permit is past its deadline.
    #[error("the permit was void after {deadline}")]
    PermitExpired {
        /// Unix seconds.
        deadline: U256,
    },
    /// An authorization's time has not come.
    #[error("the authorization counts after {valid_after}; try again then")]
    AuthorizationNotYetValid {
        /// Unix seconds.
        valid_after: U256,
    },
    /// An authorization's time is over.
    #[error("the authorization counted before {valid_before}; sign another")]
    AuthorizationExpired {
        /// Unix seconds.
        valid_before: U256,
    },
    /// An authorization was used or cancelled.
    #[error("the authorization {nonce} of {authorizer} was used or cancelled before")]
    AuthorizationUsed {
        /// Whose.
        authorizer: Address,
        /// Its nonce.
        nonce: B256,
    },
    /// An address neither sends nor receives.
    #[error("{0} is blocked")]
    Blocked(Address),
    /// Only one address blocks others.
    #[error("{0} may not block others")]
    NotBlocklister(Address),
    /// Only the payee itself may bring such an authorization.
    #[error("{caller} brought an authorization that {payee} alone may bring")]
    NotPayee {
        /// Who called.
        caller: Address,
        /// Who may.
        payee: Address,
    },
    /// A permit or an authorization is not its owner's.
    #[error("not {0}'s signature on this message; check chain, token, amount, nonce and account")]
    Signature(Address),
    /// A permit is signed by somebody else.
    #[error("the permit is signed by {signer}, not by {owner}, or was used before")]
    PermitSigner {
        /// Who signed, if this was what was signed.
        signer: Address,
        /// Who must have.
        owner: Address,
    },
}

/// What Solidity's panic codes mean.
fn panic_words(code: U256) -> &'static str {
    u32::try_from(code)
        .ok()
        .and_then(PanicKind::from_number)
        .map_or("unknown code", PanicKind::as_str)
}
