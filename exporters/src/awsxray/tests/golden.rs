//! What the improved mapping makes of the same requests, in `tests/awsxray/improved.jsonl`.

use std::fs;

use super::contrib::cases;
use super::*;

#[test]
fn the_improved_documents_are_as_before() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/awsxray/improved.jsonl");
    let mut found = String::new();
    for mut case in cases() {
        case.settings.mapping = Mapping::Improved;
        let documents = documents(&request(&case.traces), &case.settings, &Facts::default());
        let documents = normal::normal(&documents);
        found += &format!("{}\n", json!({ "name": case.name, "documents": documents }));
    }
    let expected = fs::read_to_string(path).unwrap_or_default();
    // To take what is found for right, after reading it: delete the file and run this once.
    if expected.is_empty() {
        fs::write(path, &found).unwrap();
    }
    for (found, expected) in found.lines().zip(expected.lines()) {
        assert_eq!(found, expected);
    }
    assert_eq!(found.lines().count(), expected.lines().count());
}
