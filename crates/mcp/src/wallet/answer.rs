//! What the wallet tells an agent, as JSON: bounded, amounts in base units with a readable form
//! beside them.

use aep2_mandate::units::{Amount, decimal};
use aep2_payer::{
    Answer, Payment, SHORT_ANSWER_BYTES,
    wallet::{Entry, WalletSettings},
};
use aep2_processor_client::lookup::AccountStatus;
use aep2_x402::{CaptureMode, Requirements};
use alloy_primitives::Address;
use http::header::{CONTENT_TYPE, LOCATION};
use rmcp::model::Tool;
use serde_json::{Value, json};

use crate::buyer::Bought;

/// The most of a tool's result, or of a list of tools, that is returned, in bytes.
const JSON_BYTES_MAX: usize = 256 << 10;

/// An HTTP answer, up to `bytes_max` bytes of it, and what was paid.
pub(super) async fn of_http(answer: Answer, bytes_max: usize, settings: &WalletSettings) -> Value {
    let Answer { mut response, payment } = answer;
    let was_paid = payment.is_some();
    let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
    let mut told = json!({
        "status": response.status().as_u16(),
        "contentType": header(CONTENT_TYPE),
        "paid": payment.as_ref().map(|payment| paid(payment, settings)),
    });
    if let Some(location) = header(LOCATION) {
        told["location"] = location.into();
    }
    let length = response.content_length();
    let whole = length.is_some_and(|bytes| bytes <= SHORT_ANSWER_BYTES);
    let (mut body, mut broken) = (Vec::new(), None);
    let cut = loop {
        match response.chunk().await {
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) => break false,
            Err(error) => {
                broken = Some(error.to_string());
                break false;
            }
        }
        if body.len() > bytes_max {
            body.truncate(bytes_max);
            break true;
        }
    };
    match text(&body, cut) {
        Some(text) => told["body"] = text.into(),
        None => {
            told["note"] = format!("the answer is not text: {} bytes, not shown", body.len()).into()
        }
    }
    // What is not read to its end is not delivered: the same request sends the same payment. A short
    // answer was read before it was handed on.
    let again = match was_paid && !whole {
        true => "; ask again with the same arguments, and the same payment is sent",
        false => "",
    };
    if cut {
        let whole = length.map(|length| format!(" of {length}")).unwrap_or_default();
        told["cut"] = format!("only the first {bytes_max} bytes{whole} are shown{again}").into();
    }
    if let Some(why) = broken {
        told["cut"] = format!("the answer broke off: {why}{again}").into();
    }
    told
}

/// A tool's result, and what was paid.
pub(super) fn of_tool(bought: &Bought, settings: &WalletSettings) -> Value {
    let mut result = bought.result.clone();
    // The receipt was checked, and stands under paid.
    result.meta = None;
    let paid = bought.payment.as_ref().map(|payment| paid(payment, settings));
    let mut told = bounded(&result, "result");
    told["paid"] = paid.into();
    told
}

/// The tools of a server.
pub(super) fn tools(tools: &[Tool]) -> Value {
    let tools = tools.iter().map(|tool| {
        json!({
            "name": tool.name,
            "description": tool.description,
            "arguments": tool.input_schema,
        })
    });
    bounded(&tools.collect::<Vec<_>>(), "tools")
}

/// What a request would cost.
pub(super) fn price(terms: &Requirements, settings: &WalletSettings) -> Value {
    let amount = terms.amount.amount();
    json!({
        "free": false,
        "amount": amount,
        "shown": shown(amount, terms.asset.0, settings),
        "token": terms.asset,
        "payee": terms.pay_to,
        "metered": terms.extra.capture == CaptureMode::Metered,
    })
}

