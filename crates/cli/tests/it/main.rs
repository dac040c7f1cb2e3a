//! The program as its users run it: files in, files out, exit codes.
#![allow(clippy::unwrap_used, missing_docs)]

mod audit;
mod bench_accept;
mod chain;
mod compliance;
mod demo;
mod dispute_processor;
mod disputes;
mod issuer;
mod mcp;
mod pay;
mod processor;
mod running;
mod serve;
mod settle;

use std::{
    path::Path,
    process::{Command, Output},
};

use serde_json::{Value, json};
use tempfile::TempDir;

/// A folder to work in, with a key of a small shape.
struct WorkFolder(TempDir);

impl WorkFolder {
    fn new() -> Self {
        let work = Self(tempfile::tempdir().unwrap());
        let made = work.json(&["setup", "--shape", "2x2-capture", "--seed", "test"]);
        assert!(made["proving_key"].as_str().unwrap().contains("INSECURE"));
        work
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// The program in this folder, with nothing of the environment's that it listens to.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_aep2"));
        command.args(arguments).current_dir(self.0.path());
        for (name, _) in std::env::vars_os() {
            if name.to_str().is_some_and(|name| name.starts_with("AEP2_")) {
                command.env_remove(name);
            }
        }
        command
    }

    /// Runs and expects success.
    fn done(&self, arguments: &[&str]) {
        let output = self.run(arguments);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}");
    }

    /// Runs with `--json` and expects success.
    fn json(&self, arguments: &[&str]) -> Value {
        let output = self.run(&[arguments, &["--json"]].concat());
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {text}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Runs and expects a failure with this code; what it said.
    fn refused(&self, code: i32, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}");
        let said = [output.stdout, output.stderr].concat();
        String::from_utf8(said).unwrap()
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.0.path().join(name)
    }

    /// Copies a JSON file, changed.
    fn altered(&self, from: &str, to: &str, change: impl FnOnce(&mut Value)) {
        let mut value = read(&self.path(from));
        change(&mut value);
        std::fs::write(self.path(to), value.to_string()).unwrap();
    }
}

