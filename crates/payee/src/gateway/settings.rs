//! `gateway.toml`: what is sold, of whom, and for how much.

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr},
    path::Path,
};

use aep2_mandate::{payee::LostPayee, units::Ceiling};
use alloy_primitives::Address;
use http::Method;
use serde::Deserialize;
use thiserror::Error;
use url::Url;

use super::spelling::Spelling;
use crate::{
    cors::{CorsOrigins, NoOrigin},
    price::Quote,
    settings::{self, FileError, PayeeSettings},
};

/// The settings of a gateway. [`EXAMPLE`] has all of them, with what they do.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GatewaySettings {
    /// Where it listens.
    #[serde(default = "listen_default")]
    pub listen: SocketAddr,
    /// Where payers reach it, when that is not where it listens.
    pub origin: Option<Url>,
    /// The service that it puts prices on.
    pub upstream: Url,
    /// Where health and metrics are served.
    #[serde(default = "admin_default")]
    pub admin_listen: SocketAddr,
    /// Who is paid, through which processor.
    #[serde(default)]
    pub payee: PayeeSettings,
    /// What becomes of requests that no route has.
    #[serde(default)]
    pub unpriced: Unpriced,
    /// Whether the service takes `/A` for `/a`. It must be said where that decides what is paid.
    pub ignore_case: Option<bool>,
    /// Whether the service takes `/a/` for `/a`. It must be said where that decides what is paid.
    pub ignore_trailing_slash: Option<bool>,
    /// Whose pages may pay in a browser: origins, or `*`.
    #[serde(default)]
    pub cors_origins: Vec<String>,
    /// How long the service has for the head of its answer, in seconds.
    #[serde(default = "answer_default")]
    pub answer_within_s: u64,
    /// The longest body of a request, in bytes.
    #[serde(default = "body_default")]
    pub body_bytes_max: u64,
    /// What is sold.
    #[serde(default)]
    pub routes: Vec<RouteSettings>,
}

/// What becomes of requests that no route has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Unpriced {
    /// They are answered 404.
    #[default]
    Refuse,
    /// They are passed on, free.
    Pass,
}

/// A price.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RouteSettings {
    /// The path: `/answers/{question}`, `/files/{*path}`.
    pub path: String,
    /// The methods; all of them, when not said.
    pub methods: Option<Vec<String>>,
    /// The price in base units of the token; with `metered`, the most that a call can cost.
    pub price: Ceiling,
    /// Whether the service says what each call came to, in the header `aep2-charge` of its answer.
    #[serde(default)]
    pub metered: bool,
    /// What is bought, in words for people.
    pub description: Option<String>,
    /// The media type of what is bought.
    pub mime_type: Option<String>,
}

/// All settings, with what they do.
pub const EXAMPLE: &str = r#"# A gateway: prices for an HTTP service that knows nothing of payments.

# Where it listens, for payers.
listen = "127.0.0.1:8080"
# Where payers reach it, when that is not where it listens: mandates are bound to whole URLs.
# origin = "https://api.example.com"
# The service. Its path, if it has one, comes before the path that is asked for.
upstream = "http://127.0.0.1:3000"
# Health (/healthz, /readyz) and metrics (/metrics), for the operator only.
admin_listen = "127.0.0.1:9403"

# What becomes of requests that no route has: "refuse" (404) or "pass" (they are free).
unpriced = "refuse"
# Whether the service takes /A for /a, and /a/ for /a, as Express does. Both have to be said where a
# spelling could be free, or cheaper: with unpriced = "pass", or a cheap catch-all beside a dear route.
ignore_case = false
ignore_trailing_slash = false
# Web pages that may pay, by their origins ("https://app.example.com"), or "*" for all. Their browsers'
# preflights are answered without a payment.
cors_origins = []
# How long the service has for the head of its answer; bodies stream as long as they like. A call that
# fails is charged nothing, if the processor hears of it in time: so with a key this is well below the
# processor's capture_within_s, or the gateway does not start.
answer_within_s = 20
# The longest body of a request.
body_bytes_max = 10485760

