//! Files that are cut off, forged, or made to hurt whoever reads them.

use std::fs::File;

use aep2_sanctions::Refusal;

use crate::support::{ADVANCED, LAZARUS, Listed, only, refused_reload};

/// A change that alone would be taken: a newer date.
fn newer(xml: &str) -> String {
    xml.replacen("<Day>5</Day>", "<Day>6</Day>", 1)
}

/// The file with something at the place of the Lazarus Group's address.
fn with_value(value: &str) -> String {
    newer(ADVANCED).replace(LAZARUS, value)
}

#[test]
fn a_file_that_is_cut_off_anywhere_leaves_the_old_list_in_force() {
    let listed = Listed::advanced(ADVANCED);
    let lists = listed.open();
    let newer = newer(ADVANCED);
    let whole = newer.trim_end().len();
    for cut in (0..whole).step_by(100).chain(whole - 20..whole) {
        listed.put(&newer[..cut]);
        let refusal = refused_reload(&lists);
        assert!(matches!(refusal, Refusal::NotWellFormed { .. }), "at {cut}: {refusal}");
    }
    // The same file whole is taken, so it was the cuts that were refused.
    listed.put(&newer);
    lists.reload("list", crate::support::now()).unwrap();
    assert_eq!(only(&lists).dated().to_string(), "2026-03-06");
}

#[test]
fn a_file_with_a_part_missing_in_the_middle_is_refused() {
    let listed = Listed::advanced(ADVANCED);
    let lists = listed.open();
    let newer = newer(ADVANCED);
    for from in (200..newer.len() - 200).step_by(500) {
        listed.put([&newer[..from], &newer[from + 150..]].concat());
        // Some cuts leave well-formed XML behind; none of them loses an address unseen.
        let outcome = lists.reload("list", crate::support::now()).unwrap();
        assert!(only(&lists).count() == 4, "at {from}: {outcome:?}");
    }
}

#[test]
fn entities_are_neither_expanded_nor_fetched() {
    let listed = Listed::advanced(ADVANCED);
    let lists = listed.open();
    let laughs = "<!DOCTYPE Sanctions [<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;\">\
                  <!ENTITY c \"&b;&b;&b;&b;&b;&b;&b;&b;\">]>";
    let external = "<!DOCTYPE Sanctions [<!ENTITY c SYSTEM \"file:///etc/passwd\">]>";
    let elsewhere = "<!DOCTYPE Sanctions SYSTEM \"http://127.0.0.1:1/sdn.dtd\">";
    for document_type in [laughs, external, elsewhere, "<!DOCTYPE Sanctions>"] {
        let bomb =
            with_value("&c;").replacen("<Sanctions", &format!("{document_type}<Sanctions"), 1);
        listed.put(bomb);
        assert!(refused_reload(&lists).to_string().contains("document type"));
    }
    // Nor without a definition, in texts that matter, that do not, and in attributes.
    for (from, to) in [
        (LAZARUS, "&c;"),
        ("P12345", "&c;"),
        ("FixedRef=\"27307\"", "FixedRef=\"&c;\""),
        (LAZARUS, "a & b"),
    ] {
        listed.put(newer(ADVANCED).replacen(from, to, 1));
        assert_eq!(refused_reload(&lists).code(), "not_well_formed", "{to} for {from}");
    }
}

#[test]
fn xml_that_is_not_well_formed_is_refused() {
    let listed = Listed::advanced(ADVANCED);
    let lists = listed.open();
    let newer = newer(ADVANCED);
    let not_utf_8 = newer.replacen("P12345", "P\u{0}12345", 1).replace('\u{0}', "\u{7f}");
    let mut not_utf_8 = not_utf_8.into_bytes();
    let at = not_utf_8.iter().position(|byte| *byte == 0x7f).unwrap();
    not_utf_8[at] = 0xff;
    let utf_16: Vec<u8> = newer.encode_utf16().flat_map(u16::to_le_bytes).collect();
    for wrong in [
        newer.replacen("</Profile>", "</profile>", 1).into_bytes(),
        newer.replacen("</Profile>", "", 1).into_bytes(),
        newer.replacen("</Profile>", "</Profile></Profile>", 1).into_bytes(),
        newer.replacen("FixedRef=\"27307\"", "FixedRef=\"1\" FixedRef=\"27307\"", 1).into_bytes(),
        newer.replacen("FixedRef=\"27307\"", "FixedRef=27307", 1).into_bytes(),
        newer.replacen("encoding=\"utf-8\"", "encoding=\"utf-16\"", 1).into_bytes(),
        newer.replacen("<Comment />", "<!-- a -- b -->", 1).into_bytes(),
        format!("{newer}<Sanctions/>").into_bytes(),
        format!("{newer}x").into_bytes(),
        format!("{newer}&#65;").into_bytes(),
        format!("x{newer}").into_bytes(),
        format!("{newer}{newer}").into_bytes(),
        format!("{newer}\0").into_bytes(),
        not_utf_8,
        utf_16,
    ] {
        listed.put(&wrong);
        let refusal = refused_reload(&lists);
        assert_eq!(refusal.code(), "not_well_formed", "{refusal}");
    }
    listed.put(format!("\u{feff}{newer}\n<!-- after -->\n"));
    lists.reload("list", crate::support::now()).unwrap();
    assert_eq!(only(&lists).dated().to_string(), "2026-03-06");
}

