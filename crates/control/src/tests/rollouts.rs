//! Rollouts: what people order, what the driver does, and what nobody can do.

use std::{sync::Arc, time::Duration};

use axum::{Router, body::Body};
use banyan_rollout::{
    Millis, Side,
    judge::{Exhibit, Observation, RouteIndex},
};
use banyan_state::{Beat, Memory, Store, StoreError, live::Units};
use http::{Method, header};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{task::JoinSet, time::sleep};

use super::bench::{Answer, Bench, Scripted, config, request, send};
use crate::{
    Control,
    rollout::{Driver, changes},
};

/// A hold of ten seconds, and gates that sixty good answers pass.
const ROLLOUT: &str = r#"    rollout:
      stages: [ 1%, 5%, 100% ]
      hold: 10s
      advance_when: { requests: 60, excess_errors: 20%, latency_p99: "+100%", degraded: "+20%" }
      alert: [ { webhook: "http://127.0.0.1:1/hook" } ]
"#;

/// A config in which articles have a rollout, and these routes.
fn with_rollout(routes: &str) -> String {
    let bare = "    routes: [ { match: \"GET /articles\" } ]\n";
    config("0%", "0%").replace(bare, &format!("{ROLLOUT}    routes: [ {routes} ]\n"))
}

fn reading() -> String {
    with_rollout("{ match: \"GET /articles\" }")
}

/// A control plane that drives.
struct Driven {
    _folder: TempDir,
    store: Arc<Scripted>,
    units: Arc<Units>,
    router: Router,
    token: String,
    fingerprint: String,
    _tasks: JoinSet<()>,
}

impl Driven {
    fn start(config: &str) -> Self {
        Self::on(Arc::default(), config)
    }

    /// On what another process has left behind.
    fn on(memory: Arc<Memory>, config: &str) -> Self {
        let store = Scripted { memory, ..Scripted::default() };
        let Bench { folder, store, units, control, router, token, .. } = Bench::with(store, config);
        let Control { shared, heart, store: shared_store, .. } = control;
        let mut tasks = JoinSet::new();
        tasks.spawn(heart.run());
        let changes = changes(&shared_store).unwrap();
        tasks.spawn(Driver::new(shared.conductor.clone(), changes).run());
        let fingerprint = shared.standing.plan().fingerprint.clone();
        Self { _folder: folder, store, units, router, token, fingerprint, _tasks: tasks }
    }

    async fn ask(&self, method: Method, path: &str, body: Option<Value>, tag: Option<&str>) -> Answer {
        let mut request = request(method, path)
            .header(header::AUTHORIZATION, format!("Bearer {}", self.token))
            .header(header::CONTENT_TYPE, "application/json");
        if let Some(tag) = tag {
            request = request.header(header::IF_MATCH, tag);
        }
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        send(&self.router, request.body(body).unwrap()).await
    }

    async fn order(&self, command: &str) -> Answer {
        let body = json!({ "by": "ada", "why": "friday" });
        self.ask(Method::POST, &format!("/v1/rollouts/articles/{command}"), Some(body), None).await
    }

    async fn started(self) -> Self {
        let answer = self.order("start").await;
        assert_eq!(answer.status, 200, "{answer:?}");
        self
    }

    async fn get(&self, path: &str) -> Value {
        let answer = self.ask(Method::GET, path, None, None).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    }

    async fn rollout(&self) -> Value {
        self.get("/v1/rollouts/articles").await
    }

    async fn phase(&self) -> (String, String) {
        let rollout = self.rollout().await;
        (rollout["phase"].as_str().unwrap().to_owned(), self.percent())
    }

    fn percent(&self) -> String {
        self.units.get("articles").unwrap().percent().to_string()
    }

