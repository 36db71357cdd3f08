//! What the documents point at is there: a page that names a file nobody has any more is worse than none.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Where the paths of `docs/life-of-a-request.md` and of short mentions begin.
const DATA_PLANE: &str = "crates/gateway/src";
/// Filled by runs and builds, so it may be missing in a fresh clone.
const MADE_BY_RUNS: [&str; 2] = ["bench/runs/", "target/"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the repository")
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let found = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<_> = found.map(|entry| entry.expect("a readable folder").path()).collect();
    paths.sort();
    paths
}

fn name(path: &Path) -> &str {
    path.file_name().and_then(|name| name.to_str()).expect("file names are UTF-8")
}

/// Every page: those at the root, and those below `docs`.
fn pages() -> Vec<PathBuf> {
    let mut pages = Vec::new();
    let mut folders = vec![root().join("docs")];
    pages.extend(entries(root()).into_iter().filter(|path| path.is_file()));
    while let Some(folder) = folders.pop() {
        let (below, files) = entries(&folder).into_iter().partition::<Vec<_>, _>(|path| path.is_dir());
        folders.extend(below);
        pages.extend(files);
    }
    pages.retain(|path| path.extension().is_some_and(|extension| extension == "md"));
    assert!(pages.len() > 10, "{pages:?}");
    pages
}

/// A page without its code blocks, which may show anything. An indented line begins one only after an empty line:
/// otherwise it goes on with an item of a list.
fn prose(text: &str) -> String {
    let (mut fenced, mut indented, mut after_empty) = (false, false, true);
    let is_prose = |line: &&str| {
        let fence = line.starts_with("```");
        fenced ^= fence;
        if !line.is_empty() {
            indented = line.starts_with("    ") && (indented || after_empty);
        }
        after_empty = line.is_empty();
        !(fence || fenced || indented)
    };
    text.lines().filter(is_prose).collect::<Vec<_>>().join("\n")
}

/// What stands between `open` and `close`, each time.
fn between<'t>(text: &'t str, open: &str, close: char) -> impl Iterator<Item = &'t str> {
    text.split(open).skip(1).filter_map(move |rest| rest.split_once(close).map(|(inside, _)| inside))
}

/// The anchor that a heading gets: lower case, words joined by hyphens, nothing but letters and digits besides.
fn anchor(heading: &str) -> String {
    let kept = heading.trim().to_lowercase().replace(' ', "-");
    kept.chars().filter(|&c| c.is_alphanumeric() || c == '-' || c == '_').collect()
}

fn has_anchor(page: &Path, wanted: &str) -> bool {
    let text = read(page);
    text.lines()
        .filter(|line| line.starts_with('#'))
        .any(|line| anchor(line.trim_start_matches('#')) == wanted)
}

#[test]
fn links_lead_somewhere() {
    let mut dead = Vec::new();
    for page in pages() {
        let text = prose(&read(&page));
        for link in between(&text, "](", ')').filter(|link| !link.contains("://")) {
            let (path, wanted) = link.split_once('#').unwrap_or((link, ""));
            let target = if path.is_empty() { page.clone() } else { page.parent().unwrap().join(path) };
            if !target.exists() || (!wanted.is_empty() && !has_anchor(&target, wanted)) {
                dead.push(format!("{}: {link}", page.display()));
            }
        }
    }
    assert!(dead.is_empty(), "dead links:\n{}", dead.join("\n"));
}

/// Whether a piece of code in a page names a path of the repository, and that path.
fn mentioned(code: &str) -> Option<PathBuf> {
    let plain = code.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-./".contains(&byte));
    if !plain || MADE_BY_RUNS.iter().any(|made| code.starts_with(made)) {
        return None;
    }
    let (top, below) = code.split_once('/').unwrap_or(("", ""));
    // A word with a slash is a path if it begins with one of our folders; `text/html` does not.
    if !["", "."].contains(&top) && !below.is_empty() && root().join(top).is_dir() {
        return Some(root().join(code));
    }
    let is_source = code.ends_with(".rs") && code != ".rs";
    is_source.then(|| root().join(DATA_PLANE).join(code))
}

#[test]
fn files_that_are_named_exist() {
    let mut missing = Vec::new();
    for page in pages() {
        let text = prose(&read(&page));
        for code in text.split('`').skip(1).step_by(2) {
            if mentioned(code).is_some_and(|path| !path.exists()) {
                missing.push(format!("{}: {code}", page.display()));
            }
        }
    }
    assert!(missing.is_empty(), "no such file:\n{}", missing.join("\n"));
}

#[test]
fn the_code_map_has_every_crate() {
    let map = read(&root().join("ARCHITECTURE.md"));
    let is_named = |folder: &str| map.contains(&format!("| `{folder}` |"));
    for path in entries(&root().join("crates")) {
        let folder = format!("crates/{}", name(&path));
        assert!(is_named(&folder), "ARCHITECTURE.md does not say what {folder} is for");
    }
    for path in entries(root()).iter().filter(|path| path.join("Cargo.toml").is_file()) {
        assert!(is_named(name(path)), "ARCHITECTURE.md does not say what {} is for", name(path));
    }
}

#[test]
fn decisions_are_numbered_without_gaps_and_listed() {
    let folder = root().join("docs/decisions");
    let list = read(&folder.join("README.md"));
    let files: Vec<_> = entries(&folder).into_iter().filter(|path| name(path) != "README.md").collect();
    for (index, path) in files.iter().enumerate() {
        let number = format!("{:04}", index + 1);
        assert!(name(path).starts_with(&format!("{number}-")), "{} should be number {number}", name(path));
        let text = read(path);
        let title = text.lines().next().unwrap().trim_start_matches("# ");
        let line = format!("- [{title}]({})", name(path));
        assert!(title.starts_with(&number) && list.contains(&line), "the list lacks: {line}");
        for part in ["\nStatus: ", "\n## Context\n", "\n## Decision\n", "\n## Consequences\n"] {
            assert!(text.contains(part), "{} lacks {part:?}", name(path));
        }
    }
}

#[test]
fn paths_are_told_from_other_words() {
    assert_eq!(mentioned("crates/flags"), Some(root().join("crates/flags")));
    assert_eq!(mentioned("wire/h1.rs"), Some(root().join("crates/gateway/src/wire/h1.rs")));
    assert_eq!(mentioned("docs/no-such-page.md"), Some(root().join("docs/no-such-page.md")));
    for word in ["text/html", "bench/runs/", "limits.head", "GET /articles", "/metrics", "./banyan.db", ""] {
        assert_eq!(mentioned(word), None, "{word}");
    }
    assert_eq!(anchor(" Without the admin API"), "without-the-admin-api");
    assert_eq!(prose("- a\n    b\n\n    c\n\n    d\ne\n```\nf\n```\ng"), "- a\n    b\n\ne\ng");
}
