//! What the API says, as JSON. Only these types are serialised; the edge converts by hand.
mod breaker;
mod cache;
mod chaos;
mod flag;
mod history;
mod node;
mod rollout;
mod shadow;
mod status;
mod time;
mod timeline;
mod unit;
mod upstream;

pub(crate) use self::{
    breaker::BreakerView,
    cache::{CacheView, EntryView, PurgedView, WarmView},
    chaos::{ChaosView, ClearedView, FaultsView, SwitchedView, in_words, parts},
    flag::{EvaluationView, FlagHistoryView, FlagView},
    history::HistoryView,
    node::NodesView,
    rollout::{RolloutHistoryView, RolloutView, WorseView},
    shadow::ShadowView,
    status::{ConfigView, HealthView, PlaceView, ReadyView, StatusView},
    time::rfc3339,
    timeline::TimelineView,
    unit::UnitView,
    upstream::UpstreamView,
};
