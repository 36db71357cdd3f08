//! The config that puts a gateway in front of the site.

use std::{net::SocketAddr, path::Path};

use crate::site::Addresses;

/// Whether faults are made on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Faults {
    /// None: the replacements fail now and then as they do anyway.
    None,
    /// For what a page can do without, comments and notifications: of the calls to either system 10 % fail, and 20 %
    /// are slowed by 2 s to 5 s.
    OnPurpose,
}

/// What a page can do without: nobody waits for it longer than a second, and what does not come is an empty list.
const DISPENSABLE: &str = "
        timeout: 1s
        chaos: { fail: 10%, slow: 20%, by: 2s..5s }
        fallback: [ { status: 200, json: [] } ]";

/// A config for the gateway: three units on their way, and everything else to legacy.
///
/// `listen` is where visitors connect, `admin` where the admin API listens, `state` the file of the store. The log says
/// nothing below an error and no request, for the screen belongs to the view.
#[must_use]
pub fn config_yaml(
    site: Addresses,
    listen: SocketAddr,
    admin: SocketAddr,
    state: &Path,
    faults: Faults,
) -> String {
    let Addresses { legacy, articles, comments, notifications } = site;
    let state = quoted(state);
    // In production, which is what a config is for unless it says otherwise, faults are refused.
    let (environment, policy) = match faults {
        Faults::None => ("", ""),
        Faults::OnPurpose => ("environment: development\n", DISPENSABLE),
    };
    format!(
        r#"version: 1
{environment}listen: "{listen}"
admin: {{ listen: "{admin}" }}
state: {state}
log: {{ level: "error,audit=off", access: off }}
upstreams:
  legacy: {{ endpoints: ["http://{legacy}"] }}
  articles:
    endpoints: ["http://{articles}"]
    health: {{ path: /ready, every: 2s, timeout: 1s }}
  comments:
    endpoints: ["http://{comments}"]
    health: {{ path: /ready, every: 2s, timeout: 1s }}
  notifications:
    endpoints: ["http://{notifications}"]
    health: {{ path: /ready, every: 2s, timeout: 1s }}
units:
  articles:
    legacy: legacy
    replacement: articles
    percent: 5%
    subject: ["header:x-user-id"]
    fallback: legacy
    shadow: {{ sample: 20%, ignore: ["/updated_at", "/*/updated_at"] }}
    rollout: {{ stages: [5%, 10%, 25%, 50%, 100%], hold: 10s }}
    routes:
      - {{ match: "GET /articles" }}
      - {{ match: "GET /articles/{{id}}" }}
  comments:
    legacy: legacy
    replacement: comments
    percent: 25%
    subject: ["header:x-user-id"]
    fallback: legacy
    shadow: {{ sample: 20%, ignore: ["/*/updated_at"] }}
    routes:
      - match: "GET /articles/{{id}}/comments"{policy}
      - {{ match: "POST /articles/{{id}}/comments", effect: write }}
  notifications:
    legacy: legacy
    replacement: notifications
    percent: 10%
    subject: ["header:x-user-id"]
    fallback: legacy
    shadow: {{ sample: 20%, ignore: ["/*/updated_at"] }}
    rollout: {{ stages: [10%, 25%, 50%, 100%], hold: 10s, advance_when: {{ requests: 100, excess_errors: 5%, mismatches: 5% }} }}
    routes:
      - match: "GET /users/{{id}}/notifications"{policy}
routes:
  - {{ match: "* /{{rest...}}", to: legacy }}
"#
    )
}

/// A config for the gateway in front of the database of the incident. It is told that it may protect the database, and
/// no number.
///
/// `listen`, `admin` and `state` are as for [`config_yaml`].
#[must_use]
pub fn incident_config_yaml(
    database: SocketAddr,
    listen: SocketAddr,
    admin: SocketAddr,
    state: &Path,
) -> String {
    let state = quoted(state);
    format!(
        r#"version: 1
listen: "{listen}"
admin: {{ listen: "{admin}" }}
state: {state}
log: {{ level: "error,audit=off", access: off }}
upstreams:
  {DATABASE}:
    endpoints: ["http://{database}"]
    breaker: {{}}
    concurrency: {{}}
    retry: {{}}
routes:
  - {{ match: "GET /{{rest...}}", to: {DATABASE} }}
"#
    )
}

/// What the upstream of the incident is called.
pub const DATABASE: &str = "database";

/// A text in JSON is a quoted text in YAML.
fn quoted(path: &Path) -> String {
    serde_json::Value::from(path.to_string_lossy()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(port: u16) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], port))
    }

    fn site() -> Addresses {
        Addresses { legacy: at(7001), articles: at(7002), comments: at(7003), notifications: at(7004) }
    }

    #[test]
    fn the_config_names_every_address() {
        let ipv6 = SocketAddr::from((std::net::Ipv6Addr::LOCALHOST, 8080));
        let state = Path::new("/tmp/a \"b\"/banyan.db");
        insta::assert_snapshot!(config_yaml(site(), ipv6, at(9901), state, Faults::None));
    }

    #[test]
    fn faults_are_made_for_what_a_page_can_do_without() {
        let state = Path::new("/tmp/banyan.db");
        let yaml = config_yaml(site(), at(8080), at(9901), state, Faults::OnPurpose);
        assert!(yaml.starts_with("version: 1\nenvironment: development\n"), "{yaml}");
        for route in ["GET /articles/{id}/comments", "GET /users/{id}/notifications"] {
            assert!(yaml.contains(&format!("      - match: \"{route}\"{DISPENSABLE}\n")), "{yaml}");
        }
        assert_eq!(yaml.matches("chaos:").count(), 2);
    }

    #[test]
    fn the_incident_sets_no_number() {
        let yaml = incident_config_yaml(at(7001), at(8080), at(9901), Path::new("/tmp/banyan.db"));
        insta::assert_snapshot!(yaml);
    }
}
