//! The processor's key in its file.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use aep2_travel_rule::{
    KeyError, KeyRing, ProcessorKey,
    jwe::{generate, read, seal},
};
use serde_json::{Value, json};

use crate::support::vectors;

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("there").permissions().mode() & 0o7777
}

#[test]
fn a_new_key_is_its_owners_alone_and_is_not_written_over() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("travel-rule.jwk");
    let made = generate(&path).expect("made");
    assert_eq!(mode(&path), 0o600);
    let kept = read(&path).expect("read");
    assert_eq!(kept.public(), made.public());
    let token = seal(made.public(), b"content").expect("sealed");
    assert_eq!(KeyRing::new(kept).open(&token).expect("opened").as_slice(), b"content");

    let before = fs::read(&path).expect("read");
    assert!(matches!(generate(&path), Err(KeyError::Exists(_))));
    assert_eq!(fs::read(&path).expect("read"), before);
    assert_ne!(generate(&directory.path().join("other")).expect("made").public(), made.public());
}

#[test]
fn a_key_that_others_may_read_or_write_is_refused() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("key");
    generate(&path).expect("made");
    for mode in [0o644, 0o640, 0o604, 0o620, 0o602, 0o610, 0o4640] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("set");
        let error = read(&path).expect_err("refused");
        assert!(
            matches!(error, KeyError::Permissions { mode: found, .. } if found == mode),
            "{error}"
        );
    }
    fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).expect("set");
    assert!(read(&path).is_ok());
    assert!(matches!(read(directory.path()), Err(KeyError::NotAFile(_))));
    assert!(matches!(read(&directory.path().join("none")), Err(KeyError::Io { .. })));
}

#[test]
fn what_is_no_key_is_refused_and_not_repeated() {
    let good = vectors()["key"].clone();
    assert!(ProcessorKey::from_jwk(good.to_string().as_bytes()).is_ok());
    let other = ProcessorKey::random().expect("a key").to_jwk().expect("a JWK");
    let other: Value = serde_json::from_str(&other).expect("JSON");
    for (name, value) in [
        ("d", other["d"].clone()),
        ("d", json!("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")),
        ("d", json!("_____wAAAAD__________7zm-q2nF56E87nKwvxjJVE")),
        ("d", json!("")),
        ("d", Value::Null),
        ("x", other["x"].clone()),
        ("crv", json!("secp256k1")),
        ("kty", json!("oct")),
    ] {
        let mut bad = good.clone();
        bad[name] = value;
        let error = ProcessorKey::from_jwk(bad.to_string().as_bytes()).expect_err("refused");
        let secret = good["d"].as_str().expect("a text");
        assert!(!format!("{error} {error:?}").contains(secret), "{name}");
    }
    for none in ["", "{}", "nonsense", "-----BEGIN PRIVATE KEY-----"] {
        assert!(ProcessorKey::from_jwk(none.as_bytes()).is_err(), "{none}");
    }
    let shown =
        format!("{:?}", ProcessorKey::from_jwk(good.to_string().as_bytes()).expect("a key"));
    assert!(shown.contains(good["kid"].as_str().expect("a text")));
    assert!(!shown.contains(good["d"].as_str().expect("a text")));
}
