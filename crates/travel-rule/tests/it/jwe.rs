//! Sealing: what `jose` makes is opened, and what an attacker makes of it is not.

use aep2_travel_rule::{
    JweError, KeyRing, OBJECT_BYTES_MAX, ProcessorKey, PublicKey, TOKEN_BYTES_MAX,
    TravelRuleObject,
    jwe::{HEADER_BYTES_MAX, seal},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::support::{NOW, first, key, ring, text, vectors};

fn encoded(bytes: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

/// A token's five parts.
fn parts(token: &str) -> [String; 5] {
    let parts: Vec<_> = token.split('.').map(str::to_owned).collect();
    parts.try_into().expect("five parts")
}

/// The first token with another header.
fn with_header(change: impl FnOnce(&mut Value)) -> String {
    let mut parts = parts(&first().1);
    let header = BASE64_URL_SAFE_NO_PAD.decode(&parts[0]).expect("base64url");
    let mut header: Value = serde_json::from_slice(&header).expect("JSON");
    change(&mut header);
    parts[0] = encoded(header.to_string().as_bytes());
    parts.join(".")
}

#[test]
fn what_jose_sealed_is_opened() {
    let tokens = vectors()["tokens"].as_array().expect("tokens").clone();
    assert_eq!(tokens.len(), 3);
    for vector in tokens {
        let opened = ring().open(text(&vector["token"])).expect("opened");
        let object: Value = serde_json::from_slice(&opened).expect("JSON");
        assert_eq!(object, vector["object"], "{}", vector["name"]);
        // The hash is that of another library's canonical form.
        let read = TravelRuleObject::read(&opened, NOW).expect("read");
        assert_eq!(read.hash().to_string(), text(&vector["hash"]), "{}", vector["name"]);
    }
}

#[test]
fn what_is_sealed_here_is_opened_here_and_was_by_jose() {
    let (object, _) = first();
    let content = object.to_string();
    let token = seal(key().public(), content.as_bytes()).expect("sealed");
    assert_eq!(ring().open(&token).expect("opened").as_slice(), content.as_bytes());
    let again = seal(key().public(), content.as_bytes()).expect("sealed");
    let (token, again) = (parts(&token), parts(&again));
    for part in [0, 2, 3, 4] {
        assert_ne!(token[part], again[part], "another key and nonce each time");
    }
    // check.mjs has jose open this one.
    let shown = include_str!("../fixtures/sealed_by_rust.txt").trim();
    let opened = ring().open(shown).expect("opened");
    assert_eq!(serde_json::from_slice::<Value>(&opened).expect("JSON"), object);
}

#[test]
fn other_algorithms_keys_and_types_are_refused_though_they_are_well_made() {
    let foreign = vectors()["foreign"].as_array().expect("tokens").clone();
    assert_eq!(foreign.len(), 15);
    for vector in foreign {
        let name = text(&vector["name"]);
        let expected = match name {
            "P-384" | "X25519" => JweError::EphemeralKey,
            "another key, with our kid" => JweError::Refused,
            "another kid" | "no kid" => JweError::UnknownKey,
            "no typ" | "JWT" => JweError::Type,
            "cty" | "an embedded key" => JweError::Member,
            // PBES2 brings members of its own.
            "a password" => JweError::Member,
            _ => JweError::Algorithm,
        };
        assert_eq!(ring().open(text(&vector["token"])), Err(expected), "{name}");
    }
}

#[test]
fn members_beyond_the_profile_are_refused() {
    for (name, value) in [
        ("zip", json!("DEF")),
        ("crit", json!(["exp"])),
        ("crit", json!([])),
        ("jku", json!("https://attacker.example")),
        ("x5u", json!("https://attacker.example")),
        ("b64", json!(false)),
        ("ALG", json!("ECDH-ES")),
        ("", json!(1)),
    ] {
        let token = with_header(|header| header[name] = value.clone());
        assert_eq!(ring().open(&token), Err(JweError::Member), "{name}");
    }
    for (name, value, expected) in [
        ("alg", json!("none"), JweError::Algorithm),
        ("alg", json!("ecdh-es"), JweError::Algorithm),
        ("alg", json!(["ECDH-ES"]), JweError::Algorithm),
        ("enc", json!("A256GCMKW"), JweError::Algorithm),
        ("typ", json!("AEP2-TRAVEL-RULE"), JweError::Type),
        ("kid", json!(7), JweError::UnknownKey),
        ("apu", json!("not base64!"), JweError::Header),
        ("apu", json!("QQ=="), JweError::Header),
        ("apv", json!(7), JweError::Header),
    ] {
        let token = with_header(|header| header[name] = value.clone());
        assert_eq!(ring().open(&token), Err(expected), "{name}: {value}");
    }
    for (name, expected) in [
        ("alg", JweError::Algorithm),
        ("enc", JweError::Algorithm),
        ("typ", JweError::Type),
        ("kid", JweError::UnknownKey),
        ("epk", JweError::EphemeralKey),
    ] {
        let token = with_header(|header| {
            header.as_object_mut().expect("an object").remove(name).expect("it is there");
        });
        assert_eq!(ring().open(&token), Err(expected), "without {name}");
    }
}

#[test]
fn a_header_that_says_alg_twice_is_refused() {
    let mut parts = parts(&first().1);
    let header = BASE64_URL_SAFE_NO_PAD.decode(&parts[0]).expect("base64url");
    let header = String::from_utf8(header).expect("UTF-8");
    for twice in [r#"{"alg":"dir","#, r#"{"alg":"ECDH-ES","#, r#"{"epk":{},"#] {
        parts[0] = encoded(header.replacen('{', twice, 1).as_bytes());
        assert_eq!(ring().open(&parts.join(".")), Err(JweError::Header), "{twice}");
    }
}

#[test]
fn points_that_are_not_on_the_curve_are_refused() {
    let zero = encoded(&[0; 32]);
    let ones = encoded(&[0xff; 32]);
    // The order of the field: a second way to write 0.
    let order = encoded(&alloy_primitives::hex!(
        "ffffffff00000001000000000000000000000000ffffffffffffffffffffffff"
    ));
    let other = ProcessorKey::random().expect("a key");
    let other = serde_json::to_value(other.public()).expect("a JWK");
    let short = encoded(&[1; 31]);
    let long = encoded(&[1; 33]);
    let [other_x, short, long] = [text(&other["x"]), &short, &long];
    for (x, y) in [
        (Some(zero.as_str()), Some(zero.as_str())),
        (Some(&ones), None),
        (None, Some(ones.as_str())),
        (Some(&order), None),
        (Some(&zero), None),
        (Some(other_x), None),
        (Some(short), None),
        (None, Some(long)),
        (Some(""), Some("")),
    ] {
        let token = with_header(|header| {
            for (name, value) in [("x", x), ("y", y)] {
                if let Some(value) = value {
                    header["epk"][name] = json!(value);
                }
            }
        });
        assert_eq!(ring().open(&token), Err(JweError::EphemeralKey), "{x:?} {y:?}");
    }
    for (name, value) in [
        ("crv", json!("secp256k1")),
        ("crv", json!("P-521")),
        ("kty", json!("OKP")),
        ("d", json!("AAAA")),
    ] {
        let token = with_header(|header| header["epk"][name] = value.clone());
        assert_eq!(ring().open(&token), Err(JweError::EphemeralKey), "{name}");
    }
    // A point of the curve that is another's opens nothing.
    let token = with_header(|header| {
        header["epk"]["x"] = other["x"].clone();
        header["epk"]["y"] = other["y"].clone();
    });
    assert_eq!(ring().open(&token), Err(JweError::Refused));
}

#[test]
fn an_altered_token_does_not_open() {
    let (_, token) = first();
    let parts = parts(&token);
    // Each part's bytes, one flipped at a time; the header's by what does not change its meaning.
    for part in [2, 3, 4] {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(&parts[part]).expect("base64url");
        for place in [0, bytes.len() / 2, bytes.len() - 1] {
            let mut bytes = bytes.clone();
            bytes[place] ^= 1;
            let mut parts = parts.clone();
            parts[part] = encoded(&bytes);
            assert_eq!(ring().open(&parts.join(".")), Err(JweError::Refused), "{part}, {place}");
        }
    }
    let spaced = {
        let header = BASE64_URL_SAFE_NO_PAD.decode(&parts[0]).expect("base64url");
        let header = String::from_utf8(header).expect("UTF-8").replacen('{', "{ ", 1);
        let mut parts = parts.clone();
        parts[0] = encoded(header.as_bytes());
        parts.join(".")
    };
    assert_eq!(ring().open(&spaced), Err(JweError::Refused), "a space in the header");
    for (name, party) in [("apu", "QQ"), ("apv", "QQ")] {
        let token = with_header(|header| header[name] = json!(party));
        assert_eq!(ring().open(&token), Err(JweError::Refused), "{name}");
    }
    // What was sealed, cut or extended.
    let ciphertext = BASE64_URL_SAFE_NO_PAD.decode(&parts[3]).expect("base64url");
    for other in [&ciphertext[..ciphertext.len() - 1], &[&ciphertext[..], b"x"].concat(), &[]] {
        let mut parts = parts.clone();
        parts[3] = encoded(other);
        assert_eq!(ring().open(&parts.join(".")), Err(JweError::Refused));
    }
}

#[test]
fn a_tag_or_a_nonce_of_another_length_is_refused() {
    let parts = parts(&first().1);
    for (part, length) in [(4, 16), (2, 12)] {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(&parts[part]).expect("base64url");
        assert_eq!(bytes.len(), length);
        for other in [&bytes[..length - 1], &bytes[..4], &[], &[&bytes[..], b"x"].concat()] {
            let mut parts = parts.clone();
            parts[part] = encoded(other);
            assert_eq!(ring().open(&parts.join(".")), Err(JweError::Form), "{part}");
        }
    }
}

#[test]
fn a_token_has_one_spelling() {
    let (_, token) = first();
    let parts = parts(&token);
    for part in 0..5 {
        for suffix in ["=", "==", " ", "\n", "+", "A"] {
            let mut other = parts.clone();
            other[part].push_str(suffix);
            assert!(ring().open(&other.join(".")).is_err(), "part {part} and {suffix:?}");
        }
    }
    // 12 bytes are 16 characters and 16 bytes are 22, of which the last has four bits that count for
    // nothing, and must be 0.
    let mut other = parts.clone();
    let last = other[4].pop().expect("a character");
    let next = char::from(u8::try_from(last).expect("ASCII") + 1);
    other[4].push(next);
    assert_eq!(ring().open(&other.join(".")), Err(JweError::Form));
    for text in [
        "",
        ".",
        "....",
        ".....",
        &token[1..],
        &format!("{token}."),
        &format!(".{token}"),
        &token.replacen("..", ".", 1),
        &token.replacen("..", ".AAAA.", 1),
        &format!(" {token}"),
        &format!("{token}\n"),
    ] {
        assert!(ring().open(text).is_err(), "{text:.40}");
    }
    assert_eq!(
        ring().open(&token.replacen("..", ".AAAA.", 1)),
        Err(JweError::Form),
        "a wrapped key where one is agreed on"
    );
}

#[test]
fn ten_megabytes_are_refused_before_they_are_looked_at() {
    let parts = parts(&first().1);
    let large = "A".repeat(10 << 20);
    for token in [
        large.clone(),
        ".".repeat(10 << 20),
        [&parts[0], "", &parts[2], &large, &parts[4]].join("."),
        [&large, "", &parts[2], &parts[3], &parts[4]].join("."),
    ] {
        assert_eq!(ring().open(&token), Err(JweError::TooLarge));
    }
    let header = encoded(&vec![b' '; HEADER_BYTES_MAX + 3]);
    let token = [&header, "", &parts[2], &parts[3], &parts[4]].join(".");
    assert_eq!(ring().open(&token), Err(JweError::Header));
    // The longest that is sealed is opened, and no more.
    let longest = vec![b'x'; OBJECT_BYTES_MAX];
    let token = seal(key().public(), &longest).expect("sealed");
    assert!(token.len() <= TOKEN_BYTES_MAX);
    assert_eq!(ring().open(&token).expect("opened").len(), OBJECT_BYTES_MAX);
    let longer = vec![b'x'; OBJECT_BYTES_MAX + 1];
    assert_eq!(seal(key().public(), &longer), Err(JweError::TooMuch));
}

#[test]
fn an_older_key_opens_what_was_sealed_to_it_and_nothing_else() {
    let (_, token) = first();
    let random = || ProcessorKey::random().expect("a key");
    assert_eq!(KeyRing::new(random()).open(&token), Err(JweError::UnknownKey));
    let rotated = KeyRing::new(random()).with_previous(random()).with_previous(key());
    assert!(rotated.open(&token).is_ok());
    assert_ne!(rotated.newest(), key().public());
}

#[test]
fn the_public_key_says_what_it_is_for_and_is_read_back() {
    let shown = serde_json::to_value(key().public()).expect("a JWK");
    assert_eq!(shown["kid"], vectors()["key"]["kid"], "as jose computes the thumbprint");
    assert_eq!(shown["alg"], "ECDH-ES");
    assert_eq!(shown["use"], "enc");
    assert_eq!(shown["d"], Value::Null, "nothing private is shown");
    let read = PublicKey::from_jwk(shown.to_string().as_bytes()).expect("a key");
    assert_eq!(&read, key().public());
    assert_eq!(serde_json::from_value::<PublicKey>(shown.clone()).expect("a key"), read);
    // A private one is nothing to seal to, and a wrong name or point is a mistake.
    assert!(PublicKey::from_jwk(vectors()["key"].to_string().as_bytes()).is_err());
    for (name, value) in [
        ("kid", json!("other")),
        ("kid", json!(1)),
        ("x", shown["y"].clone()),
        ("crv", json!("P-384")),
        ("k", json!("AAAA")),
    ] {
        let mut other = shown.clone();
        other[name] = value;
        assert!(PublicKey::from_jwk(other.to_string().as_bytes()).is_err(), "{name}");
    }
}
