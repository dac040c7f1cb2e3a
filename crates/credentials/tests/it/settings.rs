//! Settings that would not do what their author meant.

use aep2_credentials::{AgentRequests, Attestations, Clock, CredentialSettings};

use crate::support::settings_text;

fn refused(text: &str) -> String {
    match toml::from_str::<CredentialSettings>(text) {
        Err(error) => error.to_string(),
        Ok(settings) => {
            let attestations = Attestations::new(&settings, Clock::system()).map(|_| ());
            let agents = AgentRequests::new(&settings, Clock::system()).map(|_| ());
            attestations.and(agents).expect_err(text).to_string()
        }
    }
}

#[test]
fn the_settings_of_these_tests_are_good_and_so_are_none() {
    for text in [settings_text("http://127.0.0.1:1"), String::new()] {
        let settings: CredentialSettings = toml::from_str(&text).expect("settings");
        Attestations::new(&settings, Clock::system()).expect("good settings");
    }
}

#[test]
fn mistakes_are_told() {
    let good = settings_text("http://127.0.0.1:1");
    let jwks = "jwks_url = \"http://127.0.0.1:1/issuer\"";
    for (from, to, told) in [
        (jwks, "", "exactly one of jwks_url and jwks_file"),
        (jwks, &format!("{jwks}\njwks_file = \"/x\""), "exactly one of jwks_url and jwks_file"),
        (jwks, "jwks_url = \"http://kyc.example/jwks\"", "not https"),
        (jwks, "jwks_url = \"ftp://kyc.example/jwks\"", "not https"),
        (jwks, "jwks_url = \"https://10.0.0.1/jwks\"", "private address"),
        (jwks, "jwks_url = \"https://[::ffff:127.0.0.2]/jwks\"", "private address"),
        (jwks, "jwks_url = \"https://a:b@kyc.example/jwks\"", "password"),
        ("allow_loopback_http = true", "", "not https"),
        ("timeout_ms = 5000", "timeout_ms = 0", "timeout_ms is 0"),
        ("timeout_ms = 5000", "timeout = 5000", "unknown field"),
        ("timeout_ms = 5000", "refresh_interval_min_s = 0", "refresh_interval_min_s is 0"),
        ("timeout_ms = 5000", "keys_stale_max_s = 60", "keys_stale_max_s is less"),
        ("timeout_ms = 5000", "keys_fresh_max_s = 10", "keys_fresh_max_s is less"),
        ("chains = [8453, 1]", "chains = []", "chains is empty"),
        ("chains = [8453, 1]", "algorithms = []", "algorithms is empty"),
        ("chains = [8453, 1]", "algorithms = [\"HS256\"]", "unknown variant"),
        ("chains = [8453, 1]", "algorithms = [\"none\"]", "unknown variant"),
        ("chains = [8453, 1]", "subjects = []", "subjects is empty"),
        ("chains = [8453, 1]", "types = []", "types is empty"),
        ("chains = [8453, 1]", "types = [\"application/Pay+JWT\"]", "pay+jwt is a payment"),
        ("chains = [8453, 1]", "types = [\"statuslist+jwt\"]", "statuslist+jwt is a list"),
        ("chains = [8453, 1]", "clock_skew_s = 601", "clock_skew_s is more than 600"),
        ("chains = [8453, 1]", "lifetime_max_s = 0", "lifetime_max_s is 0"),
        ("kinds = [\"kyc\", \"kyb\"]", "kinds = []", "kinds is empty"),
        ("https://other.example", "https://kyc.example", "named twice"),
        ("audience = \"https://pay.example\"", "audience = \"\"", "audience is empty"),
    ] {
        assert!(good.contains(from), "{from}");
        let refused = refused(&good.replacen(from, to, 1));
        assert!(refused.contains(told), "{to}: {refused}");
    }
}

#[test]
fn an_agent_is_an_origin_and_named_once() {
    let good = "[[agents]]\nagent = \"https://agents.example\"\n";
    let settings: CredentialSettings = toml::from_str(good).expect("settings");
    AgentRequests::new(&settings, Clock::system()).expect("good settings");
    for (text, told) in [
        (good.replace(".example", ".example/path"), "not an origin"),
        (good.replace("https:", "mailto:"), "not an origin"),
        (good.replace("https:", "http:"), "not https"),
        (good.repeat(2), "named twice"),
        (format!("{good}lifetime_max_s = 0"), "lifetime_max_s is 0"),
        (format!("{good}clock_skew_s = 601"), "clock_skew_s is more than 600"),
        (format!("{good}directory_url = \"https://192.168.0.1/\""), "private address"),
    ] {
        let refused = refused(&text);
        assert!(refused.contains(told), "{text}: {refused}");
    }
}
