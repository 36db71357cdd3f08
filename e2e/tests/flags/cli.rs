//! `banyan flag`.

use std::fs;

use anyhow::Result;
use banyan_testkit::{Banyan, command};

use crate::kit::World;

/// Runs `banyan flag ...` and expects this exit code. Returns what was said.
async fn flag(banyan: &Banyan, words: &[&str], code: i32) -> Result<String> {
    let mut command = command(&[&["flag"], words].concat())?;
    command.arg("--config").arg(banyan.config_path());
    let output = tokio::task::spawn_blocking(move || command.output()).await??;
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert_eq!(output.status.code(), Some(code), "flag {words:?}: {said}");
    Ok(said)
}

#[tokio::test]
async fn a_flag_is_set_asked_switched_and_retired() -> Result<()> {
    let world = World::start("").await?;
    let banyan = &world.banyan;
    let list = flag(banyan, &["list"], 0).await?;
    assert!(
        ["new-editor", "30%", "old-editor", "retired", "unit.articles"]
            .iter()
            .all(|part| list.contains(part)),
        "{list}"
    );
    let set = flag(banyan, &["set", "new-editor", "100%", "--why", "it is time", "--by", "ann"], 0).await?;
    assert_eq!(set, "new-editor serves 100%\n");
    let said =
        flag(banyan, &["evaluate", "new-editor", "--as", "user-42", "--context", "country=de"], 0).await?;
    assert!(said.contains("new-editor = true"), "{said}");
    let said = flag(banyan, &["evaluate", "theme", "--context", "country=de"], 0).await?;
    assert!(said.contains("\"black\"") && said.contains("germans"), "{said}");
    assert!(flag(banyan, &["set", "theme", "--variant", "dark"], 0).await?.contains("'dark'"));
    assert!(flag(banyan, &["disable", "new-editor"], 0).await?.contains("is off"));
    assert!(flag(banyan, &["enable", "new-editor"], 0).await?.contains("serves 100%"));
    assert!(flag(banyan, &["reset", "new-editor"], 0).await?.contains("serves 30%"));
    let history = flag(banyan, &["history", "new-editor"], 0).await?;
    assert!(
        ["100%", "it is time", "ann", "off", "reset", "the config's"]
            .iter()
            .all(|part| history.contains(part)),
        "{history}"
    );
    let refused = flag(banyan, &["retire", "theme"], 1).await?;
    assert!(refused.contains("--yes"), "{refused}");
    assert_eq!(flag(banyan, &["retire", "theme", "--yes"], 0).await?, "theme is retired\n");
    let refused = flag(banyan, &["set", "theme", "--variant", "dark"], 1).await?;
    assert!(refused.contains("never used again"), "{refused}");
    let refused = flag(banyan, &["set", "new-editr", "5%"], 1).await?;
    assert!(refused.contains("did you mean 'new-editor'"), "{refused}");
    Ok(())
}

#[tokio::test]
async fn a_definition_is_edited_and_somebody_elses_change_is_not_lost() -> Result<()> {
    let world = World::start("").await?;
    let banyan = &world.banyan;
    let file = banyan.dir().join("flag.json");
    fs::write(&file, r#"{ "percent": "10%", "description": "a banner" }"#)?;
    let path = file.display().to_string();
    assert_eq!(flag(banyan, &["set", "banner", "--from", &path], 0).await?, "banner serves 10%\n");
    let shown = flag(banyan, &["show", "banner", "--json"], 0).await?;
    fs::write(&file, shown.replace("10%", "20%"))?;
    assert_eq!(flag(banyan, &["set", "banner", "--from", &path], 0).await?, "banner serves 20%\n");
    // The file is of the version before.
    let refused = flag(banyan, &["set", "banner", "--from", &path], 1).await?;
    assert!(refused.contains("at version 2") && refused.contains("412"), "{refused}");
    assert!(flag(banyan, &["set", "banner", "30%", "--at-version", "1"], 1).await?.contains("412"));
    assert!(flag(banyan, &["set", "banner", "30%", "--at-version", "2"], 0).await?.contains("30%"));
    fs::write(&file, r#"{ "percent": "10" }"#)?;
    let refused = flag(banyan, &["set", "banner", "--from", &path], 1).await?;
    assert!(refused.contains("/definition/percent"), "{refused}");
    assert!(flag(banyan, &["show", "banner"], 0).await?.contains("a banner"));
    // What was shown of one flag is not taken for another.
    fs::write(&file, flag(banyan, &["show", "banner", "--json"], 0).await?)?;
    let refused = flag(banyan, &["set", "theme", "--from", &path], 1).await?;
    assert!(refused.contains("what 'banner' is, and not 'theme'"), "{refused}");
    // A version of two parts looks like a number, and is taken as one.
    let said = flag(banyan, &["evaluate", "theme", "--context", "app.version=2.1"], 0).await?;
    assert!(said.contains("app.version was taken as the number 2.1"), "{said}");
    let history = flag(banyan, &["history", "banner"], 0).await?;
    assert!(history.contains("the config's"), "{history}");
    Ok(())
}
