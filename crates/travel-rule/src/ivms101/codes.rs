//! The lists of codes.

/// ISO 3166-1 alpha-2, the 249 officially assigned codes.
const COUNTRIES: &str = "\
    AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ \
    BR BS BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM \
    DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS \
    GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN \
    KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ \
    MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM \
    PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV \
    SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI \
    VN VU WF WS YE YT ZA ZM ZW";

/// How a natural person's name is used.
pub(super) const NATURAL_NAMES: &[&str] = &["ALIA", "BIRT", "MAID", LEGAL_NAME, "MISC"];
/// How a legal person's name is used.
pub(super) const LEGAL_NAMES: &[&str] = &[LEGAL_NAME, "SHRT", "TRAD"];
/// The type of the name that everybody must have.
pub(super) const LEGAL_NAME: &str = "LEGL";

/// What an address is.
pub(super) const ADDRESSES: &[&str] = &["HOME", "BIZZ", GEOGRAPHIC];
/// An address of no said kind.
pub(super) const GEOGRAPHIC: &str = "GEOG";

/// What a national identifier is.
pub(super) const IDENTIFIERS: &[&str] =
    &["ARNU", "CCPT", "RAID", "DRLC", "FIIN", "TXID", "SOCS", "IDCD", LEI, "MISC"];
/// Those of legal persons.
pub(super) const IDENTIFIERS_OF_LEGAL: &[&str] = &["RAID", "MISC", LEI, "TXID"];
/// A Legal Entity Identifier.
pub(super) const LEI: &str = "LEIX";

/// From which script a text was put into Latin letters.
pub(super) const TRANSLITERATIONS: &[&str] = &[
    "arab", "aran", "armn", "cyrl", "deva", "geor", "grek", "hani", "hebr", "kana", "kore", "thai",
    "othr",
];

/// Which version an object says it is.
pub(super) const VERSIONS: &[&str] = &["101", VERSION_2023];
/// The version of 2023.
pub(super) const VERSION_2023: &str = "101.2023";

/// Whether this is a country's code, or `XX`, which stands for no country that is known.
pub(super) fn is_country(code: &str) -> bool {
    code == "XX" || COUNTRIES.split(' ').any(|country| country == code)
}

/// Whether this has the form of a code on GLEIF's list of registration authorities.
pub(super) fn is_registration_authority(code: &str) -> bool {
    code.strip_prefix("RA")
        .is_some_and(|digits| digits.len() == 6 && digits.bytes().all(|byte| byte.is_ascii_digit()))
}
