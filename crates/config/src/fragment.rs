//! Parts of a config on their own.
//!
//! Some of what a config says is also said elsewhere: faults are switched at run time, too. And some of it is needed when
//! the rest is broken: a gateway goes on with its old config then, and people must find its admin API. Both are read by
//! the same tables as a whole file, so that nothing is right in one place and wrong in the other.

use std::path::Path;

use crate::{
    check,
    language::CHAOS,
    plan::{Admin, Chaos},
    read,
    report::{Problems, Report},
    text_of, too_large, yaml,
};

/// How reports call a text that is no file.
const CHAOS_NAME: &str = "chaos";
/// The keys that say where the admin API and its token are.
const ADMIN_KEYS: [&str; 2] = ["admin", "state"];

/// Reads what stands under `chaos` in a config: a YAML map, or a JSON object, which is one. Whether faults may be made
/// at all, which depends on the environment, is for the caller to know; so is whether requests have subjects.
///
/// # Errors
/// Everything that is wrong with the text.
pub fn parse_chaos(text: &str) -> Result<Chaos, Report> {
    if text.len() > yaml::MAX_BYTES {
        return Err(too_large(CHAOS_NAME));
    }
    let problems = Problems::default();
    let node = yaml::read(text, &problems);
    let fields = node.and_then(|node| read::object(&CHAOS, &node, &problems));
    let chaos = fields.and_then(|fields| check::chaos(&fields));
    match chaos {
        Ok(chaos) if problems.is_empty() => Ok(chaos),
        _ => Err(Report::new(CHAOS_NAME, text, problems)),
    }
}

/// Where a config puts the admin API, even if other parts of the file are broken, be it in their meaning or in their
/// YAML. `None` when that part is broken itself or the file cannot be read. Only to find a gateway by: a file is good when
/// [`crate::load`] says so.
#[must_use]
pub fn find_admin(path: &Path) -> Option<Admin> {
    let text = text_of(path).ok()?;
    let kept = sections(yaml::without_byte_order_mark(&text), &ADMIN_KEYS);
    // A file without these keys has the usual places, but only if it is a config at all: an empty one names nothing.
    let kept = if kept.is_empty() { "{}".to_owned() } else { kept };
    let problems = Problems::default();
    let node = yaml::read(&kept, &problems).ok()?;
    let root = read::root(&node, &problems).ok()?;
    check::admin(&root, path.parent().unwrap_or(Path::new(""))).ok()
}

/// The lines of these top-level keys. A section begins with a key at the margin and ends with the next one.
fn sections(text: &str, keys: &[&str]) -> String {
    let mut kept = String::new();
    let mut keeps = false;
    for line in text.split_inclusive('\n') {
        if line.starts_with(|c: char| c.is_ascii_alphanumeric() || matches!(c, '"' | '\'' | '_')) {
            let key = line.split(':').next().unwrap_or_default().trim().trim_matches(['"', '\'']);
            keeps = keys.contains(&key);
        }
        if keeps {
            kept.push_str(line);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn admin(text: &str) -> Option<(String, String)> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("banyan.yaml");
        fs::write(&path, text).unwrap();
        let found = find_admin(&path)?;
        let token = found.token_file.strip_prefix(folder.path()).unwrap().display().to_string();
        Some((found.listen.to_string(), token))
    }

    fn place(listen: &str, token: &str) -> Option<(String, String)> {
        Some((listen.to_owned(), token.to_owned()))
    }

    #[test]
    fn chaos_is_read_as_in_a_config_and_json_is_yaml() {
        let whole = r#"{"fail":"10%","slow":"20%","by":"2s..5s","when":{"headers":{"x-probe":"yes"}}}"#;
        let config = format!(
            "version: 1\nenvironment: staging\nlisten: 127.0.0.1:1\nupstreams:\n  a:\n    endpoints: [ http://127.0.0.1:2 \
             ]\n    chaos: {whole}\nroutes: [ {{ match: \"GET /\", to: a }} ]\n"
        );
        let plan = crate::parse("a.yaml", &config).unwrap_or_else(|report| panic!("{report}"));
        assert_eq!(parse_chaos(whole).ok(), plan.upstreams[0].chaos);
        assert_eq!(
            parse_chaos("fail: 10%\nslow: 20%\nby: 2s..5s\nwhen: { headers: { x-probe: \"yes\" } }").ok(),
            { plan.upstreams[0].chaos.clone() }
        );
    }

    #[test]
    fn chaos_is_refused_as_in_a_config() {
        for (text, said) in [
            ("{}", "chaos names no fault to make"),
            ("[]", "a map of keys is wanted"),
            ("off", "a map of keys is wanted"),
            ("{\"fail\":\"0%\"}", "fail is 0%: must be more than zero"),
            ("{\"fail\":\"200%\"}", "fail is 200%"),
            ("{\"fial\":\"10%\"}", "the chaos section has no key 'fial'"),
            ("{\"fail\":", "chaos"),
        ] {
            let report = parse_chaos(text).unwrap_err();
            assert!(report.to_string().contains(said), "{text}: {report}");
        }
    }

    #[test]
    fn the_admin_api_is_found_in_a_config_that_is_broken_elsewhere() {
        let head =
            "version: 1\nadmin:\n  listen: 127.0.0.1:1234\n\n  # where scripts look\n  token_file: ./token\n";
        for broken in [
            "",
            "nonsense: true\n",
            "version: 2\n",
            "units: [ not closed\n",
            "units:\n\t- a tab\n",
            "routes: *nobody\n",
            "listen: 127.0.0.1:1234\n",
        ] {
            assert_eq!(admin(&format!("{head}{broken}")), place("127.0.0.1:1234", "token"), "{broken}");
            assert_eq!(admin(&format!("{broken}{head}")), place("127.0.0.1:1234", "token"), "{broken}");
        }
        let flow = "units: [\nstate: ./s.db\nadmin: { listen: 127.0.0.1:1234 }\n";
        assert_eq!(admin(flow), place("127.0.0.1:1234", "s.db.admin-token"));
        assert_eq!(admin("units: [\n"), place("127.0.0.1:9901", "banyan.db.admin-token"));
    }

    #[test]
    fn nothing_is_made_up_where_the_admin_section_itself_is_broken() {
        for broken in
            ["admin: { listen: here }", "admin: [", "admin: 9901", "state: [ a ]", "admin: { token_file: 7 }"]
        {
            assert_eq!(admin(&format!("version: 1\n{broken}\n")), None, "{broken}");
        }
        assert_eq!(find_admin(Path::new("/nonexistent/banyan.yaml")), None);
    }
}
