//! Settings that say something else than what was meant.

use aep2_sanctions::{Format, OnStale, SanctionsSettings, SettingsError};

const LEAST: &str = r#"
    [[lists]]
    name = "ofac"
    format = "ofac-advanced"
    path = "/var/lib/aep2/sanctions/sdn_advanced.xml"
    on_stale = "refuse"
"#;

fn read(text: &str) -> Result<SanctionsSettings, toml::de::Error> {
    toml::from_str(text)
}

#[test]
fn the_defaults_are_those_that_are_documented() {
    let settings = read(LEAST).unwrap();
    settings.check().unwrap();
    let list = &settings.lists[0];
    assert_eq!((list.format, list.on_stale), (Format::OfacAdvanced, OnStale::Refuse));
    assert_eq!(list.max_age_s, 1_209_600);
    assert_eq!(list.shrink_percent_max, 5);
    assert_eq!(list.reload_interval_s, 600);
    assert_eq!(list.bytes_max, 536_870_912);
    assert!(!list.sha256_file);
    let again: SanctionsSettings = toml::from_str(&toml::to_string(&settings).unwrap()).unwrap();
    assert_eq!(again, settings);
}

#[test]
fn a_misspelled_setting_is_not_ignored() {
    for line in ["max_age = 1", "shrink_percent = 100", "on_stales = \"alarm\"", "format = \"xml\""]
    {
        assert!(read(&format!("{LEAST}\n{line}")).is_err(), "{line}");
    }
    assert!(read(&format!("list = []\n{LEAST}")).is_err());
    assert!(read(&LEAST.replace("refuse", "ignore")).is_err());
}

#[test]
fn what_a_stale_list_does_must_be_said() {
    let error = read(&LEAST.replace("on_stale = \"refuse\"", "")).unwrap_err();
    assert!(error.to_string().contains("on_stale"), "{error}");
}

#[test]
fn values_that_make_no_sense_are_refused() {
    for line in
        ["max_age_s = 0", "shrink_percent_max = 101", "reload_interval_s = 0", "bytes_max = 0"]
    {
        let settings = read(&format!("{LEAST}\n{line}")).unwrap();
        let error = settings.check().unwrap_err();
        assert!(matches!(error, SettingsError::Value { .. }), "{line}: {error}");
    }
    let no_path = read(&LEAST.replace("/var/lib/aep2/sanctions/sdn_advanced.xml", "")).unwrap();
    assert!(matches!(no_path.check(), Err(SettingsError::Value { .. })));
    for name in ["", "OFAC", "o fac", "ofac\n", &"a".repeat(65)] {
        let mut settings = read(LEAST).unwrap();
        settings.lists[0].name = name.into();
        assert_eq!(settings.check(), Err(SettingsError::Name(name.into())));
    }
    let twice = read(&[LEAST, LEAST].concat()).unwrap();
    assert_eq!(twice.check(), Err(SettingsError::SameName("ofac".into())));
    assert_eq!(SanctionsSettings::default().check(), Err(SettingsError::NoList));
}
