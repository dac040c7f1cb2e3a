//! `aep2 pay`.

use std::{
    collections::BTreeMap,
    fs,
    io::{ErrorKind, Write},
    path::{Path, PathBuf},
    process::ExitCode,
    time::{Duration, Instant},
};

use aep2_mandate::{
    mandate::MandateId,
    typed_data::receipt::SignedReceipt,
    units::{Amount, Ceiling},
};
use aep2_payer::{Answer, PayError, PayingClient, Payment, card::IssuerError, wallet::Wallet};
use aep2_x402::{CaptureMode, receipt::ReceiptError, terms::WireAddress};
use alloy::{
    primitives::hex,
    transports::http::reqwest::{
        Method, Request, Url,
        header::{HeaderMap, HeaderName, HeaderValue},
    },
};
use anyhow::{Context, bail};
use clap::Args;
use serde::Serialize;

use super::{
    pay_from::{PayFromOptions, Source},
    wallet::options::{http, in_base_units, now},
};
use crate::{
    onchain::{amount::Decimal, block_on, time_span::relative},
    output::Output,
};

/// The most bytes of an answer that are read for `--json`.
const JSON_BYTES_MAX: usize = 16 << 20;
/// Between two questions whether a card's owner has approved.
const OWNER_PAUSE: Duration = Duration::from_secs(2);

/// Send an HTTP request, and pay for it where it asks for a payment
///
/// The answer goes to standard output, what was paid to standard error. The payment is within the
/// wallet's limits or the card's, or there is none. A payment that is not answered is sent again, the same
/// one, and waits in the wallet, or beside the card, in the end: the same command sends it once more, and
/// pays nothing new. `aep2 wallet unanswered` lists those that wait in a wallet.
///
/// The exit code is 0 where the answer is a success, 1 where it is not, 2 where there is none.
#[derive(Args)]
#[command(after_help = "Examples:\n  \
                        aep2 pay http://127.0.0.1:8080/answers/42\n  \
                        aep2 pay --max 0.002 -d @question.json -H 'content-type: application/json' https://api.example.com/ask\n  \
                        aep2 pay --dry-run https://api.example.com/ask")]
pub(crate) struct Arguments {
    /// What to ask for
    #[arg(value_name = "URL")]
    url: Url,

    /// The method [default: GET, or POST where there is data]
    #[arg(long, short = 'X', value_name = "METHOD")]
    request: Option<Method>,

    /// A header, "name: value"; may be repeated
    #[arg(long = "header", short = 'H', value_name = "HEADER", value_parser = header)]
    headers: Vec<(HeaderName, HeaderValue)>,

    /// The request's body; @FILE takes it from a file
    #[arg(long, short, value_name = "BODY")]
    data: Option<String>,

    /// Pay this much at the most, in tokens, where the wallet's limits allow more
    #[arg(long, value_name = "TOKENS")]
    max: Option<Decimal>,

    /// How long the answer, or its next part, is waited for, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    timeout: u64,

    /// Say what it would cost, and pay nothing
    #[arg(long, conflicts_with = "again")]
    dry_run: bool,

    /// Send this payment again, which was not answered, and no other; the URL and the method have to be the same
    #[arg(long, value_name = "MANDATE")]
    again: Option<MandateId>,

    /// Write the answer's body to this file
    #[arg(long = "output", short = 'o', value_name = "FILE", conflicts_with = "json")]
    file: Option<PathBuf>,

    /// With a card: wait this long for its owner, where the owner has to approve, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    wait: u64,

    #[command(flatten)]
    from: PayFromOptions,
}

fn header(text: &str) -> Result<(HeaderName, HeaderValue), String> {
    let (name, value) = text.split_once(':').ok_or("a header is \"name: value\"")?;
    let name = name.trim().parse::<HeaderName>().map_err(|error| error.to_string())?;
    let value = value.trim().parse::<HeaderValue>().map_err(|error| error.to_string())?;
    Ok((name, value))
}

pub(crate) fn run(arguments: &Arguments, output: &Output) -> anyhow::Result<ExitCode> {
    block_on(pay(arguments, output))
}

