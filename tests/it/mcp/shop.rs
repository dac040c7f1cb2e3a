//! A server that sells tools, and a client that is connected to it.

use std::time::Duration;

use aep2_mcp::{Buyer, Priced, sell};
use aep2_payee::{Paid, Payee, PayeeConfig, Quote, cors::CorsOrigins};
use aep2_payer::{Payer, RetryPolicy};
use aep2_tests::stand_in::{Counter, World, amount, ceiling, serve};
use aep2_x402::mcp::ServerName;
use rmcp::{
    ErrorData, RoleClient, RoleServer, ServerHandler, ServiceExt,
    model::*,
    service::{Peer, RequestContext, RunningService},
    transport::StreamableHttpClientTransport,
};
use serde_json::{Value, json};
use url::Url;

/// Tools: `echo` costs 700, `think` up to 1000 at ten a letter, `fail`, `panic` and `later` 9;
/// `free` nothing.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tools {
    pub(crate) served: Counter,
    /// How long every call takes.
    pub(crate) takes: Duration,
    /// What else calls came with, beside their arguments.
    pub(crate) seen: std::sync::Arc<std::sync::Mutex<Vec<Value>>>,
}

pub(crate) fn price(call: &CallToolRequestParams) -> Option<Quote> {
    match call.name.as_ref() {
        "echo" => Some(Quote::fixed(ceiling(700)).described("what you said")),
        "think" => Some(Quote::metered(ceiling(1_000))),
        "fail" | "refuse" | "panic" | "later" => Some(Quote::fixed(ceiling(9))),
        _ => None,
    }
}

impl ServerHandler for Tools {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let schema = json!({"type": "object"}).as_object().unwrap().clone();
        let tools = ["echo", "think", "fail", "free"];
        let tools = tools.map(|name| Tool::new(name, "a tool", schema.clone()));
        Ok(ListToolsResult::with_all_items(tools.to_vec()))
    }

    async fn call_tool(
        &self,
        call: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let n = self.served.add();
        self.seen.lock().unwrap().push(json!({"meta": context.meta, "params": call.meta}));
        tokio::time::sleep(self.takes).await;
        let said = Value::Object(call.arguments.unwrap_or_default()).to_string();
        let text = |text: String| CallToolResult::success(vec![ContentBlock::text(text)]);
        match call.name.as_ref() {
            "fail" => Ok(CallToolResult::error(vec![ContentBlock::text("it failed")]).into()),
            "refuse" => Err(ErrorData::invalid_params("no such thing", None)),
            "panic" => panic!("as tests do"),
            "later" => Ok(InputRequiredResult::from_request_state("more").into()),
            "think" => {
                let paid = context.extensions.get::<Paid>().unwrap();
                assert!(paid.charge(amount(5_000)).is_err(), "above the ceiling");
                paid.charge(amount(said.len() as u128 * 10)).unwrap();
                Ok(text(said).into())
            }
            _ => Ok(text(format!("{n} {said}")).into()),
        }
    }
}

pub(crate) fn name() -> ServerName {
    "tools.example".parse().unwrap()
}

pub(crate) fn payee(world: &World, adjust: impl FnOnce(&mut PayeeConfig)) -> Payee {
    let origin = "http://tools.example/".parse().unwrap();
    let key = world.payee_key.clone();
    let mut config =
        PayeeConfig::new(origin, world.venue, aep2_tests::stand_in::TOKEN, key.address());
    config.settle_within_s = aep2_tests::stand_in::SETTLE_WITHIN_S;
    adjust(&mut config);
    Payee::new(config, world.processor(), Some(key)).unwrap()
}

pub(crate) fn priced(world: &World, tools: Tools) -> Priced<Tools> {
    Priced::new(tools, name(), payee(world, |_| {}), price)
}

/// A client of `server` over a pipe.
pub(crate) async fn piped(server: impl ServerHandler) -> RunningService<RoleClient, ()> {
    let (near, far) = tokio::io::duplex(64 << 10);
    tokio::spawn(async move { server.serve(far).await.unwrap().waiting().await });
    ().serve(near).await.unwrap()
}

/// A client of `server` over streamable HTTP on loopback.
pub(crate) async fn over_http<S: ServerHandler + Clone>(
    server: S,
) -> (Url, RunningService<RoleClient, ()>) {
    let hosts = vec!["127.0.0.1".to_owned()];
    let url = serve(sell::over_http(server, hosts, &CorsOrigins::default()))
        .await
        .join(sell::PATH)
        .unwrap();
    let transport = StreamableHttpClientTransport::from_uri(url.as_str());
    (url, ().serve(transport).await.unwrap())
}

/// A server that is known by its address.
pub(crate) async fn at_its_address(world: &World, tools: Tools) -> Url {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url: Url = format!("http://{}/mcp", listener.local_addr().unwrap()).parse().unwrap();
    let name = ServerName::try_from(&url).unwrap();
    let server = Priced::new(tools, name.clone(), payee(world, |_| {}), price);
    let router = sell::over_http(server, vec![name.to_string()], &CorsOrigins::default());
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

pub(crate) fn buyer(payer: Payer, peer: &Peer<RoleClient>) -> Buyer {
    let retry = RetryPolicy { attempts: 4, pause: Duration::from_millis(30) };
    Buyer::new(payer, peer.clone(), name()).retry(retry, Duration::from_secs(20))
}

pub(crate) fn call(tool: &'static str, arguments: Value) -> CallToolRequestParams {
    CallToolRequestParams::new(tool).with_arguments(arguments.as_object().unwrap().clone())
}

pub(crate) fn text(result: &CallToolResult) -> &str {
    &result.content[0].as_text().unwrap().text
}
