//! Both platforms call each other through the gateway.

use anyhow::Result;
use banyan_e2e::assert_problem;
use banyan_testkit::{Answer, Banyan, Port, Reply, Scripted, Setup};

use super::proxy;

#[tokio::test]
async fn hops_are_counted_and_passed_on() -> Result<()> {
    let (upstream, banyan) = proxy(|_| Reply::new(200).into()).await?;
    let mut client = banyan.client().await?;
    client.get("/", "").await?;
    client.get("/", "Banyan-Hops: 3\r\n").await?;
    client.get("/", "Via: 1.1 banyan, 1.1 other, 1.1 banyan\r\n").await?;
    let hops: Vec<_> = upstream
        .requests()
        .iter()
        .filter_map(|request| request.fields.get("banyan-hops").map(str::to_owned))
        .collect();
    assert_eq!(hops, ["1", "4", "3"]);
    Ok(())
}

/// Two gateways that send everything to one another: the circle ends by itself.
#[tokio::test]
async fn a_circle_ends_with_508() -> Result<()> {
    let there = Port::reserve()?;
    let config = |endpoint: String| {
        format!(
            "limits: {{ hops: 5 }}\nupstreams: {{ only: {{ endpoints: [\"{endpoint}\"] }} }}\nroutes: [ {{ match: \"* /{{rest...}}\", to: only }} ]\n"
        )
    };
    let one = Banyan::start(&config(format!("http://{}", there.address()))).await?;
    let listen = format!(
        "version: 1\nlisten: {}\nadmin: {{ listen: 127.0.0.1:ADMIN_PORT }}\nstate: ./banyan.db\nworkers: 1\n{}",
        there.address(),
        config(format!("http://{}", one.address()))
    );
    let _other = Setup::new(&listen).start().await?;
    let response = one.client().await?.get("/round", "").await?;
    assert_problem(&response, 508, "loop-detected");
    Ok(())
}

#[tokio::test]
async fn the_callers_deadline_travels_along() -> Result<()> {
    let upstream = Scripted::start(|_| Answer::from(Reply::new(200))).await?;
    let banyan = super::in_front_of(&upstream.url(), "").await?;
    let mut client = banyan.client().await?;
    client.get("/", "Banyan-Deadline-Ms: 10000\r\n").await?;
    client.get("/", "").await?;
    let requests = upstream.requests();
    let left = requests[0].fields.get("banyan-deadline-ms").and_then(|left| left.parse::<u64>().ok());
    assert!(left.is_some_and(|left| left <= 10_000 && left > 0), "{left:?}");
    assert_eq!(requests[1].fields.get("banyan-deadline-ms"), None, "who said none has none");
    Ok(())
}
