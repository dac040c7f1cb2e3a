//! `aep2 refund`.

use std::process::ExitCode;

use aep2_chain::{
    call::Call,
    events::WalletEvent,
    token::{DepositAuthorization, DepositTarget, SignedAuthorization, Token},
    wallet::{WalletId, signing::deposit_nonce, units::BaseUnits},
};
use aep2_mandate::{
    typed_data::{
        self,
        refund::{Refund, SignedRefund},
    },
    units::{AccountId, Ceiling, UnixTime},
};
use aep2_processor_client::{
    lookup::Lookup,
    refunds::{PaidMandate, RefundStatus, RefundStep, Terms},
};
use alloy::{
    primitives::{Address, B256, Bytes},
    providers::{DynProvider, Provider},
    signers::local::PrivateKeySigner,
    transports::http::reqwest::Url,
};
use anyhow::{Context, bail, ensure};
use clap::Args;
use serde::Serialize;

use super::{rows, wallet::options};
use crate::{
    onchain::{
        amount::{Decimal, TokenInfo, base_units},
        block_on,
        deployed::Deployed,
        sending::{Sent, SigningNode, event_of},
        tx_options::TxOptions,
    },
    output::Output,
};

/// Give back what a mandate paid, fully or in part; without an amount: show what was given back
///
/// Signed by the payee's key. The refund is announced to the processor first, then the tokens go from the
/// payee's address into the payer's account. The same command again is the same refund and moves nothing: to
/// give back the same amount of a mandate twice, say that it is --number 2.
#[derive(Args)]
#[command(after_help = "Examples:\n  \
                        aep2 refund 0x1a2b… --amount 0.5 --key-file payee.key\n  \
                        aep2 refund 0x1a2b… --amount 0.5 --sign-only --json --key-file payee.key\n  \
                        aep2 refund 0x1a2b…")]
pub(crate) struct Arguments {
    /// The mandate's id
    #[arg(value_name = "MANDATE")]
    mandate: B256,

    /// How much, as people write it
    #[arg(long, value_name = "TOKENS", conflicts_with = "base_units")]
    amount: Option<Decimal>,

    /// How much, in the token's base units
    #[arg(long, value_name = "N")]
    base_units: Option<BaseUnits>,

    /// Which refund of this amount it is
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    number: u32,

    /// The refund's id, where you keep ids of your own [default: made of mandate, amount and number]
    #[arg(long, value_name = "ID", conflicts_with = "number")]
    refund_id: Option<B256>,

    /// Print what is signed, for somebody else to announce and send; move nothing
    #[arg(long)]
    sign_only: bool,

    /// For how many seconds the tokens can be moved by the signature
    #[arg(long, value_name = "SECONDS", default_value_t = 3_600)]
    valid_s: u64,

    /// The processor that settled the mandate, by its address on the net
    #[arg(
        long,
        value_name = "URL",
        env = "AEP2_PROCESSOR",
        default_value = "http://127.0.0.1:8402"
    )]
    processor: Url,

    #[command(flatten)]
    tx: TxOptions,
}

/// What was given back of a mandate.
#[derive(Serialize)]
struct Shown {
    mandate: B256,
    payee: Address,
    account: AccountId,
    token: TokenInfo,
    /// What was paid; none when the mandate is not settled.
    settled_base_units: Option<BaseUnits>,
    /// What can still be given back.
    left_base_units: BaseUnits,
    refunds: Vec<RefundStatus>,
}

/// A refund that was made.
#[derive(Serialize)]
struct Refunded {
    mandate: B256,
    refund_id: B256,
    account: AccountId,
    token: TokenInfo,
    base_units: BaseUnits,
    amount: Option<String>,
    deposit_nonce: B256,
    outcome: Outcome,
    transactions: Vec<Sent>,
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    /// The tokens are in the payer's account now.
    Deposited,
    /// They were before: the processor saw it on chain, and the token says that this refund's nonce is used.
    PaidBefore,
    /// The token says that this refund's nonce is used: the deposit is made, or it was cancelled.
    NonceUsed,
}

/// What somebody else needs to make a refund.
#[derive(Serialize)]
struct Prepared {
    /// To be posted first.
    refund: SignedRefund,
    /// Where.
    announce_at: String,
    /// What moves the tokens, and for what.
    authorization: PreparedAuthorization,
    /// The transaction. Anyone may send it.
    to: Address,
    data: Bytes,
}

#[derive(Serialize)]
struct PreparedAuthorization {
    account: AccountId,
    token: Address,
    from: Address,
    base_units: BaseUnits,
    valid_before: UnixTime,
    salt: B256,
    nonce: B256,
    signature: Bytes,
}

