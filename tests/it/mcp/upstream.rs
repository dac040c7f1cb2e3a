//! A program that knows nothing of payments, with prices on its tools.

use std::{fs::File, time::Duration};

use aep2_mcp::{
    CHARGE, OUTPUT_SCHEMA, Priced, Upstream, UpstreamError,
    sell::{EXAMPLE, SellError, Seller, SellerSettings},
};
use aep2_payee::{ConnectError, settings::FileError};
use aep2_tests::stand_in::{World, amount};
use rmcp::{ErrorData, RoleServer, ServerHandler, ServiceExt, model::*, service::RequestContext};
use serde_json::json;
use tokio::process::Command;

use super::shop::{self, buyer, call, text};

/// What the program does, when this is set.
const PROGRAM: &str = "AEP2_TEST_MCP_PROGRAM";

/// A server over standard input and output: `measure` says what it came to, `crash` ends it, `hang`
/// never answers, `free` is free.
#[derive(Clone, Debug)]
struct Program;

impl ServerHandler for Program {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(
            ServerCapabilities::builder().enable_tools().enable_tool_list_changed().build(),
        )
        .with_instructions("call measure")
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let schema = json!({"type": "object"}).as_object().unwrap().clone();
        let tools = ["measure", "crash", "hang", "free"];
        let tool = |name| {
            let mut tool = Tool::new(name, "a tool", schema.clone());
            tool.output_schema = Some(schema.clone().into());
            tool
        };
        Ok(ListToolsResult::with_all_items(tools.map(tool).to_vec()))
    }

    async fn call_tool(
        &self,
        call: CallToolRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let arguments = call.arguments.unwrap_or_default();
        match call.name.as_ref() {
            "crash" => std::process::exit(1),
            "hang" => std::future::pending().await,
            _ => {}
        }
        let meta = arguments.get("charge").map(|charge| json!({ CHARGE: charge }));
        let result = CallToolResult::success(vec![ContentBlock::text("measured")]);
        let meta = meta.map(|meta| serde_json::from_value(meta).unwrap());
        Ok(result.with_meta(meta).into())
    }
}

#[tokio::test]
#[ignore = "a child process of other tests"]
async fn the_program() {
    if std::env::var_os(PROGRAM).is_none() {
        return;
    }
    // Standard output is the test harness's.
    let output = tokio::fs::File::from_std(File::options().write(true).open("/dev/fd/3").unwrap());
    let running = Program.serve((tokio::io::stdin(), output)).await.unwrap();
    running.waiting().await.unwrap();
}

fn program() -> Command {
    let mut command = Command::new("sh");
    let script = r#"exec "$0" --exact mcp::upstream::the_program --ignored --nocapture 3>&1 1>/dev/null 2>&1"#;
    command.args(["-c", script]).arg(std::env::current_exe().unwrap()).env(PROGRAM, "1");
    command
}

async fn upstream(retry: Duration) -> (Upstream, aep2_mcp::Running) {
    Upstream::start(program(), Duration::from_secs(60), retry).await.unwrap()
}

fn priced(world: &World, upstream: Upstream) -> Priced<Upstream> {
    let settings = SellerSettings::parse(
        "[tools.measure]\nprice = '1000'\nmetered = true\n[tools.crash]\nprice = '9'\n[tools.hang]\nprice = '9'",
    );
    let quotes = settings.unwrap().tools;
    let price =
        move |call: &CallToolRequestParams| quotes.get(call.name.as_ref()).map(|tool| tool.quote());
    Priced::new(upstream, shop::name(), shop::payee(world, |_| {}), price)
}

#[tokio::test]
async fn a_program_that_knows_nothing_of_payments_sells_its_tools() {
    let world = World::new().await;
    let (upstream, _running) = upstream(Duration::from_secs(20)).await;
    let (_, client) = shop::over_http(priced(&world, upstream)).await;
    let told = client.peer_info().unwrap();
    assert_eq!(told.instructions.as_deref(), Some("call measure"));
    assert!(
        told.capabilities.tools.as_ref().unwrap().list_changed.is_none(),
        "nothing is told by itself"
    );
    assert_eq!(client.list_all_tools().await.unwrap().len(), 4);
    let buyer = buyer(world.payer(1), client.peer());
    assert!(buyer.call(call("free", json!({}))).await.unwrap().payment.is_none());
    // A name that another program might take for the priced one does not reach it.
    for near in ["measure ", "Measure", "me\u{200b}asure"] {
        assert!(buyer.call(call(near, json!({}))).await.is_err(), "{near:?}");
    }
    // It says what it came to; says nothing; says too much; says what is no amount.
    let full = json!({"charge": "1001"});
    for (arguments, captured) in [
        (json!({"charge": "70"}), Some(70)),
        (json!({"charge": "0"}), Some(0)),
        (json!({}), None),
        (full, None),
        (json!({"charge": "99999999999999999999999999999999999999999999"}), None),
        // What nobody can read is nothing.
        (json!({"charge": 70}), Some(0)),
        (json!({"charge": "abc"}), Some(0)),
        (json!({"charge": "-1"}), Some(0)),
        (json!({"charge": "+5"}), Some(0)),
        (json!({"charge": null}), Some(0)),
    ] {
        let bought = buyer.call(call("measure", arguments.clone())).await.unwrap();
        assert_eq!(text(&bought.result), "measured");
        assert_eq!(bought.payment.unwrap().captured, captured.map(amount), "{arguments}");
    }
}

