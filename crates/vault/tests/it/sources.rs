//! Where KEKs come from: files that others read, texts that are none, an environment.

use std::{fs, path::Path};

use aep2_testkit::{child, tell};
use aep2_vault::{KekError, KekSource, KeyWrapper, SourceError, generate};

const HEX: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

/// Writes a key's file with a mode.
fn write(path: &Path, text: impl AsRef<[u8]>, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    fs::write(path, text).expect("written");
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("set");
}

fn in_file(text: impl AsRef<[u8]>, mode: u32) -> Result<String, SourceError> {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("kek");
    write(&path, text, mode);
    KekSource::File(path).read().map(|kek| kek.id().to_string())
}

#[test]
fn a_key_is_read_however_it_is_written() {
    let expected = in_file(HEX, 0o600).expect("read");
    for text in [
        format!("{HEX}\n"),
        format!("0x{HEX}"),
        HEX.to_uppercase(),
        format!("\u{feff}\t {HEX} \r\n\n"),
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n".to_owned(),
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8".to_owned(),
    ] {
        assert_eq!(in_file(&text, 0o600).expect("read"), expected, "{text:?}");
    }
    assert_eq!(in_file(HEX, 0o400).expect("read"), expected, "nobody may write it");
    // Both alphabets of base64.
    let standard = in_file("+/+/AwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", 0o600);
    let for_urls = in_file("-_-_AwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", 0o600);
    assert_eq!(standard.expect("read"), for_urls.expect("read"));
}

#[test]
fn what_is_no_key_is_refused_and_not_repeated() {
    let long = "ab".repeat(10_000);
    for text in [
        "",
        "\n",
        &HEX[2..],
        &format!("{HEX}00"),
        &HEX.replacen('0', "g", 1),
        &format!("0x0x{}", &HEX[2..]),
        &format!("{HEX}\n{HEX}"),
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHg==",
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8==",
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8*",
        "correct horse battery staple",
        &long,
    ] {
        let refused = in_file(text, 0o600).expect_err("no key");
        assert!(matches!(refused, SourceError::Text { .. }), "{refused:?}");
        let message = refused.to_string();
        assert!(message.contains("/kek: no key: expected 32 bytes"), "{message}");
        assert!(text.len() < 8 || !message.contains(&text[..8]), "{message}");
    }
    let utf_16: Vec<u8> = HEX.encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert!(matches!(in_file(utf_16, 0o600), Err(SourceError::Text { .. })));
}

#[test]
fn a_placeholder_is_no_key() {
    for text in ["00".repeat(32), "ff".repeat(32), "11".repeat(32)] {
        let refused = in_file(text, 0o600);
        let is_placeholder =
            matches!(refused, Err(SourceError::Key { source: KekError::Placeholder, .. }));
        assert!(is_placeholder, "{refused:?}");
    }
}

#[test]
fn a_file_that_others_may_read_or_write_is_refused() {
    for mode in [0o640, 0o604, 0o660, 0o620, 0o602, 0o601, 0o644, 0o666, 0o777] {
        let refused = in_file(HEX, mode).expect_err("others may read it");
        assert!(matches!(refused, SourceError::Permissions { .. }), "{mode:o}: {refused:?}");
        let message = refused.to_string();
        assert!(message.contains(&format!("{mode:04o}: chmod 600")), "{message}");
        assert!(!message.contains(&HEX[..8]), "{message}");
    }
}

#[test]
fn what_is_no_file_is_refused() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().to_owned();
    let missing = KekSource::File(path.join("kek")).read();
    assert!(matches!(missing, Err(SourceError::Io { .. })), "{missing:?}");
    let refused = KekSource::File(path).read();
    assert!(matches!(refused, Err(SourceError::NotAFile(_))), "{refused:?}");
}

#[test]
fn a_generated_key_is_its_owners_alone_and_written_over_by_nobody() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().expect("a directory");
    let paths = ["one", "other"].map(|name| directory.path().join(name));
    let keys = paths.each_ref().map(|path| generate(path).expect("generated"));
    assert_ne!(keys[0].id(), keys[1].id());
    let mode = fs::metadata(&paths[0]).expect("metadata").permissions().mode();
    assert_eq!(mode & 0o7777, 0o600);
    let read = KekSource::File(paths[0].clone()).read().expect("read");
    assert_eq!(read.id(), keys[0].id());

    let before = fs::read(&paths[0]).expect("read");
    assert!(matches!(generate(&paths[0]), Err(SourceError::Exists(_))));
    assert_eq!(fs::read(&paths[0]).expect("read"), before);
    let nowhere = directory.path().join("missing").join("kek");
    assert!(matches!(generate(&nowhere), Err(SourceError::Io { .. })));
}

/// Run by the test below, with the variable set.
#[test]
#[ignore = "run by the test that sets the variable"]
fn child_reads_its_environment() {
    let read = KekSource::Environment("AEP2_TEST_KEK".to_owned()).read();
    match read {
        Ok(kek) => tell!("{}", kek.id()),
        Err(error) => tell!("{error}"),
    }
}

#[test]
fn a_key_in_the_environment_is_read() {
    let directory = tempfile::tempdir().expect("a directory");
    let said = |value: &str| {
        let output = child::command("sources::child_reads_its_environment", directory.path(), "")
            .env("AEP2_TEST_KEK", value)
            .output()
            .expect("runs");
        child::said(&output.stdout).concat()
    };
    assert_eq!(said(HEX), in_file(HEX, 0o600).expect("read"));
    let refused = said("sesame");
    let expected = "in the environment variable AEP2_TEST_KEK: no key: expected 32 bytes as 64 \
                    hexadecimal digits or as base64, found 6 bytes of text";
    assert_eq!(refused, expected);
    let missing = KekSource::Environment("AEP2_TEST_KEK_THAT_IS_NOT_SET".to_owned()).read();
    assert!(matches!(missing, Err(SourceError::NoVariable(_))), "{missing:?}");
}
