//! Connections with TLS: what is checked about who answers, and what they who are refused are told.

use std::{
    fs,
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    os::unix::fs::{MetadataExt, PermissionsExt, chown},
    path::{Path, PathBuf},
    thread,
    time::Instant,
};

use banyan_state::{Postgres, ServerAddress, Store};
use banyan_testkit::Postgres as Server;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
use tempfile::TempDir;

use crate::helpers::{BRIEF, PATIENT, change, eventually, server};

/// Somebody who signs certificates.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    folder: TempDir,
}

impl Authority {
    fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("ca.pem"), params.self_signed(&key).unwrap().pem()).unwrap();
        Self { issuer: Issuer::new(params, key), folder }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// Gives a server a certificate for this name, and switches TLS on.
    fn certify(&self, server: &mut Server, name: &str, until: i32) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.not_after = date_time_ymd(until, 1, 1);
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        speak(server, &certificate.pem(), &key.serialize_pem());
    }
}

/// Switches TLS on, with this certificate.
fn speak(server: &mut Server, certificate: &str, key: &str) {
    let (data, key_file) = (server.data(), server.data().join("server.key"));
    fs::write(data.join("server.crt"), certificate).unwrap();
    fs::write(&key_file, key).unwrap();
    fs::set_permissions(&key_file, fs::Permissions::from_mode(0o600)).unwrap();
    let owner = fs::metadata(&data).unwrap();
    chown(&key_file, Some(owner.uid()), Some(owner.gid())).unwrap();
    server.configure("ssl = on\n").unwrap();
    server.start_again().unwrap();
}

fn address(server: &Server, host: &str, parameters: &str) -> ServerAddress {
    let url = server.url().replace("@127.0.0.1:", &format!("@{host}:"));
    ServerAddress::read(&format!("{url}{parameters}")).unwrap()
}

/// What is said to somebody who is refused.
fn refused(address: &ServerAddress) -> String {
    let refused = Postgres::open(address, PATIENT).unwrap_err();
    assert!(refused.to_string().contains("postgres://"), "it names no address: {refused}");
    refused.to_string()
}

/// Sessions of ours with and without TLS.
fn sessions(server: &Server) -> String {
    let sql = "SELECT count(*) FILTER (WHERE ssl), count(*) FILTER (WHERE NOT ssl)
        FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name = 'banyan'";
    server.sql("postgres", sql).unwrap()
}

fn full(authority: &Path) -> String {
    format!("?sslmode=verify-full&sslrootcert={}", authority.display())
}

#[test]
fn every_connection_is_encrypted_and_comes_again_after_a_restart() {
    let (mut server, authority) = (server(), Authority::new());
    authority.certify(&mut server, "localhost", 2100);
    let store = Postgres::open(&address(&server, "localhost", &full(&authority.file())), BRIEF).unwrap();
    let mut watch = store.watch();
    for version in 0..2 {
        eventually("a leader", || store.lead("gw-1").ok().flatten());
        eventually("a change", || store.change(&change("articles", version)).ok());
        eventually("news", || watch.wait(BRIEF.poll).ok().filter(|revision| revision.0 > version));
        eventually("three encrypted sessions", || (sessions(&server) == "3|0").then_some(()));
        server.start_again().unwrap();
    }
}

#[test]
fn who_answers_has_to_be_who_the_address_says() {
    let (mut server, authority, another) = (server(), Authority::new(), Authority::new());
    authority.certify(&mut server, "localhost", 2100);
    let (ours, theirs) = (authority.file(), another.file());
    // A wrong authority, and none.
    for mode in ["require", "verify-ca", "verify-full"] {
        let parameters = format!("?sslmode={mode}&sslrootcert={}", theirs.display());
        let said = refused(&address(&server, "localhost", &parameters));
        assert!(said.contains(&format!("of no authority in {}", theirs.display())), "{mode}: {said}");
    }
    let said = refused(&address(&server, "localhost", "?sslmode=verify-full"));
    assert!(said.contains("'sslrootcert'"), "{said}");
    // A wrong name, which is all the same to `verify-ca`.
    let said = refused(&address(&server, "127.0.0.1", &full(&ours)));
    assert!(said.contains("not for 127.0.0.1, but for DnsName(\"localhost\")"), "{said}");
    for parameters in
        [format!("?sslmode=verify-ca&sslrootcert={}", ours.display()), "?sslmode=require".to_owned()]
    {
        let store = Postgres::open(&address(&server, "127.0.0.1", &parameters), PATIENT).unwrap();
        assert_eq!(sessions(&server), "1|0");
        drop(store);
        eventually("no session", || (sessions(&server) == "0|0").then_some(()));
    }
}

