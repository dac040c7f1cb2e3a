//! Amounts of a token: as people write them, with the token's decimals, and in base units.

use std::str::FromStr;

use aep2_chain::{token::Token, wallet::units::BaseUnits};
use aep2_mandate::units::decimal;
use alloy::{primitives::Address, providers::DynProvider};
use anyhow::{Context, ensure};
use clap::Args;
use serde::Serialize;

/// The most decimal places that are believed: 10^38 is the largest power of ten in 128 bits.
const DECIMALS_MAX: u8 = 38;

/// The most characters of a token's symbol that are shown.
const SYMBOL_CHARS_MAX: usize = 12;

/// How much.
#[derive(Args)]
#[group(required = true, multiple = false)]
pub(crate) struct AmountOptions {
    /// How much, as people write it: 12.5 is 12500000 base units of a token with 6 decimals
    #[arg(long, value_name = "TOKENS")]
    amount: Option<Decimal>,

    /// How much, in the token's base units
    #[arg(long, value_name = "N")]
    base_units: Option<BaseUnits>,
}

impl AmountOptions {
    /// In base units; more than nothing.
    pub(crate) fn base_units(&self, token: &TokenInfo) -> anyhow::Result<BaseUnits> {
        base_units(self.amount.as_ref(), self.base_units, token)
    }
}

/// The one that was given, in base units.
pub(crate) fn base_units(
    decimal: Option<&Decimal>,
    base_units: Option<BaseUnits>,
    token: &TokenInfo,
) -> anyhow::Result<BaseUnits> {
    let amount = match (decimal, base_units) {
        (Some(decimal), _) => {
            let decimals = token.decimals.with_context(|| {
                format!(
                    "token {} does not say how many decimals it has; give --base-units",
                    token.address
                )
            })?;
            decimal.to_base_units(decimals)?
        }
        (None, Some(base_units)) => base_units,
        (None, None) => anyhow::bail!("give --amount or --base-units"),
    };
    ensure!(amount > BaseUnits::ZERO, "an amount of nothing moves nothing; give more than 0");
    Ok(amount)
}

/// An amount as people write it: digits, and a point between digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Decimal {
    whole: String,
    fraction: String,
}

/// Why a text is no amount.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum DecimalError {
    /// It is not written as an amount.
    #[error("an amount is written in digits with at most one point, as 12 or 12.5")]
    Malformed,
    /// It is finer than the token is.
    #[error(
        "{text} has more than the token's {decimals} decimal places; the token has nothing finer"
    )]
    TooFine { text: String, decimals: u8 },
    /// It is larger than anything that the wallet books.
    #[error("{text} of a token with {decimals} decimals is 2^128 base units or more")]
    TooLarge { text: String, decimals: u8 },
}

impl FromStr for Decimal {
    type Err = DecimalError;

    fn from_str(text: &str) -> Result<Self, DecimalError> {
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        match text.split_once('.') {
            None if digits(text) => Ok(Self { whole: text.to_owned(), fraction: String::new() }),
            Some((whole, fraction)) if digits(whole) && digits(fraction) => {
                Ok(Self { whole: whole.to_owned(), fraction: fraction.to_owned() })
            }
            _ => Err(DecimalError::Malformed),
        }
    }
}

impl Decimal {
    /// The same in base units of a token with so many decimals.
    pub(crate) fn to_base_units(&self, decimals: u8) -> Result<BaseUnits, DecimalError> {
        // Zeros at the end say nothing.
        let fraction = self.fraction.trim_end_matches('0');
        let text = || match fraction {
            "" => self.whole.clone(),
            fraction => format!("{}.{fraction}", self.whole),
        };
        if fraction.len() > usize::from(decimals) {
            return Err(DecimalError::TooFine { text: text(), decimals });
        }
        let digits = format!("{}{fraction:0<width$}", self.whole, width = usize::from(decimals));
        let too_large = |_| DecimalError::TooLarge { text: text(), decimals };
        digits.parse().map(BaseUnits::new).map_err(too_large)
    }
}

