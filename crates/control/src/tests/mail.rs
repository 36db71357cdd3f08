//! Alerts by mail, to servers that can do TLS, cannot, or say that they can and lie.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};

use banyan_config::plan;
use banyan_state::Store as _;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::{ServerConfig, crypto::aws_lc_rs, pki_types::PrivateKeyDer};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufStream},
    net::{TcpListener, TcpStream},
    sync::Notify,
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_rustls::TlsAcceptor;

use super::{
    alerts::{PATIENCE, quick, sender, tell},
    bench::Bench,
};
use crate::alerts::{Login, Pace, Target, Tls};

/// When a server does TLS.
#[derive(Clone, Copy, PartialEq)]
enum Does {
    Never,
    Starttls,
    Implicit,
}

/// A mail server of RFC 5321, as far as it takes to hand over a mail.
struct MailServer {
    port: u16,
    folder: TempDir,
    said: Arc<Mutex<Vec<String>>>,
    _task: JoinSet<()>,
}

impl MailServer {
    /// Refuses mail for `gone@...`.
    async fn start(does: Does) -> Self {
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("ca.pem"), cert.pem()).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![cert.der().clone()],
                PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap(),
            )
            .unwrap();
        let tls = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let said = Arc::<Mutex<Vec<String>>>::default();
        let mut task = JoinSet::new();
        let heard = said.clone();
        task.spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                // A client that goes away half way is what some of the tests are about.
                drop(serve(stream, does, &tls, &heard).await);
            }
        });
        Self { port, folder, said, _task: task }
    }

    fn target(&self, tls: Tls) -> Target {
        Target::Smtp {
            host: "localhost".to_owned(),
            port: self.port,
            tls,
            login: None,
            from: "banyan@example.org".to_owned(),
            to: vec!["ops@example.org".to_owned()],
        }
    }

    fn ca(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// All that clients said; what came in clear text begins with `clear`.
    fn said(&self) -> String {
        self.said.lock().unwrap().join("\n")
    }
}

async fn serve(
    stream: TcpStream,
    does: Does,
    tls: &TlsAcceptor,
    said: &Mutex<Vec<String>>,
) -> std::io::Result<()> {
    if does == Does::Implicit {
        let mut stream = BufStream::new(tls.accept(stream).await?);
        stream.write_all(b"220 test\r\n").await?;
        return talk(&mut stream, false, "tls", said).await.map(drop);
    }
    let mut stream = BufStream::new(stream);
    stream.write_all(b"220 test\r\n").await?;
    if talk(&mut stream, does == Does::Starttls, "clear", said).await? {
        let mut stream = BufStream::new(tls.accept(stream.into_inner()).await?);
        talk(&mut stream, false, "tls", said).await?;
    }
    Ok(())
}

/// To the end, or to the moment when TLS begins.
async fn talk<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut BufStream<S>,
    offers: bool,
    how: &str,
    said: &Mutex<Vec<String>>,
) -> std::io::Result<bool> {
    let mut data = false;
    loop {
        stream.flush().await?;
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(false);
        }
        let line = line.trim_end();
        said.lock().unwrap().push(format!("{how} {line}"));
        let answer: &[u8] = match line {
            "." => {
                data = false;
                b"250 kept\r\n"
            }
            _ if data => continue,
            "DATA" => {
                data = true;
                b"354 go on\r\n"
            }
            "STARTTLS" => {
                stream.write_all(b"220 go on\r\n").await?;
                stream.flush().await?;
                return Ok(true);
            }
            hello if hello.starts_with("EHLO") && offers => b"250-test\r\n250 STARTTLS\r\n",
            hello if hello.starts_with("EHLO") && how == "tls" => b"250-test\r\n250 AUTH PLAIN\r\n",
            // `\0banyan\0s3cret`, as RFC 4616 writes it.
            auth if auth.starts_with("AUTH PLAIN") && auth != "AUTH PLAIN AGJhbnlhbgBzM2NyZXQ=" => {
                b"535 no\r\n"
            }
            to if to.starts_with("RCPT TO:<gone@") => b"550 nobody of that name\r\n",
            _ => b"250 well\r\n",
        };
        stream.write_all(answer).await?;
    }
}

/// Sends to a target and waits until the metric counts a try that ended so.
async fn send(target: Target, result: &str) {
    let bench = Bench::new();
    tell(&bench, 0, "a/1/rolled_back", &[target]);
    let _sender = sender(&bench, &Arc::<Notify>::default(), Pace { timeout: PATIENCE, ..quick() });
    until_counted(&bench, result).await;
}

