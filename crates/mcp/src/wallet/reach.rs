//! Where an agent's requests may go.
//!
//! An agent asks for what it was talked into, and the wallet runs where its owner's own services may listen: a
//! router's page, a database, a cloud's metadata with its keys. So it reaches public addresses only, unless the owner
//! named hosts, and then only those, wherever they are.
//!
//! What counts is the address that is connected to. A name is resolved here, once for each connection, and what is not
//! public is left out: a name that pointed elsewhere when somebody looked (DNS rebinding) gains nothing. Redirections
//! are not followed, and there is no proxy, which would resolve names on its own.

use std::{
    error::Error,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
};

use reqwest::{
    ClientBuilder,
    dns::{Addrs, Name, Resolve, Resolving},
};
use thiserror::Error;
use url::{Host, Url};

/// Where an agent's requests may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// To public addresses.
    Public,
    /// Wherever the wallet's machine gets to. For hosts that the owner named, and for trials.
    Anywhere,
}

/// An address that is this machine's own, or its network's.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "{0} is an address of this machine or of its network, which the wallet asks nothing. The owner can \
     name the host (`aep2 wallet limits --host`)"
)]
pub(super) struct NotPublic(String);

impl Reach {
    /// An HTTP client that goes no further.
    pub(super) fn bound(self, http: ClientBuilder) -> ClientBuilder {
        match self {
            Self::Public => http.no_proxy().dns_resolver(Arc::new(PublicOnly)),
            Self::Anywhere => http,
        }
    }

    /// Checks a URL that names an address itself: that is resolved by nobody.
    pub(super) fn check(self, url: &Url) -> Result<(), NotPublic> {
        let address = match url.host() {
            Some(Host::Ipv4(address)) => IpAddr::V4(address),
            Some(Host::Ipv6(address)) => IpAddr::V6(address),
            Some(Host::Domain(_)) | None => return Ok(()),
        };
        match self == Self::Anywhere || is_public(address) {
            true => Ok(()),
            false => Err(NotPublic(address.to_string())),
        }
    }
}

/// Resolves names to their public addresses.
#[derive(Clone, Copy, Debug)]
struct PublicOnly;

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let name = name.as_str().to_owned();
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let public: Vec<SocketAddr> = found.filter(|found| is_public(found.ip())).collect();
            if public.is_empty() {
                return Err(Box::new(NotPublic(name)) as Box<dyn Error + Send + Sync>);
            }
            Ok(Box::new(public.into_iter()) as Addrs)
        })
    }
}

/// Whether an address is one of the public internet's, by IANA's registries of special addresses.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special = matches!(
        (a, b, c),
        (0 | 10 | 127 | 224.., _, _)
            | (100, 64..=127, _)
            | (169, 254, _)
            | (172, 16..=31, _)
            | (192, 0, 0 | 2)
            | (192, 88, 99)
            | (192, 168, _)
            | (198, 18..=19, _)
            | (198, 51, 100)
            | (203, 0, 113)
    );
    !special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let groups = address.segments();
    let [a, b, ..] = groups;
    let embedded = Ipv4Addr::from((u32::from(groups[6]) << 16) | u32::from(groups[7]));
    // Addresses of IPv4: mapped, and translated.
    if groups[..5] == [0; 5] && groups[5] == 0xffff || groups[..6] == [0x64, 0xff9b, 0, 0, 0, 0] {
        return is_public_v4(embedded);
    }
    // Global unicast, without protocols' own (Teredo among them), documentation, and 6to4, which leads
    // to any address of IPv4.
    let special =
        a == 0x2001 && (b < 0x200 || b == 0xdb8) || a == 0x2002 || a == 0x3fff && b < 0x1000;
    a & 0xe000 == 0x2000 && !special
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_this_machine_and_its_networks_are_not_public() {
        for address in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "127.0.0.1",
            "127.9.9.9",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.1",
            "192.168.1.1",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::127.0.0.1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::7f00:1",
            "64:ff9b:1::1",
            "fe80::1",
            "fec0::1",
            "fc00::1",
            "fd00:ec2::254",
            "ff02::1",
            "2001:db8::1",
            "2001::1",
            "2002:7f00:1::",
            "3fff::1",
        ] {
            assert!(!is_public(address.parse().expect("an address")), "{address}");
        }
        for address in [
            "1.1.1.1",
            "8.8.8.8",
            "100.63.0.1",
            "100.128.0.1",
            "172.32.0.1",
            "192.169.0.1",
            "::ffff:8.8.8.8",
            "64:ff9b::808:808",
            "2606:4700:4700::1111",
            "2a00:1450:4001:80b::200e",
        ] {
            assert!(is_public(address.parse().expect("an address")), "{address}");
        }
    }

    #[test]
    fn a_url_that_spells_such_an_address_in_any_way_is_refused() {
        for url in [
            "http://127.0.0.1/",
            "http://2130706433/",
            "http://0x7f.1/",
            "http://0177.0.0.1/",
            "http://127.1/",
            "http://[::1]/",
            "http://[::ffff:7f00:1]/",
            "http://169.254.169.254/latest/meta-data",
        ] {
            let url = url.parse().expect("a URL");
            assert!(Reach::Public.check(&url).is_err(), "{url}");
            assert!(Reach::Anywhere.check(&url).is_ok(), "{url}");
        }
    }

    #[tokio::test]
    async fn a_name_that_leads_to_this_machine_is_not_connected_to() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let http = Reach::Public.bound(reqwest::Client::builder()).build().expect("a client");
        let error =
            http.get(format!("http://localhost:{port}/")).send().await.expect_err("refused");
        let causes = std::iter::successors(error.source(), |cause| (*cause).source());
        let refused = causes.filter(|cause| cause.downcast_ref::<NotPublic>().is_some()).count();
        assert_eq!(refused, 1, "{error:?}");
    }
}
