//! From nothing to an agent that pays under a limit: an account on chain, a card, requests that the agent
//! signs, a mandate that a processor takes.

use std::time::{SystemTime, UNIX_EPOCH};

use aep2_cards::{keys::HolderKey, proof, token::CardToken};
use aep2_mandate::units::UnixTime;
use alloy::primitives::{B256, hex};
use reqwest::{Method, StatusCode, header::HeaderMap};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use super::{Service, as_owner, ask};
use crate::{
    pay::wait_for,
    read,
    running::Running,
    serve::{self, SETTINGS, work},
};

const PAYEE: &str = "0x000000000000000000000000000000000000dEaD";
const OTHER: &str = "0x2222222222222222222222222222222222222222";
const HOST: &str = "api.example";

/// An agent with its card.
struct Agent {
    runtime: Runtime,
    http: reqwest::Client,
    issuer: reqwest::Url,
    card: CardToken,
    key: HolderKey,
}

impl Agent {
    fn of(file: &Value) -> Self {
        let seed = hex::decode_to_array(file["holderKey"].as_str().unwrap()).unwrap();
        Self {
            runtime: Runtime::new().unwrap(),
            http: reqwest::Client::builder().no_proxy().build().unwrap(),
            issuer: file["issuer"].as_str().unwrap().parse().unwrap(),
            card: file["card"].as_str().unwrap().parse().unwrap(),
            key: HolderKey::from_seed(&seed),
        }
    }

    /// A signed request, answered.
    fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> (StatusCode, Value) {
        let body = body.map(|body| body.to_string().into_bytes()).unwrap_or_default();
        let host = self.issuer.host_str().unwrap();
        let authority = format!("{host}:{}", self.issuer.port().unwrap());
        let request = proof::Request {
            method: method.as_str(),
            authority: &authority,
            path,
            query: None,
            body: &body,
        };
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let now = UnixTime::new(now).unwrap();
        let signed = proof::sign(&request, &self.card, &self.key, now, &proof::random_nonce());
        let mut headers = HeaderMap::new();
        signed.insert_into(&mut headers);
        let url = self.issuer.join(path).unwrap();
        let request = self.http.request(method, url).headers(headers);
        let request = request.header("content-type", "application/json").body(body);
        let answer = self.runtime.block_on(async {
            let answer = request.send().await.unwrap();
            (answer.status(), answer.text().await.unwrap())
        });
        (answer.0, serde_json::from_str(&answer.1).unwrap_or_default())
    }

    /// Asks for a payment; the request's key is made of `number`.
    fn issue(&self, number: u8, terms: &Value) -> (StatusCode, Value) {
        let body = json!({
            "requestKey": B256::repeat_byte(number).to_string(), "method": "GET",
            "resource": format!("https://{HOST}/answers/{number}"), "terms": terms,
            "purpose": "an answer",
        });
        self.ask(Method::POST, "/v1/issue", Some(&body))
    }
}

/// Terms of a payee, paid through the processor that is served.
fn terms(served: &Running, amount: &str, payee: &str) -> Value {
    let own = serve::get(served, "/");
    json!({
        "scheme": "aep2", "network": format!("eip155:{}", own["chainId"]), "amount": amount,
        "asset": own["tokens"][0]["token"], "payTo": payee, "maxTimeoutSeconds": 120,
        "extra": {
            "wallet": own["wallet"], "processor": own["processor"],
            "settleWithinSeconds": own["settleWithinS"], "name": "AEP2DebitWallet", "version": "1",
            "capture": "full",
        },
    })
}

fn code(answer: &Value) -> &str {
    answer["error"]["code"].as_str().unwrap_or_default()
}

/// A processor, a service with a node of its chain, and a wallet with an account and money in it.
struct Scene {
    service: Service,
    served: Running,
    running: Running,
    account: String,
}

impl Scene {
    fn new() -> Self {
        let work = work(&format!("{SETTINGS}age_s_max = 2\ncapture_within_s = 5\n"));
        let served = serve::start(&work);
        let service = Service::init_in(work);
        let settings = service.work.path("issuer/issuer.toml");
        let text = std::fs::read_to_string(&settings).unwrap();
        let rpc = served.said("rpc");
        let node = format!("\n[chains.31337]\nrpc = \"{rpc}\"\nconfirmations = 0\n");
        std::fs::write(&settings, text + &node).unwrap();
        let running = service.serve();
        let mut scene = Self { service, served, running, account: String::new() };
        scene.account = scene.open_account();
        scene
    }

