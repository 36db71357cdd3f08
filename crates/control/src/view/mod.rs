//! What the API says, as JSON. Only these types are serialised; the edge converts by hand.
mod breaker;
mod chaos;
mod history;
mod shadow;
mod status;
mod time;
mod timeline;
mod unit;
mod upstream;

pub(crate) use self::{
    breaker::BreakerView,
    chaos::{ChaosView, ClearedView, FaultsView, SwitchedView, in_words, parts},
    history::HistoryView,
    shadow::ShadowView,
    status::{ConfigView, HealthView, PlaceView, ReadyView, StatusView},
    time::rfc3339,
    timeline::TimelineView,
    unit::UnitView,
    upstream::UpstreamView,
};
