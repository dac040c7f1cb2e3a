// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IDebitWallet} from "./IDebitWallet.sol";

/// @title What stands behind processors' receipts
/// @notice A processor's receipt promises a payee that a mandate is settled by a certain time. Here processors put
/// up bonds, and a payee whose promise was not kept demands what it is owed. Then anybody has a while to answer:
/// with what was settled, with what the payee itself captured, with a ruling. What no answer covers is claimed from
/// the bond. Nobody judges, nobody governs.
interface IGuarantee {
    // --- Times --------------------------------------------------------------------------------------

    /// @notice The times of a deployment, in seconds, each from 1 to a year. They fit together, or the constructor
    /// refuses them: a payee must have been able to claim before a payer's withdrawal, a payer's change of
    /// processor, or the withdrawal of the bond can come into force.
    struct Periods {
        /// @dev Between asking for a withdrawal or a change and having it: more than `promise`, `demand`, `response`
        /// and `viewAge` together.
        uint40 withdrawal;
        /// @dev Between asking for a bond and having it: more than `promise`, `demand` and twice `response` together.
        uint40 unbonding;
        /// @dev How long after its issue at most a receipt may promise settlement.
        uint40 promise_;
        /// @dev How long after `settleBy` a payee may demand.
        uint40 demand;
        /// @dev How long a demand can be answered before it can be claimed. Longer than an outage of the chain.
        uint40 response;
        /// @dev How old a view of the chain may be on which a processor still accepts mandates.
        uint40 viewAge;
        /// @dev How long the wallet remembers at least what a batch captured: more than `promise`, `demand` and
        /// `response` together.
        uint40 keep;
    }

    // --- What people sign, in the wallet's domain -----------------------------------------------------

    /// @notice A processor's promise that a mandate is settled in time.
    struct Receipt {
        bytes32 mandateId;
        /// @dev Who answers for it: an identity, which may have others sign.
        address processor;
        uint32 account;
        uint64 nonce;
        address token;
        address payee;
        /// @dev Whose ruling may lower what is owed; 0 for nobody's.
        address arbiter;
        /// @dev What the processor's bond stands for, base units.
        uint96 amount;
        /// @dev Unix seconds, not after `settleBy`.
        uint40 issuedAt;
        /// @dev The mandate's, unix seconds.
        uint40 deadline;
        /// @dev Unix seconds, not after `deadline`, and at most {MAX_PROMISE} after `issuedAt`.
        uint40 settleBy;
    }

    /// @notice A processor's word that a payee captured so much of a mandate, and will get it.
    struct CaptureReceipt {
        bytes32 mandateId;
        address processor;
        address arbiter;
        uint96 amount;
        uint40 issuedAt;
    }

    /// @notice How much of a mandate its payee takes.
    struct Capture {
        bytes32 mandateId;
        uint96 amount;
    }

    /// @notice What an arbiter lets the payee of a mandate have at most.
    struct Ruling {
        bytes32 mandateId;
        uint96 captured;
        bytes32 evidence;
        /// @dev `at` in the type that is signed.
        uint40 ruledAt;
    }

    // --- What is brought ----------------------------------------------------------------------------

    /// @notice A promise that was not kept.
    struct Promise {
        Receipt receipt;
        bytes signature;
        /// @dev Where something was captured. Only the payee itself may bring it.
        CaptureReceipt capture;
        /// @dev Empty for no capture receipt.
        bytes captureSignature;
    }

    /// @notice A batch that the wallet remembers.
    struct Remembered {
        /// @dev Who settled it: the receipts' processor, or the one that is the receipts' account's by now.
        address processor;
        uint64 place;
        address token;
        /// @dev The header's.
        bytes32 captures;
        /// @dev The batch's, all.
        IDebitWallet.Payout[] payouts;
    }

    /// @notice Where in a batch a mandate was paid. See {IDebitWallet.Header} for the two trees.
    struct Leaf {
        Receipt receipt;
        /// @dev Which payout it is part of.
        uint256 payout;
        /// @dev What was captured of it, base units.
        uint128 captured;
        /// @dev From the mandate's leaf to the root of its payout's tree.
        SumNode[] within;
        /// @dev From the payout's leaf to `captures`, bottom up: as many as ⌈log2(payouts)⌉.
        bytes32[] above;
    }

    /// @notice The node beside the path in a payout's tree.
    struct SumNode {
        bytes32 hash;
        uint128 sum;
        /// @dev Whether it is the left one of the two.
        bool left;
    }

    struct CaptureAnswer {
        Receipt receipt;
        /// @dev What the payee signed that it takes.
        uint96 amount;
        bytes signature;
    }

