//! Faults made on purpose, switched by hand: where they may be, what they do, how they end.

use anyhow::{Result, ensure};
use banyan_e2e::cli;
use banyan_testkit::{Banyan, Reply, Response, Scripted, eventually};

/// A gateway in this environment; `more` is more of the upstream.
async fn within(environment: &str, more: &str) -> Result<(Scripted, Banyan)> {
    let upstream = Scripted::start(|_| Reply::new(200).body("well").into()).await?;
    let config = config(&upstream, environment, more);
    let banyan = Banyan::start(&config).await?;
    Ok((upstream, banyan))
}

fn config(upstream: &Scripted, environment: &str, more: &str) -> String {
    format!(
        "environment: {environment}\n\
         upstreams: {{ posts: {{ endpoints: [\"{}\"], breaker: off{more} }} }}\n\
         routes:\n\
         \x20 - {{ match: \"GET /posts\", to: posts }}\n\
         \x20 - {{ match: \"GET /posts/{{id}}\", to: posts }}\n",
        upstream.url()
    )
}

async fn ask(banyan: &Banyan, target: &str, fields: &str) -> Result<Response> {
    Ok(banyan.client().await?.get(target, fields).await?)
}

/// The status and what the answer says of faults. Never one without the other: nobody should take them for real.
async fn told(banyan: &Banyan, target: &str, fields: &str) -> Result<(u16, Option<String>)> {
    let response = ask(banyan, target, fields).await?;
    Ok((response.status, response.fields.get("banyan-chaos").map(ToOwned::to_owned)))
}

fn faulty(status: u16) -> (u16, Option<String>) {
    (status, Some("fail".to_owned()))
}

#[tokio::test]
async fn production_has_none_and_says_what_to_write() -> Result<()> {
    let (upstream, banyan) = within("production", "").await?;
    for target in [["upstream", "posts"], ["route", "/posts/{id}"]] {
        let words = [&["chaos", "set"], &target[..], &["--fail", "100%"]].concat();
        let said = cli(&banyan, &words, 1).await?;
        assert!(said.contains("environment: staging") && said.contains("production"), "{said}");
    }
    assert_eq!(told(&banyan, "/posts", "").await?, (200, None));
    assert_eq!(upstream.requests().len(), 1);
    Ok(())
}

#[tokio::test]
async fn what_is_set_is_done_and_named_until_it_is_cleared() -> Result<()> {
    let (upstream, banyan) = within("staging", "").await?;
    let set = ["chaos", "set", "upstream", "posts", "--fail", "100%", "--status", "502", "--who", "ann"];
    let said = cli(&banyan, &set, 0).await?;
    let left = said.strip_prefix("upstream 'posts': fail 100% with 502; in ");
    let left = left.and_then(|rest| rest.strip_suffix(" the config holds again\n"));
    // Some of the ten minutes may have passed already.
    assert!(left.is_some_and(|left| left == "10 min" || left.starts_with("9 min")), "{said}");
    assert_eq!(told(&banyan, "/posts", "").await?, faulty(502));
    assert!(upstream.requests().is_empty(), "the upstream was spared");
    let list = cli(&banyan, &["chaos", "list"], 0).await?;
    assert!(list.contains("fail 100% with 502") && list.contains("by ann"), "{list}");

    let said = cli(&banyan, &["chaos", "clear", "upstream", "posts"], 0).await?;
    assert_eq!(said, "upstream 'posts': the config holds\n");
    assert_eq!(told(&banyan, "/posts", "").await?, (200, None));
    let list = cli(&banyan, &["chaos", "list"], 0).await?;
    assert_eq!(list, "no faults are made here (environment: staging)\n");
    let timeline = cli(&banyan, &["timeline"], 0).await?;
    assert!(timeline.contains("upstream 'posts': fail 100% with 502 for 10m, by ann"), "{timeline}");
    Ok(())
}

