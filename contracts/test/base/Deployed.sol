// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {DebitWallet} from "../../src/DebitWallet.sol";
import {Groth16Verifier} from "../../src/Groth16Verifier.sol";
import {IGuarantee} from "../../src/interfaces/IGuarantee.sol";
import {TestUSD} from "../../src/tokens/TestUSD.sol";
import {VM} from "./Assertions.sol";

/// @title The contracts as they go on chain
/// @notice Tests are compiled without optimising, in a quarter of the time; what they test is compiled as it is
/// deployed. So it is named by its artifact's file: by its name alone, forge would take what was compiled with the
/// tests. The coverage run compiles everything alike, and sets COVERAGE.
library Deployed {
    function wallet(IGuarantee.Periods memory periods) internal returns (DebitWallet) {
        return DebitWallet(VM.deployCode(artifact("DebitWallet"), abi.encode(periods)));
    }

    function verifier(uint256[24] memory key) internal returns (Groth16Verifier) {
        return Groth16Verifier(VM.deployCode(artifact("Groth16Verifier"), abi.encode(key)));
    }

    function testUsd(address blocklister) internal returns (TestUSD) {
        return TestUSD(VM.deployCode(artifact("TestUSD"), abi.encode(blocklister)));
    }

    function artifact(string memory name) internal view returns (string memory) {
        string memory file = string.concat(name, ".sol");
        return
            VM.envOr("COVERAGE", 0) == 1
                ? string.concat(file, ":", name)
                : string.concat("out/", file, "/", name, ".json");
    }
}
