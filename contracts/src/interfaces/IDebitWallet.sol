// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IGuarantee} from "./IGuarantee.sol";

/// @title What the debit wallet keeps, does and says
/// @notice Custody for payers whose agents sign payment mandates, settled many at a time by the processor
/// that the payer chose. There is no owner of the wallet, no admin and no upgrade: nobody moves a payer's
/// money without a signature of that payer.
interface IDebitWallet {
    // --- What a batch is ----------------------------------------------------------------------------

    /// @notice What holds for a whole batch.
    struct Header {
        /// @dev Whose accounts are debited: the caller, or an address that has named the caller its sender.
        address processor;
        /// @dev The verifiers by which the proofs are checked; debited accounts must have chosen them.
        bytes32 verifierSet;
        /// @dev The ERC-20 that is debited and paid out.
        address token;
        /// @dev The last second at which the batch settles; no mandate in it expires before.
        uint40 validUntil;
        /// @dev How many mandates the batch settles.
        uint32 count;
        /// @dev What the batch captured of each mandate, as the root of a tree over its payouts (`CaptureTree`); 0
        /// for a batch that answers no demand. Nobody checks it here: a false one shows less than was paid.
        bytes32 captures;
        /// @dev Where it is remembered, among the processor's places; of no meaning without `captures`.
        uint64 place;
    }

    /// @notice What one account spends under one nonce word.
    struct Debit {
        uint32 account;
        /// @dev `nonce >> 7` of its mandates, below 2^57.
        uint64 word;
        /// @dev The bits `nonce & 127` that are spent.
        uint128 mask;
        /// @dev Base units.
        uint128 amount;
    }

    /// @notice What one payee receives.
    struct Payout {
        address payee;
        /// @dev Base units.
        uint128 amount;
    }

    /// @notice A part of a batch's mandates, with a proof of its own.
    struct Segment {
        /// @dev The circuit's shape: `lanes·2^16 + slots·2 + capture`.
        uint32 shape;
        /// @dev `C`, which commits to every mandate of the segment; inclusion proofs lead to it. Below r.
        uint256 commitment;
        /// @dev `R`, what the segment adds to the batch's sum. Below r.
        uint256 sum;
        /// @dev A, B, C as EIP-197 has them.
        uint256[8] proof;
    }

    // --- What people sign ---------------------------------------------------------------------------

    /// @notice A direct mandate, by the owner's ordinary key.
    struct Mandate {
        address owner;
        address token;
        address payee;
        /// @dev The most that may be captured, base units.
        uint256 amount;
        uint256 nonce;
        /// @dev Unix seconds; settled at or before it, or never.
        uint256 deadline;
        bytes32 ref;
    }

    /// @notice How an account is opened: whose it is, who may debit it, by which proofs, with which key.
    struct Opening {
        address owner;
        address processor;
        /// @dev 0 for an account without a mandate key, for the direct path alone.
        bytes32 verifierSet;
        /// @dev Poseidon(Ax, Ay) of the mandate key; 0 for none.
        uint256 keyHash;
    }

    /// @notice A payer's EIP-3009 authorization. Its nonce is no field: it is derived from what the money is
    /// for, so that whoever sees the signature cannot put the money elsewhere.
    struct Authorization {
        address from;
        uint256 amount;
        uint256 validAfter;
        uint256 validBefore;
        bytes32 salt;
        bytes signature;
    }

    // --- What is kept -------------------------------------------------------------------------------

    /// @notice An account, as the views show it.
    struct Account {
        address owner;
        address processor;
        bytes32 verifierSet;
        uint256 keyHash;
        /// @dev What was asked for and is not in force yet; `inForceFrom` is 0 when nothing was.
        Change pending;
    }

    /// @notice A change of processor, verifiers or key that waits for its delay.
    struct Change {
        address processor;
        uint40 inForceFrom;
        bytes32 verifierSet;
        uint256 keyHash;
    }

