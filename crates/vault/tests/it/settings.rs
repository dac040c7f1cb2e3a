//! The section `[vault]`: one source each, and nothing that is misspelt.

use aep2_vault::{
    Context, KekSource, OpenVaultError, SettingsError, SourceError, VaultSettings, Which, generate,
};
use serde::Deserialize;

#[derive(Debug, Deserialize)]
struct File {
    vault: VaultSettings,
}

fn parse(text: &str) -> Result<VaultSettings, String> {
    let file = toml::from_str::<File>(&format!("[vault]\n{text}"));
    file.map(|file| file.vault).map_err(|error| error.to_string())
}

fn sources(text: &str) -> Result<Vec<KekSource>, SettingsError> {
    let sources = parse(text).expect("read").sources()?;
    Ok(sources.into_iter().map(|(_, source)| source).collect())
}

#[test]
fn each_kind_of_source_is_named() {
    let text = r#"
        kek_command = ["pass", "show", "kek"]
        previous = [{ kek_file = "/run/kek" }, { kek_env = "OLD_KEK" }]
    "#;
    let [command, file, environment] = &sources(text).expect("right")[..] else {
        panic!("there are three")
    };
    let KekSource::Command { program, arguments, timeout } = command else { panic!("{command:?}") };
    assert_eq!((program.as_str(), arguments.len(), timeout.as_secs()), ("pass", 2, 30));
    assert_eq!(file, &KekSource::File("/run/kek".into()));
    assert_eq!(environment, &KekSource::Environment("OLD_KEK".to_owned()));
}

#[test]
fn no_source_and_two_sources_are_refused() {
    let not_one = |which, found| Err(SettingsError::NotOne { which, found });
    assert_eq!(sources(""), not_one(Which::Newest, 0));
    assert_eq!(sources("kek_env = 'A'\nkek_file = 'b'"), not_one(Which::Newest, 2));
    let none = "kek_env = 'A'\nprevious = [{ kek_env = 'B' }, {}]";
    assert_eq!(sources(none), not_one(Which::Previous(2), 0));
    for command in ["[]", "['']"] {
        let none = Err(SettingsError::NoProgram { which: Which::Newest });
        assert_eq!(sources(&format!("kek_command = {command}")), none);
    }
    let message = sources("").expect_err("none").to_string();
    assert_eq!(message, "vault: set exactly one of kek_file, kek_env and kek_command, 0 are set");
}

#[test]
fn a_misspelt_name_is_refused() {
    for text in [
        "kek_files = 'a'",
        "kek_env = 'A'\nprevious = [{ file = 'b' }]",
        "kek_command = 'pass show kek'",
    ] {
        assert!(parse(text).is_err(), "{text}");
    }
}

#[test]
fn a_vault_opens_with_the_keys_that_are_named() {
    let directory = tempfile::tempdir().expect("a directory");
    let [old, new] = ["old", "new"].map(|name| directory.path().join(name));
    for path in [&old, &new] {
        generate(path).expect("generated");
    }
    let context = Context { kind: "note", id: b"7" };
    let before = parse(&format!("kek_file = {old:?}")).expect("read").open().expect("opens");
    let sealed = before.seal(context, b"content").expect("sealed");

    let text = format!("kek_file = {new:?}\nprevious = [{{ kek_file = {old:?} }}]");
    let after = parse(&text).expect("read").open().expect("opens");
    assert_eq!(&**after.open(context, &sealed).expect("opens"), b"content");
    assert_ne!(after.newest(), before.newest());
    assert!(after.rewrap(context, &sealed.key).expect("wrapped").is_some());
}

#[test]
fn a_key_that_is_missing_is_named() {
    let text = "kek_command = ['echo', 'no key']\n";
    let error = parse(text).expect("read").open().expect_err("no key");
    let which = Which::Newest;
    assert!(
        matches!(&error, OpenVaultError::Source { which: found, source: SourceError::Text { .. } } if *found == which),
        "{error}"
    );
    let directory = tempfile::tempdir().expect("a directory");
    let new = directory.path().join("new");
    generate(&new).expect("generated");
    let text = format!("kek_file = {new:?}\nprevious = [{{ kek_file = '/nonexistent/kek' }}]");
    let message = parse(&text).expect("read").open().expect_err("missing").to_string();
    let expected = "vault.previous, entry 1: the key-encryption key /nonexistent/kek: ";
    assert!(message.starts_with(expected), "{message}");
}
