//! An agent's wallet, as an agent sees it.

use aep2_mcp::{Reach, WalletServer};
use aep2_payee::Quote;
use aep2_payer::wallet::{KEY_FILE, LimitSettings, TokenLimits, Wallet, WalletSettings, key};
use aep2_tests::stand_in::{Counter, Shop, TOKEN, World, account, amount, ceiling, secret, serve};
use aep2_x402::headers::PAYMENT_SIGNATURE;
use axum::{
    Json, Router,
    body::Bytes,
    extract::{Path, Request},
    http::HeaderMap,
    middleware::{self, Next},
    routing::{get, post},
};
use rmcp::{RoleClient, model::CallToolResult, service::RunningService};
use serde_json::{Value, json};

use super::shop::{self, Tools, call, text};

/// An agent with a wallet, and what it may spend: 1000 at once, 2000 on a host, 5000 a day.
struct Agent {
    client: RunningService<RoleClient, ()>,
    directory: tempfile::TempDir,
}

impl Agent {
    async fn new(world: &World, hosts: Option<&[&str]>) -> Self {
        Self::reaching(world, hosts, Reach::Anywhere).await
    }

    async fn reaching(world: &World, hosts: Option<&[&str]>, reach: Reach) -> Self {
        let directory = tempfile::tempdir().unwrap();
        key::write(&directory.path().join(KEY_FILE), &secret(1)).unwrap();
        let tokens = vec![TokenLimits {
            token: TOKEN.into(),
            symbol: Some("TUSD".to_owned()),
            decimals: Some(6),
            per_call: amount(1_000),
            per_host: amount(2_000),
            per_day: amount(5_000),
        }];
        let hosts = hosts.map(|hosts| hosts.iter().map(|host| (*host).to_owned()).collect());
        let settings = WalletSettings {
            account: account(1),
            processor_url: processor(world).await,
            chain_id: world.venue.chain,
            wallet: world.venue.wallet.into(),
            processor: world.venue.processor.into(),
            arbiters: Vec::new(),
            limits: LimitSettings { hosts, payees: None, tokens },
        };
        let wallet = Wallet::create(directory.path(), settings).unwrap();
        let client = shop::piped(WalletServer::new(wallet, reach).unwrap()).await;
        Self { client, directory }
    }

    async fn ask(&self, tool: &'static str, arguments: Value) -> CallToolResult {
        self.client.call_tool(call(tool, arguments)).await.unwrap()
    }

    /// What a tool says when all is well.
    async fn told(&self, tool: &'static str, arguments: Value) -> Value {
        let result = self.ask(tool, arguments).await;
        assert_eq!(result.is_error, Some(false), "{result:?}");
        result.structured_content.unwrap()
    }

    /// What a tool says when it does not do as it was asked.
    async fn refused(&self, tool: &'static str, arguments: Value) -> String {
        let result = self.ask(tool, arguments).await;
        assert_eq!(result.is_error, Some(true), "{result:?}");
        text(&result).to_owned()
    }
}

/// What the processor says about accounts.
async fn processor(world: &World) -> url::Url {
    let owner = world.payee_key.address();
    let account = move |Path(number): Path<u32>| async move {
        Json(json!({
            "account": number,
            "owner": owner,
            "served": true,
            "keyHash": format!("0x{}", "0".repeat(64)),
            "purses": [{"token": TOKEN, "balance": "5000000", "reserved": "1000000", "free": "4000000"}],
        }))
    };
    serve(Router::new().route("/v1/accounts/{id}", get(account))).await
}

