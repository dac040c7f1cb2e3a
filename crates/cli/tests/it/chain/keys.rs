//! Keys that sign: from files and the environment, never from arguments, never shown.

use alloy::signers::local::PrivateKeySigner;

use super::{Town, secret_file};

/// Opens an account with options for the key, and says what was written to standard error.
fn open(town: &Town, options: &[&str], variables: &[(&str, &str)]) -> Result<String, String> {
    let open = ["account", "open", "--direct-only", "--rpc", town.chain.rpc(), "--json"];
    let mut command = town.work.command(&[&open[..], options].concat());
    let output = command.envs(variables.iter().copied()).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    if output.status.success() { Ok(out + &err) } else { Err(out + &err) }
}

#[test]
fn a_key_is_taken_from_a_file_a_keystore_or_the_environment() {
    let town = Town::new();
    let (key, address) = (town.chain.account(1, "private_key"), town.chain.account(1, "address"));

    let opened = open(&town, &["--key-file", "owner.key"], &[]).unwrap();
    assert!(opened.contains(&address) && !opened.contains("chmod"), "{opened}");
    let opened = open(&town, &[], &[("AEP2_PRIVATE_KEY", key.as_str())]).unwrap();
    assert!(opened.contains(&address), "{opened}");

    let secret = alloy::primitives::hex::decode(&key).unwrap();
    PrivateKeySigner::encrypt_keystore(
        town.work.0.path(),
        &mut rand::thread_rng(),
        secret,
        "correct horse",
        Some("keystore.json"),
    )
    .unwrap();
    let keystore = ["--key-file", "keystore.json"];
    let opened = open(&town, &keystore, &[("AEP2_KEY_PASSWORD", "correct horse")]).unwrap();
    assert!(opened.contains(&address), "{opened}");
    secret_file(&town.work, "password", "correct horse\n");
    let with_file = [&keystore[..], &["--password-file", "password"]].concat();
    open(&town, &with_file, &[]).unwrap();

    let said = open(&town, &keystore, &[]).unwrap_err();
    assert!(said.contains("--password-file") && said.contains("AEP2_KEY_PASSWORD"), "{said}");
    let said = open(&town, &keystore, &[("AEP2_KEY_PASSWORD", "wrong horse")]).unwrap_err();
    assert!(said.contains("check the password") && !said.contains("wrong horse"), "{said}");
}

#[test]
fn a_key_that_others_can_read_is_warned_of() {
    use std::os::unix::fs::PermissionsExt;

    let town = Town::new();
    let path = town.work.path("owner.key");
    std::fs::set_permissions(path, PermissionsExt::from_mode(0o644)).unwrap();
    let said = open(&town, &["--key-file", "owner.key"], &[]).unwrap();
    assert!(said.contains("chmod 600 owner.key"), "{said}");
}

#[test]
fn a_key_on_the_command_line_is_refused_and_not_repeated() {
    let town = Town::new();
    let key = town.chain.account(1, "private_key");
    let said = open(&town, &["--key-file", &key], &[]).unwrap_err();
    assert!(said.contains("do not use it any more"), "{said}");
    assert!(!said.contains(&key[2..]), "the key was repeated: {said}");
    for option in ["--private-key", "--key", "--secret"] {
        let given = format!("{option}={key}");
        let said = open(&town, &[&given], &[]).unwrap_err();
        assert!(said.contains("unexpected argument"), "{option}: {said}");
        assert!(!said.contains(&key[2..]), "the key was repeated: {said}");
    }
}

#[test]
fn what_is_no_key_is_not_repeated_either() {
    let town = Town::new();
    let nearly = "59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690";
    secret_file(&town.work, "short.key", nearly);
    let said = open(&town, &["--key-file", "short.key"], &[]).unwrap_err();
    assert!(said.contains("64 hexadecimal digits") && !said.contains(nearly), "{said}");
    let said = open(&town, &[], &[("AEP2_PRIVATE_KEY", nearly)]).unwrap_err();
    assert!(said.contains("AEP2_PRIVATE_KEY") && !said.contains(nearly), "{said}");
}

#[test]
fn an_owners_key_is_not_taken_for_a_mandate_key() {
    let town = Town::new();
    let said = town.own_refused(&["account", "open", "--mandate-key", "owner.key"]);
    assert!(said.contains("is not a mandate key's file"), "{said}");
    assert!(!said.contains(&town.chain.account(1, "private_key")[2..]), "{said}");
}
