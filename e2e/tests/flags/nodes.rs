//! Gateways that share a store: a flag changed on one is changed on all.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use banyan_e2e::Sides;
use banyan_testkit::{Banyan, Postgres, RawClient, Setup, eventually};
use serde_json::json;
use tokio::time::Instant;

use crate::{
    changing::{put, put_at},
    kit::{Application, FLAGS},
};

/// How long nodes may take to hear of a change. It takes milliseconds; this is for a machine that does other things too.
const SOON: Duration = Duration::from_secs(5);

struct Fleet {
    _sides: Sides,
    postgres: Postgres,
    gateways: Vec<Banyan>,
}

impl Fleet {
    async fn start() -> Result<Self> {
        let sides = Sides::start().await?;
        let postgres = tokio::task::spawn_blocking(Postgres::start).await??;
        let mut gateways = Vec::new();
        for number in 1..=2 {
            let config = format!(
                "version: 1\nnode: gw-{number}\nlisten: 127.0.0.1:LISTEN_PORT\n\
                 admin: {{ listen: 127.0.0.1:ADMIN_PORT, token_file: ./banyan.db.admin-token }}\n\
                 state: \"{}\"\nworkers: 1\nofrep: {{ listen: \"127.0.0.1:EXTRA_PORT\" }}\n{FLAGS}{}",
                postgres.url(),
                sides.config("percent: 30%")
            );
            gateways.push(Setup::new(&config).start().await?);
        }
        Ok(Self { _sides: sides, postgres, gateways })
    }

    async fn application(&self, of: usize) -> Result<Application> {
        let client = RawClient::connect(self.gateways[of].extra_address()).await?;
        Ok(Application { client, fields: String::new() })
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flag_changed_on_one_is_changed_on_all_and_of_two_changes_one_is_refused() -> Result<()> {
    let fleet = Fleet::start().await?;
    let (here, there) = (fleet.gateways[0].admin()?, fleet.gateways[1].admin()?);
    let mut apps = [fleet.application(0).await?, fleet.application(1).await?];
    let user = || json!({ "targetingKey": "user-42", "country": "fr" });

    assert_eq!(put(&here, "theme", json!({ "variant": "dark", "by": "ada" })).await?.status, 200);
    let since = Instant::now();
    eventually(async || {
        let said = apps[1].single("theme", user()).await?.json();
        ensure!(said["value"] == "black", "{said}");
        Ok(())
    })
    .await?;
    assert!(since.elapsed() < SOON, "{:?}", since.elapsed());
    let timeline = there.get("/v1/timeline").await?.text;
    assert!(timeline.contains("by ada on another node"), "{timeline}");
    let mut tags = Vec::new();
    for app in &mut apps {
        tags.push(app.bulk(user(), "").await?.fields.get("etag").context("a tag")?.to_owned());
    }
    assert_eq!(tags[0], tags[1], "it does not matter which one is asked");

    for version in 0..5 {
        let body = |by: &str| json!({ "percent": format!("{}%", version + 1), "by": by });
        let (ada, bob) = (body("ada"), body("bob"));
        let (one, two) = tokio::join!(
            put_at(&here, "new-editor", version, &ada),
            put_at(&there, "new-editor", version, &bob)
        );
        let mut statuses = [one?.status, two?.status];
        statuses.sort_unstable();
        assert!(statuses == [200, 409] || statuses == [200, 412], "{statuses:?}");
        for admin in [&here, &there] {
            eventually(async || {
                let flag = admin.get("/v1/flags/new-editor").await?.json;
                ensure!(flag["version"] == version + 1, "{flag}");
                Ok(())
            })
            .await?;
        }
    }
    assert_eq!(there.send("DELETE", "/v1/flags/theme", None).await?.status, 200);
    let reused = put(&here, "theme", json!({ "definition": {} })).await?;
    assert_eq!((reused.status, &reused.json["type"]), (409, &json!("urn:banyan:problem:flag-retired")));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_store_flags_are_served_as_they_were_and_changes_refused() -> Result<()> {
    let mut fleet = Fleet::start().await?;
    let admin = fleet.gateways[0].admin()?;
    let mut app = fleet.application(0).await?;
    assert_eq!(put(&admin, "theme", json!({ "variant": "dark" })).await?.status, 200);
    fleet.postgres.crash()?;
    for _ in 0..20 {
        assert_eq!(app.single("theme", json!({})).await?.json()["value"], "black");
    }
    let refused = put(&admin, "theme", json!({ "variant": "light" })).await?;
    assert_eq!(
        (refused.status, &refused.json["type"]),
        (503, &json!("urn:banyan:problem:store-unavailable"))
    );
    assert_eq!(app.single("theme", json!({})).await?.json()["value"], "black");
    fleet.postgres.start_again()?;
    eventually(async || {
        let set = put(&admin, "theme", json!({ "variant": "light" })).await?;
        ensure!(set.status == 200, "{}", set.text);
        Ok(())
    })
    .await?;
    let mut other = fleet.application(1).await?;
    eventually(async || {
        let said = other.single("theme", json!({})).await?.json();
        ensure!(said["value"] == "white", "{said}");
        Ok(())
    })
    .await
}
