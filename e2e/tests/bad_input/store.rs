//! A store that cannot be written: the change is refused, nothing moves, traffic goes on.

use anyhow::Result;
use banyan_e2e::Sides;
use banyan_testkit::{AdminAnswer, Banyan, Setup};
use rusqlite::Connection;

/// Who answers, which is everybody's side at 0 % and at 100 %.
async fn side(banyan: &Banyan) -> Result<String> {
    let response = banyan.client().await?.get("/articles", "X-User-Id: user-42\r\n").await?;
    assert_eq!(response.status, 200);
    Ok(response.text())
}

#[track_caller]
fn assert_refused(answer: &AdminAnswer) {
    assert_eq!(answer.status, 503, "{}", answer.text);
    assert_eq!(answer.json["status"], 503, "{}", answer.text);
    assert!(answer.json["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{}", answer.text);
}

#[tokio::test]
async fn a_full_disk() -> Result<()> {
    let sides = Sides::start().await?;
    // No file may grow beyond 512 blocks of 512 bytes: enough to begin with. What cannot be written is an error then,
    // not the end of the process.
    let banyan = Setup::new(&sides.config("")).first("trap '' XFSZ; ulimit -f 512").start().await?;
    let admin = banyan.admin()?;
    let mut stands = "legacy";
    let mut refusal = None;
    for turn in 0..2000 {
        let (percent, side_then) = if turn % 2 == 0 { ("100%", "replacement") } else { ("0%", "legacy") };
        let answer = Sides::set(&admin, percent).await?;
        if answer.status != 200 {
            refusal = Some(answer);
            break;
        }
        stands = side_then;
    }
    let refusal = refusal.expect("a disk that fills up");
    assert_refused(&refusal);
    assert_eq!(side(&banyan).await?, stands, "what was acknowledged stands, what was refused does not");
    let unit = admin.get("/v1/units/articles").await?;
    assert_eq!(unit.json["percent"], if stands == "legacy" { "0%" } else { "100%" }, "{}", unit.text);
    Ok(())
}

#[tokio::test]
async fn a_locked_database() -> Result<()> {
    let sides = Sides::start().await?;
    let banyan = Banyan::start(&sides.config("")).await?;
    let admin = banyan.admin()?;
    assert_eq!(side(&banyan).await?, "legacy");
    let intruder = Connection::open(banyan.dir().join("banyan.db"))?;
    intruder.execute_batch("BEGIN IMMEDIATE")?;
    assert_refused(&Sides::set(&admin, "100%").await?);
    assert_eq!(side(&banyan).await?, "legacy", "what was not stored is not in force");
    intruder.execute_batch("ROLLBACK")?;
    drop(intruder);
    let answer = Sides::set(&admin, "100%").await?;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(side(&banyan).await?, "replacement");
    Ok(())
}

#[tokio::test]
async fn a_second_process_on_the_same_store() -> Result<()> {
    let sides = Sides::start().await?;
    let banyan = Banyan::start(&sides.config("")).await?;
    let folder = tempfile::tempdir()?;
    let text = format!(
        "version: 1\nlisten: 127.0.0.1:0\nadmin: {{ listen: 127.0.0.1:0 }}\nstate: {}\n{}",
        banyan.dir().join("banyan.db").display(),
        sides.config("")
    );
    std::fs::write(folder.path().join("second.yaml"), text)?;
    let output = banyan_testkit::command(&["serve"])?.arg(folder.path().join("second.yaml")).output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains("banyan.db"), "{said}");
    assert_eq!(side(&banyan).await?, "legacy");
    Ok(())
}