    /// @notice An amount of a token and what is asked back of it. What is asked back can be spent until it is
    /// taken out.
    struct Purse {
        uint104 balance;
        /// @dev At most so much leaves when the request is executed.
        uint104 leaving;
        /// @dev Unix seconds; 0 when nothing is asked back.
        uint40 leavesFrom;
    }

    /// @notice One verifier and the circuit shape that it is for: `lanes·2^16 + slots·2 + capture`.
    struct ShapeVerifier {
        uint32 shape;
        address verifier;
    }

    // --- Errors -------------------------------------------------------------------------------------

    error NotOwner(uint32 account, address caller);
    error UnknownAccount(uint32 account);
    error ProcessorZero();
    error KeyHashOutOfRange(uint256 keyHash);
    error UnknownVerifierSet(bytes32 verifierSet);
    error VerifiersNotAscending(uint32 shape);
    error VerifierHasNoCode(address verifier);
    error NoVerifiers();
    error NothingPending();
    /// @notice Another processor or other verifiers are asked for; a request for a key would drop that.
    error ChangePending(uint32 account);
    error TooEarly(uint40 availableFrom);
    error SignatureExpired(uint256 deadline);
    error BadSignature(address expected);
    error AmountZero();

    error NothingArrived(address token);
    error TransferFailed(address token, address to, uint256 amount);
    /// @notice Nothing is sent to address 0 or to the wallet itself.
    error RecipientRefused(address to);
    /// @notice The payee wants less than its threshold kept; only the payee collects it.
    error BelowThreshold(uint256 credit, uint256 threshold);
    /// @notice The token took more from the wallet than was sent.
    error TokenTookMore(address token, uint256 sent, uint256 gone);
    /// @notice Too little gas to give a payout its full allowance; send the transaction with more.
    error InsufficientGas(uint256 needed, uint256 left);

    error BatchExpired(uint40 validUntil, uint256 timestamp);
    error BatchEmpty();
    error SegmentsEmpty();
    error CommitmentOutOfRange(uint256 commitment);
    error SumOutOfRange(uint256 sum);
    error UnknownShape(bytes32 verifierSet, uint32 shape);
    error WordOutOfRange(uint256 index, uint64 word);
    error MaskEmpty(uint256 index);
    /// @notice The account has no mandate key under the processor and these verifiers.
    error NotAuthorized(uint32 account, address processor, bytes32 verifierSet);
    /// @param bits Those of the word that were to be spent and already are.
    error NonceSpent(uint32 account, uint64 word, uint256 bits);
    error InsufficientBalance(uint32 account, address token, uint256 balance, uint256 amount);
    error CountMismatch(uint256 bits, uint32 count);
    error TotalsDiffer(uint256 debits, uint256 payouts);
    error HintWrong(uint256 hint);
    /// @notice What the segments add up to is not what the entries come to.
    error SumsDiffer(bytes32 batchId);
    error ProofRefused(bytes32 batchId);

    error LengthsDiffer(uint256 mandates, uint256 signatures, uint256 captured);
    error MandateExpired(uint256 index, uint256 deadline);
    error MandateSignature(uint256 index, address owner);
    error MandateNonceSpent(uint256 index, address owner, uint256 nonce);
    error CaptureExceedsAmount(uint256 index, uint256 captured, uint256 amount);
    error NoDirectAccount(uint256 index, address owner);
    /// @notice The account has another processor.
    error NotProcessor(uint32 account, address processor);

    /// @notice The caller is neither the processor nor one of its senders.
    error NotSender(address processor, address caller);
    error NotGuarantee(address caller);
    /// @notice What a batch captured is remembered there, and others rely on it.
    error PlaceTaken(address processor, uint64 place, uint40 settledAt);

    // --- Events -------------------------------------------------------------------------------------

    event VerifiersRegistered(bytes32 indexed verifierSet, ShapeVerifier[] verifiers);

