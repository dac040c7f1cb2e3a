//! A dispute from its terms to its settlement, by the command line alone: an agent objects, its payee hears
//! of it and gives in, or is found right; a dispute processor of its own rules.

use std::fs;

use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::{
    WorkFolder,
    pay::{service, wait_for},
    running::Running,
    serve::{self, SETTINGS, work},
};

/// What runs: a processor, a dispute processor, and a payee whose sales can be disputed.
struct Street {
    work: WorkFolder,
    served: Running,
    arbiter: Running,
    gateway: Running,
    /// Where the service behind the gateway runs.
    _runtime: Runtime,
}

impl Street {
    fn open() -> Self {
        let runtime = Runtime::new().unwrap();
        let work = work(&format!("{SETTINGS}age_s_max = 1\ncapture_within_s = 7\n"));
        let served = serve::start(&work);
        let init = ["dispute-processor", "init", "--directory", "arbiter", "--judge", "ann"];
        let made = work.json(&init);
        let judging = made["arbiter"].as_str().unwrap();
        let processor = format!(
            "\n[[processors]]\nurl = \"{}\"\nprocessor = \"{}\"\nchain_id = {}\nwallet = \"{}\"\nrpc = \"{}\"\n",
            served.said("http"),
            served.said("processor"),
            served.ready["chain_id"],
            served.said("wallet"),
            served.said("rpc"),
        );
        let file = work.path("arbiter/arbiter.toml");
        let settings = fs::read_to_string(&file).unwrap();
        fs::write(&file, settings.replace("ask_every_s = 10", "ask_every_s = 1") + &processor)
            .unwrap();
        let serve = ["dispute-processor", "serve", "--config", "arbiter"];
        let arbiter = Running::start(&work, &[&serve[..], &["--listen", "127.0.0.1:0"]].concat());
        wallet(&work, &served, judging);
        let gateway = gateway(&work, &runtime, served.said("http"), judging);
        Self { work, served, arbiter, gateway, _runtime: runtime }
    }

    /// Pays for an answer, and objects to it. The mandate's id.
    fn object(&self, path: &str) -> String {
        let url = format!("{}/answers/{path}", self.gateway.said("origin"));
        let bought = self.work.json(&["pay", &url]);
        let id = bought["payment"]["mandateId"].as_str().unwrap().to_owned();
        fs::write(self.work.path("answer.txt"), bought["body"].as_str().unwrap()).unwrap();
        let open = ["dispute", "open", &id, "--reason", "service_defective"];
        let with = ["--text", "It is not what was sold.", "--evidence", "answer.txt"];
        assert_eq!(self.work.json(&[&open[..], &with].concat())["status"], "open");
        id
    }

    /// What the payee is told: a line for each change.
    fn follow(&self) -> Running {
        let list = ["dispute", "list", "--follow", "--every", "1s"];
        Running::start(&self.work, &[&list[..], &self.as_payee()].concat())
    }

    fn as_payee(&self) -> [&str; 4] {
        ["--key-file", "payee.key", "--processor", self.served.said("http")]
    }

    fn answer(&self, id: &str, what: &[&str]) {
        let answer = ["dispute", "answer", id, "--text", "It has what there was."];
        self.work.json(&[&answer[..], what, &self.as_payee()].concat());
    }

    fn judge(&self, arguments: &[&str]) -> Value {
        let url = format!("http://{}", self.arbiter.said("listen"));
        let with = ["--url", &url, "--token-file", "arbiter/ann.token"];
        self.work.json(&[arguments, &with].concat())
    }

    /// What is paid in the end.
    fn settles(&self, id: &str) -> Value {
        let status = || serve::get(&self.served, &format!("/v1/mandates/{id}"));
        wait_for("settling", || status()["status"] == "settled");
        status()["amount"].clone()
    }
}

/// A wallet with money in it, whose owner accepts this arbiter.
fn wallet(work: &WorkFolder, served: &Running, arbiter: &str) {
    let [processor, rpc, deployment] = ["http", "rpc", "deployment"].map(|own| served.said(own));
    let chain = ["--rpc", rpc, "--deployment", deployment, "--from-dev-account", "1"];
    let create = ["wallet", "create", "--processor", processor, "--arbiter", arbiter];
    let created = work.json(&[&create[..], &chain].concat());
    assert_eq!(created["arbiters"][0].as_str().unwrap().to_lowercase(), arbiter);
    work.json(&[&["wallet", "fund", "--amount", "5", "--mint"], &chain[..]].concat());
    wait_for("the deposit", || {
        let shown = work.json(&["wallet", "show"]);
        shown["served"] == true && shown["tokens"][0]["purse"]["free"] == "5000000"
    });
}

/// A price for a service that is there, with terms that can be disputed.
fn gateway(work: &WorkFolder, runtime: &Runtime, processor: &str, arbiter: &str) -> Running {
    work.json(&["key", "new", "payee.key"]);
    let (upstream, _) = service(runtime);
    let settings = format!(
        "upstream = \"{upstream}\"\nadmin_listen = \"127.0.0.1:0\"\nanswer_within_s = 2\n[payee]\nprocessor = \"{processor}\"\n\
         key_file = \"payee.key\"\n[payee.disputes]\narbiter = \"{arbiter}\"\nwindow_s = 60\nruling_s = 90\n\
         silence_refunds = true\n[[routes]]\npath = \"/answers/{{name}}\"\nprice = \"700\"\n"
    );
    fs::write(work.path("gateway.toml"), settings).unwrap();
    Running::start(work, &["gateway", "--listen", "127.0.0.1:0"])
}

#[test]
fn a_payee_hears_of_a_dispute_and_what_is_ruled_is_what_settles() {
    let street = Street::open();
    let given_in = street.object("42");
    let mut told = street.follow();
    assert_eq!(
        (&told.ready["mandateId"], &told.ready["status"]),
        (&given_in.clone().into(), &"open".into())
    );
    street.answer(&given_in, &["--captured", "0"]);
    let mut next = told.next();
    if next["status"] == "open" {
        assert_eq!(next["answer"]["answer"]["captured"], "0");
        next = told.next();
    }
    assert_eq!(next["status"], "ruled", "given up: the arbiter needs no judge");
    assert_eq!(street.settles(&given_in), "0");

    let right = street.object("43");
    let opened = told.next();
    assert_eq!((&opened["mandateId"], &opened["status"]), (&right.clone().into(), &"open".into()));
    street.answer(&right, &["--whole"]);
    let case = || street.judge(&["dispute", "cases"]).as_array().unwrap().first().cloned();
    wait_for("the case", || case().is_some_and(|case| !case["answer"].is_null()));
    let case = case().unwrap();
    let [number, version] = ["number", "version"].map(|name| case[name].to_string());
    let decide = ["dispute", "decide", &number, "--version", &version, "--captured", "700"];
    street.judge(&[&decide[..], &["--why", "It has what was sold."]].concat());
    assert_eq!(street.settles(&right), "700");
    let shown = [&["dispute", "show", &right][..], &street.as_payee()].concat();
    assert_eq!(street.work.json(&shown)["ruling"]["ruling"]["captured"], "700");
    let all = street.work.json(&[&["dispute", "list"][..], &street.as_payee()].concat());
    assert_eq!(all.as_array().unwrap().len(), 2);
    let open = street.work.json(&[&["dispute", "list", "--open"][..], &street.as_payee()].concat());
    assert_eq!(open, json!([]));
    assert_eq!(told.terminate(), Some(0));
}
