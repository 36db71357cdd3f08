//! Who is told about rollouts.

use std::path::Path;

use super::{
    rules::{alone, distinct},
    text::{
        file::FilePath,
        mail::{MailServer, MailUser, Mailbox},
    },
};
use crate::{
    plan::{Alert, File, Mail, MailLogin, MailTls, Webhook},
    read::Fields,
    report::Read,
    source::Spanned,
};

/// The alerts under a key; none where it is not written. Relative paths start at `base`.
pub(super) fn all(fields: &Fields<'_>, key: &'static str, base: &Path) -> Read<Vec<Alert>> {
    let (entries, mut whole) = fields.objects(key);
    let mut alerts = Vec::with_capacity(entries.len());
    for entry in entries {
        match one(entry, base) {
            Ok(alert) if alerts.contains(&alert) => {
                let hint = Some("remove it: nobody is told the same thing twice".to_owned());
                whole = Err(entry.problems().add(entry.span(), "the alert stands twice", hint));
            }
            Ok(alert) => alerts.push(alert),
            Err(reported) => whole = Err(reported),
        }
    }
    whole.map(|()| alerts)
}

fn one(fields: &Fields<'_>, base: &Path) -> Read<Alert> {
    let webhook = fields.maybe_text::<Webhook>("webhook");
    let smtp = fields.maybe_text::<MailServer>("smtp");
    let from = fields.maybe_text::<Mailbox>("from");
    let to = recipients(fields);
    let others = ["smtp", "tls", "ca", "user", "password_file", "from", "to"];
    alone(fields, "webhook", &others, "make two entries of it, one for each target")?;
    if let Some(webhook) = webhook? {
        return Ok(Alert::Webhook(webhook.value));
    }
    if fields.is_absent("smtp") {
        let hint = "write 'webhook: URL', or 'smtp: URL' with 'from' and 'to'".to_owned();
        return Err(fields.problems().add(fields.span(), "an alert names nobody to tell", Some(hint)));
    }
    let from = from.and_then(|from| needed(from, "from", "who the mail is from", fields));
    let to = to.and_then(|to| needed(to, "to", "who it is for", fields));
    let Spanned { value: MailServer { host, port, implicit_tls }, .. } =
        smtp.and_then(|server| needed(server, "smtp", "the server that takes it", fields))?;
    let tls = tls(fields, base, implicit_tls)?;
    let login = login(fields, base, &tls);
    Ok(Alert::Mail(Mail { host, port, tls, login: login?, from: from?.value.0, to: to? }))
}

fn tls(fields: &Fields<'_>, base: &Path, implicit: bool) -> Read<MailTls> {
    let word = fields.maybe::<&'static str>("tls");
    let ca = fields.maybe_text::<FilePath>("ca");
    let (word, ca) = (word?, ca?.map(|ca| ca.placed(base)));
    if implicit {
        if let Some(Spanned { span, .. }) = word {
            let hint = "remove it: with smtps there is TLS from the first byte; for STARTTLS write smtp://"
                .to_owned();
            return Err(fields.problems().add(span, "'tls' stands beside smtps", Some(hint)));
        }
        return Ok(MailTls::Implicit(ca));
    }
    match word.map(|word| word.value) {
        Some("required") => Ok(MailTls::Required(ca)),
        Some("none") => unchecked(fields, ca.as_ref()).map(|()| MailTls::None),
        _ => unchecked(fields, ca.as_ref()).map(|()| MailTls::Opportunistic),
    }
}

fn login(fields: &Fields<'_>, base: &Path, tls: &MailTls) -> Read<Option<MailLogin>> {
    let user = fields.maybe_text::<MailUser>("user");
    let file = fields.maybe_text::<FilePath>("password_file");
    let (user, file) = match (user?, file?) {
        (None, None) => return Ok(None),
        (Some(user), Some(file)) => (user, file),
        (Some(user), None) => {
            let hint = "add 'password_file: ...': the file with the password".to_owned();
            return Err(fields.problems().add(user.span, "a user has no password", Some(hint)));
        }
        (None, Some(file)) => {
            let hint = "add 'user: ...': who logs in".to_owned();
            return Err(fields.problems().add(file.span, "a password is of no user", Some(hint)));
        }
    };
    if matches!(tls, MailTls::None | MailTls::Opportunistic) {
        let hint = "write 'tls: required', or smtps:// in the address".to_owned();
        let message = "the password could go to the mail server in clear text";
        return Err(fields.problems().add(user.span, message, Some(hint)));
    }
    Ok(Some(MailLogin { user: user.value.0, password_file: file.placed(base) }))
}

/// No authority is named where no certificate is looked at: whoever names one believes that it protects.
fn unchecked(fields: &Fields<'_>, ca: Option<&File>) -> Read<()> {
    let Some(ca) = ca else { return Ok(()) };
    let hint = "write 'tls: required', or remove 'ca'".to_owned();
    Err(fields.problems().add(ca.span, "an alert names a 'ca', but no certificate is looked at", Some(hint)))
}

/// What is needed of an alert by mail.
fn needed<T>(value: Option<T>, key: &str, what: &str, fields: &Fields<'_>) -> Read<T> {
    value.ok_or_else(|| {
        let hint = format!("add '{key}: ...': {what}");
        fields.problems().add(fields.span(), format!("an alert by mail lacks '{key}'"), Some(hint))
    })
}

fn recipients(fields: &Fields<'_>) -> Read<Option<Vec<String>>> {
    if fields.is_absent("to") {
        return Ok(None);
    }
    let (found, whole) = fields.texts::<Mailbox>("to");
    let hint = "remove it: one mail is enough";
    let found = distinct(found, "the address stands twice", hint, fields.problems());
    whole.and(found).map(|found| Some(found.into_iter().map(|Mailbox(address)| address).collect()))
}
