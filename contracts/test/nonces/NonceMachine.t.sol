// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IDebitWallet} from "../../src/interfaces/IDebitWallet.sol";
import {InvariantTest} from "../base/InvariantTest.sol";
import {Test} from "../base/Test.sol";
import {NonceHandler, OpenWallet} from "./support/NonceHandler.sol";

/// @notice Fear: a nonce that was spent is not, because its word became the current one, ceased to be it, or was
/// full.
contract NonceMachineTest is Test {
    uint256 private constant LAST_CURRENT = (1 << 23) - 1;
    uint256 private constant FULL = type(uint128).max;

    NonceHandler private handler = new NonceHandler();
    OpenWallet private wallet = handler.wallet();
    address private token = handler.token();

    // --- Each step ----------------------------------------------------------------------------------

    function test_inTheCurrentWordANonceIsSpentOnce() external {
        _spend(5, 1);
        _spend(5, 6);
        _refused(5, 4 + 8, 4);
        _is(5, 7);
    }

    function test_whatWasSpentInAWordStaysSpentWhenALaterOneIsCurrent() external {
        _spend(5, 3);
        _spend(6, 4);
        _is(5, 3);
        _is(6, 4);
        _refused(5, 2, 2);
        _refused(6, 4, 4);
        // An earlier word does not become current again.
        _spend(5, 8);
        _is(5, 11);
        _refused(5, 8, 8);
        _is(6, 4);
    }

    function test_aFullWordStaysFullWhenALaterOneIsCurrent() external {
        _spend(5, FULL);
        _spend(600, 1);
        _is(5, FULL);
        for (uint256 bit = 0; bit < 128; bit++) {
            _refused(5, 1 << bit, 1 << bit);
        }
        // Its neighbours in both slots are not.
        _is(4, 0);
        _is(6, 0);
        _is(5 + 256, 0);
        _spend(4, 1);
        _is(5, FULL);
    }

    function test_aWordThatIsFullBitByBitIsFull() external {
        for (uint256 bit = 0; bit < 128; bit++) {
            _spend(7, 1 << bit);
        }
        _spend(8, 1);
        _is(7, FULL);
        _refused(7, 1 << 64, 1 << 64);
    }

    /// @dev What an earlier word's slot said before it became current is not forgotten.
    function test_aWordBecomesCurrentWithWhatWasSpentInIt() external {
        handler.wallet().burnNonce(1, token, 9 << 7);
        _spend(8, 1);
        _refused(9, 1 + 2, 1);
        _spend(9, 2);
        _is(9, 3);
        _spend(10, 1);
        _is(9, 3);
    }

    function test_burningReachesTheCurrentWord() external {
        _spend(9, 2);
        _burn(9, 0);
        _is(9, 3);
        _refused(9, 1, 1);
        _spend(10, 1);
        _is(9, 3);
    }

    function test_burningInAFullWordChangesNothing() external {
        _spend(5, FULL);
        _burn(5, 9);
        _spend(6, 1);
        _burn(5, 9);
        _is(5, FULL);
        _is(4, 0);
    }

    /// @dev Burnt full, never current: not in F, and full all the same.
    function test_aWordThatIsFullByBurningIsFull() external {
        for (uint256 bit = 0; bit < 128; bit++) {
            _burn(5, bit);
        }
        _refused(5, 1, 1);
        _spend(4, 1);
        _refused(5, 2, 2);
        _is(5, FULL);
    }

    // --- Ends ---------------------------------------------------------------------------------------

    /// @dev A purse without a current word has W = 0, which is not word 0.
    function test_wordZeroIsNotSpentInAFreshAccount() external {
        _is(0, 0);
        _spend(0, 1);
        _is(0, 1);
        _refused(0, 1, 1);
        _spend(1, 1);
        _refused(0, 1, 1);
    }

    function test_theLastWordThatCanBeCurrentEndsIt() external {
        _spend(LAST_CURRENT, 1);
        _spend(LAST_CURRENT, 2);
        _refused(LAST_CURRENT, 1, 1);
        _spend(7, 1);
        _spend(7, FULL - 1);
        _refused(7, 1 << 127, 1 << 127);
        _spend(LAST_CURRENT, FULL - 3);
        _is(LAST_CURRENT, FULL);
        _is(LAST_CURRENT + 1, 0);
    }

    /// @dev 2^23 + w does not spell w.
    function test_wordsAboveThoseThatCanBeCurrentAreKeptApart() external {
        _spend(5, 1);
        _spend(LAST_CURRENT + 1 + 5, 1);
        _spend(LAST_CURRENT + 1 + 5, 2);
        _is(5, 1);
        _is(LAST_CURRENT + 1 + 5, 3);
        _refused(LAST_CURRENT + 1 + 5, 2, 2);
        _spend(5, 2);
        _spend((1 << 57) - 1, FULL);
        _refused((1 << 57) - 1, 1, 1);
        _is(5, 3);
    }

    /// @dev Full words' bits of one account, and spent bits of the next one.
    function test_accountsAndTokensAreKeptApart() external {
        address other = makeAddr("other token");
        _spend(5, FULL);
        _spend(6, 1);
        assertEq(wallet.spentNonces(2, token, 2), 0);
        assertEq(wallet.spentNonces(1, other, 2), 0);
        wallet.spendWord(2, token, 5, 1, 0);
        wallet.spendWord(1, other, 5, 1, 0);
        _is(5, FULL);
        assertEq(wallet.spentNonces(2, token, 2), 1 << 128);
        assertEq(wallet.spentNonces(1, other, 2), 1 << 128);
    }

    // --- Beside the balance -------------------------------------------------------------------------

    /// @dev A balance that is full does not carry into `has`, W or M.
    function test_depositsAndDebitsLeaveNoncesAlone() external {
        _spend(LAST_CURRENT, FULL);
        wallet.put(1, token, type(uint104).max);
        _is(LAST_CURRENT, FULL);
        assertEq(wallet.balanceOf(1, token).balance, type(uint104).max);
        (bool success,) = address(wallet).call(abi.encodeCall(wallet.put, (1, token, 1)));
        assertFalse(success);
        (success,) = address(wallet).call(abi.encodeCall(wallet.put, (1, token, type(uint256).max)));
        assertFalse(success);
        wallet.take(1, token, type(uint104).max);
        _is(LAST_CURRENT, FULL);
        bytes memory refusal = abi.encodeWithSelector(IDebitWallet.InsufficientBalance.selector, 1, token, 0, 1);
        vm.expectRevert(refusal);
        wallet.take(1, token, 1);
        vm.expectRevert(refusal);
        wallet.spendWord(1, token, 3, 1, 1);
        _is(3, 0);
    }

    function testFuzz_spendingTakesExactlyTheAmount(uint104 held, uint104 amount, uint64 word, uint128 mask) external {
        wallet.put(1, token, held);
        word = uint64(word % (1 << 57));
        mask |= 1;
        if (amount > held) {
            vm.expectRevert(abi.encodeWithSelector(IDebitWallet.InsufficientBalance.selector, 1, token, held, amount));
            wallet.spendWord(1, token, word, mask, amount);
        } else {
            wallet.spendWord(1, token, word, mask, amount);
            assertEq(wallet.balanceOf(1, token).balance, held - amount);
            _is(word, mask);
        }
    }

    // --- Any order ----------------------------------------------------------------------------------

    /// forge-config: default.fuzz.runs = 1024
    function testFuzz_theWalletSaysWhatTheModelSays(uint256 start, uint256[32] calldata draws) external {
        // A signer who begins anywhere.
        handler.jump(start, 0);
        for (uint256 i = 0; i < draws.length; i++) {
            uint256 draw = uint256(keccak256(abi.encode(draws[i])));
            uint256 kind = draw >> 248;
            if (kind < 96) handler.count(draw, draw >> 32);
            else if (kind < 160) handler.jump(draw, draw >> 32);
            else if (kind < 192) handler.fill(draw, draw >> 32);
            else if (kind < 224) handler.burn(draw);
            else if (kind < 240) handler.put(draw, draw >> 32);
            else handler.take(draw, draw >> 32);
        }
        handler.check();
    }

    /// @dev Otherwise all of this might hold because nothing happens.
    function test_everythingHappens() external {
        for (uint256 i = 0; i < 400; i++) {
            uint256 draw = uint256(keccak256(abi.encode(i)));
            if (i % 4 == 0) handler.count(draw, 0);
            if (i % 4 == 1) handler.jump(draw, 0);
            if (i % 4 == 2) handler.fill(draw, 0);
            if (i % 4 == 3) handler.burn(draw);
        }
        handler.check();
        assertGt(handler.done("spent"), 100);
        assertGt(handler.done("refused"), 10);
        assertGt(handler.done("burn"), 50);
    }

    function _spend(uint256 word, uint256 mask) private {
        wallet.spendWord(1, token, word, mask, 0);
    }

    function _burn(uint256 word, uint256 bit) private {
        wallet.burnNonce(1, token, uint64((word << 7) | bit));
    }

    function _refused(uint256 word, uint256 mask, uint256 met) private {
        vm.expectRevert(abi.encodeWithSelector(IDebitWallet.NonceSpent.selector, 1, uint64(word), met));
        wallet.spendWord(1, token, word, mask, 0);
    }

    /// @dev By both views, and of the word alone.
    function _is(uint256 word, uint256 bits) private view {
        assertEq(uint128(wallet.spentNonces(1, token, word >> 1) >> ((word & 1) * 128)), bits);
        for (uint256 bit = 0; bit < 128; bit++) {
            assertEq(wallet.isSpent(1, token, uint64((word << 7) | bit)), bits >> bit & 1 == 1);
        }
    }
}

/// @notice Fear: some order of steps unspends a nonce, or spends one that nobody spent.
/// forge-config: default.invariant.runs = 32
/// forge-config: default.invariant.depth = 128
/// forge-config: default.invariant.fail-on-revert = true
contract NonceInvariantTest is InvariantTest {
    NonceHandler private handler;

    function setUp() external {
        handler = new NonceHandler();
        bytes4[] memory selectors = new bytes4[](6);
        selectors[0] = handler.count.selector;
        selectors[1] = handler.jump.selector;
        selectors[2] = handler.fill.selector;
        selectors[3] = handler.burn.selector;
        selectors[4] = handler.put.selector;
        selectors[5] = handler.take.selector;
        targetContract(address(handler));
        targetSelectors(address(handler), selectors);
    }

    function invariant_aSpentNonceStaysSpentAndNoOtherIs() external view {
        handler.check();
    }
}
