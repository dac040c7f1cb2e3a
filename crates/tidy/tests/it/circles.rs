//! Circles of files: found, and none seen where there is none.

use aep2_tidy::{Tree, circles, exceptions::List};

use crate::support::{brief, one_crate, with_list};

fn findings(tree: &Tree) -> Vec<String> {
    let mut exceptions = List::read(tree, "list.txt");
    let mut findings = circles::check(tree, &mut exceptions);
    findings.extend(exceptions.findings());
    brief(&findings)
}

/// No circle among these files.
#[track_caller]
fn none(files: &[(&str, &str)]) {
    assert_eq!(findings(&one_crate(files)), [""; 0]);
}

const IN_LIB: &[(&str, &str)] = &[("lib.rs", "mod x; mod y;")];

/// One circle: `x.rs` takes this from `y.rs`, which takes `X` from it.
#[track_caller]
fn taken(name: &str, x: &str, y: &str) {
    does("takes", name, x, y, IN_LIB);
}

#[track_caller]
fn does(what: &str, name: &str, x: &str, y: &str, others: &[(&str, &str)]) {
    let x = format!("pub struct X;\n{x}");
    let y = format!("{y}\nuse crate::x::X;");
    let last = y.lines().count();
    let files = [&[("x.rs", x.as_str()), ("y.rs", y.as_str())], others].concat();
    let wrong = format!(
        "a/src/x.rs:2: 2 files take from each other in a circle\n    \
         a/src/x.rs:2 {what} {name} from a/src/y.rs\n    \
         a/src/y.rs:{last} takes X from a/src/x.rs"
    );
    assert_eq!(findings(&one_crate(&files)), [wrong]);
}

#[test]
fn by_every_form_of_use() {
    for x in [
        "use crate::y::Y;",
        "use super::y::Y;",
        "use self::super::y::Y;",
        "use crate::{y::{Y as Other}};",
        "use super::y as z; fn f(_: z::Y) {}",
        "use super::*; fn f(_: y::Y) {}",
        "use super::y::*; fn f(_: Y) {}",
        "fn f() { use crate::y::Y; }",
        "mod inner { use super::super::y::Y; }",
    ] {
        taken("Y", x, "pub struct Y;");
    }
    does("re-exports", "Y", "pub use crate::y::Y;", "pub struct Y;", IN_LIB);
    does("re-exports", "*", "pub(crate) use super::y::*;", "pub struct Y;", IN_LIB);
}

#[test]
fn by_every_place_of_a_path() {
    for x in [
        "fn f(_: Vec<Option<crate::y::Y>>) {}",
        "fn f() -> impl Into<crate::y::Y> { 1 }",
        "fn f() { crate::y::Y::new(); }",
        "fn f() { let _ = <crate::y::Y>::new(); }",
        "fn f() { let _ = <crate::y::Y as From<u8>>::from(1); }",
        "fn f() { let _ = crate::y::Y { a: 1 }; }",
        "fn f(x: u8) { if let crate::y::Y(_) = x {} }",
        "impl crate::y::Y for X {}",
        "struct A(crate::y::Y);",
        "fn f() { vec![crate::y::Y]; }",
        "fn f() { select! { _ = crate::y::Y::new() => {} } }",
        "macro_rules! m { () => { $crate::y::Y }; }",
        "#[serde(try_from = \"crate::y::Y\")] struct A;",
        "#[schema(value_type = crate::y::Y)] struct A;",
    ] {
        taken("Y", x, "pub struct Y(u8);");
    }
    taken("y", "#[serde(with = \"crate::y\")] struct A;", "pub fn serialize() {}");
}

#[test]
fn functions_constants_variants_and_macros() {
    taken("go", "use super::y; fn f() { y::go() }", "pub fn go() {}");
    taken("MAX", "fn f(_: [u8; crate::y::MAX]) {}", "pub const MAX: usize = 1;");
    taken("Y", "use crate::y::Y::A;", "pub enum Y { A }");
    taken("Y", "use crate::y::Y::*;", "pub enum Y { A }");
    taken("Y", "fn f() { crate::y::Y::A }", "pub enum Y { A }");
    taken("say", "fn f() { say!() }", "macro_rules! say { () => {} }");
    taken(
        "say",
        "fn f() { crate::y::say!() }",
        "macro_rules! say { () => {} } pub(crate) use say;",
    );
}

#[test]
fn re_exports_lead_to_the_definition() {
    let through_lib = [("lib.rs", "mod x; mod y; pub use y::Y;")];
    does("takes", "Y", "use crate::Y;", "pub struct Y;", &through_lib);
    let through_two = [
        ("lib.rs", "mod x; mod y; mod z; pub use z::inner::*;"),
        ("z/mod.rs", "pub mod inner;"),
        ("z/inner.rs", "pub use crate::y::Y as Z;"),
    ];
    does("takes", "Y", "use crate::Z;", "pub struct Y;", &through_two);
}

#[test]
fn what_macros_make_is_of_the_file_that_invokes_them() {
    taken("Made", "use crate::y::Made;", "make!(Made);");
    let through_lib = [("lib.rs", "mod x; mod y; pub use y::Made;")];
    does("takes", "Made", "use crate::Made;", "make!(Made);", &through_lib);
}

#[test]
fn what_another_crate_has_is_of_the_file_that_imports_it() {
    taken("Foreign", "use crate::y::Foreign;", "pub use other::Foreign;");
}

