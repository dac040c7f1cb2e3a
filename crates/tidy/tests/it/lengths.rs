//! Lengths.

use aep2_tidy::{Tree, exceptions::List, lengths};

use crate::support::{brief, one_crate, with_list};

/// A function of so many lines.
fn function(name: &str, lines: usize) -> String {
    format!("fn {name}() {{\n{}}}\n", "    ();\n".repeat(lines - 2))
}

fn findings(tree: &Tree) -> Vec<String> {
    let mut exceptions = List::read(tree, "list.txt");
    let mut findings = lengths::check(tree, &mut exceptions);
    findings.extend(exceptions.findings());
    brief(&findings)
}

#[test]
fn seventy_lines_are_allowed_and_seventy_one_are_not() {
    let text = function("fits", 70) + &function("does_not", 71);
    assert_eq!(
        findings(&one_crate(&[("lib.rs", &text)])),
        ["a/src/lib.rs:71: the function `does_not` has 71 lines; 70 are allowed"]
    );
}

#[test]
fn files_have_seven_hundred_lines() {
    let tree = one_crate(&[("lib.rs", &"//\n".repeat(700)), ("b.rs", &"//\n".repeat(701))]);
    assert_eq!(findings(&tree), ["a/src/b.rs:0: the file has 701 lines; 700 are allowed"]);
}

#[test]
fn exceptions_do_not_grow_and_are_lowered() {
    let text = function("grew", 90) + &function("same", 80) + &function("shrank", 75);
    let list = "# Why.\na/src/lib.rs grew 89\na/src/lib.rs same 80\na/src/lib.rs shrank 76\n\
                a/src/lib.rs gone 71\n";
    let tree = with_list(&[("lib.rs", &text)], list);
    assert_eq!(
        findings(&tree),
        [
            "a/src/lib.rs:1: the function `grew` has 90 lines; its exception allows 89, and does not \
             grow",
            "list.txt:5: the exception for a/src/lib.rs gone is not needed any more",
            "list.txt:4: the exception for a/src/lib.rs shrank allows 76, and it has 75",
        ]
    );

    let mut exceptions = List::read(&tree, "list.txt");
    lengths::check(&tree, &mut exceptions);
    let shrunk = "# Why.\na/src/lib.rs grew 89\na/src/lib.rs same 80\na/src/lib.rs shrank 75\n";
    assert_eq!(exceptions.shrunk().as_deref(), Some(shrunk));
}
