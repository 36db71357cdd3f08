//! Where that is kept which must survive.

use std::path::{Path, PathBuf};

use super::text::{file::FilePath, postgres::PostgresUrl};
use crate::{
    plan::{Postgres, State},
    read::{Either, Fields, FromText},
    report::{Complaint, Problems, Read, shown},
    source::Spanned,
};

/// Name of the file with the admin token where the store is no file that it could stand beside.
const TOKEN_STEM: &str = "banyan";

pub(super) fn read(root: &Fields<'_>, base: &Path) -> Read<State> {
    match root.either("state")? {
        Either::Text(text) => short(&text, base, root.problems()),
        Either::Object(fields) => postgres(fields, base).map(State::Postgres),
    }
}

/// What the admin token's file is named after.
pub(super) fn token_stem(state: &State, base: &Path) -> PathBuf {
    match state {
        State::File(path) => path.clone(),
        State::Postgres(_) => base.join(TOKEN_STEM),
    }
}

/// A path, or the URL alone.
fn short(text: &Spanned<String>, base: &Path, problems: &Problems) -> Read<State> {
    let state = match text.value.split_once(':').map(|(scheme, _)| scheme) {
        Some("postgres" | "postgresql") => PostgresUrl::from_text(&text.value).map(|url| {
            State::Postgres(Postgres { address: url.address, password: url.password, password_file: None })
        }),
        Some(scheme) if text.value.contains("://") => Err(unknown(scheme)),
        Some("sqlite") => Err(Complaint::new("the store in a file is written by its path alone")
            .hint("for example ./banyan.db")),
        _ => FilePath::from_text(&text.value).map(|path| State::File(path.below(base))),
    };
    state.map_err(|Complaint { message, hint }| {
        problems.add(text.span, format!("state is {}: {message}", shown(&text.value)), hint)
    })
}

fn unknown(scheme: &str) -> Complaint {
    Complaint::new(format!("the store {} is not supported", shown(scheme)))
        .hint("write a file path such as ./banyan.db, or postgres://USER@HOST/DATABASE")
}

fn postgres(fields: &Fields<'_>, base: &Path) -> Read<Postgres> {
    let url = fields.text::<PostgresUrl>("postgres");
    let password_file = fields.maybe_text::<FilePath>("password_file");
    let Spanned { value: PostgresUrl { address, password }, span } = url?;
    let password_file = password_file?;
    if let (Some(_), Some(file)) = (&password, &password_file) {
        let hint = Some("remove it from the URL".to_owned());
        let related = (span, "the other one");
        let message = "there are two passwords: one in the URL and one in a file";
        return Err(fields.problems().add_related(file.span, message, hint, related));
    }
    let password_file = password_file.map(|file| file.placed(base));
    Ok(Postgres { address, password, password_file })
}