    event AccountOpened(
        uint32 indexed account, address indexed owner, address indexed processor, bytes32 verifierSet, uint256 keyHash
    );
    event ChangeRequested(
        uint32 indexed account, address indexed processor, bytes32 verifierSet, uint256 keyHash, uint40 inForceFrom
    );
    event ChangeCancelled(uint32 indexed account);
    event ChangeApplied(uint32 indexed account, address indexed processor, bytes32 verifierSet, uint256 keyHash);
    event DirectAccountRequested(address indexed owner, uint32 indexed account, uint40 inForceFrom);
    event DirectAccountSet(address indexed owner, uint32 indexed account);

    event Deposited(uint32 indexed account, address indexed token, address indexed from, uint256 amount);
    event WithdrawalRequested(uint32 indexed account, address indexed token, uint256 amount, uint40 executableFrom);
    event WithdrawalCancelled(uint32 indexed account, address indexed token);
    event WithdrawalExecuted(uint32 indexed account, address indexed token, address indexed to, uint256 amount);

    /// @notice A batch settled. Its entries and segments are in the transaction's calldata; `batchId` is a hash over
    /// all of them.
    event BatchSettled(
        bytes32 indexed batchId,
        address indexed token,
        address indexed processor,
        bytes32 verifierSet,
        uint32 count,
        uint256 total
    );
    /// @notice A direct mandate settled; `mandateDigest` is its EIP-712 digest.
    event MandateSettled(
        bytes32 indexed mandateDigest, uint32 indexed account, address indexed payee, address token, uint256 captured
    );

    event PayoutCredited(address indexed token, address indexed payee, uint256 amount);
    event Collected(address indexed token, address indexed payee, address to, uint256 amount);
    event PayoutThresholdRequested(address indexed token, address indexed payee, uint128 threshold, uint40 inForceFrom);
    event PayoutThresholdSet(address indexed token, address indexed payee, uint128 threshold);

    event SenderSet(address indexed processor, uint256 indexed index, address sender);
    /// @notice A nonce was spent because a bond paid for it; nothing was settled under it.
    event NonceBurnt(uint32 indexed account, address indexed token, uint64 nonce);

    // --- Verifiers ----------------------------------------------------------------------------------

    /// @notice Names a list of verifiers for good. Anyone may; it concerns nobody until an owner opts in.
    /// @param verifiers One for each shape, in ascending order of shapes.
    /// @return verifierSet The list's name: keccak256 of its ABI encoding.
    function registerVerifiers(ShapeVerifier[] calldata verifiers) external returns (bytes32 verifierSet);

    /// @notice The verifier for a shape in a set; 0 when there is none.
    function verifierOf(bytes32 verifierSet, uint32 shape) external view returns (address);

    // --- Accounts -----------------------------------------------------------------------------------

    /// @notice Opens an account of the caller's. An owner's first account is its direct account.
    /// @return account Its number, from 1 up.
    function openAccount(address processor, bytes32 verifierSet, uint256 keyHash) external returns (uint32 account);

    /// @notice Opens an account for an owner who signed `OpenAccount`, so that it needs no gas. Smart wallets
    /// sign by EIP-1271.
    /// @param deadline Unix seconds; the signature is void afterwards.
    function openAccountWithSignature(Opening calldata opening, uint256 deadline, bytes calldata signature)
        external
        returns (uint32 account);

    /// @notice The same, and the new account's first deposit in the same transaction, by an EIP-3009
    /// authorization whose nonce is {openingNonce}. Where somebody brought the opening's signature before, the deposit
    /// goes into the account that was opened by it.
    function openAccountAndDeposit(
        Opening calldata opening,
        uint256 deadline,
        bytes calldata signature,
        address token,
        Authorization calldata authorization
    ) external returns (uint32 account);

    /// @notice Asks for another mandate key. Until the delay has passed and the change is applied, the old
    /// one settles. A later request takes the place of an earlier one. Refused while another processor or other
    /// verifiers are asked for.
    function rotateKey(uint32 account, uint256 keyHash) external;

    /// @notice Asks for no mandate key, as {rotateKey} asks for another.
    function revokeKey(uint32 account) external;

