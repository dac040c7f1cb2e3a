//! What an operator sets, in a TOML file.
//!
//! A name that is not known is refused, with the nearest one that is: a setting that is misspelt and
//! passed over would be found out about when it is too late. Every setting has a default that runs on
//! loopback. Secrets are never in the file.

mod check;
mod config;
mod error;
mod file;
mod print;
mod section;
mod sections;
mod unknown;
mod value;

pub use self::{
    check::Problem,
    error::SettingsError,
    file::Settings,
    section::{Described, Section},
    sections::{
        AcceptanceSettings, ChainSettings, DataSettings, DisputeSettings, ExactSettings,
        HttpSettings, KeySettings, LimitSettings, LogSettings, MetricsSettings, WindowSettings,
    },
    value::{LogFormat, LogLevel, NotAnRpc, Rpc, ShapeName, TokenSetting},
};