    /// So many answers of a side.
    fn answers(&self, side: Side, count: u64, failed: bool) {
        let live = self.units.get("articles").unwrap();
        let seen = live.with_judge(|judge| {
            for subject in 0..count {
                let answer = Observation {
                    route: RouteIndex(0),
                    side,
                    failed,
                    latency_us: 1_000,
                    degraded: false,
                    compared: false,
                    subject,
                };
                let failed = judge.observe(&answer, Millis(subject));
                if let Some(metric) = failed.first() {
                    judge.exhibit(Exhibit {
                        at: Millis(subject),
                        metric,
                        route: "GET /articles".to_owned(),
                        source: banyan_rollout::Source::Live,
                        what: "503".to_owned(),
                        latency_us: None,
                        trace: format!("{subject:032x}"),
                    });
                }
            }
        });
        assert!(seen.is_some(), "articles are judged");
    }

    fn good_answers(&self) {
        self.answers(Side::Control, 400, false);
        self.answers(Side::Candidate, 100, false);
    }

    fn bad_answers(&self) {
        self.answers(Side::Control, 2_000, false);
        self.answers(Side::Candidate, 20, true);
    }

    fn says(&self, node: &str, config_hash: &str) {
        let beat = Beat {
            node: node.to_owned(),
            address: "127.0.0.1:9902".to_owned(),
            started_at: std::time::SystemTime::now(),
            config_hash: config_hash.to_owned(),
            program: "1.2.3".to_owned(),
            generation: 1,
            cut_off_since: None,
        };
        self.store.memory.beat(&beat).unwrap();
    }

    fn alerts(&self) -> Vec<Value> {
        let due = self.store.memory.alerts_due(std::time::SystemTime::now() + HOUR, 10).unwrap();
        due.iter().map(|alert| serde_json::from_str(&alert.body).unwrap()).collect()
    }
}

const HOUR: Duration = Duration::from_secs(3600);
/// More than a tick of the driver, and less than a hold.
const SOON: Duration = Duration::from_millis(1_000);
const HOLD: Duration = Duration::from_secs(11);

fn is(phase: &str, percent: &str) -> (String, String) {
    (phase.to_owned(), percent.to_owned())
}

#[tokio::test(start_paused = true)]
async fn a_good_replacement_goes_up_stage_by_stage_to_the_end() {
    let driven = Driven::start(&reading());
    let idle = driven.rollout().await;
    assert_eq!((&idle["phase"], &idle["stage"], &idle["version"]), (&json!("idle"), &json!(null), &json!(0)));
    let driven = driven.started().await;
    for percent in ["1%", "5%", "100%"] {
        assert_eq!(driven.phase().await, is("running", percent));
        driven.good_answers();
        sleep(SOON).await;
        assert_eq!(driven.percent(), percent, "it is held for as long as the plan says");
        sleep(HOLD).await;
    }
    assert_eq!(driven.phase().await, is("complete", "100%"));
    let history = driven.get("/v1/rollouts/articles/history").await;
    let whats: Vec<_> = history.as_array().unwrap().iter().map(|entry| entry["what"].clone()).collect();
    assert_eq!(whats, ["complete at 100%", "5% -> 100%", "1% -> 5%", "started at 1%"]);
    assert_eq!((&history[3]["by"], &history[3]["why"]), (&json!("ada"), &json!("friday")));
    assert_eq!(history[1]["by"], "banyan");
    assert_eq!(driven.alerts()[0]["occasion"], "complete");
    assert!(!driven.units.get("articles").unwrap().is_judged(), "nothing is judged any more");
}

#[tokio::test(start_paused = true)]
async fn without_data_it_holds_for_ever() {
    let driven = Driven::start(&reading()).started().await;
    sleep(HOUR).await;
    assert_eq!(driven.phase().await, is("running", "1%"));
    let rollout = driven.rollout().await;
    assert_eq!((&rollout["left_s"], &rollout["gates"][0]["verdict"]), (&json!(0.0), &json!("hold")));
}

