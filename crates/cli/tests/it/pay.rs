//! An agent's wallet, a gateway in front of a service, and a payment between them, by the command
//! line alone: down to the payee's tokens on chain.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};

use aep2_chain::token::Token;
use alloy::{
    primitives::{Address, U256},
    providers::ProviderBuilder,
    transports::http::reqwest::Client,
};
use axum::{Router, extract::Path, http::StatusCode, routing::get};
use serde_json::Value;
use tokio::runtime::Runtime;

use crate::{
    WorkFolder,
    running::Running,
    serve::{self, SETTINGS, work},
};

const LONG: Duration = Duration::from_secs(120);

/// How long the service takes for what is slow.
const SLOW: Duration = Duration::from_secs(8);

/// A service that knows nothing of payments; where it is, and how often it did something slow.
pub(crate) fn service(runtime: &Runtime) -> (String, Arc<AtomicUsize>) {
    let slow = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&slow);
    let answer = async move |Path(name): Path<String>| match name.as_str() {
        "broken" => (StatusCode::INTERNAL_SERVER_ERROR, "broken".to_owned()),
        "slow" => {
            let count = count.fetch_add(1, SeqCst) + 1;
            tokio::time::sleep(SLOW).await;
            (StatusCode::OK, format!("served {count}"))
        }
        name => (StatusCode::OK, format!("the answer to {name}")),
    };
    let router = Router::new().route("/answers/{name}", get(answer));
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    runtime.spawn(async move { axum::serve(listener, router).await });
    (url, slow)
}

