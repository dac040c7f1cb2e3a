//! Where something is bought, read from the address that the payment is bound to and from nothing else.
//!
//! An agent does not get to say whose host it is: the host is that of the resource, which the payee
//! compares byte by byte with the request that it serves.

use aep2_cards::{decision::ToolCall, host::Host};
use thiserror::Error;
use url::Url;

/// Where something is bought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// The host; for a tool, its server's name.
    pub host: Host,
    /// The tool that is called, if it is one.
    pub tool: Option<ToolCall>,
}

/// An address that no limit could be applied to.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "{0:?} is no address of something that can be bought: an http, https or mcp URL in its usual spelling"
)]
pub struct NotASubject(String);

impl Subject {
    /// What `resource` names.
    ///
    /// # Errors
    /// When it is no `http`, `https` or `mcp` URL, has credentials or a fragment, or is not spelt as URLs'
    /// parsers spell it: two readers of it could find two hosts.
    pub fn of(resource: &str) -> Result<Self, NotASubject> {
        let wrong = || NotASubject(resource.chars().take(200).collect());
        let url = Url::parse(resource).map_err(|_| wrong())?;
        let is_plain = url.as_str() == resource
            && url.username().is_empty()
            && url.password().is_none()
            && url.fragment().is_none();
        if !is_plain {
            return Err(wrong());
        }
        if url.scheme() == "mcp" {
            let (host, tool) = tool(resource).ok_or_else(wrong)?;
            let server = host.as_str().to_owned();
            return Ok(Self { host, tool: Some(ToolCall { server, tool }) });
        }
        let host = Host::of(&url).ok_or_else(wrong)?;
        // A host that limits cannot name could not be limited.
        host.as_str().parse::<Host>().map_err(|_| wrong())?;
        Ok(Self { host, tool: None })
    }
}

/// The server and the tool of `mcp://{server}/tools/{tool}?arguments={hash}`.
fn tool(resource: &str) -> Option<(Host, String)> {
    let (server, rest) = resource.strip_prefix("mcp://")?.split_once("/tools/")?;
    let (name, _) = rest.split_once('?')?;
    if server.contains('/') || name.contains('/') {
        return None;
    }
    Some((server.parse().ok()?, decoded(name)?))
}

/// A name whose percent-encoding is the one that `aep2_x402::mcp::tool_resource` gives it.
fn decoded(name: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(name.len());
    let mut rest = name.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
        let code = u8::try_from(digit(rest.next())? * 16 + digit(rest.next())?).ok()?;
        bytes.push(code);
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use aep2_x402::mcp;

    use super::*;

    #[test]
    fn the_host_is_that_of_the_resource() -> Result<(), NotASubject> {
        let subject = Subject::of("https://api.example:8443/a?b=c")?;
        assert_eq!(subject.host.as_str(), "api.example:8443");
        assert_eq!(subject.tool, None);
        Ok(())
    }

    #[test]
    fn a_tool_is_read_back_as_it_was_written() -> Result<(), Box<dyn std::error::Error>> {
        for name in ["search", "a b/c?d%", "größe"] {
            let resource = mcp::tool_resource(&"tools.example".parse()?, name, None)?;
            let subject = Subject::of(&resource)?;
            assert_eq!(subject.host.as_str(), "tools.example");
            let call = ToolCall { server: "tools.example".to_owned(), tool: name.to_owned() };
            assert_eq!(subject.tool, Some(call));
        }
        Ok(())
    }

    #[test]
    fn two_readers_never_find_two_hosts_in_one_address() {
        for resource in [
            "https://allowed.example\\@attacker.example/",
            "https://allowed.example@attacker.example/",
            "https://ALLOWED.example/",
            "https://allowed.example:443/",
            "https://allowed.example/#@attacker.example",
            "https:/allowed.example/",
            "http://allowed.example:443/",
            "file:///etc/passwd",
            "mcp://allowed.example/../tools/x?arguments=0x",
            "mcp://a/b/tools/x?arguments=0x",
            "mcp://tools.example/tools/x",
            "not an address",
        ] {
            assert!(Subject::of(resource).is_err(), "{resource}");
        }
    }
}
