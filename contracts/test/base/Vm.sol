// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @title What forge lets a test do to the chain
/// @notice The cheat codes of Foundry's reference (getfoundry.sh) that these tests use or may well
/// need. forge answers calls to the cheat codes' address by their selectors, so an entry left out
/// here is merely not declared; add it with the reference's signature.
///
/// Compiled by way of Yul, an expression such as `block.timestamp` may be read once and kept, as
/// nothing in Solidity changes it within a call. A test that warps and then needs the time asks
/// `getBlockTimestamp`.
interface Vm {
    /// @dev A log as `getRecordedLogs` tells it; `topics[0]` is the event's signature.
    struct Log {
        bytes32[] topics;
        bytes data;
        address emitter;
    }

    /// @dev The gas of the last call that the test made.
    struct Gas {
        uint64 gasLimit;
        uint64 gasTotalUsed;
        uint64 gasMemoryUsed;
        int64 gasRefunded;
        uint64 gasRemaining;
    }

    /// @dev An EIP-7702 authorization, signed.
    struct SignedDelegation {
        uint8 v;
        bytes32 r;
        bytes32 s;
        uint64 nonce;
        address implementation;
    }

    /// @dev An EIP-2930 access list's entry.
    struct AccessListItem {
        address target;
        bytes32[] storageKeys;
    }

    // --- Who calls ------------------------------------------------------------------------------

    /// @notice The next call comes from `msgSender`.
    function prank(address msgSender) external;
    /// @notice The next call comes from `msgSender`, in a transaction of `txOrigin`.
    function prank(address msgSender, address txOrigin) external;
    /// @notice All calls come from `msgSender`, until `stopPrank`.
    function startPrank(address msgSender) external;
    /// @notice All calls come from `msgSender`, in transactions of `txOrigin`.
    function startPrank(address msgSender, address txOrigin) external;
    function stopPrank() external;

    // --- The state of the world -----------------------------------------------------------------

    function deal(address account, uint256 newBalance) external;
    function etch(address target, bytes calldata newRuntimeBytecode) external;
    function load(address target, bytes32 slot) external view returns (bytes32 data);
    function store(address target, bytes32 slot, bytes32 value) external;
    function getNonce(address account) external view returns (uint64 nonce);
    function setNonce(address account, uint64 newNonce) external;
    function warp(uint256 newTimestamp) external;
    function roll(uint256 newHeight) external;
    function chainId(uint256 newChainId) external;
    function fee(uint256 newBasefee) external;
    function coinbase(address newCoinbase) external;
    function prevrandao(bytes32 newPrevrandao) external;
    function txGasPrice(uint256 newGasPrice) external;
    function getBlockTimestamp() external view returns (uint256 timestamp);
    function getBlockNumber() external view returns (uint256 height);
    function getChainId() external view returns (uint256 blockChainId);

    /// @notice Keeps the state to come back to.
    function snapshotState() external returns (uint256 snapshotId);
    /// @notice Goes back to a state kept; may be done again.
    function revertToState(uint256 snapshotId) external returns (bool success);
    /// @notice Goes back to a state kept, and forgets it.
    function revertToStateAndDelete(uint256 snapshotId) external returns (bool success);

    // --- What must happen -----------------------------------------------------------------------

    /// @notice The next call reverts, however.
    function expectRevert() external;
    /// @notice The next call reverts with exactly these four bytes: an error without arguments.
    function expectRevert(bytes4 revertData) external;
    /// @notice The next call reverts with exactly this data.
    function expectRevert(bytes calldata revertData) external;
    function expectRevert(address reverter) external;
    function expectRevert(bytes4 revertData, address reverter) external;
    function expectRevert(bytes calldata revertData, address reverter) external;
    /// @notice The next `count` calls revert with exactly this data; 0: none does.
    function expectRevert(bytes calldata revertData, uint64 count) external;
    /// @notice The next call reverts with this error, whatever its arguments.
    function expectPartialRevert(bytes4 revertData) external;
    function expectPartialRevert(bytes4 revertData, address reverter) external;

    /// @notice The next call emits the event that the test emits right after this: all topics and
    /// the data are compared.
    function expectEmit() external;
    function expectEmit(address emitter) external;
    /// @notice The same, `count` times; 0: not at all.
    function expectEmit(address emitter, uint64 count) external;
    function expectEmit(bool checkTopic1, bool checkTopic2, bool checkTopic3, bool checkData) external;
    function expectEmit(bool checkTopic1, bool checkTopic2, bool checkTopic3, bool checkData, address emitter) external;
    /// @notice `callee` is called with calldata that begins with `data`.
    function expectCall(address callee, bytes calldata data) external;
    /// @notice The same, exactly `count` times.
    function expectCall(address callee, bytes calldata data, uint64 count) external;

