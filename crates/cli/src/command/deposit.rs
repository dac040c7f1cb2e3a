//! `aep2 deposit`.

use std::process::ExitCode;

use aep2_chain::{
    call::Call,
    contracts::TestUSD,
    events::WalletEvent,
    token::{self, Permit, Token},
    wallet::units::BaseUnits,
};
use aep2_mandate::units::AccountId;
use anyhow::{Context, ensure};
use clap::Args;
use serde::Serialize;

use super::rows;
use crate::{
    onchain::{
        amount::{AmountOptions, TokenInfo},
        block_on,
        deployed::{Deployed, TokenOptions},
        sending::{Sent, SigningNode, event_of},
        tx_options::TxOptions,
    },
    output::Output,
};

/// How long a permit counts: enough to be mined, too short to be found later.
const PERMIT_SECONDS: u64 = 3_600;

/// Put tokens into an account
///
/// The tokens are those of the key that signs. Anyone may pay into any account.
#[derive(Args)]
#[command(after_help = "Examples:\n  \
                        aep2 deposit --account 1 --amount 12.5 --key-file owner.key\n  \
                        aep2 deposit --account 1 --base-units 12500000 --permit --key-file owner.key")]
pub(crate) struct Arguments {
    /// The account's number
    #[arg(long, value_name = "ID")]
    account: AccountId,

    #[command(flatten)]
    deposit: Deposit,
}

/// What is put in, of whose.
#[derive(Args)]
pub(crate) struct Deposit {
    #[command(flatten)]
    amount: AmountOptions,

    /// Sign an EIP-2612 permit and deposit in one transaction, instead of approving first
    #[arg(long)]
    permit: bool,

    /// Mint the amount first. Only the test token lets anyone do that
    #[arg(long)]
    mint: bool,

    #[command(flatten)]
    token: TokenOptions,

    #[command(flatten)]
    tx: TxOptions,
}

#[derive(Serialize)]
struct Deposited {
    account: AccountId,
    token: TokenInfo,
    /// What arrived.
    base_units: BaseUnits,
    amount: Option<String>,
    /// What the account has now.
    balance_base_units: BaseUnits,
    balance: Option<String>,
    transactions: Vec<Sent>,
}

pub(crate) fn run(arguments: &Arguments, output: &Output) -> anyhow::Result<ExitCode> {
    into(arguments.account, &arguments.deposit, output)
}

/// Puts tokens into an account, and says so.
pub(crate) fn into(
    account: AccountId,
    arguments: &Deposit,
    output: &Output,
) -> anyhow::Result<ExitCode> {
    let done = block_on(deposit(account, arguments, output))?;
    output.result(&done, || {
        rows(&[
            ("account", done.account.to_string()),
            ("deposited", done.token.show(done.base_units)),
            ("balance", done.token.show(done.balance_base_units)),
        ])
    })?;
    Ok(ExitCode::SUCCESS)
}

async fn deposit(
    account: AccountId,
    arguments: &Deposit,
    output: &Output,
) -> anyhow::Result<Deposited> {
    let (signing, deployed) = arguments.tx.open().await?;
    let token = deployed.token(&arguments.token).await?;
    let amount = arguments.amount.base_units(&token)?;
    // Before anything is approved or minted for an account that is not there.
    deployed.wallet.account(account).await?;

    let mut transactions = Vec::new();
    if arguments.mint {
        transactions.push(mint(&signing, &deployed, &token, amount, output).await?);
    }
    let from = signing.key.address();
    let contract = Token::new(signing.node.provider.clone(), token.address);
    let held = contract.balance_of(from).await?;
    ensure!(
        held >= amount.to_word(),
        "{from} has {}, not {}{}",
        BaseUnits::from_word(held).map_or("too little".to_owned(), |held| token.show(held)),
        token.show(amount),
        if deployed.is_test_token(token.address) { "; --mint makes test tokens" } else { "" }
    );

    let call = if arguments.permit {
        with_permit(&signing, &deployed, &contract, account, amount).await?
    } else {
        let wallet = deployed.wallet.id().address;
        if contract.allowance(from, wallet).await? < amount.to_word() {
            let approve = token::approve(token.address, wallet, amount);
            transactions.push(signing.send("approve the tokens", &approve, output).await?.0);
        }
        deployed.wallet.id().deposit(account, token.address, amount)
    };
    let (sent, receipt) = signing.send("deposit", &call, output).await?;
    transactions.push(sent);
    let arrived = event_of(&receipt, &deployed, "what arrived", |event| match event {
        WalletEvent::Deposited { amount, .. } => Some(amount),
        _ => None,
    })?;
    let balance = deployed.wallet.purse(account, token.address).await?.balance;
    Ok(Deposited {
        account,
        base_units: arrived,
        amount: token.decimal(arrived),
        balance_base_units: balance,
        balance: token.decimal(balance),
        token,
        transactions,
    })
}

/// Mints test tokens to the key that signs.
pub(crate) async fn mint(
    signing: &SigningNode,
    deployed: &Deployed,
    token: &TokenInfo,
    amount: BaseUnits,
    output: &Output,
) -> anyhow::Result<Sent> {
    ensure!(
        deployed.is_test_token(token.address),
        "--mint is for the deployment's test token, and {} is another",
        token.address
    );
    let mint = TestUSD::mintCall { to: signing.key.address(), amount: amount.to_word() };
    let call = Call::new(token.address, &mint);
    Ok(signing.send("mint test tokens", &call, output).await?.0)
}

/// The deposit by a permit that the caller signs.
async fn with_permit(
    signing: &SigningNode,
    deployed: &Deployed,
    token: &Token<alloy::providers::DynProvider>,
    account: AccountId,
    amount: BaseUnits,
) -> anyhow::Result<Call> {
    let owner = signing.key.address();
    let no_permits =
        || format!("{} does not take EIP-2612 permits; deposit without --permit", token.address());
    let deadline = signing.node.now().await?.checked_add(PERMIT_SECONDS);
    let permit = Permit {
        owner,
        spender: deployed.wallet.id().address,
        amount,
        nonce: token.permit_nonce(owner).await.with_context(no_permits)?,
        deadline: deadline.context("the chain's clock is at the end of time")?,
    };
    let domain = token.eip712_domain().await.with_context(no_permits)?;
    let signed = permit.sign(&signing.key, &domain).context("cannot sign the permit")?;
    Ok(deployed.wallet.id().deposit_with_permit(account, token.address(), &signed, None))
}
