//! Files that a config names and that cannot be read are told by their place in it.

use std::{fs, process::Command};

const CONFIG: &str = "\
version: 1
listen:
  - address: 127.0.0.1:0
    tls:
      cert: cert.pem
      key: key.pem
upstreams:
  a:
    endpoints: [ \"https://a.example\" ]
    tls:
      ca: roots.pem
routes: [ { match: \"* /{rest...}\", to: a } ]
";

/// What `banyan check` says of a config when only these files are there, with nothing in them but something like a key.
fn check(text: &str, files: &[&str]) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let config = folder.path().join("banyan.yaml");
    fs::write(&config, text).expect("a file");
    for name in files {
        let pem = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
        fs::write(folder.path().join(name), pem).expect("a file");
    }
    let output = Command::new(env!("CARGO_BIN_EXE_banyan")).arg("check").arg(&config).output().expect("runs");
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_file_that_cannot_be_read_is_told_with_its_line() {
    let without_roots = CONFIG.replace("    tls:\n      ca: roots.pem\n", "");
    let listener = "listener 127.0.0.1:0 (line";
    for (text, files, place, file) in [
        (CONFIG, &[][..], "upstream 'a' (line 11 of the config): ".to_owned(), "roots.pem: "),
        (
            CONFIG,
            &["roots.pem"],
            "upstream 'a' (line 11 of the config): ".to_owned(),
            "holds no PEM certificate",
        ),
        // Of a pair, the one that is missing.
        (&without_roots, &[], format!("{listener} 6 of the config): "), "key.pem: "),
        (&without_roots, &["key.pem"], format!("{listener} 5 of the config): "), "cert.pem: "),
    ] {
        let said = check(text, files);
        assert!(said.contains(&place) && said.contains(file), "{said}");
    }
}