/// A service: a joke for 700, what you say for 300, a long answer for 1, something dear.
async fn service(world: &World, served: &Counter) -> Shop {
    let count = served.clone();
    world
        .payee(|payee| {
            let charge = |price| payee.charge(Quote::fixed(ceiling(price)));
            let joke = move || async move { format!("joke {}", count.add()) };
            let echo = |headers: HeaderMap, body: Bytes| async move {
                format!("{:?} {}", headers.get("x-mood"), String::from_utf8(body.to_vec()).unwrap())
            };
            Router::new()
                .route("/joke", get(joke).layer(charge(700)))
                .route("/echo", post(echo).layer(charge(300)))
                .route("/long", get(|| async { "ä".repeat(50_000) }).layer(charge(1)))
                .route("/bytes", get(|| async { vec![0xff_u8; 10] }))
                .route("/dear", get(|| async { "gold" }).layer(charge(1_001)))
        })
        .await
}

#[tokio::test]
async fn an_agent_pays_within_its_owners_limits_and_not_beyond_them() {
    let (world, served) = (World::new().await, Counter::default());
    let shop = service(&world, &served).await;
    let agent = Agent::new(&world, None).await;
    let joke = json!({"url": shop.at("/joke")});

    let price = agent.told("price", joke.clone()).await;
    assert_eq!((&price["amount"], &price["shown"]), (&json!("700"), &json!("0.0007 TUSD")));
    assert_eq!(served.get(), 0, "asking costs nothing");

    let told = agent.told("pay", joke.clone()).await;
    assert_eq!((&told["status"], &told["body"]), (&json!(200), &json!("joke 1")));
    assert_eq!(told["paid"]["shown"], "0.0007 TUSD");
    assert_eq!(told["paid"]["receipt"], "verified");
    let echo = json!({
        "url": shop.at("/echo"), "method": "POST", "body": "hello", "headers": {"x-mood": "fine"},
    });
    assert_eq!(agent.told("pay", echo.clone()).await["body"], r#"Some("fine") hello"#);
    assert_eq!(world.ledger.count(), 2);

    // One payment, then what one host may have: nothing goes out.
    let words = agent.refused("pay", json!({"url": shop.at("/dear")})).await;
    assert!(words.contains("at most 1000") && words.contains("tell the owner"), "{words}");
    agent.told("pay", joke.clone()).await;
    let words = agent.refused("pay", joke).await;
    assert!(words.contains("1700 of 2000 was spent"), "{words}");
    assert_eq!((served.get(), world.ledger.count()), (2, 3));

    let limits = agent.told("limits", json!({})).await;
    let own = &limits["tokens"][0];
    assert_eq!((&own["spentIn24h"], &own["leftNow"]), (&json!("1700"), &json!("3300")));
    assert_eq!(
        (&limits["hosts"], &own["shown"]["perPayment"]),
        (&json!("any"), &json!("0.001 TUSD"))
    );

    let history = agent.told("history", json!({"count": 2})).await;
    assert_eq!(history["inAll"], 3);
    assert_eq!(history["payments"].as_array().unwrap().len(), 2);
    assert_eq!(history["payments"][1]["amount"], "300", "the newest first");
    assert_eq!(history["payments"][0]["state"], "accepted");
    let balance = agent.told("balance", json!({})).await;
    assert_eq!(balance["tokens"][0]["shown"], "4 TUSD");
    assert_eq!(balance["tokens"][0]["free"], "4000000");
}

#[tokio::test]
async fn an_agent_cannot_change_its_limits_or_see_a_key() {
    let world = World::new().await;
    let agent = Agent::new(&world, None).await;
    let tools = agent.client.list_all_tools().await.unwrap();
    let mut names: Vec<_> = tools.iter().map(|tool| tool.name.as_ref()).collect();
    names.sort_unstable();
    assert_eq!(names, ["balance", "history", "limits", "pay", "pay_tool", "price", "tools"]);
    for tool in &tools {
        assert!(tool.description.as_ref().is_some_and(|words| words.len() > 40), "{}", tool.name);
        assert!(tool.annotations.is_some(), "{}", tool.name);
    }
    let schema = json!(tools.iter().find(|tool| tool.name == "pay").unwrap().input_schema);
    assert_eq!(schema["properties"]["url"]["maxLength"], 4_096);
    assert_eq!(schema["properties"]["headers"]["maxProperties"], 32);
    assert_eq!(schema["required"], json!(["url"]));

    let before = std::fs::read(agent.directory.path().join("wallet.toml")).unwrap();
    let secret = std::fs::read_to_string(agent.directory.path().join(KEY_FILE)).unwrap();
    let secret: Value = serde_json::from_str(&secret).unwrap();
    let secret = secret["privateKey"].as_str().unwrap();
    let all = [
        agent.ask("limits", json!({"perDay": "1"})).await,
        agent.ask("balance", json!({})).await,
        agent.ask("history", json!({})).await,
    ];
    let said = json!(all).to_string();
    assert!(!said.contains(secret.trim_start_matches("0x")));
    assert_eq!(std::fs::read(agent.directory.path().join("wallet.toml")).unwrap(), before);
}

#[tokio::test]
async fn what_an_agent_asks_for_and_gets_is_bounded() {
    let (world, served) = (World::new().await, Counter::default());
    let shop = service(&world, &served).await;
    let agent = Agent::new(&world, None).await;
    // Cut in the middle of a character.
    let told = agent.told("pay", json!({"url": shop.at("/long"), "answerBytesMax": 1_001})).await;
    assert_eq!(told["body"].as_str().unwrap().len(), 1_000);
    assert_eq!(told["cut"], "only the first 1001 bytes of 100000 are shown");
    let told = agent.told("pay", json!({"url": shop.at("/bytes")})).await;
    assert_eq!(told["note"], "the answer is not text: 10 bytes, not shown");
    assert_eq!(told["paid"], Value::Null);

    let url = shop.at("/joke");
    for (arguments, words) in [
        (json!({"url": "ftp://example.com/"}), "http:// or https://"),
        (json!({"url": "no url"}), "is no URL"),
        (json!({"url": format!("{url}?{}", "x".repeat(4_096))}), "longer than 4096"),
        (json!({"url": url, "body": "x".repeat((256 << 10) + 1)}), "longer than 262144"),
        (json!({"url": url, "headers": {"Payment-Signature": "x"}}), "set by the wallet itself"),
        (json!({"url": url, "headers": {"X-PAYMENT": "x"}}), "set by the wallet itself"),
        (json!({"url": url, "headers": {"a": "b\r\nc: d"}}), "a value that headers cannot have"),
    ] {
        let said = agent.refused("pay", arguments).await;
        assert!(said.contains(words), "{said}");
    }
    // What the schema does not have is refused by the protocol.
    for arguments in
        [json!({}), json!({"url": url, "method": "BREW"}), json!({"url": url, "limit": 1})]
    {
        let asked = agent.client.call_tool(call("pay", arguments.clone())).await;
        assert!(asked.is_err() || asked.unwrap().is_error == Some(true), "{arguments}");
    }
    assert_eq!(served.get(), 0);
}

#[tokio::test]
async fn a_host_that_may_not_be_paid_is_not_even_asked() {
    let (world, served) = (World::new().await, Counter::default());
    let shop = service(&world, &served).await;
    let agent = Agent::new(&world, Some(&["api.example.com"])).await;
    let url = shop.at("/bytes");
    for (tool, arguments) in [
        ("pay", json!({"url": url})),
        ("price", json!({"url": url})),
        ("tools", json!({"url": url})),
        ("pay_tool", json!({"url": url, "tool": "echo"})),
    ] {
        let words = agent.refused(tool, arguments).await;
        assert!(words.contains("does not allow payments to 127.0.0.1:"), "{words}");
    }
}

#[tokio::test]
async fn services_of_the_wallets_own_machine_are_not_asked_unless_the_owner_names_them() {
    let (world, served) = (World::new().await, Counter::default());
    let shop = service(&world, &served).await;
    let agent = Agent::reaching(&world, None, Reach::Public).await;
    let port = shop.url.port().unwrap();
    for host in ["127.0.0.1", "localhost", "[::1]", "2130706433"] {
        let url = format!("http://{host}:{port}/bytes");
        for (tool, arguments) in [
            ("pay", json!({"url": url})),
            ("price", json!({"url": url})),
            ("tools", json!({"url": url})),
            ("pay_tool", json!({"url": url, "tool": "echo"})),
        ] {
            let words = agent.refused(tool, arguments).await;
            // A name is looked up by the client underneath, which says less about tools' servers.
            let said = words.contains("of this machine or of its network");
            let unsaid = host == "localhost" && words.contains("no MCP server that answers");
            assert!(said || unsaid, "{tool} {host}: {words}");
            assert_eq!(served.get(), 0, "{tool} {host} was asked");
        }
    }
    // Its processor is the owner's, wherever it is.
    assert_eq!(agent.told("balance", json!({})).await["account"], 1);

    let own = format!("127.0.0.1:{port}");
    let agent = Agent::reaching(&world, Some(&[&own]), Reach::Public).await;
    assert_eq!(agent.told("pay", json!({"url": shop.at("/bytes")})).await["status"], 200);
}

/// A language model that gets no answer calls again: that must be the same payment.
#[tokio::test]
async fn a_payment_that_was_not_answered_is_the_same_payment_when_it_is_asked_for_again() {
    let (world, served, lost) = (World::new().await, Counter::default(), Counter::default());
    let (count, breaks) = (served.clone(), lost.clone());
    // Serves, and then the line breaks: as often as the wallet tries by itself.
    let broken = middleware::from_fn(move |request: Request, next: Next| {
        let (breaks, pays) = (breaks.clone(), request.headers().contains_key(PAYMENT_SIGNATURE));
        async move {
            let response = next.run(request).await;
            assert!(!pays || breaks.add() > 4, "the line breaks");
            response
        }
    });
    let shop = world
        .payee(|payee| {
            let joke = move || async move { format!("joke {}", count.add()) };
            let charge = payee.charge(Quote::fixed(ceiling(700)));
            Router::new().route("/joke", get(joke).layer(charge)).layer(broken)
        })
        .await;
    let agent = Agent::new(&world, None).await;
    let joke = json!({"url": shop.at("/joke")});
    let words = agent.refused("pay", joke.clone()).await;
    assert!(words.contains("exactly the same arguments"), "{words}");
    let told = agent.told("pay", joke.clone()).await;
    assert_eq!((&told["body"], &told["paid"]["receipt"]), (&json!("joke 1"), &json!("verified")));
    assert_eq!((lost.get(), served.get(), world.ledger.count()), (5, 1, 1));
    // Once it was answered, the same request is a new one.
    assert_eq!(agent.told("pay", joke).await["body"], "joke 2");
}

#[tokio::test]
async fn an_agent_lists_and_pays_tools_of_another_server() {
    let world = World::new().await;
    let tools = Tools::default();
    let url = shop::at_its_address(&world, tools.clone()).await;
    let agent = Agent::new(&world, None).await;
    let listed = agent.told("tools", json!({"url": url})).await;
    assert_eq!(listed["tools"][0]["name"], "echo");
    let told = agent
        .told("pay_tool", json!({"url": url, "tool": "echo", "arguments": {"say": "hi"}}))
        .await;
    assert_eq!(told["result"]["content"][0]["text"], r#"1 {"say":"hi"}"#);
    assert_eq!(
        (&told["paid"]["amount"], &told["paid"]["receipt"]),
        (&json!("700"), &json!("verified"))
    );
    assert_eq!(
        agent.told("pay_tool", json!({"url": url, "tool": "free"})).await["paid"],
        Value::Null
    );
    agent.told("pay_tool", json!({"url": url, "tool": "echo"})).await;
    let words = agent.refused("pay_tool", json!({"url": url, "tool": "echo"})).await;
    assert!(words.contains("1400 of 2000 was spent"), "{words}");
    assert_eq!((tools.served.get(), world.ledger.count()), (3, 2));
}
