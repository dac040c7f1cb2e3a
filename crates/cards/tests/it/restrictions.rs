//! Restrictions only ever restrict, and are read strictly.

use aep2_cards::{
    decision::{Denied, Facts, ToolCall, Verdict, allows},
    host::Host,
    restrictions::{Restrictions, Tool},
};
use aep2_mandate::units::{Amount, Ceiling, UnixTime};
use alloy_primitives::Address;
use proptest::{collection, option, prelude::*};

use crate::support::{DOLLAR, ETHER, SHOP, STRANGER, bound, payment, restrictions, roots};

/// For each field: a restriction that refuses [`payment`] changed by the last entry, with which
/// reason, and one of the same field that allows it.
fn fields() -> Vec<(String, String, Denied, Facts)> {
    let tool = ToolCall { server: "mcp.example".to_owned(), tool: "buy".to_owned() };
    let tool = Facts { tool: Some(tool), ..payment() };
    let metered = Facts { metered: true, ..payment() };
    let of = |field: &str, narrow: &str, wide: &str, denied, facts: &Facts| {
        let json = |value: &str| {
            let named = value.replace("DOLLAR", &DOLLAR.to_string());
            let named = named.replace("ETHER", &ETHER.to_string());
            let named = named.replace("SHOP", &SHOP.to_string());
            format!("{{\"{field}\":{}}}", named.replace("STRANGER", &STRANGER.to_string()))
        };
        (json(narrow), json(wide), denied, facts.clone())
    };
    use Denied as D;
    let (hosts, both) = (r#"["other.example"]"#, r#"["other.example","shop.example"]"#);
    let (search, any) =
        (r#"[{"server":"mcp.example","tool":"search"}]"#, r#"[{"server":"mcp.example"}]"#);
    let (ether, dollar) = (
        r#"[{"token":"ETHER","amount":"9","period":"day"}]"#,
        r#"[{"token":"DOLLAR","amount":"9","period":"total"}]"#,
    );
    let (other, now) = (
        r#"[{"from":"14:14","to":"14:13","offset":"+00:00"}]"#,
        r#"[{"from":"14:13","to":"14:14","offset":"+00:00"}]"#,
    );
    let (less, enough) = (r#"{"DOLLAR":"99"}"#, r#"{"DOLLAR":"100"}"#);
    let facts = payment();
    vec![
        of("hosts", hosts, both, D::HostNotAllowed, &facts),
        of("payees", r#"["STRANGER"]"#, r#"["STRANGER","SHOP"]"#, D::PayeeNotAllowed, &facts),
        of("tools", search, any, D::ToolNotAllowed, &tool),
        of("tokens", r#"["ETHER"]"#, r#"["ETHER","DOLLAR"]"#, D::TokenNotAllowed, &facts),
        of("perPayment", less, enough, D::AbovePerPayment, &facts),
        of("budgets", ether, dollar, D::TokenNotAllowed, &facts),
        of("notBefore", "1790000001", "1790000000", D::NotYetValid, &facts),
        of("expires", "1790000000", "1790000001", D::Expired, &facts),
        of("hours", other, now, D::OutsideHours, &facts),
        of("metered", "false", "true", D::MeteredNotAllowed, &metered),
    ]
}

#[test]
fn what_one_block_forbids_no_later_block_allows() {
    for (narrow, wide, denied, facts) in fields() {
        let [narrow, wide] = [restrictions(&narrow), restrictions(&wide)];
        assert_eq!(wide.allow(&facts), Ok(Verdict::Pay), "{wide:?}");
        assert_eq!(narrow.allow(&facts), Err(denied), "{narrow:?}");

        let card = bound().narrow(&narrow, None).expect("narrower");
        for wider in [wide, Restrictions::default()] {
            let card = card.narrow(&wider, None).expect("a block more");
            let card = aep2_cards::card::Card::parse(&card, &roots()).expect("a card");
            assert_eq!(card.allows(&facts), Err(denied), "{wider:?}");
        }
    }
}

#[test]
fn what_needs_a_human_needs_one_whatever_a_later_block_says() {
    let ask = restrictions(&format!(r#"{{"approveAbove":{{"{DOLLAR}":"99"}}}}"#));
    let pay = restrictions(&format!(r#"{{"approveAbove":{{"{DOLLAR}":"100"}}}}"#));
    let ether = restrictions(&format!(r#"{{"approveAbove":{{"{ETHER}":"100"}}}}"#));
    assert_eq!(pay.allow(&payment()), Ok(Verdict::Pay));
    assert_eq!(ether.allow(&payment()), Ok(Verdict::Ask), "a token that is not named");
    for list in [[&ask, &pay], [&pay, &ask]] {
        assert_eq!(allows(list, &payment()), Ok(Verdict::Ask));
    }
}

#[test]
fn an_empty_list_allows_nothing() {
    for (json, denied) in [
        (r#"{"hosts":[]}"#, Denied::HostNotAllowed),
        (r#"{"payees":[]}"#, Denied::PayeeNotAllowed),
        (r#"{"tools":[]}"#, Denied::ToolNotAllowed),
        (r#"{"tokens":[]}"#, Denied::TokenNotAllowed),
        (r#"{"perPayment":{}}"#, Denied::TokenNotAllowed),
        (r#"{"budgets":[]}"#, Denied::TokenNotAllowed),
        (r#"{"hours":[]}"#, Denied::OutsideHours),
    ] {
        assert_eq!(restrictions(json).allow(&payment()), Err(denied), "{json}");
    }
    assert_eq!(restrictions(r#"{"approveAbove":{}}"#).allow(&payment()), Ok(Verdict::Ask));
    assert_eq!(restrictions("{}").allow(&payment()), Ok(Verdict::Pay));
}

#[test]
fn what_has_no_host_is_at_none_that_is_allowed() {
    let facts = Facts { host: None, ..payment() };
    let hosts = restrictions(r#"{"hosts":["shop.example"]}"#);
    assert_eq!(hosts.allow(&facts), Err(Denied::HostNotAllowed));
}

#[test]
fn a_restriction_that_cannot_be_read_is_refused_and_not_passed_over() {
    for json in [
        "",
        "null",
        "[]",
        "{} {}",
        r#"{"tools":[["mcp.example","search"]]}"#,
        r#"{"hours":[["08:00","18:00","+00:00"]]}"#,
        r#"{"budgets":[["0xd0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0","1","day",null,null]]}"#,
        r#"{"host":["shop.example"]}"#,
        r#"{"Hosts":["shop.example"]}"#,
        r#"{"hosts":null}"#,
        r#"{"hosts":"shop.example"}"#,
        r#"{"hosts":["a.example"],"hosts":["shop.example"]}"#,
        r#"{"hosts":["Shop.example"]}"#,
        r#"{"hosts":["https://shop.example"]}"#,
        r#"{"payees":null}"#,
        r#"{"payees":["shop"]}"#,
        r#"{"tokens":["0xd0"]}"#,
        r#"{"tools":[{"tool":"search"}]}"#,
        r#"{"tools":[{"server":"a","tool":null}]}"#,
        r#"{"tools":[{"server":"a","name":"search"}]}"#,
        r#"{"perPayment":null}"#,
        r#"{"perPayment":{"0xd0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0":100}}"#,
        r#"{"perPayment":{"0xd0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0":"-1"}}"#,
        r#"{"perPayment":{"0xd0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0":"01"}}"#,
        r#"{"perPayment":{"0xd0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0":"1","0xD0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0":"2"}}"#,
        r#"{"budgets":[{"token":"0xd0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0","amount":"1"}]}"#,
        r#"{"budgets":[{"token":"0xd0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0","amount":"1","period":"year"}]}"#,
        r#"{"budgets":[{"token":"0xd0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0","amount":"1","period":"day","hosts":[]}]}"#,
        r#"{"budgets":[{"token":"0xd0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0","amount":"1","period":"day","payee":null}]}"#,
        r#"{"payments":-1}"#,
        r#"{"payments":1.0}"#,
        r#"{"payments":"1"}"#,
        r#"{"payments":4294967296}"#,
        r#"{"notBefore":"2026-11-30"}"#,
        r#"{"expires":null}"#,
        r#"{"expires":1099511627776}"#,
        r#"{"hours":[{"from":"08:00","to":"18:00"}]}"#,
        r#"{"hours":[{"from":"08:00","to":"08:00","offset":"+00:00"}]}"#,
        r#"{"hours":[{"from":"8:00","to":"18:00","offset":"+00:00"}]}"#,
        r#"{"hours":[{"from":"08:00","to":"24:00","offset":"+00:00"}]}"#,
        r#"{"hours":[{"from":"08:00","to":"18:60","offset":"+00:00"}]}"#,
        r#"{"hours":[{"from":"08:00","to":"18:00","offset":"02:00"}]}"#,
        r#"{"hours":[{"from":"08:00","to":"18:00","offset":"-00:00"}]}"#,
        r#"{"hours":[{"from":"08:00","to":"18:00","offset":"+14:01"}]}"#,
        r#"{"hours":[{"from":"08:00","to":"18:00","offset":"Europe/Berlin"}]}"#,
        r#"{"metered":null}"#,
        r#"{"metered":0}"#,
        r#"{"approveAbove":[]}"#,
        r#"{"rate":null}"#,
    ] {
        assert!(serde_json::from_str::<Restrictions>(json).is_err(), "{json}");
    }
}

#[test]
fn restrictions_are_written_as_they_are_read() {
    let json = format!(
        "{{\"hosts\":[\"[::1]:8080\",\"shop.example\"],\"payees\":[\"{SHOP}\"],\
         \"tools\":[{{\"server\":\"mcp.example\"}},{{\"server\":\"mcp.example\",\"tool\":\"search\"}}],\
         \"tokens\":[\"{DOLLAR}\"],\"perPayment\":{{\"{DOLLAR}\":\"50000\"}},\
         \"budgets\":[{{\"token\":\"{DOLLAR}\",\"amount\":\"9\",\"period\":\"day\",\"host\":\"shop.example\"}},\
         {{\"token\":\"{ETHER}\",\"amount\":\"79228162514264337593543950335\",\"period\":\"total\",\
         \"payee\":\"{SHOP}\"}}],\"payments\":1,\"notBefore\":1,\"expires\":2,\
         \"hours\":[{{\"from\":\"08:00\",\"to\":\"18:30\",\"offset\":\"-03:30\"}}],\"metered\":false,\
         \"approveAbove\":{{\"{DOLLAR}\":\"20000\"}},\"rate\":10}}"
    );
    let read = restrictions(&json);
    assert_eq!(serde_json::to_string(&read).expect("JSON"), json);
    assert_eq!(restrictions(&serde_json::to_string(&read).expect("JSON")), read);
}

#[test]
fn hours_are_those_of_the_clocks_that_the_owner_named() {
    let at = |text: &str, seconds: u64| {
        let hours = restrictions(&format!("{{\"hours\":[{text}]}}"));
        let now = UnixTime::new(seconds).expect("a time");
        hours.allow(&Facts { now, ..payment() }).is_ok()
    };
    const DAY: u64 = 86_400;
    let office = r#"{"from":"08:00","to":"18:00","offset":"+02:00"}"#;
    for (seconds, open) in
        [(6 * 3600 - 1, false), (6 * 3600, true), (16 * 3600 - 1, true), (16 * 3600, false)]
    {
        assert_eq!(at(office, 20_000 * DAY + seconds), open, "{seconds}");
    }
    let night = r#"{"from":"22:00","to":"06:00","offset":"-05:00"}"#;
    for (hour, open) in [(2, false), (3, true), (5, true), (10, true), (11, false), (20, false)] {
        assert_eq!(at(night, 20_000 * DAY + hour * 3600), open, "{hour}");
    }
    // Before the epoch's own midnight, where the offset goes below zero.
    assert!(at(night, 4 * 3600));
    assert!(at(&format!("{office},{night}"), 20_000 * DAY + 4 * 3600), "either will do");
}

#[test]
fn a_host_has_one_spelling() {
    for host in ["shop.example", "shop.example:8443", "shop.example:80", "127.0.0.1:8080", "[::1]"]
    {
        assert_eq!(host.parse::<Host>().map(|host| host.to_string()), Ok(host.to_owned()));
    }
    for host in [
        "",
        "Shop.example",
        "shop.example:443",
        "shop.example:",
        "shop.example/",
        "shop.example/a",
        "a@shop.example",
        "shop.example?a",
        "shop.example#a",
        "https://shop.example",
        "shop example",
        " shop.example",
        "shop.example:99999",
        "127.1",
        "[0:0:0:0:0:0:0:1]",
        "bücher.example",
        "shop%2eexample",
        "shop.example:08443",
        "*.example\\",
        "shop\u{3002}example",
    ] {
        assert!(host.parse::<Host>().is_err(), "{host}");
    }
    let of =
        |url: &str| Host::of(&url::Url::parse(url).expect("a URL")).map(|host| host.to_string());
    assert_eq!(of("https://Shop.Example:443/a?b").as_deref(), Some("shop.example"));
    assert_eq!(of("http://shop.example/").as_deref(), Some("shop.example"));
    assert_eq!(of("http://shop.example:443/").as_deref(), Some("shop.example:443"));
    assert_eq!(of("https://allowed.example@shop.example/").as_deref(), Some("shop.example"));
    assert_eq!(of("https://BÜCHER.example/").as_deref(), Some("xn--bcher-kva.example"));
    assert_eq!(of("mcp://shop.example/tools/a"), None);
    assert_eq!(of("file:///etc/passwd"), None);
}

fn some_address() -> impl Strategy<Value = Address> {
    prop_oneof![Just(DOLLAR), Just(ETHER), Just(SHOP), Just(STRANGER)]
}

fn some_host() -> impl Strategy<Value = Host> {
    prop_oneof![Just("shop.example"), Just("other.example")]
        .prop_map(|host| host.parse().expect("a host"))
}

fn some_amounts() -> impl Strategy<Value = Option<aep2_cards::per_token::PerToken>> {
    let amount = (0u128..4).prop_map(|amount| Amount::new(amount).expect("small"));
    option::of(collection::vec((some_address(), amount), 0..3).prop_map(FromIterator::from_iter))
}

fn some_time() -> impl Strategy<Value = UnixTime> {
    (0u64..4).prop_map(|hours| UnixTime::new(hours * 3600).expect("small"))
}

fn some_tool() -> impl Strategy<Value = Tool> {
    let name = |name: &str| name.to_owned();
    (prop_oneof![Just("a"), Just("b")], option::of(prop_oneof![Just("x"), Just("y")]))
        .prop_map(move |(server, tool)| Tool { server: name(server), tool: tool.map(name) })
}

fn some_restrictions() -> impl Strategy<Value = Restrictions> {
    let sets = (
        option::of(collection::btree_set(some_host(), 0..3)),
        option::of(collection::btree_set(some_address(), 1..4)),
        option::of(collection::btree_set(some_tool(), 0..3)),
        option::of(collection::btree_set(some_address(), 1..4)),
    );
    let hours = prop_oneof![
        Just(r#"[{"from":"00:30","to":"02:00","offset":"+00:00"}]"#),
        Just(r#"[{"from":"23:00","to":"01:00","offset":"-01:00"}]"#)
    ]
    .prop_map(|json| serde_json::from_str(json).expect("hours"));
    let rest = (
        some_amounts(),
        some_amounts(),
        option::of(some_time()),
        option::of(some_time()),
        option::of(any::<bool>()),
        option::weighted(0.2, hours),
    );
    (sets, rest).prop_map(|((hosts, payees, tools, tokens), rest)| {
        let (per_payment, approve_above, not_before, expires, metered, hours) = rest;
        Restrictions {
            hosts,
            payees,
            tools,
            tokens,
            per_payment,
            approve_above,
            not_before,
            expires,
            metered,
            hours,
            ..Restrictions::default()
        }
    })
}

fn some_facts() -> impl Strategy<Value = Facts> {
    let call = (prop_oneof![Just("a"), Just("b")], prop_oneof![Just("x"), Just("y")]);
    let call = call
        .prop_map(|(server, tool)| ToolCall { server: server.to_owned(), tool: tool.to_owned() });
    (
        some_time(),
        option::of(some_host()),
        option::of(call),
        (some_address(), some_address()),
        1u128..4,
        any::<bool>(),
    )
        .prop_map(|(now, host, tool, (payee, token), amount, metered)| Facts {
            now,
            host,
            tool,
            payee,
            token,
            amount: Ceiling::new(amount).expect("not zero"),
            metered,
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// One more block allows the same or less, wherever it stands: nothing that was refused is
    /// allowed, and nothing that had to be asked for is not.
    #[test]
    fn one_block_more_never_allows_more(
        list in collection::vec(some_restrictions(), 0..4),
        more in some_restrictions(),
        at in 0usize..4,
        facts in some_facts(),
    ) {
        let before = allows(&list, &facts);
        let mut longer = list.clone();
        longer.insert(at.min(list.len()), more.clone());
        let after = allows(&longer, &facts);
        match (before, after) {
            (Err(_), after) => prop_assert!(after.is_err()),
            (Ok(before), Ok(after)) => prop_assert!(after >= before),
            (Ok(_), Err(_)) => prop_assert!(more.allow(&facts).is_err()),
        }
        // All of them allow it exactly where each one does.
        prop_assert_eq!(after.is_ok(), longer.iter().all(|one| one.allow(&facts).is_ok()));
    }

    /// What is restricted in a token is what was written.
    #[test]
    fn restrictions_survive_the_token(some in some_restrictions()) {
        let json = serde_json::to_string(&some).expect("JSON");
        prop_assert_eq!(restrictions(&json), some);
    }

    /// Narrower in one field: a subset of hosts allows no more than the set.
    #[test]
    fn fewer_hosts_allow_less(
        hosts in collection::btree_set(some_host(), 0..3),
        fewer in collection::btree_set(some_host(), 0..3),
        facts in some_facts(),
    ) {
        let fewer = hosts.intersection(&fewer).cloned().collect();
        let [wide, narrow] = [hosts, fewer]
            .map(|hosts| Restrictions { hosts: Some(hosts), ..Restrictions::default() });
        prop_assert!(wide.allow(&facts).is_ok() || narrow.allow(&facts).is_err());
    }
}
