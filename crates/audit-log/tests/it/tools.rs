//! Anybody checks an exported log with a shell and `sha256sum`: the documentation's own script.

use std::{fs, process::Command};

use aep2_audit_log::{Start, verify};
use alloy_primitives::hex;

use crate::support::{exported, lines};

/// The first shell script of the page.
fn script() -> String {
    let page = aep2_testkit::repository::file("docs/audit-log.md");
    let page = fs::read_to_string(page).expect("the page");
    let (_, script) = page.split_once("```sh\n").expect("a script");
    script.split_once("```").expect("its end").0.to_owned()
}

/// What the script says of a file, and whether it is content.
fn checked(file: &[u8]) -> (bool, String) {
    let directory = tempfile::tempdir().expect("a directory");
    fs::write(directory.path().join("log.jsonl"), file).expect("written");
    let output = Command::new("sh")
        .args(["-c", &script()])
        .current_dir(directory.path())
        .output()
        .expect("a shell");
    (output.status.success(), String::from_utf8(output.stdout).expect("text").trim().to_owned())
}

#[test]
fn the_script_of_the_documentation_finds_what_we_find() {
    let file = exported(4);
    let to = verify(&file[..], Start::Beginning, &[]).expect("whole").to;
    assert_eq!(checked(&file), (true, format!("4 {}", hex::encode(to.hash))));

    let all = lines(&file);
    let altered = String::from_utf8(all[1].clone()).expect("text").replace("50000", "90000");
    let altered = [&all[0], altered.as_bytes(), &all[2], &all[3]].concat();
    assert_eq!(checked(&altered), (false, "broken at entry 2".to_owned()));
    let cut = &file[..file.len() - 5];
    assert_eq!(checked(cut), (false, "ends within entry 4".to_owned()));
    let missing = all[..3].concat();
    assert!(checked(&missing).0 && !checked(&missing).1.starts_with('4'), "only a head shows that");
    for order in [&[0, 2, 3][..], &[0, 2, 1, 3], &[0, 1, 1, 2]] {
        let file: Vec<u8> = order.iter().flat_map(|line| all[*line].clone()).collect();
        assert!(!checked(&file).0, "{order:?}");
    }
}
