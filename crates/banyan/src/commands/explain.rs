//! `banyan explain`: what a code means, or what would happen to a request.

use std::{path::Path, process::ExitCode};

use anyhow::{Context as _, Result, anyhow, bail};
use banyan_flags::Percent;
use banyan_gateway::{
    explain::{Ask, Step, explain},
    outcome::{Ending, ROWS, problem_type},
};
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::{
    admin::Admin,
    cli::{Explain, Remote},
};

/// Explains a code or a request.
pub(crate) fn run(what: &Explain) -> Result<ExitCode> {
    match (&what.method, &what.path) {
        (Some(method), Some(path)) => request(what, method, path),
        _ => code(&what.subject),
    }
}

fn code(code: &str) -> Result<ExitCode> {
    let Some(row) = Ending::by_code(code) else {
        let codes: Vec<_> = ROWS.iter().map(|row| row.code).collect();
        let hint = if Path::new(code).exists() { "; for a request add METHOD and PATH" } else { "" };
        bail!("'{code}' is no code{hint}; there are {}", codes.join(", "));
    };
    println!("{}  {}", row.code, row.title);
    println!("  status        {}", row.status);
    println!("  problem type  {}", problem_type(row));
    println!("  Proxy-Status  {}", row.proxy_error.unwrap_or("-"));
    println!("\n{}", row.explanation);
    Ok(ExitCode::SUCCESS)
}

fn request(what: &Explain, method: &http::Method, path: &str) -> Result<ExitCode> {
    let config = Path::new(&what.subject);
    let plan = match banyan_config::load(config) {
        Ok(plan) => plan,
        Err(report) => {
            eprintln!("{report}");
            return Ok(ExitCode::FAILURE);
        }
    };
    if !path.starts_with('/') {
        bail!("a path starts with '/'");
    }
    let headers = headers(&what.header)?;
    let ask = Ask { method, path, host: &what.host, headers: &headers, subject: what.subject_is.as_deref() };
    let running = if what.offline { None } else { running(config) };
    let steps = explain(&plan, &ask, |unit| percent_of(running.as_ref()?, unit));
    in_columns(&steps).for_each(|line| println!("{line}"));
    Ok(ExitCode::SUCCESS)
}

/// A line for each step; what they say begins in one column.
fn in_columns(steps: &[Step]) -> impl Iterator<Item = String> {
    let widest = steps.iter().map(|step| step.name.len()).max().unwrap_or_default();
    steps.iter().map(move |step| format!("{:<widest$}  {}", step.name, step.says))
}

/// The admin API of this config's gateway, if one runs.
fn running(config: &Path) -> Option<Admin> {
    let remote = Remote { config: Some(config.to_owned()), ..Remote::default() };
    Admin::find(&remote).ok()
}

/// Where a unit was set at run time. `None` when the config decides, or the gateway does not say: then the share is that
/// of the config being explained, which may be a newer one than the gateway has.
fn percent_of(admin: &Admin, unit: &str) -> Option<Percent> {
    set_at_run_time(&admin.get(&format!("/v1/units/{unit}")).ok()?)
}

fn set_at_run_time(unit: &serde_json::Value) -> Option<Percent> {
    let by_hand = unit["decided_by"] == "runtime";
    unit["percent"].as_str().filter(|_| by_hand)?.parse().ok()
}

fn headers(given: &[String]) -> Result<HeaderMap> {
    let mut headers = HeaderMap::new();
    for field in given {
        let (name, value) =
            field.split_once(':').ok_or_else(|| anyhow!("write a field as 'NAME: VALUE', not '{field}'"))?;
        let name: HeaderName = name.trim().parse().with_context(|| format!("'{name}' is no field name"))?;
        let value: HeaderValue =
            value.trim().parse().with_context(|| format!("the value of '{name}' is not valid"))?;
        headers.append(name, value);
    }
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_steps_say_begins_in_one_column_behind_the_longest_name() {
        let steps = [("route", "GET /a"), ("criticality", "normal"), ("call", "'a'")];
        let steps = steps.map(|(name, says)| Step { name, says: says.to_owned() });
        let lines: Vec<_> = in_columns(&steps).collect();
        assert_eq!(lines, ["route        GET /a", "criticality  normal", "call         'a'"]);
    }

    #[test]
    fn a_share_of_the_config_is_not_taken_for_one_set_at_run_time() {
        let unit =
            |decided_by: &str| json!({ "percent": "5%", "configured": "5%", "decided_by": decided_by });
        assert_eq!(
            set_at_run_time(&unit("runtime")).map(|percent| percent.to_string()),
            Some("5%".to_owned())
        );
        assert_eq!(set_at_run_time(&unit("config")), None);
    }
}