    struct RulingAnswer {
        Receipt receipt;
        Ruling ruling;
        bytes signature;
    }

    // --- What is kept -------------------------------------------------------------------------------

    /// @notice A demand.
    struct Demand {
        /// @dev What is due by receipt, capture and ruling; less what is shown and claimed, it can be claimed.
        uint96 due;
        /// @dev Whose signature the receipt has.
        address signer;
        /// @dev Ether, in wei; 0 once it was given back or is forfeited.
        uint96 deposit;
        /// @dev Whose the deposit is.
        address demander;
        /// @dev Unix seconds; 0 for no demand.
        uint40 madeAt;
        /// @dev Whose signature the capture receipt has; 0 for none.
        address captureSigner;
    }

    /// @notice A key that signs for a processor.
    struct Signer {
        /// @dev It speaks for receipts that were issued until then, unix seconds; 0 for a key that never spoke.
        uint40 until;
        /// @dev What it signed is paid from payees' own bonds alone.
        bool stolen;
    }

    // --- Errors -------------------------------------------------------------------------------------

    error PeriodOutOfRange(uint256 period);
    /// @notice What others rely on ends too soon.
    error PeriodTooShort(uint256 period, uint256 moreThan);
    error SignerKnown(address processor, address signer);
    error SignerUnknown(address processor, address signer);
    error ListEmpty();
    error ReceiptNotDue(uint40 settleBy, uint256 timestamp);
    error ReceiptTimes(uint40 issuedAt, uint40 settleBy, uint40 deadline);
    error ReceiptSignature(bytes32 digest);
    error DemandTooLate(uint256 until, uint256 timestamp);
    error DemandKnown(bytes32 digest);
    error DemandUnknown(bytes32 digest);
    error DepositTooSmall(uint256 needed, uint256 given);
    error NotPayee(address payee, address caller);
    /// @notice The capture receipt is about another mandate, processor or arbiter.
    error CaptureDiffers(bytes32 digest);
    /// @notice The processor itself signed what was captured; only a ruling lowers that.
    error CaptureFixed(bytes32 digest);
    error CaptureSignature(bytes32 digest);
    error RulingSignature(bytes32 digest);
    /// @notice The wallet remembers no such batch in that place.
    error NotRemembered(address processor, uint64 place);
    /// @notice The batch does not show that it paid this mandate.
    error NotShown(bytes32 digest);
    /// @notice Whoever is not the payee claims all or nothing.
    error InsufficientBond(address processor, address token, uint256 bond, uint256 amount);
    error EtherRefused(address to);

    // --- Events -------------------------------------------------------------------------------------

    event SignerNamed(address indexed processor, address indexed signer);
    event SignerCut(address indexed processor, address indexed signer, uint40 until, bool stolen);

    /// @param payee Whose alone the bond is; 0 for the one that all payees share.
    event Bonded(address indexed processor, address indexed token, address indexed payee, address from, uint256 amount);
    event UnbondRequested(
        address indexed processor, address indexed token, address indexed payee, uint256 amount, uint40 executableFrom
    );
    event UnbondCancelled(address indexed processor, address indexed token, address indexed payee);
    event Unbonded(address indexed processor, address indexed token, address indexed payee, address to, uint256 amount);

    /// @param digest The receipt's, in EIP-712.
    event Demanded(
        address indexed processor,
        bytes32 indexed mandateId,
        address indexed payee,
        bytes32 digest,
        address token,
        uint256 due,
        uint40 answerUntil
    );
    /// @notice A batch paid so much of the mandate.
    event Shown(bytes32 indexed digest, uint256 captured);
    /// @notice A capture or a ruling lowered what is due.
    event DueLowered(bytes32 indexed digest, uint256 due);
    /// @notice The demand was for what had been settled before; its deposit is the processor's.
    event DepositForfeited(bytes32 indexed digest, address indexed processor, uint256 amount);
    /// @param nonceBurnt Whether the processor is the account's, so that the nonce is spent now.
    event GuaranteeClaimed(
        bytes32 indexed mandateId,
        address indexed processor,
        address indexed payee,
        bytes32 digest,
        uint32 account,
        uint64 nonce,
        address token,
        uint256 amount,
        bool nonceBurnt
    );
    event PaymentCredited(address indexed token, address indexed payee, uint256 amount);
    event Collected(address indexed token, address indexed payee, address to, uint256 amount);

    // --- Signers ------------------------------------------------------------------------------------

    /// @notice Lets a key sign receipts for the caller, from now on and for all receipts that it says to have issued
    /// before. A key that was cut off cannot be named again. The caller's own key always signs for it.
    function nameSigner(address signer) external;

