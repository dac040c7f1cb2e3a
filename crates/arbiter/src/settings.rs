//! `arbiter.toml`: the key, the processors, the judges, where everything is kept.
//!
//! [`EXAMPLE`] has all settings with what they do. Paths in the file are relative to the file.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    sync::Arc,
};

use aep2_mandate::units::ChainId;
use aep2_vault::VaultSettings;
use aep2_x402::purchase::Venue;
use alloy_primitives::Address;
use serde::Deserialize;
use thiserror::Error;
use url::Url;

use crate::{
    accounts::{Accounts, ChainNode},
    config::DecidingConfig,
    judges::{self, Judge},
    processor::Processor,
};

/// The longest pause between two turns, in seconds.
const ASK_EVERY_S_MAX: u64 = 3_600;

/// The settings of a dispute processor. [`EXAMPLE`] says what each does.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ArbiterSettings {
    /// Where judges are served.
    pub listen: SocketAddr,
    /// Whether that may be an address which other machines reach.
    pub allow_remote: bool,
    /// Whether judges reach it through something that speaks TLS.
    pub behind_tls: bool,
    /// Other names that the judges' page may be called by, with the port.
    pub hosts: Vec<String>,
    /// The directory of the store.
    pub store: PathBuf,
    /// How often processors are asked, in seconds.
    pub ask_every_s: u64,
    /// Where the key comes from that signs rulings.
    pub key: KeySettings,
    /// Where the key comes from that encrypts what is personal.
    pub vault: VaultSettings,
    /// How it decides, and its bounds.
    pub deciding: DecidingConfig,
    /// The processors.
    pub processors: Vec<ProcessorSettings>,
    /// Who may look, and who may decide.
    pub judges: Vec<Judge>,
}

/// Where the key comes from that signs rulings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct KeySettings {
    /// Its file: 64 hexadecimal digits, or an encrypted keystore.
    pub file: Option<PathBuf>,
    /// A file with the keystore's password.
    pub password_file: Option<PathBuf>,
}

/// A processor.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProcessorSettings {
    /// Where it is asked.
    pub url: Url,
    /// The address that signs its receipts.
    pub processor: Address,
    /// The chain.
    pub chain_id: ChainId,
    /// The wallet contract.
    pub wallet: Address,
    /// A node of the chain that says who accounts' owners are, and which keys they have.
    #[serde(default)]
    pub rpc: Option<Url>,
    /// Whether the processor's word is taken for that.
    #[serde(default)]
    pub trusted: bool,
}

impl Default for ArbiterSettings {
    /// For this machine. There are no keys, no processors and no judges yet.
    fn default() -> Self {
        Self {
            listen: (Ipv4Addr::LOCALHOST, 8406).into(),
            allow_remote: false,
            behind_tls: false,
            hosts: Vec::new(),
            store: PathBuf::from("store"),
            ask_every_s: 10,
            key: KeySettings::default(),
            vault: VaultSettings::default(),
            deciding: DecidingConfig::default(),
            processors: Vec::new(),
            judges: Vec::new(),
        }
    }
}

/// All settings with their defaults, and what they do. Every dispute processor begins with these.
pub const EXAMPLE: &str = r#"# A dispute processor: it decides disputes that name its key, and tells processors.
# Paths are relative to this file.

# Where judges are served. What they send holds their tokens: where other machines reach it, it stands
# behind something that speaks TLS.
listen = "127.0.0.1:8406"
# Allow an address that other machines reach.
allow_remote = false
# Judges reach it through something that speaks TLS: browsers then send their sessions over TLS only.
behind_tls = false
# Other names, with the port, that the judges' page may be called by: a page elsewhere that made its own
# name point here is refused.
hosts = []
# The store: cases, evidence, the audit log. One process at a time has it, and it is one key's.
store = "store"
# How often processors are asked, in seconds.
ask_every_s = 10

[key]
# The key that signs rulings. Payees' terms name its address: whoever has it rules. A file with 64
# hexadecimal digits or an encrypted keystore (V3 JSON) [else the variable AEP2_PRIVATE_KEY].
file = "arbiter.key"
# password_file = "arbiter.password"

[vault]
# The key that encrypts what parties said and their evidence. Keep a copy of it, and not beside copies of
# the store. Exactly one of the three:
kek_file = "kek"
# kek_env = "AEP2_ARBITER_KEK"
# kek_command = ["/usr/bin/systemd-creds", "decrypt", "/etc/aep2/kek.cred", "-"]

