//! What a part of a config is checked against besides itself.

use std::{path::Path, time::Duration};

use super::{cache::Caching, names::Names};
use crate::{
    plan::{Environment, UpstreamId},
    source::Spanned,
};

/// What holds for the whole file.
#[derive(Clone, Copy)]
pub(super) struct Ground<'a> {
    /// Where relative paths start.
    pub(super) base: &'a Path,
    /// What the gateway is for, if that could be read.
    pub(super) environment: Option<Environment>,
    /// Whether answers are kept.
    pub(super) caching: Caching,
}

/// The file and its upstreams.
#[derive(Clone, Copy)]
pub(super) struct World<'a> {
    /// What holds for the whole file.
    pub(super) ground: Ground<'a>,
    /// `None` when that section could not be read at all.
    pub(super) upstreams: Option<&'a Known>,
}

/// What routes have to know about upstreams, which goes for those too that have faults elsewhere.
pub(super) struct Known {
    /// What they are called.
    pub(super) names: Names,
    /// Their time limits, by [`UpstreamId`]; `None` where one of them could not be read.
    pub(super) limits: Vec<Option<TimeLimits>>,
    /// Which of them are isolated, by [`UpstreamId`]; `None` where that could not be read.
    pub(super) isolated: Vec<Option<bool>>,
}

/// Time limits of an upstream. What was not written stands at its name.
pub(super) struct TimeLimits {
    /// Limit of an attempt.
    pub(super) timeout: Spanned<Duration>,
    /// Limit of a call.
    pub(super) deadline: Spanned<Duration>,
}

impl<'a> World<'a> {
    /// Whether an upstream is isolated, if that could be read.
    pub(super) fn is_isolated(self, UpstreamId(index): UpstreamId) -> Option<bool> {
        self.upstreams?.isolated.get(index).copied().flatten()
    }

    /// The time limits of these upstreams, as far as they are known.
    pub(super) fn limits(self, upstreams: &'a [UpstreamId]) -> impl Iterator<Item = &'a TimeLimits> {
        let known = self.upstreams.map_or(&[][..], |known| known.limits.as_slice());
        upstreams.iter().filter_map(move |UpstreamId(index)| known.get(*index)?.as_ref())
    }
}
