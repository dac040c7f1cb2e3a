//! Selling the tools of an MCP server that knows nothing of payments: settings, and the server that
//! comes of them.

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    sync::Arc,
    time::Duration,
};

use aep2_mandate::units::Ceiling;
use aep2_payee::{
    ConnectError, Payee, Quote,
    cors::{CorsOrigins, NoOrigin},
    settings::{self, FileError, PayeeSettings},
};
use aep2_processor_client::lookup::Identity;
use aep2_x402::mcp::{InvalidServerName, ServerName};
use alloy_signer_local::PrivateKeySigner;
use axum::Router;
use rmcp::transport::streamable_http_server::{
    StreamableHttpServerConfig, StreamableHttpService, session::never::NeverSessionManager,
};
use serde::Deserialize;
use thiserror::Error;
use tokio::process::Command;
use url::Url;

use crate::{
    priced::Priced,
    upstream::{Running, Upstream, UpstreamError},
};

/// Where the server is, below its address.
pub const PATH: &str = "/mcp";

/// All settings, with what they do.
pub const EXAMPLE: &str = r#"# Prices for the tools of an MCP server that knows nothing of payments.

# Where it listens. The server is at /mcp there.
listen = "127.0.0.1:8090"
# What payers know the server as: its host, with the port where it is not the scheme's own. Payments
# are bound to it. [default: where it listens; over standard input and output it must be set]
# name = "mcp.example.com"

# Web pages that may call tools and pay, by their origins ("https://app.example.com"), or "*" for all.
cors_origins = []

# How long the MCP server has to begin: to answer `initialize`.
start_within_s = 120
# How long a tool has for its answer. A call that fails is charged nothing, if the processor hears of it
# in time: so this is well below the processor's capture_within_s, or the seller does not start.
answer_within_s = 20

[payee]
# The processor that takes the mandates.
processor = "http://127.0.0.1:8402"
# Ask it by x402's calls instead of its own.
facilitator = false
# The payee's key (`aep2 key new payee.key` makes one; or a V3 keystore): it signs captures of less than the
# price, for calls that fail and for metered tools. Instead of it `address`, where every call is
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

# A price for a tool, by its name: put your server's tools here (a name that it does not have is refused, and
# the answer lists those it has). Tools without one are free.
[tools.forecast]
# In base units of the token: 1000 is 0.001 of a token with 6 decimals.
price = "1000"
description = "A forecast"

[tools.simulate]
# The most that a call can cost; the tool says in its result's _meta, under "aep2/charge", what it
# came to, in base units. A result without it is charged in full.
price = "50000"
metered = true
"#;

/// The settings of a seller. [`EXAMPLE`] has all of them, with what they do.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SellerSettings {
    /// Where it listens.
    #[serde(default = "listen_default")]
    pub listen: SocketAddr,
    /// What payers know it as.
    pub name: Option<String>,
    /// Whose pages may pay in a browser: origins, or `*`.
    #[serde(default)]
    pub cors_origins: Vec<String>,
    /// Who is paid, through which processor.
    #[serde(default)]
    pub payee: PayeeSettings,
    /// How long the MCP server has to begin, in seconds.
    #[serde(default = "start_default")]
    pub start_within_s: u64,
    /// How long a tool has for its answer, in seconds.
    #[serde(default = "answer_default")]
    pub answer_within_s: u64,
    /// What is sold, by the tools' names.
    #[serde(default)]
    pub tools: BTreeMap<String, ToolSettings>,
}

/// A price.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ToolSettings {
    /// The price in base units of the token; with `metered`, the most that a call can cost.
    pub price: Ceiling,
    /// Whether the tool says what each call came to: see [`CHARGE`](crate::CHARGE).
    #[serde(default)]
    pub metered: bool,
    /// What is bought, in words for people.
    pub description: Option<String>,
    /// The media type of what is bought.
    pub mime_type: Option<String>,
}

fn listen_default() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 8090).into()
}

const fn start_default() -> u64 {
    120
}

const fn answer_default() -> u64 {
    20
}

