// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

// What the tests of the embedded chain run. Probe.hex is its creation code, made by solc 0.8.37 with the
// optimizer (200 runs), evmVersion prague, no metadata (bytecodeHash none, appendCBOR false).

contract Fleeting {
    uint256 public kept = 1;
    constructor() payable {}
    function end(address payable heir) external { selfdestruct(heir); }
}

contract Probe {
    event Noted(address indexed who, uint256 indexed key, uint256 value);
    error Refused(uint256 code, address who);

    uint256 public stored;
    mapping(uint256 => uint256) public notes;

    constructor(uint256 initial) payable { stored = initial; }

    function store(uint256 value) external payable { stored = value; }
    function note(uint256 key, uint256 value) public {
        notes[key] = value;
        emit Noted(msg.sender, key, value);
    }
    function noteMany(uint256 count) external {
        for (uint256 key = 0; key < count; key++) note(key, key);
    }
    function erase(uint256 key) external { delete notes[key]; }
    function refuse(uint256 code) external view { revert Refused(code, msg.sender); }
    function explain() external pure { revert("because"); }
    function hush() external pure { assembly { revert(0, 0) } }
    function divide(uint256 by) external pure returns (uint256) { return 1 / by; }
    function burn() external pure { assembly { invalid() } }
    function nest(uint256 depth) external {
        if (depth == 0) { note(depth, 1); return; }
        (bool success, ) = address(this).call(abi.encodeCall(this.nest, (depth - 1)));
        require(success, "too little gas");
    }
    function fleeting() external payable returns (address gone) {
        Fleeting child = new Fleeting{value: msg.value}();
        child.end(payable(msg.sender));
        return address(child);
    }
    function time() external view returns (uint256) { return block.timestamp; }
    function blockHash(uint256 number) external view returns (bytes32) { return blockhash(number); }
    function whereami() external view returns (address) { return address(this); }
}
