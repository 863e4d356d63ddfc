//! `docs/hazards.md` names tests; they must exist.

use std::path::Path;

#[test]
fn every_hazard_has_its_answer_and_every_named_test_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(root.join("docs/hazards.md")).unwrap();
    for hazard in 1..=46 {
        assert!(page.contains(&format!("\n| H{hazard} ")), "H{hazard} is missing");
    }
    let named: Vec<_> = page.split('`').filter_map(|quoted| quoted.split_once(".rs::")).collect();
    assert!(named.len() > 30, "the page names {} tests", named.len());
    for (file, test) in named {
        let text = std::fs::read_to_string(root.join(format!("{file}.rs"))).unwrap_or_default();
        assert!(text.contains(&format!("fn {test}(")), "{file}.rs has no test {test}");
    }
}
