//! SECURITY.md promises a test for each rule: the tests that it names exist.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used)] // A test fails by panicking.

use std::fs;
use std::path::{Path, PathBuf};

/// Every Rust source below `folder`.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

#[test]
fn every_test_that_it_names_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let text = fs::read_to_string(root.join("SECURITY.md")).unwrap();
    let rules = text
        .split_once("## The rules")
        .and_then(|(_, rest)| rest.split_once("## Limits"))
        .unwrap()
        .0;
    let sources = sources(&root.join("crates"));
    let contents: Vec<String> = sources
        .iter()
        .map(|path| fs::read_to_string(path).unwrap())
        .collect();
    let (mut files, mut tests) = (0, 0);
    // What stands between backticks.
    for name in rules.split('`').skip(1).step_by(2) {
        if name.ends_with(".rs") {
            files += 1;
            assert!(
                sources.iter().any(|path| path.ends_with(name)),
                "no file {name}"
            );
        } else if name.contains('_') && !name.contains('/') {
            tests += 1;
            let definition = format!("fn {name}(");
            assert!(
                contents.iter().any(|content| content.contains(&definition)),
                "no test {name}"
            );
        }
    }
    assert!(
        files >= 17 && tests >= 17,
        "{files} files and {tests} tests for 17 rules"
    );
}
