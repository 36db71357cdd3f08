//! Programs from Debian that tests and benchmarks drive. The only place where packages are named.

use std::path::Path;

use anyhow::{Context, bail, ensure};

use crate::run::{find_program, run};

/// A Debian package, and what shows that it (or the same thing from elsewhere) is already here.
pub(crate) struct Package {
    name: &'static str,
    evidence: Evidence,
}

/// What shows that a package is installed.
enum Evidence {
    /// A program that can be found.
    Program(&'static str),
    /// A file or directory at a fixed place.
    File(&'static str),
    /// A program that can be found, or that is within any folder of a folder: Debian has some in one for each version,
    /// where no `PATH` leads.
    AnyVersion(&'static str, &'static str),
}

/// Third-party servers and clients that tests put Banyan, or a part of it, between.
pub(crate) const FOR_TESTS: &[Package] = &[
    Package { name: "curl", evidence: Evidence::Program("curl") },
    Package { name: "faketime", evidence: Evidence::Program("faketime") },
    Package { name: "nghttp2-client", evidence: Evidence::Program("h2load") },
    Package { name: "nginx", evidence: Evidence::Program("nginx") },
    Package { name: "postgresql", evidence: Evidence::AnyVersion("/usr/lib/postgresql", "postgres") },
    Package { name: "python3", evidence: Evidence::Program("python3") },
    Package { name: "redis-server", evidence: Evidence::Program("redis-server") },
    // To be added with the first test that needs them: chromium, chromium-driver.
];

/// The peers Banyan is measured beside, and the load generator.
pub(crate) const FOR_BENCHMARKS: &[Package] = &[
    Package { name: "haproxy", evidence: Evidence::Program("haproxy") },
    Package {
        name: "libnginx-mod-http-lua",
        evidence: Evidence::File("/usr/lib/nginx/modules/ngx_http_lua_module.so"),
    },
    Package { name: "lua-resty-core", evidence: Evidence::File("/usr/share/lua/5.1/resty/core.lua") },
    Package { name: "lua-resty-lrucache", evidence: Evidence::File("/usr/share/lua/5.1/resty/lrucache.lua") },
    Package { name: "nginx", evidence: Evidence::Program("nginx") },
    Package { name: "util-linux", evidence: Evidence::Program("taskset") },
    Package { name: "varnish", evidence: Evidence::Program("varnishd") },
    Package { name: "wrk", evidence: Evidence::Program("wrk") },
];

impl Package {
    fn is_missing(&self) -> bool {
        match self.evidence {
            Evidence::Program(name) => find_program(name).is_none(),
            Evidence::File(path) => !Path::new(path).exists(),
            Evidence::AnyVersion(folder, program) => {
                let mut versions = Path::new(folder).read_dir().into_iter().flatten().flatten();
                !versions.any(|version| version.path().join("bin").join(program).exists())
                    && find_program(program).is_none()
            }
        }
    }
}

/// Installs what is missing of `packages`; does nothing, and needs neither root nor network, when all is here.
///
/// # Errors
/// When something is missing and this machine has no apt, nobody here may use it, or it fails.
pub(crate) fn install(packages: &[Package]) -> anyhow::Result<()> {
    let missing: Vec<_> =
        packages.iter().filter(|package| package.is_missing()).map(|package| package.name).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let names = missing.join(" ");
    if find_program("apt-get").is_none() {
        bail!(
            "install these by hand, under whatever name your system has for these Debian packages: {names}"
        );
    }
    let by_hand = || format!("these are missing; install them by hand: apt-get install {names}");
    let mut args = vec!["install", "-y", "-qq", "--no-install-recommends"];
    args.extend(&missing);
    apt_get(&["update", "-qq"]).and_then(|()| apt_get(&args)).with_context(by_hand)
}

/// Runs apt-get without questions; by way of sudo, which may ask for a password, unless this is root.
fn apt_get(args: &[&str]) -> anyhow::Result<()> {
    let mut line = vec!["env", "DEBIAN_FRONTEND=noninteractive", "apt-get"];
    line.extend(args);
    let root =
        Path::new("/proc/self").metadata().is_ok_and(|meta| std::os::unix::fs::MetadataExt::uid(&meta) == 0);
    if root {
        return run("env", &line[1..]);
    }
    ensure!(find_program("sudo").is_some(), "only root may install packages, and there is no sudo here");
    run("sudo", &line)
}
