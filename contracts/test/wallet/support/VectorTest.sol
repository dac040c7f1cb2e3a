// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {DebitWallet} from "../../../src/DebitWallet.sol";
import {IDebitWallet} from "../../../src/interfaces/IDebitWallet.sol";
import {Deployed} from "../../base/Deployed.sol";
import {Periods} from "../../base/Periods.sol";
import {Test} from "../../base/Test.sol";
import {OpenToken} from "../../tokens/OpenToken.sol";
import {AcceptingVerifier} from "./AcceptingVerifier.sol";

/// @dev Deploys from an address that a test chose.
contract Deployer {
    function deploy(bytes memory code) external returns (address made) {
        assembly ("memory-safe") {
            made := create(0, add(code, 0x20), mload(code))
        }
    }
}

/// @title Tests against `fixtures/vectors/wallet.json`
/// @notice The wallet and the token stand where the vectors' signers expect them.
abstract contract VectorTest is Test {
    DebitWallet internal wallet;
    OpenToken internal token;
    address internal accountOwner;
    uint256 internal now_;

    string private _json;

    function setUp() external {
        _json = vm.readFile("../fixtures/vectors/wallet.json");
        now_ = vm.parseJsonUint(_json, ".now");
        vm.warp(now_);

        address deployer = vm.parseJsonAddress(_json, ".deployer");
        vm.etch(deployer, address(new Deployer()).code);
        vm.setNonce(deployer, 1);
        bytes memory code =
            abi.encodePacked(vm.getCode(Deployed.artifact("DebitWallet")), abi.encode(Periods.fitting(2 days, 7 days)));
        wallet = DebitWallet(Deployer(deployer).deploy(code));
        assertEq(address(wallet), vm.parseJsonAddress(_json, ".wallet"));

        token = OpenToken(vm.parseJsonAddress(_json, ".token"));
        vm.etch(address(token), address(new OpenToken()).code);
        accountOwner = makeAddr("account owner");
    }

    // --- What the vectors take for given ------------------------------------------------------------

    function openAccounts() internal {
        uint256 count = vm.parseJsonUint(_json, ".accounts");
        for (uint256 i = 0; i < count; i++) {
            vm.prank(accountOwner);
            wallet.openAccount(address(this), 0, 0);
        }
    }

    function registerVerifierSets() internal {
        for (uint256 i = 0; i < rows("verifierSets"); i++) {
            wallet.registerVerifiers(verifiersOf(i));
        }
    }

    function fundAccount(uint32 account, uint256 amount) internal {
        token.mint(address(this), amount);
        token.approve(address(wallet), amount);
        wallet.deposit(account, address(token), amount);
    }

    // --- Reading ------------------------------------------------------------------------------------

    function rows(string memory table) internal view returns (uint256 count) {
        while (vm.keyExistsJson(_json, _path(table, count))) count++;
    }

    function number(string memory table, uint256 i, string memory field) internal view returns (uint256) {
        return vm.parseJsonUint(_json, _path(table, i, field));
    }

    function word(string memory table, uint256 i, string memory field) internal view returns (bytes32) {
        return vm.parseJsonBytes32(_json, _path(table, i, field));
    }

    function addr(string memory table, uint256 i, string memory field) internal view returns (address) {
        return vm.parseJsonAddress(_json, _path(table, i, field));
    }

    function blob(string memory table, uint256 i, string memory field) internal view returns (bytes memory) {
        return vm.parseJsonBytes(_json, _path(table, i, field));
    }

    function openingAt(string memory table, uint256 i) internal view returns (IDebitWallet.Opening memory) {
        return IDebitWallet.Opening(
            addr(table, i, "owner"),
            addr(table, i, "processor"),
            word(table, i, "verifierSet"),
            uint256(word(table, i, "keyHash"))
        );
    }

    /// @dev A list of verifiers, with code at each.
    function verifiersOf(uint256 i) internal returns (IDebitWallet.ShapeVerifier[] memory list) {
        uint256[] memory shapes = vm.parseJsonUintArray(_json, _path("verifierSets", i, "shapes"));
        address[] memory verifiers = vm.parseJsonAddressArray(_json, _path("verifierSets", i, "verifiers"));
        bytes memory code = address(new AcceptingVerifier()).code;
        list = new IDebitWallet.ShapeVerifier[](shapes.length);
        for (uint256 j = 0; j < shapes.length; j++) {
            vm.etch(verifiers[j], code);
            list[j] = IDebitWallet.ShapeVerifier(uint32(shapes[j]), verifiers[j]);
        }
    }

    function _path(string memory table, uint256 i) private pure returns (string memory) {
        return string.concat(".", table, "[", vm.toString(i), "]");
    }

    function _path(string memory table, uint256 i, string memory field) private pure returns (string memory) {
        return string.concat(_path(table, i), ".", field);
    }
}
