//! What people switch by hand for a while: breakers and faults. The one place where that changes.
//!
//! None of it is stored. A breaker that was forced open in the night, or a fault somebody made for a rehearsal, must not
//! come back with a restart and puzzle whoever is there then. So each of them ends by itself, and a restart ends all. What
//! is kept here, as long as the process lives, is who did it and why: the first that the next person wants to know.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use banyan_config::plan::Chaos;
use banyan_telemetry::timeline::{Kind, Timeline};

use crate::{
    BreakerStatus, ChaosRefused, ChaosTarget, DataPlane, Forced, SwitchedChaos, span, view::in_words,
};

/// Breakers and faults as people set them.
pub(crate) struct Switches {
    data_plane: Arc<dyn DataPlane>,
    timeline: Arc<Timeline>,
    /// Whose hand was on a switch last. As many as the configs of this process have named switches that were used.
    hands: Mutex<HashMap<Switch, Hand>>,
}

/// Who switched something, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Hand {
    pub(crate) by: String,
    /// In their words; empty when they gave no reason.
    pub(crate) why: String,
}

#[derive(PartialEq, Eq, Hash)]
enum Switch {
    Breaker(Arc<str>),
    Chaos(ChaosTarget),
}

impl Switches {
    pub(crate) fn new(data_plane: Arc<dyn DataPlane>, timeline: Arc<Timeline>) -> Self {
        Self { data_plane, timeline, hands: Mutex::default() }
    }

    /// Every breaker, and who forced it if somebody did.
    pub(crate) fn breakers(&self) -> Vec<(BreakerStatus, Option<Hand>)> {
        let hands = self.lock();
        self.data_plane.breakers().into_iter().map(|breaker| with_hand(breaker, &hands)).collect()
    }

    /// Forces the breaker of an upstream, or gives it back to itself. `None` when there is no such breaker.
    pub(crate) fn force(
        &self,
        upstream: &str,
        forced: Option<(Forced, Duration)>,
        hand: Hand,
    ) -> Option<(BreakerStatus, Option<Hand>)> {
        // Held to the end, so that the hand noted is the one that did it.
        let mut hands = self.lock();
        let is_meant = |breaker: &BreakerStatus| *breaker.upstream == *upstream;
        let before = self.data_plane.breakers().into_iter().find(is_meant)?;
        let after = self.data_plane.force_breaker(upstream, forced)?;
        if before.forced.is_some() || after.forced.is_some() {
            self.note_breaker(&before, &after, forced, &hand);
            hands.insert(Switch::Breaker(after.upstream.clone()), hand);
        }
        Some(with_hand(after, &hands))
    }

    /// The faults that are switched, and by whom.
    pub(crate) fn chaos(&self) -> Vec<(SwitchedChaos, Option<Hand>)> {
        let hands = self.lock();
        let with_hand = |switched: SwitchedChaos| {
            let hand = hands.get(&Switch::Chaos(switched.target.clone())).cloned();
            (switched, hand)
        };
        self.data_plane.chaos().into_iter().map(with_hand).collect()
    }

    /// Switches faults for a while; `None` for none, whatever the config says.
    pub(crate) fn set_chaos(
        &self,
        target: &ChaosTarget,
        chaos: Option<Chaos>,
        lasts: Duration,
        hand: Hand,
    ) -> Result<(), ChaosRefused> {
        let mut hands = self.lock();
        let before = self.switched(target);
        let to = in_words(chaos.as_ref());
        self.data_plane.set_chaos(target, chaos, lasts)?;
        let lasts = span::text(lasts);
        self.timeline.note(Kind::Chaos, format!("{target}: {to} for {lasts}, {}", hand.signed()));
        audit_chaos(target, &before, &to, &lasts, &hand);
        hands.insert(Switch::Chaos(target.clone()), hand);
        Ok(())
    }

    /// Lets the config hold again. Whether something else held before.
    pub(crate) fn clear_chaos(&self, target: &ChaosTarget, hand: &Hand) -> Result<bool, ChaosRefused> {
        let mut hands = self.lock();
        let before = self.switched(target);
        let ended = self.data_plane.clear_chaos(target)?;
        if ended {
            self.timeline.note(Kind::Chaos, format!("{target}: {AS_CONFIGURED}, {}", hand.signed()));
            audit_chaos(target, &before, AS_CONFIGURED, "", hand);
            hands.remove(&Switch::Chaos(target.clone()));
        }
        Ok(ended)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Switch, Hand>> {
        self.hands.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What holds for a target, in words.
    fn switched(&self, target: &ChaosTarget) -> String {
        let all = self.data_plane.chaos();
        let found = all.iter().find(|switched| switched.target == *target);
        found.map_or_else(|| AS_CONFIGURED.to_owned(), |switched| in_words(switched.chaos.as_ref()))
    }

    fn note_breaker(
        &self,
        before: &BreakerStatus,
        after: &BreakerStatus,
        forced: Option<(Forced, Duration)>,
        hand: &Hand,
    ) {
        let lasts = forced.map(|(_, lasts)| span::text(lasts)).unwrap_or_default();
        let to = state(after);
        let done = forced.map_or_else(|| "automatic again".to_owned(), |_| format!("{to} for {lasts}"));
        self.timeline.note(Kind::Breaker, format!("{}: {done}, {}", after.upstream, hand.signed()));
        tracing::info!(
            target: "audit",
            upstream = %after.upstream,
            action = if forced.is_some() { "force" } else { "release" },
            from = state(before),
            to,
            lasts,
            by = hand.by,
            why = hand.why,
            "breaker changed"
        );
    }
}

impl Hand {
    /// `by ada: looks broken`.
    pub(crate) fn signed(&self) -> String {
        let Self { by, why } = self;
        if why.is_empty() { format!("by {by}") } else { format!("by {by}: {why}") }
    }
}

const AS_CONFIGURED: &str = "as in the config";

fn with_hand(breaker: BreakerStatus, hands: &HashMap<Switch, Hand>) -> (BreakerStatus, Option<Hand>) {
    let hand = breaker.forced.and_then(|_| hands.get(&Switch::Breaker(breaker.upstream.clone())).cloned());
    (breaker, hand)
}

/// A state as the audit log says it.
fn state(breaker: &BreakerStatus) -> String {
    match breaker.forced {
        Some((to, _)) => format!("forced {}", to.as_str()),
        None => breaker.state.to_owned(),
    }
}

fn audit_chaos(target: &ChaosTarget, from: &str, to: &str, lasts: &str, hand: &Hand) {
    let action = if lasts.is_empty() { "clear" } else { "set" };
    tracing::info!(
        target: "audit",
        chaos_target = %target,
        action,
        from,
        to,
        lasts,
        by = hand.by,
        why = hand.why,
        "chaos changed"
    );
}