[payee]
# The processor that takes the mandates.
processor = "http://127.0.0.1:8402"
# Ask it by x402's calls instead of its own.
facilitator = false
# The payee's key (`aep2 key new payee.key` makes one; or a V3 keystore): it signs captures of less than the
# price, for calls that fail and for metered routes. Instead of it `address`, where every call is
# charged in full.
key_file = "payee.key"
# The file with the keystore's password [default: the variable AEP2_KEY_PASSWORD].
# password_file = "payee.password"
# address = "0x..."
# The ERC-20 token that is taken [default: the first that the processor takes].
# token = "0x..."
# The longest promise that the deployment's guarantee takes, in seconds (`promiseSeconds` in its file): nothing is
# sold on a receipt that promises for longer, since nobody could demand it.
# promise_s_max = 43200
# Where the processor's receipts are kept, as seen from this file, for `aep2 payee watch`: they are worth money
# where it does not pay. `false` keeps none. [default: receipts]
receipts = "receipts"

[[routes]]
path = "/answers/{question}"
methods = ["GET"]
# In base units of the token: 1000 is 0.001 of a token with 6 decimals.
price = "1000"
description = "An answer"
mime_type = "application/json"

[[routes]]
path = "/models/{*model}"
methods = ["POST"]
# The most that a call can cost; the service says in the header `aep2-charge` of its answer what it
# came to, in base units. An answer without it is charged in full.
price = "50000"
metered = true
"#;

fn listen_default() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 8080).into()
}

fn admin_default() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 9403).into()
}

const fn answer_default() -> u64 {
    20
}

const fn body_default() -> u64 {
    10 << 20
}

/// Why settings cannot be used.
#[derive(Debug, Error)]
pub enum SettingsError {
    /// The file cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// Nobody could take the money out.
    #[error("payee.address: {0}")]
    LostPayee(#[from] LostPayee),
    /// Nothing is sold.
    #[error("there is no route with a price; add a [[routes]]")]
    NothingSold,
    /// A route's path makes no sense, or is another's.
    #[error("the route {path}: {reason}")]
    Path {
        /// The path.
        path: String,
        /// What is wrong.
        reason: String,
    },
    /// A method is none.
    #[error("the route {path}: {method:?} is no HTTP method; write it in capitals")]
    Method {
        /// The path.
        path: String,
        /// What is written.
        method: String,
    },
    /// Two prices for one request.
    #[error("the route {path} is there twice for {method}")]
    Twice {
        /// The path.
        path: String,
        /// The method, or that it is all.
        method: String,
    },
    /// An origin of web pages is none.
    #[error("cors_origins: {0}")]
    Cors(#[from] NoOrigin),
    /// Whether two spellings are one path decides what is paid, and it is not said.
    #[error(
        "{setting} has to be said: {why}, and a service that takes {one} for {other} would give away what has a price"
    )]
    Spelling {
        /// The setting.
        setting: &'static str,
        /// Why it matters here.
        why: String,
        /// A spelling.
        one: &'static str,
        /// Another one.
        other: &'static str,
    },
    /// The service's address is none.
    #[error("upstream is {0}, and has to begin with http:// or https://, without a query")]
    Upstream(Url),
}

impl GatewaySettings {
    /// Reads and checks settings.
    ///
    /// # Errors
    /// The first thing that is not right.
    pub fn parse(text: &str) -> Result<Self, SettingsError> {
        let settings: Self = settings::parse(text)?;
        settings.check()?;
        Ok(settings)
    }

    /// Reads and checks a file.
    ///
    /// # Errors
    /// The first thing that is not right.
    pub fn read(path: &Path) -> Result<Self, SettingsError> {
        Self::parse(&settings::text(path)?)
    }

    /// Checks what can be checked without starting anything.
    ///
    /// # Errors
    /// The first thing that is not right.
    pub fn check(&self) -> Result<(), SettingsError> {
        let upstream = &self.upstream;
        let plain = upstream.query().is_none() && upstream.fragment().is_none();
        if !(matches!(upstream.scheme(), "http" | "https") && upstream.has_host() && plain) {
            return Err(SettingsError::Upstream(upstream.clone()));
        }
        // Wallet and token are the processor's to say: they are compared when it is asked.
        if self.payee.address.is_some_and(|own| own.0 == Address::ZERO) {
            return Err(LostPayee::Zero.into());
        }
        if self.routes.is_empty() {
            return Err(SettingsError::NothingSold);
        }
        CorsOrigins::new(&self.cors_origins)?;
        self.prices()?;
        self.check_spelling()
    }

    /// What an operator should know of these settings, though they can be used.
    pub fn warnings(&self) -> Vec<String> {
        let cheaper = self.catch_alls().map(|(cheap, dear)| {
            format!(
                "the route {} costs {}, and has whatever the service alone takes for {}, which costs {}",
                cheap.path, cheap.price, dear.path, dear.price
            )
        });
        cheaper.collect()
    }

