//! What the API says, as JSON. Only these types are serialised; the edge converts by hand.
mod history;
mod shadow;
mod status;
mod time;
mod unit;
mod upstream;

pub(crate) use self::{
    history::HistoryView,
    shadow::ShadowView,
    status::{ConfigView, HealthView, PlaceView, ReadyView, StatusView},
    time::rfc3339,
    unit::UnitView,
    upstream::UpstreamView,
};
