//! `banyan chaos`: see and switch faults made on purpose on a running gateway.

use anyhow::{Result, anyhow};
use serde_json::{Map, Value, json};

use super::{
    breaker::signed,
    span,
    unit::{print_json, table, text},
};
use crate::{
    admin::{Admin, encoded, with_query},
    cli::{ChaosAction, Faults, Remote, Switching, Target, TargetKind},
};

/// Does it.
pub(crate) fn run(action: ChaosAction) -> Result<()> {
    match action {
        ChaosAction::List(remote) => list(&remote),
        ChaosAction::Set(wanted) => set(&wanted.target, body(&wanted.faults)?, &wanted.switching),
        ChaosAction::Off { target, switching } => {
            set(&target, Map::from_iter([("off".to_owned(), json!(true))]), &switching)
        }
        ChaosAction::Clear { target, who } => {
            let query = [("by", who.who.as_str()), ("why", who.why.as_str())];
            let cleared = Admin::find(&who.remote)?.end(&with_query(&path(&target), &query))?;
            if who.remote.json {
                return print_json(&cleared);
            }
            let was = if cleared["ended"] == true { "" } else { "nothing was switched, " };
            println!("{} '{}': {was}the config holds", text(&cleared["target"]), text(&cleared["name"]));
            Ok(())
        }
    }
}

fn path(target: &Target) -> String {
    match target.kind {
        TargetKind::Upstream => format!("/v1/chaos/upstreams/{}", encoded(&target.name)),
        TargetKind::Route => with_query("/v1/chaos/routes", &[("path", &target.name)]),
    }
}

fn set(target: &Target, mut body: Map<String, Value>, switching: &Switching) -> Result<()> {
    let Switching { lasts, who } = switching;
    body.extend([
        ("for".to_owned(), json!(lasts)),
        ("who".to_owned(), json!(who.who)),
        ("why".to_owned(), json!(who.why)),
    ]);
    let switched = Admin::find(&who.remote)?.send("PUT", &path(target), &Value::Object(body))?;
    if who.remote.json {
        return print_json(&switched);
    }
    println!(
        "{} '{}': {}; in {} the config holds again",
        text(&switched["target"]),
        text(&switched["name"]),
        text(&switched["says"]),
        span(switched["left"].as_f64().unwrap_or_default())
    );
    Ok(())
}

/// What was given, as the config writes it; whether it makes sense is for the gateway to say.
fn body(faults: &Faults) -> Result<Map<String, Value>> {
    let mut body = Map::new();
    for (key, value) in [
        ("fail", &faults.fail),
        ("fail_with", &faults.fail_with),
        ("slow", &faults.slow),
        ("by", &faults.by),
        ("reset", &faults.reset),
        ("truncate", &faults.truncate),
        ("corrupt", &faults.corrupt),
    ] {
        body.extend(value.as_ref().map(|value| (key.to_owned(), json!(value))));
    }
    body.extend(faults.status.map(|status| ("status".to_owned(), json!(status))));
    let mut when = Map::new();
    when.extend(faults.subjects.as_ref().map(|share| ("subjects".to_owned(), json!(share))));
    let headers = faults.header.iter().map(|field| {
        let (name, value) =
            field.split_once(':').ok_or_else(|| anyhow!("write a field as 'NAME: VALUE', not '{field}'"))?;
        Ok((name.trim().to_owned(), json!(value.trim())))
    });
    let headers = headers.collect::<Result<Map<_, _>>>()?;
    if !headers.is_empty() {
        when.insert("headers".to_owned(), Value::Object(headers));
    }
    if !when.is_empty() {
        body.insert("when".to_owned(), Value::Object(when));
    }
    Ok(body)
}

fn list(remote: &Remote) -> Result<()> {
    let chaos = Admin::find(remote)?.get("/v1/chaos")?;
    if remote.json {
        return print_json(&chaos);
    }
    let rows: Vec<_> = ["switched", "configured"].into_iter().flat_map(|of| rows(&chaos, of)).collect();
    if rows.is_empty() {
        println!("no faults are made here (environment: {})", text(&chaos["environment"]));
        return Ok(());
    }
    let mut table = table(["TARGET", "NAME", "FAULTS", "LEFT", "WHY"]);
    for row in rows {
        table.add_row(row);
    }
    println!("{table}");
    Ok(())
}

/// One for each target. What was switched holds instead of what the config says of the same target.
fn rows(chaos: &Value, of: &str) -> Vec<[String; 5]> {
    let is_switched = |target: &Value| {
        let switched = chaos["switched"].as_array().into_iter().flatten();
        switched
            .into_iter()
            .any(|other| (&other["target"], &other["name"]) == (&target["target"], &target["name"]))
    };
    let row = |target: &Value| {
        let why = match of {
            "switched" => signed(target, "who").unwrap_or_else(|| "-".to_owned()),
            _ if is_switched(target) => "in the config; not now, see above".to_owned(),
            _ => "in the config".to_owned(),
        };
        let left = target["left"].as_f64().map_or_else(|| "-".to_owned(), span);
        [text(&target["target"]), text(&target["name"]), text(&target["says"]), left, why]
    };
    chaos[of].as_array().into_iter().flatten().map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_become_what_the_config_writes() {
        let faults = Faults {
            fail: Some("10%".to_owned()),
            status: Some(502),
            slow: Some("20%".to_owned()),
            by: Some("2s..5s".to_owned()),
            subjects: Some("5%".to_owned()),
            header: vec!["x-debug: yes".to_owned(), "x-at:12:30".to_owned()],
            ..Faults::default()
        };
        let expected = json!({
            "fail": "10%", "status": 502, "slow": "20%", "by": "2s..5s",
            "when": { "subjects": "5%", "headers": { "x-debug": "yes", "x-at": "12:30" } }
        });
        assert_eq!(body(&faults).ok().map(Value::Object), Some(expected));
        assert_eq!(body(&Faults::default()).ok(), Some(Map::new()), "no 'when' that holds for nothing");
        assert!(body(&Faults { header: vec!["x-debug".to_owned()], ..Faults::default() }).is_err());
    }

    #[test]
    fn what_is_switched_stands_before_what_it_replaces() {
        let target = |name: &str, left: Option<f64>| {
            json!({
                "target": "upstream", "name": name, "says": "fail 1%", "left": left, "who": "ada", "why": "drill"
            })
        };
        let chaos = json!({
            "switched": [target("posts", Some(90.0))],
            "configured": [target("posts", None), target("users", None)]
        });
        let said = |of| rows(&chaos, of).into_iter().map(|[.., left, why]| (left, why)).collect::<Vec<_>>();
        let pair = |left: &str, why: &str| (left.to_owned(), why.to_owned());
        assert_eq!(said("switched"), [pair("1 min 30 s", "by ada: drill")]);
        assert_eq!(
            said("configured"),
            [pair("-", "in the config; not now, see above"), pair("-", "in the config")]
        );
    }
}
