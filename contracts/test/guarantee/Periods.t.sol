// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IDebitWallet} from "../../src/interfaces/IDebitWallet.sol";
import {IGuarantee} from "../../src/interfaces/IGuarantee.sol";
import {Deployed} from "../base/Deployed.sol";
import {Periods} from "../base/Periods.sol";
import {Test} from "../base/Test.sol";

/// @notice Fear: a deployment whose times do not fit. A payer takes its money, or a processor its bond, before a
/// payee could have claimed; or what shows a settlement is forgotten while somebody may still ask for it.
contract PeriodsTest is Test {
    uint40 private constant OPEN = Periods.PROMISE + Periods.DEMAND + Periods.RESPONSE;
    uint40 private constant YEAR = 365 days;

    function test_theWalletAndItsGuaranteeNameEachOther() external {
        IDebitWallet wallet = this.deploy(Periods.fitting(2 days, 7 days));
        IGuarantee guarantee = wallet.GUARANTEE();
        assertEq(address(guarantee.WALLET()), address(wallet));
        // Whoever trusts the wallet's code finds the guarantee by its address alone.
        assertEq(address(guarantee), vm.computeCreateAddress(address(wallet), 1));
        assertEq(wallet.WITHDRAWAL_DELAY(), 2 days);
        assertEq(wallet.KEEP(), Periods.KEEP);
        assertEq(guarantee.UNBONDING_DELAY(), 7 days);
        assertEq(guarantee.MAX_PROMISE(), Periods.PROMISE);
        assertEq(guarantee.DEMAND_PERIOD(), Periods.DEMAND);
        assertEq(guarantee.RESPONSE_WINDOW(), Periods.RESPONSE);
        assertEq(guarantee.VIEW_AGE(), Periods.VIEW_AGE);
    }

    /// @dev Accepted on a view of the chain that is as old as it may be, promised, demanded, claimed.
    function test_aWithdrawalOutlastsWhatWasPromisedBeforeIt() external {
        uint40 shortest = OPEN + Periods.VIEW_AGE + 1;
        this.deploy(Periods.fitting(shortest, 7 days));
        _tooShort(Periods.fitting(shortest - 1, 7 days), shortest - 1, OPEN + Periods.VIEW_AGE);
    }

    /// @dev And then a payee has as long to claim as others had to answer.
    function test_aBondOutlastsWhatItStandsFor() external {
        uint40 shortest = OPEN + Periods.RESPONSE + 1;
        this.deploy(Periods.fitting(3 days, shortest));
        _tooShort(Periods.fitting(3 days, shortest - 1), shortest - 1, OPEN + Periods.RESPONSE);
    }

    function test_evidenceOutlastsTheTimeToAnswer() external {
        IGuarantee.Periods memory periods = Periods.fitting(3 days, 7 days);
        periods.keep = OPEN + 1;
        this.deploy(periods);
        periods.keep = OPEN;
        _tooShort(periods, OPEN, OPEN);
    }

    /// @dev Of a delay of 0 a payer could take back what was just promised. Above a year it is a mistake.
    function test_noPeriodIsNothingOrMoreThanAYear() external {
        for (uint256 which = 0; which < 7; which++) {
            uint40[2] memory out = [uint40(0), YEAR + 1];
            for (uint256 i = 0; i < 2; i++) {
                vm.expectRevert(abi.encodeWithSelector(IGuarantee.PeriodOutOfRange.selector, out[i]));
                this.deploy(_with(which, out[i]));
            }
        }
        this.deploy(IGuarantee.Periods(YEAR, YEAR, 1, 1, 1, 1, YEAR));
    }

    function deploy(IGuarantee.Periods calldata periods) external returns (IDebitWallet) {
        return Deployed.wallet(periods);
    }

    function _tooShort(IGuarantee.Periods memory periods, uint256 period, uint256 moreThan) private {
        vm.expectRevert(abi.encodeWithSelector(IGuarantee.PeriodTooShort.selector, period, moreThan));
        this.deploy(periods);
    }

    function _with(uint256 which, uint40 period) private pure returns (IGuarantee.Periods memory periods) {
        periods = Periods.fitting(3 days, 7 days);
        if (which == 0) periods.withdrawal = period;
        if (which == 1) periods.unbonding = period;
        if (which == 2) periods.promise_ = period;
        if (which == 3) periods.demand = period;
        if (which == 4) periods.response = period;
        if (which == 5) periods.viewAge = period;
        if (which == 6) periods.keep = period;
    }
}
