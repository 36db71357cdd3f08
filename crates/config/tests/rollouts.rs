//! Rollouts, what they are judged by, and who is told.

use std::{path::Path, time::Duration};

use banyan_config::{
    Warnings,
    plan::{Alert, MailTls, Plan, State, Unit},
};
use banyan_rollout::{Authority, Gates, Metric, RollBack, Settings, Sync, WriteSide};

const HEAD: &str = "version: 1\nlisten: 127.0.0.1:8080\nupstreams:\n  old: { endpoints: [ \"http://127.0.0.1:1\" ] }\n  new: { endpoints: [ \
                    \"http://127.0.0.1:2\" ] }\n  box: { endpoints: [ \"http://127.0.0.1:3\" ], isolated: true }\n";

#[track_caller]
fn parse(text: &str) -> Plan {
    banyan_config::parse("/etc/banyan/banyan.yaml", text).unwrap_or_else(|report| panic!("{report}"))
}

/// A unit with a route that reads and one that writes, and this besides.
#[track_caller]
fn unit(more: &str) -> (Unit, Warnings) {
    let text = format!(
        "{HEAD}units:\n  a:\n    legacy: old\n    replacement: new\n    routes: [ {{ match: \"GET /a\" }}, {{ match: \"POST /a\" }} ]\n{more}"
    );
    let mut plan = parse(&text);
    (plan.units.remove(0), plan.warnings)
}

fn settings(unit: &Unit) -> &Settings {
    unit.rollout.as_ref().map(|rollout| rollout.plan.settings()).expect("a rollout")
}

#[test]
fn a_rollout_without_a_word_is_the_usual_one() {
    let (unit, _) = unit("    shadow: { sample: 10% }\n    rollout: {}\n");
    assert_eq!(*settings(&unit), Settings { writes: true, ..Settings::default() });
    assert!(unit.rollout.is_some_and(|rollout| rollout.alerts.is_empty()));
}

#[test]
fn what_is_written_out_in_the_example_is_the_default() {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/rollout.yaml");
    let plan = banyan_config::load(&example).unwrap_or_else(|report| panic!("{report}"));
    assert!(plan.warnings.is_empty(), "{}", plan.warnings);
    let unit = &plan.units[0];
    let authority = Authority { sync: Sync::Shared, ..Authority::default() };
    let expected =
        Settings { hold: Duration::from_secs(600), authority, writes: true, ..Settings::default() };
    assert_eq!((settings(unit), unit.authority), (&expected, authority));
    let rollout = unit.rollout.as_ref().expect("a rollout");
    assert_eq!(rollout.alerts.iter().map(ToString::to_string).collect::<Vec<_>>(), ["http://127.0.0.1:9999"]);
    let shadow = unit.shadow.as_ref().expect("a shadow");
    assert_eq!(shadow.writes_to.map(|id| &*plan.upstreams[id.0].name), Some("articles-sandbox"));
    assert_eq!(
        (shadow.again, shadow.headers.len(), shadow.rules.fields()),
        (true, 1, &["x-total-count".to_owned()][..])
    );
    assert_eq!(plan.flags.iter().map(|flag| flag.key()).collect::<Vec<_>>(), ["new-editor", "search-engine"]);
    assert_eq!(plan.retired_flags, ["old-editor"]);
    assert!(
        plan.ofrep.is_some_and(|ofrep| ofrep.token_file.is_none() && ofrep.requests_per_second == 10_000)
    );
}

#[test]
fn mail_is_kept_from_others_as_the_config_says() {
    let tls = |more: &str| {
        let text = format!(
            "{HEAD}alerts: [ {{ {more}, from: a@b, to: c@d }} ]\nunits:\n  a: {{ legacy: old, replacement: new, rollout: {{}}, routes: [ {{ \
             match: \"GET /a\" }} ] }}\n"
        );
        let plan = parse(&text);
        let rollout = plan.units[0].rollout.as_ref().expect("a rollout");
        let [Alert::Mail(mail)] = rollout.alerts.as_slice() else { panic!("{:?}", rollout.alerts) };
        let ca = match &mail.tls {
            MailTls::Required(ca) | MailTls::Implicit(ca) => ca.as_ref().map(|ca| ca.path.clone()),
            MailTls::None | MailTls::Opportunistic => None,
        };
        (mail.to_string(), mail.tls.clone(), ca)
    };
    assert_eq!(tls("smtp: \"smtp://m\"").1, MailTls::Opportunistic);
    assert_eq!(tls("smtp: \"smtp://m\", tls: opportunistic").1, MailTls::Opportunistic);
    assert_eq!(tls("smtp: \"smtp://m\", tls: none").1, MailTls::None);
    assert_eq!(tls("smtp: \"smtp://m\", tls: required").1, MailTls::Required(None));
    let (shown, implicit, _) = tls("smtp: \"smtps://m\"");
    assert_eq!((shown.as_str(), implicit), ("smtps://m:465", MailTls::Implicit(None)));
    for how in ["smtp: \"smtp://m\", tls: required, ca: ./tls/ca.pem", "smtp: \"smtps://m\", ca: tls/ca.pem"]
    {
        let ca = tls(how).2.expect("a file");
        assert!(ca.ends_with("tls/ca.pem"), "{ca:?}");
    }
}

