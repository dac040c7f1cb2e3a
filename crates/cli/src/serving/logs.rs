//! Logs to standard error, as the settings say.

use std::io::{self, IsTerminal, Write, stderr};

use aep2_server::settings::{LogFormat, LogLevel, Rpc, Settings};
use alloy::transports::http::reqwest::Url;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::{
    Layer, filter::Targets, fmt, layer::SubscriberExt, util::SubscriberInitExt,
};

/// Begins to log. Of other people's software only warnings.
pub(crate) fn begin(settings: &Settings) {
    let level = match settings.log.level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    };
    let own = Targets::new().with_target("aep2", level).with_default(level.min(LevelFilter::WARN));
    let secrets = match &settings.chain.rpc {
        Rpc::Node(url) => Secrets::of([url]),
        Rpc::Embedded => Secrets::default(),
    };
    let lines =
        fmt::layer().with_writer(move || Discreet { to: stderr(), secrets: secrets.clone() });
    let lines = match settings.log.format {
        LogFormat::Text => lines.with_ansi(stderr().is_terminal()).boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    };
    // Only the first one counts; there is one.
    let _ = tracing_subscriber::registry().with(lines.with_filter(own)).try_init();
}

/// Begins to log as text: of ours all but details, of other people's software only warnings. What these
/// addresses hold besides their hosts is in no line.
pub(crate) fn begin_text<'a>(addresses: impl IntoIterator<Item = &'a Url>) {
    let own = Targets::new().with_target("aep2", LevelFilter::INFO).with_default(LevelFilter::WARN);
    let secrets = Secrets::of(addresses);
    let lines = fmt::layer()
        .with_writer(move || Discreet { to: stderr(), secrets: secrets.clone() })
        .with_ansi(stderr().is_terminal());
    // Only the first one counts; there is one.
    let _ = tracing_subscriber::registry().with(lines.with_filter(own)).try_init();
}

/// What no line may hold. What fails at a node is told with the node's address, and that holds an
/// access key.
#[derive(Clone, Debug, Default)]
struct Secrets(Vec<String>);

impl Secrets {
    fn of<'a>(addresses: impl IntoIterator<Item = &'a Url>) -> Self {
        let of_one = |url: &Url| {
            let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
            let behind_host = format!("{}{query}", url.path());
            [behind_host, url.password().unwrap_or_default().to_owned()]
        };
        // What is shorter is no key, and would be cut out of words.
        let secrets = addresses.into_iter().flat_map(of_one).filter(|secret| secret.len() > 5);
        Self(secrets.collect())
    }
}

/// A writer that leaves secrets out. It is handed whole lines.
struct Discreet<W> {
    to: W,
    secrets: Secrets,
}

impl<W: Write> Write for Discreet<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.secrets.0.is_empty() {
            return self.to.write(line);
        }
        let text = String::from_utf8_lossy(line);
        let discreet = self
            .secrets
            .0
            .iter()
            .fold(text.into_owned(), |text, secret| text.replace(secret.as_str(), "…"));
        self.to.write_all(discreet.as_bytes())?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nodes_access_key_is_in_no_line() -> Result<(), Box<dyn std::error::Error>> {
        for (address, line, told) in [
            (
                "https://node.example/v3/SECRET",
                "for url (https://node.example/v3/SECRET): refused",
                "for url (https://node.example…): refused",
            ),
            ("https://node.example?key=SECRET", "at /?key=SECRET it", "at … it"),
            (
                "https://me:SECRET@node.example",
                "https://me:SECRET@node.example/",
                "https://me:…@node.example/",
            ),
            ("http://127.0.0.1:8545", "http://127.0.0.1:8545/ a/b", "http://127.0.0.1:8545/ a/b"),
        ] {
            let secrets = Secrets::of([&address.parse()?]);
            let mut written = Vec::new();
            Discreet { to: &mut written, secrets }.write_all(line.as_bytes())?;
            assert_eq!(String::from_utf8(written)?, told);
        }
        Ok(())
    }
}
