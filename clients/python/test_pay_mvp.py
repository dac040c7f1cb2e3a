"""The direct path's messages against viem and ethers, and receipts that lie."""

import contextlib
import http.server
import io
import json
import os
import pathlib
import sys
import threading
import unittest
import unittest.mock

from eth_account import Account
from eth_account.messages import encode_defunct
from eth_utils import keccak, to_checksum_address

import pay_mvp

VECTORS = pathlib.Path(__file__).parents[2] / "fixtures" / "vectors" / "eip712.json"
PROCESSOR = Account.from_key("0x" + "51" * 32)
DIGEST = bytes(range(32))


def receipt(digest=DIGEST, settle_by=100, key=PROCESSOR):
    promise = keccak(digest + settle_by.to_bytes(32, "big"))
    signature = key.sign_message(encode_defunct(promise)).signature.hex()
    return {"mandateDigest": "0x" + digest.hex(), "enqueueDeadline": settle_by, "spEnqueueSig": signature}


class DirectMandate(unittest.TestCase):
    def test_digests_and_signatures_are_those_of_other_peoples_libraries(self):
        vectors = json.loads(VECTORS.read_text())["mandates"]
        self.assertGreater(len(vectors), 100)
        for vector in vectors:
            message = {**vector["message"], "deadline": int(vector["message"]["deadline"])}
            for field in ("owner", "token", "payee"):
                message[field] = to_checksum_address(message[field])
            signed, digest = pay_mvp.sign(message, vector["chainId"], vector["wallet"], vector["privateKey"])
            self.assertEqual("0x" + digest.hex(), vector["digest"])
            self.assertEqual(signed["payerSig"], vector["signature"])

    def test_a_receipt_for_another_mandate_by_another_key_or_too_late_is_not_believed(self):
        check = lambda given: pay_mvp.check_receipt(given, DIGEST, PROCESSOR.address, 100)
        self.assertEqual(check(receipt()), 100)
        for lie in (
            receipt(digest=bytes(32)),
            receipt(settle_by=101),
            receipt(key=Account.from_key("0x" + "52" * 32)),
            {**receipt(), "enqueueDeadline": 99},
            {**receipt(), "spEnqueueSig": "0x"},
            {**receipt(), "mandateDigest": None},
            {},
        ):
            with self.assertRaises(pay_mvp.NotPaid):
                check(lie)


class Processor(http.server.BaseHTTPRequestHandler):
    """Says who it is; hangs up on the first mandate, and promises to settle the second."""

    wallet = to_checksum_address("0x" + "aa" * 20)
    seen: list = []

    def do_GET(self):
        tokens = [{"token": to_checksum_address("0x" + "7e" * 20)}]
        identity = {"chainId": 31337, "wallet": self.wallet, "processor": PROCESSOR.address}
        self.answer({**identity, "tokens": tokens, "settleWithinS": 600})

    def do_POST(self):
        signed = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.seen.append(signed)
        if len(self.seen) == 1:
            self.close_connection = True
            return
        digest = pay_mvp.digest(pay_mvp.signable(signed["mandate"], 31337, self.wallet))
        self.answer({"success": True, "receipt": receipt(digest, signed["mandate"]["deadline"])})

    def answer(self, found):
        body = json.dumps(found).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Paying(unittest.TestCase):
    def test_a_mandate_that_was_not_answered_is_sent_again_the_same_one(self):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Processor)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        url = f"http://127.0.0.1:{server.server_port}"
        owner = Account.from_key("0x" + "07" * 32)
        line = ["pay_mvp.py", "--processor", url, "--payee", "0x" + "fe" * 20, "--amount", "1000"]
        environment = {"OWNER_KEY": "0x" + "07" * 32, "NO_PROXY": "127.0.0.1"}
        with unittest.mock.patch.dict(os.environ, environment), unittest.mock.patch.object(sys, "argv", line):
            with contextlib.redirect_stdout(io.StringIO()) as said:
                pay_mvp.main()
        first, second = Processor.seen
        self.assertEqual(first, second)
        message = pay_mvp.signable(first["mandate"], 31337, Processor.wallet)
        self.assertEqual(Account.recover_message(message, signature=first["payerSig"]), owner.address)
        self.assertRegex(said.getvalue(), f"^mandate 0x{pay_mvp.digest(message).hex()} is settled by ")


if __name__ == "__main__":
    unittest.main()