async fn pay(arguments: &Arguments, output: &Output) -> anyhow::Result<ExitCode> {
    let source = source(arguments).await?;
    let client = &source.client;
    if arguments.dry_run {
        return price(&source, arguments, output).await;
    }
    let answer = match arguments.again {
        Some(id) => client.again(request(arguments)?, id).await,
        None => execute(client, arguments, output).await?,
    };
    let shown = match answer {
        Ok(answer) => shown(answer, &source, arguments, output).await,
        Err(PayError::Unanswered { id, why }) => Err(anyhow::Error::new(why).context(waits(id))),
        Err(error) => Err(error.into()),
    };
    // What is known of the payment is in the wallet before this ends.
    client.payer().flush().await;
    shown
}

/// What is to be done about a payment that was not answered.
fn waits(id: MandateId) -> String {
    format!(
        "the payment was sent and not answered; it counts as spent. The same command sends the same \
         payment again; to send it and no other, add --again {id}"
    )
}

/// Sends the request and pays, again where the card's owner has to approve and is waited for.
async fn execute(
    client: &PayingClient,
    arguments: &Arguments,
    output: &Output,
) -> anyhow::Result<Result<Answer, PayError>> {
    let until = Instant::now() + Duration::from_secs(arguments.wait);
    let mut said = false;
    loop {
        let answer = client.execute(request(arguments)?).await;
        let Err(PayError::Issuer(IssuerError::Approval(_))) = &answer else { return Ok(answer) };
        if Instant::now() >= until {
            return Ok(answer);
        }
        if let (Err(error), false) = (&answer, std::mem::replace(&mut said, true)) {
            output.note(error.to_string());
        }
        tokio::time::sleep(OWNER_PAUSE).await;
    }
}

/// What is paid from.
async fn source(arguments: &Arguments) -> anyhow::Result<Source> {
    let timeout = Duration::from_secs(arguments.timeout);
    let builder = http(&arguments.url).read_timeout(timeout);
    let Some(card) = arguments.from.card()? else {
        return Source::wallet(&wallet(arguments)?, builder);
    };
    if arguments.max.is_some() {
        bail!("--max is for wallets; narrow the card instead: aep2 card narrow");
    }
    Source::card(card, builder).await
}

/// The wallet, with the limit that is given here.
fn wallet(arguments: &Arguments) -> anyhow::Result<Wallet> {
    let wallet = arguments.from.wallet.open()?;
    let Some(most) = &arguments.max else { return Ok(wallet) };
    let mut limits = wallet.settings().limits.clone();
    for own in &mut limits.tokens {
        own.per_call = own.per_call.min(in_base_units(most, own.decimals)?);
    }
    Ok(wallet.within(limits))
}

fn request(arguments: &Arguments) -> anyhow::Result<Request> {
    let Arguments { url, request, data, .. } = arguments;
    let method = match (request, data) {
        (Some(method), _) => method.clone(),
        (None, Some(_)) => Method::POST,
        (None, None) => Method::GET,
    };
    let mut made = Request::new(method, url.clone());
    made.headers_mut().extend(arguments.headers.iter().cloned());
    if let Some(data) = data {
        let body = match data.strip_prefix('@') {
            Some(file) => fs::read(file).with_context(|| format!("cannot read {file}"))?,
            None => data.clone().into_bytes(),
        };
        *made.body_mut() = Some(body.into());
    }
    Ok(made)
}

#[derive(Serialize)]
struct Price {
    /// Base units; nothing where it is free.
    amount: Option<Ceiling>,
    token: Option<WireAddress>,
    payee: Option<WireAddress>,
    /// Whether that is the price, or the most that it can be.
    metered: bool,
}

async fn price(
    source: &Source,
    arguments: &Arguments,
    output: &Output,
) -> anyhow::Result<ExitCode> {
    let known = source.client.terms(request(arguments)?).await?;
    let terms = known.as_ref().map(|known| known.terms());
    let price = Price {
        amount: terms.map(|terms| terms.amount),
        token: terms.map(|terms| terms.asset),
        payee: terms.map(|terms| terms.pay_to),
        metered: terms.is_some_and(|terms| terms.extra.capture == CaptureMode::Metered),
    };
    output.result(&price, || match terms {
        Some(terms) => {
            let amount = money(source, terms.asset, terms.amount.amount());
            let most = if price.metered { " at the most" } else { "" };
            format!("{amount}{most}, to {}", terms.pay_to)
        }
        None => "nothing: it answers without a payment".to_owned(),
    })?;
    Ok(ExitCode::SUCCESS)
}

