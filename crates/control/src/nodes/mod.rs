//! The nodes that share a store: who is there, whether they run the same, and who drives rollouts.
//!
//! Each node says every second that it is there and what it runs. One node of eight with an old config would send subjects
//! to another side than the seven others, so nothing goes up unless all that are alive agree. And a node that cannot reach
//! the store knows nothing of the others: it serves its last plan, says so, and lets nothing go up.
mod agree;
mod heart;

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use banyan_state::{NodeRecord, StoreError, Term};
use tokio::time::Instant;

pub(crate) use self::{agree::differences, heart::Heart};

/// A node heard of within this time counts as alive: five beats.
pub(crate) const ALIVE: Duration = Duration::from_secs(5);

/// What is known about the nodes, as of the last beat.
pub(crate) struct Nodes {
    me: Me,
    seen: Mutex<Seen>,
}

/// What does not change about this node.
#[derive(Clone, Debug)]
pub(crate) struct Me {
    /// Its name, which no other node has.
    pub(crate) name: Arc<str>,
    /// Where its admin API listens.
    pub(crate) address: String,
    /// When it started.
    pub(crate) started_at: SystemTime,
    /// The version of the program.
    pub(crate) program: &'static str,
}

/// What the store said with the last beat.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    /// By which right this node drives rollouts; `None` while another does, or while that is not known.
    pub(crate) term: Option<Term>,
    /// Every node, this one included.
    pub(crate) nodes: Vec<NodeRecord>,
    /// Since when the store cannot be reached; `None` while it can.
    pub(crate) cut_off_since: Option<SystemTime>,
    /// Why it cannot be reached.
    pub(crate) why: String,
    /// Another process says that it is this node.
    pub(crate) twin: bool,
    /// When the store answered last.
    at: Option<Instant>,
    /// The last time that it did not.
    gap: Option<Gap>,
}

/// A time without the store. All nodes were silent in it, or were heard by nobody: those that were alive before it are
/// taken to be alive until they had the time to say so. Otherwise the first node that is back would believe to be alone,
/// and let go up what the others must agree to.
#[derive(Clone, Copy, Debug)]
struct Gap {
    over_at: Instant,
    lasted: Duration,
}

impl Seen {
    /// Whether a node counts as alive.
    fn is_alive(&self, node: &NodeRecord) -> bool {
        node.last_seen <= ALIVE.saturating_add(self.silence())
    }

    /// For how long nobody could be heard of, if that is just over.
    fn silence(&self) -> Duration {
        let lately = self.gap.filter(|gap| gap.over_at.elapsed() < ALIVE);
        lately.map_or(Duration::ZERO, |gap| gap.lasted)
    }
}

/// Why nothing may go up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Hindrance {
    /// The store cannot be reached.
    CutOff,
    /// These nodes differ, in words.
    Differ(String),
}

impl fmt::Display for Hindrance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CutOff => f.write_str("this node is cut off from the state store"),
            Self::Differ(what) => write!(f, "the nodes do not run the same: {what}"),
        }
    }
}

impl Nodes {
    pub(crate) fn new(me: Me) -> Self {
        Self { me, seen: Mutex::default() }
    }

    /// This node.
    pub(crate) const fn me(&self) -> &Me {
        &self.me
    }

    /// What was seen last.
    pub(crate) fn seen(&self) -> Seen {
        self.lock().clone()
    }

    /// By which right this node drives rollouts, if it does.
    pub(crate) fn term(&self) -> Option<Term> {
        self.lock().term
    }

    /// Whether this node drives rollouts and sends alerts.
    pub(crate) fn leads(&self) -> bool {
        self.term().is_some()
    }

    /// Whether evidence of others counts too.
    pub(crate) fn has_others(&self) -> bool {
        let seen = self.lock();
        seen.nodes.iter().any(|node| seen.is_alive(node) && node.beat.node != *self.me.name)
    }

    /// Since when it is cut off from the store, if it is.
    pub(crate) fn cut_off_since(&self) -> Option<SystemTime> {
        self.lock().cut_off_since
    }

    /// Whether something may go up, when this node runs a config with this fingerprint.
    pub(crate) fn hindrance(&self, fingerprint: &str) -> Option<Hindrance> {
        let seen = self.lock();
        if seen.cut_off_since.is_some() || seen.at.is_none_or(|at| at.elapsed() > ALIVE) {
            return Some(Hindrance::CutOff);
        }
        if seen.twin {
            let name = &self.me.name;
            let what = format!(
                "there are two nodes called {name}: give each a name of its own, by 'node' in the config"
            );
            return Some(Hindrance::Differ(what));
        }
        let alive = seen.nodes.iter().filter(|node| seen.is_alive(node));
        let different = differences(alive, &self.me.name, fingerprint, self.me.program);
        (!different.is_empty()).then(|| Hindrance::Differ(different.join("; ")))
    }

    /// The store answered.
    fn heard(&self, term: Option<Term>, nodes: Vec<NodeRecord>) -> Change {
        let mut seen = self.lock();
        let mine = nodes.iter().find(|node| node.beat.node == *self.me.name);
        let twin = mine.is_some_and(|node| node.beat.started_at != self.me.started_at);
        let change = Change {
            back: seen.cut_off_since.is_some(),
            leads: (seen.term.is_some() != term.is_some()).then_some(term.is_some()),
            twin: twin && !seen.twin,
            ..Change::default()
        };
        let now = Instant::now();
        let gap = match seen.at {
            Some(at) if change.back => {
                let lasted = now.duration_since(at).saturating_add(seen.silence());
                Some(Gap { over_at: now, lasted })
            }
            _ => seen.gap,
        };
        *seen = Seen { term, nodes, at: Some(now), twin, gap, ..Seen::default() };
        change
    }