fn read(path: &Path) -> Value {
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

#[test]
fn a_window_is_proved_verified_and_exported() {
    let work = WorkFolder::new();
    work.done(&["sample", "--shape", "2x2-capture", "--out", "window.json"]);
    let shape = ["--shape", "2x2-capture"];
    let proved = work
        .json(&[&["prove", "window.json", "--inclusion", "inclusion.json"][..], &shape].concat());
    assert_eq!(proved["mandates"], 4);
    assert_eq!(read(&work.path("inclusion.json")).as_array().unwrap().len(), 4);

    let verified = work.json(&["verify", "batch.json"]);
    assert_eq!(verified["valid"], true);
    let warned = String::from_utf8(work.run(&["verify", "batch.json"]).stderr).unwrap();
    assert!(warned.contains("INSECURE"), "a seeded key must be named so: {warned}");

    let exported = work.json(&["export", "batch.json", "--as", "snarkjs", "--out", "out"]);
    assert_eq!(exported["files"].as_array().unwrap().len(), 3);
    assert_eq!(read(&work.path("out/public.json")).as_array().unwrap().len(), 4);
    work.json(&["export", "batch.json", "--as", "calldata"]);
    let words = read(&work.path("calldata.json"));
    assert_eq!(words["proofWords"].as_array().unwrap().len(), 8);

    // Moved from one payee to another, as the wallet's own rules would let it be.
    work.altered("batch.json", "altered.json", |batch| {
        let amount = batch["debits"][0]["amount"].as_str().unwrap().parse::<u128>().unwrap();
        let other = batch["debits"][1]["amount"].as_str().unwrap().parse::<u128>().unwrap();
        batch["debits"][0]["amount"] = Value::String((amount + 1).to_string());
        batch["debits"][1]["amount"] = Value::String((other - 1).to_string());
    });
    let said = work.refused(1, &["verify", "altered.json"]);
    assert!(said.contains("INVALID: the segments do not add up"), "{said}");
    work.refused(2, &["export", "altered.json", "--as", "snarkjs"]);
}

#[test]
fn a_window_that_one_proof_does_not_hold_is_proved_in_segments() {
    let work = WorkFolder::new();
    work.done(&["sample", "--shape", "4x2-capture", "--out", "window.json"]);
    let inclusion = ["--inclusion", "inclusion.json"];
    let shape = ["--shape", "2x2-capture"];
    let proved = work.json(&[&["prove", "window.json"][..], &shape, &inclusion].concat());
    assert_eq!((&proved["segments"], &proved["mandates"]), (&json!(2), &json!(8)));
    let of_segments: Vec<u64> = read(&work.path("inclusion.json"))
        .as_array()
        .unwrap()
        .iter()
        .map(|proof| proof["segment"].as_u64().unwrap())
        .collect();
    assert_eq!(of_segments, [0, 0, 0, 0, 1, 1, 1, 1]);
    let verified = work.json(&["verify", "batch.json"]);
    assert_eq!((&verified["valid"], &verified["segments"]), (&json!(true), &json!(2)));

    work.json(&["export", "batch.json", "--as", "snarkjs", "--out", "out"]);
    let names = ["proof-1.json", "public-2.json", "verification_key-2.json"];
    assert!(names.iter().all(|name| work.path("out").join(name).exists()));

    // A proof of one for the other, and one of them alone.
    work.altered("batch.json", "altered.json", |batch| {
        let other = batch["segments"][1]["proof"].clone();
        batch["segments"][0]["proof"] = other;
    });
    let said = work.refused(1, &["verify", "altered.json"]);
    assert!(said.contains("INVALID: the proof of segment 0 does not hold"), "{said}");
    work.altered("batch.json", "altered.json", |batch| {
        batch["segments"].as_array_mut().unwrap().truncate(1);
    });
    let said = work.refused(1, &["verify", "altered.json"]);
    assert!(said.contains("a segment is missing"), "{said}");
}

#[test]
fn errors_say_what_to_do() {
    let work = WorkFolder::new();
    work.done(&["sample", "--shape", "2x2-capture", "--out", "window.json"]);

    // No key of the shape.
    let said = work.refused(2, &["prove", "window.json", "--shape", "4x4-capture"]);
    assert!(said.contains("aep2 setup --shape 4x4-capture"), "{said}");
    // A shape without capture, one without a key, a shape that is none.
    let said = work.refused(2, &["prove", "window.json", "--shape", "4x4"]);
    assert!(said.contains("use 4x4-capture"), "{said}");
    let said = work.refused(2, &["prove", "window.json", "--shape", "1x2-capture"]);
    assert!(said.contains("aep2 setup --shape 1x2-capture"), "{said}");
    let said = work.refused(2, &["prove", "window.json", "--shape", "big"]);
    assert!(said.contains("LANESxSLOTS"), "{said}");
    // A forged mandate is named.
    work.altered("window.json", "forged.json", |window| {
        window["mandates"][3]["signature"] = window["mandates"][2]["signature"].clone();
    });
    let said = work.refused(2, &["prove", "forged.json", "--shape", "2x2-capture"]);
    assert!(said.contains("mandate 3 (0x") && said.contains("not signed by its key"), "{said}");
    // A damaged key.
    let key = work.path("aep2-keys/settlement-2x2-capture.INSECURE-seeded.pk");
    let mut bytes = std::fs::read(&key).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&key, bytes).unwrap();
    let said = work.refused(2, &["prove", "window.json", "--shape", "2x2-capture"]);
    assert!(said.contains("checksum") && said.contains("aep2 setup"), "{said}");
    // A key that is there is not replaced by accident.
    let said = work.refused(2, &["setup", "--shape", "2x2-capture", "--seed", "test"]);
    assert!(said.contains("--force"), "{said}");
    // With --json errors are JSON, too.
    let output = work.run(&["verify", "nowhere.json", "--json"]);
    assert_eq!(output.status.code(), Some(2));
    let error: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(error["error"].as_str().unwrap().contains("nowhere.json"));
}

#[test]
fn the_bench_reports_its_figures() {
    let work = WorkFolder(tempfile::tempdir().unwrap());
    let figures = work.json(&[
        "bench",
        "prove",
        "--lanes",
        "1",
        "--slots",
        "2",
        "--capture",
        "--threads",
        "1",
        "--runs",
        "2",
    ]);
    let positive = |name: &str| figures[name].as_f64().is_some_and(|figure| figure > 0.0);
    for name in [
        "constraints",
        "constraints_per_slot",
        "constraints_per_lane",
        "domain",
        "setup_s",
        "mandates_per_s",
        "witness_s",
        "key_load_s",
        "verify_ms",
    ] {
        assert!(positive(name), "{name}: {figures}");
    }
    if cfg!(target_os = "linux") {
        assert!(positive("peak_rss_mib"), "{figures}");
    }
    let prove = |part: &str| figures["prove_s"][part].as_f64().unwrap();
    assert!(prove("min") <= prove("median") && prove("median") <= prove("max"));
    assert_eq!(figures["threads"], 1);
    assert_eq!(figures["runs"], 2);
}
