// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Console} from "./Console.sol";
import {InvariantTest} from "./InvariantTest.sol";
import {Test} from "./Test.sol";
import {Vm} from "./Vm.sol";

/// @dev Something to call.
contract Counter {
    event Counted(address indexed by, uint256 count);

    error TooMany(uint256 count);

    uint256 public count;
    address public last;

    function increment() external {
        if (count == 3) revert TooMany(count);
        last = msg.sender;
        emit Counted(msg.sender, ++count);
    }

    function forbidden() external {
        count = type(uint256).max;
    }
}

/// @notice The test base does what the tests take for granted: a base that lets everything pass
/// would make all of them vacuous.
contract BaseTest is Test {
    Counter private counter;

    function setUp() external {
        counter = new Counter();
    }

    function externally(uint256 left, uint256 right) external pure {
        assertEq(left, right);
    }

    function test_assertionThatFailsReverts() external {
        vm.expectRevert();
        this.externally(1, 2);
        this.externally(2, 2);
    }

    function test_callsComeFromWhomTheyShould() external {
        address alice = makeAddr("alice");
        vm.prank(alice);
        counter.increment();
        assertEq(counter.last(), alice);
        counter.increment();
        assertEq(counter.last(), address(this));
        vm.startPrank(alice);
        counter.increment();
        assertEq(counter.last(), alice);
        vm.stopPrank();
    }

    function test_revertsAreComparedWithTheirArguments() external {
        for (uint256 i = 0; i < 3; i++) {
            counter.increment();
        }
        vm.expectRevert(abi.encodeWithSelector(Counter.TooMany.selector, 3));
        counter.increment();
        vm.expectPartialRevert(Counter.TooMany.selector);
        counter.increment();
    }

    function test_eventsAreCompared() external {
        vm.expectEmit(address(counter));
        emit Counter.Counted(address(this), 1);
        counter.increment();

        vm.recordLogs();
        counter.increment();
        Vm.Log[] memory logs = vm.getRecordedLogs();
        assertEq(logs.length, 1);
        assertEq(logs[0].topics[0], Counter.Counted.selector);
        assertEq(logs[0].topics[1], bytes32(uint256(uint160(address(this)))));
        assertEq(logs[0].data, abi.encode(2));
        assertEq(logs[0].emitter, address(counter));
    }

    function test_timeChainAndState() external {
        uint256 kept = vm.snapshotState();
        vm.warp(1_700_000_000);
        vm.roll(77);
        vm.chainId(8453);
        counter.increment();
        assertEq(vm.getBlockTimestamp(), 1_700_000_000);
        assertEq(vm.getBlockNumber(), 77);
        assertEq(vm.getChainId(), 8453);
        assertTrue(vm.revertToState(kept));
        assertEq(vm.getBlockNumber(), 1);
        assertEq(counter.count(), 0);
    }

    function test_keysSign() external {
        (address alice, uint256 key) = makeAddrAndKey("alice");
        bytes32 digest = keccak256("digest");
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        assertEq(ecrecover(digest, v, r, s), alice);
        assertEq(signature(key, digest), abi.encodePacked(r, s, v));
    }

    function test_anAccountDelegates() external {
        (address alice, uint256 key) = makeAddrAndKey("alice");
        vm.signAndAttachDelegation(address(counter), key);
        Counter(alice).increment();
        assertEq(Counter(alice).count(), 1);
        assertEq(alice.code, abi.encodePacked(hex"ef0100", address(counter)));
        assertEq(counter.count(), 0);
    }

    function test_gasIsMeasured() external {
        counter.increment();
        assertGt(vm.lastCallGas().gasTotalUsed, 20_000);
        // The account and two slots, each written before, at a new transaction's prices.
        counter.increment();
        uint256 warm = vm.lastCallGas().gasTotalUsed;
        vm.cool(address(counter));
        counter.increment();
        assertGt(uint256(vm.lastCallGas().gasTotalUsed), warm + 4000);
    }

    function test_consoleTakesAllItIsGiven() external view {
        Console.log("words");
        Console.log("a number", uint256(7));
        Console.log("words", "and words");
        Console.log("an address", address(this));
        Console.log("a condition", true);
        Console.logBytes32(bytes32(uint256(1)));
        Console.logBytes(hex"0102");
    }

    function testFuzz_boundStaysWithin(uint256 value, uint256 min, uint256 max) external pure {
        (min, max) = min < max ? (min, max) : (max, min);
        uint256 bounded = bound(value, min, max);
        assertGe(bounded, min);
        assertLe(bounded, max);
        if (value >= min && value <= max) assertEq(bounded, value);
    }

    function test_boundReachesBothEnds() external pure {
        assertEq(bound(0, 10, 20), 10);
        assertEq(bound(type(uint256).max, 10, 20), 20);
        assertEq(bound(type(uint256).max, 0, type(uint256).max), type(uint256).max);
        assertEq(bound(0, 0, type(uint256).max), 0);
        assertEq(bound(5, 7, 7), 7);
    }
}

/// @notice forge follows the targets: `forbidden` would break the invariant at once.
/// forge-config: default.invariant.runs = 8
/// forge-config: default.invariant.depth = 16
contract BaseInvariantTest is InvariantTest {
    Counter private counter;
    Counter private other;
    address private sender;

    function setUp() external {
        counter = new Counter();
        other = new Counter();
        sender = makeAddr("sender");
        targetContract(address(counter));
        targetSender(sender);
        bytes4[] memory selectors = new bytes4[](1);
        selectors[0] = Counter.increment.selector;
        targetSelectors(address(counter), selectors);
    }

    function invariant_onlyTargetsAreCalled() external view {
        assertLe(counter.count(), 3);
        assertEq(other.count(), 0);
        if (counter.count() > 0) assertEq(counter.last(), sender);
    }

    /// @dev Runs once at the end of each run: the counter was indeed called.
    function afterInvariant() external view {
        assertEq(counter.count(), 3);
    }
}