/// Asks until the answer is as it should be.
pub(crate) fn wait_for(what: &str, mut ask: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !ask() {
        assert!(begun.elapsed() < LONG, "{what} takes too long");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// It is kept, and sent again as it was: paid once, served once.
fn what_nobody_answers_is_sent_again(work: &WorkFolder, url: &str, slow: &AtomicUsize) {
    let said = work.refused(2, &["pay", "--timeout", "1", url]);
    let unanswered = said.rsplit("--again ").next().unwrap()[..66].to_owned();
    let waiting = work.json(&["wallet", "unanswered"]);
    assert_eq!(
        (&waiting[0]["id"], &waiting[0]["resource"]),
        (&unanswered.clone().into(), &url.into())
    );
    let answered = work.json(&["pay", url]);
    assert_eq!(answered["payment"]["mandateId"], unanswered.clone());
    assert_eq!((&answered["body"], slow.load(SeqCst)), (&"served 1".into(), 1));
    assert_eq!(work.json(&["wallet", "unanswered"]), serde_json::json!([]));
    let said = work.refused(2, &["pay", "--again", &unanswered, url]);
    assert!(said.contains("waits for an answer"), "{said}");
}

#[test]
fn an_agent_pays_a_service_behind_a_gateway_and_the_payee_has_the_tokens() {
    let runtime = Runtime::new().unwrap();
    let settings = format!("{SETTINGS}age_s_max = 2\ncapture_within_s = 15\n");
    let work = work(&settings);
    let served = serve::start(&work);
    let [processor, rpc, deployment] = ["http", "rpc", "deployment"].map(|own| served.said(own));
    let chain = ["--rpc", rpc, "--deployment", deployment, "--from-dev-account", "1"];

    // A wallet, with an account of its own and money in it.
    let create = ["wallet", "create", "--processor", processor, "--per-call", "0.001"];
    let said = work.refused(2, &["pay", "http://127.0.0.1:9/"]);
    assert!(said.contains("aep2 wallet create"), "{said}");
    let created = work.json(&[&create[..], &chain].concat());
    let account = created["account"].as_u64().unwrap();
    assert_eq!(created["limits"]["tokens"][0]["per_call"], "1000");
    assert_eq!(created["limits"]["tokens"][0]["per_day"], "1000000");
    let said = work.refused(2, &[&create[..], &chain].concat());
    assert!(said.contains("there is a wallet"), "{said}");
    let fund = ["wallet", "fund", "--amount", "5", "--mint"];
    assert_eq!(work.json(&[&fund[..], &chain].concat())["account"], account);
    wait_for("the deposit", || {
        let shown = work.json(&["wallet", "show"]);
        shown["served"] == true && shown["tokens"][0]["purse"]["free"] == "5000000"
    });

    // A price for a service that is there.
    // It has ether, for what it gives back.
    let payee = aep2_devchain::dev_accounts().unwrap().swap_remove(8);
    std::fs::write(work.path("payee.key"), format!("{:x}", payee.to_bytes())).unwrap();
    let (upstream, slow) = service(&runtime);
    std::fs::write(
        work.path("gateway.toml"),
        format!(
            "upstream = \"{upstream}\"\nadmin_listen = \"127.0.0.1:0\"\nanswer_within_s = 10\n[payee]\n\
             processor = \"{processor}\"\nkey_file = \"payee.key\"\n[[routes]]\npath = \"/answers/{{name}}\"\n\
             price = \"700\"\n[[routes]]\npath = \"/dear\"\nprice = \"1001\"\n"
        ),
    )
    .unwrap();
    assert_eq!(work.json(&["gateway", "--check-config"])["in_order"], true);
    let gateway = Running::start(&work, &["gateway", "--listen", "127.0.0.1:0"]);
    let at = |path: &str| format!("{}/{path}", gateway.said("origin"));
    assert_eq!(gateway.said("payee"), payee.address().to_string().to_lowercase());

    // Asked for its price, then bought.
    let url = at("answers/42");
    let price = work.json(&["pay", "--dry-run", &url]);
    assert_eq!((&price["amount"], &price["metered"]), (&"700".into(), &false.into()));
    let bought = work.json(&["pay", &url]);
    assert_eq!((&bought["status"], &bought["body"]), (&200.into(), &"the answer to 42".into()));
    let id = bought["payment"]["mandateId"].as_str().unwrap().to_owned();
    assert_eq!(bought["payment"]["receipt"]["receipt"]["mandateId"].as_str().unwrap(), id);
    let plain = work.run(&["pay", &at("answers/43")]);
    assert_eq!(plain.status.code(), Some(0));
    assert_eq!(plain.stdout, b"the answer to 43");
    let noted = String::from_utf8(plain.stderr).unwrap();
    assert!(noted.contains("paid 0.0007 TUSD"), "{noted}");
    // What fails is charged nothing; what is too dear is not paid.
    let broken = work.run(&["pay", "--json", &at("answers/broken")]);
    assert_eq!(broken.status.code(), Some(1));
    let broken: Value = serde_json::from_slice(&broken.stdout).unwrap();
    assert_eq!((&broken["status"], &broken["payment"]["captured"]), (&500.into(), &"0".into()));
    let said = work.refused(2, &["pay", &at("dear")]);
    assert!(said.contains("one payment may be at most 1000"), "{said}");
    let said = work.refused(2, &["pay", "--max", "0.0006", &url]);
    assert!(said.contains("one payment may be at most 600"), "{said}");

    what_nobody_answers_is_sent_again(&work, &at("answers/slow"), &slow);

    let history = work.json(&["wallet", "history"]);
    let states: Vec<_> =
        history.as_array().unwrap().iter().map(|own| (&own["state"], &own["captured"])).collect();
    let accepted = Value::from("accepted");
    assert_eq!(
        states,
        [
            (&accepted, &Value::Null),
            (&accepted, &Value::Null),
            (&accepted, &"0".into()),
            (&accepted, &Value::Null)
        ]
    );
    work.json(&["wallet", "limits", "--host", "api.example.com"]);
    let said = work.refused(2, &["pay", &url]);
    assert!(said.contains("payments to the host 127.0.0.1:"), "{said}");

    // Down to the payee's tokens.
    let mandate = format!("/v1/mandates/{id}");
    wait_for("settling", || serve::get(&served, &mandate)["status"] == "settled");
    what_the_processor_says_the_chain_says_too(&work, &served, &id);
    the_tokens_arrive(&runtime, &served, payee.address(), 3 * 700);
    what_is_given_back_comes_back_once(&work, &served, &id);

    assert_eq!((gateway.terminate(), served.terminate()), (Some(0), Some(0)));
}

/// The gateway kept each receipt beside its settings; a watcher sees that there is nothing to do about them.
fn every_receipt_was_kept_and_none_lapsed(work: &WorkFolder, served: &Running) {
    let files = std::fs::read_dir(work.path("receipts")).unwrap().map(|file| file.unwrap().path());
    let file = files.collect::<Vec<_>>().remove(0);
    let chain = ["--rpc", served.said("rpc"), "--deployment", served.said("deployment")];
    let show = ["receipt", "show", file.to_str().unwrap()];
    assert_eq!(work.json(&[&show[..], &chain].concat()).as_array().unwrap().len(), 4);
    let watch = ["payee", "watch", "--receipts", "receipts", "--key-file", "payee.key", "--once"];
    let watch = [&watch[..], &["--processor", served.said("http"), "--json"], &chain].concat();
    let output = work.run(&watch);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let said = String::from_utf8(output.stdout).unwrap();
    let last: Value = serde_json::from_str(said.lines().last().unwrap()).unwrap();
    assert_eq!((said.lines().count(), &last["lapsed"]), (2, &0.into()), "nothing to tell: {said}");
    // The processor says that they are settled once its blocks are deep enough; the one that failed is over.
    assert!(last["open"].as_u64().unwrap() < 4, "{said}");
}

fn the_tokens_arrive(runtime: &Runtime, served: &Running, payee: Address, base_units: u64) {
    let http = Client::builder().no_proxy().build().unwrap();
    let provider =
        ProviderBuilder::new().connect_reqwest(http, served.said("rpc").parse().unwrap());
    let address: Address = served.ready["tokens"][0].as_str().unwrap().parse().unwrap();
    let token = Token::new(provider, address);
    wait_for("the payout", || {
        runtime.block_on(token.balance_of(payee)).unwrap() == U256::from(base_units)
    });
}

/// A payee refunds in part, by mistake again, and once more on purpose; the payer sees what came back.
fn what_is_given_back_comes_back_once(work: &WorkFolder, served: &Running, id: &str) {
    let [processor, rpc, deployment] = ["http", "rpc", "deployment"].map(|own| served.said(own));
    let at = ["--processor", processor, "--rpc", rpc, "--deployment", deployment];
    let key = ["--key-file", "payee.key"];
    let refund = [&["refund", id][..], &at, &key].concat();
    let give = |more: &[&str]| work.json(&[&refund[..], more].concat());
    let refused = |more: &[&str]| work.refused(2, &[&refund[..], more].concat());
    let shown = || work.json(&[&["refund", id][..], &at].concat());

    let prepared = give(&["--base-units", "300", "--sign-only"]);
    assert_eq!(prepared["refund"]["refund"]["amount"], "300");
    assert_eq!(shown()["refunds"], serde_json::json!([]), "nothing was announced by signing");
    let done = give(&["--base-units", "300"]);
    assert_eq!((&done["outcome"], &done["amount"]), (&"deposited".into(), &"0.0003".into()));
    assert_eq!(done["deposit_nonce"], prepared["authorization"]["nonce"]);
    wait_for("the refund", || shown()["refunds"][0]["status"] == "paid");
    let again = give(&["--amount", "0.0003"]);
    assert_eq!(again["outcome"], "paid_before", "a second run by mistake");
    assert_eq!(again["transactions"], serde_json::json!([]));
    assert_eq!(give(&["--base-units", "300", "--number", "2"])["outcome"], "deposited");
    let said = refused(&["--base-units", "101"]);
    assert!(said.contains("is more than the 0.0001 TUSD that is left"), "{said}");
    let stranger = ["refund", id, "--base-units", "1", "--from-dev-account", "3"];
    let said = work.refused(2, &[&stranger[..], &at].concat());
    assert!(said.contains("only who was paid gives back"), "{said}");

    wait_for("both refunds", || {
        let shown = shown();
        let all = shown["refunds"].as_array().unwrap();
        all.len() == 2 && all.iter().all(|own| own["status"] == "paid")
    });
    let history = work.json(&["wallet", "history"]);
    let own = history.as_array().unwrap().iter().find(|own| own["id"] == id).unwrap();
    assert_eq!(own["refunds"].as_array().unwrap().len(), 2);
    let text = String::from_utf8(work.run(&["wallet", "history"]).stdout).unwrap();
    assert_eq!(text.matches("0.0003 TUSD  refunded").count(), 2, "{text}");
    let offline = work.json(&["wallet", "history", "--offline"]);
    assert!(offline.as_array().unwrap().iter().all(|own| own["refunds"].is_null()));
}

/// The evidence that a mandate was settled holds against the chain, and says no other amount.
fn what_the_processor_says_the_chain_says_too(work: &WorkFolder, served: &Running, id: &str) {
    let proof = serve::get(served, &format!("/v1/mandates/{id}/proof"));
    std::fs::write(work.path("proof.json"), proof.to_string()).unwrap();
    let chain = ["--rpc", served.said("rpc"), "--deployment", served.said("deployment")];
    let verify = |file| [&["inclusion", "verify", file][..], &chain].concat();
    let shown = work.json(&verify("proof.json"));
    assert_eq!((&shown["valid"], &shown["mandate_id"]), (&true.into(), &id.into()));
    assert_eq!((&shown["captured"], &shown["batch_id"]), (&"700".into(), &proof["batchId"]));
    work.altered("proof.json", "altered.json", |proof| proof["captured"] = "600".into());
    let said = work.refused(1, &verify("altered.json"));
    assert!(said.contains("NOT SHOWN") && said.contains("the chain settled 700"), "{said}");
    every_receipt_was_kept_and_none_lapsed(work, served);
}