async fn until_counted(bench: &Bench, result: &str) {
    let line = format!(r#"banyan_alerts_total{{target="smtp",result="{result}"}}"#);
    let counted = async {
        while !bench.metrics.render().contains(&line) {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, counted).await.unwrap_or_else(|_| panic!("{line}: {}", bench.metrics.render()));
}

#[tokio::test]
async fn mail_is_handed_over_as_the_standard_says() {
    let server = MailServer::start(Does::Never).await;
    send(server.target(Tls::None), "sent").await;
    let said = server.said();
    for part in [
        "clear MAIL FROM:<banyan@example.org>",
        "clear RCPT TO:<ops@example.org>",
        "clear Subject: [banyan] articles: rolled back",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
}

#[tokio::test]
async fn opportunistic_mail_goes_with_tls_where_it_is_offered_and_goes_in_any_case() {
    let server = MailServer::start(Does::Starttls).await;
    send(server.target(Tls::Opportunistic), "sent").await;
    let said = server.said();
    assert!(said.contains("tls MAIL FROM") && !said.contains("clear MAIL FROM"), "{said}");
    let server = MailServer::start(Does::Never).await;
    send(server.target(Tls::Opportunistic), "sent").await;
    assert!(server.said().contains("clear MAIL FROM"), "{}", server.said());
}

#[tokio::test]
async fn mail_that_requires_tls_goes_to_a_server_that_is_trusted() {
    let server = MailServer::start(Does::Starttls).await;
    send(server.target(Tls::Required(Some(server.ca()))), "sent").await;
    let said = server.said();
    assert!(said.contains("tls MAIL FROM") && !said.contains("clear MAIL FROM"), "{said}");
}

#[tokio::test]
async fn mail_that_requires_tls_is_not_even_addressed_without_it() {
    let never = MailServer::start(Does::Never).await;
    let other = MailServer::start(Does::Starttls).await;
    let nothing = never.folder.path().join("empty.pem");
    std::fs::write(&nothing, "").unwrap();
    for (server, ca) in [
        // It offers no STARTTLS, as when somebody in between takes the offer out.
        (&never, Some(never.ca())),
        // The certificate is signed by somebody else, or by nobody that browsers trust.
        (&other, Some(never.ca())),
        (&other, None),
        (&other, Some(nothing)),
        (&other, Some(PathBuf::from("/nowhere/ca.pem"))),
    ] {
        send(server.target(Tls::Required(ca)), "failed").await;
        assert!(!server.said().contains("MAIL FROM"), "{}", server.said());
    }
}

#[tokio::test]
async fn a_server_that_asks_who_one_is_is_told() {
    let server = MailServer::start(Does::Starttls).await;
    let file = server.folder.path().join("password");
    let target = |password: &str| {
        std::fs::write(&file, password).unwrap();
        let mut target = server.target(Tls::Required(Some(server.ca())));
        let Target::Smtp { login, .. } = &mut target else { unreachable!() };
        *login = Some(Login { user: "banyan".to_owned(), password_file: file.clone() });
        target
    };
    send(target("wrong\n"), "failed").await;
    send(target(" \n"), "failed").await;
    assert!(!server.said().contains("MAIL FROM"), "{}", server.said());
    send(target("s3cret\n"), "sent").await;
    assert!(server.said().contains("tls MAIL FROM") && !server.said().contains("clear AUTH"));
}

#[tokio::test]
async fn a_certificate_must_name_the_host() {
    let server = MailServer::start(Does::Starttls).await;
    let mut target = server.target(Tls::Required(Some(server.ca())));
    let Target::Smtp { host, .. } = &mut target else { unreachable!() };
    *host = "127.0.0.1".to_owned();
    send(target, "failed").await;
    assert!(!server.said().contains("MAIL FROM"), "{}", server.said());
}

#[tokio::test]
async fn with_smtps_there_is_tls_from_the_first_byte() {
    let server = MailServer::start(Does::Implicit).await;
    send(server.target(Tls::Implicit(None)), "failed").await;
    assert_eq!(server.said(), "", "nobody trusts it");
    send(server.target(Tls::Implicit(Some(server.ca()))), "sent").await;
    assert!(server.said().contains("tls MAIL FROM"), "{}", server.said());
}

#[tokio::test]
async fn an_address_that_is_refused_keeps_nobody_else_from_being_told() {
    let server = MailServer::start(Does::Never).await;
    let mail = plan::Mail {
        host: "localhost".to_owned(),
        port: server.port,
        tls: plan::MailTls::None,
        login: None,
        from: "banyan@example.org".to_owned(),
        to: ["gone@example.org", "ops@example.org"].map(str::to_owned).into(),
    };
    let bench = Bench::new();
    tell(&bench, 0, "a/1/rolled_back", &Target::all(&plan::Alert::Mail(mail)));
    let _sender = sender(&bench, &Arc::<Notify>::default(), Pace { timeout: PATIENCE, ..quick() });
    until_counted(&bench, "failed").await;
    until_counted(&bench, "sent").await;
    assert!(server.said().contains("RCPT TO:<ops@example.org>\nclear DATA"), "{}", server.said());
}

#[tokio::test]
async fn a_server_that_says_nothing_keeps_no_other_from_being_told() {
    let bench = Bench::new();
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = MailServer::start(Does::Never).await;
    let mut hangs = server.target(Tls::Opportunistic);
    let Target::Smtp { port, .. } = &mut hangs else { unreachable!() };
    *port = silent.local_addr().unwrap().port();
    tell(&bench, 0, "a/1/rolled_back", &[hangs, server.target(Tls::None)]);
    let _sender = sender(&bench, &Arc::<Notify>::default(), Pace { timeout: PATIENCE, ..quick() });
    until_counted(&bench, "sent").await;
    assert_eq!(bench.store.alerts_due(SystemTime::now() + PATIENCE, 9).unwrap().len(), 1);
}