    /// An account with the service's key, which the service is told only if it has that key.
    fn open_account(&self) -> String {
        let [processor, rpc, file] = ["http", "rpc", "deployment"].map(|own| self.served.said(own));
        let chain = ["--rpc", rpc, "--deployment", file, "--from-dev-account", "1"];
        let create = ["wallet", "create", "--name", "agents", "--out", "key.json"];
        let made = self.owner(&[&create[..], &["--processor", processor]].concat());
        let by = made["wallet"]["processor"].as_str().unwrap().to_owned();
        let work = &self.service.work;
        let open = |key: [&str; 2]| {
            let open = [&["account", "open", "--processor", &by][..], &key, &chain].concat();
            work.json(&open)["account"].as_u64().unwrap().to_string()
        };
        let account = open(["--mandate-key", "key.json"]);
        let others = open(["--new-mandate-key", "other.json"]);
        let wrong = ["wallet", "account", "agents", &others, "--rpc", rpc];
        let said = work.refused(2, &as_owner(&self.running, &wrong));
        assert!(said.contains("another mandate key"), "{said}");
        self.owner(&["wallet", "account", "agents", &account, "--rpc", rpc]);
        let deposit = ["deposit", "--account", &account, "--amount", "5", "--mint"];
        work.json(&[&deposit[..], &chain].concat());
        account
    }

    fn owner(&self, arguments: &[&str]) -> Value {
        ask(&self.service.work, &self.running, arguments)
    }

    /// What the owner is shown, with the token's own decimals.
    fn shown(&self, arguments: &[&str]) -> String {
        let arguments = [arguments, &["--rpc", self.served.said("rpc")]].concat();
        let output = self.service.work.run(&as_owner(&self.running, &arguments));
        String::from_utf8(output.stdout).unwrap()
    }

    /// An agent with a card.
    fn agent(&self) -> Agent {
        let create = ["card", "create", "--name", "research", "--wallet", "agents", "--new-holder"];
        let limits = ["--per-payment", "0.05", "--per-day", "0.06", "--approve-above", "0.02"];
        let rest = ["--host", HOST, "--expires", "24h", "--rpc", self.served.said("rpc")];
        self.owner(&[&create[..], &limits, &rest].concat());
        Agent::of(&read(&self.service.work.path("card.json")))
    }

    fn terms(&self, amount: &str, payee: &str) -> Value {
        terms(&self.served, amount, payee)
    }
}

/// Nobody has said who is paid at the host: the owner is asked, and what the owner says holds.
fn who_is_paid_is_the_owners_to_say(scene: &Scene, agent: &Agent) -> Value {
    let cheap = scene.terms("10000", PAYEE);
    let (status, asked) = agent.issue(1, &cheap);
    assert_eq!(status, StatusCode::ACCEPTED, "{asked}");
    assert_eq!(asked["approval"]["reason"], "unknown_payee");
    let approval = asked["approval"]["id"].as_str().unwrap();
    let waits = scene.shown(&["approval", "list"]);
    for words in ["0.01 TUSD", "research", approval] {
        assert!(waits.contains(words), "{words} is missing: {waits}");
    }
    scene.owner(&["approval", "approve", approval]);
    let (status, issued) = agent.issue(1, &cheap);
    assert_eq!(status, StatusCode::CREATED, "{issued}");
    let (status, again) = agent.issue(1, &cheap);
    assert_eq!((status, &again), (StatusCode::OK, &issued));
    let (status, answer) = agent.issue(2, &scene.terms("10000", OTHER));
    assert_eq!((status, code(&answer)), (StatusCode::FORBIDDEN, "payee_not_the_hosts"));
    issued
}