    /// The store did not answer. Whoever cannot ask cannot lead.
    fn missed(&self, error: &StoreError, at: SystemTime) -> Change {
        let mut seen = self.lock();
        let change = Change {
            away: seen.cut_off_since.is_none(),
            leads: seen.term.is_some().then_some(false),
            ..Change::default()
        };
        seen.cut_off_since = seen.cut_off_since.or(Some(at));
        seen.why = error.to_string();
        seen.term = None;
        change
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is different since the beat before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Change {
    /// The store cannot be reached since now.
    away: bool,
    /// It can be reached again.
    back: bool,
    /// Whether this node leads since now.
    leads: Option<bool>,
    /// Another process says since now that it is this node.
    twin: bool,
}

#[cfg(test)]
mod tests {
    use banyan_state::Beat;

    use super::*;

    fn me(started_at: SystemTime) -> Me {
        Me { name: "gw-1".into(), address: String::new(), started_at, program: "1" }
    }

    fn record(node: &str, started_at: SystemTime, last_seen: Duration) -> NodeRecord {
        let beat = Beat {
            node: node.to_owned(),
            address: String::new(),
            started_at,
            config_hash: if node == "odd" { "y" } else { "x" }.to_owned(),
            program: "1".to_owned(),
            generation: 1,
            cut_off_since: None,
        };
        NodeRecord { beat, last_seen, leads: false }
    }

    #[test]
    fn only_who_is_alive_can_stand_in_the_way() {
        let now = SystemTime::now();
        let nodes = Nodes::new(me(now));
        assert_eq!(nodes.hindrance("x"), Some(Hindrance::CutOff), "nothing was heard yet");
        nodes.heard(Term::new(1), vec![record("gw-1", now, Duration::ZERO), record("odd", now, ALIVE * 2)]);
        assert_eq!(nodes.hindrance("x"), None);
        assert!(nodes.leads() && !nodes.has_others());
        nodes.heard(Term::new(1), vec![record("odd", now, Duration::ZERO)]);
        let Some(Hindrance::Differ(what)) = nodes.hindrance("x") else { panic!("they differ") };
        assert_eq!(what, "odd runs another config (y instead of x)");
        assert!(nodes.has_others());
    }

    /// PostgreSQL was restarted: of all nodes this is the first to be back.
    #[tokio::test(start_paused = true)]
    async fn who_is_back_first_is_not_alone() {
        let (now, outage) = (SystemTime::now(), Duration::from_secs(60));
        let me_seen = |ago| record("gw-1", now, ago);
        let nodes = Nodes::new(me(now));
        nodes.heard(Term::new(1), vec![me_seen(Duration::ZERO), record("odd", now, Duration::ZERO)]);
        nodes.missed(&StoreError::Unreachable("postgres://db".to_owned()), now);
        tokio::time::advance(outage).await;
        let gone = || record("gone", now, outage + ALIVE * 2);
        let ago = outage + Duration::from_secs(1);
        nodes.heard(Term::new(2), vec![me_seen(ago), record("odd", now, ago), gone()]);
        let Some(Hindrance::Differ(what)) = nodes.hindrance("x") else { panic!("the other did not go away") };
        assert_eq!(what, "odd runs another config (y instead of x)");
        assert!(nodes.has_others());
        // It had the time to say that it is there.
        tokio::time::advance(ALIVE).await;
        nodes.heard(Term::new(2), vec![me_seen(Duration::ZERO), record("odd", now, ago + ALIVE), gone()]);
        assert_eq!(nodes.hindrance("x"), None);
        assert!(!nodes.has_others());
    }

    #[test]
    fn two_nodes_of_one_name_are_noticed() {
        let now = SystemTime::now();
        let nodes = Nodes::new(me(now));
        let other = record("gw-1", now + Duration::from_secs(9), Duration::ZERO);
        assert!(nodes.heard(None, vec![other.clone()]).twin);
        assert!(!nodes.heard(None, vec![other]).twin, "it is said once");
        let Some(Hindrance::Differ(what)) = nodes.hindrance("x") else { panic!("nobody knows who is who") };
        assert!(what.contains("two nodes called gw-1"), "{what}");
        nodes.heard(None, vec![record("gw-1", now, Duration::ZERO)]);
        assert_eq!(nodes.hindrance("x"), None);
    }

    #[test]
    fn who_cannot_ask_does_not_lead_and_knows_since_when() {
        let now = SystemTime::now();
        let nodes = Nodes::new(me(now));
        assert_eq!(nodes.heard(Term::new(1), Vec::new()).leads, Some(true));
        let gone = || StoreError::Unreachable("postgres://db".to_owned());
        let first = nodes.missed(&gone(), now);
        assert!(first.away && first.leads == Some(false) && !nodes.leads());
        assert!(!nodes.missed(&gone(), now + ALIVE).away);
        assert_eq!((nodes.cut_off_since(), nodes.hindrance("x")), (Some(now), Some(Hindrance::CutOff)));
        assert!(nodes.heard(None, Vec::new()).back && nodes.cut_off_since().is_none());
    }
}
