//! Who is told about rollouts.

use super::{
    rules::{alone, distinct},
    text::mail::{MailServer, Mailbox},
};
use crate::{
    plan::{Alert, Mail, Webhook},
    read::Fields,
    report::Read,
    source::Spanned,
};

/// The alerts under a key; none where it is not written.
pub(super) fn all(fields: &Fields<'_>, key: &'static str) -> Read<Vec<Alert>> {
    let (entries, mut whole) = fields.objects(key);
    let mut alerts = Vec::with_capacity(entries.len());
    for entry in entries {
        match one(entry) {
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

fn one(fields: &Fields<'_>) -> Read<Alert> {
    let webhook = fields.maybe_text::<Webhook>("webhook");
    let smtp = fields.maybe_text::<MailServer>("smtp");
    let from = fields.maybe_text::<Mailbox>("from");
    let to = recipients(fields);
    alone(fields, "webhook", &["smtp", "from", "to"], "make two entries of it, one for each target")?;
    if let Some(webhook) = webhook? {
        return Ok(Alert::Webhook(webhook.value));
    }
    if fields.is_absent("smtp") {
        let hint = "write 'webhook: URL', or 'smtp: URL' with 'from' and 'to'".to_owned();
        return Err(fields.problems().add(fields.span(), "an alert names nobody to tell", Some(hint)));
    }
    let from = from.and_then(|from| needed(from, "from", "who the mail is from", fields));
    let to = to.and_then(|to| needed(to, "to", "who it is for", fields));
    let Spanned { value: MailServer { host, port }, .. } =
        smtp.and_then(|server| needed(server, "smtp", "the server that takes it", fields))?;
    Ok(Alert::Mail(Mail { host, port, from: from?.value.0, to: to? }))
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
