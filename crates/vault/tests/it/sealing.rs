//! Whoever writes the store alters records, and puts one in another's place.

use aep2_vault::{Context, FormatError, Kek, KeyWrapper, Sealed, Vault, VaultError, WrappedKey};
use proptest::prelude::*;

const CONTEXT: Context<'static> = Context { kind: "mandate_key", id: b"card-7" };

fn kek() -> Kek {
    Kek::random().expect("a key")
}

/// What comes of bytes that should be a sealed record.
fn opened(vault: &Vault, bytes: &[u8]) -> Result<Vec<u8>, VaultError> {
    let sealed = Sealed::from_bytes(bytes)?;
    vault.open(CONTEXT, &sealed).map(|content| content.to_vec())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_was_sealed_is_opened(
        content in prop::collection::vec(any::<u8>(), 0..5_000), id: Vec<u8>,
    ) {
        let vault = Vault::new(kek());
        let context = Context { kind: "travel_rule", id: &id };
        let sealed = vault.seal(context, &content).expect("sealed");
        let sealed = Sealed::from_bytes(&sealed.to_bytes()).expect("read");
        prop_assert_eq!(&*vault.open(context, &sealed).expect("opens"), &content);
    }
}

#[test]
fn one_altered_bit_anywhere_is_noticed() {
    let vault = Vault::new(kek());
    let bytes = vault.seal(CONTEXT, b"a mandate key").expect("sealed").to_bytes();
    assert_eq!(opened(&vault, &bytes).as_deref(), Ok(&b"a mandate key"[..]));
    for at in 0..bytes.len() {
        for bit in 0..8 {
            let mut altered = bytes.clone();
            altered[at] ^= 1 << bit;
            let refused = opened(&vault, &altered).expect_err("it was altered");
            let as_expected = match at {
                0 => matches!(refused, VaultError::Format(FormatError::Version(_))),
                1..17 => matches!(refused, VaultError::UnknownKek(_)),
                17..19 => !matches!(refused, VaultError::Destroyed | VaultError::UnknownKek(_)),
                _ => refused == VaultError::Refused,
            };
            assert!(as_expected, "byte {at}, bit {bit}: {refused}");
        }
    }
}

#[test]
fn a_record_that_was_cut_off_or_extended_is_noticed() {
    let vault = Vault::new(kek());
    let bytes = vault.seal(CONTEXT, b"a mandate key").expect("sealed").to_bytes();
    for length in 0..bytes.len() {
        assert!(opened(&vault, &bytes[..length]).is_err(), "{length} bytes");
    }
    assert_eq!(opened(&vault, &[&bytes[..], &[0]].concat()), Err(VaultError::Refused));
    let key = Sealed::from_bytes(&bytes).expect("read").key.to_bytes();
    assert_eq!(WrappedKey::from_bytes(&bytes[..key.len() - 1]), Err(FormatError::Short));
    let trailing = WrappedKey::from_bytes(&bytes[..=key.len()]);
    assert_eq!(trailing, Err(FormatError::Trailing(1)));
}

#[test]
fn a_record_does_not_open_in_anothers_place() {
    let vault = Vault::new(kek());
    let sealed = vault.seal(CONTEXT, b"a mandate key").expect("sealed");
    for (kind, id) in [
        ("mandate_key", &b"card-8"[..]),
        ("travel_rule", b"card-7"),
        ("mandate_key", b""),
        // The same bytes one after the other.
        ("mandate_keyc", b"ard-7"),
        ("mandate_ke", b"ycard-7"),
        ("", b"mandate_keycard-7"),
        ("mandate_key", b"card-7\0"),
    ] {
        let context = Context { kind, id };
        assert_eq!(vault.open(context, &sealed).err(), Some(VaultError::Refused), "{context:?}");
        // Its key is not wrapped anew for another place either.
        let rotated = vault.clone().rotated(kek());
        assert_eq!(rotated.rewrap(context, &sealed.key).err(), Some(VaultError::Refused));
    }
}

#[test]
fn the_key_of_one_record_does_not_open_another() {
    let vault = Vault::new(kek());
    let [older, newer] =
        ["older", "newer"].map(|content| vault.seal(CONTEXT, content.as_bytes()).expect("sealed"));
    let mixed = Sealed { key: older.key, ciphertext: newer.ciphertext };
    assert_eq!(vault.open(CONTEXT, &mixed).err(), Some(VaultError::Refused));
}

#[test]
fn a_record_does_not_open_without_its_kek() {
    let sealed = Vault::new(kek()).seal(CONTEXT, b"a mandate key").expect("sealed");
    let thief = Vault::new(kek());
    let unknown = VaultError::UnknownKek(sealed.key.kek());
    assert_eq!(thief.open(CONTEXT, &sealed).err(), Some(unknown));
    // Saying that it is another KEK's does not help.
    let mut bytes = sealed.to_bytes();
    let own = thief.seal(CONTEXT, b"").expect("sealed").to_bytes();
    bytes[1..17].copy_from_slice(&own[1..17]);
    assert_eq!(opened(&thief, &bytes), Err(VaultError::Refused));
}

#[test]
fn the_same_content_is_sealed_otherwise_each_time() {
    let vault = Vault::new(kek());
    let [one, other] = [(); 2].map(|()| vault.seal(CONTEXT, &[7; 64]).expect("sealed"));
    assert_ne!(one.ciphertext, other.ciphertext);
    assert_ne!(one.key, other.key);
    let bytes = one.to_bytes();
    assert!(!bytes.windows(16).any(|window| window == [7; 16]), "nothing of it is in the clear");
}

#[test]
fn keys_are_not_printed() {
    let kek = kek();
    let id = kek.id().to_string();
    assert_eq!(format!("{kek:?}"), format!("Kek({id}, …)"));
    let vault = Vault::new(kek);
    assert_eq!(format!("{vault:?}"), format!("Vault {{ newest: KekId({id}), previous: [] }}"));
}