#[tokio::test(start_paused = true)]
async fn a_worse_replacement_is_back_at_nothing_within_a_second_and_stays_there() {
    let driven = Driven::start(&reading()).started().await;
    driven.bad_answers();
    sleep(SOON).await;
    assert_eq!(driven.phase().await, is("rolled back", "0%"));
    let rollout = driven.rollout().await;
    let said = rollout["worse"]["text"].as_str().unwrap();
    assert!(
        said.starts_with("errors 20 of 20 on the replacement against 0 of 2,000 on legacy in "),
        "{said}"
    );
    assert!(said.contains("(GET /articles); trace ids 000"), "{said}");
    assert_eq!(rollout["worse"]["exhibits"].as_array().unwrap().len(), 20);
    let alerts = driven.alerts();
    assert_eq!(alerts.len(), 1);
    let text = alerts[0]["text"].as_str().unwrap();
    assert!(text.starts_with("articles: rolled back from 1% to 0%: errors 20 of 20"), "{text}");

    sleep(HOUR).await;
    assert_eq!(driven.phase().await, is("rolled back", "0%"), "only a person starts anew");
    let driven = driven.started().await;
    sleep(SOON).await;
    assert_eq!(driven.phase().await, is("running", "1%"), "what was seen before counts no more");
    let timeline = driven.get("/v1/timeline").await;
    let kinds = timeline.as_array().unwrap().iter().filter(|entry| entry["kind"] == "rollout");
    assert_eq!(kinds.count(), 3, "{timeline}");
}

#[tokio::test(start_paused = true)]
async fn a_paused_rollout_holds_and_is_rolled_back_all_the_same() {
    let driven = Driven::start(&reading()).started().await;
    driven.good_answers();
    assert_eq!(driven.order("pause").await.status, 200);
    sleep(HOLD * 2).await;
    assert_eq!(driven.phase().await, is("paused", "1%"));
    driven.order("pause").await.problem(409, "rollout-not-now");
    assert_eq!(driven.order("resume").await.json()["phase"], "running");
    assert_eq!(driven.order("promote").await.json()["percent"], "5%");
    assert_eq!(driven.order("pause").await.status, 200);
    driven.bad_answers();
    sleep(SOON).await;
    assert_eq!(driven.phase().await, is("rolled back", "0%"));
    for command in ["pause", "resume", "promote", "abort"] {
        driven.order(command).await.problem(409, "rollout-not-now");
    }
}

#[tokio::test(start_paused = true)]
async fn nobody_promotes_what_is_worse_and_anybody_may_end_it() {
    let driven = Driven::start(&reading());
    driven.says("gw-2", &driven.fingerprint);
    let driven = driven.started().await;
    assert_eq!(driven.order("abort").await.json()["phase"], "aborted");
    assert_eq!(driven.percent(), "0%");
    driven.ask(Method::POST, "/v1/rollouts/users/start", None, None).await.problem(404, "no-rollout");
    driven.ask(Method::POST, "/v1/rollouts/nobody/start", None, None).await.problem(404, "unknown-unit");
}

#[tokio::test(start_paused = true)]
async fn time_that_passes_is_no_conflict_and_what_others_do_is() {
    let driven = Driven::start(&reading()).started().await;
    let tag =
        driven.ask(Method::GET, "/v1/rollouts/articles", None, None).await.headers[header::ETAG].clone();
    let tag = tag.to_str().unwrap();
    // The time that was counted is stored meanwhile.
    sleep(HOLD).await;
    let pause = "/v1/rollouts/articles/pause";
    assert_eq!(driven.ask(Method::POST, pause, None, Some(tag)).await.status, 200);
    let resume = "/v1/rollouts/articles/resume";
    driven.ask(Method::POST, resume, None, Some(tag)).await.problem(412, "version-mismatch");
    let (one, two) = tokio::join!(driven.order("resume"), driven.order("resume"));
    let mut statuses = [one.status.as_u16(), two.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409], "of two at once one finds that it is done");
}

