//! OFAC's structure, as it is published.

use aep2_sanctions::{DatedBy, Listing, Party};

use crate::support::{ADVANCED, ISSUED_S, LAZARUS, Listed, address, now, only};

const MADE_UP: [&str; 3] = [
    "0xa1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1",
    "0xa2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2",
    "0xa3a3a3a3a3a3a3a3a3a3a3a3a3a3a3a3a3a3a3a3",
];

#[test]
fn every_evm_address_counts_whatever_its_currency() {
    let set = only(&Listed::advanced(ADVANCED).open());
    assert_eq!(set.count(), 4);
    for listed in [LAZARUS, MADE_UP[0], MADE_UP[1], MADE_UP[2]] {
        assert!(set.contains(&address(listed)), "{listed}");
    }
    assert!(!set.contains(&address("0xa4a4a4a4a4a4a4a4a4a4a4a4a4a4a4a4a4a4a4a4")));
}

#[test]
fn other_chains_are_counted_and_not_mistaken_for_errors() {
    let set = only(&Listed::advanced(ADVANCED).open());
    let skipped: Vec<_> =
        set.findings().skipped.iter().map(|(name, count)| (name.as_str(), *count)).collect();
    assert_eq!(skipped, [("USDT", 1), ("XBT", 2), ("XMR", 1)]);
    assert_eq!(set.findings().unreadable, 0);
    assert_eq!(set.findings().remarks, [""; 0]);
}

#[test]
fn an_officer_reads_who_it_is_and_why() {
    let set = only(&Listed::advanced(ADVANCED).open());
    assert_eq!((set.dated().at_s, set.dated().by), (ISSUED_S, DatedBy::Stated));
    assert_eq!(set.dated().to_string(), "2026-03-05");
    let party = Party {
        id: "27307".into(),
        name: "LAZARUS GROUP".into(),
        programs: vec!["DPRK3".into()],
        lists: vec!["SDN List".into()],
    };
    let listing = Listing {
        list: "list".into(),
        version: set.version(),
        sha256: set.sha256(),
        dated: set.dated(),
        party: Some(party),
        currencies: vec!["ETH".into()],
    };
    assert_eq!(set.find(&address(LAZARUS)), [listing]);
}

#[test]
fn one_address_under_two_currencies_is_one_entry_of_its_party() {
    let set = only(&Listed::advanced(ADVANCED).open());
    let found = set.find(&address(MADE_UP[0]));
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].currencies, ["ARB", "USDC"]);
    let party = found[0].party.as_ref().unwrap();
    // The primary name in its first spelling; programmes, but not other measures.
    assert_eq!(party.name, "EXAMPLE & SONS Anna");
    assert_eq!(party.programs, ["CYBER2", "IRAN"]);
}

#[test]
fn a_value_that_is_there_twice_is_shown_once() {
    let value = format!("<VersionDetail DetailTypeID=\"1432\">{LAZARUS}</VersionDetail>");
    let set = only(&Listed::advanced(ADVANCED.replace(&value, &value.repeat(3))).open());
    assert_eq!(set.count(), 4);
    assert_eq!(set.find(&address(LAZARUS))[0].currencies, ["ETH"]);
}

#[test]
fn one_address_of_two_parties_shows_both() {
    let set = only(&Listed::advanced(ADVANCED).open());
    let found = set.find(&address(MADE_UP[1]));
    let ids: Vec<_> = found.iter().filter_map(|found| Some(&found.party.as_ref()?.id)).collect();
    assert_eq!(ids, ["900001", "900003"]);
    assert_eq!(found[0].currencies, ["USDT"]);
    assert_eq!(found[1].currencies, ["ETH"]);
}

#[test]
fn a_feature_type_that_is_there_twice_does_no_harm() {
    let eth = "<FeatureType ID=\"345\" FeatureTypeGroupID=\"1\">Digital Currency Address - ETH</FeatureType>";
    let again = format!("{eth}{eth}{}", eth.replace("345", "99345"));
    let set = only(&Listed::advanced(ADVANCED.replace(eth, &again)).open());
    assert_eq!(set.count(), 4);
    assert_eq!(set.find(&address(LAZARUS))[0].currencies, ["ETH"]);
}

#[test]
fn an_id_that_stands_for_two_feature_types_is_refused() {
    let eth = "<FeatureType ID=\"345\" FeatureTypeGroupID=\"1\">Digital Currency Address - ETH</FeatureType>";
    let again = format!("{eth}{}", eth.replace("Digital Currency Address - ETH", "Website"));
    let refusal = Listed::advanced(ADVANCED.replace(eth, &again)).refused();
    assert_eq!(refusal.code(), "not_in_structure");
    assert!(refusal.to_string().contains("345"), "{refusal}");
}

#[test]
fn the_namespaces_before_and_after_may_2024_are_both_read() {
    let namespace =
        "https://sanctionslistservice.ofac.treas.gov/api/PublicationPreview/exports/ADVANCED_XML";
    let before = ADVANCED.replace(namespace, "http://www.un.org/sanctions/1.0");
    assert_eq!(only(&Listed::advanced(before).open()).count(), 4);
}

#[test]
fn an_address_far_inside_a_large_file_is_found() {
    // Larger than all buffers, with a token across every boundary between them.
    let filler = "<DistinctParty FixedRef=\"1\"><Profile ID=\"1\"><Feature ID=\"1\" FeatureTypeID=\"14\">\
        <FeatureVersion ID=\"1\"><VersionDetail DetailTypeID=\"1432\">www.example.com/a/b/c</VersionDetail>\
        </FeatureVersion></Feature></Profile></DistinctParty>";
    let parties = format!("{}</DistinctParties>", filler.repeat(5_000));
    let large = ADVANCED
        .replace("<DistinctParties>", &format!("<DistinctParties>{}", filler.repeat(5_000)));
    let large = large.replace("</DistinctParties>", &parties);
    let listed = Listed::advanced(&large);
    let lists = listed.open();
    assert_eq!(only(&lists).count(), 4);
    assert_eq!(only(&lists).find(&address(LAZARUS))[0].party.as_ref().unwrap().programs, ["DPRK3"]);
    assert_eq!(lists.status(now())[0].findings.skipped["XBT"], 2);
}
