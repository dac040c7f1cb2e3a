//! Buying and selling tools as it should go.

use std::{sync::atomic::Ordering::SeqCst, time::Duration};

use aep2_mandate::clock::Clock;
use aep2_mcp::{BuyError, Priced};
use aep2_tests::stand_in::{World, amount};
use aep2_x402::{CaptureMode, mcp};
use rmcp::model::CallToolResult;
use serde_json::{Value, json};

use super::shop::{self, Tools, buyer, call, text};

#[tokio::test]
async fn a_tool_is_bought_over_a_pipe_and_nothing_is_served_without_a_receipt() {
    let world = World::new().await;
    let tools = Tools::default();
    let client = shop::piped(shop::priced(&world, tools.clone())).await;

    // Who does not pay gets the terms, in both places that the specification names.
    let asked = client.call_tool(call("echo", json!({"say": "hello"}))).await.unwrap();
    assert_eq!(asked.is_error, Some(true));
    let structured = asked.structured_content.clone().unwrap();
    assert_eq!(serde_json::from_str::<Value>(text(&asked)).unwrap(), structured);
    assert_eq!(structured["x402Version"], 2);
    assert_eq!(structured["error"], "Payment required to call echo");
    assert_eq!(structured["resource"]["description"], "what you said");
    let url = structured["resource"]["url"].as_str().unwrap();
    assert!(url.starts_with("mcp://tools.example/tools/echo?arguments=0x"), "{url}");
    assert_eq!(structured["accepts"][0]["amount"], "700");
    assert_eq!(structured["accepts"][0]["extra"]["method"], "tools/call");
    assert_eq!((tools.served.get(), world.ledger.count()), (0, 0));

    let bought = buyer(world.payer(1), client.peer())
        .call(call("echo", json!({"say": "hello"})))
        .await
        .unwrap();
    assert_eq!(text(&bought.result), r#"1 {"say":"hello"}"#);
    let payment = bought.payment.unwrap();
    assert_eq!(payment.purchase.resource, url);
    assert_eq!(payment.receipt.unwrap().message.mandate_id, payment.id);
    assert_eq!(world.ledger.captured(), [amount(700)]);
    // The payment is for the seller, not for the tool.
    let seen = json!(*tools.seen.lock().unwrap()).to_string();
    assert!(!seen.contains("x402"), "{seen}");
}

#[tokio::test]
async fn a_tool_is_bought_over_http_and_a_tool_without_a_price_is_free() {
    let world = World::new().await;
    let (_, client) = shop::over_http(shop::priced(&world, Tools::default())).await;
    let buyer = buyer(world.payer(1), client.peer());
    assert_eq!(client.list_all_tools().await.unwrap().len(), 4);
    let bought = buyer.call(call("echo", json!({}))).await.unwrap();
    assert!(bought.payment.unwrap().receipt.is_ok());
    let free = buyer.call(call("free", json!({}))).await.unwrap();
    assert!(free.payment.is_none());
    assert_eq!(text(&free.result), "2 {}");
    assert_eq!(world.ledger.captured(), [amount(700)]);
}

#[tokio::test]
async fn a_metered_call_captures_what_the_tool_says() {
    let world = World::new().await;
    let client = shop::piped(shop::priced(&world, Tools::default())).await;
    let payer = world.payer(1);
    let bought =
        buyer(payer.clone(), client.peer()).call(call("think", json!({"a": 1}))).await.unwrap();
    assert_eq!(bought.payment.unwrap().captured, Some(amount(70)));
    assert_eq!(world.ledger.captured(), [amount(70)]);
    payer.flush().await;
    assert_eq!(payer.spent(aep2_tests::stand_in::TOKEN, None).await.unwrap(), amount(70));
}

#[tokio::test]
async fn a_tool_that_fails_charges_nothing() {
    let world = World::new().await;
    let client = shop::piped(shop::priced(&world, Tools::default())).await;
    let buyer = buyer(world.payer(1), client.peer());
    for (tool, words) in [
        ("fail", "it failed"),
        ("refuse", "no such thing"),
        ("panic", "the tool failed"),
        ("later", "did not answer at once"),
    ] {
        let bought = buyer.call(call(tool, json!({}))).await.unwrap();
        assert_eq!(bought.result.is_error, Some(true), "{tool}");
        assert!(text(&bought.result).contains(words), "{:?}", bought.result);
        assert_eq!(bought.payment.unwrap().captured, Some(amount(0)), "{tool}");
    }
    assert_eq!(world.ledger.captured(), [amount(0); 4]);
}

/// Terms known from before, signed without an order, in one round trip.
#[tokio::test]
async fn intent_mode_takes_one_round_trip() {
    let world = World::new().await;
    let tools = Tools::default();
    let client = shop::piped(shop::priced(&world, tools.clone())).await;
    let asked = client.call_tool(call("echo", json!({}))).await.unwrap();
    let mut accepted = asked.structured_content.unwrap()["accepts"][0].clone();
    accepted["extra"].as_object_mut().unwrap().remove("order");
    let paying = shop_payment(&world, accepted, "echo", json!({"say": "at once"})).await;
    let result = client.call_tool(paying).await.unwrap();
    assert_eq!(text(&result), r#"1 {"say":"at once"}"#);
    assert_eq!(world.ledger.captured(), [amount(700)]);
}

/// A call with a payment under these terms.
pub(crate) async fn shop_payment(
    world: &World,
    accepted: Value,
    tool: &'static str,
    arguments: Value,
) -> rmcp::model::CallToolRequestParams {
    let terms: aep2_x402::Requirements = serde_json::from_value(accepted.clone()).unwrap();
    let mut paying = call(tool, arguments);
    let resource = mcp::tool_resource(&shop::name(), tool, paying.arguments.as_ref()).unwrap();
    let payer = world.payer(1);
    let purchase = payer.check(&terms, mcp::METHOD, &resource, "tools.example").unwrap();
    let order = terms.extra.order.map(|order| order.0);
    let sent = payer.authorise(purchase, order, &terms, "tools.example").await.unwrap().send();
    let meta = json!({
        "x402/payment": {"x402Version": 2, "accepted": accepted, "payload": sent.mandate},
    });
    paying.meta = Some(serde_json::from_value(meta).unwrap());
    paying
}

/// The payment that a call went out with, to be sent again.
async fn bought(
    world: &World,
    client: &rmcp::Peer<rmcp::RoleClient>,
) -> (rmcp::model::CallToolRequestParams, CallToolResult) {
    let asked = client.call_tool(call("echo", json!({"a": 1, "b": "x"}))).await.unwrap();
    let accepted = asked.structured_content.unwrap()["accepts"][0].clone();
    let paying = shop_payment(world, accepted, "echo", json!({"a": 1, "b": "x"})).await;
    let result = client.call_tool(paying.clone()).await.unwrap();
    assert_eq!(result.is_error, Some(false), "{result:?}");
    (paying, result)
}

#[tokio::test]
async fn the_same_payment_again_gets_the_same_result_and_is_not_served_twice() {
    let world = World::new().await;
    let tools = Tools::default();
    let server = shop::priced(&world, tools.clone());
    let client = shop::piped(server.clone()).await;
    let (paying, first) = bought(&world, client.peer()).await;
    // Also over another transport: the seller is one.
    let (_, other) = shop::over_http(server).await;
    for client in [&client, &other] {
        let again = client.call_tool(paying.clone()).await.unwrap();
        assert_eq!((&again.content, &again.meta), (&first.content, &first.meta));
    }
    // Other spellings of the same arguments are the same arguments.
    let mut respelled = paying.clone();
    respelled.arguments = Some(serde_json::from_str(r#"{"b":"\u0078","a":1.0}"#).unwrap());
    assert_eq!(client.call_tool(respelled).await.unwrap().content, first.content);
    assert_eq!((tools.served.get(), world.ledger.count()), (1, 1));
}

#[tokio::test]
async fn a_payment_for_one_call_buys_no_other_tool_or_arguments() {
    let world = World::new().await;
    let tools = Tools::default();
    let client = shop::piped(shop::priced(&world, tools.clone())).await;
    let (paying, _) = bought(&world, client.peer()).await;
    for (tool, arguments) in [
        ("echo", Some(json!({"a": 2, "b": "x"}))),
        ("echo", Some(json!({"a": 1}))),
        ("echo", Some(json!({"a": "1", "b": "x"}))),
        ("echo", Some(json!({"a": 1, "b": "x", "c": null}))),
        ("echo", None),
        ("fail", Some(json!({"a": 1, "b": "x"}))),
    ] {
        let mut other = paying.clone();
        other.name = tool.into();
        other.arguments = arguments.map(|value| value.as_object().unwrap().clone());
        let refused = client.call_tool(other).await.unwrap();
        assert_eq!(refused.is_error, Some(true));
        assert_eq!(refused.structured_content.unwrap()["x402Version"], 2, "asked again");
        let settled = mcp::settlement(&refused.meta.unwrap().0).unwrap().unwrap();
        assert!(!settled.success);
    }
    // Two programs may read this as two different numbers, so it cannot be paid for.
    let mut large = paying;
    large.arguments = Some(serde_json::from_str(r#"{"a":9007199254740993}"#).unwrap());
    let refused = client.call_tool(large).await.unwrap();
    assert!(text(&refused).contains("send a string"), "{refused:?}");
    assert_eq!((tools.served.get(), world.ledger.count()), (1, 1));
}

/// Whoever hangs up after paying has paid, and gets the result when it asks again.
#[tokio::test]
async fn a_caller_who_hangs_up_after_paying_gets_the_result_when_it_asks_again() {
    let world = World::new().await;
    let tools = Tools { takes: Duration::from_millis(300), ..Tools::default() };
    let server = shop::priced(&world, tools.clone());
    let client = shop::piped(server.clone()).await;
    let asked = client.call_tool(call("echo", json!({}))).await.unwrap();
    let accepted = asked.structured_content.unwrap()["accepts"][0].clone();
    let paying = shop_payment(&world, accepted, "echo", json!({})).await;
    let hung_up =
        tokio::time::timeout(Duration::from_millis(150), client.call_tool(paying.clone()));
    assert!(hung_up.await.is_err());
    client.cancel().await.unwrap();
    let other = shop::piped(server).await;
    let result = loop {
        let result = other.call_tool(paying.clone()).await.unwrap();
        if result.is_error == Some(false) {
            break result;
        }
        // Not asked for a second payment while the first is being served.
        assert_eq!(result.structured_content.unwrap()["error"]["code"], "in_progress");
    };
    assert_eq!(text(&result), "1 {}");
    assert_eq!((tools.served.get(), world.ledger.captured()), (1, vec![amount(700)]));
}

#[tokio::test]
async fn a_processor_that_answers_late_or_not_does_not_make_anybody_pay_twice() {
    let world = World::new().await;
    let tools = Tools::default();
    let client = shop::piped(shop::priced(&world, tools.clone())).await;
    let buyer = buyer(world.payer(1), client.peer());
    // Longer than the seller asks by itself: the buyer is told to send the same payment again.
    world.ledger.faults.down.store(4, SeqCst);
    let bought = buyer.call(call("echo", json!({}))).await.unwrap();
    assert!(bought.payment.unwrap().receipt.is_ok());
    world.ledger.faults.late.store(1, SeqCst);
    assert!(buyer.call(call("echo", json!({}))).await.unwrap().payment.is_some());
    assert_eq!((tools.served.get(), world.ledger.count()), (2, 2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_buyers_at_once_and_every_sum_is_right() {
    const BUYERS: u32 = 4;
    const CALLS: u32 = 8;
    let world = World::new().await;
    let tools = Tools::default();
    let (_, client) = shop::over_http(shop::priced(&world, tools.clone())).await;
    let mut tasks = Vec::new();
    for number in 1..=BUYERS {
        let buyer = buyer(world.payer(number), client.peer());
        for n in 0..CALLS {
            let buyer = buyer.clone();
            tasks.push(tokio::spawn(async move {
                let bought = buyer.call(call("echo", json!({"n": n}))).await.unwrap();
                assert!(text(&bought.result).ends_with(&format!(r#"{{"n":{n}}}"#)));
                assert!(bought.payment.unwrap().receipt.is_ok());
            }));
        }
    }
    for task in tasks {
        task.await.unwrap();
    }
    let sum: u128 = world.ledger.captured().iter().map(|amount| amount.get()).sum();
    assert_eq!(sum, u128::from(BUYERS * CALLS) * 700);
    assert_eq!(tools.served.get(), (BUYERS * CALLS) as usize);
}

/// A minute's difference is nothing; an order is good for its time.
#[tokio::test]
async fn clocks_that_differ_by_a_minute_do_not_matter_and_old_orders_do() {
    let world = World::new().await;
    let clock = Clock::system();
    let payee = shop::payee(&world, |config| config.clock = clock.clone());
    let server = Priced::new(Tools::default(), shop::name(), payee, shop::price);
    let client = shop::piped(server).await;
    for seconds in [60, -120] {
        clock.advance(seconds);
        let bought = buyer(world.payer(1), client.peer()).call(call("echo", json!({}))).await;
        assert!(bought.unwrap().payment.unwrap().receipt.is_ok(), "{seconds}");
    }
    let asked = client.call_tool(call("echo", json!({}))).await.unwrap();
    let accepted = asked.structured_content.unwrap()["accepts"][0].clone();
    let paying = shop_payment(&world, accepted, "echo", json!({})).await;
    clock.advance(181);
    let late = client.call_tool(paying).await.unwrap();
    let settled = mcp::settlement(&late.meta.unwrap().0).unwrap().unwrap();
    assert_eq!(settled.error_reason.as_deref(), Some("order_expired"));
}

#[tokio::test]
async fn an_account_without_funds_is_told_so_and_charged_nothing() {
    let world = World::new().await;
    let tools = Tools::default();
    let client = shop::piped(shop::priced(&world, tools.clone())).await;
    world.ledger.fund(aep2_tests::stand_in::account(1), 699);
    match buyer(world.payer(1), client.peer()).call(call("echo", json!({}))).await {
        Err(BuyError::Refused { reason, .. }) => assert_eq!(reason, "insufficient_funds"),
        other => panic!("{other:?}"),
    }
    assert_eq!((tools.served.get(), world.ledger.count()), (0, 0));
}

#[tokio::test]
async fn metered_terms_say_so() {
    let world = World::new().await;
    let client = shop::piped(shop::priced(&world, Tools::default())).await;
    let asked = client.call_tool(call("think", json!({}))).await.unwrap();
    let required = mcp::required(asked.structured_content.as_ref(), None).unwrap().unwrap();
    let offer = aep2_x402::offer::offers(&required).remove(0).unwrap();
    assert_eq!(offer.terms.extra.capture, CaptureMode::Metered);
}
