//! Which crate of the workspace may depend on which.
//!
//! Dependencies point one way: pure crates below, adapters and planes above, the binary on top; planes do not see one
//! another. A diagram drifts when nothing runs it, so the table below is checked by every test run.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use anyhow::{Context, bail};
use cargo_metadata::{DependencyKind, Metadata, MetadataCommand};

/// What a crate may depend on within the workspace.
#[derive(Clone, Copy)]
enum May {
    /// These crates and no others.
    UseOnly(&'static [&'static str]),
    /// Anything: it is not shipped, and nothing that is may depend on it.
    UseAnything,
}

/// The arrows. Anything not said here is refused.
const TABLE: &[(&str, May)] = &[
    ("banyan-http1", May::UseOnly(&[])),
    ("banyan-flags", May::UseOnly(&[])),
    ("banyan-compare", May::UseOnly(&[])),
    ("banyan-httpcache", May::UseOnly(&[])),
    // A library for any Rust service: it knows nothing of the rest.
    ("banyan-resilience", May::UseOnly(&[])),
    ("banyan-l2", May::UseOnly(&["banyan-resilience"])),
    ("banyan-rollout", May::UseOnly(&["banyan-flags"])),
    ("banyan-state", May::UseOnly(&["banyan-compare", "banyan-flags", "banyan-rollout"])),
    ("banyan-config", May::UseOnly(&["banyan-compare", "banyan-flags", "banyan-rollout"])),
    ("banyan-telemetry", May::UseOnly(&["banyan-config", "banyan-state"])),
    (
        "banyan-gateway",
        May::UseOnly(&[
            "banyan-compare",
            "banyan-config",
            "banyan-flags",
            "banyan-http1",
            "banyan-httpcache",
            "banyan-l2",
            "banyan-resilience",
            "banyan-rollout",
            "banyan-state",
            "banyan-telemetry",
        ]),
    ),
    (
        "banyan-control",
        May::UseOnly(&[
            "banyan-compare",
            "banyan-config",
            "banyan-flags",
            "banyan-rollout",
            "banyan-state",
            "banyan-telemetry",
        ]),
    ),
    // It sees the gateway from outside only, as clients and backends do.
    ("banyan-demo", May::UseOnly(&[])),
    (
        "banyan",
        May::UseOnly(&[
            "banyan-compare",
            "banyan-config",
            "banyan-control",
            "banyan-demo",
            "banyan-flags",
            "banyan-gateway",
            "banyan-http1",
            "banyan-httpcache",
            "banyan-l2",
            "banyan-resilience",
            "banyan-rollout",
            "banyan-state",
            "banyan-telemetry",
        ]),
    ),
    ("banyan-bench", May::UseAnything),
    ("banyan-e2e", May::UseAnything),
    ("banyan-testkit", May::UseAnything),
    ("xtask", May::UseAnything),
];

/// Tests of any crate may use this one besides what the crate itself may use.
const FOR_TESTS: &str = "banyan-testkit";

/// A crate of the workspace and the other crates of the workspace it names in its manifest.
struct Member {
    name: String,
    uses: BTreeSet<String>,
    tests_use: BTreeSet<String>,
}

/// What is wrong.
#[derive(Debug, PartialEq, Eq)]
enum Fault {
    /// A crate depends on another and may not.
    Arrow { from: String, to: String },
    /// A crate's tests depend on another crate and may not.
    TestArrow { from: String, to: String },
    /// A crate has no row.
    Unlisted(String),
    /// A row has no crate.
    Stale(&'static str),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Arrow { from, to } => write!(f, "{from} -> {to}: this dependency is not in the table"),
            Self::TestArrow { from, to } => {
                write!(f, "{from} -> {to} (dev-dependency): tests may add {FOR_TESTS} only")
            }
            Self::Unlisted(name) => write!(f, "{name}: not in the table; decide what it may depend on"),
            Self::Stale(name) => write!(f, "{name}: in the table, but there is no such crate"),
        }
    }
}

/// Checks the workspace this is run in.
///
/// # Errors
/// When a dependency is not in the table (every one is named), or cargo cannot describe the workspace.
pub(crate) fn check_workspace() -> anyhow::Result<()> {
    let metadata = MetadataCommand::new().no_deps().exec().context("cargo metadata")?;
    let members = members(&metadata);
    let faults = faults(TABLE, &members);
    if faults.is_empty() {
        println!("layers: {} crates depend on one another only as they may", members.len());
        return Ok(());
    }
    let lines: Vec<_> = faults.iter().map(|fault| format!("  {fault}")).collect();
    bail!("layers (table: xtask/src/layers.rs):\n{}", lines.join("\n"))
}

