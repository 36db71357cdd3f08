//! Alerts as mail, handed to a server that takes it from this host without a password.

use std::{error::Error as _, time::Duration};

use lettre::{
    AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor,
    message::{Mailbox, header::ContentType},
    transport::smtp::extension::ClientId,
};
use tokio::time::timeout;

use super::Letter;

/// Name by which this program greets a mail server.
const HELLO: &str = "banyan.localhost";

/// Hands a letter to a server. `key` makes the same letter the same message, so that a server which has it already can
/// tell. What is wrong, else, in words.
pub(super) async fn send(
    (host, port): (&str, u16),
    (from, to): (&str, &[String]),
    (key, letter): (&str, &Letter),
    at_most: Duration,
) -> Result<(), String> {
    let message = message(from, to, key, letter)?;
    let transport = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(host)
        .port(port)
        .timeout(Some(at_most))
        .hello_name(ClientId::Domain(HELLO.to_owned()))
        .build();
    match timeout(at_most, transport.send(message)).await {
        Err(_) => Err(format!("no answer within {} s", at_most.as_secs_f32())),
        Ok(Err(error)) => {
            let cause = error.source().map_or_else(String::new, |cause| format!(": {cause}"));
            Err(format!("the mail server did not take it: {error}{cause}"))
        }
        Ok(Ok(_)) => Ok(()),
    }
}

fn message(from: &str, to: &[String], key: &str, letter: &Letter) -> Result<Message, String> {
    let mailbox = |address: &str| -> Result<Mailbox, String> {
        address.parse().map_err(|_| format!("'{address}' is no address"))
    };
    let id: String = key.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '.' }).collect();
    let mut message = Message::builder()
        .from(mailbox(from)?)
        .subject(letter.subject())
        .message_id(Some(format!("<{id}@{HELLO}>")))
        .header(ContentType::TEXT_PLAIN);
    for address in to {
        message = message.to(mailbox(address)?);
    }
    message.body(format!("{}\n", letter.text)).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alerts::letter::example;

    #[test]
    fn a_mail_says_in_its_subject_what_happened() {
        let to = ["ops@example.org".to_owned(), "ada@example.org".to_owned()];
        let message =
            message("banyan@example.org", &to, "articles/7/rolled_back", &example("articles")).unwrap();
        let text = String::from_utf8(message.formatted()).unwrap();
        for part in [
            "From: banyan@example.org\r\n",
            "ops@example.org",
            "ada@example.org",
            "Subject: [banyan] articles: rolled back\r\n",
            "Message-ID: <articles.7.rolled.back@banyan.localhost>\r\n",
            "articles: rolled back from 5 % to 0 %",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }
}