#[tokio::test(start_paused = true)]
async fn a_percentage_set_by_hand_pauses_and_a_held_unit_holds() {
    let driven = Driven::start(&reading()).started().await;
    let set = json!({ "percent": "7%", "by": "bob" });
    assert_eq!(driven.ask(Method::PUT, "/v1/units/articles", Some(set), None).await.status, 200);
    sleep(SOON).await;
    assert_eq!(driven.phase().await, is("paused", "7%"));
    let note = driven.rollout().await["note"].as_str().unwrap().to_owned();
    assert!(note.contains("set by hand") && note.contains("bob"), "{note}");
    assert_eq!(driven.alerts()[0]["occasion"], "paused");
    assert_eq!(driven.order("resume").await.json()["percent"], "7%");

    driven.ask(Method::POST, "/v1/units/articles/hold", Some(json!({ "by": "eve" })), None).await;
    sleep(SOON).await;
    assert_eq!(driven.phase().await, is("paused", "7%"));
    driven.order("resume").await.problem(409, "unit-held");
    driven.bad_answers();
    sleep(SOON).await;
    assert_eq!(driven.phase().await, is("rolled back", "0%"), "back is always possible");
}

#[tokio::test(start_paused = true)]
async fn a_rollback_that_would_lose_what_people_wrote_waits_for_a_person() {
    let driven = Driven::start(&with_rollout("{ match: \"GET /articles\" }, { match: \"POST /articles\" }"));
    let driven = driven.started().await;
    assert_eq!(driven.rollout().await["rollback"]["safe"], false);
    driven.bad_answers();
    sleep(SOON).await;
    assert_eq!(driven.phase().await, is("paused", "1%"));
    assert_eq!(driven.alerts()[0]["occasion"], "rollback_refused");
    let refused = driven.order("abort").await.problem(409, "rollback-unsafe");
    assert_eq!(refused["alternatives"].as_array().unwrap().len(), 2);
    let force = json!({ "by": "ada", "why": "lesser evil", "force": true });
    let aborted = driven.ask(Method::POST, "/v1/rollouts/articles/abort", Some(force), None).await;
    assert_eq!(aborted.json()["phase"], "aborted");
    assert_eq!(driven.percent(), "0%");
}

#[tokio::test(start_paused = true)]
async fn nothing_goes_up_while_nodes_differ() {
    let driven = Driven::start(&reading());
    driven.says("gw-2", "another");
    sleep(SOON * 2).await;
    let refused = driven.order("start").await.problem(409, "nodes-differ");
    assert!(refused["differences"].as_str().unwrap().contains("gw-2 runs another config"), "{refused}");
    driven.says("gw-2", &driven.fingerprint);
    sleep(SOON * 2).await;
    let driven = driven.started().await;
    driven.good_answers();
    driven.says("gw-2", "another");
    sleep(HOLD * 2).await;
    let rollout = driven.rollout().await;
    assert_eq!((&rollout["percent"], &rollout["phase"]), (&json!("1%"), &json!("running")));
    assert!(rollout["blocked"].as_str().unwrap().contains("gw-2"), "{rollout}");
    assert_eq!(driven.alerts().len(), 1, "it is said once");
    let nodes = driven.get("/v1/nodes").await;
    assert_eq!((&nodes["nodes"][1]["name"], &nodes["nodes"][1]["differs"]), (&json!("gw-2"), &json!(true)));
    assert_eq!((&nodes["nodes"][0]["self"], &nodes["nodes"][0]["leader"]), (&json!(true), &json!(true)));
    driven.says("gw-2", &driven.fingerprint);
    sleep(SOON * 3).await;
    assert_eq!(driven.phase().await, is("running", "5%"));
}