    /// How the service reads paths.
    pub(super) fn spelling(&self) -> Spelling {
        Spelling {
            any_case: self.ignore_case.unwrap_or_default(),
            any_trailing_slash: self.ignore_trailing_slash.unwrap_or_default(),
        }
    }

    fn check_spelling(&self) -> Result<(), SettingsError> {
        let why = match (self.unpriced, self.catch_alls().next()) {
            (Unpriced::Pass, _) => "what no route has is free".to_owned(),
            (Unpriced::Refuse, Some((cheap, dear))) => {
                format!("the route {} is cheaper than {}", cheap.path, dear.path)
            }
            (Unpriced::Refuse, None) => return Ok(()),
        };
        let said = [
            ("ignore_case", self.ignore_case, "/A", "/a"),
            ("ignore_trailing_slash", self.ignore_trailing_slash, "/a/", "/a"),
        ];
        match said.into_iter().find(|(_, said, ..)| said.is_none()) {
            Some((setting, _, one, other)) => {
                Err(SettingsError::Spelling { setting, why, one, other })
            }
            None => Ok(()),
        }
    }

    /// Routes with a wildcard that cost less than another one that they would have too, were it not there.
    fn catch_alls(&self) -> impl Iterator<Item = (&RouteSettings, &RouteSettings)> {
        self.routes.iter().filter(|cheap| cheap.path.contains('{')).flat_map(|cheap| {
            let mut alone = matchit::Router::new();
            let there = alone.insert(cheap.path.as_str(), ()).is_ok();
            let dearer = self.routes.iter().filter(move |dear| {
                let other = dear.path != cheap.path && dear.price > cheap.price;
                there && other && alone.at(&dear.path.replace(['{', '}', '*'], "x")).is_ok()
            });
            dearer.map(move |dear| (cheap, dear))
        })
    }

    /// The prices, by path and method.
    pub(super) fn prices(&self) -> Result<matchit::Router<Prices>, SettingsError> {
        let spelling = self.spelling();
        let mut by_path: BTreeMap<String, Prices> = BTreeMap::new();
        for route in &self.routes {
            by_path.entry(spelling.of(&route.path)).or_default().add(route)?;
        }
        let mut router = matchit::Router::new();
        for (path, prices) in by_path {
            let added = router.insert(path.as_str(), prices);
            added.map_err(|error| SettingsError::Path { path, reason: error.to_string() })?;
        }
        Ok(router)
    }
}

/// The prices of one path.
#[derive(Clone, Debug, Default)]
pub(super) struct Prices {
    path: String,
    any: Option<Quote>,
    methods: BTreeMap<String, Quote>,
}

impl Prices {
    fn add(&mut self, route: &RouteSettings) -> Result<(), SettingsError> {
        let path = route.path.clone();
        if !path.starts_with('/') {
            let reason = "a path begins with /".to_owned();
            return Err(SettingsError::Path { path, reason });
        }
        self.path.clone_from(&path);
        let quote = route.quote();
        let twice = |method: &str| {
            Err(SettingsError::Twice { path: path.clone(), method: method.to_owned() })
        };
        let Some(methods) = &route.methods else {
            return match self.any.replace(quote) {
                Some(_) => twice("all methods"),
                None => Ok(()),
            };
        };
        for method in methods {
            // Unknown ones are extensions of HTTP; small letters are a mistake.
            let known = method.parse::<Method>().is_ok();
            if !known || method.bytes().any(|byte| byte.is_ascii_lowercase()) {
                let (path, method) = (path.clone(), method.clone());
                return Err(SettingsError::Method { path, method });
            }
            if self.methods.insert(method.clone(), quote.clone()).is_some() {
                return twice(method);
            }
        }
        Ok(())
    }

    /// The route's path, as it is set.
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// The price for a method. HEAD costs what GET does: services answer it by GET's handler.
    pub(super) fn of(&self, method: &Method) -> Option<&Quote> {
        let own = self.methods.get(method.as_str());
        let of_get = || self.methods.get("GET").filter(|_| method == Method::HEAD);
        own.or_else(of_get).or(self.any.as_ref())
    }
}

impl RouteSettings {
    fn quote(&self) -> Quote {
        let Self { description, mime_type, .. } = self.clone();
        Quote { description, mime_type, ..Quote::new(self.price, self.metered) }
    }
}