pub(crate) fn run(arguments: &Arguments, output: &Output) -> anyhow::Result<ExitCode> {
    if arguments.amount.is_none() && arguments.base_units.is_none() {
        let shown = block_on(show(arguments))?;
        output.result(&shown, || text_of(&shown))?;
    } else if arguments.sign_only {
        let prepared = block_on(prepare(arguments))?;
        output.result(&prepared, || text_of_prepared(&prepared))?;
    } else {
        let done = block_on(refund(arguments, output))?;
        output.result(&done, || text_of_refunded(&done))?;
    }
    Ok(ExitCode::SUCCESS)
}

async fn show(arguments: &Arguments) -> anyhow::Result<Shown> {
    let (node, deployed) = arguments.tx.look().await?;
    let found = paid(arguments, &deployed).await?;
    let token = TokenInfo::of(&node.provider, found.mandate.token()).await;
    Ok(Shown {
        mandate: arguments.mandate,
        payee: found.mandate.payee(),
        account: found.account,
        token,
        settled_base_units: found.settled().map(|paid| BaseUnits::new(paid.get())),
        left_base_units: BaseUnits::new(left(&found)),
        refunds: found.refunds,
    })
}

/// A refund that can be made, with who makes it.
struct Ready {
    signing: SigningNode,
    deployed: Deployed,
    lookup: Lookup,
    token: TokenInfo,
    account: AccountId,
    signed: SignedRefund,
}

impl Ready {
    fn payee(&self) -> Address {
        self.signing.key.address()
    }

    fn amount(&self) -> BaseUnits {
        BaseUnits::new(self.signed.message.amount.get())
    }

    fn nonce(&self) -> B256 {
        deposit_nonce(self.account, self.signed.message.deposit_salt())
    }

    fn contract(&self) -> Token<DynProvider> {
        Token::new(self.signing.node.provider.clone(), self.token.address)
    }

    /// Signs the tokens over, to this account and for this refund.
    async fn authorize(&self, valid_s: u64) -> anyhow::Result<(SignedAuthorization, Call)> {
        let valid_before = self.signing.node.now().await?.checked_add(valid_s);
        let valid_before = valid_before.context("--valid-s is beyond the end of time")?;
        let (refund, wallet) = (&self.signed.message, self.deployed.wallet.id());
        let to = (wallet, self.account);
        sign_over(&self.signing.key, &self.contract(), refund, to, valid_before).await
    }
}

/// Signs the tokens of a refund over to an account, for this refund alone; and the call that moves them.
pub(super) async fn sign_over(
    payee: &PrivateKeySigner,
    token: &Token<DynProvider>,
    refund: &Refund,
    (wallet, account): (WalletId, AccountId),
    valid_before: UnixTime,
) -> anyhow::Result<(SignedAuthorization, Call)> {
    let domain = token.eip712_domain().await.with_context(|| {
        format!("the token {} does not take EIP-3009 authorizations", refund.token)
    })?;
    let authorization = DepositAuthorization {
        from: payee.address(),
        amount: BaseUnits::new(refund.amount.get()),
        valid_after: UnixTime::MIN,
        valid_before,
        salt: refund.deposit_salt(),
    };
    let signed = authorization
        .sign(payee, &domain, wallet.address, &DepositTarget::Account(account))
        .context("cannot sign the authorization")?;
    let call = wallet.deposit_with_authorization(account, refund.token, &signed);
    Ok((signed, call))
}

/// Looks the mandate up, checks everything that can be checked, and signs the refund.
async fn ready(arguments: &Arguments) -> anyhow::Result<Ready> {
    let (signing, deployed) = arguments.tx.open().await?;
    let found = paid(arguments, &deployed).await?;
    let (payee, own) = (found.mandate.payee(), signing.key.address());
    ensure!(
        payee == own,
        "mandate {} was paid to {payee}, and the key is that of {own}: only who was paid gives back",
        arguments.mandate
    );
    let token = TokenInfo::of(&signing.node.provider, found.mandate.token()).await;
    let amount = base_units(arguments.amount.as_ref(), arguments.base_units, &token)?;
    let amount = Ceiling::new(amount.get()).context("the amount")?;
    let numbered = || Refund::numbered_id(arguments.mandate, amount, arguments.number);
    let refund_id = arguments.refund_id.unwrap_or_else(numbered);
    check_amount(&found, (refund_id, amount), &token)?;
    let account = account(&found, &deployed).await?;
    let message = Refund {
        mandate_id: arguments.mandate,
        token: token.address,
        amount,
        refund_id,
        at: options::now(),
    };
    let wallet = deployed.wallet.id();
    let domain = typed_data::domain(wallet.chain_id, wallet.address);
    let signed = SignedRefund::sign(message, &signing.key, &domain);
    let signed = signed.context("cannot sign the refund")?;
    Ok(Ready { signing, deployed, lookup: lookup(arguments)?, token, account, signed })
}