/// What is known of a token.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct TokenInfo {
    pub(crate) address: Address,
    /// Cleaned: tokens may say anything, and terminals obey much.
    pub(crate) symbol: Option<String>,
    pub(crate) decimals: Option<u8>,
}

impl TokenInfo {
    /// Asks a token about itself. One that does not say is shown in base units, by its address.
    pub(crate) async fn of(provider: &DynProvider, address: Address) -> Self {
        let token = Token::new(provider.clone(), address);
        let decimals = token.decimals().await.ok().filter(|decimals| *decimals <= DECIMALS_MAX);
        let symbol = token.symbol().await.ok().map(|text| clean(&text));
        Self { address, symbol: symbol.filter(|text| !text.is_empty()), decimals }
    }

    /// An amount with the token's decimals, without its name: "12.5".
    pub(crate) fn decimal(&self, amount: BaseUnits) -> Option<String> {
        self.decimals.map(|decimals| decimal(amount.get(), decimals))
    }

    /// Its symbol, or its address where it has none.
    pub(crate) fn name(&self) -> String {
        self.symbol.clone().unwrap_or_else(|| self.address.to_string())
    }

    /// An amount for people: "12.5 TUSD".
    pub(crate) fn show(&self, amount: BaseUnits) -> String {
        let name = self.name();
        match self.decimal(amount) {
            Some(decimal) => format!("{decimal} {name}"),
            None => format!("{amount} base units of {name}"),
        }
    }
}

fn clean(symbol: &str) -> String {
    symbol.chars().filter(char::is_ascii_alphanumeric).take(SYMBOL_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn units(text: &str, decimals: u8) -> Result<u128, DecimalError> {
        text.parse::<Decimal>()?.to_base_units(decimals).map(BaseUnits::get)
    }

    #[test]
    fn amounts_are_neither_rounded_nor_guessed() {
        for (text, decimals, expected) in [
            ("12.5", 6, 12_500_000),
            ("12", 6, 12_000_000),
            ("0.000001", 6, 1),
            ("012.50", 1, 125),
            ("7", 0, 7),
            ("7.0", 0, 7),
            ("1", 18, 1_000_000_000_000_000_000),
        ] {
            assert_eq!(units(text, decimals), Ok(expected), "{text} at {decimals}");
        }
        let too_fine = |text: &str| DecimalError::TooFine { text: text.to_owned(), decimals: 6 };
        assert_eq!(units("0.0000001", 6), Err(too_fine("0.0000001")));
        for text in ["", ".", "1.", ".5", "1.2.3", "-1", "+1", "1e6", "1,5", " 1", "0x10", "١"] {
            assert_eq!(units(text, 6), Err(DecimalError::Malformed), "{text:?}");
        }
        let most = u128::MAX.to_string();
        assert_eq!(units(&most, 0), Ok(u128::MAX));
        assert!(matches!(units(&most, 1), Err(DecimalError::TooLarge { .. })));
        assert!(matches!(units(&"9".repeat(500), 6), Err(DecimalError::TooLarge { .. })));
    }

    #[test]
    fn amounts_are_written_as_they_are_read() {
        for (amount, decimals, text) in [
            (12_500_000, 6, "12.5"),
            (1, 6, "0.000001"),
            (0, 6, "0"),
            (12_000_000, 6, "12"),
            (7, 0, "7"),
            (100, 0, "100"),
        ] {
            assert_eq!(decimal(amount, decimals), text);
            assert_eq!(units(text, decimals), Ok(amount));
        }
    }

    #[test]
    fn a_tokens_symbol_cannot_drive_the_terminal() {
        assert_eq!(clean("\u{1b}[2JUSD\n\u{202e}C"), "2JUSDC");
        assert_eq!(clean(&"A".repeat(500)).len(), SYMBOL_CHARS_MAX);
    }
}
