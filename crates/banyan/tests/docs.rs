//! Every command line of the documents is one that the program understands.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// Pages at the root of the repository and below `docs`.
fn pages() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut folders = vec![root.join("docs")];
    let mut pages: Vec<_> =
        ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md"].map(|name| root.join(name)).into();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder of pages") {
            let path = entry.expect("a readable folder").path();
            if path.is_dir() { &mut folders } else { &mut pages }.push(path);
        }
    }
    pages.retain(|path| path.extension().is_some_and(|extension| extension == "md"));
    pages
}

/// What stands as code in a page: spans between backticks, and indented lines.
fn code(page: &str) -> impl Iterator<Item = &str> {
    let spans = page.lines().flat_map(|line| line.split('`').skip(1).step_by(2));
    spans.chain(page.lines().filter_map(|line| line.strip_prefix("    ")))
}

/// The words after `banyan`, without a comment; a text in single quotes is one word. `None` for anything else.
fn words(code: &str) -> Option<Vec<String>> {
    let line = code.split(" # ").next()?.trim().strip_prefix("banyan ")?;
    // In the picture of the crates a wide gap follows the name.
    if line.starts_with(' ') {
        return None;
    }
    let mut words = Vec::new();
    for (index, part) in line.split('\'').enumerate() {
        if index % 2 == 1 {
            words.push(part.to_owned());
        } else {
            words.extend(part.split_whitespace().map(ToOwned::to_owned));
        }
    }
    Some(words)
}

#[test]
fn commands_of_the_pages_are_understood() {
    let mut commands = BTreeSet::new();
    for page in pages() {
        commands.extend(code(&fs::read_to_string(page).unwrap()).filter_map(words));
    }
    assert!(commands.len() > 10, "{commands:?}");
    for words in commands {
        // Help ends the reading of a command line, but only if everything before it was understood.
        let output = Command::new(env!("CARGO_BIN_EXE_banyan")).args(&words).arg("--help").output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "banyan {}: {said}", words.join(" "));
    }
}

#[test]
fn command_lines_are_told_from_other_code() {
    let set = ["unit", "set", "articles", "5%", "--why", "trying it"].map(ToOwned::to_owned).to_vec();
    assert_eq!(words("banyan unit set articles 5% --why 'trying it'  # moves it"), Some(set));
    assert_eq!(words("banyan_rollout_percent"), None);
    assert_eq!(words("banyan"), None);
    assert_eq!(words("banyan      the binary"), None);
    assert_eq!(code("a `b` c `d`\n    e").collect::<Vec<_>>(), ["b", "d", "e"]);
}