    /// @notice Asks for another processor, other verifiers, another key, or all of them.
    function setProcessor(uint32 account, address processor, bytes32 verifierSet, uint256 keyHash) external;

    /// @notice Takes a request back.
    function cancelChange(uint32 account) external;

    /// @notice Puts a change in force whose delay has passed. Anyone may, so that a payer cannot keep one in
    /// hand and play it against a batch.
    function applyChange(uint32 account) external;

    /// @notice Marks the account that the caller's direct mandates debit; 0 for none. The first
    /// is in force at once; another one after the delay, once {applyDirectAccount} was called.
    function setDirectAccount(uint32 account) external;

    /// @notice Puts a change of the direct account in force whose delay has passed. Anyone may.
    function applyDirectAccount(address owner) external;

    /// @notice An account.
    function accountOf(uint32 account) external view returns (Account memory);

    /// @notice How many accounts there are; they are numbered from 1.
    function accountCount() external view returns (uint32);

    /// @notice The account that an owner's direct mandates debit, and the one asked for.
    /// @return account 0 for none.
    /// @return next The account asked for.
    /// @return inForceFrom Unix seconds; 0 when no change was asked for.
    function directAccountOf(address owner) external view returns (uint32 account, uint32 next, uint40 inForceFrom);

    // --- Funds --------------------------------------------------------------------------------------

    /// @notice Puts the caller's tokens into an account. Credits what arrives.
    /// @return arrived Base units.
    function deposit(uint32 account, address token, uint256 amount) external returns (uint256 arrived);

    /// @notice The same by an EIP-3009 authorization, whose nonce must be {depositNonce}. Anyone may bring it.
    function depositWithAuthorization(uint32 account, address token, Authorization calldata authorization)
        external
        returns (uint256 arrived);

    /// @notice The same by an EIP-2612 permit for this wallet. A permit says nothing of the account, so the
    /// caller is the tokens' owner, or brings the owner's signed `DepositIntent`, which does.
    /// @param from The tokens' owner.
    /// @param deadline Unix seconds, of permit and intent alike.
    /// @param permit 65 bytes: r, s, v.
    /// @param intent Empty when the caller is `from`.
    function depositWithPermit(
        uint32 account,
        address token,
        address from,
        uint256 amount,
        uint256 deadline,
        bytes calldata permit,
        bytes calldata intent
    ) external returns (uint256 arrived);

    /// @notice Asks for tokens back. They can be debited until the request is executed, which is possible
    /// after {WITHDRAWAL_DELAY}. A later request takes the place of an earlier one and waits anew.
    /// @param amount At most so much leaves; more than the balance asks for what it is now.
    function requestWithdrawal(uint32 account, address token, uint256 amount) external;

    /// @notice Takes the request back.
    function cancelWithdrawal(uint32 account, address token) external;

    /// @notice Pays out what was asked for, or what is left of it.
    /// @return amount Base units.
    function executeWithdrawal(uint32 account, address token, address to) external returns (uint256 amount);

    /// @notice An account's balance of a token, all of it debitable, and what is asked back of it.
    function balanceOf(uint32 account, address token) external view returns (Purse memory);

    // --- Settlement ---------------------------------------------------------------------------------

    /// @notice Settles a batch of mandates, proved in segments. Only an account's processor, and whom it has named
    /// its sender, can debit it.
    /// @param debits Of all segments together. The caller decides the order; an account may have several words.
    /// @param payouts Of all segments together. What the token refuses to move, or the payee wants kept for now,
    /// is credited.
    /// @param segments At least one. Neighbours of one shape are verified together, which is cheaper.
    /// @param hint The inverse, modulo the scalar field, of the product of all denominators.
    /// @return batchId The hash that the proofs' challenges are made from.
    function settleBatch(
        Header calldata header,
        Debit[] calldata debits,
        Payout[] calldata payouts,
        Segment[] calldata segments,
        uint256 hint
    ) external returns (bytes32 batchId);