[deciding]
# How long a payee has to answer: this part of the time between when a dispute was first seen here and
# when a ruling has to be there, in percent.
answer_percent = 50
# What is ruled where neither a rule nor a judge decided in time: "payee" keeps what is owed, or "payer"
# gets it back. A half for each is no decision of anything.
default_ruling = "payee"
# How long before the last moment that is done, in seconds; at most a quarter of the whole time.
default_before_s = 120
# How many cases of one processor may be open at a time. More disputes wait at their processor.
open_cases_max = 10000
# How many refused disputes of one processor get a line in the audit log in an hour. All are counted.
refused_lines_per_hour_max = 60
# How many bytes of evidence are kept of each processor's cases, in MiB. Where that is full, evidence of
# cases that have ended gives way.
evidence_mib_max = 4096
# How long a case's file and its evidence are kept after its end, in days. Then their keys are destroyed.
kept_days = 730

# Above so much at stake a decision takes two judges, by token, in base units.
[deciding.confirm_above]
# "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913" = "100000000"

# The processors whose disputes are decided here.
# [[processors]]
# url = "https://processor.example.com"
# processor = "0x…"
# chain_id = 8453
# wallet = "0x…"
# A node of the chain: it says whose an account is and which key it has. Without one, and if the
# processor is not trusted with that, no rule takes money from a payee unless the payee itself gives it up.
# rpc = "https://node.example.com"
# trusted = false

# Who may look (reader) and who may decide (judge). `aep2 dispute-processor token NAME` makes an entry.
# [[judges]]
# name = "ann"
# role = "judge"
# token_sha256 = "0x…"
"#;

/// Why a file gives no settings.
#[derive(Debug, Error)]
pub enum SettingsError {
    /// The file system.
    #[error("cannot read {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Not TOML, or a setting that there is not.
    #[error("{0}")]
    Toml(#[from] Box<toml::de::Error>),
}

/// A setting that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{setting}: {message}")]
pub struct Problem {
    /// Its name.
    pub setting: String,
    /// What is wrong, and what to do.
    pub message: String,
}

impl Problem {
    fn new(setting: impl Into<String>, message: impl Into<String>) -> Self {
        Self { setting: setting.into(), message: message.into() }
    }
}

impl ArbiterSettings {
    /// The settings in a text.
    ///
    /// # Errors
    /// When it is not TOML, or has a setting that there is not.
    pub fn parse(text: &str) -> Result<Self, SettingsError> {
        Ok(toml::from_str(text).map_err(Box::new)?)
    }

    /// The settings in a file. Paths in it are relative to it.
    ///
    /// # Errors
    /// As [`parse`](Self::parse), and when it cannot be read.
    pub fn read(path: &Path) -> Result<Self, SettingsError> {
        let text = std::fs::read_to_string(path);
        let text = text.map_err(|source| SettingsError::Io { path: path.to_owned(), source })?;
        let mut settings = Self::parse(&text)?;
        settings.locate(path.parent().unwrap_or(Path::new("")));
        Ok(settings)
    }

    /// Takes relative paths to be in this folder.
    fn locate(&mut self, folder: &Path) {
        let vault = &mut self.vault;
        let previous = vault.previous.iter_mut().map(|kek| &mut kek.kek_file);
        let key = [&mut self.key.file, &mut self.key.password_file];
        let files = std::iter::once(&mut vault.kek_file).chain(previous).chain(key).flatten();
        for path in files.chain([&mut self.store]) {
            *path = folder.join(&*path);
        }
    }

    /// All that is wrong and can be seen without starting anything.
    pub fn check(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        if !self.listen.ip().is_loopback() && !self.allow_remote {
            let message = format!(
                "{} can be reached from other machines, and what is sent to it holds judges' tokens; \
                 listen on 127.0.0.1 behind something that speaks TLS, or say allow_remote = true",
                self.listen
            );
            problems.push(Problem::new("listen", message));
        }
        if !(1..=ASK_EVERY_S_MAX).contains(&self.ask_every_s) {
            problems.push(Problem::new("ask_every_s", format!("from 1 to {ASK_EVERY_S_MAX}")));
        }
        if let Err(error) = self.vault.sources() {
            problems.push(Problem::new("vault", error.to_string()));
        }
        problems.extend(judges::check(&self.judges).err().map(|why| Problem::new("judges", why)));
        problems.extend(self.deciding.check());
        for (place, processor) in self.processors.iter().enumerate() {
            let setting = format!("processors[{place}]");
            let earlier = &self.processors[..place];
            problems.extend(processor.problem(earlier).map(|why| Problem::new(setting, why)));
        }
        problems
    }

