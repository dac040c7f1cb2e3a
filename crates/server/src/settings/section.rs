//! Sections of the settings file: each setting's name, type, default and help are said once, and
//! the type, its defaults, the printed file and the list of known names all come from there.

/// A setting, as the printed file shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Described {
    /// Its name within its section.
    pub name: &'static str,
    /// What it does, line by line.
    pub help: &'static [&'static str],
    /// Its default, in TOML; nothing where there is none.
    pub default: Option<String>,
    /// What it may look like where there is no default, in TOML.
    pub example: Option<&'static str>,
}

/// A section of the settings file.
pub trait Section {
    /// What it is about, line by line.
    const ABOUT: &'static [&'static str];

    /// Its settings, in their order.
    fn describe() -> Vec<Described>;
}

/// A section as it is printed: its name, what it is about, its settings.
pub(super) type SectionShown = (&'static str, &'static [&'static str], Vec<Described>);

/// Defines a section: a type with these fields, read strictly, absent ones having their default.
///
/// A setting without a default is an `Option` that is `None`, with an example.
macro_rules! section {
    (
        $(#[doc = $about:literal])+
        pub struct $name:ident {
            $(
                $(#[doc = $help:literal])+
                pub $field:ident: $type:ty = $default:expr $(=> $example:literal)?;
            )+
        }
    ) => {
        $(#[doc = $about])+
        #[derive(Clone, Debug, PartialEq, serde::Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct $name {
            $(
                $(#[doc = $help])+
                pub $field: $type,
            )+
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $($field: $default,)+ }
            }
        }

        impl $crate::settings::section::Section for $name {
            const ABOUT: &'static [&'static str] = &[$($about),+];

            fn describe() -> Vec<$crate::settings::section::Described> {
                let defaults = Self::default();
                vec![$(
                    $crate::settings::section::Described {
                        name: stringify!($field),
                        help: &[$($help),+],
                        default: $crate::settings::section::toml_of(&defaults.$field),
                        example: [$($example)?].first().copied(),
                    }
                ),+]
            }
        }
    };
}
pub(super) use section;

/// A value as TOML has it on one line; nothing for what is absent.
pub(super) fn toml_of(value: &impl serde::Serialize) -> Option<String> {
    toml::Value::try_from(value).ok().map(|value| value.to_string())
}
