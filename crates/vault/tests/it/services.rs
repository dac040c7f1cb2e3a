//! A key-management service that keeps the KEK and wraps keys by itself.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use aep2_vault::{
    Context, DataKey, Kek, KekId, KeyWrapper, Vault, VaultError, WRAPPED_BYTES_MAX, WrapError,
};

const CONTEXT: Context<'static> = Context { kind: "note", id: b"7" };

/// Keeps keys by numbers, each with what it is bound to.
#[derive(Clone, Default)]
struct Service(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    is_down: bool,
    /// How long its answers are.
    answer_bytes: usize,
    keys: HashMap<Vec<u8>, (Vec<u8>, Vec<u8>)>,
}

impl Service {
    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl KeyWrapper for Service {
    fn id(&self) -> KekId {
        KekId::of_name("keys/7")
    }

    fn wrap_key(&self, key: &DataKey, bound_to: &[u8]) -> Result<Vec<u8>, WrapError> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.is_down {
            return Err(WrapError::Unavailable("connection refused".to_owned()));
        }
        let mut number = (state.keys.len() as u64).to_be_bytes().to_vec();
        number.resize(state.answer_bytes, 0);
        state.keys.insert(number.clone(), (key.as_bytes().to_vec(), bound_to.to_vec()));
        Ok(number)
    }

    fn unwrap_key(&self, wrapped: &[u8], bound_to: &[u8]) -> Result<DataKey, WrapError> {
        let state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.is_down {
            return Err(WrapError::Unavailable("connection refused".to_owned()));
        }
        match state.keys.get(wrapped) {
            Some((key, bound)) if bound == bound_to => {
                DataKey::from_bytes(key).ok_or(WrapError::Refused)
            }
            _ => Err(WrapError::Refused),
        }
    }
}

#[test]
fn a_service_wraps_in_place_of_a_key_in_this_process() {
    let service = Service::default();
    service.change(|state| state.answer_bytes = 200);
    let vault = Vault::new(service.clone()).with_previous(Kek::random().expect("a key"));
    let sealed = vault.seal(CONTEXT, b"content").expect("sealed");
    assert_eq!(&**vault.open(CONTEXT, &sealed).expect("opens"), b"content");
    let elsewhere = Context { id: b"8", ..CONTEXT };
    assert_eq!(vault.open(elsewhere, &sealed).err(), Some(VaultError::Refused));
    // And from there to a key of one's own.
    let own = vault.rotated(Kek::random().expect("a key"));
    assert!(own.rewrap(CONTEXT, &sealed.key).expect("wrapped").is_some());
}

#[test]
fn a_service_that_is_down_is_not_taken_for_a_forgery() {
    let service = Service::default();
    service.change(|state| state.answer_bytes = 200);
    let vault = Vault::new(service.clone());
    let sealed = vault.seal(CONTEXT, b"content").expect("sealed");
    service.change(|state| state.is_down = true);
    let reason = "connection refused".to_owned();
    let unavailable = VaultError::Unavailable { kek: vault.newest(), reason };
    assert_eq!(vault.open(CONTEXT, &sealed).err(), Some(unavailable.clone()));
    assert_eq!(vault.seal(CONTEXT, b"content").err(), Some(unavailable));
    service.change(|state| state.is_down = false);
    assert!(vault.open(CONTEXT, &sealed).is_ok());
}

#[test]
fn a_service_that_answers_nonsense_seals_nothing() {
    let service = Service::default();
    let vault = Vault::new(service.clone());
    for bytes in [0, WRAPPED_BYTES_MAX + 1] {
        service.change(|state| state.answer_bytes = bytes);
        let refused = vault.seal(CONTEXT, b"content");
        assert!(matches!(refused, Err(VaultError::Unavailable { .. })), "{refused:?}");
    }
    // A key of another length.
    service.change(|state| state.answer_bytes = WRAPPED_BYTES_MAX);
    let sealed = vault.seal(CONTEXT, b"content").expect("sealed");
    service.change(|state| state.keys.values_mut().for_each(|(key, _)| key.truncate(31)));
    assert_eq!(vault.open(CONTEXT, &sealed).err(), Some(VaultError::Refused));
}