/// Above what a payment may be; above what needs the owner, who refuses; above the day's limit.
fn limits_hold(scene: &Scene, agent: &Agent) {
    let (_, answer) = agent.issue(3, &scene.terms("50001", PAYEE));
    assert_eq!(code(&answer), "card_denied");
    let dear = scene.terms("20001", PAYEE);
    let (status, asked) = agent.issue(4, &dear);
    assert_eq!(status, StatusCode::ACCEPTED, "{asked}");
    assert_eq!(asked["approval"]["reason"], "amount");
    scene.owner(&["approval", "refuse", asked["approval"]["id"].as_str().unwrap()]);
    assert_eq!(code(&agent.issue(4, &dear).1), "approval_refused");
    for number in [5, 6] {
        assert_eq!(agent.issue(number, &scene.terms("20000", PAYEE)).0, StatusCode::CREATED);
    }
    assert_eq!(code(&agent.issue(7, &scene.terms("10001", PAYEE)).1), "budget_exceeded");
    let shown = scene.shown(&["card", "show", "research"]);
    assert!(shown.contains("0.05 TUSD used of 0.06 TUSD a day"), "{shown}");
}

/// The mandate is one that the processor takes and settles, and the service finds that out.
fn what_was_issued_is_settled(scene: &Scene, agent: &Agent, issued: &Value) {
    wait_for("the deposit", || {
        let account = serve::get(&scene.served, &format!("/v1/accounts/{}", scene.account));
        account["served"] == true && account["purses"][0]["free"] == "5000000"
    });
    let mandate = issued["payment"]["payload"].clone();
    let taken = agent.runtime.block_on(async {
        let url = format!("{}/v1/mandates", scene.served.said("http"));
        let answer = agent.http.post(url).json(&mandate).send().await.unwrap();
        (answer.status(), answer.text().await.unwrap())
    });
    assert!(taken.0.is_success(), "{taken:?}");
    let payments = scene.owner(&["payments"]);
    assert_eq!(payments["payments"].as_array().unwrap().len(), 3);
    assert_eq!(payments["payments"][2]["mandateId"], issued["mandateId"]);
    assert!(!payments.to_string().contains("signature"), "a signature is as good as the money");
    wait_for("the outcome", || {
        scene.owner(&["payments"])["payments"][2]["state"] == json!({ "settled": "10000" })
    });
}

fn the_last_word_is_the_owners(scene: &Scene, agent: &Agent) {
    let least = scene.terms("1", PAYEE);
    let frozen = scene.owner(&["card", "freeze", "research"]);
    assert_eq!(frozen["outstanding"].as_array().unwrap().len(), 2);
    assert_eq!(code(&agent.issue(8, &least).1), "card_frozen");
    scene.owner(&["card", "unfreeze", "research"]);
    assert_eq!(agent.issue(8, &least).0, StatusCode::CREATED);
    scene.owner(&["card", "revoke", "research"]);
    assert_eq!(code(&agent.issue(9, &least).1), "card_revoked");
}

#[test]
fn an_agent_pays_what_its_card_allows_and_its_owner_decides_the_rest() {
    let scene = Scene::new();
    let agent = scene.agent();
    let (status, shown) = agent.ask(Method::GET, "/v1/card", None);
    assert_eq!((status, &shown["card"]["limits"][0]["used"]), (StatusCode::OK, &json!("0")));
    assert_eq!(shown["paysFrom"]["account"].to_string(), scene.account);

    let issued = who_is_paid_is_the_owners_to_say(&scene, &agent);
    limits_hold(&scene, &agent);
    what_was_issued_is_settled(&scene, &agent, &issued);
    the_last_word_is_the_owners(&scene, &agent);

    let Scene { service, served, running, .. } = scene;
    assert_eq!((running.terminate(), served.terminate()), (Some(0), Some(0)));
    let export = ["issuer", "audit", "--config", "issuer", "--export", "log.jsonl"];
    assert_eq!(service.work.json(&export)["in_order"], true);
    let log = std::fs::read_to_string(service.work.path("log.jsonl")).unwrap();
    for action in ["approval.refused", "payment.refused", "payment.settled", "card.revoked"] {
        assert!(log.contains(action), "{action} is not in the log");
    }
    assert!(!log.contains("aep2card_") && !log.contains("aep2owner_"), "a secret is in the log");
}