#[test]
fn a_mail_server_is_told_who_one_is() {
    let text = format!(
        "{HEAD}alerts: [ {{ smtp: \"smtps://m\", user: ada, password_file: run/mail, from: a@b, to: c@d }} ]\n\
         units:\n  a: {{ legacy: old, replacement: new, rollout: {{}}, routes: [ {{ match: \"GET /a\" }} ] }}\n"
    );
    let plan = parse(&text);
    let rollout = plan.units[0].rollout.as_ref().expect("a rollout");
    let [Alert::Mail(mail)] = rollout.alerts.as_slice() else { panic!("{:?}", rollout.alerts) };
    let login = mail.login.as_ref().expect("who logs in");
    assert_eq!(login.user, "ada");
    assert!(login.password_file.path.ends_with("run/mail"), "{:?}", login.password_file.path);
}

/// What stands in a comment as a choice is one.
#[test]
fn the_rollout_example_may_be_used_with_its_comments() {
    let text = include_str!("../../../examples/rollout.yaml");
    let all = text
        .replace("\nstate: ./banyan.db", "")
        .replace("# node:", "node:")
        .replace("# state:", "state:")
        .replace("# - { smtp", "- { smtp")
        .replace("# alert: []", "alert: []");
    let plan = parse(&all);
    assert_eq!(plan.node.as_deref(), Some("gw-1"));
    assert!(plan.state.postgres().is_some_and(|postgres| postgres.password_file().is_some()));
    assert!(plan.units[0].rollout.as_ref().is_some_and(|rollout| rollout.alerts.is_empty()));
}

#[test]
fn what_is_not_compared_is_not_judged() {
    for shadow in ["", "    shadow: { sample: 0% }\n"] {
        let (unit, _) = unit(&format!("{shadow}    rollout: {{}}\n"));
        let metrics = vec![Metric::Errors, Metric::Latency, Metric::Degraded];
        assert_eq!(settings(&unit).gates, Gates { mismatches: None, ..Gates::default() });
        assert_eq!(settings(&unit).roll_back, RollBack { metrics, ..RollBack::default() });
    }
}

#[test]
fn every_key_of_a_rollout_counts() {
    let (unit, _) = unit(
        "    shadow: { sample: 1% }\n    authority: { write: both }\n    rollout:\n      stages: [ 0.01%, 99.99% ]\n      hold: 1h\n      \
         advance_when: { requests: 10, excess_errors: 2%, latency_p99: \"+150%\", mismatches: 3%, degraded: \"+0.5%\" }\n      \
         roll_back: { alpha: 0.1, subjects: 64, metrics: [ degraded, errors ] }\n",
    );
    let gates = Gates {
        requests: 10,
        excess_errors: 0.02,
        latency_p99: 1.5,
        mismatches: Some(0.03),
        degraded: 0.005,
    };
    let expected = Settings {
        stages: [1, 9_999].map(|points| banyan_flags::Percent::from_basis_points(points).unwrap()).to_vec(),
        hold: Duration::from_secs(3600),
        gates,
        roll_back: RollBack { alpha: 0.1, subjects: 64, metrics: vec![Metric::Degraded, Metric::Errors] },
        authority: Authority { write: WriteSide::Both, ..Authority::default() },
        writes: true,
    };
    assert_eq!(*settings(&unit), expected);
}

