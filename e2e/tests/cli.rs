//! The command line: what people type beside `serve`.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Output, Stdio},
};

use anyhow::{Context as _, Result, anyhow, ensure};
use banyan_e2e::{Sides, Verdict};
use banyan_testkit::{Banyan, PATIENCE, Setup, command};
use tokio::time::timeout;

/// Runs a command without holding up the upstreams of the test, which live on this thread.
async fn run(words: &[&str], config: &Path) -> Result<Output> {
    let mut command = command(words)?;
    command.arg("--config").arg(config);
    Ok(tokio::task::spawn_blocking(move || command.output()).await??)
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[output.stdout.clone(), output.stderr.clone()].concat()).into_owned()
}

/// Runs `banyan unit ...` and expects this exit code. Returns what was said.
async fn unit(banyan: &Banyan, words: &[&str], code: i32) -> Result<String> {
    let output = run(&[&["unit"], words].concat(), &banyan.config_path()).await?;
    let said = said(&output);
    assert_eq!(output.status.code(), Some(code), "unit {words:?}: {said}");
    Ok(said)
}

#[tokio::test]
async fn a_command_whose_reader_stops_reading_ends_in_silence() -> Result<()> {
    let mut command = command(&["schema"])?;
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    drop(child.stdout.take());
    let output = tokio::task::spawn_blocking(move || child.wait_with_output()).await??;
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    Ok(())
}

