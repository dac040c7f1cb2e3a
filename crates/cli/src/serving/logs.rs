//! Logs to standard error, as the settings say.

use std::io::{IsTerminal, stderr};

use aep2_server::settings::{LogFormat, LogLevel, LogSettings};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::{
    Layer, filter::Targets, fmt, layer::SubscriberExt, util::SubscriberInitExt,
};

/// Begins to log. Of other people's software only warnings.
pub(crate) fn begin(settings: &LogSettings) {
    let level = match settings.level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    };
    let own = Targets::new().with_target("aep2", level).with_default(level.min(LevelFilter::WARN));
    let lines = fmt::layer().with_writer(stderr);
    let lines = match settings.format {
        LogFormat::Text => lines.with_ansi(stderr().is_terminal()).boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    };
    // Only the first one counts; there is one.
    let _ = tracing_subscriber::registry().with(lines.with_filter(own)).try_init();
}