#[test]
fn alerts_of_a_rollout_replace_those_at_the_top() {
    let text = format!(
        "{HEAD}alerts: [ {{ webhook: \"https://chat.example.com/hooks/S3CRET?x=1\" }}, {{ smtp: \"smtp://[::1]\", from: a@b, to: c@d }} ]\nunits:\n  \
         a: {{ legacy: old, replacement: new, rollout: {{}}, routes: [ {{ match: \"GET /a\" }} ] }}\n  \
         b: {{ legacy: old, replacement: new, rollout: {{ alert: [] }}, routes: [ {{ match: \"GET /b\" }} ] }}\n"
    );
    let plan = parse(&text);
    let alerts = |unit: usize| &plan.units[unit].rollout.as_ref().expect("a rollout").alerts;
    let [Alert::Webhook(webhook), Alert::Mail(mail)] = alerts(0).as_slice() else {
        panic!("{:?}", alerts(0))
    };
    assert_eq!(webhook.url().expose(), "https://chat.example.com/hooks/S3CRET?x=1");
    assert_eq!(
        (webhook.to_string().as_str(), mail.to_string().as_str()),
        ("https://chat.example.com", "smtp://[::1]:25")
    );
    assert_eq!((mail.from.as_str(), mail.to.as_slice()), ("a@b", &["c@d".to_owned()][..]));
    assert!(alerts(1).is_empty());
    assert!(!format!("{plan:?}").contains("S3CRET"), "what lets one in is not shown");
}

#[test]
fn a_rollout_that_cannot_be_rolled_back_is_warned_of() {
    let said = |more: &str| unit(more).1.to_string();
    let shown = said("    rollout: {}\n");
    assert!(shown.contains("warning: a rollback of unit 'a' would be refused"), "{shown}");
    assert!(shown.contains("/etc/banyan/banyan.yaml:12:5") && shown.contains("sync: shared"), "{shown}");
    assert!(shown.ends_with("1 warning"), "{shown}");
    for quiet in [
        "",
        "    authority: { sync: shared }\n    rollout: {}\n",
        "    authority: { write: both }\n    rollout: {}\n",
    ] {
        assert_eq!(said(quiet), "", "{quiet}");
    }
    let reads_only = format!(
        "{HEAD}units: {{ a: {{ legacy: old, replacement: new, rollout: {{}}, routes: [ {{ match: \"GET /a\" }} ] }} }}\n"
    );
    assert!(parse(&reads_only).warnings.is_empty(), "nothing is written, so nothing is lost");
}

#[test]
fn copies_of_writes_that_nobody_makes_are_warned_of() {
    let text = format!(
        "{HEAD}units: {{ a: {{ legacy: old, replacement: new, shadow: {{ sample: 1%, writes_to: box }}, routes: [ {{ match: \"GET /a\" }} ] }} }}\n"
    );
    let warnings = parse(&text).warnings;
    assert_eq!(warnings.problems().len(), 1);
    assert!(warnings.to_string().contains("no route of the unit writes"), "{warnings}");
    assert!(unit("    shadow: { sample: 1%, writes_to: box }\n").1.is_empty());
}

#[test]
fn a_store_is_a_file_or_a_postgres() {
    let state =
        |state: &str| parse(&format!("{HEAD}state: {state}\nroutes: [ {{ match: \"* /\", to: old }} ]\n"));
    let file = state("./x.db");
    assert_eq!(file.state.file(), Some(Path::new("/etc/banyan/x.db")));
    assert_eq!(file.admin.token_file, Path::new("/etc/banyan/x.db.admin-token"));
    for short in ["postgres://u:p%40ss@h/d", "{ postgres: \"postgres://u:p%40ss@h/d\" }"] {
        let plan = state(short);
        assert_eq!(plan.admin.token_file, Path::new("/etc/banyan/banyan.admin-token"));
        let State::Postgres(postgres) = &plan.state else { panic!("{:?}", plan.state) };
        assert_eq!(
            (postgres.address(), postgres.url(None).expose()),
            ("postgres://u@h/d", "postgres://u:p%40ss@h/d")
        );
        assert!(!format!("{plan:?}").contains("ss@h"), "{plan:?}");
    }
    let plan = state("{ postgres: \"postgres://u@h/d\", password_file: ./pw }");
    let postgres = plan.state.postgres().expect("a postgres");
    assert_eq!(postgres.password_file().map(|file| file.path.as_path()), Some(Path::new("/etc/banyan/pw")));
    assert_eq!(postgres.url(Some("p@\n")).expose(), "postgres://u:p%40@h/d");
}
