//! A watch on the config file.
//!
//! The folder is watched, not the file: editors write another file and rename it, and Kubernetes exchanges a
//! symbolic link beside it (`..data`), and either leaves a watch on the old file with nothing to see. A link into
//! another folder has that folder watched too.

use std::{
    collections::BTreeSet,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::{
    sync::Notify,
    time::{Instant, timeout, timeout_at},
};

use super::{Reloader, Trigger};

/// Silence after which a series of events counts as one change: editors make several.
const QUIET: Duration = Duration::from_millis(100);
/// A series that does not end is looked at anyway.
const PATIENCE: Duration = Duration::from_secs(2);

/// Asks for a reload after each change of the file at `path`, for ever.
///
/// # Errors
/// When the system refuses the watch, for instance because a user's inotify watches are used up.
pub(crate) fn on_change(
    path: &Path,
    reloader: Reloader,
) -> notify::Result<impl Future<Output = ()> + Send + use<>> {
    // Keeps one event for later and no more, which says all there is to say.
    let changed = Arc::new(Notify::new());
    let notify = changed.clone();
    let Watched { folders, names } = Watched::of(path);
    let mut watcher: RecommendedWatcher =
        notify::recommended_watcher(move |event: notify::Result<Event>| {
            if event.is_ok_and(|event| concerns(&event, &names)) {
                notify.notify_one();
            }
        })?;
    for folder in &folders {
        watcher.watch(folder, RecursiveMode::NonRecursive)?;
    }
    Ok(async move {
        let _watching = watcher;
        loop {
            changed.notified().await;
            settle(&changed).await;
            reloader.ask(Trigger::File);
        }
    })
}

/// Waits until the series of events is over.
async fn settle(changed: &Notify) {
    let end = Instant::now() + PATIENCE;
    while let Ok(Ok(())) = timeout_at(end, timeout(QUIET, changed.notified())).await {}
}

/// Where to look, and for which file names.
struct Watched {
    folders: BTreeSet<PathBuf>,
    names: BTreeSet<OsString>,
}

impl Watched {
    fn of(path: &Path) -> Self {
        let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let paths = [path, &target];
        let folder = |path: &Path| match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
            _ => PathBuf::from("."),
        };
        Self {
            folders: paths.iter().map(|path| folder(path)).collect(),
            names: paths.iter().filter_map(|path| path.file_name().map(OsString::from)).collect(),
        }
    }
}

/// Whether an event may have changed the file. The state store and logs often live in the same folder, and reading
/// the config must not look like a change of it.
fn concerns(event: &Event, names: &BTreeSet<OsString>) -> bool {
    let named = |path: &PathBuf| {
        path.file_name()
            .is_some_and(|name| names.contains(name) || name.as_encoded_bytes().starts_with(b".."))
    };
    !matches!(event.kind, EventKind::Access(_)) && event.paths.iter().any(named)
}