#[tokio::test(start_paused = true)]
async fn what_another_node_has_seen_counts_too() {
    let driven = Driven::start(&reading());
    driven.says("gw-2", &driven.fingerprint);
    sleep(SOON * 2).await;
    let driven = driven.started().await;
    driven.bad_answers();
    let live = driven.units.get("articles").unwrap();
    // What this node saw is said to have been seen by the other.
    let evidence = live.with_judge(|judge| {
        let evidence = judge.evidence();
        let scope = *judge.scope();
        *judge = banyan_rollout::Judge::new(scope, ["GET /articles"], Millis(0));
        evidence
    });
    let evidence = evidence.unwrap();
    let body = serde_json::to_vec(&evidence).unwrap();
    driven.store.memory.put_evidence("gw-2", "articles", evidence.epoch, &body).unwrap();
    sleep(SOON).await;
    assert_eq!(driven.phase().await, is("rolled back", "0%"));
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_away_stops_nothing_but_the_rollout() {
    let driven = Driven::start(&reading()).started().await;
    driven.good_answers();
    *driven.store.fail.lock().unwrap() = Some(|| StoreError::Unreachable("postgres://db".to_owned()));
    sleep(HOLD * 3).await;
    assert_eq!(driven.phase().await, is("running", "1%"));
    let status = driven.get("/v1/status").await;
    assert!(status["cut_off_since"].as_str().is_some(), "{status}");
    let ready = driven.get("/readyz").await;
    assert_eq!((&ready["status"], ready["cut_off_since"].is_string()), (&json!("ready"), true));
    let nodes = driven.get("/v1/nodes").await;
    assert!(
        nodes["cut_off_since"].is_string()
            && nodes["cut_off_why"].as_str().unwrap().contains("postgres://db")
    );
    assert!(driven.rollout().await["blocked"].as_str().unwrap().contains("cut off"));
    driven.order("promote").await.problem(503, "store-unavailable");

    *driven.store.fail.lock().unwrap() = None;
    sleep(HOLD + SOON).await;
    assert_eq!(driven.phase().await, is("running", "5%"), "then it goes on");
    assert_eq!(driven.get("/v1/status").await["cut_off_since"], json!(null));
}

#[tokio::test(start_paused = true)]
async fn a_step_that_the_store_refuses_changes_nothing_live() {
    let driven = Driven::start(&reading()).started().await;
    *driven.store.fail.lock().unwrap() = Some(|| StoreError::Full);
    driven.bad_answers();
    sleep(SOON).await;
    assert_eq!(driven.percent(), "1%", "what is not stored is not live");
    *driven.store.fail.lock().unwrap() = None;
    sleep(SOON * 3).await;
    assert_eq!(driven.phase().await, is("rolled back", "0%"));
}

#[tokio::test(start_paused = true)]
async fn a_process_that_is_killed_is_followed_by_one_that_goes_on_where_it_was() {
    let memory = Arc::<Memory>::default();
    let driven = Driven::on(memory.clone(), &reading()).started().await;
    driven.good_answers();
    sleep(Duration::from_secs(6)).await;
    drop(driven);
    let driven = Driven::on(memory, &reading());
    assert_eq!(driven.phase().await, is("running", "1%"));
    let rollout = driven.rollout().await;
    assert_eq!(rollout["gates"][0]["sample"], 100, "what was seen before was written down: {rollout}");
    assert!(rollout["held_s"].as_f64().unwrap() >= 4.9, "and how long it was held: {rollout}");
    sleep(Duration::from_secs(6)).await;
    assert_eq!(driven.phase().await, is("running", "5%"));
}

#[tokio::test(start_paused = true)]
async fn what_another_node_does_is_followed_within_a_second() {
    let memory = Arc::<Memory>::default();
    let one = Driven::on(memory.clone(), &reading());
    let other = Driven::on(memory, &format!("node: gw-2\n{}", reading()));
    let one = one.started().await;
    sleep(SOON * 2).await;
    assert_eq!(other.phase().await, is("running", "1%"));
    assert!(other.units.get("articles").unwrap().is_judged());
    assert_eq!(one.order("abort").await.status, 200);
    sleep(SOON * 2).await;
    assert_eq!(other.phase().await, is("aborted", "0%"));
    assert!(!other.units.get("articles").unwrap().is_judged());
}
