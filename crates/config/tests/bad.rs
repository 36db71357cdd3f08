//! Bad configs and what people are told about them. `BANYAN_BLESS=1` writes the expected texts; read them before
//! committing.

use std::{
    fs,
    path::{Path, PathBuf},
};

fn bad() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bad")
}

fn configs() -> Vec<PathBuf> {
    let files = fs::read_dir(bad()).expect("the corpus is beside this file");
    let files = files.map(|entry| entry.expect("a folder that can be listed").path());
    let mut configs =
        files.filter(|path| path.extension().is_some_and(|end| end == "yaml")).collect::<Vec<_>>();
    configs.sort();
    configs
}

#[test]
fn every_bad_config_is_refused_in_the_expected_words() {
    let bless = std::env::var_os("BANYAN_BLESS").is_some();
    let mut wrong = Vec::new();
    for path in configs() {
        let Err(report) = banyan_config::load(&path) else { panic!("{} is accepted", path.display()) };
        let found = report.to_string().replace(&format!("{}/", bad().display()), "") + "\n";
        let expected = path.with_extension("txt");
        if bless {
            fs::write(&expected, &found).unwrap();
        }
        if fs::read_to_string(&expected).unwrap_or_default() != found {
            wrong.push(format!("{}:\n{found}", path.display()));
        }
    }
    assert!(wrong.is_empty(), "run with BANYAN_BLESS=1 if this is right:\n{}", wrong.join("\n"));
}

#[test]
fn every_kind_of_error_in_one_file_is_reported() {
    let report = banyan_config::load(&bad().join("everything-at-once.yaml")).unwrap_err();
    let messages = report.problems().iter().map(|problem| problem.message.as_str()).collect::<Vec<_>>();
    for kind in [
        "has no key 'hed'",
        "the key 'head' stands twice",
        "percent is 101%",
        "'legcy' is not the name of an upstream",
        "duplicate route",
        "'timeout' (20s) is longer than 'deadline' (15s)",
        "the same salt",
        "needs 'sample'",
        "which is not loopback",
        "the store mysql is not supported",
    ] {
        assert!(messages.iter().any(|message| message.contains(kind)), "no '{kind}' in {messages:#?}");
    }
}

#[test]
fn programs_get_the_same_errors_as_people() {
    let report = banyan_config::load(&bad().join("duplicate-route.yaml")).unwrap_err();
    let json = report.to_json();
    let errors = json["errors"].as_array().unwrap();
    assert_eq!(errors.len(), report.problems().len());
    for (error, problem) in errors.iter().zip(report.problems()) {
        assert_eq!(error["message"], problem.message);
        assert_eq!(error["line"], problem.span.unwrap().line);
        assert_eq!(error["related"]["line"], problem.related.as_ref().unwrap().span.line);
    }
}