fn members(metadata: &Metadata) -> Vec<Member> {
    let packages = metadata.workspace_packages();
    let ours: BTreeSet<&str> = packages.iter().map(|package| package.name.as_str()).collect();
    let member = |package: &&cargo_metadata::Package| {
        let named = |tests: bool| {
            let wanted = |kind| (kind == DependencyKind::Development) == tests;
            let dependencies = package.dependencies.iter().filter(|dependency| wanted(dependency.kind));
            dependencies
                .map(|dependency| dependency.name.clone())
                .filter(|name| ours.contains(name.as_str()))
                .collect()
        };
        Member { name: package.name.to_string(), uses: named(false), tests_use: named(true) }
    };
    packages.iter().map(member).collect()
}

fn faults(table: &'static [(&'static str, May)], members: &[Member]) -> Vec<Fault> {
    let rows: BTreeMap<&str, May> = table.iter().copied().collect();
    let mut faults = Vec::new();
    for Member { name, uses, tests_use } in members {
        let Some(may) = rows.get(name.as_str()) else {
            faults.push(Fault::Unlisted(name.clone()));
            continue;
        };
        let May::UseOnly(allowed) = may else { continue };
        let forbidden = |to: &&String| !allowed.contains(&to.as_str());
        faults.extend(
            uses.iter().filter(forbidden).map(|to| Fault::Arrow { from: name.clone(), to: to.clone() }),
        );
        let in_tests = tests_use.iter().filter(forbidden).filter(|to| *to != FOR_TESTS);
        faults.extend(in_tests.map(|to| Fault::TestArrow { from: name.clone(), to: to.clone() }));
    }
    let is_there = |name: &str| members.iter().any(|member| member.name == name);
    faults.extend(table.iter().filter(|(name, _)| !is_there(name)).map(|(name, _)| Fault::Stale(name)));
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: &[(&str, May)] =
        &[("flags", May::UseOnly(&[])), ("state", May::UseOnly(&["flags"])), ("bench", May::UseAnything)];

    fn member(name: &str, uses: &[&str], tests_use: &[&str]) -> Member {
        let set = |names: &[&str]| names.iter().map(ToString::to_string).collect();
        Member { name: name.to_owned(), uses: set(uses), tests_use: set(tests_use) }
    }

    fn small_with(flags: Member) -> Vec<Member> {
        vec![flags, member("state", &["flags"], &[FOR_TESTS]), member("bench", &["state", "flags"], &[])]
    }

    #[test]
    fn arrows_of_the_table_pass() {
        assert_eq!(faults(SMALL, &small_with(member("flags", &[], &[]))), []);
    }

    #[test]
    fn an_arrow_that_points_up_is_found() {
        let found = faults(SMALL, &small_with(member("flags", &["state"], &[])));
        assert_eq!(found, [Fault::Arrow { from: "flags".to_owned(), to: "state".to_owned() }]);
        assert!(found[0].to_string().contains("flags -> state"));
    }

    #[test]
    fn what_is_shipped_may_not_depend_on_the_workshop() {
        let found = faults(SMALL, &small_with(member("flags", &[FOR_TESTS, "bench"], &[])));
        let arrow = |to: &str| Fault::Arrow { from: "flags".to_owned(), to: to.to_owned() };
        assert_eq!(found, [arrow(FOR_TESTS), arrow("bench")]);
    }

    #[test]
    fn tests_may_not_point_up_either() {
        let found = faults(SMALL, &small_with(member("flags", &[], &["state"])));
        assert_eq!(found, [Fault::TestArrow { from: "flags".to_owned(), to: "state".to_owned() }]);
    }

    #[test]
    fn table_and_workspace_must_name_the_same_crates() {
        let found =
            faults(SMALL, &[member("flags", &[], &[]), member("new", &[], &[]), member("bench", &[], &[])]);
        assert_eq!(found, [Fault::Unlisted("new".to_owned()), Fault::Stale("state")]);
    }

    #[test]
    fn manifests_are_read_with_both_kinds_of_dependencies() {
        let metadata = MetadataCommand::new().no_deps().exec().unwrap();
        let members = members(&metadata);
        let state = members.iter().find(|member| member.name == "banyan-state").unwrap();
        assert!(state.uses.contains("banyan-flags"));
        assert!(!state.uses.contains("thiserror"));
    }
}
