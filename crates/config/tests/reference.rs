//! docs/config.md is what the tables say. `BANYAN_BLESS=1` writes it.

use std::path::Path;

#[test]
fn the_reference_page_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/config.md");
    let expected = banyan_config::reference_markdown();
    if std::env::var_os("BANYAN_BLESS").is_some() {
        std::fs::write(&path, &expected).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(found == expected, "docs/config.md is out of date: run this test with BANYAN_BLESS=1");
}