/// Whether so much can be given back under this id. The processor looks once more.
fn check_amount(
    found: &PaidMandate,
    (refund_id, amount): (B256, Ceiling),
    token: &TokenInfo,
) -> anyhow::Result<()> {
    let show = |amount: u128| token.show(BaseUnits::new(amount));
    let known = found.refunds.iter().map(|own| &own.refund.message);
    if let Some(known) = known.clone().find(|known| known.refund_id == refund_id) {
        ensure!(
            known.amount == amount,
            "refund {refund_id} is of {}; another refund has another id",
            show(known.amount.get())
        );
        return Ok(());
    }
    let Some(settled) = found.settled() else {
        bail!("the mandate is not settled, so nothing can be given back yet")
    };
    let left = left(found);
    ensure!(
        amount.get() <= left,
        "{} is more than the {} that is left of the {} settled",
        show(amount.get()),
        show(left),
        show(settled.get())
    );
    Ok(())
}

async fn refund(arguments: &Arguments, output: &Output) -> anyhow::Result<Refunded> {
    let ready = ready(arguments).await?;
    // What is announced cannot be taken back.
    if !ready.contract().is_authorization_used(ready.payee(), ready.nonce()).await? {
        can_pay(&ready).await?;
    }
    let announced = ready.lookup.announce(&ready.signed).await.context("cannot announce it")?;
    let nonce = ready.nonce();
    // It would never see the deposit.
    ensure!(
        announced.deposit_nonce.0 == nonce,
        "the processor expects another deposit than this one: nothing was sent"
    );
    output.note("announced to the processor");
    let mut transactions = Vec::new();
    let is_used = ready.contract().is_authorization_used(ready.payee(), nonce).await?;
    let outcome = made_before(is_used, announced.status).unwrap_or(Outcome::Deposited);
    if outcome == Outcome::Deposited {
        transactions.push(deposit(arguments, &ready, output).await?);
    }
    let amount = ready.amount();
    Ok(Refunded {
        mandate: arguments.mandate,
        refund_id: ready.signed.message.refund_id,
        account: ready.account,
        base_units: amount,
        amount: ready.token.decimal(amount),
        token: ready.token,
        deposit_nonce: nonce,
        outcome,
        transactions,
    })
}

/// What came of a refund before, if its nonce is used. The token says that, and not the processor: what it calls
/// paid, and is not, would never be paid.
fn made_before(is_used: bool, status: RefundStep) -> Option<Outcome> {
    is_used.then_some(match status {
        RefundStep::Paid => Outcome::PaidBefore,
        RefundStep::Announced => Outcome::NonceUsed,
    })
}

/// Whether there are tokens to give back, and ether to send them with.
async fn can_pay(ready: &Ready) -> anyhow::Result<()> {
    let (payee, amount) = (ready.payee(), ready.amount());
    let held = ready.contract().balance_of(payee).await?;
    ensure!(
        held >= amount.to_word(),
        "{payee} has {}, not {}",
        BaseUnits::from_word(held).map_or("too little".to_owned(), |held| ready.token.show(held)),
        ready.token.show(amount)
    );
    let ether = ready.signing.node.provider.get_balance(payee).await?;
    ensure!(!ether.is_zero(), "{payee} has no ether for gas: send it some, then try again");
    Ok(())
}

/// Moves the tokens.
async fn deposit(arguments: &Arguments, ready: &Ready, output: &Output) -> anyhow::Result<Sent> {
    let (_, call) = ready.authorize(arguments.valid_s).await?;
    let (sent, receipt) = ready.signing.send("refund", &call, output).await?;
    event_of(&receipt, &ready.deployed, "what arrived", |event| match event {
        WalletEvent::Deposited { account, amount, .. } if account == ready.account => Some(amount),
        _ => None,
    })?;
    Ok(sent)
}

