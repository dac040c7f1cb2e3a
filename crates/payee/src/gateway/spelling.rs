//! Which spellings of a path are one path.
//!
//! A price is a path's, and services read paths more loosely than they are written: with and without encoding
//! (`/caf%C3%A9`, `/caf%c3%a9`), and many in any case, with or without a slash at the end. A spelling that the service
//! takes for a priced path and the gateway does not would be free. So prices are looked up by a path's one spelling:
//! decoded, and in small letters and without the last slash where the operator says that the service does not care. The
//! request goes on as it came.

/// What the service takes for the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Spelling {
    /// `/A` and `/a`.
    pub(super) any_case: bool,
    /// `/a` and `/a/`.
    pub(super) any_trailing_slash: bool,
}

impl Spelling {
    /// The one spelling of a path, or of a route's.
    pub(super) fn of(self, path: &str) -> String {
        let mut path = decoded(path);
        if self.any_case {
            path = path.to_lowercase();
        }
        if self.any_trailing_slash && path.len() > 1 && path.ends_with('/') {
            path.pop();
        }
        path
    }
}

/// A path without percent-encoding, but for braces, which mean something in a route's path.
fn decoded(path: &str) -> String {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let [first, after @ ..] = rest {
        let code = after.get(..2).and_then(|code| std::str::from_utf8(code).ok());
        let byte = code.and_then(|code| u8::from_str_radix(code, 16).ok());
        match byte.filter(|byte| *first == b'%' && !b"{}".contains(byte)) {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_that_a_service_takes_for_one_path_have_one_price() {
        let strict = Spelling::default();
        assert_eq!(strict.of("/caf%C3%A9"), strict.of("/caf%c3%a9"));
        assert_eq!(strict.of("/users/%40me"), strict.of("/users/@me"));
        assert_ne!(strict.of("/a/"), strict.of("/a"));
        assert_ne!(strict.of("/A"), strict.of("/a"));
        assert_eq!(strict.of("/a%"), "/a%");
        let loose = Spelling { any_case: true, any_trailing_slash: true };
        assert_eq!(loose.of("/ANSWERS/x/"), loose.of("/answers/X"));
        assert_eq!(loose.of("/caf%C3%89"), loose.of("/caf%C3%A9"));
        assert_eq!(loose.of("/"), "/");
    }
}