#[test]
fn xml_of_another_structure_is_refused() {
    let listed = Listed::advanced(ADVANCED);
    let lists = listed.open();
    let newer = newer(ADVANCED);
    let section = |name: &str| {
        let end = format!("</{name}>");
        let (from, to) = (newer.find(&format!("<{name}>")).unwrap(), newer.find(&end).unwrap());
        &newer[from..to + end.len()]
    };
    let entries = section("SanctionsEntries");
    let values = section("ReferenceValueSets");
    let parties = section("DistinctParties");
    let date =
        &newer[newer.find("<DateOfIssue").unwrap()..newer.find("<ReferenceValueSets").unwrap()];
    for wrong in [
        "<html xmlns=\"http://www.w3.org/1999/xhtml\"><body>Service Unavailable</body></html>"
            .into(),
        "<sdnList><publshInformation/></sdnList>".into(),
        "<Sanctions/>".into(),
        newer.replace(entries, ""),
        newer.replace(parties, ""),
        newer.replace(values, ""),
        newer.replace(date, ""),
        newer.replace(entries, &format!("{entries}{entries}")),
        newer.replace(parties, &format!("{parties}{parties}")),
        newer.replace(values, "").replace(parties, &format!("{parties}{values}")),
        newer.replacen("<Day>6</Day>", "<Day>31</Day>", 1).replacen("<Month>3<", "<Month>2<", 1),
        newer.replacen("<Day>6</Day>", "", 1),
        newer.replacen("<Day>6</Day>", "<Day>six</Day>", 1),
        newer.replacen("<Year>2026</Year>", "<Year>-2026</Year>", 1),
    ] {
        listed.put(&wrong);
        let refusal = refused_reload(&lists);
        assert_eq!(refusal.code(), "not_in_structure", "{refusal}");
    }
}

#[test]
fn an_attribute_of_100_mb_is_refused() {
    let listed = Listed::advanced(ADVANCED);
    let lists = listed.open();
    // A hole in the file: 100 MB that take no space on the disk.
    listed.put("<Sanctions a=\"");
    let file = File::options().write(true).open(&listed.settings.path).unwrap();
    file.set_len(100_000_000).unwrap();
    let refusal = refused_reload(&lists).to_string();
    assert!(refusal.contains("more than 65536 bytes"), "{refusal}");
}

#[test]
fn elements_attributes_and_texts_have_limits() {
    let listed = Listed::advanced(ADVANCED);
    let lists = listed.open();
    let deep = format!("{}{}", "<a>".repeat(100_000), "</a>".repeat(100_000));
    let attributes: String = (0..100).map(|number| format!(" a{number}=\"\"")).collect();
    for (wrong, what) in [
        (newer(ADVANCED).replacen("<Comment />", &deep, 1), "elements in each other"),
        (newer(ADVANCED).replacen("<Comment />", &format!("<a{attributes}/>"), 1), "attributes"),
        // In pieces that are each small enough.
        (with_value(&"xxxxxxxxxxxxxxxxxxxx<!-- -->".repeat(10_000)), "a text has more than"),
        (with_value(&"&#48;".repeat(100_000)), "a text has more than"),
    ] {
        listed.put(&wrong);
        let refusal = refused_reload(&lists).to_string();
        assert!(refusal.contains(what), "{refusal}");
    }
    let many: String =
        (0..10_001).map(|at| format!("<FeatureType ID=\"x{at}\">x</FeatureType>")).collect();
    listed.put(newer(ADVANCED).replacen(
        "</FeatureTypeValues>",
        &format!("{many}</FeatureTypeValues>"),
        1,
    ));
    assert!(refused_reload(&lists).to_string().contains("reference values"));
}

#[test]
fn a_party_with_a_name_without_end_is_kept_with_a_short_one() {
    let part = "<DocumentedNamePart><NamePartValue>LONG</NamePartValue></DocumentedNamePart>";
    let at = "<DocumentedName ID=\"37142\" FixedRef=\"27307\" DocNameStatusID=\"1\">";
    let long = ADVANCED.replacen(at, &format!("{at}{}", part.repeat(100_000)), 1);
    let set = only(&Listed::advanced(long).open());
    let name = set.find(&LAZARUS.parse().unwrap())[0].party.clone().unwrap().name;
    assert_eq!(name.chars().count(), 200);
}
