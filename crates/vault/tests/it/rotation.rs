//! A new KEK writes, the old ones read until everything is wrapped anew.

use aep2_vault::{Context, Kek, Sealed, Vault, VaultError};
use zeroize::Zeroizing;

const CONTEXT: Context<'static> = Context { kind: "note", id: b"7" };

fn kek(seed: u8) -> Kek {
    let mut bytes = [seed; 32];
    bytes[0] = 0;
    Kek::from_bytes(Zeroizing::new(bytes)).expect("a key")
}

#[test]
fn what_an_old_kek_sealed_opens_after_it_was_replaced() {
    let vault = Vault::new(kek(1));
    let first = vault.seal(CONTEXT, b"first").expect("sealed");
    let vault = vault.rotated(kek(2));
    let second = vault.seal(CONTEXT, b"second").expect("sealed");
    let vault = vault.rotated(kek(3));
    let third = vault.seal(CONTEXT, b"third").expect("sealed");
    for (sealed, content) in [(&first, "first"), (&second, "second"), (&third, "third")] {
        assert_eq!(&**vault.open(CONTEXT, sealed).expect("opens"), content.as_bytes());
    }
    assert_eq!(third.key.kek(), vault.newest());
    assert_ne!(second.key.kek(), vault.newest());

    // The same after a restart, with the keys as the settings have them.
    let vault = Vault::new(kek(3)).with_previous(kek(2));
    assert!(vault.open(CONTEXT, &second).is_ok());
    let unknown = VaultError::UnknownKek(first.key.kek());
    assert_eq!(vault.open(CONTEXT, &first).err(), Some(unknown), "it was not given");
}

#[test]
fn a_key_that_was_wrapped_anew_needs_the_old_kek_no_more() {
    let old = Vault::new(kek(1));
    let sealed = old.seal(CONTEXT, b"content").expect("sealed");
    let vault = Vault::new(kek(2)).with_previous(kek(1));
    let key = vault.rewrap(CONTEXT, &sealed.key).expect("wrapped").expect("anew");
    assert_eq!(key.kek(), vault.newest());
    let rewrapped = Sealed { key, ciphertext: sealed.ciphertext.clone() };

    let without_old = Vault::new(kek(2));
    assert_eq!(&**without_old.open(CONTEXT, &rewrapped).expect("opens"), b"content");
    assert!(old.open(CONTEXT, &rewrapped).is_err(), "the old one opens it no more");
    // There is nothing to do a second time.
    assert_eq!(vault.rewrap(CONTEXT, &rewrapped.key), Ok(None));
}

#[test]
fn a_damaged_key_is_not_wrapped_anew_as_if_it_were_whole() {
    let vault = Vault::new(kek(1));
    let sealed = vault.seal(CONTEXT, b"content").expect("sealed");
    for vault in [vault.clone(), vault.rotated(kek(2))] {
        let mut bytes = sealed.to_bytes();
        bytes[60] ^= 1;
        let damaged = Sealed::from_bytes(&bytes).expect("read");
        assert_eq!(vault.rewrap(CONTEXT, &damaged.key), Err(VaultError::Refused));
    }
}
