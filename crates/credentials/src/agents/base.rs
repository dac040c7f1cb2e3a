//! What is signed: RFC 9421's signature base (section 2.5).

use http::HeaderMap;
use sfv::{BareItem, Dictionary, FieldType, InnerList, Item, List, ListEntry, Parser};

use super::request::AgentRequest;

/// The signature base for these components and parameters. None when a component stands twice, is
/// not known here, or is not in the request.
pub(crate) fn signature_base(request: &AgentRequest<'_>, signed: &InnerList) -> Option<String> {
    let mut base = String::new();
    let mut names = Vec::with_capacity(signed.items.len());
    for item in &signed.items {
        let name = item.serialize();
        if names.contains(&name) {
            return None;
        }
        let value = value(request, item)?;
        // A line break within a value would be another component.
        if !value.is_ascii() || value.contains(['\n', '\r']) {
            return None;
        }
        base.push_str(&format!("{name}: {value}\n"));
        names.push(name);
    }
    let parameters: List = vec![ListEntry::InnerList(signed.clone())];
    base.push_str("\"@signature-params\": ");
    base.push_str(&parameters.serialize()?);
    Some(base)
}

/// The one parameter of components that is known here: a member of a dictionary.
pub(crate) fn key(item: &Item) -> Option<&str> {
    match item.params.get("key") {
        Some(BareItem::String(key)) => Some(key.as_str()),
        _ => None,
    }
}

/// A header's lines as one value. None when there are none.
pub(crate) fn field(headers: &HeaderMap, name: &str) -> Option<String> {
    let lines: Option<Vec<_>> =
        headers.get_all(name).iter().map(|line| line.to_str().ok().map(str::trim)).collect();
    lines.filter(|lines| !lines.is_empty()).map(|lines| lines.join(", "))
}

fn value(request: &AgentRequest<'_>, item: &Item) -> Option<String> {
    let BareItem::String(name) = &item.bare_item else { return None };
    let AgentRequest { method, authority, path, query, headers } = *request;
    let target = || match query {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    };
    match (name.as_str(), item.params.len()) {
        ("@method", 0) => Some(method.to_owned()),
        ("@authority", 0) => Some(authority.to_owned()),
        ("@path", 0) => Some(path.to_owned()),
        ("@query", 0) => Some(format!("?{}", query.unwrap_or_default())),
        ("@request-target", 0) => Some(target()),
        ("@target-uri", 0) => Some(format!("https://{authority}{}", target())),
        (derived, _) if derived.starts_with('@') => None,
        // Names of headers are signed in lower case; another spelling would be a second name.
        (name, _) if name.bytes().any(|byte| byte.is_ascii_uppercase()) => None,
        (name, 0) => field(headers, name),
        (name, 1) => member(&field(headers, name)?, key(item)?),
        _ => None,
    }
}

/// A member of a header that is a dictionary, as RFC 9421, 2.1.2, has it signed.
fn member(field: &str, key: &str) -> Option<String> {
    let members: Dictionary = Parser::new(field).parse().ok()?;
    match members.get(key)? {
        ListEntry::Item(item) => Some(item.serialize()),
        ListEntry::InnerList(list) => {
            let list: List = vec![ListEntry::InnerList(list.clone())];
            list.serialize()
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{algorithm::Algorithm, keys::key::Key};

    /// RFC 9421, B.2.6, on the request of B.2, with the key of B.1.4.
    #[test]
    fn the_rfcs_own_signature_verifies_on_our_signature_base() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("host", "example.com"),
            ("date", "Tue, 20 Apr 2021 02:07:55 GMT"),
            ("content-type", "application/json"),
            ("content-length", "18"),
        ] {
            headers.insert(name, value.parse().expect("a header"));
        }
        let request = AgentRequest {
            method: "POST",
            authority: "example.com",
            path: "/foo",
            query: Some("param=Value&Pet=dog"),
            headers: &headers,
        };
        let input = "sig-b26=(\"date\" \"@method\" \"@path\" \"@authority\" \"content-type\" \
                     \"content-length\");created=1618884473;keyid=\"test-key-ed25519\"";
        let input: Dictionary = Parser::new(input).parse().expect("the RFC's header");
        let Some(ListEntry::InnerList(signed)) = input.get("sig-b26") else { panic!("the RFC's") };
        let base = signature_base(&request, signed).expect("a base");
        let expected = "\"date\": Tue, 20 Apr 2021 02:07:55 GMT\n\
            \"@method\": POST\n\
            \"@path\": /foo\n\
            \"@authority\": example.com\n\
            \"content-type\": application/json\n\
            \"content-length\": 18\n\
            \"@signature-params\": (\"date\" \"@method\" \"@path\" \"@authority\" \"content-type\" \
            \"content-length\");created=1618884473;keyid=\"test-key-ed25519\"";
        assert_eq!(base, expected);

        let signature = "sig-b26=:wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw==:";
        let signature: Dictionary = Parser::new(signature).parse().expect("the RFC's header");
        let Some(ListEntry::Item(Item { bare_item: BareItem::ByteSequence(signature), .. })) =
            signature.get("sig-b26")
        else {
            panic!("the RFC's")
        };
        let jwk = json!({"kty": "OKP", "crv": "Ed25519", "kid": "test-key-ed25519",
                         "x": "JrQLj5P_89iXES9-vFgrIy29clF9CC_oPPsw3c5D0bs"});
        let key = Key::read(jwk.as_object().expect("an object")).expect("the RFC's key");
        assert!(key.verifies(Algorithm::EdDsa, base.as_bytes(), signature));
        let changed = base.replace("/foo", "/bar");
        assert!(!key.verifies(Algorithm::EdDsa, changed.as_bytes(), signature));
    }

    #[test]
    fn a_headers_lines_are_one_value_and_a_target_is_written_in_full() {
        let mut headers = HeaderMap::new();
        headers.append("x-list", "  a".parse().expect("a header"));
        headers.append("x-list", "b, c ".parse().expect("a header"));
        let query = Some("a=b");
        let (method, authority, path) = ("GET", "pay.example:8443", "/v1");
        let request = AgentRequest { method, authority, path, query, headers: &headers };
        let signed = "sig=(\"x-list\" \"@target-uri\" \"@request-target\" \"@query\")";
        let input: Dictionary = Parser::new(signed).parse().expect("a header");
        let Some(ListEntry::InnerList(signed)) = input.get("sig") else { panic!("a list") };
        let base = signature_base(&request, signed).expect("a base");
        let expected = "\"x-list\": a, b, c\n\
            \"@target-uri\": https://pay.example:8443/v1?a=b\n\
            \"@request-target\": /v1?a=b\n\
            \"@query\": ?a=b\n\
            \"@signature-params\": (\"x-list\" \"@target-uri\" \"@request-target\" \"@query\")";
        assert_eq!(base, expected);
        let without = AgentRequest { query: None, ..request };
        let base = signature_base(&without, signed).expect("a base");
        assert!(base.contains("\"@query\": ?\n") && base.contains("https://pay.example:8443/v1\n"));
    }
}
