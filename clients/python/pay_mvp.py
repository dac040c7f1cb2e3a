"""Pays with a direct mandate: an ordinary Ethereum key, `eth-account` and `requests`.

The processor promises to settle the mandate and signs that promise; this program checks it before it
believes it. With `--url` the mandate goes to a service that takes the header `X-Payment-Mandate`, and the
service hands it in; without, it goes to the processor directly.

The owner's key signs here, and whoever has it has everything. It is read from the environment, OWNER_KEY.
"""

import argparse
import base64
import json
import os
import secrets
import sys
import time

import requests
from eth_account import Account
from eth_account.messages import encode_defunct, encode_typed_data
from eth_utils import keccak, to_checksum_address

TYPES = {
    "Mandate": [
        {"name": "owner", "type": "address"},
        {"name": "token", "type": "address"},
        {"name": "payee", "type": "address"},
        {"name": "amount", "type": "uint256"},
        {"name": "nonce", "type": "uint256"},
        {"name": "deadline", "type": "uint256"},
        {"name": "ref", "type": "bytes32"},
    ]
}

# How often a mandate is sent where no answer comes, and how long one is waited for, in seconds.
ATTEMPTS = 4
PATIENCE_S = 30


class NotPaid(Exception):
    """Why nothing was paid, or what was paid is not certain."""


def signable(mandate: dict, chain_id: int, wallet: str):
    """What the owner signs: EIP-712 in the wallet's domain."""
    domain = {"name": "AEP2DebitWallet", "version": "1", "chainId": chain_id, "verifyingContract": wallet}
    message = {**mandate, "amount": int(mandate["amount"]), "nonce": int(mandate["nonce"])}
    return encode_typed_data(domain, TYPES, message)


def digest(message) -> bytes:
    """The mandate's digest, which is its id: 32 bytes."""
    return keccak(b"\x19" + message.version + message.header + message.body)


def sign(mandate: dict, chain_id: int, wallet: str, key: str) -> tuple[dict, bytes]:
    """Signs a mandate. Gives what travels, and the mandate's digest."""
    message = signable(mandate, chain_id, wallet)
    signature = Account.sign_message(message, key).signature
    return {"mandate": mandate, "payerSig": "0x" + signature.hex().removeprefix("0x")}, digest(message)


def check_receipt(receipt: dict, mandate_digest: bytes, processor: str, deadline: int) -> int:
    """Checks the processor's promise for a mandate. Gives until when it settles, unix seconds.

    Raises NotPaid when it is a promise for something else, by somebody else, or for later than the mandate lasts.
    """
    try:
        found = bytes.fromhex(receipt["mandateDigest"].removeprefix("0x"))
        settle_by = int(receipt["enqueueDeadline"])
        promise = keccak(found + settle_by.to_bytes(32, "big"))
        signer = Account.recover_message(encode_defunct(promise), signature=receipt["spEnqueueSig"])
    except Exception as error:  # It comes from outside, and can be anything.
        raise NotPaid(f"the receipt cannot be read: {error}") from error
    if found != mandate_digest:
        raise NotPaid("the receipt is for another mandate")
    if signer != to_checksum_address(processor):
        raise NotPaid(f"the receipt is signed by {signer}, not by the processor {processor}")
    if settle_by > deadline:
        raise NotPaid("the receipt promises settlement after the mandate has expired")
    return settle_by


def send(method: str, url: str, **request) -> requests.Response:
    """Sends a request, the same one again where no answer comes: a mandate pays once, however often it is sent."""
    for attempt in range(ATTEMPTS):
        try:
            # A payment is for what was asked for.
            answer = requests.request(method, url, timeout=PATIENCE_S, allow_redirects=False, **request)
            if answer.status_code not in (429, 502, 503, 504):
                return answer
            failure = f"status {answer.status_code}"
        except requests.RequestException as error:
            failure = str(error)
        time.sleep(0.25 * 2**attempt)
    raise NotPaid(f"no answer, and the mandate may have been accepted: {failure}")


def said(answer: requests.Response) -> dict:
    """The JSON object that an answer holds."""
    try:
        found = answer.json()
    except requests.JSONDecodeError as error:
        raise NotPaid(f"the answer {answer.status_code} is not JSON") from error
    if not isinstance(found, dict):
        raise NotPaid(f"the answer {answer.status_code} is not an object")
    return found


def receipt_from_processor(processor_url: str, signed: dict, mandate_digest: bytes) -> dict:
    """Hands a mandate in, and gives the receipt."""
    found = said(send("POST", f"{processor_url}/enqueue", json=signed))
    if found.get("error") == "DUPLICATE_MANDATE":
        # An earlier attempt arrived, and its answer did not.
        raise NotPaid(f"it was accepted before; ask for /v1/mandates/0x{mandate_digest.hex()}")
    if not found.get("success"):
        raise NotPaid(f"{found.get('error')}: {found.get('message')}")
    return found.get("receipt", {})


def receipt_from_service(url: str, signed: dict) -> dict:
    """Sends a mandate to a service with the request, prints what it serves, and gives the receipt."""
    header = base64.b64encode(json.dumps(signed).encode()).decode()
    answer = send("GET", url, headers={"X-Payment-Mandate": header})
    found = said(answer)
    if not answer.ok:
        raise NotPaid(f"the service answered {answer.status_code}: {found.get('error')}: {found.get('message')}")
    print(answer.text)
    return found.get("payment", {}).get("spReceipt", {})


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--processor", default="http://127.0.0.1:8402", help="the processor's URL")
    arguments.add_argument("--payee", required=True, type=to_checksum_address)
    arguments.add_argument("--amount", required=True, type=int, help="in the token's base units")
    arguments.add_argument("--url", help="a service to pay, which takes X-Payment-Mandate")
    given = arguments.parse_args()

    processor_url = given.processor.rstrip("/")
    owner = Account.from_key(os.environ["OWNER_KEY"])
    # Who this is: keep it, and refuse another, where real money is at stake.
    processor = requests.get(processor_url, timeout=PATIENCE_S).json()
    mandate = {
        "owner": owner.address,
        "token": processor["tokens"][0]["token"],
        "payee": given.payee,
        "amount": str(given.amount),
        "nonce": str(secrets.randbits(64)),
        "deadline": int(time.time()) + processor["settleWithinS"] + 300,
        "ref": "0x" + secrets.token_hex(32),
    }
    signed, mandate_digest = sign(mandate, processor["chainId"], processor["wallet"], owner.key.hex())
    try:
        if given.url:
            receipt = receipt_from_service(given.url, signed)
        else:
            receipt = receipt_from_processor(processor_url, signed, mandate_digest)
        settle_by = check_receipt(receipt, mandate_digest, processor["processor"], mandate["deadline"])
    except NotPaid as error:
        sys.exit(f"not paid for certain, mandate 0x{mandate_digest.hex()}: {error}")
    print(f"mandate 0x{mandate_digest.hex()} is settled by {settle_by}")


if __name__ == "__main__":
    main()