#[test]
fn facades_count_by_what_they_define_and_take() {
    // They declare and re-export: nothing of theirs is taken.
    none(&[
        ("lib.rs", "mod a; mod b; pub use a::A;"),
        ("a/mod.rs", "mod inner; pub use inner::A;"),
        ("a/inner.rs", "pub struct A; use crate::b::B;"),
        ("b.rs", "pub struct B; use super::*;"),
    ]);
    // They define, and take nothing.
    none(&[
        ("lib.rs", "mod a; pub struct Root;"),
        ("a/mod.rs", "mod inner; pub struct A(crate::Root);"),
        ("a/inner.rs", "use super::A; use crate::Root;"),
    ]);
    // They do both.
    let both = one_crate(&[
        ("lib.rs", "mod a;"),
        ("a/mod.rs", "mod inner;\npub use inner::I;\npub struct A;"),
        ("a/inner.rs", "pub struct I(super::A);"),
    ]);
    let [found] = &findings(&both)[..] else { panic!("one circle") };
    assert!(found.starts_with("a/src/a/inner.rs:1: 2 files"), "{found}");
}

#[test]
fn none_is_seen_where_names_are_alike() {
    // A variable is not a function that a glob brings.
    none(&[
        ("lib.rs", "mod x; mod y;"),
        ("x.rs", "use super::y::*; pub fn it() {} fn f(of: u8) { let go = of; go; }"),
        ("y.rs", "pub fn go() {} use crate::x::it;"),
    ]);
    // A module and a function of one name.
    none(&[
        ("lib.rs", "mod x; mod y; mod go; pub use y::go;"),
        ("x.rs", "pub struct X; fn f() { crate::go() }"),
        ("y.rs", "pub fn go() {}"),
        ("go.rs", "use crate::x::X;"),
    ]);
    // Another crate's module of the same name; a struct's field; a method.
    none(&[
        ("lib.rs", "mod x; mod y;"),
        ("x.rs", "pub struct X; use other::y::Y; fn f(y: Y) { y.go(); m!(a.y::<Y>()); }"),
        ("y.rs", "pub struct Y; use crate::x::X;"),
    ]);
    // Said to whom something is visible, and in documentation.
    none(&[
        ("lib.rs", "mod x { /// [`crate::y::Y`]\npub(in crate::y) struct X; } mod y;"),
        ("y.rs", "use crate::x::X;"),
    ]);
}

#[test]
fn tests_are_left_out() {
    none(&[
        ("lib.rs", "mod x; mod y; #[cfg(test)] mod only;"),
        ("x.rs", "pub struct X; #[cfg(test)] mod tests { use crate::y::Y; }"),
        ("y.rs", "pub struct Y; use crate::x::X; #[cfg(all(test, unix))] use crate::only::O;"),
        ("only.rs", "use crate::{x::X, y::Y};"),
    ]);
    let not_tests = "#[cfg(not(test))] use crate::y::Y;";
    taken("Y", not_tests, "pub struct Y;");
}

#[test]
fn programs_may_take_from_the_library_of_their_package() {
    none(&[
        ("lib.rs", "pub mod x; pub fn f() {}"),
        ("x.rs", "use crate::f;"),
        ("main.rs", "mod own; use its_name::x; fn main() { its_name::f() }"),
        ("own.rs", "use its_name::f;"),
    ]);
    let own = one_crate(&[
        ("bin/program.rs", "mod part;\nuse part::P;\nstruct Main;"),
        ("bin/part.rs", "pub struct P(crate::Main);"),
    ]);
    assert_eq!(findings(&own).len(), 1);
}

#[test]
fn the_shortest_circle_of_a_knot_is_shown() {
    let tree = one_crate(&[
        ("lib.rs", "mod x; mod y; mod z;"),
        ("x.rs", "pub struct X(crate::y::Y);"),
        ("y.rs", "pub struct Y(crate::z::Z);"),
        ("z.rs", "pub struct Z(\n    crate::x::X,\n    crate::y::Y,\n);"),
    ]);
    assert_eq!(
        findings(&tree),
        ["a/src/y.rs:1: 3 files take from each other in a circle\n    \
          a/src/y.rs:1 takes Z from a/src/z.rs\n    \
          a/src/z.rs:3 takes Y from a/src/y.rs\n    \
          in all:\n      a/src/x.rs\n      a/src/y.rs\n      a/src/z.rs"]
    );
}

#[test]
fn exceptions_are_files_in_circles() {
    let files = [
        ("lib.rs", "mod x; mod y; mod z;"),
        ("x.rs", "pub struct X(crate::y::Y);"),
        ("y.rs", "pub struct Y(crate::x::X);"),
        ("z.rs", ""),
    ];
    assert_eq!(findings(&with_list(&files, "a/src/x.rs\na/src/y.rs\n")), [""; 0]);
    assert_eq!(
        findings(&with_list(&files, "a/src/x.rs\na/src/y.rs\na/src/z.rs\n")),
        ["list.txt:3: the exception for a/src/z.rs is not needed any more"]
    );
    let half = findings(&with_list(&files, "a/src/x.rs\n"));
    assert!(half[0].starts_with("a/src/x.rs:1: 2 files take"), "{half:?}");
}

#[test]
fn files_that_nothing_declares_and_modules_without_a_file() {
    let tree = one_crate(&[("lib.rs", "mod here;\nmod gone;"), ("here.rs", ""), ("lost.rs", "")]);
    assert_eq!(
        findings(&tree),
        [
            "a/src/lib.rs:2: the file of module `gone` is not found",
            "a/src/lost.rs:0: no module is declared for this file",
        ]
    );
}