#[tokio::test]
async fn a_route_is_named_by_its_template_and_no_other_is_struck() -> Result<()> {
    let (_upstream, banyan) = within("development", "").await?;
    cli(&banyan, &["chaos", "set", "route", "/posts/{id}", "--fail", "100%"], 0).await?;
    assert_eq!(told(&banyan, "/posts/7", "").await?, faulty(503));
    assert_eq!(told(&banyan, "/posts", "").await?, (200, None));
    cli(&banyan, &["chaos", "clear", "route", "/posts/{id}"], 0).await?;
    assert_eq!(told(&banyan, "/posts/7", "").await?, (200, None));
    Ok(())
}

#[tokio::test]
async fn only_requests_with_the_field_are_struck() -> Result<()> {
    let (_upstream, banyan) = within("staging", "").await?;
    let set = ["chaos", "set", "upstream", "posts", "--fail", "100%", "--header", "x-probe: yes"];
    cli(&banyan, &set, 0).await?;
    assert_eq!(told(&banyan, "/posts", "").await?, (200, None));
    assert_eq!(told(&banyan, "/posts", "X-Probe: no\r\n").await?, (200, None));
    assert_eq!(told(&banyan, "/posts", "X-Probe: yes\r\n").await?, faulty(503));
    Ok(())
}

#[tokio::test]
async fn off_holds_against_the_config_until_it_is_cleared() -> Result<()> {
    let (_upstream, banyan) = within("staging", ", chaos: { fail: 100% }").await?;
    assert_eq!(told(&banyan, "/posts", "").await?, faulty(503));
    let said = cli(&banyan, &["chaos", "off", "upstream", "posts"], 0).await?;
    assert!(said.contains("no faults"), "{said}");
    assert_eq!(told(&banyan, "/posts", "").await?, (200, None));
    cli(&banyan, &["chaos", "clear", "upstream", "posts"], 0).await?;
    assert_eq!(told(&banyan, "/posts", "").await?, faulty(503));
    Ok(())
}

#[tokio::test]
async fn faults_end_by_themselves() -> Result<()> {
    let (_upstream, banyan) = within("staging", "").await?;
    cli(&banyan, &["chaos", "set", "upstream", "posts", "--fail", "100%", "--for", "1s"], 0).await?;
    eventually(async || {
        let told = told(&banyan, "/posts", "").await?;
        ensure!(told == (200, None), "{told:?}");
        Ok(())
    })
    .await
}

/// Whatever was left on for a rehearsal must not strike the people that come after it.
#[tokio::test]
async fn a_reload_that_makes_it_production_ends_faults() -> Result<()> {
    let (upstream, banyan) = within("staging", "").await?;
    cli(&banyan, &["chaos", "set", "upstream", "posts", "--fail", "100%"], 0).await?;
    assert_eq!(told(&banyan, "/posts", "").await?, faulty(503));
    banyan.write_config(&config(&upstream, "production", ""))?;
    cli(&banyan, &["reload"], 0).await?;
    assert_eq!(told(&banyan, "/posts", "").await?, (200, None));
    let list = cli(&banyan, &["chaos", "list"], 0).await?;
    assert_eq!(list, "no faults are made here (environment: production)\n");
    Ok(())
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_with_a_reason() -> Result<()> {
    let (_upstream, banyan) = within("staging", "").await?;
    for (words, reason) in [
        (&["upstream", "post", "--fail", "1%"][..], "did you mean 'posts'?"),
        (&["route", "/post", "--fail", "1%"], "did you mean '/posts'?"),
        (&["upstream", "posts"], "no fault"),
        (&["upstream", "posts", "--fail", "0%"], "more than zero"),
        (&["upstream", "posts", "--slow", "5%"], "'by'"),
        (&["upstream", "posts", "--fail", "1%", "--for", "2d"], "such as 30s"),
        (&["route", "/posts", "--fail", "1%", "--subjects", "5%"], "no subject"),
    ] {
        let said = cli(&banyan, &[&["chaos", "set"], words].concat(), 1).await?;
        assert!(said.contains(reason), "{words:?}: {said}");
    }
    assert_eq!(told(&banyan, "/posts", "").await?, (200, None));
    Ok(())
}
