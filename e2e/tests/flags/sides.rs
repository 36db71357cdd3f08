//! An application and the gateway choose the same side.

use anyhow::{Context as _, Result};
use banyan_e2e::{Sides, Verdict};
use serde_json::json;

use crate::kit::{Application, World};

/// Subjects that are compared.
const SUBJECTS: usize = 10_000;

/// Ids of all sorts: numbers, names, mail addresses, languages.
fn subject(number: usize) -> String {
    match number % 5 {
        0 => format!("user-{number}"),
        1 => number.to_string(),
        2 => format!("søren-{number}@example.org"),
        3 => format!("{number:032x}"),
        _ => format!("名前{number}"),
    }
}

async fn side(app: &mut Application, subject: &str) -> Result<String> {
    let said = app.single("unit.articles", json!({ "targetingKey": subject })).await?.json();
    assert_eq!(said["reason"], "SPLIT", "{said}");
    let variant = said["variant"].as_str().context("a variant")?.to_owned();
    assert_eq!(said["value"], variant == "replacement");
    Ok(variant)
}

#[tokio::test]
async fn ten_thousand_subjects_are_on_the_side_that_the_gateway_chose() -> Result<()> {
    let world = World::start(", requests_per_second: 1000000").await?;
    let (mut app, mut client) = (world.application().await?, world.banyan.client().await?);
    let mut replaced = 0;
    for number in 0..SUBJECTS {
        let subject = subject(number);
        let (said, verdict) =
            tokio::join!(side(&mut app, &subject), Verdict::ask(&mut client, "/articles", &subject));
        let (said, verdict) = (said?, verdict?);
        assert_eq!(said, verdict.side, "{subject}");
        replaced += usize::from(said == "replacement");
    }
    // 30 %, and five standard deviations.
    assert!((2_770..=3_230).contains(&replaced), "{replaced}");
    Ok(())
}

#[tokio::test]
async fn they_move_together_at_the_moment_of_the_change() -> Result<()> {
    let world = World::start("").await?;
    let (mut app, mut client) = (world.application().await?, world.banyan.client().await?);
    let admin = world.banyan.admin()?;
    for percent in ["0%", "0.01%", "50%", "99.99%", "100%", "0%"] {
        Sides::move_to(&admin, percent).await?;
        for number in 0..50 {
            let subject = subject(number);
            let verdict = Verdict::ask(&mut client, "/articles", &subject).await?;
            assert_eq!(side(&mut app, &subject).await?, verdict.side, "{subject} at {percent}");
        }
    }
    assert!(world.sides.legacy.requests().len() > 50);
    Ok(())
}
