//! `banyan upstreams`, `status` and `reload`: how a running gateway is.

use anyhow::Result;
use serde_json::json;

use super::unit::{print_json, table, text};
use crate::{admin::Admin, cli::Remote};

/// Every endpoint in a table.
pub(crate) fn upstreams(remote: &Remote) -> Result<()> {
    let upstreams = Admin::find(remote)?.get("/v1/upstreams")?;
    if remote.json {
        return print_json(&upstreams);
    }
    let mut table = table(["UPSTREAM", "ENDPOINT", "HEALTH", "EJECTED UNTIL", "IN FLIGHT"]);
    for upstream in upstreams.as_array().into_iter().flatten() {
        for endpoint in upstream["endpoints"].as_array().into_iter().flatten() {
            table.add_row([
                text(&upstream["name"]),
                text(&endpoint["address"]),
                text(&endpoint["health"]),
                text(&endpoint["ejected_until"]),
                text(&endpoint["in_flight"]),
            ]);
        }
    }
    println!("{table}");
    Ok(())
}

/// One line per fact.
pub(crate) fn status(remote: &Remote) -> Result<()> {
    let status = Admin::find(remote)?.get("/v1/status")?;
    if remote.json {
        return print_json(&status);
    }
    for (key, value) in status.as_object().into_iter().flatten() {
        // An error is an object; its message is what people need first.
        let value = if value.is_object() { &value["message"] } else { value };
        println!("{:<20}{}", key.replace('_', " "), text(value));
    }
    Ok(())
}

/// Reloads, or says why the old config stays.
pub(crate) fn reload(remote: &Remote) -> Result<()> {
    let done = Admin::find(remote)?.send("POST", "/v1/reload", &json!({}))?;
    if remote.json {
        return print_json(&done);
    }
    println!("reloaded: generation {}", text(&done["generation"]));
    Ok(())
}
