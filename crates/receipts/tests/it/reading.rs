//! Reading.

use std::{
    fs::{self, OpenOptions},
    io::Write,
    time::Duration,
};

use aep2_receipts::{FolderReader, Found, Keeper, LINE_BYTES_MAX, Progress};

use crate::support::receipt;

fn write(path: &std::path::Path, text: &str) {
    let mut file = OpenOptions::new().create(true).append(true).open(path).unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

fn line(number: u64) -> String {
    serde_json::to_string(&receipt(number)).unwrap() + "\n"
}

fn numbers(found: &[Found]) -> Vec<u64> {
    let read = found.iter().filter_map(|own| own.statement.as_ref().ok());
    let nonce = |own: &aep2_receipts::Statement| match own {
        aep2_receipts::Statement::Receipt(own) => own.message.nonce.get(),
        other => panic!("{other:?}"),
    };
    read.map(nonce).collect()
}

#[test]
fn each_line_is_read_once_as_the_folder_grows() {
    let folder = tempfile::tempdir().unwrap();
    let reader = FolderReader::new(folder.path().join("later"));
    let mut progress = Progress::default();
    assert_eq!(reader.read(&mut progress, 10).unwrap(), []);
    let keeper = Keeper::open(reader.folder()).unwrap();
    for number in 0..5 {
        keeper.keep(receipt(number)).unwrap();
    }
    assert_eq!(numbers(&reader.read(&mut progress, 2).unwrap()), [0, 1]);
    let kept = serde_json::to_string(&progress).unwrap();
    let mut progress = serde_json::from_str(&kept).unwrap();
    assert_eq!(numbers(&reader.read(&mut progress, 10).unwrap()), [2, 3, 4]);
    assert_eq!(reader.read(&mut progress, 10).unwrap(), []);
    keeper.keep(receipt(5)).unwrap();
    assert_eq!(numbers(&reader.read(&mut progress, 10).unwrap()), [5]);
}

#[test]
fn a_line_that_is_not_whole_waits_and_a_line_that_was_cut_short_harms_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let (reader, mut progress) = (FolderReader::new(folder.path()), Progress::default());
    let path = folder.path().join("a.jsonl");
    let (whole, cut) = (line(1), line(2));
    write(&path, &whole);
    write(&path, &cut[..300]);
    assert_eq!(numbers(&reader.read(&mut progress, 10).unwrap()), [1]);
    write(&path, &cut[300..]);
    assert_eq!(numbers(&reader.read(&mut progress, 10).unwrap()), [2]);
    write(&path, &format!("{}\n{}", &cut[..300], line(3)));
    let found = reader.read(&mut progress, 10).unwrap();
    assert!(found[0].statement.is_err());
    assert_eq!(numbers(&found), [3]);
}

#[test]
fn lines_of_strangers_are_named_and_stop_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (reader, mut progress) = (FolderReader::new(folder.path()), Progress::default());
    let path = folder.path().join("a.jsonl");
    let long = "x".repeat(3 * LINE_BYTES_MAX);
    let twice = line(1).replace("\"account\":1", "\"account\":1,\"account\":2");
    for text in ["{}", "null", "[]", "\u{0}", "{\"receipt\":{}}", &long, twice.trim_end()] {
        write(&path, &format!("{text}\n"));
    }
    write(&path, &format!("\n{}", line(9)));
    write(&folder.path().join("notes.txt"), &line(4));
    fs::create_dir(folder.path().join("folder.jsonl")).unwrap();
    let found = reader.read(&mut progress, 100).unwrap();
    assert_eq!((found.len(), numbers(&found)), (8, vec![9]));
}

#[test]
fn a_file_is_removed_only_when_it_is_read_whole_and_nobody_writes_into_it() {
    let folder = tempfile::tempdir().unwrap();
    let (reader, mut progress) = (FolderReader::new(folder.path()), Progress::default());
    let keeper = Keeper::open(folder.path()).unwrap();
    keeper.keep(receipt(1)).unwrap();
    let old = folder.path().join("old.jsonl");
    write(&old, &line(2));
    let remove = |progress: &mut Progress, needed: bool| {
        reader.remove_read(progress, Duration::ZERO, |_| needed).unwrap()
    };
    assert_eq!(remove(&mut progress, false), 0, "nothing was read");
    reader.read(&mut progress, 10).unwrap();
    assert_eq!(remove(&mut progress, true), 0, "it is needed");
    write(&old, &line(3));
    assert_eq!(remove(&mut progress, false), 0, "it grew");
    reader.read(&mut progress, 10).unwrap();
    assert_eq!(reader.remove_read(&mut progress, Duration::from_secs(60), |_| false).unwrap(), 0);
    assert_eq!(remove(&mut progress, false), 1);
    assert!(!old.exists() && keeper.file().exists());
    // Whoever writes goes on.
    keeper.keep(receipt(4)).unwrap();
    assert_eq!(numbers(&reader.read(&mut progress, 10).unwrap()), [4]);
    let file = keeper.file();
    drop(keeper);
    assert_eq!(remove(&mut progress, false), 1);
    assert!(!file.exists());
}