    /// The processors, as they are asked.
    pub fn asked(&self) -> Vec<Processor> {
        self.processors.iter().map(ProcessorSettings::processor).collect()
    }
}

impl DecidingConfig {
    fn check(&self) -> Vec<Problem> {
        let ranges = [
            ("deciding.answer_percent", self.answer_percent, 1, 90),
            ("deciding.default_before_s", self.default_before_s, 1, 86_400),
            ("deciding.open_cases_max", self.open_cases_max, 1, 1_000_000),
            ("deciding.evidence_mib_max", self.evidence_mib_max, 1, 1 << 30),
            ("deciding.kept_days", self.kept_days, 1, 36_500),
        ];
        let wrong =
            ranges.into_iter().filter(|(_, value, least, most)| !(least..=most).contains(&value));
        wrong
            .map(|(setting, value, least, most)| {
                Problem::new(setting, format!("{value} is not from {least} to {most}"))
            })
            .collect()
    }
}

impl ProcessorSettings {
    fn venue(&self) -> Venue {
        Venue { chain: self.chain_id, wallet: self.wallet, processor: self.processor }
    }

    fn problem(&self, earlier: &[Self]) -> Option<String> {
        let is_web = |url: &Url| matches!(url.scheme(), "http" | "https") && url.has_host();
        if !is_web(&self.url) {
            return Some(format!("url: {} does not begin with http:// or https://", self.url));
        }
        if self.rpc.as_ref().is_some_and(|url| !is_web(url)) {
            return Some("rpc: a node's address begins with http:// or https://".to_owned());
        }
        if self.processor.is_zero() || self.wallet.is_zero() {
            return Some("the processor and the wallet have addresses other than zero".to_owned());
        }
        let is_twice = earlier.iter().any(|other| other.venue() == self.venue());
        is_twice.then(|| format!("{} is there twice for the same wallet", self.processor))
    }

    fn processor(&self) -> Processor {
        let node = |url: &Url| Arc::new(ChainNode::new(url.clone())) as Arc<dyn Accounts>;
        Processor {
            url: self.url.clone(),
            venue: self.venue(),
            is_trusted: self.trusted,
            accounts: self.rpc.as_ref().map(node),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_has_the_defaults_and_what_it_comments_out_can_be_read() {
        let example = ArbiterSettings::parse(EXAMPLE).expect("settings");
        assert_eq!(example.check(), []);
        let key = KeySettings { file: Some("arbiter.key".into()), password_file: None };
        let vault = VaultSettings { kek_file: Some("kek".into()), ..VaultSettings::default() };
        assert_eq!(example, ArbiterSettings { key, vault, ..ArbiterSettings::default() });

        let whole = EXAMPLE
            .replace("# [[", "[[")
            .replace("# \"0x8335", "\"0x8335")
            .replace("0x…", "0x0101010101010101010101010101010101010101");
        let is_setting = |line: &str| {
            line.split_once(" = ").is_some_and(|(name, _)| {
                name.strip_prefix("# ").is_some_and(|name| !name.contains(' '))
            })
        };
        let is_other_kek = |line: &str| line.contains("kek_env") || line.contains("kek_command");
        let lines =
            whole.lines().filter(|line| !is_other_kek(line)).map(|line| match is_setting(line) {
                true => line.trim_start_matches("# "),
                false => line,
            });
        let whole: Vec<_> = lines.collect();
        let hash = "token_sha256 = \"0x0101010101010101010101010101010101010101\"";
        let whole =
            whole.join("\n").replace(hash, &format!("token_sha256 = \"0x{}\"", "01".repeat(32)));
        let read = ArbiterSettings::parse(&whole).expect("settings");
        assert_eq!((read.processors.len(), read.judges.len()), (1, 1));
        assert_eq!(read.deciding.confirm_above.len(), 1);
        assert!(read.key.password_file.is_some() && read.processors[0].rpc.is_some());
    }

    #[test]
    fn what_cannot_work_is_said_before_anything_starts() {
        let processor = |processor: u8| {
            format!(
                "[[processors]]\nurl = \"http://127.0.0.1:1\"\nchain_id = 1\n\
                 processor = \"{}\"\nwallet = \"{}\"\n",
                Address::repeat_byte(processor),
                Address::repeat_byte(9)
            )
        };
        let settings = |more: &str| {
            let text = format!("{more}\n[vault]\nkek_file = \"kek\"\n");
            ArbiterSettings::parse(&text).expect("settings").check()
        };
        assert_eq!(settings(""), []);
        for (more, of) in [
            ("listen = \"0.0.0.0:1\"".to_owned(), "listen"),
            ("ask_every_s = 0".to_owned(), "ask_every_s"),
            ("[deciding]\nanswer_percent = 100".to_owned(), "deciding.answer_percent"),
            (processor(1) + &processor(1), "processors[1]"),
            (processor(0), "processors[0]"),
        ] {
            let problems = settings(&more);
            assert_eq!(problems.iter().map(|one| &*one.setting).collect::<Vec<_>>(), [of]);
        }
        assert_eq!(settings(&(processor(1) + &processor(2))), []);
    }
}