/// What was paid. Without a receipt that holds, it is the service's word alone.
fn paid(payment: &Payment, settings: &WalletSettings) -> Value {
    let purchase = &payment.purchase;
    let amount = payment.captured.unwrap_or(purchase.amount.amount());
    let mut told = json!({
        "amount": amount,
        "shown": shown(amount, purchase.token, settings),
        "token": purchase.token,
        "payee": purchase.payee,
        "mandateId": payment.id,
        "receipt": payment.receipt.as_ref().map_or_else(ToString::to_string, |_| "verified".to_owned()),
    });
    if payment.open {
        told["note"] =
            "nothing was said about the payment; the same arguments send it again".into();
    }
    if amount != purchase.amount.amount() {
        told["atMost"] = json!(purchase.amount);
    }
    told
}

/// What an account has.
pub(super) fn balance(status: &AccountStatus, settings: &WalletSettings) -> Value {
    let purses = status.purses.iter().map(|purse| {
        json!({
            "token": purse.token,
            "free": purse.free,
            "shown": shown_units(purse.free.0, purse.token.0, settings),
            "reserved": purse.reserved,
            "balance": purse.balance,
        })
    });
    json!({
        "account": status.account,
        "owner": status.owner,
        "canPay": status.served,
        "tokens": purses.collect::<Vec<_>>(),
    })
}

/// What the owner allows, and what of it was spent in each token.
pub(super) fn limits(settings: &WalletSettings, spent: &[Amount]) -> Value {
    let tokens = settings.limits.tokens.iter().zip(spent).map(|(own, spent)| {
        let left =
            Amount::new(own.per_day.get().saturating_sub(spent.get())).unwrap_or(Amount::ZERO);
        json!({
            "token": own.token,
            "perPayment": own.per_call,
            "perHostIn24h": own.per_host,
            "in24h": own.per_day,
            "spentIn24h": spent,
            "leftNow": left,
            "shown": {
                "perPayment": own.show(own.per_call),
                "perHostIn24h": own.show(own.per_host),
                "in24h": own.show(own.per_day),
                "leftNow": own.show(left),
            },
        })
    });
    json!({
        "tokens": tokens.collect::<Vec<_>>(),
        "hosts": settings.limits.hosts.as_ref().map_or_else(|| json!("any"), |hosts| json!(hosts)),
        "payees": settings.limits.payees.as_ref().map_or_else(|| json!("any"), |payees| json!(payees)),
    })
}

/// The last payments, the newest first.
pub(super) fn history(entries: &[Entry], count: usize, settings: &WalletSettings) -> Value {
    let last = entries.iter().rev().take(count).map(|entry| {
        let amount = entry.captured.unwrap_or(entry.amount);
        let mut told = json!(entry);
        told["shown"] = shown(amount, entry.token.0, settings).into();
        told
    });
    json!({ "payments": last.collect::<Vec<_>>(), "inAll": entries.len() })
}

fn shown(amount: Amount, token: Address, settings: &WalletSettings) -> String {
    shown_units(amount.get(), token, settings)
}

fn shown_units(units: u128, token: Address, settings: &WalletSettings) -> String {
    let own = settings.token(token);
    let name = own.and_then(|own| own.symbol.clone()).unwrap_or_else(|| token.to_string());
    match own.and_then(|own| own.decimals) {
        Some(decimals) => format!("{} {name}", decimal(units, decimals)),
        None => format!("{units} base units of {name}"),
    }
}

/// Something under a key; where it is too long, its beginning as text.
fn bounded(value: &impl serde::Serialize, key: &str) -> Value {
    match serde_json::to_vec(value) {
        Ok(written) if written.len() > JSON_BYTES_MAX => {
            let beginning = text(&written[..JSON_BYTES_MAX], true).unwrap_or_default();
            let cut =
                format!("only the first {JSON_BYTES_MAX} bytes of {} are shown", written.len());
            json!({ key: beginning, "cut": cut })
        }
        _ => json!({ key: value }),
    }
}

/// Bytes as text, if they are; a character that was cut through is left out.
fn text(bytes: &[u8], cut: bool) -> Option<&str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Some(text),
        Err(error) if cut && error.error_len().is_none() => {
            std::str::from_utf8(&bytes[..error.valid_up_to()]).ok()
        }
        Err(_) => None,
    }
}