/// Why nothing can be sold.
#[derive(Debug, Error)]
pub enum SellError {
    /// The file cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// Nothing is sold.
    #[error("there is no tool with a price; add a [tools.NAME]")]
    NothingSold,
    /// An origin of web pages is none.
    #[error("cors_origins: {0}")]
    Cors(#[from] NoOrigin),
    /// The name cannot be payers'.
    #[error(transparent)]
    Name(#[from] InvalidServerName),
    /// The payee, or its processor.
    #[error(transparent)]
    Payee(#[from] ConnectError),
    /// The MCP server.
    #[error(transparent)]
    Upstream(#[from] UpstreamError),
    /// A price for a tool that is not there: a slip in its name would give another away.
    #[error("there is no tool {wanted:?}; the MCP server has {}", found.join(", "))]
    NoSuchTool {
        /// The name in the settings.
        wanted: String,
        /// The tools that there are.
        found: Vec<String>,
    },
}

impl SellerSettings {
    /// Reads settings.
    ///
    /// # Errors
    /// When they make no sense.
    pub fn parse(text: &str) -> Result<Self, SellError> {
        let settings: Self = settings::parse(text)?;
        if settings.tools.is_empty() {
            return Err(SellError::NothingSold);
        }
        settings.origins()?;
        Ok(settings)
    }

    /// Whose pages may pay.
    ///
    /// # Errors
    /// When an origin is none.
    pub fn origins(&self) -> Result<CorsOrigins, NoOrigin> {
        CorsOrigins::new(&self.cors_origins)
    }

    /// Reads a file.
    ///
    /// # Errors
    /// When it cannot be read, or makes no sense.
    pub fn read(path: &Path) -> Result<Self, SellError> {
        Self::parse(&settings::text(path)?)
    }
}

impl ToolSettings {
    /// The price, as it is asked.
    pub fn quote(&self) -> Quote {
        let Self { description, mime_type, .. } = self.clone();
        Quote { description, mime_type, ..Quote::new(self.price, self.metered) }
    }
}

/// The tools of a program, with prices on them.
#[derive(Debug)]
pub struct Seller {
    /// The server, to be served over any transport.
    pub server: Priced<Upstream>,
    /// The program.
    pub program: Running,
    /// Who is paid.
    pub payee: Payee,
    /// Through whom.
    pub identity: Identity,
    /// The tools that cost nothing.
    pub free: Vec<String>,
}

impl Seller {
    /// Starts the program `command`, and puts the prices of `settings` on its tools. `name` is what
    /// payers know the server as, `key` is the payee's.
    ///
    /// # Errors
    /// When the processor or the program does not answer, or they do not fit the settings.
    pub async fn start(
        settings: &SellerSettings,
        name: ServerName,
        key: Option<PrivateKeySigner>,
        http: reqwest::Client,
        command: Command,
    ) -> Result<Self, SellError> {
        let metered = settings.tools.iter().find(|(_, tool)| tool.metered);
        // Nothing is sold over HTTP itself; what is bought is named by MCP's own URLs.
        let origin = Url::parse(&format!("http://{name}/"));
        let origin = origin.map_err(|_| InvalidServerName(name.to_string()))?;
        let metered = metered.map(|(name, _)| format!("the tool {name}"));
        let connecting =
            Payee::connect(&settings.payee, origin, key, metered, settings.answer_within_s, http);
        let (payee, identity) = connecting.await?;
        let start_within = Duration::from_secs(settings.start_within_s);
        let answer_within = Duration::from_secs(settings.answer_within_s);
        let (upstream, program) = Upstream::start(command, start_within, answer_within).await?;
        let found = upstream.tools().to_vec();
        if let Some(wanted) = settings.tools.keys().find(|name| !found.contains(name)) {
            return Err(SellError::NoSuchTool { wanted: wanted.clone(), found });
        }
        let free = found.into_iter().filter(|name| !settings.tools.contains_key(name)).collect();
        let prices: BTreeMap<String, Quote> =
            settings.tools.iter().map(|(name, tool)| (name.clone(), tool.quote())).collect();
        let price = move |call: &rmcp::model::CallToolRequestParams| {
            prices.get(call.name.as_ref()).cloned()
        };
        let server = Priced::new(upstream, name, payee.clone(), price);
        Ok(Self { server, program, payee, identity, free })
    }
}

/// A server over streamable HTTP, at [`PATH`], without sessions: every call stands for itself.
/// `hosts` are those by which it may be asked for, with or without ports; `origins` are those whose pages may
/// pay in a browser.
pub fn over_http<S>(server: S, hosts: Vec<String>, origins: &CorsOrigins) -> Router
where
    S: rmcp::ServerHandler + Clone,
{
    let config = StreamableHttpServerConfig::default()
        .with_legacy_session_mode(false)
        .with_json_response(true)
        .with_allowed_hosts(hosts);
    let sessions = Arc::new(NeverSessionManager::default());
    let service = StreamableHttpService::new(move || Ok(server.clone()), sessions, config);
    origins.around(Router::new().route_service(PATH, service))
}