    function recordLogs() external;
    /// @notice The logs since `recordLogs` or the last answer.
    function getRecordedLogs() external view returns (Log[] memory logs);

    /// @notice Notes storage accesses from here on.
    function record() external;
    function stopRecord() external;
    function accesses(address target) external view returns (bytes32[] memory readSlots, bytes32[] memory writeSlots);

    // --- Standing in for others -----------------------------------------------------------------

    /// @notice Calls of `callee` whose calldata begins with `data` return `returnData`.
    function mockCall(address callee, bytes calldata data, bytes calldata returnData) external;
    function mockCallRevert(address callee, bytes calldata data, bytes calldata revertData) external;
    function clearMockedCalls() external;

    // --- Keys -----------------------------------------------------------------------------------

    function sign(uint256 privateKey, bytes32 digest) external pure returns (uint8 v, bytes32 r, bytes32 s);
    /// @notice The same as EIP-2098 writes it.
    function signCompact(uint256 privateKey, bytes32 digest) external pure returns (bytes32 r, bytes32 vs);
    function addr(uint256 privateKey) external pure returns (address keyAddr);
    function computeCreateAddress(address deployer, uint256 nonce) external pure returns (address);
    function label(address account, string calldata newLabel) external;

    /// @notice Signs that the key's account runs the code at `implementation` (EIP-7702).
    function signDelegation(address implementation, uint256 privateKey)
        external
        returns (SignedDelegation memory signedDelegation);
    /// @notice The next transaction carries this authorization.
    function attachDelegation(SignedDelegation calldata signedDelegation) external;
    function signAndAttachDelegation(address implementation, uint256 privateKey)
        external
        returns (SignedDelegation memory signedDelegation);

    // --- Fuzzing --------------------------------------------------------------------------------

    /// @notice Draws other arguments where the condition does not hold.
    function assume(bool condition) external pure;
    function randomUint() external view returns (uint256);
    function randomUint(uint256 min, uint256 max) external view returns (uint256);
    function randomAddress() external view returns (address);
    function randomBytes(uint256 len) external view returns (bytes memory);
    function setSeed(uint256 seed) external;
    function skip(bool skipTest) external;
    function skip(bool skipTest, string calldata reason) external;

    // --- Gas ------------------------------------------------------------------------------------

    /// @notice What the last call cost.
    function lastCallGas() external view returns (Gas memory gas);
    /// @notice Writes what the last call cost to snapshots/<contract>.json under `name`.
    function snapshotGasLastCall(string calldata name) external returns (uint256 gasUsed);
    function snapshotGasLastCall(string calldata group, string calldata name) external returns (uint256 gasUsed);
    function startSnapshotGas(string calldata name) external;
    function startSnapshotGas(string calldata group, string calldata name) external;
    function stopSnapshotGas() external returns (uint256 gasUsed);
    function stopSnapshotGas(string calldata group, string calldata name) external returns (uint256 gasUsed);
    function snapshotValue(string calldata name, uint256 value) external;
    function snapshotValue(string calldata group, string calldata name, uint256 value) external;
    function pauseGasMetering() external;
    function resumeGasMetering() external;
    function resetGasMetering() external;
    /// @notice An account's slots cost what they cost a new transaction's first access.
    function cool(address target) external;
    function coolSlot(address target, bytes32 slot) external;
    function warmSlot(address target, bytes32 slot) external;
    /// @notice Calls from here on are made as if in transactions with this access list.
    function accessList(AccessListItem[] calldata access) external;
    function noAccessList() external;

    // --- Files, environment, code ---------------------------------------------------------------

