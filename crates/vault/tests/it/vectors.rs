//! The format, as another implementation writes it: `fixtures/vectors/vault.json`, by Node's OpenSSL.

use aep2_vault::{Context, Kek, KeyWrapper, Sealed, Vault};
use alloy_primitives::{B256, Bytes};
use serde::Deserialize;
use zeroize::Zeroizing;

#[derive(Deserialize)]
struct File {
    records: Vec<Record>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record {
    kek: B256,
    kek_id: String,
    kind: String,
    id: Bytes,
    content: Bytes,
    sealed: Bytes,
}

#[test]
fn records_that_node_sealed_are_opened() {
    let path = aep2_testkit::repository::file("fixtures/vectors/vault.json");
    let text = std::fs::read_to_string(path).expect("the vectors");
    let file: File = serde_json::from_str(&text).expect("vectors");
    assert!(file.records.len() >= 6);
    for record in &file.records {
        let kek = Kek::from_bytes(Zeroizing::new(record.kek.0)).expect("a key");
        assert_eq!(kek.id().to_string(), record.kek_id);
        let kind = match record.kind.as_str() {
            "mandate_key" => "mandate_key",
            "travel_rule" => "travel_rule",
            other => panic!("a kind that this test does not know: {other}"),
        };
        let context = Context { kind, id: &record.id };
        let sealed = Sealed::from_bytes(&record.sealed).expect("read");
        assert_eq!(sealed.to_bytes(), record.sealed);
        let vault = Vault::new(kek);
        let opened = vault.open(context, &sealed).expect("opens");
        assert_eq!(opened.as_slice(), &record.content[..]);
        // Ours has the same form.
        let ours = vault.seal(context, &record.content).expect("sealed").to_bytes();
        assert_eq!(ours.len(), record.sealed.len());
        assert_eq!(ours[..19], record.sealed[..19], "version, KEK, length");
    }
}