fn money(source: &Source, token: WireAddress, amount: Amount) -> String {
    match source.settings.token(token.0) {
        Some(own) => own.show(amount),
        None => format!("{amount} base units of {token}"),
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    status: u16,
    headers: BTreeMap<String, String>,
    /// The body, where it is text.
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<String>,
    /// The body in hexadecimal, where it is no text.
    #[serde(skip_serializing_if = "Option::is_none")]
    body_hex: Option<String>,
    payment: Option<ShownPayment>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownPayment {
    mandate_id: MandateId,
    payee: WireAddress,
    token: WireAddress,
    /// What the mandate allowed, in base units.
    amount: Ceiling,
    /// What was captured, where the processor stated it.
    captured: Option<Amount>,
    /// The processor's promise, checked.
    receipt: Option<SignedReceipt>,
    /// Why there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    no_receipt: Option<String>,
}

impl From<&Payment> for ShownPayment {
    fn from(payment: &Payment) -> Self {
        Self {
            mandate_id: payment.id,
            payee: payment.purchase.payee.into(),
            token: payment.purchase.token.into(),
            amount: payment.purchase.amount,
            captured: payment.captured,
            receipt: payment.receipt.as_ref().ok().copied(),
            no_receipt: payment.receipt.as_ref().err().map(ReceiptError::to_string),
        }
    }
}

async fn shown(
    answer: Answer,
    source: &Source,
    arguments: &Arguments,
    output: &Output,
) -> anyhow::Result<ExitCode> {
    let Answer { mut response, payment } = answer;
    let status = response.status();
    if let Some(payment) = &payment {
        output.note(paid(payment, source));
    }
    if output.is_json() {
        let headers = texts(response.headers());
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.with_context(|| cut(payment.as_ref()))? {
            body.extend_from_slice(&chunk);
            if body.len() > JSON_BYTES_MAX {
                bail!("the answer has more than {JSON_BYTES_MAX} bytes; take it without --json");
            }
        }
        let (body, body_hex) = match String::from_utf8(body) {
            Ok(text) => (Some(text), None),
            Err(error) => (None, Some(hex::encode(error.as_bytes()))),
        };
        let payment = payment.as_ref().map(Into::into);
        let shown = Shown { status: status.as_u16(), headers, body, body_hex, payment };
        output.result(&shown, String::new)?;
    } else {
        let mut sink: Box<dyn Write> = match &arguments.file {
            Some(path) => Box::new(create(path)?),
            None => Box::new(std::io::stdout().lock()),
        };
        while let Some(chunk) = response.chunk().await.with_context(|| cut(payment.as_ref()))? {
            match sink.write_all(&chunk).and_then(|()| sink.flush()) {
                // Whoever reads it has seen enough, as `head` has.
                Err(error) if error.kind() == ErrorKind::BrokenPipe => break,
                written => written?,
            }
        }
    }
    if !status.is_success() {
        output.note(format!("the answer's status is {status}"));
    }
    Ok(ExitCode::from(u8::from(!status.is_success())))
}

/// An answer that broke off, and what was paid for it.
fn cut(payment: Option<&Payment>) -> String {
    match payment {
        Some(Payment { id, .. }) => format!(
            "the answer broke off; the payment {id} was sent for it, and the same command sends the same \
             payment again"
        ),
        None => "the answer broke off".to_owned(),
    }
}

fn create(path: &Path) -> anyhow::Result<fs::File> {
    fs::File::create(path).with_context(|| format!("cannot write {}", path.display()))
}

/// What was paid, for people.
fn paid(payment: &Payment, source: &Source) -> String {
    let Payment { id, purchase, receipt, captured, .. } = payment;
    let token = purchase.token.into();
    let amount = money(source, token, captured.unwrap_or(purchase.amount.amount()));
    let promise = match receipt {
        Ok(receipt) => format!("settled by {}", relative(receipt.message.settle_by, now())),
        Err(error) => format!("WITHOUT A RECEIPT: {error}"),
    };
    if payment.open {
        return format!(
            "sent {amount} to {}, and nothing was said about the payment: the same command sends it again \
             (mandate {id})",
            purchase.payee
        );
    }
    format!("paid {amount} to {}, {promise} (mandate {id})", purchase.payee)
}

fn texts(headers: &HeaderMap) -> BTreeMap<String, String> {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect()
}