#[test]
fn a_certificate_that_has_expired_is_said_to_have() {
    let (mut server, authority) = (server(), Authority::new());
    authority.certify(&mut server, "localhost", 2001);
    let said = refused(&address(&server, "localhost", &full(&authority.file())));
    assert!(said.contains("has expired, or the clock of this machine is ahead"), "{said}");
}

#[test]
fn a_certificate_that_signed_itself_is_good_where_it_is_known() {
    let mut server = server();
    let key = KeyPair::generate().unwrap();
    // An authority's, as `openssl req -x509` makes it.
    let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let certificate = params.self_signed(&key).unwrap();
    speak(&mut server, &certificate.pem(), &key.serialize_pem());
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("server.pem");
    fs::write(&file, certificate.pem()).unwrap();
    drop(Postgres::open(&address(&server, "localhost", &full(&file)), PATIENT).unwrap());
    let said = refused(&address(&server, "127.0.0.1", &full(&file)));
    assert!(said.contains("not for 127.0.0.1"), "{said}");
    refused(&address(&server, "localhost", &full(&Authority::new().file())));
}

#[test]
fn a_server_without_tls_is_told_from_one_that_is_away_and_gets_no_password() {
    let server = server();
    let said = refused(&address(&server, "localhost", "?sslmode=require"));
    assert!(
        said.contains("does not offer TLS: switch it on there") && said.contains("sslmode=disable"),
        "{said}"
    );
    let (impostor, heard) = impostor(b"N");
    let url = format!("postgres://ada:tops3cret@{impostor}/x?sslmode=verify-full");
    let said = refused(&ServerAddress::read(&url).unwrap());
    assert!(said.contains("does not offer TLS") && !said.contains("tops3cret"), "{said}");
    assert_eq!(heard.join().unwrap(), SSL_REQUEST, "it was asked for TLS, and told nothing else");
}

/// <https://www.postgresql.org/docs/current/protocol-message-formats.html>, `SSLRequest`.
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];

/// Answers the first connection with these bytes; then what it was told until that ended.
fn impostor(answer: &'static [u8]) -> (SocketAddr, thread::JoinHandle<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let hear = move || {
        let mut client: TcpStream = listener.accept().unwrap().0;
        let mut heard = vec![0; SSL_REQUEST.len()];
        client.read_exact(&mut heard).unwrap();
        client.write_all(answer).unwrap();
        // How a connection ends that was given up is all the same.
        client.read_to_end(&mut heard).ok();
        heard
    };
    (address, thread::spawn(hear))
}

#[test]
fn a_handshake_that_never_ends_is_given_up_in_time() {
    let (impostor, heard) = impostor(b"S");
    let url = format!("postgres://ada:tops3cret@{impostor}/x?sslmode=require");
    let began = Instant::now();
    let refused = Postgres::open(&ServerAddress::read(&url).unwrap(), BRIEF).unwrap_err();
    assert!(refused.to_string().contains("no answer in time"), "{refused}");
    assert!(began.elapsed() < BRIEF.call * 5, "{:?}", began.elapsed());
    let heard = heard.join().unwrap();
    assert!(!heard.windows(3).any(|bytes| bytes == b"ada"), "nothing is said before it is encrypted");
}

#[test]
fn a_file_of_authorities_that_is_none_is_named() {
    let server = server();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    let said = |contents: Option<&str>| {
        contents.iter().for_each(|contents| fs::write(&file, contents).unwrap());
        refused(&address(&server, "localhost", &full(&file)))
    };
    for (contents, words) in [
        (None, "No such file"),
        (Some(""), "there is no certificate in it"),
        (Some("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), "BadEncoding"),
        (Some("-----BEGIN CERTIFICATE-----\nAAAA\n"), "missing"),
    ] {
        let said = said(contents);
        assert!(said.contains(&format!("{}: ", file.display())) && said.contains(words), "{words}: {said}");
    }
}