    /// @notice Cuts a key off: it speaks for receipts that say they were issued until now, and for no later ones. A
    /// second call changes only whether it is stolen, which cannot be taken back.
    /// @param stolen What the key signed, whenever it says so, is paid from payees' own bonds alone.
    function cutSigner(address signer, bool stolen) external;

    function signerOf(address processor, address signer) external view returns (Signer memory);

    // --- Bonds --------------------------------------------------------------------------------------

    /// @notice Adds the caller's tokens to a bond.
    /// @param payee Whose alone it is; 0 for the one that all payees of the processor share.
    /// @return arrived Base units.
    function bond(address processor, address payee, address token, uint256 amount) external returns (uint256 arrived);

    /// @notice Asks for the caller's bond back, at most what it is now. It answers for receipts until it is taken
    /// out, which is possible after {UNBONDING_DELAY}.
    function requestUnbond(address payee, address token, uint256 amount) external;

    /// @notice Takes the request back.
    function cancelUnbond(address payee, address token) external;

    /// @notice Pays out what was asked for, or what is left of it.
    function executeUnbond(address payee, address token, address to) external returns (uint256 amount);

    /// @notice A bond, and what is asked back of it.
    function bondOf(address processor, address payee, address token) external view returns (IDebitWallet.Purse memory);

    // --- Demand -------------------------------------------------------------------------------------

    /// @notice Demands what promises were not kept about, each within {DEMAND_PERIOD} after its `settleBy`. Anyone
    /// may, with a deposit of {depositFor}, which is given back with the claim; what is sent beyond it is kept for
    /// the caller. A demand for what was settled before forfeits its part of the deposit to the processor.
    function demand(Promise[] calldata promises) external payable;

    /// @notice What is to be sent with so many demands in this block, in wei.
    function depositFor(uint256 demands) external view returns (uint256);

    // --- Answer -------------------------------------------------------------------------------------

    /// @notice Shows what a remembered batch paid of demanded mandates. Anyone may, until they are claimed.
    function answer(Remembered calldata batch, Leaf[] calldata leaves) external;

    /// @notice Shows that payees took less. Of no use where the demand brought the processor's capture receipt.
    function answerByCapture(CaptureAnswer[] calldata answers) external;

    /// @notice Shows that receipts' arbiters let payees have less.
    function answerByRuling(RulingAnswer[] calldata answers) external;

    // --- Claim --------------------------------------------------------------------------------------

    /// @notice Pays payees what no answer covered, once {RESPONSE_WINDOW} has passed since the demand: from the
    /// payee's own bond, then from the shared one. The nonces are burnt if the processor is the account's. If it is
    /// not, a claim waits until the window has passed since the mandate's deadline, too. Anyone may. Where the bonds
    /// are short, only the payee itself may, and gets the rest later if they grow.
    function claim(Receipt[] calldata receipts) external;

    /// @notice What could be claimed of a receipt if the bonds hold it, whether or not it is time.
    function claimable(Receipt calldata receipt) external view returns (uint256);

    function demandOf(bytes32 digest) external view returns (Demand memory);

    /// @notice What was shown to have been settled of a receipt's mandate, and claimed.
    function paidOf(Receipt calldata receipt) external view returns (uint128 shown, uint128 claimed);

    /// @notice What is signed: the receipt's EIP-712 digest in the wallet's domain.
    function receiptDigest(Receipt calldata receipt) external view returns (bytes32);

    // --- Collecting ---------------------------------------------------------------------------------

    /// @notice Pays a payee what a token refused to pay when it was claimed. Anyone may.
    function collect(address token, address payee) external returns (uint256 amount);

    /// @notice Pays it to where the payee, which calls, wants it.
    function collectTo(address token, address to) external returns (uint256 amount);

    function creditOf(address token, address payee) external view returns (uint256);

    /// @notice Pays the caller its ether: deposits that came back, or were forfeited to it.
    function collectEther(address payable to) external returns (uint256 amount);

    /// @notice Ether that somebody may collect, in wei.
    function etherOf(address owner) external view returns (uint256);

    // --- Constants of a deployment ------------------------------------------------------------------

    /// @notice The wallet that made this contract.
    function WALLET() external view returns (IDebitWallet);

    /// @notice See {Periods}.
    function UNBONDING_DELAY() external view returns (uint40);

    function MAX_PROMISE() external view returns (uint40);

    function DEMAND_PERIOD() external view returns (uint40);

    function RESPONSE_WINDOW() external view returns (uint40);

    function VIEW_AGE() external view returns (uint40);
}