#[tokio::test]
async fn a_unit_is_moved_held_and_brought_back() -> Result<()> {
    let sides = Sides::start().await?;
    let banyan = Banyan::start(&sides.config("")).await?;
    let mut client = banyan.client().await?;
    let mut side = async || anyhow::Ok(Verdict::ask(&mut client, "/articles", "ann").await?.side);
    assert_eq!(side().await?, "legacy");
    unit(&banyan, &["set", "articles", "100%", "--why", "it is time", "--by", "ann"], 0).await?;
    assert_eq!(side().await?, "replacement");
    let shown = unit(&banyan, &["show", "articles"], 0).await?;
    assert!(shown.contains("100%") && shown.contains("it is time"), "{shown}");
    assert!(unit(&banyan, &["list"], 0).await?.contains("articles"));
    unit(&banyan, &["hold", "articles"], 0).await?;
    let refused = unit(&banyan, &["set", "articles", "50%"], 1).await?;
    assert!(refused.contains("release"), "{refused}");
    unit(&banyan, &["back", "articles"], 0).await?;
    assert_eq!(side().await?, "legacy");
    unit(&banyan, &["release", "articles"], 0).await?;
    unit(&banyan, &["set", "articles", "5%"], 0).await?;
    unit(&banyan, &["reset", "articles"], 0).await?;
    let history = unit(&banyan, &["history", "articles"], 0).await?;
    assert!(
        history.contains("100%") && history.contains("it is time") && history.contains("ann"),
        "{history}"
    );
    Ok(())
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_with_a_reason() -> Result<()> {
    let sides = Sides::start().await?;
    let banyan = Banyan::start(&sides.config("")).await?;
    let unknown = unit(&banyan, &["set", "artikles", "5%"], 1).await?;
    assert!(unknown.contains("artikles"), "{unknown}");
    for percent in ["150%", "5", "-5%", "five"] {
        let output = run(&["unit", "set", "articles", percent], &banyan.config_path()).await?;
        assert!(!output.status.success(), "{percent}: {}", said(&output));
    }
    assert_eq!(banyan.admin()?.get("/v1/units/articles").await?.json["percent"], "0%");
    Ok(())
}

#[tokio::test]
async fn without_a_gateway_it_says_so() -> Result<()> {
    let sides = Sides::start().await?;
    let mut banyan = Banyan::start(&sides.config("")).await?;
    banyan.terminate()?;
    banyan.wait().await?;
    let admin = banyan.admin()?.address().to_string();
    let said = unit(&banyan, &["list"], 1).await?;
    assert!(said.contains(&admin), "{said}");
    Ok(())
}

#[tokio::test]
async fn status_upstreams_and_reload() -> Result<()> {
    let sides = Sides::start().await?;
    let banyan = Banyan::start(&sides.config("")).await?;
    let upstreams = run(&["upstreams"], &banyan.config_path()).await?;
    assert!(
        upstreams.status.success() && said(&upstreams).contains(&sides.legacy.address().to_string()),
        "{}",
        said(&upstreams)
    );
    assert!(run(&["status"], &banyan.config_path()).await?.status.success());
    assert!(run(&["reload"], &banyan.config_path()).await?.status.success());
    let good = fs::read_to_string(banyan.config_path())?;
    fs::write(banyan.config_path(), format!("{good}nonsense: true\n"))?;
    let refused = run(&["reload"], &banyan.config_path()).await?;
    assert!(!refused.status.success() && said(&refused).contains("nonsense"), "{}", said(&refused));
    Ok(())
}

/// What is explained is what happens: the bucket and the side of the live gateway.
#[tokio::test]
async fn explain_and_the_gateway_agree() -> Result<()> {
    let sides = Sides::start().await?;
    let banyan = Banyan::start(&sides.config("")).await?;
    Sides::move_to(&banyan.admin()?, "50%").await?;
    let mut client = banyan.client().await?;
    for number in 0..10 {
        let user = format!("user-{number}");
        let verdict = Verdict::ask(&mut client, "/articles/7", &user).await?;
        let mut explain = command(&["explain"])?;
        explain.arg(banyan.config_path()).args(["GET", "/articles/7", "--as", &user]);
        let output = tokio::task::spawn_blocking(move || explain.output()).await??;
        let text = said(&output);
        assert!(output.status.success(), "{text}");
        assert!(text.contains(&format!("bucket {}", verdict.bucket)), "{verdict:?}: {text}");
        let decided = text.lines().find(|line| line.starts_with("decide")).context("no decision")?;
        assert!(decided.ends_with(&verdict.side), "{verdict:?}: {text}");
    }
    Ok(())
}

/// A gateway goes on with its old config when the file is broken, and that is when people need it.
#[tokio::test]
async fn a_gateway_is_found_by_a_broken_config() -> Result<()> {
    let sides = Sides::start().await?;
    let banyan = Banyan::start(&sides.config("percent: 100%")).await?;
    let good = fs::read_to_string(banyan.config_path())?;
    for broken in ["nonsense: true\n", "routes: [ not closed\n"] {
        fs::write(banyan.config_path(), format!("{broken}{good}"))?;
        let back = unit(&banyan, &["back", "articles"], 0).await?;
        assert!(back.contains("articles is at 0%") && back.contains("the config is broken"), "{back}");
    }
    // Nothing can be read of this one, so it is said exactly what would have to be named.
    fs::write(banyan.config_path(), "admin: [\n")?;
    let lost = unit(&banyan, &["back", "articles"], 1).await?;
    assert!(lost.contains("--admin http://127.0.0.1:9901 --token-file "), "{lost}");
    let (admin, token) = (banyan.admin()?.address(), banyan.dir().join("banyan.db.admin-token"));
    let named = format!("http://{admin}");
    let words = ["back", "articles", "--admin", &named, "--token-file", token.to_str().context("a path")?];
    unit(&banyan, &words, 0).await?;
    Ok(())
}

#[tokio::test]
async fn explain_says_who_decides_a_share() -> Result<()> {
    let sides = Sides::start().await?;
    let banyan = Banyan::start(&sides.config("percent: 25%")).await?;
    let says = async || {
        let config = banyan.config_path();
        tokio::task::spawn_blocking(move || explain(&config, &["GET", "/articles", "--as", "ann"])).await?
    };
    for (words, expected) in [
        (None, "articles at 25% by the config"),
        (Some(&["set", "articles", "40%"][..]), "articles at 40% by run time"),
        (Some(&["reset", "articles"]), "articles at 25% by the config"),
    ] {
        if let Some(words) = words {
            unit(&banyan, words, 0).await?;
        }
        let said = says().await?;
        assert!(said.contains(expected), "{words:?}: {said}");
    }
    Ok(())
}

/// Kills it at the end, however the test ends.
struct Following(Child);

impl Drop for Following {
    fn drop(&mut self) {
        // Both fail only for a process that is gone, which is what is wanted.
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// What changes is told as it happens, and over a restart too, though the numbers of entries begin anew.
#[tokio::test]
async fn the_timeline_is_followed_over_a_restart() -> Result<()> {
    let sides = Sides::start().await?;
    let mut banyan = Banyan::start(&sides.config("")).await?;
    unit(&banyan, &["set", "articles", "5%", "--why", "before"], 0).await?;
    let mut command = command(&["timeline", "--follow", "--config"])?;
    let child = command.arg(banyan.config_path()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
    let mut following = Following(child);
    let told = following.0.stdout.take().context("no standard output")?;
    let (tell, mut lines) = tokio::sync::mpsc::channel(100);
    let reader = std::thread::spawn(move || {
        let lines = BufReader::new(told).lines().map_while(Result::ok);
        lines.for_each(|line| drop(tell.blocking_send(line)));
    });
    let mut next = async |text: &str| {
        let line = timeout(PATIENCE, lines.recv()).await?.context("it ended")?;
        ensure!(line.contains(text), "{line}");
        Ok(())
    };
    next("articles: 0% -> 5%").await?;
    unit(&banyan, &["set", "articles", "6%"], 0).await?;
    next("articles: 5% -> 6%").await?;
    banyan.kill().await?;
    banyan.restart().await?;
    unit(&banyan, &["set", "articles", "7%"], 0).await?;
    next("articles: 6% -> 7%").await?;
    drop(following);
    reader.join().map_err(|_| anyhow!("the reader panicked"))
}

fn explain(config: &Path, words: &[&str]) -> Result<String> {
    let output = command(&["explain"])?.arg(config).args(words).output()?;
    assert!(output.status.code().is_some_and(|code| code < 2), "{}", said(&output));
    Ok(said(&output))
}

#[tokio::test]
async fn explain_says_what_is_not_served() -> Result<()> {
    let sides = Sides::start().await?;
    let banyan = Setup::new(&sides.config("")).start().await?;
    let nowhere = explain(&banyan.config_path(), &["GET", "/nowhere"])?;
    assert!(nowhere.contains("404"), "{nowhere}");
    let not_so = explain(&banyan.config_path(), &["DELETE", "/articles"])?;
    assert!(not_so.contains("405"), "{not_so}");
    Ok(())
}

/// `full.yaml` names every key, certificates too, which are missed here and nowhere else.
#[test]
fn the_examples_are_good() -> Result<()> {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples");
    let mut checked = 0;
    for file in fs::read_dir(examples)? {
        let path = file?.path();
        if path.extension().is_some_and(|extension| extension == "yaml") {
            let output = command(&["check"])?.arg(&path).output()?;
            let only_files = said(&output).contains("No such file") && path.ends_with("full.yaml");
            assert!(output.status.success() || only_files, "{}: {}", path.display(), said(&output));
            checked += 1;
        }
    }
    assert!(checked >= 2, "banyan.yaml and full.yaml at least");
    Ok(())
}

#[test]
fn the_schema_is_one() -> Result<()> {
    let output = command(&["schema"])?.output()?;
    let schema: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    assert!(schema["$schema"].as_str().is_some_and(|schema| schema.contains("2020-12")));
    assert!(schema["properties"]["units"].is_object());
    Ok(())
}

#[test]
fn completions_and_the_manual_page() -> Result<()> {
    for shell in ["bash", "zsh", "fish"] {
        let output = command(&["completions", shell])?.output()?;
        assert!(
            output.status.success() && String::from_utf8_lossy(&output.stdout).contains("banyan"),
            "{shell}"
        );
    }
    let output = command(&["man"])?.output()?;
    assert!(output.status.success() && String::from_utf8_lossy(&output.stdout).contains(".TH"));
    Ok(())
}

/// A command that is misspelt ends with 2 and help, as everywhere.
#[test]
fn a_command_that_is_none() -> Result<()> {
    let output = command(&["sreve"])?.output()?;
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("serve"), "{}", said(&output));
    Ok(())
}

/// The demo with everything embedded: both sides served, copies compared, nothing failed.
#[test]
fn the_demo_ends_by_itself_and_well() -> Result<()> {
    let output = command(&["demo", "--for", "5s"])?.output()?;
    let text = said(&output);
    assert!(output.status.success(), "{text}");
    assert!(text.contains(" 0 failed") && text.contains("both sides served"), "{text}");
    Ok(())
}
