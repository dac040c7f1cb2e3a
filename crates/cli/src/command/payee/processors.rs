//! Whose receipts are watched, as the command line names them.

use std::{str::FromStr, sync::Arc};

use aep2_processor_client::lookup::Lookup;
use aep2_watch::{HttpProcessor, ProcessorAt, ProcessorWord};
use alloy::{primitives::Address, transports::http::reqwest::Url};
use anyhow::Context;

use crate::command::wallet::options::http;

/// A processor: where it answers, who it is, or both: `ADDRESS@URL`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ProcessorOption {
    address: Option<Address>,
    url: Option<Url>,
}

impl FromStr for ProcessorOption {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let url = |text: &str| {
            let url = Url::parse(text).map_err(|error| format!("{text:?}: {error}"))?;
            match (url.scheme(), url.host()) {
                ("http" | "https", Some(_)) => Ok(url),
                _ => {
                    Err(format!("{text:?} is neither an address nor begins with http://, https://"))
                }
            }
        };
        if let Ok(address) = text.parse() {
            return Ok(Self { address: Some(address), url: None });
        }
        let named = text.split_once('@').and_then(|(own, rest)| Some((own.parse().ok()?, rest)));
        match named {
            Some((address, rest)) => Ok(Self { address: Some(address), url: Some(url(rest)?) }),
            None => Ok(Self { address: None, url: Some(url(text)?) }),
        }
    }
}

impl ProcessorOption {
    /// The same, to be asked.
    pub(super) fn connect(&self) -> anyhow::Result<ProcessorAt> {
        let word = match &self.url {
            Some(url) => {
                let http = http(url).build().context("cannot start an HTTP client")?;
                let lookup = Lookup::new(http, url.clone());
                Some(Arc::new(HttpProcessor::new(lookup)) as Arc<dyn ProcessorWord>)
            }
            None => None,
        };
        let name = match (&self.url, self.address) {
            (Some(url), _) => url.origin().ascii_serialization(),
            (None, Some(address)) => address.to_string(),
            (None, None) => String::new(),
        };
        Ok(ProcessorAt { name, address: self.address, word })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processors_are_named_by_where_they_answer_by_who_they_are_or_both() {
        let own = "0xaCBfD706D60018a3fc4B913D02A738F9A570124D";
        let address: Option<Address> = own.parse().ok();
        let url = Url::parse("https://p.example/aep2").ok();
        for (text, expected) in [
            ("https://p.example/aep2".to_owned(), Some((None, url.clone()))),
            (own.to_owned(), Some((address, None))),
            (format!("{own}@https://p.example/aep2"), Some((address, url))),
            ("p.example".to_owned(), None),
            ("ftp://p.example".to_owned(), None),
            (format!("{own}@p.example"), None),
        ] {
            let read = text.parse::<ProcessorOption>().ok();
            let read = read.map(|own| (own.address, own.url));
            assert_eq!(read, expected, "{text}");
        }
    }
}
