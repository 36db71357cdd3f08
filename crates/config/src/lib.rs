//! From a YAML file to an immutable [`plan::Plan`], or to everything that is wrong with the file at once.
//!
//! Three stages, each of which reports all it can before the next: `yaml` makes a tree with places, `read` makes values
//! as the tables of `language` say, `check` resolves names and compares keys with each other. The same tables make the
//! JSON Schema and the reference page, so neither can be out of date.

mod check;
mod fingerprint;
mod fragment;
mod language;
pub mod pattern;
pub mod plan;
mod read;
mod reference;
mod report;
mod schema;
pub mod source;
pub mod suggest;
mod yaml;

use std::{fs::File, io::Read as _, path::Path};

use sha2::{Digest as _, Sha256};

pub use fragment::{find_admin, parse_chaos};
pub use reference::reference_markdown;
pub use report::{Problem, Related, Report, Warnings};
pub use schema::json_schema;

use plan::Plan;
use report::{Problems, Read};

/// Reads a config file. Relative paths in it start at its directory.
///
/// # Errors
/// Everything that is wrong with the file; when it cannot be read at all, that.
pub fn load(path: &Path) -> Result<Plan, Report> {
    let text = text_of(path)?;
    parse_in(&path.display().to_string(), path.parent().unwrap_or(Path::new("")), &text)
}

fn text_of(path: &Path) -> Result<String, Report> {
    let name = path.display().to_string();
    let failed = |error: std::io::Error| Report::of_file(&name, format!("cannot be read: {error}"), None);
    let mut bytes = Vec::new();
    // One byte more than allowed is enough to know; a device or a pipe may never end.
    let limit = u64::try_from(yaml::MAX_BYTES).unwrap_or(u64::MAX).saturating_add(1);
    File::open(path).and_then(|file| file.take(limit).read_to_end(&mut bytes)).map_err(failed)?;
    if bytes.len() > yaml::MAX_BYTES {
        return Err(too_large(&name));
    }
    String::from_utf8(bytes).map_err(|error| not_utf8(&name, &error))
}

/// Reads a config text. Relative paths in it start at the directory of `file_name`, which reports show.
///
/// # Errors
/// Everything that is wrong with the text.
pub fn parse(file_name: &str, text: &str) -> Result<Plan, Report> {
    parse_in(file_name, Path::new(file_name).parent().unwrap_or(Path::new("")), text)
}

fn parse_in(name: &str, base: &Path, text: &str) -> Result<Plan, Report> {
    if text.len() > yaml::MAX_BYTES {
        return Err(too_large(name));
    }
    let hash = hex(&Sha256::digest(text));
    let text = yaml::without_byte_order_mark(text);
    let problems = Problems::default();
    let plan = plan(text, base, hash, &problems);
    match plan {
        Ok(plan) if problems.is_empty() => {
            let warnings = Warnings::taken(name, text, &problems);
            Ok(with_schemas(Plan { warnings, ..plan }))
        }
        _ => Err(Report::new(name, text, problems)),
    }
}

fn plan(text: &str, base: &Path, hash: String, problems: &Problems) -> Read<Plan> {
    let node = yaml::read(text, problems)?;
    let root = read::root(&node, problems)?;
    check::plan(&root, base, hash)
}

/// The plan with hashes that say what the named schemas say too, so that a changed schema is a changed config.
fn with_schemas(mut plan: Plan) -> Plan {
    let of_routes = plan.routes.iter().map(|route| route.policy.valid_if.over(None));
    let of_upstreams = plan.upstreams.iter().map(|upstream| upstream.valid_if.as_ref());
    let rules = of_upstreams.chain(of_routes).flatten();
    let schemas = rules.filter_map(|rule| rule.schema.as_ref()).map(|schema| schema.document.to_string());
    let schemas = schemas.collect::<Vec<_>>();
    if !schemas.is_empty() {
        plan.hash = over(&plan.hash, &schemas);
        plan.fingerprint = over(&plan.fingerprint, &schemas);
        plan.fingerprint.truncate(fingerprint::DIGITS);
    }
    plan
}

/// A hash of a hash and these texts.
fn over(hash: &str, texts: &[String]) -> String {
    let whole = texts.iter().fold(Sha256::new_with_prefix(hash), |hash, text| {
        // The length first: no two lists of texts are the same text.
        hash.chain_update(text.len().to_string()).chain_update([0]).chain_update(text)
    });
    hex(&whole.finalize())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn too_large(name: &str) -> Report {
    let message = format!("larger than {} MiB, which no config is", yaml::MAX_BYTES / (1024 * 1024));
    Report::of_file(name, message, Some("is this the right file?".to_owned()))
}

fn not_utf8(name: &str, error: &std::string::FromUtf8Error) -> Report {
    let at = error.utf8_error().valid_up_to();
    let text = String::from_utf8_lossy(error.as_bytes());
    let problems = Problems::default();
    // Everything before the first bad byte is valid, so the offset holds in the repaired text too.
    let hint = "save the file as UTF-8".to_owned();
    problems.add(source::span_of_byte(&text, at), "not UTF-8 text", Some(hint));
    Report::new(name, &text, problems)
}
