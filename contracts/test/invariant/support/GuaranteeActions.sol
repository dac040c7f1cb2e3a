// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IDebitWallet} from "../../../src/interfaces/IDebitWallet.sol";
import {IGuarantee} from "../../../src/interfaces/IGuarantee.sol";
import {Periods} from "../../base/Periods.sol";
import {Typed} from "../../wallet/support/Typed.sol";
import {World} from "./World.sol";

/// @title What is promised, demanded, answered and claimed
/// @notice The honest processor answers every demand, the hostile one signs whatever it likes, and whether somebody
/// answers in its stead is chance.
abstract contract GuaranteeActions is World {
    uint256 private constant NONE = type(uint256).max;

    /// @dev A receipt that was demanded.
    struct Demanded {
        IGuarantee.Receipt receipt;
        /// @dev Its mandate, or `NONE` where nobody signed one.
        uint256 id;
        uint256 due;
        uint40 at;
        bool answered;
    }

    Demanded[] private _demanded;
    mapping(bytes32 digest => bool) private _known;
    /// @dev By everything that says which payment is meant.
    mapping(bytes32 payment => uint256) private _claimed;
    mapping(bytes32 payment => uint256) private _shown;
    /// @dev By mandate, whoever's receipt it was.
    mapping(uint256 id => uint256) private _fromBonds;
    mapping(uint256 id => bool) private _excused;
    uint256 private _wild;

    function mandateCount() external view returns (uint256) {
        return signed.length;
    }

    /// @return due What its payee should have of a mandate at most, from settlement and bonds together.
    /// @return had What it has.
    /// @return excused Whether something was claimed that was settled, too, and that nobody had shown; or from the
    /// bond of one that is not the account's processor, which pays for its own word alone.
    function standing(uint256 id) external view returns (uint256 due, uint256 had, bool excused) {
        Signed memory mandate = signed[id];
        return (mandate.amount, _fromBonds[id] + (mandate.settled ? mandate.amount : 0), _excused[id]);
    }

    // --- Bonds --------------------------------------------------------------------------------------

    function bond(uint256 who, uint256 amount) external {
        // Less than much of what is promised: now and then there is not enough.
        amount = bound(amount, 1, 10e6);
        (address processor, address payee) = (who % 2 == 0 ? hostile : honest, _holder(who >> 8));
        token.mint(address(this), amount);
        token.approve(address(guarantee), amount);
        guarantee.bond(processor, payee, address(token), amount);
        bondOf[processor][payee] += amount;
        done["bond"]++;
    }

    function unbond(uint256 who, uint256 amount) external {
        (address processor, address payee) = (who % 2 == 0 ? hostile : honest, _holder(who >> 8));
        IDebitWallet.Purse memory purse = guarantee.bondOf(processor, payee, address(token));
        vm.startPrank(processor);
        if (purse.leavesFrom == 0 && purse.balance != 0) {
            guarantee.requestUnbond(payee, address(token), bound(amount, 1, 200e6));
        } else if (purse.leavesFrom != 0 && vm.getBlockTimestamp() >= purse.leavesFrom) {
            bondOf[processor][payee] -= guarantee.executeUnbond(payee, address(token), processor);
            done["unbond"]++;
        }
        vm.stopPrank();
    }

    function _stealBonds() internal {
        (bool success,) = _act(thief, abi.encodeCall(IGuarantee.executeUnbond, (address(0), address(token), thief)));
        assertFalse(success, "theft");
        (success,) = _act(thief, abi.encodeCall(IGuarantee.collectTo, (address(token), thief)));
        assertFalse(success, "theft");
        (success,) = _act(thief, abi.encodeCall(IGuarantee.collectEther, (payable(thief))));
        assertFalse(success, "theft");
    }

    // --- Demands ------------------------------------------------------------------------------------

    /// @dev Of what it accepted. It has settled all of that: nobody would ask, but somebody does.
    function demandOfHonest(uint256 seed) external {
        if (signed.length == 0) return;
        for (uint256 i = 0; i < signed.length; i++) {
            uint256 id = (seed % signed.length + i) % signed.length;
            Signed memory mandate = signed[id];
            uint256 late = vm.getBlockTimestamp();
            if (mandate.settleBy == 0 || mandate.amount == 0) continue;
            if (late <= mandate.settleBy || late > mandate.settleBy + Periods.DEMAND) continue;
            IGuarantee.Receipt memory receipt = _receipt(honest, id, mandate.settleBy - WINDOW);
            if (_demand(receipt, id, honestKey)) done["a kept promise demanded"]++;
            return;
        }
    }

    /// @dev The hostile one signs a receipt about any account: about a mandate that there is, or none.
    function demandOfHostile(uint256 which, uint256 seed) external {
        uint256 id = signed.length == 0 || seed % 3 == 0 ? NONE : which % signed.length;
        uint40 issuedAt = uint40(vm.getBlockTimestamp() - 1 - (seed >> 8) % Periods.DEMAND);
        IGuarantee.Receipt memory receipt = _receipt(hostile, id, issuedAt);
        (receipt.settleBy, receipt.deadline) = (issuedAt, issuedAt);
        if (id == NONE) {
            receipt.mandateId = keccak256(abi.encode("wild", _wild++));
            receipt.account = _account(which);
            receipt.nonce = uint64((seed >> 16) % (SPENT_INDEXES * 256));
            receipt.payee = _payee(seed >> 32);
            receipt.amount = uint96(bound(seed >> 48, 1, 20e6));
        }
        if (receipt.amount == 0) return;
        if (_demand(receipt, id, hostileKey)) done["demanded of the hostile"]++;
    }

    function _demand(IGuarantee.Receipt memory receipt, uint256 id, uint256 key) private returns (bool) {
        bytes32 digest = _digest(Typed.hash(receipt));
        IGuarantee.Promise[] memory list = new IGuarantee.Promise[](1);
        (list[0].receipt, list[0].signature) = (receipt, signature(key, digest));
        (bool success,) = _act(thief, abi.encodeCall(IGuarantee.demand, (list)));
        assertEq(success, !_known[digest], "one demand a receipt");
        if (!success) return false;
        _known[digest] = true;
        _demanded.push(Demanded(receipt, id, receipt.amount, uint40(vm.getBlockTimestamp()), false));
        return true;
    }

    // --- Answers ------------------------------------------------------------------------------------

    /// @dev The honest processor answers what could be claimed by then.
    function _answerDemands(uint256 time) internal {
        for (uint256 i = 0; i < _demanded.length; i++) {
            Demanded memory one = _demanded[i];
            if (one.receipt.processor != honest || one.answered) continue;
            if (one.at + Periods.RESPONSE < time) assertTrue(_answer(i), "the honest processor answers");
        }
    }

    /// @dev Somebody answers for the hostile one, where there is something to show.
    function answerHostile(uint256 seed) external {
        if (_demanded.length == 0) return;
        uint256 i = seed % _demanded.length;
        if (_demanded[i].id == NONE || evidenceOf[_demanded[i].id].length == 0) return;
        if (_answer(i)) done["answered"]++;
    }

    function _answer(uint256 i) private returns (bool success) {
        Demanded storage one = _demanded[i];
        Evidence memory evidence = abi.decode(evidenceOf[one.id], (Evidence));
        evidence.leaf.receipt = one.receipt;
        IGuarantee.Leaf[] memory leaves = new IGuarantee.Leaf[](1);
        leaves[0] = evidence.leaf;
        // Afterwards its place may be another batch's.
        (success,) = _act(thief, abi.encodeCall(IGuarantee.answer, (evidence.batch, leaves)));
        if (!success) return false;
        one.answered = true;
        _shown[_payment(one.receipt)] = evidence.leaf.captured;
    }

    /// @dev A payee signs that it takes less, and somebody brings it.
    function takeLess(uint256 seed) external {
        if (_demanded.length == 0) return;
        Demanded storage one = _demanded[seed % _demanded.length];
        if (one.receipt.processor != hostile) return;
        uint96 amount = uint96((seed >> 8) % (one.receipt.amount + 1));
        uint256 key = _payeeKey(one.receipt.payee);
        IGuarantee.CaptureAnswer[] memory list = new IGuarantee.CaptureAnswer[](1);
        list[0] = IGuarantee.CaptureAnswer(
            one.receipt, amount, signature(key, _digest(Typed.hash(IGuarantee.Capture(one.receipt.mandateId, amount))))
        );
        (bool success,) = _act(thief, abi.encodeCall(IGuarantee.answerByCapture, (list)));
        assertTrue(success, "a payee takes less");
        if (amount < one.due) one.due = amount;
        done["less was captured"]++;
    }

    // --- Claims -------------------------------------------------------------------------------------

    /// @dev The payee claims, or somebody in its stead.
    function claimAny(uint256 seed) external {
        if (_demanded.length == 0) return;
        Demanded memory one = _demanded[_choose(seed)];
        address caller = seed >> 8 & 1 == 0 ? one.receipt.payee : thief;
        uint256 owed = _owed(one);
        (uint256 own, uint256 shared) = _inBonds(one.receipt, owed);
        bool burns = wallet.accountOf(one.receipt.account).processor == one.receipt.processor;

        bool may = _isOver(one.at) && (own + shared == owed || own + shared == 0 || caller == one.receipt.payee)
            && (own + shared == 0 || burns || _isOver(one.receipt.deadline));
        (bool success,) = _claim(caller, one.receipt);
        assertEq(success, may, "a claim pays if it should");
        if (!success) return;
        if (one.receipt.processor == honest) {
            assertEq(own + shared, 0, "a kept promise is claimed");
            done["a kept promise claimed"]++;
        }
        if (own + shared == 0) return;
        _book(one, own, shared, burns);
        if (own + shared < owed) done["paid in part"]++;
        (success,) = _claim(one.receipt.payee, one.receipt);
        assertTrue(success);
        done["claimed twice"]++;
    }

    /// @dev Any; now and then the first one of the honest processor's that may be claimed from here on.
    function _choose(uint256 seed) private view returns (uint256) {
        for (uint256 i = 0; i < _demanded.length && seed >> 16 & 1 == 0; i++) {
            uint256 j = (seed % _demanded.length + i) % _demanded.length;
            if (_demanded[j].receipt.processor == honest && _isOver(_demanded[j].at)) return j;
        }
        return seed % _demanded.length;
    }

    /// @dev In the shadow.
    function _book(Demanded memory one, uint256 own, uint256 shared, bool burns) private {
        IGuarantee.Receipt memory receipt = one.receipt;
        bondOf[receipt.processor][receipt.payee] -= own;
        bondOf[receipt.processor][address(0)] -= shared;
        paidTo[receipt.payee] += own + shared;
        _claimed[_payment(receipt)] += own + shared;
        done["claimed"]++;
        if (burns) {
            spentOf[receipt.account][receipt.nonce >> 8] |= 1 << (receipt.nonce & 255);
            done["nonce burnt"]++;
        }
        if (one.id == NONE) return;
        _fromBonds[one.id] += own + shared;
        if (signed[one.id].settled && _shown[_payment(receipt)] == 0) {
            _excused[one.id] = true;
            done["left unanswered and paid twice"]++;
        }
        // A stranger's bond paid for what others owe and settle.
        if (!burns) _excused[one.id] = true;
        // Another mandate may have spent the nonce; nothing settles under it any more.
        if (burns && !signed[one.id].settled) _mustNotSettle(one.id);
    }

    /// @dev What a bond paid.
    function _mustNotSettle(uint256 id) private {
        uint256[] memory ids = new uint256[](1);
        ids[0] = id;
        (bool success,) = _settle(hostile, ids);
        assertFalse(success, "what a bond paid is settled");
        done["a nonce paid by a bond settled"]++;
    }

    function _claim(address caller, IGuarantee.Receipt memory receipt) private returns (bool, bytes memory) {
        IGuarantee.Receipt[] memory list = new IGuarantee.Receipt[](1);
        list[0] = receipt;
        return _act(caller, abi.encodeCall(IGuarantee.claim, (list)));
    }

    // --- How ----------------------------------------------------------------------------------------

    function _receipt(address processor, uint256 id, uint40 issuedAt)
        private
        view
        returns (IGuarantee.Receipt memory receipt)
    {
        (receipt.processor, receipt.token, receipt.issuedAt) = (processor, address(token), issuedAt);
        if (id == NONE) return receipt;
        Signed memory mandate = signed[id];
        receipt.mandateId = _mandateId(id);
        (receipt.account, receipt.nonce, receipt.payee) = (mandate.account, mandate.nonce, mandate.payee);
        (receipt.amount, receipt.settleBy) = (uint96(mandate.amount), mandate.settleBy);
        receipt.deadline = mandate.deadline;
    }

    function _owed(Demanded memory one) private view returns (uint256) {
        uint256 had = _shown[_payment(one.receipt)] + _claimed[_payment(one.receipt)];
        return one.due > had ? one.due - had : 0;
    }

    function _inBonds(IGuarantee.Receipt memory receipt, uint256 owed)
        private
        view
        returns (uint256 own, uint256 shared)
    {
        own = _least(owed, bondOf[receipt.processor][receipt.payee]);
        shared = _least(owed - own, bondOf[receipt.processor][address(0)]);
    }

    function _least(uint256 left, uint256 right) private pure returns (uint256) {
        return left < right ? left : right;
    }

    function _isOver(uint40 since) private view returns (bool) {
        return vm.getBlockTimestamp() > uint256(since) + Periods.RESPONSE;
    }

    function _payment(IGuarantee.Receipt memory r) private pure returns (bytes32) {
        return keccak256(abi.encode(r.processor, r.mandateId, r.account, r.nonce, r.payee));
    }

    function _holder(uint256 seed) private view returns (address) {
        return seed % 4 == 3 ? address(0) : payees[seed % 4];
    }

    function _payeeKey(address payee) private view returns (uint256) {
        for (uint256 i = 0; i < 3; i++) {
            if (payees[i] == payee) return payeeKeys[i];
        }
        revert("no payee");
    }

    function _act(address from, bytes memory data) private returns (bool, bytes memory) {
        vm.prank(from);
        return address(guarantee).call(data);
    }
}