async fn prepare(arguments: &Arguments) -> anyhow::Result<Prepared> {
    let ready = ready(arguments).await?;
    let (signed, call) = ready.authorize(arguments.valid_s).await?;
    let authorization = PreparedAuthorization {
        account: ready.account,
        token: ready.token.address,
        from: signed.authorization.from,
        base_units: signed.authorization.amount,
        valid_before: signed.authorization.valid_before,
        salt: signed.authorization.salt,
        nonce: ready.nonce(),
        signature: signed.signature,
    };
    let base = arguments.processor.as_str().trim_end_matches('/');
    Ok(Prepared {
        refund: ready.signed,
        announce_at: format!("{base}/v1/mandates/{}/refunds", arguments.mandate),
        authorization,
        to: ready.deployed.wallet.id().address,
        data: call.data,
    })
}

fn lookup(arguments: &Arguments) -> anyhow::Result<Lookup> {
    let url = &arguments.processor;
    Ok(Lookup::new(options::http(url).build()?, url.clone()))
}

/// The mandate, which is the one that was named, whatever the processor says.
async fn paid(arguments: &Arguments, deployed: &Deployed) -> anyhow::Result<PaidMandate> {
    let (mandate, wallet) = (arguments.mandate, deployed.wallet.id());
    let found = lookup(arguments)?.paid(mandate, wallet.chain_id, wallet.address).await?;
    found.with_context(|| {
        format!(
            "{} does not know mandate {mandate}; name another with --processor",
            arguments.processor
        )
    })
}

/// The account that the payer paid from. A direct mandate names its owner only: the money goes to an
/// account of that owner, whatever the processor says.
async fn account(found: &PaidMandate, deployed: &Deployed) -> anyhow::Result<AccountId> {
    if let Terms::Direct(mandate) = &found.mandate {
        let owner = deployed.wallet.account(found.account).await?.owner;
        ensure!(
            owner == mandate.owner,
            "the processor says that account {} paid, and that is not an account of {}",
            found.account,
            mandate.owner
        );
    }
    Ok(found.account)
}

/// What can still be given back, in base units.
fn left(found: &PaidMandate) -> u128 {
    let refunded = found.refunds.iter().map(|own| own.refund.message.amount.get());
    let refunded = refunded.fold(0, u128::saturating_add);
    found.settled().map_or(0, |settled| settled.get().saturating_sub(refunded))
}

fn text_of(shown: &Shown) -> String {
    let show = |amount| shown.token.show(amount);
    let settled = shown.settled_base_units.map_or("not settled".to_owned(), show);
    let mut lines = vec![
        ("account", shown.account.to_string()),
        ("payee", shown.payee.to_string()),
        ("settled", settled),
    ];
    for own in &shown.refunds {
        let amount = show(BaseUnits::new(own.refund.message.amount.get()));
        let step = match (own.status, &own.transaction) {
            (RefundStep::Paid, Some(transaction)) => format!("paid by {}", transaction.0),
            (RefundStep::Paid, None) => "paid".to_owned(),
            (RefundStep::Announced, _) => "announced, not paid".to_owned(),
        };
        lines.push(("refund", format!("{amount}, {step}")));
    }
    lines.push(("left", show(shown.left_base_units)));
    rows(&lines)
}

fn text_of_refunded(done: &Refunded) -> String {
    let outcome = match done.outcome {
        Outcome::Deposited => {
            "in the payer's account; the processor shows it once it has read the block"
        }
        Outcome::PaidBefore => "was paid before; nothing was sent",
        Outcome::NonceUsed => {
            "its deposit was made before, or cancelled; nothing was sent. The processor shows which"
        }
    };
    rows(&[
        ("refund", done.refund_id.to_string()),
        ("account", done.account.to_string()),
        ("amount", done.token.show(done.base_units)),
        ("deposit", outcome.to_owned()),
    ])
}

fn text_of_prepared(prepared: &Prepared) -> String {
    let refund = serde_json::to_string(&prepared.refund).unwrap_or_default();
    format!(
        "Nothing was sent. Announce first, then send.\n\n\
         announce   curl -H 'Content-Type: application/json' -d '{refund}' {}\n\n\
         send       cast send {} {} (until {}, in unix seconds)",
        prepared.announce_at, prepared.to, prepared.data, prepared.authorization.valid_before
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_processor_calls_paid_is_paid_all_the_same_if_the_token_moved_nothing() {
        assert_eq!(made_before(false, RefundStep::Paid), None);
        assert_eq!(made_before(false, RefundStep::Announced), None);
        assert_eq!(made_before(true, RefundStep::Paid), Some(Outcome::PaidBefore));
        assert_eq!(made_before(true, RefundStep::Announced), Some(Outcome::NonceUsed));
    }
}
