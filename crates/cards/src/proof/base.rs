//! What is signed: RFC 9421's signature base (section 2.5).

use sfv::{FieldType, InnerList, Item, List, ListEntry, StringRef};

use super::request::Request;

/// A component's name, and its value in the request.
pub(super) type Component<'a> = (&'static str, std::borrow::Cow<'a, str>);

/// The components of a request, in their order.
pub(super) fn components<'a>(
    request: &Request<'a>,
    content_digest: &'a str,
    authorization: &'a str,
) -> Vec<Component<'a>> {
    let mut components: Vec<Component<'a>> = vec![
        ("@method", request.method.into()),
        ("@authority", request.authority.into()),
        ("@path", request.path.into()),
    ];
    if let Some(query) = request.query {
        components.push(("@query", format!("?{query}").into()));
    }
    components.push(("content-digest", content_digest.into()));
    components.push(("authorization", authorization.into()));
    components
}

/// The names of components, as the items of an inner list. None for a name that no structured
/// field can have.
pub(super) fn items(components: &[Component<'_>]) -> Option<Vec<Item>> {
    let item = |(name, _): &Component<'_>| Some(Item::new(StringRef::from_str(name).ok()?));
    components.iter().map(item).collect()
}

/// The list of components with its parameters, as structured fields write it.
pub(super) fn written(parameters: &InnerList) -> Option<String> {
    let list: List = vec![ListEntry::InnerList(parameters.clone())];
    list.serialize()
}

/// The signature base.
pub(super) fn base(components: &[Component<'_>], parameters: &str) -> String {
    let mut base = String::new();
    for (name, value) in components {
        base.push_str(&format!("\"{name}\": {value}\n"));
    }
    base.push_str("\"@signature-params\": ");
    base.push_str(parameters);
    base
}

#[cfg(test)]
mod tests {
    use base64::{Engine, engine::general_purpose::STANDARD};
    use sfv::{Dictionary, Parser};

    use super::*;
    use crate::keys::HolderKey;

    /// RFC 9421, B.2.6 with the key of B.1.4.
    #[test]
    fn the_signature_base_is_that_of_the_rfcs_example() {
        let components: Vec<Component<'_>> = vec![
            ("date", "Tue, 20 Apr 2021 02:07:55 GMT".into()),
            ("@method", "POST".into()),
            ("@path", "/foo".into()),
            ("@authority", "example.com".into()),
            ("content-type", "application/json".into()),
            ("content-length", "18".into()),
        ];
        let input = "sig-b26=(\"date\" \"@method\" \"@path\" \"@authority\" \"content-type\" \
                     \"content-length\");created=1618884473;keyid=\"test-key-ed25519\"";
        let input: Dictionary = Parser::new(input).parse().expect("the RFC's own header");
        let Some(ListEntry::InnerList(parameters)) = input.get("sig-b26") else {
            panic!("the RFC's label")
        };
        assert_eq!(Some(&parameters.items), items(&components).as_ref());

        let seed = [
            0x9f, 0x83, 0x62, 0xf8, 0x7a, 0x48, 0x4a, 0x95, 0x4e, 0x6e, 0x74, 0x0c, 0x5b, 0x4c,
            0x0e, 0x84, 0x22, 0x91, 0x39, 0xa2, 0x0a, 0xa8, 0xab, 0x56, 0xff, 0x66, 0x58, 0x6f,
            0x6a, 0x7d, 0x29, 0xc5,
        ];
        let key = HolderKey::from_seed(&seed);
        let base = base(&components, &written(parameters).expect("a list"));
        let published = "wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw==";
        assert_eq!(STANDARD.encode(key.sign(base.as_bytes())), published, "of\n{base}");
    }
}
