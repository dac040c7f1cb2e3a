//! An issuer in front of a processor, and a payee that both serve.

use std::{collections::BTreeMap, sync::Arc};

use aep2_cards::{
    keys::HolderKey,
    per_token::PerToken,
    restrictions::{Budget, Period, Restrictions},
};
use aep2_chain::wallet::units::KeyHash;
use aep2_http::{ConnectionLimits, HttpServer};
use aep2_issuer::{
    Actor, ChainNode, Follower, Issuer, IssuerConfig, Zone,
    api::{Context, router},
    ids::WalletId,
    owners::{CardReport, NewCard, NewWallet},
    records::{CardRecord, OwnerRecord},
};
use aep2_mandate::units::{Amount, Ceiling};
use aep2_payee::{Paid, Payee, PayeeConfig, Quote};
use aep2_payer::{Payer, PayingClient, card::CardFile};
use aep2_processor_client::{NativeClient, RetryPolicy};
use aep2_tests::payers::payee;
use aep2_vault::{Kek, Vault};
use aep2_x402::purchase::Venue;
use axum::{Extension, Router, routing::get};
use url::Url;

use crate::service::shop::{FUNDS, Shop};

/// How many blocks deep a block is final here.
pub(super) const DEPTH: u64 = 4;

/// An issuer, its owner and a wallet with money, and a payee who is paid through the same processor.
pub(super) struct Agency {
    pub(super) shop: Shop,
    pub(super) issuer: Issuer,
    pub(super) owner: OwnerRecord,
    pub(super) wallet: WalletId,
    /// Where answers are sold: `/fixed` for 300, `/metered` for at most 300, of which it takes 100.
    pub(super) payee: Url,
    pub(super) url: Url,
    http: reqwest::Client,
    node: aep2_devchain::Server,
    _server: HttpServer,
    _folder: tempfile::TempDir,
}

impl Agency {
    pub(super) async fn open() -> Self {
        let shop = Shop::with("", |config| {
            config.windows.age_s_max = 1;
            config.windows.capture_within_s = 5;
            config.follower.depth_max = DEPTH;
        })
        .await;
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let vault = Vault::new(Kek::random().unwrap());
        let clock = shop.world.clock.clone();
        let issuer = Issuer::open(folder.path(), vault, clock, IssuerConfig::default()).unwrap();
        let (owner, _) = issuer.create_owner("Ada".to_owned(), Zone::utc()).await.unwrap();
        let processor_url: Url = format!("http://{}/", shop.address).parse().unwrap();
        let venue = venue(&shop);
        let new =
            NewWallet { name: "agents".to_owned(), processor_url: processor_url.clone(), venue };
        let wallet = issuer.create_wallet(owner.id, Actor::Owner(owner.id), new).await.unwrap();

        // The account is opened with the key that the issuer made, and never gave away.
        let key_hash = Some(KeyHash::of(&wallet.public_key));
        let funded = shop
            .world
            .payer_of(1, FUNDS, |terms| aep2_chain::wallet::terms::Terms { key_hash, ..terms });
        let account = funded.await.account;
        let actor = Actor::Owner(owner.id);
        issuer.set_account(owner.id, actor, wallet.id, account).await.unwrap();
        // It knows the account, and what is in it.
        shop.world.ready(&shop.processor).await;

        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url: Url = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
        let context = Context::new(issuer.clone(), http.clone(), url.clone(), Vec::new());
        let open = context.metrics().connections.clone();
        let server =
            HttpServer::start(listener, router(context), ConnectionLimits::default(), open);
        let node =
            shop.world.chain.serve(std::net::SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
        Self {
            payee: sell(&shop, venue, &http, processor_url).await,
            shop,
            issuer,
            owner,
            wallet: wallet.id,
            url,
            http,
            node,
            _server: server.unwrap(),
            _folder: folder,
        }
    }

    /// A card with these limits besides `total` in all, and an agent that pays with it.
    pub(super) async fn agent(
        &self,
        total: u128,
        more: Restrictions,
    ) -> (CardRecord, CardFile, PayingClient) {
        let token = self.shop.world.token();
        let budget = Budget {
            token,
            amount: Amount::new(total).unwrap(),
            period: Period::Total,
            host: None,
            payee: None,
        };
        let holder = HolderKey::generate();
        let new = NewCard {
            name: "agent".to_owned(),
            wallet: self.wallet,
            budget: None,
            restrictions: Restrictions { budgets: Some(vec![budget]), ..more },
            subscription: None,
            holder: Some(holder.public()),
        };
        let actor = Actor::Owner(self.owner.id);
        let (record, card) = self.issuer.create_card(self.owner.id, actor, new).await.unwrap();
        let file = CardFile::new(self.url.clone(), card, Some(holder)).unwrap();
        let client = self.client(&file).await;
        (record, file, client)
    }

    /// Whoever has a card, as a client.
    pub(super) async fn client(&self, card: &CardFile) -> PayingClient {
        let clock = self.shop.world.clock.clone();
        let payer = Payer::with_card(card.clone(), self.http.clone(), clock).await.unwrap();
        PayingClient::new(payer).unwrap()
    }

    /// What of a card is used, as its owner sees it.
    pub(super) fn report(&self, card: &CardRecord) -> CardReport {
        let reports = self.issuer.card_reports(self.owner.id).unwrap();
        reports.into_iter().find(|report| report.card.id == card.id).unwrap()
    }

    /// How many base units of the card's budget are used.
    pub(super) fn used(&self, card: &CardRecord) -> u128 {
        self.report(card).limits[0].used.parse().unwrap()
    }

    /// What finds out what became of payments: by the processor's word, with the chain's where `with_node`.
    pub(super) fn follower(&self, with_node: bool) -> Follower {
        let mut nodes = BTreeMap::new();
        if with_node {
            let node = ChainNode::new(self.node.url().parse().unwrap(), 1);
            nodes.insert(self.shop.world.id().chain_id, node);
        }
        Follower::new(self.issuer.clone(), self.http.clone(), nodes)
    }

    pub(super) fn per_token(&self, units: u128) -> PerToken {
        PerToken::from_iter([(self.shop.world.token(), Amount::new(units).unwrap())])
    }

    pub(super) fn at(&self, path: &str) -> Url {
        self.payee.join(path).unwrap()
    }
}

fn venue(shop: &Shop) -> Venue {
    let id = shop.world.id();
    Venue { chain: id.chain_id, wallet: id.address, processor: shop.world.processor.address() }
}

async fn sell(shop: &Shop, venue: Venue, http: &reqwest::Client, processor: Url) -> Url {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url: Url = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
    let key = payee(1);
    let mut config = PayeeConfig::new(url.clone(), venue, shop.world.token(), key.address());
    let identity = shop.get("/").await.body;
    config.settle_within_s = identity["settleWithinS"].as_u64().unwrap();
    let processor = NativeClient::new(http.clone(), processor, RetryPolicy::default());
    let payee = Payee::new(config, Arc::new(processor), Some(key)).unwrap();
    let price = Ceiling::new(300).unwrap();
    let metered = |Extension(paid): Extension<Paid>| async move {
        paid.charge(Amount::new(100).unwrap()).unwrap();
        "answer"
    };
    let router = Router::new()
        .route("/fixed", get(|| async { "answer" }).layer(payee.charge(Quote::fixed(price))))
        .route("/metered", get(metered).layer(payee.charge(Quote::metered(price))));
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}