    function projectRoot() external view returns (string memory path);
    function readFile(string calldata path) external view returns (string memory data);
    function exists(string calldata path) external view returns (bool result);
    function parseJson(string calldata json, string calldata key) external pure returns (bytes memory abiEncodedData);
    function parseJsonUint(string calldata json, string calldata key) external pure returns (uint256);
    function parseJsonUintArray(string calldata json, string calldata key) external pure returns (uint256[] memory);
    function parseJsonInt(string calldata json, string calldata key) external pure returns (int256);
    function parseJsonBool(string calldata json, string calldata key) external pure returns (bool);
    function parseJsonAddress(string calldata json, string calldata key) external pure returns (address);
    function parseJsonAddressArray(string calldata json, string calldata key) external pure returns (address[] memory);
    function parseJsonString(string calldata json, string calldata key) external pure returns (string memory);
    function parseJsonStringArray(string calldata json, string calldata key) external pure returns (string[] memory);
    function parseJsonBytes(string calldata json, string calldata key) external pure returns (bytes memory);
    function parseJsonBytesArray(string calldata json, string calldata key) external pure returns (bytes[] memory);
    function parseJsonBytes32(string calldata json, string calldata key) external pure returns (bytes32);
    function parseJsonBytes32Array(string calldata json, string calldata key) external pure returns (bytes32[] memory);
    function parseJsonKeys(string calldata json, string calldata key) external pure returns (string[] memory keys);
    function keyExistsJson(string calldata json, string calldata key) external view returns (bool);
    function envOr(string calldata name, uint256 defaultValue) external view returns (uint256 value);
    function envOr(string calldata name, string calldata defaultValue) external view returns (string memory value);
    /// @notice Creation code of one of this project's contracts, by "File.sol:Contract".
    function getCode(string calldata artifactPath) external view returns (bytes memory creationBytecode);
    function getDeployedCode(string calldata artifactPath) external view returns (bytes memory runtimeBytecode);
    function deployCode(string calldata artifactPath) external returns (address deployedAddress);
    function deployCode(string calldata artifactPath, bytes calldata constructorArgs)
        external
        returns (address deployedAddress);

    // --- Words ----------------------------------------------------------------------------------

    function toString(uint256 value) external pure returns (string memory stringifiedValue);
    function toString(int256 value) external pure returns (string memory stringifiedValue);
    function toString(address value) external pure returns (string memory stringifiedValue);
    function toString(bytes32 value) external pure returns (string memory stringifiedValue);
    function toString(bytes calldata value) external pure returns (string memory stringifiedValue);
    function toString(bool value) external pure returns (string memory stringifiedValue);
    function parseUint(string calldata stringifiedValue) external pure returns (uint256);
    function parseBytes(string calldata stringifiedValue) external pure returns (bytes memory);

    // --- Assertions -----------------------------------------------------------------------------

    function assertTrue(bool condition) external pure;
    function assertTrue(bool condition, string calldata reason) external pure;
    function assertFalse(bool condition) external pure;
    function assertFalse(bool condition, string calldata reason) external pure;

    function assertEq(bool left, bool right) external pure;
    function assertEq(bool left, bool right, string calldata reason) external pure;
    function assertEq(uint256 left, uint256 right) external pure;
    function assertEq(uint256 left, uint256 right, string calldata reason) external pure;
    function assertEq(int256 left, int256 right) external pure;
    function assertEq(int256 left, int256 right, string calldata reason) external pure;
    function assertEq(address left, address right) external pure;
    function assertEq(address left, address right, string calldata reason) external pure;
    function assertEq(bytes32 left, bytes32 right) external pure;
    function assertEq(bytes32 left, bytes32 right, string calldata reason) external pure;
    function assertEq(string calldata left, string calldata right) external pure;
    function assertEq(string calldata left, string calldata right, string calldata reason) external pure;
    function assertEq(bytes calldata left, bytes calldata right) external pure;
    function assertEq(bytes calldata left, bytes calldata right, string calldata reason) external pure;
    function assertEq(uint256[] calldata left, uint256[] calldata right) external pure;
    function assertEq(address[] calldata left, address[] calldata right) external pure;
    function assertEq(bytes32[] calldata left, bytes32[] calldata right) external pure;

    function assertNotEq(uint256 left, uint256 right) external pure;
    function assertNotEq(uint256 left, uint256 right, string calldata reason) external pure;
    function assertNotEq(address left, address right) external pure;
    function assertNotEq(address left, address right, string calldata reason) external pure;
    function assertNotEq(bytes32 left, bytes32 right) external pure;
    function assertNotEq(bytes32 left, bytes32 right, string calldata reason) external pure;

    function assertLt(uint256 left, uint256 right) external pure;
    function assertLt(uint256 left, uint256 right, string calldata reason) external pure;
    function assertLe(uint256 left, uint256 right) external pure;
    function assertLe(uint256 left, uint256 right, string calldata reason) external pure;
    function assertGt(uint256 left, uint256 right) external pure;
    function assertGt(uint256 left, uint256 right, string calldata reason) external pure;
    function assertGe(uint256 left, uint256 right) external pure;
    function assertGe(uint256 left, uint256 right, string calldata reason) external pure;
    function assertApproxEqAbs(uint256 left, uint256 right, uint256 maxDelta) external pure;
    function assertApproxEqAbs(uint256 left, uint256 right, uint256 maxDelta, string calldata reason) external pure;
}
