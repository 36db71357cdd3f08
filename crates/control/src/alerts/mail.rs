//! Alerts as mail, handed to a server that takes it, with TLS where it should be.

use std::{path::Path, time::Duration};

use lettre::{
    AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor,
    message::{Mailbox, header::ContentType},
    transport::smtp::{
        authentication::Credentials,
        client::{Certificate, CertificateStore, Tls as Lettre, TlsParameters, TlsParametersBuilder},
        extension::ClientId,
    },
};
use rustls::pki_types::{CertificateDer, pem::PemObject as _};
use tokio::{fs, time::timeout};

use super::{Letter, Login, Tls};

/// Name by which this program greets a mail server.
const HELLO: &str = "banyan.localhost";

/// Who takes mail.
#[derive(Clone, Copy)]
pub(super) struct Server<'a> {
    pub(super) host: &'a str,
    pub(super) port: u16,
    pub(super) tls: &'a Tls,
    pub(super) login: Option<&'a Login>,
}

/// Hands a letter to a server. `key` makes the same letter the same message, so that a server which has it already can
/// tell. What is wrong, else, in words.
pub(super) async fn send(
    Server { host, port, tls, login }: Server<'_>,
    (from, to): (&str, &[String]),
    (key, letter): (&str, &Letter),
    at_most: Duration,
) -> Result<(), String> {
    let message = message(from, to, key, letter)?;
    let encryption = encryption(host, tls).await?;
    let mut transport = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(host)
        .port(port)
        .tls(encryption)
        .timeout(Some(at_most))
        .hello_name(ClientId::Domain(HELLO.to_owned()));
    if let Some(login) = login {
        transport = transport.credentials(credentials(login).await?);
    }
    match timeout(at_most, transport.build().send(message)).await {
        Err(_) => Err(format!("no answer within {} s", at_most.as_secs_f32())),
        Ok(Err(error)) => {
            // The message of this error ends with its cause.
            Err(format!("the mail server did not take it: {error}"))
        }
        Ok(Ok(_)) => Ok(()),
    }
}

async fn credentials(login: &Login) -> Result<Credentials, String> {
    let bad =
        |why: String| format!("the 'password_file' {} cannot be used: {why}", login.password_file.display());
    let password = fs::read_to_string(&login.password_file).await.map_err(|error| bad(error.to_string()))?;
    match password.trim() {
        "" => Err(bad("it is empty".to_owned())),
        password => Ok(Credentials::new(login.user.clone(), password.to_owned())),
    }
}

/// The same for the library.
async fn encryption(host: &str, tls: &Tls) -> Result<Lettre, String> {
    let parameters = TlsParameters::builder(host.to_owned());
    Ok(match tls {
        Tls::None => Lettre::None,
        // Nothing is trusted here, so there is nothing to check: whoever could show another certificate could as well
        // take the offer of STARTTLS out. It still keeps out those who only listen.
        Tls::Opportunistic => Lettre::Opportunistic(built(parameters.dangerous_accept_invalid_certs(true))?),
        Tls::Required(ca) => Lettre::Required(built(trusting(parameters, ca.as_deref()).await?)?),
        Tls::Implicit(ca) => Lettre::Wrapper(built(trusting(parameters, ca.as_deref()).await?)?),
    })
}

/// With the authorities of a file in the place of those that browsers trust.
async fn trusting(
    parameters: TlsParametersBuilder,
    ca: Option<&Path>,
) -> Result<TlsParametersBuilder, String> {
    let Some(path) = ca else { return Ok(parameters) };
    let bad = |why: String| format!("the 'ca' {} cannot be used: {why}", path.display());
    let pem = fs::read(path).await.map_err(|error| bad(error.to_string()))?;
    // A file without any would be taken for one that trusts nobody.
    if CertificateDer::pem_slice_iter(&pem).next().is_none() {
        return Err(bad("it holds no certificate".to_owned()));
    }
    let certificates = Certificate::from_pem(&pem).map_err(|error| bad(error.to_string()))?;
    Ok(parameters.certificate_store(CertificateStore::None).add_root_certificate(certificates))
}

fn built(parameters: TlsParametersBuilder) -> Result<TlsParameters, String> {
    parameters.build().map_err(|error| format!("TLS cannot be set up: {error}"))
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
