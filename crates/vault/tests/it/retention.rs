//! Records that must be kept, and those that are destroyed.

use aep2_mandate::units::UnixTime;
use aep2_vault::{Context, Kek, RecordMeta, RetentionError, Sealed, Vault, VaultError, WrappedKey};

fn time(seconds: u64) -> UnixTime {
    UnixTime::new(seconds).expect("a time")
}

fn meta(kept_until: u64, legal_hold: bool) -> RecordMeta {
    RecordMeta { kept_until: time(kept_until), legal_hold }
}

#[test]
fn a_record_is_not_destroyed_too_early_or_under_a_hold() {
    let young = RetentionError::Kept { until: time(1_000) };
    assert_eq!(meta(1_000, false).may_destroy(time(999)).err(), Some(young));
    assert_eq!(meta(1_000, false).may_destroy(time(0)).err(), Some(young));
    assert!(meta(1_000, false).may_destroy(time(1_000)).is_ok());
    for now in [0, 999, 1_000, 1_001] {
        let refused = meta(1_000, true).may_destroy(time(now));
        assert_eq!(refused.err(), Some(RetentionError::Held));
    }
}

#[test]
fn a_retention_period_is_extended_and_never_shortened() {
    assert_eq!(meta(1_000, true).kept_until_at_least(time(2_000)), meta(2_000, true));
    assert_eq!(meta(1_000, true).kept_until_at_least(time(500)), meta(1_000, true));
}

#[test]
fn what_is_stored_of_retention_is_read_as_it_was_written() {
    let written = serde_json::to_string(&meta(1_000, true)).expect("json");
    assert_eq!(written, r#"{"kept_until":1000,"legal_hold":true}"#);
    assert_eq!(serde_json::from_str::<RecordMeta>(&written).expect("read"), meta(1_000, true));
    for wrong in [r#"{"kept_until":1000}"#, r#"{"kept_until":1000,"legal_hold":true,"a":1}"#] {
        assert!(serde_json::from_str::<RecordMeta>(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn a_destroyed_record_opens_no_more_and_says_so() {
    let vault = Vault::new(Kek::random().expect("a key"));
    let context = Context { kind: "travel_rule", id: b"7" };
    let sealed = vault.seal(context, b"Ada Lovelace").expect("sealed");
    let allowed = meta(1_000, false).may_destroy(time(1_000)).expect("old enough");
    let tombstone = WrappedKey::destroyed(allowed);

    // As it is stored in place of the key.
    let bytes = [tombstone.to_bytes(), sealed.ciphertext].concat();
    let destroyed = Sealed::from_bytes(&bytes).expect("read");
    assert!(destroyed.key.is_destroyed());
    assert_eq!(vault.open(context, &destroyed).err(), Some(VaultError::Destroyed));
    assert_eq!(vault.rewrap(context, &destroyed.key).err(), Some(VaultError::Destroyed));
    assert!(!sealed.key.is_destroyed());
}