/// MCP's TypeScript client refuses a result that is not of the tool's schema, and terms are not.
#[tokio::test]
async fn a_priced_tools_schema_does_not_stand_between_a_payer_and_the_terms() {
    let world = World::new().await;
    let (upstream, _running) = upstream(Duration::from_secs(20)).await;
    let client = shop::piped(priced(&world, upstream)).await;
    for tool in client.list_all_tools().await.unwrap() {
        let kept = tool.meta.as_ref().and_then(|meta| meta.0.get(OUTPUT_SCHEMA));
        if tool.name == "free" {
            assert!(tool.output_schema.is_some() && kept.is_none());
        } else {
            assert_eq!((tool.output_schema, kept), (None, Some(&json!({"type": "object"}))));
        }
    }
}

#[tokio::test]
async fn a_program_that_never_answers_initialize_is_given_up_with_a_word() {
    let mut silent = Command::new("sleep");
    silent.arg("60");
    let soon = Duration::from_millis(300);
    let error = Upstream::start(silent, soon, soon).await.unwrap_err();
    assert!(matches!(error, UpstreamError::Late(after) if after == soon), "{error}");
}

#[tokio::test]
async fn a_program_that_hangs_or_dies_charges_nothing() {
    let world = World::new().await;
    let (upstream, running) = upstream(Duration::from_millis(500)).await;
    let client = shop::piped(priced(&world, upstream)).await;
    let buyer = buyer(world.payer(1), client.peer());
    for tool in ["hang", "crash"] {
        let bought = buyer.call(call(tool, json!({}))).await.unwrap();
        assert_eq!(bought.result.is_error, Some(true), "{tool}");
        assert_eq!(bought.payment.unwrap().captured, Some(amount(0)), "{tool}");
    }
    // Whoever runs it is told.
    tokio::time::timeout(Duration::from_secs(10), running.ended()).await.unwrap();
}

#[tokio::test]
async fn settings_that_would_give_something_away_are_refused() {
    let example = SellerSettings::parse(EXAMPLE).unwrap();
    assert_eq!(example.tools["forecast"].price, aep2_tests::stand_in::ceiling(1_000));
    assert!(example.tools["simulate"].metered);
    assert!(matches!(SellerSettings::parse("listen = '127.0.0.1:1'"), Err(SellError::NothingSold)));
    for text in
        ["prices = 1", "[tools.a]\nprice = 1000", "[tools.a]\nprice = '0'", "[tools.a]\nfee = '1'"]
    {
        assert!(
            matches!(SellerSettings::parse(text), Err(SellError::File(FileError::Toml(_)))),
            "{text}"
        );
    }
}

#[tokio::test]
async fn a_seller_starts_only_where_everything_fits() {
    let world = World::new().await;
    let mut settings = SellerSettings::parse("[tools.measure]\nprice = '1000'").unwrap();
    settings.payee.processor = world.processor_url.clone();
    let key = Some(world.payee_key.clone());
    let start = |settings: SellerSettings, key| async move {
        Seller::start(&settings, shop::name(), key, reqwest::Client::new(), program()).await
    };
    let seller = start(settings.clone(), key.clone()).await.unwrap();
    assert_eq!(seller.free, ["crash", "hang", "free"]);
    assert_eq!(seller.payee.address(), world.payee_key.address());
    let client = shop::piped(seller.server).await;
    let bought =
        buyer(world.payer(1), client.peer()).call(call("measure", json!({}))).await.unwrap();
    assert!(bought.payment.unwrap().receipt.is_ok());

    // A slip in a tool's name would give the tool away.
    let mut slip = settings.clone();
    let price = slip.tools["measure"].clone();
    slip.tools.insert("mesure".to_owned(), price);
    match start(slip, key.clone()).await {
        Err(SellError::NoSuchTool { wanted, found }) => {
            assert_eq!(wanted, "mesure");
            assert!(found.contains(&"measure".to_owned()));
        }
        other => panic!("{other:?}"),
    }
    let nobody = start(settings.clone(), None).await;
    assert!(matches!(nobody, Err(SellError::Payee(ConnectError::NoPayee))), "{nobody:?}");
    let mut metered = settings.clone();
    metered.payee.address = Some(world.payee_key.address().into());
    metered.tools.get_mut("measure").unwrap().metered = true;
    let keyless = start(metered, None).await;
    assert!(matches!(keyless, Err(SellError::Payee(ConnectError::NoKey(_)))), "{keyless:?}");
    settings.payee.processor = "http://127.0.0.1:1/".parse().unwrap();
    match start(settings, key).await {
        Err(SellError::Payee(ConnectError::Processor { source, .. })) => {
            assert!(source.is_passing())
        }
        other => panic!("{other:?}"),
    }
}
