//! The config that puts a gateway in front of the site.

use std::{net::SocketAddr, path::Path};

use crate::site::Addresses;

/// A config for the gateway: three units on their way, and everything else to legacy.
///
/// `listen` is where visitors connect, `admin` where the admin API listens, `state` the file of the store. The log says
/// nothing below an error and no request, for the screen belongs to the view.
#[must_use]
pub fn config_yaml(site: Addresses, listen: SocketAddr, admin: SocketAddr, state: &Path) -> String {
    let Addresses { legacy, articles, comments, notifications } = site;
    // A text in JSON is a quoted text in YAML.
    let state = serde_json::Value::from(state.to_string_lossy()).to_string();
    format!(
        r#"version: 1
listen: "{listen}"
admin: {{ listen: "{admin}" }}
state: {state}
log: {{ level: error, access: off }}
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
      - {{ match: "GET /articles/{{id}}/comments" }}
      - {{ match: "POST /articles/{{id}}/comments", effect: write }}
  notifications:
    legacy: legacy
    replacement: notifications
    percent: 10%
    subject: ["header:x-user-id"]
    fallback: legacy
    shadow: {{ sample: 20%, ignore: ["/*/updated_at"] }}
    routes:
      - {{ match: "GET /users/{{id}}/notifications" }}
routes:
  - {{ match: "* /{{rest...}}", to: legacy }}
"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_config_names_every_address() {
        let at = |port| SocketAddr::from(([127, 0, 0, 1], port));
        let site =
            Addresses { legacy: at(7001), articles: at(7002), comments: at(7003), notifications: at(7004) };
        let ipv6 = SocketAddr::from((std::net::Ipv6Addr::LOCALHOST, 8080));
        insta::assert_snapshot!(config_yaml(site, ipv6, at(9901), Path::new("/tmp/a \"b\"/banyan.db")));
    }
}
