//! An issuer with an owner, a wallet and cards, and payees' terms.

use std::{path::Path, str::FromStr};

use aep2_cards::{
    handover::Handover,
    keys::HolderKey,
    per_token::PerToken,
    restrictions::{Budget, Period, Restrictions},
    token::CardToken,
};
use aep2_issuer::{
    Actor, Issue, IssueRequest, Issuer, IssuerConfig, Refusal, Subject, Zone,
    ids::{BudgetId, WalletId},
    owners::{NewBudget, NewCard, NewWallet},
    records::{ApprovalRecord, CardRecord, OwnerRecord, PaymentRecord},
};
use aep2_mandate::{
    clock::Clock,
    units::{AccountId, Amount, Ceiling, ChainId, UnixTime},
};
use aep2_vault::{Kek, Vault};
use aep2_x402::purchase::{Purchase, Venue};
use alloy_primitives::{Address, B256, address};
use alloy_signer_local::PrivateKeySigner;
use zeroize::Zeroizing;

pub(crate) const TOKEN: Address = address!("0x00000000000000000000000000000000000000BB");
pub(crate) const OTHER_TOKEN: Address = address!("0x00000000000000000000000000000000000000CC");
pub(crate) const PAYEE: Address = address!("0x00000000000000000000000000000000000000A1");
pub(crate) const ATTACKER: Address = address!("0x00000000000000000000000000000000000000EE");
/// A Wednesday, noon.
pub(crate) const NOON: u64 = 1_790_164_800;

/// An issuer, its owner, and what belongs to it.
pub(crate) struct World {
    pub(crate) issuer: Issuer,
    pub(crate) owner: OwnerRecord,
    pub(crate) wallet: WalletId,
    pub(crate) processor: PrivateKeySigner,
    pub(crate) clock: Clock,
    pub(crate) directory: tempfile::TempDir,
    pub(crate) kek: [u8; 32],
}

/// The machine's time, in unix seconds.
fn now_s() -> i64 {
    Clock::system().now().get().try_into().expect("in range")
}

/// 32 random bytes.
pub(crate) fn random() -> B256 {
    B256::from(rand::random::<[u8; 32]>())
}

pub(crate) fn amount(units: u128) -> Amount {
    Amount::new(units).expect("in range")
}

pub(crate) fn at(seconds: u64) -> UnixTime {
    UnixTime::new(seconds).expect("in range")
}

/// A limit in [`TOKEN`].
pub(crate) fn limit(units: u128, period: Period) -> Budget {
    Budget { token: TOKEN, amount: amount(units), period, host: None, payee: None }
}

/// So much in all, and nothing else.
pub(crate) fn in_all(units: u128) -> Restrictions {
    Restrictions { budgets: Some(vec![limit(units, Period::Total)]), ..Restrictions::default() }
}

/// So much in all, and above so much the owner is asked.
pub(crate) fn above(units: u128) -> Restrictions {
    let approve_above = Some(PerToken::from_iter([(TOKEN, amount(units))]));
    Restrictions { approve_above, ..in_all(1_000) }
}