    /// @notice Settles direct mandates. Neighbours of the same token and payee are paid together,
    /// so callers sort by both. They are not remembered: no receipt is given for them.
    /// @param processor The accounts' one: the caller, or who has named the caller its sender.
    /// @param captured Of each, at most its amount; 0 burns its nonce and moves nothing.
    function settleDirect(
        address processor,
        Mandate[] calldata mandates,
        bytes[] calldata signatures,
        uint256[] calldata captured
    ) external;

    /// @notice What a batch captured, as it is remembered in a processor's place: the upper 216 bits of
    /// keccak256(token ‖ hash of the payouts ‖ captures), and when it settled, unix seconds; 0 for nothing. It stays
    /// for {KEEP} at least.
    function evidenceAt(address processor, uint64 place) external view returns (uint216 hash, uint40 settledAt);

    /// @notice Spends a nonce for which a bond pays, if it is unspent and the processor is the account's. Only the
    /// guarantee calls it.
    /// @return own Whether the processor is the account's.
    function burnNonce(address processor, uint32 account, address token, uint64 nonce) external returns (bool own);

    /// @notice Whether a nonce of an account and token is spent.
    function isSpent(uint32 account, address token, uint64 nonce) external view returns (bool);

    /// @notice 256 nonces at once: bit `i` stands for nonce `256·index + i`.
    function spentNonces(uint32 account, address token, uint256 index) external view returns (uint256);

    /// @notice Whether a nonce of an owner's direct mandates is spent.
    function isDirectNonceSpent(address owner, uint256 nonce) external view returns (bool);

    // --- Credits ------------------------------------------------------------------------------------

    /// @notice Pays a payee what is credited to it, if it comes to the payee's threshold. Anyone may call.
    function collect(address token, address payee) external returns (uint256 amount);

    /// @notice Pays what is credited to the caller, whatever the threshold, to where the caller wants it.
    function collectTo(address token, address to) external returns (uint256 amount);

    /// @notice Puts a lower threshold in force whose delay has passed. Anyone may, so that a payee cannot keep one in
    /// hand and play it against a batch.
    function applyPayoutThreshold(address token, address payee) external;

    /// @notice Has payouts to the caller credited until they come to at least so much. A higher threshold is in force
    /// at once, a lower one after {WITHDRAWAL_DELAY}, once {applyPayoutThreshold} was called: payouts that are sent
    /// need more gas than such as are credited.
    function setPayoutThreshold(address token, uint128 threshold) external;

    /// @notice What is credited to a payee, and its threshold.
    function creditOf(address token, address payee) external view returns (uint128 credit, uint128 threshold);

    // --- Processors ---------------------------------------------------------------------------------

    /// @notice Lets an address settle for the caller; 0 for nobody. There are two, so that one can be replaced while
    /// the other settles; what the one sent the other sends again, with the same proofs. The caller itself can
    /// always settle, and pays least if it does; the sender of index 0 pays less than that of index 1.
    /// @param index 0 or 1.
    function setSender(uint256 index, address sender) external;

    function sendersOf(address processor) external view returns (address[2] memory);

    // --- Constants of a deployment ------------------------------------------------------------------

    /// @notice Seconds between asking for a withdrawal or a change and having it.
    function WITHDRAWAL_DELAY() external view returns (uint40);

    /// @notice Seconds for which what a batch captured is remembered at least.
    function KEEP() external view returns (uint40);

    /// @notice The contract that holds bonds and pays receipts from them. The wallet made it.
    function GUARANTEE() external view returns (IGuarantee);

    /// @notice What mandates in this wallet and this token hash: chain, wallet and token.
    function mandateDomain(address token) external view returns (uint256);

    /// @notice The EIP-3009 nonce of a deposit into an account.
    function depositNonce(uint32 account, bytes32 salt) external pure returns (bytes32);

    /// @notice The EIP-3009 nonce of the first deposit into an account that is opened with it.
    function openingNonce(Opening calldata opening, bytes32 salt) external pure returns (bytes32);
}
