//! The wallet: a directory that is made once, opened by anybody who pays, and says what was paid.

use aep2_payee::Quote;
use aep2_payer::{
    PayError,
    limits::LimitError,
    wallet::{
        KEY_FILE, LimitSettings, SETTINGS_FILE, State, TokenLimits, Wallet, WalletError,
        WalletSettings, key,
    },
};
use aep2_tests::stand_in::{TOKEN, World, account, amount, ceiling};
use axum::{Router, routing::get};

fn settings(world: &World) -> WalletSettings {
    WalletSettings {
        account: account(3),
        processor_url: world.processor_url.clone(),
        chain_id: world.venue.chain,
        wallet: world.venue.wallet.into(),
        processor: world.venue.processor.into(),
        arbiters: Vec::new(),
        limits: LimitSettings {
            tokens: vec![TokenLimits {
                token: TOKEN.into(),
                symbol: Some("TUSD".to_owned()),
                decimals: Some(6),
                per_call: amount(100),
                per_host: amount(150),
                per_day: amount(150),
            }],
            ..LimitSettings::default()
        },
    }
}

#[tokio::test]
async fn a_wallet_pays_within_its_limits_and_says_what_it_paid() {
    let world = World::new().await;
    let shop = world
        .payee(|payee| {
            let sold = |price| get(async || "ok").layer(payee.charge(Quote::fixed(ceiling(price))));
            Router::new().route("/cheap", sold(60)).route("/dear", sold(101))
        })
        .await;
    let directory = world.directory(3);
    std::fs::create_dir_all(&directory).unwrap();
    assert!(matches!(Wallet::open(&directory), Err(WalletError::None(_))));
    assert!(matches!(Wallet::create(&directory, settings(&world)), Err(WalletError::Key(_))));
    key::make(&directory.join(KEY_FILE)).unwrap();
    let wallet = Wallet::create(&directory, settings(&world)).unwrap();
    assert!(matches!(Wallet::create(&directory, settings(&world)), Err(WalletError::Exists(_))));
    assert_eq!(wallet.history().unwrap(), []);

    // Another program opens it.
    let opened = Wallet::open(&directory).unwrap();
    assert_eq!(opened.settings(), wallet.settings());
    let client = opened.client(reqwest::Client::builder()).unwrap();
    let paid = client.get(shop.at("cheap")).await.unwrap().payment.unwrap();
    let refused = client.get(shop.at("dear")).await.unwrap_err();
    assert!(matches!(refused, PayError::Limit(LimitError::PerCall { .. })), "{refused}");
    client.get(shop.at("cheap")).await.unwrap();
    let refused = client.get(shop.at("cheap")).await.unwrap_err();
    assert!(matches!(refused, PayError::Limit(LimitError::PerHost { .. })), "{refused}");
    // Tighter limits for one program bind that one.
    let mut tighter = wallet.settings().limits.clone();
    tighter.tokens[0].per_call = amount(59);
    let tight = opened.clone().within(tighter).client(reqwest::Client::builder()).unwrap();
    let refused = tight.get(shop.at("cheap")).await.unwrap_err();
    assert!(matches!(refused, PayError::Limit(LimitError::PerCall { .. })), "{refused}");
    assert_eq!(opened.settings(), wallet.settings());

    client.payer().flush().await;
    let history = wallet.history().unwrap();
    assert_eq!(history.len(), 2);
    let first = &history[0];
    assert_eq!(
        (first.id, first.payee.0, first.amount),
        (paid.id, world.payee_key.address(), amount(60))
    );
    assert!(matches!(first.state, State::Accepted { .. }), "{first:?}");
    assert_eq!(wallet.settings().token(TOKEN).unwrap().show(first.amount), "0.00006 TUSD");
}

#[test]
fn settings_that_cannot_be_meant_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let world = runtime.block_on(World::new());
    key::make(&folder.path().join(KEY_FILE)).unwrap();
    let mut wallet = Wallet::create(folder.path(), settings(&world)).unwrap();
    let path = folder.path().join(SETTINGS_FILE);
    let good = std::fs::read_to_string(&path).unwrap();
    for (from, to) in [
        ("per_call", "per_cal"),
        ("per_call = \"100\"", "per_call = 100"),
        ("account = 3", "account = 0"),
        ("[[limits.tokens]]", "[[limit.tokens]]"),
    ] {
        let text = good.replacen(from, to, 1);
        std::fs::write(&path, if text == good { panic!("{from} is not in {good}") } else { text })
            .unwrap();
        let refused = Wallet::open(folder.path());
        assert!(matches!(refused, Err(WalletError::Settings { .. })), "{to}: {refused:?}");
    }
    std::fs::write(&path, &good).unwrap();

    let mut twice = settings(&world);
    twice.limits.tokens.push(twice.limits.tokens[0].clone());
    assert!(matches!(wallet.set(twice), Err(WalletError::Settings { .. })));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), good);
    let mut narrower = settings(&world);
    narrower.limits.hosts = Some(["api.example.com".to_owned()].into());
    wallet.set(narrower.clone()).unwrap();
    assert_eq!(Wallet::open(folder.path()).unwrap().settings(), &narrower);
}