impl World {
    pub(crate) async fn begin() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let kek = random().0;
        let clock = Clock::ahead(i64::try_from(NOON).expect("in range") - now_s());
        let issuer = open(directory.path(), &kek, &clock);
        let zone = Zone::try_from("Europe/Berlin".to_owned()).expect("a zone");
        let (owner, _) = issuer.create_owner("Ada".to_owned(), zone).await.expect("an owner");
        let processor = PrivateKeySigner::random();
        let new = NewWallet {
            name: "research".to_owned(),
            processor_url: "http://127.0.0.1:1".parse().expect("a URL"),
            venue: venue(&processor),
        };
        let actor = Actor::Owner(owner.id);
        let wallet = issuer.create_wallet(owner.id, actor, new).await.expect("a wallet");
        let account = AccountId::new(7).expect("an account");
        let actor = Actor::Owner(owner.id);
        issuer.set_account(owner.id, actor, wallet.id, account).await.expect("its account");
        Self { issuer, owner, wallet: wallet.id, processor, clock, directory, kek }
    }

    /// The same directory, after the process ended.
    pub(crate) fn again(self) -> Self {
        let Self { issuer, owner, wallet, processor, clock, directory, kek } = self;
        drop(issuer);
        let issuer = open(directory.path(), &kek, &clock);
        Self { issuer, owner, wallet, processor, clock, directory, kek }
    }

    pub(crate) fn actor(&self) -> Actor {
        Actor::Owner(self.owner.id)
    }

    /// A card, and the key of its holder.
    pub(crate) async fn card(
        &self,
        restrictions: Restrictions,
    ) -> (CardRecord, CardToken, HolderKey) {
        self.card_of(restrictions, None).await
    }

    pub(crate) async fn card_of(
        &self,
        restrictions: Restrictions,
        budget: Option<BudgetId>,
    ) -> (CardRecord, CardToken, HolderKey) {
        let holder = HolderKey::generate();
        let new = NewCard {
            name: "agent".to_owned(),
            wallet: self.wallet,
            budget,
            restrictions,
            subscription: None,
            holder: Some(holder.public()),
        };
        let made = self.issuer.create_card(self.owner.id, self.actor(), new).await;
        let (card, token) = made.expect("a card");
        (card, token, holder)
    }

    pub(crate) async fn budget(&self, parent: Option<BudgetId>, limits: Vec<Budget>) -> BudgetId {
        let new = NewBudget { name: "team".to_owned(), parent, limits };
        let made = self.issuer.create_budget(self.owner.id, self.actor(), new).await;
        made.expect("a budget").id
    }

    /// A request for a payment of `units` to [`PAYEE`] at `api.example`.
    pub(crate) fn request(&self, card: &CardToken, units: u128) -> IssueRequest {
        let resource = "https://api.example/answers";
        IssueRequest {
            card: self.issuer.card(card).expect("a card of this issuer"),
            request_key: random(),
            purchase: Purchase {
                method: "GET".to_owned(),
                resource: resource.to_owned(),
                venue: venue(&self.processor),
                token: TOKEN,
                payee: PAYEE,
                amount: Ceiling::new(units).expect("an amount"),
                disputes: None,
            },
            order: Some(random()),
            metered: false,
            subject: Subject::of(resource).expect("an address"),
            purpose: None,
            deadline: at(self.clock.now().get() + 1_000),
        }
    }

    pub(crate) async fn ask(&self, request: IssueRequest) -> Issue {
        self.issuer.issue(request).await.expect("the store works")
    }

    pub(crate) async fn pay(
        &self,
        card: &CardToken,
        units: u128,
    ) -> Result<PaymentRecord, Refusal> {
        issued(self.ask(self.request(card, units)).await)
    }
}

/// The payment, or why there is none.
pub(crate) fn issued(answer: Issue) -> Result<PaymentRecord, Refusal> {
    match answer {
        Issue::Issued { payment, .. } => Ok(*payment),
        Issue::Refused(refusal) => Err(refusal),
        Issue::Asked(approval) => panic!("the owner is asked: {approval:?}"),
    }
}

/// The question to the owner.
pub(crate) fn asked(answer: Issue) -> ApprovalRecord {
    match answer {
        Issue::Asked(approval) => *approval,
        other => panic!("the owner is not asked: {other:?}"),
    }
}

/// The code of a refusal.
pub(crate) fn code<T: std::fmt::Debug>(answer: Result<T, Refusal>) -> &'static str {
    answer.expect_err("a refusal").code.name()
}

pub(crate) fn venue(processor: &PrivateKeySigner) -> Venue {
    Venue {
        chain: ChainId::new(31_337),
        wallet: address!("0x00000000000000000000000000000000000000AA"),
        processor: processor.address(),
    }
}

pub(crate) fn open(directory: &Path, kek: &[u8; 32], clock: &Clock) -> Issuer {
    let vault = Vault::new(Kek::from_bytes(Zeroizing::new(*kek)).expect("a key"));
    Issuer::open(directory, vault, clock.clone(), IssuerConfig::default())
        .expect("the issuer opens")
}

/// A narrower card for another holder.
pub(crate) fn narrowed(
    card: &CardToken,
    by: &HolderKey,
    restrictions: &Restrictions,
) -> (CardToken, HolderKey) {
    let to = HolderKey::generate();
    let handover = Handover { to: to.public(), by };
    (card.narrow(restrictions, Some(handover)).expect("a narrower card"), to)
}

pub(crate) fn parsed<T: FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().expect("well-formed")
}
