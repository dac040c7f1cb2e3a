"""pay_mvp.py against a real processor, down to the payee's tokens. AEP2_BIN names the program."""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import unittest

import requests
from eth_account import Account

HERE = pathlib.Path(__file__).parent
PROGRAM = os.environ.get("AEP2_BIN")
# Development account 1 of every test chain: everybody knows its key.
OWNER_KEY = "0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d"
SETTINGS = """
[chain]
embedded_listen = "127.0.0.1:0"
embedded_block_time_ms = 200
[http]
listen = "127.0.0.1:0"
[windows]
shapes = ["1x4-capture"]
age_s_max = 2
capture_within_s = 1
"""
LONG_S = 120


@unittest.skipUnless(PROGRAM, "AEP2_BIN does not name the aep2 program")
class AgainstAProcessor(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        pathlib.Path(self.folder, "aep2.toml").write_text(SETTINGS)
        command = [PROGRAM, "serve", "--json", "--config", "aep2.toml"]
        server = subprocess.Popen(command, cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.addCleanup(server.wait)
        self.addCleanup(server.stdout.close)
        self.addCleanup(server.kill)
        self.ready = json.loads(server.stdout.readline())

    def aep2(self, *what):
        at = ["--deployment", self.ready["deployment"], "--rpc", self.ready["rpc"], "--json"]
        command = [PROGRAM, *what, *at, "--from-dev-account", "1"]
        done = subprocess.run(command, cwd=self.folder, stdout=subprocess.PIPE, timeout=LONG_S, check=True)
        return json.loads(done.stdout)

    def pay(self, payee, amount):
        command = [sys.executable, str(HERE / "pay_mvp.py"), "--processor", self.ready["http"]]
        command += ["--payee", payee, "--amount", str(amount)]
        environment = {**os.environ, "OWNER_KEY": OWNER_KEY}
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=LONG_S)

    def until(self, ask, what):
        begun = time.monotonic()
        while not (answer := ask()):
            self.assertLess(time.monotonic() - begun, LONG_S, what)
            time.sleep(0.1)
        return answer

    def get(self, path):
        return requests.get(self.ready["http"] + path, timeout=LONG_S).json()

    def test_what_is_paid_is_settled_and_what_is_not_there_is_refused(self):
        opened = self.aep2("account", "open", "--processor", self.ready["processor"], "--direct-only")
        account = str(opened["account"])
        self.aep2("deposit", "--account", account, "--base-units", "5000", "--mint")
        funded = lambda: self.get(f"/v1/accounts/{account}").get("purses")
        self.until(funded, "the deposit is not seen")

        payee = Account.create().address
        paid = self.pay(payee, 1_200)
        self.assertEqual(paid.returncode, 0, paid.stderr)
        digest = paid.stdout.split()[1]
        refused = self.pay(payee, 5_000)
        self.assertEqual(refused.returncode, 1)
        self.assertIn("INSUFFICIENT_BALANCE", refused.stderr)

        def settled():
            history = self.get("/health")["history"]
            self.assertEqual([entry["mandateDigest"] for entry in history], [digest])
            return history[0]["status"] == "settled" and history[0]
        entry = self.until(settled, "it is not settled")
        self.assertTrue(entry["txHash"].startswith("0x"))
        self.assertEqual(self.balance(payee), 1_200)

    def balance(self, of):
        """What an address has of the token, on chain: ERC-20's balanceOf."""
        call = {"to": self.ready["tokens"][0], "data": "0x70a08231" + of[2:].lower().rjust(64, "0")}
        request = {"jsonrpc": "2.0", "id": 1, "method": "eth_call", "params": [call, "latest"]}
        answer = requests.post(self.ready["rpc"], json=request, timeout=LONG_S).json()
        return int(answer["result"], 16)


if __name__ == "__main__":
    unittest.main()
